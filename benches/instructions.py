#!/usr/bin/env python3
"""Counts the instructions of the controller for fixed work, and says where they have grown.

    cargo build
    benches/instructions.py [--canvass PATH] [--write]

Counts do not depend on what else the machine does, so they show a slow creep that seconds hide.
callgrind counts; what runs on hosts is not counted. `benches/instructions.json` holds what was
counted last with which compiler; `--write` replaces it, when growth is meant. Ends with 1 where a
count has grown by more than a quarter, and says `skipped:` where valgrind is missing, cannot run on
this processor, or another compiler made the program.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORDED = ROOT / "benches/instructions.json"
GROWTH = 1.25

CONVERGED = """\
- name: Nothing to change
  hosts: all
  gather_facts: false
  vars:
    ports: [80, 443, 8080]
    sites: "{{ range(20) | map('string') | list }}"
  tasks:
    - name: Directories
      ansible.builtin.file: {path: "{{ tree }}/{{ item }}", state: directory, mode: "0755"}
      loop: [etc, srv, log]
    - name: Templates
      ansible.builtin.template: {src: site.j2, dest: "{{ tree }}/etc/site{{ item }}", mode: "0644"}
      loop: "{{ sites }}"
    - name: Lines
      ansible.builtin.lineinfile:
        path: "{{ tree }}/etc/settings"
        regexp: "^key{{ item }}="
        line: "key{{ item }}=value"
        create: true
        mode: "0644"
      loop: [1, 2, 3, 4, 5]
    - name: Conditions
      ansible.builtin.debug: {msg: "{{ item }} of {{ inventory_hostname }}"}
      when: item | int in ports or item is match('^h')
      loop: "{{ range(50) | list }}"
"""

TEMPLATE = """\
# {{ inventory_hostname }}
{% for port in ports if port != 443 %}
listen {{ port + item | int }} {{ '%05d' | format(port) }};
{% endfor %}
root {{ tree }}/srv;
"""

PLAY = """\
- name: Play {number}
  hosts: web:&all
  vars: {{listen: {number}, names: [a, b, c]}}
  tasks:
    - name: Configuration
      ansible.builtin.template: {{src: x.j2, dest: /etc/x{number}.conf}}
      when: listen | int > 80
      notify: Restart
    - block:
        - ansible.builtin.command: /bin/true
          register: out
          changed_when: out.rc != 0
      rescue:
        - ansible.builtin.debug: {{msg: "{{{{ item }}}}"}}
          loop: "{{{{ names }}}}"
  handlers:
    - name: Restart
      ansible.builtin.service: {{name: x, state: restarted}}
"""


def main():
    words = argparse.ArgumentParser(description="instructions of the controller for fixed work")
    words.add_argument("--canvass", default=str(ROOT / "target/debug/canvass"))
    words.add_argument("--write", action="store_true", help="record what is counted")
    words = words.parse_args()
    canvass = os.path.abspath(words.canvass)
    compiler = subprocess.check_output(["rustc", "--version"], text=True).strip()
    if not shutil.which("valgrind"):
        sys.exit(print("skipped: instructions: valgrind is missing"))
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    with tempfile.TemporaryDirectory(prefix="instructions-", dir="/tmp") as folder:
        counts = counted(canvass, pathlib.Path(folder))
    if words.write:
        RECORDED.write_text(json.dumps({"compiler": compiler, "instructions": counts}, indent=2) + "\n")
    elif recorded.get("compiler") != compiler:
        sys.exit(print(f"skipped: instructions: recorded with {recorded.get('compiler')}, this is {compiler}"))
    before = recorded.get("instructions", {})
    grown = [work for work, count in counts.items() if count > GROWTH * before.get(work, count)]
    for work, count in counts.items():
        ratio = count / before.get(work, count)
        print(f"instructions: {work:<12} {count / 1e6:8.1f} million, {ratio:.3f} of what was recorded")
    if grown and not words.write:
        sys.exit(f"more than a quarter more: {', '.join(grown)}; if that is meant: benches/instructions.py --write")


def counted(canvass, folder):
    for name in ("tree", "home", "many"):
        (folder / name).mkdir()
    (folder / "site.yml").write_text(CONVERGED)
    (folder / "site.j2").write_text(TEMPLATE)
    for number in range(200):
        (folder / f"many/{number}.yml").write_text(PLAY.format(number=number))
    hosts = "".join(f"host{number} rack={number % 7} listen={8000 + number}\n" for number in range(2000))
    (folder / "hosts.ini").write_text(f"[web]\n{hosts}[web:vars]\nrole=web\n")
    (folder / "ansible-playbook").symlink_to(canvass)
    (folder / "ansible-inventory").symlink_to(canvass)
    here = f"{folder}/ansible-playbook"
    converged = [here, "-i", "localhost,", "-c", "local", "-e", f"tree={folder}/tree", "site.yml"]
    files = sorted(str(path) for path in (folder / "many").iterdir())
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1", "CANVASS_RECORD": "no",
    }
    run = lambda command: subprocess.run(
        command, cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL,
        capture_output=True, text=True,
    )
    run(converged)
    if "changed=0 " not in run(converged).stdout:
        sys.exit("the second run changed something")
    works = {
        "version": [here, "--version"],
        "converged": converged,
        "playbooks": [here, "-i", "localhost,", "--syntax-check", *files],
        "inventory": [f"{folder}/ansible-inventory", "-i", "hosts.ini", "--list"],
    }
    counts = {}
    for work, command in works.items():
        try:
            said = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]).stderr
        except subprocess.CalledProcessError as error:
            # without valgrind it must go well; `check` sees to that
            run(command)
            sys.exit(print(f"skipped: instructions: valgrind cannot run it here: {error.stderr[-200:]}"))
        counts[work] = int(re.search(r"Collected : (\d+)", said)[1])
    return counts


if __name__ == "__main__":
    main()
