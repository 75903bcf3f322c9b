#!/usr/bin/env python3
"""Compares templates of real roles: rendered by ansible-core and by canvass, same variables.

Usage: python tests/oracle/corpus.py [--package NAME]... [--left-out] [--show N] [--renderer PATH]
       [--keep FOLDER]

Needs ansible-core 2.19 importable, pip, and `cargo build --example render_templates`. The
packages (debops and kolla-ansible unless others are named) are downloaded into a temporary folder;
with `--keep` they stay in that folder, and so does what ansible-core made of the cases, which a
later run then reads. Lookups of the templates run programs (`pipe`) and write files (`password`):
run it in a sandbox, such as `unshare -n` with a home directory of its own. Variables are the defaults of all roles, and a few facts; what nothing defines
stays undefined for both. Prints the share of equal results and the kinds of differences. Every
third case, chosen by the hash of its text, is left out unless `--left-out` asks for these alone.
"""

import argparse
import collections
import contextlib
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile

import yaml

FACTS = {
    "ansible_facts": {"distribution": "Debian", "os_family": "Debian", "distribution_release": "bookworm",
                      "distribution_major_version": "12", "hostname": "host", "fqdn": "host.example.org",
                      "domain": "example.org", "memtotal_mb": 2048, "processor_vcpus": 2, "architecture": "x86_64",
                      "service_mgr": "systemd", "default_ipv4": {"address": "192.0.2.10", "interface": "eth0"}},
    "ansible_distribution": "Debian", "ansible_distribution_release": "bookworm", "ansible_os_family": "Debian",
    "ansible_distribution_major_version": "12", "ansible_hostname": "host", "ansible_fqdn": "host.example.org",
    "ansible_domain": "example.org", "ansible_memtotal_mb": 2048, "ansible_processor_vcpus": 2,
    "ansible_architecture": "x86_64", "ansible_service_mgr": "systemd", "ansible_managed": "Ansible managed",
    "inventory_hostname": "host", "inventory_hostname_short": "host", "ansible_local": {}, "ansible_user": "root",
    "groups": {"all": ["host"], "ungrouped": ["host"]}, "group_names": [], "ansible_check_mode": False,
    "item": {"name": "thing", "value": "1", "state": "present", "key": "k", "options": []},
}
CONDITIONS = ("when", "changed_when", "failed_when", "until")


