"""The values and errors of a program: ours at several settings in this process, those of C++ Nix in a read-eval-print loop."""

import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "conformance"))
from run_suite import err_kind, last_error  # noqa: E402
from texts import quoted  # noqa: E402

from snowsnake.diagnostics.error import EvaluationError  # noqa: E402
from snowsnake.interpreter import Interpreter  # noqa: E402

# Kinds of errors that depend on the limits of an evaluator, which are not compared.
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
        """Whether the outcome depends on a limit of the evaluator, or on the contents of the store."""
        return self.kind in LIMITS or self.code in LIMITS or self.message.endswith("is not valid")

    def agrees(self, other: "Outcome") -> bool:
        if self.is_limit() or other.is_limit():
            return True
        if self.value is None or other.value is None:
            return self.value == other.value and (self.code == other.code if self.code and other.code else self.kind == other.kind)
        return self.value == other.value or plain(self.value) == plain(other.value)

    def __repr__(self) -> str:
        return repr(self.value) if self.value is not None else f"{self.kind}: {self.message}"


def kind_of(message: str) -> str:
    # The parser's own text follows.
    if "while parsing TOML" in message:
        return "toml"
    # Each way to read a file has a text of its own.
    if "Is a directory" in message:
        return "file"
    return err_kind(last_error("error: " + message))


class Ours:
    """Our evaluators; each is used for some programs, and then a new one is made."""

    SETTINGS = {"default": {"level": 1}, "plain": {"level": 0}, "frames": {"level": 2}, "stress": {"level": 1, "stress": True}}
    USES = 200

    def __init__(self) -> None:
        self.evaluators: dict[str, tuple[Interpreter, int]] = {}

    def evaluator(self, setting: str) -> Interpreter:
        machine, uses = self.evaluators.get(setting, (None, self.USES))
        if uses >= self.USES:
            machine, uses = Interpreter(**self.SETTINGS[setting], memory_limit_bytes=MEMORY_BYTES, depth_limit=DEPTH, timeout_s=TIMEOUT_S), 0
        self.evaluators[setting] = (machine, uses + 1)
        return machine

    def outcome(self, file: Path, setting: str) -> Outcome:
        try:
            value = self.evaluator(setting).evaluate_file(str(file))
            return Outcome(value.to_nix(strict=True).decode("utf-8", "replace"))
        except EvaluationError as error:
            return Outcome(None, error.message, error.code)


# ---- C++ Nix ----------------------------------------------------------------------------------------------------

NAME = re.compile(r"[A-Za-z_][\w'-]*")
KEYWORDS = {"if", "then", "else", "assert", "with", "let", "in", "rec", "inherit", "or"}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
FORMS = [
    (re.compile(r"«partially applied primop [^»]*»"), "<PRIMOP-APP>"),
    (re.compile(r"«primop [^»]*»"), "<PRIMOP>"),
    (re.compile(r"«lambda[^»]*»"), "<LAMBDA>"),
]


def plain(text: str) -> str:
    """A printed value without the layout of the loop."""
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


# C++ Nix forces names that it knows from the start (outPath, type, …) before all others; this program forces by name first (except attributes of a
# derivation that lead back to it).
BY_NAME = """file: (let force = depth: v:
  if depth == 0 then 0
  else if builtins.isAttrs v then builtins.foldl' (_: n: force (depth - 1) v.${n}) 0 (builtins.attrNames (removeAttrs v [ "all" "out" "dev" ]))
  else if builtins.isList v then builtins.foldl' (_: x: force (depth - 1) x) 0 v
  else 0;
  v = builtins.scopedImport { builtins = builtins // { deepSeq = a: builtins.seq (force 9 a); }; } file;
in builtins.seq (force 8 v) v)"""

