"""What an operator asks for by direct method arrives in storage: module logs, a support bundle. The device, its cloud and
the storage are real programs; the storage is Microsoft's own emulator from npm."""
import io
import json
import os
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import cloud_case  # noqa: E402
import sandbox  # noqa: E402
from azurite import Azurite  # noqa: E402
from cloud_case import DEVICE, HUB, IDLE, PATIENCE, module  # noqa: E402
from sandbox import Unmet, wait_for  # noqa: E402


class Upload(cloud_case.CloudCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.azurite = Azurite(sandbox.work() + "/azurite")
        cls.addClassCleanup(cls.azurite.stop)

    def setUp(self):
        self.deploy({"cam": module("echo first line; echo second line; " + IDLE)})
        self.wait_running("cam")
        self.wait_output("cam", "second line")

    def task(self, method, container, **more):
        """Call, and ask how the task goes until it is complete; the blobs that are there then."""
        url = self.azurite.make(container)
        status, answer = self.hub.service.method(DEVICE, method, {"schemaVersion": "1.0", "sasUrl": url, **more})
        self.assertEqual((status, answer["status"]), (200, 200), answer)
        self.assertNotIn("sig=", json.dumps(answer))

        def complete():
            asked = self.hub.service.method(DEVICE, "GetTaskStatus", {
                "schemaVersion": "1.0", "correlationId": answer["payload"]["correlationId"]})[1]["payload"]
            if asked["status"] == "Completed":
                return True
            self.assertNotEqual(asked["status"], "Failed", asked)
            raise Unmet(asked)
        wait_for(complete, PATIENCE, f"{method} to complete", every=0.2)
        self.assertNotIn("sig=", self.security.text())
        return self.azurite.blobs(container)

    def test_module_logs_are_uploaded(self):
        name, = self.task("UploadModuleLogs", "logs", items=[{"id": "cam", "filter": {"tail": 10}}], encoding="none", contentType="text")
        self.assertRegex(name, rf"^{HUB}/{DEVICE}/cam-\d{{4}}-\d\d-\d\d--\d\d-\d\d-\d\d\.log$")
        self.assertEqual(self.azurite.blob("logs", name)[1].decode().splitlines()[:2], ["first line", "second line"])

    def test_a_support_bundle_is_uploaded(self):
        name, = self.task("UploadSupportBundle", "bundle")
        self.assertRegex(name, rf"^{HUB}/{DEVICE}/support-bundle-.*\.zip$")
        bundle = zipfile.ZipFile(io.BytesIO(self.azurite.blob("bundle", name)[1]))
        self.assertIsNone(bundle.testzip())
        self.assertIn("second line", bundle.read("logs/cam_log.txt").decode())
        self.assertIn(self.hub.reported(DEVICE)["modules"]["cam"]["settings"]["image"], bundle.read("inspect/cam.json").decode())
        checks = json.loads(bundle.read("check.json"))
        self.assertTrue(checks, "the agent's own checks are in it")
        self.assertTrue(bundle.read("network/rules.txt"))


if __name__ == "__main__":
    cloud_case.main()
