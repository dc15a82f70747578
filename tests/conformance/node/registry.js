'use strict';
/* azure-iothub's Registry against the service's REST: identities, twins, queries, deployments. */
const assert = require('assert');
const { registry, fresh, newDevice, newModule, refused, until } = require('./place');

const body = (result) => result.responseBody;

module.exports = {
  async a_device_is_created_read_and_deleted(_, undo) {
    const { deviceId, key } = await newDevice(undo);
    const device = body(await registry.get(deviceId));
    assert.strictEqual(device.deviceId, deviceId);
    assert.strictEqual(device.authentication.symmetricKey.primaryKey, key);
    assert.strictEqual(device.status, 'enabled');
    assert.strictEqual(device.connectionState, 'Disconnected');
    assert.ok(device.generationId && device.etag);
    await registry.delete(deviceId);
    assert.strictEqual((await refused(registry.get(deviceId))).name, 'DeviceNotFoundError');
  },

  async keys_are_made_when_none_are_given(_, undo) {
    const deviceId = fresh('dev');
    const made = body(await registry.create({ deviceId }));
    undo(() => registry.delete(deviceId));
    assert.strictEqual(Buffer.from(made.authentication.symmetricKey.primaryKey, 'base64').length, 32);
  },

  async a_second_device_of_that_name_is_409(_, undo) {
    const { deviceId } = await newDevice(undo);
    assert.strictEqual((await refused(registry.create({ deviceId }))).name, 'DeviceAlreadyExistsError');
  },

  async what_is_not_there_cannot_be_deleted_or_updated() {
    assert.strictEqual((await refused(registry.delete(fresh('no')))).name, 'DeviceNotFoundError');
    assert.strictEqual((await refused(registry.update({ deviceId: fresh('no') }))).name, 'DeviceNotFoundError');
  },

  async a_device_is_disabled(_, undo) {
    const { deviceId, key } = await newDevice(undo);
    await registry.update({
      deviceId, status: 'disabled', authentication: { symmetricKey: { primaryKey: key, secondaryKey: key } },
    });
    assert.strictEqual(body(await registry.get(deviceId)).status, 'disabled');
  },

  async names_that_cannot_be_are_400() {
    assert.strictEqual((await refused(registry.create({ deviceId: 'a b' }))).name, 'ArgumentError');
  },

  async many_at_once(_, undo) {
    const ids = [fresh('bulk'), fresh('bulk')];
    undo(() => registry.removeDevices(ids.map((deviceId) => ({ deviceId })), true));
    const added = body(await registry.addDevices(ids.map((deviceId) => ({ deviceId }))));
    assert.strictEqual(added.isSuccessful, true);
    const listed = body(await registry.list()).map((device) => device.deviceId);
    for (const id of ids) assert.ok(listed.includes(id), `${id} in the list`);
    const again = await registry.addDevices([{ deviceId: ids[0] }]).then(body, (error) => error);
    assert.ok(again instanceof Error || again.isSuccessful === false);
  },

  async modules_are_listed_with_the_edge_devices_own_two(_, undo) {
    const { deviceId } = await newDevice(undo, { capabilities: { iotEdge: true } });
    await registry.addModule({ deviceId, moduleId: 'cam' });
    const names = body(await registry.getModulesOnDevice(deviceId)).map((m) => m.moduleId).sort();
    assert.deepStrictEqual(names, ['$edgeAgent', '$edgeHub', 'cam']);
    const cam = body(await registry.getModule(deviceId, 'cam'));
    assert.ok(cam.generationId);
    await registry.removeModule(deviceId, 'cam');
    assert.ok(await refused(registry.getModule(deviceId, 'cam')));
  },

  async a_twin_is_patched_and_null_deletes(_, undo) {
    const { deviceId } = await newDevice(undo);
    const twin = body(await registry.getTwin(deviceId));
    await twin.update({ tags: { env: 't', deep: { a: 1 } }, properties: { desired: { x: 1, y: { z: 2 } } } });
    await twin.update({ tags: { deep: null }, properties: { desired: { y: { z: null, w: 3 } } } });
    const now = body(await registry.getTwin(deviceId));
    assert.deepStrictEqual(now.tags, { env: 't' });
    assert.strictEqual(now.properties.desired.x, 1);
    assert.deepStrictEqual(now.properties.desired.y, { w: 3 });
    assert.strictEqual(now.properties.desired.$version, 3);
    assert.ok(now.properties.desired.$metadata.$lastUpdated);
  },

  async a_stale_etag_is_412(_, undo) {
    const { deviceId } = await newDevice(undo);
    const twin = body(await registry.getTwin(deviceId));
    await registry.updateTwin(deviceId, { tags: { a: 1 } }, twin.etag);
    const error = await refused(registry.updateTwin(deviceId, { tags: { a: 2 } }, twin.etag));
    assert.strictEqual(error.name, 'InvalidEtagError');
    await registry.updateTwin(deviceId, { tags: { a: 3 } }, '*');
  },

  async a_module_has_a_twin_of_its_own(_, undo) {
    const { deviceId, moduleId } = await newModule(undo);
    const twin = body(await registry.getModuleTwin(deviceId, moduleId));
    assert.strictEqual(twin.moduleId, moduleId);
    await twin.update({ properties: { desired: { on: true } } });
    assert.strictEqual(body(await registry.getModuleTwin(deviceId, moduleId)).properties.desired.on, true);
  },

  async twins_keep_their_limits(_, undo) {
    const { deviceId } = await newDevice(undo);
    const set = (desired) => registry.updateTwin(deviceId, { properties: { desired } }, '*');
    await set({ fine: 'x'.repeat(4096) });
    for (const bad of [{ long: 'x'.repeat(4097) }, { 'a.b': 1 }, { 'a b': 1 }, { $x: 1 }, { big: 4503599627370496 }]) {
      const error = await refused(set(bad));
      assert.strictEqual(error.name, 'ArgumentError', JSON.stringify(bad).slice(0, 40));
    }
    const deep = (n) => (n ? { d: deep(n - 1) } : 1);
    assert.ok(await refused(set(deep(12))));
    const large = {};
    for (let i = 0; i < 10; i++) large[`k${i}`] = 'x'.repeat(4000);
    assert.ok(await refused(set(large)));
  },

  async twins_are_found_by_queries(_, undo) {
    const tag = fresh('q');
    for (let i = 0; i < 5; i++) {
      const { deviceId } = await newDevice(undo);
      await registry.updateTwin(deviceId, { tags: { set: tag, n: i } }, '*');
    }
    const query = registry.createQuery(`SELECT * FROM devices WHERE tags.set = '${tag}' AND tags.n >= 1`, 2);
    const found = [];
    while (query.hasMoreResults) found.push(...(await query.nextAsTwin()).result);
    assert.deepStrictEqual(found.map((t) => t.tags.n).sort(), [1, 2, 3, 4]);
    const count = registry.createQuery(`SELECT COUNT() AS n FROM devices WHERE tags.set = '${tag}' AND tags.n IN [0, 3]`);
    assert.deepStrictEqual((await count.next()).result, [{ n: 2 }]);
    assert.ok(await refused(registry.createQuery('SELEKT nothing').next()));
  },

  async modules_are_set_on_one_device(_, undo) {
    const { deviceId } = await newDevice(undo, { capabilities: { iotEdge: true } });
    await registry.applyConfigurationContentOnDevice(deviceId, {
      modulesContent: {
        $edgeAgent: { 'properties.desired': { schemaVersion: '1.1', modules: { cam: { type: 'docker' } } } },
        cam: { 'properties.desired': { rate: 5 } },
      },
    });
    const agent = body(await registry.getModuleTwin(deviceId, '$edgeAgent')).properties.desired;
    assert.strictEqual(agent.modules.cam.type, 'docker');
    assert.strictEqual(body(await registry.getModuleTwin(deviceId, 'cam')).properties.desired.rate, 5);
  },

  async a_deployment_reaches_the_devices_its_condition_names(_, undo) {
    const tag = fresh('site');
    const { deviceId } = await newDevice(undo, { capabilities: { iotEdge: true } });
    const make = async (id, priority, content) => {
      await registry.addConfiguration({
        id, priority, schemaVersion: '1.0', labels: {}, targetCondition: `tags.site='${tag}'`, content,
      });
      undo(() => registry.removeConfiguration(id));
    };
    const low = fresh('low');
    await make(low, 1, { modulesContent: { $edgeAgent: { 'properties.desired': { level: 'low', modules: {} } } } });
    await make(fresh('high'), 5, { modulesContent: { $edgeAgent: { 'properties.desired': { level: 'high', modules: {} } } } });
    await make(fresh('layer'), 9, {
      modulesContent: { $edgeAgent: { 'properties.desired.modules.extra': { type: 'docker' } } },
    });
    await registry.updateTwin(deviceId, { tags: { site: tag } }, '*');
    const desired = await until(async () => {
      const twin = body(await registry.getModuleTwin(deviceId, '$edgeAgent'));
      return twin.properties.desired.modules && twin.properties.desired.modules.extra && twin.properties.desired;
    }, 'the deployments to be applied');
    assert.strictEqual(desired.level, 'high');
    const seen = body(await registry.getConfiguration(low));
    assert.strictEqual(seen.systemMetrics.results.targetedCount, 1);
    assert.strictEqual(seen.systemMetrics.results.appliedCount, 0);
  },

  async a_deployment_is_updated_by_its_etag(_, undo) {
    const id = fresh('dep');
    const content = { modulesContent: {} };
    const made = body(await registry.addConfiguration({
      id, schemaVersion: '1.0', labels: {}, content, targetCondition: "tags.a='b'", priority: 1,
    }));
    undo(() => registry.removeConfiguration(id));
    assert.ok(await refused(registry.addConfiguration({
      id, schemaVersion: '1.0', labels: {}, content, targetCondition: "tags.a='b'", priority: 1,
    })));
    const changed = body(await registry.updateConfiguration({ ...made, priority: 7 }));
    assert.strictEqual(changed.priority, 7);
    assert.strictEqual((await refused(registry.updateConfiguration({ ...made, priority: 8 }))).name, 'InvalidEtagError');
    assert.ok(body(await registry.getConfigurations()).some((c) => c.id === id));
  },

  async the_statistics_count_devices(_, undo) {
    await newDevice(undo);
    assert.ok(body(await registry.getRegistryStatistics()).totalDeviceCount >= 1);
  },
};
