'use strict';
/* azure-iot-device over every transport: telemetry, twins, methods, cloud-to-device messages. */
const assert = require('assert');
const { Client: ServiceClient } = require('azure-iothub');
const { Message } = require('azure-iot-device');
const { Message: ServiceMessage } = require('azure-iot-common');
const { EventHubConsumerClient, latestEventPosition } = require('@azure/event-hubs');
const {
  hub, service, registry, fresh, newDevice, newModule, connect, next, until, refused,
} = require('./place');

const AMQP = ['amqp', 'amqp-ws'];
const body = (result) => result.responseBody;

async function serviceClient(undo) {
  const client = ServiceClient.fromConnectionString(service);
  undo(() => client.close());
  await client.open();
  return client;
}

/* Everything the telemetry endpoint says from now on. */
async function reader(undo) {
  const found = [];
  const [, policy, key] = /SharedAccessKeyName=([^;]*);SharedAccessKey=(.*)$/.exec(service);
  const text = `Endpoint=sb://${hub}/;SharedAccessKeyName=${policy};SharedAccessKey=${key};EntityPath=messages/events`;
  const consumer = new EventHubConsumerClient('$Default', text);
  const running = [];
  const ready = new Promise((resolve, reject) => {
    consumer.getPartitionIds().then((ids) => {
      for (const id of ids) {
        running.push(consumer.subscribe(id, {
          processEvents: async (events) => { found.push(...events); },
          processError: async (error) => reject(error),
        }, { startPosition: latestEventPosition, maxWaitTimeInSeconds: 1 }));
      }
      resolve();
    }, reject);
  });
  undo(async () => {
    await Promise.all(running.map((one) => one.close()));
    await consumer.close();
  });
  await ready;
  return found;
}

const marked = (events, mark) => events.find((event) => event.properties && event.properties.mark === mark);

