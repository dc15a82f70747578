"""Who is let in behind an edge hub, and what for: nobody as another, nobody by a proof that is none, nobody for longer than IoT
Hub wants. By MQTT and AMQP, both in a WebSocket, too, and HTTP; what is refused is refused soon, the log says who and why, and the
neighbour's connection is not disturbed."""
import base64
import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import edge_hub  # noqa: E402
from hub_case import HubCase  # noqa: E402
import services  # noqa: E402
from peers import By, Closed, Mqtt, Proton, log_in, source  # noqa: E402
from sandbox import wait_for  # noqa: E402

import proton  # noqa: E402
import proton.utils  # noqa: E402

GATEWAY, CLOUD, DEVICE = edge_hub.GATEWAY, edge_hub.CLOUD, edge_hub.DEVICE
ROUTES = {"up": "FROM /messages/* WHERE dest = 'cloud' INTO $upstream",
          "sink": "FROM /messages/* WHERE dest = 'sink' INTO BrokeredEndpoint(\"/modules/sink/inputs/in1\")"}
SOON = 8  # seconds in which a refusal has come, on a machine that does other things as well; less than the hub would wait for IoT Hub
PATIENCE = 20  # ... when IoT Hub has to be asked, or would have to be and does not answer
GRACE = 300  # that a token serves longer than it says


def path(who):
    return f"/devices/{who.device}" + (f"/modules/{who.module}" if who.module else "")


def links(who):
    """(address, whether the client sends) of everything an identity has."""
    base = path(who)
    return ([(base + end, sends) for end in ("/twin", "/methods/devicebound") for sends in (True, False)]
            + [(base + "/messages/events", True), (base + "/messages/devicebound", False)]
            + ([(base + "/messages/events", False)] if who.module else []))


def again(token, **parts):
    """The token with these parts put in place of its own; None takes one out."""
    found = dict(part.split("=", 1) for part in token.removeprefix("SharedAccessSignature ").split("&"))
    found.update(parts)
    return "SharedAccessSignature " + "&".join(f"{name}={value}" for name, value in found.items() if value is not None)


def bad_tokens(who, other):
    """What is no token of `who`."""
    good = who.token()
    wrong = base64.b64encode(b"another key of thirty-two bytes.").decode()
    until = int(time.time()) + 3600
    return {
        "by another key": edge_hub.sas(who.resource, wrong),
        "by the key of another": edge_hub.sas(who.resource, other.key),
        "of another": other.token(),
        "expired": who.token(-GRACE - 60),
        "expired long ago": who.token(-10 ** 9),
        "its end moved": again(good, se=str(until + 60)),
        "signed as that of another": again(good, sig=other.token().split("sig=")[1].split("&")[0]),
        "its resource changed": again(other.token(), sr=good.split("sr=")[1].split("&")[0]),
        "encoded twice": edge_hub.sas(urllib.parse.quote(who.resource, safe=""), who.key),
        "of another case": edge_hub.sas(who.resource.replace("/devices/", "/Devices/"), who.key),

        "of another hub": edge_hub.sas(who.resource.replace(CLOUD, "other.test"), who.key),
        "of a longer host": edge_hub.sas(who.resource.replace(CLOUD, CLOUD + ".evil.test"), who.key),
        "of no host": edge_hub.sas(who.resource.replace(CLOUD, ""), who.key),
        "of the hub": edge_hub.sas(CLOUD, who.key),
        "of a part": edge_hub.sas(who.resource[:-1], who.key),
        "of more": edge_hub.sas(who.resource + "/modules/x/y", who.key),
        "its signature cut": good[:good.index("&sig=") + 20] + good[good.index("&se="):],
        "cut": good[:len(good) // 2],
        "cut at the end": good[:good.index("&se=") + 5],
        "no signature": again(good, sig=None),
        "an empty signature": again(good, sig=""),
        "no end": again(good, se=None),
        "no resource": again(good, sr=None),
        "an end that is none": again(good, se="soon"),
        "an end beyond time": edge_hub.sas(who.resource, who.key, 2 ** 63),
        "a negative end": again(good, se="-1"),
        "twice the same part": good + "&se=" + str(until),
        "no token": "let me in",
        "empty": "",
        "a name alone": "SharedAccessSignature",
        "huge": "SharedAccessSignature sr=" + "x" * 30000,
        "not UTF-8": "SharedAccessSignature sr=%ff%fe&sig=%ff&se=1",
    }


class Papers:
    """Certificates that are not what they should be; openssl's `ca` can date them."""

    def __init__(self, authority):
        self.authority, self.folder, self.number = authority, f"{sandbox.work()}/papers", 0
        os.makedirs(self.folder, exist_ok=True)
        services.write_file(self.folder + "/index", "")
        services.write_file(self.folder + "/ca.conf", f"""
            [ca]
            default_ca = here
            [here]
            database = {self.folder}/index
            new_certs_dir = {self.folder}
            rand_serial = yes
            default_md = sha256
            policy = any
            unique_subject = no
            [any]
            commonName = supplied
        """)

    def make(self, name, begin="-1 day", end="+1 day", by=None, ca=False, usage="clientAuth"):
        """(certificate with its chain, key, SHA-256); by itself unless `by` an authority (certificate, key)."""
        self.number += 1
        base = f"{self.folder}/{self.number}"
        run = edge_hub.Authority._run
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key", "-subj", "/CN=" + name,
            "-out", base + ".csr")
        services.write_file(base + ".ext", f"basicConstraints=critical,CA:{str(ca).upper()}\n" + (
            f"extendedKeyUsage={usage}\n" if usage else "") + ("keyUsage=keyCertSign,digitalSignature\n" if ca else ""))
        dates = [subprocess.check_output(["date", "-u", "-d", when, "+%Y%m%d%H%M%SZ"], text=True).strip() for when in (begin, end)]
        signer = ("-cert", by[0], "-keyfile", by[1]) if by else ("-selfsign", "-keyfile", base + ".key")
        run("ca", "-batch", "-notext", "-config", self.folder + "/ca.conf", *signer, "-in", base + ".csr", "-out", base + ".leaf",
            "-startdate", dates[0], "-enddate", dates[1], "-extfile", base + ".ext")
        with open(base + ".leaf") as leaf:
            text = leaf.read()
        digest = subprocess.check_output(["openssl", "x509", "-in", base + ".leaf", "-noout", "-fingerprint", "-sha256"], text=True)
        chain = ""
        if by:
            with open(by[0]) as file:
                chain = file.read()
        services.write_file(base + ".pem", text + chain)
        return base + ".pem", base + ".key", digest.strip().split("=")[1].replace(":", "")


