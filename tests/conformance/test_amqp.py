"""AMQP clients of other makers, unmodified, on the local cloud: Qpid Proton and Microsoft's uAMQP (of az iot)."""
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import cloud  # noqa: E402
from peers import By, Proton  # noqa: E402

import proton  # noqa: E402
import proton.utils  # noqa: E402
import uamqp  # noqa: E402
import uamqp.authentication  # noqa: E402

HUB = "hub.test"
POLICY = "iothubowner"


def token(resource, key, policy=None, raw=False, seconds=3600):
    resource = urllib.parse.quote(resource, safe="")
    until = int(time.time()) + seconds
    key = key.encode() if raw else base64.b64decode(key)
    digest = hmac.new(key, f"{resource}\n{until}".encode(), hashlib.sha256).digest()
    sig = urllib.parse.quote(base64.b64encode(digest), safe="")
    return f"SharedAccessSignature sr={resource}&sig={sig}&se={until}" + (f"&skn={policy}" if policy else "")


class Amqp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cloud.name_hosts({HUB: "127.0.0.11"})
        cls.hub = cloud.Emulator().start()
        cls.addClassCleanup(cls._end)

    @classmethod
    def _end(cls):
        cls.hub.stop()
        found = cls.hub.complaints()
        if found:
            raise AssertionError(found)

    def device(self, name):
        text = self.hub.device(name)
        return dict(part.split("=", 1) for part in text.split(";"))["SharedAccessKey"]

    def proton(self, **more):
        client = Proton(HUB, self.hub.ca, **more)
        self.addCleanup(client.close)
        return client

    def test_proton_with_a_token(self):
        key = self.device("p1")
        client = self.proton(allowed_mechs="ANONYMOUS")
        self.assertEqual(client.put_token(f"{HUB}/devices/p1", token(f"{HUB}/devices/p1", key)), 200)
        sender = client.connection.create_sender("/devices/p1/messages/events")
        sender.send(proton.Message(body=b'{"t":1}', inferred=True, properties={"k": "v"}))
        twin = client.ask("/devices/p1/twin", proton.Message(correlation_id="c", annotations={"operation": "GET"}, body=b" ",
                                                             inferred=True))
        self.assertEqual((twin.correlation_id, twin.annotations["status"]), ("c", 200))
        self.assertIn("desired", json.loads(bytes(twin.body)))

    def test_proton_without_sasl(self):
        key = self.device("p2")
        client = self.proton(sasl_enabled=False)
        self.assertEqual(client.put_token(f"{HUB}/devices/p2", token(f"{HUB}/devices/p2", key)), 200)
        client.connection.create_sender("/devices/p2/messages/events").send(proton.Message(body=b"x", inferred=True))

    def test_proton_by_plain(self):
        key = self.device("p3")
        client = self.proton(allowed_mechs="PLAIN", user="p3@sas.hub", password=token(f"{HUB}/devices/p3", key))
        client.connection.create_sender("/devices/p3/messages/events").send(proton.Message(body=b"x", inferred=True))

    def test_proton_is_refused(self):
        key = self.device("p4")
        client = self.proton(allowed_mechs="ANONYMOUS")
        self.assertEqual(client.put_token(f"{HUB}/devices/p4", token(f"{HUB}/devices/p4", base64.b64encode(b"no").decode())), 401)
        with self.assertRaisesRegex(proton.utils.LinkDetached, "amqp:unauthorized-access"):
            client.connection.create_sender("/devices/p4/messages/events")
        self.assertEqual(client.put_token(f"{HUB}/devices/p4", token(f"{HUB}/devices/p4", key)), 200)
        with self.assertRaisesRegex(proton.utils.LinkDetached, "amqp:not-found"):
            client.connection.create_sender("/devices/p4/nowhere")

    def edge(self, name):
        """An edge device with a key for its $edgeHub."""
        self.hub.device(name, edge=True)
        key = base64.b64encode(hashlib.sha256(f"{name}/$edgeHub".encode()).digest()).decode()
        self.hub.service.ok("PUT", f"/devices/{name}/modules/%24edgeHub", {"authentication": {
            "type": "sas", "symmetricKey": {"primaryKey": key, "secondaryKey": key}}}, headers={"If-Match": "*"})
        return key, self.hub.service.ok("GET", f"/devices/{name}")["deviceScope"]

    def state(self, name):
        return self.hub.service.ok("GET", f"/devices/{name}")["connectionState"]

    def test_an_edge_hub_speaks_for_a_leaf_device(self):
        key, scope = self.edge("e1")
        self.device("leaf1")
        identity = self.hub.service.ok("GET", "/devices/leaf1")
        self.hub.service.ok("PUT", "/devices/leaf1", dict(identity, deviceScope=scope), headers={"If-Match": "*"})
        client = self.proton(allowed_mechs="ANONYMOUS")
        me, by = f"{HUB}/devices/e1/modules/$edgeHub", By("leaf1;e1")
        with self.assertRaisesRegex(proton.utils.LinkDetached, "amqp:unauthorized-access"):
            client.connection.create_sender("/devices/leaf1/messages/events", options=by, name="early")
        self.assertEqual(client.put_token(me, token(me, key)), 200)
        with self.assertRaisesRegex(proton.utils.LinkDetached, "amqp:unauthorized-access"):
            client.connection.create_sender("/devices/leaf1/messages/events", name="alone")
        events = client.connection.create_sender("/devices/leaf1/messages/events", options=by)
        events.send(proton.Message(body=b"x", inferred=True))
        self.assertEqual(self.state("leaf1"), "Connected")
        twin = client.ask("/devices/leaf1/twin", proton.Message(correlation_id="c", annotations={"operation": "GET"}, body=b" ",
                                                                inferred=True), by)
        self.assertEqual(twin.annotations["status"], 200)
        sender = uamqp.SendClient(f"amqps://{HUB}/messages/devicebound", auth=self.plain())
        self.addCleanup(sender.close)
        sender.queue_message(uamqp.Message(b"hello", properties=uamqp.message.MessageProperties(
            to="/devices/leaf1/messages/devicebound")))
        sender.send_all_messages()
        receiver = client.connection.create_receiver("/devices/leaf1/messages/devicebound", credit=1, options=by)
        self.assertEqual(bytes(receiver.receive(20).body), b"hello")
        receiver.accept()
        receiver.close()
        identity = self.hub.service.ok("GET", "/devices/leaf1")
        self.hub.service.ok("PUT", "/devices/leaf1", dict(identity, status="disabled"), headers={"If-Match": "*"})
        self.assertEqual(self.state("leaf1"), "Disconnected")
        with self.assertRaises(proton.utils.LinkDetached):
            events.send(proton.Message(body=b"x", inferred=True))
        self.assertEqual(client.put_token(me, token(me, key)), 200)  # the connection lives

    def plain(self):
        return uamqp.authentication.SASLPlain(HUB, f"{POLICY}@sas.root.hub", token(HUB, self.hub.key, POLICY), verify=self.hub.ca)

    def test_uamqp_sends_to_a_device(self):
        key = self.device("u1")
        sender = uamqp.SendClient(f"amqps://{HUB}/messages/devicebound", auth=self.plain())
        self.addCleanup(sender.close)
        message = uamqp.Message(b"hello", properties=uamqp.message.MessageProperties(
            to="/devices/u1/messages/devicebound", message_id="m1"), application_properties={"iothub-ack": "full"})
        sender.queue_message(message)
        self.assertEqual(sender.send_all_messages(), [uamqp.constants.MessageState.SendComplete])

        device = self.proton(sasl_enabled=False)
        device.put_token(f"{HUB}/devices/u1", token(f"{HUB}/devices/u1", key))
        receiver = device.connection.create_receiver("/devices/u1/messages/devicebound", credit=1)
        got = receiver.receive(20)
        receiver.accept()
        receiver.close()  # only waiting has it send
        self.assertEqual((bytes(got.body), got.id), (b"hello", "m1"))

        feedback = uamqp.ReceiveClient(f"amqps://{HUB}/messages/servicebound/feedback", auth=self.plain())
        self.addCleanup(feedback.close)
        batch = feedback.receive_message_batch(max_batch_size=1, timeout=20000)
        records = json.loads(b"".join(batch[0].get_data()))
        self.assertEqual([(r["originalMessageId"], r["statusCode"]) for r in records], [("m1", "Success")])
        batch[0].accept()

    def test_uamqp_finds_the_event_hub_and_reads(self):
        key = self.device("u2")
        device = self.proton(sasl_enabled=False)
        device.put_token(f"{HUB}/devices/u2", token(f"{HUB}/devices/u2", key))
        device.connection.create_sender("/devices/u2/messages/events").send(proton.Message(body=b"read me", inferred=True))

        asker = uamqp.ReceiveClient(f"amqps://{HUB}/messages/events/$management", auth=self.plain())
        self.addCleanup(asker.close)
        with self.assertRaises(uamqp.errors.LinkRedirect) as raised:
            asker.receive_message_batch(max_batch_size=1, timeout=20000)
        address = raised.exception.address.decode()
        self.assertEqual(raised.exception.hostname.decode(), HUB)
        entity = urllib.parse.urlparse(address).path.split("/")[1]
        audience = f"sb://{HUB}/{entity}"

        def auth():
            return uamqp.authentication.SASTokenAuth(audience, audience, token(audience, self.hub.key, POLICY, raw=True),
                                                     expires_in=None, expires_at=int(time.time()) + 3600, verify=self.hub.ca)
        manager = uamqp.AMQPClient(f"amqps://{HUB}/{entity}", auth=auth())
        manager.open()
        self.addCleanup(manager.close)
        about = manager.mgmt_request(uamqp.Message(application_properties={"name": entity}), b"READ", op_type=b"com.microsoft:eventhub",
                                     status_code_field=b"status-code", description_fields=b"status-description", timeout=20000)
        partitions = [one.decode() for one in about.get_data()[b"partition_ids"]]
        self.assertEqual(partitions, ["0", "1", "2", "3"])

        def read(partition):
            source = uamqp.address.Source(f"amqps://{HUB}/{entity}/ConsumerGroups/$Default/Partitions/{partition}")
            source.set_filter(b"amqp.annotation.x-opt-enqueuedtimeutc > 0")
            reader = uamqp.ReceiveClient(source, auth=auth(), timeout=2000)
            found = [b"".join(event.get_data()) for event in reader.receive_message_batch(max_batch_size=50, timeout=2000)]
            reader.close()
            return found

        # Two seconds may be too short for a batch to come.
        sandbox.wait_for(lambda: any(b"read me" in read(partition) for partition in partitions), 60, "the event in a partition")


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