module.exports = {
  async telemetry_arrives_with_its_properties(transport, undo) {
    const device = await newDevice(undo);
    const events = await reader(undo);
    const client = await connect(device, transport, undo);
    const mark = fresh('mark');
    const message = new Message(JSON.stringify({ t: 21.5 }));
    message.messageId = 'id 1';
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.properties.add('mark', mark);
    message.properties.add('odd', 'ä&=/ %');
    /* The reader begins at the end of the log: what was sent before it stood there is not seen. */
    const event = await until(async () => {
      await client.sendEvent(message);
      return marked(events, mark);
    }, 'the event', 30000);
    assert.deepStrictEqual(event.body, { t: 21.5 });
    assert.strictEqual(event.properties.odd, 'ä&=/ %');
    assert.strictEqual(event.systemProperties['iothub-connection-device-id'], device.deviceId);
    assert.strictEqual(event.systemProperties['iothub-message-source'], 'Telemetry');
    assert.strictEqual(event.contentType, 'application/json');
    assert.strictEqual(event.messageId, 'id 1');
  },

  async a_modules_output_names_its_module(transport, undo) {
    const module = await newModule(undo);
    const events = await reader(undo);
    const client = await connect(module, transport, undo);
    const mark = fresh('mark');
    const message = new Message('x');
    message.properties.add('mark', mark);
    const event = await until(async () => {
      await client.sendOutputEvent('out1', message);
      return marked(events, mark);
    }, 'the event', 30000);
    assert.strictEqual(event.systemProperties['iothub-connection-module-id'], module.moduleId);
  },

  async many_messages_in_a_row_are_all_acknowledged(transport, undo) {
    const client = await connect(await newDevice(undo), transport, undo);
    await Promise.all(Array.from({ length: 200 }, (_, i) => client.sendEvent(new Message(`n${i}`))));
  },

  async a_message_over_256_kib_is_refused_and_the_client_goes_on(transport, undo) {
    const client = await connect(await newDevice(undo), transport, undo);
    const error = await refused(client.sendEvent(new Message(Buffer.alloc(256 * 1024 + 1, 'x'))));
    assert.strictEqual(error.name, 'MessageTooLargeError');
    await client.sendEvent(new Message('small'));
  },

  async desired_and_reported_properties_meet(transport, undo) {
    const device = await newDevice(undo);
    await registry.updateTwin(device.deviceId, { properties: { desired: { rate: 1 } } }, '*');
    const client = await connect(device, transport, undo);
    const twin = await client.getTwin();
    assert.strictEqual(twin.properties.desired.rate, 1);
    const changed = next(twin, 'properties.desired', (patch) => patch.rate === 2);
    await until(async () => { /* the subscription is under way when the SDK returns */
      await registry.updateTwin(device.deviceId, { properties: { desired: { rate: 2, at: Date.now() } } }, '*');
      return Promise.race([changed.then(() => true), new Promise((r) => setTimeout(r, 500, false))]);
    }, 'the desired patch');
    await new Promise((resolve, reject) => {
      twin.properties.reported.update({ fw: '1.0', gone: 1 }, (error) => (error ? reject(error) : resolve()));
    });
    await new Promise((resolve, reject) => {
      twin.properties.reported.update({ gone: null }, (error) => (error ? reject(error) : resolve()));
    });
    const seen = body(await registry.getTwin(device.deviceId)).properties.reported;
    assert.strictEqual(seen.fw, '1.0');
    assert.ok(!('gone' in seen));
    assert.strictEqual(seen.$version, 3);
  },

  async a_method_is_answered(transport, undo) {
    const module = await newModule(undo);
    const client = await connect(module, transport, undo);
    client.onMethod('double-it', (request, response) => response.send(200, { twice: request.payload.n * 2 }, () => {}));
    const cloud = await serviceClient(undo);
    const call = { methodName: 'double-it', payload: { n: 21 }, responseTimeoutInSeconds: 10, connectTimeoutInSeconds: 5 };
    const result = await until(
      () => cloud.invokeDeviceMethod(module.deviceId, module.moduleId, call).then((r) => r.result, () => null),
      'the method to be there',
    );
    assert.deepStrictEqual([result.status, result.payload], [200, { twice: 42 }]);
  },

  async a_method_nobody_answers_times_out_and_one_of_nobody_is_404(transport, undo) {
    const device = await newDevice(undo);
    const cloud = await serviceClient(undo);
    const call = { methodName: 'm', responseTimeoutInSeconds: 5, connectTimeoutInSeconds: 0 };
    assert.strictEqual((await refused(cloud.invokeDeviceMethod(device.deviceId, call))).response.statusCode, 404);
    const client = await connect(device, transport, undo);
    client.onDeviceMethod('m', () => {});
    await until(async () => {
      const error = await refused(cloud.invokeDeviceMethod(device.deviceId, call));
      return error.response.statusCode === 504;
    }, '504', 30000);
  },

  async a_message_from_the_cloud_is_completed_and_fed_back(transport, undo) {
    const device = await newDevice(undo);
    const cloud = await serviceClient(undo);
    const feedback = await new Promise((resolve, reject) => {
      cloud.getFeedbackReceiver((error, receiver) => (error ? reject(error) : resolve(receiver)));
    });
    const id = fresh('c2d');
    const confirmed = next(feedback, 'message', (records) => {
      const list = JSON.parse(records.data.toString());
      return list.some((one) => one.originalMessageId === id && one.statusCode === 'Success');
    }, 40000);
    const message = new ServiceMessage('hello');
    message.messageId = id;
    message.ack = 'full';
    message.properties.add('a b', 'c/d');
    await cloud.send(device.deviceId, message);
    const client = await connect(device, transport, undo);
    const got = await new Promise((resolve) => { client.on('message', resolve); });
    assert.strictEqual(got.getData().toString(), 'hello');
    assert.strictEqual(got.messageId, id);
    assert.strictEqual(got.properties.getValue('a b'), 'c/d');
    await client.complete(got);
    await confirmed;
  },

  async a_message_to_nobody_is_refused(_, undo) {
    const cloud = await serviceClient(undo);
    assert.strictEqual((await refused(cloud.send(fresh('no'), 'x'))).name, 'DeviceNotFoundError');
  },

  abandoned_comes_again_and_rejected_does_not: Object.assign(async (transport, undo) => {
    const device = await newDevice(undo);
    const cloud = await serviceClient(undo);
    await cloud.send(device.deviceId, new ServiceMessage('again'));
    const client = await connect(device, transport, undo);
    client.on('message', () => {}); /* without a listener the SDK ends the link, and its locks */
    const first = await next(client, 'message');
    const second = next(client, 'message');
    await client.abandon(first);
    const again = await second;
    assert.strictEqual(again.getData().toString(), 'again');
    await client.reject(again);
    await until(async () => body(await registry.get(device.deviceId)).cloudToDeviceMessageCount === 0, 'an empty queue');
  }, { only: AMQP }),

  async a_token_is_renewed_and_all_goes_on(transport, undo) {
    const device = await newDevice(undo);
    const client = await connect(device, transport, undo, {
      tokenRenewal: { tokenValidTimeInSeconds: 12, tokenRenewalMarginInSeconds: 8 },
    });
    const twin = await client.getTwin();
    let value = 0;
    let there = false;
    twin.on('properties.desired', (patch) => {
      there = true;
      value = Math.max(value, patch.n || 0);
    });
    await until(async () => { /* the subscription is under way when the SDK returns */
      await registry.updateTwin(device.deviceId, { properties: { desired: { at: Date.now() } } }, '*');
      return there;
    }, 'the first patch');
    const began = Date.now();
    for (let n = 1; Date.now() - began < 14000; n++) { /* longer than a token lives */
      let sent = 0;
      await until(async () => { /* MQTT renews by a new connection: a patch in between is nobody's */
        if (Date.now() - sent > 1000) {
          sent = Date.now();
          await registry.updateTwin(device.deviceId, { properties: { desired: { n, at: sent } } }, '*');
        }
        return value >= n;
      }, `patch ${n}`);
      await client.sendEvent(new Message(`${n}`));
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  },

  async a_second_connection_takes_over(transport, undo) {
    const device = await newDevice(undo);
    const first = await connect(device, transport, undo);
    await first.setRetryPolicy(new (require('azure-iot-common').NoRetry)());
    await first.getTwin();
    const lost = next(first, 'disconnect', () => true, 30000);
    const second = await connect(device, transport, undo);
    await second.sendEvent(new Message('me'));
    await lost;
    await second.sendEvent(new Message('still me'));
  },

  async a_wrong_key_is_refused(transport, undo) {
    const device = await newDevice(undo);
    device.text = device.text.replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(32).toString('base64')}`);
    assert.strictEqual((await refused(connect(device, transport, undo))).name, 'UnauthorizedError');
  },

  async a_disabled_device_is_refused(transport, undo) {
    const device = await newDevice(undo, { status: 'disabled' });
    const error = await refused(connect(device, transport, undo).then((client) => client.sendEvent(new Message('x'))));
    assert.strictEqual(error.name, 'UnauthorizedError');
  },

  async disabling_ends_the_connection(transport, undo) {
    const device = await newDevice(undo);
    const client = await connect(device, transport, undo);
    await client.setRetryPolicy(new (require('azure-iot-common').NoRetry)());
    await client.sendEvent(new Message('x'));
    const lost = next(client, 'disconnect', () => true, 30000);
    await registry.update({
      deviceId: device.deviceId,
      status: 'disabled',
      authentication: { type: 'sas', symmetricKey: { primaryKey: device.key, secondaryKey: device.key } },
    });
    await lost;
  },
};
