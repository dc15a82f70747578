"""The hub is killed at random instants under load, with and without a cloud: what was acknowledged arrives, in the order of
each sender, and the ledger adds up.

EDGE_CRASH_ROUNDS is the number of kills, EDGE_CRASH_SEED repeats a run, EDGE_UPSTREAM one protocol towards the cloud.
"""
import os
import random
import subprocess
import time
import unittest

import sandbox
import cloud
import edge_hub
import mqtt_crowd
from sandbox import Unmet, wait_for

ROUNDS = int(os.environ.get("EDGE_CRASH_ROUNDS", "12"))
SEED = int(os.environ.get("EDGE_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
UPSTREAM = os.environ.get("EDGE_UPSTREAM", "Amqp")
CHAPTER = 12  # kills between two accounts
ROUTES = {"up": "FROM /messages/* INTO $upstream",
          "sink": "FROM /messages/modules/m0/* INTO BrokeredEndpoint(\"/modules/sink/inputs/in\")",
          "look": "FROM /messages/* WHERE n = '7' AND $body.n = 7 INTO BrokeredEndpoint(\"/modules/sink/inputs/seven\")"}
FAULTS = {"none": {}, "refuse": {"refuse": True, "drop": "*"}, "freeze": {"freeze": True}, "throttle": {"throttle": True},
          "latency": {"latencyMs": 150}, "acks": {"loseAcks": 40}}
CALM = {"refuse": False, "freeze": False, "throttle": False, "latencyMs": 0, "loseAcks": 0}


def firsts(numbers):
    """Each number once, where it came first."""
    return list(dict.fromkeys(numbers))


class HubCrash(unittest.TestCase):
    def setUp(self):
        cloud.name_hosts(edge_hub.NAMES)
        self.device = f"edge-{self._testMethodName}"  # the cloud remembers those of other tests
        self.place = edge_hub.Place(self.device)
        self.addCleanup(self.place.stop)
        self.addCleanup(lambda: self.place.cloud.kill())
        self.place.routes(**ROUTES)
        self.hub = self.place.hub(storage=f"{sandbox.work()}/{self._testMethodName}", more={"UpstreamProtocol": UPSTREAM})
        self.addCleanup(lambda: self.hub.kill())
        self.chance = random.Random(SEED)
        self.kills, self.duplicates, self.base = 0, 0, {}

    def kill(self):
        self.hub.kill()
        self.kills += 1

    def one_round(self):
        """Some time under load, perhaps a fault of the cloud, then death; sometimes once more while it boots."""
        chance = self.chance
        fault = chance.choice(list(FAULTS) + ["die"])
        if fault == "die":
            self.place.cloud.kill()
        else:
            self.place.cloud.faults(**FAULTS[fault])
        time.sleep(chance.uniform(0, 0.6))
        self.kill()
        while chance.random() < 0.25:
            self.hub.launch()
            time.sleep(chance.uniform(0, 0.15))
            self.kill()
        self.hub.start(60)
        time.sleep(chance.uniform(0, 0.3))
        if fault == "die":
            self.place.cloud.start()
        elif fault != "none":
            self.place.cloud.faults(**CALM)

    def account(self, crowd):
        """Everything acknowledged has arrived where its routes lead, each sender's in order; the ledger adds up."""
        crowd.pause(120)
        try:
            wait_for(lambda: self.hub.pending() == 0, 180, "everything to be delivered")
        except AssertionError as why:
            raise AssertionError(f"{why}\n{self.hub.ledger()}\n{self.hub.tail(20)}") from why
        self.assertEqual(self.hub.unbalanced(), "")
        marks = self.place.marks()
        arrived = {}
        for event in self.place.events(self.marks):
            arrived.setdefault((event["device"], event["module"] or ""), []).append(int(event["properties"]["n"]))
        self.marks = marks
        for who, count in crowd.promised.items():
            self.check_sender(f"cloud: {who}", arrived.get(who, []), self.base.get(who, 0), count)
        sunk = crowd.sink.came.get("m0", [])
        self.check_sender("sink: m0", sunk, self.base.get((self.device, "m0"), 0), crowd.promised[self.device, "m0"], {7})
        crowd.sink.came.clear()
        self.base = dict(crowd.promised)

    def check_sender(self, what, numbers, start, end, twice=()):
        once = [number for number in firsts(numbers) if number >= start]
        missing = sorted(set(range(start, end)) - set(once))
        self.assertEqual(missing[:10], [], f"{what}: {len(missing)} of {end - start} acknowledged messages are lost")
        ordered = [number for number in once if number not in twice]
        self.assertEqual(ordered, sorted(ordered), f"{what}: out of order")
        self.duplicates += len(numbers) - len(firsts(numbers))

    def test_nothing_acknowledged_is_lost(self):
        print(f"(EDGE_CRASH_SEED={SEED}) ", end="", flush=True)
        began = time.monotonic()
        self.marks = self.place.marks()
        self.hub.start(60)
        crowd = mqtt_crowd.Crowd(self.place, ["m0", "m1", "m2"], ["l0", "l1"], "sink").start()
        wait_for(lambda: all(p.acknowledged >= 0 for p in crowd.publishers), 60, "the first acknowledgements")
        while self.kills < ROUNDS:
            for _ in range(min(CHAPTER, ROUNDS - self.kills)):
                self.one_round()
                crowd.check()
            self.account(crowd)
            crowd.resume()
        crowd.pause()
        crowd.finish()
        total = sum(crowd.promised.values())
        self.assertGreater(total, 20 * ROUNDS)
        print(f"({self.kills} kills, {total} acknowledged, 0 lost, {self.duplicates} came twice, "
              f"{time.monotonic() - began:.0f} s) ", end="", flush=True)

    def test_a_full_disk_is_survived(self):
        """The storage is a small file system that somebody else fills."""
        folder = sandbox.work() + "/small"
        os.makedirs(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        self.hub = self.place.hub(storage=folder + "/hub")
        self.marks = self.place.marks()
        self.hub.start(60)
        crowd = mqtt_crowd.Crowd(self.place, ["m0"], ["l0"], "sink", rate=400, size=2000).start()
        wait_for(lambda: all(p.acknowledged >= 0 for p in crowd.publishers), 60, "the first acknowledgements")
        with self.place.cut("kill"):
            with open(folder + "/ballast", "wb") as file:
                try:
                    while True:
                        file.write(b"\0" * 65536)
                        file.flush()
                except OSError:
                    pass
            self.wait_stuck(crowd)
            self.assertTrue(self.hub.running(), self.hub.tail())
            self.hub.restart(kill=True)  # a boot on a full disk
            self.kills += 1
            os.unlink(folder + "/ballast")
            before = sum(crowd.promised.values())
            wait_for(lambda: sum(crowd.promised.values()) > before + 50, 60, "messages to be taken again")
        self.account(crowd)
        crowd.finish()
        self.hub.stop()

    def wait_stuck(self, crowd):
        """Until nothing more is acknowledged."""
        seen = []

        def probe():
            seen.append(sum(crowd.promised.values()))
            if len(seen) > 15 and seen[-1] == seen[-15]:
                return True
            raise Unmet(seen[-1])
        wait_for(probe, 60, "the full disk to stop the acknowledgements", every=0.1)

    def test_a_damaged_store_is_set_aside(self):
        """Whatever is in its files, the hub comes up, says so, and goes on."""
        self.hub.start(60)
        crowd = mqtt_crowd.Crowd(self.place, ["m0"], ["l0"], "sink").start()
        wait_for(lambda: all(p.acknowledged >= 0 for p in crowd.publishers), 60, "the first acknowledgements")
        with self.place.cut("kill"):
            wait_for(lambda: all(p.acknowledged >= 100 for p in crowd.publishers), 60, "100 acknowledgements each")
            for number in range(6):
                self.hub.kill()
                self.damage(number)
                self.hub.start(60)
                self.assertEqual(self.hub.unbalanced(), "")
                before = sum(crowd.promised.values())
                wait_for(lambda: sum(crowd.promised.values()) > before + 20, 60, "messages to be taken again")
        crowd.pause(120)
        wait_for(lambda: self.hub.pending() == 0, 120, "what is left to be delivered")
        self.assertEqual(self.hub.unbalanced(), "")
        crowd.finish()

    def damage(self, number):
        """One of the larger files: cut, a byte turned, or a piece of zeros."""
        files = [os.path.join(folder, leaf) for folder, _, leaves in os.walk(self.hub.storage) for leaf in leaves if "broken" not in leaf]
        path = self.chance.choice([path for path in files if os.path.getsize(path) > 4096])
        size = os.path.getsize(path)
        at = self.chance.randrange(size)
        with open(path, "r+b") as file:
            if number % 3 == 0:
                file.truncate(at)
            else:
                file.seek(at)
                file.write(bytes(min(4096, size - at)) if number % 3 == 1 else b"\xa5")


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