class Loader(yaml.SafeLoader):
    """YAML with the tags of Ansible as plain values."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def unpack(packages, folder):
    for package in packages:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":none:",
                        "-d", folder, package], check=True)
    for archive in pathlib.Path(folder).glob("*"):
        if archive.suffix == ".whl":
            zipfile.ZipFile(archive).extractall(archive.with_suffix(""))
        elif archive.name.endswith(".tar.gz"):
            tarfile.open(archive).extractall(str(archive)[:-7], filter="data")


def strings(value, key=None):
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from strings(entry, name)
    elif isinstance(value, list):
        for entry in value:
            yield from strings(entry, key)
    elif isinstance(value, str):
        if key in CONDITIONS:
            yield "condition", value
        elif "{{" in value or "{%" in value:
            yield "template", value


def collect(folder):
    cases, variables = {}, {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.suffix == ".j2" and path.is_file():
            cases["file", str(path)] = None
        elif path.suffix in (".yml", ".yaml") and path.is_file():
            try:
                document = yaml.load(path.read_text(), Loader=Loader)
            except Exception:
                continue
            for case in strings(document):
                cases[case] = None
            if "defaults" in path.parts and isinstance(document, dict):
                for name, value in document.items():
                    if isinstance(name, str) and name.isidentifier():
                        variables.setdefault(name, value)
    return list(cases), {**variables, **FACTS}


def is_left_out(case, folder):
    text = case[1].removeprefix(str(folder))
    return int(hashlib.sha1(text.encode()).hexdigest(), 16) % 3 == 0


def too_long(*_):
    raise TimeoutError("too long")


def reference(cases, variables_file):
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar, trust_as_template

    def plain(value):
        if isinstance(value, dict):
            return {str(key): plain(entry) for key, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(entry) for entry in value]
        if isinstance(value, bool) or value is None:
            return value
        return int(value) if isinstance(value, int) else float(value) if isinstance(value, float) else str(value)

    def trusted(value):
        if isinstance(value, dict):
            return {trusted(key): trusted(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [trusted(entry) for entry in value]
        return trust_as_template(value) if isinstance(value, str) else value

    init_plugin_loader()
    loader = DataLoader()
    variables = trusted(loader.load_from_file(variables_file))
    signal.signal(signal.SIGALRM, too_long)
    for mode, source in cases:
        templar = Templar(loader=loader, variables=variables)
        signal.alarm(20)
        try:
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                if mode == "condition":
                    value = templar.evaluate_conditional(trust_as_template(source))
                elif mode == "file":
                    folder = os.path.dirname(source)
                    templar = templar.copy_with_new_env(searchpath=[folder], available_variables=variables)
                    text = trust_as_template(pathlib.Path(source).read_text())
                    value = templar.template(text, escape_backslashes=False, convert_data=False)
                    value = "" if value is None else str(value)
                else:
                    value = templar.template(trust_as_template(source))
            yield {"value": plain(value)}
        except Exception as error:
            yield {"error": str(error)}
        finally:
            signal.alarm(0)


def recorded_reference(cases, variables_file, folder, left_out):
    """What ansible-core makes of the cases, read from the kept folder where it is there already."""
    record = folder and folder / f"reference-{'left-out' if left_out else 'seen'}.jsonl"
    if record and record.exists():
        known = {(case["mode"], case["source"]): case["result"] for case in map(json.loads, record.open())}
        yield from (known[case] for case in cases)
        return
    with (record.open("w") if record else contextlib.nullcontext()) as target:
        for case, result in zip(cases, reference(cases, variables_file)):
            if target:
                target.write(json.dumps({"mode": case[0], "source": case[1], "result": result}) + "\n")
            yield result


def kind(message):
    for pattern in ("is undefined", "has no attribute", "No filter named", "No test named", "Syntax error",
                    "lookup plugin", "filter plugin", "test plugin", "Error rendering", "boolean result",
                    "Recursive loop", "Omit", "omitted"):
        if pattern in message:
            return {"omitted": "Omit", "has no attribute": "is undefined"}.get(pattern, pattern)
    return "other"


def is_comparable(case, theirs):
    """Not random, and nothing that only a collection brings which ansible-core lacks."""
    if any(word in case[1] for word in ("random", "/dev/null", "password", "lookup('pipe'", "now(")):
        return False
    message = theirs.get("error", "")
    return "No filter named" not in message and "No test named" not in message and "was not found" not in message


def agrees(case, theirs, ours):
    if ("error" in theirs) != ("error" in ours):
        return False
    if "error" in theirs:
        return kind(theirs["error"]) == kind(ours["error"])
    if any(f"| {name}" in case[1] for name in ("union", "difference", "intersect", "symmetric_difference")):
        # Python gives texts of a set in an order that differs from run to run
        return arranged(theirs["value"]) == arranged(ours["value"])
    return theirs["value"] == ours["value"]


def arranged(value):
    return sorted(map(str, value)) if isinstance(value, list) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", action="append")
    parser.add_argument("--left-out", action="store_true")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--renderer", default="target/debug/examples/render_templates")
    options = parser.parse_args()
    kept = contextlib.nullcontext(str(options.keep)) if options.keep else tempfile.TemporaryDirectory()
    with kept as folder:
        if not (options.keep and options.keep.exists()):
            os.makedirs(folder, exist_ok=True)
            unpack(options.package or ["debops", "kolla-ansible"], folder)
        cases, variables = collect(folder)
        cases = [case for case in cases if is_left_out(case, folder) == options.left_out][: options.limit]
        variables_file = os.path.join(folder, "vars.json")
        pathlib.Path(variables_file).write_text(json.dumps(variables, default=str))
        lines = "".join(json.dumps({"mode": mode, "source": source}) + "\n" for mode, source in cases)
        run = subprocess.run([options.renderer, variables_file], input=lines, capture_output=True, text=True)
        ours = [json.loads(line) for line in run.stdout.splitlines()]
        equal, both_fail, skipped, kinds, shown = 0, 0, 0, collections.Counter(), 0
        recorded = recorded_reference(cases, variables_file, options.keep, options.left_out)
        for case, theirs, mine in zip(cases, recorded, ours):
            if not is_comparable(case, theirs):
                skipped += 1
                continue
            if agrees(case, theirs, mine):
                equal += 1
                both_fail += "error" in theirs
                continue
            difference = tuple(kind(side["error"]) if "error" in side else "value" for side in (theirs, mine))
            kinds[difference] += 1
            if shown < options.show:
                shown += 1
                print(case[0], json.dumps(case[1].removeprefix(folder))[:600])
                print("  ansible", json.dumps(theirs)[:400])
                print("  canvass", json.dumps(mine)[:400])
        compared = len(ours) - skipped
        share = 100 * equal / max(compared, 1)
        print(f"{equal} of {compared} equal ({share:.2f} %), {both_fail} of them fail on both sides; "
              f"{skipped} not compared (random, or of collections)")
        for (theirs, mine), count in kinds.most_common():
            print(f"{count:6} ansible: {theirs}; canvass: {mine}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
