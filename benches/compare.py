#!/usr/bin/env python3
"""Times the same playbook with canvass and with ansible-core, side by side.

    cargo build --release
    benches/compare.py [--canvass PATH] [--ansible-playbook PATH] [--hosts 1,10,50] [--runs 5] [--alone]

25 instances of files, templates, lines, commands and a package run against OpenSSH servers of this
machine that live as long as the script: first on empty trees, then again, where nothing changes.
Ansible has pipelining and as many forks as hosts, and keeps its connections (ControlPersist); it
comes from PyPI into a private environment unless one is named. The two take turns, so that both
see the same load. Each host is an address of its own (127.0.0.x) with a tree of its own; all share
this machine's processors. SHLVL in the sessions keeps bash from reading ~/.bashrc, whose work
would be measured otherwise. Prints medians, and how many times longer Ansible takes.
"""

import argparse
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADDRESSES = 10  # of each server; sshd listens on up to 16

PLAYBOOK = """\
- name: 25 instances
  hosts: all
  gather_facts: false
  vars:
    tree: "{{ base }}/{{ inventory_hostname }}"
  tasks:
    - name: Directories
      ansible.builtin.file:
        path: "{{ tree }}/{{ item }}"
        state: directory
        mode: "0755"
      loop: [etc, etc/conf.d, srv, srv/www, log]
    - name: Templates
      ansible.builtin.template:
        src: site.conf.j2
        dest: "{{ tree }}/etc/conf.d/site{{ item }}.conf"
        mode: "0644"
      loop: [1, 2, 3, 4, 5]
    - name: Files
      ansible.builtin.copy:
        content: "page {{ item }} of {{ inventory_hostname }}\\n"
        dest: "{{ tree }}/srv/www/page{{ item }}"
        mode: "0644"
      loop: [1, 2, 3]
    - name: Lines
      ansible.builtin.lineinfile:
        path: "{{ tree }}/etc/settings"
        regexp: "^key{{ item }}="
        line: "key{{ item }}=value{{ item }}"
        create: true
        mode: "0644"
      loop: [1, 2, 3, 4, 5, 6]
    - name: Commands
      ansible.builtin.command: "test -d {{ tree }}/srv"
      changed_when: false
      loop: [1, 2, 3, 4, 5]
    - name: A package
      ansible.builtin.package:
        name: coreutils
        state: present
"""

TEMPLATE = """\
# {{ inventory_hostname }}
server {
{% for port in [80, 443, 8080] %}
  listen {{ port + item }};
{% endfor %}
  root {{ tree }}/srv/www;
}
"""


def main():
    words = argparse.ArgumentParser(description="canvass and ansible-core, side by side")
    words.add_argument("--canvass", default=str(ROOT / "target/release/canvass"))
    words.add_argument("--ansible-playbook", help="one that is there; else from PyPI")
    words.add_argument("--hosts", default="1,10,50", help="numbers of hosts")
    words.add_argument("--runs", type=int, default=5)
    words.add_argument("--alone", action="store_true", help="canvass alone: how it grows with hosts")
    words = words.parse_args()
    words.canvass = os.path.abspath(words.canvass)
    if not os.access(words.canvass, os.X_OK):
        sys.exit(f"{words.canvass} is missing: cargo build --release")
    with tempfile.TemporaryDirectory(prefix="compare-", dir="/tmp") as folder:
        site = Site(pathlib.Path(folder))
        try:
            site.measure(words)
        finally:
            site.close()


def ansible(folder):
    """ansible-core from PyPI."""
    print("ansible-core comes from PyPI ...", flush=True)
    venv.create(folder / "venv", with_pip=True)
    subprocess.run(
        [folder / "venv/bin/pip", "install", "--quiet", "ansible-core"], check=True
    )
    return str(folder / "venv/bin/ansible-playbook")


