"""The daemon, the agent and the cloud are killed at random; modules run on, and the state is told again.

EDGE_CRASH_ROUNDS is the number of kills, EDGE_CRASH_SEED repeats a run.
"""
import os
import random
import time

import cloud_case
from cloud_case import module
from services import signal_pid

ROUNDS = int(os.environ.get("EDGE_CRASH_ROUNDS", "12"))
SEED = int(os.environ.get("EDGE_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)


class CloudFaults(cloud_case.CloudCase):
    def kill(self, what):
        if what == "agent":
            pid = self.security.agent_pid()
            if pid:
                signal_pid(pid)
        elif what == "securityd":
            self.security.kill()
            self.security.launch()
        else:
            self.hub.kill()
            self.hub.start()

    def test_modules_never_notice(self):
        print(f"(EDGE_CRASH_SEED={SEED}) ", end="", flush=True)
        chance = random.Random(SEED)
        names = [f"m{i}" for i in range(4)]
        self.deploy({name: module(policy="always") for name in names})
        before = self.wait_running(*names, timeout=90)
        for number in range(ROUNDS):
            what = chance.choice(["agent", "securityd", "emulator"])
            with self.subTest(round=number, killed=what):
                self.kill(what)
                time.sleep(chance.uniform(0, 2.5))
                self.assertEqual(self.pids(*names), before)
        self.deploy({**{name: module(policy="always") for name in names}, "last": module()})
        self.wait_running("last", *names, timeout=240)
        self.assertEqual(self.pids(*names), before)


if __name__ == "__main__":
    cloud_case.main()
