#!/usr/bin/env python3
"""Measures how true a dry run is, on real roles and fresh hosts: of canvass and of ansible-core.

Usage: python tests/oracle/rehearsal.py CANVASS --roles FOLDER [--reference FOLDER] [--only NAMES]
       [--collections FOLDER] [--details FILE] [--cache FOLDER] [--alone]

Needs root, network namespaces, systemd-nspawn and mmdebstrap, as `tests/hosts` does. FOLDER of
`--roles` holds the roles of ROLES by name; those that are not there are cloned from GitHub. Each
role goes to two fresh Debian hosts: a dry run, the run, and a second run; canvass does so on the
one, `ansible-playbook` of `--reference` on the other (`--alone` leaves it out). Every task that
really changed something is then looked up in the dry run:

    equal      it was told, with the diff that the run had
    told       it was told, without a diff or with another
    unknown    it was told that nobody knows
    wrong      it was told as unchanged, skipped or failed; or told as a change that did not come
    unreached  the dry run ended before it

Prints a row for each role and program: whether dry run, run and second run succeed, what the second
run still changes, and these counts.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import lab
from roles import chosen, fetched, playbook

RUNS = ("dry", "run", "again")


class Task:
    """What became of a task: a word, and its diffs."""

    def __init__(self, name, word, diffs, reason=""):
        self.name, self.word, self.diffs, self.reason = name, word, diffs, reason


def numbered(tasks):
    """Tasks by place and the number of times they came before."""
    seen, found = collections.Counter(), {}
    for place, task in tasks:
        found[place, seen[place]] = task
        seen[place] += 1
    return found


def of_canvass(path):
    report = json.loads(path.read_text())
    tasks = []
    for play in report["plays"]:
        for task in play["tasks"]:
            place = f"{task['place']['file']}:{task['place']['line']}"
            for told in task["hosts"].values():
                diffs = [change["diff"] for change in task["changes"]]
                word = told["status"]
                if told.get("ignored") and word == "failed":
                    word = "ignored"
                tasks.append((place, Task(task["name"], word, normal(diffs), told.get("reason", ""))))
    return numbered(tasks)


def of_reference(text):
    report = json.loads(text[text.index("{") :])
    tasks = []
    for play in report["plays"]:
        for task in play["tasks"]:
            for told in task["hosts"].values():
                word = "ok"
                if told.get("failed"):
                    word = "failed"
                elif told.get("skipped"):
                    word = "skipped"
                elif told.get("changed"):
                    word = "changed"
                diffs = []
                for item in told.get("results", [told]):
                    diff = item.get("diff") or []
                    diffs += diff if isinstance(diff, list) else [diff]
                tasks.append((task["task"]["path"], Task(task["task"]["name"], word, normal(diffs))))
    return numbered(tasks)


def normal(diffs):
    """Diffs without what names a time, a process or a temporary file."""
    text = json.dumps([diff for diff in diffs if diff], sort_keys=True)
    text = re.sub(r"/root/\.ansible/tmp/[^\"]*", "TMP", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?", "TIME", text)
    # times of files
    text = re.sub(r"\b1[789]\d{8}(\.\d+)?\b", "TIME", text)
    return json.loads(text)


def compare(dry, real):
    """(kind, place, name, why) of each task that changed or was told to."""
    for key, task in real.items():
        told = dry.get(key)
        if task.word != "changed":
            if told and told.word == "changed" and task.word == "ok":
                yield "wrong", key, task.name, "told changed, was ok"
            continue
        if told is None:
            yield "unreached", key, task.name, ""
        elif told.word == "unknown":
            yield "unknown", key, task.name, told.reason
        elif told.word != "changed":
            yield "wrong", key, task.name, f"told {told.word}, was changed"
        elif task.diffs and told.diffs == task.diffs:
            yield "equal", key, task.name, ""
        else:
            yield "told", key, task.name, "no diff" if not task.diffs else "another diff"


def play(program, hosts, host, playbook, words, out, runs=RUNS):
    """Dry run, run, second run, or some of them; gives exit codes and tasks of each."""
    codes, tasks = {}, {}
    common = ["-i", hosts.folder / "inventory.ini", "-l", host, playbook, *hosts.variables()]
    for run in runs:
        check = ["--check"] if run == "dry" else []
        report = pathlib.Path(f"{out}.{run}.json")
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_ROLES_PATH": str(words.roles)}
        if words.collections:
            environment["ANSIBLE_COLLECTIONS_PATH"] = str(words.collections)
        if program == "canvass":
            argv = [words.canvass, "play", *common, *check, "--report", report]
        else:
            environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.posix.json"
            # hosts that are gone had the same addresses
            environment["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(hosts.folder / "cp")
            argv = [words.reference / "ansible-playbook", *common, "--diff", *check]
        ended = hosts.run(argv, env=environment, capture_output=True, text=True, timeout=900)
        pathlib.Path(f"{out}.{run}.out").write_text(ended.stdout + ended.stderr)
        codes[run] = ended.returncode
        try:
            tasks[run] = of_canvass(report) if program == "canvass" else of_reference(ended.stdout)
        except (OSError, ValueError):
            tasks[run] = {}
    return codes, tasks


def main():
    words = argparse.ArgumentParser(description="how true dry runs are")
    words.add_argument("canvass", type=pathlib.Path)
    words.add_argument("--roles", type=pathlib.Path, required=True)
    words.add_argument("--reference", type=pathlib.Path, default=pathlib.Path(sys.executable).parent)
    words.add_argument("--collections", help="where collections lie, separated by colons")
    words.add_argument("--only", default="", help="names of roles, separated by commas")
    words.add_argument("--details", type=pathlib.Path, help="a file for each task that is not equal")
    words.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/canvass-hosts")
    words.add_argument("--alone", action="store_true", help="canvass alone")
    words = words.parse_args()
    for name in ("canvass", "roles", "reference", "cache"):
        setattr(words, name, getattr(words, name).resolve())
    programs = ["canvass"] if words.alone else ["canvass", "ansible"]
    totals = {program: collections.Counter() for program in programs}
    details = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for _, name, source, variables in chosen([part for part in words.only.split(",") if part]):
            fetched(name, source, words.roles)
            written = playbook(folder, name, variables, words.collections)
            with lab.Hosts(folder / "hosts", words.cache, len(programs)) as hosts:
                for number, program in enumerate(programs, 1):
                    out = folder / f"{name}.{program}"
                    codes, tasks = play(program, hosts, f"s{number}", written, words, out)
                    row(name, program, codes, tasks, totals[program], details)
                    for run in RUNS:
                        details.append(f"=== {name} {program} {run}\n" + pathlib.Path(f"{out}.{run}.out").read_text())
                    # what is stopped keeps what it has
                    if words.details:
                        words.details.write_text("\n".join(details))
    for program, counts in totals.items():
        print(summary("all", program, {}, None, counts))
    print("\n".join(table(totals)))


def table(totals):
    """Both programs side by side, as Markdown."""
    yield ""
    yield "| Of all tasks that change something | " + " | ".join(totals) + " |"
    yield "| --- |" + " ---: |" * len(totals)
    kinds = {
        "equal": "told with an equal diff", "told": "told without a diff or with another",
        "unknown": "told as unknown", "wrong": "told wrong", "unreached": "not reached",
    }
    for kind, words in kinds.items():
        cells = []
        for counts in totals.values():
            changed = sum(counts[kind] for kind in kinds)
            cells.append(f"{counts[kind]} of {changed} ({100 * counts[kind] / max(changed, 1):.1f} %)")
        yield f"| {words} | " + " | ".join(cells) + " |"
    cells = [f"{counts['complete']} of {counts['roles']}" for counts in totals.values()]
    yield "| dry runs that complete | " + " | ".join(cells) + " |"


def row(name, program, codes, tasks, total, details):
    counts = collections.Counter()
    for kind, key, task, why in compare(tasks["dry"], tasks["run"]):
        counts[kind] += 1
        if kind != "equal":
            details.append(f"{name} {program}: {kind}: {task} ({key[0]}) {why}")
            if kind == "told":
                for run in ("dry", "run"):
                    details.append(f"    {run}: {json.dumps(tasks[run][key].diffs)[:2000]}")
    total.update(counts)
    total.update({"roles": 1, "complete": int(codes["dry"] == 0)})
    again = sum(task.word == "changed" for task in tasks["again"].values())
    print(summary(name, program, codes, again, counts), flush=True)


def summary(name, program, codes, again, counts):
    changed = sum(counts[kind] for kind in ("equal", "told", "unknown", "unreached"))
    changed += counts["wrong"]
    share = 100 * counts["equal"] / changed if changed else 0
    kinds = "  ".join(f"{kind} {counts[kind]:3}" for kind in ("equal", "told", "unknown", "wrong", "unreached"))
    ends = " ".join(f"{run} {'ok' if code == 0 else code}" for run, code in codes.items())
    second = "" if again is None else f"second run changes {again}"
    return f"{name:24} {program:8} {kinds}  {share:5.1f} %  {ends}  {second}"


if __name__ == "__main__":
    main()
