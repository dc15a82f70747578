"""A device that the cloud drives: from a patch of its twin to the container, beside `ctr run`; and at rest with a few
modules: network, disk, wake-ups, memory. EDGE_BENCH_IDLE_SECONDS (20) is how long it is looked at."""
import os
import re
import statistics
import subprocess
import time

import case
import cloud
import cloud_case
import restart
import sandbox
import services
from idle import pss, switches

DEVICE, HUB, ADDRESS = cloud_case.DEVICE, cloud_case.HUB, cloud_case.ADDRESS
ROUNDS = 10
MODULES = 5
SECONDS = int(os.environ.get("EDGE_BENCH_IDLE_SECONDS", "20"))
QUIET_S = 8  # the last report comes 5 s after the one before
COUNTERS = f"""table inet bench {{
    chain out {{
        type filter hook output priority 0;
        ip saddr {ADDRESS} counter
        ip daddr {ADDRESS} counter
    }}
}}"""


class Device:
    """The local cloud and, in place of the bench's agent, a device of it."""

    def __init__(self, bench):
        self.bench = bench
        subprocess.run(["ip", "address", "add", ADDRESS + "/32", "dev", "lo"], check=True)
        cloud.name_hosts({HUB: ADDRESS})
        self.hub = cloud.Emulator(ADDRESS, HUB).start()
        bench.clear()
        bench.agent.stop()
        self.agent = services.Agent({
            "provisioning": {"source": "manual", "device_connection_string": self.hub.device(DEVICE, edge=True)},
            "cloud": {"trusted_ca": self.hub.ca}})
        self.security = cloud_case.Securityd(self.agent).start()

    def deploy(self, modules):
        self.hub.set_modules(DEVICE, cloud_case.CloudCase.desired(modules))
        self.wait_reported(modules)

    def wait_reported(self, modules):
        def probe():
            twin = self.hub.service.twin(DEVICE)["properties"]
            seen = {name: module.get("runtimeStatus") for name, module in (twin["reported"].get("modules") or {}).items()}
            if twin["reported"].get("lastDesiredVersion") == twin["desired"]["$version"] and seen == dict.fromkeys(
                    modules, "running"):
                return True
            raise sandbox.Unmet(seen)
        sandbox.wait_for(probe, 120, f"{len(modules)} modules to be reported as running", every=0.5)

    def patch(self, modules):
        """Some of the modules, as a service's patch of the twin; None takes one away."""
        self.hub.service.ok("PATCH", f"/twins/{DEVICE}/modules/%24edgeAgent",
                            {"properties": {"desired": {"modules": modules}}}, headers={"If-Match": "*"})

    def processes(self):
        """{what it is: pid}; the launcher is the daemon's child of the same program."""
        daemon = self.security.process.pid
        return {"edge-securityd": daemon, "edge-agent": self.security.agent_pid(),
                "its launcher": next(pid for pid, words in services.processes()
                                     if words and words[0].endswith("edge-securityd") and pid != daemon)}

    def end(self):
        """Leave the bench as it was found."""
        self.deploy({})
        sandbox.wait_for(lambda: not self.bench.containerd.containers(), 60, "all modules to be gone", every=0.1)
        self.security.stop()
        self.hub.stop()
        self.bench.agent.configure()
        self.bench.agent.start()


def latency(device, bench):
    """Of each round: seconds from sending the patch to the first instruction in the container."""
    folder = restart.mark_folder()
    device.deploy({})
    times = []
    for number in range(ROUNDS):
        name = f"new{number}"
        moment = time.time()
        device.patch({name: case.module(f"echo up >/marks/{name}; " + case.IDLE,
                                        options={"HostConfig": {"Binds": [folder + ":/marks"]}})})
        times.append(restart.started_after(f"{folder}/{name}", 0) - moment)
        device.patch({name: None})
        sandbox.wait_for(lambda: not bench.containerd.containers(), 30, f"{name} to be gone", every=0.1)
    return times


def written(pid):
    """Bytes that this process has had written to disks."""
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        return int(re.search(r"^write_bytes: (\d+)", file.read(), re.M).group(1))


def traffic():
    """Bytes to and from the cloud, headers of IP and TCP with them."""
    done = subprocess.run(["nft", "list", "table", "inet", "bench"], check=True, capture_output=True, text=True)
    return sum(int(count) for count in re.findall(r"bytes (\d+)", done.stdout))


def settle(pids):
    """Until neither the cloud nor a disk has been given anything for QUIET_S."""
    def given():
        return traffic(), [written(pid) for pid in pids]

    last, since = given(), time.monotonic()

    def quiet():
        nonlocal last, since
        now = given()
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= QUIET_S

    sandbox.wait_for(quiet, 120, f"the device to be quiet for {QUIET_S} s", every=0.2)


def at_rest(device, bench):
    subprocess.run(["nft", "-f", "-"], input=COUNTERS, text=True, check=True)
    device.deploy({f"m{number}": case.module() for number in range(MODULES)})
    pids = device.processes()
    settle(pids.values())
    before = {what: (switches(pid), written(pid)) for what, pid in pids.items()}
    bytes_before = traffic()
    if not bytes_before or not before["edge-agent"][1]:
        raise AssertionError(f"a deployment was not seen to pass: {bytes_before} bytes, {before}")
    time.sleep(SECONDS)
    sent = traffic() - bytes_before
    after = {what: (switches(pid), written(pid)) for what, pid in pids.items()}
    subprocess.run(["nft", "delete", "table", "inet", "bench"], check=True)
    if device.processes() != pids:
        raise AssertionError(f"processes have changed: {pids}, {device.processes()}")
    kept = sum(after[what][1] - before[what][1] for what in pids)
    hour = 3600 / SECONDS / 1024
    seen = f"{MODULES} modules, seen for {SECONDS} s"
    bench.row("cloud, idle: network an hour", sent * hour, None, "KiB", 1000, f"{seen}; a ping in 230 s")
    bench.row("cloud, idle: disk writes an hour", kept * hour, None, "KiB", 1000, seen)
    for what in pids:
        bench.row(f"cloud, idle: wake-ups of {what}", (after[what][0] - before[what][0]) / SECONDS, None, "/s", 100, seen)
    for what, pid in pids.items():
        bench.row(f"cloud, idle: memory of {what} (PSS)", pss(pid), None, "MiB", 100, f"{MODULES} modules")


def measure(bench):
    device = Device(bench)
    try:
        times = latency(device, bench)
        bench.row("twin patch to container", statistics.median(times) * 1000, restart.anchor(bench) * 1000, "ms", 10,
                  f"ctr run -d, without a network; slowest of ours: {max(times) * 1000:.0f} ms")
        at_rest(device, bench)
        device.end()
    except Exception:
        print(device.security.tail(60))
        raise


