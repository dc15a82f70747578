"""What the tests of an edge hub by hand-made bytes share: the cloud, the hub, connections to both."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402,F401
import edge_hub  # noqa: E402
from hub_case import HubCase  # noqa: E402
from mqtt_wire import ACCEPTED, Wire  # noqa: E402

AT_ONCE = 4  # seconds in which a connection ends that is ended; sooner than any timer of the hub's


class WireCase(HubCase):
    @classmethod
    def prepare(cls):
        cls.good = cls.place.module("good")

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
