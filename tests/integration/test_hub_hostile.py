"""An edge hub among clients that mean it ill, or are broken. Beside each of them a good client comes in and gets its PUBACK within
a few seconds, the hub's memory stays bounded, and the log says why somebody was refused, without being filled by it."""
import contextlib
import json
import os
import re
import resource
import socket
import ssl
import threading
import time
import unittest

import sandbox
import edge_hub
import mqtt_raw
import services
from hub_case import HubCase
from mqtt_raw import packet, text
from sandbox import wait_for

SANITIZED = re.search(r"/(asan|tsan)/", services.BIN)
PATIENCE_S = 15 if SANITIZED else 5  # a third of one is usual; a machine that does other things as well may need two
MEMORY_MIB = 4096 if SANITIZED else 160
CLIENTS = 80  # MaxConnectedClients
CROWD = 64
WELCOME_S = 10  # that the hub waits for a CONNECT, or a token, whoever else there is
KEY = edge_hub.key_of("crowd")


def client_hello():
    """What a TLS client says first."""
    sent = ssl.MemoryBIO()
    half = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=edge_hub.GATEWAY)
    with contextlib.suppress(ssl.SSLWantReadError):
        half.do_handshake()
    return sent.read()


class Witness(threading.Thread):
    """A good client that stays, and one that comes in anew, again and again; the longest that either has waited."""

    def __init__(self, test, anew):
        super().__init__(daemon=True)
        self.test, self.anew, self.over, self.error = test, anew, threading.Event(), None
        self.longest, self.times = 0.0, 0
        self.standing = mqtt_raw.Client(test.place, test.good)
        self.start()

    def measured(self, step):
        began = time.monotonic()
        step()
        self.longest = max(self.longest, time.monotonic() - began)
        self.times += 1

    def come_anew(self):
        client = mqtt_raw.Client(self.test.place, self.test.visitor)
        client.publish(f"{client.path}/messages/events/", b"good")
        client.close()

    def run(self):
        try:
            while not self.over.is_set():
                self.measured(lambda: self.standing.publish(f"{self.standing.path}/messages/events/", b"good"))
                if self.anew:
                    self.measured(self.come_anew)
                self.over.wait(0.05)
        except BaseException as error:  # noqa: BLE001: it is raised by end()
            self.error = error

    def end(self):
        self.over.set()
        self.join(120)
        self.standing.close()
        if self.error:
            raise self.error


