"""Runs of jobs whose workers are killed again and again: the lines must be those of an undisturbed run.

As a command: `python tests/jobs/killing.py [MODE …] [--kills N]` makes 24 kills in each mode and reports the results.  `MODES` is every way in which
`snowsnake jobs` evaluates.  In all of them workers are killed, one of them or all at once, also while they start; where something is kept (compiled
files, results, a store), every third run is killed as a whole.  There is no mode with threads: workers are processes always (docs/decisions/jobs.md).
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Mode:
    """Words that say what is evaluated, which decide the lines, and words that say how, which must not."""

    what: tuple[str, ...]
    how: tuple[str, ...]
    kills_whole_runs: bool = False

    @property
    def is_cluster(self) -> bool:
        return "--dask" in self.how


_FILE, _FLAKE = ("project", "--no-instantiate"), ("./project#jobs", "--no-instantiate")
_STORE = ("project", "--store", "./store")
_TWO, _KEPT, _CLUSTER = ("--workers", "2"), ("--workers", "2", "--incremental", "--results", "r.sqlite"), ("--dask", "3")
MODES = {
    "workers": Mode(_FILE, _TWO),
    "compiled": Mode(_FILE, (*_TWO, "--cache-dir", "compiled"), kills_whole_runs=True),
    "store": Mode(_STORE, _TWO, kills_whole_runs=True),
    "flake": Mode(_FLAKE, _TWO, kills_whole_runs=True),
    "incremental": Mode(_FILE, _KEPT, kills_whole_runs=True),
    "incremental-store": Mode(_STORE, _KEPT, kills_whole_runs=True),
    "incremental-flake": Mode(_FLAKE, _KEPT, kills_whole_runs=True),
    "dask": Mode(_FILE, _CLUSTER),
    "dask-flake": Mode(_FLAKE, _CLUSTER),
}
_JOBS = "from snowsnake.cli.main import main; from snowsnake.cli.output import leave\nif __name__ == '__main__': leave(main)\n"
_ROOT = """builtins.listToAttrs (builtins.genList (i: {
  name = "job${toString (100 + i)}";
  value = if i / 7 * 7 == i then throw "job ${toString i} fails" else (if i / 3 * 3 == i then import ./make.nix else derivation) {
    name = "n${toString (builtins.foldl' (x: y: if x > 1000 then y else x + y) i (builtins.genList (x: x) 60000))}"; system = "s"; builder = "b";
  };
}) 240)
"""
_FILES = {
    "default.nix": _ROOT,
    "make.nix": "derivation\n",
    "flake.nix": "{ outputs = { self }: { jobs = import ./default.nix; }; }\n",
}
_GUARD_S = 600


def children(pid: int) -> list[int]:
    try:
        return [int(word) for task in os.listdir(f"/proc/{pid}/task") for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return []


def _is_worker(pid: int, mode: Mode) -> bool:
    """Whether a process is a worker, and not the process that tracks what Python's processes share."""
    try:
        return not mode.is_cluster or b"multiprocessing.spawn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class Killer:
    """Counts kills over several runs of one mode."""

    def __init__(self, mode: Mode, folder: Path, seed: int = 5) -> None:
        self.mode = mode
        self.folder = folder
        self.kills = 0
        self.runs = 0
        self._chance = random.Random(seed)
        (folder / "project").mkdir()
        for name, text in _FILES.items():
            (folder / "project" / name).write_text(text)
        # The program is a file, because Dask's workers import the program that started them.
        (folder / "jobs.py").write_text(_JOBS)

    def undisturbed(self) -> bytes:
        found: bytes = self._start(_TWO).communicate(timeout=_GUARD_S)[0]
        # The runs with kills write into a new store.
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        return found

    def run(self, most: int) -> tuple[bytes | None, str]:
        """One run with up to so many kills: its lines, or None if it was killed as a whole; and its messages."""
        process = self._start(self.mode.how)
        is_whole = self.mode.kills_whole_runs and self.runs % 3 == 0
        self.runs += 1
        thread = threading.Thread(target=self._kill, args=(process, self.kills + (1 if is_whole else most), is_whole))
        thread.start()
        found, log = process.communicate(timeout=_GUARD_S)
        thread.join()
        if process.returncode != -signal.SIGKILL:
            # All results are kept, so the next run would have nothing to evaluate.
            (self.folder / "r.sqlite").unlink(missing_ok=True)
            shutil.rmtree(self.folder / "compiled", ignore_errors=True)
        return None if process.returncode == -signal.SIGKILL else found, log.decode("utf-8", "replace")

    def faults(self) -> str:
        """What is wrong with the store that was written meanwhile; "" for nothing."""
        if not (self.folder / "store").exists():
            return ""
        process = self._command("store", "verify", "--store", "./store")
        found = process.communicate(timeout=_GUARD_S)[0].decode()
        return "" if found.endswith(", no faults\n") and process.returncode == 0 else f"the store has faults: {found[-3000:]}"

    def _start(self, how: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        return self._command("jobs", *self.mode.what, "--json", *how)

    def _command(self, *words: str) -> "subprocess.Popen[bytes]":
        source = str(Path(sys.modules["snowsnake"].__file__ or "").parent.parent)
        return subprocess.Popen(
            [sys.executable, "jobs.py", *words], cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": source}, start_new_session=True,
        )  # fmt: skip

    def _kill(self, process: "subprocess.Popen[bytes]", most: int, is_whole: bool) -> None:
        slow = 1.0 if self.mode.is_cluster else 0.1
        while process.poll() is None and self.kills < most:
            time.sleep(self._chance.random() * slow)
            workers = [pid for pid in children(process.pid) if _is_worker(pid, self.mode)]
            if not workers:
                continue
            victims = [process.pid] if is_whole else workers if self._chance.random() < 0.3 else [self._chance.choice(workers)]
            for pid in victims[: most - self.kills]:
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.kills += 1
                except ProcessLookupError:
                    pass


def check(mode: str, kills: int, folder: Path) -> tuple[int, str]:
    """Makes so many kills; returns how many runs that took, and what was wrong ("" for nothing)."""
    killer = Killer(MODES[mode], folder)
    expected = killer.undisturbed()
    if len(expected.splitlines()) != 240:
        return killer.runs, "the undisturbed run has lines missing"
    while killer.kills < kills:
        found, log = killer.run(min(6, kills - killer.kills))
        if found is not None and found != expected:
            return killer.runs, f"other lines ({len(found.splitlines())} of 240): {log[-3000:]}"
        if found is not None and "Traceback" in log:
            return killer.runs, log[-3000:]
    return killer.runs, killer.faults()


def main(words: list[str]) -> int:
    import snowsnake  # noqa: F401  # whose commands are run

    kills = int(words[words.index("--kills") + 1]) if "--kills" in words else 24
    wrong = 0
    for mode in [word for word in words if word in MODES] or MODES:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            runs, fault = check(mode, kills, Path(folder))
        wrong += fault != ""
        print(f"{mode:17} {kills} kills in {runs} runs, {time.monotonic() - start:.0f} s: {fault or 'the same lines each time'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
