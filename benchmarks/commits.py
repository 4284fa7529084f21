"""Compares two of our commits: builds each in a tree of its own, runs them in turns, and estimates the noise of their ratios.

In: names of commits (`.`: the tree as it is now).  Out: an evaluator for each; a table.  Builds are kept in a folder by commit.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evaluators import ROOT, Evaluator, own_evaluator
from report import geometric_mean, seconds
from rows import Row

RESAMPLES = 2000


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True, text=True).stdout.strip()


def build(commit: str, builds: Path) -> tuple[str, Path]:
    """(short name, source tree) of a commit, built if it was not yet; `.` is this tree as it is."""
    if commit == ".":
        return "this tree", ROOT
    full = _git("rev-parse", "--verify", commit + "^{commit}")
    name = _git("rev-parse", "--short", full)
    tree = builds / full
    if (tree / ".complete").exists():
        return name, tree
    builds.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="snowsnake-worktree-") as scratch:
        worktree = Path(scratch) / "tree"
        _git("worktree", "add", "--detach", str(worktree), full)
        try:
            print(f"building {name} …", file=sys.stderr)
            subprocess.run(["nice", sys.executable, "tools/build.py"], cwd=worktree, check=True, stdout=sys.stderr)
            (worktree / ".git").unlink()
            subprocess.run(["cp", "-a", str(worktree), str(tree)], check=True)
            (tree / ".complete").touch()
        finally:
            subprocess.run(["rm", "-rf", str(worktree)], check=True)
            _git("worktree", "prune")
    return name, tree


def commit_evaluators(commits: Sequence[str], builds: Path) -> list[Evaluator]:
    """An evaluator for each commit; the same commit twice measures the noise itself."""
    found: list[Evaluator] = []
    for commit in commits:
        name, tree = build(commit, builds)
        if any(evaluator.name == name for evaluator in found):
            name += " again"
        found.append(own_evaluator(name, tree))
    return found


def interval(old: Sequence[float], new: Sequence[float]) -> tuple[float, float]:
    """Where 95 % of the ratios of medians lie when the runs are drawn again (bootstrap)."""
    draw = random.Random(0)
    ratios = sorted(
        statistics.median(draw.choices(new, k=len(new))) / max(statistics.median(draw.choices(old, k=len(old))), 1e-9)
        for _ in range(RESAMPLES)
    )
    return ratios[RESAMPLES * 25 // 1000], ratios[RESAMPLES * 975 // 1000 - 1]


def verdict(low: float, high: float) -> str:
    """What an interval of ratios says; a change inside it is noise."""
    if high < 1:
        return "less"
    return "more" if low > 1 else "within the noise"


def comparison(rows: Sequence[Row], old: str, new: str, unit: str) -> str:
    """Markdown: cost and memory of both, ratios new / old with their intervals."""
    lines = [
        f"| program | {old}: {unit} (min–max), MiB | {new}: {unit} (min–max), MiB | {unit}: new / old | 95 % of ratios | it says | memory: new / old |",
        "|" + "--|" * 7,
    ]
    costs, peaks = [], []
    for row in rows:
        a, b = row.facts.get(old), row.facts.get(new)
        if a is None or b is None:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in row.failed.items())
            lines.append(f"| {row.task.name} | {reasons} | | | | | |")
            continue
        ratio, low_high = row.ratio(new, old), interval(a.cost.values, b.cost.values)
        assert ratio is not None
        costs.append(ratio["cpu"])
        peaks.append(ratio["peak"])
        cells = [f"{amount(f.cost.median)} ({amount(f.cost.least)}–{amount(f.cost.most)}), {f.peak_kib.median / 1024:.0f}" for f in (a, b)]
        same = "" if row.agrees(new, old) else " **results differ**"
        lines.append(
            f"| {row.task.name}{same} | {cells[0]} | {cells[1]} | {ratio['cpu']:.3f} | {low_high[0]:.3f}–{low_high[1]:.3f} "
            f"| {verdict(*low_high)} | {ratio['peak']:.3f} |"
        )
    if costs:
        lines.append(f"| **geometric mean** | | | {geometric_mean(costs):.3f} | | | {geometric_mean(peaks):.3f} |")
    return "\n".join(lines) + "\n"


def amount(value: float) -> str:
    """Seconds, or millions of instructions."""
    return f"{value / 1e6:,.1f} M".replace(",", " ") if value > 1e5 else seconds(value)


def default_builds() -> Path:
    """Where builds of commits stay."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(cache) / "snowsnake-bench"
