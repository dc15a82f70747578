#!/usr/bin/env python3
"""edge-hub beside mosquitto, and beside Qpid Proton's broker for AMQP: the same load, the same minute, each with one processor.

    EDGE_BIN=build/release/bin tests/bench/hub_bench.py [WORD…]      # only the figures whose names hold a word

EDGE_BENCH_FULL=1: every size, number of publishers and transport, medians of three; else a short round of a few.
"""
import contextlib
import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import cloud  # noqa: E402
import edge_hub  # noqa: E402
import hub_peers  # noqa: E402
import services  # noqa: E402
from emulator import sync_anchor  # noqa: E402
from idle import pss  # noqa: E402
from table import show  # noqa: E402
from hub_peers import PAIRS  # noqa: E402

FULL = os.environ.get("EDGE_BENCH_FULL") == "1"
ROUNDS = int(os.environ.get("EDGE_BENCH_ROUNDS", "3" if FULL else "1"))
SECONDS = int(os.environ.get("EDGE_BENCH_SECONDS", "3" if FULL else "1"))
WINDOWS = {1: 100, 10: 100, 100: 10, 1000: 1}  # unacknowledged messages of each publisher
SIZES = {100: "100 B", 1024: "1 KiB", 10240: "10 KiB"}
BACKLOG = 1000000 if FULL else 100000
IDLE = 1000
ANY = float("inf")  # what is better when it is higher has no absurd ratio: its time and its cost have
FROM, TO = f"{edge_hub.DEVICE}/from-", f"{edge_hub.DEVICE}/to-"


class Median:
    """{name: number}: the median of several runs for each name."""

    def __init__(self, runs):
        self.runs = runs

    def __getitem__(self, name):
        return statistics.median(run[name] for run in self.runs)


def alternate(peers, routes, tls, seconds=SECONDS, **more):
    """Both in turn, each fresh: [Median, …]."""
    runs = [[] for _ in peers]
    for _ in range(ROUNDS):
        for peer, seen in zip(peers, runs):
            peer.start(routes)
            try:
                seen.append(peer.load(tls).run(seconds=seconds, **more))
            finally:
                peer.stop()
    return [Median(seen) for seen in runs]


def transport(tls):
    return "TLS" if tls else "plain"


def accept(bench, peers, size, publishers, tls):
    """Durable: sent to acknowledged."""
    anchor = peers[1]
    ours, theirs = alternate(peers, "upstream", tls, prefix="leaf-", devices=publishers, window=WINDOWS[publishers], size=size)
    what = f"{anchor.kind}{SIZES[size]}, {publishers} x {WINDOWS[publishers]}, {transport(tls)}"
    bench.row(f"{what}: CPU a message", ours["cpu_us_per_message"], theirs["cpu_us_per_message"], "us", 20, f"{anchor.name}, RAM only")
    bench.row(f"{what}: messages", ours["acked_per_s"] / 1000, theirs["acked_per_s"] / 1000, "k/s", ANY,
              f"cores: {ours['cores']:.2f}, {theirs['cores']:.2f}; loader {ours['loader_cores']:.2f}, {theirs['loader_cores']:.2f}")
    bench.row(f"{what}: {anchor.answer}, half", ours["ack_p50_us"] / 1000, theirs["ack_p50_us"] / 1000, "ms", 1000, "")
    bench.row(f"{what}: {anchor.answer}, 99 %", ours["ack_p99_us"] / 1000, theirs["ack_p99_us"] / 1000, "ms", 1000,
              f"written: {ours['written_per_message']:.0f} B a message")


def single(bench, peers):
    """One message at a time."""
    ours, theirs = alternate(peers, "upstream", False, prefix="leaf-", devices=1, window=1, size=1024)
    sync = sync_anchor() * 1000
    bench.row("1 KiB, one in flight, plain: PUBACK, half", ours["ack_p50_us"] / 1000, theirs["ack_p50_us"] / 1000 + sync, "ms", 100,
              f"mosquitto, and fdatasync of 4 KiB: {sync:.2f} ms")
    bench.row("1 KiB, one in flight, plain: PUBACK, 99 %", ours["ack_p99_us"] / 1000, theirs["ack_p99_us"] / 1000 + sync, "ms", 1000,
              f"CPU a message: {ours['cpu_us_per_message']:.0f} us, {theirs['cpu_us_per_message']:.0f} us")


