#!/usr/bin/env python3
"""Compares what both programs say about real projects without running them.

Usage: python tests/oracle/projects.py LINKS [--package NAME]... [--only TEXT] [--show N]
       [--folder FOLDER] [--differences FILE]

LINKS is a folder with `ansible-playbook` and `ansible-inventory` that are canvass (`canvass compat
install`). Needs ansible-core 2.19 importable, and pip. Each playbook of the packages (debops,
kolla-ansible and ansible unless others are named), and a playbook for each of their roles, goes
through `--syntax-check`, and through `--list-tasks --list-tags`; each inventory through
`ansible-inventory --list` and `--graph`. Standard output and exit code must be equal; what fails
must fail in both. Prints the share by package and kind, and why the rest differs.

The packages are downloaded into a temporary folder; with `--folder` they stay there, and so do
ansible-core's answers, which take far longer than the comparison.
"""

import argparse
import collections
import contextlib
import difflib
import hashlib
import importlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import yaml

PACKAGES = ["debops", "kolla-ansible", "ansible==12.3.0"]
PLAYS = {"hosts", "import_playbook", "ansible.builtin.import_playbook"}


class Loader(yaml.SafeLoader):
    """YAML whose tags do not matter."""


Loader.add_multi_constructor("", lambda loader, suffix, node: None)


def unpack(package, folder):
    """The folder of a package's files, downloaded unless it is there."""
    name = re.split("[=<>]", package)[0]
    files = folder / name
    if not files.is_dir():
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder / "wheels" / name, package],
            check=True,
        )
        for wheel in (folder / "wheels" / name).glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(files)
    return files


def is_playbook(path):
    """Whether a file is a list with a play in it."""
    try:
        content = yaml.load(path.read_text(), Loader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    return isinstance(content, list) and any(isinstance(play, dict) and PLAYS & set(play) for play in content)


def playbooks(files):
    for path in sorted(files.rglob("*.y*ml")):
        inside = path.relative_to(files).parts
        if {"tests", "molecule", "vars", "group_vars", "host_vars", "tasks", "handlers"} & set(inside):
            continue
        # roles hold task files, but also whole playbooks in their documentation
        if path.suffix in {".yml", ".yaml"} and is_playbook(path):
            yield path


def roles(files):
    """Each role as (name, search path of roles or none)."""
    for tasks in sorted(files.rglob("roles/*/tasks/main.y*ml")):
        role = tasks.parent.parent
        inside = role.relative_to(files).parts
        if {"tests", "molecule"} & set(inside):
            continue
        if "ansible_collections" in inside:
            at = inside.index("ansible_collections")
            if inside[at + 3 : -1] != ("roles",):
                continue
            yield ".".join([*inside[at + 1 : at + 3], role.name]), None
        else:
            yield role.name, role.parent


def inventories(files):
    for path in sorted(files.rglob("inventory")):
        if path.is_dir() and "plugins" not in path.parts and "scripts" not in path.parts:
            yield from [path, *sorted(p for p in path.iterdir() if p.is_file())]
    for path in sorted(files.rglob("hosts")):
        if path.is_file() and "templates" not in path.parts and "files" not in path.parts:
            yield path


def cases(package, files, folder):
    """(kind, name, working folder, program, arguments) of everything to be asked."""
    plays = [("playbook", str(path.relative_to(files)), path.parent, path.name) for path in playbooks(files)]
    generated = folder / "generated" / package
    generated.mkdir(parents=True, exist_ok=True)
    for role, search in roles(files):
        if search and not (generated / "roles").exists():
            (generated / "roles").symlink_to(search)
        path = generated / f"{role}.yml"
        path.write_text(f"- name: One role\n  hosts: localhost\n  gather_facts: false\n  roles: [{role}]\n")
        plays.append(("role", role, generated, path.name))
    for kind, name, cwd, file in plays:
        common = ["-i", "localhost,", file]
        yield kind, "syntax", name, cwd, "ansible-playbook", ["--syntax-check", *common]
        yield kind, "list", name, cwd, "ansible-playbook", ["--list-tasks", "--list-tags", *common]
    for path in inventories(files):
        name = str(path.relative_to(files))
        for option in ("--list", "--graph"):
            yield "inventory", option, name, path.parent, "ansible-inventory", [option, "-i", str(path)]


def environment(packages, home):
    paths = [p.parent for files in packages for p in files.rglob("ansible_collections") if p.is_dir()]
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": ":".join(map(str, paths)),
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    }


