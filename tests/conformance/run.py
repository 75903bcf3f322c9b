#!/usr/bin/env python3
"""Runs integration targets of ansible-core that pass here (`passing.txt`), so that they go on passing.

Usage: tests/conformance/run.py CANVASS [TARGET]... [--suite FOLDER] [--python PYTHON]

CANVASS is the program; without targets the quick ones run that change nothing but their own folder.
The suite comes with ansible-core's source distribution from PyPI, unless `--suite` names its
`test/integration/targets`; it stays in no folder of this repository. Each target runs on a copy,
with a home, a temporary folder and process ids of its own. Needs Python 3.9 with pip, and util-linux.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

VERSION = "2.19.14"
COMMANDS = ["ansible", "ansible-config", "ansible-inventory", "ansible-playbook", "ansible-vault"]
# the language, and what acts on nothing but files of the target: seconds each
QUICK = """add_host blocks changed_when environment filter_urls group_by hash hosts_field
ignore_errors import-role-tasks import_tasks include_when_parent_is_dynamic include_with_templating
inventory_constructed inventory_ini lookup_csvfile lookup_dict lookup_fileglob lookup_indexed_items lookup_ini
lookup_items lookup_lines lookup_list lookup_sequence lookup_subelements lookup_vars meta_tasks order parsing
register roles_var_inheritance set_stats strategy_linear tags task_ordering templating_lookups test_core
test_mathstuff var_inheritance""".split()


def suite(folder):
    """The targets of the source distribution."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    command += ["-d", str(folder), f"ansible-core=={VERSION}"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    archive = next(pathlib.Path(folder).glob("ansible_core-*.tar.gz"), None)
    if archive is None:
        return None
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return pathlib.Path(str(archive)[: -len(".tar.gz")]) / "test/integration/targets"


def needed(targets, name):
    """A target and the folders that it uses: those that its files name."""
    names, found, queue = {path.name for path in targets.iterdir() if path.is_dir()}, set(), [name]
    while queue:
        one = queue.pop()
        if one in found or one not in names:
            continue
        found.add(one)
        aliases, meta = targets / one / "aliases", targets / one / "meta/main.yml"
        if aliases.exists():
            queue += re.findall(r"^(?:needs/target|setup/once|setup/always)/([^/\s]+)", aliases.read_text(), re.M)
        if meta.exists():
            queue += [word for word in re.findall(r"[\w-]+", meta.read_text()) if word.startswith(("setup_", "prepare_"))]
    return sorted(found)


def run(targets, name, links, python, folder):
    """Whether a target passes, and what it printed."""
    integration = folder / name / "test/integration"
    (integration / "targets").mkdir(parents=True)
    for part in needed(targets, name):
        subprocess.run(["cp", "-a", targets / part, integration / "targets"], check=True)
    aliases = (targets / name / "aliases").read_text() if (targets / name / "aliases").exists() else ""
    places = {key: folder / name / key for key in ("home", "tmp", "output")}
    for path in places.values():
        path.mkdir()
    inventory = integration / "inventory"
    inventory.write_text(
        "[testgroup]\ntesthost ansible_connection=local ansible_pipelining=yes "
        f"ansible_python_interpreter={python}\n"
    )
    (integration / "integration.cfg").write_text("")
    (links / "python").unlink(missing_ok=True)
    (links / "python").symlink_to(python)
    script = integration / "targets" / name / "runme.sh"
    if script.exists():
        cwd, command = script.parent, ["./runme.sh"]
    else:
        play = [{
            "hosts": "testhost",
            "gather_facts": "gather_facts/no" not in aliases,
            "vars": {"output_dir": str(places["output"])},
            "roles": [name],
        }]
        (integration / "play.yml").write_text(json.dumps(play))
        cwd, command = integration, ["ansible-playbook", "play.yml", "-i", "inventory"]
    environment = {
        "LC_ALL": "C.UTF-8",
        "PATH": f"{links}:{os.environ['PATH']}",
        "HOME": str(places["home"]),
        "TMPDIR": str(places["tmp"]),
        "ANSIBLE_CONFIG": str(integration / "integration.cfg"),
        "ANSIBLE_INVENTORY": "/dev/null",
        "ANSIBLE_ROLES_PATH": str(integration / "targets"),
        "ANSIBLE_PLAYBOOK_DIR": str(cwd),
        "ANSIBLE_FORCE_HANDLERS": "true",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_TEST_PYTHON_INTERPRETER": python,
        "OUTPUT_DIR": str(places["output"]),
        "INVENTORY_PATH": str(inventory),
    }
    environment |= dict(re.findall(r"^env/set/(\w+)/(\S+)", aliases, re.M))
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts"]
    if os.geteuid() != 0:
        apart += ["--user", "--map-root-user"]
    ended = subprocess.run(
        [*apart, *command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300,
    )
    return ended.returncode == 0, ended.stdout


def main():
    words = argparse.ArgumentParser(description="integration targets of ansible-core")
    words.add_argument("canvass", type=pathlib.Path)
    words.add_argument("targets", nargs="*")
    words.add_argument("--suite", type=pathlib.Path)
    words.add_argument("--python", default="/usr/bin/python3", help="the interpreter of the test host")
    words = words.parse_args()
    passing = (pathlib.Path(__file__).parent / "passing.txt").read_text().splitlines()
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        folder = pathlib.Path(folder)
        targets = words.suite or suite(folder)
        if targets is None:
            print("skipped: conformance: ansible-core's source distribution could not be downloaded")
            return
        links = folder / "bin"
        links.mkdir()
        for name in COMMANDS:
            (links / name).symlink_to(words.canvass.resolve())
        failed = []
        asked = words.targets or [name for name in QUICK if name in passing]
        for name in asked:
            passes, text = run(targets, name, links, words.python, folder)
            print(f"{'ok' if passes else 'FAILED':7}{name}", flush=True)
            if not passes:
                failed.append(name)
                print("\n".join(text.splitlines()[-40:]), flush=True)
        print(f"conformance: {len(asked) - len(failed)} of {len(asked)} targets pass")
        if failed:
            sys.exit(1)


if __name__ == "__main__":
    main()
