'use strict';
/* Devices that show a certificate: self-signed by thumbprint, and of a registered CA by name. */
const assert = require('assert');
const { execFileSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { Client, Message, X509AuthenticationProvider } = require('azure-iot-device');
const { hub, ca, registry, transports, fresh, refused } = require('./place');

function selfSigned(undo, cn) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'x509-'));
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

async function open(deviceId, pair, transport, undo) {
  const provider = new X509AuthenticationProvider({ host: hub, deviceId, x509: pair });
  const client = Client.fromAuthenticationProvider(provider, transports[transport]());
  await client.setOptions({ ca, cert: pair.cert, key: pair.key });
  undo(() => client.close());
  await client.open();
  return client;
}

module.exports = {
  async a_thumbprint_opens_and_another_does_not(transport, undo) {
    const deviceId = fresh('x509');
    const pair = selfSigned(undo, deviceId);
    await registry.create({
      deviceId,
      authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: pair.thumbprint, secondaryThumbprint: pair.thumbprint } },
    });
    undo(() => registry.delete(deviceId));
    const client = await open(deviceId, pair, transport, undo);
    await client.sendEvent(new Message('x'));
    const wrong = selfSigned(undo, deviceId);
    const error = await refused(open(deviceId, wrong, transport, undo).then((other) => other.sendEvent(new Message('y'))));
    assert.strictEqual(error.name, 'UnauthorizedError');
  },

  async a_twin_is_had_by_certificate(transport, undo) {
    const deviceId = fresh('x509');
    const pair = selfSigned(undo, deviceId);
    await registry.create({
      deviceId,
      authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: pair.thumbprint, secondaryThumbprint: pair.thumbprint } },
    });
    undo(() => registry.delete(deviceId));
    await registry.updateTwin(deviceId, { properties: { desired: { a: 1 } } }, '*');
    const client = await open(deviceId, pair, transport, undo);
    assert.strictEqual((await client.getTwin()).properties.desired.a, 1);
  },
};
