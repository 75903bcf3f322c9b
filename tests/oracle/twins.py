#!/usr/bin/env python3
"""Compares what real roles leave behind: canvass on one fresh host, ansible-core on its twin.

Usage: python tests/oracle/twins.py CANVASS --roles FOLDER [--reference FOLDER] [--only NAMES]
       [--collections FOLDERS] [--cache FOLDER]

Needs what `rehearsal.py` needs. Each role of SET goes to two fresh Debian hosts: canvass does a dry
run, the run and a second run on the one, ansible-core a run and a second run on the other. Then both hosts are held
side by side: all files below their roots (kind, content, mode, owner, group), the packages and their
versions, the units (whether they start at boot, whether they run), users and groups. What differs by
itself is named in NOISE, with the reason. Prints a row for each role, and each difference.
"""

import argparse
import difflib
import hashlib
import os
import pathlib
import re
import stat
import sys
import tempfile

import lab
from rehearsal import RUNS, play
from roles import chosen, fetched, playbook

SET = [
    "geerlingguy.nginx", "geerlingguy.redis", "devsec.os_hardening", "singleplatform.users", "geerlingguy.ntp",
    "oefenweb.ufw", "geerlingguy.docker", "geerlingguy.munin-node", "debops.debops.dhparam", "geerlingguy.backup",
]

# places whose content or presence differs between two hosts whatever program ran, and why
NOISE = [
    (r"^/(proc|sys|dev|run)/", "what the kernel and running programs show"),
    (r"^/(tmp|var/tmp)/", "what is there for a while"),
    (r"^/var/log/", "logs have times"),
    (r"^/var/(cache|lib/apt/lists|lib/apt/periodic)/", "caches"),
    (r"^/var/lib/(dpkg|apt|ucf|systemd|debconf|update-rc.d)/.*(-old|-new|\.old|hashfile\.\d)$", "the file before the last change"),
    (r"^/etc/(passwd|shadow|group|gshadow|subuid|subgid)-$", "the file before the last change"),
    (r"^/var/lib/systemd/(random-seed|timers/|timesync/|catalog/|deb-systemd-helper-enabled/.*\.timer$)", "random, or times"),
    (r"^/etc/(machine-id|hostname|hosts)$", "the hosts' own names"),
    (r"^/etc/ssh/ssh_host_", "the hosts' own keys"),
    (r"^(/root|/home/\w+)/\.(ansible|cache|bash_history)", "each program's own place"),
    (r"^/root/\.ssh", "each program's own place"),
    (r"^/var/lib/canvass|/\.canvass", "each program's own place"),
    (r"^/etc/ufw/.*\.\d{8}_\d{6}$", "copies that `ufw reset` keeps, named by the time"),
    (r"/__pycache__/", "Python compiles what it loads, and only ansible-core loads it"),
    (r"^/var/lib/(redis|munin-node|logrotate|chrony|mysql|postgresql|fail2ban|private)/", "what a running service keeps"),
    (r"^/etc/\.(pwd\.lock|updated)$", "a lock"),
    (r"^/var/spool/cron/crontabs/?$", "the time of its last change"),
]
# texts that stand for the same thing on both, and why
TEXTS = [
    (rb"\bs[12]\b", b"HOST", "the hosts' names"),
    (rb"10\.99\.0\.1[12]\b", b"ADDRESS", "the hosts' addresses"),
    (rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.\d]*", b"TIME", "a time"),
    (rb"# \(\S+ installed on [^)]*\)", b"INSTALLED", "crontab(1) says when, and from which file"),
    (rb"# \w{3} \w{3} +\d+ [\d:]+ (\w+ )?\d{4}", b"TIME", "a time"),
]


def noisy(path):
    return any(re.search(pattern, path) for pattern, _ in NOISE)


