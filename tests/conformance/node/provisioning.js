'use strict';
/* azure-iot-provisioning-device against the provisioning service (EDGE_SCOPE): its word is where the
 * device goes and who it is there. */
const assert = require('assert');
const crypto = require('crypto');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { hub, ca, fresh, connect, refused, registry } = require('./place');
const https = require('https');

const scope = process.env.EDGE_SCOPE;
const host = process.env.EDGE_DPS;
const transports = {
  mqtt: () => require('azure-iot-provisioning-device-mqtt').Mqtt,
  'mqtt-ws': () => require('azure-iot-provisioning-device-mqtt').MqttWs,
  http: () => require('azure-iot-provisioning-device-http').Http,
};

/* The provisioning service's own REST: enrollments. */
function enroll(kind, id, content) {
  const [, policy, key] = /SharedAccessKeyName=([^;]*);SharedAccessKey=(.*)$/.exec(process.env.EDGE_SERVICE);
  const se = Math.floor(Date.now() / 1000) + 600;
  const sr = encodeURIComponent(host);
  const sig = crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(`${sr}\n${se}`).digest('base64');
  const authorization = `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${se}&skn=${policy}`;
  return new Promise((resolve, reject) => {
    const request = https.request({
      host, method: 'PUT', path: `/${kind}/${id}?api-version=2021-10-01`, headers: { authorization, 'content-type': 'application/json' },
    }, (answer) => {
      let text = '';
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => (answer.statusCode < 300 ? resolve(text) : reject(new Error(`${answer.statusCode} ${text}`))));
    });
    request.on('error', reject);
    request.end(JSON.stringify(content));
  });
}

async function register(id, key, transport) {
  const place = new (transports[transport]())();
  if (place.setTransportOptions) place.setTransportOptions({ ca });
  const client = ProvisioningDeviceClient.create(host, scope, place, new SymmetricKeySecurityClient(id, key));
  return client.register();
}

module.exports = {
  async an_enrolled_device_is_assigned_and_connects(transport, undo) {
    const id = fresh('reg');
    const key = crypto.randomBytes(32).toString('base64');
    await enroll('enrollments', id, {
      registrationId: id, attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: key, secondaryKey: key } },
    });
    const result = await register(id, key, transport);
    undo(() => registry.delete(result.deviceId));
    assert.strictEqual(result.assignedHub, hub);
    const device = { text: `HostName=${hub};DeviceId=${result.deviceId};SharedAccessKey=${key}` };
    await connect(device, 'mqtt', undo);
  },

  async a_groups_device_has_a_derived_key(transport, undo) {
    const group = crypto.randomBytes(32);
    const id = fresh('grp');
    const key = crypto.createHmac('sha256', group).update(id).digest('base64');
    const text = group.toString('base64');
    await enroll('enrollmentGroups', fresh('group'), {
      attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: text, secondaryKey: text } },
    });
    const result = await register(id, key, transport);
    undo(() => registry.delete(result.deviceId));
    assert.strictEqual(result.deviceId, id);
  },

  async who_is_not_enrolled_is_refused(transport) {
    assert.ok(await refused(register(fresh('no'), crypto.randomBytes(32).toString('base64'), transport)));
  },
};
