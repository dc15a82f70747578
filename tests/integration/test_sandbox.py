"""The ground the other tests stand on: namespaces, containerd, registry, images, cgroups."""
import subprocess
import unittest

import sandbox
import services
from services import oci
import busybox


class Sandbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.containerd = services.Containerd().start()
        cls.registry = services.Registry().start()

    @classmethod
    def tearDownClass(cls):
        cls.registry.stop()
        cls.containerd.stop()

    def test_loopback_is_the_only_link(self):
        links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
        self.assertEqual([line.split()[0] for line in links.splitlines()], ["lo"])

    def test_image_is_pushed_pulled_and_run_with_limits_in_our_own_cgroup(self):
        made = busybox.image({"Cmd": ["sh", "-c", "echo hello; exit 7"]})
        self.registry.client.push(made, "hello", "1")
        self.containerd.ctr("images", "pull", "--plain-http", "127.0.0.1:5000/hello:1")
        done = subprocess.run(["ctr", "-n", services.NAMESPACE, "run", "--rm", "--cgroup", "/edge/t1",
                               "--memory-limit", "20000000", "127.0.0.1:5000/hello:1", "t1"],
                              capture_output=True, text=True)
        self.assertEqual((done.stdout, done.returncode), ("hello\n", 7), done.stderr)

    def test_every_kind_of_image_is_taken_by_containerd(self):
        for number, options in enumerate([{"types": oci.DOCKER}, {"compression": "zstd"}, {"compression": ""},
                                          {"extra": [{"/hi": b"hi"}]}]):
            made = busybox.image(**options)
            self.registry.client.push_index([made], "kinds", str(number))
            self.containerd.ctr("images", "pull", "--plain-http", f"127.0.0.1:5000/kinds:{number}")

    def test_deleted_manifest_is_gone_from_the_registry(self):
        digest = self.registry.client.push(busybox.image(extra=[{"/x": b"gone"}]), "gone", "1")
        self.registry.client.delete("gone", digest)
        self.assertEqual(self.registry.client.request("GET", "/v2/gone/manifests/1")[0], 404)

    def test_registry_with_tls_and_users_refuses_strangers(self):
        tls = services.certificate(sandbox.work())
        safe = services.Registry("127.0.0.1:5443", "safe", tls, login=True).start()
        self.addCleanup(safe.stop)
        safe.client.push(busybox.image(), "safe", "1")
        stranger = oci.Registry("127.0.0.1:5443", ca=tls[0])
        self.assertEqual(stranger.request("GET", "/v2/safe/manifests/1")[0], 401)

    def test_wait_for_tells_what_was_seen_last(self):
        def probe():
            raise sandbox.Unmet("a cat")
        with self.assertRaisesRegex(AssertionError, "waited 0 s for a dog; last seen: a cat"):
            sandbox.wait_for(probe, 0, "a dog")


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
