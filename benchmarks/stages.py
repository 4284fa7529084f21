"""Where the CPU time of our evaluator goes, stage by stage: samples of `perf record`, by the module whose function was running.

In: tasks.  Out: the share of each stage, in percent, as a table.  Inlined functions count for the module that they were inlined
into; what the kernel does for a process (files, page faults) is a stage of its own.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evaluators import Evaluator
from tasks import Task

SAMPLES_A_SECOND = 8000
# Of a task with many processes, such as parsing, only so many are measured; they are evenly spread.
MOST_PROCESSES = 5
# From a module with its folder, or the beginning of its name, to its stage; the first one that fits counts.
STAGES = (
    ("machine.loop", "run: the loop"),
    ("machine.collector", "collect"),
    ("machine.link", "link"), ("machine.constants", "link"), ("machine.importing", "link"),
    ("machine.symbols", "names and contexts"),
    ("machine.attrs", "sets"), ("machine.word", "sets"), ("builtins.attrsets", "sets"),
    ("builtins.deriv", "derivations"), ("builtins.context", "derivations"), ("store.", "derivations"),
    ("builtins.strings", "strings"), ("builtins.engines", "strings"), ("machine.coercion", "strings"),
    ("machine.", "run: the rest"), ("builtins.", "run: the rest"),
    ("syntax.", "parse"),
    ("compiler.", "compile"), ("bytecode.", "compile"),
    ("host.", "files"), ("cache.", "files"),
    ("output.", "output"),
)  # fmt: skip
REST, KERNEL, PYTHON, MEMORY = "the rest of our code", "kernel", "Python and start", "copies and allocations (libc)"
_LINE = re.compile(r"\s*([\d.]+)%\s+(\S+)\s+\[(.)\]\s+(.*)")
_OWN = re.compile(r"__pyx_\w*?_9snowsnake_(\w+)")


def module_of(symbol: str) -> str:
    """`machine.loop` of the C name of a function in it; "" if it is not one of our functions."""
    found = _OWN.match(symbol)
    rest, parts = found[1] if found else "", []
    while len(parts) < 2 and (size := re.match(r"\d+", rest)):
        end = size.end() + int(size[0])
        parts.append(rest[size.end() : end])
        rest = rest[end:].lstrip("_")
    return ".".join(parts)


def stage_of(library: str, level: str, symbol: str) -> str:
    if level == "k":
        return KERNEL
    module = module_of(symbol)
    if module:
        return next((stage for prefix, stage in STAGES if module.startswith(prefix)), REST)
    if symbol.startswith("sha256"):
        return "derivations"
    if "libc" in library:
        return MEMORY
    return REST if "_native" in library else PYTHON


def shares(report: str) -> Counter[str]:
    """The percentage of samples in each stage, from what `perf report` lists."""
    found: Counter[str] = Counter()
    for line in report.splitlines():
        if row := _LINE.match(line):
            found[stage_of(row[2], row[3], row[4].strip())] += float(row[1])
    return found


def profile(task: Task, evaluator: Evaluator, environment: dict[str, str], runs: int, data: Path) -> Counter[str]:
    """The mean of some runs of the task's processes."""
    total: Counter[str] = Counter()
    count = 0
    processes = list(task.processes(evaluator))
    for process in processes[:: -(-len(processes) // MOST_PROCESSES)]:
        variables = environment | evaluator.environment | process.environment
        if evaluator.is_warmed:
            subprocess.run(process.words, cwd=process.folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(runs):
            words = ["perf", "record", "-q", "-F", str(SAMPLES_A_SECOND), "-o", str(data), *process.words]
            subprocess.run(words, cwd=process.folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            words = ["perf", "report", "-i", str(data), "--no-children", "-F", "overhead,dso,sym"]
            total += shares(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
            count += 1
    return Counter({stage: share / count for stage, share in total.items()})


def profiles(
    tasks: Sequence[Task], evaluators: Sequence[Evaluator], environment: dict[str, str], runs: int, scratch: Path
) -> dict[str, Counter[str]]:
    """For each task and evaluator its shares by stage."""
    if shutil.which("perf") is None:
        raise SystemExit("run.py: --stages needs perf (Debian: apt-get install linux-perf)")
    return {
        f"{task.name}, {evaluator.name}": profile(task, evaluator, environment, runs, scratch / "perf.data")
        for task in tasks
        for evaluator in evaluators
    }


def table(columns: dict[str, Counter[str]]) -> str:
    """A row for each task and evaluator, a column for each stage, the largest first."""
    total: Counter[str] = sum(columns.values(), Counter())
    stages = [stage for stage, _ in total.most_common()]
    lines = ["| percent of CPU | " + " | ".join(stages) + " |", "|--" * (len(stages) + 1) + "|"]
    for name, column in columns.items():
        lines.append(f"| {name} | " + " | ".join(f"{column[stage]:.0f}" for stage in stages) + " |")
    return "\n".join(lines) + "\n"