def reference(program, arguments, cwd, out):
    """The answer of ansible-core, which a child that has it already imported gives."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 250
        try:
            os.chdir(cwd)
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(f"{out}.{name}", os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
            sys.argv = [program, *arguments]
            code = importlib.import_module("ansible.cli." + program.split("-")[1]).main() or 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    texts = [pathlib.Path(f"{out}.{name}").read_text(errors="replace") for name in ("out", "err")]
    return [os.waitstatus_to_exitcode(status), *texts]


def ours(links, program, arguments, cwd, variables):
    ended = subprocess.run(
        [links / program, *arguments], cwd=cwd, env=variables, capture_output=True, text=True, errors="replace",
        stdin=subprocess.DEVNULL, timeout=120,
    )
    return [ended.returncode, ended.stdout, ended.stderr]


def comparable(text):
    """The text with the tags of plays in order: ansible-core shows them as Python's sets come."""

    def in_order(found):
        return found[1] + ",".join(sorted(found[2].split(","))) + "]"

    return re.sub(r"(?m)^(  play #\d+ .*TAGS: \[)([^\]]*)\]$", in_order, text)


def why(expected, seen):
    """A short word on what differs, for counting."""
    if expected[0] != seen[0]:
        text = seen[2] if seen[0] else expected[2]
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("[WARNING")]
        message = next((line for line in lines if "rror" in line or "not" in line), lines[0] if lines else "")
        return f"exit {seen[0]} instead of {expected[0]}: {message.strip()[:150]}"
    changes = [
        line
        for line in difflib.unified_diff(expected[1].splitlines(), seen[1].splitlines(), "theirs", "ours", n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    return f"{len(changes)} lines: " + " | ".join(changes[:2])[:200]


def main():
    words = argparse.ArgumentParser(description="canvass and ansible-core on real projects")
    words.add_argument("links", type=pathlib.Path)
    words.add_argument("--package", action="append")
    words.add_argument("--only", default="", help="cases whose name holds this")
    words.add_argument("--show", type=int, default=20, help="kinds of differences")
    words.add_argument("--folder", type=pathlib.Path)
    words.add_argument("--differences", type=pathlib.Path, help="a file for all of them")
    words = words.parse_args()
    links = words.links.resolve()
    with contextlib.ExitStack() as stack:
        folder = words.folder or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        compare(links, folder.resolve(), words)


def compare(links, folder, words):
    folder.mkdir(exist_ok=True)
    (folder / "home").mkdir(exist_ok=True)
    packages = {re.split("[=<>]", name)[0]: unpack(name, folder) for name in PACKAGES + (words.package or [])}
    asked = [re.split("[=<>]", name)[0] for name in words.package or PACKAGES]
    known_path = folder / "answers.jsonl"
    known = {}
    if known_path.exists():
        known = dict(json.loads(line) for line in known_path.read_text().splitlines())
    variables = environment(packages.values(), folder / "home")
    # both read the same settings; a child inherits what is imported here
    os.environ.clear()
    os.environ.update(variables)
    for program in ("playbook", "inventory"):
        importlib.import_module(f"ansible.cli.{program}")
    counts, kinds, differences = collections.Counter(), collections.Counter(), []
    with known_path.open("a") as answers:
        for package in asked:
            for kind, what, name, cwd, program, arguments in cases(package, packages[package], folder):
                if words.only not in name:
                    continue
                key = hashlib.sha256(repr((package, str(cwd), program, arguments)).encode()).hexdigest()
                if key not in known:
                    known[key] = reference(program, arguments, cwd, folder / "answer")
                    answers.write(json.dumps([key, known[key]]) + "\n")
                    answers.flush()
                seen = ours(links, program, arguments, cwd, variables)
                theirs = known[key]
                theirs, seen = ([answer[0], comparable(answer[1]), answer[2]] for answer in (theirs, seen))
                counts[package, kind, what, "all"] += 1
                # what fails prints as far as it came; only that it fails matters
                if theirs[0] == seen[0] and (theirs[0] != 0 or theirs[1] == seen[1]):
                    counts[package, kind, what, "equal"] += 1
                    continue
                reason = why(theirs, seen)
                kinds[re.sub(r"[\w./-]*/[\w./-]+|\d+", "…", reason)] += 1
                differences.append((package, kind, what, name, reason, theirs, seen))
    for package, kind, what, _ in sorted({key for key in counts if key[3] == "all"}):
        total, equal = counts[package, kind, what, "all"], counts[package, kind, what, "equal"]
        print(f"{package:14} {kind:9} {what:8} {equal:5} of {total:5}  {100 * equal / total:5.1f} %")
    for reason, count in kinds.most_common(words.show):
        print(f"{count:5}  {reason}")
    if words.differences:
        with words.differences.open("w") as file:
            for package, kind, what, name, reason, theirs, seen in differences:
                file.write(f"=== {package} {kind} {what} {name}\n    {reason}\n")
                file.writelines(
                    difflib.unified_diff(theirs[1].splitlines(1), seen[1].splitlines(1), "theirs", "ours", n=1)
                )
                file.write(f"--- their errors\n{theirs[2][:1500]}\n--- our errors\n{seen[2][:1500]}\n")


if __name__ == "__main__":
    main()
