"""AMQP 1.0 frame by frame, over TLS: what libraries do not send, and what they hide. Proton's codec alone is used."""
import socket
import ssl
import struct
import time

import proton

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
HEADER = b"AMQP\0\1\0\0"
ACCEPTED, REJECTED, RELEASED, MODIFIED = range(0x24, 0x28)
BATCH = 0x80013700
PIECE = 60000  # of a payload in one frame
uint, ubyte, ushort, symbol, ulong = proton.uint, proton.ubyte, proton.ushort, proton.symbol, proton.ulong


class Ended(Exception):
    """The other side has ended the connection."""


def encoded(value):
    data = proton.Data()
    data.put_object(value)
    return data.encode()


def described(code, *fields):
    return proton.Described(ulong(code), list(fields))


def state(code):
    return described(code)


def target(address):
    return described(0x29, address)


def source(address):
    return described(0x28, address)


def section(code, value):
    return encoded(proton.Described(ulong(code), value))


def data(body):
    """A message with one data section."""
    return section(0x75, body)


class Frame:
    def __init__(self, channel, code, fields, payload, size):
        self.channel, self.code, self.fields, self.payload, self.size = channel, code, fields, payload, size

    def __getitem__(self, index):
        return self.fields[index] if index < len(self.fields) else None

    def error(self):
        """(condition, description) of the error a frame ends with, or a rejection."""
        for field in self.fields:
            if isinstance(field, proton.Described):
                if field.descriptor == 0x1D:
                    return str(field.value[0]), field.value[1] if len(field.value) > 1 else None
                if field.descriptor == REJECTED and field.value:
                    return str(field.value[0].value[0]), field.value[0].value[1]
        return None

    def outcome(self):
        return next((int(field.descriptor) for field in self.fields if isinstance(field, proton.Described)), None)


class AmqpWire:
    """One connection. `wait` passes over what the test does not ask about, and keeps it in `seen`."""

    def __init__(self, host, address, ca, cert=None, timeout=10):
        context = ssl.create_default_context(cafile=ca)
        if cert:
            context.load_cert_chain(*cert)
        self.socket = context.wrap_socket(socket.create_connection((address, 5671), timeout), server_hostname=host)
        self.timeout, self.buffer, self.seen, self.delivery = timeout, b"", [], 0

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Ended(str(error)) from error

    def pour(self, payloads, patience=2):
        """Send messages on handle 0 until nobody has taken a byte for so many seconds; how many bytes were taken, and what of them
        has to be sent still before anything else."""
        self.socket.settimeout(patience)
        taken = 0
        for payload in payloads:
            rest = self._frames(0, payload)
            while rest:
                try:
                    sent = self.socket.send(rest)
                except TimeoutError:
                    return taken, rest
                taken, rest = taken + sent, rest[sent:]
        return taken, b""

    @staticmethod
    def frame(code, *fields, channel=0, payload=b""):
        body = encoded(described(code, *fields)) + payload
        return struct.pack(">IBBH", 8 + len(body), 2, 0, channel) + body

    def put(self, code, *fields, **more):
        self.send(self.frame(code, *fields, **more))

    def _more(self, count, until):
        while len(self.buffer) < count:
            self.socket.settimeout(max(0.01, until - time.monotonic()))
            try:
                part = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError as error:
                raise Ended(str(error)) from error
            if not part:
                raise Ended("end of file")
            self.buffer += part

    def _take(self, count):
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def header(self):
        self._more(8, time.monotonic() + self.timeout)
        return self._take(8)

    def next(self, timeout=None):
        """The next frame; a heartbeat has no code."""
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        self._more(8, until)
        size, offset, _, channel = struct.unpack(">IBBH", self.buffer[:8])
        self._more(size, until)
        body = self._take(size)[4 * offset:]
        if not body:
            return Frame(channel, None, [], b"", size)
        decoded = proton.Data()
        rest = body[decoded.decode(body):]
        decoded.rewind()
        decoded.next()
        performative = decoded.get_object()
        return Frame(channel, int(performative.descriptor), performative.value, rest, size)

    def wait(self, code, timeout=None):
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            frame = self.next(max(0.01, until - time.monotonic()))
            if frame.code == code:
                return frame
            self.seen.append(frame)

    def ended(self, timeout=None):
        """Until the other side has ended the connection."""
        try:
            while True:
                self.seen.append(self.next(timeout))
        except Ended:
            return True

    # What clients do

    @staticmethod
    def attach(handle, address, sends, name=None, properties=None, unsettled=0, settle=0):
        """The fields of an attach."""
        return (name or f"{address}-{handle}", uint(handle), not sends, ubyte(unsettled), ubyte(settle), source(address), target(address),
                None, None, uint(0) if sends else None, None, None, None, properties)

    def open(self, *more, begin=(None, uint(0), uint(1000), uint(1000))):
        """@p more: fields of the OPEN behind the host name."""
        self.send(HEADER + self.frame(OPEN, "wire", "edge.test", *more) + self.frame(BEGIN, *begin))
        assert self.header() == HEADER
        opened = self.wait(OPEN)
        self.wait(BEGIN)
        return opened

    def transfer(self, handle, payload, settled=False, format=0, more=False, channel=0):
        """@return its delivery-id"""
        self.send(self._frames(handle, payload, settled, format, more, channel))
        return self.delivery - 1

    def _frames(self, handle, payload, settled=False, format=0, more=False, channel=0):
        number, self.delivery = self.delivery, self.delivery + 1
        parts = [payload[at:at + PIECE] for at in range(0, len(payload), PIECE)] or [b""]
        return b"".join(self.frame(TRANSFER, uint(handle), uint(number), struct.pack(">I", number), uint(format), settled,
                                   more or part is not parts[-1], payload=part, channel=channel) for part in parts)

    def put_token(self, who, name=None, handles=(100, 101), text=None):
        """The status of the answer."""
        asks, tells = handles
        self.put(ATTACH, *self.attach(asks, "$cbs", True))
        self.put(ATTACH, *self.attach(tells, "$cbs", False))
        self.put(FLOW, uint(0), uint(1000), uint(0), uint(1000), uint(tells), uint(0), uint(1))
        request = section(0x73, ["m", None, "$cbs"]) + section(0x74, {
            "operation": "put-token", "type": "servicebus.windows.net:sastoken", "name": name or who.resource})
        self.transfer(asks, request + section(0x77, text or who.token()))
        answer = self.wait(TRANSFER)
        message = proton.Message()
        message.decode(answer.payload)
        for handle in handles:
            self.put(DETACH, uint(handle), True)
            self.wait(DETACH)
        return message.properties["status-code"]

    def sender(self, handle, address, **more):
        """Attached, with credit; how much."""
        self.put(ATTACH, *self.attach(handle, address, True, **more))
        self.wait(ATTACH)
        return self.wait(FLOW)[6]

    def receiver(self, handle, address, credit, **more):
        self.put(ATTACH, *self.attach(handle, address, False, **more))
        attached = self.wait(ATTACH)
        self.flow(handle, credit)
        return attached

    def flow(self, handle, credit, count=0, incoming=0, window=1000, drain=False, echo=False):
        self.put(FLOW, uint(incoming), uint(window), uint(self.delivery), uint(1000), uint(handle), uint(count), uint(credit), None, drain,
                 echo)
