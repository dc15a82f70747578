"""From the death of a module's process to its successor's first instruction, back-off off; beside
the time `ctr run -d` needs to the same instruction."""
import os
import signal
import statistics
import subprocess
import time

import case
import sandbox
import services

ROUNDS = 15


def mark_folder():
    folder = sandbox.work() + "/marks"
    os.makedirs(folder, exist_ok=True)
    return folder


def started_after(path, moment):
    """When the file was written, once that was after `moment` (both wall clock, s)."""
    def probe():
        try:
            written = os.stat(path).st_mtime
        except FileNotFoundError:
            return None
        return written if written > moment else None
    return sandbox.wait_for(probe, 30, f"{path} to be written", every=0.001)


def running(bench):
    """The module's process; 0: it does not run."""
    pid, status = bench.containerd.tasks().get("phoenix", (0, ""))
    return pid if status == "RUNNING" else 0


def ours(bench):
    folder = mark_folder()
    bench.apply({"phoenix": case.module("echo up >/marks/ours; " + case.IDLE, policy="always",
                                        options={"HostConfig": {"Binds": [folder + ":/marks"]}})})
    started_after(folder + "/ours", 0)
    times = []
    for _ in range(ROUNDS):
        pid = sandbox.wait_for(lambda: running(bench), 30, "the module to run")
        time.sleep(0.2)
        moment = time.time()
        os.kill(pid, signal.SIGKILL)
        times.append(started_after(folder + "/ours", moment + 0.004) - moment)
        time.sleep(0.2)
    bench.clear()
    return statistics.median(times)


def anchor(bench):
    folder = mark_folder()
    times = []
    for _ in range(ROUNDS):
        moment = time.time()
        subprocess.run(["ctr", "-n", services.NAMESPACE, "run", "-d", "--mount",
                        f"type=bind,src={folder},dst=/marks,options=rbind:rw", case.IMAGE, "anchor",
                        "sh", "-c", "echo up >/marks/anchor; " + case.IDLE], check=True, capture_output=True)
        times.append(started_after(folder + "/anchor", moment) - moment)
        bench.containerd.ctr("tasks", "rm", "-f", "anchor")
        bench.containerd.ctr("containers", "rm", "anchor")
    return statistics.median(times)


def measure(bench):
    bench.row("killed to running again", ours(bench) * 1000, anchor(bench) * 1000, "ms", 6,
              "ctr run -d, without a network")
