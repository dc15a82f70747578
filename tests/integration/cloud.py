"""The local cloud as a service of a test, and unmodified clients from npm against it.

    hub = cloud.Emulator().start()
    cloud.run_node(self, hub, "registry.js", "-")
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import urllib.request

import sandbox
import services
from sandbox import wait_for

sys.path.insert(0, os.path.join(services.TOP, "deploy"))
from hub import Hub  # noqa: E402

POLICY = "iothubowner"
NODE = os.path.join(services.TOP, "tests", "conformance", "node")
MODULES = os.path.join(services.TOP, "build", "npm", "node_modules")


def name_hosts(names):
    """Have these names mean these addresses, inside the sandbox only."""
    path = sandbox.work() + "/hosts"
    with open(path, "w") as file:
        file.write("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in names.items()))
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)


class Emulator(services.Service):
    """iothub-emulator on an address of its own, with the ports that SDKs insist on."""

    def __init__(self, address="127.0.0.11", hostname="hub.test", more=(), name="emulator"):
        self.address = address
        self.hostname = hostname
        self.state = f"{sandbox.work()}/{name}.db"
        self.key = base64.b64encode(hashlib.sha256(b"policy").digest()).decode()
        self.admin = f"{address}:9443"
        super().__init__(name, [os.path.join(services.BIN, "iothub-emulator"), "--listen", address, "--hostname", hostname,
                                "--state", self.state, "--policy", f"{POLICY}={self.key}", "--admin", self.admin, *more])

    @property
    def ca(self):
        return self.state + ".ca.pem"

    @property
    def login(self):
        """A service connection string."""
        return f"HostName={self.hostname};SharedAccessKeyName={POLICY};SharedAccessKey={self.key}"

    @property
    def service(self):
        return Hub(self.login, self.ca)

    def launch(self):
        self.mark = self.size()
        super().launch()

    def ready(self):
        return any(line == "ready" for line in self.text(self.mark).splitlines())

    def set_modules(self, device_id, agent, **others):
        """As `az iot edge set-modules` does: desired properties of $edgeAgent, and of modules."""
        content = {"$edgeAgent": {"properties.desired": agent}}
        content.update({name: {"properties.desired": desired} for name, desired in others.items()})
        self.service.apply(device_id, {"modulesContent": content})

    def device(self, device_id, edge=False):
        """Make a device; its connection string."""
        return self.service.device(device_id, edge, base64.b64encode(hashlib.sha256(device_id.encode()).digest()).decode())

    def reported(self, device_id):
        return self.service.twin(device_id)["properties"]["reported"]

    def events(self, start=None):
        """What devices have sent: [{"device", "module", "system", "properties", "body", …}], in the order of each sender.
        `start`: an earlier `marks()`, to leave out what was there then."""
        found, partition, partitions = [], 0, 1
        while partition < partitions:
            page = self._page(partition, (start or {}).get(partition, 0))
            partitions = page["partitions"]
            while page["events"]:
                found += [dict(event, body=base64.b64decode(event["body"])) for event in page["events"]]
                page = self._page(partition, page["next"])
            partition += 1
        return found

    def marks(self, start=None):
        """Where its telemetry ends now; faster from an earlier answer."""
        ends, partition, partitions = {}, 0, 1
        while partition < partitions:
            page = self._page(partition, (start or {}).get(partition, 0))
            while page["events"]:
                page = self._page(partition, page["next"])
            ends[partition], partitions, partition = page["next"], page["partitions"], partition + 1
        return ends

    def _page(self, partition, start):
        url = f"http://{self.admin}/emulator/events?partition={partition}&from={start}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)

    def faults(self, **what):
        """Ask for faults by the admin port: latency, freeze, throttle, …"""
        request = urllib.request.Request(f"http://{self.admin}/emulator/faults", json.dumps(what).encode(), method="POST",
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


def node_environment(hub, more=None):
    return {**os.environ, "NODE_PATH": MODULES, "NODE_EXTRA_CA_CERTS": hub.ca, "EDGE_CA": hub.ca, "EDGE_HUB": hub.hostname,
            "EDGE_SERVICE": hub.login, **(more or {})}


def run_node(test, hub, file, transport, *names, timeout=600, more=None):
    """Run a file of cases; each is a subtest. At least one must have run."""
    done = subprocess.run(["node", os.path.join(NODE, "run.js"), file, transport, *names], capture_output=True, text=True,
                          timeout=timeout, env=node_environment(hub, more), cwd=sandbox.work())
    lines = done.stdout.splitlines()
    seen = [line for line in lines if line.startswith(("ok ", "not ok "))]
    for line in seen:
        with test.subTest(f"{file} {transport}: {line.split(':')[0]}"):
            test.assertTrue(line.startswith("ok "), line)
    test.assertTrue(seen and lines and lines[-1] == f"ran {len(seen)}",
                    f"{file} {transport} did not run to its end\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


__all__ = ["Emulator", "name_hosts", "node_environment", "run_node", "wait_for"]