def end_to_end(bench, peers, size, tls, **pace):
    """Module to module through a route, stored first; the broker: publisher to subscriber. Without a pace, with as many on their way
    as the windows allow."""
    ours, theirs = alternate(peers, "pairs", tls, prefix=FROM, subscriber_prefix=TO, devices=PAIRS, subscribe=PAIRS, window=100, size=size, **pace)
    rate = f"{pace['rate']}/s" if "rate" in pace else "saturated"
    what = f"{peers[1].kind}module to module, {SIZES[size]}, {PAIRS} to {PAIRS}, {rate}, {transport(tls)}"
    bench.row(f"{what}: CPU a message", ours["cpu_us_per_message"], theirs["cpu_us_per_message"], "us", 20, f"{peers[1].name}, RAM only")
    if "rate" not in pace:
        bench.row(f"{what}: messages", ours["received_per_s"] / 1000, theirs["received_per_s"] / 1000, "k/s", ANY,
                  f"written: {ours['written_per_message']:.0f} B a message; "
                  f"loader: {ours['loader_cores']:.2f}, {theirs['loader_cores']:.2f} cores")
    for name, share in (("half", "p50"), ("99 %", "p99")):
        bench.row(f"{what}: end to end, {name}", ours[f"end_{share}_us"] / 1000, theirs[f"end_{share}_us"] / 1000, "ms", 1000, "")


def at_rate(bench, peers, rate):
    """An open loop: what a quiet hour costs."""
    ours, theirs = alternate(peers, "upstream", False, prefix="leaf-", devices=100, window=1000, size=1024, rate=rate)
    what = f"1 KiB, {rate}/s from 100, plain"
    bench.row(f"{what}: cores", ours["cores"], theirs["cores"], "", 50, "mosquitto, RAM only")
    bench.row(f"{what}: PUBACK, half", ours["ack_p50_us"] / 1000, theirs["ack_p50_us"] / 1000, "ms", 1000, "")
    bench.row(f"{what}: PUBACK, 99 %", ours["ack_p99_us"] / 1000, theirs["ack_p99_us"] / 1000, "ms", 1000, "")


def memory(bench, peers):
    """Idle with a device's few identities, and with connections that do nothing."""
    sizes = []
    for peer in peers:
        server = peer.start("few")
        time.sleep(2)
        sizes.append(pss(server.process.pid))
        peer.stop()
    bench.row("memory (PSS), idle", *sizes, "MiB", 50, "mosquitto")
    for tls in (True, False) if FULL else (True,):
        ours, theirs = alternate(peers, "upstream", tls, prefix="leaf-", devices=IDLE, seconds=2, hold=None)
        if tls:
            bench.row("a TLS connection with its CONNECT: CPU", ours["cpu_connect_us"], theirs["cpu_connect_us"], "us", 50,
                      "mosquitto, nobody asked who they are")
        bench.row(f"memory of {IDLE} idle connections, {transport(tls)}", *(
            (seen["pss_kib"] - seen["idle_pss_kib"]) / 1024 for seen in (ours, theirs)), "MiB", 50, "mosquitto")


def waits(peer, to):
    """Publish BACKLOG messages for nobody who is there, then let them come: (what waited, how they left, bytes on disk)."""
    server = peer.start("pairs")
    try:
        load = peer.load(False)
        before = disk(server)
        if peer.keeps:  # a broker keeps only what somebody has asked for
            load.run(prefix=FROM, devices=PAIRS, hold=None, seconds=0, **to)
        waiting = load.run(prefix=FROM, devices=PAIRS, window=100, size=1024, messages=BACKLOG, seconds=300)
        size = disk(server) - before
        return waiting, load.run(prefix=FROM, devices=PAIRS, hold=None, drain=BACKLOG, seconds=300, **to), size
    finally:
        peer.stop()


def backlog(bench, peers):
    """Messages that wait: memory, disk, and how fast they leave again."""
    to = {"subscriber_prefix": TO, "subscribe": PAIRS, "keep": None}
    (ours, drain, size), (theirs, drain_of_theirs, _) = (waits(peer, to) for peer in peers)
    what = f"{BACKLOG} messages of 1 KiB wait"
    bench.row(f"{what}: memory (PSS)", ours["pss_kib"] / 1024, theirs["pss_kib"] / 1024, "MiB", 2, "mosquitto")
    bench.row(f"{what}: memory more than idle", (ours["pss_kib"] - ours["idle_pss_kib"]) / 1024,
              (theirs["pss_kib"] - theirs["idle_pss_kib"]) / 1024, "MiB", 2, "mosquitto")
    bench.row(f"{what}: disk a message", size / BACKLOG, 1024, "B", 3, "its body")
    bench.row(f"{what}: written a message", ours["written_per_message"], 1024, "B", 10, "its body")
    bench.row(f"{what}: drained", drain["received_per_s"] / 1000, drain_of_theirs["received_per_s"] / 1000, "k/s", ANY,
              "mosquitto, from RAM")


