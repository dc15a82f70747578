"""mosquitto_pub and mosquitto_sub, unmodified, against the MQTT head: over TCP and over TLS."""
import os
import signal
import subprocess
import tempfile
import threading
import unittest

PROGRAM = os.path.join(os.path.dirname(os.environ["EDGE_BIN"].rstrip("/")), "tests", "mqtt-test-server")
DEVICE = ("leaf", "hub.test/leaf/?api-version=2021-04-12&DeviceClientType=mosquitto")
MODULE = ("edge1/modA", "hub.test/edge1/modA/?api-version=2021-04-12")
EVENTS = "devices/leaf/messages/events/"
C2D = "devices/leaf/messages/devicebound/#"


class Server:
    """The test server; what its backend was asked is in `lines`."""

    def __init__(self, folder):
        self.ca = os.path.join(folder, "ca.pem")
        self.process = subprocess.Popen([PROGRAM, self.ca], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        _, self.tcp, self.tls = self.process.stdout.readline().split()
        self.lines = []
        self.log = ""
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=self._read), threading.Thread(target=self._read_log)]
        for thread in self.threads:
            thread.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def _read_log(self):
        self.log = self.process.stderr.read()

    def wait(self, line, seconds=10):
        """Until this line has been seen; the lines before it are dropped and returned."""
        with self.changed:
            found = self.changed.wait_for(lambda: line in self.lines, seconds)
            if not found:
                raise AssertionError(f"no {line!r} in {self.lines}")
            at = self.lines.index(line)
            before, self.lines = self.lines[:at], self.lines[at + 1:]
            return before

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(10)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        if code != 0 or "ERROR: " in self.log:
            raise AssertionError(f"the server ended with {code}: {self.log}")


class Mosquitto(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.server = Server(self.folder.name)
        self.addCleanup(self.server.end)

    def options(self, who, tls=False, password="secret"):
        where = ["-h", "localhost", "-p", self.server.tls, "--cafile", self.server.ca] if tls else \
                ["-h", "127.0.0.1", "-p", self.server.tcp]
        return where + ["-V", "mqttv311", "-i", who[0], "-u", who[1], "-P", password]

    def publish(self, topic, *more, who=DEVICE, qos=1, **options):
        """(exit code, what it said); its text goes by standard input."""
        done = subprocess.run(["mosquitto_pub", *self.options(who, **options), "-q", str(qos), "-t", topic, *more],
                              capture_output=True, timeout=30)
        return done.returncode, (done.stdout + done.stderr).decode()

    def subscribe(self, topic, count=1, who=DEVICE, more=(), qos=1, **options):
        """A subscriber that ends after `count` messages; its subscription has been taken."""
        client = subprocess.Popen(["mosquitto_sub", *self.options(who, **options), "-q", str(qos), "-t", topic,
                                   "-C", str(count), "-W", "20", "-v", *more],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def end():
            client.kill()
            client.communicate()

        self.addCleanup(end)
        return client

    def test_a_message_is_published(self):
        for tls in (False, True):
            for qos in (0, 1):
                self.assertEqual(self.publish(EVENTS + "k=v&%24.mid=m1", "-m", "hello", qos=qos, tls=tls), (0, ""))
                self.server.wait("send hello $.mid=m1 k=v")

    def test_many_messages_keep_their_order(self):
        lines = "".join(f"{i}\n" for i in range(500))
        done = subprocess.run(["mosquitto_pub", *self.options(DEVICE, tls=True), "-q", "1", "-t", EVENTS, "-l"],
                              input=lines, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        before = self.server.wait("send 499")
        self.assertEqual([line for line in before if line.startswith("send ")],
                         [f"send {i}" for i in range(499)])

    def test_who_is_refused_is_told_why(self):
        self.assertEqual(self.publish(EVENTS, "-m", "x", password="wrong")[0], 5)
        self.assertEqual(self.publish(EVENTS, "-m", "x", who=("leaf2", DEVICE[1]))[0], 5)
        self.assertEqual(self.publish(EVENTS, "-m", "x", who=("leaf", "hub.test/leaf"))[0], 3)
        self.assertFalse([line for line in self.server.lines if line.startswith("open")])

    def test_what_is_not_offered_ends_the_connection(self):
        self.assertNotEqual(self.publish(EVENTS, "-m", "x", qos=2)[0], 0)
        self.assertNotEqual(self.publish("devices/other/messages/events/", "-m", "x")[0], 0)
        self.assertNotEqual(self.publish("free/topic", "-m", "x")[0], 0)
        self.assertEqual(self.publish(EVENTS, "-m", "last")[0], 0)
        self.assertFalse([line for line in self.server.wait("send last") if line.startswith("send")])

    def test_a_message_of_256_kib_is_the_largest(self):
        path = os.path.join(self.folder.name, "body")
        for size, taken in ((256 * 1024, True), (256 * 1024 + 1, False)):
            with open(path, "wb") as file:
                file.write(b"x" * size)
            self.assertEqual(self.publish(EVENTS, "-f", path, tls=True)[0] == 0, taken, size)

    def test_a_message_is_received_and_acknowledged(self):
        for number, tls in enumerate((False, True), 1):
            client = self.subscribe(C2D, tls=tls)
            self.server.wait("sub 1 0")
            self.server.say("c2d leaf go on")
            out, err = client.communicate(timeout=20)
            self.assertEqual((out, err), ("devices/leaf/messages/devicebound/k=v&%24.mid=m%201 go on\n", ""))
            self.server.wait(f"settle {number} 0")

    def test_desired_properties_and_methods_arrive(self):
        client = self.subscribe("$iothub/twin/PATCH/properties/desired/#", who=MODULE, qos=0)
        self.server.wait("sub 8 0")
        self.server.say('desired edge1/modA {"a":1}')
        self.assertEqual(client.communicate(timeout=20)[0],
                         '$iothub/twin/PATCH/properties/desired/?$version=7 {"a":1}\n')
        client = self.subscribe("$iothub/methods/POST/#", who=MODULE, qos=0)
        self.server.wait("sub 16 0")
        self.server.say("method edge1/modA {}")
        self.assertEqual(client.communicate(timeout=20)[0], "$iothub/methods/POST/echo/?$rid=r-1 {}\n")

    def test_an_unknown_filter_ends_the_connection(self):
        client = self.subscribe("devices/other/messages/devicebound/#", more=("-d",))
        self.server.wait("close")
        client.kill()
        self.assertNotIn("SUBACK", client.communicate()[0])

    def test_a_second_connection_takes_over(self):
        first = self.subscribe(C2D)
        self.server.wait("sub 1 0")
        first.send_signal(signal.SIGSTOP)  # it is thrown out, and would come back before the other is done
        self.assertEqual(self.publish(EVENTS, "-m", "second")[0], 0)
        self.server.wait("send second")
        first.kill()

    def test_a_will_is_sent_for_who_dies(self):
        client = self.subscribe(C2D, more=("--will-topic", EVENTS, "--will-payload", "dead", "--will-qos", "1"))
        self.server.wait("sub 1 0")
        client.kill()
        self.server.wait("send dead iothub-MessageType=Will")

    def test_a_kept_session_is_resumed(self):
        client = self.subscribe(C2D, more=("-c",))
        self.server.wait("sub 1 0")
        client.terminate()
        self.server.wait("close")
        client = self.subscribe(C2D, more=("-c", "-d"))
        self.server.wait("open keep")
        self.server.wait("sub 1 0")
        self.server.say("c2d leaf again")
        self.assertIn("again", client.communicate(timeout=20)[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