class HubSecurity(HubCase):
    routes = ROUTES
    settings = {"DeviceScopeCacheRefreshDelaySecs": "1"}

    @classmethod
    def prepare(cls):
        place = cls.place
        cls.sensor, cls.sink = place.module("sensor"), place.module("sink")
        cls.leaf, cls.other, cls.odd = place.leaf("leaf1"), place.leaf("leaf2"), place.leaf("odd$1'(x),@")
        cls.inner = place._module_of("leaf2", "inner")
        cls.device = edge_hub.Identity(DEVICE, "", edge_hub.key_of(DEVICE))
        cls.agent = place._module_of(DEVICE, "$edgeAgent", match="*")
        cls.beside = place.leaf("beside", scope=False)
        cls.papers = Papers(place.authority)
        cls.printed = edge_hub.Identity("printed", "", None)
        cls.printed.cert = place.leaf_by_thumbprint("printed")
        cls.signed = edge_hub.Identity("signed", "", None)
        cls.signed.cert = place.leaf_by_authority("signed")
        place.cloud.device("edge2", edge=True)
        cls.elsewhere = place.cloud.service.ok("GET", "/devices/edge2")["deviceScope"]

    @classmethod
    def furnish(cls):
        cls.good = cls.place.leaf("neighbour")
        cls.neighbour = cls.next_door()
        cls.addClassCleanup(lambda: cls.neighbour.close())  # whoever it is by then

    @classmethod
    def next_door(cls):
        """A client whom nothing of all this disturbs."""
        return Mqtt(GATEWAY, cls.place.trust, cls.good.name, cls.good.user, cls.good.token())

    def setUp(self):
        super().setUp()
        self.said = self.hub.size()

    def tearDown(self):
        super().tearDown()
        self.soon(self.neighbour.publish, "devices/neighbour/messages/events/", "still here")

    # How one comes in

    def mqtt(self, who, password=None, user=None, client_id=None, cert=None, ws=False):
        cert = cert or getattr(who, "cert", None)
        password = password if password is not None else None if cert else who.token()
        client = Mqtt(GATEWAY, self.place.trust, client_id or who.name, user or who.user, password, cert, ws=ws)
        self.addCleanup(client.close)
        return client

    def amqp(self, who=None, cert=None, ws=False, **more):
        """A connection; of `who` when one is named."""
        client = Proton(GATEWAY, self.place.trust, cert or getattr(who, "cert", None), ws, **{"allowed_mechs": "ANONYMOUS", **more})
        self.addCleanup(client.leave)
        if who and who.key:
            self.assertEqual(client.put_token(who.resource, who.token()), 200)
        return client

    def refused(self, client, address, sends, **more):
        """The condition with which a link is refused; None: it is not."""
        try:
            (client.sender if sends else client.receiver)(address, name=f"{address}-{sends}-{time.monotonic()}", **more).close()
            return None
        except proton.utils.LinkDetached as detached:
            return detached.condition

    def soon(self, step, *arguments):
        began = time.monotonic()
        result = step(*arguments)
        self.assertLess(time.monotonic() - began, SOON)
        return result

    @staticmethod
    def together(step, cases):
        """[step(case)], several at a time; Proton's clients are faster one after the other."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(step, cases))

    def call(self, caller, token, path=f"/twins/{DEVICE}/modules/sink/methods"):
        """The status of a direct method that somebody calls by HTTP."""
        client = http.client.HTTPSConnection(GATEWAY, timeout=20, source_address=source(), context=ssl.create_default_context(
            cafile=self.place.trust))
        with contextlib.closing(client):
            client.request("POST", path, b'{"methodName":"x"}', {
                "Content-Type": "application/json", "x-ms-edge-moduleId": caller, "Authorization": token})
            return client.getresponse().status

    def send(self, who, text="last"):
        """One message of its own, to see that nothing else has come."""
        client = self.mqtt(who)
        self.assertEqual(client.code, 0)
        client.publish(f"devices{path(who).removeprefix('/devices')}/messages/events/mark={self.mark}&dest=cloud", text)
        client.close()

    def events(self, count=1):
        return self.place.arrived(count, self.start, lambda event: event["properties"].get("mark") == self.mark)

    def logged(self, *words, again=None):
        """A line of the log with all of these; the step that causes it may have to be taken `again`, from another address,
        because the log has no more lines for somebody."""
        def found():
            lines = self.hub.text(self.said).splitlines()
            return next((line for line in lines if all(word in line for word in words)), None)

        for _ in range(5 if again else 0):
            with contextlib.suppress(AssertionError):
                return wait_for(found, 0.5, "the line")
            again()
        return wait_for(found, 10, f"a line in the log with {words}")

    def everybody(self):
        return [self.sensor, self.sink, self.agent, self.device, self.leaf, self.other, self.inner, self.printed, self.signed]

    def others(self, who):
        """Whom one could want to be. Not a device's modules, who may come with a token of its own."""
        strangers = [self.place.own, self.beside, edge_hub.Identity("nobody", "", None), edge_hub.Identity("edge2", "$edgeHub", None)]
        return [one for one in self.everybody() + strangers if one is not who and (who.module or one.device != who.device)]

    def pairs(self):
        """(who, whom it wants to be, by a WebSocket)"""
        return [(who, other, ws) for who in [*self.everybody(), self.place.own] for other in self.others(who) for ws in (False, True)]

    # For another

    def test_nobody_is_another_by_mqtt(self):
        def become(pair):
            who, other, ws = pair
            token, cert, codes = None if who.key is None else who.token(), getattr(who, "cert", None), []
            for user, client_id in ((other.user, other.name), (who.user, other.name), (other.user, who.name)):
                client = self.soon(lambda: Mqtt(GATEWAY, self.place.trust, client_id, user, token, cert, ws=ws))
                client.close()
                codes.append(client.code)
            return codes

        for (who, other, ws), codes in zip(self.pairs(), self.together(become, self.pairs())):
            with self.subTest(who=who.name, other=other.name, ws=ws):
                self.assertLessEqual(set(codes), {5, None})
        self.logged(self.leaf.name, "refused")

    def test_nobody_calls_for_another_by_http(self):
        pairs = [pair for pair in self.pairs() if pair[0].key and not pair[2]]
        for (who, other, _), code in zip(pairs, self.together(lambda pair: self.soon(self.call, pair[1].name, pair[0].token()), pairs)):
            with self.subTest(who=who.name, other=other.name):
                self.assertEqual(code, 401 if other.module else 400)
        for who, code in ((self.sensor, 404), (self.agent, 404), (self.inner, 401), (self.leaf, 400), (self.device, 400)):
            self.assertEqual(self.call(who.name, who.token()), code, who.name)
        self.logged("direct method refused", "from=", again=lambda: self.call(self.leaf.name, self.sensor.token()))

    def test_nobody_sends_or_hears_for_another_by_mqtt(self):
        for who in self.everybody():
            for number, other in enumerate(self.others(who)):
                with self.subTest(who=who.name, other=other.name):
                    base, ws = path(other).removeprefix("/"), number % 2 == 1
                    client = self.mqtt(who, ws=ws)
                    self.assertEqual(client.code, 0)
                    with self.assertRaises(Closed):
                        client.publish(f"{base}/messages/events/mark={self.mark}&dest=cloud", "forged")
                    for name in (f"{base}/messages/devicebound/#", f"{base}/inputs/#", f"{base}/#"):
                        client = self.mqtt(who, ws=ws)
                        with contextlib.suppress(Closed):
                            self.assertEqual(client.subscribe(name), [0x80])
                        client.close()
        self.send(self.leaf)
        self.assertEqual([event["body"] for event in self.events()], [b"last"])

    def test_a_filter_of_everything_hears_nothing_of_others(self):
        owner, sends = self.mqtt(self.other), self.amqp(self.sensor)
        owner.subscribe("devices/leaf2/messages/devicebound/#", "$iothub/twin/PATCH/properties/desired/#")
        hears = self.mqtt(self.sink)
        hears.subscribe(path(self.sink).removeprefix("/") + "/inputs/#")
        self.linked("leaf2")
        spies = []
        for number, name in enumerate(("#", "+/+/#", "devices/#", "devices/+/messages/devicebound/#", "devices/+/modules/+/inputs/#", "$iothub/#",
                     "devices/leaf2/#", "$iothub/twin/PATCH/properties/desired/#")):
            spy = self.mqtt(self.place.leaf(f"spy{number}"))
            with contextlib.suppress(Closed):
                spy.subscribe(name)
                spies.append(spy)
        sends.sender(path(self.sensor) + "/messages/events").send(proton.Message(body=b"x", inferred=True, properties={"dest": "sink"}))
        self.place.cloud.service.ok("PATCH", "/twins/leaf2", {"properties": {"desired": {"n": self.mark}}}, headers={"If-Match": "*"})
        owner.take("desired")
        hears.take("inputs/in1")
        for spy in spies:
            with self.assertRaises((TimeoutError, Closed)):
                spy.take("", 0.2)

    def test_nobody_has_links_of_another_by_amqp(self):
        def attach(who):
            found = {}
            for ws in (False, True):
                client = self.amqp(who, ws=ws)
                for link in (link for other in self.others(who) for link in links(other)):
                    found[*link, ws] = self.soon(self.refused, client, *link)
                self.assertIsNone(self.refused(client, *links(who)[0]))  # and what is its own works still
            return found

        for who in self.everybody():
            for link, condition in attach(who).items():
                with self.subTest(who=who.name, link=link):
                    self.assertEqual(condition, "amqp:unauthorized-access")
        self.logged("amqp client refused", f"client={self.other.name}")
        self.send(self.leaf)
        self.assertEqual([event["body"] for event in self.events()], [b"last"])

    def test_each_link_goes_by_a_token_of_its_own(self):
        """A connection with many identities: what each has put opens its own links, and nobody else's; the first by each way in."""
        plain = self.amqp(ws=True, user="leaf1@sas.hub", password=self.leaf.token(), allowed_mechs="PLAIN")
        for client, inside, others in ((self.amqp(ws=False), [], (self.sensor, self.leaf, self.inner)), (plain, [self.leaf], (self.sink, self.other)),
                                       (self.amqp(self.signed, allowed_mechs="EXTERNAL"), [self.signed], (self.device, self.agent))):
            for who in others:
                self.assertEqual(self.refused(client, *links(who)[0]), "amqp:unauthorized-access")
                self.assertEqual(client.put_token(who.resource, who.token()), 200)
                self.assertIsNone(self.refused(client, *links(who)[0]))
            for one in self.everybody():
                for link in links(one):
                    with self.subTest(tokens=[one.name for one in (*inside, *others)], link=link):
                        self.assertEqual(self.refused(client, *link), None if one in (*inside, *others) else "amqp:unauthorized-access")

    def test_nobody_puts_a_token_for_another(self):
        for who in (self.sensor, self.leaf):
            client = self.amqp(who)
            for other in self.others(who):
                with self.subTest(who=who.name, other=other.name):
                    if not who.module or other is not self.device:
                        self.assertEqual(client.put_token(other.resource, edge_hub.sas(other.resource, who.key)), 401)
                    self.assertEqual(client.put_token(other.resource, who.token()), 401)
                    self.assertEqual(client.put_token(other.resource, edge_hub.sas(other.resource, who.key)), 401)
                    if who.device != other.device or other.module:  # a module may come with a token of its device
                        self.assertEqual(client.put_token(who.resource, edge_hub.sas(other.resource, who.key)), 401)
                    self.assertEqual(self.refused(client, path(other) + "/messages/events", True), "amqp:unauthorized-access")

    def test_nobody_speaks_by_a_chain(self):
        client = self.amqp(self.leaf)
        for chain in (f"leaf2;{DEVICE}", "leaf2;leaf1", f"leaf2;leaf1;{DEVICE}", f"leaf2;{DEVICE};leaf1", "leaf2", ";", f";{DEVICE}", "x" * 5000):
            with self.subTest(chain[:40]):
                self.assertEqual(self.refused(client, "/devices/leaf2/messages/events", True, options=By(chain)), "amqp:unauthorized-access")

    def test_a_method_is_answered_by_who_was_called_alone(self):
        owner, thief = self.mqtt(self.other), self.mqtt(self.leaf)
        robber = self.amqp(self.sink).sender(path(self.sink) + "/methods/devicebound")
        for client in (owner, thief):
            client.subscribe("$iothub/methods/POST/#")
        call = {"methodName": "who", "payload": 1, "responseTimeoutInSeconds": 10, "connectTimeoutInSeconds": 5}
        results = []

        def invoke():
            results.append(wait_for(lambda: [one for one in [self.place.cloud.service.request(
                "POST", "/twins/leaf2/methods", call, timeout=40)] if one[0] == 200], 30, "the method to be there")[0][2])

        caller = threading.Thread(target=invoke)
        caller.start()
        topic = owner.take("$iothub/methods/POST/who/")[0]
        rid = topic.split("$rid=")[1]
        thief.publish(f"$iothub/methods/res/200/?$rid={rid}", '"stolen"')
        robber.send(proton.Message(correlation_id=rid, properties={"IoThub-status": proton.int32(200)}, body=b'"stolen"', inferred=True))
        owner.publish(f"$iothub/methods/res/201/?$rid={rid}", '"mine"')
        caller.join()
        self.assertEqual([(one["status"], one["payload"]) for one in results], [(201, "mine")])

    def test_everybody_reads_its_own_twin(self):
        for who in (self.sensor, self.leaf, self.other):
            self.place.cloud.service.ok("PATCH", "/twins" + path(who).removeprefix("/devices"), {
                "properties": {"desired": {"whose": who.name}}}, headers={"If-Match": "*"})
            client = self.mqtt(who)
            client.subscribe("$iothub/twin/res/#")
            client.publish("$iothub/twin/GET/?$rid=1", "", qos=0)
            topic, body = client.take("$iothub/twin/res/")
            self.assertEqual((topic, json.loads(body)["desired"]["whose"]), ("$iothub/twin/res/200/?$rid=1", who.name))

    # By no proof

    def test_bad_tokens_by_mqtt(self):
        for who, other in ((self.leaf, self.other), (self.sensor, self.sink)):
            bad = bad_tokens(who, other)
            for ws in (False, True):
                for name, client in zip(bad, self.together(lambda token: self.soon(self.mqtt, who, token, None, None, None, ws), bad.values())):
                    with self.subTest(name, who=who.name, ws=ws):
                        self.assertIn(client.code, (5, None) if name == "huge" else (5,))
            for name, word in (("expired", "expired"), ("by another key", "signature"), ("of another", "another resource")):
                self.logged(who.name, word, again=lambda: self.mqtt(who, bad[name]))
            self.assertEqual(self.mqtt(who).code, 0)

    def log_in_plain(self, who, token, ws):
        """Whether SASL takes it."""
        return log_in(GATEWAY, self.place.trust, path(who).removeprefix("/devices/") + "@sas.hub", token, ws) == 0

    def test_bad_tokens_by_cbs_and_plain(self):
        for who, other, ws in ((self.leaf, self.other, False), (self.sensor, self.sink, True)):
            client, bad = self.amqp(ws=ws), bad_tokens(who, other)
            for name, token in bad.items():
                with self.subTest(name, who=who.name):
                    self.assertIn(self.soon(client.put_token, who.resource, token), (400, 401))
                    self.assertEqual(self.refused(client, path(who) + "/messages/events", True), "amqp:unauthorized-access")
            self.assertEqual(client.put_token(who.resource, who.token()), 200)
            named = [name for name in bad if bad[name]]
            for by_ws in (False, True):
                found = self.together(lambda name: self.soon(self.log_in_plain, who, bad[name], by_ws), named)
                self.assertEqual([name for name, taken in zip(named, found) if taken], [])
                self.assertTrue(self.log_in_plain(who, who.token(), by_ws))
            for name, word in (("expired", "expired"), ("by another key", "signature"), ("of another", "another resource")):
                self.logged("amqp client refused", f"client={who.name} ", word, again=lambda: self.log_in_plain(who, bad[name], ws))

    def test_bad_tokens_by_http(self):
        bad = bad_tokens(self.sensor, self.sink)
        for name, code in zip(bad, self.together(lambda token: self.soon(self.call, self.sensor.name, token), bad.values())):
            with self.subTest(name):
                self.assertIn(code, (431,) if name == "huge" else (401,))
        self.assertEqual(self.call(self.sensor.name, self.sensor.token()), 404)  # let in; nobody listens

    def test_tokens_that_serve(self):
        who = self.leaf
        good = {"of the gateway": edge_hub.sas(who.resource.replace(CLOUD, GATEWAY), who.key), "just expired": who.token(-60),
                "without case": edge_hub.sas(who.resource.replace(CLOUD, CLOUD.upper()), who.key)}
        odd = self.odd.resource.replace(self.odd.device, urllib.parse.quote(self.odd.device, safe=""))
        cases = {name: (who, token) for name, token in good.items()} | {
            "of strange letters": (self.odd, self.odd.token()), "its id encoded twice": (self.odd, edge_hub.sas(odd, self.odd.key)),
            "its id in another case": (who, edge_hub.sas(who.resource.replace("leaf1", "LEAF1"), who.key)),
            "of its device": (self.inner, self.other.token())}
        for name, (one, token) in cases.items():
            with self.subTest(name):
                for ws in (False, True):
                    self.assertEqual(self.mqtt(one, token, ws=ws).code, 0)
                    self.assertEqual(self.amqp(ws=ws).put_token(one.resource, token), 200)
                    if "@" not in one.device:
                        self.assertTrue(self.log_in_plain(one, token, ws))

    def test_strangers_and_those_of_others(self):
        gone = edge_hub.Identity("gone", "", edge_hub.key_of("gone"))
        disabled = self.place.leaf("disabled")
        self.change("disabled", status="disabled")
        for who in (self.beside, gone, disabled, edge_hub.Identity(DEVICE, "ghost", edge_hub.key_of("ghost"))):
            with self.subTest(who.name):
                self.assertEqual(self.soon(self.mqtt, who).code, 5)
                client = self.amqp()
                self.assertEqual(self.soon(client.put_token, who.resource, who.token()), 401)
                self.assertEqual(self.refused(client, path(who) + "/messages/events", True), "amqp:unauthorized-access")
                self.logged(who.name, "refused", again=lambda: self.mqtt(who))

    def test_what_holds_without_a_cloud(self):
        """What was known last decides: a key that was rotated meanwhile serves once the cloud is back."""
        turned = self.place.leaf("turned")
        self.assertEqual(self.mqtt(turned).code, 0)
        new = edge_hub.Identity("turned", "", edge_hub.key_of("new"))
        self.revoke("its key changed", "turned")
        with self.place.cut():
            def late(case):
                began = time.monotonic()
                return self.mqtt(*case).code, time.monotonic() - began

            wrong = edge_hub.sas(self.leaf.resource, self.other.key)
            for code, seconds in self.together(late, [(self.leaf, wrong), (new,)]):
                self.assertEqual(code, 5)
                self.assertLess(seconds, PATIENCE)
            for who in (self.leaf, turned):
                self.assertEqual(self.soon(self.mqtt, who).code, 0)
        after = self.place.leaf("after")  # who is not known is asked for again after a while
        wait_for(lambda: self.mqtt(after).code == 0, 60, "a new device to be let in", every=1)
        wait_for(lambda: self.mqtt(new).code == 0, 60, "the new key to serve", every=1)
        self.assertEqual(self.mqtt(turned).code, 5)

    def test_a_start_without_a_cloud(self):
        """All of them come in by what is on disk, and what they send arrives when the cloud is back."""
        people = [self.sensor, self.leaf, self.other, self.printed, self.signed]
        bad = {who: edge_hub.sas(who.resource, self.beside.key) for who in (self.sensor, self.leaf)}

        def come(who):
            for number, ws in enumerate((False, True)):
                mqtt = self.soon(self.mqtt, who, None, None, None, None, ws)
                self.assertEqual(mqtt.code, 0)
                mqtt.publish(f"{path(who).removeprefix('/')}/messages/events/mark={self.mark}&dest=cloud", f"mqtt{number}")
                mqtt.close()
                amqp = self.soon(self.amqp, who, None) if not ws else self.amqp(who, ws=True)
                amqp.sender(path(who) + "/messages/events").send(proton.Message(body=b"amqp%d" % number, inferred=True, properties={
                    "mark": self.mark, "dest": "cloud"}))

        with self.place.cut("kill"):
            self.hub.restart()
            self.said = 0
            unknown = concurrent.futures.ThreadPoolExecutor(1).submit(lambda: self.mqtt(self.beside).code)
            for who in people:
                come(who)
            codes = self.together(lambda who: self.mqtt(who, bad[who]).code, bad)
            self.assertEqual(codes, [5, 5])
            self.assertEqual(unknown.result(), 3)  # only the cloud could say who that is
        self.assertEqual(len(self.events(4 * len(people))), 4 * len(people))
        type(self).neighbour = self.next_door()

    def test_a_key_is_rotated(self):
        for ws in (False, True):
            one, two = self.place.leaf(f"rotates-m{ws}"), self.place.leaf(f"rotates-a{ws}")
            old, link = self.mqtt(one, ws=ws), self.amqp(two, ws=ws).sender(path(two) + "/messages/events")
            for who in (one, two):
                self.revoke("its key changed", who.device)
                who.old, who.key = who.token(), edge_hub.key_of("new")
            wait_for(lambda: self.mqtt(one, ws=ws).code == 0, PATIENCE, "the new key to serve")  # and nobody has refreshed anything
            wait_for(lambda: self.amqp(ws=ws).put_token(two.resource, two.token()) == 200, PATIENCE, "the new key to serve")
            old.ended(SOON)
            with self.assertRaises(proton.ProtonException):
                link.send(proton.Message(body=b"x", inferred=True), timeout=SOON)
            self.assertEqual(self.soon(self.mqtt, one, one.old).code, 5)
            self.assertEqual(self.soon(self.amqp(ws=ws).put_token, two.resource, two.old), 401)

    # Certificates

    def register(self, name, print_=None, second=None):
        authentication = {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": print_, "secondaryThumbprint": second or print_}} \
            if print_ else {"type": "certificateAuthority"}
        self.place._device(name, authentication, self.place.scope)
        return edge_hub.Identity(name, "", None)

    def test_certificates_that_are_none(self):
        authority = (self.place.authority.cert, self.place.authority.key)
        foreign = self.papers.make("Foreign CA", ca=True, usage=None)
        make = self.papers.make
        by_print = {
            "expired": make("c1", "-3 days", "-1 day"),
            "not yet": make("c2", "+1 day", "+3 days"),
        }
        cases = {}
        for number, (name, pair) in enumerate(by_print.items()):
            cases[name] = (self.register(f"print{number}", pair[2]), pair)
        cases["another thumbprint"] = (self.printed, make("printed"))
        cases["a certificate of an authority for who has a thumbprint"] = (self.printed, make("printed", by=authority))
        cases["self-signed"] = (self.signed, make("signed"))
        cases["another name"] = (self.signed, make("other", by=authority))
        cases["another case"] = (self.signed, make("SIGNED", by=authority))
        cases["the name and more"] = (self.signed, make("signed.evil", by=authority))
        cases["by a CA nobody knows"] = (self.signed, make("signed", by=foreign))
        cases["expired, by the CA"] = (self.signed, make("signed", "-3 days", "-1 day", by=authority))
        cases["not yet, by the CA"] = (self.signed, make("signed", "+1 day", "+3 days", by=authority))
        cases["a CA as leaf"] = (self.signed, make("signed", by=authority, ca=True, usage=None))
        cases["for servers"] = (self.signed, make("signed", by=authority, usage="serverAuth"))
        cases["the CA itself"] = (self.signed, authority)
        cases["by a certificate that is no CA"] = (self.signed, make("signed", by=make("printed", by=authority)))
        middle = make("Middle CA", by=authority, ca=True, usage=None)
        late = make("Late CA", "-3 days", "-1 day", by=authority, ca=True, usage=None)
        alone = make("signed", by=middle)
        with open(alone[0]) as file:
            services.write_file(alone[0], file.read().split("-----END")[0] + "-----END CERTIFICATE-----\n")
        cases["its intermediate missing"] = (self.signed, alone)
        cases["its intermediate expired"] = (self.signed, make("signed", by=late))
        cases["of a device with a key"] = (self.leaf, make("leaf1", by=authority))
        cases["of a module"] = (self.sensor, make("sensor", by=authority))

        def come(case):
            who, pair = case
            client = Mqtt(GATEWAY, self.place.trust, who.name, who.user, None, pair[:2])
            client.close()
            return client.code

        def attach(case):
            (who, pair), mechanism, ws = case
            client = self.amqp(cert=pair[:2], ws=ws, allowed_mechs=mechanism)
            return self.refused(client, path(who) + "/messages/events", True)

        ways = [("ANONYMOUS", False), ("EXTERNAL", False), ("EXTERNAL", True)]
        codes = self.together(lambda case: self.soon(come, case), cases.values())
        conditions = [self.soon(attach, (case, *way)) for case in cases.values() for way in ways]
        for number, (name, case) in enumerate(cases.items()):
            with self.subTest(name):
                self.assertEqual(codes[number], 5)
                self.assertEqual(set(conditions[number * len(ways):][:len(ways)]), {"amqp:unauthorized-access"})
                self.said = self.hub.size()
                come(case)
                self.logged(case[0].name, "certificate", again=lambda: come(case))

    def test_certificates_that_serve(self):
        middle = self.papers.make("Middle CA", by=(self.place.authority.cert, self.place.authority.key), ca=True, usage=None)
        chained = self.register("chained")
        chained.cert = self.papers.make("chained", by=middle)[:2]
        people = [self.printed, self.signed, chained]
        for name, form in (("primary", str.lower), ("secondary", str.upper), ("sha1", lambda _: sha1)):
            made = self.papers.make(name)
            with open(made[0]) as file:
                sha1 = hashlib.sha1(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()
            one, none = form(made[2]), "0" * 64
            people.append(self.register(name, *((none, one) if name == "secondary" else (one, none))))
            people[-1].cert = made[:2]

        def serve(who):
            for ws in (False, True):
                self.mqtt(who, ws=ws).publish(f"devices/{who.device}/messages/events/mark={self.mark}&dest=cloud", "x")
                for mechanism in ("ANONYMOUS", "EXTERNAL"):
                    self.amqp(who, ws=ws, allowed_mechs=mechanism).sender(path(who) + "/messages/events").send(proton.Message(
                        body=b"x", inferred=True, properties={"mark": self.mark, "dest": "cloud"}))

        for who in people:
            serve(who)
        self.assertEqual(sorted(event["device"] for event in self.events(6 * len(people))), sorted(6 * [who.device for who in people]))

    def test_a_certificate_takes_no_token_and_a_key_no_certificate(self):
        token = edge_hub.sas(f"{CLOUD}/devices/printed", self.leaf.key)
        self.assertEqual(self.soon(self.mqtt, edge_hub.Identity("printed", "", None), token).code, 5)
        self.assertEqual(self.amqp().put_token(f"{CLOUD}/devices/printed", token), 401)

    # No longer

    def change(self, name, **what):
        identity = self.place.cloud.service.ok("GET", f"/devices/{name}")
        self.place.cloud.service.ok("PUT", f"/devices/{name}", {**identity, **what}, headers={"If-Match": "*"})

    def refresh(self, *names):
        """As an operator does it: $edgeHub's own method."""
        status, answer = self.place.cloud.service.method(DEVICE, "RefreshDeviceScopeIdentityCache", {"deviceIds": list(names)},
                                                         module="%24edgeHub")
        self.assertEqual((status, answer["status"]), (200, 200), answer)

    def revoke(self, how, name):
        if how == "deleted":
            self.place.cloud.service.ok("DELETE", f"/devices/{name}", headers={"If-Match": "*"})
        else:
            self.change(name, **({"status": "disabled"} if how == "disabled" else {"deviceScope": self.elsewhere, "parentScopes": [self.elsewhere]}
                                 if how == "given away" else {"authentication": {"type": "sas", "symmetricKey": {
                                     "primaryKey": edge_hub.key_of("new"), "secondaryKey": edge_hub.key_of("new2")}}}))

    def test_who_is_no_longer_wanted_is_dropped(self):
        for how in ("disabled", "deleted", "given away", "its key changed"):
            for busy in (True, False):
                name = f"no-{how.replace(' ', '-')}-{busy}"
                with self.subTest(how, busy=busy):
                    self.leave(how, name, busy)

    def leave(self, how, name, busy):
        one, two = self.place.leaf(name + "-m"), self.place.leaf(name + "-a")
        mqtt, amqp, stays = self.mqtt(one), self.amqp(two), self.mqtt(self.leaf)
        link = amqp.sender(path(two) + "/messages/events")
        amqp.put_token(self.other.resource, self.other.token())  # the connection has others
        kept = amqp.sender(path(self.other) + "/messages/events")
        if busy:
            mqtt.subscribe(f"devices/{one.device}/messages/devicebound/#")
            hears = amqp.receiver(path(two) + "/messages/devicebound", credit=5)
            self.assertTrue(hears)
            self.linked(one.device, two.device)
        for who in (one, two):
            self.revoke(how, who.device)
        began = time.monotonic()
        if not busy or how == "its key changed":  # nothing of it is open at IoT Hub that would be closed
            self.refresh(one.device, two.device)
        mqtt.ended(SOON)
        for _ in range(2 if busy else 1):  # each of its links
            with self.assertRaises(proton.utils.LinkDetached) as detached:
                amqp.wait(lambda: False, SOON)
            self.assertEqual(detached.exception.condition, "amqp:unauthorized-access")
        self.assertLess(time.monotonic() - began, SOON)
        self.assertEqual(kept.send(proton.Message(body=b"x", inferred=True)).remote_state, proton.Delivery.ACCEPTED)
        self.assertEqual(stays.subscribe("$iothub/twin/res/#"), [1])
        self.assertEqual(self.mqtt(one).code, 5)
        self.assertEqual(amqp.put_token(two.resource, two.token()), 401)
        self.logged(one.device, "not let in any more")

    def linked(self, *names):
        """Until IoT Hub has links of these."""
        def there():
            return all(self.place.cloud.service.ok("GET", f"/devices/{name}")["connectionState"] == "Connected" for name in names)
        wait_for(there, 20, "IoT Hub to see the devices", every=0.1)

    def test_what_ends_ends_at_its_second(self):
        """A token by each way in, and a certificate: who is alone loses its connection, others their links; who has renewed stays."""
        names = ["mqtt", "mqtt-ws", "cbs", "cbs-ws", "plain", "shared", "stays", "renewed"]
        people = {name: self.place.leaf("ends-" + name) for name in names}
        began = time.monotonic()
        for who in people.values():
            self.assertEqual(self.mqtt(who).code, 0)
        rehearsed = time.monotonic() - began
        end = int(time.time() + 3 + 15 * rehearsed)
        for name in ("cert-mqtt", "cert-amqp"):
            pair = self.papers.make("ends-" + name, end=f"@{end}")
            people[name] = self.register("ends-" + name, pair[2])
            people[name].cert = pair[:2]

        def token(name):
            return edge_hub.sas(people[name].resource, people[name].key, end - GRACE - int(time.time()))

        def sender(client, name):
            return client.sender(path(people[name]) + "/messages/events")

        watched = {name: self.mqtt(people[name], None if "cert" in name else token(name), ws="ws" in name) for name in
                   ("mqtt", "mqtt-ws", "cert-mqtt")}
        watched |= {name: self.amqp(ws="ws" in name) for name in ("cbs", "cbs-ws", "shared")}
        for name in ("cbs", "cbs-ws", "shared"):
            self.assertEqual(watched[name].put_token(people[name].resource, token(name)), 200)
        watched["plain"] = self.amqp(user="ends-plain@sas.hub", password=token("plain"), allowed_mechs="PLAIN")
        watched["cert-amqp"] = self.amqp(people["cert-amqp"], allowed_mechs="EXTERNAL")
        self.assertEqual(watched["shared"].put_token(people["stays"].resource, people["stays"].token()), 200)
        renewing = self.amqp()
        self.assertEqual(renewing.put_token(people["renewed"].resource, token("renewed")), 200)
        for name in ("cbs", "cbs-ws", "plain", "cert-amqp", "shared"):
            sender(watched[name], name)
        stays, renewed = sender(watched["shared"], "stays"), sender(renewing, "renewed")
        self.assertEqual(renewing.put_token(people["renewed"].resource, people["renewed"].token()), 200)
        self.assertLess(time.time(), end, "all of them are in before it")

        def ended(name):
            """(when, the condition)"""
            if isinstance(watched[name], Mqtt):
                with contextlib.suppress(TimeoutError):
                    watched[name].ended(SOON + end - time.time())
                return time.time(), None
            with self.assertRaises(proton.ProtonException) as raised:
                watched[name].wait(lambda: False, SOON + end - time.time())
            return time.time(), getattr(raised.exception, "condition", None)

        for name, (when, condition) in zip(watched, self.together(ended, watched)):
            with self.subTest(name):
                self.assertTrue(end <= when < end + SOON - 1, f"{when - end:.3f} s after its second")
                self.assertEqual(condition, "amqp:unauthorized-access" if name == "shared" else None)
        self.logged("expired")
        for link in (stays, renewed):
            self.assertEqual(link.send(proton.Message(body=b"x", inferred=True)).remote_state, proton.Delivery.ACCEPTED)
        self.assertEqual(self.refused(watched["shared"], path(people["shared"]) + "/messages/events", True), "amqp:unauthorized-access")
        self.assertEqual(watched["shared"].put_token(people["shared"].resource, people["shared"].token()), 200)
        self.assertIsNone(self.refused(watched["shared"], path(people["shared"]) + "/messages/events", True))

    # Elsewhere

    def test_an_identity_is_in_one_place(self):
        """Whatever protocol it comes by next, the connection of before ends, alone or with its links."""
        who, other = self.place.leaf("moves"), self.place.leaf("does-not")
        mqtt = self.mqtt(who)
        amqp = self.amqp(who, ws=True)
        self.assertEqual(amqp.put_token(other.resource, other.token()), 200)
        sender = amqp.sender(path(who) + "/messages/events")
        mqtt.ended(SOON)
        kept = amqp.sender(path(other) + "/messages/events")
        again = self.mqtt(who, ws=True)
        with self.assertRaises(proton.utils.LinkDetached) as detached:
            sender.send(proton.Message(body=b"x", inferred=True), timeout=SOON)
        self.assertEqual(detached.exception.condition, "amqp:link:stolen")
        self.assertEqual(kept.send(proton.Message(body=b"x", inferred=True)).remote_state, proton.Delivery.ACCEPTED)
        last = self.amqp(who).sender(path(who) + "/messages/events")
        again.ended(SOON)
        self.assertEqual(last.send(proton.Message(body=b"x", inferred=True)).remote_state, proton.Delivery.ACCEPTED)


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
