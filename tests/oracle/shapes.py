"""Values for what a template reads and nothing defines, guessed from how the template uses it.

A name whose attributes are read becomes a mapping of them, one that is looped over a list, one
that is compared with a number a number, one that is compared with a text that text or another one.
The same template gets the same values each time.
"""

import hashlib
import pathlib

import jinja2
from jinja2 import nodes

ENVIRONMENT = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], trim_blocks=True)
NUMBERS = {"int", "float", "round", "abs", "human_readable", "filesizeformat", "log", "pow", "root"}
LISTS = {"length", "count", "join", "map", "select", "reject", "selectattr", "rejectattr", "first", "last", "list",
         "sort", "unique", "union", "difference", "intersect", "symmetric_difference", "flatten", "sum", "min", "max",
         "zip", "zip_longest", "product", "batch", "slice", "groupby", "random", "shuffle", "items2dict", "reverse",
         "community.general.lists_mergeby", "subelements", "ansible.builtin.flatten"}
SAME_ITEMS = {"select", "reject", "selectattr", "rejectattr", "list", "sort", "unique", "union", "difference",
              "intersect", "flatten", "shuffle", "reverse"}
TEXTS = {"lower", "upper", "title", "capitalize", "trim", "replace", "basename", "dirname", "regex_replace",
         "regex_search", "regex_findall", "regex_escape", "quote", "b64encode", "hash", "split", "indent",
         "expanduser", "realpath", "splitext", "urlsplit", "password_hash", "truncate", "wordwrap", "comment",
         "fileglob", "to_uuid", "escape", "e", "version", "win_basename"}
MAPPINGS = {"dict2items", "combine", "dictsort", "items", "xmlattr", "urlencode"}
PASSED_ON = {"default", "d", "mandatory", "ternary_input"}
NOT_VARIABLES = {"omit", "lookup", "query", "q", "now", "undef", "range", "dict", "namespace", "loop", "caller",
                 "varargs", "kwargs", "self", "super", "joiner", "cycler", "lipsum", "vars", "environment", "url_for",
                 "template_path", "template_host", "template_uid", "template_fullpath", "template_mtime",
                 "template_run_date", "template_destpath", "playbook_dir", "role_path"}


class Shape:
    """What is known of a value by its use."""

    def __init__(self):
        self.attributes, self.items, self.values = {}, None, None
        self.kinds, self.constants = set(), []

    def attribute(self, name):
        return self.attributes.setdefault(name, Shape())

    def item(self):
        self.items = self.items or Shape()
        return self.items

    def entry(self):
        self.values = self.values or Shape()
        return self.values