def disk(server):
    """Bytes its storage takes; it makes and removes files all the time."""
    folder, total = getattr(server, "storage", None), 0
    for name in os.listdir(folder) if folder else ():
        with contextlib.suppress(FileNotFoundError):
            total += os.stat(f"{folder}/{name}").st_blocks * 512
    return total


def store(bench):
    """The store alone beside a loop of bare SQLite at the same batch."""
    rows = 500000 if FULL else 50000
    folder = f"{sandbox.work()}/store"
    os.makedirs(folder)
    done = subprocess.run([*hub_peers.FIRST, "0", os.path.join(services.BIN, "store-bench"), folder, str(rows), "1024", "1000"],
                          capture_output=True, text=True, timeout=600, check=True)
    rate = {name: float(number) for name, number in re.findall(r"^(\w+: [^0-9]*?)(?: by \d+)? +(\d+) rows/s", done.stdout, re.M)}
    what = f"the store, {rows} rows of 1 KiB, at most 1000 on their way"
    bench.row(f"{what}: put", rate["room: put"] / 1000, rate["SQLite: insert"] / 1000, "k/s", ANY, "bare SQLite, 1000 a transaction")
    bench.row(f"{what}: taken", rate["room: drain"] / 1000, rate["SQLite: drain"] / 1000, "k/s", ANY, "bare SQLite: read and deleted")
    bench.row(f"{what}: put, taken, gone", rate["room: put, delivered"] / 1000,
              1 / (1 / rate["SQLite: insert"] + 1 / rate["SQLite: drain"]) / 1000, "k/s", ANY, "bare SQLite, one after the other")


class Rows:
    """The table when this file is the program."""

    def __init__(self):
        self.rows = []

    def row(self, *row):
        self.rows.append(row)
        print(*row, flush=True)


def cells(short):
    """(size, publishers, tls)"""
    every = [(size, publishers, tls) for tls in (False, True) for size in SIZES for publishers in WINDOWS]
    return every if FULL else short


def accepts(peers, word, short):
    return {f"{word}-{size}-{publishers}-{transport(tls)}": lambda bench, cell=(size, publishers, tls): accept(bench, peers, *cell)
            for size, publishers, tls in cells(short)}


def figures(peers):
    """{name: what measures it}"""
    found = accepts(peers, "accept", [(1024, 100, False), (100, 100, False), (1024, 100, True)])
    found["single"] = lambda bench: single(bench, peers)
    found["end"] = lambda bench: end_to_end(bench, peers, 1024, False)
    if FULL:
        found["end-rate"] = lambda bench: end_to_end(bench, peers, 1024, False, rate=1000)
        found["end-tls"] = lambda bench: end_to_end(bench, peers, 1024, True)
        found["end-small"] = lambda bench: end_to_end(bench, peers, 100, False)
        found["rate"] = lambda bench: at_rate(bench, peers, 10000)
    found["memory"] = lambda bench: memory(bench, peers)
    found["backlog"] = lambda bench: backlog(bench, peers)
    found["store"] = store
    return found


def amqp_figures(peers):
    """The same of AMQP. Its broker answers before it has read a message and forgets the oldest of many slowly: nobody may run ahead."""
    found = accepts(peers, "amqp-accept", [(1024, 100, False), (1024, 10, True)])
    for size, tls in ((size, tls) for tls in (False, True) for size in SIZES):
        if FULL or (size, tls) == (1024, False):
            found[f"amqp-through-{size}-{transport(tls)}"] = \
                lambda bench, cell=(size, tls): end_to_end(bench, peers, *cell, through=None)
    return found


def measure(bench, words=()):
    """All figures, or those whose names hold one of the words."""
    cloud.name_hosts(edge_hub.NAMES)
    place = edge_hub.Place()
    hub, broker = hub_peers.Hub(place), hub_peers.Mosquitto(place)
    hub.prepare()
    every = figures((hub, broker)) | amqp_figures((hub_peers.HubAmqp(place), hub_peers.Proton(place)))
    for name, figure in every.items():
        if not words or any(word in name for word in words):
            figure(bench)


if __name__ == "__main__":
    sandbox.enter(on_disk=True)
    table = Rows()
    measure(table, sys.argv[1:])
    sys.exit(1 if show(table.rows) else 0)
