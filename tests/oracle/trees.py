#!/usr/bin/env python3
"""Records what Ansible's own modules do in the cases of `tests/modules`, into the same files.

Usage: python tests/oracle/trees.py CASES… [--reference PROGRAM] [--collections DIR] [--interpreter PYTHON] [--new]

CASES are files `MODULE.json`, named for the module. A case has `arguments`, and what may stand beside them:

- `tree`: what lies in the case's own folder, by path: a text is a file with mode 0644; else `text`, `directory`,
  `link` or `hard`, `mode` and `flags` (of `A`, `d` and `S`, where the file system has such). `{dir}` in any text
  stands for the folder.
- `before`: a shell line that is run in the folder once the tree lies there.
- `keywords`: keywords of the task (`environment` …).
- `written`: the arguments stand in the task as they are, also as a text, not behind a variable.
- `answers`: what a server at `{server}` says, by path: `status`, `headers`, `body`.
- `opaque`: files whose content is not compared.
- `unseen`: files and folders that are not looked at.
- `tell`: a shell line that is run in the folder after the task; what it prints is compared, as `told`.
- `needs`: `flags` where the file system must have those of `chattr`, `root` where nobody else may do it.
- `unordered`: fields of the result whose order is not compared.
- `differs`: why ours does something else, on purpose; the case is recorded and then played without comparing
  `fields`, the fields of the result and `after`, `again` that it names.

Recorded: `changed`, `failed`, `msg`, `returned` (the other fields of the result), `after` (the folder as `tree`
has it; missing where it stays as it was), `told`, `diff` where `keywords` ask for it, and `again`, whether a second run changes or fails. `tests/modules.rs`
plays the same with canvass, dry, for real, and again.
"""

import argparse
import base64
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

# what differs from run to run, or says who ran it
NOISE = {
    "changed", "failed", "msg", "skipped", "invocation", "diff", "exception", "warnings", "deprecations", "action",
    "uid", "gid", "owner", "group", "gr_name", "pw_name", "atime", "mtime", "ctime", "dev", "inode", "start", "end",
    "delta", "elapsed", "date", "server", "failed_when_result", "ansible_facts", "version", "connection", "attributes",
    "attr_flags", "block_size", "blocks", "device_type", "nlink", "writeable", "readable", "executable", "rgrp", "rusr",
    "ansible_job_id", "device",
}
BACKUP = re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~")
# folders that Ansible makes for a while
TEMPORARY = re.compile(r"(?<![\w/])/[^\s'\"]*/ansible-(?:tmp|local|moduletmp)-[^\s'\"]*")
PLAIN = 0o644
# flags that whoever owns a file may set
FLAGS = "SdA"


def lay_out(folder, tree, place):
    folder.mkdir(mode=0o755)
    for path, entry in tree.items():
        entry = {"text": entry} if isinstance(entry, str) else entry
        at = folder / path
        at.parent.mkdir(parents=True, exist_ok=True)
        if "link" in entry:
            at.symlink_to(place(entry["link"]))
            continue
        if "hard" in entry:
            os.link(folder / entry["hard"], at)
            continue
        if "directory" in entry:
            at.mkdir(exist_ok=True)
        elif "base64" in entry:
            at.write_bytes(base64.b64decode(entry["base64"]))
        else:
            at.write_text(place(entry["text"]))
        at.chmod(int(entry.get("mode", "0755" if "directory" in entry else "0644"), 8))
        if "flags" in entry:
            subprocess.run(["chattr", "+" + entry["flags"], at], check=True)


def shell(line, folder):
    """What a shell line says in a folder, with the same names and times for commits each time."""
    environment = os.environ | {"HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    # git says the same wherever the folder is mounted
    environment["GIT_DISCOVERY_ACROSS_FILESYSTEM"] = "1"
    for who in ("AUTHOR", "COMMITTER"):
        who = {f"GIT_{who}_NAME": "ann", f"GIT_{who}_EMAIL": "ann@example.com", f"GIT_{who}_DATE": "1700000000 +0000"}
        environment |= who
    told = subprocess.run(
        ["sh", "-c", "umask 022; " + line], cwd=folder, env=environment, capture_output=True, text=True)
    return told.stdout + told.stderr


def seen(folder, case, clean):
    """What lies in a folder, in the form of `tree`."""
    found, opaque, unseen = {}, case.get("opaque", []), case.get("unseen", [])
    for path in sorted(folder.rglob("*")):
        name, mode = clean(str(path.relative_to(folder))), path.lstat().st_mode & 0o7777
        if any(name == each or name.startswith(each + "/") for each in unseen):
            continue
        entry = {} if mode == (0o755 if path.is_dir() else PLAIN) else {"mode": f"{mode:04o}"}
        if flags := "" if path.is_symlink() else flags_of(path):
            entry["flags"] = flags
        if path.is_symlink():
            entry = {"link": clean(os.readlink(path))}
        elif path.is_dir():
            entry["directory"] = True
        elif name in opaque:
            entry["opaque"] = True
        else:
            content = path.read_bytes()
            try:
                entry["text"] = clean(content.decode())
            except UnicodeDecodeError:
                entry["base64"] = base64.b64encode(content).decode()
        found[name] = entry["text"] if list(entry) == ["text"] else entry
    return found


def flags_of(path):
    told = subprocess.run(["lsattr", "-d", path], capture_output=True, text=True).stdout.split()
    return "".join(flag for flag in FLAGS if told and flag in told[0])


class Server(http.server.ThreadingHTTPServer):
    """Says what the cases tell it to, for each its own."""

    def __init__(self, cases):
        self.cases = cases
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    def answer(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        number, path = self.path[1:].split("/", 1)
        answer = self.server.cases[int(number)].get("answers", {}).get("/" + path, {"status": 404, "body": "none"})
        said = answer.get("body", "").encode()
        if answer.get("echo"):
            names = answer["echo"]
            said = json.dumps({"method": self.command, "body": body.decode(), **{n: self.headers.get(n) for n in names}}).encode()
        self.send_response(answer.get("status", 200))
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value.replace("{server}", f"http://127.0.0.1:{self.server.server_port}/{number}"))
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def log_message(self, *_):
        """Says nothing."""


def replaced(value, pairs):
    if isinstance(value, dict):
        return {replaced(name, pairs): replaced(each, pairs) for name, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, pairs) for each in value]
    if isinstance(value, str):
        for old, new in pairs:
            value = value.replace(old, new)
    return value


