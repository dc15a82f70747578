"""What a device behind an edge hub sees of it: the certificate of every port, and what plain HTTPS answers. openssl, curl and Python's TLS."""
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import unittest
import urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import edge_hub  # noqa: E402
from hub_case import HubCase  # noqa: E402

PORTS = (8883, 5671, 443)


class HubGateway(HubCase):
    @classmethod
    def prepare(cls):
        cls.leaf = cls.place.leaf("leaf1")

    def shake(self, port, *options, ca=None):
        """What openssl says of a handshake."""
        return subprocess.run(["openssl", "s_client", "-connect", f"{edge_hub.GATEWAY}:{port}", "-servername", edge_hub.GATEWAY,
                               "-verify_hostname", edge_hub.GATEWAY, "-verify_return_error", "-CAfile", ca or self.place.authority.cert,
                               "-showcerts", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)

    def curl(self, method, path, *options, body="{}"):
        """(status, headers, text)"""
        done = subprocess.run(["curl", "-sS", "-i", "--http1.1", "--cacert", self.place.trust, "-X", method, *(["-d", "@-"] if body else []), "-H",
                               f"Authorization: {self.leaf.token()}", "-H", "Content-Type: application/json", *options,
                               f"https://{edge_hub.GATEWAY}{path}"], input=body, capture_output=True, text=True, timeout=20)
        head, _, text = done.stdout.rpartition("\n\n")
        return int(head.split()[1]), head.lower(), text

    def test_the_chain_is_that_of_the_edge_ca(self):
        for port in PORTS:
            with self.subTest(port):
                done = self.shake(port)
                self.assertIn("Verify return code: 0 (ok)", done.stdout)
                subjects = re.findall(r"^ *\d+ s:(.*)$", done.stdout, re.M)
                self.assertEqual([subject.replace(" ", "") for subject in subjects], ["CN=edge.test", "CN=testedgeCA"])
                self.assertNotEqual(self.shake(port, ca=self.place.cloud.ca).returncode, 0)  # and nobody else's

    def test_old_protocols_are_not_spoken(self):
        for port in PORTS:
            for version in ("-tls1", "-tls1_1"):
                with self.subTest(port, version=version):
                    self.assertNotEqual(self.shake(port, version, "-cipher", "ALL:@SECLEVEL=0").returncode, 0)
            self.assertEqual(self.shake(port, "-tls1_2").returncode, 0)

    def test_a_certificate_is_asked_for_and_none_is_fine(self):
        for port in PORTS:
            with self.subTest(port):
                done = self.shake(port)
                self.assertEqual(done.returncode, 0)
                self.assertIn("Client Certificate Types", self.shake(port, "-tls1_2").stdout)

    def test_sessions_are_resumed(self):
        """Whoever comes back spares the hub a signature. A hub that has been restarted has new keys for its tickets and shakes hands
        in full, which costs it less than a second for a thousand devices: no key has to lie on a disk for that."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=self.place.trust)
            context.maximum_version = version
            sessions = {}
            for port in PORTS:
                with self.subTest(port, version=version):
                    sessions[port], resumed = self.connect(context, port)
                    self.assertFalse(resumed)
                    self.assertTrue(self.connect(context, port, sessions[port])[1])
            self.hub.restart()
            for port in PORTS:
                self.assertFalse(self.connect(context, port, sessions[port])[1])

    @staticmethod
    def connect(context, port, session=None):
        """(its session, whether that was resumed)"""
        with context.wrap_socket(socket.create_connection((edge_hub.GATEWAY, port), 10), server_hostname=edge_hub.GATEWAY,
                                 session=session) as client:
            client.settimeout(0.1)
            until = time.monotonic() + 20
            while not client.session.has_ticket and time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    client.recv(1)  # a ticket comes after the handshake
            return client.session, client.session_reused

    def test_uploads_and_messages_by_http_are_not_here(self):
        for method, path in (("POST", "/devices/leaf1/files?api-version=2021-04-12"),
                             ("POST", "/devices/leaf1/files/notifications/abc?api-version=2021-04-12"),
                             ("POST", "/devices/leaf1/messages/events?api-version=2021-04-12"),
                             ("GET", "/devices/leaf1/messages/devicebound?api-version=2021-04-12"),
                             ("DELETE", "/devices/leaf1/messages/devicebound/lock?api-version=2021-04-12")):
            with self.subTest(path, method=method):
                status, head, text = self.curl(method, path, body='{"blobName":"x"}')
                self.assertEqual(status, 404)
                self.assertIn("content-type: application/json", head)
                self.assertIn("x-content-type-options: nosniff", head)
                self.assertTrue(json.loads(text)["message"])
        self.assertIn(self.curl("POST", "/devices/leaf1/files", body="x" * 1000000)[0], (404, 413))

    def test_health_and_metrics(self):
        """By HTTPS to everybody behind the gateway, and by HTTP on a port of their own."""
        status, head, text = self.curl("GET", "/health", body="")
        self.assertEqual((status, json.loads(text)["upstream"], json.loads(text)["wrong"]), (200, True, []))
        self.assertIn("content-type: application/json", head)
        status, head, text = self.curl("GET", "/metrics", body="")
        self.assertEqual(status, 200)
        self.assertIn("content-type: text/plain; version=0.0.4", head)
        self.assertRegex(text, r'(?m)^edgehub_connected_clients\{.*iothub="hub.test".*edge_device="edge1".*\} 0$')
        for path in ("/health", "/metrics"):
            self.assertEqual(self.curl("POST", path)[0], 405)
            self.assertIn(self.hub.get(path).strip()[:1], ("{", "#", "e"))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.hub.get("/twins/edge1/methods")
        self.assertEqual(refused.exception.code, 404)

    def upgrade(self, protocol):
        """The status that an upgrade is answered with."""
        return self.curl("GET", "/$iothub/websocket", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H",
                         "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "-H",
                         f"Sec-WebSocket-Protocol: {protocol}", body="")[0]

    def test_a_websocket_of_something_else_is_refused(self):
        for protocol in ("soap", "mqttv5", "AMQPWSB11"):
            with self.subTest(protocol):
                self.assertEqual(self.upgrade(protocol), 400)

    def test_heads_can_be_switched_off(self):
        """By IoT Edge's settings: their ports, their WebSockets, and certificates of clients."""
        with contextlib.ExitStack() as after:
            self.hub.stop()
            after.callback(self.hub.start, 60)
            other = self.place.hub(storage=self.hub.storage, name="switched", more={
                "MqttSettings__Enabled": "false", "amqpSettings__enabled": "False", "ClientCertAuthEnabled": "false",
                "Metrics__MetricsEnabled": "false"})
            other.start(60)
            after.callback(other.stop)
            for port in (8883, 5671, edge_hub.METRICS):
                with self.subTest(port), self.assertRaises(ConnectionRefusedError):
                    socket.create_connection((edge_hub.ADDRESS, port), 10)
            for protocol in ("mqtt", "AMQPWSB10"):
                self.assertEqual(self.upgrade(protocol), 400)
            self.assertNotIn("Client Certificate Types", self.shake(443, "-tls1_2").stdout)
            self.assertEqual(self.curl("GET", "/health", body="")[0], 200)


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
