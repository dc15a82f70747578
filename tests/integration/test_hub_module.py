"""edge-hub as the agent runs it: a container of its own image from systemModules.edgeHub, the sample modules beside it,
their messages by routes to the cloud."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys

import cloud_case
import services
from cloud_case import ADDRESS, DEVICE, HOST
from sandbox import Unmet, wait_for

sys.path.insert(0, os.path.join(services.TOP, "deploy", "images"))
import hub_image  # noqa: E402
import sample_image  # noqa: E402

GATEWAY = "edge.test"
HUB_IMAGE, SAMPLE_IMAGE = f"{HOST}/edge-hub:1", f"{HOST}/edge-sample:1"
USER = 13623
PATIENCE = 90
PUBLISHED = "10.99.0.20"  # where the hub's ports are on this machine
ROUTES = {
    "sensorToFilter": "FROM /messages/modules/sensor/outputs/temperature INTO BrokeredEndpoint(\"/modules/filter/inputs/temperature\")",
    "alertsToCloud": "FROM /messages/modules/filter/outputs/alerts INTO $upstream",
}


def bindings():
    return {f"{port}/tcp": [{"HostPort": str(port), "HostIp": PUBLISHED}] for port in (8883, 5671, 443)}


class HubModule(cloud_case.CloudCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["ip", "address", "add", PUBLISHED + "/32", "dev", "lo"], check=True)
        super().setUpClass()
        for name, made in (("edge-hub", hub_image.image(os.path.join(services.BIN, "edge-hub"))),
                           ("edge-sample", sample_image.image(os.path.join(services.BIN, "edge-sample")))):
            cls.registry.client.push(made, name, "1")

    @classmethod
    def more_settings(cls):
        return {"hostname": GATEWAY, "certificates": {"trusted_ca_certs": cls.hub.ca}}

    def sample(self, word):
        return cloud_case.module(None, image=SAMPLE_IMAGE, env={"EDGE_SAMPLE_INTERVAL_MS": "100"}, options={"Cmd": [word]})

    def edge_hub(self, **options):
        host = {"PortBindings": bindings(), "Binds": ["edgehub:/var/lib/edge-hub"],
                "ExtraHosts": [f"{cloud_case.HUB}:{ADDRESS}"], **options}
        return {"type": "docker", "status": "running", "restartPolicy": "always",
                "settings": {"image": HUB_IMAGE, "createOptions": json.dumps({"HostConfig": host})},
                "env": {"UpstreamProtocol": {"value": os.environ.get("EDGE_UPSTREAM", "Amqp")}}}

    def deploy_all(self, routes=None):
        self.hub.service.apply(DEVICE, {"modulesContent": {
            "$edgeAgent": {"properties.desired": self.desired(
                {"sensor": self.sample("sensor"), "filter": self.sample("filter")}, edgeHub=self.edge_hub())},
            "$edgeHub": {"properties.desired": {"schemaVersion": "1.1", "routes": routes or ROUTES,
                                                "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}}}})

    def events(self, module="filter"):
        """Bodies of what has come to the cloud from this module, in order."""
        return [event["body"] for event in self.hub.events() if event["module"] == module]

    def metrics(self):
        """What the hub says of itself, by its published port."""
        context = ssl._create_unverified_context()
        link = http.client.HTTPSConnection(PUBLISHED, 443, context=context, timeout=10)
        try:
            link.request("GET", "/metrics")
            return link.getresponse().read().decode()
        finally:
            link.close()

    def metric(self, name):
        """The sum of a metric over all its labels."""
        return sum(float(value) for value in re.findall(rf"^edgehub_{name}(?:\{{.*\}})? (\S+)$", self.metrics(), re.M))

    @staticmethod
    def certificate(port=8883):
        """What the hub shows."""
        with socket.create_connection((PUBLISHED, port), 10) as raw:
            with ssl._create_unverified_context().wrap_socket(raw, server_hostname=GATEWAY) as link:
                return link.getpeercert(True)

    def wait_arriving(self, more=5):
        """Until so many more alerts have come than there are now."""
        before = len(self.events())

        def probe():
            now = len(self.events())
            if now >= before + more:
                return now
            raise Unmet(f"{now} alerts, {before} before")
        return wait_for(probe, PATIENCE, "alerts to arrive at the cloud")

    def status(self, pid):
        with open(f"/proc/{pid}/status") as file:
            return dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)

    def test_messages_flow_and_survive(self):
        self.deploy_all()
        self.wait_running("sensor", "filter")
        self.wait_reported(200, lambda seen: seen.get("systemModules", {}).get("edgeHub", {}).get("runtimeStatus") == "running", PATIENCE)
        self.wait_arriving()

        with self.subTest("its own user owns the storage"):
            pid = self.pids("edgeHub")["edgeHub"]
            status = self.status(pid)
            self.assertEqual(set(status["Uid"].split()), {str(USER)})
            self.assertEqual(int(status["CapEff"], 16), 1 << 10, "it keeps the right to listen alone")
            self.assertEqual(self.owners(f"/proc/{pid}/root/var/lib/edge-hub"), {USER})

        with self.subTest("its ports are published, with a certificate for the device's name"):
            for port in (8883, 5671, 443):
                self.assertIn(GATEWAY.encode(), self.certificate(port))

        with self.subTest("the cloud knows its clients and its routes"):
            seen = wait_for(self.reports_the_sensor, PATIENCE, "the sensor to be reported")
            self.assertEqual(seen["lastDesiredStatus"]["code"], 200)
            self.assertEqual(seen["clients"][f"{DEVICE}/sensor"]["status"], "Connected")

        with self.subTest("a new certificate disturbs nobody"):
            before, gone = self.certificate(), self.metric("client_disconnect_total")
            services.signal_pid(self.pids("edgeHub")["edgeHub"], signal.SIGHUP)
            wait_for(lambda: self.certificate() != before, PATIENCE, "another certificate")
            self.wait_arriving()
            self.assertEqual(self.metric("client_disconnect_total"), gone)

        with self.subTest("killed, it comes back, and its clients with it"):
            pid = self.pids("edgeHub")["edgeHub"]
            services.signal_pid(pid)
            wait_for(lambda: self.pids("edgeHub")["edgeHub"] not in (0, pid), PATIENCE, "another hub")
            self.wait_arriving()

        with self.subTest("without a cloud the queue grows, then all of it arrives"):
            self.hub.stop()
            wait_for(lambda: self.pending() >= 20, PATIENCE, "20 messages to wait")
            self.hub.start()
            wait_for(lambda: self.pending() <= 5, PATIENCE, "the queue to be empty")
            numbers = [json.loads(body)["n"] for body in self.events()]
            first = sorted(set(numbers), key=numbers.index)
            self.assertEqual(first, sorted(first), "alerts have come out of order")

        with self.subTest("a bad route is refused with the reason, the old ones stay"):
            self.hub.service.ok("PATCH", f"/twins/{DEVICE}/modules/%24edgeHub", {
                "properties": {"desired": {"routes": {"bad": "FROM /messages/* INTO"}}}}, headers={"If-Match": "*"})
            wait_for(lambda: self.own_twin()["properties"]["reported"]["lastDesiredStatus"]["code"] == 400,
                     PATIENCE, "400 to be reported")
            status = self.own_twin()["properties"]["reported"]["lastDesiredStatus"]
            self.assertIn("bad", status["description"])
            self.wait_arriving()

    @staticmethod
    def owners(top):
        """Of all files below; the hub makes and removes some all the time."""
        found = set()
        for folder, _, leaves in os.walk(top):
            for leaf in leaves:
                with contextlib.suppress(FileNotFoundError):
                    found.add(os.stat(os.path.join(folder, leaf)).st_uid)
        return found

    def reports_the_sensor(self):
        """What the hub has reported, once the sensor is among its clients: they come one by one."""
        seen = self.own_twin()["properties"]["reported"]
        if f"{DEVICE}/sensor" in (seen.get("clients") or {}) and "lastDesiredStatus" in seen:
            return seen
        raise Unmet(seen)

    def own_twin(self):
        return self.hub.service.twin(DEVICE, "%24edgeHub")

    def pending(self):
        return sum(float(value) for value in re.findall(r'^edgehub_ledger_messages\{.*state="pending".*\} (\S+)$', self.metrics(), re.M))


if __name__ == "__main__":
    cloud_case.main()
