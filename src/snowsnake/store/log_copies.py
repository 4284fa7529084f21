"""Puts logs of builds where a store keeps them.

In: a store, a derivation, its log.  Out: a file that `nix log` finds, in a folder of logs or in a binary cache.
"""

from __future__ import annotations

import bz2
import os

from snowsnake.foundation.replacing import replace_file
from snowsnake.store.binary_cache.store import BinaryCacheStore
from snowsnake.store.build_log import log_place
from snowsnake.store.interface import Store, Unsupported
from snowsnake.store.local import LocalStore


def add_log(store: Store, drv_path: str, log: bytes) -> None:
    """Adds the log of a derivation, unless there is one; ValueError for a kind of store that keeps no logs."""
    if isinstance(store, BinaryCacheStore):
        store.add_log(drv_path, log)
        return
    if not isinstance(store, LocalStore):
        raise Unsupported("addBuildLog", store.url)
    place = log_place(store, drv_path) + ".bz2"
    if os.path.exists(place):
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    replace_file(place, [bz2.compress(log)])
