"""A module runs: it is listed, it logs, it has its environment, it can be restarted."""
import json
import subprocess

import case
from case import module

EVERYTHING = {"name", "status", "description", "image", "exitCode", "restartCount", "startedAt"}


class Run(case.AgentCase):
    def test_module_runs_and_is_listed_with_all_its_members(self):
        self.deploy({"cam": module()})
        self.wait_running("cam")
        seen = self.seen("cam")
        self.assertLessEqual(EVERYTHING, set(seen))
        self.assertEqual(seen["image"], case.IMAGE)
        self.assertEqual(seen["restartCount"], 0)
        self.assertRegex(seen["startedAt"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d")

    def test_list_for_people_names_each_module_and_its_state(self):
        self.deploy({"cam": module(), "off": module(status="stopped")})
        self.wait_running("cam")
        self.wait_status("off", "stopped")
        lines = self.edgectl("list").splitlines()
        self.assertTrue(any("cam" in line and "running" in line.lower() for line in lines), lines)
        self.assertTrue(any("off" in line and "stopped" in line.lower() for line in lines), lines)

    def test_container_is_in_the_namespace_under_the_modules_name_with_its_owner(self):
        self.deploy({"cam": module()})
        self.wait_running("cam")
        info = json.loads(self.containerd.ctr("containers", "info", "cam"))
        self.assertEqual(info["Labels"]["net.azure-devices.edge.owner"], "Microsoft.Azure.Devices.Edge.Agent")

    def test_name_that_containerd_does_not_take_runs_all_the_same(self):
        name = "Temp%(1)@home"
        self.deploy({name: module()})
        self.wait_status(name, "running")
        self.assertIn("started", self.wait_output(name, "started"))

    def test_both_outputs_are_in_the_logs(self):
        self.deploy({"talk": module("echo to-out; echo to-err >&2; " + case.IDLE)})
        self.wait_output("talk", "to-out")
        self.wait_output("talk", "to-err")

    def test_environment_of_image_options_and_deployment_meet(self):
        self.deploy({"env": module("env; " + case.IDLE, options={"Env": ["A=options", "B=options"]},
                                   env={"B": "deployment", "EMPTY": "", "SPACED": "a b  c"})})
        lines = self.wait_output("env", "started").splitlines()
        for line in ("PATH=/bin", "A=options", "B=options", "EMPTY=", "SPACED=a b  c"):
            self.assertIn(line, lines)

    def test_exit_code_of_a_finished_module_is_shown(self):
        self.deploy({"done": module("exit 3", policy="never")})
        seen = self.wait_status("done", "failed")
        self.assertEqual(seen["exitCode"], 3)

    def test_stopped_module_is_not_run(self):
        self.deploy({"off": module(status="stopped")})
        self.wait_status("off", "stopped")
        self.assertEqual(self.pid("off"), 0)

    def test_restart_gives_a_new_process_and_no_failure(self):
        self.deploy({"cam": module()})
        before, = self.wait_running("cam")
        self.edgectl("restart", "cam")
        self.wait(lambda: self.pid("cam") not in (0, before), "a new process")
        self.wait_status("cam", "running")

    def test_image_s_user_entrypoint_and_folder_are_used(self):
        made = case.busybox.image({"Entrypoint": ["sh", "-c", 'id -u; pwd; echo "args $*"; sleep 3600', "x"],
                                   "Cmd": ["from-cmd"], "User": "app", "WorkingDir": "/home"})
        self.registry.client.push(made, "dressed", "1")
        self.deploy({"dressed": module(None, image=case.HOST + "/dressed:1")})
        self.assertEqual(self.wait_output("dressed", "args").splitlines()[:3], ["1000", "/home", "args from-cmd"])

    def test_thing_that_does_not_exist_is_exit_code_4(self):
        self.edgectl("restart", "nobody", code=4)
        self.edgectl("logs", "nobody", code=4)

    def test_wrong_use_is_exit_code_2(self):
        self.edgectl("dance", code=2)
        self.edgectl("restart", code=2)

    def test_version_is_told_without_an_agent(self):
        self.assertRegex(self.edgectl("version"), r"\d+\.\d+\.\d+")
        self.assertIsInstance(json.loads(self.edgectl("version", "--json")), dict)

    def test_plan_tells_the_steps_and_changes_nothing(self):
        self.deploy({"cam": module()})
        pid, = self.wait_running("cam")
        path = self.agent.home + ".plan.json"
        case.services.write_file(path, case.deployment({"new": module()}))
        steps = json.loads(self.edgectl("plan", path, "--json"))["steps"]
        self.assertEqual({step["module"] for step in steps}, {"cam", "new"})
        self.assertNotIn("new", self.agent.list())
        self.assert_undisturbed("cam", pid, 0.5)

    def test_agent_lists_nothing_it_does_not_own(self):
        self.deploy({"cam": module()})
        self.wait_running("cam")
        subprocess.run(["ctr", "-n", case.services.NAMESPACE, "run", "-d", case.IMAGE, "guest",
                        "sh", "-c", "sleep 3600"], check=True)
        try:
            self.deploy({"cam": module(), "other": module()})
            self.wait_running("other")
            self.assertNotIn("guest", self.agent.list())
            self.assertNotEqual(self.pid("guest"), 0)
        finally:
            self.containerd.ctr("tasks", "rm", "-f", "guest")
            self.containerd.ctr("containers", "rm", "guest")


if __name__ == "__main__":
    case.main()
