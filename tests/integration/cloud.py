"""The local cloud as a service of a test, and unmodified clients from npm against it.

    hub = cloud.Emulator().start()
    cloud.run_node(self, hub, "registry.js", "-")
"""
import base64
import hashlib
import hmac
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import sandbox
import services
from sandbox import wait_for

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
    def service(self):
        return f"HostName={self.hostname};SharedAccessKeyName={POLICY};SharedAccessKey={self.key}"

    def launch(self):
        self.mark = self.size()
        super().launch()

    def ready(self):
        return any(line == "ready" for line in self.text(self.mark).splitlines())

    def token(self, seconds=3600):
        until = int(time.time()) + seconds
        resource = urllib.parse.quote(self.hostname, safe="")
        signature = hmac.new(base64.b64decode(self.key), f"{resource}\n{until}".encode(), hashlib.sha256).digest()
        return (f"SharedAccessSignature sr={resource}&sig={urllib.parse.quote(base64.b64encode(signature), safe='')}"
                f"&se={until}&skn={POLICY}")

    def request(self, method, path, content=None, headers=None, token=None, timeout=20):
        """(status, headers, decoded JSON or None) of the service's REST."""
        url = f"https://{self.hostname}{path}{'&' if '?' in path else '?'}api-version=2021-04-12"
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(url, body, method=method, headers={
            "Authorization": token or self.token(), "Content-Type": "application/json", **(headers or {})})
        context = ssl.create_default_context(cafile=self.ca)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
                return answer.status, answer.headers, self._decode(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.headers, self._decode(error.read())

    @staticmethod
    def _decode(data):
        return json.loads(data) if data else None

    def ok(self, method, path, content=None, **more):
        status, _, answer = self.request(method, path, content, **more)
        if status >= 300:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer

    def device(self, device_id, edge=False):
        """Make a device; its connection string."""
        key = base64.b64encode(hashlib.sha256(device_id.encode()).digest()).decode()
        self.ok("PUT", f"/devices/{device_id}", {
            "deviceId": device_id, "capabilities": {"iotEdge": edge},
            "authentication": {"type": "sas", "symmetricKey": {"primaryKey": key, "secondaryKey": key}}})
        return f"HostName={self.hostname};DeviceId={device_id};SharedAccessKey={key}"

    def set_modules(self, device_id, agent, **others):
        """As `az iot edge set-modules` does: desired properties of $edgeAgent, and of modules."""
        content = {"$edgeAgent": {"properties.desired": agent}}
        content.update({name: {"properties.desired": desired} for name, desired in others.items()})
        self.ok("POST", f"/devices/{device_id}/applyConfigurationContent", {"modulesContent": content})

    def twin(self, device_id, module="$edgeAgent"):
        return self.ok("GET", f"/twins/{device_id}/modules/{urllib.parse.quote(module)}")

    def reported(self, device_id):
        return self.twin(device_id)["properties"]["reported"]

    def method(self, device_id, name, payload=None, module="$edgeAgent", seconds=30):
        """(status of the call, its answer)"""
        status, _, answer = self.request("POST", f"/twins/{device_id}/modules/{urllib.parse.quote(module)}/methods", {
            "methodName": name, "payload": payload, "responseTimeoutInSeconds": seconds, "connectTimeoutInSeconds": 5},
            timeout=seconds + 20)
        return status, answer

    def faults(self, **what):
        """Ask for faults by the admin port: latency, freeze, throttle, …"""
        request = urllib.request.Request(f"http://{self.admin}/emulator/faults", json.dumps(what).encode(), method="POST",
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")


def node_environment(hub, more=None):
    return dict(os.environ, NODE_PATH=MODULES, NODE_EXTRA_CA_CERTS=hub.ca, EDGE_CA=hub.ca, EDGE_HUB=hub.hostname,
                EDGE_SERVICE=hub.service, **(more or {}))


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
