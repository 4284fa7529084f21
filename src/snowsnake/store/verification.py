"""Looks for faults of a store on disk: damaged objects, objects that are missing, derivations that do not fit their paths.

In: a store.  Out: a sentence about each fault.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from snowsnake.store import nar, store_path
from snowsnake.store.derivation import Derivation
from snowsnake.store.path_info import PathInfo

# Type checkers take this for true.  Otherwise the import would close a circle.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.local import LocalStore


def faults_of(store: LocalStore, *, check_contents: bool, on_path: Callable[[str], None] | None) -> list[str]:
    """The faults of a store; see `LocalStore.verify`.  *check_contents*: the contents of each object are hashed.  *on_path* gets each path first."""
    faults = store.database.check()
    for path in store.database.paths():
        if on_path is not None:
            on_path(path)
        info = store.database.info(path)
        # Another process may have removed the object meanwhile.
        if info is None:
            continue
        try:
            store_path.parse(path, store.store_dir)
        except ValueError as error:
            faults.append(str(error))
            continue
        place = store.real_path(path)
        if not os.path.lexists(place):
            faults.append(f"path '{path}' is valid but not there")
        elif check_contents:
            faults += _content_faults(info, place, store.store_dir)
    return faults


def _content_faults(info: PathInfo, place: str, store_dir: str) -> list[str]:
    try:
        digest, size = nar.path_digest("sha256", place)
    except OSError as error:
        return [f"path '{info.path}' cannot be read: {error}"]
    found = "sha256:" + digest.hex()
    if found != info.nar_hash or size != info.nar_size:
        return [f"path '{info.path}' was modified! expected hash '{info.nar_hash}', got '{found}'"]
    if not info.path.endswith(".drv"):
        return []
    try:
        with open(place, "rb") as file:
            drv = Derivation.from_aterm(file.read(), info.path, store_dir)
    except IsADirectoryError as error:
        return [f"path '{info.path}' cannot be read: {error}"]
    except ValueError as error:
        return [f"error parsing derivation '{info.path}': {error}"]
    if drv.drv_path != info.path or drv.references != info.references:
        return [f"derivation '{info.path}' does not fit its path or its references"]
    return []
