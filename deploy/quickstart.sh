#!/bin/bash
# An edge device in one command, on a bare Debian 12:
#
#   sudo deploy/quickstart.sh          install packages, build, start everything: a local cloud deploys the hub and four modules;
#                                      one crashes and comes back, two send by routes of the hub; then the cloud is away
#                                      for 20 seconds, and nothing is lost
#   sudo deploy/quickstart.sh --down   end and remove all of it (installed packages stay)
#
# Everything is our own and apart from what else runs here: a containerd with its own socket and
# folders, a registry on a free loopback port, the local cloud and the hub on addresses of their own (SDKs insist on
# the ports), a network of its own name. It may be run again at any time, also after a reboot. EDGE_BIN=<folder> takes built programs instead of building,
# EDGE_QUICKSTART_ROOT=<folder> keeps everything there, EDGE_QUICKSTART_CUT=<seconds> is how long the cloud is away (20).
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=edge-quick                 # of the network, hence of its bridge (and of the table edge-edge-quick)
namespace=edge-quickstart       # of containerd, hence of the cgroups
root=${EDGE_QUICKSTART_ROOT:-/var/lib/edge-quickstart} # everything that lasts
run=/run/edge-quickstart        # everything that a reboot ends
shims=/run/containerd           # where every containerd of a machine keeps its shims' sockets
state=$root/state
socket=$run/containerd.sock
bin=${EDGE_BIN:-$root/build/bin}
device=quickstart               # its name in the cloud
cut=${EDGE_QUICKSTART_CUT:-20}    # seconds without a cloud

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
die() { echo "quickstart: $*" >&2; exit 1; }
ctl() { "$bin/edgectl" --config "$root/config.yaml" "$@"; }
hub() { "$top/deploy/hub.py" --login "$root/cloud/login" --ca "$root/cloud/state.ca.pem" "$@"; }
ctr_() { ctr --address "$socket" --namespace "$namespace" "$@"; }

# wait_for SECONDS WHAT COMMAND…
wait_for() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$until" ] || die "waited too long for $what; see $root/logs"
        sleep 0.1
    done
}

# recall KEY [DEFAULT], remember KEY VALUE: what --down must know, kept in one file
recall() { sed -n "s/^$1=//p" "$state" 2>/dev/null | tail -1; }
remember() { printf '%s=%s\n' "$1" "$2" >>"$state"; }

# ---- processes ----

# Pids of our programs: by name and by a path of ours among their arguments.
programs() {
    local pid args
    for pid in /proc/[0-9]*; do
        { args=$(tr '\0' ' ' <"$pid/cmdline"); } 2>/dev/null || continue # it may end meanwhile
        case ${args%% *} in
            */containerd | containerd | */containerd-shim-* | */docker-registry | docker-registry | */edge-agent | */edge-logger | \
                */edge-securityd | */iothub-emulator) ;;
            *) continue ;;
        esac
        case $args in *"$root"* | *"$run"*) [ -z "${1:-}" ] || [[ ${args%% *} == *"$1" ]] && echo "${pid#/proc/}" ;; esac
    done
    return 0
}

# Pids of processes in our containers: their root is an overlay of ours.
contained() {
    local pid
    for pid in /proc/[0-9]*; do
        grep -qs " / / .* - overlay .*upperdir=$root/" "$pid/mountinfo" && echo "${pid#/proc/}"
    done
    return 0
}

# start NAME COMMAND…: unless it runs
start() {
    local program=$1
    shift
    [ -z "$(programs "$program")" ] || return 0
    echo "starting $*"
    setsid --fork "$@" >>"$root/logs/$program.log" 2>&1 </dev/null 9>&-
}

# end_all PIDS-COMMAND…: ask, wait, kill
end_all() {
    local pids tries
    for tries in {1..100}; do
        pids=$("$@")
        [ -n "$pids" ] || return 0
        case $tries in
            1) kill $pids 2>/dev/null || true ;;
            8[0-9]) kill -KILL $pids 2>/dev/null || true ;;
        esac
        sleep 0.1
    done
    echo "quickstart: processes that do not end: $pids" >&2
    return 1
}

