"""A client of an edge hub's MQTT head that may also misbehave: sockets, bytes, and a thread that reads.

    client = mqtt_raw.Client(place, sensor)                     # connected; raises Refused(code)
    client.subscribe(f"{client.path}/inputs/in1/#")
    client.publish(f"{client.path}/messages/events/k=v", b"…")  # returns when its PUBACK has come
"""
import socket
import ssl
import struct
import threading
import time

import edge_hub

PORT = 8883
PATIENCE = 30
PUBLISH, PUBACK, SUBACK, PINGRESP = 3, 4, 9, 13


class Refused(Exception):
    """CONNACK said no: its code is the argument; None: the connection ended instead."""


class Lost(Exception):
    """The connection ended while an answer was due."""


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def packet(first, body=b""):
    size, head = len(body), bytes([first])
    while True:
        head += bytes([size % 128 | (128 if size > 127 else 0)])
        size //= 128
        if size == 0:
            return head + body


def connect(who, password=None, keep_alive=60, clean=True, user=None, name=None):
    return packet(0x10, text("MQTT") + bytes([4, 0xC0 | (2 if clean else 0)]) + struct.pack(">H", keep_alive) +
                  text(name or who.name) + text(user or who.user) + text(password or who.token()))


def publish(topic, body, number=0, qos=0):
    return packet(0x30 | qos << 1, text(topic) + (struct.pack(">H", number) if qos else b"") + body)


def subscribe(number, *filters, qos=1):
    return packet(0x82, struct.pack(">H", number) + b"".join(text(name) + bytes([qos]) for name in filters))


def dial(place, port=PORT, source=None, timeout=PATIENCE):
    """TLS to the hub, from an address of loopback if one is named."""
    below = socket.create_connection((edge_hub.ADDRESS, port), timeout, (source, 0) if source else None)
    try:
        return ssl.create_default_context(cafile=place.trust).wrap_socket(below, server_hostname=edge_hub.GATEWAY)
    except (OSError, ssl.SSLError):
        below.close()
        raise


class Client:
    def __init__(self, place, who, on_message=None, source=None, reading=True, **options):
        """`on_message(client, topic, body)`: in the reading thread, before the PUBACK: what is acknowledged is known. Without `reading` nothing is read after CONNACK."""
        self.path = f"devices/{who.device}" + (f"/modules/{who.module}" if who.module else "")
        self.on_message = on_message
        self.socket = dial(place, source=source)
        self.writing = threading.Lock()
        self.answers = threading.Condition()
        self.number, self.acked, self.ended = 0, set(), False
        self.buffer = b""
        self.send(connect(who, **options))
        self._admit()
        self.socket.settimeout(None)
        self.thread = threading.Thread(target=self._read, daemon=True) if reading else None
        if reading:
            self.thread.start()

    def _admit(self):
        try:
            first, body = self._packet()
        except (OSError, EOFError) as error:
            self.socket.close()
            raise Refused(None) from error
        if first >> 4 != 2 or body[1] != 0:
            self.socket.close()
            raise Refused(body[1])

    def send(self, data):
        with self.writing:
            self.socket.sendall(data)

    def _take(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _packet(self):
        first, size, shift = self._take(1)[0], 0, 0
        while True:
            byte = self._take(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, self._take(size)

    def _read(self):
        try:
            while True:
                self._handle(*self._packet())
        except (OSError, EOFError, ValueError):
            pass
        with self.answers:
            self.ended = True
            self.answers.notify_all()

    def _handle(self, first, body):
        kind = first >> 4
        if kind in (PUBACK, SUBACK):
            with self.answers:
                self.acked.add(struct.unpack(">H", body[:2])[0])
                self.answers.notify_all()
        elif kind == PUBLISH:
            size = struct.unpack(">H", body[:2])[0]
            topic, rest = body[2:2 + size].decode(), body[2 + size:]
            ident, rest = (rest[:2], rest[2:]) if first & 6 else (b"", rest)
            if self.on_message:
                self.on_message(self, topic, rest)
            if ident:
                self.send(packet(0x40, ident))

    def _next(self):
        with self.answers:
            self.number = self.number % 65535 + 1
            return self.number

    def wait(self, number, timeout=PATIENCE):
        """Until this packet is acknowledged; Lost when the connection ends first."""
        end = time.monotonic() + timeout
        with self.answers:
            while number not in self.acked:
                if self.ended:
                    raise Lost
                if not self.answers.wait(max(0, end - time.monotonic())):
                    raise AssertionError(f"no acknowledgement of packet {number} within {timeout} s")
            self.acked.discard(number)

    def ask(self, made, timeout=PATIENCE):
        """Send what `made(number)` returns and wait for its acknowledgement."""
        number = self._next()
        try:
            self.send(made(number))
        except OSError as error:
            raise Lost from error
        self.wait(number, timeout)

    def publish(self, topic, body, timeout=PATIENCE):
        self.ask(lambda number: publish(topic, body, number, 1), timeout)

    def subscribe(self, *filters, timeout=PATIENCE):
        self.ask(lambda number: subscribe(number, *filters), timeout)

    def close(self):
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)  # below TLS, which the other thread is still reading
        except OSError:
            pass
        if self.thread:
            self.thread.join()
        self.socket.close()
