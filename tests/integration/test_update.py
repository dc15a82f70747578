"""A deployment changes: only what must is stopped, and only when its successor can start."""
import json
import os
import time

import case
from case import module


class Update(case.AgentCase):
    def push(self, name, tag, **config):
        made = case.busybox.image(config, [{"/version": f"{name}:{tag}".encode()}])
        self.registry.client.push(made, name, tag)
        return f"{case.HOST}/{name}:{tag}"

    def in_place(self, first, second):
        """Deploy two forms of one module; its process must live on. Returns the list entry."""
        self.deploy({"m": first})
        pid, = self.wait_running("m")
        self.deploy({"m": second})
        time.sleep(0.5)
        self.assert_undisturbed("m", pid, 0.5)
        return self.seen("m")

    def replaced(self, first, second):
        self.deploy({"m": first})
        before, = self.wait_running("m")
        self.deploy({"m": second})
        self.wait(lambda: self.pid("m") not in (0, before), "a new process")
        self.wait_running("m")

    def test_new_image_replaces_the_container(self):
        old, new = self.push("app", "1"), self.push("app", "2")
        show = "cat /version; echo; " + case.IDLE
        self.replaced(module(show, image=old), module(show, image=new))
        self.assertEqual(self.seen("m")["image"], new)
        self.wait_output("m", "app:2")

    def test_changed_create_options_replace_the_container(self):
        self.replaced(module(), module(options={"Hostname": "other"}))

    def test_changed_environment_replaces_the_container(self):
        self.replaced(module(env={"A": "1"}), module(env={"A": "2"}))

    def test_same_deployment_again_touches_nothing(self):
        self.in_place(module(env={"A": "1", "B": "2"}), module(env={"B": "2", "A": "1"}))

    def test_create_options_written_differently_are_the_same(self):
        first, second = module(), module()
        options = json.loads(second["settings"]["createOptions"])
        second["settings"]["createOptions"] = json.dumps(options, indent=3)
        self.in_place(first, second)

    def test_restart_policy_changes_in_place_and_holds(self):
        self.in_place(module(policy="never"), module(policy="always"))
        case.services.signal_pid(self.pid("m"))
        self.wait_module("m", lambda m: m["status"] == "running" and m["restartCount"] == 1, "to run again")

    def test_startup_order_changes_in_place(self):
        self.in_place(module(order=1), module(order=7))

    def test_version_changes_in_place(self):
        self.in_place(module(version="1.0"), module(version="2.0"))

    def test_pull_policy_changes_in_place(self):
        self.in_place(module(pull="on-create"), module(pull="never"))

    def test_change_made_in_place_outlives_the_agent(self):
        self.deploy({"m": module(policy="never")})
        pid, = self.wait_running("m")
        self.deploy({"m": module(policy="always")})
        time.sleep(0.5)
        self.restart_agent()
        self.wait_running("m")
        self.assert_undisturbed("m", pid, 0.5)

    def test_status_alone_stops_and_starts_the_same_container(self):
        self.deploy({"m": module("echo kept >>/trace; cat /trace; " + case.IDLE)})
        self.wait_running("m")
        self.wait_output("m", "started")  # or it would be deaf to the signal, and be killed
        self.deploy({"m": module("echo kept >>/trace; cat /trace; " + case.IDLE, status="stopped")})
        self.wait_status("m", "stopped")
        self.assertEqual(self.pid("m"), 0)
        self.deploy({"m": module("echo kept >>/trace; cat /trace; " + case.IDLE)})
        self.wait_running("m")
        # Written to the container's own file system twice: it was not made anew.
        self.wait_output("m", "kept\nstarted", 20)
        self.wait(lambda: self.output("m").count("kept") == 3, "the file to hold both lines")

    def test_removed_module_disappears_and_its_neighbour_stays(self):
        self.deploy({"goes": module(), "stays": module()})
        _, pid = self.wait_running("goes", "stays")
        self.deploy({"stays": module()})
        self.wait_gone("goes")
        self.wait(lambda: "goes" not in self.agent.list(), "the list to be without it")
        self.assertNotIn("goes", self.containerd.tasks())
        self.assertNotIn("goes", self.containerd.ctr("snapshots", "ls"))
        self.assert_undisturbed("stays", pid)

    def test_stop_signal_and_timeout_are_those_of_create_options(self):
        self.deploy({"m": module('trap "echo got-usr1; exit 0" USR1; echo heeds; while :; do sleep 1; done',
                                 options={"StopSignal": "SIGUSR1", "StopTimeout": 20})})
        self.wait_output("m", "heeds")  # what comes to a first process before that is lost
        self.deploy({"m": module('trap "echo got-usr1; exit 0" USR1; echo heeds; while :; do sleep 1; done',
                                 options={"StopSignal": "SIGUSR1", "StopTimeout": 20}, status="stopped")})
        self.wait_status("m", "stopped")
        self.wait_output("m", "got-usr1")

    def test_module_deaf_to_the_signal_is_killed_after_its_timeout(self):
        deaf = {"script": 'trap "" TERM; while :; do sleep 1; done', "options": {"StopTimeout": 1}}
        self.deploy({"m": module(**deaf)})
        self.wait_running("m")
        began = time.monotonic()
        self.deploy({"m": module(**deaf, status="stopped")})
        self.wait_status("m", "stopped", "failed")
        self.assertEqual(self.pid("m"), 0)
        self.assertLess(time.monotonic() - began, 8)

    def test_old_module_runs_while_the_new_image_is_pulled(self):
        made = case.busybox.image(extra=[case.busybox.padding(48 << 20)], compression="")
        self.registry.client.push(made, "big", "1")
        self.deploy({"m": module()})
        pid, = self.wait_running("m")
        self.deploy({"m": module(image=case.HOST + "/big:1")})
        seen_with_old = 0

        def replaced():
            nonlocal seen_with_old
            now = self.pid("m")
            if now == pid and "downloading" in (self.seen("m").get("description") or "").lower():
                seen_with_old += 1
            return now not in (0, pid)
        self.wait(replaced, "the big image to run")
        self.assertEqual(self.seen("m")["image"], case.HOST + "/big:1")

    def test_failed_pull_leaves_the_old_one_running_and_tells_why(self):
        self.deploy({"m": module()})
        pid, = self.wait_running("m")
        self.deploy({"m": module(image=case.HOST + "/missing:1")})
        self.wait_module("m", lambda m: "missing" in (m["description"] or ""), "to tell of the pull")
        self.assert_undisturbed("m", pid, 1)
        # When the image comes to the registry later, it is taken without anybody asking again.
        self.push("missing", "1")
        self.deploy({"m": module(image=case.HOST + "/missing:1")})
        self.wait(lambda: self.pid("m") not in (0, pid), "the new image to run")

    def test_failed_pull_of_one_module_does_not_hold_back_others(self):
        self.deploy({"bad": module(image=case.HOST + "/missing:2", order=0), "good": module(order=5)})
        self.wait_running("good")

    def test_image_that_is_here_needs_no_registry(self):
        image = self.push("local", "1")
        self.deploy({"m": module(image=image)})
        self.wait_running("m")
        self.registry.stop()
        try:
            self.deploy({"m": module(image=image, env={"A": "changed"})})
            # Between the old container and the new one there is none.
            self.wait(lambda: '"A=changed"' in self.containerd.ctr("containers", "info", "m", check=False), "the change")
            self.wait_running("m")
        finally:
            self.registry.start()

    def test_start_up_order_is_kept(self):
        talk = "hostname >>/order/log; " + case.IDLE
        share = {"HostConfig": {"Binds": ["order:/order"]}}
        wanted = ["third", "first", "second"]
        orders = {"first": 0, "second": 1, "third": 2}
        self.deploy({name: module(talk, order=orders[name], options={"Hostname": name, **share})
                     for name in wanted})
        self.wait_running(*wanted)
        self.deploy({"reader": module("cat /order/log; echo all; " + case.IDLE, options=share)})
        self.assertEqual(self.wait_output("reader", "all").split()[:3], ["first", "second", "third"])

    def test_loss_of_the_agents_database_recreates_nothing(self):
        self.deploy({"a": module(), "b": module(policy="always", env={"X": "1"})})
        pids = self.wait_running("a", "b")
        self.agent.stop()
        for name in os.listdir(self.agent.home):
            if name.startswith("agent.db"):
                os.remove(os.path.join(self.agent.home, name))
        self.agent.start()
        self.wait_running("a", "b")
        time.sleep(1)
        self.assertEqual([self.pid("a"), self.pid("b")], pids)


if __name__ == "__main__":
    case.main()
