"""Hashes of files and folders in Git's way, as blobs and trees, with any algorithm.

In: a path.  Out: the hash that Git's object would have.
"""

from __future__ import annotations

import os
import stat

from snowsnake.store import hashing

_PIECE_BYTES = 1 << 20
_TREE, _FILE, _EXECUTABLE, _LINK = "40000", "100644", "100755", "120000"


def git_digest(algorithm: str, path: str | os.PathLike[str]) -> bytes:
    """The digest of the blob or the tree that Git would make of *path*; ValueError for a file that Git does not store, or that changes meanwhile.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"hello\\n") and file.flush()
    ...     git_digest("sha1", file.name).hex()
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
    root = os.fsencode(path)
    done: dict[bytes, tuple[str, bytes]] = {}
    # Each item is a path; for a folder whose entries are done before it, also the names of these.
    work: list[tuple[bytes, list[bytes] | None]] = [(root, None)]
    while work:
        place, names = work.pop()
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):
            done[place] = (_LINK, _object(algorithm, b"blob", os.readlink(place)))
        elif stat.S_ISREG(status.st_mode):
            mode = _EXECUTABLE if status.st_mode & stat.S_IXUSR else _FILE
            done[place] = (mode, _file(algorithm, place, status.st_size))
        elif not stat.S_ISDIR(status.st_mode):
            raise ValueError(f"file '{os.fsdecode(place)}' has an unsupported type")
        elif names is None:
            names = os.listdir(place)
            work.append((place, names))
            work.extend((place + b"/" + name, None) for name in names)
        else:
            entries = [(name, *done.pop(place + b"/" + name)) for name in names]
            entries.sort(key=lambda entry: entry[0] + (b"/" if entry[1] == _TREE else b""))
            data = b"".join(mode.encode() + b" " + name + b"\0" + digest for name, mode, digest in entries)
            done[place] = (_TREE, _object(algorithm, b"tree", data))
    return done[root][1]


def _object(algorithm: str, kind: bytes, data: bytes) -> bytes:
    return hashing.digest(algorithm, b"%s %d\0%s" % (kind, len(data), data))


def _file(algorithm: str, path: bytes, size: int) -> bytes:
    stream = hashing.HashStream(algorithm)
    head = b"blob %d\0" % size
    stream.update(head)
    with open(path, "rb") as file:
        while piece := file.read(_PIECE_BYTES):
            stream.update(piece)
    if stream.size != len(head) + size:
        raise ValueError(f"'{os.fsdecode(path)}' changed while it was read")
    return stream.digest()
