'use strict';
/* azure-iot-device behind an edge hub (EDGE_GATEWAY): modules of its device, devices behind it. Routes are set before:
 * what has the property dest=cloud goes up, dest=sink to the input in1 of the module "sink". EDGE_CONTROL is a port that
 * acts on the place: POST /restart, /kill (and start again), /cut, /back. */
const assert = require('assert');
const fs = require('fs');
const http = require('http');
const { execFileSync } = require('child_process');
const { Client: ServiceClient } = require('azure-iothub');
const { Client, Message, X509AuthenticationProvider } = require('azure-iot-device');
const { Message: ServiceMessage } = require('azure-iot-common');
const {
  hub, gateway, service, ca, registry, transports, isAmqp, fresh, newDevice, newModule, sinkModule, connect, next, until, refused,
} = require('./place');

const body = (result) => result.responseBody;
const soon = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function ask(method, url) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, timeout: 80000 }, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('end', () => (answer.statusCode === 200
        ? resolve(Buffer.concat(pieces).toString()) : reject(new Error(`${url}: ${answer.statusCode} ${Buffer.concat(pieces)}`))));
    });
    request.on('error', reject);
    request.end();
  });
}

const control = (what) => ask('POST', `http://127.0.0.1:${process.env.EDGE_CONTROL}/${what}`);

/* What has come to the cloud with this mark, in the order of each sender. */
async function arrived(mark) {
  const found = [];
  for (let partition = 0, partitions = 1; partition < partitions; partition++) {
    for (let from = 0, more = true; more;) {
      const page = JSON.parse(await ask('GET', `http://${process.env.EDGE_ADMIN}/emulator/events?partition=${partition}&from=${from}`));
      partitions = page.partitions;
      more = page.events.length > 0;
      from = page.next;
      found.push(...page.events.filter((event) => event.properties.mark === mark));
    }
  }
  return found.map((event) => ({ ...event, body: Buffer.from(event.body, 'base64').toString() }));
}

/* Until so many different ones are there: after a restart or an outage some come twice. */
const arrives = (mark, count = 1, ms = 30000) => until(async () => {
  const found = await arrived(mark);
  return new Set(found.map((event) => event.body)).size >= count && found;
}, `${count} messages of ${mark} at the cloud`, ms);

function message(text, mark, dest) {
  const made = new Message(text);
  made.properties.add('mark', mark);
  made.properties.add('dest', dest);
  return made;
}

async function serviceClient(undo) {
  const client = ServiceClient.fromConnectionString(service);
  undo(() => client.close());
  await client.open();
  return client;
}

const update = (part, patch) => new Promise((resolve, reject) => {
  part.update(patch, (error) => (error ? reject(error) : resolve()));
});

/* The twin as the service sees it. */
const twinOf = async (who) => body(await (who.moduleId
  ? registry.getModuleTwin(who.deviceId, who.moduleId) : registry.getTwin(who.deviceId)));

const desire = (who, desired) => (who.moduleId
  ? registry.updateModuleTwin(who.deviceId, who.moduleId, { properties: { desired } }, '*')
  : registry.updateTwin(who.deviceId, { properties: { desired } }, '*'));

const invoke = (cloud, who, call) => (who.moduleId
  ? cloud.invokeDeviceMethod(who.deviceId, who.moduleId, call) : cloud.invokeDeviceMethod(who.deviceId, call));

const CALL = { methodName: 'double-it', payload: { n: 21 }, responseTimeoutInSeconds: 10, connectTimeoutInSeconds: 5 };

function doubles(client, who) {
  const answer = (request, response) => response.send(200, { twice: request.payload.n * 2 }, () => {});
  if (who.moduleId) client.onMethod('double-it', answer);
  else client.onDeviceMethod('double-it', answer);
}

