"""Microsoft's SDKs from npm, unmodified, straight on the local cloud."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import cloud  # noqa: E402

SCOPE = "0ne00000001"


class Sdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cloud.name_hosts({"hub.test": "127.0.0.11", "dps.test": "127.0.0.11"})
        cls.hub = cloud.Emulator(more=["--dps"]).start()
        cls.addClassCleanup(cls._end)

    @classmethod
    def _end(cls):
        cls.hub.stop()
        found = cls.hub.complaints()
        if found:
            raise AssertionError(found)

    def tearDown(self):
        self.assertTrue(self.hub.running(), self.hub.tail())

    def run_cases(self, file, transport, more=None):
        cloud.run_node(self, self.hub, file, transport, more=more)

    def test_registry(self):
        self.run_cases("registry.js", "-")

    def test_device_mqtt(self):
        self.run_cases("device.js", "mqtt")

    def test_device_mqtt_ws(self):
        self.run_cases("device.js", "mqtt-ws")

    def test_device_amqp(self):
        self.run_cases("device.js", "amqp")

    def test_device_amqp_ws(self):
        self.run_cases("device.js", "amqp-ws")

    def test_events(self):
        self.run_cases("events.js", "amqp")

    def test_x509(self):
        for transport in ("mqtt", "mqtt-ws", "amqp", "amqp-ws"):
            self.run_cases("x509.js", transport)

    def test_provisioning(self):
        for transport in ("mqtt", "mqtt-ws", "http"):
            self.run_cases("provisioning.js", transport, {"EDGE_SCOPE": SCOPE, "EDGE_DPS": "dps.test"})


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
