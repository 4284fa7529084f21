"""What evaluators make of a program: ours at several settings in this process, C++ Nix in a read-eval-print loop."""

import re
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "conformance"))
from run_suite import err_kind, last_error  # noqa: E402
from snowsnake.evaluator import Evaluator  # noqa: E402

from snowsnake.diagnostics.error import EvaluationError  # noqa: E402

# Ends that depend on how much an evaluator can take, which is not compared.
LIMITS = {"stack-overflow", "memory", "timeout", "interrupt", "depth", "infrec", "infinite-recursion"}
MEMORY_BYTES = 256 << 20
DEPTH = 20000
TIMEOUT_S = 20.0


class Outcome:
    """A value as text, or an error: its kind (the words of conformance/run_suite.py), our code for it, its message."""

    def __init__(self, value: str | None = None, message: str = "", code: str = "") -> None:
        self.value = None if value is None else re.sub(r"currentTime = \d+", "currentTime = 0", value)
        self.message = message
        self.code = code
        self.kind = "" if value is not None else kind_of(message)

    def is_limit(self) -> bool:
        return self.kind in LIMITS or self.code in LIMITS

    def agrees(self, other: "Outcome") -> bool:
        if self.is_limit() or other.is_limit():
            return True
        if self.value is None or other.value is None:
            return self.value == other.value and (self.code == other.code if self.code and other.code else self.kind == other.kind)
        return self.value == other.value or plain(self.value) == plain(other.value)

    def __repr__(self) -> str:
        return repr(self.value) if self.value is not None else f"{self.kind}: {self.message}"


def kind_of(message: str) -> str:
    return err_kind(last_error("error: " + message))


class Ours:
    """Evaluators of ours, each used for some programs and then made anew."""

    SETTINGS = {"default": {"level": 1}, "plain": {"level": 0}, "stress": {"level": 1, "stress": True}}
    USES = 200

    def __init__(self) -> None:
        self.evaluators: dict[str, tuple[Evaluator, int]] = {}

    def evaluator(self, setting: str) -> Evaluator:
        machine, uses = self.evaluators.get(setting, (None, self.USES))
        if uses >= self.USES:
            machine, uses = Evaluator(**self.SETTINGS[setting], memory_limit_bytes=MEMORY_BYTES, depth_limit=DEPTH, timeout_s=TIMEOUT_S), 0
        self.evaluators[setting] = (machine, uses + 1)
        return machine

    def outcome(self, file: Path, setting: str) -> Outcome:
        try:
            value = self.evaluator(setting).evaluate_file(str(file))
            return Outcome(value.to_nix(strict=True).decode("utf-8", "replace"))
        except EvaluationError as error:
            return Outcome(None, error.message, error.code)


# ---- C++ Nix ----------------------------------------------------------------------------------------------------

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
FORMS = [
    (re.compile(r"«partially applied primop [^»]*»"), "<PRIMOP-APP>"),
    (re.compile(r"«primop [^»]*»"), "<PRIMOP>"),
    (re.compile(r"«lambda[^»]*»"), "<LAMBDA>"),
]


def plain(text: str) -> str:
    """A printed value without the layout that the loop gives it."""
    pieces, place = [], 0
    for match in [*STRING.finditer(text), None]:
        between = text[place : match.start() if match else len(text)]
        for form, name in FORMS:
            between = form.sub(name, between)
        pieces.append(re.sub(r"\s+", " ", between))
        if match:
            pieces.append(match.group())
            place = match.end()
    return "".join(pieces).strip()


class Reference:
    """`nix repl` over a pipe: thousands of programs for one start.

    *command* is the words that run it; the folder of the files must be visible to it.
    """

    def __init__(self, command: list[str], names: list[str]) -> None:
        self.command = command
        self.names = names
        self.process: subprocess.Popen | None = None

    def start(self) -> subprocess.Popen:
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            # Nix forces attributes in the order in which it first saw their names; ours go by name.
            names = " ".join(f'"{name}" = 1;' for name in sorted(self.names))
            self.process.stdin.write(f'{{ {names} }}\n"started"\n'.encode())
            self.process.stdin.flush()
            for line in self.process.stdout:
                if b'"started"' in line and b"nix-repl>" not in line:
                    break
        return self.process

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def outcome(self, file: Path) -> Outcome | None:
        """None if it crashed, hung, or printed what cannot be compared."""
        process = self.start()
        mark = f"=end {file.name}="
        # In a list, because the loop prints a string alone as it is.
        process.stdin.write(f':p [ (import {file}) ]\n"{mark}"\n'.encode())
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        lines = []
        try:
            process.stdin.flush()
            for raw in process.stdout:
                line = ESCAPE.sub("", raw.decode("utf-8", "replace").rstrip("\n"))
                if line == f'"{mark}"':
                    break
                lines.append(line)
            else:
                self.close()
                return None
        except BrokenPipeError:
            self.close()
            return None
        finally:
            timer.cancel()
        return self.read(lines, file)

    @staticmethod
    def read(lines: list[str], file: Path) -> Outcome | None:
        lines = [line for line in lines if not line.startswith(("warning:", "evaluation warning:", "Nix 2", "Type :?"))]
        text = "\n".join(line for line in lines if not line.startswith("nix-repl> ")).replace("trace: t\n", "")
        if re.search(r"(?m)^error:", text):
            message = last_error(text)
            return Outcome(None, message)
        if "«" in STRING.sub("", plain(text)):
            return None
        return Outcome(plain(text).removeprefix("[").removesuffix("]").strip())
