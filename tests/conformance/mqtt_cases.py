"""What bytes go in, what bytes come out: MQTT 3.1.1 packet by packet, legal and illegal.

A row is (packet, what about it, bytes sent, answer in hex, STAYS or ENDS, bodies that are stored). The answer is complete:
nothing else comes before the end, or before the answer to a ping.
"""
from mqtt_wire import connect, length, number, packet, publish, puback, subscribe, text, unsubscribe

STAYS, ENDS = "stays", "ends"
OK, LEVEL, BAD_ID, DOWN, DENIED = "20020000", "20020001", "20020002", "20020003", "20020005"
LIMIT = 256 * 1024


def b(digits):
    return bytes.fromhex(digits)


def rows(kind, *found):
    return [(kind, *row, *([[]] if len(row) == 4 else [])) for row in found]


def opening(me, token):
    """Rows for a connection on which nothing was said yet; `me` is an identity."""
    def hello(client_id=None, user=me.user, password=token, **more):
        return connect(me.name if client_id is None else client_id, user, password, **more)

    will = (f"{events(me)}/", b"gone", 1, False)
    return rows(
        "CONNECT",
        ("as it should be", hello(), OK, STAYS),
        ("keep-alive 0", hello(keep_alive=0), OK, STAYS),
        ("keep-alive 1", hello(keep_alive=1), OK, STAYS),
        ("keep-alive 65535", hello(keep_alive=65535), OK, STAYS),
        ("a will of QoS 0, retained", hello(will=(will[0], b"", 0, True)) + b"\xe0\x00", OK, ENDS),
        ("a will of QoS 2", hello(will=(will[0], b"x", 2, False)) + b"\xe0\x00", OK, ENDS),
        ("a will for another topic is none", hello(will=("free/topic", b"x", 1, False)), OK, STAYS),
        ("remaining length in four bytes", hello(bytes_at_least=4), OK, STAYS),
        ("remaining length in five bytes", b"\x10" + b"\x80" * 4 + b"\x01", "", ENDS),
        ("remaining length of 256 MiB", b"\x10\xff\xff\xff\x7f", "", ENDS),
        ("over 16 KiB", hello(password="x" * 16384), "", ENDS),
        ("flags of the fixed header", hello(first=0x11), "", ENDS),
        ("flags of the fixed header, as PUBREL's", hello(first=0x12), "", ENDS),
        ("protocol MQIsdp, level 3", hello(name="MQIsdp", level=3), "", ENDS),
        ("protocol mqtt", hello(name="mqtt"), "", ENDS),
        ("protocol MQTT with a NUL", hello(name="MQTT\0"), "", ENDS),
        ("no protocol", hello(name=""), "", ENDS),
        ("level 3", hello(level=3), LEVEL, ENDS),
        ("level 5", hello(level=5), LEVEL, ENDS),
        ("level 5 with its properties", b"\x10\x10\0\4MQTT\5\2\0\x3c\0\0\3abc", LEVEL, ENDS),
        ("level 0", hello(level=0), LEVEL, ENDS),
        ("level 0x84, of bridges", hello(level=0x84), LEVEL, ENDS),
        ("the reserved flag", hello(flags=0xc3), "", ENDS),
        ("a will's QoS without a will", hello(flags=0xca), "", ENDS),
        ("a will's retain without a will", hello(flags=0xe2), "", ENDS),
        ("a will of QoS 3", hello(will=(will[0], b"x", 3, False)), "", ENDS),
        ("a will without its fields", hello(flags=0xc6), "", ENDS),
        ("a will without a topic", hello(will=("", b"x", 1, False)), "", ENDS),
        ("a will with a wildcard", hello(will=(events(me) + "/#", b"x", 1, False)), "", ENDS),
        ("a will's topic with U+0000", hello(will=("a\0", b"x", 1, False)), "", ENDS),
        ("a password without a user", connect(me.name, None, "x"), "", ENDS),
        ("a user that is announced and missing", connect(me.name, flags=0x82), "", ENDS),
        ("more than its fields", hello(more=b"x"), "", ENDS),
        ("an empty packet", b("1000"), "", ENDS),
        ("cut off in its variable header", b("10060004") + b"MQTT", "", ENDS),
        ("a client id longer than the packet", packet(0x10, text("MQTT") + b"\4\2\0\x3c\xff\xff"), "", ENDS),
        ("a client id with U+0000", hello(me.name + "\0"), "", ENDS),
        ("a client id that is not UTF-8", hello(b"\xff"), "", ENDS),
        ("a client id with a surrogate", hello(b"\xed\xa0\x80"), "", ENDS),
        ("a client id with a BOM, which is part of it", hello("\ufeff" + me.name), DENIED, ENDS),
        ("a user with U+0000", hello(user=me.user + "\0"), "", ENDS),
        ("a user in overlong UTF-8", hello(user=b"\xc0\xaf"), "", ENDS),
        ("no client id, a clean session", hello(""), DENIED, ENDS),
        ("no client id, a kept session", hello("", clean=False), BAD_ID, ENDS),
        ("another's client id", hello("another"), DENIED, ENDS),
        ("its client id in capitals", hello(me.name.upper()), DENIED, ENDS),
        ("a client id with more behind it", hello(me.name + "/"), DENIED, ENDS),
        ("no user", connect(me.name), DOWN, ENDS),
        ("an empty user", hello(user="", password=None), DOWN, ENDS),
        ("no password", hello(password=None), DENIED, ENDS),
        ("an empty password", hello(password=""), DENIED, ENDS),
        ("a password with a NUL", hello(password=token + "\0"), DENIED, ENDS),
        ("a password of bytes", hello(password=b"\0\xff\xfe"), DENIED, ENDS),
    ) + rows(
        "before CONNECT",
        ("PUBLISH", publish(events(me), b"never"), "", ENDS),
        ("SUBSCRIBE", subscribe(1, ("$iothub/twin/res/#", 0)), "", ENDS),
        ("PINGREQ", b("c000"), "", ENDS),
        ("PUBACK", puback(1), "", ENDS),
        ("DISCONNECT", b("e000"), "", ENDS),
        ("CONNACK", b("20020000"), "", ENDS),
        ("type 0", b("0000"), "", ENDS),
        ("type 15", b("f000"), "", ENDS),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n", "", ENDS),
    ) + rows(
        "one segment",
        ("everything at once",
         hello() + subscribe(7, ("$iothub/twin/res/#", 0)) + publish(events(me), b"at once", 1, 9) +
         unsubscribe(8, "$iothub/twin/res/#"), OK + "9003000700" + "40020009" + "b0020008", STAYS, [b"at once"]),
        ("after a refused CONNECT", hello("another") + publish(events(me), b"never"), DENIED, ENDS),
        ("a second CONNECT", hello() + hello(), OK, ENDS),
    )


