#!/usr/bin/env python3
"""Counts the roles of real projects that need nothing but what canvass has built in.

Usage: python tests/oracle/coverage.py CANVASS [--package NAME]... [--folder FOLDER] [--show N]
       [--lacking FILE]

CANVASS is the program. Needs ansible-core 2.19 importable (its table of moved names), and pip.
Each role of the packages (debops, kolla-ansible and ansible unless others are named) is read: the
modules of its tasks and handlers, and the filters, tests and lookups of every expression in them,
in its variables and in its templates. What `canvass doc --list` does not name is lacking. What a
project ships itself as Python is left aside; `alone` tells the share where it is not. Prints the
shares, and the names that would unlock most next: those that are all that a role lacks come first.
"""

import argparse
import ast
import collections
import contextlib
import json
import pathlib
import re
import subprocess
import tempfile

import ansible
import jinja2
import jinja2.nodes
import yaml

import projects

KEYWORDS = set(
    "action any_errors_fatal args async become become_exe become_flags become_method become_user changed_when"
    " check_mode collections connection debugger delay delegate_facts delegate_to diff environment failed_when"
    " ignore_errors ignore_unreachable listen local_action loop loop_control module_defaults name no_log notify poll"
    " port register remote_user retries run_once tags throttle timeout until vars when block rescue always sudo"
    " sudo_user".split()
)
CONDITIONS = {"when", "changed_when", "failed_when", "until", "that"}
KINDS = {"modules": "modules", "filters": "filter", "tests": "test", "lookups": "lookup"}
SYNTAX = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
CALLS = {"lookup", "query", "q"}


class Names:
    """What is built in, and where names of old have moved."""

    def __init__(self, canvass, files):
        listed = subprocess.run([canvass, "doc", "--list", "--format", "json"], check=True, capture_output=True)
        self.built_in = {kind: set(names) for kind, names in json.loads(listed.stdout).items()}
        core = pathlib.Path(ansible.__file__).parent
        self.routes = {"ansible.builtin": core / "config/ansible_builtin_runtime.yml"}
        self.core = {path.stem for path in (core / "modules").glob("*.py")}
        for path in files.rglob("ansible_collections/*/*/meta/runtime.yml"):
            self.routes[f"{path.parts[-4]}.{path.parts[-3]}"] = path
        self.routes = {name: yaml.safe_load(path.read_text()) or {} for name, path in self.routes.items()}

    def full(self, kind, name):
        """The name by which a thing is known now."""
        name = name if name.count(".") >= 2 else f"ansible.builtin.{name}"
        name = re.sub(r"^ansible\.legacy\.", "ansible.builtin.", name)
        for _ in range(5):
            namespace, collection, rest = name.split(".", 2)
            routing = (self.routes.get(f"{namespace}.{collection}") or {}).get("plugin_routing") or {}
            groups = [KINDS[kind], "action"] if kind == "modules" else [KINDS[kind]]
            moved = next((to for group in groups if (to := (routing.get(group) or {}).get(rest, {}).get("redirect"))), None)
            if moved is None or name in self.built_in[kind]:
                break
            name = moved
        return name

    def lacks(self, kind, name):
        return name not in self.built_in[kind]


def documents(path):
    with contextlib.suppress(yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError):
        yield yaml.load(path.read_text(), projects.Loader)


def tasks(value):
    """Each task of a file, those of blocks too."""
    for task in value if isinstance(value, list) else []:
        if not isinstance(task, dict):
            continue
        inner = [task.get(part) for part in ("block", "rescue", "always")]
        if task.get("block") is not None:
            for part in inner:
                yield from tasks(part)
        yield task


def modules(task):
    """The module that a task calls, by the name in it, and the lookup that its loop asks."""
    for key, value in task.items():
        if key in ("action", "local_action"):
            word = value.get("module", "") if isinstance(value, dict) else str(value).split(" ")[0]
            if word and "{" not in word:
                yield "modules", word
        elif isinstance(key, str) and key.startswith("with_"):
            yield "lookups", key[5:]
        elif isinstance(key, str) and key not in KEYWORDS and "{" not in key:
            yield "modules", key


def strings(value, key=None):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from strings(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, key)
    elif isinstance(value, str):
        yield f"{{{{ ({value}) }}}}" if key in CONDITIONS and "{{" not in value else value


