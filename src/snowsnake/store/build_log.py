"""Logs of builds that a store in a folder keeps, in Nix's format.

In: a store path.  Out: the uncompressed log; None if there is none.
"""

from __future__ import annotations

import os

from snowsnake.store.interface import Store


def build_log(store: Store, path: str) -> bytes | None:
    """The log of a derivation, or of the derivation that made an output; None if there is none, ValueError if it is damaged."""
    if not path.endswith(".drv"):
        info = store.info(path)
        if info is None or info.deriver is None:
            return None
        path = info.deriver
    path = _resolved(store, path)
    kept = getattr(store, "log", None)
    # A store may keep logs in its own way, as a binary cache does.
    if kept is not None:
        found: bytes | None = kept(path)
        return found
    usual = log_place(store, path)
    for place in (usual, os.path.join(os.path.dirname(os.path.dirname(usual)), path.rpartition("/")[2])):
        log = read_log(place)
        if log is not None:
            return log
    return None


def _resolved(store: Store, drv_path: str) -> str:
    """The derivation that was built in place of one whose outputs had no paths, if it is known: the log belongs to that one."""
    from snowsnake.store.realisation import has_unknown_outputs, resolve

    try:
        drv = store.read_derivation(drv_path) if store.is_valid(drv_path) else None
        if drv is None or not has_unknown_outputs(drv):
            return drv_path
        return resolve(drv, lambda path, name: store.outputs(path)[name]).drv_path
    except (ValueError, LookupError, OSError):
        return drv_path


def read_log(place: str) -> bytes | None:
    """The log at *place*, which may be compressed; ValueError if it is damaged."""
    if os.path.exists(place):
        with open(place, "rb") as file:
            return file.read()
    if not os.path.exists(place + ".bz2"):
        return None
    import bz2

    try:
        with bz2.open(place + ".bz2") as file:
            return file.read()
    except (OSError, EOFError) as error:
        raise ValueError(f"the log '{place}.bz2' is damaged: {error}") from None


def log_place(store: Store, drv_path: str) -> str:
    """The path of a derivation's log, without the ending for its compression."""
    logs = getattr(store, "log_folder", "") or os.environ.get("NIX_LOG_DIR") or os.path.join(os.path.dirname(getattr(store, "state", "")), "log/nix")
    base = drv_path.rpartition("/")[2]
    return f"{logs}/drvs/{base[:2]}/{base[2:]}"
