#!/usr/bin/env python3
"""Times the same work with canvass and with its peers, side by side.

    cargo build --release
    benches/compare.py [--canvass PATH] [--peers ssh,ansible,mitogen,pyinfra,volant] [--hosts 1,10,50]
                       [--loads usual,templates,large,line,thousand] [--runs 3] [--tools FOLDER] [--write]

The work is done on OpenSSH servers of this machine that live as long as the script: first on empty
trees, then again, where nothing changes. All programs take turns, so that all see the same load;
each has as many forks as hosts, ansible-core pipelining and ControlPersist. What a run should have
left behind is compared before its time counts. Prints medians, how many times longer the others
take, and the memory of the controllers (proportional, with all their children, seen every 50 ms);
`--write` puts the table into `docs/performance.md`, `--add` beside those that are there. `--tools` keeps what was installed.
"""

import argparse
import datetime
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from suite.loads import LARGE, LOADS
from suite.programs import PEERS, Canvass, Dag
from suite.servers import Servers

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/performance.md"
LINUX = ".".join(platform.release().split(".")[:2])
BEGIN, END = "<!-- made by benches/compare.py -->", "<!-- end -->"


def main():
    words = argparse.ArgumentParser(description="canvass and its peers, side by side")
    words.add_argument("--canvass", default=str(ROOT / "target/release/canvass"))
    words.add_argument("--peers", default="ssh,ansible", help=", ".join(PEERS))
    words.add_argument("--hosts", default="1,10,50", help="numbers of hosts of the usual load")
    words.add_argument("--loads", default="usual", help=", ".join(LOADS))
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--tools", help="a folder for what is installed, which is kept")
    words.add_argument("--write", action="store_true", help="write docs/performance.md")
    words.add_argument("--add", action="store_true", help="with --write: keep the tables that are there")
    words = words.parse_args()
    words.canvass = os.path.abspath(words.canvass)
    if not os.access(words.canvass, os.X_OK):
        sys.exit(f"{words.canvass} is missing: cargo build --release")
    with tempfile.TemporaryDirectory(prefix="compare-", dir="/tmp") as folder:
        folder = pathlib.Path(folder)
        servers = Servers(folder)
        try:
            tools = pathlib.Path(words.tools).resolve() if words.tools else folder / "tools"
            tools.mkdir(parents=True, exist_ok=True)
            programs = [Canvass(tools, servers, words.canvass)]
            programs += [PEERS[name](tools, servers) for name in words.peers.split(",") if name]
            # what is sent ahead shows on a slow line
            programs.insert(1, Dag(tools, servers, words.canvass))
            loads = [LOADS[name] for name in words.loads.split(",")]
            programs = [program for program in programs if any(map(program.does, loads))]
            table = measured(words, loads, folder, servers, programs)
        finally:
            servers.close()
    if words.write:
        written(programs, table, words)


def measured(words, loads, folder, servers, programs):
    """Prints and gives the rows: load, hosts, run, and by program seconds and memory."""
    rows = []
    width = " ".join(f"{program.name:>22}" for program in programs)
    print(f"{'load':<10} {'hosts':>5} {'run':<10} {width}")
    for load in loads:
        load.write(folder)
        if load is LARGE:
            subprocess.run(["dd", "if=/dev/urandom", f"of={folder}/large", "bs=1M", "count=1024", "status=none"], check=True)
        for count in [load.hosts] if load.hosts else [int(count) for count in words.hosts.split(",")]:
            hosts = servers.hosts(count)
            if load.line:
                hosts = servers.behind_line(hosts)
            rows += compared(words, folder, load, hosts, programs)
        (folder / "large").unlink(missing_ok=True)
        page = folder / f"{load.name}.html"
        if page.exists():
            print(f"the page of {load.hosts} hosts: {page.stat().st_size / 1e6:.2f} MB", flush=True)
    return rows


