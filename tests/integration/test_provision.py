"""edge-securityd is provisioned by each way there is, and the agent that it starts runs modules by it."""
import base64
import hashlib
import subprocess

import cloud_case
import sandbox
from cloud import Hub
from cloud_case import DPS, HUB, IDLE, PATIENCE, env_of, module
from sandbox import wait_for

SCOPE = "0ne00000001"
KEY = base64.b64encode(hashlib.sha256(b"enrollment").digest()).decode()


def certificate(name):
    """A self-signed certificate of this name: (its file, the file of its key)."""
    cert, key = f"{sandbox.work()}/{name}.pem", f"{sandbox.work()}/{name}.key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=" + name, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def thumbprint(cert):
    done = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256"], check=True,
                          capture_output=True, text=True)
    return done.stdout.strip().split("=")[1].replace(":", "").lower()


class Provision(cloud_case.CloudCase):
    def works(self):
        """A deployment for the device, whoever it is now, comes true."""
        self.deploy({"m": module("env; " + IDLE)})
        wait_for(lambda: "m" in self.identities(), PATIENCE, "the module's identity")
        identity = self.identities()["m"]
        self.assertEqual(identity["managedBy"], "IotEdge")
        self.wait_output("m", "IOTEDGE_MODULEGENERATIONID=" + identity["generationId"])
        told = env_of(self.wait_output("m", "started"))  # behind all of `env`
        self.assertEqual(told["IOTEDGE_DEVICEID"], self.device_id)
        wait_for(lambda: self.pids("m")["m"], PATIENCE, "m to run")
        self.wait_running("m", timeout=90)

    def enroll(self, name, attestation):
        Hub(self.hub.login.replace(HUB, DPS), self.hub.ca).ok("PUT", f"/enrollments/{name}", {
            "registrationId": name, "attestation": attestation, "capabilities": {"iotEdge": True},
            "initialTwin": {"tags": {"site": name}}})

    def dps(self, **attestation):
        self.provision(source="dps", global_endpoint="https://" + DPS, scope_id=SCOPE, attestation=attestation)

    def assigned(self, name):
        wait_for(lambda: any(d["deviceId"] == name for d in self.hub.service.ok("GET", "/devices")), PATIENCE, name + " to be assigned")
        self.device_id = name

    def boots_offline(self):
        self.hub.stop()
        try:
            self.power_off()
            self.security.start(60)
            wait_for(lambda: self.pids("m")["m"], PATIENCE, "m to run without DPS and IoT Hub")
        finally:
            if not self.hub.running():
                self.hub.start()
        self.wait_running("m", timeout=90)

    def test_by_hand_with_a_certificate(self):
        cert, key = certificate("by-hand")
        self.hub.service.ok("PUT", "/devices/by-hand", {
            "deviceId": "by-hand", "capabilities": {"iotEdge": True},
            "authentication": {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": thumbprint(cert).upper(),
                                                                        "secondaryThumbprint": thumbprint(cert).upper()}}})
        self.device_id = "by-hand"
        self.provision(source="manual", authentication={
            "method": "x509", "iothub_hostname": HUB, "device_id": "by-hand", "identity_cert": "file://" + cert,
            "identity_pk": "file://" + key})
        self.works()
        self.boots_offline()

    def test_by_dps_with_a_key_and_without_it_again(self):
        self.enroll("reg-key", {"type": "symmetricKey", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}})
        self.dps(method="symmetric_key", registration_id="reg-key", symmetric_key=KEY)
        self.assigned("reg-key")
        self.works()
        self.assertEqual(self.hub.service.ok("GET", "/twins/reg-key")["tags"], {"site": "reg-key"})
        self.boots_offline()

    def test_by_dps_with_a_certificate(self):
        cert, key = certificate("reg-cert")
        with open(cert) as file:
            pem = file.read()
        self.enroll("reg-cert", {"type": "x509", "x509": {"clientCertificates": {"primary": {"certificate": pem}}}})
        self.dps(method="x509", identity_cert=cert, identity_pk=key)
        self.assigned("reg-cert")
        self.works()
        self.boots_offline()

    def test_a_wrong_key_is_told_and_put_right_by_the_operator(self):
        self.enroll("reg-wrong", {"type": "symmetricKey", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}})
        mark = self.security.size()
        self.dps(method="symmetric_key", registration_id="reg-wrong",
                 symmetric_key=base64.b64encode(b"not the key" * 3).decode())
        wait_for(lambda: "not provisioned yet" in self.security.text(mark), PATIENCE, "the log to say so")
        self.dps(method="symmetric_key", registration_id="reg-wrong", symmetric_key=KEY)
        self.assigned("reg-wrong")
        self.works()


if __name__ == "__main__":
    cloud_case.main()
