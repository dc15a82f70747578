"""The module network: names, ports, modes."""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

import case
import services
from case import module
from services import http_get

SERVE = 'mkdir -p /www; echo "%s" >/www/index.html; httpd -p 80 -h /www; ' + case.IDLE

# A program that waits for a file to go before it is what it is called.
HELD = """#!/bin/sh
: >{folder}/reached
while [ -e {folder}/hold ]; do sleep 0.05; done
exec {program} "$@"
"""

# A program that fails once for each time a file is put before it.
FAILING = """#!/bin/sh
if rm {folder}/fail 2>/dev/null; then exit 1; fi
exec {program} "$@"
"""


def published(host, container="80/tcp", address=""):
    return {"HostConfig": {"PortBindings": {container: [{"HostPort": str(host), "HostIp": address}]}}}


class Network(case.AgentCase):
    def answers(self, url, text):
        self.wait(lambda: (http_get(url) or "").strip() == text, f"{url} to answer {text!r}")

    def asks(self, name, url, text):
        """A module asks for a URL from inside until it gets this text."""
        # A call to an address whose owner has just gone is answered by nobody: it is made again.
        script = f"while :; do timeout 5 wget -q -O - {url}; sleep 0.2; done"
        self.deployed[name] = module(script)
        self.deploy(self.deployed)
        self.wait_output(name, text)

    @contextlib.contextmanager
    def nft_is(self, script):
        """A folder, before all others in the PATH of the agents that are started meanwhile, with this script as nft."""
        folder, path = tempfile.mkdtemp(dir=case.sandbox.work()), self.agent.environment["PATH"]
        services.write_file(folder + "/nft", script.format(folder=folder, program=shutil.which("nft")))
        os.chmod(folder + "/nft", 0o755)
        self.agent.environment["PATH"] = folder + ":" + path
        try:
            yield folder
        finally:
            self.agent.environment["PATH"] = path

    def setUp(self):
        super().setUp()
        self.deployed = {}

    def test_published_port_answers_on_loopback(self):
        self.deploy({"web": module(SERVE % "hello", options=published(8080))})
        self.answers("http://127.0.0.1:8080/", "hello")

    def test_published_port_of_a_removed_module_is_closed_and_free_again(self):
        self.deploy({"one": module(SERVE % "one", options=published(8081))})
        self.answers("http://127.0.0.1:8081/", "one")
        self.deploy({"two": module(SERVE % "two", options=published(8081))})
        self.answers("http://127.0.0.1:8081/", "two")
        self.deploy({})
        self.wait(lambda: http_get("http://127.0.0.1:8081/") is None, "the port to be closed")

    def test_port_published_on_one_address_is_not_on_others(self):
        subprocess.run(["ip", "address", "replace", "10.77.0.1/32", "dev", "lo"], check=True)
        self.deploy({"web": module(SERVE % "bound", options=published(8082, address="10.77.0.1"))})
        self.answers("http://10.77.0.1:8082/", "bound")
        self.assertIsNone(http_get("http://127.0.0.1:8082/"))

    def test_modules_find_each_other_by_name_and_alias(self):
        self.deployed["web"] = module(SERVE % "found", options={
            "NetworkingConfig": {"EndpointsConfig": {"azure-iot-edge": {"Aliases": ["shop"]}}}})
        self.asks("asker", "http://web/", "found")
        self.asks("other", "http://shop/", "found")

    def test_name_follows_a_module_to_its_new_address(self):
        self.deployed["web"] = module(SERVE % "first")
        self.asks("asker", "http://web/", "first")
        pid = self.pid("asker")
        self.deployed["web"] = module(SERVE % "second")
        self.deploy(self.deployed)
        self.wait_output("asker", "second")
        self.assert_undisturbed("asker", pid)

    def test_module_reaches_another_through_its_published_port(self):
        self.deployed["web"] = module(SERVE % "hairpin", options=published(8083))
        self.asks("asker", "http://$(ip route | sed -n 's/default via \\([0-9.]*\\).*/\\1/p'):8083/", "hairpin")

    def test_same_port_twice_is_refused_naming_both_modules(self):
        self.deploy({"one": module(SERVE % "one", options=published(8084), order=1),
                     "two": module(SERVE % "two", options=published(8084), order=2)})
        self.answers("http://127.0.0.1:8084/", "one")
        seen = self.wait_module("two", lambda m: "8084" in (m["description"] or ""), "to be refused")
        self.assertIn("one", seen["description"])
        self.assertNotEqual(seen["status"], "running")
        pid = self.pid("one")
        self.assert_undisturbed("one", pid, 1)
        # When the first gives the port up, the second gets it.
        self.deploy({"two": module(SERVE % "two", options=published(8084), order=2)})
        self.answers("http://127.0.0.1:8084/", "two")

    def test_host_mode_shares_the_hosts_network(self):
        self.deploy({"web": module(SERVE.replace("-p 80", "-p 8085") % "host",
                                   options={"HostConfig": {"NetworkMode": "host"}})})
        self.answers("http://127.0.0.1:8085/", "host")

    def test_none_mode_has_loopback_only(self):
        self.deploy({"alone": module("ip -o link | cut -d: -f2; echo end; " + case.IDLE,
                                     options={"HostConfig": {"NetworkMode": "none"}})})
        self.assertEqual(self.wait_output("alone", "end").split("end")[0].split(), ["lo"])

    def test_container_mode_shares_another_modules_network(self):
        self.deploy({"web": module(SERVE % "shared", order=1),
                     "side": module("while :; do wget -q -O - http://127.0.0.1/; sleep 0.3; done", order=2,
                                    options={"HostConfig": {"NetworkMode": "container:web"}})})
        self.wait_output("side", "shared")

    def test_extra_hosts_dns_and_hostname_are_written(self):
        self.deploy({"m": module("hostname; cat /etc/hosts /etc/resolv.conf; echo end; " + case.IDLE, options={
            "Hostname": "custom", "HostConfig": {"ExtraHosts": ["printer:10.1.2.3"], "Dns": ["10.9.9.9"],
                                                 "DnsSearch": ["plant.example"]}})})
        text = self.wait_output("m", "end")
        self.assertEqual(text.splitlines()[0], "custom")
        self.assertRegex(text, r"10\.1\.2\.3\s+printer")
        self.assertRegex(text, r"nameserver 10\.9\.9\.9")
        self.assertRegex(text, r"search plant\.example")

    def test_network_is_there_after_a_restart_of_the_agent(self):
        self.deploy({"web": module(SERVE % "still", options=published(8086))})
        self.answers("http://127.0.0.1:8086/", "still")
        pid = self.pid("web")
        self.agent.kill()
        self.answers("http://127.0.0.1:8086/", "still")
        self.agent.start()
        time.sleep(1)
        self.answers("http://127.0.0.1:8086/", "still")
        self.assert_undisturbed("web", pid)

    def test_lost_rules_come_back_with_the_agent(self):
        self.deploy({"web": module(SERVE % "again", options=published(8087))})
        self.answers("http://127.0.0.1:8087/", "again")
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        self.assertIsNone(http_get("http://127.0.0.1:8087/", timeout=1))
        self.restart_agent()
        self.answers("http://127.0.0.1:8087/", "again")

    def test_lost_rules_come_back_by_themselves(self):
        self.deploy({"web": module(SERVE % "kept", options=published(8091))})
        self.answers("http://127.0.0.1:8091/", "kept")
        pid = self.pid("web")
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        self.assertIsNone(http_get("http://127.0.0.1:8091/", timeout=1))
        mark = self.agent.size()
        self.containerd.kill()
        self.containerd.start()  # has containers listed at once, which else happens each minute
        self.answers("http://127.0.0.1:8091/", "kept")
        self.wait(lambda: self.agent.log_lines("rules of the module network were gone", mark), "the log to tell")
        self.assert_undisturbed("web", pid)

    def test_network_of_a_module_killed_behind_the_agents_back_is_given_back(self):
        self.deploy({"m": module(policy="always", options=published(8088))})
        pid, = self.wait_running("m")
        for _ in range(3):
            self.agent.kill()
            services.signal_pid(pid)
            self.agent.start()
            before = pid
            pid = self.wait(lambda: self.pid("m") if self.pid("m") != before else 0, "a new process")
        self.wait_running("m")
        self.wait(lambda: len(services.veths()) == 1, "the links of the dead to go")

    def test_a_module_that_ends_while_the_agent_looks_around_is_started_anew(self):
        """Its end comes after containerd has told that it runs, and before the agent knows that there is such a module."""
        self.deploy({"m": module(policy="always", options=published(8089))})
        pid, = self.wait_running("m")
        self.agent.kill()
        with self.nft_is(HELD) as folder:
            services.write_file(folder + "/hold", "")
            try:
                self.agent.start()
                self.wait(lambda: os.path.exists(folder + "/reached"), "the network to be restored")
                services.signal_pid(pid)
                self.wait(lambda: self.containerd.tasks().get("m", (0, ""))[1] == "STOPPED", "the module to end")
            finally:
                os.unlink(folder + "/hold")
        self.wait(lambda: self.pid("m") not in (0, pid), "a new process")

    def test_how_a_module_ended_counts_though_its_network_cannot_be_given_back(self):
        self.addCleanup(self.restart_agent)  # with the real one
        with self.nft_is(FAILING) as folder:
            self.restart_agent()
            self.deploy({"m": module('trap "exit 0" TERM; echo ready; while :; do sleep 3600 & wait $!; done',
                                     policy="on-failure", options=published(8092))})
            pid, = self.wait_running("m")
            self.wait_output("m", "ready")
            services.write_file(folder + "/fail", "")
            services.signal_pid(pid, signal.SIGTERM)
            self.wait(lambda: not os.path.exists(folder + "/fail"), "nft to fail")
            ended = self.wait_module("m", lambda m: m["status"] == "stopped" and m["applied"], "to stay down")
            self.assertEqual((ended["exitCode"], ended["restartCount"]), (0, 0), "it has done its work")
            self.deploy({"n": module(SERVE % "next", options=published(8092))})
            self.wait(lambda: http_get("http://127.0.0.1:8092/") == "next\n", "its port to be another's")


if __name__ == "__main__":
    case.main()