def compared(words, folder, load, hosts, programs):
    seen = {}
    trees = folder / "trees"
    for _ in range(words.runs):
        for program in filter(lambda program: program.does(load), programs):
            shutil.rmtree(trees, ignore_errors=True)
            trees.mkdir()
            for run in ("first", "converged"):
                try:
                    result = once(folder, load, hosts, trees, program)
                except RuntimeError as error:
                    print(f"{program.name} failed: {str(error)[-600:]}", file=sys.stderr)
                    result = None
                seen.setdefault((program.name, run), []).append(result)
    rows = []
    for run in ("first", "converged"):
        cells = []
        for program in programs:
            results = seen.get((program.name, run))
            if results is None or None in results:
                cells.append("failed" if results else "")
                continue
            cells.append(tuple(statistics.median(column) for column in zip(*results)))
        rows.append((load.name, len(hosts), run, cells))
        ours = cells[0]
        shown = []
        for cell in cells:
            if isinstance(cell, str):
                shown.append(cell)
                continue
            ratio = "" if isinstance(ours, str) else f"({cell[0] / ours[0]:.1f}x)"
            shown.append(f"{cell[0]:.2f}s {ratio:>8} {cell[1]:4.0f}MB")
        print(f"{load.name:<10} {len(hosts):>5} {run:<10} " + " ".join(f"{it:>22}" for it in shown), flush=True)
    return rows


def once(folder, load, hosts, trees, program):
    """Seconds and megabytes of one run, after which everything is as it should be."""
    command, environment = program.command(load, hosts, trees)
    environment |= {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said,
            stderr=subprocess.STDOUT, start_new_session=True,
        )
        memory = Memory(process.pid)
        code = process.wait()
        seconds = time.monotonic() - started
        peak = memory.end()
        said.seek(0)
        text = said.read().decode(errors="replace")
    if code != 0:
        raise RuntimeError(f"{command}: {code}\n{text}")
    if program.name != "ssh":
        for host, *_ in (hosts[0], hosts[-1]):
            if missing := load.check(trees / host):
                raise RuntimeError(f"{command} left these as they were on {host}: {missing}\n{text}")
    return seconds, peak


class Memory(threading.Thread):
    """The most that a process and its children hold, in megabytes (Pss)."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.over = pid, 0, threading.Event()
        self.start()

    def run(self):
        # looking is work, too: seldom, and only at the tree of the process
        while not self.over.wait(0.05):
            self.most = max(self.most, sum(map(held, family(self.pid))))

    def end(self):
        self.over.set()
        self.join()
        return self.most / 1024


def family(pid):
    yield pid
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def held(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def machine():
    """The date and what the machine is."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return f"{datetime.date.today()}, {os.cpu_count()} processors ({cpu}), Linux {LINUX}"


def written(programs, rows, words):
    """Puts the table into the document, between its marks."""
    lines = [
        BEGIN,
        f"{machine()}; "
        f"medians of {words.runs} runs; seconds, times canvass, memory of the controller.",
        "",
        "| Load | Hosts | Run | " + " | ".join(program.name for program in programs) + " |",
        "| --- | ---: | --- |" + " ---: |" * len(programs),
    ]
    for load, hosts, run, cells in rows:
        shown = []
        for cell in cells:
            if isinstance(cell, str):
                shown.append(cell)
                continue
            is_peer = cell is not cells[0] and not isinstance(cells[0], str)
            ratio = f" ({cell[0] / cells[0][0]:.1f}×)" if is_peer else ""
            shown.append(f"{cell[0]:.2f} s{ratio}, {cell[1]:.0f} MB")
        lines.append(f"| {load} | {hosts} | {run} | " + " | ".join(shown) + " |")
    lines += ["", *(f"- {program.name}: {program.version()}" for program in programs), END]
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    kept, _, after = rest.partition(END)
    if words.add:
        lines[:1] = [BEGIN + kept]
    DOCUMENT.write_text(before + "\n".join(lines) + after)
    print(f"written: {DOCUMENT}")


if __name__ == "__main__":
    main()
