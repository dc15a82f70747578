"""What happens to a device that the cloud drives: no power, no cloud, other keys, refusals, clocks. Modules run on."""
import base64
import hashlib

import cloud_case
from cloud_case import DEVICE, HUB, PATIENCE, module
from sandbox import wait_for
from services import signal_pid

# A refused agent asks again after one to two minutes.
RETRY = 180
# Its patience with a twin is half a minute.
TWIN = 90


def key(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class CloudLife(cloud_case.CloudCase):
    def connect_with(self, key):
        self.provision(source="manual", device_connection_string=f"HostName={HUB};DeviceId={DEVICE};SharedAccessKey={key}")

    def test_the_device_boots_without_a_cloud(self):
        self.deploy({"m": module(policy="always")})
        self.wait_running("m")
        self.hub.stop()
        try:
            self.power_off()
            self.security.start(60)
            wait_for(lambda: self.pids("m")["m"], PATIENCE, "m to run without a cloud")
            self.edgectl("logs", "m")
        finally:
            if not self.hub.running():
                self.hub.start()
        self.wait_running("m", timeout=90)

    def test_shutdown_is_told_as_406(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        self.security.stop()
        try:
            seen = self.wait_reported(406)
            self.assertEqual(seen["modules"]["m"]["runtimeStatus"], "unknown")
            self.assertEqual(self.pids("m")["m"], pid)
        finally:
            self.security.start(60)
        self.wait_running("m")
        self.assertEqual(self.pids("m")["m"], pid)

    def test_keys_are_rotated_one_by_one(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        device = self.hub.service.ok("GET", f"/devices/{DEVICE}")
        first = device["authentication"]["symmetricKey"]["primaryKey"]

        def rotate(primary, secondary):
            self.change_device(authentication={"type": "sas", "symmetricKey": {"primaryKey": primary, "secondaryKey": secondary}})

        rotate(first, key("second"))
        self.connect_with(key("second"))
        self.deploy({"m": module(), "by-second": module()})
        self.wait_running("m", "by-second", timeout=90)
        rotate(key("third"), key("fourth"))  # none is ours any more: what needs the device's key is told
        self.deploy({"m": module(), "by-second": module(), "late": module()})
        self.wait_reported(500, lambda s: "late" in s["lastDesiredStatus"]["description"], timeout=90)
        self.connect_with(key("third"))
        self.wait_running("m", "by-second", "late", timeout=90)
        self.assertEqual(self.pids("m")["m"], pid)

    def test_a_disabled_device_keeps_its_modules_and_comes_back(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        mark = self.security.size()
        self.change_device(status="disabled")
        self.wait_refused(mark)
        self.assertNotEqual(self.link(), "Connected")
        self.assertEqual(self.pids("m")["m"], pid)
        self.change_device(status="enabled")
        self.deploy({"m": module(), "n": module()})
        self.wait_running("m", "n", timeout=RETRY)
        self.assertEqual(self.pids("m")["m"], pid)

    def test_a_deleted_device_keeps_its_modules_until_it_is_made_again(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        generation = self.identities()["m"]["generationId"]
        device = self.hub.service.ok("GET", f"/devices/{DEVICE}")
        mark = self.security.size()
        self.hub.service.ok("DELETE", f"/devices/{DEVICE}", headers={"If-Match": "*"})
        self.wait_refused(mark)
        self.assertEqual(self.pids("m")["m"], pid)
        self.hub.service.device(DEVICE, True, device["authentication"]["symmetricKey"]["primaryKey"])
        self.security.stop()
        self.security.start(60)
        self.wait_reported(417, timeout=90)
        self.deploy({"m": module()})
        self.wait_running("m", timeout=90)
        self.assertNotEqual(self.identities()["m"]["generationId"], generation)

    def test_a_cloud_frozen_while_it_sends_the_twin_is_left_and_found_again(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        mark = self.security.size()
        self.hub.faults(latencyMs=4000)
        try:
            signal_pid(self.security.agent_pid())
            wait_for(lambda: "cloud: connected" in self.security.text(mark), PATIENCE, "the next agent to connect")
            self.hub.faults(freeze=True)  # its twin is on the way
            wait_for(lambda: "not connected" in self.security.text(mark), TWIN, "the agent to give up waiting for its twin")
            self.assertIn("twin", self.security.text(mark))
            self.edgectl("list")
            self.assertEqual(self.pids("m")["m"], pid)
        finally:
            self.hub.faults(freeze=False, latencyMs=0)
        self.deploy({"m": module(), "n": module()})
        self.wait_running("m", "n", timeout=90)
        self.assertEqual(self.pids("m")["m"], pid)

    def test_the_agents_own_key_is_put_right(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        path = f"/devices/{DEVICE}/modules/%24edgeAgent"
        agent = self.hub.service.ok("GET", path)
        agent["authentication"] = {"type": "sas", "symmetricKey": {"primaryKey": key("lost"), "secondaryKey": key("lost")}}
        self.hub.service.ok("PUT", path, agent, headers={"If-Match": "*"})
        self.hub.faults(drop=f"{DEVICE}/$edgeAgent")
        self.deploy({"m": module(), "n": module()})
        self.wait_running("m", "n", timeout=RETRY)
        self.assertEqual(self.pids("m")["m"], pid)

    def test_a_clock_thirty_days_behind_is_told_and_survived(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        mark = self.security.size()
        self.hub.faults(clockOffsetSeconds=30 * 86400, drop=f"{DEVICE}/$edgeAgent")
        try:
            self.wait_refused(mark)
            self.assertEqual(self.pids("m")["m"], pid)
        finally:
            self.hub.faults(clockOffsetSeconds=0)
        self.security.stop()  # what an operator does who has set the clock, and does not wait for the next try
        self.security.start(60)
        self.deploy({"m": module(), "n": module()})
        self.wait_running("m", "n", timeout=90)
        self.assertEqual(self.pids("m")["m"], pid)

    def test_a_clock_thirty_days_ahead_does_no_harm(self):
        self.deploy({"m": module()})
        pid = self.wait_running("m")["m"]
        mark = self.security.size()
        self.hub.faults(clockOffsetSeconds=-30 * 86400)
        try:
            signal_pid(self.security.agent_pid())
            wait_for(lambda: "cloud: connected" in self.security.text(mark), PATIENCE, "the next agent to connect")
            self.deploy({"m": module(), "n": module()})
            self.wait_running("m", "n")
        finally:
            self.hub.faults(clockOffsetSeconds=0)
        self.assertEqual(self.pids("m")["m"], pid)


if __name__ == "__main__":
    cloud_case.main()
