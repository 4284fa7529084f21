"""Derivations that a client sends along instead of adding them to the store: how remote builders get what they build.

In: a connection.  Out: a `Derivation` without input derivations, and a store that has nothing but it.
"""

from __future__ import annotations

from collections.abc import Iterable

from snowsnake.store.daemon.wire import Wire
from snowsnake.store.derivation import Derivation
from snowsnake.store.interface import NotValid
from snowsnake.store.memory import MemoryStore
from snowsnake.store.path_info import PathInfo

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def read_derivation(wire: Wire, drv_path: str, store_dir: str) -> Derivation:
    """ValueError if what was sent is no derivation."""
    outputs = sorted(wire.items(lambda: tuple(wire.text() for _ in range(4))))
    sources = sorted(wire.texts())
    system, builder, args = wire.text(), wire.text(), wire.texts()
    env = sorted(wire.items(lambda: (wire.text(), wire.text())))
    parts = (
        _list(map(_tuple, outputs)), "[]", _list(map(_string, sources)), _string(system), _string(builder), _list(map(_string, args)),
        _list(map(_tuple, env)),
    )  # fmt: skip
    text = f"Derive({','.join(parts)})"
    return Derivation.from_aterm(text.encode("utf-8", "surrogateescape"), drv_path, store_dir)


def _string(text: str) -> str:
    return '"' + text.translate(_ESCAPES) + '"'


def _tuple(texts: Iterable[str]) -> str:
    return "(" + ",".join(map(_string, texts)) + ")"


def _list(items: Iterable[str]) -> str:
    return "[" + ",".join(items) + "]"


class SentDerivation(MemoryStore):
    """The store that a derivation is read from while it is built."""

    def __init__(self, drv_path: str, drv: Derivation) -> None:
        super().__init__(drv.store_dir)
        self._drv_path = drv_path
        self._drv = drv

    def is_valid(self, path: str) -> bool:
        return path == self._drv_path

    def info(self, path: str) -> PathInfo | None:
        return None

    def read(self, path: str) -> bytes:
        if path != self._drv_path:
            raise NotValid(path)
        return self._drv.to_aterm()
