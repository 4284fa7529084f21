"""A shell script with ours first on its PATH as `nix-instantiate` prints what it prints with nix-instantiate 2.34.

`scripts/build.out` was recorded from that: `PATH=… sh build.sh` in a folder with `pkgs.nix`, in the environment below.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_world import ENVIRONMENT
from conftest import SOURCE

SCRIPTS = Path(__file__).parent / "scripts"
COMMAND = Path(__file__).parents[2] / "bin" / "snowsnake-instantiate"


@pytest.mark.bare
def test_script(tmp_path):
    """As after `pip install snowsnake` and `ln -s $(which snowsnake-instantiate) first/nix-instantiate`."""
    installed, first, work = tmp_path / "installed", tmp_path / "first", tmp_path / "work"
    for folder in (installed, first, work):
        folder.mkdir()
    command = installed / "snowsnake-instantiate"
    command.write_text(COMMAND.read_text(encoding="utf-8").replace("#!python", f"#!{sys.executable}", 1), encoding="utf-8")
    command.chmod(0o755)
    (first / "nix-instantiate").symlink_to(command)
    for name in ("build.sh", "pkgs.nix"):
        shutil.copy(SCRIPTS / name, work)
    environment = ENVIRONMENT | {"PATH": f"{first}:{os.environ['PATH']}", "PYTHONPATH": SOURCE}
    done = subprocess.run(
        ["sh", "build.sh"], cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )
    assert done.stdout == (SCRIPTS / "build.out").read_text(encoding="utf-8")
    assert done.returncode == 0
