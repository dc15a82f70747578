"""Sessions of an edge hub on the wire: session present, what is sent again and with which flags and ids, take-over; over lost
connections, restarts and kills."""
import threading
import unittest

import wire_case
import sandbox
import edge_hub
from mqtt_cases import events
from mqtt_wire import ACCEPTED, DISCONNECT, RESUMED, Message, Wire, puback, publish, subscribe, unsubscribe
from wire_case import AT_ONCE

SINKS = 20
WINDOW = 100  # messages sent and not acknowledged


class HubSession(wire_case.WireCase):
    routes = {"up": "FROM /messages/* WHERE to = 'cloud' INTO $upstream", **{
        f"sink{n}": f"FROM /messages/* WHERE to = 'sink{n}' INTO BrokeredEndpoint(\"/modules/sink{n}/inputs/in1\")"
        for n in range(1, SINKS)}}

    @classmethod
    def prepare(cls):
        cls.sensor = cls.place.module("sensor")

    def setUp(self):
        """Each test has a sink of its own."""
        super().setUp()
        self.sink = self.place.module(f"sink{self.number}")
        self.inputs = f"devices/{edge_hub.DEVICE}/modules/{self.sink.module}/inputs/"

    def enter(self, who, connack, clean=False, **more):
        made = self.wire()
        self.assertEqual(made.login(who, clean=clean, **more).hex(), connack.hex())
        return made

    def leave(self, wire):
        wire.send(DISCONNECT)
        self.assertEqual(wire.until_end()[0], b"")
        wire.close()

    def listen(self, connack=ACCEPTED, qos=1, clean=False):
        """The sink, with a subscription to its inputs."""
        made = self.enter(self.sink, connack, clean)
        self.ask(made, qos)
        return made

    def ask(self, wire, qos=1):
        """Subscribe to all inputs. The first messages may come before the SUBACK [MQTT-3.8.4]; they are given back."""
        wire.send(subscribe(1, (self.inputs + "#", qos)))
        early = []
        while (one := wire.packet())[0] != 0x90:
            early.append(Message(one))
        self.assertEqual(one.hex(), f"90030001{min(qos, 1):02x}")
        return early

    def give(self, *bodies, bag=""):
        """From the sensor to this test's sink; they are acknowledged."""
        sensor = self.enter(self.sensor, ACCEPTED, clean=True)
        for number, body in enumerate(bodies, 1):
            sensor.send(publish(f"{events(self.sensor)}/to={self.sink.module}{bag}", body, 1, number))
        for number in range(1, len(bodies) + 1):
            self.assertEqual(sensor.packet(), puback(number))
        self.leave(sensor)

    def take(self, wire, *bodies, dup):
        """These come, in this order, with ids of their own."""
        found = [wire.message() for _ in bodies]
        self.assertEqual([(one.body, one.qos, one.dup, one.retain) for one in found],
                         [(body, 1, dup, False) for body in bodies])
        ids = [one.id for one in found]
        self.assertEqual(len(set(ids) - {0}), len(ids), ids)
        return ids

    def nothing_left(self, wire):
        """What is given now is all that comes."""
        self.give(b"the last")
        got = wire.message()
        self.assertEqual((got.body, got.dup), (b"the last", False))
        wire.send(puback(got.id))
        self.assertEqual(wire.until_pong(), b"")

    def on_disk(self):
        """What was said before is: an acknowledgement comes after it."""
        self.give(b"")

    # Session present

    def test_a_session_is_present_until_a_clean_one(self):
        for end in (self.leave, Wire.close, self.leave):
            wire = self.enter(self.sink, ACCEPTED)
            end(wire)
            end(self.enter(self.sink, RESUMED))
            end(self.enter(self.sink, RESUMED))
            end(self.enter(self.sink, ACCEPTED, clean=True))

    def test_a_session_survives_the_hub(self):
        self.leave(self.listen())
        for kill in (False, True):
            self.hub.restart(kill)
            self.leave(self.enter(self.sink, RESUMED))
        self.leave(self.enter(self.sink, ACCEPTED, clean=True))
        self.on_disk()
        self.hub.restart(kill=True)
        self.leave(self.enter(self.sink, ACCEPTED))

    def test_a_session_without_subscriptions_survives_the_hub(self):
        self.leave(self.enter(self.sink, ACCEPTED))
        self.on_disk()
        self.hub.restart(kill=True)
        self.leave(self.enter(self.sink, RESUMED))

    # What is sent again

    def test_what_is_not_acknowledged_comes_again(self):
        wire = self.listen()
        self.give(b"0", b"1", b"2", b"3", b"4")
        ids = self.take(wire, b"0", b"1", b"2", b"3", b"4", dup=False)
        wire.send(puback(ids[4]) + puback(ids[1]))  # in any order
        self.assertEqual(wire.until_pong(), b"")
        wire.close()
        wire = self.enter(self.sink, RESUMED)  # its subscription is known
        ids = self.take(wire, b"0", b"2", b"3", dup=True)
        wire.close()
        wire = self.enter(self.sink, RESUMED)
        wire.send(b"".join(puback(one) for one in self.take(wire, b"0", b"2", b"3", dup=True)))
        self.assertEqual(wire.until_pong(), b"")
        self.leave(wire)
        self.nothing_left(self.enter(self.sink, RESUMED))

    def test_what_is_not_acknowledged_comes_again_after_the_hub(self):
        wire = self.listen()
        self.give(b"0", b"1", b"2")
        ids = self.take(wire, b"0", b"1", b"2", dup=False)
        wire.send(puback(ids[0]))
        self.assertEqual(wire.until_pong(), b"")
        self.hub.restart()
        wire = self.enter(self.sink, RESUMED)
        self.take(wire, b"1", b"2", dup=True)
        self.hub.restart(kill=True)
        wire = self.enter(self.sink, RESUMED)
        wire.send(b"".join(puback(one) for one in self.take(wire, b"1", b"2", dup=True)))
        self.assertEqual(wire.until_pong(), b"")
        self.nothing_left(wire)

    def test_what_came_meanwhile_waits(self):
        self.leave(self.listen())
        self.give(b"0", b"1")
        wire = self.enter(self.sink, RESUMED)
        wire.send(b"".join(puback(one) for one in self.take(wire, b"0", b"1", dup=False)))
        self.nothing_left(wire)

    def test_what_came_meanwhile_survives_the_hub(self):
        self.leave(self.listen())
        self.give(b"0", b"1")
        self.hub.restart(kill=True)
        wire = self.enter(self.sink, RESUMED)
        wire.send(b"".join(puback(one) for one in self.take(wire, b"0", b"1", dup=True)))  # the hub cannot know
        self.nothing_left(wire)

    def test_a_clean_session_has_its_inputs_when_it_asks(self):
        wire = self.listen()
        self.give(b"0")
        self.take(wire, b"0", dup=False)
        wire.close()
        wire = self.enter(self.sink, ACCEPTED, clean=True)
        self.assertEqual(wire.until_pong(), b"")
        got = (self.ask(wire) or [wire.message()])[0]
        self.assertEqual((got.body, got.qos), (b"0", 1))
        wire.send(puback(got.id))
        self.nothing_left(wire)

    def test_ids_are_its_own_until_acknowledged(self):
        wire = self.listen()
        bodies = [b"%d" % number for number in range(300)]
        self.give(*bodies)
        ids = []  # under way
        for number, body in enumerate(bodies):
            got = wire.message()
            self.assertEqual((got.body, got.dup), (body, False))
            self.assertNotIn(got.id, [*ids, 0])
            ids.append(got.id)
            if len(ids) > 8:
                wire.send(puback(ids.pop(number % len(ids))))  # the oldest may stay for long
        wire.send(b"".join(puback(one) for one in ids))
        self.nothing_left(wire)

    def test_who_acknowledges_nothing_is_not_sent_everything(self):
        wire = self.listen()
        bodies = [b"%d" % number for number in range(WINDOW + 50)]
        self.give(*bodies)
        found = []
        with self.assertRaises(TimeoutError):
            while len(found) <= WINDOW:
                found.append(wire.message(within=1))
        self.assertEqual([one.body for one in found], bodies[:len(found)])
        self.assertGreater(len(found), 1)
        wire.send(puback(found[0].id))
        self.assertEqual(wire.message().body, bodies[len(found)])

    # Quality

    def test_quality_0_needs_no_acknowledgement(self):
        wire = self.listen(qos=0)
        self.give(b"0", b"1")
        self.assertEqual([(one.body, one.qos, one.dup) for one in (wire.message(), wire.message())],
                         [(b"0", 0, False), (b"1", 0, False)])
        self.assertEqual(self.ask(wire, 2), [])
        self.nothing_left(wire)
        self.give(b"2", bag="&mqtt-qos=0")
        got = wire.message()
        self.assertEqual((got.body, got.qos), (b"2", 0))
        wire.send(unsubscribe(3, self.inputs + "#"))
        self.assertEqual(wire.packet().hex(), "b0020003")
        self.give(b"3")
        self.assertEqual(wire.until_pong(), b"")
        got = (self.ask(wire) or [wire.message()])[0]
        self.assertEqual((got.body, got.qos, got.dup), (b"3", 1, False))

    def test_an_input_names_its_sender(self):
        wire = self.listen()
        self.give(b"{}", bag="&Prop1=Val1&Prop2=Val%202&$.ct=application%2Fjson&%24.mid=m%2F1")
        self.assertEqual(wire.message().topic,
                         f"{self.inputs}in1/to={self.sink.module}&Prop1=Val1&Prop2=Val%202&%24.mid=m%2F1&"
                         f"%24.ct=application%2Fjson&%24.cdid={edge_hub.DEVICE}&%24.cmid=sensor")

    # Take-over

    def test_the_newer_connection_wins(self):
        will = (f"{events(self.sink)}/to=cloud", b"gone", 1, False)
        first = self.enter(self.sink, ACCEPTED, will=will)
        first.send(subscribe(1, (self.inputs + "#", 1)))
        self.assertEqual(first.packet().hex(), "9003000101")
        self.give(b"0")
        self.take(first, b"0", dup=False)
        second = self.enter(self.sink, RESUMED)
        found, seconds = first.until_end()
        self.assertEqual(found, b"")
        self.assertLess(seconds, AT_ONCE)
        self.take(second, b"0", dup=True)
        third = self.enter(self.sink, ACCEPTED, clean=True)
        self.assertEqual(second.until_end()[0], b"")
        third.send(publish(f"{events(self.sink)}/to=cloud", b"mine", 1, 1))
        self.assertEqual(third.packet(), puback(1))
        self.assertEqual(self.arrived_of(self.sink, 1), [b"mine"])  # and no will

    # Methods

    def test_methods_answered_in_any_order(self):
        wire = self.enter(self.sink, ACCEPTED)
        wire.send(subscribe(1, ("$iothub/methods/POST/#", 1)))
        self.assertEqual(wire.packet().hex(), "9003000101")
        results, service = {}, self.place.cloud.service

        def call(name):
            results[name] = service.method(edge_hub.DEVICE, name, {"of": name}, module=self.sink.module)

        threads = [threading.Thread(target=call, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        asked = {}
        for _ in threads:
            got = wire.message(within=20)
            head, _, rid = got.topic.partition("/?$rid=")
            asked[head.removeprefix("$iothub/methods/POST/")] = rid
            self.assertEqual((got.qos, got.dup, got.body), (0, False, b'{"of":"%s"}' % head.split("/")[-1].encode()))
        self.assertEqual(len(set(asked.values())), 2, asked)
        wire.send(publish("$iothub/methods/res/404/?$rid=" + asked["two"], b'"second"'))
        wire.send(publish("$iothub/methods/res/200/?$rid=" + asked["one"], b"", 1, 9))
        self.assertEqual(wire.packet(), puback(9))
        for thread in threads:
            thread.join()
        self.assertEqual(results["two"], (200, {"status": 404, "payload": "second"}))
        self.assertEqual((results["one"][0], results["one"][1]["status"]), (200, 200))


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
