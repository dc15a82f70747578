"""The image room against a real containerd and real and faulty registries, through pull_driver."""
import json
import os
import signal
import subprocess
import sys
import unittest

import sandbox
import services
from registry_faults import Faults
from sandbox import wait_for
from services import LOGIN, oci
import busybox

DRIVER = os.environ.get("EDGE_PULL_DRIVER", os.path.join(os.path.dirname(services.BIN), "tests", "pull_driver"))
PLAIN = "127.0.0.1:5000"
SAFE = "127.0.0.1:5443"
SICK = "127.0.0.1:5001"
MIRROR = "127.0.0.1:5002"
LAYER = 24 << 20
MIB = 1 << 20
SLACK = 7 * MIB
PACE = 8 * MIB  # a second, so that little is on its way to a driver that is held up

ENOENT, ECANCELED = -2, -125
EINVALID, ELIMIT, EUNAVAILABLE, EAUTH = -5000, -5003, -5004, -5005
EDIGEST, EPROTOCOL, EUNSUPPORTED = -5006, -5007, -5011


class Pull(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.running = []
        cls.addClassCleanup(cls.end)
        cls.tls = services.certificate(sandbox.work())
        cls.containerd = cls.begin(services.Containerd())
        cls.registry = cls.begin(services.Registry(PLAIN))
        cls.safe = cls.begin(services.Registry(SAFE, "safe", cls.tls, login=True))
        cls.sick = Faults(SICK, PLAIN).start()
        cls.mirror = Faults(MIRROR, PLAIN).start()

    @classmethod
    def begin(cls, service):
        cls.running.append(service)
        return service.start()

    @classmethod
    def end(cls):
        for service in reversed(cls.running):
            service.kill()

    def setUp(self):
        self.sick.reset()
        self.mirror.reset()

    def tearDown(self):
        """Nothing of a test stays: also not what a failed pull has left, once it is swept."""
        for name in self.ctr("images", "ls", "-q").split():
            self.ctr("images", "rm", "--sync", name)
        self.drive({"sweep": 0})
        self.assertEqual(self.ctr("leases", "ls", "-q"), "")
        self.assertEqual(self.ctr("content", "active").splitlines()[1:], [])
        self.assertEqual(self.ctr("content", "ls", "-q"), "")
        self.assertEqual(self.ctr("snapshots", "ls").splitlines()[1:], [])

    # What a test does.

    def ctr(self, *arguments):
        return self.containerd.ctr(*arguments)

    def request(self, *todo, registries=None, **more):
        if registries is None:
            registries = [{"host": host, "plain_http": True} for host in (PLAIN, SICK, MIRROR)]
        return [DRIVER, services.CTRD_SOCKET, services.NAMESPACE,
                json.dumps({"do": todo, "registries": registries, **more})]

    def drive(self, *todo, **more):
        """Results of the driver, the last one's alone when there is one."""
        done = subprocess.run(self.request(*todo, **more), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.peak_kb = said["peak_kb"]
        return said["results"] if len(said["results"]) > 1 else said["results"][0]

    def pull(self, image, **more):
        return self.drive({"pull": image}, **more)

    def pulled(self, image, **more):
        seen = self.pull(image, **more)
        self.assertEqual(seen["rc"], 0, seen["error"])
        self.assertEqual(self.ctr("leases", "ls", "-q"), "")
        return seen

    def refused(self, code, image, *texts, **more):
        seen = self.pull(image, **more)
        self.assertEqual(seen["rc"], code, seen["error"])
        for text in (image,) + texts:
            self.assertIn(text, seen["error"])
        return seen

    def push(self, name, registry=None, extra=None, **options):
        made = busybox.image({"Env": ["MADE=" + name]}, extra or [{"/version": name.encode()}], **options)
        (registry or self.registry).client.push(made, name, "1")
        return made

    def push_large(self, name, seed):
        """An image with a layer of noise: (image, that layer's digest, its size)."""
        made = self.push(name, extra=[busybox.padding(LAYER, seed)], compression="gzip")
        layer = json.loads(made.manifest)["layers"][1]
        return made, layer["digest"], layer["size"]

    def shows(self, image, file, text):
        """The image's file system, as containerd mounts it."""
        folder = sandbox.work() + "/mount"
        os.makedirs(folder, exist_ok=True)
        self.ctr("images", "mount", image, folder)
        try:
            with open(folder + file) as opened:
                self.assertEqual(opened.read(), text)
        finally:
            subprocess.run(["umount", folder], check=True)
            self.ctr("snapshots", "rm", folder)
            self.ctr("leases", "rm", folder)

    # Kinds of images and names.

    def test_tag_gives_digests_config_and_a_file_system(self):
        made = self.push("kinds/tag")
        seen = self.pulled(PLAIN + "/kinds/tag:1")
        self.assertEqual(seen["name"], PLAIN + "/kinds/tag:1")
        self.assertEqual(seen["digest"], made.digest)
        self.assertEqual(seen["config_digest"], json.loads(made.manifest)["config"]["digest"])
        self.assertEqual(seen["config"]["Env"], ["MADE=kinds/tag"])
        self.shows(PLAIN + "/kinds/tag:1", "/version", "kinds/tag")

    def test_docker_gzip_zstd_and_plain_layers_unpack(self):
        for types in (oci.OCI, oci.DOCKER):
            for how in ("gzip", "zstd", ""):
                name = f"kinds/{'docker' if types is oci.DOCKER else 'oci'}-{how or 'plain'}"
                with self.subTest(name):
                    self.push(name, compression=how, types=types)
                    self.pulled(f"{PLAIN}/{name}:1")
                    self.shows(f"{PLAIN}/{name}:1", "/version", name)

    def test_image_without_layers(self):
        made = oci.Image([], {"Env": ["A=b"]})
        self.registry.client.push(made, "kinds/empty", "1")
        seen = self.pulled(PLAIN + "/kinds/empty:1")
        self.assertEqual((seen["chain_id"], seen["config"]["Env"]), ("", ["A=b"]))

    def test_layer_that_stands_there_twice(self):
        layer = oci.layer({"/a": b"a"})
        made = oci.Image([layer, oci.layer({"/b": b"b"}), layer])
        self.registry.client.push(made, "kinds/twice", "1")
        self.pulled(PLAIN + "/kinds/twice:1")

    def test_digest_and_tag_with_digest(self):
        made = self.push("kinds/digest")
        for tail in ("@" + made.digest, ":1@" + made.digest, ":no-such-tag@" + made.digest):
            self.assertEqual(self.pulled(f"{PLAIN}/kinds/digest{tail}")["digest"], made.digest)

    def test_digest_that_is_here_asks_nobody(self):
        made = self.push("kinds/local")
        self.pulled(f"{PLAIN}/kinds/local:1")
        self.sick.reset()
        self.pulled(f"{SICK}/kinds/local@{made.digest}")
        self.pulled(f"{SICK}/kinds/local@{made.digest}")
        self.assertEqual(self.sick.seen, [])

    def test_index_gives_this_platform(self):
        mine = busybox.image(extra=[{"/version": b"mine"}])
        other = busybox.image(extra=[{"/version": b"other"}], arch="s390x")
        root = self.registry.client.push_index([other, mine], "kinds/index", "1")
        seen = self.pulled(PLAIN + "/kinds/index:1")
        self.assertEqual(seen["digest"], mine.digest)
        self.assertEqual(self.pulled(f"{PLAIN}/kinds/index@{root}")["digest"], mine.digest)
        self.shows(PLAIN + "/kinds/index:1", "/version", "mine")

    def test_other_platforms_are_refused(self):
        other = busybox.image(arch="s390x")
        self.registry.client.push(other, "kinds/other", "1")
        self.refused(EUNSUPPORTED, PLAIN + "/kinds/other:1", "s390x", oci.architecture())
        self.registry.client.push_index([other], "kinds/other", "2")
        self.refused(EUNSUPPORTED, PLAIN + "/kinds/other:2", "linux/s390x")

    def test_what_does_not_exist(self):
        self.push("kinds/one")
        self.refused(ENOENT, PLAIN + "/kinds/one:2", "404")
        self.refused(ENOENT, PLAIN + "/kinds/none:1", "404")
        self.assertEqual(self.drive({"find": PLAIN + "/kinds/one:1"})["rc"], ENOENT)

    def test_tag_that_moves_is_followed_and_find_needs_no_network(self):
        self.push("kinds/moving")
        first = self.pulled(SICK + "/kinds/moving:1")
        made = self.push("kinds/moving", extra=[{"/version": b"second"}])
        self.assertEqual(self.pulled(SICK + "/kinds/moving:1")["digest"], made.digest)
        self.assertNotEqual(first["digest"], made.digest)
        self.sick.reset()
        self.assertEqual(self.drive({"find": SICK + "/kinds/moving:1"})["digest"], made.digest)
        self.assertEqual(self.sick.seen, [])

    def test_unchanged_tag_costs_one_request(self):
        self.push("kinds/same")
        self.pulled(SICK + "/kinds/same:1")
        self.sick.reset()
        self.pulled(SICK + "/kinds/same:1")
        self.assertEqual(self.sick.paths(), ["/v2/kinds/same/manifests/1"])

    def test_registry_that_is_away_leaves_the_local_image(self):
        self.push("kinds/offline")
        image = SICK + "/kinds/offline:1"
        first = self.pulled(image)
        self.sick.stop()
        try:
            self.assertEqual(self.pulled(image)["digest"], first["digest"])
            self.refused(EUNAVAILABLE, SICK + "/kinds/other:1", SICK)
        finally:
            self.sick.start()

    # Who may pull, and how registries are reached.

    def test_private_ca_and_basic_credentials(self):
        self.push("private", self.safe)
        trusted = [{"host": SAFE, "ca": self.tls[0]}]
        image = SAFE + "/private:1"
        self.refused(EAUTH, image, SAFE, "`ca`", registries=[])
        self.refused(EAUTH, image, "registryCredentials", registries=trusted)
        wrong = self.refused(EAUTH, image, "refuses the credentials", registries=trusted,
                             auths=[{"address": SAFE, "username": LOGIN[0], "password": "wrong-word"}])
        self.assertNotIn("wrong-word", wrong["error"])
        self.pulled(image, registries=[dict(trusted[0], username=LOGIN[0], password=LOGIN[1])])
        self.ctr("images", "rm", "--sync", image)
        self.pulled(image, registries=trusted,
                    auths=[{"address": "example.org", "username": "x", "password": "y"},
                           {"address": SAFE.upper(), "username": LOGIN[0], "password": LOGIN[1]}])

    def test_token_service(self):
        self.push("team/tokens")
        self.sick.token, self.sick.login = "tok.en-1", LOGIN
        self.refused(EAUTH, SICK + "/team/tokens:1", SICK)
        self.sick.reset()
        self.sick.token, self.sick.login = "tok.en-1", LOGIN
        self.pulled(SICK + "/team/tokens:1",
                    auths=[{"address": SICK, "username": LOGIN[0], "password": LOGIN[1]}])
        self.assertEqual(self.sick.tokens_given, 1)
        asked = [path for path in self.sick.paths() if path.startswith("/token")]
        self.assertIn("scope=repository%3Ateam%2Ftokens%3Apull", asked[0])
        for _, path, headers in self.sick.seen:
            if "/blobs/" in path:
                self.assertNotIn("Basic", headers.get("Authorization", ""))

    def test_plain_http_only_where_configured(self):
        self.push("plain")
        self.refused(EUNAVAILABLE, PLAIN + "/plain:1", "plain_http: true", registries=[])

    def test_mirror_is_asked_first_and_the_registry_when_it_fails(self):
        made = self.push("mirrored")
        registries = [{"host": SICK, "plain_http": True, "mirror": MIRROR},
                      {"host": MIRROR, "plain_http": True}]
        self.pulled(SICK + "/mirrored:1", registries=registries)
        self.assertEqual(self.sick.seen, [])
        self.assertEqual(len([p for p in self.mirror.paths() if "/blobs/" in p]), 3)
        self.ctr("images", "rm", "--sync", SICK + "/mirrored:1")
        layer = json.loads(made.manifest)["layers"][1]["digest"]
        self.mirror.answers[f"/v2/mirrored/blobs/{layer}"] = [(404, {}, b"{}")]
        self.pulled(SICK + "/mirrored:1", registries=registries)
        self.assertEqual([p for p in self.sick.paths() if "/blobs/" in p], [f"/v2/mirrored/blobs/{layer}"])
        self.ctr("images", "rm", "--sync", SICK + "/mirrored:1")
        self.mirror.spoil[layer] = 5
        self.pulled(SICK + "/mirrored:1", registries=registries)
        self.ctr("images", "rm", "--sync", SICK + "/mirrored:1")
        self.mirror.stop()
        try:
            self.pulled(SICK + "/mirrored:1", registries=registries)
        finally:
            self.mirror.start()

    # Breaks.

    def assert_served_once(self, digest, size, slack=MIB):
        """`slack`: what was on its way to somebody who has ended; less than he had got, which a new beginning would serve again."""
        served = self.sick.served[digest]
        self.assertGreaterEqual(served, size)
        self.assertLess(served, size + slack, f"{served} bytes served of a layer of {size}")

    def test_connection_that_breaks_is_gone_on_from(self):
        _, layer, size = self.push_large("breaks/cut", 1)
        self.sick.cut = [5 * MIB, 100000, 7 * MIB]
        seen = self.pulled(SICK + "/breaks/cut:1")
        self.assert_served_once(layer, size)
        self.assertEqual(seen["progress"]["done"], seen["progress"]["total"])
        self.assertTrue(seen["progress"]["unpacking"])
        self.assertFalse(seen["progress"]["went_back"])
        self.assertGreater(seen["progress"]["calls"], 2)

    def test_registry_that_goes_away_and_comes_back(self):
        _, layer, size = self.push_large("breaks/away", 2)
        self.sick.pace = PACE
        driver = subprocess.Popen(self.request({"pull": SICK + "/breaks/away:1"}),
                                  stdout=subprocess.PIPE, text=True)
        wait_for(lambda: self.sick.served.get(layer, 0) > 8 * MIB, 30, "some of the layer")
        self.sick.stop()
        self.sick.start()
        seen = json.loads(driver.communicate(timeout=60)[0])["results"][0]
        self.assertEqual(seen["rc"], 0, seen["error"])
        self.assert_served_once(layer, size, SLACK)

    def test_killed_driver_is_gone_on_from(self):
        _, layer, size = self.push_large("breaks/kill", 3)
        self.sick.pace = PACE
        driver = subprocess.Popen(self.request({"pull": SICK + "/breaks/kill:1"}),
                                  stdout=subprocess.PIPE, text=True)
        wait_for(lambda: self.sick.served.get(layer, 0) > 8 * MIB, 30, "some of the layer")
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        self.assertNotEqual(self.ctr("leases", "ls", "-q"), "")
        self.drive({"sweep": 3600})  # as a starting agent does: too young to go
        self.sick.pace = 0
        self.pulled(SICK + "/breaks/kill:1")
        self.assert_served_once(layer, size, SLACK)

    def test_driver_killed_while_unpacking_is_gone_on_from(self):
        made, layer, size = self.push_large("breaks/unpack", 12)
        driver = subprocess.run(self.request({"pull": SICK + "/breaks/unpack:1"}, die_unpacking=True),
                                capture_output=True)
        self.assertEqual(driver.returncode, -signal.SIGKILL)
        self.assertEqual(self.drive({"find": SICK + "/breaks/unpack:1"})["rc"], ENOENT)
        self.assertEqual(self.pulled(SICK + "/breaks/unpack:1")["digest"], made.digest)
        self.assert_served_once(layer, size, 1)

    def test_killed_containerd_is_gone_on_from(self):
        _, layer, size = self.push_large("breaks/ctrd", 4)
        self.sick.pace = PACE
        driver = subprocess.Popen(self.request({"pull": SICK + "/breaks/ctrd:1"}),
                                  stdout=subprocess.PIPE, text=True)
        wait_for(lambda: self.sick.served.get(layer, 0) > 8 * MIB, 30, "some of the layer")
        self.containerd.kill()
        said = json.loads(driver.communicate(timeout=60)[0])["results"][0]
        self.containerd.start()
        self.assertEqual(said["rc"], EUNAVAILABLE, said["error"])
        self.sick.pace = 0
        self.pulled(SICK + "/breaks/ctrd:1")
        self.assert_served_once(layer, size, SLACK)

    def test_cancelled_pull_is_gone_on_from(self):
        _, layer, size = self.push_large("breaks/cancel", 5)
        self.sick.pace = PACE
        seen = self.pull(SICK + "/breaks/cancel:1", cancel_at=8 * MIB)
        self.assertEqual(seen["rc"], ECANCELED, seen["error"])
        self.assertLess(self.sick.served[layer], 16 * MIB)
        self.sick.pace = 0
        self.pulled(SICK + "/breaks/cancel:1")
        self.assert_served_once(layer, size, SLACK)

    def test_registry_without_ranges(self):
        _, layer, size = self.push_large("breaks/noranges", 6)
        self.sick.cut, self.sick.ranges = [5 * MIB], False
        self.pulled(SICK + "/breaks/noranges:1")
        self.assertLess(self.sick.served[layer], size + 6 * MIB)

    def test_registry_that_refuses_a_range(self):
        _, layer, size = self.push_large("breaks/refuses", 7)
        self.sick.cut, self.sick.refuse_ranges = [5 * MIB], 1
        self.pulled(SICK + "/breaks/refuses:1")
        self.assertLess(self.sick.served[layer], size + 6 * MIB)

    def test_spoilt_layer_is_fetched_once_more(self):
        made = self.push("breaks/spoilt")
        layer = json.loads(made.manifest)["layers"][1]["digest"]
        self.sick.spoil[layer] = 1
        self.pulled(SICK + "/breaks/spoilt:1")
        self.assertEqual(len([p for p in self.sick.paths() if layer in p]), 2)

    def test_layer_that_stays_spoilt_is_refused(self):
        made = self.push("breaks/rotten")
        layer = json.loads(made.manifest)["layers"][1]["digest"]
        self.sick.spoil[layer] = 100
        self.refused(EDIGEST, SICK + "/breaks/rotten:1", "layer 2 of 2", layer[:19])
        self.assertEqual(len([p for p in self.sick.paths() if layer in p]), 2)

    def test_layer_shorter_than_the_manifest_says_is_refused(self):
        made = self.push("breaks/short")
        layer = json.loads(made.manifest)["layers"][1]["digest"]
        self.sick.shorten[layer] = 100
        self.refused(EDIGEST, SICK + "/breaks/short:1", "layer 2 of 2", "bytes where the manifest says")

    def test_layer_that_is_not_what_the_config_says(self):
        made = self.push("breaks/lie")
        manifest = json.loads(made.manifest)
        wrong = oci.compress(oci.layer({"/version": b"something else"}), "gzip")
        self.registry.client.push_blob("breaks/lie", wrong)
        manifest["layers"][1].update(digest=oci.digest_of(wrong), size=len(wrong))
        self.registry.client.push_manifest("breaks/lie", "2", json.dumps(manifest).encode(), made.media_type)
        self.refused(EDIGEST, PLAIN + "/breaks/lie:2", "unpacking layer 2 of 2")

    def test_layer_that_is_no_archive(self):
        made = oci.Image([b"this is no tar archive" * 100], compression="")
        self.registry.client.push(made, "breaks/junk", "1")
        seen = self.pull(PLAIN + "/breaks/junk:1")
        self.assertLess(seen["rc"], 0)
        self.assertIn("layer 1 of 1", seen["error"])

    def test_manifest_that_is_not_what_was_asked_for(self):
        made, other = self.push("breaks/manifest"), self.push("breaks/another")
        answer = (200, {"Content-Type": other.media_type}, other.manifest)
        self.sick.answers[f"/v2/breaks/manifest/manifests/{made.digest}"] = [answer] * 9
        self.refused(EDIGEST, f"{SICK}/breaks/manifest@{made.digest}", SICK)

    def test_manifest_without_end_is_refused_soon(self):
        self.sick.endless.add("/v2/breaks/endless/manifests/1")
        self.refused(ELIMIT, SICK + "/breaks/endless:1", SICK)
        self.assertLess(self.sick.endless_bytes, 32 * MIB)
        self.assertLess(self.peak_kb, 48 << 10)

    def test_layer_over_the_limit_is_refused_before_it_is_fetched(self):
        _, layer, _ = self.push_large("breaks/limit", 8)
        self.refused(ELIMIT, SICK + "/breaks/limit:1", layer, max_layer_bytes=10 * MIB)
        self.assertEqual(self.sick.served, {})

    def test_registry_that_is_overloaded_for_a_moment(self):
        self.push("breaks/busy")
        path = "/v2/breaks/busy/manifests/1"
        self.sick.answers[path] = [(503, {}, b""), (429, {"Retry-After": "1"}, b"")]
        self.pulled(SICK + "/breaks/busy:1")
        self.assertEqual(self.sick.paths().count(path), 3)

    def test_registry_that_fails_for_good(self):
        path = "/v2/breaks/broken/manifests/1"
        self.sick.answers[path] = [(500, {}, b'{"errors":[{"message":"disk full there"}]}')] * 20
        self.refused(EUNAVAILABLE, SICK + "/breaks/broken:1", "500", "disk full there")

    # Several at once.

    def test_two_pulls_share_what_they_share(self):
        noise = busybox.padding(LAYER, 9)
        names = ["shared/a", "shared/b", "shared/c"]
        for name in names:
            made = self.push(name, extra=[noise, {"/version": name.encode()}])
        layer = json.loads(made.manifest)["layers"][1]
        self.sick.pace = 40 * MIB
        seen = self.drive({"pull": [f"{SICK}/{name}:1" for name in names]})
        self.assertEqual([one["rc"] for one in seen], [0, 0, 0], seen)
        self.assert_served_once(layer["digest"], layer["size"])
        for name in names:
            self.shows(f"{SICK}/{name}:1", "/version", name)

    def test_the_same_image_at_once(self):
        _, layer, size = self.push_large("shared/same", 10)
        seen = self.drive({"pull": [SICK + "/shared/same:1"] * 4})
        self.assertEqual([one["rc"] for one in seen], [0] * 4, seen)
        self.assert_served_once(layer, size)

    def test_two_processes_at_once(self):
        _, layer, size = self.push_large("shared/processes", 11)
        self.sick.pace = 30 * MIB
        drivers = [subprocess.Popen(self.request({"pull": SICK + "/shared/processes:1"}),
                                    stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for driver in drivers:
            seen = json.loads(driver.communicate(timeout=90)[0])["results"][0]
            self.assertEqual(seen["rc"], 0, seen["error"])
        self.assert_served_once(layer, size)


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(module=sys.modules["__main__"], verbosity=2)
