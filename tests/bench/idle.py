"""The agent at rest with 20 modules: memory, threads, wake-ups; containerd beside it."""
import os
import time

import case
import sandbox

COUNT = 20
SECONDS = 15


def pss(pid):
    """Proportional set size, MiB."""
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def switches(pid):
    """Voluntary context switches of all threads: each is one wake-up."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as lines:
            total += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
    return total


def ticks(pid):
    """Processor time used, s."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(bench):
    bench.apply({f"m{number:02}": case.module() for number in range(COUNT)})
    sandbox.wait_for(lambda: sum(m["status"] == "running" for m in bench.agent.list().values()) == COUNT, 120,
                     f"{COUNT} modules to run")
    time.sleep(3)
    pids = (bench.agent.process.pid, bench.containerd.process.pid)
    before = [(switches(pid), ticks(pid)) for pid in pids]
    time.sleep(SECONDS)
    after = [(switches(pid), ticks(pid)) for pid in pids]
    wakeups = [(after[i][0] - before[i][0]) / SECONDS for i in range(2)]
    cpu = [(after[i][1] - before[i][1]) / SECONDS * 100 for i in range(2)]
    threads = [len(os.listdir(f"/proc/{pid}/task")) for pid in pids]
    beside = f"containerd, {COUNT} modules"
    bench.row("agent's memory (PSS)", pss(pids[0]), pss(pids[1]), "MiB", 2, beside)
    bench.row("agent's threads", threads[0], threads[1], "", 5, beside)
    bench.row("agent's idle wake-ups a second", wakeups[0], None, "/s", 100, f"containerd: {wakeups[1]:.1f}")
    bench.row("agent's idle processor time", cpu[0], None, "%", 10, f"containerd: {cpu[1]:.2f}")
    bench.clear()
