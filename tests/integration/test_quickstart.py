"""deploy/quickstart.sh as a user runs it, and --down: the machine is as it was."""
import contextlib
import os
import random
import re
import subprocess
import time
import unittest

import sandbox
import services

SCRIPT = services.TOP + "/deploy/quickstart.sh"
ROOT = "/quickstart"
RUN = "/run/edge-quickstart"
WATCHED = ("/run", "/etc/cni", "/var/lib/cni", "/opt/cni", "/opt/containerd", "/etc/edge", "/var/lib/edge", "/sys/fs/cgroup")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def folders():
    """Everything under the watched folders; of cgroups the folders only."""
    found = set()
    for top in WATCHED:
        for path, names, files in os.walk(top):
            found.update(os.path.join(path, name) for name in names)
            if not path.startswith("/sys"):
                found.update(os.path.join(path, name) for name in files)
    return sorted(found)


def machine():
    """Everything the quickstart could leave behind."""
    with open("/proc/self/mountinfo") as mounts, open("/proc/sys/net/ipv4/ip_forward") as forward:
        return {
            "processes": sorted(" ".join(words[:3]) for _, words in services.processes() if words),
            "mounts": [line.split(" ", 3)[3] for line in mounts],
            "network namespaces": len(output("lsns", "-n", "-t", "net").splitlines()),
            "rules": output("nft", "list", "ruleset"),
            "links": sorted(line.split()[0] for line in output("ip", "-br", "link").splitlines()),
            "addresses": output("ip", "-br", "address"),
            "routes": output("ip", "route"),
            "forwarding": forward.read(),
            "files": folders(),
            "root": os.path.exists(os.environ["EDGE_QUICKSTART_ROOT"]),
        }


class Quickstart(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        os.environ["EDGE_QUICKSTART_ROOT"] = sandbox.work() + ROOT
        self.before = machine()
        self.addCleanup(self.run_script, "--down")

    def run_script(self, *arguments, timeout=1500):
        return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=timeout)

    def up(self, cut=4):
        os.environ["EDGE_QUICKSTART_CUT"] = str(cut)
        done = self.run_script()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def down(self):
        done = self.run_script("--down")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.maxDiff = None
        with contextlib.suppress(AssertionError):  # the kernel takes links and folders away a little later
            sandbox.wait_for(lambda: machine() == self.before, 20, "the machine as it was", every=0.2)
        for what, value in machine().items():
            self.assertEqual(value, self.before[what], what)

    def check_said(self, said):
        for word in ("hello", "crasher", "running", "alerts have arrived"):
            self.assertIn(word, said)
        waiting = [int(number) for number in re.findall(r"waiting in the hub: (\d+)", said)]
        self.assertGreater(waiting[-1], waiting[0], "the queue did not grow without a cloud")
        routes = re.findall(r"^(sensorToFilter|alertsToCloud) +(\d+) = +(\d+) \+ +(\d+) \+ +(\d+) \+ +(\d+)$", said, re.M)
        self.assertEqual({name for name, *_ in routes}, {"sensorToFilter", "alertsToCloud"}, said)
        for name, came, delivered, expired, dropped, pending in routes:
            self.assertEqual((int(expired), int(dropped)), (0, 0), name)
            self.assertEqual(int(came), int(delivered) + int(pending), name)

    @staticmethod
    def nobody_is_left():
        """Who is about to start another has to be killed again."""
        others = [pid for pid, words in services.processes() if words and pid not in (1, os.getpid())]
        for pid in others:
            services.signal_pid(pid)
        return not others

    def boot(self):
        """It ends all processes and empties /run."""
        sandbox.wait_for(self.nobody_is_left, 20, "all processes to end")
        with open("/proc/self/mountinfo") as mounts:
            for point in sorted((line.split()[4] for line in mounts), reverse=True):
                if point.startswith(RUN) or point.startswith(sandbox.work() + "/"):
                    subprocess.run(["umount", "-l", point], check=True)
        ports = [line.split()[0].split("@")[0] for line in output("ip", "-br", "link", "show", "type", "veth").splitlines()]
        for command in ("nft flush ruleset", *("ip link delete " + port for port in ports), "ip link delete edge-quick",
                        "rm -rf /run/containerd " + RUN):
            subprocess.run(command.split(), check=False, stderr=subprocess.DEVNULL)

    @staticmethod
    def daemons():
        """Their pids. A child of theirs looks like them until it is a program of its own: what is seen twice stays."""
        ours = ("pgrep", "-f", "edge-agent --config|docker-registry serve|containerd --config")
        return sandbox.wait_for(lambda: (seen := output(*ours)) == output(*ours) and seen, 20, "the same processes twice")

    def kill(self):
        for pid, words in services.processes():
            if words and os.path.basename(words[0]) in ("containerd", "edge-agent", "docker-registry"):
                services.signal_pid(pid)

    def test_up_and_again_and_after_a_boot_and_down_when_everything_was_killed(self):
        self.check_said(self.up(20))
        pids = self.daemons()
        self.up()
        self.assertEqual(self.daemons(), pids)  # what runs is left alone
        self.boot()
        self.up()
        self.kill()
        self.down()

    def test_down_without_up_is_no_error(self):
        self.down()
        self.down()

    def test_down_after_an_up_that_was_cut_off(self):
        source = random.Random(7)
        for _ in range(4):
            script = subprocess.Popen([SCRIPT], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(source.uniform(0.2, 6))
            script.kill()
            script.wait()
            self.down()

    def test_builds_from_source_when_no_programs_are_given(self):
        given = os.environ.pop("EDGE_BIN", None)
        try:
            self.up()
        finally:
            if given:
                os.environ["EDGE_BIN"] = given
        self.assertTrue(os.path.exists(sandbox.work() + ROOT + "/build/bin/edge-agent"))
        self.down()


if __name__ == "__main__":
    sandbox.enter()
    os.environ.setdefault("EDGE_BIN", services.BIN)
    unittest.main(verbosity=2)
