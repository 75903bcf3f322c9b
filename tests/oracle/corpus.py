#!/usr/bin/env python3
"""Compares templates of real roles: rendered by ansible-core and by canvass, same variables.

Usage: python tests/oracle/corpus.py [--package NAME]... [--left-out] [--show N] [--renderer PATH]
       [--keep FOLDER]

Needs ansible-core 2.19 importable with the libraries of its collections' filters (netaddr,
jmespath, jsonschema), pip, and `cargo build --example render_templates`. The packages (debops,
kolla-ansible and the bundle ansible unless others are named) are downloaded into a temporary
folder; with `--keep` they stay in that folder, and so does what ansible-core made of the cases,
which a later run then reads. Lookups of the templates run programs (`pipe`) and write files
(`password`): run it in a sandbox, such as `unshare -n` with a home directory of its own.

Cases are all files `*.j2`, and all templated texts and conditions of all YAML files but for those
that no play reads: the changelogs of collections and the pages beside their plugins. Variables of a
package's cases are the defaults of its roles, a few facts, and for what nothing defines values that
`shapes.py` guesses from how the case uses it. ansible-core has the collections of the bundle, and is asked again in
a process of its own where it differs, as what it did before may tell. Prints, by package, the share of equal
results and the kinds of differences. Every third case, chosen by the hash of its text, is left out
unless `--left-out` asks for these alone.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import pathlib
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile

import yaml

import shapes

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
}
PACKAGES = ("debops", "kolla-ansible", "ansible")
READ_BY_NO_PLAY = {"changelogs", "plugins"}
DRAWN = re.compile("|".join((
    r"/dev/null", r"\|\s*(random|shuffle)\b", r"random_", r"\bnow\(",
    r"(lookup|query|q)\(\s*\\*['\"](ansible\.builtin\.)?pipe",
    # the time of the run, where no moment is given
    r"\|\s*(ansible\.builtin\.)?strftime\b(?!\s*\(\s*[^\s)])",
    # a salt, where none is given by name or place
    r"\|\s*(ansible\.builtin\.)?password_hash\b(?!\s*\(([^()]*,)?\s*salt\s*=)(?!\s*\([^(),=]+,\s*[^(),=]+[,)])",
    r"\|\s*(ansible\.builtin\.)?vault\b(?!\s*\([^()]*salt\s*=)",
)))
CONDITIONS = ("when", "changed_when", "failed_when", "until")


class Loader(yaml.SafeLoader):
    """YAML with the tags of Ansible as plain values."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def unpack(package, folder):
    """The folder of the package, which is downloaded unless it is there already."""
    pattern = f"{package.replace('-', '_')}-[0-9]*"
    there = [path for path in pathlib.Path(folder).glob(pattern) if path.is_dir()]
    if there:
        return there[0]
    with tempfile.TemporaryDirectory() as downloads:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":none:",
                        "-d", downloads, package], check=True)
        archive = next(pathlib.Path(downloads).glob(pattern))
        if archive.suffix == ".whl":
            target = pathlib.Path(folder, archive.stem)
            zipfile.ZipFile(archive).extractall(target)
        else:
            target = pathlib.Path(folder, archive.name.removesuffix(".tar.gz"))
            tarfile.open(archive).extractall(target, filter="data")
    return target


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


def is_page(path, folder):
    parts = path.relative_to(folder).parts
    return parts[0] == "ansible_collections" and parts[3] in READ_BY_NO_PLAY


