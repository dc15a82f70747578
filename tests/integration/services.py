"""The programs a test runs beside each other: containerd, a registry, the agent and edgectl.

Each writes its output to <work>/logs/<name>.log. Use inside a sandbox (see sandbox.py): sockets and
ports are the usual ones because nobody else is there.
"""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import sandbox
from sandbox import wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "deploy", "images"))
import oci  # noqa: E402

BIN = os.environ.get("EDGE_BIN", os.path.join(TOP, "build", "dev", "bin"))
NAMESPACE = "edge"
CTRD_SOCKET = "/run/containerd/containerd.sock"
LOGIN = ("test", "secret")
LOGIN_HASH = "$2b$04$zlCpX8dmOB8Gs3/eB/TciOqt3bdJYKpoq22mccwzp35SN9V2dkmH2"  # bcrypt of the password
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")


class Service:
    """A child process with a log file. start() returns when ready() holds."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.command = command
        self.environment = environment
        self.process = None
        os.makedirs(sandbox.work() + "/logs", exist_ok=True)
        self.log = f"{sandbox.work()}/logs/{name}.log"

    def start(self, timeout=60):
        self.launch()
        wait_for(self._ready_or_dead, timeout, f"{self.name} to be ready")
        return self

    def launch(self):
        """Start without waiting."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment, cwd=sandbox.work())

    def ready(self):
        return True

    def running(self):
        return self.process is not None and self.process.poll() is None

    def _ready_or_dead(self):
        if not self.running():
            raise AssertionError(f"{self.name} ended with {self.process.returncode}\n{self.tail()}")
        return self.ready()

    def stop(self, timeout=60):
        """SIGTERM and wait; returns the exit code, or kills and fails when it does not end."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s of SIGTERM\n{self.tail()}")

    def kill(self):
        """SIGKILL, as a crash or the out-of-memory killer does it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def size(self):
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def text(self, start=0):
        """What it has written, from byte `start` on."""
        try:
            with open(self.log, "rb") as file:
                file.seek(start)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def tail(self, lines=40, start=0):
        return "\n".join(f"  {self.name}| {line}" for line in self.text(start).splitlines()[-lines:])

    def complaints(self):
        """Lines in which a sanitizer found something, with what follows them."""
        text = self.text()
        found = SANITIZER.search(text)
        return text[found.start():found.start() + 4000] if found else ""


