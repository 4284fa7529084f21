"""Random command lines end without a traceback; thousands of them: python tests/fuzz/command_lines.py."""

import subprocess
import sys
from pathlib import Path


def test_random_command_lines_cause_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("command_lines.py"), "150", "7"], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
