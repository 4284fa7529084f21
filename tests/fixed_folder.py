"""A folder whose path is the same on every machine, because recorded answers name it or are computed from it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snowsnake.store.removal import remove


@contextmanager
def fixed_folder(path: str) -> Iterator[Path]:
    """The folder, empty; it is removed again.  What a run that was killed left there goes first; another process that uses the folder is waited for."""
    folder = Path(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove(path)
        folder.mkdir()
        try:
            yield folder
        finally:
            remove(path)
