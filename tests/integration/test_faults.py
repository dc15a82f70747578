"""Everything is killed, at every moment: the agent, containerd, shims. The system comes back by itself.

EDGE_CRASH_ROUNDS is the number of kills for each subject, EDGE_CRASH_SEED repeats a run.
"""
import json
import os
import random
import time

import case
from case import module
from sandbox import Unmet, wait_for
from services import signal_pid

ROUNDS = int(os.environ.get("EDGE_CRASH_ROUNDS", "6"))
SEED = int(os.environ.get("EDGE_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)


class Faults(case.AgentCase):
    def setUp(self):
        super().setUp()
        print(f"(EDGE_CRASH_SEED={SEED}) ", end="", flush=True)
        self.random = random.Random(SEED)

    def planned(self):
        """What is still to be done for the deployment in force; None while the agent cannot tell."""
        done = self.agent.edgectl("plan", "--json", self.agent.deployment)
        return json.loads(done.stdout)["steps"] if done.returncode == 0 else None

    def settle(self, modules, timeout=60):
        """Until exactly these run, each in one container, and the list says so; their processes."""
        wanted = sorted(modules)

        def probe():
            listed = {name: m["status"] for name, m in self.agent.list().items()}
            seen = self.containerd.tasks()
            tasks = {name: status for name, (_, status) in seen.items()}
            if listed == dict.fromkeys(wanted, "running") and tasks == dict.fromkeys(wanted, "RUNNING") \
                    and self.containerd.containers() == wanted and self.planned() == []:
                return {name: seen[name][0] for name in wanted}
            raise Unmet({"list": listed, "tasks": tasks, "containers": self.containerd.containers(),
                         "plan": self.planned()})
        return wait_for(probe, timeout, "exactly " + ", ".join(wanted) + " to run")

    def all_of_round(self, names, number):
        """Whether each container is made from this round's deployment."""
        there = self.containerd.containers()
        return all(name in there and f'"ROUND={number}"' in self.containerd.ctr("containers", "info", name, check=False)
                   for name in names)

    def kill_agent_after(self, seconds):
        time.sleep(self.random.uniform(0, seconds))
        self.agent.kill()

    # The agent.

    def test_agent_killed_while_it_pulls_goes_on_where_it_was(self):
        for number in range(ROUNDS):
            made = case.busybox.image(extra=[case.busybox.padding(8 << 20, SEED + number)], compression="")
            self.registry.client.push(made, f"pull{number}", "1")
            wanted = {"m": module(image=f"{case.HOST}/pull{number}:1")}
            with self.subTest(round=number):
                self.deploy(wanted)
                self.kill_agent_after(0.5)
                self.agent.start()
                self.wait_module("m", lambda m: m["image"] == f"{case.HOST}/pull{number}:1", "to have the new image")
                self.settle(wanted)

    def test_agent_killed_while_it_creates_and_starts_ends_with_one_of_each(self):
        for number in range(ROUNDS):
            wanted = {f"m{i}": module(env={"ROUND": str(number)}) for i in range(4)}
            with self.subTest(round=number):
                self.deploy(wanted)
                self.kill_agent_after(1.0)
                self.agent.start()
                self.wait(lambda: self.all_of_round(wanted, number), "all modules of this round", 60)
                self.settle(wanted)

    def test_agent_killed_while_it_stops_and_removes_leaves_nothing(self):
        for number in range(ROUNDS):
            first = {f"m{i}": module() for i in range(4)}
            with self.subTest(round=number):
                self.deploy(first)
                self.settle(first)
                rest = {"m0": first["m0"]}
                self.deploy(rest)
                self.kill_agent_after(0.6)
                self.agent.start()
                self.settle(rest)
                self.wait(lambda: len(case.services.veths()) == 1, "the links of removed modules to go")

    def test_no_module_notices_restarts_of_the_agent(self):
        wanted = {f"m{i}": module(policy="always") for i in range(5)}
        self.deploy(wanted)
        pids = self.settle(wanted)
        for number in range(ROUNDS):
            self.restart_agent(kill=number % 2 == 0)
            self.assertEqual(self.settle(wanted), pids)

    def test_crash_that_the_agent_missed_is_found_when_it_is_back(self):
        wanted = {"m": module(policy="on-failure")}
        self.deploy(wanted)
        pid = self.settle(wanted)["m"]
        self.agent.kill()
        signal_pid(pid)
        self.wait(lambda: self.containerd.tasks().get("m", (0, ""))[1] == "STOPPED", "containerd to see it")
        self.agent.start()
        self.assertNotEqual(self.settle(wanted)["m"], pid)

    def test_half_written_database_is_set_aside_and_modules_run_on(self):
        wanted = {"m": module()}
        self.deploy(wanted)
        pids = self.settle(wanted)
        self.agent.kill()
        with open(self.agent.home + "/agent.db", "r+b") as file:
            file.write(b"\0" * 4096)
        self.agent.start()
        self.assertEqual(self.settle(wanted), pids)

    # containerd.

    def test_containerd_killed_and_back_changes_no_module(self):
        wanted = {f"m{i}": module() for i in range(3)}
        self.deploy(wanted)
        pids = self.settle(wanted)
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.containerd.kill()
                time.sleep(self.random.uniform(0, 0.5))
                self.containerd.start()
                self.assertEqual(self.settle(wanted), pids)

    def test_agent_answers_while_containerd_is_away(self):
        wanted = {"m": module()}
        self.deploy(wanted)
        self.settle(wanted)
        self.containerd.kill()
        try:
            for _ in range(10):
                self.assertIn("m", self.agent.list())
                time.sleep(0.05)
        finally:
            self.containerd.start()
        self.settle(wanted)

    def test_crash_while_containerd_was_away_is_found(self):
        wanted = {"m": module(policy="always"), "n": module(policy="always")}
        self.deploy(wanted)
        pids = self.settle(wanted)
        self.containerd.kill()
        signal_pid(pids["m"])
        time.sleep(0.5)
        self.containerd.start()
        self.wait(lambda: self.pid("m") not in (0, pids["m"]), "the module to be restarted")
        self.assertEqual(self.settle(wanted)["n"], pids["n"])

    def test_containerd_killed_while_modules_come_and_go(self):
        for number in range(ROUNDS):
            wanted = {f"m{i}": module(env={"ROUND": str(number)}) for i in range(self.random.randrange(1, 5))}
            with self.subTest(round=number):
                self.deploy(wanted)
                time.sleep(self.random.uniform(0, 0.8))
                self.containerd.kill()
                self.containerd.start()
                self.wait(lambda: self.all_of_round(wanted, number), "all modules of this round", 60)
                self.settle(wanted)

    def test_deployment_made_while_containerd_is_away_is_applied_later(self):
        self.containerd.kill()
        wanted = {"fresh": module()}
        try:
            self.deploy(wanted)
        finally:
            self.containerd.start()
        self.settle(wanted)

    # Shims.

    def test_change_in_place_is_not_hurried_while_containerd_is_away(self):
        self.deploy({"m": module(policy="always")})
        pid, = self.wait_running("m")
        self.containerd.kill()
        mark = self.agent.size()
        self.deploy({"m": module(policy="never")})
        try:
            self.wait(lambda: self.agent.log_lines("cannot change in place", mark), "the first try to fail")
        finally:
            self.containerd.start()
        self.wait_module("m", lambda m: m["restartPolicy"] == "never", "to have its new policy")
        self.wait(lambda: self.planned() == [], "nothing to be left to do")
        self.assert_undisturbed("m", pid)
        self.assertLess(len(self.agent.log_lines("cannot change in place", mark)), 10)

    def test_killed_shim_is_a_crash_of_its_module(self):
        wanted = {"m": module(policy="always"), "n": module()}
        self.deploy(wanted)
        pids = self.settle(wanted)
        for _ in range(min(ROUNDS, 5)):
            signal_pid(self.containerd.shims()["m"])
            self.wait(lambda: self.pid("m") not in (0, pids["m"]), "the module to be restarted")
            now = self.settle(wanted)
            self.assertEqual(now["n"], pids["n"])
            pids = now

    def test_shim_killed_while_containerd_is_away(self):
        wanted = {"m": module(policy="always")}
        self.deploy(wanted)
        pid = self.settle(wanted)["m"]
        shim = self.containerd.shims()["m"]
        self.containerd.kill()
        signal_pid(shim)
        self.containerd.start()
        self.wait(lambda: self.pid("m") not in (0, pid), "the module to be restarted", 60)
        self.settle(wanted)
        self.assertFalse(os.path.exists(f"/proc/{pid}/root/bin"), "the first process still runs beside the second")

    # Many.

    def test_thirty_modules_at_once(self):
        wanted = {f"m{i:02}": module() for i in range(30)}
        self.deploy(wanted)
        pids = self.settle(wanted, 180)
        self.agent.kill()
        for name in list(pids)[:10]:
            signal_pid(pids[name])
        self.agent.start()
        self.wait(lambda: len(self.containerd.tasks()) == 30, "all tasks", 120)
        self.deploy({name: module(policy="always") for name in wanted})
        now = self.settle(wanted, 180)
        self.assertEqual([now[name] for name in list(pids)[10:]], list(pids.values())[10:])

    def test_everything_killed_at_once_comes_up_anew(self):
        wanted = {f"m{i}": module(policy="always") for i in range(3)}
        self.deploy(wanted)
        self.settle(wanted)
        self.agent.kill()
        self.containerd.kill()
        for shim in self.containerd.shims().values():
            signal_pid(shim)
        for pid, words in case.services.processes():
            if words[:2] == ["sh", "-c"] and "started" in " ".join(words):
                signal_pid(pid)
        self.containerd.start()
        self.agent.start()
        self.settle(wanted)


if __name__ == "__main__":
    case.main()
