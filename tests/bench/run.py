#!/usr/bin/env python3
"""How fast and how small, beside containerd's own client on the same machine in the same minute.

    EDGE_BIN=build/release/bin tests/bench/run.py [apply] [pull] [idle] [restart] [routes] [hub] [hub_idle]

Prints one table. Absolute figures are this machine's; the ratios are what to compare. Fails only on
ratios that no load of the machine can explain.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import services  # noqa: E402
import case  # noqa: E402
import cloud_device  # noqa: E402
import emulator  # noqa: E402
import hub_bench  # noqa: E402
import hub_idle  # noqa: E402
import idle  # noqa: E402
import modules  # noqa: E402
import pull  # noqa: E402
import restart  # noqa: E402
import routes  # noqa: E402
from table import show  # noqa: E402

PARTS = {"apply": modules.measure, "pull": pull.measure, "idle": idle.measure, "restart": restart.measure,
         "cloud": cloud_device.measure, "emulator": emulator.measure, "routes": routes.measure, "hub": hub_bench.measure,
         "hub_idle": hub_idle.measure}


class Bench:
    """What the parts share: the services, and the rows they add."""

    def __init__(self):
        self.rows = []
        self.containerd = services.Containerd().start()
        self.registry = services.Registry().start()
        self.registry.client.push(case.busybox.image(), "busybox", "1")
        self.agent = services.Agent()
        services.write_file(self.agent.deployment, case.deployment({}))
        self.agent.start()

    def row(self, what, ours, anchor, unit, limit, beside):
        """One line; `limit` is the ratio (or, without an anchor, the value) that is absurd."""
        self.rows.append((what, ours, anchor, unit, limit, beside))

    def apply(self, wanted):
        path = self.agent.deployment
        services.write_file(path, case.deployment(wanted))
        done = self.agent.edgectl("apply", path)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def clear(self):
        self.apply({})
        sandbox.wait_for(lambda: not self.containerd.containers(), 120, "all modules to be gone", every=0.1)

    def end(self):
        self.clear()
        for service in (self.agent, self.registry, self.containerd):
            service.stop()


def main():
    wanted = [name for name in sys.argv[1:] if name in PARTS] or list(PARTS)
    bench = Bench()
    try:
        for name in wanted:
            PARTS[name](bench)
        bench.end()
    except Exception:
        print(bench.agent.tail(60))
        raise
    sys.exit(1 if show(bench.rows) else 0)


if __name__ == "__main__":
    sandbox.enter(on_disk=True)
    main()
