"""Compiling for Python, with the chunk as data: `snowsnake.bytecode.compile`.

In: Nix source.  Out: a `Chunk`; a `SyntaxFault` if it has faults.  It is above `bytecode/`, because compiling is.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from snowsnake.foundation.arguments import a_level, a_path, a_str, a_text
from snowsnake.parsing import compile_chunk

if TYPE_CHECKING:
    from snowsnake.bytecode.view import Chunk


def compile(source: str | bytes, *, optimise: int = 1, name: str = "«string»", base_path: str = "", features: Iterable[str] = ()) -> "Chunk":
    """The chunk of an expression, with the chunks of its functions and thunks below it; nothing is evaluated.

    `optimise` 0: the specified operations only.  Raises `SyntaxFault` with all faults of the source.  The cost is linear.  The chunk is a
    copy: changing it changes no code that runs.

    >>> from snowsnake import bytecode
    >>> chunk = bytecode.compile("x: x + 1")
    >>> [inner.kind for inner in chunk.walk()], bytecode.verify_all(chunk)
    (['toplevel', 'lambda'], [])
    >>> [operation.op.name for operation in bytecode.operations(chunk.children[0].code)]
    ['Arithmetic', 'Return']
    """
    data = a_text("a source", source)
    folder = a_path("base_path", base_path)
    return compile_chunk(data, a_str("a name for the text", name), folder or os.getcwd(), a_level(optimise), features)
