"""An edge hub's AMQP frame by frame: batches, flow, transfers in pieces, termini, what comes in one go, time."""
import ctypes
import os
import re
import socket
import time
import unittest

import wire_case
import sandbox
import edge_hub
import services
from amqp_wire import (ACCEPTED, ATTACH, BATCH, BEGIN, CLOSE, DETACH, DISPOSITION, FLOW, HEADER, OPEN, REJECTED, TRANSFER, AmqpWire,
                       data, described, section, source, state, symbol, target, ubyte, uint)

MODULE = f"/devices/{edge_hub.DEVICE}/modules/"
ARGUMENT = "com.microsoft:argument-error"
MIB = 1024 * 1024
SANITIZED = re.search(r"/(asan|tsan)/", services.BIN)
PTRACE_ATTACH, PTRACE_DETACH, WALL = 16, 17, 0x40000000
GET = section(0x72, {symbol("operation"): "GET"}) + section(0x73, [None] * 5 + ["c"]) + data(b" ")


class Still:
    """A thread of a process stands still."""

    def __init__(self, pid, name):
        self.tid = next(int(tid) for tid in os.listdir(f"/proc/{pid}/task") if self._name(pid, tid) == name)

    @staticmethod
    def _name(pid, tid):
        try:
            with open(f"/proc/{pid}/task/{tid}/comm") as file:
                return file.read().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None  # it has ended

    @staticmethod
    def _trace(request, tid):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.ptrace(ctypes.c_long(request), ctypes.c_long(tid), ctypes.c_void_p(), ctypes.c_void_p()) < 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self._trace(PTRACE_ATTACH, self.tid)
        os.waitpid(self.tid, WALL)

    def __exit__(self, *_):
        self._trace(PTRACE_DETACH, self.tid)


def events(who):
    return (MODULE + who.module if who.module else f"/devices/{who.device}") + "/messages/events"


