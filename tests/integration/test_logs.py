"""Module logs: kept, rotated, read from the end, since a time, and followed."""
import os
import subprocess

import case
from case import module
from services import BIN


class Logs(case.AgentCase):
    def log_files(self, name):
        folder = f"{self.agent.home}/logs/{name}"
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def logged(self, name):
        """How many lines are in its newest file."""
        with open(f"{self.agent.home}/logs/{name}/module.log", "rb") as file:
            return file.read().count(b"\n")

    def test_tail_gives_the_last_lines(self):
        self.deploy({"m": module("seq 1 500; " + case.IDLE)})
        self.wait_output("m", "started")
        self.assertEqual(self.edgectl("logs", "m", "--tail", "3").splitlines()[:2], ["499", "500"])

    def test_since_leaves_out_what_is_older(self):
        self.deploy({"m": module('echo old; sleep 4; echo new; ' + case.IDLE)})
        self.wait_output("m", "new")
        self.assertNotIn("old", self.edgectl("logs", "m", "--since", "3s").splitlines())
        self.assertIn("old", self.edgectl("logs", "m", "--since", "1h").splitlines())

    def test_follow_gives_lines_as_they_come_until_it_is_ended(self):
        self.deploy({"m": module("n=0; while :; do n=$((n+1)); echo line $n; sleep 0.2; done")})
        self.wait_running("m")
        follower = subprocess.Popen([os.path.join(BIN, "edgectl"), "--config", self.agent.config, "logs", "m",
                                     "--follow"], stdout=subprocess.PIPE, text=True)
        try:
            first = follower.stdout.readline()
            number = int(first.split()[1])
            for expected in range(number + 1, number + 8):
                self.assertEqual(follower.stdout.readline(), f"line {expected}\n")
        finally:
            follower.terminate()
            follower.wait(10)
            follower.stdout.close()

    def test_files_are_rotated_at_their_size_and_only_so_many_kept(self):
        self.deploy({"m": module("seq 100000 140000; echo the-end; " + case.IDLE, options={"HostConfig": {
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "100k", "max-file": "3"}}}})})
        self.wait_output("m", "the-end")
        files = [name for name in self.log_files("m") if ".log" in name]
        self.assertEqual(len(files), 3, files)
        for name in files:
            self.assertLessEqual(os.path.getsize(f"{self.agent.home}/logs/m/{name}"), 110 * 1024)
        lines = self.output("m").splitlines()
        self.assertIn("the-end", lines)
        numbers = [int(line) for line in lines if line.isdigit()]
        self.assertEqual(numbers, list(range(numbers[0], 140001)), "lines are missing or out of order")

    def test_rotated_files_are_compressed_when_asked_and_still_read(self):
        self.deploy({"m": module("seq 100000 106000; echo the-end; " + case.IDLE, options={"HostConfig": {
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "200k", "max-file": "4",
                                                          "compress": "true"}}}})})
        self.wait_output("m", "the-end")
        self.wait(lambda: any(name.endswith(".gz") for name in self.log_files("m")), "a compressed file")
        numbers = [line for line in self.output("m").splitlines() if line.isdigit()]
        self.assertEqual((numbers[0], numbers[-1]), ("100000", "106000"))

    def test_long_line_arrives_whole(self):
        self.deploy({"m": module("head -c 100000 /dev/zero | tr '\\0' x; echo; " + case.IDLE)})
        self.assertIn("x" * 100000 + "\n", self.wait_output("m", "started"))

    def test_logs_outlive_restarts_of_module_and_agent(self):
        self.deploy({"m": module('echo run-$(cat /n/n); echo more >>/n/n; ' + case.IDLE,
                                 options={"HostConfig": {"Binds": ["runs:/n"]}})})
        self.wait_output("m", "started")
        self.edgectl("restart", "m")
        self.wait_output("m", "run-more")
        self.restart_agent()
        self.assertIn("run-\n", self.output("m"))

    def test_module_goes_on_logging_while_the_agent_is_away(self):
        self.deploy({"m": module("n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done")})
        pid, = self.wait_running("m")
        self.wait_output("m", "line 1\n")
        self.agent.kill()
        before = self.logged("m")
        self.wait(lambda: self.logged("m") >= before + 15, "the module to go on logging")
        self.agent.start()
        self.assert_undisturbed("m", pid)
        numbers = [int(line.split()[1]) for line in self.output("m").splitlines()]
        self.assertGreaterEqual(len(numbers), before + 15)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_logs_of_a_removed_module_are_removed(self):
        self.deploy({"m": module()})
        self.wait_output("m", "started")
        self.deploy({})
        self.wait_gone("m")
        self.wait(lambda: not self.log_files("m"), "its logs to be gone")

    def test_log_type_none_keeps_nothing(self):
        self.deploy({"m": module(options={"HostConfig": {"LogConfig": {"Type": "none"}}})})
        self.wait_running("m")
        self.assertEqual([name for name in self.log_files("m") if ".log" in name], [])


if __name__ == "__main__":
    case.main()
