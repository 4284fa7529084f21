"""The benchmark: Snowsnake beside other Nix evaluators, two commits of it beside each other, and how its cost grows.

    python benchmarks/run.py                              all suites, all evaluators in turns
    python benchmarks/run.py --suite micro --only sort    parts of it
    python benchmarks/run.py --compare OLD NEW            two commits (`.`: the tree as it is now)
    python benchmarks/run.py --scaling                    the same programs at n, 10 n, 100 n
    python benchmarks/run.py --instructions …             counts instructions (valgrind) instead of seconds, for our evaluators only

Results of all evaluators must be equal.  CPU is user and system time of a process and its children, start-up included.  Results go to
`results/` as JSON, Markdown and SVG; `--publish` also puts them into README.md and the pictures beside it.

Exit code 1: one of our results is missing or is not the reference's, or something grows faster than n log n.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import commits
import report
import scaling
import stages
from evaluators import CACHED, OWN, ROOT, Evaluator, find_evaluators, python_itself
from measure import Meter
from picture import Bar, bars
from rows import Row, common_environment, run_row
from tasks import NAMES, SIZES, find_tasks

HERE = Path(__file__).parent
README = HERE / "README.md"
# The sizes of programs are divided by this number where instructions are counted.
SHRUNK = 20


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--suite", default="", help=f"suites, separated by commas: {', '.join(NAMES)} (all)")
    add("--only", default="", help="names of programs and workloads, separated by commas")
    add("--runs", type=int, default=5, help="runs of each program by each evaluator (5)")
    add("--limit", type=float, default=60, help="seconds after which a process is given up (60)")
    add("--workloads", default=os.environ.get("WORKLOADS", ""), help="folder of the workloads ($WORKLOADS)")
    add("--expected", default="", help="file of lines `sha256 NAME`: results that ours must have")
    add("--evaluator", action="append", default=[], metavar="NAME=COMMAND", help="one more ($EVALUATORS)")
    add("--references", default="", help="a folder with bin/nix-* and snix/bin/python ($REFERENCES)")
    add("--without", default="", help="names of evaluators to leave out, separated by commas")
    add("--against", default="", help="the evaluator that ratios are taken to (the first that is not ours)")
    add("--compare", nargs=2, metavar=("OLD", "NEW"), help="compare two commits instead")
    add("--builds", type=Path, default=commits.default_builds(), help="folder where builds of commits are kept")
    add("--scaling", action="store_true", help="measure growth instead")
    add("--stages", action="store_true", help="say where our time goes instead, with perf")
    add("--instructions", action="store_true", help="count instructions with valgrind instead of seconds; sizes are smaller")
    add("--output", type=Path, default=HERE / "results", help="folder of the results")
    add("--publish", action="store_true", help="also write the tables into README.md and the pictures beside it")
    return parser


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def machine_facts() -> dict[str, object]:
    """Where the figures come from."""
    try:
        commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    # The tree may have been unpacked on a machine without git.
    except FileNotFoundError:
        commit = ""
    return {
        "commit": commit,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }


def publish(name: str, text: str) -> None:
    """Replaces a part of the README, which is between comments with its name."""
    page = README.read_text()
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    start, end = page.index(first) + len(first), page.index(last)
    README.write_text(page[:start] + text + page[end:])


class Benchmark:
    """What the options ask for: the meter, the environment, the evaluators, where results go."""

    def __init__(self, given: argparse.Namespace, meter: Meter, scratch: Path) -> None:
        self.given = given
        self.meter = meter
        self.scratch = scratch
        (scratch / "home").mkdir()
        self.environment = common_environment(scratch / "home")
        self.unit = "instructions" if given.instructions else "CPU s"
        if given.compare:
            self.evaluators = commits.commit_evaluators(given.compare, given.builds)
        else:
            self.evaluators = find_evaluators(given.evaluator, given.references, scratch / "cache")
            if given.instructions:
                self.evaluators = [evaluator for evaluator in self.evaluators if evaluator.is_ours]
        without = set(_words(given.without))
        self.evaluators = [evaluator for evaluator in self.evaluators if evaluator.name not in without]
        self.names = [evaluator.name for evaluator in self.evaluators]
        self.ours = [evaluator.name for evaluator in self.evaluators if evaluator.is_ours]
        others = [name for name in self.names if name not in self.ours]
        self.against = given.against or (self.names[0] if given.compare or not others else others[0])

    def write(self, name: str, facts: object, text: str, picture: str) -> None:
        """Results as JSON, Markdown and, if there is one, a picture."""
        folder = self.given.output
        folder.mkdir(parents=True, exist_ok=True)
        document = {"machine": machine_facts(), "runs": self.given.runs, "unit": self.unit, "against": self.against, "results": facts}
        (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
        (folder / f"{name}.md").write_text(text)
        if picture:
            (folder / f"{name}.svg").write_text(picture)
        if self.given.publish and picture:
            (HERE / f"{name}.svg").write_text(picture)
        if self.given.publish and f"<!-- {name} -->" in README.read_text():
            publish(name, f"\n{self._setting()}\n\n{text}\n")
        print(text)

    def _setting(self) -> str:
        facts = machine_facts()
        return (
            f"{facts['cores']} cores ({facts['machine']}), Python {facts['python']}, commit {str(facts['commit'])[:10]}, "
            f"{self.given.runs} runs of each in turns."
        )

    def rows(self) -> list[Row]:
        """Every row; each is reported on stderr as soon as it is there."""
        shrink = SHRUNK if self.given.instructions else 1
        tasks = find_tasks(_words(self.given.suite), _words(self.given.only), self.given.workloads, self.scratch, shrink)
        found = []
        for task in tasks:
            evaluators: list[Evaluator] = list(self.evaluators)
            if task.suite == "start":
                evaluators.append(python_itself())
            found.append(run_row(task, evaluators, self.meter, self.given.runs, self.environment))
            line = "  ".join(f"{name} {commits.amount(facts.cost.median)}" for name, facts in found[-1].facts.items())
            print(f"{task.name}: {line}", *(f"{name}: {why}" for name, why in found[-1].failed.items()), sep="  ", file=sys.stderr)
        return found

    def run_tables(self) -> int:
        rows = self.rows()
        interpreter = python_itself().name
        text = report.tables(rows, [*self.names, interpreter], self.ours, self.against)
        faults = report.faults(rows, self.ours, self.against, self._expected())
        if not self.given.instructions:
            missed = report.missed_aims(rows, self.ours, self.against, interpreter)
            text += "\nAims missed:\n\n" + "".join(f"* {line}\n" for line in missed) if missed else "\nEvery aim is met.\n"
        for line in report.too_short(rows, self.against) if not self.given.instructions else []:
            print(f"too short: {line}", file=sys.stderr)
        facts = [row.as_json(self.ours, self.against) for row in rows]
        self.write("figures", facts, text, ratio_picture(rows, self.ours, self.against))
        return self._end(faults)

    def run_comparison(self) -> int:
        rows = self.rows()
        old, new = self.names
        text = commits.comparison(rows, old, new, self.unit)
        self.write("comparison", [row.as_json(self.ours, self.against) for row in rows], text, "")
        return self._end(report.faults(rows, self.ours, self.against, {}))

    def run_scaling(self) -> int:
        only = _words(self.given.only)
        names = [name for name in scaling.STARTS if not only or name in only]
        kept = [evaluator for evaluator in self.evaluators if evaluator.name in (OWN, self.against)]
        growths = scaling.measure_growth(
            names, kept, self.meter, self.given.runs, self.environment, self.scratch, 5 if self.given.instructions else 1
        )
        text = scaling.growth_table(growths, [evaluator.name for evaluator in kept], self.unit)
        facts = [vars(growth) | {"exponent": growth.exponent(OWN)} for growth in growths]
        self.write("scaling", facts, text, scaling.growth_picture(growths, self.against, self.unit))
        return self._end(scaling.too_fast(growths))

    def run_stages(self) -> int:
        tasks = find_tasks(_words(self.given.suite), _words(self.given.only), self.given.workloads, self.scratch)
        ours = [evaluator for evaluator in self.evaluators if evaluator.is_ours]
        columns = stages.profiles(tasks, ours, self.environment, self.given.runs, self.scratch)
        self.write("stages", columns, stages.table(columns), "")
        return 0

    def _expected(self) -> dict[str, str]:
        if not self.given.expected:
            return {}
        pairs = (line.split() for line in Path(self.given.expected).read_text().splitlines() if line.strip())
        return {name: digest for digest, name in pairs}

    def _end(self, faults: Sequence[str]) -> int:
        for line in faults:
            print(f"fault: {line}", file=sys.stderr)
        return 1 if faults else 0


def ratio_picture(rows: Sequence[Row], ours: Sequence[str], against: str) -> str:
    """Bars of every row that has a ratio; empty where there is no reference."""
    series = [name for name in (OWN, CACHED) if name in ours]
    groups = []
    for suite in NAMES:
        lines = []
        for row in rows:
            ratios = [row.ratio(name, against) for name in series]
            if row.task.suite == suite and suite != "start" and against not in ours and any(ratios):
                lines.append(Bar(row.task.name, [r and r["cpu"] for r in ratios], [r and r["peak"] for r in ratios]))
        if lines:
            groups.append((report.TITLES[suite], lines))
    if not groups:
        return ""
    return bars(f"Snowsnake beside {against} (= 1): less is better", groups, series, (report.CPU_AIM, report.PEAK_AIM))


def main() -> int:
    given = options().parse_args()
    unknown = [word for word in _words(given.suite) if word not in NAMES]
    unknown += [word for word in _words(given.only) if not given.workloads and word not in (*SIZES, *scaling.STARTS, "start")]
    if unknown:
        print(f"unknown: {', '.join(unknown)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="snowsnake-bench-") as folder, Meter(given.limit, given.instructions) as meter:
        benchmark = Benchmark(given, meter, Path(folder))
        if given.compare:
            return benchmark.run_comparison()
        if given.stages:
            return benchmark.run_stages()
        return benchmark.run_scaling() if given.scaling else benchmark.run_tables()


if __name__ == "__main__":
    sys.exit(main())
