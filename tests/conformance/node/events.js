'use strict';
/* @azure/event-hubs on the telemetry of the cloud: what there is, where to begin, who owns a partition. */
const assert = require('assert');
const rhea = require('rhea');
const { Message, SharedAccessSignature } = require('azure-iot-device');
const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const { hub, service, ca, fresh, newDevice, connect, until } = require('./place');

const [, POLICY, KEY] = /SharedAccessKeyName=([^;]*);SharedAccessKey=(.*)$/.exec(service);

function consumer(undo, key = KEY, entity = 'messages/events', options = {}) {
  const client = new EventHubConsumerClient(
    '$Default',
    `Endpoint=sb://${hub}/;SharedAccessKeyName=${POLICY};SharedAccessKey=${key};EntityPath=${entity}`,
    options,
  );
  undo(() => client.close());
  return client;
}

/* Reads one partition into a list; errors into another. */
function read(client, undo, partition, options) {
  const seen = { events: [], errors: [] };
  const subscription = client.subscribe(partition, {
    processEvents: async (events) => { seen.events.push(...events); },
    processError: async (error) => { seen.errors.push(error); },
  }, { maxWaitTimeInSeconds: 1, ...options });
  undo(() => subscription.close());
  return seen;
}

/* Sends `count` marked messages of a new device; its partition, and where it begins. */
async function filled(undo, count) {
  const device = await newDevice(undo);
  const sender = await connect(device, 'amqp', undo);
  const client = consumer(undo);
  const before = {};
  for (const id of await client.getPartitionIds()) {
    before[id] = (await client.getPartitionProperties(id)).lastEnqueuedSequenceNumber;
  }
  for (let i = 0; i < count; i++) await sender.sendEvent(new Message(JSON.stringify({ i })));
  for (const id of Object.keys(before)) {
    const now = await client.getPartitionProperties(id);
    if (now.lastEnqueuedSequenceNumber > before[id]) return { client, device, id, last: before[id], now };
  }
  throw new Error('no partition has grown');
}

const mine = (seen, device) => seen.events.filter(
  (event) => event.systemProperties['iothub-connection-device-id'] === device.deviceId,
);

/* What C# and Java devices send as a batch: one transfer of format 0x80013700, a message in each data section. */
async function sendBatch(device, bodies, undo) {
  const connection = rhea.create_container().connect({
    host: hub, port: 5671, transport: 'tls', ca: [ca], servername: hub, reconnect: false,
  });
  undo(() => connection.close());
  const resource = `${hub}%2Fdevices%2F${device.deviceId}`;
  const token = SharedAccessSignature.create(hub, device.deviceId, device.key, Math.floor(Date.now() / 1000) + 3600);
  const once = (emitter, event) => new Promise((resolve, reject) => {
    emitter.once(event, resolve);
    emitter.once('rejected', (context) => reject(new Error(JSON.stringify(context.delivery.remote_state))));
  });
  const cbs = connection.open_sender('$cbs');
  const answers = connection.open_receiver('$cbs');
  await once(cbs, 'sendable');
  const answered = once(answers, 'message');
  cbs.send({
    message_id: '1', to: '$cbs', reply_to: 'cbs', body: token.toString(),
    application_properties: { operation: 'put-token', type: 'azure-devices.net:sastoken', name: resource },
  });
  assert.strictEqual((await answered).message.application_properties['status-code'], 200);
  const sender = connection.open_sender(`/devices/${device.deviceId}/messages/events`);
  await once(sender, 'sendable');
  const accepted = once(sender, 'accepted');
  const each = bodies.map((body) => rhea.message.encode({ body: rhea.message.data_section(Buffer.from(JSON.stringify(body))) }));
  sender.send(rhea.message.encode({ body: rhea.message.data_sections(each) }), undefined, 0x80013700);
  await accepted;
}

module.exports = {
  async the_hub_and_its_partitions_are_described(_, undo) {
    const { client, id, now } = await filled(undo, 1);
    const about = await client.getEventHubProperties();
    assert.strictEqual(about.name, 'messages/events');
    assert.ok(about.createdOn instanceof Date);
    assert.ok(about.partitionIds.includes(id));
    assert.strictEqual(now.isEmpty, false);
    assert.ok(Math.abs(Date.now() - now.lastEnqueuedOnUtc.getTime()) < 60000);
  },

  async a_reader_begins_where_it_says(_, undo) {
    const { client, device, id, last, now } = await filled(undo, 5);
    const all = read(client, undo, id, { startPosition: earliestEventPosition });
    const after = read(consumer(undo), undo, id, { startPosition: { sequenceNumber: last + 2 } });
    const with_ = read(consumer(undo), undo, id, {
      startPosition: { offset: now.lastEnqueuedOffset, isInclusive: true },
    });
    await until(() => mine(all, device).length >= 5 && mine(after, device).length >= 3 && mine(with_, device).length >= 1,
      'all three');
    assert.deepStrictEqual(mine(all, device).map((event) => event.body.i), [0, 1, 2, 3, 4]);
    assert.deepStrictEqual(mine(after, device).map((event) => event.body.i), [2, 3, 4]);
    assert.deepStrictEqual(mine(with_, device).map((event) => event.body.i), [4]);
    const since = read(consumer(undo), undo, id, {
      startPosition: { enqueuedOn: mine(all, device)[4].enqueuedTimeUtc.getTime() + 1 },
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepStrictEqual(mine(since, device), []);
  },

  async a_batch_is_many_events(_, undo) {
    const { client, device, id } = await filled(undo, 1);
    await sendBatch(device, [{ i: 1 }, { i: 2 }, { i: 3 }], undo);
    const seen = read(client, undo, id, { startPosition: earliestEventPosition });
    await until(() => mine(seen, device).length >= 4, 'the batch');
    assert.deepStrictEqual(mine(seen, device).map((event) => event.body.i), [0, 1, 2, 3]);
  },

  async the_higher_owner_takes_the_partition(_, undo) {
    const { client, id } = await filled(undo, 1);
    const low = read(client, undo, id, { startPosition: earliestEventPosition, ownerLevel: 1 });
    await until(() => low.events.length > 0, 'the first reader');
    const high = read(consumer(undo), undo, id, { startPosition: earliestEventPosition, ownerLevel: 2 });
    await until(() => high.events.length > 0 && low.errors.length > 0, 'the second');
    assert.strictEqual(low.errors[0].code, 'ReceiverDisconnectedError');
    const late = read(consumer(undo), undo, id, { startPosition: earliestEventPosition, ownerLevel: 1 });
    await until(() => late.errors.length > 0, 'the third to be refused');
    assert.strictEqual(high.errors.length, 0);
  },

  async a_wrong_key_and_another_entity_are_refused(_, undo) {
    const once = { retryOptions: { maxRetries: 0, timeoutInMs: 10000 } };
    const wrong = consumer(undo, Buffer.alloc(32).toString('base64'), 'messages/events', once);
    await assert.rejects(wrong.getPartitionIds(), { code: 'UnauthorizedError' });
    const other = consumer(undo, KEY, fresh('hub'), once);
    await assert.rejects(other.getPartitionIds());
  },
};
