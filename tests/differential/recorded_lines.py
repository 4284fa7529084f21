"""Command lines with what 2.34.8 does for each: a file of JSON beside a test, and the function that records it again."""

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def record(place: Path, lines: Iterable[str], run: Callable[[Path, str, str], object], commands: str, is_kept: Callable[[str], bool]) -> None:
    """Runs, with the *commands* of a folder, each line that *place* does not have, and each that *is_kept* does not accept."""
    known = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    found = {}
    for line in lines:
        if line in known and is_kept(line):
            found[line] = known[line]
            continue
        with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
            found[line] = run(Path(folder), commands, line)
    place.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def surroundings(folder: Path, commands: str, features: str, *settings: str, **variables: str) -> dict[str, str]:
    """The environment of a line: its store, state and logs are in *folder*, and nothing but *commands* and *settings* (lines of nix.conf) acts on it."""
    configuration = ["sandbox = false", "build-users-group =", "substitute = false", "build-hook =", *settings, f"extra-experimental-features = {features}"]
    return {
        "PATH": f"{commands}:/usr/bin:/bin", "HOME": f"{folder}/home", "NIX_CONF_DIR": f"{folder}/conf", "NIX_STORE_DIR": f"{folder}/store",
        "NIX_STATE_DIR": f"{folder}/state", "NIX_LOG_DIR": f"{folder}/log", "LC_ALL": "C.UTF-8", "NIX_CONFIG": "\n".join(configuration), **variables,
    }  # fmt: skip
