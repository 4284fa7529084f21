"""Runs a nix-instantiate on a shape with a store of its own, and says what it wrote there.

In: a command and a `Shape`.  Out: {"drv", "text", "objects"} or {"error"}; for the recorder and for the tests.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from derivation_shapes import EXECUTABLE, FILES, Shape
from run_suite import last_error

from snowsnake.store import Hash


def write_files(folder: Path, shape: Shape) -> None:
    """The expression and the files that it may name."""
    for name, text in {**FILES, "expr.nix": shape.expression}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / EXECUTABLE).chmod(0o755)
    (folder / "src" / "link").symlink_to("sub/empty")


def words(shape: Shape, store: Path) -> list[str]:
    return ["expr.nix", "--store", str(store), "--no-gc-warning", "--option", "experimental-features", shape.features]


def objects(root: Path) -> dict[str, str]:
    """NAR hashes of what is in a store, by path."""
    folder = root / "nix" / "store"
    names = [path.name for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return {f"/nix/store/{name}": Hash.of_path(folder / name).base16 for name in names}


def outcome(code: int, out: str, err: str, folder: Path, store: Path) -> dict[str, Any]:
    """The result of one run; the folder of the expression reads as /pwd."""
    if code:
        return {"error": last_error(err.replace(str(folder), "/pwd"))}
    drv = out.strip().partition("!")[0]
    return {"out": out.strip(), "text": (store / drv[1:]).read_text(encoding="utf-8"), "objects": dict(sorted(objects(store).items()))}


def instantiate(command: list[str], shape: Shape) -> dict[str, Any]:
    """Runs *command* as a process."""
    with tempfile.TemporaryDirectory(prefix="snowsnake-shape-") as name:
        folder, store = Path(name) / "pwd", Path(name) / "store"
        folder.mkdir()
        write_files(folder, shape)
        done = subprocess.run([*command, *words(shape, store)], cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=120)
        if done.returncode not in (0, 1):
            raise SystemExit(f"exit {done.returncode}: {shape.expression}\n{done.stderr}")
        try:
            return outcome(done.returncode, done.stdout, done.stderr, folder, store)
        finally:
            make_removable(store)


def make_removable(store: Path) -> None:
    """Makes the folders of a store writable, because a read-only folder cannot be emptied."""
    for path in [*store.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
