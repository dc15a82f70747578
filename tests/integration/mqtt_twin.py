"""IoT Hub's twin and methods for one module, played by an MQTT client of an ordinary broker.

The broker (Debian's mosquitto) is the independent half: it speaks MQTT, TLS and WebSocket to what is
tested. Topics are those of cloud.md 4.2; one device, so none of them names it.
"""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading

import sandbox
import services
from sandbox import wait_for

PLAIN, TLS, WEBSOCKET = 1883, 8883, 9443


def certificate(name):
    """A self-signed certificate for a host name: (certificate file, key file)."""
    cert, key = f"{sandbox.work()}/{name}.pem", f"{sandbox.work()}/{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=" + name, "-addext", f"subjectAltName=DNS:{name}",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class Broker(services.Service):
    def __init__(self, name="localhost"):
        self.cert, key = certificate(name)
        config = sandbox.work() + "/mosquitto.conf"
        tls = f"certfile {self.cert}\nkeyfile {key}\n"
        services.write_file(config, f"user root\nallow_anonymous true\nlog_dest stderr\nlog_type all\n"
                            f"listener {PLAIN} 127.0.0.1\nlistener {TLS} 127.0.0.1\n{tls}"
                            f"listener {WEBSOCKET} 127.0.0.1\nprotocol websockets\n{tls}")
        super().__init__("mosquitto", ["mosquitto", "-c", config])

    def ready(self):
        try:
            for port in (PLAIN, TLS, WEBSOCKET):
                socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)


class Client:
    """MQTT 3.1.1, QoS 0, as little as needed."""

    def __init__(self, on_message):
        self.socket = socket.create_connection(("127.0.0.1", PLAIN), 10)
        self.socket.settimeout(None)
        self.on_message = on_message
        self._send(0x10, self._text("MQTT") + b"\x04\x02\x00\x00" + self._text("the-hub"))
        assert self._packet()[0] >> 4 == 2
        self.thread = None

    def subscribe(self, *filters):
        self._send(0x82, b"\x00\x01" + b"".join(self._text(name) + b"\x00" for name in filters))
        assert self._packet()[0] >> 4 == 9
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def publish(self, topic, payload):
        self._send(0x30, self._text(topic) + payload.encode())

    def close(self):
        self.socket.close()

    @staticmethod
    def _text(text):
        return struct.pack(">H", len(text.encode())) + text.encode()

    def _send(self, kind, body):
        head, left = bytes([kind]), len(body)
        while True:
            left, digit = left >> 7, left & 0x7F
            head += bytes([digit | (0x80 if left else 0)])
            if not left:
                break
        self.socket.sendall(head + body)

    def _bytes(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _packet(self):
        kind, length, shift = self._bytes(1)[0], 0, 0
        while True:
            digit = self._bytes(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return kind, self._bytes(length)

    def _read(self):
        try:
            while True:
                kind, body = self._packet()
                if kind >> 4 == 3:
                    length = struct.unpack(">H", body[:2])[0]
                    self.on_message(body[2:2 + length].decode(), body[2 + length:].decode())
        except (EOFError, OSError):
            pass


def merge(target, patch):
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            merge(target[name], value)
        else:
            target[name] = value


class Hub:
    """The twin and what was done to it. It outlives the broker: connect() again after a restart."""

    def __init__(self):
        self.desired, self.reported = {}, {}
        self.desired_version = self.reported_version = 1
        self.gets, self.patches, self.answers = 0, [], {}
        self.calls = 0
        self.client = None
        self.mute = False

    def connect(self):
        if self.client:
            self.client.close()
        self.client = Client(self._heard)
        self.client.subscribe("$iothub/twin/GET/#", "$iothub/twin/PATCH/properties/reported/#",
                              "$iothub/methods/res/#")
        return self

    def _heard(self, topic, payload):
        rid = re.search(r"\?\$rid=(.*)", topic).group(1)
        if topic.startswith("$iothub/twin/GET/"):
            self.gets += 1
            twin = {"desired": {**self.desired, "$version": self.desired_version},
                    "reported": {**self.reported, "$version": self.reported_version}}
            if not self.mute:
                self.client.publish(f"$iothub/twin/res/200/?$rid={rid}", json.dumps(twin))
        elif topic.startswith("$iothub/twin/PATCH/"):
            patch = json.loads(payload)
            self.patches.append(patch)
            merge(self.reported, patch)
            self.reported_version += 1
            self.client.publish(f"$iothub/twin/res/204/?$rid={rid}&$version={self.reported_version}", "")
        else:
            self.answers[rid] = (int(topic.split("/")[3]), payload)

    def desire(self, patch, lose=False):
        merge(self.desired, patch)
        self.desired_version += 1
        if not lose:
            self.client.publish(f"$iothub/twin/PATCH/properties/desired/?$version={self.desired_version}",
                                json.dumps({**patch, "$version": self.desired_version}))

    def call(self, method, payload, timeout=40):
        self.calls += 1
        rid = f"call-{os.getpid()}-{self.calls}"
        self.client.publish(f"$iothub/methods/POST/{method}/?$rid={rid}", json.dumps(payload))
        return wait_for(lambda: self.answers.get(rid), timeout, f"the answer of {method}")
