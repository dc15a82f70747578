'use strict';
/* rhea, which knows nothing of IoT Hub, behind an edge hub (EDGE_GATEWAY): what a client of AMQP of any make sees. Routes are
 * set before: what has the property dest=cloud goes up, dest=sink to the input in1 of the module "sink". */
const assert = require('assert');
const http = require('http');
const rhea = require('rhea');
const WebSocket = require('ws');
const { Client: ServiceClient } = require('azure-iothub');
const { Message: ServiceMessage, SharedAccessSignature } = require('azure-iot-common');
const { hub, gateway, service, ca, registry, fresh, newDevice, newModule, sinkModule, next, until } = require('./place');

const LARGEST = 256 * 1024; /* of a message with its properties */
const BATCH = 0x80013700;
const soon = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const pathOf = (who) => `/devices/${who.deviceId}${who.moduleId ? `/modules/${who.moduleId}` : ''}`;
const eventsOf = (who) => `${pathOf(who)}/messages/events`;
const data = (text) => rhea.message.data_section(Buffer.from(text));
const text = (message) => message.body.content.toString();

function tokenOf(who, seconds = 3600) {
  return SharedAccessSignature.create(`${hub}${pathOf(who)}`, null, who.key, Math.floor(Date.now() / 1000) + seconds).toString();
}

/* @return an open connection; its OPEN of the hub is in `opened` */
async function open(transport, undo, options = {}) {
  const container = rhea.create_container();
  const address = transport === 'amqp' ? { host: gateway, port: 5671, transport: 'tls', ca: [ca], servername: gateway } : {
    connection_details: container.websocket_connect(WebSocket)(`wss://${gateway}:443/$iothub/websocket`, ['AMQPWSB10'], { ca }),
  };
  const connection = container.connect({ ...address, hostname: gateway, reconnect: false, ...options });
  connection.gone = false;
  connection.on('disconnected', () => { connection.gone = true; });
  for (const name of ['error', 'connection_error', 'sender_error', 'receiver_error', 'session_error']) connection.on(name, () => {});
  undo(() => connection.close());
  await next(connection, 'connection_open');
  return connection;
}

/* Attached with credit, or the error of its detach. */
async function attach(connection, kind, options) {
  const link = connection[kind](typeof options === 'string' ? { target: options } : options);
  const refused = next(link, kind === 'open_sender' ? 'sender_error' : 'receiver_error').then((context) => {
    const { error } = kind === 'open_sender' ? context.sender : context.receiver;
    throw Object.assign(new Error(error.description), { condition: error.condition });
  });
  refused.catch(() => {});
  await Promise.race([next(link, kind === 'open_sender' ? 'sendable' : 'receiver_open'), refused]);
  if (kind === 'open_receiver' && !link.source.address) await refused; /* refused: attached to nothing, then detached */
  return link;
}

const sender = (connection, address) => attach(connection, 'open_sender', { target: address });
const receiver = (connection, address, options = {}) => attach(connection, 'open_receiver', {
  source: address, credit_window: 0, autoaccept: false, ...options,
});

async function cbs(connection) {
  const link = await sender(connection, '$cbs');
  const answers = await receiver(connection, '$cbs', { credit_window: 50, autoaccept: true });
  return { link, answers, asked: 0 };
}

/* @return the status of the answer */
async function putToken(connection, who, token = tokenOf(who), name = `${hub}${pathOf(who)}`) {
  connection.cbs = connection.cbs || cbs(connection);
  const pair = await connection.cbs;
  const id = `${++pair.asked}`;
  const answer = next(pair.answers, 'message', (context) => context.message.correlation_id === id);
  pair.link.send({
    message_id: id, to: '$cbs', reply_to: 'cbs', body: token,
    application_properties: { operation: 'put-token', type: 'servicebus.windows.net:sastoken', name },
  });
  return (await answer).message.application_properties['status-code'];
}

async function enter(who, transport, undo, options) {
  const connection = await open(transport, undo, options);
  assert.strictEqual(await putToken(connection, who), 200);
  return connection;
}

