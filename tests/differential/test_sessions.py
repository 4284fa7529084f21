"""Sessions of `nix repl`: what 2.34.8 prints for lines on a pipe, on both streams, by our command.

`sessions/NAME.in` has the lines, `NAME.flags` the options; each runs in a copy of `sessions/world`.  Record `NAME.out` again with
`python tests/differential/test_sessions.py FOLDER [NAME …]`: a folder with C++ Nix 2.34.8's `nix`, built with readline.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "sessions"
NAMES = sorted(path.stem for path in HERE.glob("*.in"))
# What is different on purpose (docs/differences.md): ours, 2.34.8's.
DIFFERENT = {
    "attribute": [("             | ^\n       Did you mean map?\n", "             | ^\n")],
    "documentation": [("             |    ^\n       Did you mean x?\n", "             |    ^\n")],
    "errors": [("in x\n             |         ^\n       note: 'x' («string»:1:5) needs its own value\n", "in x\n             |         ^\n")],
}


def session(folder: Path, nix: str, name: str) -> str:
    """What a session prints in a folder of its own, with its exit code in the last line."""
    shutil.copytree(HERE / "world", folder, dirs_exist_ok=True)
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": f"{folder}/home", "NIX_CONF_DIR": f"{folder}/conf", "NIX_STORE_DIR": f"{folder}/store",
        "NIX_STATE_DIR": f"{folder}/state", "NIX_LOG_DIR": f"{folder}/log", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "500",
        "_NIX_TEST_RAW_MARKDOWN": "1", "EDITOR": "echo edited",
        "NIX_CONFIG": "sandbox = false\nbuild-users-group =\nbuild-hook =\nsubstituters =\nflake-registry =\nsystem = x86_64-linux\nextra-experimental-features = flakes",
    }  # fmt: skip
    (folder / "home").mkdir()
    flags = (HERE / f"{name}.flags").read_text().split() if (HERE / f"{name}.flags").exists() else []
    done = subprocess.run(
        [nix, "repl", *flags], cwd=folder, env=environment, input=(HERE / f"{name}.in").read_bytes(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
    )  # fmt: skip
    text = re.sub(rf"{folder}/store/[0-9a-z]{{32}}-", "STORE/", done.stdout.decode("utf-8", "replace"))
    text = re.sub(r"narHash=[^&\s]*|lastModified=\d+", "DATE", text).replace(str(folder), "FOLDER")
    return f"{text}exit code {done.returncode}\n"


@pytest.mark.parametrize("name", NAMES)
def test_session_prints_what_was_recorded(name, tmp_path, commands):
    ours = session(tmp_path / "here", f"{commands}/nix", name)
    theirs = (HERE / f"{name}.out").read_text(encoding="utf-8")
    for our_line, their_line in DIFFERENT.get(name, ()):
        assert our_line in ours and our_line not in theirs, "this difference is not there"
        theirs = theirs.replace(their_line, our_line, 1)
    assert ours == theirs


if __name__ == "__main__":
    for wanted in sys.argv[2:] or NAMES:
        with tempfile.TemporaryDirectory() as place:
            text = session(Path(place).resolve() / "here", os.path.abspath(sys.argv[1]) + "/nix", wanted)
        (HERE / f"{wanted}.out").write_text(text, encoding="utf-8")
