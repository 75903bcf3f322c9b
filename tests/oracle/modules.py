#!/usr/bin/env python3
"""Records what Ansible's own modules do in the cases beside ours, into the same file.

Usage: python tests/oracle/modules.py MODULE CASES [--path OPTION SHOWN] [--collections DIR]
       [--playbook PROGRAM] [--interpreter PYTHON]

MODULE is the full name, CASES a file `…cases.json` in `modules/src`. Needs ansible-core 2.19 and
the collection. A case has `arguments`, and one of two kinds of world:

- `before`: the text of the file that OPTION names (none: it is missing); SHOWN is its name in
  messages. Recorded: `after`.
- `programs`: names of programs, which are played by stubs. `answers` lists what they say: `argv`,
  `stdout`, `stderr`, `rc`; of several for one `argv` each is said once. What has no answer, or one with `change`, changes something: it says
  nothing and ends with 0. Recorded: `ran`, these commands in order.

Recorded in both: `changed`, `failed`, `msg`, and `returned`, the other fields of the result. A case
with `words` has a message that ours words otherwise.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

STUB = """#!{python}
import json, os, sys
case = json.load(open(os.environ["STUB_CASE"]))
argv = [os.path.basename(sys.argv[0])] + sys.argv[1:]
answers = [known for known in case.get("answers", []) if known["argv"] == argv] or [{{"change": True}}]
with open(os.environ["STUB_CASE"] + ".asked", "a+") as log:
    log.seek(0)
    times = log.read().splitlines().count(json.dumps(argv))
    print(json.dumps(argv), file=log)
answer = answers[min(times, len(answers) - 1)]
if answer.get("change"):
    with open(os.environ["STUB_CASE"] + ".ran", "a") as log:
        print(json.dumps(argv), file=log)
sys.stdout.write(answer.get("stdout", ""))
sys.stderr.write(answer.get("stderr", ""))
sys.exit(answer.get("rc", 0))
"""
OWN = {"changed", "failed", "msg", "invocation", "diff", "exception", "warnings", "deprecations", "action", "cmd", "_ansible_no_log"}
NOISE = {"uid", "gid", "owner", "group", "mode", "size", "state"}


def prepare(folder, number, case, option):
    """The task of a case, after its world has been laid out."""
    arguments = dict(case["arguments"])
    task = {"ignore_errors": True, "name": str(number)}
    if option and "programs" not in case:
        path = folder / f"{number}.conf"
        if case.get("before") is not None:
            path.write_text(case["before"])
        arguments[option] = str(path)
    if "programs" in case:
        stubs = folder / f"bin{number}"
        stubs.mkdir()
        for name in case["programs"]:
            (stubs / name).write_text(STUB.format(python=sys.executable))
            (stubs / name).chmod(0o755)
        world = folder / f"{number}.json"
        world.write_text(json.dumps(case))
        task["environment"] = {"PATH": f"{stubs}:{os.environ['PATH']}", "STUB_CASE": str(world)}
    return task, arguments


def record(case, number, folder, result, option, shown):
    place = str(folder / f"{number}.conf")
    clean = lambda value: json.loads(json.dumps(value).replace(place, shown or "").replace(f"{folder}/bin{number}/", "/usr/bin/"))
    lines = {f"{name}_lines" for name in result}
    rest = {name: clean(value) for name, value in result.items() if name not in OWN | lines}
    case["changed"], case["failed"] = result.get("changed", False), result.get("failed", False)
    case["msg"] = clean(result.get("msg"))
    if isinstance(case["msg"], str):
        # a module that ends with an error of Python's: its words, without those of ansible-core
        case["msg"] = case["msg"].removeprefix("Task failed: Module failed: ")
    if "programs" in case:
        ran = folder / f"{number}.json.ran"
        case["ran"] = [json.loads(line) for line in ran.read_text().splitlines()] if ran.exists() else []
        case["returned"] = rest
    elif option:
        path = folder / f"{number}.conf"
        case["after"] = path.read_text() if path.exists() else None
        case["returned"] = {name: value for name, value in rest.items() if name not in NOISE}


def main():
    words = argparse.ArgumentParser(description="record cases of a module")
    words.add_argument("module")
    words.add_argument("cases", type=pathlib.Path)
    words.add_argument("--path", nargs=2, default=(None, None), metavar=("OPTION", "SHOWN"))
    words.add_argument("--collections", help="where ansible_collections lies")
    words.add_argument("--interpreter", default=sys.executable, help="the Python that modules run with")
    words.add_argument("--playbook", default="ansible-playbook", help="ansible-core's program")
    words = words.parse_args()
    option, shown = words.path
    cases = json.loads(words.cases.read_text())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tasks = []
        for number, case in enumerate(cases):
            task, arguments = prepare(folder, number, case, option)
            tasks.append(task | {words.module: arguments})
        play = folder / "play.json"
        play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        environment = os.environ | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_NOCOLOR": "1"}
        if words.collections:
            environment["ANSIBLE_COLLECTIONS_PATH"] = words.collections
        told = subprocess.run(
            [words.playbook, "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={words.interpreter}", play],
            env=environment, capture_output=True, text=True,
        )
        results = json.loads(told.stdout[told.stdout.index("{"):])["plays"][0]["tasks"]
        assert len(results) == len(cases), told.stderr
        for number, (case, task) in enumerate(zip(cases, results)):
            record(case, number, folder, task["hosts"]["localhost"], option, shown)
    words.cases.write_text("[\n" + ",\n".join("  " + json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
