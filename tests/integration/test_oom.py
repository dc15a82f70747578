"""Limits: memory, processes, processor."""
import case
from case import module


class Limits(case.AgentCase):
    def test_module_over_its_memory_limit_is_killed_and_told(self):
        # tail keeps all it reads of a stream without line ends.
        self.deploy({"hungry": module("exec tail /dev/zero", policy="never",
                                      options={"HostConfig": {"Memory": 16 << 20}})})
        seen = self.wait_status("hungry", "failed")
        self.assertEqual(seen["exitCode"], 137)
        self.assertRegex(seen["description"].lower(), r"memory")

    def test_kill_of_a_child_is_told_while_the_module_runs_on(self):
        # Not in its first moment: containerd begins to watch a cgroup only after the start.
        self.deploy({"parent": module("sleep 1; tail /dev/zero; echo child-gone; " + case.IDLE,
                                      options={"HostConfig": {"Memory": 16 << 20}})})
        self.wait_output("parent", "child-gone")
        self.wait_module("parent", lambda m: m["status"] == "running" and "out of memory" in m["description"],
                         "to run and to tell of its child")

    def test_module_that_was_restarted_still_tells_why(self):
        script = "if [ -e /flag/up ]; then %s; else touch /flag/up; exec tail /dev/zero; fi" % case.IDLE
        self.deploy({"once": module(script, policy="on-failure", options={
            "HostConfig": {"Memory": 16 << 20, "Binds": ["flag-oom:/flag"]}})})
        seen = self.wait_module("once", lambda m: m["status"] == "running" and m["restartCount"] == 1,
                                "to be restarted")
        self.assertIn("137 (out of memory)", seen["description"])

    def test_process_limit_holds(self):
        self.deploy({"forks": module("i=0; while [ $i -lt 30 ]; do sleep 100 & i=$((i+1)); done; echo all; " +
                                     case.IDLE, policy="never", options={"HostConfig": {"PidsLimit": 10}})})
        self.wait_module("forks", lambda m: m["status"] in ("failed", "running"), "to have begun")
        self.assertIn("can't fork", self.wait_output("forks", "can't fork"))

    def test_memory_limit_is_the_cgroups(self):
        self.deploy({"m": module(options={"HostConfig": {"Memory": 32 << 20, "PidsLimit": 77}})})
        self.wait_running("m")
        self.assertEqual(self.cgroup("m", "memory", "memory.limit_in_bytes", "memory.max"), str(32 << 20))
        self.assertEqual(self.cgroup("m", "pids", "pids.max", "pids.max"), "77")

    def cgroup(self, name, controller, v1, v2):
        """A file of the module's cgroup, on either version."""
        with open(f"/proc/{self.pid(name)}/cgroup") as lines:
            groups = {line.split(":")[1]: line.rstrip("\n").split(":")[2] for line in lines}
        if controller in groups:
            path = f"/sys/fs/cgroup/{controller}{groups[controller]}/{v1}"
        else:
            path = f"/sys/fs/cgroup{groups['']}/{v2}"
        with open(path) as file:
            return file.read().strip()


if __name__ == "__main__":
    case.main()
