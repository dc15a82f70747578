"""Clients of other makers, which know nothing of IoT Hub, behind an edge hub: mosquitto_pub, mosquitto_sub, MQTT.js, rhea."""
import os
import signal
import subprocess
import sys
import threading
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import cloud  # noqa: E402
import edge_hub  # noqa: E402
from hub_case import HubCase  # noqa: E402
from sandbox import wait_for  # noqa: E402

ROUTES = {"up": "FROM /messages/* WHERE dest = 'cloud' INTO $upstream",
          "sink": "FROM /messages/* WHERE dest = 'sink' INTO BrokeredEndpoint(\"/modules/sink/inputs/in1\")",
          "other": "FROM /messages/* WHERE dest = 'other' INTO BrokeredEndpoint(\"/modules/sink/inputs/in2\")"}


class Subscriber:
    """mosquitto_sub, and what it prints."""

    def __init__(self, arguments):
        self.process = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait(self, word, start=0, timeout=20):
        """The first line from `start` on with the word in it, and the number of the next."""
        def found():
            for number, line in enumerate(self.lines[start:], start + 1):
                if word in line:
                    return line, number
            raise sandbox.Unmet("\n".join(self.lines[start:]))

        return wait_for(found, timeout, f"{word!r} from mosquitto_sub")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


