"""Unpacks archives whose bytes need not be read from a stream: those in memory, and those in temporary files.

In: the facts about an archive, the archive.  Out: its tree with the modes and dates of a store, if it has exactly these facts.  Otherwise
`nar_reader.py` reads it again, and says what is wrong.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

from snowsnake.store import hashing
from snowsnake.store.nar_unpack import unpack_canonical
from snowsnake.store.path_info import PathInfo
from snowsnake.store.removal import remove

# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def unpack_known(info: PathInfo, archive: BinaryIO, target: str) -> bool:
    """Unpacks an archive at *target*.  False if its hash or its form is wrong: then nothing is at *target*, and the archive can be read again."""
    with _in_memory(archive, info.nar_size) as data:
        if data is None or "sha256:" + hashing.digest("sha256", data).hex() != info.nar_hash:
            return False
        if unpack_canonical(data, os.fsencode(target)):
            return True
    remove(target)
    return False


@contextmanager
def _in_memory(archive: BinaryIO, size: int) -> Iterator[memoryview | None]:
    """The bytes of an archive of *size* bytes in memory or in a temporary file; None for any other archive."""
    if isinstance(archive, io.BytesIO) and archive.tell() == 0:
        with archive.getbuffer() as data:
            yield data if len(data) == size else None
    elif isinstance(archive, io.BufferedRandom) and size and archive.tell() == 0 and os.fstat(archive.fileno()).st_size == size:
        import mmap

        with mmap.mmap(archive.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
            yield data
    else:
        yield None
