"""A thousand devices behind an edge hub with TLS, and all of them at once again when it was away. EDGE_STORM_DEVICES says how many."""
import os
import resource
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sandbox  # noqa: E402
import edge_hub  # noqa: E402
import services  # noqa: E402
from hub_case import HubCase  # noqa: E402

DEVICES = int(os.environ.get("EDGE_STORM_DEVICES", "1000"))
BULK = 100  # what one request of the registry may carry
SPARE = 512  # descriptors beside the connections
KEY = edge_hub.key_of("storm")
A_FEW = 10  # seconds that nobody is away for longer than the hub was; on a machine that does other things as well


class Storm(HubCase):
    settings = {"MaxConnectedClients": str(DEVICES)}

    @classmethod
    def prepare(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), max(hard, DEVICES + SPARE)))
        sas = {"type": "sas", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}}
        for first in range(0, DEVICES, BULK):
            done = cls.place.cloud.service.ok("POST", "/devices", [
                {"id": f"leaf-{number}", "importMode": "create", "authentication": sas, "status": "enabled",
                 "deviceScope": cls.place.scope, "parentScopes": [cls.place.scope]}
                for number in range(first, min(first + BULK, DEVICES))])
            assert done["isSuccessful"], done["errors"][:3]

    def load(self, *more):
        return subprocess.Popen([os.path.join(services.BIN, "mqtt-load"), "--host", edge_hub.GATEWAY, "--port", "8883", "--hub", edge_hub.CLOUD,
                                 "--key", KEY, "--ca", self.place.trust, "--prefix", "leaf-", "--devices", str(DEVICES), *more],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def figures(self, process, timeout):
        """{name: number}"""
        text = process.communicate(timeout=timeout)[0]
        self.assertEqual(process.returncode, 0, text)
        return {words[0]: float(words[1]) for words in map(str.split, text.splitlines()) if len(words) == 2}

    def storm(self, away):
        """All up, the hub away and back, all up again: the figures, and how long the hub was away."""
        process = self.load("--hold", "--again", "--twins", "--seconds", "60")
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "all_up 1\n", self.hub.tail())
        began = time.monotonic()
        away()
        gone = time.monotonic() - began
        seen = self.figures(process, 130)
        self.assertEqual((seen["returned"], seen["up"], seen["lost"]), (DEVICES, DEVICES, 0))
        print(f"# away {gone:.2f} s; settled after {seen['settled_s']:.2f} s; longest {seen['outage_max_us'] / 1e6:.2f} s, "
              f"half {seen['outage_p50_us'] / 1e6:.2f} s; {seen['refused']:.0f} refused, {seen['failed']:.0f} tries in vain")
        return seen, gone

    def first_start(self, latency_ms):
        """A hub that knows nobody yet, and a crowd that waits for it: figures of the load."""
        self.hub.stop()
        self.place.cloud.faults(latencyMs=latency_ms)
        self.addCleanup(self.place.cloud.faults, latencyMs=0)
        type(self).hub = self.place.hub(storage=f"{sandbox.work()}/first-{latency_ms}", more={"MaxConnectedClients": str(DEVICES)})
        process = self.load("--hold", "--again", "--twins", "--parallel", str(DEVICES), "--seconds", "0")
        self.addCleanup(process.kill)
        began = time.monotonic()
        self.hub.start(60)
        ready = time.monotonic() - began
        seen = self.figures(process, 130)
        print(f"# {latency_ms} ms to IoT Hub; ready after {ready:.2f} s; all up {seen['first_s'] - ready:.2f} s after; "
              f"{seen['first_refused']:.0f} refused, {seen['first_failed']:.0f} tries in vain")
        return seen

    def test_a_first_start_refuses_nobody(self):
        """Nobody knows them yet, and they come before the list of them does: they wait for it."""
        for latency_ms in (0, 100):
            with self.subTest(latency_ms):
                seen = self.first_start(latency_ms)
                self.assertEqual((seen["up"], seen["first_refused"]), (DEVICES, 0))

    def test_all_connect_and_are_acknowledged(self):
        seen = self.figures(self.load("--rate", "200", "--seconds", "5", "--twins"), 120)
        self.assertEqual((seen["up"], seen["lost"]), (DEVICES, 0))
        self.assertEqual(seen["acked"], seen["sent"])
        print(f"# {seen['connect_per_s']:.0f} connections a second; PUBACK half {seen['ack_p50_us'] / 1000:.1f} ms, 99 % "
              f"{seen['ack_p99_us'] / 1000:.1f} ms")

    def test_a_restart_is_over_in_a_few_seconds(self):
        for away in (self.hub.restart, lambda: self.hub.restart(kill=True)):
            seen, gone = self.storm(away)
            self.assertEqual(seen["refused"], 0)
            self.assertLess(seen["outage_max_us"] / 1e6, gone + A_FEW)


if __name__ == "__main__":
    sandbox.enter(on_disk=True)
    unittest.main(verbosity=2)