def expressions(text):
    """The filters, tests and lookups of a template."""
    try:
        tree = SYNTAX.parse(text)
    except jinja2.TemplateError:
        return
    for node in tree.find_all((jinja2.nodes.Filter, jinja2.nodes.Test, jinja2.nodes.Call)):
        if isinstance(node, jinja2.nodes.Call):
            named = isinstance(node.node, jinja2.nodes.Name) and node.node.name in CALLS and node.args
            if named and isinstance(node.args[0], jinja2.nodes.Const):
                yield "lookups", str(node.args[0].value)
            continue
        yield ("filters" if isinstance(node, jinja2.nodes.Filter) else "tests"), node.name
        # map('name') and select('name') name filters and tests in their first argument
        inner = {"map": "filters", "select": "tests", "reject": "tests"}.get(node.name)
        if inner and node.args and isinstance(node.args[0], jinja2.nodes.Const):
            yield inner, str(node.args[0].value)
        if node.name in ("selectattr", "rejectattr") and len(node.args) > 1 and isinstance(node.args[1], jinja2.nodes.Const):
            yield "tests", str(node.args[1].value)


def needs(role):
    """(kind, name) of all that a role names."""
    found = set()
    for folder in ("tasks", "handlers"):
        for path in (role / folder).rglob("*.y*ml"):
            for document in documents(path):
                for task in tasks(document):
                    found.update(modules(task))
                for text in strings(document):
                    found.update(expressions(text))
    for folder in ("defaults", "vars", "meta"):
        for path in (role / folder).rglob("*.y*ml"):
            for document in documents(path):
                for text in strings(document):
                    found.update(expressions(text))
    for path in (role / "templates").rglob("*"):
        if path.is_file():
            with contextlib.suppress(UnicodeDecodeError):
                found.update(expressions(path.read_text()))
    return found


def shipped(folder):
    """The names that Python files below a folder define: modules, lookups, and tables of plugins."""
    names = set()
    for path in folder.rglob("*.py"):
        names.add(path.stem)
        text = path.read_text(errors="replace")
        if not re.search(r"def (get_)?(filters|tests)\b", text):
            continue
        with contextlib.suppress(SyntaxError):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Dict):
                    names.update(key.value for key in node.keys if isinstance(key, ast.Constant))
    return names


def roles(files):
    """Each role: (name, folder, the folder of its collection or none)."""
    for tasks_file in sorted(files.rglob("roles/*/tasks")):
        role = tasks_file.parent
        inside = role.relative_to(files).parts
        if {"tests", "molecule"} & set(inside) or not tasks_file.is_dir():
            continue
        collection = None
        if "ansible_collections" in inside:
            at = inside.index("ansible_collections")
            collection = files.joinpath(*inside[: at + 3])
        yield role.name, role, collection


def lacking(names, role, own):
    """What a role lacks, and whether its project ships some of it."""
    lacks, aside = set(), False
    for kind, name in needs(role):
        full = names.full(kind, name)
        if not names.lacks(kind, full):
            continue
        if full.rsplit(".", 1)[1] in own:
            aside = True
        else:
            lacks.add((kind, full))
    return lacks, aside


def main():
    words = argparse.ArgumentParser(description="roles that need nothing but what is built in")
    words.add_argument("canvass", type=pathlib.Path)
    words.add_argument("--package", action="append")
    words.add_argument("--folder", type=pathlib.Path, help="where the packages stay")
    words.add_argument("--show", type=int, default=25, help="names to print")
    words.add_argument("--lacking", type=pathlib.Path, help="a file for what each role lacks")
    words = words.parse_args()
    with contextlib.ExitStack() as stack:
        folder = words.folder or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        count(words, folder.resolve())


def count(words, folder):
    packages = {package: projects.unpack(package, folder) for package in words.package or projects.PACKAGES}
    names = Names(words.canvass.resolve(), folder)
    alone, users, rows = collections.Counter(), collections.Counter(), []
    for package, files in packages.items():
        bundle = any(files.glob("ansible_collections/*/*"))
        own = set() if bundle else shipped(files)
        total = complete = untouched = 0
        for role, path, collection in roles(files):
            lacks, aside = lacking(names, path, own | shipped(collection if bundle and collection else path))
            total += 1
            complete += not lacks
            untouched += not lacks and not aside
            users.update(lacks)
            if len(lacks) == 1:
                alone.update(lacks)
            rows.append({"package": package, "role": role, "aside": aside, "lacks": sorted(lacks)})
        print(
            f"{package:15} {complete:4} of {total:4} roles  {100 * complete / max(total, 1):5.1f} %"
            f"   alone {untouched:4}  {100 * untouched / max(total, 1):5.1f} %"
        )
    print("\nroles that lack only this / roles that lack it")
    for name in sorted(users, key=lambda name: (-alone[name], -users[name], name))[: words.show]:
        print(f"{alone[name]:5} {users[name]:5}  {name[0][:-1]:7} {name[1]}")
    if words.lacking:
        words.lacking.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
