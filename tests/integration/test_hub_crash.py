"""The hub is killed at random instants under load, with and without a cloud: what was acknowledged arrives, in the order of
each sender, and the ledger adds up after each restart.

EDGE_CRASH_ROUNDS is the number of kills, EDGE_CRASH_SEED repeats a run, EDGE_UPSTREAM one protocol towards the cloud.
"""
import contextlib
import os
import time
import unittest

import sandbox
from hub_crash_case import ROUTES, SEED, HubCrashCase

ROUNDS = int(os.environ.get("EDGE_CRASH_ROUNDS", "12"))
UPSTREAMS = os.environ.get("EDGE_UPSTREAM", "Amqp Mqtt").split()
CHAPTER = 12  # kills between two accounts
CUTS = ["drop", "kill", "refuse", "freeze"]
KNOBS = {"throttle": {"throttle": True}, "latency": {"latencyMs": 150}, "acks": {"loseAcks": 40}}
CALM = {"throttle": False, "latencyMs": 0, "loseAcks": 0}


class HubCrash(HubCrashCase):
    @contextlib.contextmanager
    def trouble(self, what):
        """The cloud is in it meanwhile."""
        if what in CUTS:
            with self.place.cut(what):
                yield
            return
        self.place.cloud.faults(**KNOBS.get(what, {}))
        yield
        self.place.cloud.faults(**CALM)

    def die(self):
        """By a kill, sometimes once more while it boots; seldom in peace."""
        if self.chance.random() < 0.08:
            self.hub.stop()
            self.stops += 1
        else:
            self.kill()
        while self.chance.random() < 0.25:
            self.hub.launch()
            time.sleep(self.chance.uniform(0, 0.15))
            self.kill()
        self.revive()

    def one_round(self):
        with self.trouble(self.chance.choice(["none", *CUTS, *KNOBS])):
            time.sleep(self.chance.uniform(0, 0.6))
            self.die()
            time.sleep(self.chance.uniform(0, 0.3))
            if self.chance.random() < 0.2:  # the cloud is still in trouble, or takes what has waited
                self.die()

    def die_draining(self):
        """Nothing new comes; what waits is on its way when the hub dies."""
        with self.place.cut("refuse"):
            time.sleep(self.chance.uniform(0.1, 0.4))
            self.crowd.pause(120)
        for _ in range(2):
            time.sleep(self.chance.uniform(0, 0.5))
            self.kill()
            self.revive()

    def run_upstream(self, upstream):
        self.assertIn(upstream, ("Amqp", "Mqtt"))
        print(f"(EDGE_CRASH_SEED={SEED}) ", end="", flush=True)
        began, self.stops = time.monotonic(), 0
        self.place.routes(**ROUTES)
        self.begin(["m0", "m1", "m2"], ["l0", "l1"], upstream)
        while self.kills < ROUNDS:
            until = min(self.kills + CHAPTER, ROUNDS)
            while self.kills < until:
                self.one_round()
                self.crowd.check()
            self.die_draining()
            self.account()
            self.crowd.resume()
        total = sum(self.base.values())
        self.assertGreater(total, 20 * ROUNDS)
        print(f"({upstream}: {self.kills} kills, {self.stops} stops, {total} acknowledged, 0 lost, {self.duplicates} came twice, "
              f"{time.monotonic() - began:.0f} s) ", end="", flush=True)

    @unittest.skipUnless("Amqp" in UPSTREAMS, "EDGE_UPSTREAM names another")
    def test_nothing_acknowledged_is_lost_by_amqp(self):
        self.run_upstream("Amqp")

    @unittest.skipUnless("Mqtt" in UPSTREAMS, "EDGE_UPSTREAM names another")
    def test_nothing_acknowledged_is_lost_by_mqtt(self):
        self.run_upstream("Mqtt")


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
