"""What the tests of the agent share: one sandbox, containerd, registry and agent for each file.

    class Run(case.AgentCase):
        def test_a_module_runs(self):
            self.deploy({"cam": case.module()})
            self.wait_status("cam", "running")

    if __name__ == "__main__":
        case.main()
"""
import json
import sys
import unittest

import sandbox
import services
from sandbox import Unmet, wait_for
import busybox
from services import oci  # noqa: F401 (tests use case.oci)

HOST = "127.0.0.1:5000"
IMAGE = HOST + "/busybox:1"
# The shell is pid 1 there: it must catch SIGTERM itself, and wait where signals are heard.
IDLE = 'trap "exit 0" TERM; echo "started $(hostname)"; while :; do sleep 3600 & wait $!; done'
# A sanitizer makes everything slower, but nothing endless.
PATIENCE = 40


def module(script=IDLE, image=IMAGE, options=None, env=None, order=None, version=None, policy=None,
           pull=None, status="running"):
    """A module of a deployment that runs a shell script; None leaves a member out."""
    created = dict(options or {})
    if script is not None:
        created.setdefault("Cmd", ["sh", "-c", script])
    made = {"type": "docker", "status": status,
            "settings": {"image": image, "createOptions": json.dumps(created)}}
    for key, value in (("restartPolicy", policy), ("startupOrder", order), ("version", version),
                       ("imagePullPolicy", pull)):
        if value is not None:
            made[key] = value
    if env is not None:
        made["env"] = {name: {"value": value} for name, value in env.items()}
    return made


def deployment(modules, schema="1.1", credentials=None):
    """The text of a deployment file with these modules."""
    settings = {"minDockerVersion": "v1.25"}
    if credentials:
        settings["registryCredentials"] = credentials
    return json.dumps({
        "modulesContent": {"$edgeAgent": {"properties.desired": {
            "schemaVersion": schema,
            "runtime": {"type": "docker", "settings": settings},
            "systemModules": {},
            "modules": modules,
        }}},
    }, indent=1)


class ServicesCase(unittest.TestCase):
    """Services for all tests of a file: started in order, ended in reverse, their complaints are failures."""

    services = ()
    quiet = ()  # whose logs tell nothing

    @classmethod
    def _start(cls, service):
        cls.services.append(service)
        return service.start()

    @classmethod
    def _leave(cls):
        """What must be done, and hold, before the services end. Returns complaints."""
        return []

    @classmethod
    def _end(cls):
        failed = cls._leave()
        for service in reversed(cls.services):
            try:
                service.stop()
            except AssertionError as why:
                failed.append(str(why))
            failed += filter(None, [service.complaints()])
        for service in cls.services:
            service.kill()
        if failed:
            raise AssertionError("\n".join(failed))

    def run(self, result=None):
        marks = {service: service.size() for service in self.services}
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(f"\n--- what {self.id()} left in the logs")
            for service, mark in marks.items():
                if service.name not in self.quiet:
                    print(service.tail(40 if service is self.services[-1] else 8, mark), flush=True)
        return result


