"""Command lines of `snowsnake-eval-jobs` whose lines are recorded in lines.json: name → words after the root."""

from pathlib import Path

ROOTS = str(Path(__file__).with_name("roots.nix"))


def expression(attribute: str) -> list[str]:
    return ["--expr", f"(import {ROOTS}).{attribute}"]


CASES = {
    "plain": expression("plain"),
    "not instantiated": [*expression("plain"), "--no-instantiate"],
    "all sets": [*expression("plain"), "--force-recurse"],
    "arguments": [*expression("plain"), "--argstr", "x", "9"],
    "traces": [*expression("plain.broken-below"), "--show-trace", "--select", "x: { inherit x; }"],
    "metadata": [*expression("meta"), "--meta"],
    "input derivations": [*expression("inputs"), "--show-input-drvs"],
    "cache status": [*expression("inputs"), "--check-cache-status"],
    "applied": [*expression("plain"), "--apply", "drv: { inherit (drv) name; number = 1.0; }"],
    "applied badly": [*expression("inputs"), "--apply", "drv: 1"],
    "selected": [*expression("plain"), "--select", "root: { inherit (root) a entered; }"],
    "selected badly": [*expression("plain"), "--select", "root: 1"],
    "one derivation": expression("plain.a"),
    "aggregates": [*expression("aggregates"), "--constituents"],
    "a circle of aggregates": [*expression("cycle"), "--constituents"],
    "aggregates, not asked for": expression("aggregates"),
    "no set": expression("plain.number"),
    "a root that fails": expression("plain.broken"),
    "no expression": [],
    "two expressions": ["1", "2"],
    "unknown option": ["--unknown"],
    "too few words": ["--workers"],
    "no workers": ["--workers", "0", "/does/not/exist.nix"],
    "no number of workers": ["--workers", "-1", "x.nix"],
    "a worker for each": [*expression("inputs"), "--max-memory-size", "0"],
    "what cannot be together": [*expression("inputs"), "--no-instantiate", "--show-input-drvs", "--constituents"],
}
