"""A failure that the record does not explain is not kept: the disk was full, a build failed, the time was over.  The next run evaluates the attribute again."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from snowsnake.build.sandbox import why_no_sandbox

ROOT = """
let job = name: v: derivation { inherit name v; system = builtins.currentSystem; builder = "b"; }; in {
  copied = job "copied" "${./large}";
  quick = job "quick" "";
  missing = job "missing" (builtins.readFile ./none);
  slow = job "slow" (builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: builtins.foldl' (a: b: a + b) x (builtins.genList (y: y) 1000)) 60000));
  built = job "built" (import (derivation {
    name = "built.nix"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "test -e FLAG && echo 1 > $out" ];
  }));
}
"""
WORDS = ("--json", "--incremental", "--results", "r.sqlite", "--workers", "1", "--store", "store", "--option", "sandbox", "false", "--option", "substituters", "")


def failed(folder: Path, *names: str, timeout_s: str = "100", most_bytes: int = resource.RLIM_INFINITY) -> tuple[list[str], int]:
    """The names of the jobs that failed, and how many attributes were evaluated, the root not counted."""
    code = "import sys; from snowsnake.cli.main import main; sys.exit(main())"
    select = f"root: {{ {' '.join(f'inherit (root) {name};' for name in names)} }}"
    result = subprocess.run(
        [sys.executable, "-c", code, "jobs", "root.nix", "--select", select, "--timeout", timeout_s, *WORDS],
        capture_output=True, cwd=folder, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY)),
    )  # fmt: skip
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(names), result.stderr
    return [line["attr"] for line in lines if "error" in line], int(result.stderr.rpartition(b" of ")[0].rpartition(b"\n")[2]) - 1


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "root.nix").write_text(ROOT)
    (tmp_path / "large").write_bytes(os.urandom(3_000_000))
    return tmp_path


def test_a_disk_that_was_full(folder):
    assert failed(folder, "copied", "quick", most_bytes=2_000_000) == (["copied"], 2)
    assert failed(folder, "copied", "quick") == ([], 1)
    assert failed(folder, "copied", "quick") == ([], 0)


def test_time_that_was_over(folder):
    assert failed(folder, "quick", "slow", timeout_s="0.3") == (["slow"], 2)
    assert failed(folder, "quick", "slow") == ([], 1)
    assert failed(folder, "quick", "slow") == ([], 0)


@pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here")
def test_a_build_that_failed(folder):
    # A builder is another user, who may not look into the folder of a test.
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        (folder / "root.nix").write_text(ROOT.replace("FLAG", f"{place}/flag"))
        assert failed(folder, "built", "quick") == (["built"], 2)
        Path(place, "flag").touch()
        assert failed(folder, "built", "quick") == ([], 1)
        assert failed(folder, "built", "quick") == ([], 0)


def test_a_file_that_is_not_there_is_explained_by_the_record(folder):
    assert failed(folder, "missing", "quick") == (["missing"], 2)
    assert failed(folder, "missing", "quick") == (["missing"], 0)
    (folder / "none").write_text("")
    assert failed(folder, "missing", "quick")[0] == []
