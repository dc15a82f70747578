"""Who is compared: edge-hub with an edge device's identities and without its cloud; Debian's mosquitto and Qpid Proton's broker.

Each server runs on processor 0, the load on processor 1, both before others' work (nice). A hub starts from a copy of a folder
that a hub with a cloud has left, so that every cell begins empty; the cloud is away, which leaves the way to the disk and back
and takes the way to the cloud out of the figures.
"""
import contextlib
import os
import re
import shutil
import socket
import subprocess

import edge_hub
import sandbox
import services

PLAIN, TLS = 1883, 8883  # MQTT
PLAIN_AMQP, TLS_AMQP = PLAIN + 1, 5671
BROKER = 5672  # plain or TLS, as the first bytes say
EXAMPLES = "/usr/share/proton/examples/c"
PUBLISHERS, PAIRS = 1000, 10
BULK = 100  # what one request of the registry may carry
FIRST = ("nice", "-n", "-15", "taskset", "-c")
KEY = edge_hub.key_of("load")
UPSTREAM = "FROM /messages/* WHERE key = 'a' INTO $upstream"


def to_pair(number):
    return (f"FROM /messages/modules/from-{number}/* WHERE key = 'a' "
            f"INTO BrokeredEndpoint(\"/modules/to-{number}/inputs/in\")")


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection((edge_hub.ADDRESS, port), timeout=1):
        return True
    return False


class Load:
    """mqtt-load or amqp-load against a server; what it prints as {name: number}."""

    def __init__(self, program, server, *arguments):
        self.program, self.server, self.arguments = program, server, arguments

    def run(self, **more):
        options = []
        for name, value in more.items():  # None: a word alone
            options += ["--" + name.replace("_", "-")] + ([] if value is None else [str(value)])
        done = subprocess.run([*FIRST, "1", os.path.join(services.BIN, self.program), "--hub", edge_hub.CLOUD, "--bag", "key=a",
                               "--pid", str(self.server.process.pid), *self.arguments, *options],
                              capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise AssertionError(f"{self.program} {' '.join(options)}: exit {done.returncode}: {done.stdout}{done.stderr}\n"
                                 f"{self.server.tail()}")
        return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


class Mosquitto:
    """Debian's, as it would be used for messages that must not be lost."""
    name, kind, answer = "mosquitto", "", "PUBACK"
    keeps = True  # only what a subscriber with a session has asked for

    def __init__(self, place):
        self.place = place
        self.folder = sandbox.work() + "/mosquitto"
        self.server = None

    def start(self, routes=None):
        del routes
        os.makedirs(self.folder, exist_ok=True)
        services.write_file(f"{self.folder}/conf", f"""
listener {PLAIN} {edge_hub.ADDRESS}
listener {TLS} {edge_hub.ADDRESS}
certfile {self.place.server[0]}
keyfile {self.place.server[1]}
allow_anonymous true
persistence true
persistence_location {self.folder}/
max_inflight_messages 0
max_queued_messages 0
set_tcp_nodelay true
log_type error
user root
""")
        self.server = services.Service("mosquitto", [*FIRST, "0", "mosquitto", "-c", f"{self.folder}/conf"])
        self.server.ready = lambda: listens(TLS)
        return self.server.start()

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.folder)

    def load(self, tls):
        port = ("--port", str(TLS), "--ca", self.place.trust) if tls else ("--port", str(PLAIN), "--plain")
        return Load("mqtt-load", self.server, "--host", edge_hub.GATEWAY, *port, "--broker")


