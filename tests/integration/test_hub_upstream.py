"""edge-hub and the cloud: each protocol upwards, through a proxy as well, and a cloud that takes some and not others. test_hub_outage.py: a cloud that is away."""
import base64
import json
import subprocess
import threading
import unittest

import sandbox
import cloud
import edge_hub
from connect_proxy import Proxy
from sandbox import wait_for

SECONDS = {"MinTwinSyncPeriodSecs": "1", "ReportedPropertiesSyncFrequencySecs": "1"}
SENDERS = 4


class Publisher:
    """mosquitto_pub with a line for each message; what it was told is acknowledged is in `done`."""

    def __init__(self, place, who, mark):
        path = f"devices/{who.device}" + (f"/modules/{who.module}" if who.module else "")
        self.arguments = ["mosquitto_pub", "-h", edge_hub.GATEWAY, "-p", "8883", "--cafile", place.trust, "-V", "mqttv311",
                          "-i", who.name, "-u", who.user, "-P", who.token(), "-q", "1", "-l",
                          "-t", f"{path}/messages/events/mark={mark}"]

    def send(self, first, count):
        lines = "".join(f"{number}\n" for number in range(first, first + count))
        done = subprocess.run(self.arguments, input=lines, capture_output=True, text=True, timeout=90)
        if done.returncode != 0 or done.stderr:
            raise AssertionError(f"mosquitto_pub: {done.returncode} {done.stderr}")


class HubUpstream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cloud.name_hosts(edge_hub.NAMES)
        cls.place = edge_hub.Place()
        cls.addClassCleanup(cls.place.stop)
        cls.place.routes(up="FROM /messages/* INTO $upstream")
        cls.senders = [cls.place.leaf(f"leaf{number}") for number in range(SENDERS - 1)] + [cls.place.module("sensor")]
        cls.number = 0

    def begin(self, **more):
        type(self).number += 1
        self.mark = f"mark{self.number}"
        self.start = self.place.marks()
        hub = self.place.hub(name=f"edge-hub-{self.number}", more={**SECONDS, **more})
        self.addCleanup(self._check, hub)
        return hub.start(60)

    def _check(self, hub):
        hub.stop()
        self.assertEqual(hub.complaints() or self.place.cloud.complaints(), "")

    def send(self, first, count):
        """The senders at once, each its own numbers; all acknowledged when it returns."""
        failed = []

        def run(who):
            try:
                Publisher(self.place, who, self.mark).send(first, count)
            except AssertionError as error:
                failed.append(error)

        threads = [threading.Thread(target=run, args=(who,)) for who in self.senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertFalse(failed)

    def all_arrive(self, hub, count, twice=False):
        """Everything, in the order of each sender; `twice`: some may have come again after a lost acknowledgement."""
        wait_for(lambda: hub.pending() == 0, 90, "the queues to be empty", every=0.2)
        events = [event for event in self.place.events(self.start) if event["properties"].get("mark") == self.mark]
        for who in self.senders:
            numbers = [int(event["body"]) for event in events if (event["device"], event["module"]) == (who.device, who.module)]
            seen = list(dict.fromkeys(numbers)) if twice else numbers
            self.assertEqual(seen, list(range(count)), who.name)
        self.assertEqual(hub.unbalanced(), "")
        entry = hub.ledger()["up"]
        self.assertEqual((entry["in"], entry["delivered"]), (count * SENDERS, count * SENDERS))
        return len(events) - count * SENDERS

    def by(self, protocol, **more):
        hub = self.begin(UpstreamProtocol=protocol, **more)
        wait_for(hub.online, 60, "the hub to be connected")
        self.send(0, 100)
        self.all_arrive(hub, 100)
        wait_for(lambda: "edge1/sensor" in (self.place.status().get("clients") or {}), 60, "the hub's report")
        return hub

    def test_amqp(self):
        self.by("Amqp")

    def test_amqp_by_websocket(self):
        self.by("AmqpWs")

    def test_mqtt(self):
        self.by("Mqtt")

    def test_mqtt_by_websocket(self):
        self.by("MqttWs")

    def by_proxy(self, protocol):
        """Everything goes by the proxy that the environment names, which wants a password; nothing beside it."""
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        hub = self.by(protocol, https_proxy=f"http://user:word@{proxy.address}")
        word = "Basic " + base64.b64encode(b"user:word").decode()
        self.assertEqual(set(proxy.asked), {("CONNECT", f"{edge_hub.CLOUD}:443", word)})
        lines = subprocess.check_output(["ss", "-Htnp", "dst", edge_hub.CLOUD_ADDRESS], text=True).splitlines()
        self.assertTrue(lines)  # the proxy's
        self.assertEqual([line for line in lines if f"pid={hub.process.pid}," in line], [])

    def test_amqp_by_proxy(self):
        self.by_proxy("AmqpWs")

    def test_mqtt_by_proxy(self):
        self.by_proxy("MqttWs")

    def test_acknowledgements_are_lost(self):
        hub = self.begin()
        self.send(0, 10)
        self.place.cloud.faults(loseAcks=25)
        self.send(10, 40)
        again = self.all_arrive(hub, 50, twice=True)
        self.assertGreater(again, 0)  # what was not acknowledged has come again

    def test_a_throttled_hub_tries_again(self):
        hub = self.begin()
        self.send(0, 10)
        self.place.cloud.faults(throttle=True)
        try:
            self.send(10, 40)
            self.assertGreater(hub.pending(), 0)
        finally:
            self.place.cloud.faults(throttle=False)
        self.all_arrive(hub, 50)

    def test_one_identity_the_cloud_does_not_take_blocks_no_other(self):
        hub = self.begin()
        self.send(0, 10)
        service, bad = self.place.cloud.service, self.senders[0]
        wait_for(lambda: hub.pending() == 0, 60, "the first messages to go")  # what is under way may come twice
        with self.place.cut("refuse"):
            self.send(10, 10)
            identity = service.ok("GET", f"/devices/{bad.device}")
            service.ok("PUT", f"/devices/{bad.device}", dict(identity, status="disabled"), headers={"If-Match": "*"})
        wait_for(lambda: hub.pending() <= 10, 60, "the others' messages to go")
        events = [event for event in self.place.events(self.start) if event["properties"].get("mark") == self.mark]
        self.assertEqual(len([event for event in events if event["device"] != bad.device]), 20 * (SENDERS - 1))
        identity = service.ok("GET", f"/devices/{bad.device}")
        service.ok("PUT", f"/devices/{bad.device}", dict(identity, status="enabled"), headers={"If-Match": "*"})
        self.all_arrive(hub, 20, twice=True)

    def test_routes_change_while_messages_wait(self):
        hub = self.begin()
        with self.place.cut("refuse"):
            wait_for(lambda: not hub.online(), 60, "the hub to notice")
            self.send(0, 20)
        self.place.configure({"schemaVersion": "1.1", "routes": {"bad": "FROM nowhere INTO $upstream"},
                              "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}})
        said = self.place.wait_applied()
        self.assertEqual(said["code"], 400, json.dumps(said))
        self.send(20, 20)  # the old routes stay
        self.place.routes(up="FROM /messages/* INTO $upstream")
        self.assertEqual(self.place.wait_applied()["code"], 200)
        self.all_arrive(hub, 40)


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
