#!/usr/bin/env python3
"""Measures how true a dry run is, on real roles and fresh hosts: of canvass and of ansible-core.

Usage: python tests/oracle/rehearsal.py CANVASS --roles FOLDER [--reference FOLDER] [--only TEXT]
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

GALAXY = "https://github.com/geerlingguy/ansible-role-"
# name, source, variables
ROLES = [
    ("geerlingguy.nginx", GALAXY + "nginx", {
        "nginx_vhosts": [{"listen": "8080", "server_name": "site.example.org", "root": "/var/www/site"}],
        "nginx_remove_default_vhost": True,
    }),
    ("geerlingguy.apache", GALAXY + "apache", {
        "apache_vhosts": [{"servername": "site.example.org", "documentroot": "/var/www/html"}],
        "apache_mods_enabled": ["rewrite"],
    }),
    ("geerlingguy.haproxy", GALAXY + "haproxy", {
        "haproxy_backend_servers": [{"name": "app1", "address": "10.99.0.12:80"}],
    }),
    ("geerlingguy.redis", GALAXY + "redis", {}),
    ("geerlingguy.memcached", GALAXY + "memcached", {}),
    ("geerlingguy.php", GALAXY + "php", {"php_enable_webserver": False}),
    ("geerlingguy.samba", GALAXY + "samba", {}),
    ("geerlingguy.git", GALAXY + "git", {}),
    ("geerlingguy.munin-node", GALAXY + "munin-node", {}),
    ("geerlingguy.postfix", GALAXY + "postfix", {}),
    ("geerlingguy.ntp", GALAXY + "ntp", {
        # in a container ntpd may not set the clock and ends; chrony knows where it is
        "ntp_timezone": "Europe/Berlin", "ntp_manage_config": True, "ntp_package": "chrony",
        "ntp_daemon": "chrony", "ntp_config_file": "/etc/chrony/chrony.conf",
        "ntp_driftfile": "/var/lib/chrony/chrony.drift",
    }),
    ("geerlingguy.security", GALAXY + "security", {}),
    ("oefenweb.fail2ban", "https://github.com/Oefenweb/ansible-fail2ban", {}),
    ("oefenweb.locales", "https://github.com/Oefenweb/ansible-locales", {"locales_present": ["de_DE.UTF-8"]}),
    ("oefenweb.rsyslog", "https://github.com/Oefenweb/ansible-rsyslog", {}),
    ("nickhammond.logrotate", "https://github.com/nickhammond/ansible-logrotate", {
        "logrotate_scripts": [{"name": "app", "path": "/var/log/app/*.log", "options": ["daily", "rotate 7"]}],
    }),
    ("singleplatform.users", "https://github.com/singleplatform-eng/ansible-users", {
        "users": [{"username": "foo", "name": "Foo Bar", "groups": ["adm"], "uid": 2001, "ssh_key": []}],
    }),
    ("grog.user", "https://github.com/GROG/ansible-role-user", {"user_list": [{"name": "bar", "comment": "Bar"}]}),
    ("devsec.os_hardening", "https://github.com/dev-sec/ansible-collection-hardening", {
        "os_auditd_enabled": False,
    }),
]
RUNS = ("dry", "run", "again")


def role(name, source, folder):
    """Clones a role that is not there; a collection gives its role of that name."""
    if (folder / name).exists():
        return
    with tempfile.TemporaryDirectory() as cloned:
        subprocess.run(["git", "clone", "-q", "--depth=1", source, cloned], check=True)
        inside = pathlib.Path(cloned) / "roles" / name.split(".", 1)[1]
        subprocess.run(["cp", "-r", inside if inside.exists() else cloned, folder / name], check=True)


class Task:
    """What became of a task: a word, and its diffs."""

    def __init__(self, name, word, diffs):
        self.name, self.word, self.diffs = name, word, diffs


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
                tasks.append((place, Task(task["name"], word, normal(diffs))))
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
            yield "unknown", key, task.name, ""
        elif told.word != "changed":
            yield "wrong", key, task.name, f"told {told.word}, was changed"
        elif task.diffs and told.diffs == task.diffs:
            yield "equal", key, task.name, ""
        else:
            yield "told", key, task.name, "no diff" if not task.diffs else "another diff"


def play(program, hosts, host, playbook, words, out):
    """Dry run, run, second run; gives exit codes and tasks of each."""
    codes, tasks = {}, {}
    common = ["-i", hosts.folder / "inventory.ini", "-l", host, playbook, *hosts.variables()]
    for run in RUNS:
        check = ["--check"] if run == "dry" else []
        report = pathlib.Path(f"{out}.{run}.json")
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_ROLES_PATH": str(words.roles)}
        if words.collections:
            environment["ANSIBLE_COLLECTIONS_PATH"] = str(words.collections)
        if program == "canvass":
            argv = [words.canvass, "play", *common, *check, "--report", report]
        else:
            environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.posix.json"
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
    words.add_argument("--collections", type=pathlib.Path, help="where ansible.posix and community.general lie")
    words.add_argument("--only", default="", help="roles whose name holds this; several with commas")
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
        for name, source, variables in ROLES:
            if not any(part in name for part in words.only.split(",")):
                continue
            role(name, source, words.roles)
            playbook = folder / f"{name}.yml"
            plays = [{"name": name, "hosts": "all", "vars": variables, "roles": [name]}]
            playbook.write_text(json.dumps(plays))
            with lab.Hosts(folder / "hosts", words.cache, len(programs)) as hosts:
                for number, program in enumerate(programs, 1):
                    out = folder / f"{name}.{program}"
                    codes, tasks = play(program, hosts, f"s{number}", playbook, words, out)
                    row(name, program, codes, tasks, totals[program], details)
                    for run in RUNS:
                        details.append(f"=== {name} {program} {run}\n" + pathlib.Path(f"{out}.{run}.out").read_text())
    for program, counts in totals.items():
        print(summary("all", program, {}, None, counts))
    if words.details:
        words.details.write_text("\n".join(details))


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
