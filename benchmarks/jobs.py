"""All jobs of a package set in each mode of `snowsnake jobs`, beside C++ Nix: one table of wall time, CPU and memory, with a check that the lines agree.

usage: jobs.py FOLDER LEAF[,LEAF…] BASE [--root root.nix] [--reference NIX-INSTANTIATE] [--ours SNOWSNAKE] [--workers 2] [--rounds 1] [--only WORD]… [--dask 3]
  FOLDER      the folder of the root, with nothing else that is large: Dask is sent all of it
  LEAF, BASE  files in it: one that a single package reads, and one that all of them do
  --only      only the rows whose names begin with WORD ("one worker" makes the lines that others must print)

After the table comes another one: each aim, what was measured, and whether that reaches it.  All of nixpkgs takes twenty minutes on two quiet cores.

Run it on a machine that does nothing else.  Wall time and CPU are the least of the rounds; CPU is that of all processes; memory is the PSS of all
processes added, at its peak, looked at ten times a second in one more run: a look takes 28 ms on average, which would cost two workers on two processors
a tenth of their time.  To change a file, the benchmark adds a comment to it, and takes it away at the end: so all lines
must be those of the first run.  C++ Nix evaluates name, drvPath, system and outPath of all jobs that have no error, which is less: an error would end it.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_SAMPLE_S = 0.1
_KILL_AFTER_S = 5.0
_FACTS = """{ part, parts }:
let
  root = import ROOT { };
  paths = builtins.fromJSON (builtins.readFile PATHS);
  count = builtins.length paths;
  start = count * part / parts;
  own = builtins.genList (i: builtins.elemAt paths (start + i)) (count * (part + 1) / parts - start);
  called = value: if builtins.isFunction value then value { } else if value ? __functor then called (value.__functor value) else value;
  at = path: builtins.foldl' (set: name: called set.${name}) root path;
in map (path: let job = at path; in { inherit (job) name drvPath system; out = job.outPath; }) own
"""
_JOBS_WITHOUT_ERRORS = """let
  root = import ROOT { };
  paths = builtins.fromJSON (builtins.readFile PATHS);
  called = value: if builtins.isFunction value then value { } else if value ? __functor then called (value.__functor value) else value;
  at = path: builtins.foldl' (set: name: called set.${name}) root path;
