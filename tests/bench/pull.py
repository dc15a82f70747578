"""Pull and unpack of a 100 MB image from the local registry, beside `ctr images pull`."""
import statistics
import time

import case
import sandbox

SIZE = 100 * 1000 * 1000
ROUNDS = 2


def push(bench, seed):
    """An image nobody has a part of: three layers of noise."""
    layers = [case.busybox.padding(SIZE // 3, seed * 10 + number) for number in range(3)]
    for number, files in enumerate(layers):
        for path in [path for path in files if path != "/data"]:
            files[f"/data/{number}-{path[6:]}"] = files.pop(path)
    bench.registry.client.push(case.busybox.image(extra=layers), f"big{seed}", "1")
    return f"{case.HOST}/big{seed}:1"


def ours(bench, image):
    began = time.monotonic()
    bench.apply({"big": case.module(image=image)})
    sandbox.wait_for(lambda: bench.agent.list().get("big", {}).get("status") == "running", 180, "the big image to run")
    took = time.monotonic() - began
    bench.clear()
    return took


def anchor(bench, image):
    began = time.monotonic()
    bench.containerd.ctr("images", "pull", "--plain-http", image)
    return time.monotonic() - began


def measure(bench):
    pairs = [(ours(bench, push(bench, 2 * number + 1)), anchor(bench, push(bench, 2 * number + 2)))
             for number in range(ROUNDS)]
    bench.row("100 MB image: apply to running", statistics.median(pair[0] for pair in pairs),
              statistics.median(pair[1] for pair in pairs), "s", 3, "ctr images pull")
