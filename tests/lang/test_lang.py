"""The language, feature by feature, as golden folders.

    tests/lang/<feature>/in.nix          the program
                        /out.txt         its value, printed strictly
                        /error.txt       or its error, as the command prints it
                        /bytecode.txt    its bytecode at level 0
                        /bytecode-default.txt   at the default level (not of the folders of errors)
                        /options.txt     options of `snowsnake eval`, if the program needs any
                        /…               files that the program reads

The results must be the same at both levels of the compiler.  `--accept` rewrites the golden files; `--reference` compares with Nix.
A file that no test uses is a failure.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from snowsnake.bytecode import disassembler
from snowsnake.bytecode.instructions import INSTRUCTIONS, OPCODES
from snowsnake.cli.evaluate import OPTIONS, session_of
from snowsnake.cli.listing import disassembly
from snowsnake.cli.options import parse
from snowsnake.cli.output import Reporter
from snowsnake.diagnostics.error import EvaluationError

ROOT = Path(__file__).parent
FEATURES = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
GOLDENS = {"in.nix", "out.txt", "error.txt", "nix.txt", "bytecode.txt", "bytecode-default.txt", "options.txt"}
ERRORS = [name for name in FEATURES if (ROOT / name / "nix.txt").exists()]
# Lines that the reference prints and ours does not, each with its reason.
LACKING: dict[str, list[str]] = {
    # The expression itself makes the set from which it selects, and that set is gone when the selection fails.
    "error-missing-attribute-nested": [
        "… while evaluating the attribute 'a.b.c.d' at ./in.nix:1:3",
    ],
    "error-recursion-chain": [
        "… while evaluating the attribute 'value' at ./in.nix:5:14",
    ],
    # Frames of the library are folded, and the frame of the user's own function is shown instead.
    "error-library-frames": [
        "… while evaluating the attribute 'value' at ./library/default.nix:4:19",
    ],
    # The line is a hint about options of C++ Nix's command, which have nothing to do with the error.
    "error-hash-algorithm": [
        "Try '/usr/bin/nix-instantiate --help' for more information.",
    ],
}
# Features that would take too long with a collection at every safepoint, and that may overflow the reference's stack.
HEAVY = {"deep-calls", "deep-data", "tail-calls", "wide-sets", "error-endless-calls", "error-recursion-function", "error-trace-deep"}


@pytest.fixture
def feature(request, monkeypatch):
    folder = ROOT / request.param
    monkeypatch.chdir(folder)
    return folder


def evaluate(folder: Path, level: int, stress: bool = False):
    """("out" or "error", text, files read) of a feature's program; the folder reads as `.` in the text."""
    options = folder / "options.txt"
    words = shlex.split(options.read_text()) if options.exists() else []
    given = parse([*words, "--optimise", str(level)] + ["--stress"] * stress, OPTIONS)
    reporter = Reporter()
    session = session_of(given, reporter)
    try:
        text = session.file("in.nix").to_nix(strict=True).decode("utf-8", "replace")
        kind = "out"
    except EvaluationError as error:
        text = error.render(show_trace=reporter.show_trace)
        kind = "error"
    return kind, text.replace(str(folder), ".") + "\n", session.evaluator.files_read()


def compare(golden: Path, text: str, accept: bool) -> None:
    if accept:
        golden.write_text(text, encoding="utf-8")
    expected = golden.read_text(encoding="utf-8") if golden.exists() else None
    assert text == expected, f"{golden.parent.name}/{golden.name}"


@pytest.mark.parametrize("feature", FEATURES, indirect=True)
def test_a_program_has_its_golden_value_or_error(feature, request, is_stressed):
    if is_stressed and feature.name in HEAVY:
        pytest.skip("too large for a collection at every safepoint")
    kind, text, _ = evaluate(feature, 1, is_stressed)
    accept = request.config.getoption("--accept")
    other = feature / ("error.txt" if kind == "out" else "out.txt")
    if accept and other.exists():
        other.unlink()
    assert not other.exists(), f"{text}instead of {other.name}"
    # A collection forgets functions that left their frame by a tail call, so the trace lacks them.
    if is_stressed and kind == "error":
        assert summary(text) == summary((feature / "error.txt").read_text(encoding="utf-8"))
        return
    compare(feature / f"{kind}.txt", text, accept)


@pytest.mark.parametrize("feature", ERRORS, indirect=True)
def test_says_what_nix_says(feature):
    """Every line of the reference's report (nix.txt) with its place is in ours, in that order; ours may say more."""
    lacking = missing_lines(
        (feature / "error.txt").read_text(encoding="utf-8"), (feature / "nix.txt").read_text(encoding="utf-8")
    )
    assert lacking == LACKING.get(feature.name, [])


def report_lines(text: str) -> list[str]:
    """The message and the lines of the trace, each with its place; excerpts are left out."""
    found: list[str] = []
    for line in text.split("\n"):
        place = re.fullmatch(r"\s+at (\S+):", line)
        if place is not None and found:
            found[-1] += f" at {place[1]}"
        elif line.strip() not in ("", "error:") and re.match(r"\s+\d*\|", line) is None:
            found.append(line.strip())
    return found


