"""MQTT clients of a hub that survive its deaths and know what was promised to them: publishers that send again what was not
acknowledged, as the SDKs do, and a sink that notes what comes. Raw packets, one thread each.

    crowd = mqtt_crowd.Crowd(place, modules=["m0", "m1"], leaves=["l0"], sink="sink")
    crowd.start(); ...; crowd.finish()      every publisher has an acknowledgement for all it has sent
    crowd.promised                          {identity: last number acknowledged}; numbers begin at 0
"""
import json
import select
import socket
import ssl
import struct
import threading
import time

import edge_hub

WINDOW = 32
CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9


def text(value):
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def packet(head, body):
    length, size = b"", len(body)
    while True:
        length += bytes([size % 128 | (128 if size > 127 else 0)])
        size //= 128
        if not size:
            return bytes([head]) + length + body


class Link:
    """One connection: CONNECT, and packets."""

    def __init__(self, place, who, clean):
        context = ssl.create_default_context(cafile=place.trust)
        self.buffer, self.socket = b"", socket.create_connection((edge_hub.ADDRESS, 8883), 5)
        try:
            self.socket.settimeout(10)
            self.socket = context.wrap_socket(self.socket, server_hostname=edge_hub.GATEWAY)
            self.connect(who, clean)
        except BaseException:
            self.close()
            raise

    def connect(self, who, clean):
        flags = 0xC2 if clean else 0xC0
        self.send(packet(0x10, text("MQTT") + bytes([4, flags]) + struct.pack(">H", 60) + text(who.name) + text(who.user) +
                         text(who.token())))
        found = self.next()
        if not found or found[0] != CONNACK or found[1][1] != 0:
            raise OSError(f"CONNACK {found[1][1] if found else 'does not come'}")

    def send(self, data):
        self.socket.sendall(data)

    def next(self, timeout=10.0):
        """(type, body, flags) of the next packet; None when none comes in time."""
        while True:
            found = self._take()
            if found:
                return found
            if not self.socket.pending() and not select.select([self.socket], [], [], timeout)[0]:
                return None
            data = self.socket.recv(65536)
            if not data:
                raise OSError("the hub closed")
            self.buffer += data

    def _take(self):
        size, shift, at = 0, 0, 1
        while at < len(self.buffer):
            size |= (self.buffer[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if not self.buffer[at - 1] & 128:
                if len(self.buffer) < at + size:
                    return None
                body, head = self.buffer[at:at + size], self.buffer[0]
                self.buffer = self.buffer[at + size:]
                return head >> 4, body, head & 15
        return None

    def close(self):
        self.socket.close()


class Client(threading.Thread):
    """Comes back until it is told to end."""

    def __init__(self, place, who):
        super().__init__(daemon=True)
        self.place, self.who, self.link, self.over = place, who, None, threading.Event()
        self.failures, self.broken = {}, None

    def run(self):
        while not self.over.is_set():
            try:
                self.link = Link(self.place, self.who, self.clean)
                self.serve()
            except (OSError, ssl.SSLError) as why:
                self.failures[str(why)] = self.failures.get(str(why), 0) + 1
                self.over.wait(0.05)
            except Exception as why:  # told to the test
                self.broken = why
                return
            finally:
                if self.link:
                    self.link.close()
                self.link = None


class Publisher(Client):
    """Numbers its messages; `size` is how long they are, `rate` how many a second."""

    clean = True

    def __init__(self, place, who, rate, size):
        super().__init__(place, who)
        self.rate, self.filler = rate, "x" * size
        self.next_number, self.waiting, self.acknowledged = 0, {}, -1  # waiting: number -> acknowledged out of turn
        self.paused, self.sending = threading.Event(), threading.Lock()
        module = f"/modules/{who.module}" if who.module else ""
        self.topic = f"devices/{who.device}{module}/messages/events/"

    def publish(self, ids, number):
        body = json.dumps({"n": number, "f": self.filler}).encode()
        ids[self.id] = number
        head = text(f"{self.topic}n={number}") + struct.pack(">H", self.id) + body
        self.id = self.id % 65535 + 1
        return packet(0x32, head)

    def serve(self):
        self.id, ids, began, base = 1, {}, time.monotonic(), self.next_number
        self.link.send(b"".join(self.publish(ids, number) for number in sorted(self.waiting)))
        while not self.over.is_set():
            due = int((time.monotonic() - began) * self.rate) + base - self.next_number
            fresh = self.more(min(WINDOW - len(ids), due))
            if fresh:
                self.link.send(b"".join(self.publish(ids, number) for number in fresh))
            self.take_acks(ids)

    def more(self, room):
        """The numbers that are sent now; whoever pauses it knows of all of them."""
        with self.sending:
            fresh = range(self.next_number, self.next_number + (0 if self.paused.is_set() else max(room, 0)))
            self.waiting.update(dict.fromkeys(fresh, True))
            self.next_number = fresh.stop
        return fresh

    def pause(self):
        with self.sending:
            self.paused.set()

    def take_acks(self, ids):
        found = self.link.next(0.01)
        while found:
            kind, body, _ = found
            if kind == PUBACK:
                number = ids.pop(struct.unpack(">H", body)[0])
                if number != min(self.waiting):
                    raise AssertionError(f"{self.who.name}: {number} is acknowledged before {min(self.waiting)}")
                self.acknowledged = number
                del self.waiting[number]  # last: who sees that nothing waits knows of all of them
            found = self.link.next(0)


class Sink(Client):
    """Takes what comes to the inputs of its module; `came`: {sender: [numbers, as they came]}."""

    clean = False

    def __init__(self, place, who):
        super().__init__(place, who)
        self.came = {}

    def serve(self):
        filter_ = text(f"devices/{self.who.device}/modules/{self.who.module}/inputs/#")
        self.link.send(packet(0x82, b"\0\1" + filter_ + b"\1"))
        while not self.over.is_set():
            found = self.link.next(0.1)
            if not found or found[0] != PUBLISH:
                continue
            _, body, _ = found
            length = struct.unpack(">H", body[:2])[0]
            topic, ident, payload = body[2:2 + length].decode(), body[2 + length:4 + length], body[4 + length:]
            sender = next(part[8:] for part in topic.rpartition("/")[2].split("&") if part.startswith("%24.cmid="))[1:]
            self.came.setdefault(sender, []).append(json.loads(payload)["n"])
            self.link.send(packet(0x40, ident))


class Crowd:
    def __init__(self, place, modules, leaves, sink=None, rate=200, size=300):
        self.publishers = [Publisher(place, place.module(name), rate, size) for name in modules]
        self.publishers += [Publisher(place, place.leaf(f"{place.device}-{name}"), rate, size) for name in leaves]
        self.sink = Sink(place, place.module(sink)) if sink else None
        self.all = [*self.publishers, *([self.sink] if self.sink else [])]

    def start(self):
        for client in self.all:
            client.start()
        return self

    def pause(self, timeout=60):
        """Until everything sent is acknowledged; nothing new is sent meanwhile."""
        for publisher in self.publishers:
            publisher.pause()
        end = time.monotonic() + timeout
        while any(publisher.waiting for publisher in self.publishers):
            self.check()
            if time.monotonic() > end:
                left = {p.who.name: (len(p.waiting), p.failures) for p in self.publishers if p.waiting}
                raise AssertionError(f"not acknowledged within {timeout} s: {left}")
            time.sleep(0.02)

    def resume(self):
        for publisher in self.publishers:
            publisher.paused.clear()

    def check(self):
        for client in self.all:
            if client.broken:
                raise client.broken

    def end(self):
        for client in self.all:
            client.over.set()
        for client in self.all:
            client.join(15)

    def finish(self):
        self.end()
        self.check()

    @property
    def promised(self):
        """{(device, module): how many were acknowledged}"""
        return {(p.who.device, p.who.module): p.acknowledged + 1 for p in self.publishers}


__all__ = ["Crowd", "Link", "Publisher", "Sink", "packet", "text"]