class Containerd(Service):
    def __init__(self, root=None):
        root = root or sandbox.work() + "/containerd"
        config = sandbox.work() + "/containerd.toml"
        with open(config, "w") as file:
            file.write('version = 2\n'
                       f'root = "{root}"\n'
                       'state = "/run/containerd/state"\n'
                       'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'
                       f'[grpc]\n  address = "{CTRD_SOCKET}"\n')
        super().__init__("containerd", ["containerd", "--config", config])

    def ready(self):
        return subprocess.run(["ctr", "version"], capture_output=True).returncode == 0

    def ctr(self, *arguments, check=True):
        """ctr in the agent's namespace: its output as text."""
        done = subprocess.run(["ctr", "-n", NAMESPACE, *arguments], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def tasks(self):
        """{container id: (pid, status)} as containerd sees them. A shim that has not told it in two seconds is UNKNOWN
        with no pid, on a busy machine: it is asked again."""
        for _ in range(5):
            lines = [line.split() for line in self.ctr("tasks", "ls", check=False).splitlines()[1:]]
            found = {words[0]: (int(words[1]), words[2]) for words in lines if len(words) == 3}
            if all(status != "UNKNOWN" for _, status in found.values()):
                break
        return found

    def containers(self):
        return sorted(self.ctr("containers", "ls", "-q", check=False).split())

    def shims(self):
        """{container id: pid of its shim}."""
        found = {}
        for pid, words in processes():
            if words and words[0].endswith("containerd-shim-runc-v2") and "-id" in words:
                found[words[words.index("-id") + 1]] = pid
        return found


def processes():
    """[(pid, argv)] of everything in the sandbox."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")[:-1]
            except OSError:
                continue
            found.append((int(name), words))
    return found


def veths():
    """Names of the links that lead into containers."""
    done = subprocess.run(["ip", "-o", "link", "show", "type", "veth"], capture_output=True, text=True)
    return [line.split()[1].rstrip(":") for line in done.stdout.splitlines()]


class Registry(Service):
    """docker-registry with deletion on; optionally with TLS (cert, key) and a LOGIN to be given."""

    def __init__(self, address="127.0.0.1:5000", name="registry", tls=None, login=False):
        self.address = address
        self.tls = tls
        self.login = login
        super().__init__(name, ["docker-registry", "serve", self._configure(name)],
                         dict(os.environ, OTEL_TRACES_EXPORTER="none"))
        self.client = oci.Registry(address, ca=tls and tls[0], login=LOGIN if login else None)

    def _configure(self, name):
        folder = f"{sandbox.work()}/{name}"
        os.makedirs(folder, exist_ok=True)
        config = {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": folder + "/data"}, "delete": {"enabled": True}},
            "http": {"addr": self.address, "secret": "test"},
        }
        if self.tls:
            config["http"]["tls"] = {"certificate": self.tls[0], "key": self.tls[1]}
        if self.login:
            config["auth"] = {"htpasswd": {"realm": "test", "path": self._htpasswd(folder)}}
        path = folder + "/config.yml"
        with open(path, "w") as file:
            json.dump(config, file)
        return path

    def _htpasswd(self, folder):
        write_file(folder + "/htpasswd", f"{LOGIN[0]}:{LOGIN_HASH}\n")
        return folder + "/htpasswd"

    def ready(self):
        host, port = self.address.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return self.client.request("GET", "/v2/")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def requests(self, start=0):
        """Access log lines "METHOD path status" from byte `start` of the log on."""
        pattern = re.compile(r'"(GET|HEAD|PUT|POST|PATCH|DELETE) (\S+) HTTP/[\d.]+" (\d+)')
        return [" ".join(found) for found in pattern.findall(self.text(start))]


def certificate(folder, name="127.0.0.1"):
    """A self-signed certificate for an address: (certificate file, key file)."""
    cert, key = f"{folder}/{name}.pem", f"{folder}/{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=" + name, "-addext", f"subjectAltName=IP:{name}",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def to_yaml(value, depth=0):
    """Block style for mappings, JSON for everything in them."""
    pad = "  " * depth
    lines = []
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines.append(f"{pad}{json.dumps(key)}:\n{to_yaml(item, depth + 1)}")
        else:
            lines.append(f"{pad}{json.dumps(key)}: {json.dumps(item)}\n")
    return "".join(lines)


class Agent(Service):
    """edge-agent with file provisioning, and edgectl beside it."""

    def __init__(self, settings=None, env=None, name="agent"):
        work = sandbox.work()
        self.home = work + "/edge"
        self.rundir = "/run/edge"
        self.deployment = work + "/deployment.json"
        self.config = work + "/config.yaml"
        self.settings = {
            "hostname": "edge-1",
            "homedir": self.home,
            "rundir": self.rundir,
            "provisioning": {"source": "file", "deployment": self.deployment},
            "containerd": {"uri": "unix://" + CTRD_SOCKET, "namespace": NAMESPACE},
            "network": {"name": "azure-iot-edge", "subnet": "172.30.0.0/16"},
            "registries": {"127.0.0.1:5000": {"plain_http": True}},
            "listen": {"management_uri": f"unix://{self.rundir}/mgmt.sock"},
            "agent": {"env": {"CoolOffTimeUnitInSeconds": "0", **(env or {})}},
            **(settings or {}),
        }
        self.configure()
        environment = dict(os.environ)
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99:abort_on_error=0")
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:exitcode=99")
        under = os.environ.get("EDGE_UNDER", "").split()
        super().__init__(name, under + [os.path.join(BIN, "edge-agent"), "--config", self.config], environment)

    def configure(self, **changes):
        """Write config.yaml anew; takes effect when the agent starts."""
        self.settings.update(changes)
        write_file(self.config, to_yaml(self.settings))

    def ready(self):
        return self.edgectl("list", "--json").returncode == 0

    def edgectl(self, *arguments, stdin=None, timeout=60):
        done = subprocess.run([os.path.join(BIN, "edgectl"), "--config", self.config, *arguments],
                              input=stdin, capture_output=True, text=True, timeout=timeout,
                              env=self.environment)
        if SANITIZER.search(done.stderr):
            raise AssertionError(f"edgectl {' '.join(arguments)}:\n{done.stderr}")
        return done

    def list(self):
        """{module name: its object in `edgectl list --json`}."""
        done = self.edgectl("list", "--json")
        if done.returncode != 0:
            raise AssertionError(f"edgectl list: exit {done.returncode}: {done.stderr.strip()}")
        return {module["name"]: module for module in json.loads(done.stdout)}

    def stop(self, timeout=60):
        code = super().stop(timeout)
        if code not in (None, 0):
            raise AssertionError(f"agent: exit {code} after SIGTERM\n{self.tail()}")
        return code

    def log_lines(self, pattern, start=0):
        return [line for line in self.text(start).splitlines() if re.search(pattern, line)]


def write_file(path, text):
    """Replace a file in one step, as an operator's tools should."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def http_get(url, timeout=2):
    """Body of a GET, or None while nobody answers or who answers ends in the middle of it."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None


def signal_pid(pid, number=signal.SIGKILL):
    if pid <= 0:  # to the kernel: the test itself, and all it has started
        raise AssertionError("there is no process to signal")
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
