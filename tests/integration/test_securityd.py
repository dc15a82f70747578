"""edge-securityd: provisioning, identities, the workload API, and life without a cloud."""
import base64
import datetime
import hmac
import json
import os
import socket
import subprocess
import sys
import unittest

import cgroups
import fake_cloud
import sandbox
import services
from sandbox import wait_for

DEVICE_KEY = b"0123456789abcdef0123456789abcdef"
VERSION = "api-version=2018-06-28"


def b64(data):
    return base64.b64encode(data).decode()


class Securityd(services.Service):
    def __init__(self, name, settings):
        work = f"{sandbox.work()}/{name}"
        os.makedirs(work, exist_ok=True)
        self.home, self.rundir, self.config = work + "/home", "/run/" + name, work + "/config.yaml"
        self.settings = {"hostname": "edge-1", "homedir": self.home, "rundir": self.rundir,
                         "watchdog": {"agent": False}, **settings}
        environment = dict(os.environ)
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99:abort_on_error=0")
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:exitcode=99")
        super().__init__(name, [os.path.join(services.BIN, "edge-securityd"), "--config", self.config], environment)
        self.configure()

    def configure(self, **changes):
        self.settings.update(changes)
        services.write_file(self.config, services.to_yaml(self.settings))
        os.chmod(self.config, 0o600)

    def ready(self):
        return os.path.exists(self.rundir + "/identity.sock") and self.identity("GET", "/device")[0] in (200, 503)

    def identity(self, method, path, body=None):
        return request(self.rundir + "/identity.sock", method, path, body)

    def device(self):
        """Wait until the device is provisioned; what the API says of it."""
        def probe():
            status, body = self.identity("GET", "/device")
            if status != 200:
                raise sandbox.Unmet(body)
            return body
        return wait_for(probe, 90, "the device to be provisioned")

    def workload(self, module, cgroup):
        status, body = self.identity("PUT", f"/modules/{module}/workload", {"cgroup": cgroup})
        if status != 200:
            raise AssertionError(body)
        return body["directory"] + "/workload.sock"

    def stop(self, timeout=60):
        code = super().stop(timeout)
        if code not in (None, 0):
            raise AssertionError(f"{self.name}: exit {code} after SIGTERM\n{self.tail()}")
        return code


def request(path, method, url, body=None, cgroup=None, kind="application/json", raw=None):
    """(status, JSON or None) of a request on a unix socket, by curl, in a cgroup if wanted."""
    command = ["curl", "-sS", "--max-time", "60", "--unix-socket", path, "-X", method, "-w", "\n%{http_code}",
               "http://localhost" + url]
    if body is not None or raw is not None:
        command += ["-H", "Content-Type: " + kind, "--data-binary", "@-"]

    def join():
        for point, options, _ in cgroups.hierarchies() if cgroup else ():
            if "cpuset" in options:
                continue  # has to be told which processors it may use
            os.makedirs(point + cgroup, exist_ok=True)
            with open(f"{point}{cgroup}/cgroup.procs", "w") as file:
                file.write("0")

    done = subprocess.run(command, input=raw if raw is not None else None if body is None else json.dumps(body).encode(),
                          capture_output=True, preexec_fn=join)
    text, _, status = done.stdout.decode().rpartition("\n")
    return int(status or 0), json.loads(text) if text else None


class Case(unittest.TestCase):
    name = "edge"

    @classmethod
    def setUpClass(cls):
        cls.cloud = fake_cloud.Cloud(sandbox.work())
        cls.addClassCleanup(cls.cloud.stop)
        cls.cloud.devices["edge-1"] = DEVICE_KEY
        cls.daemon = Securityd(cls.name, cls.provisioning())
        cls.addClassCleanup(cls.end)
        cls.daemon.start()

    @classmethod
    def end(cls):
        cls.daemon.stop()
        complaints = cls.daemon.complaints()
        if complaints:
            raise AssertionError(complaints)

    @classmethod
    def provisioning(cls):
        return {"provisioning": {"source": "manual", "device_connection_string":
                                 f"HostName={fake_cloud.HOST};DeviceId=edge-1;SharedAccessKey={b64(DEVICE_KEY)}"},
                "cloud": {"trusted_ca": f"{sandbox.work()}/{fake_cloud.HOST}.pem"}}

    def run(self, result=None):
        mark, before = self.daemon.size(), len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(f"\n--- what {self.id()} left in the log\n{self.daemon.tail(30, mark)}", flush=True)
        return result

    def call(self, socket, method, path, body=None, cgroup=None, expect=200, **more):
        status, answer = request(socket, method, path, body, cgroup, **more)
        self.assertEqual(status, expect, f"{method} {path}: {answer}")
        return answer