class Proton:
    """The broker among the examples of Debian's package, compiled here. It keeps messages in memory alone and asks nobody who they
    are. One thread instead of four, as it has one processor, and a window of 1,000 instead of 5."""
    name, kind, answer = "Proton's broker", "AMQP, ", "settled"
    CHANGES = {r"(?m)^const int WINDOW=5;": "const int WINDOW=1000;", r"\bb\.threads = 4;": "b.threads = 1;"}
    # what the example calls its certificate and key
    FILES = ("tserver-certificate.pem", "tserver-private-key.pem")

    def __init__(self, place):
        self.folder = sandbox.work() + "/proton"
        self.trust = place.trust
        self.server = None
        self.files = place.server

    def _prepare(self):
        os.makedirs(f"{self.folder}/ssl-certs")
        for name, file in zip(self.FILES, self.files):
            shutil.copy(file, f"{self.folder}/ssl-certs/{name}")
        with open(f"{EXAMPLES}/broker.c", encoding="utf-8") as file:
            source = file.read()
        for old, new in self.CHANGES.items():
            source, found = re.subn(old, new, source)
            if found != 1:
                raise AssertionError(f"{EXAMPLES}/broker.c: no line {old}")
        services.write_file(f"{self.folder}/broker.c", source)
        subprocess.run(["gcc", "-w", "-O2", "-I", EXAMPLES, "-o", f"{self.folder}/broker", f"{self.folder}/broker.c",
                        "-lqpid-proton", "-lpthread"], check=True)

    def start(self, routes=None):
        del routes
        if not os.path.exists(self.folder):
            self._prepare()
        self.server = services.Service("proton", [*FIRST, "0", "env", "-C", self.folder, "./broker", edge_hub.ADDRESS, str(BROKER)])
        self.server.ready = lambda: listens(BROKER)
        return self.server.start()

    def stop(self):
        self.server.kill()  # it knows no other end

    def load(self, tls):
        way = ("--ca", self.trust) if tls else ("--plain",)
        return Load("amqp-load", self.server, "--host", edge_hub.GATEWAY, "--port", str(BROKER), *way, "--broker")


class Hub:
    """edge-hub. `place` has its identities; `prepare` leaves a folder for each set of routes and identities, and ends the cloud."""
    keeps = False  # what a route leads to an input, whoever is there
    program, ports = "mqtt-load", (PLAIN, TLS)

    def __init__(self, place):
        self.place = place
        self.server = None

    def prepare(self):
        self._modules()
        self._seed("few", up=UPSTREAM)
        self._people()
        self._seed("upstream", up=UPSTREAM)
        self._seed("pairs", **{f"pair{number}": to_pair(number) for number in range(PAIRS)})
        self.place.cloud.kill()

    def _seed(self, name, **routes):
        self.place.routes(_limit=1 << 40, **routes)
        first = self._hub(f"seed-{name}").start()
        self.place.wait_applied()
        self._load(first, True).run(devices=1, prefix=f"{edge_hub.DEVICE}/from-", hold=None, seconds=1)
        first.stop()

    def _people(self):
        sas = {"type": "sas", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}}
        service = self.place.cloud.service
        for start in range(0, PUBLISHERS, BULK):
            done = service.ok("POST", "/devices", [
                {"id": f"leaf-{number}", "importMode": "create", "authentication": sas, "status": "enabled",
                 "deviceScope": self.place.scope, "parentScopes": [self.place.scope]} for number in range(start, start + BULK)])
            if not done["isSuccessful"]:
                raise AssertionError(f"devices from leaf-{start} on: {done['errors'][:3]}")

    def _modules(self):
        sas = {"type": "sas", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}}
        for number in range(PAIRS):
            for module in (f"from-{number}", f"to-{number}"):
                self.place.cloud.service.ok("PUT", f"/devices/{self.place.device}/modules/{module}", {
                    "deviceId": self.place.device, "moduleId": module, "authentication": sas})

    def _hub(self, name):
        server = self.place.hub(name=name, under=(*FIRST, "0"), more={"MaxConnectedClients": "5000"})
        server.command += ["--plain", str(PLAIN)]
        return server

    def start(self, routes):
        """A new one with these routes (a name given to `prepare`), without a cloud, without messages."""
        self.server = self._hub("hub")
        shutil.rmtree(self.server.storage)
        shutil.copytree(f"{sandbox.work()}/seed-{routes}.storage", self.server.storage)
        return self.server.start()

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.server.storage)

    def _load(self, server, tls):
        way = ("--ca", self.place.trust) if tls else ("--plain",)
        return Load(self.program, server, "--host", edge_hub.GATEWAY, "--port", str(self.ports[tls]), *way, "--key", KEY)

    def load(self, tls):
        return self._load(self.server, tls)


class HubAmqp(Hub):
    """The same, from what a Hub has prepared, by AMQP."""
    program, ports = "amqp-load", (PLAIN_AMQP, TLS_AMQP)
