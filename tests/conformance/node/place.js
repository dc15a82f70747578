'use strict';
/* What the cases share: the cloud's address, devices made for one case, waiting. */
const crypto = require('crypto');
if (!globalThis.crypto) globalThis.crypto = crypto.webcrypto; /* Node.js 18: Event Hubs' client wants it there */
const fs = require('fs');
const iothub = require('azure-iothub');

const hub = process.env.EDGE_HUB;
/* With EDGE_GATEWAY, clients go by an edge hub: devices are behind it (EDGE_SCOPE), modules on its device (EDGE_DEVICE). */
const gateway = process.env.EDGE_GATEWAY;
const by = gateway ? `;GatewayHostName=${gateway}` : '';
const service = process.env.EDGE_SERVICE;
const ca = fs.readFileSync(process.env.EDGE_CA, 'utf8');
const registry = iothub.Registry.fromConnectionString(service);

const transports = {
  mqtt: () => require('azure-iot-device-mqtt').Mqtt,
  'mqtt-ws': () => require('azure-iot-device-mqtt').MqttWs,
  amqp: () => require('azure-iot-device-amqp').Amqp,
  'amqp-ws': () => require('azure-iot-device-amqp').AmqpWs,
};

const isAmqp = (transport) => transport.startsWith('amqp');
const fresh = (word) => `${word}-${crypto.randomBytes(4).toString('hex')}`;

/* A new device with a key; removed by `undo`. */
async function newDevice(undo, more) {
  const deviceId = fresh('dev');
  const key = crypto.randomBytes(32).toString('base64');
  await registry.create({
    deviceId,
    authentication: { type: 'sas', symmetricKey: { primaryKey: key, secondaryKey: key } },
    ...(gateway ? { deviceScope: process.env.EDGE_SCOPE } : {}),
    ...more,
  });
  undo(() => registry.delete(deviceId));
  return { deviceId, key, text: `HostName=${hub};DeviceId=${deviceId};SharedAccessKey=${key}${by}` };
}

/* A new module: of a new device, or with a fresh name on the device of the edge hub. */
async function newModule(undo, moduleId = gateway ? fresh('mod') : 'm1') {
  const { deviceId } = gateway ? { deviceId: process.env.EDGE_DEVICE } : await newDevice(undo);
  const key = crypto.randomBytes(32).toString('base64');
  await registry.addModule({
    deviceId,
    moduleId,
    authentication: { type: 'sas', symmetricKey: { primaryKey: key, secondaryKey: key } },
  });
  if (gateway) undo(() => registry.removeModule(deviceId, moduleId));
  return {
    deviceId,
    key,
    moduleId,
    text: `HostName=${hub};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${key}${by}`,
  };
}

/* The module "sink" of the edge hub's device, which routes lead to: the test has made it. */
function sinkModule() {
  const [deviceId, moduleId, key] = [process.env.EDGE_DEVICE, 'sink', process.env.EDGE_SINK_KEY];
  return { deviceId, moduleId, key, text: `HostName=${hub};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${key}${by}` };
}

/* A connected client of a device or a module; closed by `undo`. */
async function connect(who, transport, undo, options) {
  const { Client, ModuleClient } = require('azure-iot-device');
  const kind = who.moduleId ? ModuleClient : Client;
  const client = kind.fromConnectionString(who.text, transports[transport]());
  await client.setOptions({ ca, ...options });
  undo(() => client.close());
  await client.open();
  return client;
}

/* The first `event` of an emitter for which `accept` holds. */
function next(emitter, event, accept = () => true, ms = 20000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      emitter.removeListener(event, on);
      reject(new Error(`no ${event} within ${ms} ms`));
    }, ms);
    function on(...args) {
      if (!accept(...args)) return;
      clearTimeout(timer);
      emitter.removeListener(event, on);
      resolve(args.length > 1 ? args : args[0]);
    }
    emitter.on(event, on);
  });
}

/* Until probe() is true; polls. */
async function until(probe, what, ms = 20000) {
  const end = Date.now() + ms;
  for (;;) {
    const seen = await probe();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/* The promise must fail; returns the error. */
async function refused(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`was not refused: ${JSON.stringify((value && value.responseBody) || String(value))}`);
}

module.exports = {
  hub, gateway, service, ca, registry, transports, isAmqp, fresh, newDevice, newModule, sinkModule, connect, next, until, refused,
};