class Manual(Case):
    name = "manual"

    def module(self, name):
        """(socket, cgroup, identity) of a module that exists."""
        self.daemon.device()
        status, identity = self.daemon.identity("POST", "/identities", {"moduleId": name})
        self.assertEqual(status, 200, identity)
        cgroup = "/edge/" + name
        return self.daemon.workload(name, cgroup), cgroup, identity

    def test_the_device_says_who_it_is(self):
        self.assertEqual(self.daemon.device(), {
            "hubName": fake_cloud.HOST, "deviceId": "edge-1", "hostname": "edge-1", "authType": "sas",
            "generationId": self.cloud.modules["$edgeAgent"]["generationId"]})

    def test_identities_are_made_listed_and_deleted(self):
        self.daemon.device()
        status, made = self.daemon.identity("POST", "/identities", {"moduleId": "made", "managedBy": "IotEdge"})
        self.assertEqual((status, made["managedBy"], made["authType"]), (200, "IotEdge", "sas"))
        self.assertEqual(made["generationId"], self.cloud.modules["made"]["generationId"])
        asked = len(self.cloud.requests)
        self.assertEqual(self.daemon.identity("POST", "/identities", {"moduleId": "made"}), (200, made))
        self.assertEqual(len(self.cloud.requests), asked, "what is known was asked for again")
        listed = self.daemon.identity("GET", "/identities")[1]["identities"]
        self.assertIn(made, listed)
        self.assertEqual(self.daemon.identity("DELETE", "/identities/made"), (204, None))
        self.assertEqual(self.daemon.identity("DELETE", "/identities/made"), (204, None))
        self.assertNotIn("made", self.cloud.modules)
        self.assertNotIn(made, self.daemon.identity("GET", "/identities")[1]["identities"])

    def test_a_signature_is_made_with_the_key_that_the_cloud_has(self):
        socket, cgroup, identity = self.module("signer")
        asked = len(self.cloud.requests)
        path = f"/modules/signer/genid/{identity['generationId']}/sign?{VERSION}"
        answer = self.call(socket, "POST", path, {"keyId": "primary", "algo": "HMACSHA256", "data": b64(b"to sign")},
                           cgroup)
        keys = self.cloud.modules["signer"]["authentication"]["symmetricKey"]
        key = base64.b64decode(keys["primaryKey"])
        self.assertEqual(answer["digest"], b64(hmac.digest(key, b"to sign", "sha256")))
        self.assertEqual(len(self.cloud.requests), asked, "signing asked the cloud")
        with open(self.daemon.home + "/keys/master-identity", "rb") as file:
            master = file.read()
        text = f"signer:{identity['generationId']}:primary"
        self.assertEqual(key, hmac.digest(master, text.encode(), "sha256"))
        self.assertNotEqual(keys["secondaryKey"], keys["primaryKey"])

    def test_bytes_come_back_for_their_module_and_vector_alone(self):
        socket, cgroup, _ = self.module("sealer")
        base = "/modules/sealer/genid/g1/"
        ask = {"plaintext": b64(b"secret"), "initializationVector": b64(b"iv")}
        first = self.call(socket, "POST", f"{base}encrypt?{VERSION}", ask, cgroup)["ciphertext"]
        second = self.call(socket, "POST", f"{base}encrypt?{VERSION}", ask, cgroup)["ciphertext"]
        self.assertNotEqual(first, second, "the same vector gave the same bytes")
        back = {"ciphertext": first, "initializationVector": b64(b"iv")}
        self.assertEqual(self.call(socket, "POST", f"{base}decrypt?{VERSION}", back, cgroup),
                         {"plaintext": b64(b"secret")})
        self.call(socket, "POST", f"/modules/sealer/genid/g2/decrypt?{VERSION}", back, cgroup, expect=400)
        self.call(socket, "POST", f"{base}decrypt?{VERSION}", {**back, "initializationVector": b64(b"vi")}, cgroup,
                  expect=400)
        broken = b64(base64.b64decode(first)[:-1] + b"x")
        self.call(socket, "POST", f"{base}decrypt?{VERSION}", {**back, "ciphertext": broken}, cgroup, expect=400)

    def openssl(self, *arguments, stdin=None):
        done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_certificates_lead_to_the_trust_bundle(self):
        socket, cgroup, _ = self.module("certs")
        bundle = self.call(socket, "GET", f"/trust-bundle?{VERSION}", None, cgroup)["certificate"]
        server = self.call(socket, "POST", f"/modules/certs/genid/g/certificate/server?{VERSION}",
                           {"commonName": "edge-1", "expiration": "2020-01-01T00:00:00Z"}, cgroup, expect=201)
        client = self.call(socket, "POST", f"/modules/certs/certificate/identity?{VERSION}", {}, cgroup, expect=201)
        ca = sandbox.work() + "/bundle.pem"
        services.write_file(ca, bundle)
        for answer, purpose in ((server, "sslserver"), (client, "sslclient")):
            leaf = sandbox.work() + "/leaf.pem"
            services.write_file(leaf, answer["certificate"])
            self.openssl("verify", "-purpose", purpose, "-CAfile", ca, "-untrusted", leaf, leaf)
            text = self.openssl("x509", "-in", leaf, "-noout", "-pubkey")
            self.assertEqual(text, self.openssl("pkey", "-pubout", stdin=answer["privateKey"]["bytes"]))
            self.assertEqual(answer["privateKey"]["type"], "key")
            end = datetime.datetime.fromisoformat(answer["expiration"][:19])
            self.assertAlmostEqual((end - datetime.datetime.utcnow()).total_seconds(), 30 * 86400, delta=300)
        services.write_file(leaf, server["certificate"])
        names = self.openssl("x509", "-in", leaf, "-noout", "-subject", "-ext", "subjectAltName")
        self.assertIn("CN = edge-1", names)
        self.assertIn("DNS:edge-1, DNS:certs", names)
        services.write_file(leaf, client["certificate"])
        names = self.openssl("x509", "-in", leaf, "-noout", "-subject", "-ext", "subjectAltName")
        self.assertIn("CN = certs", names)
        self.assertIn(f"URI:azureiot://{fake_cloud.HOST}/devices/edge-1/modules/certs", names)

    def test_wrong_requests_have_the_statuses_of_iot_edge(self):
        socket, cgroup, _ = self.module("wrong")
        sign = "/modules/wrong/genid/g/sign"
        good = {"keyId": "primary", "algo": "HMACSHA256", "data": b64(b"x")}
        for method, path, body, status, word in (
                ("GET", "/trust-bundle", None, 400, "api-version not specified"),
                ("GET", "/trust-bundle?api-version=2017-01-01", None, 400, "api-version"),
                ("GET", f"/nothing?{VERSION}", None, 404, "not found"),
                ("DELETE", f"/trust-bundle?{VERSION}", None, 405, "method not allowed"),
                ("POST", f"{sign}?{VERSION}", {"data": "not base64"}, 422, "data"),
                ("POST", f"{sign}?{VERSION}", {}, 422, "data"),
                ("POST", f"/modules/other/genid/g/sign?{VERSION}", good, 403, "forbidden"),
                ("POST", f"/modules/wrong/genid/g/certificate/server?{VERSION}", {"commonName": "x" * 65}, 500, "64")):
            answer = self.call(socket, method, path, body, cgroup, expect=status)
            self.assertIn(word, answer["message"])
        self.call(socket, "POST", f"{sign}?{VERSION}", None, cgroup, expect=422, raw=b"{not json")
        self.call(socket, "POST", f"{sign}?{VERSION}", None, cgroup, expect=422, raw=b"[]")
        self.call(socket, "POST", f"{sign}?{VERSION}", good, cgroup, expect=415, kind="text/plain")
        self.call(socket, "POST", f"{sign}?{VERSION}", None, cgroup, expect=413, raw=b" " * (1 << 20) + b"{}")
        for version in ("2018-06-28", "2019-01-30", "2019-10-22", "2019-11-05", "2020-07-07", "2021-12-07",
                        "2022-08-03"):
            self.call(socket, "POST", f"{sign}?api-version={version}", good, cgroup)
        self.assertEqual(self.call(socket, "GET", f"/manifest-trust-bundle?{VERSION}", None, cgroup),
                         {"certificate": ""})

    def test_who_is_not_in_the_modules_cgroup_is_refused(self):
        socket, cgroup, _ = self.module("guarded")
        url = f"/trust-bundle?{VERSION}"
        self.call(socket, "GET", url, None, cgroup)
        self.call(socket, "GET", url, None, cgroup + "/below")
        self.call(socket, "GET", url, None, cgroup + "2", expect=403)
        self.call(socket, "GET", url, expect=403)

    def test_a_modules_folder_survives_a_restart_and_opens_to_any_user(self):
        socket, cgroup, identity = self.module("lasting")
        folder = os.path.dirname(socket)
        before = os.stat(folder).st_ino
        self.assertEqual((os.stat(folder).st_mode & 0o777, os.stat(socket).st_mode & 0o777), (0o755, 0o666))
        self.assertEqual(os.stat(os.path.dirname(folder)).st_mode & 0o777, 0o700)
        for end in (self.daemon.kill, self.daemon.stop):
            end()
            self.daemon.start()
            self.assertEqual(os.stat(folder).st_ino, before)
            self.call(socket, "GET", f"/trust-bundle?{VERSION}", None, cgroup)
        self.assertEqual(self.daemon.workload("lasting", "/edge/other"), socket)
        self.call(socket, "GET", f"/trust-bundle?{VERSION}", None, cgroup, expect=403)
        self.assertEqual(self.daemon.identity("DELETE", "/modules/lasting/workload")[0], 204)
        self.assertFalse(os.path.exists(folder))

    def test_without_a_cloud_the_device_works_from_what_it_knows(self):
        socket, cgroup, identity = self.module("offline")
        listed = self.daemon.identity("GET", "/identities")
        self.daemon.stop()
        self.cloud.stop()
        try:
            self.daemon.start()
            self.assertEqual(self.daemon.device()["deviceId"], "edge-1")
            self.assertEqual(self.daemon.identity("GET", "/identities"), listed)
            self.assertEqual(self.daemon.identity("POST", "/identities", {"moduleId": "offline"}), (200, identity))
            update = {"generationId": identity["generationId"]}
            self.assertEqual(self.daemon.identity("PUT", "/identities/offline", update), (200, identity))
            status, answer = self.daemon.identity("POST", "/identities", {"moduleId": "unheard"})
            self.assertEqual(status, 503, answer)
            path = f"/modules/offline/genid/x/sign?{VERSION}"
            self.call(socket, "POST", path, {"data": b64(b"x")}, cgroup)
        finally:
            self.cloud.start()
            self.daemon.stop()
            self.daemon.start()
        self.daemon.device()

    def test_a_throttled_cloud_is_not_asked_again_at_once(self):
        self.module("throttled")
        self.cloud.fail = 429
        try:
            self.assertEqual(self.daemon.identity("POST", "/identities", {"moduleId": "later"})[0], 429)
            asked = len(self.cloud.requests)
            status, answer = self.daemon.identity("POST", "/identities", {"moduleId": "later"})
            self.assertEqual(status, 503)
            self.assertRegex(answer["message"], r"asked again in \d+ s")
            self.assertEqual(self.daemon.identity("GET", "/identities")[0], 200)
            self.assertEqual(len(self.cloud.requests), asked, "asked while throttled")
        finally:
            self.cloud.fail = 0
            self.daemon.stop()
            self.daemon.start()

    def test_nothing_secret_is_readable_or_logged(self):
        socket, cgroup, _ = self.module("private")
        self.call(socket, "GET", f"/trust-bundle?{VERSION}", None, cgroup)
        for name in ("root.key.pem", "ca.key.pem"):
            self.assertEqual(os.stat(f"{self.daemon.home}/certs/{name}").st_mode & 0o777, 0o600)
        modes = {name: os.stat(f"{self.daemon.home}/keys/{name}").st_mode & 0o777
                 for name in os.listdir(self.daemon.home + "/keys")}
        self.assertEqual(modes, {"master-identity": 0o600, "master-encryption": 0o600})
        self.assertEqual(os.stat(self.daemon.home + "/keys").st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(self.daemon.home + "/certs").st_mode & 0o777, 0o700)
        self.assertNotIn(b64(DEVICE_KEY), self.daemon.text())
        self.assertNotIn("SharedAccess", self.daemon.text())

    def test_the_daemon_has_given_up_what_it_does_not_need(self):
        def lines(name):
            with open(f"/proc/{self.daemon.process.pid}/{name}") as file:
                return file.read().splitlines()

        status = dict(line.split(":\t", 1) for line in lines("status") if ":\t" in line)
        self.assertEqual(int(status["CapEff"], 16), 1 << 2, "more than CAP_DAC_READ_SEARCH")
        self.assertEqual(int(status["CapBnd"], 16), 0)
        self.assertEqual((status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("1", "2"))
        options = {line.split()[4]: line.split()[5] for line in lines("mountinfo")}
        self.assertTrue(options["/"].startswith("ro"), options["/"])
        self.assertTrue(options[self.daemon.home].startswith("rw"), options)

    def test_a_second_daemon_on_the_same_home_is_refused(self):
        other = subprocess.run(self.daemon.command, capture_output=True, text=True, timeout=30,
                               env=self.daemon.environment)
        self.assertEqual(other.returncode, 1, other.stderr)
        self.assertIn("another edge-securityd", other.stderr)

    def test_a_refused_configuration_is_exit_code_153(self):
        path = sandbox.work() + "/bad.yaml"
        services.write_file(path, "provisioning: {source: manual}\n")
        done = subprocess.run([self.daemon.command[0], "--config", path], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 153, done.stderr)
        self.assertIn("device_connection_string", done.stderr)


class Dps(Case):
    name = "dps"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.registrations["reg-1"] = (DEVICE_KEY, "edge-1")

    @classmethod
    def provisioning(cls):
        manual = Case.provisioning()
        return {**manual, "provisioning": {
            "source": "dps", "global_endpoint": "https://" + fake_cloud.HOST, "scope_id": "0ne1",
            "attestation": {"method": "symmetric_key", "registration_id": "reg-1", "symmetric_key": b64(DEVICE_KEY)},
            "dynamic_reprovisioning": True}}

    def test_the_device_is_assigned_remembered_and_moved(self):
        self.assertEqual(self.daemon.device()["deviceId"], "edge-1")
        self.assertEqual(self.cloud.count("PUT /0ne1/registrations/reg-1/register"),
                         len([r for r in self.cloud.requests if "register" in r and "PUT" in r]))
        self.daemon.stop()
        self.cloud.stop()
        try:
            self.daemon.start()
            self.assertEqual(self.daemon.device()["deviceId"], "edge-1", "no boot without DPS")
        finally:
            self.cloud.start()
        self.cloud.devices["edge-2"] = DEVICE_KEY
        self.cloud.registrations["reg-1"] = (DEVICE_KEY, "edge-2")
        self.assertEqual(self.daemon.identity("POST", "/device/reprovision")[0], 204)
        wait_for(lambda: self.daemon.device()["deviceId"] == "edge-2", 90, "the device to be edge-2")
        self.assertEqual(self.daemon.identity("GET", "/identities")[0], 200)


class Manager(unittest.TestCase):
    def test_systemd_is_told_and_ssl_cert_file_is_trusted(self):
        cloud = fake_cloud.Cloud(sandbox.work())
        self.addCleanup(cloud.stop)
        cloud.devices["edge-1"] = DEVICE_KEY
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(sandbox.work() + "/notify")
        listener.settimeout(60)
        daemon = Securityd("managed", {"provisioning": Case.provisioning()["provisioning"]})
        daemon.environment.update(NOTIFY_SOCKET=sandbox.work() + "/notify", SSL_CERT_FILE=cloud.cert)
        daemon.start()
        try:
            self.assertIn(b"READY=1", listener.recv(4096).split(b"\n"))
            self.assertEqual(listener.recv(4096), f"STATUS=provisioned as edge-1 at {fake_cloud.HOST}".encode())
        finally:
            daemon.stop()
        self.assertEqual(listener.recv(4096), b"STOPPING=1")


def make_token(folder):
    """A SoftHSM token `edge` with an EC key `device` in it; its environment and the key's URI."""
    os.makedirs(folder + "/tokens")
    services.write_file(folder + "/softhsm.conf", f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    environment = dict(os.environ, SOFTHSM2_CONF=folder + "/softhsm.conf")
    key = folder + "/key.pem"
    for command in (["softhsm2-util", "--init-token", "--free", "--label", "edge", "--so-pin", "9999", "--pin", "4321"],
                    ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key],
                    ["softhsm2-util", "--import", key, "--token", "edge", "--label", "device", "--id", "01", "--pin",
                     "4321"]):
        subprocess.run(command, env=environment, check=True, capture_output=True)
    return environment, "pkcs11:token=edge;object=device;type=private?pin-value=4321", key


class Certificates(unittest.TestCase):
    """Devices that prove who they are by a certificate, whose key is in a file or in a token."""

    @classmethod
    def setUpClass(cls):
        cls.folder = sandbox.work() + "/x509"
        os.makedirs(cls.folder)
        cls.cloud = fake_cloud.Cloud(cls.folder)
        cls.addClassCleanup(cls.cloud.stop)
        cls.environment, cls.uri, cls.key = make_token(cls.folder + "/token")
        cls.cert = cls.folder + "/device.pem"
        subprocess.run(["openssl", "req", "-x509", "-new", "-key", cls.key, "-subj", "/CN=reg-x", "-days", "2", "-out",
                        cls.cert], check=True, capture_output=True)
        cls.cloud.trust_clients(cls.cert)
        text = subprocess.run(["openssl", "x509", "-in", cls.cert, "-noout", "-fingerprint", "-sha1"], check=True,
                              capture_output=True, text=True).stdout
        thumbprint = text.strip().split("=")[1].replace(":", "").lower()
        cls.cloud.devices["edge-x"] = {thumbprint}
        cls.cloud.registrations["reg-x"] = ({thumbprint}, "edge-x")

    def provisions(self, name, provisioning, **more):
        daemon = Securityd(name, {"provisioning": provisioning, "cloud": {"trusted_ca": self.cloud.cert}, **more})
        daemon.environment.update(SOFTHSM2_CONF=self.environment["SOFTHSM2_CONF"])
        daemon.start()
        try:
            device = daemon.device()
            self.assertEqual((device["deviceId"], device["authType"]), ("edge-x", "x509"))
            self.assertEqual(daemon.identity("POST", "/identities", {"moduleId": "m-" + name})[0], 200)
            self.assertIn("m-" + name, self.cloud.modules)
        except AssertionError:
            print(daemon.tail())
            raise
        finally:
            daemon.stop()
        self.assertEqual(daemon.complaints(), "")
        return daemon

    def by_hand(self, key):
        return {"source": "manual", "authentication": {
            "method": "x509", "iothub_hostname": fake_cloud.HOST, "device_id": "edge-x",
            "identity_cert": "file://" + self.cert, "identity_pk": key}}

    def test_a_key_in_a_file(self):
        self.provisions("byfile", self.by_hand("file://" + self.key))

    def test_a_key_in_a_token(self):
        daemon = self.provisions("bytoken", self.by_hand(self.uri), keys={
            "pkcs11": "pkcs11:token=edge?pin-value=4321", "token_files": self.folder + "/token/tokens"})
        self.assertEqual(os.listdir(daemon.home + "/keys"), [], "keys outside of the token")

    def test_dps_takes_the_name_from_the_certificate(self):
        self.provisions("bydps", {
            "source": "dps", "global_endpoint": "https://" + fake_cloud.HOST, "scope_id": "0ne1",
            "attestation": {"method": "x509", "identity_cert": self.cert, "identity_pk": self.key}})
        self.assertTrue(self.cloud.count("PUT /0ne1/registrations/reg-x/register"))


class Watched(unittest.TestCase):
    """The daemon and the agent it keeps; containerd is not needed for that."""

    def setUp(self):
        self.daemon = Securityd("watched", {"provisioning": {"source": "file", "deployment": sandbox.work() + "/deployment.json"},
                                            "watchdog": {"agent": True}})
        self.daemon.ready = lambda: os.path.exists(self.daemon.rundir + "/identity.sock") and self.processes("edge-agent")
        self.daemon.start()
        self.addCleanup(self.end)

    def end(self):
        self.daemon.stop()
        self.assertEqual(self.daemon.complaints(), "")
        self.assertEqual(self.processes("edge-agent"), [], "the agent was left behind")
        wait_for(lambda: not self.processes("edge-securityd"), 40, "the launcher to end")

    def processes(self, name):
        """Pids of programs of that name with our configuration."""
        return [pid for pid, words in services.processes()
                if words and os.path.basename(words[0]) == name and self.daemon.config in words]

    def agent(self, other_than=None):
        def probe():
            found = [pid for pid in self.processes("edge-agent") if pid != other_than]
            return len(found) == 1 and found[0]
        return wait_for(probe, 60, "an agent")

    def launcher(self):
        return [pid for pid in self.processes("edge-securityd") if pid != self.daemon.process.pid][0]

    def answers(self):
        socket = self.daemon.rundir + "/mgmt.sock"
        return os.path.exists(socket) and request(socket, "GET", "/systeminfo?api-version=2022-08-03")[0] == 200

    def test_an_agent_that_is_killed_comes_back(self):
        first = self.agent()
        wait_for(self.answers, 60, "the agent to answer")
        os.kill(first, 9)
        self.agent(other_than=first)
        self.assertIsNone(self.daemon.process.poll())

    def test_nobody_but_the_agent_is_told_about_the_device(self):
        self.agent()
        wait_for(lambda: "edge-agent started" in self.daemon.text(), 40, "the agent to be known")
        self.assertEqual(self.daemon.identity("GET", "/device"), (403, {"message": "forbidden"}))

    def test_the_agent_goes_with_a_daemon_that_is_killed_and_comes_with_the_next(self):
        first = self.agent()
        wait_for(self.answers, 60, "the agent to answer")
        self.daemon.kill()
        wait_for(lambda: not self.processes("edge-agent"), 60, "the agent to end")
        self.daemon.start()
        self.agent(other_than=first)

    def test_an_agent_left_behind_is_ended_and_followed_by_another(self):
        first = self.agent()
        wait_for(self.answers, 60, "the agent to answer")
        os.kill(self.launcher(), 9)
        wait_for(lambda: not self.daemon.running(), 60, "a daemon without its launcher to end")
        self.assertEqual(self.processes("edge-agent"), [first])
        self.daemon.start()
        self.agent(other_than=first)
        self.assertIn("left behind", self.daemon.text())


def main():
    sandbox.enter()
    unittest.main(module=sys.modules["__main__"], verbosity=2)


if __name__ == "__main__":
    main()
