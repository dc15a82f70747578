#!/usr/bin/env python3
"""A few of IoT Hub's service calls over REST, as `az iot` makes them. Standard library only.

    hub.py --login FILE [--ca FILE] device NAME            make an edge device (or find it); print its connection string
    hub.py --login FILE [--ca FILE] set-modules NAME FILE  a deployment document, to one device
    hub.py --login FILE [--ca FILE] reported NAME [--short]     what its agent has reported: JSON, or a table
    hub.py --login FILE [--ca FILE] method NAME METHOD [JSON]   a direct method of its agent

FILE of --login holds a service connection string: a key is no argument. As a module: Hub(text, ca).
"""
import argparse
import base64
import hashlib
import hmac
import json
import secrets
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

API = "2021-04-12"
AGENT = "%24edgeAgent"


def fields(connection_string):
    return dict(part.split("=", 1) for part in connection_string.strip().split(";") if part)


class Refused(Exception):
    def __init__(self, status, answer):
        super().__init__(f"{status}: {json.dumps(answer)}")
        self.status, self.answer = status, answer


class Hub:
    """A hub reached with a service connection string; `ca` is a PEM file when the system does not know its CA."""

    def __init__(self, connection_string, ca=None):
        words = fields(connection_string)
        self.host, self.policy, self.key = words["HostName"], words["SharedAccessKeyName"], words["SharedAccessKey"]
        self.ca = ca

    def token(self, seconds=3600):
        until = int(time.time()) + seconds
        resource = urllib.parse.quote(self.host, safe="")
        mac = hmac.new(base64.b64decode(self.key), f"{resource}\n{until}".encode(), hashlib.sha256).digest()
        signature = urllib.parse.quote(base64.b64encode(mac), safe="")
        return f"SharedAccessSignature sr={resource}&sig={signature}&se={until}&skn={self.policy}"

    def request(self, method, path, content=None, headers=None, timeout=20, token=None):
        """(status, headers, decoded JSON or None)"""
        url = f"https://{self.host}{path}{'&' if '?' in path else '?'}api-version={API}"
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(url, body, method=method, headers={
            "Authorization": token or self.token(), "Content-Type": "application/json", **(headers or {})})
        try:
            context = ssl.create_default_context(cafile=self.ca)
            with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
                return answer.status, answer.headers, self._decode(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.headers, self._decode(error.read())

    @staticmethod
    def _decode(data):
        return json.loads(data) if data else None

    def ok(self, method, path, content=None, **more):
        """The answer; Refused when the hub says no."""
        status, _, answer = self.request(method, path, content, **more)
        if status >= 300:
            raise Refused(status, answer)
        return answer

    def device(self, name, edge=True, key=None):
        """Make a device or find the one there is; its connection string."""
        key = key or base64.b64encode(secrets.token_bytes(32)).decode()
        try:
            made = self.ok("PUT", f"/devices/{name}", {
                "deviceId": name, "capabilities": {"iotEdge": edge},
                "authentication": {"type": "sas", "symmetricKey": {"primaryKey": key, "secondaryKey": key}}})
        except Refused as refused:
            if refused.status != 409:
                raise
            made = self.ok("GET", f"/devices/{name}")
        return f"HostName={self.host};DeviceId={name};SharedAccessKey={made['authentication']['symmetricKey']['primaryKey']}"

    def apply(self, name, content):
        """A deployment's content ({"modulesContent": …}) to one device."""
        self.ok("POST", f"/devices/{name}/applyConfigurationContent", content)

    def twin(self, name, module=AGENT):
        return self.ok("GET", f"/twins/{name}/modules/{module}")

    def method(self, name, method, payload=None, module=AGENT, seconds=30):
        """(status of the call, the answer: {"status", "payload"})"""
        status, _, answer = self.request("POST", f"/twins/{name}/modules/{module}/methods", {
            "methodName": method, "payload": payload, "responseTimeoutInSeconds": seconds,
            "connectTimeoutInSeconds": 5}, timeout=seconds + 20)
        return status, answer


def table(reported):
    """The reported properties in a few lines."""
    status = reported.get("lastDesiredStatus", {})
    lines = [f"deployment {reported.get('lastDesiredVersion')}: {status.get('code')} {status.get('description') or ''}".rstrip()]
    for name, module in sorted((reported.get("modules") or {}).items()):
        lines.append(f"  {name:16} {module.get('runtimeStatus'):10} restarts {module.get('restartCount')}, "
                     f"last exit code {module.get('exitCode')}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="a few service calls of IoT Hub")
    parser.add_argument("--login", required=True, help="file with a service connection string")
    parser.add_argument("--ca", help="PEM file of the hub's CA")
    parser.add_argument("verb", choices=["device", "set-modules", "reported", "method"])
    parser.add_argument("device")
    parser.add_argument("more", nargs="*")
    parser.add_argument("--short", action="store_true", help="reported: a table")
    wanted = parser.parse_args()
    with open(wanted.login, encoding="utf-8") as file:
        hub = Hub(file.read(), wanted.ca)
    try:
        if wanted.verb == "device":
            print(hub.device(wanted.device))
        elif wanted.verb == "set-modules":
            with open(wanted.more[0], encoding="utf-8") as file:
                hub.apply(wanted.device, json.load(file))
        elif wanted.verb == "reported":
            reported = hub.twin(wanted.device)["properties"]["reported"]
            print(table(reported) if wanted.short else json.dumps(reported, indent=1))
        else:
            payload = json.loads(wanted.more[1]) if len(wanted.more) > 1 else None
            print(json.dumps(hub.method(wanted.device, wanted.more[0], payload)[1]))
    except (Refused, OSError) as why:
        sys.exit(f"hub.py: {wanted.verb} {wanted.device}: {why}")


if __name__ == "__main__":
    main()
