"""Clients of a test's own making: Qpid Proton with IoT Hub's CBS, and MQTT 3.1.1 packet by packet, which sees what
libraries hide. Both also in a WebSocket."""
import base64
import contextlib
import functools
import itertools
import os
import select
import socket
import ssl
import struct
import threading
import time

import proton
import proton.reactor
import proton.utils


counted = itertools.count()


def source():
    """An address of its own on loopback: who is refused too often has only few lines in a server's log."""
    count = next(counted)
    return f"127.8.{count // 250 % 250}.{count % 250 + 1}", 0


@functools.cache
def context_of(ca, cert):
    context = ssl.create_default_context(cafile=ca)
    if cert:
        context.load_cert_chain(*cert)
    return context


def dial(host, port, ca, cert=None, timeout=20):
    """TLS from a new address, perhaps with a certificate."""
    return context_of(ca, cert).wrap_socket(socket.create_connection((host, port), timeout, source()), server_hostname=host)


class WebSocket:
    """A stream in binary frames, with the few methods of a socket that the clients here use."""

    def __init__(self, host, protocol, below):
        self.below, self.raw, self.close, self.settimeout = below, b"", below.close, below.settimeout
        key = base64.b64encode(os.urandom(16)).decode()
        below.sendall(f"GET /$iothub/websocket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.raw:
            self._more()
        head, _, self.raw = self.raw.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode())

    def _more(self):
        data = self.below.recv(65536)
        if not data:
            raise ConnectionError("end of file")
        self.raw += data

    def sendall(self, data):
        size = len(data)
        length = bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0xFE, size) if size < 65536 else struct.pack(">BQ", 0xFF, size)
        self.below.sendall(b"\x82" + length + b"\0\0\0\0" + data)  # a mask of zeros

    def recv(self, _):
        """The content of the next frame; b"" when it says goodbye."""
        while True:
            at = 2 + {126: 2, 127: 8}.get(self.raw[1], 0) if len(self.raw) > 1 else 2
            size = int.from_bytes(self.raw[2:at], "big") if at > 2 else self.raw[1] if len(self.raw) > 1 else 0
            if len(self.raw) >= at and len(self.raw) >= at + size:
                kind, data = self.raw[0] & 15, self.raw[at:at + size]
                self.raw = self.raw[at + size:]
                if data or kind == 8:
                    return b"" if kind == 8 else data
            else:
                self._more()


class Bridge:
    """Plain AMQP on `port`, carried by TLS, or by a WebSocket, which Proton has not; a context of its own for each connection
    is what costs Proton most."""

    def __init__(self, host, ca, cert=None, ws=True):
        self.host, self.ca, self.cert, self.ws = host, ca, cert, ws
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):  # one connection
            inside = self.listener.accept()[0]
            self.listener.close()
            outside = dial(self.host, 443 if self.ws else 5671, self.ca, self.cert)
            if self.ws:
                outside = WebSocket(self.host, "AMQPWSB10", outside)
            self._carry(inside, outside)

    @staticmethod
    def _carry(inside, outside):
        """One thread: a TLS connection of Python's is not for two."""
        tls = getattr(outside, "below", outside)
        with contextlib.suppress(OSError), inside, tls:
            while True:
                if inside in select.select([inside, tls], [], [])[0]:
                    data = inside.recv(65536)
                    if not data:
                        return
                    outside.sendall(data)
                while (data := Bridge._received(outside, tls)) is not None:
                    if not data:
                        return
                    inside.sendall(data)

    @staticmethod
    def _received(outside, tls):
        """None: nothing is whole yet; b"": the end."""
        tls.settimeout(0)
        try:
            return outside.recv(65536)
        except ssl.SSLWantReadError:
            return None
        finally:
            tls.settimeout(20)


class By(proton.reactor.LinkOption):
    """A link in the name of another: who;edge."""

    def __init__(self, chain):
        self.chain = chain

    def apply(self, link):
        link.properties = {proton.symbol("com.microsoft:auth-chain"): self.chain}


class Proton:
    """A blocking connection of Qpid Proton's own; its TLS is another's unless `ws` is None."""

    def __init__(self, host, ca, cert=None, ws=None, **more):
        if ws is not None:
            bridge = Bridge(host, ca, cert, ws)
            self.connection = proton.utils.BlockingConnection(f"amqp://127.0.0.1:{bridge.port}", timeout=20, **more)
            return
        tls = proton.SSLDomain(proton.SSLDomain.MODE_CLIENT)
        tls.set_trusted_ca_db(ca)
        tls.set_peer_authentication(proton.SSLDomain.VERIFY_PEER_NAME)
        if cert:
            tls.set_credentials(cert[0], cert[1], None)
        self.connection = proton.utils.BlockingConnection(f"amqps://{host}:5671", ssl_domain=tls, timeout=20, **more)

    def sender(self, address, name=None, **more):
        return self.connection.create_sender(address, name=name, **more)

    def receiver(self, address, name=None, credit=1, **more):
        return self.connection.create_receiver(address, name=name, credit=credit, **more)

    def ask(self, address, request, options=None):
        sender = self.connection.create_sender(address, name=f"pair-{address}", options=options)
        receiver = self.connection.create_receiver(address, credit=5, name=f"pair-{address}", options=options)
        sender.send(request)
        answer = receiver.receive(20)
        sender.close()
        receiver.close()
        return answer

    def put_token(self, audience, text):
        request = proton.Message(id=proton.ulong(7), address="$cbs", reply_to="cbs", body=text, properties={
            "operation": "put-token", "type": "servicebus.windows.net:sastoken", "name": audience})
        answer = self.ask("$cbs", request)
        assert answer.correlation_id == 7, answer.correlation_id
        return answer.properties["status-code"]

    def wait(self, condition, timeout=20):
        """Until it holds, with frames going in and out."""
        self.connection.wait(condition, timeout=timeout)

    def close(self):
        self.connection.close()

    def leave(self):
        """Close, whatever has become of it: of a connection that was dropped Proton waits for the CLOSE."""
        self.connection.timeout = 0.1
        with contextlib.suppress(proton.ProtonException):
            self.connection.close()


