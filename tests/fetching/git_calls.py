"""Calls of the program `git`, by an author that is the same everywhere."""

import os
import subprocess
from pathlib import Path


def git(folder: Path, *words: str, **variables: str) -> str:
    """What `git` prints in a folder; CalledProcessError if it fails."""
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=os.environ | variables).stdout.strip()