class HubRaw(HubCase):
    routes = ROUTES

    @classmethod
    def prepare(cls):
        cls.sensor, cls.leaf = cls.place.module("sensor"), cls.place.leaf("leaf1")
        cls.sink = cls.place.module("sink")
        cls.place.leaf("leaf2")

    # What a client does

    def options(self, who, password=None):
        return ["-h", edge_hub.GATEWAY, "-p", "8883", "--cafile", self.place.trust, "-V", "mqttv311", "-i", who.name,
                "-u", who.user, "-P", password or who.token()]

    def topic(self, who, dest="cloud", **more):
        path = f"devices/{who.device}" + (f"/modules/{who.module}" if who.module else "")
        bag = urllib.parse.urlencode({"mark": self.mark, "dest": dest, **more}, quote_via=urllib.parse.quote)
        return f"{path}/messages/events/{bag}"

    def publish(self, who, topic, text, *more, qos=1, **options):
        """(exit code, what it said)"""
        done = subprocess.run(["mosquitto_pub", *self.options(who, **options), "-q", str(qos), "-t", topic, "-m", text, *more],
                              capture_output=True, text=True, timeout=40)
        return done.returncode, done.stdout + done.stderr

    def subscribe(self, who, topic, *more, qos=1):
        client = Subscriber([*self.options(who), "-q", str(qos), "-t", topic, "-v", "-d", *more])
        self.addCleanup(client.end)
        client.next = client.wait("SUBACK")[1]
        return client

    def arrived(self, count, **more):
        return self.place.arrived(count, self.start, lambda event: event["properties"].get("mark") == self.mark, **more)

    def nothing_but(self, *bodies):
        """These have arrived, and nothing else of this test: what was sent before them would have."""
        self.assertEqual([event["body"].decode() for event in self.arrived(len(bodies))], list(bodies))
        wait_for(lambda: self.hub.pending() == 0, 20, "the cloud's acknowledgements")
        self.assertEqual([event["body"].decode() for event in self.arrived(len(bodies))], list(bodies))

    # Messages

    def test_a_message_is_published(self):
        for qos in (0, 1):
            self.assertEqual(self.publish(self.sensor, self.topic(self.sensor, **{"$.mid": f"m{qos}"}), f"q{qos}", qos=qos), (0, ""))
        first, second = self.arrived(2)
        self.assertEqual((first["device"], first["module"], first["body"]), (self.place.device, "sensor", b"q0"))
        self.assertEqual((second["body"], second["system"]["$.mid"]), (b"q1", "m1"))

    def test_retain_becomes_a_property(self):
        self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "kept", "-r")[0], 0)
        self.assertEqual(self.arrived(1)[0]["properties"].get("mqtt-retain"), "true")

    def test_another_topic_ends_the_connection(self):
        for topic in ("free/topic", "devices/leaf1/messages/elsewhere/", "$iothub/nothing/", "devices/leaf1/messages/devicebound/"):
            with self.subTest(topic):
                self.assertNotEqual(self.publish(self.leaf, topic, "x")[0], 0)
        self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "last")[0], 0)
        self.nothing_but("last")

    def test_nobody_speaks_for_another(self):
        for who, other in ((self.leaf, "devices/leaf2/messages/events/"), (self.leaf, "devices/edge1/modules/sensor/messages/events/"),
                           (self.sensor, "devices/edge1/modules/sink/messages/events/"), (self.sensor, "devices/edge1/messages/events/"),
                           (self.leaf, "devices/LEAF1/messages/events/")):
            with self.subTest(other):
                self.assertNotEqual(self.publish(who, other + f"mark={self.mark}&dest=cloud", "forged")[0], 0)
        self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "last")[0], 0)
        self.nothing_but("last")

    def test_nobody_says_who_another_is(self):
        for name in ("$.cdid", "$.cmid"):
            self.publish(self.leaf, self.topic(self.leaf, **{name: "leaf2"}), "forged")
        self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "last")[0], 0)
        self.assertEqual({event["device"] for event in self.arrived(1)}, {"leaf1"})

    def test_qos_2_ends_the_connection_and_nothing_is_kept(self):
        self.assertNotEqual(self.publish(self.leaf, self.topic(self.leaf), "twice", qos=2)[0], 0)
        self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "last")[0], 0)
        self.nothing_but("last")

    def test_a_message_of_256_kib_is_the_largest(self):
        body = sandbox.work() + "/body"
        for size, taken in ((255 * 1024, True), (256 * 1024 + 1, False)):
            with open(body, "wb") as file:
                file.write(b"x" * size)
            done = subprocess.run(["mosquitto_pub", *self.options(self.leaf), "-q", "1", "-t", self.topic(self.leaf), "-f", body],
                                  capture_output=True, timeout=40)
            self.assertEqual(done.returncode == 0, taken, done)
        self.assertEqual(len(self.arrived(1)[0]["body"]), 255 * 1024)

    def test_who_is_refused_is_told_why(self):
        self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "x", password="wrong")[0], 5)
        self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "x", password=self.sensor.token())[0], 5)
        beside = self.place.leaf("beside", scope=False)
        self.assertEqual(self.publish(beside, self.topic(beside), "x")[0], 5)

    def test_what_was_acknowledged_survives_the_death_of_the_hub(self):
        with self.place.cut():
            for number in range(20):
                self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), f"n{number}")[0], 0)
            self.hub.restart(kill=True)
            self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "n20")[0], 0)  # let in with no cloud
            self.assertGreaterEqual(self.hub.pending(), 21)

        def once():
            bodies = list(dict.fromkeys(event["body"].decode() for event in self.arrived(0)))  # some may come twice
            return len(bodies) == 21 and bodies

        self.assertEqual(wait_for(once, 120, "21 different messages", every=0.2), [f"n{number}" for number in range(21)])

    # Sessions

    def test_a_will_is_sent_for_who_dies(self):
        client = self.subscribe(self.leaf, "devices/leaf1/messages/devicebound/#", "--will-topic", self.topic(self.leaf),
                                "--will-payload", "dead", "--will-qos", "1")
        client.process.send_signal(signal.SIGKILL)
        event = self.arrived(1)[0]
        self.assertEqual((event["device"], event["body"], event["properties"].get("iothub-MessageType")), ("leaf1", b"dead", "Will"))

    def test_a_second_connection_takes_over(self):
        client = self.subscribe(self.leaf, "devices/leaf1/messages/devicebound/#")
        client.process.send_signal(signal.SIGSTOP)  # or it might be back, and take over, before the other is done
        self.assertEqual(self.publish(self.leaf, self.topic(self.leaf), "second")[0], 0)
        self.nothing_but("second")
        client.process.send_signal(signal.SIGCONT)
        client.wait("sending CONNECT", client.next)  # thrown out: it comes back

    def test_an_input_is_received(self):
        client = self.subscribe(self.sink, "devices/edge1/modules/sink/inputs/in1/#", "-C", "1")
        self.assertEqual(self.publish(self.sensor, self.topic(self.sensor, "sink", k="v w"), "hello")[0], 0)
        topic, _, body = client.wait(" hello", client.next)[0].rpartition(" ")
        self.assertEqual(body, "hello")
        self.assertTrue(topic.startswith("devices/edge1/modules/sink/inputs/in1/"), topic)
        bag = dict(part.split("=", 1) for part in topic.split("/")[-1].split("&"))
        self.assertEqual((bag["k"], bag["%24.cdid"], bag["%24.cmid"]), ("v%20w", "edge1", "sensor"))

    # MQTT.js, rhea

    def run_cases(self, transport, file="raw.js"):
        cloud.run_node(self, self.place.cloud, file, transport, *os.environ.get("EDGE_CASES", "").split(),
                       more=edge_hub.node_environment(self.place))

    def test_mqtt_js(self):
        self.run_cases("mqtt")

    def test_mqtt_js_by_websocket(self):
        self.run_cases("mqtt-ws")

    def test_rhea(self):
        self.run_cases("amqp", "peer.js")

    def test_rhea_by_websocket(self):
        self.run_cases("amqp-ws", "peer.js")


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
