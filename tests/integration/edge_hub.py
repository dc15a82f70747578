"""edge-hub as a service of a test, outside of a container, between its clients and the local cloud.

    cloud.name_hosts(edge_hub.NAMES)
    place = edge_hub.Place()                         # the cloud, an edge device, certificates; nothing of the hub runs yet
    sensor = place.module("sensor")                  # a module of the device
    leaf = place.leaf("leaf1")                       # a device behind it
    place.routes(up="FROM /messages/* INTO $upstream")
    hub = place.hub().start()
    ... clients connect to edge.test by sensor.text (a connection string), and trust place.trust ...
    place.arrived(count)                             # what has come to the cloud
    with place.cut():                                # the cloud is away
        ...
"""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import ssl
import subprocess
import time
import urllib.parse
import urllib.request

import sandbox
import cloud
import services
from sandbox import wait_for

CLOUD, CLOUD_ADDRESS = "hub.test", "127.0.0.11"
GATEWAY, ADDRESS = "edge.test", "127.0.0.10"
NAMES = {CLOUD: CLOUD_ADDRESS, GATEWAY: ADDRESS}
METRICS = 9600
DEVICE = "edge1"
AGENT = {"schemaVersion": "1.1", "runtime": {"type": "docker", "settings": {}}, "systemModules": {}, "modules": {}}


def sas(resource, key, seconds=3600):
    """A token for "host/devices/d[/modules/m]"."""
    until = int(time.time()) + seconds
    quoted = urllib.parse.quote(resource, safe="")
    mac = hmac.new(base64.b64decode(key), f"{quoted}\n{until}".encode(), hashlib.sha256).digest()
    return f"SharedAccessSignature sr={quoted}&sig={urllib.parse.quote(base64.b64encode(mac), safe='')}&se={until}"