class Walk:
    """Goes through a template and notes how names are used."""

    def __init__(self, folder=None):
        self.names, self.folder, self.seen = {}, folder, set()

    def template(self, source):
        self.block(ENVIRONMENT.parse(source).body, {})

    def block(self, body, scope):
        for node in body:
            self.statement(node, scope)

    def statement(self, node, scope):
        if isinstance(node, nodes.For):
            inner = dict(scope, loop=Shape())
            self.bind(node.target, self.looped(node.iter, scope), inner)
            if node.test:
                self.truth(node.test, inner)
            self.block(node.body, inner)
            self.block(node.else_, scope)
        elif isinstance(node, nodes.If):
            self.truth(node.test, scope)
            for part in (node.body, node.elif_, node.else_):
                self.block(part, scope)
        elif isinstance(node, nodes.Assign):
            value = self.value(node.node, scope)
            self.bind(node.target, value if not isinstance(node.target, nodes.Tuple) else Shape(), scope)
        elif isinstance(node, (nodes.Macro, nodes.CallBlock)):
            inner = dict(scope)
            for argument in node.args:
                inner[argument.name] = Shape()
            for name in ("caller", "varargs", "kwargs"):
                inner[name] = Shape()
            if isinstance(node, nodes.Macro):
                scope[node.name] = Shape()
            else:
                self.value(node.call, scope)
            for default in node.defaults:
                self.value(default, scope)
            self.block(node.body, inner)
        elif isinstance(node, (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)):
            self.other(node.template, scope)
            if isinstance(node, nodes.Import):
                scope[node.target] = Shape()
            for name in getattr(node, "names", ()):
                scope[name[1] if isinstance(name, tuple) else name] = Shape()
        elif isinstance(node, nodes.AssignBlock):
            self.bind(node.target, Shape(), scope)
            self.block(node.body, scope)
        elif isinstance(node, nodes.Expr):
            self.value(node, scope)
        else:
            for child in node.iter_child_nodes():
                self.statement(child, scope)

    def other(self, name, scope):
        self.value(name, scope)
        if self.folder and isinstance(name, nodes.Const) and name.value not in self.seen:
            self.seen.add(name.value)
            path = pathlib.Path(self.folder, str(name.value))
            if path.is_file():
                self.block(ENVIRONMENT.parse(path.read_text()).body, scope)

    def bind(self, target, shape, scope):
        if isinstance(target, nodes.Name):
            scope[target.name] = shape
        elif isinstance(target, nodes.Tuple):
            for place, entry in enumerate(target.items):
                self.bind(entry, shape if place == len(target.items) - 1 else Shape(), scope)

    def looped(self, node, scope):
        """The shape of what a loop over the node gives; of pairs that of the second."""
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "items":
            return self.value(node.node.node, scope).entry()
        if isinstance(node, nodes.Filter) and node.name in ("dictsort", "items"):
            return self.value(node.node, scope).entry()
        return self.value(node, scope).item()

    def truth(self, node, scope):
        if isinstance(node, (nodes.And, nodes.Or)):
            self.truth(node.left, scope)
            self.truth(node.right, scope)
        elif isinstance(node, nodes.Not):
            self.truth(node.node, scope)
        else:
            self.value(node, scope).kinds.add("truth")

    def value(self, node, scope):
        if isinstance(node, nodes.Name):
            if node.name in scope:
                return scope[node.name]
            return Shape() if node.name in NOT_VARIABLES else self.names.setdefault(node.name, Shape())
        if isinstance(node, nodes.Getattr):
            return self.value(node.node, scope).attribute(node.attr)
        if isinstance(node, nodes.Getitem):
            return self.indexed(node, scope)
        if isinstance(node, nodes.Call):
            return self.call(node, scope)
        if isinstance(node, nodes.Filter) and node.node is not None:
            return self.filtered(node, scope)
        if isinstance(node, nodes.Test):
            shape = self.value(node.node, scope)
            short = node.name.rpartition(".")[2]
            if short in ("changed", "failed", "success", "succeeded", "skipped"):
                shape.attribute("changed"), shape.attribute("failed")
            elif short in ("version", "version_compare"):
                shape.kinds.add("version")
            elif short in ("match", "search", "regex", "file", "exists", "directory", "link"):
                shape.kinds.add("text")
            self.children(node, scope, but=node.node)
            return Shape()
        if isinstance(node, nodes.Compare):
            return self.compared(node, scope)
        if isinstance(node, (nodes.And, nodes.Or)):
            left, right = self.value(node.left, scope), self.value(node.right, scope)
            for shape in (left, right):
                shape.kinds.add("truth")
            return Shape()
        if isinstance(node, nodes.CondExpr):
            self.truth(node.test, scope)
            shape = self.value(node.expr1, scope)
            if node.expr2:
                self.value(node.expr2, scope)
            return shape
        if isinstance(node, (nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)):
            for side in (node.left, node.right):
                self.value(side, scope).kinds.add("number")
            return Shape()
        if isinstance(node, nodes.Add):
            return self.added(node, scope)
        self.children(node, scope)
        return Shape()

    def children(self, node, scope, but=None):
        for child in node.iter_child_nodes():
            if child is not but:
                self.value(child, scope)

    def added(self, node, scope):
        def kind(side):
            if isinstance(side, nodes.Const):
                return "text" if isinstance(side.value, str) else "number"
            return "list" if isinstance(side, nodes.List) else None
        known = kind(node.left) or kind(node.right)
        for side in (node.left, node.right):
            shape = self.value(side, scope)
            if known:
                shape.kinds.add(known)
        return Shape()

    def indexed(self, node, scope):
        shape, index = self.value(node.node, scope), node.arg
        if isinstance(index, nodes.Const) and isinstance(index.value, str):
            return shape.attribute(index.value)
        if isinstance(index, nodes.Const) and isinstance(index.value, int):
            return shape.item()
        if isinstance(index, nodes.Slice):
            self.children(index, scope)
            return shape
        self.value(index, scope)
        return shape.entry()

    def call(self, node, scope):
        result = Shape()
        if isinstance(node.node, nodes.Getattr):
            shape, method = self.value(node.node.node, scope), node.node.attr
            if method in ("items", "keys", "values"):
                result.items = shape.entry() if method == "values" else None
            elif method == "get" and node.args and isinstance(node.args[0], nodes.Const):
                result = shape.attribute(str(node.args[0].value))
            elif method in ("append", "extend", "pop", "insert", "index", "remove"):
                shape.kinds.add("list")
            elif method not in ("update", "get", "setdefault"):
                shape.kinds.add("text")
        else:
            self.value(node.node, scope)
        for child in [*node.args, *node.kwargs]:
            self.value(child, scope)
        return result

    def filtered(self, node, scope):
        shape, name = self.value(node.node, scope), node.name.rpartition(".")[2]
        first = node.args[0] if node.args else None
        for child in [*node.args, *node.kwargs]:
            argument = self.value(child, scope)
            if name in ("union", "difference", "intersect", "zip", "product"):
                argument.kinds.add("list")
        if name in PASSED_ON:
            if name != "mandatory" and isinstance(first, nodes.Const) and first.value is not None:
                shape.constants.append(first.value)
            return shape
        if name in NUMBERS:
            shape.kinds.add("number")
        elif name == "bool":
            shape.kinds.add("bool")
        elif name in TEXTS:
            shape.kinds.add("text")
        elif name in ("from_json", "from_yaml"):
            shape.kinds.add("json")
        elif name in MAPPINGS:
            shape.entry()
        elif name in LISTS:
            shape.kinds.add("list")
            return self.listed(node, name, first, shape)
        return Shape()

    def listed(self, node, name, first, shape):
        if name in ("selectattr", "rejectattr") and isinstance(first, nodes.Const):
            self.at(shape.item(), str(first.value))
        attribute = next((keyword.value for keyword in node.kwargs if keyword.key == "attribute"), None)
        if isinstance(attribute, nodes.Const) and isinstance(attribute.value, str):
            found = self.at(shape.item(), attribute.value)
            if name == "map":
                result = Shape()
                result.items = found
                return result
        if name in SAME_ITEMS:
            return shape
        return shape.item() if name in ("first", "last", "random", "min", "max") else Shape()

    @staticmethod
    def at(shape, path):
        for part in path.split("."):
            shape = shape.item() if part.isdigit() else shape.attribute(part)
        return shape

    def compared(self, node, scope):
        left = self.value(node.expr, scope)
        for operand in node.ops:
            right = self.value(operand.expr, scope)
            if operand.op in ("in", "notin"):
                if isinstance(operand.expr, (nodes.List, nodes.Tuple)):
                    left.constants += [entry.value for entry in operand.expr.items if isinstance(entry, nodes.Const)]
                elif isinstance(node.expr, nodes.Const):
                    right.kinds.add("list")
                    right.item().constants.append(node.expr.value)
                else:
                    right.kinds.add("list")
            elif isinstance(operand.expr, nodes.Const):
                left.constants.append(operand.expr.value)
            elif isinstance(node.expr, nodes.Const):
                right.constants.append(node.expr.value)
            if operand.op in ("lt", "gt", "lteq", "gteq"):
                for shape in (left, right):
                    if not any(isinstance(constant, str) for constant in shape.constants):
                        shape.kinds.add("number")
        return Shape()