class HubAmqpWire(wire_case.WireCase):
    routes = {"up": "FROM /messages/* WHERE NOT is_defined(dest) INTO $upstream",
              "sink": "FROM /messages/* WHERE dest = 'sink' INTO BrokeredEndpoint(\"/modules/sink/inputs/in1\")"}

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.sink = cls.place.module("sink")
        cls.cert = cls.place.leaf_by_authority("signed")

    def connect(self, **more):
        return self.wire(AmqpWire, **more)

    def client(self, who, *more, **begin):
        """In, with a token; fields of the OPEN behind the host name."""
        made = self.connect()
        made.open(*more, **begin)
        self.assertEqual(made.put_token(who), 200)
        return made

    def sender(self, who=None):
        """A fresh device's connection, with its link as handle 0."""
        who = who or self.fresh()
        made = self.client(who)
        made.who = who
        self.assertEqual(made.sender(0, events(who)), 200)
        return made

    def outcome(self, client, payload, **more):
        """(accepted or rejected, condition, description)"""
        number = client.transfer(0, payload, **more)
        said = client.wait(DISPOSITION)
        self.assertEqual((said[1], said[3]), (number, True))  # settled
        return (said.outcome(), *(said.error() or (None, "")))

    # Batches

    def test_a_batch_is_taken_as_a_whole(self):
        client = self.sender()
        many = b"".join(data(data(b"%02d" % number + b" " * 10000)) for number in range(60))
        for payload in (data(data(b"a")) + data(data(b"b")), data(b""), data(data(data(b"c"))), many):
            self.assertEqual(self.outcome(client, payload, format=BATCH)[0], ACCEPTED)
        bodies = self.arrived_of(client.who, 64)
        self.assertEqual(bodies[:4], [b"a", b"b", b"", data(b"c")])  # a batch within one is bytes
        self.assertEqual([int(body) for body in bodies[4:]], list(range(60)))

    def test_a_batch_with_a_bad_message_is_refused_as_a_whole(self):
        client = self.sender()
        for bad, condition, why in ((data(b"junk"), ARGUMENT, "message 2"), (data(data(b"x" * 262145)), "amqp:link:message-size-exceeded", ""),
                                    (data(section(0x77, [b"x"])), ARGUMENT, "bytes inside"), (section(0x77, "x"), None, "")):
            found = self.outcome(client, data(data(b"good")) + bad + data(data(b"good")), format=BATCH)
            if condition:
                self.assertEqual(found[:2], (REJECTED, condition))
                self.assertIn(why, found[2])
        for empty in (b"", section(0x73, ["m"]), section(0x77, "text"), section(0x76, [1])):
            self.assertEqual(self.outcome(client, empty, format=BATCH), (REJECTED, ARGUMENT, "the batch holds no message"))
        self.assertEqual(self.outcome(client, data(b"last"))[0], ACCEPTED)
        self.assertEqual(self.arrived_of(client.who, 1), [b"last"])

    # Transfers

    def test_aborted_and_unfinished_deliveries_leave_nothing(self):
        client = self.sender()
        client.transfer(0, data(b"a" * 900)[:500], more=True)
        client.put(TRANSFER, uint(0), None, None, None, False, False, None, None, False, True)  # aborted
        self.assertEqual(self.outcome(client, data(b"first"))[0], ACCEPTED)
        client.transfer(0, data(b"b" * 900)[:500], more=True)
        client.put(DETACH, uint(0), False)
        self.assertFalse(client.wait(DETACH)[1])
        self.assertEqual(client.sender(0, events(client.who)), 200)  # the same handle and name
        self.assertEqual(self.outcome(client, data(b"second"))[0], ACCEPTED)
        self.assertEqual(self.arrived_of(client.who, 2), [b"first", b"second"])

    def test_many_pieces_are_one_message(self):
        client = self.sender()
        payload = data(bytes(range(256)) * 1000)
        for at in range(0, len(payload), 1000):
            first, last = at == 0, at + 1000 >= len(payload)
            client.put(TRANSFER, uint(0), uint(client.delivery) if first else None, b"t" if first else None, uint(0) if first else None,
                       False, not last, payload=payload[at:at + 1000])
        self.assertEqual(client.wait(DISPOSITION).outcome(), ACCEPTED)
        self.assertEqual(self.arrived_of(client.who, 1), [bytes(range(256)) * 1000])

    def test_what_is_sent_settled_is_taken_without_a_word(self):
        client = self.sender()
        client.transfer(0, data(b"settled"), settled=True)
        self.outcome(client, data(b"unsettled"))
        self.assertEqual([frame for frame in client.seen if frame.code == DISPOSITION and frame[1] == 1], [])
        self.assertEqual(self.arrived_of(client.who, 2), [b"settled", b"unsettled"])

    def test_a_client_takes_small_frames(self):
        who = self.fresh()
        self.place.cloud.service.ok("PATCH", f"/twins/{who.device}", {"properties": {"desired": {"k": "v" * 3000}}},
                                    headers={"If-Match": "*"})
        client = self.client(who, uint(512))
        client.receiver(0, f"/devices/{who.device}/twin", 10)
        client.sender(1, f"/devices/{who.device}/twin")
        client.transfer(1, GET, settled=True)
        got = client.wait(TRANSFER)
        while got[5]:
            self.assertLessEqual(got.size, 512)
            got = client.wait(TRANSFER)
        self.assertLessEqual(got.size, 512)

    # Flow

    def test_a_drain_uses_up_the_credit(self):
        who = self.fresh()
        client = self.client(who)
        client.receiver(0, f"/devices/{who.device}/messages/devicebound", 0)
        client.flow(0, 5, drain=True)
        said = client.wait(FLOW)
        self.assertEqual((said[5], said[6]), (5, 0))

    def test_a_window_of_one_is_kept(self):
        sender = self.sender(self.good)
        client = self.client(self.sink, begin=(None, uint(0), uint(1), uint(1)))
        client.put(ATTACH, *client.attach(0, events(self.sink), False))
        client.wait(ATTACH)
        for word in (b"one", b"two", b"three"):
            self.assertEqual(self.outcome(sender, section(0x74, {"dest": "sink"}) + data(word))[0], ACCEPTED)
        for taken, word in enumerate((b"one", b"two", b"three"), 1):  # the answer to put-token was transfer 0
            client.flow(0, 100, window=1, incoming=taken)
            self.assertTrue(client.wait(TRANSFER).payload.endswith(word))
            with self.assertRaises(TimeoutError):
                client.wait(TRANSFER, 0.2)
        client.put(DISPOSITION, True, uint(1), uint(3), True, state(ACCEPTED))
        sandbox.wait_for(lambda: self.hub.pending() == 0, 20, "an empty store", every=0.1)

    # Too much

    def memory(self):
        """Bytes of the hub's own."""
        with open(f"/proc/{self.hub.process.pid}/status") as file:
            return int(next(line.split()[1] for line in file if line.startswith("RssAnon:"))) * 1024

    @unittest.skipIf(SANITIZED, "its memory is not the hub's alone")
    def test_a_disk_that_stands_still_stops_a_fast_sender(self):
        client, other = self.sender(), self.sender(self.fresh("other"))
        client.pour([data(b"warm" * 14000)] * 20)
        self.assertEqual(len(self.events_of(client.who, 20)), 20)
        before = self.memory()
        with Still(self.hub.process.pid, "store-commit"):
            taken, rest = client.pour([data(b"x" * 250000)] * 170)  # 40 MiB
            self.assertNotEqual(rest, b"")
            self.assertLess(taken, 20 * MIB)  # 8 MiB the hub's, the rest the kernel's
            self.assertLess(self.memory() - before, 12 * MIB)
            other.transfer(0, data(b"other"))
            with self.assertRaises(TimeoutError):
                other.wait(DISPOSITION, 0.5)
        self.assertEqual(other.wait(DISPOSITION).outcome(), ACCEPTED)
        client.socket.settimeout(20)
        client.send(rest)
        sent = client.delivery - 1  # the first delivery was a put-token
        self.assertEqual(len(self.events_of(client.who, sent)), sent)

    def test_a_full_store_gives_no_credit(self):
        client = self.sender()
        self.place.routes(_limit=200 * 1024, **self.routes)
        self.addCleanup(self.place.routes, **self.routes)
        self.assertEqual(self.place.wait_applied()["code"], 200)
        with self.place.cut("refuse"):
            sandbox.wait_for(lambda: not self.hub.online(), 60, "the hub to see that the cloud is away", every=0.1)
            outcomes = self.send_all_the_time(client, data(b"x" * 10000), 4)
            self.assertEqual(outcomes[-1], (REJECTED, "com.microsoft:device-container-throttled"))
            self.assertGreater(outcomes.count((ACCEPTED, None)), 5)
            self.assertLess(len(outcomes), 200 + 8)  # what there was, and one after 0.5 s, 1 s, 2 s at the most
        sandbox.wait_for(lambda: self.hub.pending() == 0, 60, "an empty store", every=0.1)
        credit = client.wait(FLOW, 20)[6]
        client.seen = []
        self.assertEqual((credit, self.outcome(client, data(b"again"))[0]), (1, ACCEPTED))
        whole = next((frame for frame in client.seen if frame.code == FLOW), None) or client.wait(FLOW)
        self.assertEqual(whole[6], 200)

    def send_all_the_time(self, client, payload, seconds):
        """With whatever credit there is; what was said to each message."""
        until, outcomes, credit = time.monotonic() + seconds, [], 200
        while time.monotonic() < until or credit > 0:  # who has credit left is given none
            if credit > 0:
                client.transfer(0, payload)
                credit -= 1
            try:
                frame = client.next(5 if credit > 0 else 0.2)
            except TimeoutError:
                continue
            if frame.code == FLOW:
                credit = frame[5] + frame[6] - client.delivery + 1 if frame[5] is not None else credit
            elif frame.code == DISPOSITION:
                outcomes += [(frame.outcome(), (frame.error() or [None])[0])] * ((frame[2] or frame[1]) - frame[1] + 1)
        return outcomes

    # Links

    def test_termini_that_are_none_of_ours(self):
        client = self.sender()
        device = f"/devices/{client.who.device}"
        handle = 0
        for from_, to, sends, condition in (
                (source("x"), described(0x30), True, "amqp:not-implemented"),  # a coordinator of transactions
                (source("x"), described(0x29, None, uint(0), symbol("session-end"), uint(0), True), True, "amqp:not-implemented"),
                (described(0x28, None, uint(0), symbol("session-end"), uint(0), True), target("x"), False, "amqp:not-implemented"),
                (None, None, True, "amqp:not-implemented"), (None, None, False, "amqp:not-implemented"),
                (None, target("/nowhere"), True, "amqp:not-found"), (source(device + "/messages/events"), None, False, "amqp:not-found"),
                (None, target(device + "/messages/events/"), True, "amqp:not-found"),
                (None, target(MODULE + "good/messages/events"), True, "amqp:unauthorized-access"),
                (source(device.upper() + "/Messages/DeviceBound"), None, False, "amqp:unauthorized-access"),
                (source("/DEVICES/" + client.who.device + "/Messages/DeviceBound"), None, False, None),
                (None, target("amqps://x/$CBS"), True, None)):
            handle += 1
            client.put(ATTACH, f"link{handle}", uint(handle), not sends, ubyte(0), ubyte(0), from_, to, None, None, uint(0))
            attached = client.wait(ATTACH)
            self.assertEqual(attached[6 if sends else 5] is None, condition is not None, (from_, to))
            if condition:
                self.assertEqual(client.wait(DETACH).error()[0], condition, (from_, to))
                client.put(DETACH, uint(handle), True)
        self.assertEqual(self.outcome(client, data(b"alive"))[0], ACCEPTED)

    def test_settle_modes_are_the_clients(self):
        client = self.client(self.good)
        path = MODULE + "good"
        for handle, (address, sends, unsettled, settle) in enumerate((
                ("/messages/devicebound", False, 0, 1), ("/messages/events", True, 2, 0), ("/messages/events", False, 0, 0),
                ("/twin", True, 1, 0), ("/twin", False, 1, 0), ("/methods/devicebound", True, 1, 0), ("/methods/devicebound", False, 1, 0))):
            client.put(ATTACH, *client.attach(handle, path + address, sends, unsettled=unsettled, settle=settle, properties={
                symbol("com.microsoft:client-version"): "t", symbol("com.microsoft:timeout"): uint(1),
                symbol("com.microsoft:channel-correlation-id"): "twin:1"}))
            attached = client.wait(ATTACH)
            self.assertEqual((attached[3], attached[4], attached[10]), (unsettled, settle, 1024 * 1024))

    # Tokens

    def test_a_token_is_its_owners(self):
        one, other = self.fresh("one"), self.fresh("other")
        client = self.connect()
        client.open()
        self.assertEqual(client.put_token(one, text=other.token()), 401)
        self.assertEqual(client.put_token(one, text="nonsense"), 401)
        self.assertEqual(client.put_token(one, name="whatever"), 200)
        self.assertEqual(client.put_token(other, name=other.resource.replace("/", "%2F")), 200)
        for handle, who in enumerate((one, other)):
            self.assertEqual(client.sender(handle, events(who)), 200)

    # Connections

    def test_everything_in_one_go(self):
        client = self.connect(cert=self.cert[:2])
        client.send(HEADER + client.frame(OPEN, "x", "edge.test") + client.frame(BEGIN, None, uint(0), uint(10), uint(10))
                    + client.frame(ATTACH, *client.attach(0, "/devices/signed/messages/events", True)))
        self.assertEqual(client.header(), HEADER)
        client.wait(FLOW)
        self.assertEqual(self.outcome(client, data(b"x"))[0], ACCEPTED)

    def test_a_client_that_has_said_everything(self):
        client = self.sender()
        client.transfer(0, data(b"all"))
        client.socket.shutdown(socket.SHUT_WR)
        self.assertTrue(client.ended())
        self.assertEqual(self.arrived_of(client.who, 1), [b"all"])

    def test_heartbeats_are_as_the_client_wishes(self):
        client = self.connect()
        client.open(uint(65536), None, uint(3000))
        began = time.monotonic()
        for _ in range(3):
            client.wait(None, 3)
        self.assertGreater(time.monotonic() - began, 2.1)
        hasty = self.connect()
        hasty.send(HEADER + hasty.frame(OPEN, "x", "edge.test", uint(65536), None, uint(100)))
        self.assertEqual(hasty.header(), HEADER)
        self.assertEqual(hasty.wait(CLOSE).error()[0], "amqp:invalid-field")
        self.assertTrue(hasty.ended())


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
