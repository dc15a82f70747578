"""containerd's own client, unmodified, sees what the agent made as it sees what it makes itself."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import case  # noqa: E402
from case import module  # noqa: E402


class Ctr(case.AgentCase):
    def setUp(self):
        super().setUp()
        self.deploy({"m": module(env={"A": "b c"})})
        self.wait_running("m")

    def test_image_that_the_agent_pulled_runs_by_ctr(self):
        out = self.containerd.ctr("run", "--rm", case.IMAGE, "by-ctr", "echo", "hello")
        self.assertEqual(out, "hello\n")

    def test_image_that_ctr_pulled_needs_no_registry(self):
        self.registry.client.push(case.busybox.image(extra=[{"/version": b"ctr"}]), "by-ctr", "1")
        self.containerd.ctr("images", "pull", "--plain-http", case.HOST + "/by-ctr:1")
        self.registry.stop()
        try:
            self.deploy({"n": module("cat /version; echo; " + case.IDLE, image=case.HOST + "/by-ctr:1")})
            self.wait_output("n", "ctr")
        finally:
            self.registry.start()

    def test_image_is_complete(self):
        lines = self.containerd.ctr("images", "check").splitlines()
        mine = [line for line in lines if line.startswith(case.IMAGE)]
        self.assertTrue(mine and "complete" in mine[0] and "incomplete" not in mine[0], lines)

    def test_command_runs_in_a_module_with_its_environment(self):
        out = self.containerd.ctr("tasks", "exec", "--exec-id", "look", "m", "sh", "-c", "echo $A; echo $PATH")
        self.assertEqual(out, "b c\n/bin\n")

    def test_spec_and_image_are_on_the_container(self):
        info = json.loads(self.containerd.ctr("containers", "info", "m"))
        self.assertEqual(info["Image"], case.IMAGE)
        self.assertIn("A=b c", info["Spec"]["process"]["env"])
        self.assertFalse(info["Spec"]["root"].get("readonly", False))

    def test_metrics_can_be_read(self):
        self.assertIn("memory", self.containerd.ctr("tasks", "metrics", "m"))


if __name__ == "__main__":
    case.main()
