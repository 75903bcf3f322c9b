#!/usr/bin/env python3
"""Times the usual work of each module with canvass and with ansible-core, on the same host.

    cargo build --release
    benches/modules.py [--canvass PATH] [--reference FOLDER] [--collections FOLDERS] [--only NAMES]
                       [--tasks 5] [--cache FOLDER] [--write]

Needs what `tests/oracle/rehearsal.py` needs: each program has a fresh Debian host of its own. For each
module a play of some tasks is run twice, first where all is to be done, then where all is as it should
be, and a play of no task is taken from it: what is left is the time of the tasks, over SSH with all that
a controller does for them. ansible-core has pipelining and ControlPersist. Prints milliseconds a task,
and how many times longer ansible-core takes; `--write` puts the table into `docs/performance.md`.
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

DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- made by benches/modules.py -->", "<!-- end of modules -->"
TREE = "/srv/work"

# module, arguments of the task with this number
WORK = {
    "ansible.builtin.file": lambda n: {"path": f"{TREE}/d{n}", "state": "directory", "mode": "0750"},
    "ansible.builtin.copy": lambda n: {"content": f"number {n}\n" * 20, "dest": f"{TREE}/copy{n}"},
    "ansible.builtin.template": lambda n: {"src": "page.j2", "dest": f"{TREE}/page{n}"},
    "ansible.builtin.lineinfile": lambda n: {"path": f"{TREE}/lines", "line": f"key{n} = {n}", "regexp": f"^key{n} "},
    "ansible.builtin.blockinfile": lambda n: {"path": f"{TREE}/lines", "block": "a\nb", "marker": f"# {{mark}} {n}"},
    "ansible.builtin.replace": lambda n: {"path": f"{TREE}/lines", "regexp": f"^old{n}$", "replace": f"new{n}"},
    "ansible.builtin.assemble": lambda n: {"src": f"{TREE}/parts", "dest": f"{TREE}/whole{n}"},
    "ansible.builtin.stat": lambda n: {"path": f"{TREE}/lines"},
    "ansible.builtin.find": lambda n: {"paths": "/etc", "recurse": True, "patterns": "*.conf"},
    "ansible.builtin.slurp": lambda n: {"src": "/etc/passwd"},
    "ansible.builtin.fetch": lambda n: {"src": "/etc/passwd", "dest": f"fetched{n}", "flat": True},
    "ansible.builtin.tempfile": lambda n: {"path": "/tmp"},
    "ansible.builtin.unarchive": lambda n: {"src": f"{TREE}/archive.tar.gz", "dest": f"{TREE}/d{n}", "remote_src": True},
    "ansible.builtin.get_url": lambda n: {"url": f"{lab.VENDOR}/gpg/debian/gpg", "dest": f"{TREE}/got{n}"},
    "ansible.builtin.uri": lambda n: {"url": f"{lab.VENDOR}/gpg/debian/gpg", "return_content": True},
    "ansible.builtin.command": lambda n: {"cmd": "true"},
    "ansible.builtin.shell": lambda n: {"cmd": "echo $((1 + 1))"},
    "ansible.builtin.script": lambda n: {"cmd": "script.sh"},
    "ansible.builtin.ping": lambda n: {},
    "ansible.builtin.wait_for": lambda n: {"port": 22},
    "ansible.builtin.user": lambda n: {"name": f"worker{n}", "shell": "/bin/bash"},
    "ansible.builtin.group": lambda n: {"name": f"crew{n}"},
    "ansible.builtin.getent": lambda n: {"database": "passwd", "key": "root"},
    "ansible.builtin.cron": lambda n: {"name": f"job {n}", "minute": str(n), "job": "/bin/true"},
    "ansible.builtin.apt": lambda n: {"name": PACKAGES[n % len(PACKAGES)]},
    "ansible.builtin.apt_repository": lambda n: {
        "repo": f"deb [trusted=yes] {lab.VENDOR}/r{n}/debian bookworm stable", "update_cache": False, "filename": f"r{n}",
    },
    "ansible.builtin.package_facts": lambda n: {},
    "ansible.builtin.service_facts": lambda n: {},
    "ansible.builtin.service": lambda n: {"name": "cron", "state": "started", "enabled": True},
    "ansible.builtin.systemd_service": lambda n: {"name": UNITS[n % len(UNITS)], "enabled": False},
    "ansible.builtin.setup": lambda n: {},
    "ansible.builtin.debconf": lambda n: {
        "name": "locales", "question": "locales/default_environment_locale", "value": "C.UTF-8", "vtype": "select",
    },
    "ansible.builtin.dpkg_selections": lambda n: {"name": PINNED[n % len(PINNED)], "selection": "hold"},
    "ansible.builtin.known_hosts": lambda n: {
        "name": f"h{n}.example.org", "path": f"{TREE}/known",
        "key": f"h{n}.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGR4ZsJDgZ7gvpQmx3Bdu0vhyOYJwV4bDF7Pqh1vVQqY",
    },
    "ansible.builtin.git": lambda n: {"repo": f"{TREE}/repository", "dest": f"{TREE}/checkout{n}", "version": "main"},
    "ansible.builtin.hostname": lambda n: {"name": "worker"},
    "ansible.posix.sysctl": lambda n: {"name": f"net.ipv4.conf.{SYSCTL[n % len(SYSCTL)]}", "value": "1", "sysctl_file": "/etc/sysctl.d/work.conf"},
    "ansible.posix.authorized_key": lambda n: {
        "user": "ops",
        "key": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGR4ZsJDgZ7gvpQmx3Bdu0vhyOYJwV4bDF7Pqh1vVQ{'abcdefghij'[n % 10]}Y k{n}",
    },
    "community.general.ini_file": lambda n: {"path": f"{TREE}/ini", "section": f"s{n}", "option": "o", "value": str(n)},
    "community.general.timezone": lambda n: {"name": "Europe/Berlin"},
    "community.general.pam_limits": lambda n: {
        "domain": f"u{n}", "limit_type": "soft", "limit_item": "nofile", "value": str(1000 + n),
    },
}
PACKAGES = ["tree", "sl", "bc", "dc", "rename", "jq", "pv", "lsof", "file", "time"]
UNITS = ["systemd-pstore.service", "e2scrub_reap.service", "fstrim.timer", "remote-fs.target", "dpkg-db-backup.timer"]
PINNED = ["curl", "less", "sudo", "kmod", "cron"]
SYSCTL = ["all.accept_redirects", "all.accept_source_route", "all.log_martians", "default.log_martians", "default.accept_redirects"]

PREPARE = f"""
mkdir -p {TREE}/parts {TREE}/repository
for number in $(seq 0 19); do echo old$number; done > {TREE}/lines
for number in $(seq 0 9); do mkdir -p {TREE}/d$number; chmod 755 {TREE}/d$number; echo $number > {TREE}/parts/$number; done
tar -czf {TREE}/archive.tar.gz -C {TREE} parts
apt-get -qq update > /dev/null; DEBIAN_FRONTEND=noninteractive apt-get -qq install -y git debconf-utils python3-debian > /dev/null 2>&1
cd {TREE}/repository && git init -q -b main . && git config user.email a@example.org && git config user.name a
echo one > file && git add file && git commit -q -m one
"""


def main():
    words = argparse.ArgumentParser(description="the usual work of each module")
    words.add_argument("--canvass", type=pathlib.Path, default=ROOT / "target/release/canvass")
    words.add_argument("--reference", type=pathlib.Path, default=pathlib.Path(sys.executable).parent)
    words.add_argument("--collections", default="", help="where collections lie, separated by colons")
    words.add_argument("--only", default="", help="modules by name, separated by commas")
    words.add_argument("--tasks", type=int, default=5)
    words.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/canvass-hosts")
    words.add_argument("--write", action="store_true", help="write docs/performance.md")
    words = words.parse_args()
    words.canvass, words.reference = words.canvass.resolve(), words.reference.resolve()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "page.j2").write_text("{% for n in range(20) %}\nline {{ n }} of {{ inventory_hostname }}\n{% endfor %}\n")
        (folder / "script.sh").write_text("#!/bin/sh\nexit 0\n")
        plays = {"nothing": []}
        for name, arguments in WORK.items():
            if not words.only or name in words.only.split(","):
                tasks = [{"name": f"{name} {number}", name: arguments(number)} for number in range(words.tasks)]
                plays[name] = tasks
        for name, tasks in plays.items():
            play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
            (folder / f"{name}.yml").write_text(json.dumps(play))
        with lab.Hosts(folder / "hosts", words.cache.resolve(), 2) as hosts:
            for host in ("s1", "s2"):
                ssh = ["ssh", "-oBatchMode=yes", f"-oUserKnownHostsFile={hosts.folder}/known_hosts", "-i", hosts.folder / "id"]
                hosts.run([*ssh, f"root@10.99.0.1{host[1]}", "bash", "-s"], input=PREPARE.encode())
            nothing = {program: floor(words, hosts, folder, program) for program in ("canvass", "ansible")}
            print(f"{'module':34} {'run':10} {'canvass':>9} {'ansible':>9}   times", flush=True)
            for name in plays:
                if name != "nothing":
                    rows += measured(words, hosts, folder, name, nothing)
                    # what is stopped keeps what it has
                    if words.write:
                        written(rows, words.tasks)
    slower = [row for row in rows if row[3] >= row[4] > 0]
    print(f"{len(rows)} works; slower than ansible-core: {len(slower)}; median {statistics.median(row[5] for row in rows):.0f} times")


def floor(words, hosts, folder, program):
    """The time of a play without tasks, as the best of some."""
    return min(once(words, hosts, folder, program, "nothing")[0] for _ in range(4))


def measured(words, hosts, folder, name, nothing):
    """Rows of a module: name, run, whether both went well, milliseconds of both, ratio."""
    found = []
    for run in ("first", "converged"):
        spent, well = {}, True
        for program in ("canvass", "ansible"):
            # what changes nothing can be done again
            times = [once(words, hosts, folder, program, name) for _ in range(1 if run == "first" else 2)]
            well &= all(code == 0 for _, code in times)
            least = min(seconds for seconds, _ in times) - nothing[program]
            spent[program] = 1000 * max(least, 0.0001) / words.tasks
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
        BEGIN, f"{datetime.date.today()}; milliseconds a task, {tasks} tasks a play, ansible-core with pipelining.", "",
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
