"""What tests share in which the hub dies or its disk does: a place of their own, and the account of what was promised."""
import json
import os
import random
import shutil
import unittest

import cloud
import edge_hub
import mqtt_crowd
from sandbox import wait_for

SEED = int(os.environ.get("EDGE_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
ROUTES = {"up": "FROM /messages/* INTO $upstream",
          "sink": "FROM /messages/modules/m0/* INTO BrokeredEndpoint(\"/modules/sink/inputs/in\")",
          "look": "FROM /messages/* WHERE n = '7' AND $body.n = 7 INTO BrokeredEndpoint(\"/modules/sink/inputs/seven\")"}


def firsts(numbers):
    """Each number once, where it came first."""
    return list(dict.fromkeys(numbers))


class HubCrashCase(unittest.TestCase):
    def setUp(self):
        cloud.name_hosts(edge_hub.NAMES)
        self.device = f"edge-{self._testMethodName}"  # the cloud remembers those of other tests
        self.hub, self.crowd, self.place = None, None, edge_hub.Place(self.device)
        self.addCleanup(self.clear)
        self.chance = random.Random(SEED)
        self.kills, self.duplicates, self.base = 0, 0, {}

    def clear(self):
        """The next test begins with nothing of this one."""
        if self.crowd:
            self.crowd.end()
        if self.hub:
            self.hub.kill()
            shutil.rmtree(self.hub.storage, ignore_errors=True)
        self.place.cloud.kill()

    def begin(self, modules=("m0",), leaves=("l0",), upstream="Amqp", storage=None, **load):
        """The hub, and clients that have had their first acknowledgements."""
        self.marks = self.place.marks()
        self.hub = self.place.hub(storage=storage, more={"UpstreamProtocol": upstream}).start(60)
        self.place.wait_applied()
        self.crowd = mqtt_crowd.Crowd(self.place, list(modules), list(leaves), "sink", **load).start()
        wait_for(lambda: all(p.acknowledged >= 0 for p in self.crowd.publishers), 60, "the first acknowledgements")

    def kill(self):
        self.hub.kill()
        self.kills += 1

    def revive(self):
        self.hub.start(60)
        self.assertEqual(self.hub.unbalanced(), "")

    def wait_drained(self):
        try:
            wait_for(lambda: self.hub.pending() == 0, 180, "everything to be delivered")
        except AssertionError as why:
            raise AssertionError(f"{why}\n{self.hub.ledger()}\n{self.hub.tail(20)}") from why
        self.assertEqual(self.hub.unbalanced(), "")

    def arrived(self):
        """{sender: [numbers]} at the cloud since it was asked last."""
        marks, found = self.place.marks(self.marks), {}
        for event in self.place.events(self.marks):
            self.assertEqual(json.loads(event["body"])["n"], int(event["properties"]["n"]))
            found.setdefault((event["device"], event["module"] or ""), []).append(int(event["properties"]["n"]))
        self.marks = marks
        return found

    def account(self):
        """Everything acknowledged has arrived where its routes lead, each sender's in order, and nothing was dropped."""
        self.crowd.pause(120)
        self.wait_drained()
        ledger = self.hub.ledger()
        for route, entry in ledger.items():
            self.assertEqual((entry["expired"], sum(entry["dropped"].values())), (0, 0), f"{route}: {entry}")
        promised = self.crowd.promised
        self.assertGreaterEqual(ledger["up"]["in"], sum(promised.values()))
        arrived = self.arrived()
        for who, count in promised.items():
            self.check_sender(f"cloud: {who}", arrived.get(who, []), self.base.get(who, 0), count)
        first = self.device, "m0"
        sunk = self.crowd.sink.came.pop("m0", [])
        self.check_sender("sink: m0", sunk, self.base.get(first, 0), promised[first], {7})
        self.base = promised

    def check_sender(self, what, numbers, start, end, twice=()):
        once = [number for number in firsts(numbers) if number >= start]
        missing = sorted(set(range(start, end)) - set(once))
        self.assertEqual(missing[:10], [], f"{what}: {len(missing)} of {end - start} acknowledged messages are lost")
        ordered = [number for number in once if number not in twice]
        self.assertEqual(ordered, sorted(ordered), f"{what}: out of order")
        self.duplicates += len(numbers) - len(firsts(numbers))


__all__ = ["HubCrashCase", "ROUTES", "SEED", "firsts"]
