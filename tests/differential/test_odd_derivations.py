"""Derivations of every odd kind (odd/cases.nix), built without a sandbox: exit codes, messages, outputs and the store's records are those of 2.34.8.

Record again with `python tests/differential/test_odd_derivations.py NIX_BUILD`, the `nix-build` of C++ Nix 2.34.8.
"""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fixed_folder import fixed_folder

HERE = Path(__file__).parent / "odd"
# The paths of outputs depend on this folder.
PLACE = "/tmp/snowsnake-odd"
RECORDED = json.loads((HERE / "recorded.json").read_text()) if (HERE / "recorded.json").exists() else {}
CASES = re.findall(r"^  (\w+) = ", (HERE / "cases.nix").read_text().partition("\nin {\n")[2], re.M)
CONFIGURATION = """
sandbox = false
build-users-group =
substituters =
build-hook =
cores = 3
experimental-features = nix-command flakes ca-derivations impure-derivations dynamic-derivations
"""
# Lines that both print in other words, or that one of them prints more often.
_LEFT_OUT = re.compile(r"^\s*(at\s|\d*\||…|\(stack\ trace)|^\s*\^$|you\ did\ not\ specify|^\s*$|^building|^warning", re.X)
# 2.34.8 keeps an output with the wrong hash that refers to itself under another name.
_DIFFERENT = {"recself": {"valid", "references", "files"}}


def build(command: list[str], name: str, **given: str) -> dict[str, object]:
    with fixed_folder(f"{PLACE}/{name}") as folder:
        return _build(folder, command, name, given)


def _build(folder: Path, command: list[str], name: str, given: dict[str, str]) -> dict[str, object]:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "NIX_CONF_DIR": str(folder), "NIX_CONFIG": CONFIGURATION, "LC_ALL": "C.UTF-8", "MYVAR": "value",
        "NIX_STORE_DIR": f"{folder}/store", "NIX_STATE_DIR": f"{folder}/state", "NIX_LOG_DIR": f"{folder}/log", **given,
    }  # fmt: skip
    shutil.copy(HERE / "cases.nix", folder)
    done = subprocess.run(
        [*command, f"{folder}/cases.nix", "-A", name, "--no-out-link"], env=environment, cwd=folder, capture_output=True, text=True,
        errors="surrogateescape", stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip
    text = re.sub(rf'"{folder}/(?:store/tmp|state/snowsnake)[^"]*"', '"PLACE"', done.stderr).replace(str(folder), "FOLDER").replace("'/FOLDER", "'FOLDER")
    said = sorted({line.strip() for line in text.splitlines() if not _LEFT_OUT.search(line)})
    return {"status": done.returncode, "out": done.stdout.replace(str(folder), "FOLDER"), "said": said} | records(folder)


def records(folder: Path) -> dict[str, object]:
    """What the database says about valid paths, and what is there."""
    if not (folder / "state/db/db.sqlite").exists():
        return {}
    database = sqlite3.connect(folder / "state/db/db.sqlite")
    valid = database.execute("select path, hash, narSize, ultimate, sigs, ca, deriver from ValidPaths order by path").fetchall()
    query = "select a.path, b.path from Refs join ValidPaths a on a.id = referrer join ValidPaths b on b.id = reference order by 1, 2"
    found = {"valid": valid, "references": database.execute(query).fetchall()}
    database.close()
    found["files"] = [contents(Path(path)) for path, *_ in valid]
    return json.loads(json.dumps(found).replace(str(folder), "FOLDER"))


def contents(root: Path) -> str:
    """A digest of names, modes, dates and contents; the archive's hash does not know the modes and dates."""
    hasher = hashlib.sha256()
    for path in sorted([root, *root.rglob("*")] if root.is_dir() and not root.is_symlink() else [root]):
        status = os.lstat(path)
        mode = "link" if stat.S_ISLNK(status.st_mode) else oct(status.st_mode)
        hasher.update(f"{os.path.relpath(path, root)} {mode} {int(status.st_mtime)}\n".encode("utf-8", "surrogateescape"))
    return hasher.hexdigest()[:16]


def test_every_case_is_recorded():
    assert list(RECORDED) == CASES


@pytest.mark.skipif(not os.path.exists("/bin/sh"), reason="the builders are scripts of /bin/sh")
@pytest.mark.parametrize("name", CASES)
def test_odd_derivations_build_or_fail_as_in_nix(name):
    command = [sys.executable, "-c", "import sys; from snowsnake.cli.old.build import main; sys.exit(main())"]
    found = build(command, name, PYTHONPATH=os.pathsep.join(sys.path))
    for key in RECORDED[name].keys() - _DIFFERENT.get(name, set()):
        assert found.get(key) == RECORDED[name][key], key
    for key in _DIFFERENT.get(name, set()):
        assert found.get(key) != RECORDED[name][key], f"{key} agrees now: take it off the list"


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(build([sys.argv[1]], name))}" for name in CASES]
    (HERE / "recorded.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
