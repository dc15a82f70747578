"""A registry that misbehaves: in front of a real one, it counts what it serves and breaks it on order.

    faults = Faults("127.0.0.1:5001", "127.0.0.1:5000").start()
    faults.cut = [1 << 20]          # the next answer with a blob ends after that many bytes
    ...
    faults.served                   # bytes of blob bodies, by digest
"""
import base64
import http.client
import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse


class Faults:
    def __init__(self, address, upstream, tls=None):
        self.address = address
        self.upstream = upstream
        self.tls = tls
        self.server = None
        self.blobs = {}
        self.reset()

    def reset(self):
        """Behave well, and forget what was counted."""
        self.served = {}  # digest: body bytes
        self.seen = []  # (method, path, headers)
        self.cut = []  # bytes after which the next answers with a blob of 1 MiB and more break off
        self.pace = 0  # bytes a second of a blob's body; 0: as fast as it goes
        self.ranges = True  # False: answer 200 with everything
        self.refuse_ranges = 0  # how many requests for a range to answer with 416
        self.spoil = {}  # digest: how many times to serve it with a byte changed
        self.shorten = {}  # digest: how many times to serve less, as if that were all of it
        self.answers = {}  # path: list of (status, headers, body), first served first
        self.endless = set()  # paths whose body never ends
        self.endless_bytes = 0
        self.login = None  # (user, password) for the token service
        self.token = None  # None: nobody is asked for one
        self.tokens_given = 0

    def start(self):
        host, port = self.address.split(":")
        faults = self

        class Handler(_Handler):
            pass

        Handler.faults = faults
        self.server = _Server((host, int(port)), Handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        """Refuse connections and break those there are."""
        self.server.shutdown()
        self.server.server_close()
        self.server.break_all()

    def fetch(self, path, headers):
        """(status, headers, body) of the registry behind; blobs are remembered."""
        if path in self.blobs:
            return self.blobs[path]
        link = http.client.HTTPConnection(self.upstream, timeout=60)
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        found = answer.status, answer.headers, answer.read()
        link.close()
        if "/blobs/" in path and answer.status == 200:
            self.blobs[path] = found
        return found

    def paths(self):
        return [path for _, path, _ in self.seen]

    def total(self):
        return sum(self.served.values())


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments):
        self.links = set()
        super().__init__(*arguments)

    def process_request(self, request, client_address):
        self.links.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.links.discard(request)
        super().shutdown_request(request)

    def break_all(self):
        for link in list(self.links):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass  # clients of a faulty registry go away


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        faults = self.faults
        path = self.path.split("?")[0]
        faults.seen.append((self.command, self.path, dict(self.headers)))
        if path == "/token":
            return self.give_token()
        if faults.token and self.headers.get("Authorization") != "Bearer " + faults.token:
            return self.ask_for_token(path)
        if path in faults.endless:
            return self.flood()
        planned = faults.answers.get(path)
        if planned:
            return self.answer(*planned.pop(0))
        status, headers, body = faults.fetch(path, {"Accept": self.headers.get("Accept", "*/*")})
        if status == 200 and "/blobs/" in path:
            return self.give_blob(path.rsplit("/", 1)[1], body)
        kept = {name: headers[name] for name in ("Content-Type", "Docker-Content-Digest") if headers[name]}
        return self.answer(status, kept, body)

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def give_token(self):
        faults = self.faults
        wanted = base64.b64encode(":".join(faults.login).encode()).decode() if faults.login else None
        if wanted and self.headers.get("Authorization") != "Basic " + wanted:
            return self.answer(401, {}, b'{"errors":[{"code":"UNAUTHORIZED"}]}')
        faults.tokens_given += 1
        return self.answer(200, {}, json.dumps({"token": faults.token, "expires_in": 300}).encode())

    def ask_for_token(self, path):
        name = path[len("/v2/"):].split("/manifests/")[0].split("/blobs/")[0]
        scheme = "https" if self.faults.tls else "http"
        self.answer(401, {"WWW-Authenticate":
                          f'Bearer realm="{scheme}://{self.faults.address}/token?x=1",service="test",'
                          f'scope="repository:{urllib.parse.unquote(name)}:pull"'},
                    b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}')

    def flood(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        chunk = b" " * 65536
        while self.faults.endless_bytes < 200 << 20:
            self.wfile.write(chunk)
            self.faults.endless_bytes += len(chunk)

    def give_blob(self, digest, body):
        faults = self.faults
        if faults.spoil.get(digest, 0) > 0:
            faults.spoil[digest] -= 1
            body = body[:-1] + bytes([body[-1] ^ 1])
        if faults.shorten.get(digest, 0) > 0:
            faults.shorten[digest] -= 1
            body = body[:len(body) // 2]
        start = self.range_start()
        if start and faults.refuse_ranges > 0:
            faults.refuse_ranges -= 1
            return self.answer(416, {}, b"")
        if not faults.ranges:
            start = 0
        headers = {"Content-Type": "application/octet-stream"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.send_response(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.send_body(digest, body[start:])

    def range_start(self):
        text = self.headers.get("Range", "")
        return int(text[len("bytes="):-1]) if text.startswith("bytes=") and text.endswith("-") else 0

    def send_body(self, digest, body):
        faults = self.faults
        end = len(body)
        if len(body) >= 1 << 20 and faults.cut:
            end = min(end, faults.cut.pop(0))
        step = 65536
        for at in range(0, end, step):
            part = body[at:min(at + step, end)]
            self.wfile.write(part)
            faults.served[digest] = faults.served.get(digest, 0) + len(part)
            if faults.pace:
                time.sleep(len(part) / faults.pace)
        if end < len(body):
            self.close_connection = True
