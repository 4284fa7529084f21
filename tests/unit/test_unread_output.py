"""A signal ends a command within a second or two although nobody reads what it prints, with the status that it has otherwise.

The pipes are full before the command starts, so its first byte waits for a reader.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_TEXT = 'builtins.foldl\' (s: _: s + s) "0123456789abcd\n" (builtins.genList (x: x) 18)'
_LIST = 'builtins.genList (x: { a = x; b = "t${toString x}"; }) 100000'
_TRACES = 'builtins.foldl\' (a: b: builtins.trace "a line" b) 1 (builtins.genList (x: x) 100000)'
_CALLS = "let f = x: x + 1; in builtins.foldl' (a: _: f a) 0 (builtins.genList (x: x) 1000000)"
_NIX = ("nix.main", "--extra-experimental-features", "nix-command")
# For each command: which streams nobody reads, and its words, with its module in front.
COMMANDS = {
    "a result": ("out", "main", "eval", "--strict", "-E", _LIST),
    "a long result": ("out err", "main", "eval", "-E", _TEXT),
    "JSON": ("out", "main", "eval", "--json", "-E", _LIST),
    "XML": ("out", "main", "eval", "--xml", "--strict", "-E", _LIST),
    "an error within XML": ("out", "main", "eval", "--xml", "--strict", "-E", f'[ ({_TEXT}) (throw "x") ]'),
    "XML of an old command": ("out err", "instantiate", "--eval", "--strict", "--xml", "-E", _LIST),
    "JSON of an old command": ("out err", "instantiate", "--eval", "--strict", "--json", "-E", _LIST),
    "a result of an old command": ("out", "instantiate", "--eval", "--strict", "-E", _LIST),
    "a parsed text": ("out", "main", "parse", "large.nix"),
    "a text that an old command parsed": ("out", "instantiate", "--parse", "large.nix"),
    "bytecode": ("out", "main", "disassemble", "large.nix"),
    "bytecode before a value": ("out", "main", "eval", "--dump-bytecode", "large.nix"),
    "an archive": ("out", "main", "nar", "pack", "large.nix"),
    "another archive": ("out", "old.store", "--dump", "large.nix"),
    "calls": ("err", "instantiate", "--eval", "--option", "trace-function-calls", "true", "-E", _CALLS),
    "operations": ("err", "main", "eval", "--trace-runtime", "-E", _CALLS),
    "operations with their times": ("out err", "main", "eval", "--trace-runtime-timing", "-E", _CALLS),
    "what was compiled": ("err", "main", "eval", "--trace-compiler", "-E", _CALLS.replace("1000000", "1")),
    "statistics": ("out err", "main", "eval", "--stats", "-E", "1"),
    "files": ("err", "main", "eval", "--files-read", "large.nix"),
    "a trace": ("err", "instantiate", "--eval", "-E", f'builtins.trace ({_TEXT}) (throw "x")'),
    "many traces": ("err", "main", "eval", "-E", _TRACES),
    "a warning": ("err", "main", "eval", "-E", 'builtins.warn "x" 1'),
    "a message": ("err", "instantiate", "--eval", "-E", f"throw ({_TEXT})"),
    "a message in JSON": ("err", "main", "eval", "--log-format", "internal-json", "-E", 'throw "x"'),
    "a result of the new command": ("out", *_NIX, "eval", "--expr", _LIST),
    "a text of the new command": ("out err", *_NIX, "eval", "--raw", "--expr", _TEXT),
    "JSON of the new command": ("out", *_NIX, "eval", "--json", "--expr", _LIST),
    "packages": ("out", "old.env", "-f", "jobs.nix", "-qa", "--json"),
    "jobs": ("out", "main", "jobs", "--json", "jobs.nix"),
    "jobs of the other command": ("out err", "eval_jobs", "jobs.nix"),
    "a failed job": ("err", "eval_jobs", "--expr", '{ a = throw "x"; }'),
    "help": ("out", "main", "--help"),
}  # fmt: skip
_OF_NIX = ("instantiate", "old.store", "old.env", "nix.main")
_JOBS = """builtins.listToAttrs (builtins.genList (x: {
  name = "a${toString x}"; value = derivation { name = "n${toString x}"; system = "x"; builder = "/bin/sh"; };
}) 3000)"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place: Path = tmp_path_factory.mktemp("unread")
    (place / "large.nix").write_text("[ " + '{ a = 1; b = "xyz"; } ' * 50_000 + "]")
    (place / "jobs.nix").write_text(_JOBS)
    return place


@contextmanager
def full_pipe() -> Iterator[int]:
    """The end of a pipe that takes no further byte."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(writing, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(writing, True)
    try:
        yield writing
    finally:
        os.close(reading)
        os.close(writing)


def waits(pid: int) -> bool:
    """Whether the kernel says that a process waits until a pipe takes something."""
    return any(word in Path(f"/proc/{pid}/wchan").read_text() for word in ("pipe_write", "poll"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("what", COMMANDS)
def test_a_signal_ends_a_command_that_nobody_reads(what: str, number: signal.Signals, folder: Path) -> None:
    streams, module, *words = COMMANDS[what]
    code = f"from snowsnake.cli.entry_points import _leave; _leave({module!r})"
    with full_pipe() as full:
        out, err = (full if name in streams else subprocess.DEVNULL for name in ("out", "err"))
        process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=out, stderr=err, cwd=folder, env=os.environ | {"HOME": str(folder)})
        try:
            # Where the kernel does not say what a process waits for, a few seconds are enough.
            ready = time.monotonic() + 5
            while not waits(process.pid) and process.poll() is None and time.monotonic() < ready:
                time.sleep(0.05)
            time.sleep(0.2)
            assert process.poll() is None, "the command printed nothing"
            process.send_signal(number)
            started = time.monotonic()
            code = process.wait(60)
            # Help is printed before signals are handled; a shell shows the same status.
            assert (code if code >= 0 else 128 - code) == (1 if module in _OF_NIX else 128 + number)
            # The line about the interrupt waits a second for a reader.
            assert time.monotonic() - started < 4
        finally:
            process.kill()
            process.wait()
