"""The bytecode of a whole source as a listing: for `snowsnake disassemble` and for `snowsnake eval --dump-bytecode`."""

import os

from snowsnake.cli.output import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 16


def write_pieces(texts: "Iterator[str]") -> None:
    """Writes a listing while it is made: a disk that is full, or a reader that went away, ends it early."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size > _PIECE:
            write("".join(waiting).encode("utf-8", "surrogateescape"))
            waiting.clear()
            size = 0
    write("".join(waiting).encode("utf-8", "surrogateescape"))


def disassembly(name: str, data: bytes, level: int, features: list[str]) -> "Iterator[str]":
    """The listing, in pieces, of a text called `name`, or of the file at the path `data` if the name is "file"."""
    from snowsnake.parsing import compiled_pieces

    folder = os.getcwd()
    if name == "file":
        from snowsnake.cli.session import resolve_expression_path

        name = resolve_expression_path(os.path.abspath(os.fsdecode(data)))
        folder = os.path.dirname(name)
        with open(name, "rb") as file:
            data = file.read()
    return compiled_pieces(data, name, folder, level, features)
