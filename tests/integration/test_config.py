"""config.yaml: what is refused, what is warned of, and how the agent ends when it cannot begin."""
import os
import subprocess
import unittest

import case
import sandbox
import services
from case import module


def run_agent(text, timeout=60):
    """Run edge-agent with this config.yaml until it ends by itself."""
    path = sandbox.work() + "/other.yaml"
    services.write_file(path, text)
    return subprocess.run([os.path.join(services.BIN, "edge-agent"), "--config", path],
                          capture_output=True, text=True, timeout=timeout)


class Refused(unittest.TestCase):
    def refused(self, text, *words):
        done = run_agent(text)
        self.assertNotEqual(done.returncode, 0)
        self.assertGreater(done.returncode, 0, "ended by a signal")
        said = done.stdout + done.stderr
        self.assertNotRegex(said, services.SANITIZER)
        for word in words:
            self.assertIn(word, said)

    def test_broken_yaml_is_told_with_its_line(self):
        self.refused("hostname: [\n", "other.yaml:")

    def test_wrong_value_is_told_with_key_and_line(self):
        self.refused("hostname: a\nnetwork:\n  subnet: not-a-subnet\n", "other.yaml:3", "subnet")

    def test_number_out_of_range_is_told(self):
        self.refused("agent: {env: {CoolOffTimeUnitInSeconds: '301'}}\n", "CoolOffTimeUnitInSeconds", "300")

    def test_missing_file_is_told_by_its_name(self):
        done = subprocess.run([os.path.join(services.BIN, "edge-agent"), "--config", "/nowhere.yaml"],
                              capture_output=True, text=True, timeout=60)
        self.assertGreater(done.returncode, 0)
        self.assertIn("/nowhere.yaml", done.stdout + done.stderr)

    def test_wrong_use_is_exit_code_2(self):
        done = subprocess.run([os.path.join(services.BIN, "edge-agent"), "--dance"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)


class Config(case.AgentCase):
    settings = {"hostnam": "typo"}

    def test_mistyped_key_is_warned_of_and_the_agent_runs(self):
        self.assertTrue(self.agent.log_lines("hostnam.*did you mean.*hostname"), self.agent.tail())

    def test_second_agent_on_the_same_home_is_refused(self):
        other = subprocess.run(self.agent.command, capture_output=True, text=True, timeout=30,
                               env=self.agent.environment)
        self.assertGreater(other.returncode, 0)
        self.edgectl("list")

    def test_edgectl_without_an_agent_is_exit_code_3(self):
        self.agent.stop()
        try:
            self.assertTrue(self.edgectl("list", code=3).strip())
            self.edgectl("restart", "m", code=3)
        finally:
            self.agent.start()

    def test_agent_waits_for_containerd_that_starts_later(self):
        self.agent.stop()
        self.containerd.stop()
        services.write_file(self.agent.deployment, case.deployment({"late": module()}))
        self.agent.launch()
        try:
            self.wait(self.agent.ready, "the agent to answer without containerd")
        finally:
            self.containerd.start()
        self.wait_running("late")

    def test_term_signal_ends_the_agent_and_leaves_modules_running(self):
        self.deploy({"m": module()})
        pid, = self.wait_running("m")
        self.assertEqual(self.agent.stop(), 0)
        self.assert_undisturbed("m", pid, 1)
        self.agent.start()
        self.wait_running("m")
        self.assert_undisturbed("m", pid)

    def test_management_socket_is_for_root_and_its_group_only(self):
        self.assertEqual(os.stat(self.agent.rundir + "/mgmt.sock").st_mode & 0o777, 0o660)


if __name__ == "__main__":
    case.main()
