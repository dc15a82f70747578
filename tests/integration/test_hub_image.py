"""The image of edge-hub: the program, what it is loaded with, and nothing else; and what is said of its size."""
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("EDGE_BIN", os.path.join(TOP, "build", "dev", "bin"))
sys.path.insert(0, os.path.join(TOP, "deploy", "images"))
import program  # noqa: E402

HUB = os.path.join(BIN, "edge-hub")
OURS = {"usr/bin/edge-hub", "etc/ssl/certs/ca-certificates.crt", "etc/passwd", "etc/group"}


class HubImage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.path = folder.name + "/hub.tar"
        cls.said = subprocess.run([sys.executable, os.path.join(TOP, "deploy", "images", "hub_image.py"), HUB, "--archive", cls.path],
                                  check=True, capture_output=True, text=True, timeout=60).stdout
        with tarfile.open(cls.path) as archive:
            def blob(digest):
                return archive.extractfile("blobs/" + digest.replace(":", "/"))

            manifest = json.load(blob(json.load(archive.extractfile("index.json"))["manifests"][0]["digest"]))
            cls.config = json.load(blob(manifest["config"]["digest"]))
            assert len(manifest["layers"]) == 1
            with tarfile.open(fileobj=blob(manifest["layers"][0]["digest"])) as layer:
                cls.entries = {entry.name: entry for entry in layer.getmembers()}
                cls.users = layer.extractfile("etc/passwd").read().decode()

    def test_it_holds_what_the_hub_needs_and_nothing_else(self):
        files = {name for name, entry in self.entries.items() if not entry.isdir()}
        self.assertEqual(files, OURS | {path.lstrip("/") for path in program.libraries(HUB)})
        self.assertLess(self.entries["usr/bin/edge-hub"].size, os.path.getsize(HUB))  # without its symbols
        self.assertEqual({self.entries[name].mode for name in files if name.startswith(("usr", "lib"))}, {0o755})

    def test_the_storage_is_there_and_its_user_has_a_name(self):
        self.assertEqual((self.entries["var/lib/edge-hub"].isdir(), self.entries["var/lib/edge-hub"].mode), (True, 0o700))
        self.assertIn("edge-hub:x:13623:13623:", self.users)
        config = self.config["config"]
        self.assertIn("EDGEHUBUSER_ID=13623", config["Env"])
        self.assertEqual((config["Entrypoint"], sorted(config["ExposedPorts"])), (["/usr/bin/edge-hub"], ["443/tcp", "5671/tcp", "8883/tcp"]))

    def test_its_size_is_told(self):
        lines = self.said.splitlines()
        self.assertRegex(lines[-2], r"^ *\d+ KiB  unpacked$")
        self.assertRegex(lines[-1], r"^ *\d+ KiB  in a registry$")
        told = sum(int(size) for size, path in re.findall(r"^ *(\d+) KiB  (/\S+)$", self.said, re.M))
        self.assertLess(abs(told - int(lines[-2].split()[0])), len(lines))  # each is rounded
        self.assertLess(int(lines[-1].split()[0]) * 1024, os.path.getsize(self.path))


if __name__ == "__main__":
    unittest.main(verbosity=2)
