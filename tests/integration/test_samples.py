"""edge-sample: the sensor against the local cloud, the filter against mosquitto, both with a workload API of the test's."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import socketserver
import subprocess
import threading
import unittest

import sandbox
import cloud
import edge_hub
import services
from sandbox import wait_for

GENERATION = "g1"


class Workload(http.server.BaseHTTPRequestHandler):
    """GET /trust-bundle, POST /modules/{m}/genid/{g}/sign"""
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if not self.path.startswith("/trust-bundle?api-version="):
            return self.answer(404, {"message": self.path})
        with open(self.server.trust) as file:
            return self.answer(200, {"certificate": file.read()})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        module = self.path.split("/")[2]
        if self.path.split("?")[0] != f"/modules/{module}/genid/{GENERATION}/sign":
            return self.answer(404, {"message": self.path})
        digest = hmac.new(base64.b64decode(self.server.keys[module]), base64.b64decode(body["data"]), hashlib.sha256).digest()
        return self.answer(200, {"digest": base64.b64encode(digest).decode()})

    def address_string(self):
        return "module"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def serve_workload(trust, **keys):
    """Its URI; it ends with the sandbox."""
    path = f"{sandbox.work()}/workload.sock"
    server = Server(path, Workload)
    server.trust, server.keys = trust, keys
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "unix://" + path


class Sample(services.Service):
    def __init__(self, word, gateway, workload, **more):
        kept = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS") if name in os.environ}
        super().__init__(word, [os.path.join(services.BIN, "edge-sample"), word], {
            **kept, "IOTEDGE_DEVICEID": edge_hub.DEVICE, "IOTEDGE_MODULEID": word, "IOTEDGE_MODULEGENERATIONID": GENERATION,
            "IOTEDGE_IOTHUBHOSTNAME": edge_hub.CLOUD, "IOTEDGE_GATEWAYHOSTNAME": gateway, "IOTEDGE_WORKLOADURI": workload,
            "IOTEDGE_APIVERSION": "2020-07-07", **more})

    def said(self, words):
        return self.text(0).count(words)


class Broker(services.Service):
    """mosquitto, which lets everybody in."""

    def __init__(self, cert, key):
        path = f"{sandbox.work()}/mosquitto.conf"
        services.write_file(path, f"listener 8883 {edge_hub.ADDRESS}\ncertfile {cert}\nkeyfile {key}\n"
                                  f"listener 1883 {edge_hub.ADDRESS}\nallow_anonymous true\nuser root\n")
        super().__init__("mosquitto", ["mosquitto", "-c", path])

    def ready(self):
        return "running" in self.text(0)

    @staticmethod
    def publish(topic, payload):
        subprocess.run(["mosquitto_pub", "-h", edge_hub.ADDRESS, "-q", "1", "-t", topic, "-m", payload], check=True)


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cloud.name_hosts(edge_hub.NAMES)
        cls.place = edge_hub.Place()
        keys = {name: cls.place.module(name).key for name in ("sensor", "filter")}
        cls.workload = serve_workload(cls.place.trust, **keys)

    def test_the_sensor_sends_and_comes_back(self):
        sensor = Sample("sensor", edge_hub.CLOUD, self.workload, EDGE_SAMPLE_INTERVAL_MS="50").start()
        self.addCleanup(sensor.kill)
        self.place.arrived(10)
        with self.place.cut("kill"):
            wait_for(lambda: sensor.said("no connection to the hub"), 60, "the sensor to notice")
        marks = self.place.marks()
        events = self.place.arrived(45, marks)
        for event in events:
            self.assertEqual((event["device"], event["module"]), (edge_hub.DEVICE, "sensor"))
            self.assertEqual(event["system"], {"$.ct": "application/json", "$.ce": "utf-8", "$.on": "temperature"})
        values = [json.loads(event["body"])["machine"]["temperature"] for event in events]
        self.assertEqual((min(values), max(values)), (20.0, 30.0))
        counts = [json.loads(event["body"])["n"] for event in events]
        self.assertEqual(counts, sorted(counts))
        self.assertEqual(sensor.stop(), 0)

    def test_the_filter_passes_on_what_is_hot(self):
        broker = Broker(*self.place.server).start()
        self.addCleanup(broker.stop)
        heard = Listener()
        self.addCleanup(heard.kill)
        heard.launch()
        edge_filter = Sample("filter", edge_hub.GATEWAY, self.workload).start()
        self.addCleanup(edge_filter.kill)
        inputs = f"devices/{edge_hub.DEVICE}/modules/filter/inputs/in/k=v&%24.cdid=edge1"

        def alert(n, t):
            """Publish until it has come: nobody knows when the two have subscribed."""
            Broker.publish(inputs, json.dumps({"machine": {"temperature": t}, "n": n}))
            return f'"n": {n}}}' in heard.text(0)

        wait_for(lambda: alert(1, 26.5), 60, "an alert")
        Broker.publish(inputs, "not json")
        Broker.publish(inputs, '{"machine":{"temperature":25},"n":2}')
        Broker.publish("$iothub/twin/PATCH/properties/desired/", '{"threshold":10,"$version":2}')
        wait_for(lambda: alert(3, 12), 60, "an alert by the new threshold")
        self.assertNotIn('"n":2}', heard.text(0))
        line = heard.text(0).splitlines()[0]
        self.assertEqual(line.split()[0], f"devices/{edge_hub.DEVICE}/modules/filter/messages/events/k=v&%24.on=alerts", line)
        self.assertEqual(edge_filter.said("threshold changed: threshold=10.0"), 1)
        self.assertEqual(edge_filter.stop(), 0)

    def test_without_an_environment_it_says_what_is_missing(self):
        done = subprocess.run([os.path.join(services.BIN, "edge-sample"), "sensor"], env={}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("IOTEDGE_DEVICEID", done.stderr)
        done = subprocess.run([os.path.join(services.BIN, "edge-sample"), "toaster"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (2, "usage: edge-sample sensor|filter\n"))


class Listener(services.Service):
    """What modules send to the broker, a line for each: topic, payload."""

    def __init__(self):
        super().__init__("listener", ["mosquitto_sub", "-h", edge_hub.ADDRESS, "-v", "-t", "devices/+/modules/+/messages/events/#"])


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
