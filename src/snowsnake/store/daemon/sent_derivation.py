"""Derivations that a client sends along with a request, instead of adding them to the store: remote builders get them in this way.

In: a connection.  Out: a `Derivation` without input derivations, and a store that has nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from snowsnake.store import store_path
from snowsnake.store.daemon.wire import Message, Wire
from snowsnake.store.derivation import Derivation, DerivationOutput
from snowsnake.store.interface import NotValid
from snowsnake.store.memory import MemoryStore
from snowsnake.store.path_info import PathInfo

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def read_derivation(wire: Wire, drv_path: str, store_dir: str) -> Derivation:
    """Reads what `add_derivation` adds; ValueError if it is not a derivation."""
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


def add_derivation(message: Message, drv: Derivation, sources: Iterable[str]) -> None:
    """Adds a derivation to a request; *sources*, the paths of all its inputs, take the place of input derivations and sources.

    >>> import socket
    >>> ours, theirs = socket.socketpair()
    >>> drv = Derivation("x", "s", "/b", ["a\\n"], {"k": '"'}, {"out": DerivationOutput(f"/nix/store/{'0' * 32}-x")})
    >>> wire = Wire(ours); add_derivation(wire, drv, []); wire.flush()
    >>> read_derivation(Wire(theirs), f"/nix/store/{'1' * 32}-x.drv", "/nix/store") == drv
    True
    """
    message.add_number(len(drv.outputs))
    for name, output in drv.outputs.items():
        for text in (name, *_output(output)):
            message.add_text(text)
    message.add_texts(sorted(sources))
    message.add_text(drv.system)
    message.add_text(drv.builder)
    message.add_texts(drv.args)
    message.add_number(len(drv.env))
    for name, value in drv.env.items():
        message.add_text(name)
        message.add_text(value)


def _output(output: DerivationOutput) -> tuple[str, str, str]:
    """(path, method with algorithm, hash), as in the text of a derivation."""
    if output.kind in ("input", "deferred"):
        return output.path, "", ""
    content = "impure" if output.kind == "impure" else "" if output.hash is None else output.hash.base16
    return output.path, store_path.method_prefix(output.method or "flat") + (output.algorithm or ""), content


def _string(text: str) -> str:
    return '"' + text.translate(_ESCAPES) + '"'


def _tuple(texts: Iterable[str]) -> str:
    return "(" + ",".join(map(_string, texts)) + ")"


def _list(items: Iterable[str]) -> str:
    return "[" + ",".join(items) + "]"


class SentDerivation(MemoryStore):
    """A store that has one derivation, which the build reads from it."""

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
