"""What the tests of an edge hub by hand-made bytes share: the cloud, the hub, connections to both."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402,F401
import cloud  # noqa: E402
import edge_hub  # noqa: E402
from mqtt_wire import ACCEPTED, Wire  # noqa: E402

AT_ONCE = 4  # seconds in which a connection ends that is ended; sooner than any timer of the hub's


class WireCase(unittest.TestCase):
    """`routes` of the hub; `prepare` makes identities before it starts."""

    routes = {"up": "FROM /messages/* INTO $upstream"}

    @classmethod
    def setUpClass(cls):
        cloud.name_hosts(edge_hub.NAMES)
        cls.place = edge_hub.Place()
        cls.addClassCleanup(cls._end)
        cls.place.routes(**cls.routes)
        cls.prepare()
        cls.hub = cls.place.hub().start(60)
        cls.number = 0

    @classmethod
    def prepare(cls):
        cls.good = cls.place.module("good")

    @classmethod
    def _end(cls):
        hub = getattr(cls, "hub", None)
        if hub:
            hub.stop()
        cls.place.stop()
        found = cls.place.cloud.complaints() or (hub and hub.complaints())
        if found:
            raise AssertionError(found)

    def setUp(self):
        type(self).number += 1
        self.start = self.place.marks()

    def tearDown(self):
        self.assertTrue(self.hub.running(), self.hub.tail())
        self.assertEqual(self.hub.unbalanced(), "")

    def fresh(self, name="leaf", **more):
        """A device of this test's own."""
        return self.place.leaf(f"{name}{self.number}", **more)

    def wire(self, kind=Wire, **more):
        made = kind(edge_hub.GATEWAY, edge_hub.ADDRESS, self.place.trust, **more)
        self.addCleanup(made.close)
        return made

    def cloud_wire(self):
        made = Wire(edge_hub.CLOUD, edge_hub.CLOUD_ADDRESS, self.place.trust)
        self.addCleanup(made.close)
        return made

    def let_in(self, who, open_wire=None, **more):
        made = (open_wire or self.wire)()
        self.assertEqual(made.login(who, **more).hex(), ACCEPTED.hex())
        return made

    def events_of(self, who, count):
        """Until so many have arrived from it in this test; all of them."""
        def its(event):
            return (event["device"], event["module"] or "") == (who.device, who.module)

        return self.place.arrived(count, self.start, its)

    def arrived_of(self, who, count):
        return [event["body"] for event in self.events_of(who, count)]
