"""An edge hub with everything going on at once: publishers, routes to a module and to the cloud, twins, methods both ways,
a cloud that goes away and comes back, a restart, a kill. Nothing acknowledged is lost. Also what the thread sanitizer looks at."""
import contextlib
import json
import os
import subprocess
import threading
import time
import unittest
import urllib.request
import ssl
from http.client import HTTPException

import sandbox
import cloud
import edge_hub
import mqtt_raw
import services
from sandbox import wait_for

PUBLISHERS, RATE = 6, 240
SECONDS = int(os.environ.get("EDGE_LOAD_SECONDS", "4"))  # of each stage
KEY = edge_hub.key_of("load")
UPSTREAM = os.environ.get("EDGE_UPSTREAM", "Amqp")
ROUTES = {"up": "FROM /messages/* WHERE NOT is_defined(dest) OR dest = 'cloud' INTO $upstream",
          "sink": "FROM /messages/modules/sensor/* WHERE dest = 'sink' INTO BrokeredEndpoint(\"/modules/sink/inputs/in1\")",
          "twins": "FROM /twinChangeNotifications INTO BrokeredEndpoint(\"/modules/sink/inputs/in2\")"}


class Worker(threading.Thread):
    """Does `step` again and again until it is ended; what it raised is raised by end()."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.over, self.error = step, threading.Event(), None
        self.start()

    def run(self):
        while not self.over.is_set():
            try:
                self.step()
            except Exception as error:  # noqa: BLE001: it is raised again
                self.error = error
                return

    def end(self):
        self.over.set()
        self.join(90)
        if self.error:
            raise self.error


class Member:
    """A module that comes back whenever it loses the hub."""

    def __init__(self, test, who):
        self.test, self.who, self.client, self.over = test, who, None, False

    def connected(self):
        while self.client is None:
            try:
                client = mqtt_raw.Client(self.test.place, self.who, self.heard, clean=False)
            except (OSError, mqtt_raw.Refused):
                if self.over:
                    raise
                time.sleep(0.1)
                continue
            self.entered(client)
        return self.client

    def entered(self, client):
        self.client = client

    def lost(self):
        client, self.client = self.client, None
        if client:
            client.close()

    def heard(self, client, topic, body):
        pass


class Sensor(Member):
    """Counts up, to the cloud and to the sink in turns; reports twins and answers methods beside it."""

    def __init__(self, test, who):
        super().__init__(test, who)
        self.number, self.answers, self.desired, self.called = 0, 0, 0, 0

    def entered(self, client):
        try:
            client.subscribe("$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#")
        except mqtt_raw.Lost:
            client.close()
            return
        super().entered(client)

    def heard(self, client, topic, body):
        if topic.startswith("$iothub/methods/POST/"):
            self.called += 1
            rid = topic.rsplit("$rid=", 1)[1]
            client.send(mqtt_raw.publish(f"$iothub/methods/res/200/?$rid={rid}", body))
        elif topic.startswith("$iothub/twin/PATCH"):
            self.desired = json.loads(body).get("tick", self.desired)
        else:
            self.answers += 1

    def step(self):
        client = self.connected()
        dest = "sink" if self.number % 2 else "cloud"
        try:
            client.publish(f"{client.path}/messages/events/dest={dest}&mark=sensor", str(self.number).encode())
            self.number += 1
            if self.number % 5 == 0:
                client.send(mqtt_raw.publish(f"$iothub/twin/PATCH/properties/reported/?$rid={self.number}",
                                             json.dumps({"seen": self.number}).encode()))
                client.send(mqtt_raw.publish(f"$iothub/twin/GET/?$rid=g{self.number}", b""))
        except (mqtt_raw.Lost, OSError):
            self.lost()


class Sink(Member):
    def __init__(self, test, who):
        super().__init__(test, who)
        self.got, self.changes = [], 0

    def entered(self, client):
        try:
            client.subscribe(f"{client.path}/inputs/#")
        except mqtt_raw.Lost:
            client.close()
            return
        super().entered(client)

    def heard(self, client, topic, body):
        if "/inputs/in1/" in topic:
            self.got.append(int(body))
        else:
            self.changes += 1

    def step(self):
        client = self.connected()
        if client.ended:
            self.lost()
        time.sleep(0.05)


class HubLoad(unittest.TestCase):
    def setUp(self):
        cloud.name_hosts(edge_hub.NAMES)
        self.place = edge_hub.Place()
        self.addCleanup(self.place.stop)
        self.place.routes(**ROUTES)
        self.sensor = Sensor(self, self.place.module("sensor"))
        self.sink = Sink(self, self.place.module("sink"))
        for number in range(PUBLISHERS):
            self.place.module(f"mod-{number}", KEY)
        self.hub = self.place.hub(more={"UpstreamProtocol": UPSTREAM})
        self.addCleanup(self.hub.kill)
        self.hub.start(60)
        self.published, self.tick, self.methods = 0, 0, {}

    def tearDown(self):
        for service in (self.hub, self.place.cloud):
            if service.complaints():
                raise AssertionError(service.complaints())
            self.assertTrue(service.running() or service.process.returncode == 0, service.tail())

    def publishers(self):
        """A stage of load; every message is acknowledged, or the loader fails."""
        done = subprocess.run(
            [os.path.join(services.BIN, "mqtt-load"), "--host", edge_hub.GATEWAY, "--port", "8883", "--hub", edge_hub.CLOUD, "--key", KEY,
             "--ca", self.place.trust, "--prefix", f"{self.place.device}/mod-", "--devices", str(PUBLISHERS), "--twins",
             "--rate", str(RATE), "--seconds", str(SECONDS)], capture_output=True, text=True, timeout=SECONDS + 60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + self.hub.tail())
        self.published += int(dict(line.split() for line in done.stdout.splitlines())["acked"])

    # What goes on beside it, each a step of a worker

    def patch_twin(self):
        self.tick += 1
        with contextlib.suppress(OSError, HTTPException):  # the cloud is away for the test, too
            self.place.cloud.service.ok("PATCH", f"/twins/{self.place.device}/modules/sensor",
                                        {"properties": {"desired": {"tick": self.tick}}})
        time.sleep(0.1)

    def count(self, name, status):
        self.methods[name, status] = self.methods.get((name, status), 0) + 1
        time.sleep(0.05)

    def call_by_cloud(self):
        try:
            status, _ = self.place.cloud.service.method(self.place.device, "echo", {"n": self.tick}, "sensor", 5)
        except (OSError, HTTPException):
            status = None
        self.count("cloud", status)

    def call_by_module(self):
        """As a module does it, by HTTPS."""
        request = urllib.request.Request(
            f"https://{edge_hub.GATEWAY}/twins/{self.place.device}/modules/sensor/methods?api-version=2018-06-30",
            json.dumps({"methodName": "echo", "payload": [self.tick], "responseTimeoutInSeconds": 5}).encode(), method="POST",
            headers={"Authorization": self.sink.who.token(), "x-ms-edge-moduleId": self.sink.who.name})
        context = ssl.create_default_context(cafile=self.place.trust)
        try:
            with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                self.count("module", answer.status)
        except urllib.error.HTTPError as error:
            self.count("module", error.code)
        except (OSError, HTTPException):
            self.count("module", None)  # the hub is restarting

    def scrape(self):
        try:
            self.hub.metrics()
        except (OSError, HTTPException):
            pass
        time.sleep(0.2)

    def test_nothing_acknowledged_is_lost(self):
        workers = [Worker(step) for step in (self.sensor.step, self.sink.step, self.call_by_cloud, self.call_by_module,
                                             self.patch_twin, self.scrape)]
        self.publishers()
        wait_for(lambda: self.methods.get(("cloud", 200)) and self.methods.get(("module", 200)), 60, "methods to be answered")
        with self.place.cut():
            self.publishers()
        wait_for(self.hub.online, 60, "the hub to be back at the cloud")
        self.hub.restart()
        with self.place.cut("refuse"):
            self.publishers()
        self.hub.restart(kill=True)
        self.publishers()
        reached = self.sensor.number
        wait_for(lambda: self.sensor.number > reached, 60, "the sensor to be back")
        wait_for(lambda: (client := self.sink.client) and not client.ended, 60, "the sink to be back")
        for worker in workers:
            worker.end()
        self.settle()

    def settle(self):
        sent = self.sensor.number
        try:
            wait_for(lambda: self.hub.pending() == 0, 90, "everything to be delivered")
        except AssertionError as error:
            raise AssertionError(f"{error} {self.hub.ledger()}\n{self.hub.tail()}") from None
        loaded, own = self.count_arrived()
        self.assertGreaterEqual(loaded, self.published)
        # Once and again is allowed after a kill; in order, and none missing, is not.
        self.assertEqual(list(dict.fromkeys(own)), list(range(0, own[-1] + 1, 2)))
        self.assertEqual(list(dict.fromkeys(self.sink.got)), list(range(1, self.sink.got[-1] + 1, 2)))
        self.assertGreaterEqual(max(own[-1], self.sink.got[-1]), sent - 1)
        self.assertEqual(self.hub.unbalanced(), "")
        for what in (self.sensor.answers, self.sensor.desired, self.sensor.called, self.sink.changes):
            self.assertGreater(what, 0)
        self.sensor.lost()
        self.sink.lost()
        self.hub.stop()
        print(f"published {self.published}, sensor {sent}, methods {self.methods}, twin changes {self.sink.changes}", flush=True)

    def count_arrived(self):
        events = self.place.events()
        own = [int(event["body"]) for event in events if event["module"] == "sensor"]
        return sum(event["module"].startswith("mod-") for event in events), own


if __name__ == "__main__":
    sandbox.enter(on_disk=True)
    unittest.main(verbosity=2)