class Host:
    """What is on a host, seen from outside through its overlay."""

    def __init__(self, folder, name, hosts):
        self.root, self.upper = folder / name / "root", folder / name / "upper"
        self.name, self.hosts, self.folder = name, hosts, folder

    def touched(self):
        """All paths that differ from the layer below."""
        for folder, directories, files in os.walk(self.upper):
            for entry in directories + files:
                yield "/" + str((pathlib.Path(folder) / entry).relative_to(self.upper))

    def look(self, path):
        """What a path is: kind, mode, owner, group, and content or target."""
        place = self.root / path.lstrip("/")
        try:
            seen = os.lstat(place)
        except OSError:
            return "absent"
        about = f"{stat.filemode(seen.st_mode)} {seen.st_uid}:{seen.st_gid}"
        if stat.S_ISLNK(seen.st_mode):
            return f"{about} -> {os.readlink(place)}"
        if stat.S_ISREG(seen.st_mode):
            return f"{about} {hashlib.sha256(self.content(path)).hexdigest()[:16]}"
        return about

    def content(self, path):
        content = (self.root / path.lstrip("/")).read_bytes()
        for pattern, text, _ in TEXTS:
            content = re.sub(pattern, text, content)
        return content

    def lines(self, path):
        try:
            return self.content(path).decode().splitlines()
        except (OSError, ValueError):
            return []

    def says(self, command):
        ssh = ["ssh", "-oBatchMode=yes", f"-oUserKnownHostsFile={self.folder}/known_hosts", "-i", self.folder / "id"]
        address = f"root@10.99.0.{10 + int(self.name[1:])}"
        ended = self.hosts.run([*ssh, address, command], capture_output=True, text=True)
        return set(ended.stdout.split("\n"))

    def packages(self):
        return self.says("dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n'")

    def accounts(self):
        """Passwords left out: their salt is random."""
        return self.says("getent passwd; getent group; cut -d: -f1,3- /etc/shadow")

    def units(self):
        """Without what the bus starts when it is asked, and sessions."""
        files = self.says("systemctl list-unit-files --no-legend --plain | grep -v -w transient | awk '{print $1, $2}'")
        shown = "systemctl list-units --all --no-legend --plain --type=service,socket,timer,path"
        return files | self.says(shown + " | grep -v -e '^systemd-timedated' -e '^systemd-hostnamed' -e '^user@' -e '^session-' -e '^user-' | awk '{print $1, $2, $3, $4}'")


def differences(ours, theirs):
    paths = sorted(set(ours.touched()) | set(theirs.touched()))
    paths = [path for path in paths if not noisy(path)]
    found = []
    for path in paths:
        here, there = ours.look(path), theirs.look(path)
        # shadow has random salt; its other fields are compared as accounts
        if here != there and path not in ("/etc/shadow",):
            found.append(f"{path}: canvass {here}, ansible-core {there}")
            lines = difflib.unified_diff(ours.lines(path), theirs.lines(path), "canvass", "ansible-core", "", "", 0, "")
            found[-1] += "".join(f"\n        {line}" for line in list(lines)[2:14])
    for kind in ("packages", "accounts", "units"):
        here, there = getattr(ours, kind)(), getattr(theirs, kind)()
        found += [f"{kind}: only after canvass: {line}" for line in sorted(here - there)]
        found += [f"{kind}: only after ansible-core: {line}" for line in sorted(there - here)]
    return len(paths), found


def main():
    words = argparse.ArgumentParser(description="what roles leave behind")
    words.add_argument("canvass", type=pathlib.Path)
    words.add_argument("--roles", type=pathlib.Path, required=True)
    words.add_argument("--reference", type=pathlib.Path, default=pathlib.Path(sys.executable).parent)
    words.add_argument("--collections", help="where collections lie, separated by colons")
    words.add_argument("--only", default="", help="names of roles, separated by commas")
    words.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/canvass-hosts")
    words = words.parse_args()
    for name in ("canvass", "roles", "reference", "cache"):
        setattr(words, name, getattr(words, name).resolve())
    wanted = words.only.split(",") if words.only else SET
    equal = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for kind, name, source, variables in chosen(wanted):
            fetched(name, source, words.roles)
            written = playbook(folder, name, variables, words.collections)
            with lab.Hosts(folder / "hosts", words.cache, 2) as hosts:
                codes, tasks = play("canvass", hosts, "s1", written, words, folder / "ours")
                theirs, _ = play("ansible", hosts, "s2", written, words, folder / "theirs", ("run", "again"))
                again = sum(task.word == "changed" for task in tasks["again"].values())
                count, found = differences(*(Host(hosts.folder, name, hosts) for name in ("s1", "s2")))
            ends = " ".join(f"{run} {'ok' if codes[run] == 0 else codes[run]}" for run in RUNS)
            ends += f"  ansible-core {'ok' if theirs['run'] == 0 else theirs['run']}"
            equal += not found
            print(f"{kind:13} {name:22} {ends}  second run changes {again}  paths {count}  differences {len(found)}")
            for line in found:
                print(f"    {line}", flush=True)
    print(f"equal end states: {equal} of {len(wanted)}")


if __name__ == "__main__":
    main()
