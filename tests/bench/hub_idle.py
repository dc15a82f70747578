"""edge-hub at rest with five connected modules and a connected cloud: wake-ups of each thread, bytes written, network, memory.
EDGE_BENCH_IDLE_SECONDS (20) is how long it is looked at."""
import os
import re
import subprocess
import time

import cloud
import edge_hub
import mqtt_raw
import sandbox
from idle import pss

MODULES = 5
SECONDS = int(os.environ.get("EDGE_BENCH_IDLE_SECONDS", "20"))
QUIET_S = 12  # a report of its twin is at most 5 s late, then its document moves out of SQLite's log within 10 s
COUNTERS = f"""table inet hub_idle {{
    chain out {{
        type filter hook output priority 0;
        ip saddr {edge_hub.CLOUD_ADDRESS} counter
        ip daddr {edge_hub.CLOUD_ADDRESS} counter
        ip saddr {edge_hub.ADDRESS} counter
        ip daddr {edge_hub.ADDRESS} counter
    }}
}}"""


def wakeups(pid):
    """{thread: name, voluntary context switches}"""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as file:
            text = file.read()
        found[thread] = re.search(r"Name:\s+(.*)", text)[1], int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", text)[1])
    return found


def written(pid):
    """Bytes given to write(2) in any way, to files as well as sockets; bytes that went to disks."""
    with open(f"/proc/{pid}/io") as file:
        fields = dict(line.split(": ") for line in file.read().splitlines())
    return int(fields["wchar"]), int(fields["write_bytes"])


def network():
    table = subprocess.run(["nft", "list", "table", "inet", "hub_idle"], check=True, capture_output=True, text=True).stdout
    return sum(map(int, re.findall(r"bytes (\d+)", table)))


def settle(pid):
    """Until nothing has gone to disk for QUIET_S: what a hub still has to do after a message is no rest."""
    last, since = written(pid)[1], time.monotonic()

    def quiet():
        nonlocal last, since
        now = written(pid)[1]
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= QUIET_S

    sandbox.wait_for(quiet, 90, f"the hub to write nothing for {QUIET_S} s")


def look(pid):
    return wakeups(pid), written(pid), network()


def measure(bench):
    cloud.name_hosts(edge_hub.NAMES)
    place = edge_hub.Place()
    place.routes(up="FROM /messages/* INTO $upstream")
    hub = place.hub().start(60)
    clients = []
    for number in range(MODULES):
        client = mqtt_raw.Client(place, place.module(f"idle{number}"), keep_alive=0)
        client.subscribe(f"{client.path}/inputs/#", "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#")
        client.publish(f"{client.path}/messages/events/", b"one")
        clients.append(client)
    place.arrived(MODULES)
    sandbox.wait_for(lambda: hub.online() and hub.pending() == 0, 30, "the hub to be at rest")
    pid = hub.process.pid
    settle(pid)
    subprocess.run(["nft", "-f", "-"], input=COUNTERS, text=True, check=True)
    before = look(pid)
    time.sleep(SECONDS)
    after = look(pid)
    woken = {thread: (name, count - before[0].get(thread, ("", 0))[1]) for thread, (name, count) in after[0].items()}
    each = ", ".join(f"{name} {count}" for name, count in woken.values() if count)
    total = sum(count for _, count in woken.values())
    beside = f"{MODULES} modules, a cloud"
    bench.row("hub's idle wake-ups a second", total / SECONDS, None, "/s", 2, each or "none")
    bench.row("hub's idle writes", after[1][0] - before[1][0], None, "bytes", 20000, "files and sockets")
    bench.row("hub's idle writes to disk", after[1][1] - before[1][1], None, "bytes", 16384, beside)  # a page of the index of SQLite's log, once
    bench.row("hub's idle network", after[2] - before[2], None, "bytes", 20000, f"both sides, {SECONDS} s")
    bench.row("hub's idle memory (PSS)", pss(pid), None, "MiB", 100, f"{len(woken)} threads")
    subprocess.run(["nft", "delete", "table", "inet", "hub_idle"], check=True)
    for client in clients:
        client.close()
    hub.stop()
    place.stop()
