"""The agent's cloud link over real MQTT, TLS, WebSocket and proxies, with what befalls a device."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import unittest
import urllib.parse

import mqtt_twin
import sandbox
import services
from connect_proxy import Proxy
from sandbox import Unmet, wait_for

DRIVER = os.environ["EDGE_CLOUD_DRIVER"]
KEY = b"the key of this device"
PATIENCE = 40


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """As much of edge-securityd as the link asks for; keeps what was to be signed."""

    daemon_threads = True
    host = "localhost"

    def __init__(self, path):
        self.signed = []
        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def _answer(self, body):
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        assert self.path == "/device", self.path
        self._answer({"hubName": self.server.host, "deviceId": "dev 1", "hostname": "h",
                      "authType": "sas", "generationId": "g1"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        data = base64.b64decode(body["data"])
        self.server.signed.append(data.decode())
        self._answer({"digest": base64.b64encode(hmac.new(KEY, data, hashlib.sha256).digest()).decode()})


class Driver:
    """cloud_driver, and what it has said so far."""

    def __init__(self, ca, daemon, port=mqtt_twin.TLS, **options):
        folder = sandbox.work() + "/driver"
        os.makedirs(folder, exist_ok=True)
        self.options = {"rundir": folder, "identity": daemon.server_address, "workload": daemon.server_address,
                        "ca": ca, "port": port, "pause_min": 50, "pause_max": 400, "answer": 3000, **options}
        self.events = []
        self.log = open(sandbox.work() + "/logs/driver.log", "ab")
        self.process = subprocess.Popen([DRIVER, json.dumps(self.options)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def order(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def told(self, name):
        return [event for event in self.events if name in event]

    def version(self):
        told = self.told("desired")
        return told[-1]["version"] if told else 0

    def wait_links(self, *links):
        """Until the changes of the link so far begin with these; returns the event of the last."""
        def probe():
            seen = self.told("link")
            changes = [event for before, event in zip([{}] + seen, seen) if before.get("link") != event["link"]]
            if [event["link"] for event in changes[:len(links)]] == list(links):
                return changes[len(links) - 1]
            raise Unmet(self.events)
        return wait_for(probe, PATIENCE, f"the link to have been {links}")

    def stop(self, ms=3000):
        if self.process.poll() is None:
            self.order(close=ms)
            self.process.wait(20)
        self.reader.join(10)
        for file in (self.process.stdin, self.process.stdout, self.log):
            file.close()
        return self.process.returncode


class CloudLink(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = mqtt_twin.Broker().start()
        cls.addClassCleanup(cls.broker.kill)
        cls.daemon = Daemon(sandbox.work() + "/securityd.sock")

    def setUp(self):
        if not self.broker.running():
            self.broker.start()
        self.hub = mqtt_twin.Hub().connect()
        self.driver = None

    def tearDown(self):
        self.broker.thaw()
        if self.driver:
            self.assertEqual(self.driver.stop(), 0)
        self.hub.client.close()
        with open(sandbox.work() + "/logs/driver.log") as log:
            self.assertIsNone(services.SANITIZER.search(log.read()))

    def start(self, ca=None, **options):
        self.driver = Driver(ca or self.broker.cert, self.daemon, **options)
        return self.driver

    def wait_version(self, version):
        wait_for(lambda: self.driver.version() == version, PATIENCE, f"version {version}")

    def wait_reported(self, reported):
        wait_for(lambda: self.hub.reported == reported, PATIENCE, f"{reported} to be reported")

    def exchange(self):
        """A deployment down, a report up, a method both ways."""
        self.hub.desire({"a": {"n": 1}})
        self.wait_version(self.hub.desired_version)
        self.assertEqual(self.driver.told("desired")[-1]["desired"]["a"], {"n": 1})
        self.driver.order(report={"m": {"cam": "running"}})
        self.wait_reported({"m": {"cam": "running"}})
        self.assertEqual(self.hub.call("GetModuleLogs", {"id": "cam"}), (200, '{"id":"cam"}'))

    def test_all_of_it_over_tls(self):
        self.start()
        self.driver.wait_links(True)
        self.exchange()
        text = self.daemon.signed[-1].split("\n")[0]
        self.assertEqual(urllib.parse.unquote(text).lower(), "localhost/devices/dev%201/modules/%24edgeagent")
        self.assertIn("dev 1/$edgeAgent", self.broker.tail(400))

    def test_all_of_it_over_a_websocket(self):
        self.start(websocket=True, port=mqtt_twin.WEBSOCKET)
        self.driver.wait_links(True)
        self.exchange()

    def test_all_of_it_through_a_proxy(self):
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        self.start(websocket=True, port=mqtt_twin.WEBSOCKET,
                   proxy=f"http://user:word@{proxy.address}")
        self.driver.wait_links(True)
        self.exchange()
        self.assertEqual(proxy.asked[0], ("CONNECT", f"localhost:{mqtt_twin.WEBSOCKET}",
                                          "Basic " + base64.b64encode(b"user:word").decode()))

    def test_a_broker_that_is_killed_comes_back(self):
        self.start()
        self.driver.order(report={"n": 1, "same": 1})
        self.wait_reported({"n": 1, "same": 1})
        self.broker.kill()
        self.driver.wait_links(True, False)
        self.driver.order(report={"n": 2, "same": 1})
        tried = len(self.daemon.signed)
        wait_for(lambda: len(self.daemon.signed) >= tried + 5, PATIENCE, "five more attempts")
        self.assertLessEqual(len(self.driver.told("link")), 3, self.driver.events)  # broken, then refused
        self.hub.desire({"b": 1}, lose=True)  # before it can ask for its twin
        self.broker.start()
        self.hub.connect()
        self.wait_reported({"n": 2, "same": 1})
        self.assertEqual(self.hub.patches[-1], {"n": 2})
        self.driver.wait_links(True, False, True)
        self.wait_version(self.hub.desired_version)

    def test_a_broker_that_freezes_mid_twin_is_left(self):
        self.start(answer=1000)
        self.driver.wait_links(True)
        self.wait_version(self.hub.desired_version)
        self.broker.freeze()
        self.driver.order(report={"n": 7})
        event = self.driver.wait_links(True, False)
        self.assertIn("did not answer", event["why"])
        self.broker.thaw()
        self.driver.wait_links(True, False, True)
        self.wait_reported({"n": 7})

    def test_a_twin_that_is_not_answered_is_asked_for_on_another_connection(self):
        self.hub.mute = True
        self.start(answer=700)
        self.driver.wait_links(True, False, True, False)
        self.assertEqual(self.driver.version(), 0)
        self.hub.mute = False
        self.wait_version(self.hub.desired_version)

    def test_a_gap_in_the_patches_is_closed(self):
        self.start()
        self.wait_version(1)
        self.hub.desire({"a": 1}, lose=True)
        self.hub.desire({"b": 2})
        self.wait_version(3)
        self.assertEqual(self.driver.told("desired")[-1]["desired"], {"a": 1, "b": 2})

    def test_tokens_are_renewed_and_nobody_notices(self):
        self.start(token_s=2)
        self.driver.wait_links(True)
        before = len(self.daemon.signed)
        wait_for(lambda: len(self.daemon.signed) >= before + 3, PATIENCE, "three more tokens")
        self.hub.desire({"late": 1})
        self.wait_version(self.hub.desired_version)
        self.exchange()
        self.assertEqual(len(self.driver.told("link")), 1, self.driver.events)

    def test_an_unknown_authority_is_refused(self):
        other, _ = mqtt_twin.certificate("elsewhere")
        self.start(ca=other)
        event = self.driver.wait_links(False)
        self.assertIn("certificate", event["why"])
        self.assertEqual(self.hub.gets, 0)

    def test_a_certificate_for_another_name_is_refused(self):
        self.daemon.host = "127.0.0.1"  # reached, but not the name in the certificate
        self.addCleanup(setattr, self.daemon, "host", "localhost")
        self.start()
        event = self.driver.wait_links(False)
        self.assertEqual(self.hub.gets, 0)
        self.assertIn("127.0.0.1", event["why"])

    def test_what_waits_is_sent_before_it_ends(self):
        self.start()
        self.driver.wait_links(True)
        self.driver.order(report={"n": 1})
        self.wait_reported({"n": 1})
        self.driver.order(report={"n": "last"})
        self.assertEqual(self.driver.stop(15000), 0)
        self.assertEqual(self.hub.reported, {"n": "last"})
        wait_for(lambda: "Received DISCONNECT from dev 1/$edgeAgent" in self.broker.tail(50), PATIENCE,
                 "the goodbye")

    def test_its_socket_may_be_tidied_away(self):
        self.start(token_s=2)
        self.driver.wait_links(True)
        os.unlink(self.driver.options["rundir"] + "/cloud.sock")
        before = len(self.daemon.signed)
        wait_for(lambda: len(self.daemon.signed) >= before + 2, PATIENCE, "two more tokens")
        self.exchange()
        self.assertEqual(len(self.driver.told("link")), 1, self.driver.events)

    def test_others_cannot_use_its_tunnel(self):
        self.start()
        self.driver.wait_links(True)
        path = self.driver.options["rundir"] + "/cloud.sock"
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(path)
            other.settimeout(10)
            self.assertEqual(other.recv(1), b"")
        self.exchange()


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(module=sys.modules["__main__"], verbosity=2)
