"""Records what ansible-core makes of the inventories beside this file.

Usage: PYTHON record.py, with a Python that has ansible-core 2.19. Each folder is a case: `args`
holds the sources, one a line (default: its file `hosts`, `hosts.ini`, `hosts.yml` or
`hosts.json`), `playbook/` is taken as the playbook's folder, `patterns` lists patterns, each maybe
with ` limit=`. The answers go to `expected.json`.
"""
import json
import os
import pathlib
import subprocess
import sys


from ansible.inventory import manager as manager_module  # noqa: E402
from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.plugins.loader import init_plugin_loader  # noqa: E402
from ansible.vars.manager import VariableManager  # noqa: E402

DROPPED = {
    "ansible_playbook_python", "ansible_version", "ansible_facts", "ansible_local", "playbook_dir",
    "omit", "inventory_dir", "inventory_file", "ansible_config_file", "environment", "vars",
    "ansible_python_interpreter", "ansible_check_mode", "ansible_diff_mode", "ansible_forks",
    "ansible_run_tags", "ansible_skip_tags", "ansible_verbosity", "ansible_inventory_sources",
}


def record(case):
    os.chdir(case)
    args = case / "args"
    if args.exists():
        sources = args.read_text().split()
    else:
        names = ("hosts", "hosts.ini", "hosts.yml", "hosts.json")
        sources = [name for name in names if (case / name).exists()]
    os.chdir(case)
    loader = DataLoader()
    loader.set_basedir(str(case / "playbook"))
    inventory = InventoryManager(loader=loader, sources=sources)
    variables = VariableManager(loader=loader, inventory=inventory)
    groups = {}
    for name, group in inventory.groups.items():
        groups[name] = {
            "own": [host.name for host in group.hosts],
            "children": [child.name for child in group.child_groups],
        }
    hosts = {}
    for name, host in list(inventory.hosts.items()):
        found = variables.get_vars(host=host)
        hosts[name] = {k: v for k, v in sorted(found.items()) if k not in DROPPED}
        hosts[name].pop("groups", None)
    everyone = [host.name for host in inventory.get_hosts("all")]
    expected = {
        "hosts": everyone,
        "groups": groups,
        "groups_variable": inventory.get_groups_dict(),
        "variables": hosts,
    }
    if (case / "patterns").exists():
        expected["patterns"] = [pattern(inventory, line)
                                for line in (case / "patterns").read_text().splitlines()]
    text = json.dumps(expected, indent=1, default=str, ensure_ascii=False)
    (case / "expected.json").write_text(text + "\n")


def pattern(inventory, line):
    text, _, limit = line.partition(" limit=")
    warnings = []
    manager_module.display.warning = lambda message, *_, **__: warnings.append(message)
    inventory.clear_caches()
    inventory.subset(limit or None)
    answer = {"pattern": text, "limit": limit or None}
    try:
        answer["hosts"] = [host.name for host in inventory.get_hosts(text)]
    except Exception as error:  # noqa: BLE001
        answer["error"] = str(error)
    answer["warnings"] = warnings
    # an implicit localhost stays in the inventory; the next pattern begins anew
    if inventory._inventory.localhost is not None and inventory._inventory.localhost.implicit:
        inventory._inventory.localhost = None
    return answer


if len(sys.argv) > 1:
    init_plugin_loader([])
    record(pathlib.Path(sys.argv[1]))
else:
    # one process a case: ansible-core caches what it found under relative paths
    here = pathlib.Path(__file__).resolve().parent
    for folder in sorted(path for path in here.iterdir() if path.is_dir()):
        subprocess.run([sys.executable, __file__, folder], check=True)
