#!/usr/bin/env python3
"""Times how long the HTML page of a large report takes.

    cargo build --release
    benches/pages.py [--canvass PATH] [--hosts 200] [--tasks 100]

Makes a report of so many hosts and tasks, once with the same changes on all hosts and once with a
diff of its own for each, has `canvass report` draw it, and prints seconds and bytes.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def task(number, hosts, alike):
    changed = number % 3 == 0
    place = {"file": "site.yml", "line": 10 * number + 1, "column": 7}
    told = {
        host: {
            "status": "changed" if changed else "ok",
            "ignored": False,
            "rescued": False,
            "delegated_to": None,
            "started": number * 2.0,
            "seconds": 0.2 + (at * 37 + number * 91) % 900 / 1000,
        }
        for at, host in enumerate(hosts)
    }
    path = f"/etc/app/{number}.conf"
    shared = [hosts] if alike else [[host] for host in hosts]
    changes = [
        {
            "hosts": same,
            "diff": {"before_header": path, "after_header": path, "before": "", "after": ""},
            "unified": f"--- before: {path}\n+++ after: {path}\n@@ -1 +1 @@\n"
            f"-listen 80 {same[0][3:]}\n+listen 443 {same[0][3:]}\n\n",
        }
        for same in shared
    ]
    return {
        "name": f"task number {number}",
        "role": None,
        "module": "ansible.builtin.template",
        "handler": False,
        "place": place,
        "hosts": told,
        "changes": changes if changed else [],
        "effects": [],
        "failures": [],
        "unknown": [],
        "items": [],
    }


def report(hosts, tasks, alike):
    names = [f"web{number:03}" for number in range(1, hosts + 1)]
    counts = dict.fromkeys(["unreachable", "failed", "skipped", "rescued", "ignored", "unknown"], 0)
    place = {"file": "site.yml", "line": 1, "column": 3}
    play = {
        "number": 0,
        "name": "site",
        "place": place,
        "hosts": names,
        "lockstep": True,
        "unmatched_pattern": None,
        "tasks": [task(number, names, alike) for number in range(tasks)],
    }
    return {
        "schema": "canvass-report/1",
        "engine": "bench",
        "mode": "apply",
        "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:05:00Z",
        "playbooks": ["site.yml"],
        "interrupted": False,
        "exit_code": 0,
        "plays": [play],
        "notices": [],
        "recap": {name: {"ok": tasks, "changed": tasks // 3, **counts} for name in names},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--canvass", default=ROOT / "target/release/canvass")
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--tasks", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for alike in (True, False):
            source, page = folder / "report.json", folder / "page.html"
            source.write_text(json.dumps(report(options.hosts, options.tasks, alike)))
            start = time.perf_counter()
            subprocess.run([options.canvass, "report", source, "-o", page], check=True)
            took = time.perf_counter() - start
            words = "the same changes on all hosts" if alike else "a diff of each host's own"
            print(f"{options.hosts} hosts x {options.tasks} tasks, {words}: "
                  f"{took:.2f} s, {page.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