class Reference:
    """`nix repl` over a pipe: thousands of programs for one start.

    *command* is the words that run it, *single* those of a `nix-instantiate`, which is asked where the loop disagrees
    (it prints derivations in a form of its own, and needs store paths to be there); the folder of the files must be visible to both.
    """

    USES = 1000

    def __init__(self, command: list[str], names: list[str], single: list[str]) -> None:
        self.command = command
        # C++ Nix forces attributes in the order in which it first saw their names, ours in the order of the names.
        self.names = "{ " + " ".join(f"{quoted(name)} = 1;" for name in sorted(names)) + " }"
        self.single = single
        self.process: subprocess.Popen | None = None
        self.errors = tempfile.TemporaryFile()
        self.uses = 0

    def start(self) -> subprocess.Popen:
        if self.uses >= self.USES:
            self.close()
        if self.process is None or self.process.poll() is not None:
            self.uses = 0
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
            self.process.stdin.write(f'{self.names}\n"started"\n'.encode())
            self.process.stdin.flush()
            for line in self.process.stdout:
                if b'"started"' in line and b"nix-repl>" not in line:
                    break
        self.uses += 1
        return self.process

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def outcome(self, file: Path) -> Outcome | None:
        """None if it crashed, hung, or printed what cannot be compared."""
        process = self.start()
        mark = f"=end {file.parent.name}="
        self.errors.seek(0)
        self.errors.truncate()
        # The value is in a list, because the loop prints a single string without quotes.
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
        self.errors.seek(0)
        return self.read(lines, ESCAPE.sub("", self.errors.read().decode("utf-8", "replace")))

    @staticmethod
    def read(lines: list[str], errors: str) -> Outcome:
        if re.search(r"(?m)^error:", errors):
            return Outcome(None, last_error(errors))
        text = plain("\n".join(line for line in lines if not line.startswith(("nix-repl> ", "Nix 2", "Type :?"))))
        inside = re.search("«error: (.*?)»", STRING.sub("", text))
        if inside:
            return Outcome(None, inside[1])
        return Outcome(text.removeprefix("[").removesuffix("]").strip())

    def single_outcomes(self, file: Path):
        """The outcomes of a command for one program, which decide where the loop disagrees: first of the program as it is, then forced by name."""
        own = " ".join(f"{name} = 1;" for name in sorted({*NAME.findall(file.read_text(encoding="utf-8", errors="replace"))} - KEYWORDS))
        for form in ("import", f"({BY_NAME})") if self.single else ():
            outcome = self.single_outcome(f"builtins.seq {{ {own} }} (builtins.seq {self.names} ({form} {file}))")
            if outcome is not None:
                yield outcome

    def single_outcome(self, expression: str) -> Outcome | None:
        words = [*self.single, "--eval", "--strict", "-E", expression]
        try:
            done = subprocess.run(words, capture_output=True, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None
        errors = ESCAPE.sub("", done.stderr.decode("utf-8", "replace"))
        if done.returncode == 0:
            return Outcome(done.stdout.decode("utf-8", "replace").rstrip("\n"))
        return Outcome(None, last_error(errors)) if "error:" in errors else None


# ---- files ------------------------------------------------------------------------------------------------------

FIXTURE = {
    "text": b"line\nlast", "set.nix": b'{ a = 1; b = "x"; c = [ 1 2 ]; }\n', "function.nix": b"x: x + 1", "scoped.nix": b"x", "folder/default.nix": b"{ x = 1; y = ./default.nix; }",
    "operators.nix": b"[ (7 - 2) (-3) (7 * 2) (7 / 2) (7 < 2) (7 >= 2) (7 > 2) (7 <= 2) ]\n", "names.nix": b"[ a (map (x: x) [ 1 ]) true (builtins.add 1 2) <q/text> ]\n",
    "data.json": b'{"a": [1, 2.5, null]}', "broken.nix": b"{ a = ", "bytes": b"\xff\x00a",
}  # fmt: skip


def make_fixture(folder: Path) -> None:
    """The files that programs read, as `../fixture` of each."""
    for name, content in FIXTURE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to("text")
