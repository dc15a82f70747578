"""The management API and edgectl, against a made-up agent (manage_fake.c)."""
import http.client
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

FAKE, EDGECTL = sys.argv.pop(1), sys.argv.pop(1)
PATIENCE = 40


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


def log_line(text, second=0, stream="stdout"):
    return json.dumps({"log": text, "stream": stream,
                       "time": f"2024-01-01T00:00:{second:02}.000000001Z"}, separators=(",", ":")) + "\n"


def frames(data):
    result = []
    at = 0
    while at < len(data):
        stream, length = struct.unpack_from(">BxxxI", data, at)
        result.append((stream, data[at + 8:at + 8 + length].decode()))
        at += 8 + length
    return result


class Base(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.dir = temp.name
        self.socket = self.dir + "/run/mgmt.sock"
        self.uri = "unix://" + self.socket
        os.makedirs(self.dir + "/logs/cam-id")
        self.log = self.dir + "/logs/cam-id/module.log"
        self.fake = subprocess.Popen([FAKE, self.uri, self.dir + "/logs"])
        self.addCleanup(self.stop)
        end = time.monotonic() + PATIENCE
        while not os.path.exists(self.socket):
            self.assertLess(time.monotonic(), end)
            select.select([], [], [], 0.01)

    def stop(self):
        if self.fake.returncode is None:
            self.fake.terminate()
            self.assertEqual(self.fake.wait(PATIENCE), 0)

    def write_log(self, *lines):
        with open(self.log, "a", encoding="utf-8") as f:
            f.write("".join(lines))


class ApiTest(Base):
    def ask(self, method, path, body=None):
        connection = Connection(self.socket)
        connection.request(method, path, body)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        self.headers = response.headers
        return response.status, data

    def ask_json(self, method, path, body=None):
        status, data = self.ask(method, path, body)
        self.assertEqual(self.headers["Content-Type"], "application/json")
        return status, json.loads(data)

    def test_modules_are_listed_and_shown(self):
        status, body = self.ask_json("GET", "/modules?api-version=2018-06-28")
        self.assertEqual(status, 200)
        self.assertEqual([m["name"] for m in body["modules"]], ["busy", "cam", "quiet"])
        self.assertEqual(self.ask_json("GET", "/modules/"), (200, body))
        self.assertEqual(self.ask_json("GET", "/modules/cam"), (200, body["modules"][1]))
        self.assertEqual(self.ask_json("GET", "/systeminfo")[1]["version"], "9.9")

    def test_what_is_not_there_or_not_allowed_is_said(self):
        for path in ("/", "/none", "/modules/cam/none", "/modules/cam/logs/more", "/modules//logs"):
            self.assertEqual(self.ask_json("GET", path), (404, {"message": "not found"}))
        self.assertEqual(self.ask_json("GET", "/modules/none"), (404, {"message": "no module named none"}))
        for method, path, allowed in (("DELETE", "/modules/cam", "GET"), ("GET", "/plan", "POST"),
                                      ("GET", "/modules/cam/restart", "POST"), ("PUT", "/modules", "GET")):
            self.assertEqual(self.ask_json(method, path), (405, {"message": "method not allowed"}))
            self.assertEqual(self.headers["Allow"], allowed)
        self.assertEqual(self.ask("POST", "/plan", b"x" * (1024 * 1024 + 1))[0], 413)

    def test_acts_are_begun_or_refused(self):
        for verb in ("restart", "start", "stop"):
            self.assertEqual(self.ask("POST", f"/modules/cam/{verb}"), (204, b""))
            self.assertEqual(self.ask_json("POST", f"/modules/busy/{verb}"),
                             (409, {"message": f"cannot {verb} busy now"}))
            self.assertEqual(self.ask_json("POST", f"/modules/none/{verb}"),
                             (404, {"message": "no module named none"}))

    def test_documents_are_planned_applied_or_refused_with_their_codes(self):
        self.assertEqual(len(self.ask_json("POST", "/plan", "good")[1]["steps"]), 2)
        self.assertEqual(self.ask_json("POST", "/apply", "good"), (200, {"code": 200, "description": ""}))
        for word, code in (("bad", 400), ("schema", 412), ("empty", 417)):
            self.assertEqual(self.ask_json("POST", "/plan", word), (400, {"message": f'module cam: "{word}"'}))
            self.assertEqual(self.ask_json("POST", "/apply", word), (code, {"message": f'module cam: "{word}"'}))

    def test_logs_are_frames_of_both_streams(self):
        self.write_log(log_line("one\n", 1), log_line("two\n", 2, "stderr"), log_line("thr", 3), log_line("ee\n", 3))
        status, data = self.ask("GET", "/modules/cam/logs")
        self.assertEqual((status, self.headers["Content-Type"]), (200, "text/plain"))
        self.assertEqual(frames(data), [(1, "one\n"), (2, "two\n"), (1, "thr"), (1, "ee\n")])
        stamped = frames(self.ask("GET", "/modules/cam/logs?timestamps=true&tail=2")[1])
        self.assertEqual(stamped, [(1, "2024-01-01T00:00:03.000000001Z thr"), (1, "ee\n")])
        data = self.ask("GET", "/modules/cam/logs?since=1704067202&until=2024-01-01T00:00:02.5Z")[1]
        self.assertEqual(frames(data), [(2, "two\n")])
        self.assertEqual(self.ask("GET", "/modules/cam/logs?since=1h"), (200, b""))
        self.assertEqual(self.ask("GET", "/modules/quiet/logs"), (200, b""))
        self.assertEqual(self.ask("GET", "/modules/none/logs")[0], 404)

    def test_a_wrong_parameter_is_named(self):
        for query in ("tail=-1", "tail=x", "tail=1x", "tail=", "since=never", "until=", "follow=maybe",
                      "timestamps=2"):
            status, body = self.ask_json("GET", "/modules/cam/logs?" + query)
            self.assertEqual(status, 400)
            self.assertTrue(body["message"].startswith(query.split("=")[0] + ": "), body)
        self.assertEqual(self.ask_json("GET", "/modules?watch=perhaps")[0], 400)

    def stream(self, path):
        connection = Connection(self.socket)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        return response

    def frame(self, response):
        stream, length = struct.unpack(">BxxxI", response.read(8))
        return stream, response.read(length).decode()

    def test_followed_logs_go_on_across_rotation(self):
        self.write_log(log_line("one\n"), log_line("two\n"))
        response = self.stream("/modules/cam/logs?follow=true&tail=1")
        self.assertEqual(self.frame(response), (1, "two\n"))
        for n in range(5):
            self.write_log(log_line(f"more {n}\n", 0, "stderr"))
            self.assertEqual(self.frame(response), (2, f"more {n}\n"))
            os.rename(self.log, f"{self.log}.{5 - n}")
        quiet = self.stream("/modules/quiet/logs?follow=1")
        os.mkdir(self.dir + "/logs/quiet-id")
        with open(self.dir + "/logs/quiet-id/module.log", "w", encoding="utf-8") as f:
            f.write(log_line("first\n"))
        self.assertEqual(self.frame(quiet), (1, "first\n"))

    def test_a_log_followed_up_to_a_time_ends(self):
        self.write_log(log_line("one\n"))
        response = self.stream("/modules/cam/logs?follow=true&until=2024-06-01T00:00:00Z")
        self.assertEqual(frames(response.read()), [(1, "one\n")])

    def memory(self):
        with open(f"/proc/{self.fake.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("RssAnon:"))

    def test_a_client_that_does_not_read_holds_nothing_up(self):
        with open(self.log, "w", encoding="utf-8") as f:
            for n in range(200000):
                f.write(log_line(f"{n} {'z' * 100}\n"))
        self.ask("GET", "/modules")
        before = self.memory()
        slow = [self.stream("/modules/cam/logs") for _ in range(5)]
        for _ in range(20):
            self.assertEqual(self.ask("GET", "/modules")[0], 200)
        if "asan" not in FAKE and "tsan" not in FAKE:
            self.assertLess(self.memory() - before, 16 * 1024, "KiB for five readers")
        data = slow[0].read()
        got = frames(data)
        self.assertEqual(len(got), 200000)
        self.assertTrue(got[-1][1].startswith("199999 "))

    def test_watchers_hear_of_changes_once_each(self):
        response = self.stream("/modules?watch=true")
        counts = [json.loads(response.readline())["modules"][0]["restartCount"]]
        for n in range(1, 4):
            self.fake.send_signal(signal.SIGUSR1)
            counts.append(json.loads(response.readline())["modules"][0]["restartCount"])
        self.assertEqual(counts, [0, 1, 2, 3])

    def test_it_ends_at_once_with_clients_in_the_middle_of_everything(self):
        self.write_log(log_line("one\n"))
        responses = [self.stream("/modules?watch=true"), self.stream("/modules/cam/logs?follow=true")]
        self.frame(responses[1])
        begun = time.monotonic()
        self.stop()
        self.assertLess(time.monotonic() - begun, 5)
        self.assertFalse(os.path.exists(self.socket))

    def switches(self):
        total = 0
        for task in os.listdir(f"/proc/{self.fake.pid}/task"):
            with open(f"/proc/{self.fake.pid}/task/{task}/status", encoding="ascii") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("voluntary"))
        return total

    def test_idle_it_never_wakes_and_a_follower_costs_little(self):
        self.write_log(log_line("one\n"))
        watcher = self.stream("/modules?watch=true")
        watcher.readline()
        before = self.switches()
        select.select([], [], [], 3)
        self.assertLessEqual(self.switches() - before, 1, "it may have been on its way to sleep")
        response = self.stream("/modules/cam/logs?follow=true")
        self.frame(response)
        select.select([], [], [], 3)  # until it looks at its slowest
        before = self.switches()
        select.select([], [], [], 3)
        self.assertLess(self.switches() - before, 100 if "tsan" in FAKE else 20, "its runtime wakes, too")
        response.close()


class EdgectlTest(Base):
    def run_it(self, *words, stdin=None, host=True):
        command = [EDGECTL] + (["--host", self.uri] if host else []) + list(words)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def test_list_is_a_table_or_json(self):
        code, out, _ = self.run_it("list")
        self.assertEqual(code, 0)
        rows = out.splitlines()
        self.assertEqual(rows[0].split(), ["NAME", "STATUS", "DESCRIPTION", "CONFIG"])
        self.assertEqual(rows[2].split(), ["cam", "running", "Up", "2", "days", "registry:5000/?[31mcam:1"])
        self.assertEqual(len({row.index("Up") for row in rows[1:]} | {rows[0].index("DESC")}), 1)
        code, out, _ = self.run_it("--json", "list")
        self.assertEqual((code, [m["name"] for m in json.loads(out)]), (0, ["busy", "cam", "quiet"]))

    def test_watch_prints_again_after_a_change(self):
        for json_wanted in (True, False):
            words = [EDGECTL, "--host", self.uri, "list", "--watch"] + ["--json"] * json_wanted
            with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
                first = process.stdout.readline()
                if json_wanted:
                    count = json.loads(first)[0]["restartCount"]
                    self.fake.send_signal(signal.SIGUSR1)
                    self.assertEqual(json.loads(process.stdout.readline())[0]["restartCount"], count + 1)
                else:
                    for _ in range(3):
                        process.stdout.readline()
                    self.fake.send_signal(signal.SIGUSR1)
                    self.assertEqual(process.stdout.readline(), "\n")
                    self.assertEqual(process.stdout.readline(), first)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(PATIENCE), -signal.SIGINT)

    def test_logs_go_to_the_streams_they_came_from(self):
        self.write_log(log_line("one\n", 1), log_line("two\n", 2, "stderr"), log_line("three\n", 3))
        self.assertEqual(self.run_it("logs", "cam"), (0, "one\nthree\n", "two\n"))
        self.assertEqual(self.run_it("logs", "--tail", "1", "cam", "--timestamps"),
                         (0, "2024-01-01T00:00:03.000000001Z three\n", ""))
        self.assertEqual(self.run_it("logs", "cam", "--until", "2024-01-01T00:00:02Z", "--tail", "all"),
                         (0, "one\n", ""))
        self.assertEqual(self.run_it("logs", "quiet"), (0, "", ""))

    def test_followed_logs_end_quietly_with_their_reader(self):
        self.write_log(log_line("one\n"))
        process = subprocess.Popen([EDGECTL, "--host", self.uri, "logs", "-f", "cam"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"one\n")
        process.stdout.close()
        self.write_log(log_line("two\n"))
        process.wait(PATIENCE)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_deployments_are_planned_and_applied(self):
        path = self.dir + "/deployment.json"
        with open(path, "w", encoding="utf-8") as f:
            f.write("good")
        code, out, _ = self.run_it("plan", path)
        self.assertEqual((code, [row.split() for row in out.splitlines()]),
                         (0, [["STEP", "MODULE", "REASON"], ["1", "pull", "cam", "new"],
                              ["2", "start", "cam", "stopped"]]))
        self.assertEqual(self.run_it("apply", path)[0], 0)
        self.assertEqual(json.loads(self.run_it("--json", "apply", "-", stdin="good")[1])["code"], 200)
        for word, status in (("bad", 400), ("schema", 412), ("empty", 417)):
            self.assertEqual(self.run_it("apply", "-", stdin=word),
                             (5, "", f'edgectl: refused with code {status}: module cam: "{word}"\n'))
        self.assertEqual(self.run_it("plan", "-", stdin="bad")[0], 5)
        self.assertEqual(self.run_it("plan", "-", stdin="")[0], 5)
        code, _, err = self.run_it("plan", self.dir + "/none.json")
        self.assertEqual(code, 1)
        self.assertIn("none.json", err)

    def test_exit_codes_tell_what_went_wrong(self):
        self.assertEqual(self.run_it("restart", "cam"), (0, "Restarted cam\n", ""))
        self.assertEqual(self.run_it("restart", "none"), (4, "", "edgectl: no module named none\n"))
        self.assertEqual(self.run_it("restart", "busy")[0], 1)
        self.assertEqual(self.run_it("logs", "none")[0], 4)
        code, _, err = self.run_it("logs", "cam", "--tail", "x")
        self.assertEqual((code, err.split("x")[0]), (2, "edgectl: tail: `"))
        for words in ([], ["nonsense"], ["list", "more"], ["logs"], ["list", "--tail", "1"],
                      ["logs", "cam", "--watch"], ["--nonsense"], ["plan"]):
            code, out, err = self.run_it(*words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertNotEqual(err, "")
        self.stop()
        code, _, err = self.run_it("list")
        self.assertEqual(code, 3)
        self.assertIn(f"cannot reach the agent at {self.uri}: is edge-agent running?", err)
        self.assertEqual(self.run_it("--host", "nonsense", "list", host=False)[0], 2)

    def test_the_configuration_says_where_the_agent_is(self):
        path = self.dir + "/config.yaml"
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"listen:\n  management_uri: {self.uri}\n")
        self.assertEqual(self.run_it("--config", path, "list", host=False)[0], 0)
        with open(path, "w", encoding="utf-8") as f:
            f.write("listen: [")
        code, _, err = self.run_it("--config", path, "list", host=False)
        self.assertEqual(code, 1)
        self.assertIn(path, err)

    def test_check_passes_or_names_what_fails(self):
        code, out, _ = self.run_it("check")
        self.assertEqual(code, 1)
        self.assertIn("ok     agent: version 9.9", out)
        self.assertIn("ok     deployment: accepted", out)
        self.assertIn("FAILED module busy: unhealthy, Up 2 days", out)
        results = json.loads(self.run_it("check", "--json")[1])
        self.assertEqual([r["ok"] for r in results], [True, True, False, True, True])

    def test_help_and_version_need_no_agent(self):
        self.stop()
        code, out, _ = self.run_it("--help")
        self.assertEqual(code, 0)
        self.assertIn("exit codes:", out)
        self.assertRegex(self.run_it("version")[1], r"^edgectl \d+\.\d+\.\d+\n$")
        self.assertIn("version", json.loads(self.run_it("version", "--json")[1]))


if __name__ == "__main__":
    unittest.main()