class Site:
    """Servers, keys, inventories and trees."""

    def __init__(self, folder):
        self.folder = folder
        self.servers = []
        (folder / "home/.ssh").mkdir(parents=True, mode=0o700)
        (folder / "home/.ssh").chmod(0o700)
        (folder / "playbook.yml").write_text(PLAYBOOK)
        (folder / "site.conf.j2").write_text(TEMPLATE)
        self.key("id")
        shutil.copy(folder / "id.pub", folder / "authorized_keys")
        self.known = folder / "home/.ssh/known_hosts"
        self.known.write_text("")

    def key(self, name):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name]
        subprocess.run(command, check=True)

    def server(self):
        """Starts one more server; gives its port."""
        number = len(self.servers)
        self.key(f"host{number}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        addresses = "".join(f"ListenAddress 127.0.0.{n}\n" for n in range(1, ADDRESSES + 1))
        config = self.folder / f"sshd{number}.conf"
        config.write_text(
            f"Port {port}\n{addresses}HostKey {self.folder}/host{number}\nPidFile none\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 1000\nMaxSessions 100\n"
            "Subsystem sftp internal-sftp\n"
            f"SetEnv SHLVL=5 XDG_CACHE_HOME={self.folder}/home/.cache\n"
        )
        (self.folder / "home/.cache").mkdir(exist_ok=True)
        os.makedirs("/run/sshd", exist_ok=True)
        log = open(self.folder / f"sshd{number}.log", "w")
        process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", config], stderr=log)
        self.servers.append(process)
        for _ in range(500):
            if process.poll() is not None:
                sys.exit("sshd ended: " + (self.folder / f"sshd{number}.log").read_text())
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.01)
        public = " ".join((self.folder / f"host{number}.pub").read_text().split()[:2])
        with self.known.open("a") as known:
            for n in range(1, ADDRESSES + 1):
                known.write(f"[127.0.0.{n}]:{port} {public}\n")
        return port

    def inventory(self, count):
        """An inventory of this many hosts."""
        lines, port = [], None
        for number in range(count):
            if number % ADDRESSES == 0:
                port = self.server()
            address = f"127.0.0.{number % ADDRESSES + 1}"
            lines.append(f"n{number + 1:02} ansible_host={address} ansible_port={port}")
        path = self.folder / f"inventory{count}.ini"
        path.write_text(
            "\n".join(lines)
            + f"\n\n[all:vars]\nansible_ssh_private_key_file={self.folder}/id\n"
            + f"ansible_python_interpreter={sys.executable}\n"
            + f"ansible_ssh_common_args=-o UserKnownHostsFile={self.known} -o IdentitiesOnly=yes\n"
        )
        return path

    def run(self, program, inventory, count):
        """Seconds of one run."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_FORKS": str(count),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [*program, "-i", inventory, "-e", f"base={self.folder}/trees", "playbook.yml"]
        started = time.monotonic()
        ended = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        seconds = time.monotonic() - started
        if ended.returncode != 0:
            sys.exit(f"{program}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
        return seconds, ended.stdout

    def measure(self, words):
        other = None if words.alone else words.ansible_playbook or ansible(self.folder)
        if other:
            version = subprocess.run([other, "--version"], capture_output=True, text=True).stdout
            print(version.splitlines()[0], "against", words.canvass)
        print(f"{'hosts':>5} {'run':<10} {'canvass':>9} {'ansible':>9} {'ratio':>7}  spread")
        for count in [int(count) for count in words.hosts.split(",")]:
            inventory = self.inventory(count)
            programs = {"canvass": [words.canvass, "play", "--forks", str(count)]}
            if other:
                programs["ansible"] = [other]
            times = {(name, run): [] for name in programs for run in ("first", "converged")}
            for _ in range(words.runs):
                for name, program in programs.items():
                    shutil.rmtree(self.folder / "trees", ignore_errors=True)
                    (self.folder / "trees").mkdir()
                    for run in ("first", "converged"):
                        seconds, said = self.run(program, inventory, count)
                        times[name, run].append(seconds)
                        # nothing may be measured that was not done
                        unchanged = f"changed={0 if run == 'converged' else 4} "
                        if unchanged not in said:
                            sys.exit(f"{name} did not do the {run} run:\n{said}")
            for run in ("first", "converged"):
                ours = times["canvass", run]
                a, spread = statistics.median(ours), " ".join(f"{t:.2f}" for t in ours)
                if not other:
                    print(f"{count:>5} {run:<10} {a:>8.2f}s {'':>18}  {spread}", flush=True)
                    continue
                theirs = times["ansible", run]
                b = statistics.median(theirs)
                spread += " | " + " ".join(f"{t:.1f}" for t in theirs)
                print(f"{count:>5} {run:<10} {a:>8.2f}s {b:>8.2f}s {b / a:>6.1f}x  {spread}", flush=True)

    def close(self):
        for server in self.servers:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
