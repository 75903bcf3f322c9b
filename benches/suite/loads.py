"""What is done to hosts: the same work as a playbook and as a pyinfra deploy.

Each load knows what must be there afterwards, so that nothing is timed that was not done.
"""

import hashlib

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

DEPLOY = """\
import io

from pyinfra import host
from pyinfra.operations import apt, files, server

tree = f"{host.data.base}/{host.name}"
for folder in ["etc", "etc/conf.d", "srv", "srv/www", "log"]:
    files.directory(path=f"{tree}/{folder}", mode="755")
for item in [1, 2, 3, 4, 5]:
    files.template(
        src="site.conf.j2", dest=f"{tree}/etc/conf.d/site{item}.conf", mode="644",
        item=item, tree=tree, inventory_hostname=host.name,
    )
for item in [1, 2, 3]:
    text = f"page {item} of {host.name}\\n"
    files.put(src=io.StringIO(text), dest=f"{tree}/srv/www/page{item}", mode="644")
for item in [1, 2, 3, 4, 5, 6]:
    files.line(path=f"{tree}/etc/settings", line=f"key{item}=value{item}")
for item in [1, 2, 3, 4, 5]:
    server.shell(commands=[f"test -d {tree}/srv"])
apt.packages(packages=["coreutils"])
"""

MANY_TEMPLATES = """\
- hosts: all
  gather_facts: false
  vars:
    tree: "{{ base }}/{{ inventory_hostname }}"
  tasks:
    - ansible.builtin.file: {path: "{{ tree }}", state: directory}
    - ansible.builtin.template:
        src: site.conf.j2
        dest: "{{ tree }}/site{{ item }}.conf"
        mode: "0644"
      loop: "{{ range(500) | list }}"
"""

MANY_TEMPLATES_DEPLOY = """\
from pyinfra import host
from pyinfra.operations import files

tree = f"{host.data.base}/{host.name}"
files.directory(path=tree)
for item in range(500):
    files.template(
        src="site.conf.j2", dest=f"{tree}/site{item}.conf", mode="644",
        item=item, tree=tree, inventory_hostname=host.name,
    )
"""

LARGE_FILE = """\
- hosts: all
  gather_facts: false
  vars:
    tree: "{{ base }}/{{ inventory_hostname }}"
  tasks:
    - ansible.builtin.file: {path: "{{ tree }}", state: directory}
    - ansible.builtin.copy: {src: large, dest: "{{ tree }}/large", mode: "0644"}
"""

LARGE_FILE_DEPLOY = """\
from pyinfra import host
from pyinfra.operations import files

tree = f"{host.data.base}/{host.name}"
files.directory(path=tree)
files.put(src="large", dest=f"{tree}/large", mode="644")
"""


HUNDRED = """\
- hosts: all
  gather_facts: false
  vars:
    tree: "{{ base }}/{{ inventory_hostname }}"
  tasks:
    - ansible.builtin.file: {path: "{{ tree }}", state: directory}
""" + "".join(
    f"""\
    - ansible.builtin.copy: {{content: "page {n}\\n", dest: "{{{{ tree }}}}/page{n}", mode: "0644"}}
    - ansible.builtin.lineinfile: {{path: "{{{{ tree }}}}/settings", line: key{n}=value{n}, create: true, mode: "0644"}}
    - ansible.builtin.command: "test -d {{{{ tree }}}}"
      changed_when: false
"""
    for n in range(33)
)

HUNDRED_DEPLOY = """\
import io

from pyinfra import host
from pyinfra.operations import files, server

tree = f"{host.data.base}/{host.name}"
files.directory(path=tree)
for n in range(33):
    files.put(src=io.StringIO(f"page {n}\\n"), dest=f"{tree}/page{n}", mode="644")
    files.line(path=f"{tree}/settings", line=f"key{n}=value{n}")
    server.shell(commands=[f"test -d {tree}"])
"""


class Load:
    """Work with its name, its two texts and what it leaves behind.

    `hosts` says on how many hosts it is done where the command line does not; `line` that they are
    at the far end of a slow line; `alone` that only canvass and `ssh` do it.
    """

    def __init__(self, name, playbook, deploy, left, hosts=1, line=False, alone=False):
        self.name, self.playbook, self.deploy, self.left = name, playbook, deploy, left
        self.hosts, self.line, self.alone = hosts, line, alone

    def write(self, folder):
        (folder / "site.conf.j2").write_text(TEMPLATE)
        (folder / f"{self.name}.yml").write_text(self.playbook)
        (folder / f"{self.name}.py").write_text(self.deploy)

    def check(self, tree):
        """Whether all is there on a host; what is missing otherwise."""
        return [path for path, right in self.left(tree) if not (tree / path).is_file() or not right(tree / path)]


def site(tree, item):
    ports = "".join(f"  listen {port + item};\n" for port in (80, 443, 8080))
    return f"# {tree.name}\nserver {{\n{ports}  root {tree}/srv/www;\n}}\n"


def usual(tree):
    # pyinfra's own Jinja keeps blank lines where Ansible trims blocks
    for item in range(1, 6):
        wanted = site(tree, item).split()
        yield f"etc/conf.d/site{item}.conf", lambda path, wanted=wanted: path.read_text().split() == wanted
    for item in range(1, 4):
        text = f"page {item} of {tree.name}\n"
        yield f"srv/www/page{item}", lambda path, text=text: path.read_text() == text
    lines = [f"key{item}=value{item}" for item in range(1, 7)]
    yield "etc/settings", lambda path: path.read_text().split() == lines


def many(tree):
    for item in (0, 250, 499):
        wanted = site(tree, item).split()
        yield f"site{item}.conf", lambda path, wanted=wanted: path.read_text().split() == wanted


def large(tree):
    source = tree.parent.parent / "large"
    digest = lambda path: hashlib.file_digest(path.open("rb"), "sha256").digest()
    yield "large", lambda path: digest(path) == digest(source)


def hundred(tree):
    yield "page32", lambda path: path.read_text() == "page 32\n"
    lines = [f"key{n}=value{n}" for n in range(33)]
    yield "settings", lambda path: path.read_text().split() == lines


USUAL = Load("usual", PLAYBOOK, DEPLOY, usual, hosts=None)
TEMPLATES = Load("templates", MANY_TEMPLATES, MANY_TEMPLATES_DEPLOY, many)
LARGE = Load("large", LARGE_FILE, LARGE_FILE_DEPLOY, large)
LINE = Load("line", HUNDRED, HUNDRED_DEPLOY, hundred, line=True)
THOUSAND = Load("thousand", PLAYBOOK, DEPLOY, usual, hosts=1000, alone=True)
LOADS = {load.name: load for load in (USUAL, TEMPLATES, LARGE, LINE, THOUSAND)}
