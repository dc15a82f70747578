'use strict';
/* MQTT.js, which knows nothing of IoT Hub, behind an edge hub (EDGE_GATEWAY): what a client of any make sees. Routes are
 * set before: what has the property dest=cloud goes up, dest=sink to the input in1 of the module "sink", dest=other to in2. */
const assert = require('assert');
const http = require('http');
const mqtt = require('mqtt');
const { Client: ServiceClient } = require('azure-iothub');
const { SharedAccessSignature } = require('azure-iot-common');
const { hub, gateway, service, ca, registry, fresh, newDevice, newModule, sinkModule, until } = require('./place');

const soon = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const nameOf = (who) => (who.moduleId ? `${who.deviceId}/${who.moduleId}` : who.deviceId);
const pathOf = (who) => `devices/${who.deviceId}${who.moduleId ? `/modules/${who.moduleId}` : ''}`;

function tokenOf(who, seconds = 3600) {
  const module = who.moduleId ? `/modules/${who.moduleId}` : '';
  const until_s = Math.floor(Date.now() / 1000) + seconds;
  return SharedAccessSignature.create(`${hub}/devices/${who.deviceId}${module}`, null, who.key, until_s).toString();
}

/* A client that does not come back by itself; its packets are kept. */
function client(who, transport, undo, options = {}) {
  const url = transport === 'mqtt' ? `mqtts://${gateway}:8883` : `wss://${gateway}:443/$iothub/websocket`;
  const made = mqtt.connect(url, {
    ca,
    clientId: nameOf(who),
    username: `${hub}/${nameOf(who)}/?api-version=2021-04-12&DeviceClientType=mqttjs`,
    password: tokenOf(who),
    protocolVersion: 4,
    reconnectPeriod: 0,
    resubscribe: false,
    clean: false,
    ...options,
  });
  made.got = [];
  made.packets = [];
  made.gone = false;
  made.on('message', (topic, body, packet) => made.got.push({ topic, body: body.toString(), packet }));
  made.on('packetreceive', (packet) => made.packets.push(packet));
  made.on('close', () => { made.gone = true; });
  made.on('error', (error) => { made.failed = error; });
  undo(() => new Promise((resolve) => { made.end(true, {}, resolve); }));
  return made;
}

/* @return the client, once CONNACK has come, which is in `connack` */
async function open(who, transport, undo, options) {
  const made = client(who, transport, undo, options);
  made.connack = await new Promise((resolve, reject) => {
    made.on('connect', resolve);
    made.on('error', reject);
    made.on('close', () => reject(new Error('closed before CONNACK')));
  });
  return made;
}

const subscribe = (made, filter, qos = 1) => new Promise((resolve, reject) => {
  made.subscribe(filter, { qos }, (error, granted) => (error ? reject(error) : resolve(granted)));
});
const publish = (made, topic, text, options = { qos: 1 }) => new Promise((resolve, reject) => {
  made.publish(topic, text, options, (error) => (error ? reject(error) : resolve()));
});
const marked = (made, mark) => made.got.filter((one) => one.topic.includes(`mark=${mark}`));
const bag = (mark, dest) => `mark=${mark}&dest=${dest}`;

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
  return found.map((event) => Buffer.from(event.body, 'base64').toString());
}

const arrives = (mark, count) => until(async () => {
  const found = await arrived(mark);
  return found.length >= count && found;
}, `${count} messages at the cloud`, 30000);

