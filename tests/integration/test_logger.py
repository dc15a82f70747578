"""edge-logger as the shim starts it: pipes on 3, 4 and 5, pairs in any order. EDGE_CRASH_SEED repeats a run."""
import array
import fcntl
import glob
import gzip
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest

LOGGER = sys.argv.pop(1)
SEED = int(os.environ.get("EDGE_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
PATIENCE = 40
DISK = os.environ.get("TEST_SMALL_DISK")  # a tmpfs of 256 KiB, when run inside its own mounts


def wait_for(what, seconds=PATIENCE):
    """Poll: a file's content has no event that Python's library offers."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError("waited too long")
        select.select([], [], [], 0.01)


class Logger:
    def __init__(self, folder, **options):
        self.folder = os.path.join(folder, "c1")
        pairs = {"dir": folder, "id": "c1", "name": "module"}
        pairs.update({k.replace("_", "-"): str(v) for k, v in options.items()})
        order = list(pairs.items())
        random.shuffle(order)
        outs, errs, ready = os.pipe(), os.pipe(), os.pipe()

        def place():
            for high, low in ((outs[0], 40), (errs[0], 41), (ready[1], 42)):
                os.dup2(high, low)
            for low, want in ((40, 3), (41, 4), (42, 5)):
                os.dup2(low, want)
            os.closerange(6, 100)

        self.process = subprocess.Popen([LOGGER] + [w for pair in order for w in pair],
                                        env={"CONTAINER_ID": "c1"}, preexec_fn=place, close_fds=False,
                                        stdin=subprocess.DEVNULL)
        for fd in (outs[0], errs[0], ready[1]):
            os.close(fd)
        self.out, self.err = outs[1], errs[1]
        if not select.select([ready[0]], [], [], PATIENCE)[0] or os.read(ready[0], 1) != b"":
            raise AssertionError("not ready")
        os.close(ready[0])

    def write(self, data, fd=None):
        data = data if isinstance(data, bytes) else data.encode()
        while data:
            data = data[os.write(fd or self.out, data):]

    def end(self):
        for fd in (self.out, self.err):
            os.close(fd)
        code = self.process.wait(PATIENCE)
        if code != 0:
            raise AssertionError(f"exit code {code}")

    def idle(self):
        """Has it taken all there is, and sleeps?"""
        waiting = array.array("i", [0])
        fcntl.ioctl(self.out, termios.FIONREAD, waiting)
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            return waiting[0] == 0 and f.read().split()[2] == "S"

    def kill(self):
        self.process.kill()
        self.process.wait()
        for fd in (self.out, self.err):
            os.close(fd)


def files(folder):
    """Oldest first."""
    def slot(path):
        parts = path.split("module.log", 1)[1].split(".")
        return -int(parts[1]) if len(parts) > 1 else 0
    return sorted((p for p in glob.glob(folder + "/module.log*") if not p.endswith("tmp")), key=slot)


def lines(folder):
    while True:  # a rotation or compression may move a file between listing and opening
        try:
            return read_lines(folder)
        except FileNotFoundError:
            pass


def read_lines(folder):
    result = []
    for path in files(folder):
        opened = gzip.open(path) if path.endswith(".gz") else open(path, "rb")
        with opened as f:
            for line in f.read().split(b"\n"):
                try:
                    result.append(json.loads(line))
                except ValueError:
                    pass
    return result


def text(folder):
    return "".join(line["log"] for line in lines(folder))


class LoggerTest(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.dir = self.temp.name
        self.folder = os.path.join(self.dir, "c1")
        self.addCleanup(self.temp.cleanup)

    def start(self, **options):
        logger = Logger(self.dir, **options)
        self.addCleanup(lambda: logger.process.poll() is None and logger.process.kill())
        return logger

    def test_lines_of_both_streams_arrive_as_docker_writes_them(self):
        logger = self.start()
        logger.write('hello <"w\u00f6rld">\n')
        wait_for(lambda: len(lines(self.folder)) == 1)
        logger.write("oops\n", logger.err)
        wait_for(lambda: len(lines(self.folder)) == 2)
        logger.end()
        first, second = lines(self.folder)
        self.assertEqual(list(first), ["log", "stream", "time"])
        self.assertEqual(first["log"], 'hello <"w\u00f6rld">\n')
        self.assertEqual([first["stream"], second["stream"]], ["stdout", "stderr"])
        self.assertRegex(first["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
        mode = os.stat(self.folder + "/module.log").st_mode & 0o777
        self.assertEqual(mode & ~0o640, 0)

    def test_a_prompt_without_line_end_shows_after_a_pause_and_at_the_end(self):
        logger = self.start()
        logger.write("login: ")
        wait_for(lambda: text(self.folder) == "login: ")
        logger.write("root\nbye")
        logger.end()
        self.assertEqual([line["log"] for line in lines(self.folder)], ["login: ", "root\n", "bye"])

    def test_long_lines_are_cut_and_nothing_is_lost(self):
        logger = self.start()
        data = "x" * 100000 + "\n" + "\u20ac" * 20000 + "\n"
        logger.write(data)
        logger.end()
        got = lines(self.folder)
        self.assertEqual("".join(line["log"] for line in got), data)
        self.assertTrue(all(len(line["log"].encode()) <= 16385 for line in got))

    def test_rotation_keeps_the_newest_files_within_their_size(self):
        logger = self.start(max_size=10000, max_file=3)
        for n in range(2000):
            logger.write(f"line {n}\n")
        logger.end()
        self.assertEqual([os.path.basename(p) for p in files(self.folder)],
                         ["module.log.2", "module.log.1", "module.log"])
        self.assertTrue(all(os.path.getsize(p) <= 10000 for p in files(self.folder)))
        numbers = [int(line["log"].split()[1]) for line in lines(self.folder)]
        self.assertEqual(numbers, list(range(numbers[0], 2000)))
        self.assertGreater(len(numbers), 200)

    def test_one_file_only_starts_over(self):
        logger = self.start(max_size=5000, max_file=1)
        for n in range(500):
            logger.write(f"line {n}\n")
        logger.end()
        self.assertEqual(len(files(self.folder)), 1)
        self.assertEqual(lines(self.folder)[-1]["log"], "line 499\n")

    def test_rotated_files_are_compressed_when_there_is_time(self):
        logger = self.start(max_size=50000, max_file=4, compress=1)
        for n in range(1500):
            logger.write(f"line {n} {'y' * 60}\n")
        wait_for(lambda: [p for p in files(self.folder) if p.endswith(".gz")] == files(self.folder)[:-1]
                 and len(files(self.folder)) == 4)
        logger.end()
        numbers = [int(line["log"].split()[1]) for line in lines(self.folder)]
        self.assertEqual(numbers, list(range(numbers[0], 1500)))

    def test_a_restart_goes_on_in_the_same_file(self):
        for n in range(3):
            logger = self.start()
            logger.write(f"run {n}\n")
            logger.end()
        self.assertEqual(text(self.folder), "run 0\nrun 1\nrun 2\n")

    def test_killed_anywhere_the_next_start_loses_at_most_what_was_not_written(self):
        written = 0
        for n in range(25):
            logger = self.start(max_size=4000, max_file=400, compress=n % 2)
            for _ in range(random.randint(1, 300)):
                logger.write(f"line {written}\n")
                written += 1
            if n % 3 == 0:  # wait for something to be on disk, so that the kill falls in mid-work
                wait_for(lambda: text(self.folder) != "")
            logger.kill()
        logger = self.start(max_size=4000, max_file=400, compress=1)
        logger.write("the last\n")
        wait_for(lambda: text(self.folder).endswith("the last\n"))
        wait_for(lambda: all(p.endswith(".gz") for p in files(self.folder)[:-1]))
        logger.end()
        numbers = [int(line["log"].split()[1]) for line in lines(self.folder)[:-1]]
        self.assertEqual(numbers, sorted(set(numbers)), "in order, none twice")
        self.assertGreater(len(numbers), 0)
        self.assertEqual(glob.glob(self.folder + "/*tmp"), [])
        slots = [int(p.split("module.log.")[1].split(".")[0]) for p in files(self.folder)[:-1]]
        self.assertEqual(len(slots), len(set(slots)))

    def test_a_torn_last_line_does_not_harm_the_next(self):
        os.mkdir(self.folder)
        with open(self.folder + "/module.log", "w", encoding="utf-8") as f:
            f.write('{"log":"half')
        logger = self.start()
        logger.write("whole\n")
        logger.end()
        self.assertEqual(text(self.folder), "whole\n")

    def test_sigterm_does_not_cut_off_what_is_still_in_the_pipe(self):
        logger = self.start()
        logger.process.send_signal(signal.SIGTERM)
        for n in range(1000):
            logger.write(f"line {n}\n")
        logger.process.send_signal(signal.SIGTERM)
        logger.end()
        self.assertEqual(len(lines(self.folder)), 1000)

    def test_one_stream_may_end_long_before_the_other(self):
        logger = self.start()
        os.close(logger.out)
        logger.write("still here\n", logger.err)
        wait_for(lambda: len(lines(self.folder)) == 1)
        self.assertIsNone(logger.process.poll())
        os.close(logger.err)
        self.assertEqual(logger.process.wait(PATIENCE), 0)

    def test_it_reads_on_when_it_cannot_write_anywhere(self):
        for options in ({"dir": "/proc/nowhere"}, {"id": "../escape"}, {"max_size": "x", "max_file": "-1"}):
            logger = self.start(**options)
            logger.write("x\n" * 200000)
            logger.end()
        self.assertFalse(os.path.exists(os.path.join(self.dir, "../escape")))

    def test_a_log_removed_or_emptied_under_it_starts_again(self):
        logger = self.start()
        logger.write("one\n")
        wait_for(lambda: len(lines(self.folder)) == 1)
        os.unlink(self.folder + "/module.log")
        os.rmdir(self.folder)
        logger.write("two\n")
        wait_for(lambda: text(self.folder) == "two\n")
        os.truncate(self.folder + "/module.log", 0)
        logger.write("three\n")
        wait_for(lambda: text(self.folder) == "three\n")
        logger.end()

    def status(self, logger, name):
        with open(f"/proc/{logger.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(name + ":"))

    def test_idle_it_never_wakes_and_it_stays_small(self):
        logger = self.start(max_size=1000000, compress=1)
        logger.write("x" * 1000000 + "\n" + "line\n" * 300000)
        # It sleeps, and then nothing is left to be compressed: so it has slept since.
        wait_for(lambda: logger.idle() and len(files(self.folder)) > 1
                 and all(p.endswith(".gz") for p in files(self.folder)[:-1]))
        self.assertTrue(text(self.folder).endswith("line\n"))
        before = self.status(logger, "voluntary_ctxt_switches")
        select.select([], [], [], 3)
        self.assertLessEqual(self.status(logger, "voluntary_ctxt_switches") - before, 1,
                             "it may have been on its way to sleep")
        if "asan" not in LOGGER and "tsan" not in LOGGER:
            self.assertLess(self.status(logger, "RssAnon"), 1024, "KiB of its own")
            self.assertEqual(self.status(logger, "Threads"), 1)
        logger.end()


if DISK:
    class FullDiskTest(unittest.TestCase):
        def test_a_full_disk_costs_lines_that_are_counted_and_nothing_else(self):
            logger = Logger(DISK, max_size=10000000, max_file=2)
            ballast = os.path.join(DISK, "ballast")
            with open(ballast, "wb") as f:
                f.write(b"x" * 100000)
            for n in range(10000):
                logger.write(f"line {n}\n")
            wait_for(lambda: logger.idle())
            self.assertEqual(os.statvfs(DISK).f_bavail, 0)
            os.unlink(ballast)
            written = len(lines(logger.folder))

            def told():
                logger.write("after\n")
                return any("lines lost here" in line["log"] for line in lines(logger.folder))
            wait_for(told)
            logger.end()
            got = lines(logger.folder)
            numbers = [int(line["log"].split()[1]) for line in got if line["log"].startswith("line")]
            notices = [line for line in got if "lines lost here" in line["log"]]
            lost = sum(int(line["log"].split()[1]) for line in notices)
            self.assertGreater(written, 0)
            self.assertEqual(numbers, sorted(set(numbers)))
            self.assertEqual(10000 - len(numbers), lost)
            self.assertIn("No space left", notices[0]["log"])
            self.assertEqual(notices[0]["stream"], "stderr")


if __name__ == "__main__":
    print(f"EDGE_CRASH_SEED={SEED}", flush=True)
    random.seed(SEED)
    unittest.main()
