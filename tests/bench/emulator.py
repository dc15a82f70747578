"""The local cloud with many devices at once, each with TLS and a token of its own; handshakes of openssl
and fdatasync beside. EDGE_BENCH_DEVICES says how many (1000), EDGE_BENCH_RATE how many messages a second (200)."""
import base64
import hashlib
import os
import re
import resource
import statistics
import subprocess
import time

import cloud
import sandbox
import services
from idle import pss

DEVICES = int(os.environ.get("EDGE_BENCH_DEVICES", "1000"))
RATE = int(os.environ.get("EDGE_BENCH_RATE", "200"))
SECONDS = 5
BULK = 100  # what one request of the registry may carry
SHELL_FILES = 1024
SPARE = 256  # descriptors beside the connections
ADDRESS, HUB = "10.99.0.12", "load.test"
KEY = base64.b64encode(hashlib.sha256(b"load").digest()).decode()


def allow_files():
    """A shell's soft limit, which mqtt-load and the emulator raise themselves, below a hard one that is enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, SHELL_FILES), max(hard, DEVICES + SPARE)))


def make_devices(service):
    """All of them, in bulk; returns devices a second."""
    began = time.monotonic()
    sas = {"type": "sas", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}}
    for first in range(0, DEVICES, BULK):
        done = service.ok("POST", "/devices", [
            {"id": f"dev-{number}", "importMode": "create", "authentication": sas, "status": "enabled"}
            for number in range(first, min(first + BULK, DEVICES))])
        if not done["isSuccessful"]:
            raise AssertionError(f"devices from dev-{first} on: {done['errors'][:3]}")
    return DEVICES / (time.monotonic() - began)


def load(hub):
    """What mqtt-load prints: {name: number}."""
    done = subprocess.run(
        [os.path.join(services.BIN, "mqtt-load"), "--host", HUB, "--port", "8883", "--hub", HUB, "--key", KEY, "--ca", hub.ca,
         "--devices", str(DEVICES), "--twins", "--rate", str(RATE), "--seconds", str(SECONDS), "--pid", str(hub.process.pid)],
        capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"mqtt-load: exit {done.returncode}: {done.stdout}{done.stderr}")
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def handshake_anchor():
    """Seconds a full TLS handshake takes between openssl's own server and client."""
    cert, key = services.certificate(sandbox.work())
    server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:4433", "-cert", cert, "-key", key, "-www", "-quiet"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def measured():
            done = subprocess.run(["openssl", "s_time", "-connect", "127.0.0.1:4433", "-new", "-time", "2"],
                                  capture_output=True, text=True)
            return re.search(r"(\d+) connections in (\d+) real seconds", done.stdout)
        count, seconds = sandbox.wait_for(measured, 20, "openssl s_time to connect").groups()
        return int(seconds) / int(count)
    finally:
        server.kill()
        server.wait()


def sync_anchor():
    """Seconds in which 4 KiB are on the disk that the emulator writes to."""
    times = []
    with open(sandbox.work() + "/sync", "wb") as file:
        for _ in range(100):
            began = time.monotonic()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.monotonic() - began)
    return statistics.median(times)


def measure(bench):
    allow_files()
    subprocess.run(["ip", "address", "add", ADDRESS + "/32", "dev", "lo"], check=True)
    cloud.name_hosts({HUB: ADDRESS})
    hub = cloud.Emulator(ADDRESS, HUB, name="load").start()
    try:
        made = make_devices(hub.service)
        before = pss(hub.process.pid)
        seen = load(hub)
    except AssertionError as why:
        raise AssertionError(f"{why}\n{hub.tail()}") from why
    finally:
        hub.kill()
    if seen["up"] != DEVICES:
        raise AssertionError(f"{seen['up']:.0f} of {DEVICES} devices are connected")
    memory = seen["pss_kib"] / 1024
    what = f"{DEVICES} devices"
    bench.row(f"{what}: made over REST, each", 1000 / made, None, "ms", 50, "")
    bench.row(f"{what}: connected, each", 1000 / seen["connect_per_s"], handshake_anchor() * 1000, "ms", 20,
              "openssl s_time, a handshake alone")
    sync = sync_anchor() * 1000
    bench.row(f"{what}, {RATE} messages/s: PUBACK, half", seen["ack_p50_us"] / 1000, sync, "ms", 100, "fdatasync of 4 KiB")
    bench.row(f"{what}, {RATE} messages/s: PUBACK, 99 %", seen["ack_p99_us"] / 1000, sync, "ms", 1000, "fdatasync of 4 KiB")
    bench.row(f"{what}: emulator's memory (PSS)", memory, None, "MiB", 50 + DEVICES / 5, f"{before:.1f} MiB before they came")
