"""The formats of the Nix store, as a separate library that knows nothing about the evaluator's values.

    Hash, convert_hash          hashes in all their text forms
    StorePath                   /nix/store/<hash>-name: making, checking, splitting
    Derivation, diff            .drv files: ATerm, JSON; why two of them differ
    pack, unpack, read_nar      NAR archives
    NarInfo                     .narinfo files
    LocalStore                  a store in a folder of the user's own

Names are imported when they are first used: an evaluation that only hashes must not pay for SQLite.  An invalid input is a
ValueError, with Nix's message where Nix has one; files that cannot be read or written are OSErrors.

>>> import tempfile
>>> from snowsnake.store import Hash, LocalStore, StorePath
>>> path = StorePath.of_text("greeting", b"hello")
>>> str(path)
'/nix/store/5akl8zsmda0yrr63v4khwgskih2g2hsh-greeting'
>>> with tempfile.TemporaryDirectory() as folder, LocalStore(folder) as store:
...     store.add_text("greeting", b"hello") == str(path), store.read(str(path)), store.verify()
(True, b'hello', [])
"""
# Type checkers take this for true.  An import of `typing` would cost every start of the command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.derivation import Derivation, DerivationOutput
    from snowsnake.store.derivation_diff import diff
    from snowsnake.store.derivation_paths import DerivationMemory
    from snowsnake.store.hash import Hash, convert_hash
    from snowsnake.store.local import LocalStore
    from snowsnake.store.nar import pack
    from snowsnake.store.nar_reader import BadArchive, read_nar, unpack
    from snowsnake.store.narinfo import NarInfo
    from snowsnake.store.path import StorePath

_HOME = {
    "BadArchive": "nar_reader",
    "Derivation": "derivation",
    "DerivationMemory": "derivation_paths",
    "DerivationOutput": "derivation",
    "Hash": "hash",
    "LocalStore": "local",
    "NarInfo": "narinfo",
    "StorePath": "path",
    "convert_hash": "hash",
    "diff": "derivation_diff",
    "pack": "nar",
    "read_nar": "nar_reader",
    "unpack": "nar_reader",
}

__all__ = [
    "BadArchive",
    "Derivation",
    "DerivationMemory",
    "DerivationOutput",
    "Hash",
    "LocalStore",
    "NarInfo",
    "StorePath",
    "convert_hash",
    "diff",
    "pack",
    "read_nar",
    "unpack",
]


def may_write(folder: str, state: str) -> bool:
    """Whether the store in this folder, with its state in the other one, exists and we may add to it."""
    import os

    return os.access(state + "/db/db.sqlite", os.W_OK) and os.access(folder, os.W_OK)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(__import__(f"{__name__}.{_HOME[name]}", fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