/* @return "accepted", "released" …, or the condition of a rejection */
function send(link, message, format) {
  const delivery = link.send(message, undefined, format);
  const outcomes = ['accepted', 'released', 'modified', 'rejected'].map((name) => next(link, name, (context) => context.delivery === delivery)
    .then((context) => (name === 'rejected' ? context.delivery.remote_state.error.condition : name)));
  outcomes.forEach((outcome) => outcome.catch(() => {}));
  return Promise.race(outcomes);
}

const marked = (mark, dest, content) => ({ application_properties: { mark, dest }, body: data(content) });

function ask(connection, link, answers, request) {
  const id = fresh('r');
  const answer = next(answers, 'message', (context) => context.message.correlation_id === id);
  link.send({ correlation_id: id, ...request });
  return answer.then((context) => context.message);
}

function events(partition, from) {
  return new Promise((resolve, reject) => {
    http.get(`http://${process.env.EDGE_ADMIN}/emulator/events?partition=${partition}&from=${from}`, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('end', () => resolve(JSON.parse(Buffer.concat(pieces).toString())));
    }).on('error', reject);
  });
}

async function arrived(mark) {
  const found = [];
  for (let partition = 0, partitions = 1; partition < partitions; partition++) {
    for (let from = 0, more = true; more;) {
      const page = await events(partition, from);
      ({ partitions, next: from } = page);
      more = page.events.length > 0;
      found.push(...page.events.filter((event) => event.properties.mark === mark));
    }
  }
  return found.map((event) => ({ ...event, body: Buffer.from(event.body, 'base64').toString() }));
}

const arrives = (mark, count) => until(async () => {
  const found = await arrived(mark);
  return found.length >= count && found;
}, `${count} messages at the cloud`, 30000);

async function serviceClient(undo) {
  const client = ServiceClient.fromConnectionString(service);
  undo(() => client.close());
  await client.open();
  return client;
}

/* Messages of one receiver, kept with their deliveries. */
function collect(link, accept = () => true) {
  const got = [];
  link.on('message', (context) => {
    if (accept(context.message)) got.push(context);
    else context.delivery.accept();
  });
  return got;
}

