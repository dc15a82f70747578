"""Topics of an edge hub on the wire: telemetry and its bag of properties, twins; what is nobody's topic, or another's."""
import re
import unittest

import wire_case
import sandbox
from mqtt_cases import events
from mqtt_wire import puback, publish, subscribe
from wire_case import AT_ONCE


class HubTopics(wire_case.WireCase):
    def test_topics_of_telemetry(self):
        for who in (self.fresh(), self.good):
            path = events(who)
            wire = self.let_in(who)
            for number, topic in enumerate((f"{path}/k=v/", f"{path}/", f"{path}/k=v", path), 1):
                wire.send(publish(topic, b"%d" % number, 1, number))
                self.assertEqual(wire.packet(), puback(number))
            found = self.events_of(who, 4)
            self.assertEqual([event["properties"] for event in found], [{"k": "v"}, {}, {"k": "v"}, {}])

    def test_bags_of_properties(self):
        me = self.fresh()
        wire = self.let_in(me)
        vectors = [
            ("p1=v1&p2=v2&%24.mid=m%201&%24.ct=application%2Fjson&%24.ce=utf-8/", {"p1": "v1", "p2": "v2"},
             {"$.mid": "m 1", "$.ct": "application/json", "$.ce": "utf-8"}),
            ("$.mid=x", {}, {"$.mid": "x"}), ("%24.mid=x&%24.cid=c&%24.uid=u", {}, {"$.mid": "x", "$.cid": "c", "$.uid": "u"}),
            ("a=1%2B2%202", {"a": "1+2 2"}, {}), ("a=%E2%82%AC", {"a": "€"}, {}), ("a=", {"a": ""}, {}),
            ("a=50%zz", {"a": "50%zz"}, {}), ("a=100%", {"a": "100%"}, {}), ("?a=b", {"?a": "b"}, {}),
            ("A=1&b=%26%3D%2F", {"A": "1", "b": "&=/"}, {}), ("a", {"a": None}, {}),
            # what the original drops is understood
            ("a=b=c", {"a": "b=c"}, {}), ("a=b&", {"a": "b"}, {}), ("&a=b&&c=d", {"a": "b", "c": "d"}, {})]
        for number, (bag, _, _) in enumerate(vectors, 1):
            wire.send(publish(f"{events(me)}/{bag}", b"%d" % number, 1, number))
            self.assertEqual(wire.packet(), puback(number))
        found = self.events_of(me, len(vectors))
        for event, (bag, properties, system) in zip(found, vectors):
            with self.subTest(bag):
                self.assertEqual(event["properties"], properties)
                self.assertEqual({name: value for name, value in event["system"].items() if name in system}, system)

    def test_flags_become_properties(self):
        me = self.fresh()
        wire = self.let_in(me)
        wire.send(publish(events(me), b"1", 1, 1, dup=True, retain=True))
        self.assertEqual(wire.packet(), puback(1))
        found = self.events_of(me, 1)[0]
        self.assertEqual(found["properties"], {"mqtt-retain": "true", "mqtt-dup": "true"})

    def test_topics_that_end_it(self):
        me = self.fresh()
        other = self.fresh("other")
        module = self.place.module("other")
        path = f"devices/{me.device}"
        for topic in [
                events(other), events(module), events(self.good), f"{events(other)}/k=v/",
                f"devices/{me.device.upper()}/messages/events/", "devices//messages/events/",
                f"{path}/modules//messages/events/", f"{path}/messages", f"{path}/messages/", f"{path}/messages/Events/", f"{path}/messages/eventsx", f"/{events(me)}",
                f"{path}/messages/events/=x", f"{path}/messages/events/$.cdid={other.device}",
                "$iothub/twin/GET/", "$iothub/twin/GET/?", "$iothub/twin/GET/?$rid=", "$iothub/twin/GET/x/?$rid=1",
                "$iothub/twin/get/?$rid=1", "$iothub/twin/PATCH/properties/desired/?$rid=1",
                "$iothub/twin/PATCH/properties/reported/x/?$rid=1", "$iothub/twin/", "$iothub/methods/", "$iothub/methods/res/",
                "$iothub/methods/POST/x/?$rid=1", "$iothub/"]:
            with self.subTest(topic):
                wire = self.let_in(me)
                wire.send(publish(topic, b"{}", 1))
                found, seconds = wire.until_end()
                self.assertEqual(found, b"")
                self.assertLess(seconds, AT_ONCE)
        self.let_in(me).send(publish(events(me), b"last"))
        self.assertEqual(self.arrived_of(me, 1), [b"last"])

    def test_twin_topics(self):
        me = self.fresh()
        wire = self.let_in(me)
        wire.send(subscribe(1, ("$iothub/twin/res/#", 0)))
        self.assertEqual(wire.packet().hex(), "9003000100")
        wire.send(publish("$iothub/twin/GET/?$rid=a-1"))
        got = wire.message()
        self.assertEqual((got.topic, got.qos, got.dup, got.retain), ("$iothub/twin/res/200/?$rid=a-1", 0, False, False))
        self.assertEqual(got.body, b'{"desired":{"$version":1},"reported":{"$version":1}}')
        for number, (topic, reply) in enumerate([
                ("$iothub/twin/PATCH/properties/reported/?$rid=2", "$iothub/twin/res/204/?$rid=2&$version="),
                ("$iothub/twin/PATCH/properties/reported/?$rid=3&$version=1", "$iothub/twin/res/204/?$rid=3&$version="),
                ("$iothub/twin/PATCH/properties/reported/?$random&$rid=4", "$iothub/twin/res/204/?$rid=4&$version=")], 1):
            wire.send(publish(topic, b'{"a":%d}' % number, 1, number))
            self.assertEqual(wire.packet(), puback(number))
            got = wire.message()
            self.assertEqual((re.sub(r"\d+$", "", got.topic), got.body), (reply, b""))
        wire.send(publish("$iothub/twin/PATCH/properties/reported/?$rid=5", b"[1]"))
        self.assertEqual(wire.message().topic, "$iothub/twin/res/400/?$rid=5")

    def test_desired_properties(self):
        me = self.fresh()
        wire = self.let_in(me)
        wire.send(subscribe(1, ("$iothub/twin/PATCH/properties/desired/#", 1), ("$iothub/methods/POST/#", 1)))
        self.assertEqual(wire.packet().hex(), "900400010101")
        self.place.cloud.service.ok("PATCH", f"/twins/{me.device}", {"properties": {"desired": {"a": 1}}})
        got = wire.message(within=20)
        self.assertEqual((got.topic, got.body), ("$iothub/twin/PATCH/properties/desired/?$version=2", b'{"a":1,"$version":2}'))


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
