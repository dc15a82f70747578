"""Qpid Proton behind an edge hub, its Python binding and its C examples: they know nothing of IoT Hub. And a store that is full."""
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import edge_hub  # noqa: E402
from hub_case import HubCase  # noqa: E402
from peers import Proton  # noqa: E402
from sandbox import wait_for  # noqa: E402

import proton  # noqa: E402
import proton.utils  # noqa: E402

GATEWAY, CLOUD, DEVICE = edge_hub.GATEWAY, edge_hub.CLOUD, edge_hub.DEVICE
EXAMPLES = "/usr/share/proton/examples/c"
ROUTES = {"up": "FROM /messages/* WHERE dest = 'cloud' INTO $upstream",
          "maps": "FROM /messages/* WHERE $body.sequence > 0 INTO $upstream",
          "sink": "FROM /messages/* WHERE dest = 'sink' INTO BrokeredEndpoint(\"/modules/sink/inputs/in1\")"}
LIMIT = 300 * 1024  # bytes of the store
THROTTLED = "com.microsoft:device-container-throttled"


def path(who):
    return f"/devices/{who.device}" + (f"/modules/{who.module}" if who.module else "")


class Tunnel:
    """Plain AMQP in, TLS with a client certificate out: for programs that cannot show one."""

    def __init__(self, ca, cert):
        self.context = ssl.create_default_context(cafile=ca)
        self.context.load_cert_chain(*cert)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            inside = self.listener.accept()[0]
            outside = self.context.wrap_socket(socket.create_connection((GATEWAY, 5671)), server_hostname=GATEWAY)
            threading.Thread(target=self._carry, args=(inside, outside), daemon=True).start()

    @staticmethod
    def _carry(inside, outside):
        other = {inside: outside, outside: inside}
        with inside, outside:
            while True:
                ready = [outside] if outside.pending() else select.select(list(other), [], [])[0]
                for one in ready:
                    data = Tunnel._receive(one)
                    if data == b"":
                        return
                    other[one].sendall(data or b"")

    @staticmethod
    def _receive(one):
        """None: what has come is a ticket, and no data."""
        one.settimeout(0)
        try:
            return one.recv(65536)
        except ssl.SSLWantReadError:
            return None
        finally:
            one.settimeout(None)


