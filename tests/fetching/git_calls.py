"""Calls of the program `git`, by an author that is the same everywhere."""

import os
import subprocess
from pathlib import Path


def git(folder: Path, *words: str, **variables: str) -> str:
    """What `git` prints in a folder; CalledProcessError if it fails."""
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *words]
    # A machine's settings may change what is added, such as those of an installed git-lfs.
    own = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=os.environ | own | variables).stdout.strip()
