"""Restart policies, for real exits, crashes and failing health checks."""
import datetime
import time

import case
from case import module

# Runs down at once the first time, then stays: the flag is in a named volume.
ONCE = 'if [ -e /flag/up ]; then %s; else touch /flag/up; exit %%d; fi' % case.IDLE
SECOND = 10**9
NEVER = "0001-01-01T00:00:00Z"
# Well until /sick appears.
HEALTH = {"Healthcheck": {"Test": ["CMD-SHELL", "test ! -e /tmp/sick"], "Interval": SECOND // 2,
                          "Timeout": 5 * SECOND, "Retries": 2}}


def once(name, code, policy):
    """A module that ends with `code` when it runs for the first time."""
    return module(ONCE % code, policy=policy, options={"HostConfig": {"Binds": [f"flag-{name}:/flag"]}})


class Policies(case.AgentCase):
    def wait_ended(self, name, status):
        """What has not begun yet is stopped, too."""
        self.wait_module(name, lambda m: m["status"] == status and m["exitedAt"] > NEVER, f"to have ended as {status}")

    def stays_down(self, name, status, for_seconds=2.0):
        self.wait_ended(name, status)
        deadline = time.monotonic() + for_seconds
        while time.monotonic() < deadline:
            seen = self.seen(name)
            self.assertEqual((seen["status"], seen["restartCount"]), (status, 0))
            time.sleep(0.2)

    def comes_back(self, name):
        return self.wait_module(name, lambda m: m["status"] == "running" and m["restartCount"] == 1,
                                "to run again, counted once")

    def test_never_leaves_a_crash_down(self):
        self.deploy({"n1": once("n1", 5, "never")})
        self.stays_down("n1", "failed")

    def test_never_leaves_a_clean_exit_down(self):
        self.deploy({"n0": once("n0", 0, "never")})
        self.stays_down("n0", "stopped")

    def test_on_failure_restarts_a_crash(self):
        self.deploy({"f1": once("f1", 5, "on-failure")})
        self.comes_back("f1")

    def test_another_policy_restarts_what_the_old_one_left_down(self):
        self.deploy({"once": module("exit 0", policy="on-failure")})
        self.wait_ended("once", "stopped")
        self.deploy({"once": module("exit 0", policy="always")})
        self.wait(lambda: self.seen("once").get("restartCount", 0) > 0, "once to be restarted")

    def test_on_failure_leaves_a_clean_exit_down(self):
        self.deploy({"f0": once("f0", 0, "on-failure")})
        self.stays_down("f0", "stopped")

    def test_on_unhealthy_restarts_a_crash(self):
        self.deploy({"u1": once("u1", 5, "on-unhealthy")})
        self.comes_back("u1")

    def test_on_unhealthy_leaves_a_clean_exit_down(self):
        self.deploy({"u0": once("u0", 0, "on-unhealthy")})
        self.stays_down("u0", "stopped")

    def test_policy_left_out_is_on_unhealthy(self):
        self.deploy({"d1": once("d1", 5, None), "d0": once("d0", 0, None)})
        self.comes_back("d1")
        self.stays_down("d0", "stopped", 1)

    def test_always_restarts_a_crash(self):
        self.deploy({"a1": once("a1", 5, "always")})
        self.comes_back("a1")

    def test_always_restarts_a_clean_exit(self):
        self.deploy({"a0": once("a0", 0, "always")})
        self.comes_back("a0")

    def test_killed_process_counts_as_a_crash(self):
        self.deploy({"k": module(policy="on-failure")})
        pid, = self.wait_running("k")
        case.services.signal_pid(pid)
        self.comes_back("k")
        self.assertNotEqual(self.pid("k"), pid)

    def make_sick(self, name):
        self.wait_running(name)
        self.wait_output(name, "started")  # it may tidy up before that
        self.containerd.ctr("tasks", "exec", "--exec-id", "sicken", name, "touch", "/tmp/sick")

    def test_on_unhealthy_restarts_an_unhealthy_module(self):
        self.deploy({"h": module("rm -f /tmp/sick; " + case.IDLE, policy="on-unhealthy", options=HEALTH)})
        self.make_sick("h")
        self.comes_back("h")

    def test_on_failure_leaves_an_unhealthy_module_running(self):
        self.deploy({"hf": module(policy="on-failure", options=HEALTH)})
        pid, = self.wait_running("hf")
        self.make_sick("hf")
        self.wait_status("hf", "unhealthy")
        self.assert_undisturbed("hf", pid, 2)

    def test_unhealthy_module_that_recovers_is_running_again(self):
        self.deploy({"hr": module(policy="never", options=HEALTH)})
        self.make_sick("hr")
        self.wait_status("hr", "unhealthy")
        self.containerd.ctr("tasks", "exec", "--exec-id", "heal", "hr", "rm", "/tmp/sick")
        self.wait_status("hr", "running")

    def test_healthy_module_is_left_alone(self):
        self.deploy({"hh": module(policy="on-unhealthy", options=HEALTH)})
        pid, = self.wait_running("hh")
        self.assert_undisturbed("hh", pid, 3)
        self.assertEqual(self.seen("hh")["restartCount"], 0)

    def test_stop_wins_over_a_crash_loop(self):
        self.deploy({"loop": module("sleep 0.2; exit 1", policy="always")})
        self.wait_module("loop", lambda m: m["restartCount"] >= 2, "to have crashed twice")
        self.deploy({"loop": module("sleep 0.2; exit 1", policy="always", status="stopped")})
        self.wait_status("loop", "stopped", "failed")
        count = self.seen("loop")["restartCount"]
        time.sleep(1.5)
        self.assertEqual(self.pid("loop"), 0)
        self.assertEqual(self.seen("loop")["restartCount"], count)

    def test_crash_loop_of_one_module_leaves_others_alone(self):
        self.deploy({"loop": module("exit 1", policy="always"), "calm": module()})
        pid, = self.wait_running("calm")
        self.wait_module("loop", lambda m: m["restartCount"] >= 5, "to have crashed five times")
        self.assert_undisturbed("calm", pid)