def missing_lines(ours: str, theirs: str) -> list[str]:
    """Their lines that are not in ours in their order."""
    lacking = []
    rest = report_lines(ours)
    for line in report_lines(theirs):
        if line in rest:
            rest = rest[rest.index(line) + 1 :]
        elif not line.startswith("(stack trace truncated"):
            lacking.append(line)
    return lacking


def test_errors_are_many():
    assert len(ERRORS) >= 60
    assert set(LACKING) <= set(ERRORS)


@pytest.mark.parametrize("feature", FEATURES, indirect=True)
def test_level_0_has_the_same_value_or_error(feature):
    default = evaluate(feature, 1)
    plain = evaluate(feature, 0)
    assert plain[0] == default[0]
    if plain[0] == "out":
        assert plain[1] == default[1]
    else:
        assert summary(plain[1]) == summary(default[1])


def summary(text: str) -> list[str]:
    """The error itself, without the trace, which differs between the levels."""
    lines = text.split("\n")
    last = max(number for number, line in enumerate(lines) if line.lstrip().startswith("error: "))
    return lines[last].strip().split("\n")


def check_bytecode(feature: Path, level: int, golden: Path, accept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    options = feature / "options.txt"
    words = shlex.split(options.read_text()) if options.exists() else []
    features = parse(words, OPTIONS).texts("feature")
    shortened = disassembler._shortened
    # The folder is replaced before the text is shortened, so that the length of its path does not matter.
    monkeypatch.setattr(disassembler, "_shortened", lambda text: shortened(text.replace(str(feature), ".")))
    try:
        text = "".join(disassembly("file", b"in.nix", level, features))
    except EvaluationError as error:
        assert error.code in ("syntax", "duplicate-attribute", "undefined-variable")
        assert not golden.exists()
        return
    compare(golden, text.replace(str(feature), "."), accept)


@pytest.mark.parametrize("feature", FEATURES, indirect=True)
def test_bytecode_at_level_0_is_the_golden_one(feature, request, monkeypatch):
    check_bytecode(feature, 0, feature / "bytecode.txt", request.config.getoption("--accept"), monkeypatch)


@pytest.mark.parametrize("feature", [name for name in FEATURES if not name.startswith("error-")], indirect=True)
def test_bytecode_at_the_default_level_is_the_golden_one(feature, request, monkeypatch):
    check_bytecode(feature, 1, feature / "bytecode-default.txt", request.config.getoption("--accept"), monkeypatch)


def test_every_specified_operation_has_a_golden():
    """The operations that level 0 emits: a value that may refer to itself is a thunk there, so that `ThunkClosure` always becomes `Closure`.

    The specification does not know interpolated paths and sets with `__overrides`.
    """
    found = set()
    for path in ROOT.glob("*/bytecode.txt"):
        found |= set(re.findall(r"  Op(\w+)", path.read_text(encoding="utf-8")))
    specified = {op.name for op in INSTRUCTIONS[: OPCODES["Return"] + 1]}
    assert found == (specified - {"ThunkClosure"}) | {"ConcatenatePath", "AttrsKeys", "AttrsOverride", "Select", "SelectPlace"}


@pytest.mark.parametrize("feature", FEATURES, indirect=True)
def test_every_file_is_used(feature):
    files = {path for path in feature.rglob("*") if path.is_file()}
    unknown = {path for path in files if str(path.relative_to(feature)) not in GOLDENS}
    if unknown:
        read = {os.path.realpath(path) for path in evaluate(feature, 1)[2]}
        unused = sorted(str(path.relative_to(feature)) for path in unknown if os.path.realpath(path) not in read)
        assert not unused, f"no test uses {', '.join(unused)}"
    assert (feature / "out.txt").exists() != (feature / "error.txt").exists(), "one golden value or one golden error"


def test_no_stray_files():
    strays = [path.name for path in ROOT.iterdir() if path.is_file() and path.name != Path(__file__).name]
    assert not [name for name in strays if not name.endswith(".pyc")]


@pytest.mark.parametrize("feature", FEATURES, indirect=True)
def test_the_reference_prints_the_golden_value(feature, request):
    command = request.config.getoption("--reference")
    if not command:
        pytest.skip("no --reference")
    options = feature / "options.txt"
    words = options.read_text().replace("--feature", "--extra-experimental-features") if options.exists() else ""
    done = subprocess.run(
        [*shlex.split(command), "--eval", "--strict", *shlex.split(words), "in.nix"], capture_output=True, text=True
    )
    if "stack overflow" in done.stderr and feature.name in HEAVY:
        pytest.skip("the reference's own stack is not deep enough")
    if (feature / "out.txt").exists():
        assert done.stdout.replace(str(feature), ".") == (feature / "out.txt").read_text()
    else:
        assert done.returncode == 1
