"""TLS of an edge hub's ports: which versions, certificates that are requested and not required, ALPN and SNI that are not asked
for, sessions that are resumed; by Python's ssl and by openssl s_client."""
import re
import ssl
import subprocess
import unittest

import wire_case
import sandbox
import edge_hub
from mqtt_cases import events
from mqtt_wire import ACCEPTED, DISCONNECT, connect, puback, publish

MQTT, AMQP, HTTPS = 8883, 5671, 443
PORTS = (MQTT, AMQP, HTTPS)
VERSIONS = {"-tls1_2": ssl.TLSVersion.TLSv1_2, "-tls1_3": ssl.TLSVersion.TLSv1_3}
REFUSED = "20020005"


class HubTls(wire_case.WireCase):
    @classmethod
    def prepare(cls):
        cls.leaf = cls.place.leaf("leaf")
        cls.by_thumbprint = edge_hub.Identity("thumb", "", None), cls.place.leaf_by_thumbprint("thumb")
        cls.by_authority = edge_hub.Identity("signed", "", None), cls.place.leaf_by_authority("signed")
        cls.stranger = cls.place.authority.self_signed("stranger")[:2]

    def context(self, version=None, certificate=None):
        made = ssl.create_default_context(cafile=self.place.trust)
        if version:
            made.minimum_version = made.maximum_version = version
        if certificate:
            made.load_cert_chain(*certificate)
        return made

    def wire(self, context=None, port=MQTT, **more):
        return super().wire(context=context or self.context(), port=port, **more)

    def connack(self, wire, who, password):
        wire.send(connect(who.name, who.user, password))
        return wire.packet().hex()

    def is_let_in(self, wire, who=None, password=None):
        """By the password given, or the leaf by its own; its messages are taken."""
        who, password = who or self.leaf, password if who else self.leaf.token()
        self.assertEqual(self.connack(wire, who, password), ACCEPTED.hex())
        wire.send(publish(events(who), b"x", 1, 1))
        self.assertEqual(wire.packet(), puback(1))
        wire.send(DISCONNECT)
        self.assertEqual(wire.until_end()[0], b"")

    def openssl(self, port, *more, text=""):
        """What openssl s_client prints; it ends when its input does."""
        done = subprocess.run(["openssl", "s_client", "-connect", f"{edge_hub.ADDRESS}:{port}", "-servername", edge_hub.GATEWAY,
                               "-CAfile", self.place.trust, "-verify_return_error", *more],
                              input=text, capture_output=True, text=True, timeout=20)
        return done.stdout + done.stderr

    # Versions

    def test_two_versions(self):
        for port in PORTS:
            for option, version in VERSIONS.items():
                with self.subTest(f"{port} {option}"):
                    wire = self.wire(self.context(version), port)
                    self.assertEqual(wire.socket.version(), option.replace("-tls1_", "TLSv1."))
                    if port == MQTT:
                        self.is_let_in(wire)
                    self.assertIn("Verify return code: 0 (ok)", self.openssl(port, option))

    def test_the_newest_is_preferred(self):
        for port in PORTS:
            self.assertEqual(self.wire(port=port).socket.version(), "TLSv1.3")

    def test_older_ones_are_refused_by_the_hub(self):
        for port in PORTS:
            for option in ("-tls1", "-tls1_1"):
                said = self.openssl(port, option, "-cipher", "ALL:@SECLEVEL=0")
                self.assertRegex(said, "alert protocol version", f"{port} {option}")

    def test_without_forward_secrecy_is_refused(self):
        for cipher in ("AES128-GCM-SHA256", "AES256-SHA", "NULL-SHA256", "aNULL"):
            said = self.openssl(MQTT, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0")
            self.assertRegex(said, "alert handshake failure", cipher)

    def test_no_renegotiation(self):
        said = self.openssl(MQTT, "-tls1_2", text="R\n")
        self.assertRegex(said, "no renegotiation|no_renegotiation|alert number 100")

    # What need not be said

    def test_no_application_protocol_is_needed(self):
        for protocols in (None, ["mqtt"], ["x-amzn-mqtt-ca"], ["h2", "http/1.1"]):
            for port in PORTS:
                with self.subTest(f"{port} {protocols}"):
                    context = self.context()
                    if protocols:
                        context.set_alpn_protocols(protocols)
                    wire = self.wire(context, port)
                    self.assertIn(wire.socket.selected_alpn_protocol(), [None, *(protocols or [])])
                    if port == MQTT:
                        self.is_let_in(wire)

    def test_no_server_name_is_needed(self):
        for more in (["-noservername"], ["-servername", "another.test"]):
            done = subprocess.run(["openssl", "s_client", "-connect", f"{edge_hub.ADDRESS}:{MQTT}", "-CAfile", self.place.trust,
                                   *more], input="", capture_output=True, text=True, timeout=20)
            self.assertIn("Verify return code: 0 (ok)", done.stdout)

    def test_the_chain_is_sent(self):
        said = self.openssl(MQTT, "-showcerts")
        self.assertEqual(said.count("BEGIN CERTIFICATE"), 2)
        self.assertIn(f"subject=CN = {edge_hub.GATEWAY}", said)

    # Client certificates

    def test_a_certificate_is_requested(self):
        for port in PORTS:
            for option in VERSIONS:
                self.assertIn("CertificateRequest", self.openssl(port, option, "-msg"), f"{port} {option}")

    def test_a_certificate_is_not_required(self):
        for version in VERSIONS.values():
            self.is_let_in(self.wire(self.context(version)))
        answer = self.openssl(HTTPS, "-quiet", text="GET /nowhere HTTP/1.1\r\nHost: edge.test\r\nConnection: close\r\n\r\n")
        self.assertIn("HTTP/1.1 404", answer)

    def test_a_certificate_is_who_one_is(self):
        for who, certificate in (self.by_thumbprint, self.by_authority):
            for version in VERSIONS.values():
                for password in (None, ""):
                    with self.subTest(f"{who.name} {version} {password}"):
                        self.is_let_in(self.wire(self.context(version, certificate)), who, password)

    def test_a_certificate_of_another(self):
        thumb, signed = self.by_thumbprint, self.by_authority
        for what, who, certificate in (("unknown", thumb[0], self.stranger), ("none", thumb[0], None),
                                       ("by an authority", thumb[0], signed[1]), ("by thumbprint", signed[0], thumb[1]),
                                       ("a device of keys", self.leaf, thumb[1])):
            for version in VERSIONS.values():
                with self.subTest(f"{what} {version}"):
                    wire = self.wire(self.context(version, certificate))  # TLS lets it in, MQTT does not
                    self.assertEqual(self.connack(wire, who, None), REFUSED)
                    self.assertEqual(wire.until_end()[0], b"")

    def test_a_password_is_looked_at_first(self):
        self.is_let_in(self.wire(self.context(certificate=self.stranger)))
        who, certificate = self.by_thumbprint
        self.assertEqual(self.connack(self.wire(self.context(certificate=certificate)), who, "wrong"), REFUSED)

    # Sessions

    def again(self, context, who, password, port=MQTT):
        """A second connection with the first one's session: was it resumed?"""
        first = self.wire(context, port)
        self.is_let_in(first, who, password)  # in TLS 1.3 the ticket comes with the first answer
        session = first.socket.session
        self.assertTrue(session.has_ticket)
        second = self.wire(context, port, session=session)
        self.is_let_in(second, who, password)
        return second.socket.session_reused

    def test_a_session_is_resumed(self):
        for version in VERSIONS.values():
            self.assertTrue(self.again(self.context(version), None, None), version)

    def test_a_session_remembers_the_certificate(self):
        for who, certificate in (self.by_thumbprint, self.by_authority):
            for version in VERSIONS.values():
                with self.subTest(f"{who.name} {version}"):
                    self.assertTrue(self.again(self.context(version, certificate), who, None))

    def test_a_session_of_an_earlier_run_is_none(self):
        for version in VERSIONS.values():
            context = self.context(version)
            first = self.wire(context)
            self.is_let_in(first)
            self.hub.restart()
            second = self.wire(context, session=first.socket.session)
            self.is_let_in(second)
            self.assertFalse(second.socket.session_reused)

    def test_openssl_resumes(self):
        for port in PORTS:
            said = re.findall("^(New|Reused), TLSv1.2", self.openssl(port, "-tls1_2", "-reconnect"), re.MULTILINE)
            self.assertEqual(said, ["New", *["Reused"] * 5], port)
        path = sandbox.work() + "/session.pem"
        for option in VERSIONS:
            # an answer is waited for: the ticket of TLS 1.3 comes before it
            get = "GET /nowhere HTTP/1.1\r\nHost: edge.test\r\nConnection: close\r\n\r\n"
            self.openssl(HTTPS, option, "-ign_eof", "-sess_out", path, text=get)
            self.assertRegex(self.openssl(HTTPS, option, "-ign_eof", "-sess_in", path, text=get), "(?m)^Reused, ")


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
