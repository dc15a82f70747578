"""Microsoft's SDK from npm, unmodified, behind an edge hub: modules of its device and devices behind it."""
import http.server
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import sandbox  # noqa: E402
import cloud  # noqa: E402
import edge_hub  # noqa: E402
from hub_case import HubCase  # noqa: E402

ROUTES = {"up": "FROM /messages/* WHERE dest = 'cloud' INTO $upstream",
          "sink": "FROM /messages/* WHERE dest = 'sink' INTO BrokeredEndpoint(\"/modules/sink/inputs/in1\")"}
# Of device.js, what is the same behind a hub; the rest has a case of its own in edge.js, or is of the cloud alone.
SAME = ["many_messages_in_a_row_are_all_acknowledged", "a_method_is_answered",
        "a_method_nobody_answers_times_out_and_one_of_nobody_is_404", "a_message_from_the_cloud_is_completed_and_fed_back",
        "abandoned_comes_again_and_rejected_does_not", "a_wrong_key_is_refused", "a_disabled_device_is_refused"]


class Control:
    """What the cases can do to the place, by HTTP on a port of its own."""

    def __init__(self, hub, place):
        self.cut = None
        acts = {"/restart": hub.restart, "/kill": lambda: hub.restart(kill=True), "/cut": self.begin, "/back": self.end}
        self.place = place

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                try:
                    acts[self.path]()
                    status, text = 200, b""
                except Exception as error:  # told to the case, which fails
                    status, text = 500, str(error).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self):
        return str(self.server.server_port)

    def begin(self):
        self.cut = self.place.cut()
        self.cut.__enter__()

    def end(self):
        if self.cut:
            self.cut.__exit__(None, None, None)
        self.cut = None


class HubSdk(HubCase):
    transports = ("mqtt", "amqp")
    routes = ROUTES
    settings = {"MinTwinSyncPeriodSecs": "1", "ReportedPropertiesSyncFrequencySecs": "1"}

    @classmethod
    def prepare(cls):
        cls.place.module("sink")
        cls.ca_device = cls.place.leaf_by_authority("by-authority")

    @classmethod
    def furnish(cls):
        cls.control = Control(cls.hub, cls.place)

    def tearDown(self):
        self.control.end()
        super().tearDown()

    def run_cases(self, file, transport, *names):
        environment = edge_hub.node_environment(self.place, {
            "EDGE_CONTROL": self.control.port, "EDGE_CA_DEVICE": "by-authority",
            "EDGE_CA_CERT": self.ca_device[0], "EDGE_CA_KEY": self.ca_device[1]})
        cloud.run_node(self, self.place.cloud, file, transport, *names, more=environment)

    def test_behind_the_hub(self):
        for transport in self.transports:
            self.run_cases("edge.js", transport, *sys_cases())

    def test_as_on_the_cloud(self):
        for transport in self.transports:
            self.run_cases("device.js", transport, *SAME)

    def test_routes_are_reported(self):
        self.assertEqual(self.place.wait_applied()["code"], 200)


def sys_cases():
    """Some cases only: EDGE_CASES="one two"."""
    return os.environ.get("EDGE_CASES", "").split()


if __name__ == "__main__":
    sandbox.enter()
    unittest.main(verbosity=2)
