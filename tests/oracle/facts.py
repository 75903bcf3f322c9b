#!/usr/bin/env python3
"""Compares the facts of canvass with those of ansible-core, gathered on the same fresh host.

Usage: python tests/oracle/facts.py CANVASS [--reference FOLDER] [--cache FOLDER]

Needs what `rehearsal.py` needs. The host is Debian with systemd and Python; both programs run `setup`
there by the name `ansible`, one right after the other. All names are compared to the last leaf; what
moves by itself, or differs on purpose, is named in NOISE with the reason. Prints what differs and how
many names are equal, and how long both took.
"""

import argparse
import json
import os
import pathlib
import re
import sys
import tempfile
import time

import lab

# names whose values differ between two gatherings, or on purpose, and why
NOISE = [
    (r"^ansible_date_time\.(iso8601.*|epoch.*|second|minute|time)", "the clock"),
    (r"^ansible_(uptime_seconds|loadavg)", "the clock"),
    (r"^ansible_(memfree_mb|memory_mb)", "memory in use"),
    (r"^ansible_mounts.*(available|used)$", "space in use"),
    (r"^ansible_env\.(SSH_|_$|LC_|LANG|XDG_SESSION_ID|SHLVL)", "that of the session; ours is that of the runner"),
    (r"^ansible_python", "COMPATIBILITY.md: what the host has in its path"),
    (r"^discovered_interpreter_python", "ansible-core looks for Python"),
    (r"^ansible_devices\..*\.(sectors|size)$", "devices of the machine below"),
    (r"^ansible_(ohai|facter)", "COMPATIBILITY.md: not gathered"),
]


# lists that ansible-core makes of sets: their order says nothing
ORDERLESS = ["ansible_interfaces", "ansible_virtualization_tech_guest", "ansible_virtualization_tech_host"]


def leaves(value, path=""):
    """Paths of all values; a list counts by its places."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


def gather(program, hosts):
    argv = [program, "-i", hosts.folder / "inventory.ini", "s1", "-m", "ansible.builtin.setup", *hosts.variables()]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"}
    begun = time.monotonic()
    ended = hosts.run(argv, env=environment, capture_output=True, text=True, timeout=300)
    spent = time.monotonic() - begun
    if ended.returncode:
        sys.exit(ended.stdout + ended.stderr)
    # `s1 | SUCCESS => {`
    facts = json.loads(ended.stdout[ended.stdout.index("{") :])["ansible_facts"]
    for name in ORDERLESS:
        facts[name] = sorted(facts.get(name, []))
    return facts, spent


def main():
    words = argparse.ArgumentParser(description="the facts of both on one host")
    words.add_argument("canvass", type=pathlib.Path)
    words.add_argument("--reference", type=pathlib.Path, default=pathlib.Path(sys.executable).parent)
    words.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/canvass-hosts")
    words = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        face = folder / "ansible"
        face.symlink_to(words.canvass.resolve())
        with lab.Hosts(folder / "hosts", words.cache.resolve(), 1) as hosts:
            gather(face, hosts)  # brings the runner
            ours, our_time = gather(face, hosts)
            theirs, their_time = gather(words.reference.resolve() / "ansible", hosts)
    here, there = dict(leaves(ours)), dict(leaves(theirs))
    equal, moving, differing = 0, 0, 0
    for path in sorted(set(here) | set(there)):
        if path in here and path in there and here[path] == there[path]:
            equal += 1
        elif any(re.search(pattern, path) for pattern, _ in NOISE):
            moving += 1
        else:
            differing += 1
            print(f"{path}: canvass {here.get(path, '(none)')!r}, ansible-core {there.get(path, '(none)')!r}")
    names = len(set(ours) | set(theirs))
    print(f"{names} facts, {equal + moving + differing} values: {equal} equal, {moving} move, {differing} differ")
    print(f"canvass {our_time:.2f} s, ansible-core {their_time:.2f} s")


if __name__ == "__main__":
    main()