# ---- up ----

build() {
    if [ -z "${EDGE_BIN:-}" ]; then
        say "Building (log: $root/logs/build.log)"
        cmake --preset release -S "$top" -B "$root/build" -D EDGE_TESTS=OFF >"$root/logs/build.log" 2>&1 &&
            cmake --build "$root/build" --target edge-agent edgectl edge-logger edge-securityd edge-hub edge-sample iothub-emulator >>"$root/logs/build.log" 2>&1 ||
            { tail -30 "$root/logs/build.log"; die "the build failed"; }
    fi
    [ -x "$bin/edge-agent" ] || die "no edge-agent in $bin"
}

free_port() {
    local port
    for port in {5050..5149}; do
        [ -n "$(ss -Hltn "sport = :$port")" ] || { echo "$port"; return; }
    done
    die "no free port from 5050 to 5149 for the registry"
}

# A subnet's number for two addresses of ours: .1 is the local cloud's, .2 the hub's. Containers reach them, too.
free_addresses() {
    local n wild
    wild=$(ss -Hltn | awk '{ port = $4; sub(/.*:/, "", port); host = substr($4, 1, length($4) - length(port) - 1) }
        (port == 443 || port == 5671 || port == 8883) && (host == "0.0.0.0" || host == "*" || host == "[::]") { print port }')
    [ -z "$wild" ] || die "somebody listens on port $(echo $wild) of every address; the local cloud needs it on one of its own"
    for n in {111..199}; do
        [ -n "$(ip -4 route show root "10.89.$n.0/24"; ip -4 route show match "10.89.$n.0/24" | grep -v '^default'; ip -4 address show to "10.89.$n.0/24")" ] ||
            { echo "10.89.$n"; return; }
    done
    die "no free addresses from 10.89.111.1 to 10.89.199.2 for the local cloud and the hub"
}

cloud() { echo "$(recall addresses).1"; }
edge() { echo "$(recall addresses).2"; }

# A reboot takes them away.
add_addresses() {
    local address
    for address in "$(cloud)" "$(edge)"; do
        [ -n "$(ip -4 address show dev lo to "$address")" ] || ip address add "$address/32" dev lo
    done
}

free_subnet() {
    local n subnet
    for n in {60..99}; do
        subnet=10.88.$n.0/24
        [ -n "$(ip -4 route show root "$subnet"; ip -4 route show match "$subnet" | grep -v '^default')" ] ||
            { echo "$subnet"; return; }
    done
    die "no free subnet from 10.88.60.0/24 to 10.88.99.0/24"
}

choose() {
    [ -n "$(recall port)" ] || remember port "$(free_port)"
    [ -n "$(recall addresses)" ] || remember addresses "$(free_addresses)"
    [ -n "$(recall subnet)" ] || remember subnet "$(free_subnet)"
    [ -n "$(recall forward)" ] || remember forward "$(cat /proc/sys/net/ipv4/ip_forward)"
    [ -n "$(recall shims)" ] || remember shims "$([ -e "$shims" ] && echo shared || echo ours)"
}

write_configs() {
    local port
    port=$(recall port)
    cat >"$root/containerd.toml" <<END
version = 2
root = "$root/containerd"
state = "$run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$socket"
END
    cat >"$root/registry.yml" <<END
version: 0.1
storage:
  filesystem: {rootdirectory: $root/registry}
  delete: {enabled: true}
http: {addr: "127.0.0.1:$port", secret: quickstart}
END
}

# It holds the device's key: for root alone.
write_config() {
    (umask 077 && cat >"$root/config.yaml") <<END
hostname: $(hostname)
homedir: $root/edge
rundir: $run
provisioning:
  source: manual
  device_connection_string: "$(hub device "$device")"
cloud: {trusted_ca: $root/cloud/state.ca.pem}
certificates: {trusted_ca_certs: $root/cloud/state.ca.pem}
containerd: {uri: "unix://$socket", namespace: $namespace}
network: {name: $name, subnet: $(recall subnet)}
registries: {"127.0.0.1:$(recall port)": {plain_http: true}}
listen: {management_uri: "unix://$run/mgmt.sock"}
agent: {env: {CoolOffTimeUnitInSeconds: "1"}}
END
}

push_images() {
    local registry
    registry=127.0.0.1:$(recall port)
    "$top/deploy/images/busybox.py" "$registry/hello:1" --cmd \
        '["sh", "-c", "trap \"exit 0\" TERM; while :; do echo \"hello from $(hostname) at $(date +%T)\"; sleep 2 & wait $!; done"]'
    "$top/deploy/images/busybox.py" "$registry/crasher:1" --cmd \
        '["sh", "-c", "for n in 8 7 6 5 4 3 2 1; do echo \"crashing in $n s\"; sleep 1; done; exit 42"]'
    "$top/deploy/images/hub_image.py" "$bin/edge-hub" --push "$registry/edge-hub:1" | tail -2
    "$top/deploy/images/sample_image.py" "$bin/edge-sample" --push "$registry/edge-sample:1"
}

# It makes its keys itself; the connection string of its owner is read from it before it serves.
start_cloud() {
    mkdir -p "$root/cloud"
    chmod 700 "$root/cloud"
    local names=(--hostname "$(cloud)" --state "$root/cloud/state")
    [ -n "$(programs iothub-emulator)" ] ||
        (umask 077 && "$bin/iothub-emulator" "${names[@]}" --show iothubowner >"$root/cloud/login")
    start iothub-emulator "$bin/iothub-emulator" --listen "$(cloud)" --admin "$(cloud):9443" "${names[@]}"
    wait_for 60 "the local cloud" cloud_serves
}

cloud_serves() { (exec 3<>"/dev/tcp/$(cloud)/443") && [ -e "$root/cloud/state.ca.pem" ]; }

write_deployment() {
    local registry host_port
    registry=127.0.0.1:$(recall port)
    host_port='{\"HostIp\":\"'$(edge)'\",\"HostPort\":'
    cat >"$root/deployment.json" <<END
{"modulesContent": {"\$edgeAgent": {"properties.desired": {
  "schemaVersion": "1.1",
  "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
  "systemModules": {
    "edgeAgent": {"type": "docker", "settings": {"image": "edge-agent", "createOptions": "{}"}},
    "edgeHub": {
      "type": "docker", "status": "running", "restartPolicy": "always", "startupOrder": 0,
      "settings": {"image": "$registry/edge-hub:1", "createOptions": "{\"HostConfig\":{\"Binds\":[\"edgehub:/var/lib/edge-hub\"],\"PortBindings\":{\"8883/tcp\":[$host_port\"8883\"}],\"5671/tcp\":[$host_port\"5671\"}],\"443/tcp\":[$host_port\"443\"}],\"9600/tcp\":[$host_port\"9600\"}]}}}"}
    }
  },
  "modules": {
    "hello": {
      "type": "docker", "status": "running", "restartPolicy": "always", "startupOrder": 1,
      "settings": {"image": "$registry/hello:1", "createOptions": "{\"HostConfig\":{\"Memory\":33554432}}"}
    },
    "crasher": {
      "type": "docker", "status": "running", "restartPolicy": "always", "startupOrder": 2,
      "settings": {"image": "$registry/crasher:1", "createOptions": "{}"}
    },
    "filter": {
      "type": "docker", "status": "running", "restartPolicy": "always", "startupOrder": 1,
      "settings": {"image": "$registry/edge-sample:1", "createOptions": "{\"Cmd\":[\"filter\"]}"}
    },
    "sensor": {
      "type": "docker", "status": "running", "restartPolicy": "always", "startupOrder": 2,
      "env": {"EDGE_SAMPLE_INTERVAL_MS": {"value": "250"}},
      "settings": {"image": "$registry/edge-sample:1", "createOptions": "{\"Cmd\":[\"sensor\"]}"}
    }
  }
}},
"\$edgeHub": {"properties.desired": {
  "schemaVersion": "1.1",
  "routes": {
    "sensorToFilter": "FROM /messages/modules/sensor/outputs/temperature INTO BrokeredEndpoint(\"/modules/filter/inputs/temperature\")",
    "alertsToCloud": "FROM /messages/modules/filter/outputs/alerts INTO \$upstream"
  },
  "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}
}}}}
END
}

# All run but the crasher, which after a few crashes waits longer and longer; restarted: it has come back at least once.
all_run() { [ "$(ctl list | grep -cE '^(edgeHub|hello|filter|sensor) +running')" = 4 ]; }
restarted() { all_run && ctl list | grep -qE '^crasher .*restarted [0-9]+ time'; }
# The cloud has heard that the crasher was restarted.
told() { hub reported "$device" | tr -d ' \n' | grep -q '"restartCount":[1-9]'; }
# alerts: how many have come to the cloud, from its own pages; arrived N: at least so many.
alerts() {
    python3 - "http://$(cloud):9443/emulator/events" <<'END'
import json, sys, urllib.request
count, partition, partitions = 0, 0, 1
while partition < partitions:
    start = 0
    while True:
        with urllib.request.urlopen(f"{sys.argv[1]}?partition={partition}&from={start}", timeout=10) as answer:
            page = json.load(answer)
        partitions, start = page["partitions"], page["next"]
        count += sum(event["module"] == "filter" for event in page["events"])
        if not page["events"]:
            break
    partition += 1
print(count)
END
}
arrived() { [ "$(alerts)" -ge "$1" ]; }
ledger() { "$top/deploy/ledger.py" "http://$(edge):9600" "$@"; }
pending() { ledger --pending; }
queue_empty() { [ "$(pending)" -le 2 ]; }

# sensor -> filter -> cloud; then without a cloud, and what became of every message.
cut_the_cloud() {
    local count
    count=$(alerts)
    say "Messages: sensor -> filter (by a route of the hub) -> the cloud, what is hotter than 25 degrees"
    wait_for 120 "alerts to arrive at the cloud" arrived $((count + 5))
    echo "$(alerts) alerts have arrived"

    say "The cloud goes away for $cut seconds; the hub keeps what comes"
    end_all programs iothub-emulator
    for ((count = 0; count < cut; count += 4)); do
        sleep 4
        echo "waiting in the hub: $(pending)"
    done
    say "The cloud is back"
    start_cloud
    wait_for 120 "what waits to be delivered" queue_empty
    echo "$(alerts) alerts have arrived. The hub's ledger:"
    ledger
}

up() {
    say "Installing packages"
    "$top/deploy/install-deps.sh" build run quickstart
    mkdir -p "$root/logs" "$run"
    build
    choose
    write_configs

    add_addresses
    say "Starting containerd, a registry on 127.0.0.1:$(recall port), and a local cloud on $(cloud)"
    start containerd containerd --config "$root/containerd.toml"
    wait_for 60 "containerd" ctr_ version
    start docker-registry docker-registry serve "$root/registry.yml"
    wait_for 60 "the registry" python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$(recall port)/v2/')"

    start_cloud

    say "Building images from Debian's busybox, pushing them"
    push_images

    say "Making the device $device in the cloud; starting edge-securityd, which starts the agent"
    write_config
    start edge-securityd "$bin/edge-securityd" --config "$root/config.yaml"
    wait_for 60 "the agent" ctl list

    say "Deploying from the cloud: the hub; hello, and crasher, which ends with code 42 after 8 seconds; sensor and filter"
    write_deployment
    hub set-modules "$device" "$root/deployment.json"
    wait_for 120 "the hub and all modules to run" all_run
    ctl list
    say "Waiting for the crash …"
    wait_for 120 "crasher to be restarted" restarted
    ctl list
    say "crasher has been restarted. What the cloud was told:"
    wait_for 60 "the cloud to know of the restart" told
    hub reported "$device" --short
    cut_the_cloud
    say "Try:"
    cat <<END
  $bin/edgectl --config $root/config.yaml list
  $bin/edgectl --config $root/config.yaml logs hello --follow
  edit $root/deployment.json, then: $top/deploy/hub.py --login $root/cloud/login --ca $root/cloud/state.ca.pem set-modules $device $root/deployment.json
  $top/deploy/hub.py --login $root/cloud/login --ca $root/cloud/state.ca.pem method $device ping
  sudo $top/deploy/quickstart.sh --down
END
}

# ---- down ----

remove_containers() {
    local id
    [ -n "$(programs containerd)" ] && timeout 20 ctr --address "$socket" version >/dev/null 2>&1 || return 0
    for id in $(ctr_ tasks ls -q 2>/dev/null); do
        timeout 30 ctr --address "$socket" --namespace "$namespace" tasks rm --force "$id" >/dev/null 2>&1 || true
    done
    for id in $(ctr_ containers ls -q 2>/dev/null); do
        ctr_ containers rm "$id" >/dev/null 2>&1 || true
    done
}

# Sockets are named after what they belong to (containerd's shim protocol, version 2).
remove_shim_files() {
    local folder id
    for folder in "$run/containerd/io.containerd.runtime.v2.task/$namespace"/* "$root/containerd/io.containerd.runtime.v2.task/$namespace"/*; do
        id=${folder##*/}
        rm -f "$shims/s/$(printf '%s' "$socket/$namespace/$id" | sha256sum | cut -d' ' -f1)"
    done
    rm -rf "${shims:?}/runc/$namespace"
    [ "$(recall shims)" != ours ] || rmdir "$shims/runc" "$shims/s" "$shims" 2>/dev/null || true
}

