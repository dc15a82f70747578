"""edge-securityd as the agent sees it: the identity API, with a cloud behind it that does what the test says."""
import http.server
import json
import os
import shutil
import socketserver
import threading
import urllib.parse

import services


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def route(self):
        fake = self.server.fake
        parts = [urllib.parse.unquote(part) for part in self.path.split("?")[0].split("/")[1:]]
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null") if length else None
        with fake.lock:
            fake.calls.append((self.command, parts, body))
            if fake.refuse and parts[0] != "modules":
                return self.answer(503, {"message": fake.refuse})
            return self.answer(*fake.serve(self.command, parts, body))

    do_GET = do_POST = do_PUT = do_DELETE = route

    def address_string(self):
        return "agent"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that has gone is none of our business."""


class Identities:
    """Serves <rundir>/identity.sock from start() to stop(); what it knows stays in between."""

    def __init__(self, rundir="/run/edge"):
        self.rundir = rundir
        self.path = rundir + "/identity.sock"
        self.lock = threading.Lock()
        self.refuse = None  # a message: everything about the cloud is answered 503
        self.identities = {}
        self.generation = 100
        self.folders = {}  # module id -> cgroup
        self.calls = []
        self.server = None

    def start(self):
        os.makedirs(self.rundir, exist_ok=True)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.server = Server(self.path + ".new", Handler)
        self.server.fake = self
        os.rename(self.path + ".new", self.path)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            os.unlink(self.path)
        self.server = None

    def make(self, module, managed_by="IotEdge"):
        self.generation += 1
        self.identities[module] = {"moduleId": module, "managedBy": managed_by, "generationId": str(self.generation),
                                   "authType": "sas"}
        return self.identities[module]

    def folder(self, module):
        return f"{self.rundir}/workload/{module.lstrip('$')}"

    def serve(self, method, parts, body):
        if parts == ["device"]:
            return 200, {"hubName": "hub.test", "deviceId": "edge-1", "hostname": "edge-1", "authType": "sas",
                         "generationId": "1"}
        if parts == ["identities"] and method == "GET":
            return 200, {"identities": list(self.identities.values())}
        if parts == ["identities"]:
            return 200, self.identities.get(body["moduleId"]) or self.make(body["moduleId"], body["managedBy"])
        if parts[0] == "identities" and method == "DELETE":
            self.identities.pop(parts[1], None)
            return 204, None
        if parts[0] == "modules" and parts[2] == "workload" and method == "PUT":
            self.folders[parts[1]] = body["cgroup"]
            os.makedirs(self.folder(parts[1]), exist_ok=True)
            services.write_file(self.folder(parts[1]) + "/workload.sock", "of " + parts[1])
            return 200, {"directory": self.folder(parts[1])}
        if parts[0] == "modules" and method == "DELETE":
            self.folders.pop(parts[1], None)
            shutil.rmtree(self.folder(parts[1]), ignore_errors=True)
            return 204, None
        return 404, {"message": "no such thing"}
