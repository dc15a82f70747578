"""Modules of a device that the cloud drives: identities, what they are given of them, and what comes of changes. The cloud
itself is away all the time; edge-securityd is a fake."""
import json
import os

import case
import identity_fake
import services
from case import IDLE, deployment, module
from sandbox import wait_for

HUB_TELLS = "env; cat /var/run/iotedge/workload.sock; echo; " + IDLE


class Identities(case.AgentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fake = identity_fake.Identities().start()
        cls.addClassCleanup(cls.fake.stop)

    def setUp(self):
        self.fake.refuse = None
        if not self.fake.server:
            self.fake.start()
        self.source("file")
        super().setUp()
        self.fake.identities.clear()
        self.fake.folders.clear()
        self.fake.calls.clear()

    @classmethod
    def _empty(cls):
        cls.agent.stop()
        cls.agent.configure(provisioning={"source": "file", "deployment": cls.agent.deployment})
        cls.agent.start()
        return super()._empty()

    def source(self, kind):
        """Start the agent anew with deployments from there."""
        provisioning = {"file": {"source": "file", "deployment": self.agent.deployment},
                        "manual": {"source": "manual", "device_connection_string":
                                   "HostName=hub.test;DeviceId=edge-1;SharedAccessKey=a2V5a2V5a2V5"}}[kind]
        self.agent.stop()
        self.agent.configure(provisioning=provisioning)
        self.agent.start()

    def cloud_with(self, modules):
        """The device has this deployment, and its cloud has gone since."""
        self.deploy(modules)
        self.wait(lambda: set(self.agent.list()) == set(modules), "the deployment to be taken")
        self.source("manual")

    def env_of(self, name):
        return dict(line.split("=", 1) for line in self.output(name).splitlines() if "=" in line)

    def label(self, name):
        text = self.containerd.ctr("containers", "info", name, check=False)
        return json.loads(text)["Labels"].get("net.azure-devices.edge.identity") if text.strip() else None

    def wait_given(self, *names):
        """Until these run with the identities that the cloud has for them now."""
        for name in names:
            def probe(name=name):
                now = self.fake.identities.get(name, {}).get("generationId")
                return now and self.label(name) == f"hub.test/devices/edge-1/modules/{name}/{now}"
            self.wait(probe, f"{name} to be made with its identity")
        return self.wait_running(*names)

    def test_a_module_is_given_its_identity_and_socket(self):
        self.cloud_with({"cam": module(HUB_TELLS, env={"MINE": "1", "IOTEDGE_DEVICEID": "forged", "RuntimeLogLevel": "debug"})})
        self.wait_given("cam")
        generation = self.fake.identities["cam"]["generationId"]
        self.wait_output("cam", "of cam")
        told = self.env_of("cam")
        self.assertEqual({name: told.get(name) for name in (
            "IOTEDGE_WORKLOADURI", "IOTEDGE_MODULEID", "IOTEDGE_DEVICEID", "IOTEDGE_MODULEGENERATIONID", "IOTEDGE_IOTHUBHOSTNAME",
            "IOTEDGE_GATEWAYHOSTNAME", "IOTEDGE_AUTHSCHEME", "MINE", "RuntimeLogLevel")}, {
                "IOTEDGE_WORKLOADURI": "unix:///var/run/iotedge/workload.sock", "IOTEDGE_MODULEID": "cam", "IOTEDGE_DEVICEID": "edge-1",
                "IOTEDGE_MODULEGENERATIONID": generation, "IOTEDGE_IOTHUBHOSTNAME": "hub.test", "IOTEDGE_GATEWAYHOSTNAME": "edge-1",
                "IOTEDGE_AUTHSCHEME": "sasToken", "MINE": "1", "RuntimeLogLevel": "debug"})
        self.assertIn("env.IOTEDGE_DEVICEID is set by the runtime", self.seen("cam")["description"])
        self.assertEqual(self.fake.folders["cam"], "/edge/cam")

    def test_without_an_identity_a_module_waits_and_says_so_and_runs_on_if_it_ran(self):
        self.fake.refuse = "the device is not provisioned yet"
        self.deploy({"old": module()})
        pid = self.wait_running("old")[0]
        self.cloud_with({"old": module(), "gone": module()})
        self.wait_module("gone", lambda m: "not provisioned yet" in m["description"], "to say why it waits")
        self.assertEqual(self.pid("old"), pid)
        self.fake.refuse = None
        self.fake.stop()
        self.fake.start()  # a new life of the daemon: everything is asked for at once
        self.wait_given("gone", "old")

    def test_nothing_is_made_anew_while_all_is_the_same(self):
        self.cloud_with({"cam": module()})
        self.wait_given("cam")
        pid = self.pid("cam")
        self.restart_agent(kill=True)
        self.wait_running("cam")
        self.fake.calls.clear()
        self.fake.stop()
        self.fake.start()
        self.wait(lambda: any(call[:2] == ("PUT", ["modules", "cam", "workload"]) for call in self.fake.calls), "the folder")
        self.assertEqual(self.seen("cam")["applied"], True)
        self.assertEqual(self.pid("cam"), pid)

    def test_an_identity_made_anew_makes_another_container(self):
        self.cloud_with({"cam": module(), "web": module()})
        self.wait_given("cam", "web")
        pid = self.pid("web")
        self.fake.make("cam")
        self.fake.stop()
        self.fake.start()
        self.wait_given("cam")
        self.assertEqual(self.pid("web"), pid)

    def test_the_daemon_away_is_no_reason_not_to_start(self):
        self.cloud_with({"cam": module(policy="always")})
        self.wait_given("cam")
        pid = self.pid("cam")
        self.fake.stop()
        self.agent.kill()
        services.signal_pid(pid)
        wait_for(lambda: self.pid("cam") != pid, 40, "cam to end")
        os.rename(self.fake.folder("cam"), self.fake.folder("cam") + ".gone")  # as by a reboot
        self.agent.start()
        self.wait(lambda: self.pid("cam") not in (0, pid), "cam to run again")

    def test_identities_of_modules_that_are_gone_are_given_back_but_for_foreign_ones(self):
        self.cloud_with({"ours": module(), "theirs": module()})
        self.wait_given("ours", "theirs")
        self.fake.identities["theirs"]["managedBy"] = "somebody"
        self.source("file")
        self.deploy({})
        self.wait_gone("ours")
        self.wait_gone("theirs")
        self.source("manual")
        self.wait(lambda: not self.fake.folders, "the folders to go")
        self.wait(lambda: "ours" not in self.fake.identities, "our identity to go")
        self.wait(lambda: len(self.agent.log_lines("identity is given back module=theirs")) == 1, "theirs to be let go")
        self.assertIn("theirs", self.fake.identities)

    def test_the_hub_answers_to_the_devices_name(self):
        text = json.loads(deployment({"ask": module("until ping -c1 -W1 edge-1 >/dev/null 2>&1; do sleep 1; done; "
                                                    "echo $(grep -c ' edge-1' /etc/hosts) found; " + IDLE)}))
        desired = text["modulesContent"]["$edgeAgent"]["properties.desired"]
        desired["systemModules"] = {"edgeHub": module(HUB_TELLS)}
        services.write_file(self.agent.deployment, json.dumps(text))
        self.assertEqual(self.agent.edgectl("apply", self.agent.deployment).returncode, 0)
        self.wait(lambda: set(self.agent.list()) == {"edgeHub", "ask"}, "the deployment to be taken")
        self.source("manual")
        self.wait(lambda: "$edgeHub" in self.fake.identities, "an identity")
        self.wait_output("edgeHub", "of $edgeHub")
        told = self.env_of("edgeHub")
        self.assertEqual((told["IOTEDGE_MODULEID"], told["EdgeDeviceHostName"]), ("$edgeHub", "edge-1"))
        self.assertNotIn("IOTEDGE_GATEWAYHOSTNAME", told)
        self.wait_output("ask", "found")

    def test_deploying_beside_the_cloud_is_refused(self):
        self.source("manual")
        done = self.agent.edgectl("apply", self.agent.deployment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("comes from IoT Hub", done.stdout + done.stderr)

    def test_a_mount_on_the_socket_cannot_be_planned(self):
        self.source("manual")
        text = json.loads(deployment({"bad": module(options={"HostConfig": {"Binds": ["/tmp:/var/run/iotedge"]}})}))
        services.write_file(self.agent.deployment, json.dumps(text))
        done = self.agent.edgectl("plan", self.agent.deployment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("would hide the workload socket", done.stdout + done.stderr)
        services.write_file(self.agent.deployment, deployment({}))


if __name__ == "__main__":
    case.main()
