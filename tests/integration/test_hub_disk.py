"""The hub's disk is full, its limit is reached, its files are damaged, with deaths in between: what was acknowledged arrives
as far as it was not to be dropped, and the ledger adds up.

EDGE_CRASH_ROUNDS is the number of damages, EDGE_CRASH_SEED repeats a run.
"""
import os
import subprocess
import time
import unittest

import sandbox
from hub_crash_case import ROUTES, SEED, HubCrashCase, firsts
from sandbox import Unmet, wait_for

ROUNDS = min(int(os.environ.get("EDGE_CRASH_ROUNDS", "8")), 40)
LIMIT = 1024 * 1024


class HubDisk(HubCrashCase):
    def small_disk(self, megabytes=96):
        """A folder on an ext4 of its own."""
        image, folder = sandbox.work() + "/disk.img", sandbox.work() + "/small"
        os.makedirs(folder, exist_ok=True)
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, folder], check=True)
        self.addCleanup(os.unlink, image)
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        return folder

    @staticmethod
    def fill(folder):
        """To the last block."""
        with open(folder + "/ballast", "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                        os.fsync(file.fileno())
                except OSError:
                    continue

    def wait_stuck(self):
        """Until nothing more is acknowledged."""
        seen = []

        def probe():
            seen.append(sum(self.crowd.promised.values()))
            if len(seen) > 20 and seen[-1] == seen[-20]:
                return True
            raise Unmet(seen[-1])
        wait_for(probe, 60, "the acknowledgements to stop", every=0.1)
        self.assertTrue(self.hub.running(), self.hub.tail())

    def wait_taken(self, more=50):
        """Until so many more are acknowledged."""
        before = sum(self.crowd.promised.values())

        def taken():
            self.crowd.check()
            return sum(self.crowd.promised.values()) >= before + more

        try:
            wait_for(taken, 120, "messages to be taken again")
        except AssertionError as why:
            clients = {p.who.name: (p.acknowledged, len(p.waiting), p.failures) for p in self.crowd.publishers}
            raise AssertionError(f"{why}\n{clients}\n{self.hub.tail(20)}") from why

    def kill_often(self, times=4):
        for _ in range(times):
            time.sleep(self.chance.uniform(0, 0.4))
            self.kill()
            self.revive()

    def test_a_full_disk_is_survived(self):
        """Somebody else fills the file system: twice, and the second time it stays so while the cloud takes what has waited."""
        folder = self.small_disk()
        self.place.routes(**ROUTES)
        self.begin(storage=folder + "/hub", rate=400, size=2000)
        with self.place.cut("kill"):
            self.fill(folder)
            self.wait_stuck()
            self.kill_often()
            self.wait_stuck()
            os.unlink(folder + "/ballast")
            self.wait_taken()
            self.fill(folder)
            self.wait_stuck()
            self.kill_often(2)
        self.kill_often(2)
        self.wait_drained()
        self.kill_often(2)
        os.unlink(folder + "/ballast")
        self.wait_taken()
        self.account()
        self.crowd.finish()
        self.hub.stop()

    def test_a_disk_is_filled_while_the_hub_is_stopped(self):
        """It starts all the same, and what waits goes."""
        folder = self.small_disk()
        self.place.routes(**ROUTES)
        self.begin(storage=folder + "/hub", rate=400, size=2000)
        with self.place.cut("kill"):
            self.wait_taken(200)
            self.hub.stop()
            self.fill(folder)
            self.revive()
            # No more than those 200 may wait, and a few of them reached the cloud just before its end.
            self.assertGreater(self.hub.pending(), 100)
            self.kill_often(2)
        self.wait_drained()
        os.unlink(folder + "/ballast")
        self.wait_taken()
        self.account()
        self.crowd.finish()

    def limit(self, policy):
        self.place.routes(_limit=LIMIT, _policy=policy, **ROUTES)
        self.begin(rate=400, size=2000)

    def test_a_limit_that_refuses_loses_nothing(self):
        self.limit("refuse")
        with self.place.cut("kill"):
            self.wait_stuck()
            self.kill_often()
            self.wait_stuck()
            self.assertLessEqual(self.hub.metric("store_pending_bytes"), LIMIT)
        self.wait_taken()
        self.account()
        self.crowd.finish()

    def test_a_limit_that_drops_the_oldest_counts_them(self):
        """Of each sender one piece is missing, no longer than the ledger says; the newest are there."""
        self.limit("dropOldest")
        with self.place.cut("kill"):
            self.wait_taken(int(2.5 * LIMIT / 2000))
            self.kill_often()
            self.wait_taken()
            self.assertLessEqual(self.hub.metric("store_pending_bytes"), LIMIT)
            self.crowd.pause(60)
        self.wait_drained()
        dropped = self.hub.ledger()["up"]["dropped"]["limit"]
        self.assertGreater(dropped, 100)
        arrived, lost = self.arrived(), 0
        for who, count in self.crowd.promised.items():
            once = [number for number in firsts(arrived[who]) if number < count]
            self.assertEqual(once, sorted(once), f"{who}: out of order")
            missing = sorted(set(range(count)) - set(once))
            self.assertEqual(missing, list(range(missing[0], missing[-1] + 1)) if missing else [], f"{who}: more than one piece")
            self.assertNotIn(count - 1, missing)
            lost += len(missing)
        self.assertLessEqual(lost, dropped)
        self.assertGreater(lost, 0)
        self.crowd.finish()

    def test_a_damaged_store_is_set_aside(self):
        """Whatever is in its files, the hub comes up, says so, and goes on; what arrives is what was sent."""
        print(f"(EDGE_CRASH_SEED={SEED}) ", end="", flush=True)
        self.place.routes(**ROUTES)
        self.begin()
        said = 0
        for number in range(ROUNDS):
            with self.place.cut("kill"):
                self.wait_taken(100)
                self.kill()
                what = self.damage(number)
                self.hub.launch()
                self.wait_up_or_alone(what)
            wait_for(self.hub._ready_or_dead, 60, f"the hub to serve after {what}")
            self.assertEqual(self.hub.unbalanced(), "", what)
            said += self.check_said(what)
            self.wait_taken(20)
        self.crowd.pause(120)
        self.wait_drained()
        arrived = self.arrived()
        lost = sum(len(set(range(count)) - set(arrived.get(who, []))) for who, count in self.crowd.promised.items())
        print(f"({ROUNDS} damages, {said} told, {sum(self.crowd.promised.values())} acknowledged, {lost} lost by them) ", end="", flush=True)
        self.crowd.finish()

    def wait_up_or_alone(self, what):
        """It serves; or it has lost its configuration, and waits for the cloud to tell it again."""
        wait_for(lambda: self.hub._ready_or_dead() or "cannot be reached" in self.hub.text(self.hub.mark), 60, f"a boot after {what}")

    def check_said(self, what):
        """A file that was set aside was told of."""
        aside = [leaf for leaf in os.listdir(self.hub.storage) if ".broken-" in leaf]
        new, self.aside = set(aside) - getattr(self, "aside", set()), set(aside)
        if new:
            self.assertIn("set aside", self.hub.text(self.hub.mark), what)
        return bool(new)

    @staticmethod
    def written(path):
        """Bytes up to the zeros at its end."""
        with open(path, "rb") as file:
            return len(file.read().rstrip(b"\0"))

    def damage(self, number):
        """One of the larger files: cut, a piece of zeros, or a byte turned, where something is written."""
        apart = "broken", "reserve", "spare", ".new"
        files = [os.path.join(folder, leaf) for folder, _, leaves in os.walk(self.hub.storage) for leaf in leaves
                 if not any(word in leaf for word in apart)]
        large = [path for path in files if os.path.getsize(path) > 4096]
        path = self.chance.choice([path for path in large if self.written(path)])  # some are made long before anything is in them
        with open(path, "r+b") as file:
            size = self.written(path)
            at = self.chance.randrange(size)
            if number % 3 == 0:
                file.truncate(at)
            else:
                file.seek(at)
                was = file.read(1)[0]
                file.seek(at)
                file.write(bytes(min(4096, size - at)) if number % 3 == 1 else bytes([was ^ 0x55]))
        return f"{os.path.basename(path)}, {size} bytes, at {at}: {['cut', 'zeros', 'a byte'][number % 3]}"


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
