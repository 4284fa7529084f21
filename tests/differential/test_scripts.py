"""A shell script that finds our command as `nix-instantiate` first on its PATH prints what it prints with nix-instantiate 2.34.

`scripts/build.out` was recorded from that: `PATH=… sh build.sh` in a folder with `pkgs.nix`, in the environment below.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command_world import ENVIRONMENT
from conftest import INSTALLED, SOURCE

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.mark.bare
def test_a_script_for_nix_runs_with_our_commands(tmp_path):
    """The folder is as after `pip install snowsnake` and `ln -s $(which snowsnake-instantiate) first/nix-instantiate`."""
    first, work = tmp_path / "first", tmp_path / "work"
    for folder in (first, work):
        folder.mkdir()
    (first / "nix-instantiate").symlink_to(INSTALLED / "snowsnake-instantiate")
    for name in ("build.sh", "pkgs.nix"):
        shutil.copy(SCRIPTS / name, work)
    environment = ENVIRONMENT | {"PATH": f"{first}:{os.environ['PATH']}", "PYTHONPATH": SOURCE}
    done = subprocess.run(
        ["sh", "build.sh"], cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )
    assert done.stdout == (SCRIPTS / "build.out").read_text(encoding="utf-8")
    assert done.returncode == 0