class HubHostile(HubCase):
    settings = {"MaxConnectedClients": str(CLIENTS)}

    @classmethod
    def prepare(cls):
        resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
        cls.good, cls.visitor = cls.place.module("good"), cls.place.module("visitor")
        cls.crowd = [cls.place.leaf(f"crowd{number}") for number in range(CROWD)]

    @classmethod
    def furnish(cls):
        for who in (cls.good, cls.visitor, *cls.crowd):
            mqtt_raw.Client(cls.place, who).close()

    def setUp(self):
        super().setUp()
        self.source = f"127.0.{self.number}.1"  # each test's own, and a client, as the log tells them apart
        self.bad = self.place.module(f"bad{self.number}")
        self.log_mark = self.hub.size()
        self.sockets = []
        self.addCleanup(self.close_all)

    def tearDown(self):
        super().tearDown()
        self.assertLess(self.memory(), MEMORY_MIB)
        self.assertLess(len(self.said()), 250, self.hub.tail(100))

    def close_all(self):
        for client in self.sockets:
            client.close()

    @contextlib.contextmanager
    def good_beside(self, anew=True):
        witness = Witness(self, anew)
        try:
            yield witness
            reached = witness.times
            wait_for(lambda: witness.times >= reached + 4 or not witness.is_alive(), 60, "the good client to go on")
        finally:
            witness.end()
        print(f"{self._testMethodName}: longest wait {witness.longest * 1000:.0f} ms, {self.memory():.0f} MiB", flush=True)
        self.assertLess(witness.longest, PATIENCE_S)

    def memory(self):
        """Resident, MiB."""
        with open(f"/proc/{self.hub.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def said(self, pattern=""):
        return [line for line in self.hub.text(self.log_mark).splitlines() if re.search(pattern, line)]

    def wait_said(self, pattern, timeout=20):
        return wait_for(lambda: self.said(pattern), timeout, f"a line {pattern!r}")

    def knock(self, port=mqtt_raw.PORT):
        """A bare TCP connection."""
        client = socket.create_connection((edge_hub.ADDRESS, port), 30, (self.source, 0))
        self.sockets.append(client)
        return client

    def shake_hands(self, port=mqtt_raw.PORT):
        client = mqtt_raw.dial(self.place, port, self.source)
        self.sockets.append(client)
        return client

    def enter(self, who=None, **options):
        client = mqtt_raw.Client(self.place, who or self.bad, source=self.source, **options)
        self.sockets.append(client)
        return client

    def ended(self, client, timeout=20):
        """Until the hub has ended this socket."""
        client.settimeout(timeout)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while client.recv(65536):
                pass

    def thrown_out(self, client, timeout=20):
        wait_for(lambda: client.ended, timeout, "the hub to end the connection")

    # Before TLS

    def test_silent_connections_by_the_thousand(self):
        for port in (8883, 5671, 443):
            with self.subTest(port), self.good_beside():
                for _ in range(2000):
                    self.knock(port)
            self.close_all()
            self.sockets.clear()
        self.wait_said("TLS handshake failed: .*silent, and others wait")

    def test_half_handshakes(self):
        hello = client_hello()
        with self.good_beside():
            for _ in range(1200):
                self.knock().sendall(hello)
        self.wait_said("TLS handshake failed")

    def test_what_is_no_tls(self):
        with self.good_beside():
            for number in range(300):
                client = self.knock()
                client.sendall(b"GET / HTTP/1.1\r\n\r\n" if number % 2 else os.urandom(200))
        self.wait_said("TLS handshake failed")

    # Before CONNECT

    def test_a_connect_byte_by_byte(self):
        data = mqtt_raw.connect(self.bad)
        clients = [self.shake_hands() for _ in range(30)]
        with self.good_beside():
            for at in range(9):
                for client in clients:
                    with contextlib.suppress(OSError):  # it may have been too long already
                        client.sendall(data[at:at + 1])
                time.sleep(1)
            self.ended(clients[0])
        self.wait_said("refused: from=127.*no CONNECT came in time")

    def check_said(self, way, began):
        """Why they were ended. By AMQP they make room for others, unless the machine is so busy that their time is over first."""
        why = "no CONNECT came in time"
        if way in (5671, "AMQPWSB10"):
            ends = "and others wait" if time.monotonic() - began < WELCOME_S - 2 else "(and others wait|in time)"
            why = "amqp client dropped: from=127.* reason=it has shown no token: " + ends
        self.assertTrue(self.said(why), why)

    def test_who_says_nothing_after_tls(self):
        """More than may wait for their CONNECT, or for a token."""
        for port, count, least in ((8883, 1200, 190), (5671, 300, 90)):
            self.source, began = f"127.0.{self.number}.{port % 200}", time.monotonic()
            with self.subTest(port), self.good_beside():
                clients = [self.shake_hands(port) for _ in range(count)]
                for client in clients[:least]:
                    self.ended(client)
            self.close_all()
            self.sockets.clear()
            self.check_said(port, began)

    def test_who_shows_any_certificate_and_nothing_else(self):
        """By AMQP it need not show a token, and is a stranger until somebody has been let in."""
        cert = self.place.authority.self_signed("anybody")[:2]
        context = ssl.create_default_context(cafile=self.place.trust)
        context.load_cert_chain(*cert)
        began = time.monotonic()
        with self.good_beside():
            clients = []
            for _ in range(300):
                client = context.wrap_socket(self.knock(5671), server_hostname=edge_hub.GATEWAY)
                self.sockets.append(client)
                client.sendall(b"AMQP\0\1\0\0" + b"\0\0\0\x11\2\0\0\0\0\x53\x10\xc0\x04\x01\xa1\x01x")  # OPEN as "x"
                clients.append(client)
            for client in clients[:90]:
                self.ended(client)
        self.check_said(5671, began)

    def test_what_is_no_amqp(self):
        for data in (os.urandom(100), b"AMQP\0\1\0\0\xff\xff\xff\xff", b"AMQP\3\1\0\0" + b"\0\0\0\7\2\0\0\0", b"GET / HTTP/1.1\r\n\r\n",
                     b"AMQP\0\1\0\0\0\0\0\x10\2\0\0\0\0\x53\x10\xd0\xff\xff\xff", b"AMQP\0\1\0\0" + b"\0\0\0\x0d\2\0\0\0\0\x53\x10\xc0\x80" * 50):
            with self.subTest(data[:12]), self.good_beside():
                client = self.shake_hands(5671)
                client.sendall(data)
                self.ended(client)
        self.assertTrue(self.said("amqp client dropped: from=127.* reason=it broke the protocol: ."))

    def test_what_is_no_connect(self):
        for data in (packet(0x10, b"x" * 20000), b"\x10\xff\xff\xff\xff", packet(0xC0), packet(0x10, text("MQTT") + b"\x04\x01\0\0" + text("x")),
                     packet(0x10, text("MQTT") + b"\x04\xc2\0\x3c" + text("a")), os.urandom(64).replace(b"\x10", b"\x00"),
                     packet(0x10, text("MQTT") + b"\x04\xc2\0\x3c" + text(b"\xff\xfe") + text(self.bad.user) + text("x"))):
            with self.subTest(data[:12]), self.good_beside():
                client = self.shake_hands()
                client.sendall(data)
                self.ended(client)
        self.assertTrue(self.said("mqtt client refused: from=127"))

    def test_tokens_that_are_none(self):
        good = self.bad.token()
        for token in (good[:-10], good[:40], "SharedAccessSignature ", "x" * 12000, good + "&se=9" * 500, good.replace("sig=", "sig=%"),
                      good.replace("se=", "se=99999999999999999999"), "\0", "SharedAccessSignature sr=&sig=&se="):
            with self.subTest(token[:60]):
                with self.assertRaises(mqtt_raw.Refused) as refused:
                    self.enter(password=token)
                self.assertIn(refused.exception.args[0], (5, None))
        self.assertGreaterEqual(len(self.said("mqtt client refused: .*reason=.")), 8)

    def test_who_knocks_for_ever_does_not_fill_the_log(self):
        with self.good_beside():
            for _ in range(300):
                with self.assertRaises(mqtt_raw.Refused):
                    self.enter(password="wrong")
        lines = self.said("mqtt client refused")
        self.assertTrue(5 <= len(lines) <= 25, len(lines))
        self.assertTrue(self.said("more such lines are left out"))

    # After CONNECT

    def test_packets_over_the_limit(self):
        for data in (b"\x30\xff\xff\xff\x7f", b"\x30\xff\xff\xff\xff\x01", b"\x82\xff\xff\xff\x7f"):
            with self.subTest(data), self.good_beside():
                client = self.enter()
                client.send(data + b"x" * 1000)
                self.thrown_out(client)
        self.assertTrue(self.said(f"mqtt client gone: client={self.bad.name} reason=it broke the protocol: ."))

    def test_garbage_after_connect(self):
        for data in (b"\x00\x00", b"\xf0\x00", packet(0x10, b""), mqtt_raw.connect(self.bad), packet(0x20, b"\0\0"), packet(0x82, b"\0\0"),
                     packet(0x32, text("")), packet(0x30, b"\xff\xff"), packet(0x36, text("a") + b"\0\1"), packet(0x82, b"\0\1\0\0\1")):
            with self.subTest(data[:12]):
                client = self.enter()
                client.send(data)
                self.thrown_out(client)

    def test_wrong_utf_8(self):
        path = f"devices/edge1/modules/{self.bad.module}/messages/events/"
        for topic in (b"\xc3\x28", path.encode() + b"a=\xff", path.encode() + b"a=%ff%fe", path.encode() + b"a=%00b", b"$iothub/\xed\xa0\x80"):
            with self.subTest(topic):
                client = self.enter()
                client.send(mqtt_raw.publish(topic, b"x", 1, 1))
                wait_for(lambda: client.ended or client.acked, 20, "an end or an acknowledgement")
                client.close()

    def test_bags_of_thousands_of_names(self):
        client = self.enter()
        bag = "&".join(f"n{number}=v" for number in range(5000))
        with self.good_beside():
            client.send(mqtt_raw.publish(f"{client.path}/messages/events/{bag}", b"x", 1, 1))
            self.thrown_out(client)
        self.assertTrue(self.said(f"client={self.bad.name} reason=."))

    def test_subscriptions_without_end(self):
        with self.good_beside():
            client = self.enter()
            with self.assertRaises(mqtt_raw.Lost):
                for number in range(3000):
                    client.subscribe(f"{client.path}/inputs/i{number}/#")
            many = self.enter()
            many.send(mqtt_raw.subscribe(1, *(f"{many.path}/inputs/j{number}/#" for number in range(2000))))
            self.thrown_out(many)
            again = self.enter()
            for number in range(500):  # the same ones for ever: nothing grows
                again.subscribe(f"{again.path}/inputs/i/#", "$iothub/methods/POST/#")
        self.assertTrue(self.said(f"client={self.bad.name} reason=."))

    def test_twin_patches(self):
        answers = []
        client = self.enter(on_message=lambda _, topic, body: answers.append(topic))
        client.subscribe("$iothub/twin/res/#")
        deep = b'{"a":' * 1000 + b"1" + b"}" * 1000
        wide = json.dumps({f"n{number}": number for number in range(20000)}).encode()
        with self.good_beside():
            for number, body in enumerate((deep, wide, b"{" * 100000, b'{"a":"\0"}', b'{"a":"\\u0000"}', b'{"\xff":1}', b'{"a":1e999}', b'{"a.b":1}',
                                           b'{"$a":1}', b"[]", b"", b'{"a":1}{', b'{"a":' + b"9" * 50000 + b"}", b'{"x":"' + b"y" * 200000 + b'"}')):
                client.send(mqtt_raw.publish(f"$iothub/twin/PATCH/properties/reported/?$rid={number}", body))
                wait_for(lambda: len(answers) > number, 20, f"an answer to patch {number}")
        refused = [topic for topic in answers if re.match(r"\$iothub/twin/res/4\d\d/", topic)]
        self.assertGreaterEqual(len(refused), len(answers) - 1, answers)

    def test_answers_nobody_asked_for(self):
        client = self.enter()
        client.subscribe("$iothub/methods/POST/#")
        with self.good_beside():
            for rid in [str(number) for number in range(1000)] + ["x" * 60000, "", "%00", "-1", "99999999999999999999999"]:
                client.send(mqtt_raw.publish(f"$iothub/methods/res/200/?$rid={rid}", b"{}"))
            with contextlib.suppress(mqtt_raw.Lost):
                client.publish(f"{client.path}/messages/events/", b"x")

    def test_many_publish_and_never_read(self):
        body = b"x" * 1000
        with self.good_beside():
            clients = [self.enter(who, reading=False) for who in self.crowd]
            for client in clients:
                client.socket.settimeout(0.2)
            for client in clients:
                data = b"".join(mqtt_raw.publish(f"{client.path}/messages/events/", body, number % 65535 + 1, 1) for number in range(400))
                with contextlib.suppress(OSError):
                    client.send(data)
        self.close_all()

    def test_many_ask_and_never_read(self):
        """Each answer is larger than its question."""
        with self.good_beside():
            clients = [self.enter(who, reading=False) for who in self.crowd]
            for client in clients:
                client.socket.settimeout(0.2)
                client.send(mqtt_raw.subscribe(1, "$iothub/twin/res/#"))
            for _ in range(2):
                for client in clients:
                    asked = b"".join(mqtt_raw.publish(f"$iothub/twin/GET/?$rid={number}", b"") for number in range(500))
                    with contextlib.suppress(OSError):
                        client.send(asked)
        self.close_all()

    def test_as_many_as_may_be(self):
        with self.good_beside(anew=False):  # there is no place for a newcomer
            inside, refused = [], 0
            for who in self.crowd + [self.place.leaf(f"late{number}") for number in range(CLIENTS - CROWD + 4)]:
                try:
                    inside.append(self.enter(who))
                except mqtt_raw.Refused as refusal:
                    self.assertEqual(refusal.args[0], 3)
                    refused += 1
            self.assertGreaterEqual(refused, 4)
            again = self.enter(self.crowd[0])  # who is inside may come again
            again.publish(f"{again.path}/messages/events/", b"again")
            self.assertTrue(self.said("client refused, 80 are the limit: client="))
        for client in inside:
            client.close()

    # HTTPS

    def ask(self, data, timeout=20):
        """The status line of the answer, or "" when the connection just ends."""
        client = self.shake_hands(443)
        client.settimeout(timeout)
        answer = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            client.sendall(data)
            while b"\r\n" not in answer:
                more = client.recv(65536)
                if not more:
                    break
                answer += more
        client.close()
        return answer.split(b"\r\n")[0].decode(errors="replace")

    def post(self, path, caller=None, token=None, body=b'{"methodName":"m"}', more=b""):
        head = (f"POST {path} HTTP/1.1\r\nHost: {edge_hub.GATEWAY}\r\nAuthorization: {token or self.bad.token()}\r\n"
                f"x-ms-edge-moduleId: {self.bad.name if caller is None else caller}\r\nContent-Length: {len(body)}\r\n").encode()
        return self.ask(head + more + b"\r\n" + body)

    def test_requests_that_are_none(self):
        host = b"Host: edge.test\r\n"
        with self.good_beside():
            for data in (b"\0" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                         b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n", b"POST /twins/edge1/methods HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n",
                         b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
                         b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                         b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                         b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 99999999999\r\n\r\n",
                         b"GET / HTTP/1.1\r\n" + host + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: no\r\n\r\n", os.urandom(300) + b"\r\n\r\n"):
                status = self.ask(data)
                self.assertTrue(status == "" or re.match(r"HTTP/1.1 (4\d\d|501|505)", status), (data[:60], status))
        self.assertTrue(self.said("http request refused: from=127"))

    def test_requests_in_a_row_without_waiting(self):
        """Pipelined: all are answered, or the connection ends."""
        with self.good_beside():
            client = self.shake_hands(443)
            client.settimeout(20)
            answers = b""
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                client.sendall(b"GET /health HTTP/1.1\r\nHost: edge.test\r\n\r\n" * 99 + b"GET /x HTTP/1.1\r\nHost: edge.test\r\nConnection: close\r\n\r\n")
                while more := client.recv(65536):
                    answers += more
            self.assertEqual((answers.count(b"HTTP/1.1 200"), answers.count(b"HTTP/1.1 404")), (99, 1))

    def test_bodies_that_never_end(self):
        with self.good_beside():
            clients = [self.shake_hands(443) for _ in range(200)]
            for client in clients:
                client.sendall(b"POST /twins/edge1/methods HTTP/1.1\r\nHost: edge.test\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(5):
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.sendall(b"x")
            self.assertRegex(self.post("/twins/edge1/modules/good/methods"), "HTTP/1.1 404")

    # WebSockets

    def upgrade(self, protocol="mqtt", more=b"", path=b"/$iothub/websocket", method=b"GET", version=b"13", key=b"AAAAAAAAAAAAAAAAAAAAAA==",
                body=b""):
        """(socket, the status of the answer or None)"""
        client = self.shake_hands(443)
        client.settimeout(20)
        said = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            client.sendall(method + b" " + path + b" HTTP/1.1\r\nHost: edge.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: " +
                           version + b"\r\nSec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Protocol: " + protocol.encode() + b"\r\n" + more + b"\r\n" + body)
            while b"\r\n\r\n" not in said:
                data = client.recv(4096)
                if not data:
                    break
                said += data
        return client, int(said.split()[1]) if said.startswith(b"HTTP/1.1 ") else None

    def test_upgrades_that_are_none(self):
        with self.good_beside():
            for status, what in ((426, {"version": b"12"}), (426, {"version": b"x"}), (400, {"key": b"short"}), (400, {"key": b""}), (400, {"key": b"A" * 5000}),
                                 (400, {"protocol": "mqttx"}), (400, {"protocol": ""}), (400, {"protocol": "," * 4000}), (400, {"method": b"POST"}),
                                 (400, {"more": b"Content-Length: 5\r\n", "body": b"12345"}), (431, {"more": b"X: " + b"y" * 100000 + b"\r\n"}),
                                 (400, {"more": b"Transfer-Encoding: chunked\r\n", "body": b"0\r\n\r\n"})):
                with self.subTest(str(what)[:60]):
                    client, got = self.upgrade(**what)
                    client.close()
                    self.assertEqual(got, status)
            self.assertRegex(self.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "^$|^HTTP/1.1 (4|5)")

    def test_websockets_that_say_nothing(self):
        for protocol, count in (("mqtt", 1100), ("AMQPWSB10", 300)):
            self.source, began = f"127.0.{self.number}.{count % 199}", time.monotonic()
            with self.subTest(protocol), self.good_beside():
                clients = []
                for _ in range(count):
                    client, status = self.upgrade(protocol)
                    self.assertEqual(status, 101)
                    clients.append(client)
                for client in clients[:90]:
                    self.ended(client, 20)
            self.close_all()
            self.sockets.clear()
            self.check_said(protocol, began)

    def test_frames_without_end(self):
        """Pings, empty fragments, tiny fragments of a packet that never ends, and a frame that says it is huge."""
        mask = b"\0\0\0\0"
        floods = {"pings": b"\x89\x84" + mask + b"ping", "empty fragments": b"\x02\x80" + mask + b"\x00\x80" + mask, "empty frames": b"\x82\x80" + mask,
                  "bytes of a packet": b"\x82\x81" + mask + b"\x10", "huge": b"\x82\xff" + b"\x7f" + b"\xff" * 7 + mask, "not masked": b"\x82\x01x",
                  "text": b"\x81\x81" + mask + b"x", "closes": b"\x88\x82" + mask + b"\x03\xe8"}
        for name, frame in floods.items():
            with self.subTest(name), self.good_beside(anew=False):
                client = self.upgrade()[0]
                client.settimeout(5)
                with contextlib.suppress(OSError):
                    for _ in range(200):
                        client.sendall(frame * 1000)
                with contextlib.suppress(OSError):
                    client.close()

    def test_paths_that_lead_nowhere(self):
        for path in ("/twins/edge1%00/methods", "/twins/../etc/passwd", "/twins/edge1/modules/../methods", "/twins/%2e%2e/methods", "/twins//methods",
                     "/twins/edge1/modules/%00/methods", "/twins/edge1/modules//methods", "/twins/" + "a" * 300 + "/methods", "/twins/%ff%fe/methods",
                     "/twins/edge1%2fmodules%2fgood/methods", "/twins/edge1/modules/good/methods/x", "/twins/%/methods", "//", "/\\..\\"):
            with self.subTest(path):
                self.assertRegex(self.post(path), r"HTTP/1.1 40[04]")
        self.assertTrue(self.said("refused: from=127"))

    def test_lies_about_who_calls(self):
        for caller, token in (("edge1/good", None), ("edge1/$edgeHub", None), ("edge2/" + self.bad.module, None), ("edge1", None), (self.bad.name + "/x", None),
                              ("", None), ("edge1/" + "b" * 300, None), (self.bad.name.upper(), None), (None, self.good.token()), (None, "x" * 8000),
                              (None, edge_hub.sas(self.bad.resource, KEY)), (None, self.bad.token(-3600))):
            with self.subTest(caller=(caller or "")[:20], token=(token or "")[:20]):
                self.assertRegex(self.post("/twins/edge1/modules/good/methods", caller, token), r"HTTP/1.1 (400|401|431)")
        self.assertTrue(self.said("direct method refused: from="))

    def test_bodies_that_are_no_method(self):
        for body in (b"", b"{", b"[]", b"null", b'{"methodName":1}', b'{"methodName":"' + b"m" * 200 + b'"}', b'{"methodName":"a\\u0000b"}',
                     b'{"methodName":"m","responseTimeoutInSeconds":1e99}', b'{"methodName":"m","payload":' + b"[" * 5000 + b"]" * 5000 + b"}",
                     b'{"methodName":"m","payload":"' + b"p" * 200000 + b'"}', b'{"methodName":"\xff"}'):
            with self.subTest(body[:40]):
                self.assertRegex(self.post("/twins/edge1/modules/good/methods", body=body), r"HTTP/1.1 4\d\d")

    def test_heads_that_never_end(self):
        """More than the server takes connections; who waits for nothing gives way."""
        with self.good_beside():
            for _ in range(1100):
                with contextlib.suppress(OSError):
                    self.shake_hands(443).sendall(b"GET / HTTP/1.1\r\n")
            began = time.monotonic()
            self.assertRegex(self.post("/twins/edge1/modules/good/methods"), "HTTP/1.1 404")
            self.assertLess(time.monotonic() - began, PATIENCE_S)


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
