"""Deployments that cannot be: nothing changes, somebody is told, supervision goes on."""
import json
import time

import case
from case import deployment, module
from services import write_file



def with_change(change):
    """A deployment of one good module and a second that `change` has spoilt."""
    document = json.loads(deployment({"good": module(), "bad": module()}))
    change(document["modulesContent"]["$edgeAgent"]["properties.desired"])
    return json.dumps(document)


def spoil(key, value):
    def change(document):
        document["modules"]["bad"][key] = value
    return with_change(change)


def spoil_settings(key, value):
    def change(document):
        document["modules"]["bad"]["settings"][key] = value
    return with_change(change)


def without(key):
    def change(document):
        del document["modules"]["bad"][key]
    return with_change(change)


def schema(version):
    return with_change(lambda document: document.__setitem__("schemaVersion", version))


# name -> (text, a word the message must hold)
MALFORMED = {
    "empty file": ("", ""),
    "half-written": (deployment({"good": module(), "bad": module()})[:-60], ""),
    "no JSON": ("modules: []", ""),
    "an array": ("[1, 2]", ""),
    "nothing in it": ("{}", ""),
    "schema of the future": (schema("2.0"), "2.0"),
    "schema that is too new": (schema("1.2"), "1.2"),
    "schema that is a word": (schema("newest"), "newest"),
    "no schema": (with_change(lambda d: d.pop("schemaVersion")), "schemaVersion"),
    "no runtime": (with_change(lambda d: d.pop("runtime")), "runtime"),
    "runtime that is not docker": (with_change(lambda d: d["runtime"].__setitem__("type", "podman")), "docker"),
    "no settings": (without("settings"), "bad"),
    "no image": (spoil("settings", {}), "bad"),
    "blank image": (spoil_settings("image", "  "), "bad"),
    "image that is none": (spoil_settings("image", "a:b:c"), "bad"),
    "unknown restart policy": (spoil("restartPolicy", "sometimes"), "sometimes"),
    "restart policy null": (spoil("restartPolicy", None), "bad"),
    "unknown status": (spoil("status", "dancing"), "dancing"),
    "no status": (without("status"), "bad"),
    "negative startup order": (spoil("startupOrder", -1), "bad"),
    "startup order that is a word": (spoil("startupOrder", "first"), "bad"),
    "unknown pull policy": (spoil("imagePullPolicy", "maybe"), "maybe"),
    "create options that are no JSON": (spoil_settings("createOptions", "{\"Cmd\": ["), "bad"),
    "create options of the wrong type": (spoil_settings("createOptions", '{"Env": 7}'), "Env"),
    "create options with a bad port": (
        spoil_settings("createOptions", '{"HostConfig":{"PortBindings":{"web/tcp":[{"HostPort":"1"}]}}}'), "bad"),
    "create options with a gap in their pieces": (spoil_settings("createOptions02", "{}"), "bad"),
    "credentials without a password": (
        with_change(lambda d: d["runtime"]["settings"].__setitem__(
            "registryCredentials", {"r": {"address": "x", "username": "y"}})), "password"),
    "deeply nested": ("[" * 100000, ""),
}


class Malformed(case.AgentCase):
    """Each kind is given to edgectl and, separately, put into the file."""

    def setUp(self):
        super().setUp()
        self.deploy({"good": module(policy="always")})
        self.good_pid, = self.wait_running("good")

    def test_each_kind_is_refused_by_apply_and_changes_nothing(self):
        path = self.agent.deployment + ".bad"
        for kind, (text, word) in MALFORMED.items():
            with self.subTest(kind):
                write_file(path, text)
                said = self.edgectl("apply", path, code=5)
                self.assertIn(word, said)
                self.assertTrue(said.strip())
                self.assertEqual(set(self.agent.list()), {"good"})
                self.assert_undisturbed("good", self.good_pid)

    def test_each_kind_in_the_file_is_logged_and_changes_nothing(self):
        for kind, (text, word) in MALFORMED.items():
            with self.subTest(kind):
                mark = self.agent.size()
                write_file(self.agent.deployment, text)
                self.wait(lambda: [line for line in self.agent.log_lines("deployment refused", mark) if word in line],
                          f"a line in the log about: {kind}")
                self.assertEqual(set(self.agent.list()), {"good"})
                self.assert_undisturbed("good", self.good_pid)

    def test_plan_refuses_what_apply_refuses(self):
        path = self.agent.deployment + ".bad"
        write_file(path, MALFORMED["unknown status"][0])
        self.assertIn("dancing", self.edgectl("plan", path, code=5))

    def test_supervision_goes_on_under_a_bad_file(self):
        write_file(self.agent.deployment, "{ half")
        time.sleep(0.5)
        case.services.signal_pid(self.good_pid)
        self.wait(lambda: self.pid("good") not in (0, self.good_pid), "the module to be restarted")

    def test_agent_that_starts_with_a_bad_file_keeps_the_last_good_deployment(self):
        self.agent.stop()
        write_file(self.agent.deployment, "{ half")
        self.agent.start()
        self.wait_running("good")
        self.assert_undisturbed("good", self.good_pid, 1)

    def test_agent_that_starts_without_a_file_keeps_the_last_good_deployment(self):
        import os
        self.agent.stop()
        os.remove(self.agent.deployment)
        self.agent.start()
        self.wait_running("good")
        self.assert_undisturbed("good", self.good_pid, 1)

    def test_file_mended_later_is_taken(self):
        write_file(self.agent.deployment, "{ half")
        time.sleep(0.3)
        write_file(self.agent.deployment, deployment({"good": module(policy="always"), "more": module()}))
        self.wait_running("more")
        self.assert_undisturbed("good", self.good_pid)

    def test_file_written_in_place_slowly_is_taken_when_whole(self):
        text = deployment({"good": module(policy="always"), "slow": module()})
        with open(self.agent.deployment, "w") as file:
            for start in range(0, len(text), len(text) // 5 + 1):
                file.write(text[start:start + len(text) // 5 + 1])
                file.flush()
                time.sleep(0.3)
        self.wait_running("slow")
        self.assert_undisturbed("good", self.good_pid)

    def test_changed_file_is_picked_up_without_being_told(self):
        write_file(self.agent.deployment, deployment({"good": module(policy="always"), "new": module()}))
        self.wait_running("new")
        write_file(self.agent.deployment, deployment({"good": module(policy="always")}))
        self.wait_gone("new")
        self.assert_undisturbed("good", self.good_pid)

    def test_apply_reads_standard_input(self):
        self.edgectl("apply", "-", stdin=deployment({"good": module(policy="always"), "piped": module()}))
        self.wait_running("piped")

    def test_apply_of_a_file_that_is_not_there_fails_with_its_name(self):
        self.assertIn("nowhere.json", self.edgectl("apply", "/nowhere.json", code=1))


if __name__ == "__main__":
    case.main()
