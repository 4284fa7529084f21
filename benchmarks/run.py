"""Benchmarks beside other Nix evaluators: user+system CPU and peak memory, as ratios, measured in turns.

usage: python benchmarks/run.py [--runs N] [--only NAME,…] [--evaluator NAME=COMMAND …] [--against NAME] [--output FOLDER]

Every program of programs/ is a function of { n }, with an n (SIZES) for which C++ Nix needs at least half a second; so
that no evaluator can compute while compiling, n is passed with --arg.  The evaluators take turns, program by program, so
that a slower minute of the machine hits all of them.  The results of all must be equal.

Evaluators: `snowsnake`, the one beside this Python; those in the environment as EVALUATORS="nix-2.34=/path/to/command …",
and any `nix-instantiate` on the PATH.  A command that ends in `python` is taken for the one of a virtual environment
with snix's `nixeval`.  With WORKLOADS=DIR (made by a workload script: DIR/expr/*.nix) those expressions are run as well.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
SIZES = {
    "calls": 32,
    "curried": 600,
    "fold": 1_000_000,
    "attrsets": 400_000,
    "strings": 300_000,
    "sort": 150_000,
    "records": 150_000,
    "sets": 250_000,
    "regex": 120_000,
    "json": 120_000,
}
SNIX = "import sys, json, nixeval; print(json.dumps(nixeval.loads('(' + open(sys.argv[1]).read() + ') { n = ' + sys.argv[2] + '; }')))"


class Measurement:
    """One run: seconds of user and system CPU together, wall seconds, peak resident KiB, what was printed."""

    def __init__(self, cpu_s: float, wall_s: float, peak_kib: int, output: bytes, code: int) -> None:
        self.cpu_s, self.wall_s, self.peak_kib, self.output, self.code = cpu_s, wall_s, peak_kib, output, code


def measure(command: list[str], folder: Path, environment: dict[str, str], limit_s: float) -> Measurement:
    """Run a command, at most so long, and account for it and its children with wait4."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, cwd=folder, env=environment
        )
        timer = threading.Timer(limit_s, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Measurement(
            usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss, output.read(), process.returncode
        )


def evaluators(given: list[str]) -> dict[str, list[str]]:
    """Name and command of each evaluator; ours first."""
    own = Path(sys.executable).with_name("snowsnake-instantiate")
    command = [str(own)] if own.exists() else [sys.executable, "-m", "snowsnake.cli.instantiate"]
    found = {"snowsnake": command}
    for entry in shlex.split(os.environ.get("EVALUATORS", "")) + given:
        name, _, words = entry.partition("=")
        found[name] = shlex.split(words)
    system = shutil.which("nix-instantiate")
    if system and len(found) == 1:
        version = subprocess.run([system, "--version"], capture_output=True, text=True).stdout.split()
        found[f"nix-{version[-1]}" if version else "nix"] = [system]
    return found


def command_line(command: list[str], file: Path, size: int | None) -> list[str] | None:
    """How this evaluator is called; None if it cannot run this kind of program."""
    if Path(command[0]).name.startswith("python") and "-m" not in command:
        return None if size is None else [*command, "-c", SNIX, str(file), str(size)]
    arguments = [] if size is None else ["--arg", "n", str(size)]
    return [*command, "--eval", "--strict", "--json", *arguments, str(file)]


def programs(only: list[str]) -> list[tuple[str, Path, int | None, Path]]:
    """(name, file, n, working folder)."""
    # Some references run in a changed root that shares only the folder of temporary files.
    folder = Path(tempfile.mkdtemp(prefix="snowsnake-bench-"))
    rows: list[tuple[str, Path, int | None, Path]] = []
    for name, size in SIZES.items():
        if not only or name in only:
            shutil.copy(HERE / "programs" / f"{name}.nix", folder)
            rows.append((name, folder / f"{name}.nix", size, folder))
    workloads = os.environ.get("WORKLOADS")
    if workloads:
        root = Path(workloads).absolute()
        for file in sorted((root / "expr").glob("*.nix")):
            if file.stem != "util" and (not only or file.stem in only):
                rows.append((file.stem, file, None, root))
    return rows


def normal(output: bytes) -> object:
    """A result in the form in which results are compared."""
    try:
        return json.loads(output)
    except ValueError:
        return output.strip()


def run_program(name: str, file: Path, size: int | None, folder: Path, found: dict[str, list[str]], runs: int, limit_s: float) -> dict:
    """All evaluators in turn, `runs` times: their measurements, and whether they agree."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NIX_", "XDG_"))}
    environment["HOME"] = str(folder)
    environment["SNOWSNAKE_NO_CACHE"] = "1"            # each run reads and compiles: docs/decisions/cache.md has the others
    results: dict[str, list[Measurement]] = {}
    dropped: dict[str, str] = {}
    for _ in range(runs):
        for evaluator, command in found.items():
            words = command_line(command, file, size)
            if words is None or evaluator in dropped:
                continue
            done = measure(words, folder, environment, limit_s)
            if done.code != 0:
                dropped[evaluator] = f"over {limit_s:.0f} s" if done.code == -signal.SIGKILL else f"exit code {done.code}"
                continue
            results.setdefault(evaluator, []).append(done)
    outputs = {evaluator: normal(runs[0].output) for evaluator, runs in results.items()}
    row: dict = {"program": name, "n": size, "failed": dropped, "evaluators": {}}
    reference = next((outputs[e] for e in found if e != "snowsnake" and e in outputs), None)
    for evaluator, done in results.items():
        cpu = [run.cpu_s for run in done]
        row["evaluators"][evaluator] = {
            "cpu_s": round(statistics.median(cpu), 4),
            "cpu_min_s": round(min(cpu), 4),
            "cpu_max_s": round(max(cpu), 4),
            "wall_s": round(statistics.median(run.wall_s for run in done), 4),
            "peak_kib": round(statistics.median(run.peak_kib for run in done)),
            "agrees": reference is None or outputs[evaluator] == reference,
        }
    return row


def table(rows: list[dict], names: list[str], against: str) -> str:
    """Markdown: CPU and peak memory of each evaluator, and ours as a ratio to the one compared against."""
    lines = [
        "| program | " + " | ".join(f"{name}: CPU s (min–max), MiB" for name in names) + f" | CPU / {against} | memory / {against} |",
        "|--|" + "--|" * (len(names) + 2),
    ]
    for row in rows:
        cells = []
        for name in names:
            facts = row["evaluators"].get(name)
            if facts is None:
                cells.append(row["failed"].get(name, "–"))
                continue
            disagrees = "" if facts["agrees"] else " **differs**"
            cells.append(
                f"{facts['cpu_s']:.2f} ({facts['cpu_min_s']:.2f}–{facts['cpu_max_s']:.2f}), {facts['peak_kib'] // 1024}{disagrees}"
            )
        ours, theirs = row["evaluators"].get("snowsnake"), row["evaluators"].get(against)
        if ours and theirs:
            ratios = [f"{ours['cpu_s'] / max(theirs['cpu_s'], 1e-3):.2f}", f"{ours['peak_kib'] / theirs['peak_kib']:.2f}"]
        else:
            ratios = ["–", "–"]
        lines.append("| " + " | ".join([row["program"], *cells, *ratios]) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=5, help="runs of each program by each evaluator (5)")
    options.add_argument("--limit", type=float, default=60, help="seconds after which a run is given up (60)")
    options.add_argument("--only", default="", help="names of programs, separated by commas")
    options.add_argument("--evaluator", action="append", default=[], metavar="NAME=COMMAND")
    options.add_argument("--against", default="", help="the evaluator that ratios are taken to (the first after ours)")
    options.add_argument("--output", type=Path, default=HERE / "results", help="folder for results.json and results.md")
    given = options.parse_args()
    found = evaluators(given.evaluator)
    names = list(found)
    against = given.against or (names[1] if len(names) > 1 else "snowsnake")
    rows = []
    for name, file, size, folder in programs([word for word in given.only.split(",") if word]):
        rows.append(run_program(name, file, size, folder, found, given.runs, given.limit))
        print(table(rows[-1:], names, against).split("\n")[2], file=sys.stderr)
    text = table(rows, names, against)
    given.output.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    facts = {"machine": machine, "runs": given.runs, "against": against, "rows": rows}
    (given.output / "results.json").write_text(json.dumps(facts, indent=1) + "\n")
    (given.output / "results.md").write_text(text)
    print(text)
    agree = all(facts["agrees"] for row in rows for facts in row["evaluators"].values())
    ours = all("snowsnake" in row["evaluators"] for row in rows)
    return 0 if agree and ours else 1


if __name__ == "__main__":
    sys.exit(main())
