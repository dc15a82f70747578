"""What the tests of a device that the cloud drives share: one sandbox with containerd, a registry, the local
cloud, edge-securityd and the agent that it starts.

    class Deploy(cloud_case.CloudCase):
        def test_modules_run(self):
            self.deploy({"cam": module()})
            self.wait_reported(200)
"""
import json
import os
import shutil
import subprocess

import cloud
import services
from case import HOST, IDLE, IMAGE, PATIENCE, ServicesCase, busybox, main, module  # noqa: F401 (tests use them)
from sandbox import Unmet, wait_for

ADDRESS = "10.99.0.11"  # reached from the modules too
HUB = "hub.test"
DPS = "dps.test"
DEVICE = "edge-1"


class Securityd(services.Service):
    """edge-securityd; it starts edge-agent, whose programs are beside it."""

    def __init__(self, device):
        self.device = device
        super().__init__("securityd", [os.path.join(services.BIN, "edge-securityd"), "--config", device.config],
                         device.environment)

    def ready(self):
        return self.device.edgectl("list", "--json").returncode == 0

    def agent_pid(self):
        """Of the edge-agent that runs with our configuration; 0 when there is none."""
        for pid, words in services.processes():
            if words and words[0].endswith("edge-agent") and self.device.config in words:
                return pid
        return 0

    def stop(self, timeout=60):
        code = super().stop(timeout)
        if code not in (None, 0):
            raise AssertionError(f"securityd: exit {code} after SIGTERM\n{self.tail()}")
        return code


class CloudCase(ServicesCase):
    """Starts everything once a file; each test deploys what it needs."""

    quiet = ("registry",)
    agent_env = None
    settings = None
    device_id = DEVICE

    @classmethod
    def setUpClass(cls):
        cls.services = []
        cls.addClassCleanup(cls._end)
        subprocess.run(["ip", "address", "add", ADDRESS + "/32", "dev", "lo"], check=True)
        cloud.name_hosts({HUB: ADDRESS, DPS: ADDRESS})
        cls.containerd = cls._start(services.Containerd())
        cls.registry = cls._start(services.Registry())
        cls.registry.client.push(busybox.image(), "busybox", "1")
        cls.hub = cls._start(cloud.Emulator(ADDRESS, HUB, ["--dps"]))
        cls.device = services.Agent({
            "provisioning": {"source": "manual", "device_connection_string": cls.hub.device(cls.device_id, edge=True)},
            "cloud": {"trusted_ca": cls.hub.ca}, **cls.more_settings()}, cls.agent_env)
        os.chmod(cls.device.config, 0o600)
        cls.security = cls._start(Securityd(cls.device))

    @classmethod
    def more_settings(cls):
        """Members of config.yaml beside those of every test; the cloud runs already."""
        return cls.settings or {}

    # What a test does.

    @staticmethod
    def desired(modules, schema="1.1", credentials=None, **more):
        """Desired properties of $edgeAgent with these modules."""
        return {"schemaVersion": schema,
                "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25",
                                                           **({"registryCredentials": credentials} if credentials else {})}},
                "systemModules": {
                    "edgeAgent": {"type": "docker", "settings": {"image": "edge-agent:1", "createOptions": "{}"}},
                    **more},
                "modules": modules}

    def deploy(self, modules, **more):
        self.hub.set_modules(self.device_id, self.desired(modules, **more))

    def provision(self, **provisioning):
        """As an operator does it: write config.yaml, restart the daemon."""
        self.security.stop()
        self.device.configure(provisioning=provisioning)
        os.chmod(self.device.config, 0o600)
        self.security.start(60)

    def power_off(self):
        """Everything of ours ends at once, and what a reboot forgets is gone."""
        agent = self.security.agent_pid()
        self.security.kill()
        if agent:
            services.signal_pid(agent)
        wait_for(lambda: not self.security.agent_pid(), PATIENCE, "the agent to be gone")
        for name in self.containerd.tasks():
            self.containerd.ctr("tasks", "kill", "-s", "SIGKILL", name, check=False)
        wait_for(lambda: not any(status == "RUNNING" for _, status in self.containerd.tasks().values()), PATIENCE,
                 "no task to run")
        for name in self.containerd.tasks():
            self.containerd.ctr("tasks", "rm", name, check=False)
        shutil.rmtree(self.device.rundir, ignore_errors=True)

    def edgectl(self, *arguments):
        done = self.device.edgectl(*arguments)
        self.assertEqual(done.returncode, 0, f"edgectl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    # What a test looks at and waits for.

    def reported(self):
        return self.hub.reported(self.device_id)

    def wait_reported(self, code, holds=lambda reported: True, timeout=PATIENCE):
        """Until the cloud has been told this code for the newest deployment, and more holds."""
        def probe():
            twin = self.hub.service.twin(self.device_id)["properties"]
            seen = twin["reported"]
            status = seen.get("lastDesiredStatus", {})
            if status.get("code") == code and holds(seen) and (
                    code != 200 or seen.get("lastDesiredVersion") == twin["desired"]["$version"]):
                return seen
            raise Unmet({"version": twin["desired"]["$version"], "last": seen.get("lastDesiredVersion"), "status": status,
                         "modules": {name: m.get("runtimeStatus") for name, m in (seen.get("modules") or {}).items()}})
        return wait_for(probe, timeout, f"code {code} to be reported", every=0.2)

    def wait_running(self, *names, timeout=PATIENCE):
        """Until the cloud sees these running; returns their processes here."""
        self.wait_reported(200, lambda seen: all(
            (seen.get("modules") or {}).get(name, {}).get("runtimeStatus") == "running" for name in names), timeout)
        return self.pids(*names)

    def pids(self, *names):
        tasks = self.containerd.tasks()
        return {name: tasks.get(name, (0, ""))[0] for name in names}

    def wait_output(self, name, text, timeout=PATIENCE):
        def probe():
            done = self.device.edgectl("logs", name)
            if done.returncode == 0 and text in done.stdout + done.stderr:
                return done.stdout + done.stderr
            raise Unmet((done.stdout + done.stderr)[-500:])
        return wait_for(probe, timeout, f"{name} to log {text!r}")

    def identities(self):
        """{module id: identity} in the cloud."""
        return {m["moduleId"]: m for m in self.hub.service.ok("GET", f"/devices/{self.device_id}/modules")}

    def change_device(self, **members):
        """Write the device in the cloud with these members changed; returns it."""
        path = f"/devices/{self.device_id}"
        return self.hub.service.ok("PUT", path, {**self.hub.service.ok("GET", path), **members}, headers={"If-Match": "*"})

    def link(self):
        """Of the agent, as the cloud sees it."""
        return self.identities()["$edgeAgent"]["connectionState"]

    def wait_refused(self, mark):
        """Until the log says that the cloud does not take our credentials, and what to look at."""
        def probe():
            text = self.security.text(mark)
            if "refused the connection" in text:
                return text
            raise Unmet(text[-600:])
        text = wait_for(probe, PATIENCE, "the refusal in the log")
        for hint in ("clock of this device", "enabled in IoT Hub", "key"):
            self.assertIn(hint, text)


def env_of(text):
    """{name: value} of what `env` has printed."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


__all__ = ["CloudCase", "DEVICE", "HUB", "DPS", "ADDRESS", "HOST", "IMAGE", "IDLE", "PATIENCE", "module", "main", "json", "env_of"]