unmount_ours() {
    local point
    awk -v a="$root/" -v b="$run/" 'index($5, a) == 1 || index($5, b) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r point; do umount -l "$(printf '%b' "$point")" || true; done
}

remove_addresses() {
    local address
    [ -n "$(recall addresses)" ] || return 0
    for address in "$(cloud)" "$(edge)"; do ip address del "$address/32" dev lo 2>/dev/null || true; done
}

# Ends of modules' interfaces go with their namespaces, which the kernel takes its time for.
remove_ports() {
    local port
    ip -o link show master "$name" 2>/dev/null | awk -F '[ :@]+' '{ print $2 }' | while read -r port; do
        ip link delete "$port" 2>/dev/null || true
    done
}

remove_network() {
    nft list table ip "edge-$name" >/dev/null 2>&1 && nft delete table ip "edge-$name"
    ip link show "$name" 2>/dev/null | grep -q "alias edge:$run\$" && remove_ports && ip link delete "$name"
    [ "$(recall forward)" != 0 ] || echo 0 >/proc/sys/net/ipv4/ip_forward
}

# Our folder of each hierarchy: below /sys/fs/cgroup itself (v2) or below each controller's (v1).
cgroups() {
    find /sys/fs/cgroup -maxdepth 2 -type d -name "$namespace" 2>/dev/null || true
}