/* Until the cloud's call is answered: the subscription is under way when the SDK returns. */
async function answered(cloud, who, ms) {
  let last;
  const result = await until(() => invoke(cloud, who, CALL).then((r) => r.result, (error) => { last = error; }),
    'the method to be answered', ms).catch((error) => { throw new Error(`${error.message}; last ${last}`); });
  assert.deepStrictEqual([result.status, result.payload], [200, { twice: 42 }]);
}

/* A desired patch is seen by the twin; one that comes in between connections is nobody's, and only what has changed
 * comes with the next: so each try is told by its time. */
async function patched(who, seen, n, ms = 30000) {
  const began = Date.now();
  let sent = 0;
  await until(async () => {
    if (Date.now() - sent > 2000) {
      sent = Date.now();
      await desire(who, { n, at: sent });
    }
    return seen.at >= began;
  }, `desired patch ${n}`, ms);
}

function watch(twin) {
  const seen = { at: 0 };
  twin.on('properties.desired', (patch) => { seen.at = Math.max(seen.at, patch.at || 0); });
  return seen;
}

async function twins(who, transport, undo) {
  await desire(who, { rate: 1 });
  const client = await connect(who, transport, undo);
  const twin = await client.getTwin();
  assert.strictEqual(twin.properties.desired.rate, 1);
  const seen = watch(twin);
  await patched(who, seen, 5);
  await update(twin.properties.reported, { fw: '1.0', gone: 1, deep: { a: 1 } });
  await update(twin.properties.reported, { gone: null, deep: { b: [1, 2] } });
  const reported = await until(async () => {
    const now = (await twinOf(who)).properties.reported;
    return now.fw === '1.0' && now.deep && now.deep.b && now;
  }, 'what was reported', 30000);
  assert.deepStrictEqual(reported.deep, { a: 1, b: [1, 2] });
  assert.ok(!('gone' in reported));
  await client.close(); /* or the two would take over from each other for ever */
  const again = await (await connect(who, transport, undo)).getTwin();
  assert.strictEqual(again.properties.reported.fw, '1.0');
  assert.strictEqual(again.properties.desired.n, 5);
}

async function renews(who, transport, undo) {
  const client = await connect(who, transport, undo, {
    tokenRenewal: { tokenValidTimeInSeconds: 12, tokenRenewalMarginInSeconds: 8 },
  });
  const seen = watch(await client.getTwin());
  const mark = fresh('mark');
  const began = Date.now();
  let n = 0;
  while (Date.now() - began < 16000) { /* longer than a token lives */
    n++;
    await patched(who, seen, n);
    await client.sendEvent(message(`${n}`, mark, 'cloud'));
    await soon(500);
  }
  assert.strictEqual(new Set((await arrives(mark, n)).map((event) => event.body)).size, n);
}

/* One step that the place goes through; everything works again afterwards, without a word of the program. */
async function survives(who, transport, undo, step) {
  const cloud = await serviceClient(undo);
  const client = await connect(who, transport, undo);
  const seen = watch(await client.getTwin());
  const mark = fresh('mark');
  doubles(client, who);
  await answered(cloud, who, 30000);
  await patched(who, seen, 1);
  await client.sendEvent(message('before', mark, 'cloud'));
  await step();
  await client.sendEvent(message('after', mark, 'cloud'));
  await patched(who, seen, 2, 60000);
  await answered(cloud, who, 60000);
  assert.strictEqual((await client.getTwin()).properties.desired.n, 2);
  const bodies = (await arrives(mark, 2)).map((event) => event.body);
  assert.deepStrictEqual(bodies.filter((text, i) => bodies.indexOf(text) === i), ['before', 'after']);
}

