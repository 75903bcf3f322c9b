#!/usr/bin/env python3
"""Times what comes before the first connection: start, reading playbooks, reading an inventory.

    cargo build --release
    benches/startup.py [--canvass PATH] [--ansible FOLDER] [--runs 5] [--write]

1,000 playbook files go through `--syntax-check`; an inventory of 10,000 hosts in 100 groups with
files in `group_vars` is listed with all variables. Prints medians of wall time and the most memory;
`--ansible` names a folder with ansible-core's commands to be timed beside it (once), `--write` puts
the table into `docs/performance.md`.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from compare import DOCUMENT, ROOT, machine
from instructions import PLAY

BEGIN, END = "<!-- made by benches/startup.py -->", "<!-- end of startup -->"


def main():
    words = argparse.ArgumentParser(description="start-up and parsing")
    words.add_argument("--canvass", default=str(ROOT / "target/release/canvass"))
    words.add_argument("--ansible", help="a folder with ansible-core's commands")
    words.add_argument("--runs", type=int, default=5)
    words.add_argument("--write", action="store_true", help="write docs/performance.md")
    words = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="startup-", dir="/tmp") as folder:
        folder = pathlib.Path(folder)
        prepare(folder, os.path.abspath(words.canvass))
        rows = []
        for work, command in works(folder).items():
            ours = [once(folder, [f"{folder}/ours/{command[0]}", *command[1:]]) for _ in range(words.runs)]
            theirs = words.ansible and once(folder, [f"{os.path.abspath(words.ansible)}/{command[0]}", *command[1:]])
            rows.append((work, statistics.median(seconds for seconds, _ in ours), max(peak for _, peak in ours), theirs))
    lines = [
        f"{machine()}; medians of {words.runs} runs, ansible-core once.",
        "",
        "| Work | canvass | ansible-core |",
        "| --- | ---: | ---: |",
    ]
    for work, seconds, peak, theirs in rows:
        other = f"{theirs[0]:.1f} s, {theirs[1]:.0f} MB" if theirs else ""
        lines.append(f"| {work} | {seconds:.3f} s, {peak:.0f} MB | {other} |")
    print("\n".join(lines))
    if words.write:
        before, _, rest = DOCUMENT.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCUMENT.write_text(before + "\n".join([BEGIN, *lines, END]) + after)


def prepare(folder, canvass):
    for name in ("ours", "home", "playbooks", "group_vars"):
        (folder / name).mkdir()
    for name in ("ansible-playbook", "ansible-inventory"):
        (folder / "ours" / name).symlink_to(canvass)
    for number in range(1000):
        (folder / f"playbooks/{number}.yml").write_text(PLAY.format(number=number))
    groups = []
    for group in range(100):
        hosts = "".join(f"h{group}-{host} ansible_host=10.{group}.0.{host} rack={host % 7}\n" for host in range(100))
        groups.append(f"[g{group}]\n{hosts}[g{group}:vars]\nrole=web{group}\n")
        values = "".join(f"value{number}: text {number}\n" for number in range(20))
        (folder / f"group_vars/g{group}.yml").write_text(f"listen: {group}\nnames: [a, b, c]\n{values}")
    (folder / "hosts.ini").write_text("\n".join(groups))


def works(folder):
    files = sorted(str(path) for path in (folder / "playbooks").iterdir())
    return {
        "`--version`": ["ansible-playbook", "--version"],
        "1,000 playbooks, `--syntax-check`": ["ansible-playbook", "-i", "localhost,", "--syntax-check", *files],
        "10,000 hosts, `ansible-inventory --list`": ["ansible-inventory", "-i", "hosts.ini", "--list"],
    }


def once(folder, command):
    """Seconds and megabytes of one command."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:4]}: {process.returncode}")
    return seconds, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
