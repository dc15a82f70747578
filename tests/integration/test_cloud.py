"""The cloud drives the device: a deployment in the twin becomes modules, their state becomes reported properties."""
import base64
import hmac
import json
import re

import cloud_case
import services
from cloud_case import DEVICE, HUB, IDLE, IMAGE, PATIENCE, env_of, module
from sandbox import Unmet, wait_for

NEVER = "0001-01-01T00:00:00"


def twin_size(value):
    """As IoT Hub counts it: names and texts, 8 a number, 4 a truth value, nothing for brackets."""
    if isinstance(value, dict):
        return sum(len(name) + twin_size(member) for name, member in value.items())
    if isinstance(value, list):
        return sum(map(twin_size, value))
    if isinstance(value, str):
        return len(value)
    return 4 if isinstance(value, bool) else 8


class Cloud(cloud_case.CloudCase):
    def test_twenty_modules_are_deployed_and_reported(self):
        names = [f"m{i:02}" for i in range(20)]
        self.deploy({name: module(env={"N": name}) for name in names})
        pids = self.wait_running(*names, timeout=120)
        self.assertTrue(all(pids.values()), pids)
        seen = self.reported()
        self.assertEqual(seen["schemaVersion"], "1.0")
        self.assertEqual(seen["lastDesiredStatus"]["code"], 200)
        self.assertEqual(seen["runtime"]["type"], "docker")
        self.assertIn("version", seen["runtime"]["platform"])
        one = seen["modules"]["m07"]
        self.assertEqual((one["status"], one["restartPolicy"], one["imagePullPolicy"], one["type"]),
                         ("running", "on-unhealthy", "on-create", "docker"))
        self.assertEqual(one["settings"]["image"], IMAGE)
        self.assertTrue(one["settings"]["imageHash"].startswith("sha256:"))
        self.assertEqual((one["exitCode"], one["restartCount"]), (0, 0))
        self.assertTrue(one["lastExitTimeUtc"].startswith(NEVER))
        self.assertFalse(one["lastStartTimeUtc"].startswith(NEVER))
        self.assertEqual(seen["systemModules"]["edgeAgent"]["runtimeStatus"], "running")

    def test_a_patch_of_one_module_touches_no_other(self):
        self.deploy({"a": module(), "b": module()})
        before = self.wait_running("a", "b")
        self.hub.service.ok("PATCH", f"/twins/{DEVICE}/modules/%24edgeAgent",
                    {"properties": {"desired": {"modules": {"b": {"env": {"NEW": {"value": "1"}}}}}}}, headers={"If-Match": "*"})
        after = wait_for(lambda: self.pids("a", "b")["b"] not in (0, before["b"]) and self.pids("a", "b"), PATIENCE, "a new b")
        self.assertEqual(after["a"], before["a"])
        self.wait_reported(200)

    def test_an_identity_comes_before_its_module_and_goes_after_it(self):
        self.deploy({"keep": module(), "drop": module("env; " + IDLE)})
        self.wait_running("keep", "drop")
        made = self.identities()
        self.assertEqual(made["drop"]["managedBy"], "IotEdge")
        with open(self.device.home + "/keys/master-identity", "rb") as file:
            master = file.read()
        for which in ("primary", "secondary"):  # of the master key, so that nothing needs to be kept for each module
            derived = hmac.digest(master, f"drop:{made['drop']['generationId']}:{which}".encode(), "sha256")
            self.assertEqual(base64.b64decode(made["drop"]["authentication"]["symmetricKey"][which + "Key"]), derived)
        told = env_of(self.wait_output("drop", "started"))  # behind all of `env`
        self.assertEqual(told["IOTEDGE_MODULEGENERATIONID"], made["drop"]["generationId"])
        self.deploy({"keep": module()})
        wait_for(lambda: "drop" not in self.identities(), PATIENCE, "the identity to go")
        self.assertIn("keep", self.identities())
        wait_for(lambda: "drop" not in self.reported()["modules"], PATIENCE, "drop to leave the reported properties")

    def test_modules_are_told_who_and_where_they_are(self):
        self.deploy({"told": module("env; ls -la /var/run/iotedge; " + IDLE, env={"MINE": "yes"})})
        self.wait_running("told")
        text = self.wait_output("told", "started")
        self.assertRegex(text, r"(?m)^s.* workload\.sock$")
        told = env_of(text)
        self.assertEqual({name: told.get(name) for name in (
            "IOTEDGE_WORKLOADURI", "IOTEDGE_AUTHSCHEME", "IOTEDGE_IOTHUBHOSTNAME", "IOTEDGE_DEVICEID", "IOTEDGE_MODULEID",
            "IOTEDGE_GATEWAYHOSTNAME", "IOTEDGE_APIVERSION", "MINE")}, {
                "IOTEDGE_WORKLOADURI": "unix:///var/run/iotedge/workload.sock", "IOTEDGE_AUTHSCHEME": "sasToken",
                "IOTEDGE_IOTHUBHOSTNAME": HUB, "IOTEDGE_DEVICEID": DEVICE, "IOTEDGE_MODULEID": "told",
                "IOTEDGE_GATEWAYHOSTNAME": "edge-1", "IOTEDGE_APIVERSION": "2022-08-03", "MINE": "yes"})

    def test_bad_documents_are_told_and_change_nothing(self):
        self.deploy({"good": module()})
        pid = self.wait_running("good")["good"]
        version = self.reported()["lastDesiredVersion"]
        bad = module()
        bad["settings"]["createOptions"] = "{\"HostConfig\":"
        for modules, schema, code, words in (
                ({"good": module(), "broken": bad}, "1.1", 400, ("broken", "createOptions")),
                ({"good": {**module(), "status": "dancing"}}, "1.1", 400, ("good", "status")),
                ({"good": module()}, "1.2", 412, ("1.2",)),
                ({"good": module()}, "1", 412, ("schemaVersion",))):
            with self.subTest(code=code, words=words):
                self.deploy(modules, schema=schema)
                seen = self.wait_reported(code, lambda s, words=words: all(
                    word in s["lastDesiredStatus"]["description"] for word in words))
                self.assertEqual(seen["lastDesiredVersion"], version)
        self.hub.set_modules(DEVICE, {})
        self.wait_reported(417)
        self.assertEqual(self.pids("good")["good"], pid)
        self.deploy({"good": module()})
        self.wait_running("good")
        self.assertEqual(self.pids("good")["good"], pid)

    def test_an_image_that_is_not_there_is_500_and_names_it(self):
        self.deploy({"ok": module(), "lost": module(image="127.0.0.1:5000/nowhere:1")})
        seen = self.wait_reported(500, lambda s: "lost" in s["lastDesiredStatus"]["description"])
        self.assertEqual(seen["modules"]["ok"]["runtimeStatus"], "running")

    def test_passwords_do_not_go_to_the_cloud(self):
        self.deploy({"m": module()}, credentials={"r": {"address": "127.0.0.1:5999", "username": "u", "password": "hidden-word"}})
        self.wait_running("m")
        self.assertNotIn("hidden-word", json.dumps(self.reported()))
        self.assertNotIn("hidden-word", self.security.text())

    def test_direct_methods(self):
        self.deploy({"m": module("echo hello-log; " + IDLE)})
        pid = self.wait_running("m")["m"]
        self.wait_output("m", "hello-log")
        self.assertEqual(self.hub.service.method(DEVICE, "ping"), (200, {"status": 200, "payload": None}))
        self.assertEqual(self.hub.service.method(DEVICE, "RestartModule", {"schemaVersion": "1.0", "id": "m"})[1]["status"], 200)
        wait_for(lambda: self.pids("m")["m"] not in (0, pid), PATIENCE, "a new process")
        status, answer = self.hub.service.method(DEVICE, "GetModuleLogs", {
            "schemaVersion": "1.0", "items": [{"id": "^m$", "filter": {"tail": 5}}], "encoding": "none", "contentType": "text"})
        self.assertEqual((status, answer["status"]), (200, 200), answer)
        self.assertEqual(answer["payload"][0]["id"], "m")
        self.assertIn("hello-log", answer["payload"][0]["payload"])
        self.assertEqual(self.hub.service.method(DEVICE, "RestartModule", {"schemaVersion": "1.0", "id": "nobody"})[1]["status"], 500)
        self.assertEqual(self.hub.service.method(DEVICE, "RestartModule", {"schemaVersion": "1.0"})[1]["status"], 400)
        answer = self.hub.service.method(DEVICE, "Dance")[1]
        self.assertEqual(answer["status"], 400)
        self.assertIn("Dance", answer["payload"]["message"])

    def test_prometheus_is_told_what_runs(self):
        self.deploy({"up": module(), "crash": module("sleep 1; exit 3", policy="always")})
        self.wait_running("up")
        self.hub.service.method(DEVICE, "ping")

        def page():
            text = services.http_get("http://127.0.0.1:9600/metrics") or ""
            if re.search(r'edgeAgent_total_time_running_correctly_seconds\{[^}]*module_name="up"', text) and 'method_name="ping"' in text:
                return text
            raise Unmet(text[-800:])
        text = wait_for(page, PATIENCE, "the page of figures")
        self.assertRegex(text, r'edgeAgent_module_start_total\{[^}]*module_name="up"[^}]*\} 1\n')
        self.assertIn(f'iothub="{HUB}"', text)
        self.assertIn(f'edge_device="{DEVICE}"', text)

        def restarts():
            found = re.search(r'edgeAgent_module_start_total\{[^}]*module_name="crash"[^}]*\} (\d+)',
                              services.http_get("http://127.0.0.1:9600/metrics") or "")
            return found and int(found[1]) >= 3
        wait_for(restarts, PATIENCE, "restarts to be counted")

    def test_the_reported_properties_of_a_full_device_stay_in_their_limit(self):
        names = [f"wide{i:02}" for i in range(35)]
        options = {"Labels": {f"label{i}": "x" * 60 for i in range(8)}}
        self.deploy({name: module(options=options, env={"WORDS": "y" * 100}, status="stopped") for name in names})
        seen = self.wait_reported(200, lambda s: set(names) <= set(s.get("modules") or {}), timeout=120)
        size = twin_size({key: value for key, value in seen.items() if not key.startswith("$")})
        self.assertLess(size, 32 * 1024)
        self.assertGreater(size, 24 * 1024, "more was left out than need be")
        self.assertIn("left out", seen["lastDesiredStatus"]["description"])
        self.assertTrue(all(seen["modules"][name]["status"] == "stopped" for name in names))
        self.deploy({})
        self.wait_reported(200, lambda s: not s.get("modules"), timeout=120)
        wait_for(lambda: not [name for name in self.identities() if name.startswith("wide")], PATIENCE, "the identities to go")

    def test_an_identity_that_is_made_anew_leads_to_a_new_container(self):
        self.deploy({"anew": module("env; " + IDLE), "by": module()})
        before = self.wait_running("anew", "by")
        old = self.identities()["anew"]["generationId"]
        self.hub.service.ok("DELETE", f"/devices/{DEVICE}/modules/anew", headers={"If-Match": "*"})
        self.hub.faults(drop=f"{DEVICE}/$edgeAgent")  # what is lost is looked for at connecting
        wait_for(lambda: self.identities().get("anew", {}).get("generationId", old) != old, PATIENCE, "a new identity")
        wait_for(lambda: self.pids("anew")["anew"] not in (0, before["anew"]), PATIENCE, "a new container")
        self.wait_output("anew", f"IOTEDGE_MODULEGENERATIONID={self.identities()['anew']['generationId']}")
        told = env_of(self.wait_output("anew", "started"))
        self.assertEqual(told["IOTEDGE_MODULEID"], "anew")
        self.assertEqual(self.pids("by")["by"], before["by"])
        self.wait_running("anew", "by")


if __name__ == "__main__":
    cloud_case.main()
