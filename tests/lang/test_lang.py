"""The language, feature by feature, as golden folders.

    tests/lang/<feature>/in.nix          the program
                        /out.txt         its value, printed strictly
                        /error.txt       or its error, as the command prints it
                        /bytecode.txt    its bytecode at level 0
                        /options.txt     options of `snowsnake eval`, if it needs any
                        /…               files that the program reads

Both levels of the compiler must give the same.  `--accept` rewrites what comes out; `--reference` compares with Nix.
A file that no test uses is a failure.
"""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from snowsnake.cli.disassemble import disassembly
from snowsnake.cli.evaluate import OPTIONS, session_of
from snowsnake.cli.options import parse
from snowsnake.cli.output import Reporter
from snowsnake.diagnostics import EvaluationError

ROOT = Path(__file__).parent
FEATURES = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
GOLDENS = {"in.nix", "out.txt", "error.txt", "bytecode.txt", "options.txt"}
# What the outermost evaluator of these needs is more than any test should take under stress.
HEAVY = {"deep-calls", "deep-data", "tail-calls", "wide-sets", "error-endless-calls", "error-trace-deep"}


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
def test_value(feature, request, is_stressed):
    if is_stressed and feature.name in HEAVY:
        pytest.skip("too large for a collection at every safepoint")
    kind, text, _ = evaluate(feature, 1, is_stressed)
    accept = request.config.getoption("--accept")
    other = feature / ("error.txt" if kind == "out" else "out.txt")
    if accept and other.exists():
        other.unlink()
    assert not other.exists(), f"{text}instead of {other.name}"
    compare(feature / f"{kind}.txt", text, accept)


@pytest.mark.parametrize("feature", FEATURES, indirect=True)
def test_level_0_is_the_same(feature):
    default = evaluate(feature, 1)
    plain = evaluate(feature, 0)
    assert plain[0] == default[0]
    if plain[0] == "out":
        assert plain[1] == default[1]
    else:
        assert summary(plain[1]) == summary(default[1])


def summary(text: str) -> list[str]:
    """The error itself, without the trace: how much of it there is depends on the level."""
    lines = text.split("\n")
    last = max(number for number, line in enumerate(lines) if line.lstrip().startswith("error: "))
    return lines[last].strip().split("\n")


@pytest.mark.parametrize("feature", FEATURES, indirect=True)
def test_bytecode(feature, request):
    options = feature / "options.txt"
    words = shlex.split(options.read_text()) if options.exists() else []
    features = parse(words, OPTIONS).texts("feature")
    try:
        text = disassembly("file", b"in.nix", 0, features)
    except EvaluationError as error:
        assert error.code in ("syntax", "duplicate-attribute", "undefined-variable")
        assert not (feature / "bytecode.txt").exists()
        return
    compare(feature / "bytecode.txt", text.replace(str(feature), "."), request.config.getoption("--accept"))


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
def test_reference_agrees(feature, request):
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
