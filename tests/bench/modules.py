"""Time from `edgectl apply` to all of 20 modules running, images present; beside 20 x `ctr run -d`."""
import statistics
import subprocess
import time

import case
import sandbox
import services

COUNT = 20
ROUNDS = 3


def ours(bench):
    wanted = {f"m{number:02}": case.module() for number in range(COUNT)}
    began = time.monotonic()
    bench.apply(wanted)

    def all_running():
        listed = bench.agent.list().values()
        return sum(module["status"] == "running" for module in listed) == COUNT
    sandbox.wait_for(all_running, 120, f"{COUNT} modules to run")
    took = time.monotonic() - began
    bench.clear()
    return took


def anchor(bench):
    began = time.monotonic()
    for number in range(COUNT):
        subprocess.run(["ctr", "-n", services.NAMESPACE, "run", "-d", case.IMAGE, f"c{number:02}",
                        "sh", "-c", case.IDLE], check=True, capture_output=True)
    took = time.monotonic() - began
    for number in range(COUNT):
        bench.containerd.ctr("tasks", "rm", "-f", f"c{number:02}")
        bench.containerd.ctr("containers", "rm", f"c{number:02}")
    return took


def measure(bench):
    ours(bench)  # brings the image
    pairs = [(ours(bench), anchor(bench)) for _ in range(ROUNDS)]
    bench.row(f"{COUNT} modules: apply to all running", statistics.median(pair[0] for pair in pairs),
              statistics.median(pair[1] for pair in pairs), "s", 3, f"{COUNT} x ctr run -d, without a network")
