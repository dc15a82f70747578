#!/usr/bin/env python3
"""Our .proto files against containerd's own, as Debian ships them.

Every message, field, enum value and method that we declare must exist there with the same number,
type and name; ours may have fewer. The reference packages are downloaded into CACHE and unpacked
there, never installed; without them the test fails. Then it proves that it would notice: names, numbers
and types are changed in a copy of our files, and the comparison must complain.

usage: protos.py SOURCE_DIR CACHE_DIR
"""

import os
import shutil
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

PACKAGES = [
    "golang-github-containerd-containerd-dev",
    "golang-github-containerd-cgroups-dev",
    "golang-github-gogo-protobuf-dev",
    "golang-github-gogo-googleapis-dev",
    "libprotobuf-dev",
]
GO = "usr/share/gocode/src"
CONTAINERD = "github.com/containerd/containerd/"
REFERENCE = [
    "google/protobuf/any.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/timestamp.proto",
    "google/rpc/status.proto",
    CONTAINERD + "api/types/descriptor.proto",
    CONTAINERD + "api/types/metrics.proto",
    CONTAINERD + "api/types/mount.proto",
    CONTAINERD + "api/types/task/task.proto",
    CONTAINERD + "api/events/task.proto",
    CONTAINERD + "runtime/v2/runc/options/oci.proto",
    "github.com/containerd/cgroups/stats/v1/metrics.proto",
    "github.com/containerd/cgroups/v2/stats/metrics.proto",
] + [
    CONTAINERD + "api/services/%s/v1/%s.proto" % (service, file)
    for service, file in [
        ("containers", "containers"),
        ("content", "content"),
        ("diff", "diff"),
        ("events", "events"),
        ("images", "images"),
        ("introspection", "introspection"),
        ("leases", "leases"),
        ("namespaces", "namespace"),
        ("snapshots", "snapshots"),
        ("tasks", "tasks"),
        ("version", "version"),
    ]
]
# What is changed in a copy of ours, and what must be said about it.
MUTATIONS = [
    ("tasks", "string container_id = 1;", "string container_id = 11;", "ours is number 11"),
    ("tasks", "uint32 signal = 3;", "uint64 signal = 3;", "TYPE_UINT64"),
    ("images", "created_at = 7;", "made_at = 7;", "made_at does not exist"),
    ("task", "PAUSING = 5;", "PAUSING = 6;", "ours is 6"),
    ("content", "rpc Write(stream ", "rpc Write(", "stream"),
    ("leases", "repeated Lease leases", "Lease leases", "LABEL_OPTIONAL"),
]

Field = descriptor_pb2.FieldDescriptorProto


def fail(text):
    print("FAIL: " + text)
    sys.exit(1)


def run(argv, cwd=None):
    done = subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        fail("%s: exit code %d\n%s" % (" ".join(argv), done.returncode, done.stdout))


def fetch(cache):
    """Download what is not in the cache yet and unpack it. Complete packages only: by rename."""
    os.makedirs(cache, exist_ok=True)
    for package in PACKAGES:
        root = os.path.join(cache, package)
        if os.path.isdir(root):
            continue
        work = tempfile.mkdtemp(dir=cache)
        run(["apt-get", "-o", "Acquire::Retries=5", "download", package], cwd=work)
        (archive,) = [name for name in os.listdir(work) if name.endswith(".deb")]
        run(["dpkg-deb", "-x", os.path.join(work, archive), os.path.join(work, "root")])
        os.rename(os.path.join(work, "root"), root)
        shutil.rmtree(work)


def descriptors(includes, files):
    """Compile .proto files and all they import."""
    with tempfile.NamedTemporaryFile(suffix=".pb") as out:
        argv = ["protoc", "--include_imports", "--descriptor_set_out=" + out.name]
        run(argv + ["-I" + path for path in includes] + files)
        return descriptor_pb2.FileDescriptorSet.FromString(out.read())


def reference(cache):
    roots = [os.path.join(cache, package) for package in PACKAGES]
    includes = [os.path.join(root, GO) for root in roots]
    includes += [os.path.join(root, GO, "github.com/gogo/googleapis") for root in roots]
    includes += [os.path.join(root, GO, "github.com/gogo/protobuf") for root in roots]
    includes += [os.path.join(root, "usr/include") for root in roots]
    return descriptors([path for path in includes if os.path.isdir(path)], REFERENCE)


def ours(source, cache):
    files = []
    for folder, _, names in os.walk(os.path.join(source, "proto")):
        files += [os.path.relpath(os.path.join(folder, n), source) for n in names if n.endswith(".proto")]
    includes = [source, "/usr/include", os.path.join(cache, "libprotobuf-dev", "usr/include")]
    found = descriptors(includes, sorted(files))
    own = [file for file in found.file if file.name.startswith("proto/")]
    return descriptor_pb2.FileDescriptorSet(file=own), len(files)


