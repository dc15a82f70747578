"""Images from registries: kinds, credentials, TLS, digests, breaks."""
import json
import os

import case
import sandbox
import services
from case import module
from services import LOGIN, oci

SAFE = "127.0.0.1:5443"
SHOW = "cat /version; echo; " + case.IDLE


class Registries(case.AgentCase):
    @classmethod
    def setUpClass(cls):
        tls = services.certificate(sandbox.work())
        cls.settings = {"registries": {case.HOST: {"plain_http": True}, SAFE: {"ca": tls[0]}}}
        super().setUpClass()
        cls.safe = cls._start(services.Registry(SAFE, "safe", tls, login=True))

    def push(self, name, registry=None, index=False, **options):
        registry = registry or self.registry
        made = case.busybox.image(extra=[{"/version": name.encode()}], **options)
        push = registry.client.push_index if index else registry.client.push
        return push([made] if index else made, name, "1")

    def runs(self, image, text, **more):
        self.deploy({"m": module(SHOW, image=image)}, **more)
        self.wait_output("m", text)

    def test_docker_image_runs(self):
        self.push("docker-kind", types=oci.DOCKER)
        self.runs(case.HOST + "/docker-kind:1", "docker-kind")

    def test_image_with_zstd_layers_runs(self):
        self.push("zstd-kind", compression="zstd")
        self.runs(case.HOST + "/zstd-kind:1", "zstd-kind")

    def test_image_with_plain_layers_runs(self):
        self.push("plain-kind", compression="")
        self.runs(case.HOST + "/plain-kind:1", "plain-kind")

    def test_index_gives_this_platforms_image(self):
        mine = case.busybox.image(extra=[{"/version": b"mine"}])
        other = case.busybox.image(extra=[{"/version": b"other"}], arch="s390x")
        self.registry.client.push_index([other, mine], "many", "1")
        self.runs(case.HOST + "/many:1", "mine")

    def test_index_without_this_platform_is_told(self):
        other = case.busybox.image(extra=[{"/version": b"other"}], arch="s390x")
        self.registry.client.push_index([other], "foreign", "1")
        self.deploy({"m": module(image=case.HOST + "/foreign:1")})
        self.wait_module("m", lambda m: oci.architecture() in (m["description"] or ""), "to name the platform")

    def test_image_by_digest_runs_also_with_a_tag_beside(self):
        digest = self.push("by-digest")
        self.runs(f"{case.HOST}/by-digest@{digest}", "by-digest")
        self.runs(f"{case.HOST}/by-digest:1@{digest}", "by-digest")

    def test_credentials_of_the_deployment_open_a_registry_with_tls(self):
        self.push("guarded", self.safe)
        self.runs(SAFE + "/guarded:1", "guarded", credentials={
            "safe": {"address": SAFE, "username": LOGIN[0], "password": LOGIN[1]}})
        self.assertNotIn(LOGIN[1], self.agent.text())

    def test_wrong_password_is_told_and_never_shown(self):
        self.push("locked", self.safe)
        self.deploy({"m": module(image=SAFE + "/locked:1")}, credentials={
            "safe": {"address": SAFE, "username": LOGIN[0], "password": "not-the-word"}})
        seen = self.wait_module("m", lambda m: SAFE in (m["description"] or ""), "to name the registry")
        self.assertNotIn("not-the-word", str(seen) + self.agent.text())

    def test_registry_that_starts_later_is_tried_again(self):
        self.push("later")
        self.registry.stop()
        try:
            self.deploy({"m": module(SHOW, image=case.HOST + "/later:1")})
            self.wait_module("m", lambda m: case.HOST in (m["description"] or ""), "to tell of the registry")
        finally:
            self.registry.start()
        self.wait_output("m", "later", 60)

    def test_one_pull_serves_all_modules_with_the_image(self):
        self.push("common")
        mark = self.registry.size()
        self.deploy({f"m{i}": module(image=case.HOST + "/common:1") for i in range(5)})
        self.wait_running(*[f"m{i}" for i in range(5)])
        fetched = [line for line in self.registry.requests(mark) if line.startswith("GET") and "/blobs/" in line]
        self.assertEqual(len(fetched), len(set(fetched)), fetched)

    def test_pull_policy_never_takes_only_what_is_here(self):
        self.push("absent")
        mark = self.registry.size()
        self.deploy({"m": module(image=case.HOST + "/absent:1", pull="never")})
        self.wait_module("m", lambda m: "absent" in (m["description"] or ""), "to tell that the image is not here")
        self.assertEqual(self.registry.requests(mark), [])

    def test_blob_that_the_registry_has_spoilt_is_refused(self):
        self.push("spoilt")
        made = case.busybox.image(extra=[{"/version": b"spoilt"}])
        last = json.loads(made.manifest)["layers"][-1]["digest"]  # only this image has it
        path = f"{sandbox.work()}/registry/data/docker/registry/v2/blobs/sha256/{last[7:9]}/{last[7:]}/data"
        with open(path, "rb") as file:
            data = bytearray(file.read())
        data[len(data) // 2] ^= 1
        os.remove(path)
        with open(path, "wb") as file:
            file.write(data)
        self.deploy({"m": module(image=case.HOST + "/spoilt:1")})
        self.wait_module("m", lambda m: "digest" in (m["description"] or "").lower(), "to tell of the digest")
        self.assertEqual(self.pid("m"), 0)


if __name__ == "__main__":
    case.main()
