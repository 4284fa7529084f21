"""Adds files and folders to a store, by any method and any hash.

In: a store, a path on disk.  Out: the path of the object.
"""

from __future__ import annotations

import errno
import os
import tempfile

from snowsnake.store import hashing, nar, store_path
from snowsnake.store.hash import Hash
from snowsnake.store.interface import Store
from snowsnake.store.local import LocalStore
from snowsnake.store.path_info import PathInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def content_path(store_dir: str, name: str, source: str, method: str, algorithm: str) -> tuple[str, str]:
    """(store path, content address) of a file or folder; *method*: flat, nar, text or git.  OSError if it cannot be read."""
    if method in ("flat", "text"):
        if os.path.isdir(source):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source)
        digest = hashing.file_digest(algorithm, source)[0]
    elif method == "git":
        from snowsnake.store.git_hash import git_digest

        digest = git_digest(algorithm, source)
    else:
        digest = nar.path_digest(algorithm, source)[0]
    path = store_path.fixed_path(name, method, algorithm, digest, (), False, store_dir)
    prefix = ("" if method == "text" else "fixed:") + store_path.method_prefix(method)
    return str(path), prefix + hashing.format_hash(algorithm, digest, "nix32", with_algorithm=True)


def add_path(store: Store, name: str, source: str, method: str = "nar", algorithm: str = "sha256") -> str:
    """Adds a file or folder, and returns its path; ValueError for a name or contents that are not allowed, or that change meanwhile."""
    if (method, algorithm) == ("nar", "sha256") and isinstance(store, LocalStore) and store.lies_in(source):
        return store.add_source(name, source)
    path, address = content_path(store.store_dir, name, source, method, algorithm)
    store.keep(path)
    if store.is_valid(path):
        return path
    with tempfile.TemporaryFile() as archive:
        size = nar.pack_into(source, archive.fileno()) if method in ("nar", "git") else _pack_file(source, archive)
        archive.seek(0)
        digest = Hash.of_stream(archive)
        archive.seek(0)
        store.import_object(PathInfo(path, "sha256:" + digest.base16, size, ca=address), archive)
    if content_path(store.store_dir, name, source, method, algorithm)[0] != path:
        raise ValueError(f"'{source}' changed while it was copied")
    return path


def _pack_file(source: str, archive: BinaryIO) -> int:
    """Writes the archive of a file, without its executable bit because only its bytes are hashed; returns the size of the archive in bytes."""
    size = os.stat(source).st_size
    head = [b"nix-archive-1", b"(", b"type", b"regular", b"contents"]
    for token in head:
        archive.write(len(token).to_bytes(8, "little") + token + bytes(-len(token) % 8))
    archive.write(size.to_bytes(8, "little"))
    written = 0
    with open(source, "rb") as file:
        while piece := file.read(1 << 20):
            written += len(piece)
            archive.write(piece)
    if written != size:
        raise ValueError(f"'{source}' changed while it was copied")
    archive.write(bytes(-size % 8) + (1).to_bytes(8, "little") + b")" + bytes(7))
    archive.flush()
    return archive.tell()
