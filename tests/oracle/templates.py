#!/usr/bin/env python3
"""Records what ansible-core makes of the templates of `tests/fixtures/NAME.cases`.

Usage: python tests/oracle/templates.py [NAME], with ansible-core 2.19 importable; run from the
repository's root. Writes `tests/fixtures/NAME.json`. NAME is `templates` or `collections`; the
latter needs the collections of the package `ansible` (`ANSIBLE_COLLECTIONS_PATH`) and the libraries
`netaddr`, `jmespath`, `hashids`, `prettytable`, `jsonpatch` and `jsonschema`.

The cases file has a line a case: `template`, `expression` or `condition`, a blank, and a JSON
string. `templates.vars.yml` beside it holds the variables.
"""

import contextlib
import io
import json
import pathlib
import re
import sys
import warnings

from ansible.plugins.loader import init_plugin_loader
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

FIXTURES = pathlib.Path("tests/fixtures")


def trusted(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {trusted(key): trusted(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [trusted(entry) for entry in value]
    return value


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return str(value)


def run(mode, source, templar):
    text = trust_as_template(source)
    if mode == "template":
        return templar.template(text)
    if mode == "expression":
        return templar.evaluate_expression(text)
    return templar.evaluate_conditional(text)


def worded(message):
    """The message without names of classes that only ansible-core has, and without places."""
    message = re.sub(r"ansible\.[\w.]*_Ansible", "_Ansible", message)
    message = re.sub(r"_Ansible(?:Tagged|LazyTemplate)(\w+)", lambda m: m[1].lower(), message)
    return re.sub(r" at '[^']*:\d+:\d+'| at '<unknown>'", " at PLACE", message)


def main():
    init_plugin_loader()
    loader = DataLoader()
    variables = trusted(loader.load_from_file(str(FIXTURES / "templates.vars.yml")))
    cases = []
    name = sys.argv[1] if len(sys.argv) > 1 else "templates"
    for line in (FIXTURES / f"{name}.cases").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        mode, _, source = line.partition(" ")
        source = json.loads(source)
        case = {"mode": mode, "source": source}
        templar = Templar(loader=loader, variables=variables)
        try:
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                case["value"] = plain(run(mode, source, templar))
        except Exception as error:
            case["error"] = worded(str(error))
        cases.append(case)
    target = FIXTURES / f"{name}.json"
    known = []
    if target.exists():
        known = json.loads(target.read_text())["known_differences"]
    document = {"recorded_with": "ansible-core 2.19", "known_differences": known, "cases": cases}
    target.write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n")
    print(f"{len(cases)} cases", file=sys.stderr)


warnings.simplefilter("ignore")
main()
