"""What several differential tests need."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> str:
    """A folder with our commands under Nix's names."""
    folder = tmp_path_factory.mktemp("commands")
    subprocess.run([Path(sys.executable).with_name("snowsnake"), "links", folder], check=True, stdout=subprocess.DEVNULL)
    return str(folder)
