"""Clients of a test's own making: Qpid Proton with IoT Hub's CBS, and MQTT 3.1.1 packet by packet, which sees what
libraries hide."""
import contextlib
import socket
import ssl
import struct
import time

import proton
import proton.reactor
import proton.utils


class By(proton.reactor.LinkOption):
    """A link in the name of another: who;edge."""

    def __init__(self, chain):
        self.chain = chain

    def apply(self, link):
        link.properties = {proton.symbol("com.microsoft:auth-chain"): self.chain}


class Proton:
    """A blocking connection of Qpid Proton's own."""

    def __init__(self, host, ca, cert=None, **more):
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
        self.connection.timeout = 0.5
        with contextlib.suppress(proton.ProtonException):
            self.connection.close()


class Closed(Exception):
    """The other side has ended the connection."""


class Mqtt:
    """One connection. What comes is in `received`: [(topic, payload)]. Each comes from an address of its own on loopback: who
    is refused too often has only few lines in a server's log."""
    count = 0

    def __init__(self, host, ca, client_id, user, password=None, cert=None, timeout=20):
        context = ssl.create_default_context(cafile=ca)
        if cert:
            context.load_cert_chain(*cert)
        self.received, self.buffer, self.number = [], b"", 0
        self.socket = context.wrap_socket(socket.create_connection((host, 8883), timeout, self._source()), server_hostname=host)
        self.socket.settimeout(timeout)
        words = [client_id, user] + ([] if password is None else [password])
        flags = 0x82 if password is None else 0xC2  # a clean session
        self._send(0x10, self._text("MQTT") + bytes([4, flags, 0, 0]) + b"".join(map(self._text, words)))
        try:
            self.code = self._wait(2)[1]
        except Closed:
            self.code = None

    @classmethod
    def _source(cls):
        cls.count += 1
        return f"127.8.{cls.count // 250 % 250}.{cls.count % 250 + 1}", 0

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


__all__ = ["By", "Closed", "Mqtt", "Proton"]
