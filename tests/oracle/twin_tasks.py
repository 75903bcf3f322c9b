#!/usr/bin/env python3
"""Compares single modules: canvass does a table of tasks on one fresh host, ansible-core on its twin.

Usage: python tests/oracle/twin_tasks.py CANVASS [--reference FOLDER] [--only NAMES]
       [--collections FOLDERS] [--cache FOLDER]

Needs what `rehearsal.py` needs. Each file of `tasks/` is a table: a list of tasks, as a play has
them. All run in order, whether or not one fails; a task with `compare: false` only prepares. For
each both must tell the same: `changed`, `failed`, `skipped`, the message and all other fields of the
result but those of NOISE. A second run of the whole table must tell the same, too. Then the hosts are
held side by side as in `twins.py`. Prints each difference, and a row for each table.
"""

import argparse
import json
import os
import pathlib
import re
import sys
import tempfile

import lab
import yaml
from twins import Host, differences

TABLES = pathlib.Path(__file__).parent / "tasks"

# fields that differ by themselves or that only one program has, and why
NOISE = {
    "invocation": "compared by the scenarios",
    "diff": "drawn by each program in its own order of fields",
    "exception": "where Python failed",
    "warnings": "compared by the scenarios",
    "deprecations": "of Ansible itself",
    "start": "a time", "end": "a time", "delta": "a time", "mtime": "a time", "atime": "a time", "ctime": "a time",
    "cache_update_time": "a time", "inode": "a number", "dev": "a number", "elapsed": "a time",
    "backup_file": "a name with the time", "ssh_fingerprint": "of a random key", "ssh_public_key": "a random key",
    "src": "the place of a copy", "status": "what systemd measures", "_ansible_no_log": "Ansible's own",
    "ansible_facts": "compared by facts.py", "module_stderr": "where Python failed", "module_stdout": "the same",
    "executable": "names the program", "stdout": "words of a program with times", "stdout_lines": "the same",
    "stderr": "the same", "stderr_lines": "the same",
    "script_file": "a file that is there for a moment", "commands": "of ufw; COMPATIBILITY.md says which",
}


# places that differ by themselves or on purpose: keys are drawn, git keeps times and what it fetched, as do
# rpmbuild, createrepo and dnf
OWN = re.compile(r"/kh\.old|/\.ssh/id_|/\.git/(index|logs/|FETCH_HEAD|ORIG_HEAD)|/bare/FETCH_HEAD|/srv/rpms/|/\.rpmdb/|/var/lib/dnf/")


def tasks_of(table):
    """The tasks with names, and which are compared."""
    tasks, compared = [], []
    for number, task in enumerate(yaml.safe_load(table.read_text())):
        compared.append(task.pop("compare", True))
        words = json.dumps(task)[:150]
        tasks.append({"name": f"{number} {words}".replace("{{", "(").replace("}}", ")"), "ignore_errors": True, **task})
    return tasks, compared


def run(program, hosts, host, playbook, words):
    """The results of a run by the numbers of tasks."""
    environment = {
        **os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(hosts.folder / "cp"), "ANSIBLE_DEPRECATION_WARNINGS": "0",
    }
    if words.collections:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(words.collections)
    argv = [program, "-i", hosts.folder / "inventory.ini", "-l", host, playbook, *hosts.variables()]
    ended = hosts.run(argv, env=environment, capture_output=True, text=True, timeout=900)
    try:
        document = json.loads(ended.stdout[ended.stdout.index("{"):])
    except ValueError:
        sys.exit(f"{program} gave no results:\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}")
    found = {}
    for task in document["plays"][0]["tasks"]:
        number = task["task"]["name"].split(" ")[0]
        for result in task["hosts"].values():
            found[number] = result
    return found


def plain(value, host):
    """A value without what is the hosts' own."""
    if isinstance(value, dict):
        return {name: plain(inner, host) for name, inner in value.items() if name not in NOISE and not name.startswith("_ansible")}
    if isinstance(value, list):
        return [plain(inner, host) for inner in value]
    if isinstance(value, str):
        # names of files that are there for a moment
        return re.sub(r"/tmp/crontab\w+", "/tmp/crontab", value.replace(host, "HOST"))
    return value


def compare(ours, theirs):
    """What differs between the results of a task."""
    ours, theirs = plain(ours, "s1"), plain(theirs, "s2")
    for flag in ("changed", "failed", "skipped"):
        ours.setdefault(flag, False)
        theirs.setdefault(flag, False)
    names = sorted(set(ours) | set(theirs))
    absent = "(none)"
    pairs = [(name, ours.get(name, absent), theirs.get(name, absent)) for name in names]
    return [f"{name}: canvass {ours!r}, ansible-core {theirs!r}" for name, ours, theirs in pairs if ours != theirs]


def main():
    words = argparse.ArgumentParser(description="what modules do on hosts")
    words.add_argument("canvass", type=pathlib.Path)
    words.add_argument("--reference", type=pathlib.Path, default=pathlib.Path(sys.executable).parent)
    words.add_argument("--collections", help="where collections lie, separated by colons")
    words.add_argument("--only", default="", help="names of tables, separated by commas")
    words.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/canvass-hosts")
    words = words.parse_args()
    for name in ("canvass", "reference", "cache"):
        setattr(words, name, getattr(words, name).resolve())
    tables = sorted(TABLES.glob("*.yml"))
    if words.only:
        tables = [table for table in tables if table.stem in words.only.split(",")]
    wrong = total = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        link = folder / "ansible-playbook"
        link.symlink_to(words.canvass)
        with lab.Hosts(folder / "hosts", words.cache, 2) as hosts:
            known = set()
            for table in tables:
                tasks, compared = tasks_of(table)
                playbook = folder / f"{table.stem}.yml"
                play = {"hosts": "all", "remote_user": "root", "gather_facts": False, "tasks": tasks}
                playbook.write_text(yaml.safe_dump([play], sort_keys=False, width=10**6))
                found, count = [], 0
                for turn in ("first", "second"):
                    ours = run(link, hosts, "s1", playbook, words)
                    theirs = run(words.reference / "ansible-playbook", hosts, "s2", playbook, words)
                    for number, task in enumerate(tasks):
                        if not compared[number]:
                            continue
                        count += 1
                        told = compare(ours.get(str(number), {}), theirs.get(str(number), {}))
                        if told:
                            wrong += 1
                            found.append(f"{turn} run, {task['name']}" + "".join(f"\n        {line}" for line in told))
                _, left = differences(*(Host(hosts.folder, name, hosts) for name in ("s1", "s2")))
                new = [line for line in left if line not in known and not OWN.search(line)]
                known.update(left)
                total += count
                wrong += len(new)
                print(f"{table.stem:22} results {count}  different {len(found)}  places that differ {len(new)}")
                for line in found + new:
                    print(f"    {line}", flush=True)
    print(f"{total} results, {wrong} differences")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