def collect(folder):
    cases, variables = {}, {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.suffix == ".j2" and path.is_file():
            cases["file", str(path)] = None
        elif path.suffix in (".yml", ".yaml") and path.is_file() and not is_page(path, folder):
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


def defaults_of_defaults(variables):
    """Values for what the defaults of roles read and nothing defines."""
    found = {}
    for _, source in strings({name: value for name, value in variables.items() if name not in FACTS}):
        for name, value in shapes.values("template", source, variables).items():
            found[name] = shapes.merged(found[name], value) if name in found else value
    return {name: value for name, value in found.items() if name not in FACTS}


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
    base = variables
    for mode, source, added in cases:
        variables = {**base, **trusted(added)}
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


def afresh(case, variables_file):
    """What ansible-core makes of one case in a process that has seen no other."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
        return pool.submit(alone, case, variables_file).result()


def alone(case, variables_file):
    return next(reference([case], variables_file))


def recorded_reference(cases, variables_file, record):
    """What ansible-core makes of the cases, read from the record where it is there already."""
    if record and record.exists():
        yield from map(json.loads, record.open())
        return
    results = []
    for result in reference(cases, variables_file):
        results.append(result)
        yield result
    if record:
        record.write_text("".join(json.dumps(result) + "\n" for result in results))


def kind(message):
    for pattern in ("is undefined", "has no attribute", "No filter named", "No test named", "Syntax error",
                    "lookup plugin", "filter plugin", "test plugin", "Error rendering", "boolean result",
                    "Recursive loop", "Omit", "omitted"):
        if pattern in message:
            return {"omitted": "Omit", "has no attribute": "is undefined"}.get(pattern, pattern)
    return "other"


def drawn_names(variables):
    """The variables whose value is drawn, or follows from one that is."""
    texts = {name: json.dumps(value, default=str) for name, value in variables.items()}
    names = {name for name, text in texts.items() if DRAWN.search(text)}
    while True:
        pattern = re.compile(r"\b(" + "|".join(names | {"\0"}) + r")\b")
        more = {name for name, text in texts.items() if name not in names and pattern.search(text)}
        if not more:
            return pattern
        names |= more


def is_comparable(case, theirs, drawn):
    """Not random, and nothing that only a collection brings which ansible-core lacks."""
    text = pathlib.Path(case[1]).read_text() if case[0] == "file" else case[1]
    if DRAWN.search(text) or drawn.search(text):
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
    kept = contextlib.nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory()
    with kept as folder:
        os.makedirs(folder, exist_ok=True)
        folders = {package: unpack(package, folder) for package in options.package or PACKAGES}
        # whatever is compared, so that the same cases are: plugins that are missing leave some out
        os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(folders.get("ansible") or unpack("ansible", folder)))
        for package, root in folders.items():
            compare(package, root, pathlib.Path(folder), options)


def compare(package, root, folder, options):
    cases, variables = collect(root)
    cases = [case for case in cases if is_left_out(case, folder) == options.left_out][: options.limit]
    cases = [(mode, source, shapes.values(mode, source, variables)) for mode, source in cases]
    variables = {**variables, **defaults_of_defaults(variables)}
    variables_file = folder / f"vars-{package}.json"
    variables_file.write_text(json.dumps(variables, default=str))
    lines = "".join(json.dumps(dict(zip(("mode", "source", "variables"), case))) + "\n" for case in cases)
    run = subprocess.run([options.renderer, variables_file], input=lines, capture_output=True, text=True)
    ours = [json.loads(line) for line in run.stdout.splitlines()]
    digest = hashlib.sha1((variables_file.read_text() + lines).encode()).hexdigest()[:12]
    record = options.keep and folder / f"reference-{package}-{'left-out' if options.left_out else 'seen'}-{digest}.jsonl"
    drawn = drawn_names(variables)
    equal, both_fail, skipped, kinds, shown = 0, 0, 0, collections.Counter(), 0
    # the record first: it is written when its last case has been asked for
    for theirs, case, mine in zip(recorded_reference(cases, str(variables_file), record), cases, ours):
        if not is_comparable(case, theirs, drawn):
            skipped += 1
            continue
        if not agrees(case, theirs, mine):
            theirs = afresh(case, str(variables_file))
        if agrees(case, theirs, mine):
            equal += 1
            both_fail += "error" in theirs
            continue
        difference = tuple(kind(side["error"]) if "error" in side else "value" for side in (theirs, mine))
        kinds[difference] += 1
        if shown < options.show:
            shown += 1
            print(case[0], json.dumps(case[1].removeprefix(str(folder)))[:600], json.dumps(case[2])[:600])
            print("  ansible", json.dumps(theirs)[:400])
            print("  canvass", json.dumps(mine)[:400])
    compared = len(ours) - skipped
    share = 100 * equal / max(compared, 1)
    print(f"{package}: {equal} of {compared} equal ({share:.2f} %), {both_fail} of them fail on both sides; "
          f"{skipped} not compared (random, or of collections)", flush=True)
    for (theirs, mine), count in kinds.most_common():
        print(f"{count:6} ansible: {theirs}; canvass: {mine}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
