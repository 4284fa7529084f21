"""The profile and the traced calls of an expression, by a command: C++ Nix's when they are recorded, ours when they are compared."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent / "profiles"


def calls(command: list[str], expression: str, more: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    """(lines of the profile, sorted; lines that begin with `function-trace`, without their times)."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "NIX_CONF_DIR": folder}
        profile = Path(folder) / "profile"
        words = [*command, "--eval", "--strict", "--expr", expression, *more]
        sampled = ["--eval-profiler", "flamegraph", "--eval-profiler-frequency", "0", "--eval-profile-file", str(profile)]
        subprocess.run([*words, *sampled], cwd=folder, env=environment, capture_output=True, check=False)
        traced = subprocess.run([*words, "--trace-function-calls"], cwd=folder, env=environment, capture_output=True, check=False)
        lines = [re.sub(r" at \d+$", "", line) for line in traced.stderr.decode().splitlines() if line.startswith("function-trace")]
        return sorted(profile.read_text().splitlines()), lines
