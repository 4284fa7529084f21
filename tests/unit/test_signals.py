"""Signals that end a command: its message and its exit status."""

import os
import signal
import subprocess
import sys
import time

import pytest

LONG = "builtins.foldl' (a: _: builtins.foldl' (b: x: b + x) 0 (builtins.genList (x: x) 1000)) 0 (builtins.genList (x: x) 100000000)"
FAR = f"{{ a = {LONG}; }}"


def interrupted(words, tmp_path, number, ready=1.0, **options):
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}, **options,
    )  # fmt: skip
    time.sleep(ready)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    ("words", "is_of_nix"),
    [
        (["snowsnake.cli.instantiate", "--eval", "-E", LONG], True),
        (["snowsnake.cli.nix.main", "--extra-experimental-features", "nix-command", "eval", "--expr", LONG], True),
        (["snowsnake.cli.old.env", "-f", "far.nix", "-qa"], True),
        (["snowsnake.cli.main", "eval", "-E", LONG], False),
    ],
)
def test_an_evaluation_ends_with_a_line(words, is_of_nix, number, tmp_path) -> None:
    """The status of drop-ins is 1, as of C++ Nix's commands, whatever the signal; our own commands have the status that shells have for the signal."""
    (tmp_path / "far.nix").write_text(FAR)
    assert interrupted(words, tmp_path, number) == (1 if is_of_nix else 128 + number, "error: interrupted by the user\n")


def test_a_signal_that_was_ignored_stays_so(tmp_path) -> None:
    words = [sys.executable, "-m", "snowsnake.cli.main", "eval", "-E", LONG]
    process = subprocess.Popen(["nohup", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"HOME": str(tmp_path)})
    time.sleep(1)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_session_with_its_status(number, tmp_path) -> None:
    """Ctrl-C ends a line of a session; other signals end the session, with the status of `nix repl`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "snowsnake.cli.main", "repl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(LONG + "\n")
    process.stdin.flush()
    time.sleep(1.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted by the user" in said and "Traceback" not in said


def test_handlers_are_put_back() -> None:
    from snowsnake.cli.signals import EndedBySignal, ended_by_signals

    with ended_by_signals():
        # A context inside another one changes nothing.
        with ended_by_signals():
            pass
        with pytest.raises(EndedBySignal) as caught:
            signal.raise_signal(signal.SIGHUP)
            time.sleep(1)
        assert caught.value.number == signal.SIGHUP
    assert signal.getsignal(signal.SIGHUP) == signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
