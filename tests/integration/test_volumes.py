"""Binds, named and anonymous volumes, tmpfs."""
import os

import case
import sandbox
from case import module


class Volumes(case.AgentCase):
    def push_with_data(self, name):
        made = case.busybox.image({"Volumes": {"/declared": {}}},
                                  [{"/data": case.oci.Folder(0o750), "/data/seed": b"from the image\n",
                                    "/declared": case.oci.Folder(0o755), "/declared/seed": b"declared\n"}])
        self.registry.client.push(made, name, "1")
        return f"{case.HOST}/{name}:1"

    def test_new_named_volume_is_filled_from_the_image(self):
        self.deploy({"m": module("cat /data/seed; stat -c %a /data; echo end; " + case.IDLE,
                                 image=self.push_with_data("copyup"),
                                 options={"HostConfig": {"Binds": ["copied:/data"]}})})
        self.assertEqual(self.wait_output("m", "end").splitlines()[:2], ["from the image", "750"])

    def test_used_named_volume_is_not_filled_again(self):
        options = {"HostConfig": {"Binds": ["used:/data"]}}
        image = self.push_with_data("twice")
        self.deploy({"m": module("echo mine >/data/seed; " + case.IDLE, image=image, options=options)})
        self.wait_output("m", "started")
        self.deploy({"next": module("cat /data/seed; echo end; " + case.IDLE, image=image, options=options)})
        self.assertEqual(self.wait_output("next", "end").splitlines()[0], "mine")

    def test_named_volume_outlives_an_update_and_the_module(self):
        options = {"HostConfig": {"Binds": ["lasting:/data"]}}
        self.deploy({"m": module("echo precious >/data/file; " + case.IDLE, options=options)})
        self.wait_output("m", "started")
        self.deploy({})
        self.wait_gone("m")
        self.deploy({"again": module("cat /data/file; echo end; " + case.IDLE, options=options)})
        self.assertEqual(self.wait_output("again", "end").splitlines()[0], "precious")

    def test_missing_source_of_a_bind_is_created(self):
        source = sandbox.work() + "/new/deep/folder"
        self.deploy({"m": module("echo hi >/in/file; " + case.IDLE,
                                 options={"HostConfig": {"Binds": [source + ":/in"]}})})
        self.wait_output("m", "started")
        with open(source + "/file") as file:
            self.assertEqual(file.read(), "hi\n")

    def test_missing_source_of_a_mount_is_refused_with_its_path(self):
        source = sandbox.work() + "/not-there"
        self.deploy({"m": module(options={"HostConfig": {"Mounts": [
            {"Type": "bind", "Source": source, "Target": "/in"}]}})})
        self.wait_module("m", lambda m: source in (m["description"] or ""), "to name the path")
        self.assertFalse(os.path.exists(source))

    def test_read_only_bind_cannot_be_written(self):
        source = sandbox.work() + "/readonly"
        os.makedirs(source)
        self.deploy({"m": module("touch /in/x || echo refused; " + case.IDLE,
                                 options={"HostConfig": {"Binds": [source + ":/in:ro"]}})})
        self.wait_output("m", "refused")
        self.assertEqual(os.listdir(source), [])

    def test_volume_that_the_image_declares_is_anonymous_and_goes_with_the_module(self):
        self.deploy({"m": module("cat /declared/seed; echo x >/declared/own; echo end; " + case.IDLE,
                                 image=self.push_with_data("declares"))})
        self.assertEqual(self.wait_output("m", "end").splitlines()[0], "declared")
        place = self.agent.home + "/volumes/_anonymous/m"
        self.assertTrue(os.path.isdir(place))
        self.deploy({})
        self.wait_gone("m")
        self.wait(lambda: not os.path.exists(place), "the anonymous volume to be gone")

    def test_tmpfs_has_its_size(self):
        self.deploy({"m": module("df -k /fast | tail -1; " + case.IDLE,
                                 options={"HostConfig": {"Tmpfs": {"/fast": "size=4m"}}})})
        self.assertRegex(self.wait_output("m", "/fast"), r"tmpfs\s+4096")

    def test_read_only_root_takes_no_files(self):
        self.deploy({"m": module("touch /x 2>/dev/null || echo refused; " + case.IDLE,
                                 options={"HostConfig": {"ReadonlyRootfs": True}})})
        self.wait_output("m", "refused")

    def test_nothing_stays_mounted_after_the_module(self):
        self.deploy({"m": module(options={"HostConfig": {"Binds": ["v:/v"], "Tmpfs": {"/t": ""}}})})
        self.wait_running("m")
        self.deploy({})
        self.wait_gone("m")
        self.wait(lambda: not self.mounted(), "its mounts to go")

    def mounted(self):
        with open("/proc/self/mountinfo") as mounts:
            return [line for line in mounts if self.agent.home in line or "/edge/m/" in line]


if __name__ == "__main__":
    case.main()
