"""Run a test program in namespaces of its own: network, mounts, processes, cgroups.

    sandbox.enter()     # first line of a test's main; returns only inside

Inside: loopback is up and the only interface, /run and the working folder (sandbox.work()) are
private tmpfs, /sys/fs/cgroup is a tree of our own, and the death of the test ends every process.
Whatever a test starts, mounts or routes is gone with it; the outer half checks that cgroups are too.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import cgroups

MARK = "EDGE_SANDBOX_WORK"
ON_DISK = "EDGE_SANDBOX_ON_DISK"
PR_SET_PDEATHSIG = 1


def work():
    """The sandbox's own folder; empty at start, gone at the end."""
    return os.environ[MARK]


def inside():
    return MARK in os.environ


def enter(on_disk=False, arguments=None):
    """Go on inside a sandbox. `on_disk` keeps the working folder on the real file system."""
    if not inside():
        sys.exit(_outside(on_disk, arguments or sys.argv))
    _prepare()
    _fork_under_reaper()


def _outside(on_disk, arguments):
    if os.geteuid() != 0:
        print(f"{arguments[0]}: needs root", file=sys.stderr)
        return 1
    folder = tempfile.mkdtemp(prefix="edge-test-")
    groups = cgroups.make(cgroups.PREFIX + str(os.getpid()))
    environment = dict(os.environ, **{MARK: folder})
    if on_disk:
        environment[ON_DISK] = "1"
    command = ["unshare", "--cgroup", "--net", "--mount", "--propagation", "private", "--pid", "--uts",
               "--ipc", "--fork", "--kill-child", "--mount-proc", sys.executable] + arguments

    def join():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        cgroups.join(groups)

    child = subprocess.Popen(command, env=environment, preexec_fn=join)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: child.kill())
    code = child.wait()
    shutil.rmtree(folder, ignore_errors=True)
    left = cgroups.drop(groups)
    if left or os.path.exists(folder):
        print(f"sandbox: left behind: {' '.join(left)} {folder}", file=sys.stderr)
        return code or 1
    return code if code >= 0 else 128 - code


def _prepare():
    resolv = _read("/etc/resolv.conf")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    if resolv is not None and not os.path.exists("/etc/resolv.conf"):
        target = os.path.realpath("/etc/resolv.conf")  # a link into /run
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w") as file:
            file.write(resolv)
    os.makedirs("/run/lock", exist_ok=True)
    if ON_DISK not in os.environ:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", work()], check=True)
    cgroups.mount_inside()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def _fork_under_reaper():
    """We are pid 1: stay behind to collect orphans, and let a child be the test."""
    main = os.fork()
    if main == 0:
        return
    while True:
        pid, status = os.wait()
        if pid == main:
            break
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def wait_for(probe, timeout, what, every=0.02):
    """Poll until `probe()` is true and return its value; fail telling what was seen last.

    A probe may return a false value, or raise Unmet("what it saw"); anything else it raises goes up.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            seen = probe()
            if seen:
                return seen
        except Unmet as unmet:
            seen = unmet
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout} s for {what}; last seen: {seen}")
        time.sleep(every)


class Unmet(Exception):
    """Raised by a probe of wait_for to say what it saw instead."""
