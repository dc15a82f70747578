"""Microsoft's own storage emulator, unmodified, as a service of a test."""
import base64
import hashlib
import hmac
import os
import re
import subprocess
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(HERE, "..", "..", "build", "npm", "node_modules")
ACCOUNT = "devstoreaccount1"
# the well-known key of the emulator's one account, in its documentation
KEY = base64.b64decode("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
VERSION = "2020-10-02"
UNTIL = "2099-01-01T00:00:00Z"


def sign(lines):
    text = "\n".join(lines)
    return base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).decode()


def account_sas():
    sig = sign([ACCOUNT, "rwdlac", "b", "sco", "", UNTIL, "", "", VERSION, ""])
    return urllib.parse.urlencode({"sv": VERSION, "ss": "b", "srt": "sco", "sp": "rwdlac", "se": UNTIL, "sig": sig})


def container_sas(container, permissions="racw"):
    sig = sign([permissions, "", UNTIL, f"/blob/{ACCOUNT}/{container}", "", "", "", VERSION, "c", "", "", "", "", "", ""])
    return urllib.parse.urlencode({"sv": VERSION, "sr": "c", "sp": permissions, "se": UNTIL, "sig": sig})


class Azurite:
    """Blobs in a folder, on a free port of loopback. stop() ends it."""

    def __init__(self, folder):
        subprocess.run([os.path.join(HERE, "node", "install.sh")], check=True)
        self.process = subprocess.Popen(
            ["node", os.path.join(MODULES, "azurite", "dist", "src", "blob", "main.js"), "--blobHost", "127.0.0.1", "--blobPort", "0",
             "--location", folder, "--silent", "--disableTelemetry"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.base = None
        for line in self.process.stdout:
            found = re.search(r"listens on (http://127\.0\.0\.1:\d+)", line)
            if found:
                self.base = f"{found.group(1)}/{ACCOUNT}"
                return
        raise AssertionError("the storage emulator did not start")

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=20)

    def request(self, method, path):
        """(headers, body)"""
        request = urllib.request.Request(f"{self.base}/{path}{account_sas()}", method=method)
        request.add_header("x-ms-version", VERSION)
        request.add_header("Content-Length", "0")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers, answer.read()

    def make(self, container):
        """A new container; its URL with a signature, as an operator would hand it out."""
        self.request("PUT", f"{container}?restype=container&")
        return f"{self.base}/{container}?{container_sas(container)}"

    def blobs(self, container):
        _, body = self.request("GET", f"{container}?restype=container&comp=list&")
        return sorted(re.findall(r"<Name>([^<]*)</Name>", body.decode()))

    def blob(self, container, name):
        return self.request("GET", f"{container}/{name}?")
