#!/usr/bin/env python3
"""What became of the messages in an edge hub: its ledger, a line for each route.

    ledger.py http://10.89.0.2:9600            the table
    ledger.py http://10.89.0.2:9600 --pending  how many wait, as a number

Exit code 1 when a route does not add up. Standard library only.
"""
import argparse
import re
import sys
import urllib.request

STATES = ("in", "delivered", "expired", "pending")


def read(url):
    """{route: {"in", "delivered", "expired", "pending", "dropped"}}"""
    with urllib.request.urlopen(url.rstrip("/") + "/metrics", timeout=10) as answer:
        text = answer.read().decode()
    routes = {}
    for labels, value in re.findall(r"^edgehub_ledger_messages\{(.*)\} (\S+)$", text, re.M):
        its = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        entry = routes.setdefault(its["route"], dict.fromkeys((*STATES, "dropped"), 0))
        entry[its["state"]] += int(float(value))
    return routes


def balanced(entry):
    return entry["in"] == entry["delivered"] + entry["expired"] + entry["dropped"] + entry["pending"]


def table(routes):
    lines = [f"{'route':20} {'in':>8} = {'delivered':>9} + {'expired':>7} + {'dropped':>7} + {'pending':>7}"]
    for name, e in sorted(routes.items()):
        lines.append(f"{name or '(no route)':20} {e['in']:8} = {e['delivered']:9} + {e['expired']:7} + {e['dropped']:7} + "
                     f"{e['pending']:7}{'' if balanced(e) else '   does not add up'}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="the ledger of an edge hub")
    parser.add_argument("url", help="of its metrics, without /metrics")
    parser.add_argument("--pending", action="store_true")
    wanted = parser.parse_args()
    routes = read(wanted.url)
    print(sum(entry["pending"] for entry in routes.values()) if wanted.pending else table(routes))
    sys.exit(0 if all(map(balanced, routes.values())) else 1)


if __name__ == "__main__":
    main()