function selfSigned(undo, cn) {
  const folder = fs.mkdtempSync('x509-');
  undo(() => fs.rmSync(folder, { recursive: true }));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${cn}`, '-keyout', `${folder}/key`, '-out', `${folder}/cert`], { stdio: 'ignore' });
  const print = execFileSync('openssl', ['x509', '-in', `${folder}/cert`, '-noout', '-fingerprint', '-sha256'], { encoding: 'utf8' });
  return {
    cert: fs.readFileSync(`${folder}/cert`, 'utf8'),
    key: fs.readFileSync(`${folder}/key`, 'utf8'),
    thumbprint: print.split('=')[1].replace(/[:\s]/g, ''),
  };
}

async function openBy(deviceId, pair, transport, undo) {
  const provider = new X509AuthenticationProvider({ host: hub, gatewayHostName: gateway, deviceId, x509: pair });
  const client = Client.fromAuthenticationProvider(provider, transports[transport]());
  await client.setOptions({ ca, cert: pair.cert, key: pair.key });
  undo(() => client.close());
  await client.open();
  return client;
}

/* The hub does not let it in: told by MQTT at once, by AMQP at the first link. */
async function shut(deviceId, pair, transport, undo) {
  const enter = async () => (await openBy(deviceId, pair, transport, undo)).sendEvent(new Message('x'));
  assert.strictEqual((await refused(enter())).name, 'UnauthorizedError');
}

module.exports = {
  async an_output_arrives_with_its_properties_and_its_sender(transport, undo) {
    const module = await newModule(undo);
    const client = await connect(module, transport, undo);
    const mark = fresh('mark');
    const sent = message(JSON.stringify({ t: 21.5 }), mark, 'cloud');
    sent.messageId = 'id 1';
    sent.contentType = 'application/json';
    sent.contentEncoding = 'utf-8';
    sent.properties.add('odd', 'ä&=/ %+');
    await client.sendOutputEvent('out1', sent);
    const [event] = await arrives(mark);
    assert.deepStrictEqual([event.device, event.module], [module.deviceId, module.moduleId]);
    assert.deepStrictEqual(JSON.parse(event.body), { t: 21.5 });
    assert.deepStrictEqual(event.properties, { mark, dest: 'cloud', odd: 'ä&=/ %+' });
    assert.strictEqual(event.system['$.mid'], 'id 1');
    assert.strictEqual(event.system['$.ct'], 'application/json');
    assert.strictEqual(event.system['$.ce'], 'utf-8');
    assert.strictEqual(event.system['$.on'], 'out1');
  },

  async telemetry_of_a_leaf_device_arrives_as_its_own(transport, undo) {
    const leaf = await newDevice(undo);
    const client = await connect(leaf, transport, undo);
    const mark = fresh('mark');
    await client.sendEvent(message('x', mark, 'cloud'));
    const [event] = await arrives(mark);
    assert.deepStrictEqual([event.device, event.module], [leaf.deviceId, '']);
  },

  async what_no_route_wants_is_acknowledged_and_goes_nowhere(transport, undo) {
    const client = await connect(await newModule(undo), transport, undo);
    const mark = fresh('mark');
    await client.sendOutputEvent('out1', message('lost', mark, 'nowhere'));
    await client.sendOutputEvent('out1', message('kept', mark, 'cloud'));
    await arrives(mark);
    await soon(500);
    assert.deepStrictEqual((await arrived(mark)).map((event) => event.body), ['kept']);
  },

  async many_messages_arrive_once_and_in_order(transport, undo) {
    const client = await connect(await newModule(undo), transport, undo);
    const mark = fresh('mark');
    const all = Array.from({ length: 500 }, (_, i) => `${i}`);
    await Promise.all(all.map((text) => client.sendOutputEvent('out1', message(text, mark, 'cloud'))));
    assert.deepStrictEqual((await arrives(mark, 500)).map((event) => event.body), all);
  },

  async a_message_reaches_the_input_of_another_module(transport, undo) {
    const sink = sinkModule();
    const got = [];
    const receiver = await connect(sink, transport, undo);
    receiver.on('inputMessage', (input, received) => {
      got.push([input, received]);
      receiver.complete(received, () => {});
    });
    const sender = await connect(await newModule(undo), transport, undo);
    const mark = fresh('mark');
    const all = Array.from({ length: 100 }, (_, i) => `${i}`);
    for (const text of all) {
      const sent = message(text, mark, 'sink');
      sent.messageId = `id ${text}`;
      sent.contentType = 'text/plain';
      sent.properties.add('a b', 'c/d&=ü');
      await sender.sendOutputEvent('out1', sent);
    }
    const mine = () => got.filter(([, received]) => received.properties.getValue('mark') === mark);
    await until(() => mine().length >= 100, 'the inputs');
    assert.deepStrictEqual(mine().map(([, received]) => received.getData().toString()), all);
    const [input, first] = mine()[0];
    assert.strictEqual(input, 'in1');
    assert.strictEqual(first.messageId, 'id 0');
    assert.strictEqual(first.contentType, 'text/plain');
    assert.strictEqual(first.properties.getValue('a b'), 'c/d&=ü');
    assert.deepStrictEqual(await arrived(mark), []);
  },

  async an_input_waits_for_its_module(transport, undo) {
    const sink = sinkModule();
    const sender = await connect(await newModule(undo), transport, undo);
    const mark = fresh('mark');
    const got = [];
    for (let i = 0; i < 20; i++) await sender.sendOutputEvent('out1', message(`${i}`, mark, 'sink'));
    const receiver = await connect(sink, transport, undo);
    receiver.on('inputMessage', (_, received) => {
      if (received.properties.getValue('mark') === mark) got.push(received.getData().toString());
      receiver.complete(received, () => {});
    });
    await until(() => got.length >= 20, 'what had waited');
    assert.deepStrictEqual(got, Array.from({ length: 20 }, (_, i) => `${i}`));
  },

  async a_message_over_256_kib_is_refused_and_the_client_goes_on(transport, undo) {
    const client = await connect(await newModule(undo), transport, undo);
    const mark = fresh('mark');
    const error = await refused(client.sendEvent(new Message(Buffer.alloc(256 * 1024 + 1, 'x'))));
    assert.strictEqual(error.name, 'MessageTooLargeError');
    await client.sendEvent(message('small', mark, 'cloud'));
    await arrives(mark);
  },

  async desired_and_reported_properties_of_a_module_meet(transport, undo) {
    await twins(await newModule(undo), transport, undo);
  },

  async desired_and_reported_properties_of_a_leaf_device_meet(transport, undo) {
    await twins(await newDevice(undo), transport, undo);
  },

  async the_cloud_calls_a_module_and_a_leaf_device(transport, undo) {
    const cloud = await serviceClient(undo);
    for (const who of [await newModule(undo), await newDevice(undo)]) {
      doubles(await connect(who, transport, undo), who);
      await answered(cloud, who, 30000);
    }
  },

  async a_module_calls_a_module_and_a_leaf_device(transport, undo) {
    const caller = await connect(await newModule(undo), transport, undo);
    for (const who of [await newModule(undo), await newDevice(undo)]) {
      doubles(await connect(who, transport, undo), who);
      const result = await until(() => caller.invokeMethod(who.deviceId, who.moduleId || CALL, ...(who.moduleId ? [CALL] : []))
        .catch(() => null), 'the method to be there');
      assert.deepStrictEqual([result.status, result.payload], [200, { twice: 42 }]);
    }
    const error = await refused(caller.invokeMethod(fresh('nobody'), { ...CALL, connectTimeoutInSeconds: 0 }));
    assert.strictEqual(error.response.statusCode, 404);
  },

  async a_message_to_a_leaf_device_is_completed_and_fed_back(transport, undo) {
    const leaf = await newDevice(undo);
    const cloud = await serviceClient(undo);
    const feedback = await new Promise((resolve, reject) => {
      cloud.getFeedbackReceiver((error, receiver) => (error ? reject(error) : resolve(receiver)));
    });
    const id = fresh('c2d');
    const confirmed = next(feedback, 'message', (records) => {
      const list = JSON.parse(records.data.toString());
      return list.some((one) => one.originalMessageId === id && one.statusCode === 'Success');
    }, 40000);
    const client = await connect(leaf, transport, undo);
    client.on('message', () => {}); /* without a listener the SDK ends the link of AMQP, and its locks */
    const got = next(client, 'message', () => true, 30000);
    const sent = new ServiceMessage('hello');
    sent.messageId = id;
    sent.ack = 'full';
    sent.properties.add('a b', 'c/d');
    await cloud.send(leaf.deviceId, sent);
    const received = await got;
    assert.strictEqual(received.getData().toString(), 'hello');
    assert.strictEqual(received.messageId, id);
    assert.strictEqual(received.properties.getValue('a b'), 'c/d');
    await client.complete(received);
    await confirmed;
    await until(async () => body(await registry.get(leaf.deviceId)).cloudToDeviceMessageCount === 0, 'an empty queue');
  },

  /* IoT Hub makes it, from what the hub has settled: `positive` of what was taken, `negative` of what was not, `full` of both. */
  async feedback_is_of_the_kind_that_was_asked_for(transport, undo) {
    const leaf = await newDevice(undo);
    const cloud = await serviceClient(undo);
    const told = {};
    const feedback = await new Promise((resolve, reject) => {
      cloud.getFeedbackReceiver((error, receiver) => (error ? reject(error) : resolve(receiver)));
    });
    feedback.on('message', (records) => {
      for (const one of JSON.parse(records.data.toString())) told[one.originalMessageId] = one.statusCode;
    });
    const send = async (ack, expires) => {
      const sent = new ServiceMessage(ack);
      sent.messageId = fresh(`c2d-${ack}`);
      sent.ack = ack;
      if (expires) sent.expiryTimeUtc = Date.now() + 1500;
      await cloud.send(leaf.deviceId, sent);
      return sent.messageId;
    };
    const late = [await send('negative', true), await send('full', true), await send('positive', true)];
    await until(() => told[late[0]] && told[late[1]], 'feedback of what expired', 40000);
    const client = await connect(leaf, transport, undo);
    let got = 0;
    client.on('message', (received) => {
      got += 1;
      client.complete(received, () => {});
    });
    const taken = [await send('negative'), await send('none'), await send('positive'), await send('full')];
    await until(() => told[taken[2]] && told[taken[3]], 'feedback of what was taken', 40000);
    await soon(500);
    assert.strictEqual(got, 4);
    assert.deepStrictEqual([...late, ...taken].map((id) => told[id]), ['Expired', 'Expired', undefined, undefined, undefined, 'Success', 'Success']);
  },

  /* By AMQP abandoned comes again and rejected is dead-lettered, which its sender is told; MQTT knows neither. */
  async a_message_to_a_leaf_device_is_abandoned_and_rejected(transport, undo) {
    const leaf = await newDevice(undo);
    const cloud = await serviceClient(undo);
    const feedback = await new Promise((resolve, reject) => {
      cloud.getFeedbackReceiver((error, receiver) => (error ? reject(error) : resolve(receiver)));
    });
    const id = fresh('c2d');
    const client = await connect(leaf, transport, undo);
    client.on('message', () => {});
    const sent = new ServiceMessage('again');
    sent.messageId = id;
    sent.ack = 'full';
    const first = next(client, 'message', () => true, 30000);
    await cloud.send(leaf.deviceId, sent);
    const got = await first;
    if (!isAmqp(transport)) {
      assert.strictEqual((await refused(client.abandon(got))).name, 'NotImplementedError');
      assert.strictEqual((await refused(client.reject(got))).name, 'NotImplementedError');
      await client.complete(got);
      return;
    }
    const told = next(feedback, 'message', (records) => JSON.parse(records.data.toString())
      .some((one) => one.originalMessageId === id && one.statusCode === 'Rejected'), 40000);
    const second = next(client, 'message', () => true, 30000);
    await client.abandon(got);
    const again = await second;
    assert.strictEqual(again.messageId, id);
    assert.ok(again.transportObj.message_annotations['iothub-deliverycount'] > 0);
    await client.reject(again);
    await told;
    await until(async () => body(await registry.get(leaf.deviceId)).cloudToDeviceMessageCount === 0, 'an empty queue');
  },

  /* The same between modules. One after the other: the SDK settles two at a time with the outcome of the first. */
  async an_input_is_abandoned_and_rejected(transport, undo) {
    const receiver = await connect(sinkModule(), transport, undo);
    const mark = fresh('mark');
    const got = [];
    receiver.on('inputMessage', (_, received) => {
      const text = received.getData().toString();
      if (received.properties.getValue('mark') === mark) got.push(text);
      if (text === 'never' && isAmqp(transport)) receiver.reject(received, () => {});
      else if (text === 'again' && isAmqp(transport) && got.length === 2) receiver.abandon(received, () => {});
      else receiver.complete(received, () => {});
    });
    const sender = await connect(await newModule(undo), transport, undo);
    const wanted = [];
    for (const text of ['never', 'again', 'last']) {
      await sender.sendOutputEvent('out1', message(text, mark, 'sink'));
      wanted.push(...(text === 'again' && isAmqp(transport) ? [text, text] : [text]));
      await until(() => got.length >= wanted.length, `the input ${text}`);
    }
    await soon(500);
    assert.deepStrictEqual(got, wanted);
  },

  async messages_wait_at_the_cloud_for_a_leaf_device(transport, undo) {
    const leaf = await newDevice(undo);
    const cloud = await serviceClient(undo);
    const got = [];
    for (let i = 0; i < 5; i++) await cloud.send(leaf.deviceId, new ServiceMessage(`${i}`));
    const client = await connect(leaf, transport, undo);
    client.on('message', (received) => {
      got.push(received.getData().toString());
      client.complete(received, () => {});
    });
    await until(() => got.length >= 5, 'what had waited', 30000);
    await soon(500);
    assert.deepStrictEqual(got, ['0', '1', '2', '3', '4']);
  },

  async a_modules_token_is_renewed_and_all_goes_on(transport, undo) {
    await renews(await newModule(undo), transport, undo);
  },

  async a_leaf_devices_token_is_renewed_and_all_goes_on(transport, undo) {
    await renews(await newDevice(undo), transport, undo);
  },

  async a_client_survives_a_restart_of_the_hub(transport, undo) {
    await survives(await newModule(undo), transport, undo, () => control('restart'));
  },

  async a_client_survives_the_death_of_the_hub(transport, undo) {
    await survives(await newDevice(undo), transport, undo, () => control('kill'));
  },

  async a_client_does_not_notice_that_the_cloud_is_away(transport, undo) {
    const module = await newModule(undo);
    const client = await connect(module, transport, undo);
    const twin = await client.getTwin();
    const seen = watch(twin);
    const mark = fresh('mark');
    await patched(module, seen, 1);
    undo(() => control('back'));
    await control('cut');
    const all = Array.from({ length: 50 }, (_, i) => `${i}`);
    for (const text of all) await client.sendOutputEvent('out1', message(text, mark, 'cloud'));
    await update((await client.getTwin()).properties.reported, { while: 'away' });
    await client.close();
    const again = await (await connect(module, transport, undo)).getTwin();
    assert.deepStrictEqual([again.properties.desired.n, again.properties.reported.while], [1, 'away']);
    assert.deepStrictEqual(await arrived(mark), []);
    await control('back');
    const bodies = (await arrives(mark, 50, 80000)).map((event) => event.body);
    assert.deepStrictEqual(bodies.filter((text, i) => bodies.indexOf(text) === i), all);
    await until(async () => (await twinOf(module)).properties.reported.while === 'away', 'what was reported', 30000);
  },

  async a_second_connection_takes_over(transport, undo) {
    const module = await newModule(undo);
    const first = await connect(module, transport, undo);
    await first.setRetryPolicy(new (require('azure-iot-common').NoRetry)());
    await first.getTwin();
    const lost = next(first, 'disconnect', () => true, 30000);
    const second = await connect(module, transport, undo);
    await second.sendEvent(new Message('me'));
    await lost;
    await second.sendEvent(new Message('still me'));
  },

  async a_wrong_key_and_a_stranger_are_refused(transport, undo) {
    const module = await newModule(undo);
    module.text = module.text.replace(/SharedAccessKey=[^;]*/, `SharedAccessKey=${Buffer.alloc(32).toString('base64')}`);
    assert.strictEqual((await refused(connect(module, transport, undo))).name, 'UnauthorizedError');
    const beside = await newDevice(undo, { deviceScope: undefined });
    assert.strictEqual((await refused(connect(beside, transport, undo))).name, 'UnauthorizedError');
    const disabled = await newDevice(undo, { status: 'disabled' });
    assert.strictEqual((await refused(connect(disabled, transport, undo))).name, 'UnauthorizedError');
  },

  async a_leaf_device_shows_a_certificate(transport, undo) {
    const deviceId = fresh('x509');
    const pair = selfSigned(undo, deviceId);
    await registry.create({
      deviceId,
      deviceScope: process.env.EDGE_SCOPE,
      authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: pair.thumbprint, secondaryThumbprint: pair.thumbprint } },
    });
    undo(() => registry.delete(deviceId));
    await registry.updateTwin(deviceId, { properties: { desired: { a: 1 } } }, '*');
    const client = await openBy(deviceId, pair, transport, undo);
    const mark = fresh('mark');
    assert.strictEqual((await client.getTwin()).properties.desired.a, 1);
    await client.sendEvent(message('x', mark, 'cloud'));
    assert.strictEqual((await arrives(mark))[0].device, deviceId);
    await shut(deviceId, selfSigned(undo, deviceId), transport, undo);
  },

  async a_leaf_device_with_a_certificate_has_all_that_others_have(transport, undo) {
    const deviceId = fresh('x509');
    const pair = selfSigned(undo, deviceId);
    const x509Thumbprint = { primaryThumbprint: pair.thumbprint, secondaryThumbprint: pair.thumbprint };
    await registry.create({ deviceId, deviceScope: process.env.EDGE_SCOPE, authentication: { type: 'selfSigned', x509Thumbprint } });
    undo(() => registry.delete(deviceId));
    const cloud = await serviceClient(undo);
    const client = await openBy(deviceId, pair, transport, undo);
    const twin = await client.getTwin();
    const seen = watch(twin);
    await patched({ deviceId }, seen, 1);
    await update(twin.properties.reported, { fw: '1.0' });
    await until(async () => (await twinOf({ deviceId })).properties.reported.fw === '1.0', 'what was reported', 30000);
    doubles(client, { deviceId });
    await answered(cloud, { deviceId }, 30000);
    client.on('message', () => {});
    const got = next(client, 'message', () => true, 30000);
    await cloud.send(deviceId, new ServiceMessage('hello'));
    await client.complete(await got);
    await until(async () => body(await registry.get(deviceId)).cloudToDeviceMessageCount === 0, 'an empty queue');
  },

  async a_leaf_device_shows_a_certificate_of_an_authority(transport, undo) {
    const deviceId = process.env.EDGE_CA_DEVICE; /* the test has made both */
    const pair = { cert: fs.readFileSync(process.env.EDGE_CA_CERT, 'utf8'), key: fs.readFileSync(process.env.EDGE_CA_KEY, 'utf8') };
    const client = await openBy(deviceId, pair, transport, undo);
    const mark = fresh('mark');
    await client.sendEvent(message('x', mark, 'cloud'));
    assert.strictEqual((await arrives(mark))[0].device, deviceId);
    const other = await newDevice(undo, { authentication: { type: 'certificateAuthority' } });
    await shut(other.deviceId, pair, transport, undo);
  },
};
