"""`nix repl` in a real terminal: editing, history, completion, Ctrl-C; and effects of a session that a pipe does not show."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import pytest
from conftest import SOURCE

_CODE = "import sys; from snowsnake.cli.nix.main import main; sys.exit(main())"


def _take_terminal():
    """In the child: standard input is its terminal, whose keys send it signals."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.tcsetpgrp(0, os.getpgrp())


class Terminal:
    """A session in a pseudo-terminal, in a folder."""

    def __init__(self, folder, *words):
        self.folder = folder
        (folder / "home").mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": SOURCE, "HOME": str(folder / "home"), "TERM": "xterm", "NIX_CONF_DIR": "/none", "INPUTRC": "/none",
            "EDITOR": "cat", "PAGER": "cat", "NO_COLOR": "1", "NIX_REMOTE": "dummy://", "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        self.process, self.side = None, None
        self.side, inner = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CODE, "repl", *words], stdin=inner, stdout=inner, stderr=inner, cwd=folder, env=environment, start_new_session=True,
            preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(inner)
        self.seen = ""

    def until(self, text, limit_s=60):
        """Waits for a text; returns what came up to it."""
        end = time.monotonic() + limit_s
        while text not in self.seen:
            ready, _, _ = select.select([self.side], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come, but {self.seen!r}"
            assert self._read(), f"the session ended before {text!r}: {self.seen!r}"
        before, _, self.seen = self.seen.partition(text)
        return before + text

    def type(self, text):
        os.write(self.side, text.encode())

    def interrupt(self):
        """Ctrl-C, after a while: Python's readline does not notice one that comes while it handles another key."""
        time.sleep(0.5)
        self.type("\x03")

    def end(self, typed=":q\n"):
        """Leaves the session; returns its exit code."""
        self.type(typed)
        # The loop waits until somebody has read everything.
        while self._read():
            pass
        os.close(self.side)
        return self.process.wait(60)

    def _read(self):
        try:
            data = os.read(self.side, 4096)
        # The other end is closed.
        except OSError:
            data = b""
        self.seen += data.decode("utf-8", "replace")
        return data


@pytest.fixture
def terminal(tmp_path):
    made = []

    def start(*words):
        made.append(Terminal(tmp_path, *words))
        made[-1].until("nix-repl> ")
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


def test_lines_are_evaluated_and_kept_in_the_history(terminal):
    first = terminal()
    first.type("1 +\n")
    first.until("        > ")
    first.type("41\n")
    first.until("42")
    first.until("nix-repl> ")
    assert first.end() == 0
    history = first.folder / "home/.local/share/nix/repl-history"
    assert history.read_text().splitlines()[-3:] == ["1 +", "41", ":q"]
    second = terminal()
    # Two steps back is the last line of the earlier session before its `:q`.
    second.type("\x1b[A\x1b[A\n")
    second.until("41\r\n")
    assert second.end() == 0


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("builtins.fromJS", "builtins.fromJSON"),
        ("[ (long", "[ (longName"),
        ("longName.inn", "longName.inner"),
        ("longName.inner.dee", "longName.inner.deepest"),
        ("./fol", "./folder"),
        ("import ./folder/fi", "import ./folder/file.nix"),
    ],
)
def test_tab_completes_names_and_files(terminal, tmp_path, typed, completed):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file.nix").write_text("1\n")
    session = terminal("--expr", "{ longName.inner.deepest = 1; }")
    session.type(typed + "\t")
    session.until(completed)
    session.interrupt()
    session.until("nix-repl> ")
    assert session.end() == 0


def test_completion_of_an_expression_that_fails_offers_nothing(terminal):
    session = terminal("--expr", '{ bad = throw "no"; worse = 1; }')
    session.type("bad.x\t")
    session.until("\x07")
    session.type("y")
    session.until("y")
    session.interrupt()
    session.until("nix-repl> ")
    session.type("worse + 1\n")
    session.until("2")
    assert session.end() == 0


