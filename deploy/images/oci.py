"""Build container images from files in memory and push them to a registry. Standard library only.

    image = oci.Image(layers=[oci.layer({"/hello": b"hi"})], config={"Cmd": ["/hello"]})
    digest = oci.Registry("127.0.0.1:5000").push(image, "sample", "1")

Sources: OCI image-spec 1.0 (manifest, config, layer, index), distribution-spec 1.0 (push).
"""
import base64
import gzip
import hashlib
import http.client
import io
import json
import os
import platform
import ssl
import subprocess
import tarfile

OCI = {
    "manifest": "application/vnd.oci.image.manifest.v1+json",
    "index": "application/vnd.oci.image.index.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
    "": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
DOCKER = {
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
    "index": "application/vnd.docker.distribution.manifest.list.v2+json",
    "config": "application/vnd.docker.container.image.v1+json",
    "": "application/vnd.docker.image.rootfs.diff.tar",
    "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "zstd": "application/vnd.docker.image.rootfs.diff.tar.zstd",
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "riscv64": "riscv64"}


def architecture():
    """This machine's, in the images' spelling."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Link(str):
    """A value of layer(): a symbolic link to this target."""


class Folder(int):
    """A value of layer(): a folder of this mode."""


def layer(entries):
    """An uncompressed layer from {path: bytes | (bytes, mode) | Link(target) | Folder(mode)}.

    Parent folders are not made up: name them. Equal entries give equal bytes.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(entries):
            value = entries[path]
            info = tarfile.TarInfo(path.lstrip("/"))
            data = b""
            if isinstance(value, Link):
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, str(value), 0o777
            elif isinstance(value, Folder):
                info.type, info.mode = tarfile.DIRTYPE, int(value)
            else:
                data, info.mode = value if isinstance(value, tuple) else (value, 0o644)
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, compresslevel=6, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


class Image:
    """One platform's image, kept as blobs by digest, with a manifest over them."""

    def __init__(self, layers, config=None, compression="gzip", types=OCI, arch=None):
        self.types = types
        self.arch = arch or architecture()
        self.blobs = {}
        packed = [compress(data, compression) for data in layers]
        text = json.dumps({
            "architecture": self.arch,
            "os": "linux",
            "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(data) for data in layers]},
            "history": [{"created_by": "oci.py"} for _ in layers],
        }).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": types["manifest"],
            "config": self._keep(text, types["config"]),
            "layers": [self._keep(data, types[compression]) for data in packed],
        }).encode()
        self.media_type = types["manifest"]

    def _keep(self, data, media_type):
        self.blobs[digest_of(data)] = data
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    @property
    def digest(self):
        return digest_of(self.manifest)

    def descriptor(self):
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest),
                "platform": {"architecture": self.arch, "os": "linux"}}


    def archive(self, path, reference):
        """Write the image as an OCI layout in a tar file, as `ctr images import` takes it."""
        descriptor = {**self.descriptor(), "annotations": {
            "io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rpartition(":")[2]}}
        del descriptor["platform"]
        blobs = {**self.blobs, self.digest: self.manifest}
        entries = {"blobs": Folder(0o755), "blobs/sha256": Folder(0o755),
                   "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
                   "index.json": json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()}
        entries.update({"blobs/" + digest.replace(":", "/"): data for digest, data in blobs.items()})
        with open(path + ".part", "wb") as file:
            file.write(layer(entries))
        os.replace(path + ".part", path)

    def size(self):
        """Bytes a registry stores for it."""
        return len(self.manifest) + sum(map(len, self.blobs.values()))


def index_of(images):
    """(text, media type) of an index over images of several platforms."""
    types = images[0].types
    text = json.dumps({"schemaVersion": 2, "mediaType": types["index"],
                       "manifests": [image.descriptor() for image in images]}).encode()
    return text, types["index"]


class Registry:
    """A registry reached at host:port: plain HTTP, or TLS when `ca` (a PEM file) is given."""

    def __init__(self, address, ca=None, login=None):
        self.address = address
        self.context = ssl.create_default_context(cafile=ca) if ca else None
        self.headers = {}
        if login:
            self.headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()

    def request(self, method, path, body=None, headers=None):
        """One exchange: (status, headers, body)."""
        if self.context:
            link = http.client.HTTPSConnection(self.address, timeout=60, context=self.context)
        else:
            link = http.client.HTTPConnection(self.address, timeout=60)
        try:
            link.request(method, path, body, {**self.headers, **(headers or {})})
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def _expect(self, wanted, method, path, body=None, headers=None):
        status, answer, text = self.request(method, path, body, headers)
        if status != wanted:
            raise OSError(f"{self.address}: {method} {path}: {status}: {text[:300].decode(errors='replace')}")
        return answer

    def push_blob(self, name, data):
        path = f"/v2/{name}/blobs/{digest_of(data)}"
        if self.request("HEAD", path)[0] == 200:
            return
        where = self._expect(202, "POST", f"/v2/{name}/blobs/uploads/")["Location"]
        where = where[where.index("/v2/"):]
        mark = "&" if "?" in where else "?"
        self._expect(201, "PUT", f"{where}{mark}digest={digest_of(data)}", data,
                     {"Content-Type": "application/octet-stream"})

    def push_manifest(self, name, tag, text, media_type):
        self._expect(201, "PUT", f"/v2/{name}/manifests/{tag}", text, {"Content-Type": media_type})
        return digest_of(text)

    def push(self, image, name, tag):
        """Push an image under a tag; returns the manifest's digest."""
        for data in image.blobs.values():
            self.push_blob(name, data)
        return self.push_manifest(name, tag, image.manifest, image.media_type)

    def push_index(self, images, name, tag):
        for image in images:
            self.push(image, name, image.digest)
        return self.push_manifest(name, tag, *index_of(images))

    def delete(self, name, digest):
        """Remove a manifest: its tags are gone with it."""
        self._expect(202, "DELETE", f"/v2/{name}/manifests/{digest}")


def push(image, reference, ca=None, login=None):
    """Push an image to "host:port/name:tag"; returns the manifest's digest."""
    address, _, path = reference.partition("/")
    name, _, tag = path.rpartition(":")
    if not name:
        raise ValueError(f"{reference}: write host:port/name:tag")
    return Registry(address, ca=ca, login=login).push(image, name, tag)
