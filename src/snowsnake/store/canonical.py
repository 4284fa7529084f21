"""Gives files the modes and the date that all objects of a Nix store have, and writes them to the disk.

In: the path of a future object.  Out: it is read-only, executable or not, dated 1970-01-01 00:00:01, and survives a power cut if that is
requested.  One `syncfs` serves all files of a batch; where the C library does not have it, each file is synced by itself.
"""

from __future__ import annotations

import errno
import os
import stat

from snowsnake.store.removal import remove

# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# These are the dates of the last access and the last change, in seconds.
_DATE = (1, 1)


def canonicalise(target: str, *, durable: bool) -> None:
    """Gives a file, a link or a tree the modes and dates of a store.  *durable*: files are also written to the disk, unless `sync_file_system` will do it."""
    if not os.path.isdir(target) or os.path.islink(target):
        _canonicalise_one(target, durable)
        return
    for directory, names, files in os.walk(target, topdown=False):
        for name in files + [n for n in names if os.path.islink(os.path.join(directory, n))]:
            _canonicalise_one(os.path.join(directory, name), durable)
        _canonicalise_one(directory, durable)


def _canonicalise_one(path: str, durable: bool) -> None:
    status = os.lstat(path)
    os.utime(path, _DATE, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return
    os.chmod(path, 0o555 if stat.S_ISDIR(status.st_mode) or status.st_mode & stat.S_IXUSR else 0o444)
    if durable and _syncfs() is None:
        sync(path)


def write_canonical(target: str, contents: bytes, *, durable: bool) -> None:
    """Writes a new file, which is not executable."""
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    with open(fd, "wb", buffering=0) as file:
        left = memoryview(contents)
        while left:
            left = left[file.write(left) :]
        os.fchmod(fd, 0o444)
        os.utime(fd, _DATE)
        if durable and _syncfs() is None:
            os.fsync(fd)


def move_canonical(target: str, place: str) -> bool:
    """Renames a canonical object.  A folder is writable for the moment that this takes, because the kernel writes into a folder that it renames.

    Where an OverlayFS cannot rename a folder, it is copied.  Returns whether it was copied: a copy is not on the disk yet.
    """
    is_folder = os.path.isdir(target) and not os.path.islink(target)
    if is_folder:
        os.chmod(target, 0o755)
    is_copied = False
    try:
        os.rename(target, place)
    except OSError as error:
        if not is_folder or error.errno != errno.EXDEV or os.path.lexists(place):
            raise
        _copy(target, place)
        is_copied = True
    if is_folder:
        os.chmod(place, 0o555)
        os.utime(place, _DATE)
    return is_copied


def _copy(target: str, place: str) -> None:
    import shutil

    try:
        shutil.copytree(target, place, symlinks=True)
    except BaseException:
        remove(place)
        raise
    remove(target)


def sync(path: str) -> None:
    """Writes one file, or the names in one folder, to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(fd: int) -> bool:
    """Writes all pending data of the file system of *fd* to the disk; False if that failed.  Without `syncfs`, each file was already written."""
    function = _syncfs()
    return function is None or function(fd) == 0


def syncs_at_once() -> bool:
    """Whether `sync_file_system` writes everything, so that files need not be written one by one."""
    return _syncfs() is not None


def _syncfs() -> Callable[[int], int] | None:
    """The function of the C library (Linux), or None."""
    global _found_syncfs
    if not _found_syncfs:
        import ctypes

        _found_syncfs = [getattr(ctypes.CDLL(None), "syncfs", None)]
    return _found_syncfs[0]


_found_syncfs: list[Callable[[int], int] | None] = []
