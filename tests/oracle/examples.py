#!/usr/bin/env python3
"""Records what ansible-core makes of the examples that `canvass doc` shows.

Usage: python tests/oracle/examples.py, with ansible-core 2.19 and what `templates.py` needs for
collections importable; run from the repository's root. Writes `src/cli/doc/examples.tsv` anew: a
line an entry with its kind, its name, an expression and, after a run, the result as JSON. Files are
those of `tests/fixtures/examples`. An expression that needs another machine or a program that is
not everywhere stands without a result: `-`.
"""

import json
import pathlib
import warnings

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

EXAMPLES = pathlib.Path("src/cli/doc/examples.tsv")
FILES = pathlib.Path("tests/fixtures/examples")
ELSEWHERE = ("url", "dig", "passwordstore", "lmdb_kv")


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, bool) or value is None:
        return value
    return int(value) if isinstance(value, int) else float(value) if isinstance(value, float) else str(value)


def main():
    init_plugin_loader()
    loader = DataLoader()
    loader.set_basedir(str(FILES.absolute()))
    variables = {"playbook_dir": str(FILES.absolute()), "groups": {"all": ["host"]}}
    lines = []
    for line in EXAMPLES.read_text().splitlines():
        kind, name, expression = line.split("\t")[:3]
        result = "-"
        if kind != "lookup" or name.rpartition(".")[2] not in ELSEWHERE:
            templar = Templar(loader=loader, variables=variables)
            try:
                value = templar.template(trust_as_template("{{ " + expression + " }}"))
            except Exception as error:
                raise SystemExit(f"{kind} {name}: {error}") from error
            result = json.dumps(plain(value), ensure_ascii=False)
        lines.append("\t".join((kind, name, expression, result)))
    EXAMPLES.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
