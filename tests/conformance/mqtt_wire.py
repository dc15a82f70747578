"""MQTT 3.1.1 by hand: packets as bytes, and a connection (TLS, or WebSocket frames in it) that shows what came back."""
import base64
import os
import socket
import ssl
import time

SOON = 20  # seconds in which an answer comes, or a connection ends, on a machine that does other things as well


def number(value):
    return value.to_bytes(2, "big")


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return number(len(value)) + value


def length(value, bytes_at_least=1):
    """A remaining length; with `bytes_at_least` in a longer form than it needs."""
    out = b""
    while value > 0 or len(out) < bytes_at_least:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out[:-1] + bytes([out[-1] & 0x7f])


def packet(first, body=b"", bytes_at_least=1):
    return bytes([first]) + length(len(body), bytes_at_least) + body


def connect(client_id, user=None, password=None, *, clean=True, keep_alive=60, will=None, name="MQTT", level=4, flags=None,
            first=0x10, more=b"", bytes_at_least=1):
    """`will`: (topic, payload, QoS, retain). `flags` replaces those that fit the fields."""
    seen = 0x02 if clean else 0
    body = text(client_id)
    if will:
        seen |= 0x04 | will[2] << 3 | (0x20 if will[3] else 0)
        body += text(will[0]) + text(will[1])
    if user is not None:
        seen |= 0x80
        body += text(user)
    if password is not None:
        seen |= 0x40
        body += text(password)
    head = text(name) + bytes([level, seen if flags is None else flags]) + number(keep_alive)
    return packet(first, head + body + more, bytes_at_least)


def publish(topic, body=b"", qos=0, id=1, dup=False, retain=False):
    return packet(0x30 | dup << 3 | qos << 1 | retain, text(topic) + (number(id) if qos else b"") + body)


def subscribe(id, *filters, first=0x82):
    """`filters`: (filter, QoS)"""
    return packet(first, number(id) + b"".join(text(name) + bytes([qos]) for name, qos in filters))


def unsubscribe(id, *filters, first=0xa2):
    return packet(first, number(id) + b"".join(text(name) for name in filters))


def puback(id):
    return packet(0x40, number(id))


PINGREQ, PINGRESP, DISCONNECT = b"\xc0\x00", b"\xd0\x00", b"\xe0\x00"
ACCEPTED, RESUMED = bytes.fromhex("20020000"), bytes.fromhex("20020100")


class Message:
    """A PUBLISH that came."""

    def __init__(self, raw):
        body = raw[1 + next(n for n in range(1, 5) if raw[n] < 0x80):]
        size = int.from_bytes(body[:2], "big")
        self.dup, self.qos, self.retain = bool(raw[0] & 8), raw[0] >> 1 & 3, bool(raw[0] & 1)
        self.topic, rest = body[2:2 + size].decode(), body[2 + size:]
        self.id, self.body = (int.from_bytes(rest[:2], "big"), rest[2:]) if self.qos else (None, rest)

    def __repr__(self):
        return f"PUBLISH {self.topic} id={self.id} qos={self.qos} dup={self.dup} {self.body[:40]!r}"


class Ended(Exception):
    """The other side has ended the connection."""


class Wire:
    """One connection. What is sent and what has come are bytes; `login` is for who has nothing to say of CONNECT."""

    def __init__(self, host, address, trust, port=8883, context=None, session=None):
        context = context or ssl.create_default_context(cafile=trust)
        plain = socket.create_connection((address, port), timeout=SOON)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=host, session=session)
        self.kept = b""

    def close(self):
        """Without a word: a lost connection."""
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionError, ssl.SSLError):
            pass  # it has ended: the reader sees it

    def _more(self, until):
        self.socket.settimeout(max(until - time.monotonic(), 0.001))
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            data = b""
        if not data:
            raise Ended
        self.kept += data

    def packet(self, within=SOON):
        """The next whole packet, as bytes; Ended, or TimeoutError."""
        until = time.monotonic() + within
        while True:
            size = self._size()
            if size and len(self.kept) >= size:
                found, self.kept = self.kept[:size], self.kept[size:]
                return found
            self._more(until)

    def _size(self):
        value = 0
        for at in range(1, min(len(self.kept), 5)):
            value |= (self.kept[at] & 0x7f) << 7 * (at - 1)
            if self.kept[at] < 0x80:
                return 1 + at + value
        return 0

    def until_end(self, within=SOON):
        """Everything up to the end of the connection, which must come; (bytes, seconds)."""
        begin = time.monotonic()
        found = b""
        try:
            while True:
                found += self.packet(within - (time.monotonic() - begin))
        except Ended:
            return found + self.kept, time.monotonic() - begin

    def until_pong(self, within=SOON):
        """Everything that is said before the answer to a ping."""
        self.send(PINGREQ)
        found = b""
        while True:
            one = self.packet(within)
            if one == PINGRESP:
                return found
            found += one

    def login(self, who, clean=True, **more):
        """CONNECT; the CONNACK."""
        self.send(connect(who.name, who.user, who.token(), clean=clean, **more))
        return self.packet()

    def message(self, within=SOON):
        return Message(self.packet(within))


class WebSocket(Wire):
    """The same in frames: each send is one binary frame, or one for each piece of `pieces` bytes."""

    def __init__(self, host, address, trust, port=443, path="/$iothub/websocket", pieces=None):
        super().__init__(host, address, trust, port)
        self.pieces, self.raw = pieces, b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
                            .encode())
        while b"\r\n\r\n" not in self.raw:
            self.raw += self.socket.recv(4096)
        head, _, self.raw = self.raw.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self.headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])

    def frame(self, opcode, data, fin=True, masked=True):
        mask = os.urandom(4) if masked else b""
        size = len(data)
        head = bytes([(0x80 if fin else 0) | opcode])
        bit = 0x80 if masked else 0
        head += bytes([bit | size]) if size < 126 else bytes([bit | 126]) + number(size) if size < 65536 else \
            bytes([bit | 127]) + size.to_bytes(8, "big")
        if masked:
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        super().send(head + mask + data)

    def send(self, data):
        step = self.pieces or len(data)
        for at in range(0, len(data), step):
            self.frame(2, data[at:at + step])

    def _more(self, until):
        """One frame; of control frames only a close is of interest."""
        while True:
            frame = self._frame()
            if frame:
                break
            self.kept, kept = b"", self.kept
            try:
                super()._more(until)
                self.raw += self.kept
            finally:
                self.kept = kept
        opcode, data = frame
        if opcode == 8:
            raise Ended
        if opcode in (0, 2):
            self.kept += data

    def _frame(self):
        raw = self.raw
        if len(raw) < 2:
            return None
        size, at = raw[1] & 0x7f, 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, at = int.from_bytes(raw[2:2 + wide], "big"), 2 + wide
        if len(raw) < at + size:
            return None
        self.raw = raw[at + size:]
        return raw[0] & 0x0f, raw[at:at + size]
