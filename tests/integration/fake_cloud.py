"""IoT Hub's identity REST and DPS's registration over HTTPS, as far as edge-securityd speaks them.

    cloud = fake_cloud.Cloud(folder)        # listens on 127.0.0.1:443
    cloud.devices["edge-1"] = key           # bytes; or a set of thumbprints
    cloud.fail = 429                        # answer everything with this
    cloud.requests                          # ["PUT /devices/edge-1/modules/m"]
"""
import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time
import urllib.parse

import services

HOST = "127.0.0.1"


def signed(token, key, resource):
    """Is this shared access signature for the resource, alive, and made with the key?"""
    if not token.startswith("SharedAccessSignature "):
        return False
    fields = dict(field.split("=", 1) for field in token.split(" ", 1)[1].split("&"))
    expected = base64.b64encode(hmac.digest(key, f"{fields['sr']}\n{fields['se']}".encode(), "sha256")).decode()
    return (urllib.parse.unquote(fields["sr"]) == resource and int(fields["se"]) > time.time()
            and int(fields["se"]) < time.time() + 3700 and urllib.parse.unquote(fields["sig"]) == expected)


class Cloud:
    def __init__(self, folder, port=443):
        self.devices = {}
        self.modules = {}
        self.registrations = {}  # id -> (key, device); DPS
        self.requests = []
        self.fail = 0
        self.polls = 1
        self.generation = 0
        self.cert, key = services.certificate(folder, HOST)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.cert, key)
        self.port = port
        self.server = None
        self.start()

    def trust_clients(self, ca):
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.context.load_verify_locations(ca)

    def start(self):
        cloud = self

        class Handler(_Handler):
            pass

        Handler.cloud = cloud
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer((HOST, self.port), Handler)
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def count(self, text):
        return sum(text in request for request in self.requests)

    def identity(self, module):
        self.generation += 1
        return {"moduleId": module, "generationId": f"gen{self.generation}", "managedBy": "iotedge"}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        size = int(self.headers.get("Content-Length") or 0)
        self.body = json.loads(self.rfile.read(size)) if size else {}
        path, _, query = self.path.partition("?")
        parts = [urllib.parse.unquote(part) for part in path.split("/")[1:]]
        self.cloud.requests.append(f"{self.command} {urllib.parse.unquote(path)}")
        if self.cloud.fail:
            return self.answer(self.cloud.fail, {"Message": "on purpose"})
        if "api-version=" not in query:
            return self.answer(400, {"Message": "api-version missing"})
        if len(parts) >= 3 and parts[0] == "devices" and parts[2] == "modules":
            return self.module(parts[1], parts[3] if len(parts) > 3 else None)
        if len(parts) >= 3 and parts[1] == "registrations":
            return self.registration(parts)
        return self.answer(404)

    do_GET = do_PUT = do_DELETE = handle_any

    def thumbprint(self):
        cert = self.connection.getpeercert(binary_form=True)
        return hashlib.sha1(cert).hexdigest() if cert else None

    def proven(self, known, resource):
        if isinstance(known, bytes):
            return signed(self.headers.get("Authorization", ""), known, resource)
        return self.thumbprint() in known

    def module(self, device, module):
        cloud = self.cloud
        known = cloud.devices.get(device)
        if known is None:
            return self.answer(404, {"Message": "ErrorCode:DeviceNotFound"})
        if not self.proven(known, f"{HOST}/devices/{device}"):
            return self.answer(401, {"Message": "ErrorCode:IotHubUnauthorizedAccess"})
        if module is None:
            return self.answer(200, list(cloud.modules.values()))
        if self.command == "GET":
            found = cloud.modules.get(module)
            return self.answer(200, found) if found else self.answer(404, {"Message": "ErrorCode:ModuleNotFound"})
        if self.command == "DELETE":
            return self.answer(204 if cloud.modules.pop(module, None) else 404)
        overwrite = self.headers.get("If-Match") == "*"
        if module in cloud.modules and not overwrite:
            return self.answer(409, {"Message": "ErrorCode:ModuleAlreadyExistsOnDevice"})
        if self.body.get("moduleId") != module:
            return self.answer(400, {"Message": "moduleId"})
        kept = cloud.modules.get(module) or cloud.identity(module)
        kept.update({name: self.body[name] for name in ("authentication", "managedBy") if name in self.body})
        cloud.modules[module] = kept
        return self.answer(200, kept)

    def registration(self, parts):
        cloud = self.cloud
        scope, registration = parts[0], parts[2]
        if registration not in cloud.registrations:
            return self.answer(404, {"errorCode": 404201, "message": "not found"})
        key, device = cloud.registrations[registration]
        if not self.proven(key, f"{scope}/registrations/{registration}"):
            return self.answer(401, {"errorCode": 401002, "message": "Unauthorized"})
        if self.command == "PUT" and self.body.get("registrationId") != registration:
            return self.answer(400)
        if cloud.polls > 0:
            cloud.polls -= 1
            return self.answer(202, {"operationId": "4.abc", "status": "assigning"}, [("Retry-After", "1")])
        if device is None:
            return self.answer(200, {"operationId": "4.abc", "status": "disabled", "registrationState": {}})
        return self.answer(200, {"operationId": "4.abc", "status": "assigned", "registrationState": {
            "registrationId": registration, "status": "assigned", "assignedHub": HOST, "deviceId": device}})
