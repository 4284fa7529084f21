"""Import from derivation, without any Nix: values, errors and logs of 2.34.8 (imported/recorded.json), by our own builder.

Record again with `python tests/differential/test_imported.py NIX_INSTANTIATE`: C++ Nix 2.34.8, as root, with the right to make namespaces.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "imported"
sys.path.insert(0, str(HERE))
from imported_cases import CASES  # noqa: E402

COMMAND = Path(sys.executable).with_name("snowsnake-instantiate")
RECORDED = json.loads((HERE / "recorded.json").read_text()) if (HERE / "recorded.json").exists() else {}
CONFIGURATION = """
sandbox = true
sandbox-fallback = false
substitute = false
build-users-group =
build-hook =
cores = 3
sandbox-paths = /bin=/usr/bin /lib=/usr/lib /lib64=/usr/lib64 /usr
experimental-features = nix-command flakes
"""
# Lines that both print in other words, or that only one of them can print.
_LEFT_OUT = re.compile(
    r"""^\s*(at\s|\d*\||…|\(stack\ trace)|^\s*\^$|you\ did\ not\ specify|^\s*$""", re.X
)


def evaluate(command: str, name: str, folder: str) -> dict[str, object]:
    expression, words = CASES[name]
    store = os.path.join(folder, "store-" + name)
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "NIX_CONF_DIR": folder, "NIX_CONFIG": CONFIGURATION, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [command, "--store", store, "--eval", "--strict", "--read-write-mode", *words, "-E", (HERE / "prelude.nix").read_text() + expression],
        env=environment, cwd=folder, capture_output=True, text=True, errors="surrogateescape", timeout=300,
    )  # fmt: skip
    # The place of an output while it is built differs.
    text = re.sub(rf'"{store}[^"]*"', '"PLACE"', done.stderr)
    said = [line.strip() for line in text.splitlines() if not _LEFT_OUT.search(line)]
    return {"out": done.stdout.replace(store, "STORE"), "status": min(done.returncode, 1), "said": said}


def why_not() -> str:
    from snowsnake.build.sandbox import why_no_sandbox

    return why_no_sandbox() or ("" if os.path.exists("/usr/lib64") else "not a machine like the one that it was recorded on")


@pytest.mark.skipif(bool(why_not()), reason=f"no namespaces here: {why_not()}")
@pytest.mark.parametrize("name", CASES)
def test_imports_from_derivations_do_what_they_do_in_nix(name, tmp_path):
    recorded = RECORDED[name]
    found = evaluate(str(COMMAND), name, str(tmp_path))
    assert found["out"] == recorded.get("out_here", recorded["out"]), found["said"]
    assert found["status"] == recorded["status"], found["said"]
    assert found["said"] == recorded.get("said_here", recorded["said"])
    # Nothing is left of a build.
    assert list((tmp_path / f"store-{name}" / "nix/var/snowsnake/tmp").iterdir()) == []


def record(command: str) -> None:
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        found = {name: evaluate(command, name, folder) for name in CASES}
    for name, case in found.items():
        before = RECORDED.get(name, {})
        case |= {key: before[key] for key in ("out_here", "said_here", "reason") if key in before}
    (HERE / "recorded.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    record(sys.argv[1])