in builtins.listToAttrs (map (path: { name = builtins.concatStringsSep "." path; value = at path; }) paths)
"""


@dataclass
class Row:
    """What one way to evaluate everything costs."""

    name: str
    wall_s: float = float("inf")
    cpu_s: float = float("inf")
    peak_bytes: int = 0
    note: str = ""


@dataclass
class Watch:
    """Looks at a process and everything below it until it ends."""

    process: "subprocess.Popen[bytes]"
    peak_bytes: int = 0
    _done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._done.wait(_SAMPLE_S):
            self.peak_bytes = max(self.peak_bytes, sum(map(_pss_bytes, [self.process.pid, *below(self.process.pid)])))

    def end(self) -> None:
        self._done.set()


def below(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        found = [int(word) for task in tasks for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return []
    return found + [inner for child in found for inner in below(child)]


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def run(
    row: Row, commands: list[list[str]], folder: Path, environment: dict[str, str], disturb: "Callable[[int], None] | None" = None, *, is_watched: bool
) -> bytes:
    """Runs commands at once; returns what they print, and enters what they cost: their memory if they are watched, otherwise their time."""
    start, before = time.monotonic(), os.times()
    files = [tempfile.TemporaryFile() for _ in commands]
    errors = tempfile.TemporaryFile()
    started = [subprocess.Popen(words, cwd=folder, env=environment, stdout=file, stderr=errors) for words, file in zip(commands, files, strict=True)]
    watches = [Watch(process) for process in started] if is_watched else []
    threads = [threading.Thread(target=watch.run) for watch in watches]
    if disturb is not None:
        threads.append(threading.Thread(target=disturb, args=(started[0].pid,)))
    for thread in threads:
        thread.start()
    codes = [process.wait() for process in started]
    wall, after = time.monotonic() - start, os.times()
    for watch in watches:
        watch.end()
    for thread in threads:
        thread.join()
    if not is_watched:
        row.wall_s = min(row.wall_s, wall)
        row.cpu_s = min(row.cpu_s, after.children_user + after.children_system - before.children_user - before.children_system)
    row.peak_bytes = max(row.peak_bytes, sum(watch.peak_bytes for watch in watches))
    if any(codes):
        errors.seek(0)
        row.note = f"exit {max(codes)}: {errors.read()[-300:].decode(errors='replace')}"
    found = b""
    for file in files:
        file.seek(0)
        found += file.read()
    return found


def kill_one(word: bytes) -> Callable[[int], None]:
    """Kills one process below the run, whose command line has the word, after a while."""

    def disturb(pid: int) -> None:
        end = time.monotonic() + _KILL_AFTER_S
        while time.monotonic() < end and below(pid):
            time.sleep(0.1)
        for child in below(pid):
            try:
                if word in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(child, signal.SIGKILL)
                    return
            except OSError:
                continue

    def patient(pid: int) -> None:
        while not below(pid) and Path(f"/proc/{pid}").exists():
            time.sleep(0.1)
        disturb(pid)

    return patient


class Table:
    """The rows so far, and the lines that all runs must print."""

    def __init__(self, given: argparse.Namespace, scratch: Path) -> None:
        self.given = given
        self.scratch = scratch
        self.rows: list[Row] = []
        self.expected = b""
        # Other machines (Dask) see no variables, and nixpkgs reads this one.
        os.environ.pop("SHELL", None)
        self.environment = os.environ | {"HOME": str(scratch), "XDG_CACHE_HOME": str(scratch / "cache"), "NIX_STATE_DIR": str(scratch / "state")}

    def forget_compiled(self) -> None:
        shutil.rmtree(self.scratch / "cache", ignore_errors=True)

    def wants(self, name: str) -> bool:
        return not self.given.only or any(name.startswith(word) for word in self.given.only)

    def jobs(self, name: str, *words: str, prepare: "Callable[[], None] | None" = None, disturb: "Callable[[int], None] | None" = None) -> None:
        """One of our rows, and whether its lines are the first run's."""
        self.lines(name, [self.given.ours, "jobs", self.given.root, "--no-instantiate", "--json", *words], prepare, disturb)

    def lines(
        self, name: str, command: list[str], prepare: "Callable[[], None] | None" = None, disturb: "Callable[[int], None] | None" = None
    ) -> None:
        def fault(found: bytes) -> str:
            self.expected = self.expected or found
            return "" if found == self.expected else f"OTHER LINES: {len(found.splitlines())}, {hashlib.sha256(found).hexdigest()[:8]}"

        self._measure(name, command, fault, prepare, disturb)

    def without_errors(self, name: str, *words: str, prepare: "Callable[[], None] | None" = None) -> None:
        """One of our rows for the jobs that other evaluators evaluate, and whether their derivations are the first run's."""

        def fault(found: bytes) -> str:
            drvs = [str(job.get("drvPath")) for job in map(json.loads, found.splitlines())]
            return "" if sorted(drvs) == sorted(self.drvs) else f"OTHER DERIVATIONS: {len(drvs)}"

        self._measure(name, [self.given.ours, "jobs", str(self.scratch / "without-errors.nix"), "--no-instantiate", "--json", *words], fault, prepare)

    def _measure(
        self, name: str, command: list[str], fault: Callable[[bytes], str],
        prepare: "Callable[[], None] | None" = None, disturb: "Callable[[int], None] | None" = None,
    ) -> None:  # fmt: skip
        """A row of a command; *fault* says what is wrong with what it prints."""
        if not self.wants(name):
            return
        row = Row(name)
        for number in range(self.given.rounds + 1):
            if prepare is not None:
                prepare()
            found = run(row, [command], self.given.folder, self.environment, disturb, is_watched=number == self.given.rounds)
            row.note = row.note or fault(found)
        self._enter(row)

    def evaluator(self, name: str, command: list[str], parts: int) -> None:
        """A row of an evaluator that evaluates facts of all jobs, by so many processes, each of which has a share."""
        if not self.wants(name):
            return
        row = Row(name)
        words = [[*command, "--eval", "--strict", "--json", str(self.scratch / "facts.nix"), "--arg", "parts", str(parts)] for _ in range(parts)]
        commands = [[*line, "--arg", "part", str(part)] for part, line in enumerate(words)]
        for number in range(self.given.rounds + 1):
            found = run(row, commands, self.scratch, self.environment, is_watched=number == self.given.rounds)
            drvs = [job["drvPath"] for share in found.decode().replace("][", "]\n[").splitlines() if share.startswith("[") for job in json.loads(share)]
            if drvs != self.drvs:
                row.note = row.note or f"OTHER DERIVATIONS: {len(drvs)}"
        self._enter(row)

    def write_facts(self) -> None:
        """The expressions of the jobs without errors: for other evaluators, and as a root for ours."""
        found = [job for job in map(json.loads, self.expected.splitlines()) if "error" not in job]
        self.drvs = [job["drvPath"] for job in found]
        paths = self.scratch / "paths.json"
        paths.write_text(json.dumps([job["attrPath"] for job in found]))
        root = os.path.abspath(self.given.folder / self.given.root)
        for name, text in (("facts.nix", _FACTS), ("without-errors.nix", _JOBS_WITHOUT_ERRORS)):
            (self.scratch / name).write_text(text.replace("ROOT", root).replace("PATHS", str(paths)))

    def _enter(self, row: Row) -> None:
        self.rows.append(row)
        print(f"{row.name}: {row.wall_s:.2f} s, CPU {row.cpu_s:.2f} s, {row.peak_bytes >> 20} MiB {row.note}", file=sys.stderr, flush=True)

    def markdown(self) -> str:
        one = next((row for row in self.rows if row.name == "one worker"), None)
        reference = next((row for row in self.rows if row.name.startswith("C++ Nix, one")), None)
        lines = ["| | wall s | CPU s | memory MiB | wall: of one worker | memory: of one worker | wall: of C++ Nix | |", "|" + "--|" * 8]
        for row in self.rows:
            shares = [
                f"{row.wall_s / one.wall_s:.3f}" if one else "",
                f"{row.peak_bytes / max(one.peak_bytes, 1):.2f}" if one else "",
                f"{row.wall_s / reference.wall_s:.2f}" if reference else "",
            ]
            lines.append(f"| {row.name} | {row.wall_s:.2f} | {row.cpu_s:.2f} | {row.peak_bytes >> 20} | {' | '.join(shares)} | {row.note or 'the same'} |")
        return "\n".join(lines) + "\n"

    def row(self, start: str) -> Row | None:
        return next((row for row in self.rows if row.name.startswith(start)), None)

    def aims(self) -> str:
        """The aims beside what was measured, of the rows that there are."""
        several = self.given.workers
        one, many, reference = self.row("one worker"), self.row(f"{several} workers"), self.row("C++ Nix, one process")
        one = next((row for row in self.rows if row.name == "one worker"), one)
        first = self.row("incremental, first run")
        found: list[tuple[str, float, float]] = []
        if one and many:
            found.append((f"{several} workers, wall time, of one worker", many.wall_s / one.wall_s, 0.55))
            found.append((f"{several} workers, memory, of one worker", many.peak_bytes / max(one.peak_bytes, 1), 1.6))
        for name, row in (("one worker", one), (f"{several} workers", many)):
            if row and reference:
                found.append((f"{name}, wall time, of C++ Nix in one process", row.wall_s / reference.wall_s, 0.2))
        same_expression = self.row("the same expression")
        if same_expression and reference:
            found.append(("the expression that C++ Nix evaluates (no errors), wall time, of C++ Nix", same_expression.wall_s / reference.wall_s, 0.2))
        for row in self.rows:
            if reference and row.name.startswith("jobs without errors"):
                found.append((f"{row.name}, wall time, of C++ Nix in one process", row.wall_s / reference.wall_s, 0.2))
        if first and many:
            found.append((f"the first incremental run, CPU, of {several} workers", first.cpu_s / many.cpu_s, 1.3))
            found.append((f"the first incremental run, wall time, of {several} workers", first.wall_s / many.wall_s, 1.3))
        for row in self.rows:
            if one and " changed" in row.name and "stdenv" not in row.name and "nothing" not in row.name:
                found.append((f"{row.name}: CPU, of one worker", row.cpu_s / one.cpu_s, 0.03))
        same = all(not row.note for row in self.rows)
        lines = ["| aim | measured | at most | |", "|--|--|--|--|"]
        lines += [f"| {name} | {figure:.3f} | {most} | {'reached' if figure <= most else 'not reached'} |" for name, figure, most in found]
        lines.append(f"| all runs print the same lines | {'yes' if same else 'no'} | | {'reached' if same else 'not reached'} |")
        return "\n".join(lines) + "\n"