def events(me):
    return f"devices/{me.device}" + (f"/modules/{me.module}" if me.module else "") + "/messages/events"


def serving(me, token):
    """Rows for a connection that was let in."""
    topic = events(me)
    long = "x" * 65000
    return rows(
        "CONNECT",
        ("a second one", connect(me.name, me.user, token), "", ENDS),
        ("a second one of another level", connect(me.name, me.user, token, level=5), "", ENDS),
    ) + rows(
        "PUBLISH",
        ("QoS 0", publish(topic, b"q0"), "", STAYS, [b"q0"]),
        ("QoS 1", publish(topic, b"q1", 1, 0x0102), "40020102", STAYS, [b"q1"]),
        ("QoS 1, id 65535", publish(topic, b"id", 1, 65535), "4002ffff", STAYS, [b"id"]),
        ("QoS 1, DUP", publish(topic, b"dup", 1, 3, dup=True), "40020003", STAYS, [b"dup"]),
        ("QoS 1, retain", publish(topic, b"kept", 1, 4, retain=True), "40020004", STAYS, [b"kept"]),
        ("no body", publish(topic, b"", 1, 5), "40020005", STAYS, [b""]),
        ("a body of any bytes", publish(topic, bytes(range(256)), 1, 6), "40020006", STAYS, [bytes(range(256))]),
        ("two with one id", publish(topic, b"a", 1, 7) + publish(topic, b"b", 1, 7), "4002000740020007", STAYS, [b"a", b"b"]),
        ("one after the other, acknowledged in order", b"".join(publish(topic, b"%d" % n, 1, 100 - n) for n in range(50)),
         "".join(puback(100 - n).hex() for n in range(50)), STAYS, [b"%d" % n for n in range(50)]),
        ("the length in four bytes", packet(0x32, text(topic) + b"\0\1long", 4), "40020001", STAYS, [b"long"]),
        ("the largest", publish(topic, b"x" * (LIMIT - 1024), 1, 8), "40020008", STAYS, [b"x" * (LIMIT - 1024)]),
        ("a body one over the limit", publish(topic, b"x" * (LIMIT + 1), 1), "", ENDS),
        ("body and properties over the limit", publish(f"{topic}/k={long}", b"x" * (LIMIT - 60000), 1), "", ENDS),
        ("a header that says 400 KiB", b"\x32" + length(400 * 1024), "", ENDS),
        ("a header that says 256 MiB", b"\x32\xff\xff\xff\x7f", "", ENDS),
        ("a length of five bytes", b"\x32\xff\xff\xff\xff\x01", "", ENDS),
        ("QoS 2", publish(topic, b"never", 2), "", ENDS),
        ("QoS 2, DUP", publish(topic, b"never", 2, dup=True), "", ENDS),
        ("QoS 3", publish(topic, b"never", 3), "", ENDS),
        ("DUP with QoS 0", publish(topic, b"never", 0, dup=True), "", ENDS),
        ("id 0", publish(topic, b"never", 1, 0), "", ENDS),
        ("no id", packet(0x32, text(topic)), "", ENDS),
        ("half an id", packet(0x32, text(topic) + b"\1"), "", ENDS),
        ("nothing in it", b("3000"), "", ENDS),
        ("half a length", b("300100"), "", ENDS),
        ("a topic longer than the packet", packet(0x30, b"\xff\xff" + topic.encode()), "", ENDS),
        ("an empty topic", publish("", b"never"), "", ENDS),
        ("a topic with #", publish(topic + "/#", b"never"), "", ENDS),
        ("a topic with +", publish("devices/+/messages/events/", b"never"), "", ENDS),
        ("a topic with U+0000", publish(topic + "/a\0", b"never"), "", ENDS),
        ("a topic cut off in a character", publish(topic.encode() + b"/\xc3", b"never"), "", ENDS),
        ("a topic in overlong UTF-8", publish(topic.encode() + b"/\xc0\x80", b"never"), "", ENDS),
        ("a topic with a surrogate", publish(topic.encode() + b"/\xed\xa0\x80", b"never"), "", ENDS),
        ("a topic over U+10FFFF", publish(topic.encode() + b"/\xf4\x90\x80\x80", b"never"), "", ENDS),
        ("a topic of nobody", publish("free/topic", b"never", 1), "", ENDS),
        ("a topic of the broker", publish("$SYS/x", b"never", 1), "", ENDS),
        ("a topic to itself", publish(f"devices/{me.device}/messages/devicebound/", b"never", 1), "", ENDS),
        ("after an illegal one in a segment", publish("", b"never") + publish(topic, b"never", 1), "", ENDS),
    ) + rows(
        "PUBACK",
        ("of nothing", puback(77), "", STAYS),
        ("of nothing, twice", puback(77) + puback(77), "", STAYS),
        ("id 0", puback(0), "", ENDS),
        ("flags", b("41020001"), "", ENDS),
        ("as of QoS 2", b("42020001"), "", ENDS),
        ("too short", b("400100"), "", ENDS),
        ("too long", b("4003000100"), "", ENDS),
        ("empty", b("4000"), "", ENDS),
    ) + rows(
        "QoS 2",
        ("PUBREC", b("50020001"), "", ENDS),
        ("PUBREL", b("62020001"), "", ENDS),
        ("PUBREL without its flags", b("60020001"), "", ENDS),
        ("PUBCOMP", b("70020001"), "", ENDS),
    ) + rows(
        "SUBSCRIBE",
        ("QoS 0", subscribe(1, ("$iothub/twin/res/#", 0)), "9003000100", STAYS),
        ("QoS 1", subscribe(2, ("$iothub/methods/POST/#", 1)), "9003000201", STAYS),
        ("QoS 2 is granted as 1", subscribe(3, ("$iothub/methods/POST/#", 2)), "9003000301", STAYS),
        ("several", subscribe(0xffff, ("$iothub/twin/res/#", 1), ("$iothub/methods/POST/#", 0),
                              ("$iothub/twin/PATCH/properties/desired/#", 2)), "9005ffff010001", STAYS),
        ("the same twice", subscribe(4, ("$iothub/twin/res/#", 0)) * 2, "9003000400" * 2, STAYS),
        ("64 filters", subscribe(5, *[("$iothub/twin/res/#", 1)] * 64), "90420005" + "01" * 64, STAYS),
        ("65 filters", subscribe(5, *[("$iothub/twin/res/#", 1)] * 65), "", ENDS),
        ("no filter", subscribe(6), "", ENDS),
        ("empty", b("8200"), "", ENDS),
        ("id 0", subscribe(0, ("$iothub/twin/res/#", 0)), "", ENDS),
        ("flags 0", subscribe(1, ("$iothub/twin/res/#", 0), first=0x80), "", ENDS),
        ("flags 3", subscribe(1, ("$iothub/twin/res/#", 0), first=0x83), "", ENDS),
        ("QoS 3", subscribe(1, ("$iothub/twin/res/#", 3)), "", ENDS),
        ("reserved bits in the QoS", subscribe(1, ("$iothub/twin/res/#", 4)), "", ENDS),
        ("a filter without its QoS", packet(0x82, b"\0\1" + text("$iothub/twin/res/#")), "", ENDS),
        ("an empty filter", subscribe(1, ("", 0)), "", ENDS),
        ("# not at the end", subscribe(1, ("$iothub/#/res", 0)), "", ENDS),
        ("# not alone", subscribe(1, ("$iothub/twin/res#", 0)), "", ENDS),
        ("+ not alone", subscribe(1, ("$iothub/tw+/res/#", 0)), "", ENDS),
        ("a filter with U+0000", subscribe(1, ("$iothub/twin/res/\0", 0)), "", ENDS),
        ("a filter that is not UTF-8", subscribe(1, (b"\xff", 0)), "", ENDS),
        ("a filter longer than the packet", packet(0x82, b"\0\1\0\xff$iothub"), "", ENDS),
        ("everything", subscribe(1, ("#", 0)), "", ENDS),
        ("a good filter and an unknown one", subscribe(1, ("$iothub/twin/res/#", 0), ("free/topic", 0)), "", ENDS),
        ("another's filter", subscribe(1, ("devices/another/messages/devicebound/#", 0)), "", ENDS),
    ) + rows(
        "UNSUBSCRIBE",
        ("of what was never subscribed to", unsubscribe(9, "$iothub/twin/res/#"), "b0020009", STAYS),
        ("of what nobody knows", unsubscribe(10, "free/topic", "devices/another/messages/devicebound/#"), "b002000a", STAYS),
        ("64 filters", unsubscribe(11, *["free/topic"] * 64), "b002000b", STAYS),
        ("65 filters", unsubscribe(11, *["free/topic"] * 65), "", ENDS),
        ("no filter", unsubscribe(12), "", ENDS),
        ("id 0", unsubscribe(0, "$iothub/twin/res/#"), "", ENDS),
        ("flags 0", unsubscribe(1, "$iothub/twin/res/#", first=0xa0), "", ENDS),
        ("an empty filter", unsubscribe(1, ""), "", ENDS),
        ("# not at the end", unsubscribe(1, "a/#/b"), "", ENDS),
        ("with the QoS of a SUBSCRIBE", packet(0xa2, b"\0\1" + text("a") + b"\0"), "", ENDS),
    ) + rows(
        "PINGREQ",
        ("as it should be", b("c000"), "d000", STAYS),
        ("three", b("c000c000c000"), "d000d000d000", STAYS),
        ("the length in two bytes", b("c08000"), "d000", STAYS),
        ("the length in five bytes", b("c08080808000"), "", ENDS),
        ("flags", b("c100"), "", ENDS),
        ("a body", b("c00100"), "", ENDS),
    ) + rows(
        "DISCONNECT",
        ("as it should be", b("e000"), "", ENDS),
        ("what follows it is not read", b("e000") + publish(topic, b"never", 1), "", ENDS),
        ("flags", b("e100"), "", ENDS),
        ("a body", b("e00100"), "", ENDS),
    ) + rows(
        "from a server only",
        ("CONNACK", b("20020000"), "", ENDS),
        ("SUBACK", packet(0x90, number(1) + b"\0"), "", ENDS),
        ("UNSUBACK", packet(0xb0, number(1)), "", ENDS),
        ("PINGRESP", b("d000"), "", ENDS),
        ("type 0", b("0000"), "", ENDS),
        ("type 15", b("f000"), "", ENDS),
    )
