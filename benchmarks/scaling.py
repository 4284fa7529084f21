"""How cost grows with n: the same program at n, 10 n, 100 n; each must stay linear, or n log n.

In: the programs of scaling/, and two kinds of generated input: n files, and a file of n lines.  Out: a table, a picture, the names of what
grows faster.  The cost of an empty program is taken off first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy

from evaluators import OWN, Evaluator
from measure import Meter, Spread
from picture import Curve, curves
from report import seconds
from rows import measure_task
from tasks import Task

FOLDER = Path(__file__).parent / "scaling"
# The smallest n; the largest is a hundred times as much.
STARTS = {
    "calls": 100_000,
    "recursion": 200_000,
    "deep": 18_000,
    "thunks": 60_000,
    "lists": 30_000,
    "append": 60_000,
    "sets": 10_000,
    "update": 15_000,
    "strings": 20_000,
    "sort": 12_000,
    "closure": 15_000,
    "json": 10_000,
    "files": 300,
    "source": 3_000,
}
# The largest exponent: n log n is 1.1 here, the end of the caches adds another tenth, and n√n is 1.5.
MOST_GROWTH = 1.3


@dataclass
class Growth:
    """One program: costs and peaks at each n, by evaluator."""

    name: str
    sizes: list[int]
    costs: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, list[float]] = field(default_factory=dict)

    def exponent(self, name: str, values: dict[str, list[float]] | None = None) -> float | None:
        """The exponent of the growth in the last step: 1 is linear; None if it was not measured."""
        found = (self.costs if values is None else values).get(name, [])
        if len(found) < 3 or min(found[-2:]) <= 0:
            return None
        return math.log10(found[-1] / found[-2])


def _generated(kind: str, n: int, folder: Path) -> Path:
    """A program of n files, or of one file with n lines."""
    place = folder / f"{kind}-{n}"
    place.mkdir(exist_ok=True)
    root = place / "default.nix"
    if kind == "files":
        for i in range(n):
            (place / f"f{i}.nix").write_text(f"{{ a, b ? {i} }}: {{ sum = a + b; name = \"file{i}\"; }}\n")
        root.write_text(
            "{ n }: builtins.foldl' (sum: i: sum + (import (./. + \"/f${toString i}.nix\") { a = i; }).sum) 0 (builtins.genList (i: i) n)\n"
        )
    else:
        lines = "".join(f"  name{i} = {{ x, y ? x.a }}: [ x.b (y + {i}) \"text ${{toString x}}\" ./file{i} ];\n" for i in range(n))
        root.write_text(f"{{ n }}: builtins.length (builtins.attrNames {{\n{lines}}})\n")
    return root


def _program(name: str, n: int, folder: Path) -> Path:
    if name in ("files", "source"):
        return _generated(name, n, folder)
    copy(FOLDER / f"{name}.nix", folder)
    return folder / f"{name}.nix"


def measure_growth(
    names: Sequence[str], evaluators: Sequence[Evaluator], meter: Meter, runs: int, environment: dict[str, str], folder: Path,
    shrink: int = 1,
) -> list[Growth]:  # fmt: skip
    """Every program at three sizes, the evaluators in turns; the least of the runs counts."""
    empty = folder / "empty.nix"
    empty.write_text("{ n }: n\n")
    bases = {evaluator.name: _least(Task("empty", "scaling", folder, empty, 1), evaluator, meter, runs, environment, True) for evaluator in evaluators}
    found = []
    for name in names:
        start = STARTS[name] // shrink
        growth = Growth(name, [start, start * 10, start * 100])
        for n in growth.sizes:
            task = Task(name, "scaling", folder, _program(name, n, folder), n)
            for evaluator in evaluators:
                base, done = bases[evaluator.name], _least(task, evaluator, meter, runs, environment, n != growth.sizes[-1])
                if base is None or done is None or len(growth.costs.get(evaluator.name, [])) < growth.sizes.index(n):
                    continue
                growth.costs.setdefault(evaluator.name, []).append(max(done[0] - base[0], 0.0))
                growth.peaks.setdefault(evaluator.name, []).append(max(done[1] - base[1], 0.0))
        found.append(growth)
    return found


def _least(
    task: Task, evaluator: Evaluator, meter: Meter, runs: int, environment: dict[str, str], is_small: bool = False
) -> tuple[float, float] | None:
    """The least cost and peak of some runs (more runs of a small program); None if one failed, because the reference's stack ends before ours."""
    costs, peaks = Spread(), Spread()
    for _ in range(runs * 3 if is_small else runs):
        done = measure_task(task, evaluator, meter, environment)
        if done is None or done.code:
            return None
        costs.values.append(done.cost)
        peaks.values.append(done.peak_kib)
    return costs.least, peaks.least


def too_fast(growths: Sequence[Growth], name: str = OWN) -> list[str]:
    """What grows faster than n log n, or did not run."""
    found = []
    for growth in growths:
        exponent = growth.exponent(name)
        if exponent is None:
            found.append(f"{growth.name}: no result at {growth.sizes[-1]:,}".replace(",", " "))
        elif exponent > MOST_GROWTH:
            found.append(f"{growth.name}: CPU grows as n^{exponent:.2f} at {growth.sizes[-1]:,}".replace(",", " "))
        memory = growth.exponent(name, growth.peaks)
        if memory is not None and memory > MOST_GROWTH and growth.peaks[name][-2] > 4096:
            found.append(f"{growth.name}: memory grows as n^{memory:.2f} at {growth.sizes[-1]:,}".replace(",", " "))
    return found


def growth_table(growths: Sequence[Growth], names: Sequence[str], unit: str) -> str:
    """Markdown: cost at each size and the exponent of the last step, for each evaluator."""
    heads = ["program", "n", *(f"{name}: {unit}; growth" for name in names), "our memory: MiB; growth"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "--|" * len(heads)]
    for growth in growths:
        cells = [_cell(growth.costs.get(name, []), growth.exponent(name)) for name in names]
        memory = _cell([value / 1024 for value in growth.peaks.get(OWN, [])], growth.exponent(OWN, growth.peaks), ".0f")
        sizes = " · ".join(f"{n:,}".replace(",", " ") for n in growth.sizes)
        lines.append("| " + " | ".join([growth.name, sizes, *cells, memory]) + " |")
    return "\n".join(lines) + "\n"


def _cell(values: Sequence[float], exponent: float | None, form: str = "") -> str:
    if not values:
        return "–"
    texts = [format(value, form) if form else f"{value / 1e6:.0f} M" if value > 1e5 else seconds(value) for value in values]
    return " · ".join(texts) + (f"; n^{exponent:.2f}" if exponent is not None else "; ends before")


def growth_picture(growths: Sequence[Growth], against: str, unit: str) -> str:
    panels = []
    for growth in growths:
        lines = []
        for name, kind in ((against, "lc"), (OWN, "la")):
            points = list(zip(map(float, growth.sizes), growth.costs.get(name, []), strict=False))
            points = [point for point in points if point[1] > 0]
            if points:
                lines.append(Curve(name, kind, points))
        panels.append((growth.name, lines))
    return curves("How cost grows with n", panels, unit)
