#!/usr/bin/env python3
"""Compares the options of our modules with those that ansible-doc tells of Ansible's.

Usage: python tests/oracle/options.py CANVASS [--ansible-doc PROGRAM] [--collections DIR]

CANVASS is the program. Prints a line for each option that only one of both has, and for each whose
aliases, choices, type or need differ; what is known to differ without a difference in meaning (a
boolean default's word, a path that Ansible calls a text) is left out.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

# text there, and something that text becomes here
LOOSE = {("str", "raw"), ("str", "path"), ("path", "str"), ("list", "raw"), ("str", "dict"), ("str", "int")}


def told(program, names, environment):
    said = subprocess.run(
        [program, "--json", "-t", "module", *names], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(said.stdout)


def compare(name, theirs, ours):
    for option, spec in theirs.items():
        mine = ours.get(option)
        if mine is None:
            yield f"{name}: `{option}` is missing"
            continue
        for field in ("aliases", "choices"):
            # choices of Ansible may be a mapping with descriptions
            one, other = ({str(word) for word in side.get(field) or []} for side in (spec, mine))
            if one != other:
                yield f"{name}: {field} of `{option}`: {sorted(one)} there, {sorted(other)} here"
        kinds = (spec.get("type", "str"), mine.get("type", "str"))
        if kinds[0] != kinds[1] and kinds not in LOOSE:
            yield f"{name}: type of `{option}`: {kinds[0]} there, {kinds[1]} here"
        if bool(spec.get("required")) != bool(mine.get("required")):
            yield f"{name}: `{option}` is required in one of both only"
    for option in ours:
        if option not in theirs:
            yield f"{name}: `{option}` is known here only"


def main():
    words = argparse.ArgumentParser(description="compare the options of modules")
    words.add_argument("canvass", type=pathlib.Path)
    words.add_argument("--ansible-doc", default="ansible-doc")
    words.add_argument("--collections", help="where ansible_collections lies")
    words = words.parse_args()
    environment = os.environ | {"ANSIBLE_NOCOLOR": "1"}
    if words.collections:
        environment["ANSIBLE_COLLECTIONS_PATH"] = words.collections
    listed = subprocess.run(
        [words.canvass, "doc", "--list", "--format", "json"], check=True, capture_output=True, text=True
    )
    names = json.loads(listed.stdout)["modules"]
    with tempfile.TemporaryDirectory() as folder:
        # by that name the program answers as ansible-doc does
        link = pathlib.Path(folder, "ansible-doc")
        link.symlink_to(words.canvass.resolve())
        ours = told(link, names, environment)
    theirs = told(words.ansible_doc, names, environment)
    options = lambda page: page["doc"].get("options") or {}
    for name in names:
        if name in theirs:
            for line in compare(name, options(theirs[name]), options(ours[name])):
                print(line)
        else:
            print(f"{name}: Ansible has no page")


if __name__ == "__main__":
    main()
