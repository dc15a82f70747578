"""A route that looks into the body, beside a tree that json-c makes for the same question."""
import os
import subprocess

import services


def measure(bench):
    done = subprocess.run([os.path.join(services.BIN, "route-bench")], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"route-bench: exit {done.returncode}: {done.stdout}{done.stderr}")
    ns = {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    for size in (200, 2048):
        bench.row(f"a route that looks into {size} bytes", ns[f"route_{size}_last"], ns[f"json_c_{size}_last"], "ns", 0.5,
                  f"json-c's tree; ten routes: {ns[f'ten_routes_{size}_last']:.0f} ns")
    bench.row("a route that looks at a property", ns["route_property"], None, "ns", 5000, "")