def key_of(name):
    """A key that is the same whenever the test asks."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


class Authority:
    """A CA of the test's own, by openssl: for the hub's server certificate and for leaf devices."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.cert, self.key = f"{folder}/ca.pem", f"{folder}/ca.key"
        self._run("req", "-x509", *self._new_key(self.key), "-days", "30", "-subj", "/CN=test edge CA",
                  "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                  "-out", self.cert)

    @staticmethod
    def _new_key(path):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path

    @staticmethod
    def _run(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def issue(self, name, usage, alternative=None, days=30):
        """(certificate with its chain, key) as files."""
        base = f"{self.folder}/{name.replace('/', '_')}"
        extensions = f"extendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n"
        if alternative:
            extensions += f"subjectAltName={alternative}\n"
        services.write_file(base + ".ext", extensions)
        self._run("req", *self._new_key(base + ".key"), "-subj", "/CN=" + name, "-out", base + ".csr")
        self._run("x509", "-req", "-in", base + ".csr", "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial",
                  "-days", str(days), "-extfile", base + ".ext", "-out", base + ".leaf")
        with open(base + ".leaf") as leaf, open(self.cert) as ca:
            services.write_file(base + ".pem", leaf.read() + ca.read())
        return base + ".pem", base + ".key"

    def self_signed(self, name):
        """(certificate, key, its SHA-256 thumbprint)"""
        base = f"{self.folder}/self-{name}"
        self._run("req", "-x509", *self._new_key(base + ".key"), "-days", "2", "-subj", "/CN=" + name, "-out", base + ".pem")
        with open(base + ".pem") as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        return base + ".pem", base + ".key", hashlib.sha256(der).hexdigest().upper()


class Identity:
    """A module or a device, as its author knows it."""

    def __init__(self, device, module, key):
        self.device, self.module, self.key = device, module, key

    @property
    def name(self):
        return f"{self.device}/{self.module}" if self.module else self.device

    @property
    def resource(self):
        return f"{CLOUD}/devices/{self.device}" + (f"/modules/{self.module}" if self.module else "")

    @property
    def text(self):
        """The connection string, by the gateway."""
        module = f"ModuleId={self.module};" if self.module else ""
        return f"HostName={CLOUD};DeviceId={self.device};{module}SharedAccessKey={self.key};GatewayHostName={GATEWAY}"

    @property
    def user(self):
        """The user name of MQTT."""
        return f"{CLOUD}/{self.name}/?api-version=2021-04-12&DeviceClientType=test"

    def token(self, seconds=3600):
        return sas(self.resource, self.key, seconds)


class EdgeHub(services.Service):
    """The process. `more` is environment beside what says who it is."""

    def __init__(self, place, name="edge-hub", storage=None, more=None, under=()):
        self.storage = storage or f"{sandbox.work()}/{name}.storage"
        os.makedirs(self.storage, exist_ok=True)
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        environment.update({
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=1:exitcode=99:abort_on_error=0"),
            "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "print_stacktrace=1:exitcode=99"),
            "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "exitcode=99")})
        environment.update(place.environment)
        environment.update(more or {})
        super().__init__(name, [*under, os.path.join(services.BIN, "edge-hub"), "--listen", ADDRESS, "--storage", self.storage],
                         environment)
        self.mark = 0

    def launch(self):
        self.mark = self.size()
        super().launch()

    def ready(self):
        return any(line == "ready" for line in self.text(self.mark).splitlines())

    def restart(self, kill=False):
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start()

    def stop(self, timeout=70):
        code = super().stop(timeout)
        if code not in (None, 0):
            raise AssertionError(f"{self.name}: exit {code} after SIGTERM\n{self.tail()}")
        return code

    def get(self, path, timeout=30):
        with urllib.request.urlopen(f"http://{ADDRESS}:{METRICS}{path}", timeout=timeout) as answer:
            return answer.read().decode()

    def metrics(self):
        """{(name without edgehub_, frozenset of its labels): value}"""
        found = {}
        for line in self.get("/metrics").splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and not line.startswith("#"):
                labels = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or "")
                found[match.group(1).removeprefix("edgehub_"), frozenset(labels)] = float(match.group(3))
        return found

    def metric(self, name, **labels):
        """The sum of all series of this name with these labels."""
        wanted = set(labels.items())
        return sum(value for (known, its), value in self.metrics().items() if known == name and wanted <= its)

    def ledger(self):
        """{route: {"in", "delivered", "expired", "pending", "dropped": {reason: n}}}"""
        routes = {}
        for (name, labels), value in self.metrics().items():
            its = dict(labels)
            if name != "ledger_messages":
                continue
            entry = routes.setdefault(its["route"], {"dropped": {}})
            if its["state"] == "dropped":
                entry["dropped"][its["reason"]] = int(value)
            else:
                entry[its["state"]] = int(value)
        return routes

    def unbalanced(self):
        """Routes whose ledger does not add up, as text; "" when all do."""
        wrong = []
        for route, entry in self.ledger().items():
            out = entry["delivered"] + entry["expired"] + entry["pending"] + sum(entry["dropped"].values())
            if entry["in"] != out:
                wrong.append(f"{route}: {entry}")
        return "; ".join(wrong)

    def pending(self):
        return int(self.metric("store_pending_messages"))

    def online(self):
        return self.metric("upstream_connected") == 1


class Place:
    """The cloud, an edge device with a key for its $edgeHub, the hub's certificates."""

    def __init__(self, device=DEVICE, more=()):
        self.device = device
        self.cloud = cloud.Emulator(CLOUD_ADDRESS, CLOUD, more).start()
        self.authority = Authority(f"{sandbox.work()}/pki")
        self.cloud.device(device, edge=True)
        self.own = self._module_of(device, "$edgeHub", match="*")
        self.scope = self.cloud.service.ok("GET", f"/devices/{device}")["deviceScope"]
        self.trust = f"{sandbox.work()}/trust.pem"
        with open(self.cloud.ca) as one, open(self.authority.cert) as two:
            services.write_file(self.trust, one.read() + two.read())
        self.server = self.authority.issue(GATEWAY, "serverAuth", f"DNS:{GATEWAY},IP:{ADDRESS}")

    @property
    def environment(self):
        return {
            "IotHubConnectionString": f"HostName={CLOUD};DeviceId={self.device};ModuleId=$edgeHub;SharedAccessKey={self.own.key}",
            "EdgeDeviceHostName": GATEWAY,
            "EdgeHubDevServerCertificateFile": self.server[0],
            "EdgeHubDevServerPrivateKeyFile": self.server[1],
            "EdgeHubDevTrustBundleFile": self.trust,
        }

    def hub(self, **more):
        return EdgeHub(self, **more)

    def stop(self):
        self.cloud.stop()

    # Who there is

    def _module_of(self, device, module, match=None, key=None):
        key = key or key_of(f"{device}/{module}")
        self.cloud.service.ok("PUT", f"/devices/{device}/modules/{urllib.parse.quote(module)}", {
            "deviceId": device, "moduleId": module, "managedBy": "iotEdge",
            "authentication": {"type": "sas", "symmetricKey": {"primaryKey": key, "secondaryKey": key}}},
            headers={"If-Match": match} if match else None)
        return Identity(device, module, key)

    def module(self, name, key=None):
        return self._module_of(self.device, name, key=key)

    def _device(self, name, authentication, scope):
        self.cloud.service.ok("PUT", f"/devices/{name}", {
            "deviceId": name, "authentication": authentication, **({"deviceScope": scope} if scope else {})})

    def leaf(self, name, scope=True):
        """A device behind this edge device (or, without its scope, beside it)."""
        key = key_of(name)
        self._device(name, {"type": "sas", "symmetricKey": {"primaryKey": key, "secondaryKey": key}}, scope and self.scope)
        return Identity(name, "", key)

    def leaf_by_thumbprint(self, name):
        """(certificate, key) of a device that shows a certificate."""
        cert, key, print_ = self.authority.self_signed(name)
        self._device(name, {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": print_, "secondaryThumbprint": print_}},
                     self.scope)
        return cert, key

    def leaf_by_authority(self, name):
        self._device(name, {"type": "certificateAuthority"}, self.scope)
        return self.authority.issue(name, "clientAuth")

    # What is wanted

    def configure(self, desired):
        """$edgeHub's desired properties."""
        self.cloud.set_modules(self.device, AGENT, **{"$edgeHub": desired})

    def routes(self, _ttl=7200, _limit=None, _policy="refuse", **routes):
        limits = {"storeLimits": {"maxSizeBytes": _limit, "policy": _policy}} if _limit else {}
        store = {"timeToLiveSecs": _ttl, **limits}
        self.configure({"schemaVersion": "1.1", "routes": routes, "storeAndForwardConfiguration": store})

    def status(self):
        """What the hub has reported of itself: its twin's reported properties."""
        return self.cloud.service.twin(self.device, "%24edgeHub")["properties"]["reported"]

    def wait_applied(self, timeout=60):
        """Until the hub has looked at the newest desired properties; what it says of them: {"code", "description"}."""
        def applied():
            twin = self.cloud.service.twin(self.device, "%24edgeHub")["properties"]
            seen = twin["reported"]
            if seen.get("lastDesiredVersion") == twin["desired"]["$version"]:
                return seen["lastDesiredStatus"]
            raise sandbox.Unmet(json.dumps(seen))

        return wait_for(applied, timeout, "the hub to look at its routes", every=0.1)

    # What arrives

    def marks(self, start=None):
        return self.cloud.marks(start)

    def events(self, start=None):
        return self.cloud.events(start)

    def arrived(self, count, start=None, accept=lambda event: True, timeout=60):
        """Until so many events have come that are accepted; all of them."""
        def enough():
            found = [event for event in self.events(start) if accept(event)]
            if len(found) >= count:
                return found
            raise sandbox.Unmet(f"{len(found)} of {count}")

        return wait_for(enough, timeout, f"{count} events", every=0.1)

    # The cloud goes away

    @contextlib.contextmanager
    def cut(self, how="drop"):
        """"drop": packets vanish, nobody is told; "refuse": connections end, new ones are refused by the service; "kill":
        the process dies; "freeze": it takes connections and answers nothing."""
        away, back = {"drop": (self._vanish, self._appear), "kill": (self.cloud.kill, self.cloud.start),
                      "refuse": (lambda: self.cloud.faults(refuse=True, drop="*"), lambda: self.cloud.faults(refuse=False)),
                      "freeze": (lambda: self.cloud.faults(freeze=True), lambda: self.cloud.faults(freeze=False))}[how]
        away()
        try:
            yield
        finally:
            back()

    @staticmethod
    def _vanish():
        rules = f"""table inet cut {{
            chain out {{
                type filter hook output priority 0;
                ip daddr {CLOUD_ADDRESS} tcp dport {{ 443, 5671, 8883 }} drop
                ip saddr {CLOUD_ADDRESS} tcp sport {{ 443, 5671, 8883 }} drop
            }}
        }}"""
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)

    @staticmethod
    def _appear():
        subprocess.run(["nft", "delete", "table", "inet", "cut"], check=True)


def node_environment(place, more=None):
    """For the cases in tests/conformance/node, with clients behind the gateway."""
    return cloud.node_environment(place.cloud, {
        "NODE_EXTRA_CA_CERTS": place.trust, "EDGE_CA": place.trust, "EDGE_GATEWAY": GATEWAY, "EDGE_DEVICE": place.device,
        "EDGE_SCOPE": place.scope, "EDGE_ADMIN": place.cloud.admin,
        "EDGE_SINK_KEY": key_of(f"{place.device}/sink"), **(more or {})})


__all__ = ["ADDRESS", "AGENT", "CLOUD", "DEVICE", "EdgeHub", "GATEWAY", "Identity", "NAMES", "Place", "node_environment", "sas"]
