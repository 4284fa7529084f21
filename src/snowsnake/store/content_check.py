"""Checks whether an object's contents match its content address.

In: the claimed facts, the place on disk.  Out: nothing, or a ValueError with both hashes.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile

from snowsnake.store import hashing, nar
from snowsnake.store.hash import Hash
from snowsnake.store.path import hash_part_of
from snowsnake.store.path_info import PathInfo, split_content_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def check_content(info: PathInfo, place: str) -> None:
    """ValueError if the object at *place* is not what its content address says; one without an address passes.

    This trusts the hash of its archive, which the caller has checked.
    """
    if not info.ca:
        return
    method, wanted = split_content_address(info.ca)
    _compare(info, wanted, _digest(info, method, wanted.algorithm, place))


def check_archive(info: PathInfo, archive: bytes) -> None:
    """Like `check_content`, for an object whose archive is in memory."""
    if not info.ca:
        return
    method, wanted = split_content_address(info.ca)
    if method == "nar" and info.path in info.references:
        _compare(info, wanted, modulo_digest(io.BytesIO(archive), info.path, wanted.algorithm))
    elif method == "nar":
        _compare(info, wanted, hashing.digest(wanted.algorithm, archive))
    else:
        from snowsnake.store.nar_reader import unpack

        with tempfile.TemporaryDirectory() as folder:
            place = os.path.join(folder, "object")
            unpack(archive, place)
            check_content(info, place)


def _compare(info: PathInfo, wanted: Hash, got: bytes) -> None:
    if got != wanted.digest:
        shown = Hash(wanted.algorithm, got).format("nix32", with_algorithm=True) if got else "none"
        raise ValueError(
            f"ca hash mismatch importing path '{info.path}';\n  specified: {wanted.format('nix32', with_algorithm=True)}\n  got:       {shown}"
        )


def _digest(info: PathInfo, method: str, algorithm: str, place: str) -> bytes:
    if method in ("flat", "text"):
        return hashing.file_digest(algorithm, place)[0] if stat.S_ISREG(os.lstat(place).st_mode) else b""
    if method == "git":
        from snowsnake.store.git_hash import git_digest

        return git_digest(algorithm, place)
    if info.path not in info.references:
        return info.hash.digest if algorithm == "sha256" else nar.path_digest(algorithm, place)[0]
    return modulo_digest_of(place, info.path, algorithm)


def modulo_digest_of(place: str, path: str, algorithm: str = "sha256") -> bytes:
    """The hash of the archive of the tree at *place*, with zeros in place of the hash part of *path*."""
    with tempfile.TemporaryFile() as archive:
        nar.pack_into(place, archive.fileno())
        archive.seek(0)
        return modulo_digest(archive, path, algorithm)


def modulo_digest(stream: BinaryIO, path: str, algorithm: str = "sha256") -> bytes:
    """The hash of a stream, with zeros in place of the hash part of *path*.

    >>> import io
    >>> part = "0c4z1d1jrqpi1wvgqf5q1g1v4p7xfd6k"
    >>> modulo_digest(io.BytesIO(f"see {part}".encode()), f"/nix/store/{part}-x") == hashing.digest("sha256", b"see " + bytes(32))
    True
    """
    part = hash_part_of(path).encode()
    hasher = hashing.HashStream(algorithm)
    rest = b""
    while piece := stream.read(1 << 20):
        data = (rest + piece).replace(part, bytes(len(part)))
        # The part may begin here and end in the next piece.
        keep = len(part) - 1
        hasher.update(data[:-keep])
        rest = data[-keep:]
    hasher.update(rest)
    return hasher.digest()