module.exports = {
  async a_kept_session_is_said_to_be_there(transport, undo) {
    const module = await newModule(undo);
    const inputs = `${pathOf(module)}/#`;
    const first = await open(module, transport, undo);
    assert.strictEqual(first.connack.sessionPresent, false);
    assert.strictEqual((await subscribe(first, inputs))[0].qos, 1);
    await new Promise((resolve) => { first.end(false, {}, resolve); });
    const second = await open(module, transport, undo);
    assert.strictEqual(second.connack.sessionPresent, true);
    await new Promise((resolve) => { second.end(false, {}, resolve); });
    const clean = await open(module, transport, undo, { clean: true });
    assert.strictEqual(clean.connack.sessionPresent, false);
    await new Promise((resolve) => { clean.end(false, {}, resolve); });
    assert.strictEqual((await open(module, transport, undo)).connack.sessionPresent, false);
  },

  async a_kept_session_receives_without_subscribing_again(transport, undo) {
    const sink = sinkModule();
    const sender = await open(await newModule(undo), transport, undo);
    const from = sender.options.clientId.split('/');
    const topic = `devices/${from[0]}/modules/${from[1]}/messages/events/`;
    const first = await open(sink, transport, undo);
    await subscribe(first, `${pathOf(sink)}/#`);
    await new Promise((resolve) => { first.end(false, {}, resolve); });
    const mark = fresh('mark');
    for (let i = 0; i < 5; i++) await publish(sender, topic + bag(mark, 'sink'), `${i}`);
    const second = await open(sink, transport, undo);
    await until(() => marked(second, mark).length >= 5, 'what had waited');
    const got = marked(second, mark);
    assert.deepStrictEqual(got.map((one) => one.body), ['0', '1', '2', '3', '4']);
    assert.ok(got[0].topic.startsWith(`${pathOf(sink)}/inputs/in1/`), got[0].topic);
    assert.ok(got[0].topic.includes(`%24.cdid=${from[0]}`) && got[0].topic.includes(`%24.cmid=${from[1]}`), got[0].topic);
    const ids = got.map((one) => one.packet.messageId);
    assert.ok(ids.every((id) => id > 0), `${ids}`);
  },

  async an_exact_input_gets_its_own_and_loses_nothing_else(transport, undo) {
    const sink = sinkModule();
    const who = await newModule(undo);
    const sender = await open(who, transport, undo);
    const mark = fresh('mark');
    const only = await open(sink, transport, undo, { clean: true });
    await subscribe(only, `${pathOf(sink)}/inputs/in1/#`);
    await publish(sender, `${pathOf(who)}/messages/events/${bag(mark, 'other')}`, 'for in2');
    await publish(sender, `${pathOf(who)}/messages/events/${bag(mark, 'sink')}`, 'for in1');
    await until(() => marked(only, mark).length >= 1, 'the message of in1');
    await soon(500);
    assert.deepStrictEqual(marked(only, mark).map((one) => one.body), ['for in1']);
    await subscribe(only, `${pathOf(sink)}/inputs/in2/#`);
    await until(() => marked(only, mark).length >= 2, 'the message of in2');
    assert.deepStrictEqual(marked(only, mark).map((one) => one.body), ['for in1', 'for in2']);
  },

  async an_input_without_puback_comes_again(transport, undo) {
    const sink = sinkModule();
    const who = await newModule(undo);
    const sender = await open(who, transport, undo);
    const mark = fresh('mark');
    const deaf = await open(sink, transport, undo);
    deaf.handleMessage = () => {}; /* it never comes to the PUBACK */
    await subscribe(deaf, `${pathOf(sink)}/#`);
    await publish(sender, `${pathOf(who)}/messages/events/${bag(mark, 'sink')}`, 'again');
    await until(() => deaf.packets.some((packet) => packet.cmd === 'publish' && packet.topic.includes(mark)), 'the first time');
    await new Promise((resolve) => { deaf.end(true, {}, resolve); });
    const hears = await open(sink, transport, undo);
    await until(() => marked(hears, mark).length >= 1, 'the second time');
    assert.strictEqual(marked(hears, mark)[0].body, 'again');
    await soon(500);
    await new Promise((resolve) => { hears.end(false, {}, resolve); });
    const done = await open(sink, transport, undo);
    await soon(1000);
    assert.deepStrictEqual(marked(done, mark), []);
  },

  async a_message_from_the_cloud_without_puback_comes_again(transport, undo) {
    const leaf = await newDevice(undo);
    const cloud = ServiceClient.fromConnectionString(service);
    undo(() => cloud.close());
    await cloud.open();
    const count = async () => (await registry.get(leaf.deviceId)).responseBody.cloudToDeviceMessageCount;
    const filter = `${pathOf(leaf)}/messages/devicebound/#`;
    const deaf = await open(leaf, transport, undo);
    deaf.handleMessage = () => {};
    await subscribe(deaf, filter);
    await cloud.send(leaf.deviceId, 'again');
    await until(() => deaf.packets.some((packet) => packet.cmd === 'publish'), 'the first time', 30000);
    assert.strictEqual(await count(), 1);
    await new Promise((resolve) => { deaf.end(true, {}, resolve); });
    const hears = await open(leaf, transport, undo);
    await until(() => hears.got.length >= 1, 'the second time', 60000);
    assert.strictEqual(hears.got[0].body, 'again');
    await until(async () => (await count()) === 0, 'an empty queue', 30000);
  },

  async pipelined_publishes_are_acknowledged_in_order(transport, undo) {
    const who = await newModule(undo);
    const sender = await open(who, transport, undo);
    const mark = fresh('mark');
    const acks = [];
    await Promise.all(Array.from({ length: 300 }, (_, i) => publish(
      sender, `${pathOf(who)}/messages/events/${bag(mark, 'cloud')}`, `${i}`).then(() => acks.push(i))));
    assert.deepStrictEqual(acks, Array.from({ length: 300 }, (_, i) => i));
    assert.deepStrictEqual(await arrives(mark, 300), acks.map((i) => `${i}`));
  },

  async a_second_client_takes_over(transport, undo) {
    const who = await newModule(undo);
    const first = await open(who, transport, undo);
    const second = await open(who, transport, undo);
    await until(() => first.gone, 'the first to be closed');
    const mark = fresh('mark');
    await publish(second, `${pathOf(who)}/messages/events/${bag(mark, 'cloud')}`, 'mine');
    assert.deepStrictEqual(await arrives(mark, 1), ['mine']);
    assert.strictEqual(second.gone, false);
  },

  async a_twin_is_had_by_topics_alone(transport, undo) {
    const who = await newModule(undo);
    await registry.updateModuleTwin(who.deviceId, who.moduleId, { properties: { desired: { a: 1 } } }, '*');
    const plain = await open(who, transport, undo);
    await subscribe(plain, '$iothub/twin/res/#', 0);
    await publish(plain, '$iothub/twin/GET/?$rid=r1', '', { qos: 0 });
    await until(() => plain.got.some((one) => one.topic.startsWith('$iothub/twin/res/200/?$rid=r1')), 'the twin');
    const twin = JSON.parse(plain.got[0].body);
    assert.strictEqual(twin.desired.a, 1);
    assert.ok(!('$metadata' in twin.desired));
    await publish(plain, '$iothub/twin/PATCH/properties/reported/?$rid=r2', '{"b":2}', { qos: 0 });
    await until(() => plain.got.some((one) => /^\$iothub\/twin\/res\/204\/\?\$rid=r2&\$version=\d+$/.test(one.topic)), 'the answer');
    await publish(plain, '$iothub/twin/PATCH/properties/reported/?$rid=r3', 'not json', { qos: 0 });
    await until(() => plain.got.some((one) => one.topic.startsWith('$iothub/twin/res/400/?$rid=r3')), 'the refusal');
  },

  async a_wrong_token_a_wrong_id_and_another_protocol_are_refused(transport, undo) {
    const who = await newModule(undo);
    const code = (options) => open(who, transport, undo, options).then(() => 0, (error) => error.code || String(error));
    assert.strictEqual(await code({ password: tokenOf({ ...who, key: Buffer.alloc(32).toString('base64') }) }), 5);
    assert.strictEqual(await code({ password: tokenOf(who, -3600) }), 5);
    assert.strictEqual(await code({ clientId: who.deviceId }), 5);
    assert.strictEqual(await code({ username: `${hub}/${nameOf(who)}` }), 3);
    assert.match(await code({ protocolVersion: 3, protocolId: 'MQIsdp' }), /closed before CONNACK/);
    assert.strictEqual(await code({}), 0);
  },
};
