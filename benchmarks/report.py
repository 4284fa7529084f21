"""Tables of a benchmark in Markdown, and what of its aims was missed.

In: rows, names of evaluators.  Out: text.
"""

import math
from collections.abc import Sequence

from rows import Facts, Row
from tasks import NAMES

CPU_AIM, PARSE_AIM, PEAK_AIM = 1 / 3, 1 / 2, 1 / 2
# This is CPU over the bare interpreter.
START_AIM_S = 0.025
TITLES = {
    "start": "Start-up (`-E 1`)",
    "micro": "Programs",
    "library": "Libraries",
    "package-set": "Package sets",
    "nixos": "NixOS",
    "parse": "Parsing (`--parse`)",
    "more": "Other workloads",
}


def cpu_aim(suite: str) -> float:
    return PARSE_AIM if suite == "parse" else CPU_AIM


def table(rows: Sequence[Row], suite: str, names: Sequence[str], ours: Sequence[str], against: str) -> str:
    """One suite: a column for each evaluator that ran, and ratios for each of our evaluators; bold: an aim was missed."""
    rows = [row for row in rows if row.task.suite == suite]
    present = [name for name in names if any(name in row.facts or name in row.failed for row in rows)]
    compared = [name for name in ours if name in present and name != against and against in present]
    heads = ["program", *present, *(f"{name}: CPU, wall, memory / {against}" for name in compared)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "--|" * len(heads)]
    for row in rows:
        cells = [_cell(row, name, against) for name in present]
        ratios = [_ratios(row, name, against) for name in compared]
        size = f" ({row.task.n:,})".replace(",", " ") if row.task.n is not None else ""
        lines.append("| " + " | ".join([row.task.name + size, *cells, *ratios]) + " |")
    if len(rows) > 1 and compared:
        means = [_means(rows, name, against) for name in compared]
        lines.append("| " + " | ".join(["**geometric mean**", *[""] * len(present), *means]) + " |")
    return "\n".join(lines) + "\n"


def tables(rows: Sequence[Row], names: Sequence[str], ours: Sequence[str], against: str) -> str:
    """All suites, each with its title."""
    parts = []
    for suite in NAMES:
        if any(row.task.suite == suite for row in rows):
            parts.append(f"### {TITLES[suite]}\n\n" + table(rows, suite, names, ours, against))
    return "\n".join(parts)


def seconds(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _spread(facts: Facts) -> str:
    least, most = seconds(facts.cost.least), seconds(facts.cost.most)
    return f"{seconds(facts.cost.median)} s ({least}–{most}), wall {seconds(facts.wall_s.median)}, {facts.peak_kib.median / 1024:.0f} MiB"


def _cell(row: Row, name: str, against: str) -> str:
    if name in row.failed:
        return row.failed[name].replace("|", "\\|")
    if name not in row.facts:
        return "–"
    return _spread(row.facts[name]) + ("" if row.agrees(name, against) else " **differs**")


def _ratios(row: Row, name: str, against: str) -> str:
    ratio = row.ratio(name, against)
    if ratio is None:
        return "–"
    short = row.is_short(against)
    return ", ".join(
        (
            _marked(ratio["cpu"], short or ratio["cpu"] <= cpu_aim(row.task.suite)),
            f"{ratio['wall']:.2f}",
            _marked(ratio["peak"], short or ratio["peak"] <= PEAK_AIM),
        )
    )


def _marked(value: float, is_met: bool) -> str:
    return f"{value:.2f}" if is_met else f"**{value:.2f}**"


def _means(rows: Sequence[Row], name: str, against: str) -> str:
    found = [ratio for row in rows if (ratio := row.ratio(name, against)) is not None]
    if not found:
        return ""
    return ", ".join(f"{geometric_mean([ratio[key] for ratio in found]):.2f}" for key in ("cpu", "wall", "peak"))


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(math.log(max(value, 1e-9)) for value in values) / len(values))


def faults(rows: Sequence[Row], ours: Sequence[str], against: str, expected: dict[str, str]) -> list[str]:
    """What makes the benchmark fail: one of our results is missing or is not the reference's, or a program is too small."""
    found = []
    for row in rows:
        for name in ours:
            if name in row.failed:
                found.append(f"{row.task.name}: {name}: {row.failed[name]}")
            elif name in row.facts and not row.agrees(name, against):
                found.append(f"{row.task.name}: {name} and {against} give different results")
            elif name in row.facts and expected.get(row.task.name, row.facts[name].sha256) != row.facts[name].sha256:
                found.append(f"{row.task.name}: {name} does not give the expected result")
    return found


def too_short(rows: Sequence[Row], against: str) -> list[str]:
    """Programs for which the reference needs less than half a second."""
    return [
        f"{row.task.name}: {against} needs only {seconds(row.facts[against].cost.least)} s"
        for row in rows
        if against in row.facts and not row.task.is_lasting(row.facts[against].cost.least)
    ]


def missed_aims(rows: Sequence[Row], ours: Sequence[str], against: str, interpreter: str) -> list[str]:
    """Rows in which CPU or memory is above its aim."""
    found = []
    for row in rows:
        for name in ours:
            facts, bare = row.facts.get(name), row.facts.get(interpreter)
            if row.task.suite == "start":
                if facts and bare and facts.cost.median - bare.cost.median > START_AIM_S:
                    over_ms = (facts.cost.median - bare.cost.median) * 1000
                    found.append(f"start: {name} needs {over_ms:.0f} ms over the interpreter, aim {START_AIM_S * 1000:.0f}")
                continue
            ratio = row.ratio(name, against)
            if ratio is None or row.is_short(against) or name == against:
                continue
            if ratio["cpu"] > cpu_aim(row.task.suite):
                found.append(f"{row.task.name}: {name}: CPU {ratio['cpu']:.2f}, aim {cpu_aim(row.task.suite):.2f}")
            if ratio["peak"] > PEAK_AIM:
                found.append(f"{row.task.name}: {name}: memory {ratio['peak']:.2f}, aim {PEAK_AIM:.2f}")
    return found
