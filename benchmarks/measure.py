"""One command, run and accounted for: CPU, wall time and peak memory of it and all its children; or its instructions.

In: words, folder, environment.  Out: a `Measurement` with what was printed.
"""

import marshal
import os
import re
import select
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")
COUNT = re.compile(r"^==\d+== I\s+refs:\s+([\d,]+)", re.MULTILINE)


@dataclass
class Measurement:
    """Seconds of CPU (user and system) and of wall time, peak resident KiB, what was printed, exit code.

    `instructions` is 0 where they were not counted.
    """

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_kib: int = 0
    code: int = 0
    output: bytes = b""
    errors: str = ""
    instructions: int = 0

    def __add__(self, other: "Measurement") -> "Measurement":
        """Two processes, one after the other, as one program."""
        return Measurement(
            self.cpu_s + other.cpu_s,
            self.wall_s + other.wall_s,
            max(self.peak_kib, other.peak_kib),
            self.code or other.code,
            self.output + other.output,
            self.errors or other.errors,
            self.instructions + other.instructions,
        )

    @property
    def cost(self) -> float:
        """What is compared: instructions if they were counted, seconds of CPU otherwise."""
        return float(self.instructions) if self.instructions else self.cpu_s


class Meter:
    """Runs commands through a launcher, at most `limit_s` seconds each; a context manager."""

    def __init__(self, limit_s: float, counts_instructions: bool = False) -> None:
        self.limit_s = limit_s
        self.counts_instructions = counts_instructions
        self._folder = tempfile.TemporaryDirectory(prefix="snowsnake-meter-")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def __enter__(self) -> "Meter":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()

    def run(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Measurement:
        """Runs one command to its end, or until its time is over (code -SIGKILL)."""
        output, errors, counts = (Path(self._folder.name) / name for name in ("output", "errors", "counts"))
        for file in (output, errors, counts):
            file.unlink(missing_ok=True)
        command = list(words)
        if self.counts_instructions:
            command = [
                "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
                f"--log-file={counts}", *command,
            ]  # fmt: skip
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(marshal.dumps((command, str(folder), dict(environment), str(output), str(errors))))
        child = marshal.load(process.stdout)
        # `select` knows no descriptor above 1023.
        waiting = select.poll()
        waiting.register(process.stdout, select.POLLIN)
        if not waiting.poll(self.limit_s * 1000):
            os.killpg(child, signal.SIGKILL)
        status, user_s, system_s, wall_s, peak_kib = marshal.load(process.stdout)
        instructions = 0
        if counts.exists():
            found = COUNT.search(counts.read_text(errors="replace"))
            instructions = int(found.group(1).replace(",", "")) if found else 0
        return Measurement(
            user_s + system_s,
            wall_s,
            peak_kib,
            os.waitstatus_to_exitcode(status),
            output.read_bytes() if output.exists() else b"",
            errors.read_text(errors="replace") if errors.exists() else "",
            instructions,
        )


@dataclass
class Spread:
    """Least, median and most of some numbers."""

    values: list[float] = field(default_factory=list)

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def most(self) -> float:
        return max(self.values)

    def as_json(self) -> dict[str, object]:
        return {"min": self.least, "median": self.median, "max": self.most, "runs": self.values}
