"""Compares the precedence of variables with ansible-core on random cases.

Usage: precedence.py REFERENCE CANVASS [COUNT [SEED]], both programs being an `ansible-playbook`
(the second a link to canvass). A case sets a few variables in a random choice of the places where
Ansible takes them from, in a random nesting of groups, roles and blocks, and prints them. The
values that both print must agree; the seed of a case that differs is told and its folder kept.
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

NAMES = ["a", "b", "c", "d"]
GROUPS = ["g1", "g2", "g3"]


class Case:
    """One random playbook with its files."""

    def __init__(self, seed, root):
        self.random = random.Random(seed)
        self.root = root
        self.count = 0
        self.arguments = []

    def some(self, chance=0.45):
        """Values for a random choice of the variables; each value names its place."""
        self.count += 1
        place = f"p{self.count}"
        return {
            name: self.value(f"{place}_{name}", name)
            for name in NAMES
            if self.random.random() < chance
        }

    def value(self, text, name):
        """A text, sometimes with a template of a later variable in it, or a mapping."""
        later = [other for other in NAMES if other > name]
        kind = self.random.random()
        if later and kind < 0.15:
            return text + "-{{ " + self.random.choice(later) + " | default('none') | to_json(sort_keys=true) }}"
        if kind < 0.25:
            return {"key": text, self.random.choice("xyz"): text}
        return text

    def write(self, path, content):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))

    def maybe(self, chance=0.5):
        return self.random.random() < chance

    def inventory(self):
        children = {}
        for index, group in enumerate(GROUPS):
            body = {"vars": self.some(0.3)}
            if self.maybe(0.2):
                body["vars"]["ansible_group_priority"] = self.random.randint(1, 5)
            if index + 1 < len(GROUPS) and self.maybe():
                body["children"] = {GROUPS[index + 1]: None}
            body["hosts"] = {host: None for host in ("h1", "h2") if self.maybe(0.6)}
            children[group] = body
        everyone = {
            "hosts": {"h1": self.some(0.3), "h2": self.some(0.3)},
            "vars": self.some(0.5) | {"ansible_connection": "local"},
            "children": children,
        }
        self.write("inventory/hosts.yml", {"all": everyone})
        for folder in ("inventory", "."):
            for kind, names in (("group_vars", ["all", *GROUPS]), ("host_vars", ["h1", "h2"])):
                for name in names:
                    if self.maybe(0.2):
                        self.write(f"{folder}/{kind}/{name}.yml", self.some(0.5))
                    elif self.maybe(0.1):
                        self.write(f"{folder}/{kind}/{name}/1.yml", self.some(0.5))
                        self.write(f"{folder}/{kind}/{name}/2.json", self.some(0.5))

    def show(self, name):
        shown = {variable: "{{ " + variable + " | default('unset') }}" for variable in NAMES}
        text = "{{ {" + ", ".join(
            f"'{variable}': {variable} | default('unset')" for variable in shown
        ) + "} | to_json(sort_keys=true) }}"
        task = {"name": name, "debug": {"msg": "SHOWN " + text}}
        if self.maybe(0.3):
            task["vars"] = self.some(0.3)
        return task

    def role(self, name, others):
        self.write(f"roles/{name}/defaults/main.yml", self.some(0.4))
        self.write(f"roles/{name}/vars/main.yml", self.some(0.2))
        self.write(f"roles/{name}/tasks/main.yml", [self.show(f"in role {name}"), *self.changes()])
        if others and self.maybe(0.4):
            other = self.random.choice(others)
            self.write(
                f"roles/{name}/meta/main.yml",
                {"dependencies": [{"role": other} | self.some(0.2)]},
            )

    def changes(self):
        """Tasks that set variables of the host."""
        tasks = []
        if self.maybe(0.35):
            facts = self.some(0.4)
            if facts:
                tasks.append({"name": "set", "set_fact": facts})
        if self.maybe(0.3):
            self.count += 1
            path = f"vars/included{self.count}.yml"
            self.write(path, self.some(0.5))
            tasks.append({
                "name": "include",
                "include_vars": {"file": "{{ playbook_dir }}/" + path},
            })
        if self.maybe(0.2):
            name = self.random.choice(NAMES)
            tasks.append({"name": "register", "debug": {"msg": "r"}, "register": name})
        return tasks

    def tasks(self, roles, depth=0):
        tasks = [self.show(f"level {depth}"), *self.changes()]
        if self.maybe(0.5) and depth < 2:
            block = {"name": "block", "block": self.tasks(roles, depth + 1)}
            if self.maybe():
                block["vars"] = self.some(0.4)
            tasks.append(block)
        if self.maybe(0.35):
            include = {"name": "tasks", "include_tasks": {"file": self.task_file()}}
            if self.maybe():
                include["vars"] = self.some(0.4)
            tasks.append(include)
        if self.maybe(0.35):
            word = self.random.choice(["include_role", "import_role"])
            arguments = {"name": self.random.choice(roles)}
            if self.maybe(0.3):
                arguments["public"] = True
            task = {"name": "role", word: arguments}
            if self.maybe():
                task["vars"] = self.some(0.4)
            tasks.append(task)
        tasks.append(self.show(f"end of level {depth}"))
        return tasks

    def task_file(self):
        self.count += 1
        path = f"tasks{self.count}.yml"
        self.write(path, [self.show("in file"), *self.changes(), self.show("end of file")])
        return path

    def playbook(self):
        roles = ["r1", "r2", "r3"]
        for index, role in enumerate(roles):
            self.role(role, roles[:index])
        plays = []
        for number in range(self.random.randint(1, 2)):
            play = {"name": f"play {number}", "hosts": "h1:h2", "gather_facts": False}
            if self.maybe():
                play["vars"] = self.some(0.4)
            if self.maybe(0.4):
                self.write(f"vars/file{number}.yml", self.some(0.5))
                play["vars_files"] = [f"vars/file{number}.yml"]
            if self.maybe(0.7):
                chosen = self.random.sample(roles, self.random.randint(1, 2))
                play["roles"] = []
                for role in chosen:
                    entry = {"role": role}
                    if self.maybe(0.4):
                        entry |= self.some(0.3)
                    if self.maybe(0.3):
                        entry["vars"] = self.some(0.3)
                    play["roles"].append(entry)
            play["tasks"] = self.tasks(roles)
            plays.append(play)
        self.write("play.yml", plays)
        if self.maybe(0.3):
            self.arguments += ["-e", json.dumps(self.some(0.3))]
        if self.maybe(0.2):
            self.arguments += ["-e", f"{self.random.choice(NAMES)}=extra"]

    def make(self):
        self.inventory()
        self.playbook()
        return self


def shown(program, case):
    environment = os.environ | {
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_ROLES_PATH": str(case.root / "roles"),
    }
    done = subprocess.run(
        [program, "-i", "inventory/hosts.yml", "play.yml", *case.arguments],
        cwd=case.root, env=environment, capture_output=True, text=True, timeout=300,
    )
    lines, task = [], None
    for line in done.stdout.splitlines():
        if line.startswith("TASK ["):
            task = line.rstrip("* ")
        elif match := re.match(r"ok: \[(\w+)\] => ", line):
            host = match[1]
        elif match := re.match(r'    "msg": "SHOWN (.*)"$', line):
            lines.append(f"{task} {host} " + json.loads(f'"{match[1]}"'))
    return done.returncode, sorted_hosts(lines), done.stdout + done.stderr


def sorted_hosts(lines):
    """Hosts may answer in any order within a task."""
    return sorted(lines, key=lambda line: line) if lines else lines


def main():
    reference, canvass = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    agreed, differing, refused = 0, [], []
    for seed in range(first, first + count):
        root = pathlib.Path(tempfile.mkdtemp(prefix=f"precedence-{seed}-"))
        case = Case(seed, root).make()
        code, expected, talk = shown(reference, case)
        found_code, found, found_talk = shown(canvass, case)
        if (code, expected) == (found_code, found):
            agreed += 1
            if code:
                refused.append(seed)
            subprocess.run(["rm", "-rf", root], check=True)
            continue
        differing.append(seed)
        print(f"seed {seed} in {root}: exit codes {code} and {found_code}", case.arguments)
        for one in [line for line in expected if line not in found][:4]:
            print("  only reference:", one)
        for one in [line for line in found if line not in expected][:4]:
            print("  only canvass:  ", one)
        if found_code != code:
            print(found_talk[-800:] if found_code else talk[-800:])
    print(f"{agreed} of {count} agree ({len(refused)} of them fail in both); differ: {differing}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
