"""Bytes in, bytes out: each packet of MQTT 3.1.1, legal and illegal, against an edge hub and, by the same table, against the
local cloud. Beside whoever does wrong a good client goes on, and the ledger counts nothing but what was acknowledged. Then
the same in other portions, time, and who is let in."""
import time
import unittest

import wire_case
import sandbox
import edge_hub
import mqtt_cases
from mqtt_cases import STAYS, events
from mqtt_wire import ACCEPTED, DISCONNECT, WebSocket, connect, puback, publish, subscribe
from sandbox import wait_for
from wire_case import AT_ONCE


class HubWire(wire_case.WireCase):
    # The table

    def answer(self, wire, row):
        """One row on its connection."""
        _, _, sent, answer, then, _ = row
        wire.send(sent)
        if then == STAYS:
            found = b""
            while len(found) < len(answer) // 2:
                found += wire.packet()
            found += wire.until_pong()
        else:
            found, seconds = wire.until_end()
            self.assertLess(seconds, AT_ONCE)
        self.assertEqual(found.hex(), answer)
        wire.close()

    def run_table(self, me, open_wire, beside):
        """All rows; `beside` is called after each with the bodies that are stored now."""
        stored, token = [], me.token()
        for row in mqtt_cases.opening(me, token):
            with self.subTest(f"{row[0]}: {row[1]}"):
                stored += row[5]
                self.answer(open_wire(), row)
                beside(stored)
        for row in mqtt_cases.serving(me, token):
            with self.subTest(f"{row[0]}: {row[1]}"):
                stored += row[5]
                self.answer(self.let_in(me, open_wire), row)
                beside(stored)
        return stored

    def test_each_packet(self):
        me = self.fresh()
        good = self.let_in(self.good)
        begin = self.hub.ledger().get("up", {}).get("in", 0)
        count = 0

        def beside(stored):
            nonlocal count
            count += 1
            good.send(publish(events(self.good), b"%d" % count, 1, count))
            self.assertEqual(good.packet(), puback(count))
            wanted = begin + count + len(stored)
            wait_for(lambda: self.hub.ledger()["up"]["in"] >= wanted, 20, "the ledger to know them")
            self.assertEqual(self.hub.ledger()["up"]["in"], wanted)

        stored = self.run_table(me, self.wire, beside)
        self.assertEqual(self.arrived_of(me, len(stored)), stored)
        self.assertEqual(self.arrived_of(self.good, count), [b"%d" % number for number in range(1, count + 1)])
        self.assertEqual(good.until_pong(), b"")
        wait_for(lambda: self.hub.pending() == 0, 20, "the cloud's acknowledgements")

    def test_each_packet_to_the_cloud(self):
        me, good = self.fresh("direct", scope=False), self.fresh("beside", scope=False)
        beside = self.let_in(good, self.cloud_wire)
        stored = self.run_table(me, self.cloud_wire, lambda _: self.assertEqual(beside.until_pong(), b""))
        self.let_in(me, self.cloud_wire).send(publish(events(me), b"last"))
        self.assertEqual(self.arrived_of(me, len(stored) + 1), [*stored, b"last"])

    # In other portions

    def hello(self, who):
        return connect(who.name, who.user, who.token()) + subscribe(1, ("$iothub/twin/res/#", 1)) + \
            publish(events(who), b"piece", 1, 2)

    ANSWER = "20020000" "9003000101" "40020002"

    def assert_answered(self, wire):
        self.assertEqual((wire.packet() + wire.packet() + wire.packet()).hex(), self.ANSWER)
        self.assertEqual(wire.until_pong(), b"")

    def test_byte_by_byte(self):
        wire = self.wire()
        for byte in self.hello(self.fresh()):
            wire.send(bytes([byte]))
        self.assert_answered(wire)

    def test_cut_at_every_place(self):
        me = self.fresh()
        whole = connect(me.name, me.user, me.token())
        for cut in range(1, len(whole), 7):
            wire = self.wire()
            wire.send(whole[:cut])
            wire.send(whole[cut:])
            self.assertEqual(wire.packet(), ACCEPTED)
            wire.send(DISCONNECT)
            self.assertEqual(wire.until_end()[0], b"")

    def test_websocket_frames(self):
        for pieces in (None, 1, 7):  # a packet may span frames, a frame hold several packets
            with self.subTest(pieces=pieces):
                wire = self.wire(WebSocket, pieces=pieces)
                self.assertEqual((wire.status, wire.headers[b"sec-websocket-protocol"]), (101, b"mqtt"))
                wire.send(self.hello(self.fresh(f"ws{pieces}")))
                self.assert_answered(wire)

    def test_websocket_frames_in_fragments(self):
        me = self.fresh()
        wire, whole = self.wire(WebSocket), self.hello(me)
        wire.frame(2, whole[:20], fin=False)
        wire.frame(9, b"ping")  # control frames may come between
        wire.frame(0, whole[20:50], fin=False)
        wire.frame(0, whole[50:])
        self.assert_answered(wire)
        wire.send(DISCONNECT)
        self.assertEqual(wire.until_end()[0], b"")

    def test_websocket_frames_that_are_illegal(self):
        me = self.fresh()
        for what, give in (("text", lambda wire: wire.frame(1, publish(events(me), b"never", 1))),
                           ("not masked", lambda wire: wire.frame(2, publish(events(me), b"never", 1), masked=False)),
                           ("a reserved opcode", lambda wire: wire.frame(3, b"x")),
                           ("QoS 2", lambda wire: wire.send(publish(events(me), b"never", 2))),
                           ("a long ping", lambda wire: wire.frame(9, b"x" * 126))):
            with self.subTest(what):
                wire = self.let_in(me, lambda: self.wire(WebSocket))
                give(wire)
                found, seconds = wire.until_end()
                self.assertEqual(found, b"")
                self.assertLess(seconds, AT_ONCE)
        self.let_in(me).send(publish(events(me), b"last"))
        self.assertEqual(self.arrived_of(me, 1), [b"last"])

    def test_a_websocket_of_another_protocol(self):
        for path in ("/", "/mqtt", "/$iothub/websocket?iothub-no-client-cert=true"):
            self.assertEqual(self.wire(WebSocket, path=path).status, 101, path)

    # Time

    def test_silence(self):
        me = self.fresh()
        wire = self.let_in(me, keep_alive=1)
        began = time.monotonic()  # the hub hears of the ping later
        self.assertEqual(wire.until_pong(), b"")
        self.assertEqual(wire.until_end()[0], b"")
        seconds = time.monotonic() - began
        self.assertGreater(seconds, 1.4)  # [MQTT-3.1.2-24]
        self.assertLess(seconds, 6)

    def test_no_connect(self):
        began = time.monotonic()
        self.assertEqual(self.wire().until_end(within=30)[0], b"")
        seconds = time.monotonic() - began
        self.assertGreater(seconds, 9)
        self.assertLess(seconds, 20)

    # Who comes in

    def code(self, client_id, user, password):
        """The CONNACK's code; 0 stays, anything else ends."""
        wire = self.wire()
        wire.send(connect(client_id, user, password))
        answer = wire.packet()
        self.assertEqual(answer[:3].hex(), "200200")
        if answer[3] == 0:
            self.assertEqual(wire.until_pong(), b"")
        else:
            self.assertEqual(wire.until_end()[0], b"")
        wire.close()
        return answer[3]

    def test_user_names(self):
        leaf, module = self.fresh(), self.good
        d, m = leaf.name, module.name
        legacy = "api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1-preview-003"
        for who, user, code in [
                (leaf, f"h/{d}/?api-version=x", 0), (leaf, f"h/{d}/api-version=x&DeviceClientType=c", 0),
                (module, f"h/{m}/?api-version=x&Foo=c", 0), (module, f"h/{m}/api-version=x&", 0),
                (leaf, f"h/{d}/?DeviceClientType=a%2Fb&api-version=x&model-id=dtmi%3Aa%3Bb%3B1", 0),
                (module, f"h/{m}/{legacy}", 0), (module, f"h/{m}/{legacy}x", 3),
                (leaf, "h", 3), (leaf, f"h/{d}", 3), (module, f"h/{m}", 3), (leaf, f"h/{d}/foo", 3),
                (leaf, f"h/{d}/api-version", 3), (module, f"h/{m}/DeviceClientType=x", 3), (module, f"h/{m}/api-version=x/extra", 3),
                (module, f"h/{m}?api-version=x", 3), (leaf, "h//?api-version=x", 3), (module, f"h/{m}/?version=x", 3),
                (leaf, f"h/{d}/?api-version=", 3), (leaf, f"/{d}/?api-version=x", 3), (module, f"h/{m}/x/?api-version=x", 3)]:
            with self.subTest(user):
                self.assertEqual(self.code(who.name, user, who.token()), code)

    def test_the_user_name_is_who_one_is(self):
        leaf, other, module = self.fresh(), self.fresh("other"), self.good
        for client_id, user, password in ((other.name, leaf.user, leaf.token()), (leaf.name, other.user, leaf.token()),
                                          (module.device, module.user, module.token()), ("good", module.user, module.token()),
                                          (module.name, leaf.user, module.token()), (leaf.name, leaf.user, module.token()),
                                          (module.name, module.user, leaf.token())):
            with self.subTest(client_id):
                self.assertEqual(self.code(client_id, user, password), 5)

    def test_passwords(self):
        leaf = self.fresh()
        primary, secondary, wrong = (edge_hub.key_of(leaf.name + name) for name in ("1", "2", "3"))
        self.place.cloud.service.ok("PUT", f"/devices/{leaf.name}", {
            "deviceId": leaf.name, "deviceScope": self.place.scope,
            "authentication": {"type": "sas", "symmetricKey": {"primaryKey": primary, "secondaryKey": secondary}}},
            headers={"If-Match": "*"})
        good = edge_hub.sas(leaf.resource, primary)
        fields = good.removeprefix("SharedAccessSignature ").split("&")
        for what, password, code in [
                ("primary", good, 0), ("secondary", edge_hub.sas(leaf.resource, secondary), 0),
                ("neither", edge_hub.sas(leaf.resource, wrong), 5),
                ("fields in another order", "SharedAccessSignature " + "&".join(reversed(fields)), 0),
                ("a newline after the prefix", "SharedAccessSignature\n" + "&".join(fields), 0),
                ("expired two minutes ago", edge_hub.sas(leaf.resource, primary, -120), 0),
                ("expired six minutes ago", edge_hub.sas(leaf.resource, primary, -360), 5),
                ("for a policy, which is not asked for", good + "&skn=device", 0),
                ("no prefix", "&".join(fields), 5), ("another prefix", "Bearer " + "&".join(fields), 5),
                ("no sr", "SharedAccessSignature " + "&".join(fields[1:]), 5),
                ("no sig", "SharedAccessSignature " + "&".join([fields[0], fields[2]]), 5),
                ("no se", "SharedAccessSignature " + "&".join(fields[:2]), 5),
                ("se=0", "SharedAccessSignature " + "&".join([*fields[:2], "se=0"]), 5),
                ("another se", "SharedAccessSignature " + "&".join([*fields[:2], "se=9999999999"]), 5),
                ("a sig of nothing", "SharedAccessSignature " + "&".join([fields[0], "sig=", fields[2]]), 5),
                ("another hub", edge_hub.sas(leaf.resource.replace("hub.test", "other.test"), primary), 5),
                ("by the gateway's name", edge_hub.sas(leaf.resource.replace("hub.test", edge_hub.GATEWAY), primary), 0),
                ("another device", edge_hub.sas(f"{edge_hub.CLOUD}/devices/{leaf.name}x", primary), 5),
                ("a module of it", edge_hub.sas(f"{leaf.resource}/modules/m", primary), 5),
                ("the whole hub", edge_hub.sas(edge_hub.CLOUD, primary), 5)]:
            with self.subTest(what):
                self.assertEqual(self.code(leaf.name, leaf.user, password), code)

    def test_a_module_may_use_its_devices_key(self):
        device = f"{edge_hub.CLOUD}/devices/{edge_hub.DEVICE}"
        for resource, key, code in ((device, edge_hub.DEVICE, 0), (device, "another", 5), (device + "x", edge_hub.DEVICE, 5)):
            self.assertEqual(self.code(self.good.name, self.good.user, edge_hub.sas(resource, edge_hub.key_of(key))), code)


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
