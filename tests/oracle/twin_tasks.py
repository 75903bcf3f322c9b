#!/usr/bin/env python3
"""Compares single modules: canvass does a table of tasks on one fresh host, ansible-core on its twin.

Usage: python tests/oracle/twin_tasks.py CANVASS [--reference FOLDER] [--only NAMES]
       [--collections FOLDERS] [--cache FOLDER] [--dry]

Needs what `rehearsal.py` needs. Each file of `tasks/` is a table: a list of tasks, as a play has
them. All run in order, whether or not one fails; a task with `compare: false` only prepares. For
each both must tell the same: `changed`, `failed`, `skipped`, the message and all other fields of the
result but those of NOISE. With `--dry` each is done with `check_mode` first: both must tell the same
there, too, and canvass must tell what then comes (`dry: false` leaves a task out, `dry: told` where
the dry run of Ansible tells less). A second run of the whole table must tell the same, too. Then the
hosts are held side by side as in `twins.py`. No table: `seboolean` and `selinux` (no host has SELinux), `dnf5` and
`apk` (not in Debian 12); `lvol` makes no volume where the kernel has no device-mapper. Prints each difference, and a row for each table.
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
    "exception": "where Python failed", "reason": "why a program does not run", "timedout": "names an option of Ansible",
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


# places that differ by themselves or on purpose, and why
OWN = re.compile("|".join([
    r"/kh\.old|/\.ssh/id_|/srv/absolute-key|/\.gnupg/",  # keys are drawn
    r"/\.git/(index|logs/|FETCH_HEAD|ORIG_HEAD)|/bare/FETCH_HEAD",  # git keeps times and what it fetched
    r"/srv/(rpms|pac|img)/|/srv/gems/.*\.gz:",  # packages hold the time they were made, file systems numbers
    r"/\.rpmdb/|/var/lib/(dnf|rpm|zypp)/|/var/lib/pacman/(sync/|local/.*/desc:)",  # times of installations
    r"/etc/lvm/|/var/backups/",  # copies with times
]))


class Task:
    """A task of a table, and how it is compared."""

    def __init__(self, number, entry):
        self.compared, self.dry = entry.pop("compare", True), entry.pop("dry", True)
        words = json.dumps(entry)[:150].replace("{{", "(").replace("}}", ")")
        self.number, self.words = str(number), words
        self.entry = {"ignore_errors": True, **entry}

    def played(self, dry):
        """What a play has for it."""
        rehearsed = dry and self.compared and self.dry
        if rehearsed:
            entry = {name: value for name, value in self.entry.items() if name != "register"}
            yield {"name": f"dry{self.number} {self.words}", **entry, "check_mode": True, "diff": True}
        yield {"name": f"{self.number} {self.words}", **self.entry, **({"diff": True} if rehearsed else {})}


# what modules of Ansible say that have no dry run
UNKNOWN = re.compile(r"^Command would have run if not in check mode")
UNTRIED = re.compile(r"does not support check mode|check mode not \(yet\) supported|check mode is not supported")


def tasks_of(table):
    return [Task(number, entry) for number, entry in enumerate(yaml.safe_load(table.read_text()))]


def run(program, hosts, host, playbook, words):
    """The results of a run by the numbers of tasks."""
    environment = {
        **os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(hosts.folder / "cp"), "ANSIBLE_DEPRECATION_WARNINGS": "0",
    }
    if words.collections:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(words.collections)
    argv = [program, "-i", hosts.folder / "inventory.ini", "-l", host, playbook, *hosts.variables()]
    ended = hosts.run(argv, env=environment, capture_output=True, text=True, timeout=2400)
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
        # names of files that are there for a moment, numbers of jobs, and which of its names a Python has
        value = re.sub(r"/tmp/(crontab|tmp)\w+", r"/tmp/\1", re.sub(rf"\b{host}\b", "HOST", value))
        value = re.sub(r"/usr/bin/python3\.\d+", "/usr/bin/python3", value)
        # the hosts of a machine share its loop devices
        value = re.sub(r"/dev/loop\d+", "/dev/loop", value)
        value = re.sub(r"\b10\.99\.0\.\d+\b", "ADDRESS", value)
        return re.sub(r"\bj\d+\.\d+", "JOB", value)
    return value


def compare(ours, theirs, left="canvass", right="ansible-core"):
    """What differs between the results of a task."""
    for result in (ours, theirs):
        for flag in ("changed", "failed", "skipped"):
            result.setdefault(flag, False)
    names = sorted(set(ours) | set(theirs))
    absent = "(none)"
    pairs = [(name, ours.get(name, absent), theirs.get(name, absent)) for name in names]
    return [f"{name}: {left} {ours!r}, {right} {theirs!r}" for name, ours, theirs in pairs if ours != theirs]


def diffs(result, host):
    """The diffs of a result that tell something, with times and names of a moment left out."""
    found = result.get("diff") or []
    found = found if isinstance(found, list) else [found]
    found = [plain(diff, host) for diff in found]
    return [told for told in found if (told.get("before") or None) != (told.get("after") or None) or told.get("prepared")]


def other_diff(ours, theirs):
    """Where both changed something and have diffs of the same shape, these must be equal."""
    if not (ours.get("changed") and theirs.get("changed")):
        return []
    ours, theirs = diffs(ours, "s1"), diffs(theirs, "s2")
    if not any(name.endswith("_header") for diff in theirs for name in diff):
        ours = [{name: value for name, value in diff.items() if not name.endswith("_header")} for diff in ours]
    if [shape(diff) for diff in ours] != [shape(diff) for diff in theirs] or ours == theirs:
        return []
    return [f"diff: canvass {ours!r}, ansible-core {theirs!r}"]


def shape(diff):
    """The names in a diff, and those in what it was before and is after."""
    return {name: sorted(value) if isinstance(value, dict) else type(value) for name, value in diff.items()}


def told_by(task, ours, theirs):
    """What differs in a task between the two, and between a dry run and the run of canvass."""
    here, there = ours.get(task.number, {}), theirs.get(task.number, {})
    yield "", compare(plain(here, "s1"), plain(there, "s2")) + other_diff(here, there)
    dry = f"dry{task.number}"
    if dry not in ours:
        return
    words = []
    if ours[dry].get("skipped") and not here.get("skipped") or UNKNOWN.search(str(ours[dry].get("msg", ""))):
        # nobody knows what a command would do
        return
    for name, run in (("changed", "run"), ("failed", "run")):
        if bool(ours[dry].get(name)) != bool(here.get(name)):
            words.append(f"{name}: told {ours[dry].get(name)}, then {here.get(name)}: {ours[dry].get('msg')!r}, then {here.get('msg')!r}")
    if here.get("changed") and not here.get("failed") and diffs(ours[dry], "s1") != diffs(here, "s1"):
        words.append(f"diff: told {diffs(ours[dry], 's1')!r}, then {diffs(here, 's1')!r}")
    yield "truth of the dry run, ", words
    thought = theirs.get(dry, {})
    if task.dry == "told" or thought.get("skipped") and UNTRIED.search(str(thought.get("msg", ""))):
        return
    # a dry run of canvass may know more: what then comes
    told, comes, thought = plain(ours[dry], "s1"), plain(here, "s1"), plain(thought, "s2")
    if bool(told.get("failed")) == bool(comes.get("failed")) != bool(thought.get("failed")):
        # it fails as the run does
        return
    for name in [*told]:
        if told[name] == comes.get(name) and told[name] != thought.get(name):
            thought.pop(name, None)
            told.pop(name)
    yield "dry run, ", compare(told, thought) + other_diff(ours[dry], theirs.get(dry, {}))


def main():
    words = argparse.ArgumentParser(description="what modules do on hosts")
    words.add_argument("canvass", type=pathlib.Path)
    words.add_argument("--reference", type=pathlib.Path, default=pathlib.Path(sys.executable).parent)
    words.add_argument("--collections", help="where collections lie, separated by colons")
    words.add_argument("--only", default="", help="names of tables, separated by commas")
    words.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/canvass-hosts")
    words.add_argument("--dry", action="store_true", help="each task with check_mode first, too")
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
                tasks = tasks_of(table)
                playbook = folder / f"{table.stem}.yml"
                play = {"hosts": "all", "remote_user": "root", "gather_facts": False, "tasks": [played for task in tasks for played in task.played(words.dry)]}
                playbook.write_text(yaml.safe_dump([play], sort_keys=False, width=10**6))
                found, count = [], 0
                for turn in ("first", "second"):
                    ours = run(link, hosts, "s1", playbook, words)
                    theirs = run(words.reference / "ansible-playbook", hosts, "s2", playbook, words)
                    for task in tasks:
                        if not task.compared:
                            continue
                        for what, told in told_by(task, ours, theirs):
                            count += 1
                            if told:
                                wrong += 1
                                found.append(f"{turn} run, {what}{task.number} {task.words}" + "".join(f"\n        {line}" for line in told))
                _, left = differences(*(Host(hosts.folder, name, hosts) for name in ("s1", "s2")))
                new = [line for line in left if line not in known and not OWN.search(line)]
                known.update(left)
                total += count
                wrong += len(new)
                print(f"{table.stem:22} results {count}  different {len(found)}  places that differ {len(new)}", flush=True)
                for line in found + new:
                    print(f"    {line}", flush=True)
    print(f"{total} results, {wrong} differences")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