def edits(path: Path) -> Callable[[], None]:
    """Another change of a file at each call, long enough after the last one for its times to say so."""
    text = path.read_text()
    count = 0

    def edit() -> None:
        nonlocal count
        count += 1
        path.write_text(f"{text}# change {count}\n")
        time.sleep(2.5)

    return edit


def fill(table: Table) -> None:
    given, several = table.given, str(table.given.workers)
    leaves, base = [given.folder / leaf for leaf in given.leaf.split(",")], given.folder / given.base
    results = table.scratch / "cache/snowsnake/jobs.sqlite"

    def forget() -> None:
        for path in results.parent.glob("jobs.sqlite*"):
            path.unlink()

    table.jobs("one worker, nothing compiled", "--workers", "1", prepare=table.forget_compiled)
    table.jobs("one worker", "--workers", "1")
    table.jobs(f"{several} workers", "--workers", several)
    python = str(Path(given.ours).parent / "python")
    table.lines(f"{several} threads of one process", [python, str(Path(__file__).with_name("job_threads.py")), given.root, several])
    table.jobs(f"{several} workers, one killed", "--workers", several, disturb=kill_one(b""))
    if given.dask:
        table.jobs(f"Dask, {given.dask} processes, one killed", "--dask", str(given.dask), disturb=kill_one(b"multiprocessing.spawn"))
    if table.expected and given.reference:
        table.write_facts()
        table.evaluator("C++ Nix, one process", [given.reference, "--readonly-mode"], 1)
        table.evaluator(f"C++ Nix, {several} processes", [given.reference, "--readonly-mode"], given.workers)
        table.evaluator("the same expression by snowsnake-instantiate, one process", [f"{given.ours}-instantiate", "--readonly-mode"], 1)
        table.without_errors(f"jobs without errors, nothing compiled, {several} workers", "--workers", several, prepare=table.forget_compiled)
        table.without_errors(f"jobs without errors, {several} workers", "--workers", several)
    again = ("--incremental", "--workers")
    table.jobs(f"incremental, first run, {several} workers", *again, several, prepare=forget)
    for workers in ("1", several):
        table.jobs(f"incremental, nothing changed, {workers} workers", *again, workers)
    kept = {path: path.read_text() for path in (*leaves, base)}
    saved = table.scratch / "saved.sqlite"
    if results.exists():
        shutil.copyfile(results, saved)

    def restore_and(change: Callable[[], None]) -> Callable[[], None]:
        def prepare() -> None:
            forget()
            if saved.exists():
                shutil.copyfile(saved, results)
            change()

        return prepare

    try:
        for leaf in leaves:
            change = edits(leaf)
            for workers in ("1", several):
                name = f"{leaf.parent.name} changed"
                table.jobs(f"incremental, {name} for the first time, {workers} workers", *again, workers, prepare=restore_and(change))
                table.jobs(f"incremental, {name} again, {workers} workers", *again, workers, prepare=change)
        table.jobs(f"incremental, stdenv changed, {several} workers", *again, several, prepare=restore_and(edits(base)))
    finally:
        for path, text in kept.items():
            path.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(usage=(__doc__ or "").split("usage: ")[1].split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("leaf")
    parser.add_argument("base")
    parser.add_argument("--root", default="root.nix")
    parser.add_argument("--reference", default="")
    parser.add_argument("--ours", default=str(Path(sys.executable).parent / "snowsnake"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--dask", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="snowsnake-jobs-", dir=given.folder.resolve().parent) as scratch:
        table = Table(given, Path(scratch))
        try:
            fill(table)
        finally:
            print(table.markdown())
            print(table.aims(), flush=True)


if __name__ == "__main__":
    main()