def flatten(files):
    """Messages, enums and services by their full names."""
    messages, enums, services = {}, {}, {}

    def walk(prefix, message):
        name = prefix + "." + message.name
        messages[name] = message
        for inner in message.nested_type:
            walk(name, inner)
        for enum in message.enum_type:
            enums[name + "." + enum.name] = enum

    for file in files.file:
        for message in file.message_type:
            walk(file.package, message)
        for enum in file.enum_type:
            enums[file.package + "." + enum.name] = enum
        for service in file.service:
            services[file.package + "." + service.name] = service
    return messages, enums, services


def shape(field):
    """What a field is on the wire and in JSON."""
    presence = "oneof" if field.HasField("oneof_index") else "plain"
    return "number %d, %s, %s%s, json %s, %s" % (
        field.number,
        Field.Label.Name(field.label),
        Field.Type.Name(field.type),
        " " + field.type_name if field.type_name else "",
        field.json_name,
        presence,
    )


def compare_messages(mine, theirs, complain):
    count = 0
    for name, message in sorted(mine.items()):
        other = theirs.get(name)
        if other is None:
            complain("message %s does not exist" % name)
            continue
        if message.options.map_entry != other.options.map_entry:
            complain("message %s: one is a map entry, the other not" % name)
        known = {field.name: field for field in other.field}
        for field in message.field:
            count += 1
            if field.name not in known:
                complain("field %s.%s does not exist" % (name, field.name))
            elif shape(field) != shape(known[field.name]):
                complain(
                    "field %s.%s: ours is %s; theirs is %s"
                    % (name, field.name, shape(field), shape(known[field.name]))
                )
    return count


def compare_enums(mine, theirs, complain):
    count = 0
    for name, enum in sorted(mine.items()):
        known = {value.name: value.number for value in theirs[name].value} if name in theirs else {}
        for value in enum.value:
            count += 1
            if known.get(value.name) != value.number:
                complain(
                    "enum value %s.%s: ours is %d; theirs is %s"
                    % (name, value.name, value.number, known.get(value.name, "absent"))
                )
    return count


def call(method):
    return "%s%s -> %s%s" % (
        "stream " if method.client_streaming else "",
        method.input_type,
        "stream " if method.server_streaming else "",
        method.output_type,
    )


def compare_services(mine, theirs, complain):
    count = 0
    for name, service in sorted(mine.items()):
        known = {method.name: method for method in theirs[name].method} if name in theirs else {}
        for method in service.method:
            count += 1
            if method.name not in known:
                complain("method %s.%s does not exist" % (name, method.name))
            elif call(method) != call(known[method.name]):
                complain(
                    "method %s.%s: ours is %s; theirs is %s"
                    % (name, method.name, call(method), call(known[method.name]))
                )
    return count


def compare(mine, theirs):
    """Differences, and how much was compared."""
    complaints = []
    a, b = flatten(mine), flatten(theirs)
    counts = (
        compare_messages(a[0], b[0], complaints.append),
        compare_enums(a[1], b[1], complaints.append),
        compare_services(a[2], b[2], complaints.append),
    )
    return complaints, counts


def mutate(source, copy, name, old, new):
    shutil.copytree(os.path.join(source, "proto"), os.path.join(copy, "proto"))
    path = os.path.join(copy, "proto/containerd", name + ".proto")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if old not in text:
        fail("%s holds no %s to change" % (path, old))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))


def prove_it_notices(source, cache, theirs):
    for name, old, new, said in MUTATIONS:
        with tempfile.TemporaryDirectory() as copy:
            mutate(source, copy, name, old, new)
            mutated, _ = ours(copy, cache)
        complaints, _ = compare(mutated, theirs)
        if not any(said in complaint for complaint in complaints):
            fail("not noticed: %s for %s in %s: %s" % (new, old, name, complaints))
        print("noticed, as it should: " + complaints[0])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, cache = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    fetch(cache)
    theirs = reference(cache)
    mine, nfiles = ours(source, cache)
    complaints, (fields, values, methods) = compare(mine, theirs)
    for complaint in complaints:
        print(complaint)
    if complaints:
        fail("%d differences from containerd's own files" % len(complaints))
    if nfiles < 15 or fields < 150 or values < 10 or methods < 40:
        fail("too little compared: %d files, %d fields, %d methods" % (nfiles, fields, methods))
    print("equal: %d files, %d fields, %d enum values, %d methods" % (nfiles, fields, values, methods))
    prove_it_notices(source, cache, theirs)


if __name__ == "__main__":
    main()
