#!/usr/bin/env python3
"""The cloud is away, in each way that it can be: edge-hub notices in seconds, takes messages meanwhile, and they arrive
afterwards, all of them and in order."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sandbox
import cloud
import edge_hub
from sandbox import wait_for

NOTICED_S = 40  # the hub's own timers need up to 30
BACK_S = 150  # a pause between tries may last a minute
FIRST, MORE = 60, 40  # messages of each sender: as the outage begins, once it is noticed


def setUpModule():
    cloud.name_hosts(edge_hub.NAMES)
    Outage.place = edge_hub.Place()
    unittest.addModuleCleanup(Outage.place.stop)
    Outage.place.routes(up="FROM /messages/* INTO $upstream")
    Outage.senders = [Outage.place.module("sensor"), Outage.place.leaf("leaf1")]


class Outage:
    """With PROTOCOL, towards the cloud."""

    @classmethod
    def setUpClass(cls):
        cls.hub = cls.place.hub(name="hub-" + cls.PROTOCOL, more={"UpstreamProtocol": cls.PROTOCOL}).start(60)
        cls.addClassCleanup(cls.hub.stop)
        wait_for(cls.hub.online, 60, "the hub to be online")

    def setUp(self):
        self.start = self.place.marks()
        self.sent = {who.name: [] for who in self.senders}

    def publish(self, how, count):
        for who in self.senders:
            bodies = [f"{how}-{len(self.sent[who.name]) + number}" for number in range(count)]
            path = f"devices/{who.device}" + (f"/modules/{who.module}" if who.module else "")
            done = subprocess.run(
                ["mosquitto_pub", "-h", edge_hub.GATEWAY, "-p", "8883", "--cafile", self.place.trust, "-V", "mqttv311", "-i", who.name,
                 "-u", who.user, "-P", who.token(), "-q", "1", "-l", "-t", f"{path}/messages/events/"],
                input="\n".join(bodies), capture_output=True, text=True, timeout=40)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.sent[who.name] += bodies

    def received(self):
        """Of each sender, in order, without what came twice."""
        found = {name: {} for name in self.sent}
        for event in self.place.events(self.start):
            name = event["device"] + (f"/{event['module']}" if event["module"] else "")
            found[name][event["body"].decode()] = True
        return {name: list(bodies) for name, bodies in found.items()}

    def all_arrived(self):
        found = self.received()
        if found != self.sent:
            raise sandbox.Unmet({name: f"{len(found[name])} of {len(self.sent[name])}" for name in found})
        return True

    def outage(self, how):
        self.publish(how, 3)
        wait_for(self.all_arrived, 60, "the first messages", every=0.2)
        logged = self.hub.size()
        with self.place.cut(how):
            self.publish(how, FIRST)
            wait_for(lambda: not self.hub.online(), NOTICED_S, "the hub to notice", every=0.2)
            self.assertIn('"upstream":false', self.hub.get("/health"))
            self.assertIn("IoT Hub cannot be reached: ", self.hub.text(logged))
            self.publish(how, MORE)
            self.assertGreaterEqual(self.hub.pending(), MORE * len(self.senders))
        wait_for(self.hub.online, BACK_S, "the hub to be online again", every=0.2)
        wait_for(self.all_arrived, 60, "everything to arrive in order", every=0.2)
        wait_for(lambda: self.hub.pending() == 0, 60, "the queues to be empty", every=0.2)
        self.assertEqual(self.hub.unbalanced(), "")

    def test_packets_vanish(self):
        self.outage("drop")

    def test_connections_are_refused(self):
        self.outage("refuse")

    def test_the_service_dies(self):
        self.outage("kill")

    def test_the_service_is_deaf(self):
        self.outage("freeze")

    def test_a_restart_sends_nothing_twice(self):
        self.publish("restart", 200)
        self.hub.restart()
        wait_for(self.all_arrived, 60, "everything to arrive in order", every=0.2)
        self.assertEqual(len(self.place.events(self.start)), sum(map(len, self.sent.values())))


class Amqp(Outage, unittest.TestCase):
    PROTOCOL = "Amqp"


class Mqtt(Outage, unittest.TestCase):
    PROTOCOL = "Mqtt"


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