def log_in(host, ca, user, password, ws=False):
    """The code of SASL PLAIN, without the cost of Proton: 0 when it is taken; None: the connection ends instead."""
    answer = b"\0" + user.encode() + b"\0" + password.encode()
    body = b"\0\x53\x41\xd0" + struct.pack(">II", 4 + 7 + 5 + len(answer), 2) + b"\xa3\x05PLAIN\xb0" + struct.pack(">I", len(answer)) + answer
    said = b""
    below = dial(host, 443 if ws else 5671, ca)
    with below, contextlib.suppress(ConnectionError, ssl.SSLError):
        client = WebSocket(host, "AMQPWSB10", below) if ws else below
        client.sendall(b"AMQP\3\1\0\0" + struct.pack(">IBBH", 8 + len(body), 2, 1, 0) + body)
        while b"\0\x53\x44" not in said or not said.partition(b"\0\x53\x44")[2].partition(b"\x50")[2]:
            data = client.recv(4096)
            if not data:
                return None
            said += data
        return said.partition(b"\0\x53\x44")[2].partition(b"\x50")[2][0]


class Closed(Exception):
    """The other side has ended the connection."""


class Mqtt:
    """One connection. What comes is in `received`: [(topic, payload)]."""

    def __init__(self, host, ca, client_id, user, password=None, cert=None, timeout=20, ws=False):
        self.received, self.buffer, self.number = [], b"", 0
        self.socket = dial(host, 443 if ws else 8883, ca, cert, timeout)
        if ws:
            self.socket = WebSocket(host, "mqtt", self.socket)
        words = [client_id, user] + ([] if password is None else [password])
        flags = 0x82 if password is None else 0xC2  # a clean session
        self._send(0x10, self._text("MQTT") + bytes([4, flags, 0, 0]) + b"".join(map(self._text, words)))
        try:
            self.code = self._wait(2)[1]
        except Closed:
            self.code = None

    @staticmethod
    def _text(text):
        data = text.encode() if isinstance(text, str) else text
        return struct.pack(">H", len(data)) + data

    def _send(self, first, content):
        length, left = b"", len(content)
        while True:
            length += bytes([left % 128 | (0x80 if left > 127 else 0)])
            left //= 128
            if not left:
                break
        try:
            self.socket.sendall(bytes([first]) + length + content)
        except OSError as error:
            raise Closed(str(error)) from error

    def _more(self, count):
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError) as error:
                raise Closed(str(error)) from error
            if not data:
                raise Closed("end of file")
            self.buffer += data

    def _packet(self):
        """(first byte, content)"""
        length, at = 0, 1
        while True:
            self._more(at + 1)
            length |= (self.buffer[at] & 0x7F) << 7 * (at - 1)
            at += 1
            if not self.buffer[at - 1] & 0x80:
                break
        self._more(at + length)
        first, content = self.buffer[0], self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        if first >> 4 == 3:
            size = struct.unpack(">H", content[:2])[0]
            rest = content[2 + size:]
            if first & 6:
                self._send(0x40, rest[:2])
                rest = rest[2:]
            self.received.append((content[2:2 + size].decode(), rest))
        return first, content

    def _wait(self, kind):
        while True:
            first, content = self._packet()
            if first >> 4 == kind:
                return content

    def subscribe(self, *filters):
        """The codes of the answer; Closed."""
        self.number += 1
        self._send(0x82, struct.pack(">H", self.number) + b"".join(self._text(name) + b"\x01" for name in filters))
        return list(self._wait(9)[2:])

    def publish(self, topic, payload, qos=1):
        """Until it is acknowledged; Closed."""
        self.number += 1
        data = payload if isinstance(payload, bytes) else payload.encode()
        self._send(0x30 | qos << 1, self._text(topic) + (struct.pack(">H", self.number) if qos else b"") + data)
        if qos:
            self._wait(4)

    def take(self, word, timeout=20):
        """The first message whose topic has the word in it."""
        deadline = time.monotonic() + timeout
        while True:
            for message in self.received:
                if word in message[0]:
                    return message
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            self._packet()

    def ended(self, timeout):
        """Seconds until the other side has ended the connection; TimeoutError."""
        began = time.monotonic()
        try:
            while True:
                self.socket.settimeout(max(0.01, timeout - (time.monotonic() - began)))
                self._packet()
        except Closed:
            return time.monotonic() - began

    def close(self):
        self.socket.close()


__all__ = ["Bridge", "By", "Closed", "Mqtt", "Proton", "WebSocket", "dial", "log_in", "source"]