remove_cgroups() {
    local folder
    cgroups | while read -r folder; do
        find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}

# What is still there of ours, one line each.
left() {
    programs
    contained
    grep -s -e " $root/" -e " $run/" /proc/self/mountinfo || true
    nft list tables 2>/dev/null | grep -w "edge-$name" || true
    ip -o link show 2>/dev/null | grep "alias edge:$run" || true
    cgroups
    ip -o -4 address show dev lo | grep -wF -e "$1.1/32" -e "$1.2/32" || true
    ls -d "$root" "$run" 2>/dev/null || true
}

down() {
    say "Ending and removing the quickstart"
    end_all programs edge-securityd
    end_all programs edge-agent
    remove_containers
    end_all programs
    end_all contained
    remove_shim_files
    unmount_ours
    remove_network || true
    remove_addresses
    remove_cgroups
    local addresses rest
    addresses=$(recall addresses || true) # nothing was ever up
    rm -rf "$run" "$root"
    rest=$(left "${addresses:-none}")
    [ -z "$rest" ] || die "still there: $rest"
    echo "nothing is left of it"
}

[ "$(id -u)" = 0 ] || die "needs root: sudo $0 $*"
exec 9<"${BASH_SOURCE[0]}"
flock -n 9 || { echo "waiting for another run of this script"; flock -w 600 9 || die "another run does not end"; }
case ${1:-} in
    "") up ;;
    --down) down ;;
    *) echo "usage: $0 [--down]" >&2; exit 2 ;;
esac