class BackOff(case.AgentCase):
    agent_env = {"CoolOffTimeUnitInSeconds": "1"}

    def test_pauses_double_with_a_little_jitter_and_are_told(self):
        self.deploy({"loop": module("exit 7", policy="always")})
        starts = {}  # restart count -> when that run began, as the agent says

        def four_restarts():
            seen = self.seen("loop")
            if seen.get("status") == "backoff":
                self.assertRegex(seen["description"], r"7")
            if seen.get("startedAt"):
                starts[seen["restartCount"]] = datetime.datetime.fromisoformat(seen["startedAt"])
            return 4 in starts and starts[4] != starts[3]  # the count comes before the start
        self.wait(four_restarts, "four restarts", 90)
        pauses = [(starts[n + 1] - starts[n]).total_seconds() for n in (1, 2, 3)]
        # The pause before restart n+1 is 2^n s and up to a tenth more; a run and its end come on top.
        for pause, least in zip(pauses, (2, 4, 8)):
            self.assertGreaterEqual(pause, least - 0.01, pauses)
            self.assertLess(pause, least * 1.1 + 8, pauses)

    def test_operators_restart_does_not_wait_for_the_pause(self):
        self.deploy({"slow": module(ONCE % 9, policy="always",
                                    options={"HostConfig": {"Binds": ["flag-slow:/flag"]}})})
        self.wait_module("slow", lambda m: m["status"] in ("backoff", "running"), "to have crashed")
        began = time.monotonic()
        self.edgectl("restart", "slow")
        self.wait_running("slow")
        self.assertLess(time.monotonic() - began, 20)


class GiveUp(case.AgentCase):
    agent_env = {"MaxRestartCount": "3"}

    def test_module_is_failed_after_the_last_restart_allowed(self):
        self.deploy({"hopeless": module("exit 4", policy="always")})
        seen = self.wait_status("hopeless", "failed")
        self.assertEqual((seen["restartCount"], seen["exitCode"]), (3, 4))
        time.sleep(1)
        self.assertEqual(self.seen("hopeless")["status"], "failed")

    def test_changed_deployment_gives_it_another_chance(self):
        self.deploy({"second": module("exit 4", policy="always")})
        self.wait_status("second", "failed")
        self.deploy({"second": module(policy="always")})
        self.wait_running("second")


if __name__ == "__main__":
    case.main()
