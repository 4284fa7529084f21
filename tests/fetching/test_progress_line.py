"""The line that a terminal shows while something is fetched: it fits, whatever the width, and goes away when the user interrupts."""

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from fetch_server import Server

pytest.importorskip("rich")

from snowsnake.cli.fetch_progress import as_line  # noqa: E402
from snowsnake.cli.progress_line import shortened  # noqa: E402

# A run takes less than a second; a loaded machine may need more.
_PATIENCE_S = 60.0
COMMAND = "import sys; from snowsnake.cli.instantiate import main; sys.exit(main(sys.argv[1:]))"


def width_is(terminal: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def interrupted(tmp_path: Path, columns: int, *flags: str, **variables: str) -> tuple[int, str, list[str]]:
    """(exit code, what the terminal got, files that are left) of a command that was interrupted while it downloaded without end."""
    server = Server(tmp_path)
    terminal, inner = pty.openpty()
    width_is(terminal, columns)
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR", "SNOWSNAKE_CACHE_DIR")}
    environment |= {"HOME": str(tmp_path), "SNOWSNAKE_CACHE_DIR": str(tmp_path / "cache"), "TERM": "xterm-256color", **variables}
    words = ["--eval", *flags, "-E", f'builtins.fetchurl "{server.url}/endless/a/long/way/to/a/file.tar.gz"']
    process = subprocess.Popen([sys.executable, "-c", COMMAND, *words], stdin=inner, stdout=inner, stderr=inner, env=environment, start_new_session=True)
    os.close(inner)
    shown = b""
    end = time.monotonic() + _PATIENCE_S
    is_interrupted = False
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.05)[0]:
                piece = os.read(terminal, 65536)
                if not piece:
                    break
                shown += piece
            if not is_interrupted and server.requests and (shown.count(b"\r") > 5 or flags or variables):
                if flags or variables:
                    time.sleep(0.5)
                is_interrupted = True
                process.send_signal(2)
    code = process.wait(_PATIENCE_S)
    os.close(terminal)
    server.close()
    left = [name for _, _, names in os.walk(tmp_path / "cache/fetch") for name in names if not name.startswith("index.sqlite")]
    return code, shown.decode(), left


@pytest.mark.parametrize("columns", [1, 10, 20, 40, 80, 200])
def test_the_line_fits_and_goes_away(tmp_path, columns) -> None:
    code, shown, left = interrupted(tmp_path, columns)
    *lines, error = shown.replace("\r\n", "\n").rstrip("\n").split("\r")
    plain = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in lines]
    assert max(map(len, plain)) <= columns, plain
    assert "\n" not in "".join(plain)
    if columns >= 20:
        assert any(line.endswith("MB") or "MB" in line for line in plain), plain
        assert any("z'" in line for line in plain), plain
    # The cursor is shown again, and the last line is empty.
    assert lines[-1].endswith("\x1b[2K\x1b[?25h")
    assert re.sub(r"\x1b\[[0-9;]*m", "", error) == "error: interrupted by the user"
    assert (code, left) == (1, [])


@pytest.mark.parametrize(("flags", "variables"), [(["--quiet"], {}), ([], {"TERM": "dumb"})])
def test_there_is_no_line_for_quiet_users_and_simple_terminals(tmp_path, flags, variables) -> None:
    code, shown, left = interrupted(tmp_path, 80, *flags, **variables)
    assert (code, re.sub(r"\x1b\[[0-9;]*m", "", shown.strip()), left) == (1, "error: interrupted by the user", [])


def test_a_text_of_any_width_is_shortened_to_it() -> None:
    for width in range(40):
        for size in range(60):
            text = "".join(chr(65 + number) for number in range(size))
            got = shortened(text, width)
            assert len(got) <= width
            assert (got == text) == (size <= width)


def test_an_address_cannot_steer_the_terminal() -> None:
    assert as_line("downloading 'http://a/\x1b]0;title\x07\x1b[2J\r\nb\tc'") == "downloading 'http://a/ b c'"
