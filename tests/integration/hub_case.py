"""What tests of a hub between its clients and the local cloud share: the cloud, the hub, one for all tests of a class."""
import unittest

import cloud
import edge_hub


class HubCase(unittest.TestCase):
    """`prepare` makes identities before the hub starts; `furnish` has what needs it."""

    routes = {"up": "FROM /messages/* INTO $upstream"}
    settings = {}  # of the hub

    @classmethod
    def setUpClass(cls):
        cloud.name_hosts(edge_hub.NAMES)
        cls.place = edge_hub.Place()
        cls.addClassCleanup(cls._end)
        cls.place.routes(**cls.routes)
        cls.prepare()
        cls.hub = cls.place.hub(more=cls.settings).start(60)
        cls.number = 0
        cls.furnish()

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def furnish(cls):
        pass

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
        self.mark = f"mark{self.number}"
        self.start = self.place.marks()

    def tearDown(self):
        self.assertTrue(self.hub.running(), self.hub.tail())
        self.assertEqual(self.hub.unbalanced(), "")


__all__ = ["HubCase"]
