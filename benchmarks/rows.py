"""Rows of a table: a task by all evaluators in turns, their measurements, and whether their results are equal.

In: a task, evaluators, a meter.  Out: a `Row`, as objects and as JSON.
"""

import hashlib
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluators import Evaluator
from measure import Measurement, Meter, Spread
from tasks import Task

# The reference's CPU in seconds: shorter rows are mostly start-up.
LEAST_RATIO_S = 0.3


def common_environment(home: Path) -> dict[str, str]:
    """The environment of every process: nothing of the machine's own Nix or of the user's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NIX", "XDG_", "SNOWSNAKE_"))}
    environment.update(HOME=str(home), LC_ALL="C")
    environment.pop("PYTHONPATH", None)
    return environment


def measure_task(task: Task, evaluator: Evaluator, meter: Meter, environment: dict[str, str]) -> Measurement | None:
    """One run of a task; None if this evaluator cannot run it."""
    total: Measurement | None = None
    home = task.folder / "home"
    # `~/x` in a program is a path in the output of --parse.
    if home.is_dir():
        environment = environment | {"HOME": str(home)}
    for process in task.processes(evaluator):
        done = meter.run(process.words, process.folder, environment | evaluator.environment | process.environment)
        total = done if total is None else total + done
        if done.code:
            break
    if total is not None and task.parts > 1:
        total.cpu_s /= task.parts
        total.wall_s /= task.parts
        total.instructions //= task.parts
    return total


def digest_of(output: bytes, is_json: bool) -> str:
    """What is compared of a result: JSON by its meaning, everything else by its bytes."""
    text = output.rstrip(b"\n")
    if is_json:
        try:
            text = json.dumps(json.loads(text), sort_keys=True).encode()
        except (ValueError, RecursionError):
            pass
    return hashlib.sha256(text).hexdigest()


@dataclass
class Facts:
    """What one evaluator did in one row."""

    # Seconds of CPU, or instructions.
    cost: Spread = field(default_factory=Spread)
    wall_s: Spread = field(default_factory=Spread)
    peak_kib: Spread = field(default_factory=Spread)
    digests: set[str] = field(default_factory=set)
    # The hash of the output, without its last newline.
    sha256: str = ""

    def add(self, done: Measurement, is_json: bool) -> None:
        self.cost.values.append(done.cost)
        self.wall_s.values.append(done.wall_s)
        self.peak_kib.values.append(done.peak_kib)
        self.digests.add(digest_of(done.output, is_json))
        self.sha256 = digest_of(done.output, False)


@dataclass
class Row:
    """One task by all evaluators; `failed` has a reason for each evaluator without a result."""

    task: Task
    facts: dict[str, Facts] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def agrees(self, name: str, against: str) -> bool:
        """Whether an evaluator's results are all the reference's; True where there is no reference."""
        if self.task.suite == "start":
            return True
        reference = self.facts.get(against) or self.facts[name]
        return len(self.facts[name].digests) == 1 and self.facts[name].digests == reference.digests

    def ratio(self, name: str, against: str) -> dict[str, float] | None:
        """CPU (of medians and of the least), wall time and peak memory beside the reference's."""
        ours, theirs = self.facts.get(name), self.facts.get(against)
        if ours is None or theirs is None:
            return None
        return {
            "cpu": ours.cost.median / max(theirs.cost.median, 1e-6),
            "cpu_least": ours.cost.least / max(theirs.cost.least, 1e-6),
            "wall": ours.wall_s.median / max(theirs.wall_s.median, 1e-6),
            "peak": ours.peak_kib.median / max(theirs.peak_kib.median, 1),
        }

    def is_short(self, against: str) -> bool:
        """Whether the reference needs too little for the aims to mean something."""
        theirs = self.facts.get(against)
        return theirs is None or theirs.cost.median < LEAST_RATIO_S

    def as_json(self, ours: Sequence[str], against: str) -> dict[str, object]:
        evaluators = {
            name: {
                "cpu_s": facts.cost.as_json(),
                "wall_s": facts.wall_s.as_json(),
                "peak_kib": facts.peak_kib.as_json(),
                "agrees": self.agrees(name, against),
                "sha256": facts.sha256,
            }
            for name, facts in self.facts.items()
        }
        return {
            "program": self.task.name,
            "suite": self.task.suite,
            "n": self.task.n,
            "is_short": self.is_short(against),
            "evaluators": evaluators,
            "ratios": {name: self.ratio(name, against) for name in ours if name != against},
            "failed": self.failed,
        }


def run_row(
    task: Task, evaluators: Sequence[Evaluator], meter: Meter, runs: int, environment: dict[str, str]
) -> Row:
    """All evaluators in turns, `runs` times, each time another one first; one that fails is left out from then on."""
    row = Row(task)
    is_json = task.suite not in ("parse", "start") and task.name != "lib-modules-sh"
    for evaluator in evaluators:
        if evaluator.is_warmed:
            measure_task(task, evaluator, meter, environment)
    for turn in range(runs):
        first = turn % len(evaluators)
        for evaluator in [*evaluators[first:], *evaluators[:first]]:
            if evaluator.name in row.failed:
                continue
            done = measure_task(task, evaluator, meter, environment)
            if done is None:
                continue
            if done.code:
                row.failed[evaluator.name] = _reason(done, meter.limit_s)
                row.facts.pop(evaluator.name, None)
                continue
            row.facts.setdefault(evaluator.name, Facts()).add(done, is_json)
    return row


def _reason(done: Measurement, limit_s: float) -> str:
    if done.code == -signal.SIGKILL:
        return f"over {limit_s:.0f} s"
    lines = [line.strip() for line in done.errors.splitlines() if "error" in line] or done.errors.splitlines()[-1:]
    return f"exit code {done.code}: {lines[-1][:100] if lines else ''}"
