"""What is measured: the programs of programs/, and the workloads of a folder laid out for them.

In: names of suites and programs, the folder of the workloads.  Out: `Task`s; each knows its processes for an evaluator.

A folder of workloads holds `src/` (public trees: nixpkgs of 2018 and 2020, corepkgs, nixpkgs.lib, flake-parts, nix-parsec), `expr/NAME.nix`
(one expression a workload), `expr/parse.trees` and `expr/parse.skip` (folders and files for `--parse`).
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evaluators import SNIX, Evaluator

PROGRAMS = Path(__file__).parent / "programs"
# n for each program: C++ Nix 2.34 needs at least half a second, checked by run.py.
SIZES = {
    "calls": 32,
    "curried": 800,
    "fold": 1_500_000,
    "thunks": 400_000,
    "lists": 350_000,
    "attrsets": 400_000,
    "updates": 600_000,
    "sets": 250_000,
    "records": 150_000,
    "strings": 600_000,
    "text": 120_000,
    "sort": 150_000,
    "regex": 150_000,
    "json": 150_000,
    # The programs from here on were once slower than the reference, or larger.
    "joins": 40_000,
    "substrings": 200,
    "patterns": 150_000,
    "hashes": 100_000,
    "overlays": 200_000,
    "long-lists": 1_000_000,
    "closures": 150_000,
    "texts": 700_000,
    "xml": 300_000,
    "nested": 60_000,
    "list-texts": 1_000_000,
    "comparisons": 700_000,
    "large-sets": 200,
    "paths": 200_000,
    "sums": 2_000,
    "functions": 40_000,
}
# The line of this program that begins so is repeated n times, with other numbers in place of 0.
REPEATED = {"functions": "  f0 "}
# The known workloads by suite; the others of the folder are in the suite "more".
SUITES = {
    "library": ("nix-parsec", "lib-misc", "lib-modules-sh", "flake-parts"),
    "package-set": ("hello-2009", "corepkgs-stdenv", "big-2009", "all-corepkgs", "all-1809"),
    "nixos": ("nixos-2009", "nixos-opts-2009"),
    "parse": ("parse",),
}
NAMES = ("start", "micro", *SUITES, "more")
FILES_A_PROCESS = 200
# How many processes one measurement of start-up has.
STARTS = 20
MODULES = "src/nixpkgs.lib/lib/tests"


@dataclass
class Process:
    """One process of a task: words, working folder, more environment."""

    words: list[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Task:
    """One row of a table."""

    name: str
    suite: str
    folder: Path
    file: Path | None = None
    n: int | None = None
    argument_files: list[str] = field(default_factory=list)

    @property
    def parts(self) -> int:
        """The number by which a measurement is divided."""
        return STARTS if self.suite == "start" else 1

    def is_lasting(self, cpu_s: float) -> bool:
        """Whether a row is long enough for a ratio: half a second of the reference for our own programs."""
        return self.suite != "micro" or cpu_s >= 0.5

    def processes(self, evaluator: Evaluator) -> Iterator[Process]:
        """What this evaluator runs; nothing if it cannot."""
        if evaluator.kind == "python":
            if self.suite == "start":
                yield from [Process([*evaluator.words, "-c", "1"], self.folder)] * STARTS
        elif evaluator.kind == "snix":
            if self.suite in ("micro", "scaling"):
                yield Process([*evaluator.words, "-c", SNIX, str(self.file), str(self.n)], self.folder)
        elif self.suite == "start":
            yield from [Process([*evaluator.words, "--eval", "-E", "1"], self.folder)] * STARTS
        elif self.name == "lib-modules-sh":
            yield self._modules(evaluator)
        elif self.suite == "parse":
            for first in range(0, len(self.argument_files), FILES_A_PROCESS):
                files = self.argument_files[first : first + FILES_A_PROCESS]
                yield Process([*evaluator.words, "--parse", *files], self.folder)
        else:
            arguments = [] if self.n is None else ["--arg", "n", str(self.n)]
            yield Process([*evaluator.words, "--eval", "--strict", "--json", *arguments, str(self.file)], self.folder)

    def _modules(self, evaluator: Evaluator) -> Process:
        """nixpkgs' own script, with the evaluator first on its PATH as `nix-instantiate`."""
        place = Path(tempfile.mkdtemp(prefix="snowsnake-path-"))
        words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in evaluator.words)
        shim = place / "nix-instantiate"
        shim.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
        script = 'PATH="$1:$PATH"; trap \'rm -rf "$1"\' EXIT; bash ./modules.sh 2>/dev/null | tail -n 2'
        environment = {"TEST_LIB": str(self.folder / "src/nixpkgs.lib/lib")}
        return Process(["bash", "-c", script, "bash", str(place)], self.folder / MODULES, environment)


def _parse_task(root: Path) -> Task:
    """Every file of the trees, in the order of their names as bytes."""
    skipped = set((root / "expr" / "parse.skip").read_text().split())
    files = []
    for tree in (root / "expr" / "parse.trees").read_text().split():
        for folder, _, names in os.walk(root / tree):
            files += [os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith(".nix")]
    files = [file for file in files if os.path.isfile(root / file) and not os.path.islink(root / file)]
    return Task("parse", "parse", root, argument_files=sorted(set(files) - skipped, key=os.fsencode))


def _workloads(root: Path) -> Iterator[Task]:
    suite_of = {name: suite for suite, names in SUITES.items() for name in names}
    order = [name for names in SUITES.values() for name in names]
    names = {file.stem for file in (root / "expr").glob("*.nix")} - {"util"}
    if (root / MODULES / "modules.sh").exists():
        names.add("lib-modules-sh")
    if (root / "expr" / "parse.trees").exists():
        names.add("parse")
    for name in sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name)):
        if name == "parse":
            yield _parse_task(root)
        else:
            yield Task(name, suite_of.get(name, "more"), root, Path(f"expr/{name}.nix"))


def program(name: str, n: int) -> str:
    """The source of one of our programs, for this n."""
    text = (PROGRAMS / f"{name}.nix").read_text()
    start = REPEATED.get(name)
    if start is None:
        return text
    lines = text.splitlines(keepends=True)
    return "".join("".join(line.replace("0", str(i)) for i in range(n)) if line.startswith(start) else line for line in lines)


def find_tasks(suites: list[str], only: list[str], workloads: str, scratch: Path, shrink: int = 1) -> list[Task]:
    """The tasks of these suites (all, if none is named) with these names; sizes of our programs divided by `shrink`."""
    tasks = [Task("start", "start", scratch)]
    for name, n in SIZES.items():
        # Some references see only the folder of temporary files.
        file = scratch / f"{name}.nix"
        small = n - (shrink.bit_length() * 3 // 2 if shrink > 1 else 0) if name == "calls" else n // shrink
        file.write_text(program(name, small))
        tasks.append(Task(name, "micro", scratch, file, small))
    if workloads:
        tasks += _workloads(Path(workloads).absolute())
    return [task for task in tasks if (not suites or task.suite in suites) and (not only or task.name in only)]
