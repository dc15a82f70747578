"""A private cgroup tree for one sandbox, on v1, hybrid and v2 machines.

The tree is made outside (make), entered by the process that becomes the sandbox (join), shown inside
as the whole of /sys/fs/cgroup (mount_inside), and removed outside when all processes are gone (drop).
"/edge/<id>" of two sandboxes are therefore different cgroups, and nothing is left behind by either.
"""
import os
import re
import subprocess
import time

ROOT = "/sys/fs/cgroup"
PREFIX = "edge-test-"


def hierarchies():
    """[(mount point, options for mounting it again, is_v2)] of this mount namespace."""
    found = []
    with open("/proc/self/mountinfo") as lines:
        for line in lines:
            before, after = line.rstrip("\n").split(" - ")
            point = before.split()[4]
            kind, _, options = after.split(" ")[:3]
            if kind == "cgroup2":
                found.append((point, "", True))
            elif kind == "cgroup":
                wanted = [o for o in options.split(",") if not re.match(r"rw$|ro$|release_agent=|clone_children$", o)]
                found.append((point, ",".join(wanted), False))
    return found


def _write(path, text):
    with open(path, "w") as file:
        file.write(text)


def _read(path):
    with open(path) as file:
        return file.read()


def make(name):
    """Create the cgroup `name` at the top of every hierarchy; returns their folders."""
    _sweep()
    made = []
    for point, _, is_v2 in hierarchies():
        folder = os.path.join(point, name)
        if is_v2:
            _delegate(point)
        os.mkdir(folder)
        made.append(folder)
        if not is_v2 and os.path.exists(folder + "/cpuset.cpus"):
            _write(folder + "/cgroup.clone_children", "1")
            _write(folder + "/cpuset.cpus", _read(point + "/cpuset.cpus"))
            _write(folder + "/cpuset.mems", _read(point + "/cpuset.mems"))
    return made


def _delegate(folder):
    """v2: let the children of `folder` have every controller it has itself."""
    for controller in _read(folder + "/cgroup.controllers").split():
        try:
            _write(folder + "/cgroup.subtree_control", "+" + controller)
        except OSError:
            pass  # a controller that threads or real-time tasks of the machine hold back


def join(folders):
    for folder in folders:
        _write(folder + "/cgroup.procs", str(os.getpid()))


def mount_inside():
    """In the new cgroup namespace: /sys/fs/cgroup shows our own tree and nothing else."""
    found = hierarchies()
    only_v2 = len(found) == 1 and found[0][2] and found[0][0] == ROOT
    subprocess.run(["umount", "--recursive", ROOT], check=True)  # they show the machine's own tree
    if not only_v2:
        _mount("tmpfs", "tmpfs", ROOT, "mode=755,size=1m")
    for point, options, is_v2 in found:
        os.makedirs(point, exist_ok=True)
        _mount("cgroup2" if is_v2 else "cgroup", "cgroup", point, options)
        if is_v2:  # v2: a group with processes may not have children with controllers
            os.makedirs(point + "/sandbox", exist_ok=True)
            _write(point + "/sandbox/cgroup.procs", "0")
            _delegate(point)


def _mount(kind, source, target, options):
    command = ["mount", "-t", kind] + (["-o", options] if options else []) + [source, target]
    subprocess.run(command, check=True)


def drop(folders):
    """Remove the trees; their last processes may still be ending. Returns what could not go."""
    deadline = time.monotonic() + 10
    left = list(folders)
    while left and time.monotonic() < deadline:
        left = [folder for folder in left if not _remove(folder)]
        if left:
            time.sleep(0.05)
    return left


def _remove(folder):
    try:
        for path, _, _ in os.walk(folder, topdown=False):
            os.rmdir(path)
        return True
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _sweep():
    """Remove what sandboxes that were killed from outside have left."""
    for point, _, _ in hierarchies():
        for name in os.listdir(point):
            if re.fullmatch(PREFIX + r"\d+", name) and not os.path.exists("/proc/" + name[len(PREFIX):]):
                _remove(os.path.join(point, name))