def test_an_interrupt_ends_a_line_or_an_evaluation(terminal):
    session = terminal("--expr", "{ endless = let f = x: if x == 0 then 0 else f (x - 1); in builtins.foldl' (a: b: f 1000000) 0 (builtins.genList (x: x) 1000000); kept = 7; }")
    session.type("given up")
    session.until("given up")
    session.interrupt()
    session.until("nix-repl> ")
    session.type("{ a =\n")
    session.until("        > ")
    session.type("more")
    session.until("more")
    # Ctrl-C drops all lines of the input.
    session.interrupt()
    session.until("nix-repl> ")
    session.type("endless\n")
    session.until("endless\r\n")
    session.interrupt()
    session.until("error: interrupted by the user")
    session.until("nix-repl> ")
    session.type("kept\n")
    session.until("7")
    session.until("nix-repl> ")
    # \x04 is Ctrl-D.
    assert session.end("\x04") == 0


def test_input_that_is_not_utf_8_is_evaluated(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _CODE, "repl"], input=b'"\xff"\n\xfe\n1\n', capture_output=True, cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE, "HOME": str(tmp_path), "NIX_CONF_DIR": "/none"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0
    assert b'"\xff"\x1b[0m' in done.stdout and b"\x1b[36;1m1\x1b[0m" in done.stdout
    assert done.stderr.count(b"error: ") == 1


def test_reload_reads_changed_files(terminal, tmp_path):
    (tmp_path / "value.nix").write_text("{ inner = (import ./inner.nix).word; }")
    (tmp_path / "inner.nix").write_text('{ word = "before"; }')
    session = terminal()
    session.type(":l value.nix\n")
    session.until("nix-repl> ")
    session.type("inner\n")
    session.until('"before"')
    (tmp_path / "inner.nix").write_text('{ word = "afterwards"; }')
    session.type(":r\n")
    session.until("nix-repl> ")
    session.until("nix-repl> ")
    session.type("inner\n")
    session.until('"afterwards"')
    assert session.end() == 0


def test_ten_thousand_names_make_no_line_slow(run_command):
    """Each line sees ten thousand names, and takes no longer for them than a line takes."""
    source = 'builtins.listToAttrs (map (n: { name = "n${toString n}"; value = n; }) (builtins.genList (n: n) 10000))'
    lines = "".join(f"n{n * 37} + n{n}\n" for n in range(100))
    done = run_command("nix.main", "repl", "--expr", source, stdin=lines.encode())
    assert done.stdout.count(b"\x1b[36;1m") == 100 and f"\x1b[36;1m{38 * 99}\x1b[0m".encode() in done.stdout


@pytest.mark.parametrize("seed", range(3))
def test_no_random_line_ends_the_session(run_command, seed):
    """No line ends the session, or shows our fault."""
    import random

    make = random.Random(seed)
    pieces = [":a", ":p", ":t", ":doc", ":l", ":ll", ":te", ":r", ":e", ":b", "x", "=", "{", "}", "[", "]", '"', "''", "${", "(", ")", ":", "1", ".", "a", "inherit", ";", "let", "in", "\t", "or", "rec", "@", "?", "/", "<x>", "\\", "\x00"]
    lines = "\n".join(" ".join(make.choices(pieces, k=make.randint(1, 8))) + make.choice(["", '"', "''", "}"]) for _ in range(150))
    closing = "\n''\n\"\n}\n)\n]\n;\n" * 3
    done = run_command("nix.main", "repl", stdin=(lines + closing).encode(), EDITOR="true", NIX_REMOTE="dummy://")
    text = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0 and "fault of the evaluator" not in text and "Traceback" not in text


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing", "device", "file"])
def test_a_history_that_is_no_file_is_neither_read_nor_written(kind, tmp_path) -> None:
    history = tmp_path / "history"
    if kind == "pipe":
        os.mkfifo(history)
    elif kind == "folder":
        history.mkdir()
    elif kind == "link to nothing":
        history.symlink_to(tmp_path / "absent" / "x")
    elif kind == "device":
        history.symlink_to("/dev/full")
    code = f"from snowsnake.cli.repl.reading import TerminalReader; r = TerminalReader({str(history)!r}, lambda word: [], print); r.close()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert history.is_file() == (kind == "file")