def record(module, path, words, folder):
    every = json.loads(path.read_text())
    cases = [case for case in every if not (words.new and "changed" in case)]
    for case in cases:
        for name in ("changed", "failed", "msg", "returned", "after", "told", "again"):
            case.pop(name, None)
    server = Server(cases)
    tasks, places = [], []
    for number, case in enumerate(cases):
        pairs = [("{dir}", str(folder / str(number))), ("{server}", f"http://127.0.0.1:{server.server_port}/{number}")]
        places.append(pairs)
        lay_out(folder / str(number), case.get("tree", {}), lambda text, pairs=pairs: replaced(text, pairs))
        if "before" in case:
            shell(replaced(case["before"], pairs), folder / str(number))
        keywords = replaced(case.get("keywords", {}), pairs)
        arguments = {module: None, "args": "{{ cases[" + str(number) + "] }}"}
        if case.get("written"):
            arguments = {module: replaced(case["arguments"], pairs)}
        tasks.append({**arguments, "ignore_errors": True, **keywords})
    arguments = [replaced(case["arguments"], pairs) for case, pairs in zip(cases, places)]
    play = folder / "play.json"
    play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "vars": {"cases": arguments}, "tasks": tasks}]))
    before = [seen(folder / str(number), case, str) for number, case in enumerate(cases)]
    for again in (False, True):
        for number, (case, result) in enumerate(zip(cases, run(play, words, len(cases)))):
            clean = lambda text, pairs=places[number]: BACKUP.sub(".BACKUP~", replaced(text, [(new, old) for old, new in pairs]))
            if again:
                case["again"] = "failed" if result.get("failed") else "changed" if result.get("changed") else "ok"
                continue
            lines = {f"{name}_lines" for name in result}
            case["changed"], case["failed"] = result.get("changed", False), result.get("failed", False)
            noise = NOISE | lines
            if case.get("keywords", {}).get("diff"):
                noise -= {"diff"}
            kept = {name: value for name, value in result.items() if name not in noise and not name.startswith("_")}
            kept = json.loads(clean(json.dumps(kept)))
            case["msg"] = result.get("msg")
            if isinstance(case["msg"], str):
                case["msg"] = TEMPORARY.sub("/TEMPORARY", clean(case["msg"])).removeprefix("Task failed: ").removeprefix("Module failed: ").removeprefix("Action failed: ")
            # what lies in a folder of temporary files has another name each time
            case["returned"] = {name: value for name, value in plain(kept).items() if not TEMPORARY.search(json.dumps(value))}
            if "diff" in kept:
                case["returned"]["diff"] = kept["diff"]
            if "tell" in case:
                case["told"] = clean(shell(replaced(case["tell"], places[number]), folder / str(number)))
            after = seen(folder / str(number), case, clean)
            if after != before[number]:
                case["after"] = after
    server.shutdown()
    text = "[\n" + ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in every) + "\n]\n"
    # bytes that are no UTF-8 come as lone surrogates, which no JSON of others has
    path.write_text(re.sub("[\udc80-\udcff]", "\ufffd", text))
    print(f"{module}: {len(cases)} cases", file=sys.stderr)


def plain(value):
    """Without noise in what is nested, and without the sizes of directories."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        folder = value.get("state") == "directory" or value.get("isdir")
        return {
            name: plain(each) for name, each in value.items()
            if name not in NOISE and not (folder and name == "size")
        }
    return value


def run(play, words, count):
    environment = os.environ | {
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_COLLECTIONS_PATH": words.collections,
        "ANSIBLE_HOME": str(play.parent / "home"), "ANSIBLE_PIPELINING": "1",
    }
    command = [words.reference, "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={words.interpreter}", str(play)]
    told = subprocess.run(["sh", "-c", 'umask 022; exec "$@"', "sh", *command], env=environment, capture_output=True, text=True)
    assert "{" in told.stdout, told.stdout + told.stderr
    found = json.loads(told.stdout[told.stdout.index("{"):])["plays"][0]["tasks"]
    assert len(found) == count, told.stdout + told.stderr
    return [task["hosts"]["localhost"] for task in found]


def main():
    words = argparse.ArgumentParser(description="record cases of modules")
    words.add_argument("cases", type=pathlib.Path, nargs="+")
    words.add_argument("--reference", default="ansible-playbook", help="ansible-core's program")
    words.add_argument("--collections", default="", help="where ansible_collections lies")
    words.add_argument("--new", action="store_true", help="only cases that were not recorded yet")
    words.add_argument("--interpreter", default=sys.executable, help="the Python that modules run with")
    words = words.parse_args()
    for path in words.cases:
        with tempfile.TemporaryDirectory() as folder:
            record(path.stem, path, words, pathlib.Path(folder))


if __name__ == "__main__":
    main()
