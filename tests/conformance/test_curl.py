"""curl, unmodified, against the management API: shapes and codes that IoT Edge's tools expect."""
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import case  # noqa: E402
from case import module  # noqa: E402


class Curl(case.AgentCase):
    def setUp(self):
        super().setUp()
        self.deploy({"m": module("echo out; echo err >&2; " + case.IDLE)})
        self.wait_running("m")

    def curl(self, path, *arguments):
        """(status, body bytes)"""
        done = subprocess.run(["curl", "-sS", "--max-time", "20", "--unix-socket", self.agent.rundir + "/mgmt.sock",
                               "-w", "\n%{http_code}", *arguments, "http://localhost" + path],
                              capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        body, _, code = done.stdout.rpartition(b"\n")
        return int(code), body

    def test_modules_are_listed_with_and_without_an_api_version(self):
        for path in ("/modules", "/modules?api-version=2018-06-28", "/modules/?api-version=2022-08-03"):
            code, body = self.curl(path)
            self.assertEqual((code, [m["name"] for m in json.loads(body)["modules"]]), (200, ["m"]), path)

    def test_one_module(self):
        code, body = self.curl("/modules/m?api-version=2018-06-28")
        self.assertEqual((code, json.loads(body)["name"]), (200, "m"))

    def test_errors_are_json_with_a_message(self):
        for path, arguments, wanted in (("/modules/nobody", (), 404), ("/nowhere", (), 404),
                                        ("/modules", ("-X", "DELETE"), 405), ("/apply", ("-d", "{half"), 400)):
            code, body = self.curl(path, *arguments)
            self.assertEqual(code, wanted, path)
            self.assertTrue(json.loads(body)["message"], path)

    def test_apply_of_a_schema_of_the_future_is_412_and_of_nothing_417(self):
        text = case.deployment({}, schema="9.0")
        self.assertEqual(self.curl("/apply", "--data-binary", text)[0], 412)
        self.assertEqual(self.curl("/apply", "--data-binary", "{}")[0], 417)

    def test_restart_is_204(self):
        pid = self.pid("m")
        self.assertEqual(self.curl("/modules/m/restart?api-version=2018-06-28", "-X", "POST"), (204, b""))
        self.wait(lambda: self.pid("m") not in (0, pid), "a new process")

    def test_logs_come_in_frames_of_both_streams(self):
        self.wait_output("m", "err")
        code, body = self.curl("/modules/m/logs?tail=all")
        self.assertEqual(code, 200)
        texts = {1: b"", 2: b""}
        while body:
            stream, length = struct.unpack(">B3xI", body[:8])
            texts[stream] += body[8:8 + length]
            body = body[8 + length:]
        self.assertIn(b"out\n", texts[1])
        self.assertIn(b"err\n", texts[2])

    def test_request_that_is_too_large_is_refused_and_the_next_one_served(self):
        path = self.agent.deployment + ".huge"
        with open(path, "wb") as file:
            file.write(b" " * (64 << 20))
        done = subprocess.run(["curl", "-sS", "--max-time", "20", "--unix-socket", self.agent.rundir + "/mgmt.sock",
                               "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@" + path,
                               "http://localhost/apply"], capture_output=True, text=True)
        self.assertNotEqual(done.stdout[-3:], "200")
        self.assertEqual(self.curl("/modules")[0], 200)

    def test_request_that_is_no_http_ends_its_connection_only(self):
        import socket
        for junk in (b"\0" * 5000, b"GET\r\n\r\n", b"POST /apply HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                     b"GET /modules HTTP/1.1\r\n" + b"X: y\r\n" * 20000):
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(5)
                link.connect(self.agent.rundir + "/mgmt.sock")
                try:
                    link.sendall(junk)
                    link.shutdown(socket.SHUT_WR)
                    while link.recv(65536):
                        pass
                except OSError:
                    pass
        self.assertEqual(self.curl("/modules")[0], 200)


if __name__ == "__main__":
    case.main()
