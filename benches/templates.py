#!/usr/bin/env python3
"""Times templates with canvass and with ansible-core, side by side.

    cargo build --release
    benches/templates.py [--canvass PATH] [--ansible-playbook PATH] [--runs 3] [--hosts 1000]

Two loads, each a playbook on localhost without a connection: a file of 100 lines rendered again
and again by the lookup `template`, and accesses of `hostvars[…]` across many hosts whose variables
are templates themselves. The time of the same playbook without the load is taken off. Prints the
time of one rendering and of one access, and how many times longer Ansible takes.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RENDERINGS, PASSES = 200, 10

PAGE_LINES = """\
# {{ ansible_managed }}
{% set names = users | map(attribute='name') | list %}
server_name {{ domain | default('example.org') }};
listen {{ ports.http }};
{% for user in users %}
location /~{{ user.name | lower }} { root {{ home }}/{{ user.name }}; }
{% if user.admin | bool and user.uid > 1000 %}
allow {{ user.name }} {{ "%05d" | format(user.uid) }};
{% endif %}
{% endfor %}
members {{ names | join(', ') }} {{ names | length }};
limit {{ (ports.http + 1) * 2 }} {{ home | basename | regex_replace('s', 'z') }};
""".splitlines()

EMPTY = """\
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.debug: {msg: "{{ 1 }}"}
"""

PAGES = """\
- hosts: localhost
  gather_facts: false
  connection: local
  vars:
    home: "/srv/{{ application }}"
    application: shops
    ports: {http: 80}
    users:
      - {name: Alice, uid: 1001, admin: true}
      - {name: Bob, uid: 1000, admin: false}
      - {name: Carol, uid: 1002, admin: true}
  tasks:
    - ansible.builtin.debug:
        msg: "{% for i in range(COUNT) %}{{ lookup('ansible.builtin.template', 'page.j2') | length }} {% endfor %}"
"""

HOSTVARS = """\
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.debug:
        msg: "{% set ns = namespace(sum=0) %}{% for pass in range(COUNT) %}{% for host in groups['web'] %}\\
          {% set ns.sum = ns.sum + hostvars[host].url | length %}{% endfor %}{% endfor %}{{ ns.sum }}"
"""


def write(folder, hosts):
    lines = "".join(f"    host{number:04}: {{rack: r{number % 40}, number: {number}}}\n" for number in range(hosts))
    (folder / "inventory.yml").write_text(
        "web:\n  vars:\n    domain: example.org\n    url: \"https://{{ inventory_hostname }}.{{ rack }}.{{ domain }}/{{ number }}\"\n"
        "  hosts:\n" + lines)
    page = [PAGE_LINES[number % len(PAGE_LINES)] for number in range(96)] + ["end", "of", "the", "page"]
    (folder / "page.j2").write_text("\n".join(page) + "\n")
    for name, text, count in [("empty", EMPTY, 0), ("pages", PAGES, RENDERINGS), ("hostvars", HOSTVARS, PASSES)]:
        (folder / f"{name}.yml").write_text(text.replace("COUNT", str(count)))


def seconds(command, folder, name, runs):
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
    times = []
    for _ in range(runs):
        start = time.monotonic()
        subprocess.run([*command, "-i", "inventory.yml", f"{name}.yml"], cwd=folder, env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.monotonic() - start)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--canvass", default=str(ROOT / "target/release/canvass"))
    parser.add_argument("--ansible-playbook", default="ansible-playbook")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--hosts", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(folder, options.hosts)
        link = folder / "ansible-playbook"
        link.symlink_to(pathlib.Path(options.canvass).resolve())
        programs = {"canvass": [str(link)], "ansible": [options.ansible_playbook]}
        times = {(program, name): seconds(command, folder, name, options.runs)
                 for program, command in programs.items() for name in ("empty", "pages", "hostvars")}
    for name, count, what in [("pages", RENDERINGS, "rendering of 100 lines"),
                              ("hostvars", PASSES * options.hosts, "access of hostvars")]:
        ours, theirs = ((times[program, name] - times[program, "empty"]) for program in ("canvass", "ansible"))
        print(f"{name}: {count} in {max(ours, 0):.3f} s and {theirs:.3f} s; a {what} takes {1e6 * max(ours, 0) / count:.0f} µs, "
              f"with Ansible {1e6 * theirs / count:.0f} µs ({theirs / max(ours, 1e-3):.0f} times)")


if __name__ == "__main__":
    main()
