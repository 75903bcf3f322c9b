#!/usr/bin/env python3
"""Records what Ansible's own modules do in the cases beside ours, into the same file.

Usage: python tests/oracle/modules.py MODULE CASES [--path OPTION SHOWN] [--collections DIR]
       [--playbook PROGRAM] [--interpreter PYTHON]

MODULE is the full name, CASES a file `…cases.json` in `modules/src`. Needs ansible-core 2.19 and
the collection. A case has `arguments`, and one or more kinds of world:

- `before`: the text of the file that OPTION names (none: it is missing); SHOWN is its name in
  messages. Recorded: `after`.
- `programs`: names of programs, which are played by stubs. `answers` lists what they say: `argv`,
  `stdout`, `stderr`, `rc`; of several for one `argv` each is said once. What has no answer, or one with `change`, changes something: it says
  nothing and ends with 0. `writes` are files that a program leaves. Recorded: `ran`, these commands in order.

- `files`: texts by their paths. With it, or with `python` (texts of Python's modules by their
  names), the case runs on a copy of this machine's file system of its own, over which they lie;
  that takes root. Recorded: `files_after`, the files that have changed.

Recorded in all: `changed`, `failed`, `msg`, and `returned`, the other fields of the result. A case
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
case = json.load(open({case!r}))
argv = [os.path.basename(sys.argv[0])] + sys.argv[1:]
answers = [known for known in case.get("answers", []) if known["argv"] == argv] or [{{"change": True}}]
with open({case!r} + ".asked", "a+") as log:
    log.seek(0)
    times = log.read().splitlines().count(json.dumps(argv))
    print(json.dumps(argv), file=log)
answer = answers[min(times, len(answers) - 1)]
if answer.get("change"):
    with open({case!r} + ".ran", "a") as log:
        print(json.dumps(argv), file=log)
for path, text in answer.get("writes", {{}}).items():
    open(path, "w").write(text)
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
        world = folder / f"{number}.json"
        world.write_text(json.dumps(case))
        for name in case["programs"]:
            (stubs / name).write_text(STUB.format(python=sys.executable, case=str(world)))
            (stubs / name).chmod(0o755)
        stubs.chmod(0o755)
        task["environment"] = {"PATH": f"{stubs}:{os.environ['PATH']}"}
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
        if not ran.exists():
            ran = folder / f"world{number}/upper" / str(ran).lstrip("/")
        case["ran"] = [json.loads(line) for line in ran.read_text().splitlines()] if ran.exists() else []
        case["returned"] = rest
    elif option:
        path = folder / f"{number}.conf"
        case["after"] = path.read_text() if path.exists() else None
        case["returned"] = {name: value for name, value in rest.items() if name not in NOISE}


WORLD = """
set -e
mkdir -p {0}/upper {0}/work {0}/root
mount -t overlay overlay -o lowerdir=/,upperdir={0}/upper,workdir={0}/work {0}/root
mount --rbind /dev {0}/root/dev
{1}
exec chroot {0}/root "$@"
"""


def isolated(folder, number, case, environment, command):
    """Runs a play over the files of a case, and gives the files that it has changed."""
    place = folder / f"world{number}"
    upper = place / "upper"
    for path, text in case.get("files", {}).items():
        # a folder must not hide a link (`/lib`)
        laid = upper / os.path.realpath(path).lstrip("/")
        laid.parent.mkdir(parents=True, exist_ok=True)
        laid.write_text(text)
    for name, text in case.get("python", {}).items():
        laid = upper / "opt/stubs" / name
        laid.parent.mkdir(parents=True, exist_ok=True)
        laid.write_text(text)
    # a case with files of /proc has these alone
    fakes = any(path.startswith("/proc/") for path in case.get("files", {}))
    script = WORLD.format(place, "" if fakes else f"mount --rbind /proc {place}/root/proc")
    told = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh"] + command,
        env=environment | {"PYTHONPATH": "/opt/stubs"}, capture_output=True, text=True,
    )
    after = {}
    for path in upper.rglob("*"):
        name = "/" + str(path.relative_to(upper))
        if name.startswith(("/proc/", "/root/", "/tmp/", "/opt/stubs", "/var/", "/run/", str(folder))) or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        if {os.path.realpath(known): text for known, text in case.get("files", {}).items()}.get(name) != text:
            after[name] = text
    return told, after


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
        environment = os.environ | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_NOCOLOR": "1"}
        if words.collections:
            environment["ANSIBLE_COLLECTIONS_PATH"] = words.collections
        command = [words.playbook, "-i", "localhost,", "-c", "local"]
        command += ["-e", f"ansible_python_interpreter={words.interpreter}"]

        def results(name, tasks, run):
            play = folder / name
            play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
            told = run(command + [str(play)])
            found = json.loads(told.stdout[told.stdout.index("{"):])["plays"][0]["tasks"] if "{" in told.stdout else []
            assert len(found) == len(tasks), told.stdout + told.stderr
            return [task["hosts"]["localhost"] for task in found]

        shared = [number for number, case in enumerate(cases) if not {"files", "python"} & set(case)]
        if shared:
            run = lambda command: subprocess.run(command, env=environment, capture_output=True, text=True)
            found = results("play.json", [tasks[number] for number in shared], run)
            for number, result in zip(shared, found):
                record(cases[number], number, folder, result, option, shown)
        for number in sorted(set(range(len(cases))) - set(shared)):
            case = cases[number]

            def run(command):
                told, case["files_after"] = isolated(folder, number, case, environment, command)
                return told

            record(case, number, folder, results(f"play{number}.json", [tasks[number]], run)[0], option, shown)
    words.cases.write_text("[\n" + ",\n".join("  " + json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