class AgentCase(ServicesCase):
    """Starts everything once a file. Each test deploys what it needs."""

    quiet = ("registry",)
    settings = None  # members of config.yaml to replace
    agent_env = None

    @classmethod
    def setUpClass(cls):
        cls.services = []
        cls.addClassCleanup(cls._end)
        cls.containerd = cls._start(services.Containerd())
        cls.registry = cls._start(services.Registry())
        cls.registry.client.push(busybox.image(), "busybox", "1")
        cls.agent = services.Agent(cls.settings, cls.agent_env)
        services.write_file(cls.agent.deployment, deployment({}))
        cls._start(cls.agent)

    @classmethod
    def _leave(cls):
        return cls._empty() if cls.services and cls.services[-1].running() and hasattr(cls, "agent") else []

    @classmethod
    def _empty(cls):
        """Take every module away: what is left then has leaked. Returns complaints."""
        text = deployment({})
        services.write_file(cls.agent.deployment, text)
        cls.agent.edgectl("apply", cls.agent.deployment)
        try:
            wait_for(lambda: not cls.containerd.containers() and not cls.containerd.tasks(), PATIENCE,
                     "all containers to be removed")
            wait_for(lambda: not cls.containerd.shims(), PATIENCE, "all shims to end")
            wait_for(lambda: not services.veths(), PATIENCE, "all links of containers to go")
        except AssertionError as why:
            return [str(why)]
        return []

    def setUp(self):
        """Each test begins with no modules, so that none is taken for one of its own."""
        if self.agent.running() and self.agent.list():
            self.deploy({})
            self.wait(lambda: not self.agent.list() and not self.containerd.containers(), "an empty device")

    # What a test does.

    def deploy(self, modules, **more):
        """Make this the deployment, by file and by edgectl, so that both sources say the same."""
        text = deployment(modules, **more)
        services.write_file(self.agent.deployment, text)
        done = self.agent.edgectl("apply", self.agent.deployment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def restart_agent(self, kill=False):
        if kill:
            self.agent.kill()
        else:
            self.agent.stop()
        self.agent.start()

    def edgectl(self, *arguments, code=0, **more):
        """Run edgectl and check its exit code; the output as text."""
        done = self.agent.edgectl(*arguments, **more)
        self.assertEqual(done.returncode, code, f"edgectl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stdout + done.stderr

    # What a test looks at.

    def seen(self, name):
        """The module in `edgectl list --json`; {} when it is not there."""
        return self.agent.list().get(name, {})

    def pid(self, name):
        """Of the module's first process; 0 when it does not run."""
        pid, status = self.containerd.tasks().get(name, (0, ""))
        return pid if status == "RUNNING" else 0

    def output(self, name):
        """Everything a module has said: standard output, then standard error."""
        done = self.agent.edgectl("logs", name)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout + done.stderr

    # What a test waits for.

    def wait(self, probe, what, timeout=PATIENCE):
        return wait_for(probe, timeout, what)

    def wait_module(self, name, holds, what, timeout=PATIENCE):
        """Until holds(module) is true of its list entry; returns the entry."""
        def probe():
            found = self.seen(name)
            if found and holds(found):
                return found
            raise Unmet(found or "no such module")
        return wait_for(probe, timeout, f"{name} {what}")

    def wait_status(self, name, *statuses, timeout=PATIENCE):
        return self.wait_module(name, lambda m: m["status"] in statuses, "to be " + " or ".join(statuses), timeout)

    def wait_running(self, *names, timeout=PATIENCE):
        def probe():
            found = {name: m["status"] for name, m in self.agent.list().items()}
            if all(found.get(name) == "running" for name in names):
                return True
            raise Unmet(found)
        wait_for(probe, timeout, " and ".join(names) + " to run")
        return [self.pid(name) for name in names]

    def wait_gone(self, name, timeout=PATIENCE):
        self.wait(lambda: name not in self.containerd.containers(), f"container {name} to be gone", timeout)

    def wait_output(self, name, text, timeout=PATIENCE):
        """Until the module's log holds this text; returns the whole log."""
        def probe():
            done = self.agent.edgectl("logs", name)
            if done.returncode == 0 and text in done.stdout + done.stderr:
                return done.stdout + done.stderr
            raise Unmet((done.stdout + done.stderr)[-300:])
        return wait_for(probe, timeout, f"{name} to log {text!r}")

    def assert_undisturbed(self, name, pid, for_seconds=0.0):
        """Its process is still the one it was."""
        import time
        deadline = time.monotonic() + for_seconds
        while True:
            self.assertEqual(self.pid(name), pid, f"{name} was touched")
            if time.monotonic() >= deadline:
                return
            time.sleep(0.1)


def main():
    """Run this file's tests inside a sandbox."""
    sandbox.enter()
    unittest.main(module=sys.modules["__main__"], verbosity=2)
