"""Uploads of logs and support bundles into Microsoft's own storage emulator, unmodified."""
import gzip
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import zipfile

from azurite import Azurite, container_sas

DRIVER = sys.argv.pop(1)
class Blob(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="edge-blob-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.azurite = Azurite(os.path.join(cls.folder.name, "azurite"))
        cls.addClassCleanup(cls.azurite.stop)

    def setUp(self):
        self.container = re.sub(r"[^a-z]", "", self.id().split(".")[-1])[:40]
        self.url = self.azurite.make(self.container)
        self.logs = tempfile.TemporaryDirectory(dir=self.folder.name)
        self.addCleanup(self.logs.cleanup)

    def blobs(self):
        return self.azurite.blobs(self.container)

    def blob(self, name):
        return self.azurite.blob(self.container, name)

    def log(self, module, lines):
        os.makedirs(os.path.join(self.logs.name, module), exist_ok=True)
        with open(os.path.join(self.logs.name, module, "module.log"), "a", encoding="utf-8") as file:
            for second, line in enumerate(lines):
                at = f"2024-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000000Z"
                file.write(json.dumps({"log": line + "\n", "stream": "stdout", "time": at}, separators=(",", ":")) + "\n")

    def call(self, method, sas=None, **more):
        sas = sas or self.url
        payload = json.dumps({"schemaVersion": "1.0", "sasUrl": sas, **more})
        done = subprocess.run([DRIVER, self.logs.name, method, payload], capture_output=True, text=True, timeout=120, check=True)
        self.assertNotIn("sig=", done.stdout + done.stderr)
        self.assertNotIn(urllib.parse.parse_qs(sas)["sig"][0], done.stdout + done.stderr)
        return done.stdout.splitlines()

    def assert_completed(self, lines):
        status, body = lines[0].split(" ", 1)
        self.assertEqual(status, "200")
        self.assertEqual(json.loads(body)["status"], "Running")
        self.assertEqual(lines[1].strip(), "Completed")

    def test_text_becomes_an_append_blob(self):
        self.log("cam", ["one", "two"])
        self.assert_completed(self.call("UploadModuleLogs", items={"id": "cam"}))
        name, = self.blobs()
        self.assertRegex(name, r"^hub\.test/edge1/cam-\d{4}-\d\d-\d\d--\d\d-\d\d-\d\d\.log$")
        headers, body = self.blob(name)
        self.assertEqual(body, b"one\ntwo\n")
        self.assertEqual(headers["x-ms-blob-type"], "AppendBlob")
        self.assertEqual(headers["Content-Type"], "text/plain")

    def test_much_text_is_whole_and_in_order(self):
        lines = [f"{n} " + "x" * 90 for n in range(40000)]
        self.log("cam", lines)
        self.assert_completed(self.call("UploadModuleLogs", items={"id": "cam"}))
        _, body = self.blob(self.blobs()[0])
        self.assertEqual(body.decode().splitlines(), lines)

    def test_packed_text_unpacks(self):
        self.log("cam", ["one", "two"])
        self.assert_completed(self.call("UploadModuleLogs", items={"id": "cam"}, encoding="gzip"))
        name, = self.blobs()
        self.assertTrue(name.endswith(".log.gz"))
        headers, body = self.blob(name)
        self.assertEqual(gzip.decompress(body), b"one\ntwo\n")
        self.assertEqual(headers["Content-Encoding"], "gzip")

    def test_json_becomes_a_block_blob_each(self):
        self.log("cam", ["<3> bad", "fine"])
        self.log("other", ["x"])
        self.assert_completed(self.call("UploadModuleLogs", contentType="json",
                                        items=[{"id": "cam", "filter": {"loglevel": 3}}, {"id": "all"}]))
        cam, other = self.blobs()
        headers, body = self.blob(cam)
        self.assertTrue(cam.endswith(".json"))
        self.assertEqual(headers["x-ms-blob-type"], "BlockBlob")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual([(line["text"], line["loglevel"]) for line in json.loads(body)], [("bad", 3)])
        self.assertEqual([line["id"] for line in json.loads(self.blob(other)[1])], ["other"])

    def test_json_of_many_blocks(self):
        self.log("cam", [f"{n} " + "x" * 90 for n in range(20000)])
        self.assert_completed(self.call("UploadModuleLogs", contentType="json", items={"id": "cam"}))
        _, body = self.blob(self.blobs()[0])
        self.assertEqual(len(json.loads(body)), 20000)

    def test_a_support_bundle_holds_logs_modules_and_checks(self):
        self.log("cam", ["one"])
        self.log("edgeHub", ["two"])
        self.assert_completed(self.call("UploadSupportBundle"))
        name, = self.blobs()
        self.assertRegex(name, r"^hub\.test/edge1/support-bundle-.*\.zip$")
        headers, body = self.blob(name)
        self.assertEqual(headers["Content-Type"], "application/zip")
        with zipfile.ZipFile(io.BytesIO(body)) as bundle:
            self.assertIsNone(bundle.testzip())
            self.assertEqual(sorted(bundle.namelist()), [
                "check.json", "inspect/cam.json", "inspect/edgeHub.json", "logs/absent.txt", "logs/cam_log.txt",
                "logs/edgeHub_log.txt", "systeminfo.json"])
            self.assertEqual(bundle.read("logs/cam_log.txt"), b"2024-01-01T00:00:00.000000000Z one\n")
            self.assertEqual(bundle.read("check.json"), b"all is well\n")
            self.assertIn(b"/no/such/program", bundle.read("logs/absent.txt"))

    def test_the_runtime_alone_and_a_window(self):
        self.log("cam", ["one"])
        self.log("edgeHub", ["old", "new"])
        self.assert_completed(self.call("UploadSupportBundle", edgeRuntimeOnly=True, since="2024-01-01T00:00:01Z"))
        with zipfile.ZipFile(io.BytesIO(self.blob(self.blobs()[0])[1])) as bundle:
            self.assertNotIn("logs/cam_log.txt", bundle.namelist())
            self.assertEqual(bundle.read("logs/edgeHub_log.txt"), b"2024-01-01T00:00:01.000000000Z new\n")

    def test_a_refusal_is_told_with_its_code(self):
        self.log("cam", ["one"])
        wrong = f"{self.azurite.base}/{self.container}?{container_sas(self.container).replace('sp=racw', 'sp=r')}"
        lines = self.call("UploadModuleLogs", sas=wrong, items={"id": "cam"})
        self.assertRegex(lines[1], r"^Failed cam: upload to 127\.0\.0\.1:\d+: status 403 ")
        self.assertEqual(self.blobs(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