def guessed(shape, name):
    """A value of the shape; the name decides which of several."""
    draw = int(hashlib.sha1(name.encode()).hexdigest(), 16)
    last = name.rpartition(".")[2].lower()
    if shape.attributes:
        attributes = {key: guessed(entry, f"{name}.{key}") for key, entry in shape.attributes.items()}
        return [attributes] if shape.items or "list" in shape.kinds else attributes
    if shape.values:
        return {key: guessed(shape.values, f"{name}.{key}") for key in ("host", "second")}
    if shape.items or "list" in shape.kinds:
        items = shape.items or Shape()
        return [guessed(items, f"{name}.{place}") for place in range(1 + draw % 3)]
    if "json" in shape.kinds:
        return '{"name": "thing", "value": [1, 2.5, null, true]}'
    if "number" in shape.kinds:
        return draw % 5000
    if "bool" in shape.kinds:
        return draw % 2 == 0
    if "version" in shape.kinds:
        return f"{draw % 30}.{draw % 7}"
    if shape.constants and draw % 3:
        return shape.constants[draw % len(shape.constants)]
    return named(last, draw, "text" in shape.kinds, "truth" in shape.kinds)


def named(last, draw, is_text, is_truth):
    if last in ("rc", "size", "uid", "gid", "status") or last.endswith(("_count", "_size", "timeout", "_port")) or last == "port":
        return draw % 3 if last == "rc" else draw % 9000
    if last.endswith(("_lines", "results", "list")) and not is_text:
        return ["first line", f"line {draw % 10}"]
    if last in ("changed", "failed", "skipped", "exists") or last.startswith(("is_", "enable", "use_")):
        return draw % 2 == 0
    if last.endswith(("path", "file", "dir", "directory", "dest", "src")):
        return f"/srv/{last}/{draw % 100}.conf"
    if last.endswith(("ip", "address", "addr")):
        return f"192.0.2.{draw % 200}"
    if is_truth and not is_text:
        return draw % 4 != 0
    odd = ["plain", "with space", 'it\'s "quoted"', "über ☃", "yes", "12", "a,b;c", "line\nbreak", "", "C:\\new"]
    return f"{last} {odd[draw % len(odd)]}" if draw % 4 else odd[draw % len(odd)]


def merged(known, added):
    """What is known, with what was added where nothing was known."""
    if isinstance(known, dict) and isinstance(added, dict):
        return {**{key: merged(known[key], entry) if key in known else entry for key, entry in added.items()},
                **{key: entry for key, entry in known.items() if key not in added}}
    return known


def values(mode, source, known):
    """Variables for what the case reads beyond the known ones."""
    walk = Walk(pathlib.Path(source).parent if mode == "file" else None)
    try:
        text = pathlib.Path(source).read_text() if mode == "file" else source
        if mode == "condition":
            walk.truth(ENVIRONMENT.parse("{{ (%s) }}" % text).body[0].nodes[0], {})
        else:
            walk.template(text)
    except (jinja2.TemplateError, UnicodeDecodeError, IndexError, AttributeError, RecursionError):
        return {}
    found = {name: guessed(shape, name) for name, shape in walk.names.items() if name not in known}
    for name, shape in walk.names.items():
        if isinstance(known.get(name), dict) and shape.attributes:
            found[name] = merged(known[name], guessed(shape, name))
    return found
