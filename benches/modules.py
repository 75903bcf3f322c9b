#!/usr/bin/env python3
"""Times the usual work of each module with canvass and with ansible-core, on the same host.

    cargo build --release
    benches/modules.py [--canvass PATH] [--reference FOLDER] [--collections FOLDERS] [--only NAMES]
                       [--tasks 3] [--cache FOLDER] [--write]

Needs what `tests/oracle/rehearsal.py` needs: each program has a fresh Debian host of its own. For each
module a play of one task and a play of some more are run twice, first where all is to be done, then where
all is as it should be. Both start a program and connect: their difference is the time of the tasks that the
one has more, over SSH with all that a controller does for them. ansible-core has pipelining and ControlPersist.
Two runs of one play differ by a millisecond or two, so a task counts as half a millisecond at least. Prints
milliseconds a task, and how many times longer ansible-core takes; `--write` puts the table into
`docs/performance.md`.
"""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/oracle"))

import lab  # noqa: E402
import works  # noqa: E402

DOCUMENT = ROOT / "docs/performance.md"
# milliseconds; less cannot be told from nothing
LEAST = 0.5
BEGIN, END = "<!-- made by benches/modules.py -->", "<!-- end of modules -->"


def main():
    words = argparse.ArgumentParser(description="the usual work of each module")
    words.add_argument("--canvass", type=pathlib.Path, default=ROOT / "target/release/canvass")
    words.add_argument("--reference", type=pathlib.Path, default=pathlib.Path(sys.executable).parent)
    words.add_argument("--collections", default="", help="where collections lie, separated by colons")
    words.add_argument("--only", default="", help="modules by name, separated by commas")
    words.add_argument("--tasks", type=int, default=3)
    words.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/canvass-hosts")
    words.add_argument("--write", action="store_true", help="write docs/performance.md")
    words = words.parse_args()
    words.canvass, words.reference = words.canvass.resolve(), words.reference.resolve()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for path, text in works.FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        names = [name for name in works.WORK if not words.only or name in words.only.split(",")]
        for name in names:
            one, *more = works.tasks(name, count(words, name) + 2)
            for play, tasks in ((name, more), (f"{name} once", [one])):
                text = json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}])
                (folder / f"{play}.yml").write_text(text)
        with lab.Hosts(folder / "hosts", words.cache.resolve(), 2) as hosts:
            for host in ("s1", "s2"):
                ssh = ["ssh", "-oBatchMode=yes", f"-oUserKnownHostsFile={hosts.folder}/known_hosts", "-i", hosts.folder / "id"]
                prepared = hosts.run([*ssh, f"root@10.99.0.1{host[1]}", "bash", "-s"], input=works.PREPARE.encode())
                prepared.check_returncode()
            # what happens once a host (the runner goes there, names are looked up) is no task's time
            first = json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": None}]}])
            (folder / "first.yml").write_text(first)
            for program in ("canvass", "ansible"):
                once(words, hosts, folder, program, "first")
            print(f"{'module':34} {'run':10} {'canvass':>9} {'ansible':>9}   times", flush=True)
            for name in names:
                rows += measured(words, hosts, folder, name)
                # what is stopped keeps what it has
                if words.write:
                    written(rows, words.tasks)
    slower = [row for row in rows if row[3] >= row[4] > 0]
    print(f"{len(rows)} works; slower than ansible-core: {len(slower)}; median {statistics.median(row[5] for row in rows):.0f} times")


def count(words, name):
    """How many tasks more the longer play has."""
    return words.tasks * (10 if name in works.LIGHT else 1)


def measured(words, hosts, folder, name):
    """Rows of a module: name, run, whether both went well, milliseconds of both, ratio."""
    found = []
    for run in ("first", "converged"):
        spent, well = {}, True
        for program in ("canvass", "ansible"):
            least = {}
            for play in (f"{name} once", name):
                # what changes nothing can be done again
                times = [once(words, hosts, folder, program, play) for _ in range(1 if run == "first" else 3)]
                well &= all(code == 0 for _, code in times)
                least[play] = min(seconds for seconds, _ in times)
            spent[program] = max(1000 * (least[name] - least[f"{name} once"]) / count(words, name), LEAST)
        ratio = spent["ansible"] / spent["canvass"]
        found.append((name, run, well, spent["canvass"], spent["ansible"], ratio))
        failed = "" if well else "  FAILED"
        print(f"{name:34} {run:10} {spent['canvass']:7.1f}ms {spent['ansible']:7.1f}ms {ratio:6.1f}x{failed}", flush=True)
    return found


def once(words, hosts, folder, program, name):
    host = "s1" if program == "canvass" else "s2"
    common = ["-i", hosts.folder / "inventory.ini", "-l", host, folder / f"{name}.yml", *hosts.variables()]
    environment = {
        **os.environ, "ANSIBLE_PIPELINING": "1", "ANSIBLE_COLLECTIONS_PATH": words.collections, "CANVASS_RECORD": "no",
        "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_SSH_ARGS": "-oControlMaster=auto -oControlPersist=60s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(hosts.folder / "cp"),
    }
    argv = [words.canvass, "play"] if program == "canvass" else [words.reference / "ansible-playbook"]
    begun = time.monotonic()
    ended = hosts.run([*argv, *common], env=environment, capture_output=True, timeout=600)
    spent = time.monotonic() - begun
    if ended.returncode:
        sys.stderr.write(ended.stdout.decode()[-1500:] + ended.stderr.decode()[-500:])
    return spent, ended.returncode


def written(rows, tasks):
    lines = [
        BEGIN, f"{datetime.date.today()}; milliseconds a task, the difference of {tasks + 1} tasks and one, ansible-core with pipelining; less than {LEAST} counts as {LEAST}.", "",
        "| Module | First: canvass | ansible-core | times | Converged: canvass | ansible-core | times |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for first, again in zip(rows[::2], rows[1::2]):
        cells = [f"{cell[3]:.1f} | {cell[4]:.0f} | {cell[5]:.0f}×" for cell in (first, again)]
        lines.append(f"| `{first[0]}` | {cells[0]} | {cells[1]} |")
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    DOCUMENT.write_text(before + "\n".join(lines) + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
