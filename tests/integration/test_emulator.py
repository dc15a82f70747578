"""The local cloud's REST, by Python's own HTTP client: what it refuses as IoT Hub does, deployments, jobs, devices over
HTTPS, provisioning, and the knobs for faults."""
import base64
import hashlib
import hmac
import json
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import sandbox
import cloud
from sandbox import wait_for

VERSION = "?api-version=2021-04-12"
SCOPE = "0ne00000001"


def token(resource, key, policy=None, seconds=600):
    until = int(time.time()) + seconds
    quoted = urllib.parse.quote(resource, safe="")
    mac = hmac.new(base64.b64decode(key), f"{quoted}\n{until}".encode(), hashlib.sha256).digest()
    text = f"SharedAccessSignature sr={quoted}&sig={urllib.parse.quote(base64.b64encode(mac), safe='')}&se={until}"
    return text + (f"&skn={policy}" if policy else "")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """"DeviceNotFound" of {"Message":"ErrorCode:DeviceNotFound;…"}"""
        return self.json["Message"].split(";")[0].removeprefix("ErrorCode:")


class EmulatorRest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cloud.name_hosts({"hub.test": "127.0.0.11", "dps.test": "127.0.0.11"})
        cls.hub = cloud.Emulator(more=["--dps", "--blob-host", "blob.test", "--blob-container", "c", "--blob-sas", "sv=1",
                                       "--policy", f"registryRead={base64.b64encode(b'r' * 32).decode()}"]).start()
        cls.addClassCleanup(cls._end)
        cls.trust = ssl.create_default_context(cafile=cls.hub.ca)
        cls.count = 0

    @classmethod
    def _end(cls):
        cls.hub.stop()
        found = cls.hub.complaints()
        if found:
            raise AssertionError(found)

    def tearDown(self):
        self.assertTrue(self.hub.running(), self.hub.tail())
        self.hub.faults(latencyMs=0, clockOffsetSeconds=0, refuse=False, throttle=False, freeze=False, loseAcks=0)

    def fresh(self, name):
        type(self).count += 1
        return f"{name}{self.count}"

    def call(self, method, path, body=None, auth=None, host="hub.test", version=VERSION, timeout=20, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(f"https://{host}{path}{version}", data, method=method, headers={
            "Authorization": auth or token(host, self.hub.key, cloud.POLICY), **named})
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.trust) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def device(self, edge=False, **more):
        """A new device: its id, its key."""
        name = self.fresh("d")
        made = self.call("PUT", f"/devices/{name}", {"deviceId": name, "capabilities": {"iotEdge": edge}, **more})
        self.assertEqual(made.status, 200, made.body)
        return name, made.json["authentication"].get("symmetricKey", {}).get("primaryKey")

    def assert_refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.code), (status, code), answer.body)
        self.assertIn("Tracking ID:", answer.json["ExceptionMessage"])

    # What is refused

    def test_requests_that_iot_hub_refuses(self):
        name, key = self.device()
        other = base64.b64encode(b"o" * 32).decode()
        mine = f"hub.test/devices/{name}"
        for answer, status, code in [
                (self.call("GET", f"/devices/{name}", version=""), 400, "InvalidProtocolVersion"),
                (self.call("GET", "/devices/nobody"), 404, "DeviceNotFound"),
                (self.call("GET", f"/devices/{name}/modules/nobody"), 404, "ModuleNotFound"),
                (self.call("GET", "/nowhere"), 404, "NotFound"),
                (self.call("PUT", "/devices/" + "x" * 129, {}), 400, "ArgumentInvalid"),
                (self.call("PUT", "/devices/a", {"deviceId": "b"}), 400, "ArgumentInvalid"),
                (self.call("PUT", f"/devices/{name}", b"{not json"), 400, "ArgumentInvalid"),
                (self.call("PUT", f"/devices/{name}", {}, If_Match='"stale"'), 412, "PreconditionFailed"),
                (self.call("GET", f"/devices/{name}", auth="Bearer x"), 401, "IotHubUnauthorizedAccess"),
                (self.call("GET", f"/devices/{name}", auth=token("hub.test", other, cloud.POLICY)), 401,
                 "IotHubUnauthorizedAccess"),
                (self.call("GET", f"/devices/{name}", auth=token("other.test", self.hub.key, cloud.POLICY)), 401,
                 "IotHubUnauthorizedAccess"),
                (self.call("GET", f"/devices/{name}", auth=token("hub.test", self.hub.key, cloud.POLICY, -10)), 401,
                 "IotHubUnauthorizedAccess"),
                (self.call("POST", f"/devices/{name}/messages/events", b"x", auth=token(mine + "x", key)), 401,
                 "IotHubUnauthorizedAccess"),
                (self.call("POST", f"/devices/{name}/messages/events", b"x" * 300000, auth=token(mine, key)), 413,
                 "MessageTooLarge")]:
            with self.subTest(answer.body):
                self.assert_refused(answer, status, code)

    def test_a_policy_has_the_rights_of_its_name(self):
        reader = token("hub.test", base64.b64encode(b"r" * 32).decode(), "registryRead")
        name, _ = self.device()
        self.assertEqual(self.call("GET", f"/devices/{name}", auth=reader).status, 200)
        self.assert_refused(self.call("DELETE", f"/devices/{name}", auth=reader), 401, "IotHubUnauthorizedAccess")
        self.assert_refused(self.call("GET", f"/twins/{name}", auth=reader), 401, "IotHubUnauthorizedAccess")

    # Devices

    def test_a_device_manages_its_modules_as_identityd_does(self):
        name, key = self.device(edge=True)
        auth = token(f"hub.test/devices/{name}", key)
        mine = base64.b64encode(b"m" * 32).decode()
        made = self.call("PUT", f"/devices/{name}/modules/cam", {"moduleId": "cam", "deviceId": name}, auth)
        self.assertEqual(made.status, 200)
        again = self.call("PUT", f"/devices/{name}/modules/cam", {
            "moduleId": "cam", "deviceId": name, "managedBy": "iotEdge",
            "authentication": {"type": "sas", "symmetricKey": {"primaryKey": mine, "secondaryKey": mine}}}, auth, If_Match="*")
        self.assertEqual(again.json["generationId"], made.json["generationId"])
        self.assertEqual(again.json["authentication"]["symmetricKey"]["primaryKey"], mine)
        names = [one["moduleId"] for one in self.call("GET", f"/devices/{name}/modules", auth=auth).json]
        self.assertEqual(names, ["$edgeAgent", "$edgeHub", "cam"])
        as_module = token(f"hub.test/devices/{name}/modules/cam", mine)
        self.assertEqual(self.call("GET", f"/devices/{name}/modules", auth=as_module).status, 401)
        self.assertEqual(self.call("DELETE", f"/devices/{name}/modules/cam", auth=auth, If_Match="*").status, 204)

    def test_an_edge_hub_learns_who_is_in_its_scope(self):
        name, key = self.device(edge=True)
        scope = self.call("GET", f"/devices/{name}").json["deviceScope"]
        leaf, _ = self.device(deviceScope=scope)
        stranger, _ = self.device()
        mine = base64.b64encode(b"h" * 32).decode()
        self.call("PUT", f"/devices/{name}/modules/%24edgeHub", {
            "authentication": {"type": "sas", "symmetricKey": {"primaryKey": mine, "secondaryKey": mine}}},
            token(f"hub.test/devices/{name}", key), If_Match="*")
        auth = token(f"hub.test/devices/{name}/modules/$edgeHub", mine)
        path = f"/devices/{name}/modules/%24edgeHub"
        seen, link = [], f"{path}/devicesAndModulesInDeviceScope{VERSION}&deviceCount=1&continuationToken="
        while link:
            page = self.call("GET", link, auth=auth, version="").json
            seen += [one["deviceId"] for one in page["devices"]] + [one["moduleId"] for one in page["modules"]]
            link = page.get("continuationLink")
        self.assertEqual(sorted(seen), sorted([name, leaf, "$edgeAgent", "$edgeHub"]))
        one = self.call("GET", f"{path}/deviceAndModuleInDeviceScope", auth=auth, version=f"{VERSION}&targetDeviceId={leaf}")
        self.assertIn("symmetricKey", one.json["devices"][0]["authentication"])
        self.assertEqual(self.call("GET", f"{path}/deviceAndModuleInDeviceScope", auth=auth,
                                   version=f"{VERSION}&targetDeviceId={stranger}").status, 401)

    def hub_of(self, name, key):
        """A token of the device's $edgeHub."""
        mine = base64.b64encode(b"h" * 32).decode()
        self.call("PUT", f"/devices/{name}/modules/%24edgeHub", {
            "authentication": {"type": "sas", "symmetricKey": {"primaryKey": mine, "secondaryKey": mine}}},
            token(f"hub.test/devices/{name}", key), If_Match="*")
        return token(f"hub.test/devices/{name}/modules/$edgeHub", mine)

    def test_a_parent_learns_who_is_in_the_scope_of_its_child(self):
        top, top_key = self.device(edge=True)
        scope = self.call("GET", f"/devices/{top}").json["deviceScope"]
        child, _ = self.device(edge=True, parentScopes=[scope])
        leaf, _ = self.device(deviceScope=self.call("GET", f"/devices/{child}").json["deviceScope"])
        other, _ = self.device(edge=True)
        auth, path = self.hub_of(top, top_key), f"/devices/{top}/modules/%24edgeHub"

        def scope_of(chain, **more):
            return self.call("POST", f"{path}/devicesAndModulesInTargetDeviceScope", {"authChain": chain, **more}, auth)

        seen, link = [], ""
        while True:
            page = scope_of(f"{child};{top}", pageSize=1, continuationLink=link).json
            seen += [one["deviceId"] for one in page["devices"]] + [one["moduleId"] for one in page["modules"]]
            link = page.get("continuationLink")
            if not link:
                break
        self.assertEqual(sorted(seen), sorted([child, leaf, "$edgeAgent", "$edgeHub"]))
        self.assertIn(child, [one["deviceId"] for one in scope_of(top).json["devices"]])
        self.assertEqual(scope_of(f"{other};{top}").status, 401)
        self.assertEqual(scope_of(child).status, 401)
        self.assertEqual(scope_of(f"nobody;{top}").status, 404)

        def one_of(device, chain):
            return self.call("POST", f"{path}/getDeviceAndModuleOnBehalfOf", {
                "targetDeviceId": device, "targetModuleId": None, "authChain": chain}, auth)

        self.assertIn("symmetricKey", one_of(leaf, f"{child};{top}").json["devices"][0]["authentication"])
        self.assertEqual(one_of(leaf, top).status, 401)
        self.assertEqual(one_of("nobody", f"{child};{top}").status, 404)

    def test_an_edge_hub_speaks_for_others_by_mqtt(self):
        edge, key = self.device(edge=True)
        leaf, _ = self.device(deviceScope=self.call("GET", f"/devices/{edge}").json["deviceScope"])
        stranger, _ = self.device()
        password = self.hub_of(edge, key)

        def send(who, chain):
            user = f"hub.test/{who}/?api-version=2021-04-12&auth-chain={urllib.parse.quote(chain)}"
            return subprocess.run(["mosquitto_pub", "-h", "hub.test", "-p", "8883", "--cafile", self.hub.ca, "-V", "mqttv311",
                                   "-i", who, "-u", user, "-P", password, "-q", "1", "-t", f"devices/{who}/messages/events/",
                                   "-m", who], capture_output=True, timeout=20).returncode

        marks = self.hub.marks()
        self.assertEqual(send(leaf, f"{leaf};{edge}"), 0)
        self.assertEqual(send(leaf, ""), 5)
        self.assertEqual(send(leaf, f"{leaf};{leaf}"), 5)
        self.assertEqual(send(stranger, f"{stranger};{edge}"), 5)
        self.assertEqual(send(stranger, f"{leaf};{edge}"), 5)
        self.assertEqual([(event["device"], event["body"]) for event in self.hub.events(marks)], [(leaf, leaf.encode())])

    def test_what_devices_send_is_shown(self):
        marks = self.hub.marks()
        senders = [self.device() for _ in range(3)]
        for number in range(4):
            for name, key in senders:
                self.assertEqual(self.call("POST", f"/devices/{name}/messages/events", f"n{number}".encode(),
                                           token(f"hub.test/devices/{name}", key), iothub_app_k="v").status, 204)
        seen = self.hub.events(marks)
        self.assertEqual(len(seen), 12)
        for name, _ in senders:
            mine = [event for event in seen if event["device"] == name]
            self.assertEqual([event["body"] for event in mine], [b"n0", b"n1", b"n2", b"n3"])
            self.assertEqual((mine[0]["module"], mine[0]["properties"]), ("", {"K": "v"}))  # urllib writes the header so
        self.assertEqual(self.hub.events(self.hub.marks()), [])

    def test_files_are_uploaded_and_told(self):
        name, key = self.device()
        auth = token(f"hub.test/devices/{name}", key)
        begun = self.call("POST", f"/devices/{name}/files", {"blobName": "a/b.txt"}, auth).json
        self.assertEqual((begun["hostName"], begun["blobName"], begun["sasToken"]), ("blob.test", f"{name}/a/b.txt", "?sv=1"))
        done = {"isSuccess": True, "statusCode": 200, "statusDescription": "ok"}
        path = f"/devices/{name}/files/notifications/{begun['correlationId']}"
        self.assertEqual(self.call("POST", path, done, auth).status, 204)
        self.assertEqual(self.call("POST", path, done, auth).status, 400)

    # Deployments

    @staticmethod
    def base(**modules):
        return {"modulesContent": {"$edgeAgent": {"properties.desired": {"schemaVersion": "1.1", "modules": modules}}}}

    def deploy(self, name, priority, tag, content):
        made = self.call("PUT", f"/configurations/{name}", {"id": name, "priority": priority, "content": content,
                                                            "targetCondition": f"tags.site = '{tag}'"})
        self.assertEqual(made.status, 200, made.body)

    def modules_of(self, name):
        return self.call("GET", f"/twins/{name}/modules/%24edgeAgent").json["properties"]["desired"].get("modules")

    def test_layers_lie_on_the_highest_base(self):
        name, _ = self.device(edge=True)
        tag, low, high, layer, below = (self.fresh(word) for word in ("site", "low", "high", "layer", "below"))
        self.deploy(low, 1, tag, self.base(a={}))
        self.deploy(high, 5, tag, self.base(b={}))
        self.deploy(layer, 9, tag, {"modulesContent": {"$edgeAgent": {"properties.desired.modules.c": {"v": 1}}}})
        self.deploy(below, 3, tag, {"modulesContent": {"$edgeAgent": {"properties.desired.modules.d": {}}}})
        self.assertIsNone(self.modules_of(name))
        self.call("PATCH", f"/twins/{name}", {"tags": {"site": tag}})
        self.assertEqual(self.modules_of(name), {"b": {}, "c": {"v": 1}})
        counts = self.call("GET", f"/configurations/{high}").json["systemMetrics"]["results"]
        self.assertEqual((counts["targetedCount"], counts["appliedCount"]), (1, 1))
        counts = self.call("GET", f"/configurations/{low}").json["systemMetrics"]["results"]
        self.assertEqual((counts["targetedCount"], counts["appliedCount"]), (1, 0))
        self.call("DELETE", f"/configurations/{layer}")
        self.assertEqual(self.modules_of(name), {"b": {}})
        self.call("DELETE", f"/configurations/{high}")
        self.assertEqual(self.modules_of(name), {"a": {}, "d": {}})
        for one in (low, below):
            self.call("DELETE", f"/configurations/{one}")
        self.assertEqual(self.modules_of(name), {"a": {}, "d": {}})

    def test_a_bad_deployment_is_refused(self):
        for content, target in (({"modulesContent": {"m": {"desired": 1}}}, "*"), (self.base(), "tags.x ="), (None, "*")):
            answer = self.call("PUT", "/configurations/bad", {"id": "bad", "content": content, "targetCondition": target})
            self.assert_refused(answer, 400, "ArgumentInvalid")
        name, _ = self.device()
        self.assert_refused(self.call("POST", f"/devices/{name}/applyConfigurationContent", self.base()), 400, "ArgumentInvalid")

    def test_pages_of_a_query_join(self):
        tag = self.fresh("page")
        names = [self.device()[0] for _ in range(7)]
        for name in names:
            self.call("PATCH", f"/twins/{name}", {"tags": {"page": tag}})
        seen, more = [], {"x_ms_max_item_count": "3"}
        while more:
            page = self.call("POST", "/devices/query", {"query": f"SELECT deviceId FROM devices WHERE tags.page = '{tag}'"}, **more)
            seen.append([row["deviceId"] for row in page.json])
            follow = page.headers.get("x-ms-continuation")
            more = {"x_ms_max_item_count": "3", "x_ms_continuation": follow} if follow else None
        self.assertEqual([len(rows) for rows in seen], [3, 3, 1])
        self.assertEqual(sorted(sum(seen, [])), sorted(names))
        bad = self.call("POST", "/devices/query", {"query": "SELECT * FROM devices"}, x_ms_continuation="nonsense")
        self.assert_refused(bad, 400, "ArgumentInvalid")

    def test_a_job_changes_the_twins_it_finds(self):
        tag, job = self.fresh("fleet"), self.fresh("job")
        names = [self.device()[0] for _ in range(3)]
        for name in names:
            self.call("PATCH", f"/twins/{name}", {"tags": {"fleet": tag}})
        made = self.call("PUT", f"/jobs/v2/{job}", {
            "jobId": job, "type": "scheduleUpdateTwin", "queryCondition": f"tags.fleet = '{tag}'",
            "updateTwin": {"etag": "*", "properties": {"desired": {"j": 1}}}, "maxExecutionTimeInSeconds": 60})
        self.assertEqual(made.status, 200, made.body)
        wait_for(lambda: self.call("GET", f"/jobs/v2/{job}").json["status"] == "completed", 40, "the job to end")
        self.assertEqual(self.call("GET", f"/jobs/v2/{job}").json["deviceJobStatistics"]["succeededCount"], 3)
        for name in names:
            self.assertEqual(self.call("GET", f"/twins/{name}").json["properties"]["desired"]["j"], 1)
        rows = self.call("POST", "/devices/query", {"query": f"SELECT * FROM devices.jobs WHERE jobId = '{job}'"})
        self.assertEqual((rows.headers["x-ms-item-type"], len(rows.json)), ("DeviceJob", 3))
        offline = self.fresh("job")
        self.call("PUT", f"/jobs/v2/{offline}", {"type": "scheduleDeviceMethod", "queryCondition": f"tags.fleet = '{tag}'",
                                                 "cloudToDeviceMethod": {"methodName": "m"}})
        wait_for(lambda: self.call("GET", f"/jobs/v2/{offline}").json["status"] == "completed", 40, "the other job to end")
        self.assertEqual(self.call("GET", f"/jobs/v2/{offline}").json["deviceJobStatistics"]["failedCount"], 3)

    # Provisioning

    def test_a_group_provisions_with_its_initial_twin(self):
        group, name = self.fresh("group"), self.fresh("reg")
        key = base64.b64encode(b"g" * 32).decode()
        made = self.call("PUT", f"/enrollmentGroups/{group}", {
            "attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": key, "secondaryKey": key}},
            "capabilities": {"iotEdge": True}, "initialTwin": {"tags": {"site": "s"}}}, host="dps.test")
        self.assertEqual(made.status, 200, made.body)
        own = base64.b64encode(hmac.new(b"g" * 32, name.encode(), hashlib.sha256).digest()).decode()
        auth = token(f"{SCOPE}/registrations/{name}", own, "registration")
        path = f"/{SCOPE}/registrations/{name}"
        begun = self.call("PUT", f"{path}/register", {"registrationId": name}, auth, host="dps.test")
        self.assertEqual((begun.status, begun.json["status"]), (202, "assigning"))
        self.assertTrue(int(begun.headers["Retry-After"]) > 0)
        end = self.call("GET", f"{path}/operations/{begun.json['operationId']}", auth=auth, host="dps.test")
        state = end.json["registrationState"]
        self.assertEqual((end.json["status"], state["assignedHub"], state["deviceId"]), ("assigned", "hub.test", name))
        self.assertEqual(self.call("GET", f"/twins/{name}").json["tags"], {"site": "s"})
        self.assertTrue(self.call("GET", f"/devices/{name}").json["capabilities"]["iotEdge"])
        self.assertEqual(self.call("GET", f"/devices/{name}/modules", auth=token(f"hub.test/devices/{name}", own)).status, 200)
        wrong = self.call("PUT", f"{path}/register", {}, token(f"{SCOPE}/registrations/{name}", key, "registration"),
                          host="dps.test")
        self.assertEqual((wrong.status, wrong.json["errorCode"]), (401, 401002))

    # Faults

    def test_throttled_requests_say_when_to_come_again(self):
        self.hub.faults(throttle=True)
        answer = self.call("GET", "/devices/x")
        self.assert_refused(answer, 429, "ThrottlingException")
        self.assertTrue(int(answer.headers["Retry-After"]) > 0)

    def test_a_frozen_cloud_says_nothing_until_it_thaws(self):
        self.hub.faults(freeze=True)
        with self.assertRaises((TimeoutError, urllib.error.URLError)):
            self.call("GET", "/statistics/devices", timeout=1)
        self.hub.faults(freeze=False)
        self.assertEqual(self.call("GET", "/statistics/devices").status, 200)

    def test_latency_delays_every_answer(self):
        self.hub.faults(latencyMs=400)
        began = time.monotonic()
        self.assertEqual(self.call("GET", "/statistics/devices").status, 200)
        self.assertGreaterEqual(time.monotonic() - began, 0.4)

    def test_a_clock_ahead_ends_tokens(self):
        self.hub.faults(clockOffsetSeconds=86400)
        self.assert_refused(self.call("GET", "/statistics/devices"), 401, "IotHubUnauthorizedAccess")

    def test_an_unknown_knob_is_refused(self):
        with self.assertRaises(urllib.error.HTTPError) as raised:
            self.hub.faults(nonsense=1)
        self.assertEqual(raised.exception.code, 400)
        raised.exception.close()

    def test_what_was_answered_survives_a_kill(self):
        name, _ = self.device()
        self.call("PATCH", f"/twins/{name}", {"tags": {"kept": True}})
        self.hub.kill()
        self.hub.start()
        self.assertEqual(self.call("GET", f"/twins/{name}").json["tags"], {"kept": True})


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
