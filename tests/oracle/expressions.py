#!/usr/bin/env python3
"""Compares generated expressions: evaluated by ansible-core and by canvass, same variables.

Usage: python tests/oracle/expressions.py [--count N] [--seed N] [--show N] [--renderer PATH]
       python tests/oracle/expressions.py EXPRESSION...

Needs ansible-core 2.19 importable and `cargo build --example render_templates`; run from the
repository's root. Expressions chain filters, tests, methods, operators and literals over values of
all types, with the arguments that they take and with wrong ones; variables are those of
`tests/fixtures/templates.vars.yml`. Values must be equal, and errors must have the same text but
for names of classes that only ansible-core has.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

import corpus
import yaml

VARIABLES = pathlib.Path("tests/fixtures/templates.vars.yml")

TEXTS = ["s", "path", "unicode", "multi", "quote_me", "'Hello World'", "''", "' x y '", "'a,b,,c'", "'10'", "'3.5'",
         "'0x1f'", "'yes'", "'AbC-dEf_gh'", "'%s-%d'", "'{}-{}'", "'tab\\there'", "'1.10.2'", "'2024-05-06 07:08:09'"]
NUMBERS = ["n", "f", "0", "1", "-1", "2", "7", "-7", "10", "255", "1.5", "2.5", "-0.5", "1e3", "3.0", "0.1", "12345678901",
           "true", "false"]
LISTS = ["l", "words", "mixed", "[]", "[3, 1, 2]", "['b', 'a', 'C']", "[1, 1, 2]", "[[1, 2], [3]]", "users",
         "[none, 1]", "range(5)", "(1, 2)", "nested.list", "['a', 1, true]", "[1.5, 2]", "[true, false]"]
MAPPINGS = ["d", "nested", "base", "over", "{}", "{'a': 1, 'b': 2}", "{'x': [1], 'y': none}", "{1: 'one', 'two': 2}", "result"]
OTHERS = ["none", "nothing", "missing_thing", "omit", "lazy", "lazy_list", "port", "home"]
VALUES = {"text": TEXTS, "number": NUMBERS, "list": LISTS, "mapping": MAPPINGS, "other": OTHERS}

# what each takes, and arguments that make sense for it
FILTERS = {
    "text": ["upper", "lower", "capitalize", "title", "trim", "length", "int", "float", "list", "bool", "string", "quote",
             "b64encode", "hash('md5')", "replace('l', 'L')", "replace('a', 'b', 1)", "regex_replace('[aeiou]', '<\\\\g<0>>')",
             "regex_search('[A-Z]')", "regex_findall('o.?')", "regex_escape", "split", "split(',')", "splitlines", "indent",
             "indent(2, true)", "indent(width=3, blank=true)", "center(20)", "wordcount", "wordwrap(5)", "truncate(5)",
             "truncate(7, true, '~', 0)", "reverse", "first", "last", "urlencode", "escape", "striptags", "basename", "dirname",
             "splitext", "normpath", "to_json", "to_nice_json", "to_yaml", "to_nice_yaml", "from_yaml", "comment",
             "comment('c')", "urlsplit", "human_to_bytes", "type_debug", "default('z')", "default('z', true)", "ternary('a', 'b')",
             "format(1, 2)", "random(seed='a')", "shuffle(seed='a')", "unique", "sort", "sort(reverse=true)", "join('-')", "min",
             "max", "batch(3) | list", "slice(2) | list", "map('upper') | list", "select('match', '[a-z]') | list", "mandatory",
             "expanduser", "to_uuid", "checksum", "tojson", "pprint", "urlize", "d", "count", "wordwrap(4, false)", "path_join",
             "relpath('/etc')", "win_basename", "win_splitdrive", "strftime", "to_datetime", "regex_search('(.)(.)', '\\\\1', '\\\\2')",
             "filesizeformat", "items", "dictsort", "safe", "forceescape", "zip('abc') | list", "combine({})"],
    "number": ["int", "float", "string", "bool", "abs", "round", "round(1)", "round(2, 'floor')", "round(0, 'ceil')", "log", "log(2)",
               "pow(2)", "root", "root(3)", "human_readable", "human_readable(unit='K')", "filesizeformat", "filesizeformat(true)",
               "to_json", "to_yaml", "type_debug", "default(3)", "default(3, true)", "ternary('a', 'b')", "list", "length", "random(seed=1)",
               "string | length", "hash", "min", "strftime", "human_readable(isbits=true)", "tojson", "urlencode", "join", "quote", "upper"],
    "list": ["length", "first", "last", "min", "max", "sum", "sort", "sort(reverse=true)", "sort(case_sensitive=true)", "unique",
             "unique(case_sensitive=true)", "reverse | list", "join", "join(',')", "join(attribute='name')", "list", "string", "flatten", "flatten(levels=1)",
             "union([1, 9])", "intersect([1, 2])", "difference([1])", "symmetric_difference([1, 7])", "zip([7, 8, 9]) | list",
             "zip_longest([7], fillvalue='x') | list", "product([1, 2]) | list", "permutations(2) | list", "combinations(2) | list",
             "map('string') | list", "map('int') | list", "map(attribute='name') | list", "map(attribute='name', default='?') | list",
             "map('default', 'x') | list", "select | list", "select('defined') | list", "reject('none') | list", "select('number') | list",
             "selectattr('name', 'defined') | list", "rejectattr('enabled') | list", "selectattr('uid', 'gt', 1000) | list",
             "groupby('name')", "batch(2) | list", "batch(2, 'x') | list", "slice(2) | list", "slice(3, 'x') | list", "to_json", "to_nice_json", "to_yaml",
             "to_nice_yaml", "to_nice_yaml(indent=2)", "random(seed='x')", "shuffle(seed='x')", "dict2items", "items2dict",
             "items2dict(key_name='name', value_name='uid')", "subelements('groups')", "subelements('groups', skip_missing=true)", "rekey_on_member('name')",
             "type_debug", "default('z')", "default('z', true)", "ternary('a', 'b')", "bool", "map('upper') | list", "sum(start=10)", "sum(attribute='uid')",
             "min(attribute='uid')", "max(attribute='name')", "sort(attribute='name')", "sort(attribute='name,uid')", "unique(attribute='name')", "path_join", "tojson",
             "map('extract', [10, 20, 30, 40]) | list", "combine", "commonpath", "count", "map('regex_replace', '^', 'x') | list", "items", "d", "comment"],
    "mapping": ["length", "list", "dict2items", "dict2items(key_name='k')", "items", "items | list", "dictsort", "dictsort(by='value')",
                "dictsort(reverse=true)", "dictsort(true)", "combine({'z': 9})", "combine({'b': {'x': 5}}, recursive=true)", "combine({'l': [9]}, list_merge='append')", "to_json", "to_nice_json",
                "to_nice_json(indent=2)", "to_yaml", "to_nice_yaml", "string", "first", "last", "join(',')", "sort", "unique", "map('upper') | list",
                "default('z')", "type_debug", "xmlattr", "tojson", "urlencode", "bool", "ternary('a', 'b')", "random", "reverse", "min", "max", "sum", "mandatory", "count", "pprint"],
    "other": ["default('z')", "default('z', true)", "default(none)", "string", "int", "float", "bool", "list", "length", "to_json", "type_debug", "ternary('a', 'b', 'c')",
              "mandatory", "join", "first", "upper", "dict2items", "d", "to_yaml", "combine({'a': 1})", "quote", "b64encode", "map('upper') | list"],
}
METHODS = {
    "text": ["upper()", "lower()", "title()", "capitalize()", "swapcase()", "casefold()", "strip()", "lstrip()", "rstrip('d')", "strip('Hd')", "split()",
             "split(',')", "split(',', 1)", "rsplit(None, 1)", "rsplit('o')", "partition(' ')", "rpartition('o')", "splitlines()", "splitlines(true)", "startswith('H')", "startswith(('a', 'H'))",
             "endswith('d')", "find('o')", "rfind('o')", "find('o', 5)", "index('o')", "rindex('zz')", "count('l')", "count('l', 3)", "replace('l', 'L')", "replace('l', '', 1)", "join(['a', 'b'])",
             "join([1])", "center(21, '*')", "ljust(15, '.')", "rjust(15)", "zfill(8)", "expandtabs(4)", "isdigit()", "isalpha()", "isalnum()", "isupper()", "islower()",
             "isspace()", "istitle()", "isdecimal()", "isnumeric()", "isidentifier()", "isascii()", "isprintable()", "removeprefix('He')", "removesuffix('ld')", "format(1, 2)", "format(a=1)", "encode()",
             "translate({72: 'J'})", "format_map({'a': 1})", "nope()", "upper", "__len__()", "count()", "split(1)", "replace('a')"],
    "number": ["bit_length()", "is_integer()", "as_integer_ratio()", "conjugate()", "hex()", "real", "imag", "numerator", "denominator", "to_bytes(2, 'big')", "bit_count()"],
    "list": ["append(1)", "index(1)", "count(1)", "copy()", "pop()", "pop(0)", "extend([1])", "insert(0, 'x')", "remove(1)", "reverse()", "sort()", "clear()", "index('zz')", "pop(99)", "nope()", "append"],
    "mapping": ["keys()", "values()", "items()", "get('a')", "get('zz', 5)", "keys() | list", "values() | list", "items() | list", "copy()", "pop('a')", "pop('zz', 1)",
                "pop('zz')", "update({'q': 1})", "setdefault('n', 2)", "popitem()", "clear()", "fromkeys(['a'], 1)", "a", "b", "zz", "nope()", "get()"],
    "other": ["get('a')", "upper()", "x", "x.y", "items()", "append(1)"],
}
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "callable", "true", "false",
         "truthy", "falsy", "odd", "even", "divisibleby(3)", "sameas(none)", "eq(1)", "gt(1)", "lt('b')", "in([1, 'a'])", "contains(1)", "match('.*l')", "search('o')",
         "regex('^H')", "version('1.2', '>')", "lower", "upper", "subset([1, 2, 3])", "superset([1])", "all", "any", "abs", "url", "nan", "vault_encrypted", "escaped", "truthy(convert_bool=true)"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
INDEXES = ["[0]", "[-1]", "['a']", "[5]", "[1:]", "[:2]", "[::-1]", "[::2]", "[-2:]", ".a", ".0", "['x']['y']", "[none]", "[1.0]", "['0']"]
SPECIFICATIONS = ["d", "5d", "<6", ">8", "^9", "*^9", "+d", "x", "#x", "08.3f", ".2f", "e", "g", "%", ",", "_", "b", "o", "s", "10s", ".3", "c", "n", "=+6", "06", "r", "!r", "!s:>8", "q"]


def value(random_, kind=None, depth=0):
    kind = kind or random_.choices(list(VALUES), [4, 3, 4, 3, 1])[0]
    text = random_.choice(VALUES[kind])
    if depth > 1 or random_.random() < 0.5:
        return text, kind
    return f"({text})" if random_.random() < 0.1 else text, kind


def expression(random_, depth=0):
    """An expression, and what it is likely to be."""
    text, kind = value(random_, depth=depth)
    for _ in range(random_.choice([0, 1, 1, 1, 2, 2, 3])):
        step = random_.random()
        if step < 0.45:
            source = kind if random_.random() < 0.9 else random_.choice(list(FILTERS))
            text = f"{text} | {random_.choice(FILTERS[source])}"
            kind = random_.choice(list(VALUES))
        elif step < 0.65:
            source = kind if random_.random() < 0.9 else random_.choice(list(METHODS))
            text = f"({text}).{random_.choice(METHODS[source])}"
            kind = random_.choice(list(VALUES))
        elif step < 0.75:
            text = f"({text}) is {random_.choice(['', 'not '])}{random_.choice(TESTS)}"
            kind = "number"
        elif step < 0.9:
            other, _ = expression(random_, depth + 1) if depth < 2 else value(random_)
            text = f"({text}) {random_.choice(BINARY)} ({other})"
            kind = random_.choice(list(VALUES))
        elif step < 0.96:
            text = f"({text}){random_.choice(INDEXES)}"
        else:
            other, _ = value(random_)
            text = f"({text}) if ({other}) else 'no'" if random_.random() < 0.7 else f"'{{0:{random_.choice(SPECIFICATIONS)}}}'.format({text})"
    return text, kind


def statement(random_):
    """A template with statements around expressions."""
    one, two = expression(random_)[0], expression(random_)[0]
    return random_.choice([
        "{{% for x in {0} %}}{{{{ loop.index }}}}{{{{ loop.last }}}}:{{{{ x }}}};{{% else %}}none{{% endfor %}}",
        "{{% for k, v in {0} %}}{{{{ k }}}}={{{{ v }}}} {{% endfor %}}",
        "{{% set x = {0} %}}{{{{ x }}}}|{{{{ x }}}}",
        "{{% set x, y = {0} %}}{{{{ x }}}}|{{{{ y }}}}",
        "{{% if {0} %}}yes{{% else %}}{{{{ {1} }}}}{{% endif %}}",
        "a {{{{ {0} }}}} b {{{{ {1} }}}}",
        "{{% set ns = namespace(v={0}) %}}{{% for i in [1, 2] %}}{{% set ns.v = [ns.v, i] %}}{{% endfor %}}{{{{ ns.v }}}}",
        "{{% macro m(a, b={1}) %}}[{{{{ a }}}}-{{{{ b }}}}-{{{{ varargs }}}}-{{{{ kwargs }}}}]{{% endmacro %}}{{{{ m({0}) }}}}{{{{ m(1, 2, 3, x=4) }}}}",
        "{{% filter upper %}}x{{{{ {0} }}}}{{% endfilter %}}",
        "{{% set x %}}b{{{{ {0} }}}}{{% endset %}}{{{{ x }}}}",
        "{{{{ [{0}, {1}] }}}}", "{{{{ {{'a': {0}, 'b': {1}}} }}}}",
    ]).format(one, two)


def case(random_):
    pick = random_.random()
    if pick < 0.7:
        return "template", "{{ " + expression(random_)[0] + " }}"
    if pick < 0.8:
        return "condition", expression(random_)[0]
    return "template", statement(random_)


def worded(message):
    import re
    message = re.sub(r"ansible\.[\w.]*_Ansible", "_Ansible", message)
    message = re.sub(r"_Ansible(?:Tagged|LazyTemplate)(\w+)", lambda m: m[1].lower(), message)
    message = re.sub(r" at '[^']*:\d+:\d+'| at '<unknown>'", "", message)
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", message)


def agrees(theirs, ours):
    if "error" in theirs and "error" in ours:
        return worded(theirs["error"]) == worded(ours["error"])
    return theirs == ours


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expressions", nargs="*", metavar="EXPRESSION")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--values-only", action="store_true", help="errors agree whatever their texts are")
    parser.add_argument("--renderer", default="target/debug/examples/render_templates")
    options = parser.parse_args()
    random_ = random.Random(options.seed)
    cases = [("template", text if "{" + "{" in text or "{%" in text else "{{ " + text + " }}") for text in options.expressions]
    cases = cases or list(dict.fromkeys(case(random_) for _ in range(options.count)))
    with tempfile.TemporaryDirectory() as folder:
        variables_file = os.path.join(folder, "vars.json")
        pathlib.Path(variables_file).write_text(json.dumps(yaml.safe_load(VARIABLES.read_text()), ensure_ascii=False))
        lines = "".join(json.dumps({"mode": mode, "source": source}) + "\n" for mode, source in cases)
        run = subprocess.run([options.renderer, variables_file], input=lines, capture_output=True, text=True)
        ours = [json.loads(line) for line in run.stdout.splitlines()]
        if len(ours) < len(cases):
            print("canvass ended at", cases[len(ours)], run.stderr[-2000:])
        equal, shown, kinds = 0, 0, collections.Counter()
        for case_, theirs, mine in zip(cases, corpus.reference(cases, variables_file), ours):
            theirs = json.loads(json.dumps(theirs))
            if options.expressions:
                print(case_[1], "\n  ansible", json.dumps(theirs), "\n  canvass", json.dumps(mine))
                continue
            if agrees(theirs, mine) or (options.values_only and "error" in theirs and "error" in mine):
                equal += 1
                continue
            kinds["error" in theirs, "error" in mine] += 1
            if shown < options.show:
                shown += 1
                print(case_[0], json.dumps(case_[1]))
                print("  ansible", json.dumps(theirs)[:500])
                print("  canvass", json.dumps(mine)[:500])
    if not options.expressions:
        print(f"{equal} of {len(ours)} equal ({100 * equal / max(len(ours), 1):.2f} %)")
        for (theirs, mine), count in kinds.most_common():
            print(f"{count:6} ansible: {'error' if theirs else 'value'}; canvass: {'error' if mine else 'value'}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