module.exports = {
  async telemetry_arrives_with_its_properties(transport, undo) {
    const who = await newModule(undo);
    const link = await sender(await enter(who, transport, undo), eventsOf(who));
    const mark = fresh('mark');
    assert.strictEqual(await send(link, {
      message_id: 'm 1', correlation_id: 'c', content_type: 'application/json', content_encoding: 'utf-8',
      application_properties: { mark, dest: 'cloud', 'iothub-outputname': 'out', 'a b': 'ä/&=' }, body: data('{"t":1}'),
    }), 'accepted');
    const [event] = await arrives(mark, 1);
    assert.deepStrictEqual([event.device, event.module, event.body], [who.deviceId, who.moduleId, '{"t":1}']);
    assert.deepStrictEqual(event.properties, { mark, dest: 'cloud', 'a b': 'ä/&=' });
    assert.deepStrictEqual([event.system['$.mid'], event.system['$.cid'], event.system['$.ct'], event.system['$.ce'], event.system['$.on']],
      ['m 1', 'c', 'application/json', 'utf-8', 'out']);
  },

  async sections_are_joined_and_text_is_taken(transport, undo) {
    const who = await newDevice(undo);
    const link = await sender(await enter(who, transport, undo), eventsOf(who));
    const mark = fresh('mark');
    const properties = { mark, dest: 'cloud' };
    assert.strictEqual(await send(link, {
      application_properties: properties, body: rhea.message.data_sections([Buffer.from('one '), Buffer.from('two')]),
    }), 'accepted');
    assert.strictEqual(await send(link, { application_properties: properties, body: 'text' }), 'accepted');
    assert.deepStrictEqual((await arrives(mark, 2)).map((event) => event.body), ['one two', 'text']);
  },

  async a_body_that_is_a_value_becomes_json_or_is_rejected(transport, undo) {
    const who = await newDevice(undo);
    const link = await sender(await enter(who, transport, undo), eventsOf(who));
    const mark = fresh('mark');
    const properties = { mark, dest: 'cloud' };
    for (const body of [{ sequence: 1 }, 7, true, [1, 'two']]) {
      assert.strictEqual(await send(link, { application_properties: properties, body }), 'accepted');
    }
    assert.strictEqual(await send(link, { application_properties: properties, body: Infinity }), 'com.microsoft:argument-error');
    const events = await arrives(mark, 4);
    assert.deepStrictEqual(events.map((event) => event.body), ['{"sequence":1}', '7', 'true', '[1,"two"]']);
  },

  async many_in_a_row_get_their_credit_and_come_in_order(transport, undo) {
    const who = await newDevice(undo);
    const link = await sender(await enter(who, transport, undo), eventsOf(who));
    const mark = fresh('mark');
    const all = Array.from({ length: 1000 }, (_, i) => `${i}`);
    let accepted = 0;
    let most = 0;
    link.on('accepted', () => { accepted++; });
    for (const content of all) {
      most = Math.max(most, link.credit);
      if (!link.sendable()) await next(link, 'sendable');
      link.send(marked(mark, 'cloud', content));
    }
    await until(() => accepted === all.length, 'all to be accepted', 30000);
    assert.ok(most > 0 && most <= 1000, `credit of ${most}`);
    assert.deepStrictEqual((await arrives(mark, all.length)).map((event) => event.body), all);
  },

  async what_is_sent_settled_arrives(transport, undo) {
    const who = await newDevice(undo);
    const connection = await enter(who, transport, undo);
    const link = await attach(connection, 'open_sender', { target: eventsOf(who), snd_settle_mode: 1 });
    const mark = fresh('mark');
    link.send(marked(mark, 'cloud', 'gone'));
    assert.deepStrictEqual((await arrives(mark, 1)).map((event) => event.body), ['gone']);
  },

  async a_batch_is_many_messages_in_order(transport, undo) {
    const who = await newModule(undo);
    const link = await sender(await enter(who, transport, undo), eventsOf(who));
    const mark = fresh('mark');
    const pack = (messages) => rhea.message.encode({ body: rhea.message.data_sections(messages.map((one) => rhea.message.encode(one))) });
    const batch = ['a', 'b', 'c'].map((content) => marked(mark, 'cloud', content));
    batch[1].application_properties['iothub-outputname'] = 'second';
    assert.strictEqual(await send(link, pack(batch), BATCH), 'accepted');
    const found = await arrives(mark, 3);
    assert.deepStrictEqual(found.map((event) => event.body), ['a', 'b', 'c']);
    assert.deepStrictEqual(found.map((event) => event.system['$.on']), [undefined, 'second', undefined]);
    assert.strictEqual(await send(link, pack([marked(mark, 'cloud', 'x'.repeat(LARGEST))]), BATCH), 'amqp:link:message-size-exceeded');
    assert.strictEqual(await send(link, rhea.message.encode({ body: rhea.message.data_sections([Buffer.from([1, 2, 3])]) }), BATCH),
      'com.microsoft:argument-error');
    assert.strictEqual(await send(link, pack([marked(mark, 'cloud', 'last')]), BATCH), 'accepted');
    assert.deepStrictEqual((await arrives(mark, 4)).map((event) => event.body), ['a', 'b', 'c', 'last']);
  },

  async the_largest_message_is_of_256_kib(transport, undo) {
    const who = await newDevice(undo);
    const link = await sender(await enter(who, transport, undo), eventsOf(who));
    const mark = fresh('mark');
    const properties = 'mark'.length + mark.length + 'dest'.length + 'cloud'.length;
    const largest = 'x'.repeat(LARGEST - properties);
    assert.strictEqual(await send(link, marked(mark, 'cloud', `${largest}y`)), 'amqp:link:message-size-exceeded');
    assert.strictEqual(await send(link, marked(mark, 'cloud', 'x'.repeat(900 * 1024))), 'amqp:link:message-size-exceeded');
    assert.strictEqual(await send(link, marked(mark, 'cloud', largest)), 'accepted');
    assert.deepStrictEqual((await arrives(mark, 1)).map((event) => event.body.length), [largest.length]);
    assert.ok(link.is_open());
  },

  async many_identities_share_a_connection_each_by_its_own_token(transport, undo) {
    const all = [];
    for (let i = 0; i < 12; i++) all.push(await (i % 3 ? newDevice(undo) : newModule(undo)));
    const connection = await open(transport, undo);
    const mark = fresh('mark');
    const stranger = await newDevice(undo);
    assert.deepStrictEqual(await Promise.all(all.map((who) => putToken(connection, who))), all.map(() => 200));
    const links = await Promise.all(all.map((who) => sender(connection, eventsOf(who))));
    await assert.rejects(sender(connection, eventsOf(stranger)), { condition: 'amqp:unauthorized-access' });
    assert.strictEqual(await putToken(connection, stranger, tokenOf(all[1]), `${hub}${pathOf(stranger)}`), 401);
    await assert.rejects(sender(connection, eventsOf(stranger)), { condition: 'amqp:unauthorized-access' });
    const outcomes = await Promise.all(links.map((link, i) => send(link, marked(mark, 'cloud', `${i}`))));
    assert.deepStrictEqual(outcomes, all.map(() => 'accepted'));
    const found = await arrives(mark, all.length);
    assert.deepStrictEqual(found.map((event) => [event.device, event.module]).sort(),
      all.map((who) => [who.deviceId, who.moduleId || '']).sort());

    links[3].close(); /* who goes does not take the others along */
    const second = await enter(all[4], transport, undo); /* nor who comes elsewhere */
    const lost = next(links[4], 'sender_error');
    await sender(second, eventsOf(all[4]));
    assert.strictEqual((await lost).sender.error.condition, 'amqp:link:stolen');
    assert.strictEqual(await send(links[5], marked(mark, 'cloud', 'still')), 'accepted');
    assert.strictEqual(connection.gone, false);
  },

  async a_token_ends_and_takes_its_own_links_along(transport, undo) {
    const [short, long] = [await newDevice(undo), await newDevice(undo)];
    const connection = await open(transport, undo);
    assert.strictEqual(await putToken(connection, long), 200);
    assert.strictEqual(await putToken(connection, short, tokenOf(short, 8 - 300)), 200); /* the hub is five minutes patient */
    const [one, other] = [await sender(connection, eventsOf(short)), await sender(connection, eventsOf(long))];
    assert.strictEqual((await next(one, 'sender_error')).sender.error.condition, 'amqp:unauthorized-access');
    assert.strictEqual(await send(other, marked(fresh('mark'), 'cloud', 'x')), 'accepted');
    assert.strictEqual(await putToken(connection, short), 200);
    assert.strictEqual(await send(await sender(connection, eventsOf(short)), marked(fresh('mark'), 'cloud', 'x')), 'accepted');
  },

  async a_link_of_a_kind_there_is_takes_its_place(transport, undo) {
    const who = await newDevice(undo);
    const connection = await enter(who, transport, undo);
    const first = await sender(connection, eventsOf(who));
    const lost = next(first, 'sender_error');
    const second = await sender(connection, eventsOf(who));
    assert.strictEqual((await lost).sender.error.condition, 'amqp:link:stolen');
    assert.strictEqual(await send(second, marked(fresh('mark'), 'cloud', 'x')), 'accepted');
  },

  async another_address_is_not_found(transport, undo) {
    const who = await newModule(undo);
    const connection = await enter(who, transport, undo);
    for (const address of [`${pathOf(who)}/elsewhere`, '/nothing', `${pathOf(who)}/messages/events/more`, 'messages/devicebound']) {
      await assert.rejects(sender(connection, address), { condition: 'amqp:not-found' }, address);
      await assert.rejects(receiver(connection, address), { condition: 'amqp:not-found' }, address);
    }
    assert.strictEqual(connection.gone, false);
  },

  async inputs_come_as_credit_allows_and_go_by_their_outcome(transport, undo) {
    const sink = sinkModule();
    const who = await newModule(undo);
    const out = await sender(await enter(who, transport, undo), eventsOf(who));
    const mark = fresh('mark');
    const link = await receiver(await enter(sink, transport, undo), eventsOf(sink));
    const got = collect(link, (message) => message.application_properties.mark === mark);
    for (const content of ['accept', 'reject', 'release', 'modify']) {
      assert.strictEqual(await send(out, marked(mark, 'sink', content)), 'accepted');
    }
    await soon(500);
    assert.deepStrictEqual(got, []); /* no credit */
    link.add_credit(1);
    await until(() => got.length === 1, 'the first');
    await soon(300);
    assert.strictEqual(got.length, 1);
    link.add_credit(100);
    await until(() => got.length === 4, 'the others');
    assert.deepStrictEqual(got.map(({ message }) => text(message)), ['accept', 'reject', 'release', 'modify']);
    const { message } = got[0];
    assert.strictEqual(message.message_annotations['x-opt-input-name'], 'in1');
    assert.strictEqual(message.message_annotations['iothub-connection-device-id'], who.deviceId);
    assert.strictEqual(message.message_annotations['iothub-connection-module-id'], who.moduleId);
    got[0].delivery.accept();
    await soon(50); /* rhea gives two at a time the outcome of the first */
    got[1].delivery.reject({ condition: 'amqp:not-allowed' });
    await soon(50);
    got[2].delivery.release();
    await soon(50);
    got[3].delivery.modified({ delivery_failed: true });
    await until(() => got.length === 6, 'what was not taken');
    assert.deepStrictEqual(got.slice(4).map((one) => [text(one.message), one.message.message_annotations['iothub-deliverycount']]),
      [['release', 1], ['modify', 1]]);
    got[4].delivery.accept();
    got[5].delivery.accept();
    await soon(1000);
    assert.strictEqual(got.length, 6);
  },

  async what_is_unsettled_at_the_end_comes_to_the_next(transport, undo) {
    const sink = sinkModule();
    const who = await newModule(undo);
    const out = await sender(await enter(who, transport, undo), eventsOf(who));
    const mark = fresh('mark');
    const first = await enter(sink, transport, undo);
    const got = collect(await receiver(first, eventsOf(sink), { credit_window: 10 }), (one) => one.application_properties.mark === mark);
    for (const content of ['1', '2', '3']) await send(out, marked(mark, 'sink', content));
    await until(() => got.length === 3, 'all');
    got[0].delivery.accept();
    await soon(200);
    first.close();
    const link = await receiver(await enter(sink, transport, undo), eventsOf(sink), { credit_window: 10, autoaccept: true });
    const again = collect(link);
    await until(() => again.filter((one) => one.message.application_properties.mark === mark).length === 2, 'the rest');
    assert.deepStrictEqual(again.map(({ message }) => text(message)), ['2', '3']);
  },

  async a_message_from_the_cloud_goes_by_its_outcome(transport, undo) {
    const leaf = await newDevice(undo);
    const cloud = await serviceClient(undo);
    const feedback = await new Promise((resolve, reject) => {
      cloud.getFeedbackReceiver((error, made) => (error ? reject(error) : resolve(made)));
    });
    const told = {};
    feedback.on('message', (records) => JSON.parse(records.data.toString())
      .forEach((one) => { told[one.originalMessageId] = one.statusCode; }));
    const link = await receiver(await enter(leaf, transport, undo), `${pathOf(leaf)}/messages/devicebound`, { credit_window: 10 });
    const got = collect(link);
    const ids = ['accept', 'reject', 'again'].map((word) => fresh(word));
    for (const id of ids) {
      const sent = new ServiceMessage('hello');
      sent.messageId = id;
      sent.ack = 'full';
      await cloud.send(leaf.deviceId, sent);
    }
    await until(() => got.length === 3, 'the messages', 30000);
    assert.deepStrictEqual(got.map(({ message }) => message.message_id), ids);
    assert.ok(got[0].message.to.startsWith(pathOf(leaf)), got[0].message.to);
    got[0].delivery.accept();
    await soon(50);
    got[1].delivery.reject({ condition: 'amqp:not-allowed' });
    await soon(50);
    got[2].delivery.release();
    await until(() => got.length === 4, 'the released', 30000);
    assert.strictEqual(got[3].message.message_id, ids[2]);
    assert.ok(got[3].message.message_annotations['iothub-deliverycount'] > 0);
    got[3].delivery.accept();
    await until(() => Object.keys(told).filter((id) => ids.includes(id)).length === 3, 'the feedback', 40000);
    assert.deepStrictEqual(ids.map((id) => told[id]), ['Success', 'Rejected', 'Success']);
  },

  async a_twin_is_read_reported_and_watched(transport, undo) {
    for (const who of [await newModule(undo), await newDevice(undo)]) {
      const desire = (desired) => (who.moduleId ? registry.updateModuleTwin(who.deviceId, who.moduleId, { properties: { desired } }, '*')
        : registry.updateTwin(who.deviceId, { properties: { desired } }, '*'));
      await desire({ a: 1 });
      const connection = await enter(who, transport, undo);
      const properties = { 'com.microsoft:channel-correlation-id': `twin:${fresh('t')}` };
      const link = await attach(connection, 'open_sender', { target: `${pathOf(who)}/twin`, snd_settle_mode: 1, properties });
      const answers = await receiver(connection, `${pathOf(who)}/twin`, { credit_window: 10, autoaccept: true, properties });
      const twin = await ask(connection, link, answers, { message_annotations: { operation: 'GET' }, body: data(' ') });
      assert.strictEqual(twin.message_annotations.status, 200);
      assert.strictEqual(JSON.parse(text(twin)).desired.a, 1);
      const put = await ask(connection, link, answers, {
        message_annotations: { operation: 'PUT', resource: '/notifications/twin/properties/desired' }, body: data(' '),
      });
      assert.strictEqual(put.message_annotations.status, 200);
      let sent = 0;
      const heard = next(answers, 'message', (context) => context.message.correlation_id === undefined);
      const timer = setInterval(() => desire({ b: ++sent }), 1000); /* the hub's own subscription may be under way */
      const { message } = await heard.finally(() => clearInterval(timer));
      assert.ok(JSON.parse(text(message)).b > 0 && JSON.parse(text(message)).$version > 1);
      const patch = { message_annotations: { operation: 'PATCH', resource: '/properties/reported' } };
      assert.strictEqual((await ask(connection, link, answers, { ...patch, body: data('{"c":3}') })).message_annotations.status, 204);
      const bad = await ask(connection, link, answers, { ...patch, body: data('no json') });
      assert.strictEqual(bad.message_annotations.status, 400);
      assert.ok(JSON.parse(text(bad)).errorCode);
      await until(async () => (who.moduleId ? await registry.getModuleTwin(who.deviceId, who.moduleId)
        : await registry.getTwin(who.deviceId)).responseBody.properties.reported.c === 3, 'what was reported', 30000);
    }
  },

  async the_cloud_calls_a_method(transport, undo) {
    const who = await newDevice(undo);
    const cloud = await serviceClient(undo);
    const connection = await enter(who, transport, undo);
    const properties = { 'com.microsoft:channel-correlation-id': `methods:${fresh('m')}` };
    const address = `${pathOf(who)}/methods/devicebound`;
    const link = await attach(connection, 'open_sender', { target: address, snd_settle_mode: 1, properties });
    const calls = await receiver(connection, address, { credit_window: 10, autoaccept: true, properties });
    calls.on('message', ({ message }) => {
      assert.strictEqual(message.application_properties['IoThub-methodname'], 'double');
      link.send({
        correlation_id: message.correlation_id,
        application_properties: { 'IoThub-status': 201 },
        body: data(JSON.stringify({ twice: 2 * JSON.parse(text(message)).n })),
      });
    });
    const call = { methodName: 'double', payload: { n: 21 }, responseTimeoutInSeconds: 10, connectTimeoutInSeconds: 5 };
    const result = await until(() => cloud.invokeDeviceMethod(who.deviceId, call).then((one) => one.result, () => null), 'an answer', 30000);
    assert.deepStrictEqual([result.status, result.payload], [201, { twice: 42 }]);
  },

  async silence_is_kept_up_by_empty_frames(transport, undo) {
    const who = await newDevice(undo);
    const connection = await enter(who, transport, undo, { idle_time_out: 1000 }); /* rhea ends it after two of these */
    const link = await sender(connection, eventsOf(who));
    assert.strictEqual(connection.remote.open.idle_time_out, 120000);
    await soon(5000);
    assert.strictEqual(await send(link, marked(fresh('mark'), 'cloud', 'x')), 'accepted');
  },
};
