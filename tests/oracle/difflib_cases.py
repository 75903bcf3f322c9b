#!/usr/bin/env python3
"""Random edits and their diffs as Python's difflib draws them.

    difflib_cases.py COUNT [SEED] > cases.jsonl

One JSON object a line: before, after, diff. The edits cover moved, repeated, deleted and changed
lines, missing last newlines, odd line ends, and files long enough for difflib's treatment of
popular lines. `src/report/diff/tests.rs` reads the recorded file beside this script, and with
CANVASS_DIFF_CASES=FILE any other.
"""
import difflib
import json
import random
import sys


def text(rng, length, words):
    return [" ".join(rng.choice(words) for _ in range(rng.randint(0, 3))) for _ in range(length)]


def edit(rng, lines, words):
    lines = list(lines)
    for _ in range(rng.randint(0, 1 + len(lines) // 8)):
        kind = rng.choice("idcmr")
        at = rng.randint(0, len(lines))
        if kind == "i":
            lines[at:at] = text(rng, rng.randint(1, 4), words)
        elif kind == "d":
            del lines[at:at + rng.randint(1, 4)]
        elif kind == "c" and lines:
            lines[min(at, len(lines) - 1)] = "changed %d" % rng.randint(0, 9)
        elif kind == "m":
            block = lines[at:at + 3]
            del lines[at:at + 3]
            to = rng.randint(0, len(lines))
            lines[to:to] = block
        elif kind == "r":
            lines[at:at] = lines[at:at + 5]
    return lines


def joined(rng, lines):
    end = rng.choice(["\n"] * 12 + ["\r\n", "\r", "\u2028", "\x0c\n"])
    whole = end.join(lines)
    return whole + end if lines and rng.random() < 0.8 else whole


def drawn(before, after):
    sides = []
    for side in (before, after):
        lines = side.splitlines(True)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n\\ No newline at end of file\n"
        sides.append(lines)
    return "".join(difflib.unified_diff(*sides, fromfile="before: f", tofile="after: f", n=3))


def main():
    count = int(sys.argv[1])
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    for _ in range(count):
        words = ["w%d" % n for n in range(rng.choice([2, 5, 40]))] + [""]
        length = rng.choice([0, 1, 3, 10, 30, 30, 60, 250])
        old = text(rng, length, words)
        new = edit(rng, old, words)
        if rng.random() < 0.05:
            old = []
        before, after = joined(rng, old), joined(rng, new)
        print(json.dumps({"before": before, "after": after, "diff": drawn(before, after)}))


main()