class HubAmqp(HubCase):
    routes = ROUTES

    @classmethod
    def prepare(cls):
        cls.sensor, cls.sink = cls.place.module("sensor"), cls.place.module("sink")
        cls.leaf = cls.place.leaf("leaf1")
        cls.cert = cls.place.leaf_by_authority("signed")

    def client(self, who=None, **more):
        client = Proton(GATEWAY, self.place.trust, **{"allowed_mechs": "ANONYMOUS", **more})
        self.addCleanup(client.leave)
        if who:
            self.assertEqual(client.put_token(who.resource, who.token()), 200)
        return client

    def message(self, body=b"x", dest="cloud", **properties):
        return proton.Message(body=body, inferred=True, properties={"mark": self.mark, "dest": dest, **properties})

    def arrived(self, count):
        return self.place.arrived(count, self.start, lambda event: event["properties"].get("mark") == self.mark)

    # Python

    def test_every_way_to_log_in(self):
        plain = {"allowed_mechs": "PLAIN", "password": self.leaf.token()}
        ways = {"ANONYMOUS": self.client(self.leaf), "no SASL": self.client(self.leaf, sasl_enabled=False, allowed_mechs=None)}
        for name in ways:
            ways[name].sender("/devices/leaf1/messages/events").send(self.message(name.encode()))
        for user in ("leaf1@sas.hub", f"leaf1@sas.{CLOUD}"):
            self.client(user=user, **plain).sender("/devices/leaf1/messages/events").send(self.message(user.encode()))
        self.client(user=f"{DEVICE}/modules/sensor@sas.hub", allowed_mechs="PLAIN", password=self.sensor.token()).sender(
            path(self.sensor) + "/messages/events").send(self.message(b"module"))
        for mechanism in ("EXTERNAL", "ANONYMOUS"):
            self.client(cert=self.cert, allowed_mechs=mechanism).sender("/devices/signed/messages/events").send(
                self.message(mechanism.encode()))
        found = sorted((event["device"], event["module"], event["body"].decode()) for event in self.arrived(7))
        self.assertEqual(found, sorted([("leaf1", "", "ANONYMOUS"), ("leaf1", "", "no SASL"), ("leaf1", "", "leaf1@sas.hub"),
                                        ("leaf1", "", "leaf1@sas.hub.test"), (DEVICE, "sensor", "module"), ("signed", "", "EXTERNAL"),
                                        ("signed", "", "ANONYMOUS")]))

    def told(self, line, start):
        wait_for(lambda: line in self.hub.text(start), 20, f"{line!r} in the hub's log")

    def test_the_log_says_who_comes_and_goes(self):
        address = "/devices/leaf2/messages/events"
        leaf, start = self.place.leaf("leaf2"), self.hub.size()
        first = self.client(leaf)
        first.sender(address).send(self.message())
        self.told("amqp client connected: client=leaf2 from=127.0.0.1:", start)
        second = self.client(leaf)
        second.sender(address).send(self.message())
        self.told("amqp client gone: client=leaf2 reason=the identity has connected elsewhere", start)
        start = self.hub.size()
        second.leave()
        self.told("amqp client gone: client=leaf2 reason=it ", start)
        start = self.hub.size()
        with self.assertRaises(proton.ProtonException):
            self.client(user="leaf2", allowed_mechs="PLAIN", password=leaf.token())
        self.told("reason=PLAIN's user is not <device>[/modules/<module>]@sas.", start)
        self.arrived(2)

    def test_an_address_may_be_a_url(self):
        sender = self.client(self.leaf).sender(f"amqps://{GATEWAY}/devices/leaf1/messages/events")
        sender.send(self.message())
        self.assertEqual(self.arrived(1)[0]["device"], "leaf1")

    def test_inputs_and_their_outcomes(self):
        sender = self.client(self.sensor).sender(path(self.sensor) + "/messages/events")
        client = self.client(self.sink)
        receiver = client.receiver(path(self.sink) + "/messages/events", credit=10)
        for word in (b"accept", b"reject"):
            sender.send(self.message(word, "sink"))
        got = [receiver.receive(20)]
        receiver.accept()
        got.append(receiver.receive(20))
        receiver.reject()
        sender.send(self.message(b"release", "sink"))
        got.append(receiver.receive(20))
        receiver.release(delivered=False)
        again = receiver.receive(20)
        receiver.accept()
        self.assertEqual([bytes(one.body) for one in got + [again]], [b"accept", b"reject", b"release", b"release"])
        self.assertEqual((again.delivery_count, again.annotations["x-opt-input-name"]), (1, "in1"))
        self.assertEqual(again.annotations["iothub-connection-module-id"], "sensor")
        sender.send(self.message(b"last", "sink"))
        self.assertEqual(bytes(receiver.receive(20).body), b"last")
        receiver.accept()
        receiver.close()  # only waiting has it send
        wait_for(lambda: self.hub.pending() == 0, 20, "an empty store")

    def test_a_twin(self):
        self.place.cloud.service.ok("PATCH", "/twins/leaf1", {"properties": {"desired": {"a": 1}}}, headers={"If-Match": "*"})
        client = self.client(self.leaf)
        blank = {"body": b" ", "inferred": True}
        twin = client.ask("/devices/leaf1/twin", proton.Message(correlation_id="c", annotations={"operation": "GET"}, **blank))
        self.assertEqual((twin.correlation_id, twin.annotations["status"]), ("c", 200))
        self.assertEqual(json.loads(bytes(twin.body))["desired"]["a"], 1)
        done = client.ask("/devices/leaf1/twin", proton.Message(correlation_id="d", body=b'{"b":2}', inferred=True, annotations={
            "operation": "PATCH", "resource": "/properties/reported"}))
        self.assertEqual(done.annotations["status"], 204)

    def test_silence_is_bounded_on_both_sides(self):
        client = self.client(self.leaf, heartbeat=3)  # it ends a connection on which nothing comes for three seconds
        sender = client.sender("/devices/leaf1/messages/events")
        self.assertEqual(client.connection.conn.transport.remote_idle_timeout, 120)
        with self.assertRaises(proton.Timeout):
            client.wait(lambda: False, 8)
        sender.send(self.message())

    # The C examples

    def example(self, name, *arguments, timeout=30, **environment):
        program = f"{sandbox.work()}/{name}"
        if not os.path.exists(program):
            subprocess.run(["gcc", "-w", "-o", program, f"{EXAMPLES}/{name}.c", "-lqpid-proton"],
                           check=True)
        return subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, **environment})

    def test_the_c_examples_that_send(self):
        """They send maps with whole numbers for message-ids: the maps arrive as JSON, and a route has looked into them."""
        tunnel = Tunnel(self.place.trust, self.cert)
        for device, done in (
                ("leaf1", self.example("send-ssl", GATEWAY, 5671, "/devices/leaf1/messages/events", 300, "leaf1@sas.hub",
                                       self.leaf.token(), SSL_CERT_FILE=self.place.trust)),
                ("signed", self.example("send", "127.0.0.1", tunnel.port, "/devices/signed/messages/events", 300))):
            said = done.communicate(timeout=30)[0]
            self.assertEqual((said.splitlines()[-1], done.returncode), ("300 messages sent and acknowledged", 0), said)
            found = self.place.arrived(300, self.start, lambda event, device=device: event["device"] == device)
            self.assertEqual([event["body"] for event in found], [b'{"sequence":%d}' % number for number in range(1, 301)])
            self.assertEqual([event["system"]["$.mid"] for event in found], [str(number) for number in range(1, 301)])
            self.assertEqual({(event["system"]["$.ct"], event["system"]["$.ce"]) for event in found},
                             {("application/json", "utf-8")})

    def test_values_become_json_or_are_refused(self):
        sender = self.client(self.leaf).sender("/devices/leaf1/messages/events")
        good = {"true": True, "[1,2.5,\"a\",null]": [proton.ubyte(1), 2.5, "a", None], "18446744073709551615": proton.ulong(2**64 - 1),
                "{\"a\":{}}": {proton.symbol("a"): {}}}
        for value in good.values():
            self.assertEqual(self.outcome(sender, self.value(value)), (proton.Delivery.ACCEPTED, None))
        self.assertEqual([event["body"].decode() for event in self.arrived(len(good))], list(good))
        for value, why in ((float("nan"), "not finite"), ({proton.ulong(1): 1}, "no text"), ([b"x"], "bytes"),
                           ({"a": proton.Described(proton.symbol("x"), 1)}, "described")):
            self.assertEqual(self.outcome(sender, self.value(value)), (proton.Delivery.REJECTED, "com.microsoft:argument-error"))
            self.assertIn(why, self.said)

    def value(self, body):
        return proton.Message(body=body, properties={"mark": self.mark, "dest": "cloud"})

    def test_the_c_example_that_sends_is_refused_without_a_proof(self):
        for address in ("/devices/leaf1/messages/events", "/devices/signed/messages/devicebound"):
            done = self.example("send-ssl", GATEWAY, 5671, address, 3)
            self.assertIn("amqp:unauthorized-access" if "events" in address else "amqp:not-found", done.communicate(timeout=30)[0])
            self.assertEqual(done.returncode, 1)

    def test_the_c_example_that_receives(self):
        tunnel = Tunnel(self.place.trust, self.cert)
        client = self.example("receive", "127.0.0.1", tunnel.port, "/devices/signed/messages/devicebound", 2)
        for text in ("one", "two"):
            self.send_to_device("signed", text)
        self.assertEqual(client.communicate(timeout=40)[0].splitlines()[:2], ['b"one"', 'b"two"'])
        self.assertEqual(client.returncode, 0)
        wait_for(lambda: self.place.cloud.service.ok("GET", "/devices/signed")["cloudToDeviceMessageCount"] == 0, 20,
                 "an empty queue", every=0.1)

    # Cloud to device

    def service(self):
        service = Proton(CLOUD, self.place.cloud.ca, allowed_mechs="PLAIN", user="iothubowner@sas.root.hub",
                         password=self.place.cloud.service.token())
        self.addCleanup(service.leave)
        return service

    def to_devices(self):
        return self.service().sender("/messages/devicebound")

    def send_to_device(self, name, text, by=None, **more):
        (by or self.to_devices()).send(proton.Message(
            address=f"/devices/{name}/messages/devicebound", body=text.encode(), inferred=True, **more))

    def test_what_becomes_of_a_message_to_a_device(self):
        """Accepted, dead-lettered, given back until it is too often, too old: the service hears of each what it has asked for."""
        receiver = self.client(self.leaf).receiver("/devices/leaf1/messages/devicebound", credit=1)
        sent = [(f"{word}-{ack}", ack) for ack in ("none", "positive", "negative") for word in ("accept", "reject")]
        sent += [("accept", "full"), ("reject", "full"), ("release", "full")]
        for word, ack in sent:
            self.send_to_device("leaf1", word, id=f"{self.mark}-{word}", properties={"iothub-ack": ack, "k": "v"})
        counts = []
        while True:
            got = receiver.receive(20)
            word = bytes(got.body).decode()
            self.assertEqual((got.address, got.properties), ("/devices/leaf1/messages/devicebound", {"iothub-ack": dict(sent)[word], "k": "v"}))
            self.assertGreater(got.annotations["x-opt-sequence-number"], 0)
            self.assertEqual(got.id, f"{self.mark}-{word}")
            if word != "release":
                (receiver.accept if "accept" in word else receiver.reject)()
                continue
            counts.append(got.annotations["iothub-deliverycount"])
            receiver.release(delivered=False)
            if len(counts) == 10:
                break
        self.assertEqual(counts, list(range(10)))
        with self.assertRaises(proton.Timeout):
            receiver.receive(1)
        sender = self.to_devices()  # a slow machine may take longer for that than the message lives
        until = time.time() + 1
        self.send_to_device("signed", "old", by=sender, id=f"{self.mark}-old", expiry_time=until, properties={"iothub-ack": "full"})
        wait_for(lambda: time.time() > until, 2, "its end", every=0.1)
        self.client(cert=self.cert).receiver("/devices/signed/messages/devicebound", credit=1)
        self.assertEqual(self.feedback(6), {"accept-positive": "Success", "reject-negative": "Rejected", "accept": "Success",
                                            "reject": "Rejected", "release": "DeliveryCountExceeded", "old": "Expired"})

    def feedback(self, count):
        """{message: status} of this test's."""
        receiver = self.service().receiver("/messages/servicebound/feedback", credit=10)
        found = {}
        while len(found) < count:
            for record in json.loads(bytes(receiver.receive(60).body)):
                mark, _, word = record["originalMessageId"].partition("-")
                if mark == self.mark:
                    found[word] = record["statusCode"]
            receiver.accept()
        return found

    # A full store

    def test_a_full_store_rejects_and_takes_again(self):
        self.limit(LIMIT)
        self.addCleanup(self.limit, None)
        sender = self.client(self.leaf).sender("/devices/leaf1/messages/events")
        other = self.client(self.sensor).sender(path(self.sensor) + "/messages/events")
        with self.place.cut("refuse"):
            wait_for(lambda: not self.hub.online(), 60, "the hub to see that the cloud is away", every=0.1)
            states = [self.outcome(sender, self.message(b"%d" % number + b" " * 10000)) for number in range(60)]
            self.assertEqual(set(states), {(proton.Delivery.ACCEPTED, None), (proton.Delivery.REJECTED, THROTTLED)})
            taken = states.index((proton.Delivery.REJECTED, THROTTLED))
            self.assertGreater(taken, 10)
            self.assertEqual(self.outcome(other, self.message(b"y" * 10000)), (proton.Delivery.REJECTED, THROTTLED))
            self.assertEqual(self.outcome(other, self.message(dest="nowhere")), (proton.Delivery.ACCEPTED, None))
        taken = states.count((proton.Delivery.ACCEPTED, None))
        self.assertEqual(len(self.arrived(taken)), taken)
        wait_for(lambda: self.hub.pending() == 0, 30, "an empty store", every=0.1)
        self.assertEqual(self.outcome(sender, self.message(b"last")), (proton.Delivery.ACCEPTED, None))
        found = [int(event["body"].split()[0]) for event in self.arrived(taken + 1) if event["body"] != b"last"]
        self.assertEqual(found, [number for number, state in enumerate(states) if state[0] == proton.Delivery.ACCEPTED])

    def limit(self, limit):
        self.place.routes(_limit=limit, **ROUTES)
        self.assertEqual(self.place.wait_applied()["code"], 200)

    def outcome(self, sender, message):
        """(state, condition of a rejection)"""
        delivery = sender.send(message, error_states=[])
        self.said = delivery.remote.condition and delivery.remote.condition.description
        return delivery.remote_state, delivery.remote.condition and delivery.remote.condition.name


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
