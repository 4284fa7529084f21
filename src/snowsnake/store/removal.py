"""Removes trees, whatever the modes of their folders, and however deep they are: store objects are read-only, and builders make any files.

In: the path of something that we made.  Out: the path does not exist any more; or how many bytes that would free.
"""

from __future__ import annotations

import os
import stat

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# At most this many folders are open at once.
_MOST_OPEN = 32


def remove(path: str) -> None:
    """Removes a file, a link or a tree; does nothing if nothing is there."""
    if os.path.islink(path) or not os.path.isdir(path):
        if os.path.lexists(path):
            os.unlink(path)
        return
    try:
        # Most of our temporary folders are empty by now.
        os.rmdir(path)
        return
    except OSError:
        pass
    os.chmod(path, 0o700)
    top = os.open(path, _FOLDER)
    try:
        while _has_entries(top):
            _empty(top, top, 1)
    finally:
        os.close(top)
    os.rmdir(path)


def _has_entries(folder: int) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is not None


def _empty(folder: int, top: int, depth: int) -> None:
    """Removes the contents of an open folder.  Folders below the 32nd level are moved up to *top*, which its caller empties again: a tree may have
    more levels than there are descriptors, and longer paths than the system allows."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
            continue
        try:
            os.rmdir(name, dir_fd=folder)
            continue
        except OSError:
            pass
        os.chmod(name, 0o700, dir_fd=folder)
        if depth == _MOST_OPEN:
            os.rename(name, os.urandom(16).hex(), src_dir_fd=folder, dst_dir_fd=top)
            continue
        inner = os.open(name, _FOLDER, dir_fd=folder)
        try:
            _empty(inner, top, depth + 1)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=folder)


def remove_if_possible(path: str) -> None:
    """Removes a file, a link or a tree, as far as that is possible; the next process will remove the rest."""
    # With `contextlib.suppress`, every start would import `contextlib`.
    try:
        remove(path)
    except OSError:
        pass


def make_movable(path: str) -> None:
    """Makes it possible to move an object into another folder: a folder must be writable for that."""
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, 0o755)


def disk_bytes(path: str) -> int:
    """The bytes that deleting a tree frees: files with another name stay."""
    found = 0
    for name in [path, *(os.path.join(folder, name) for folder, names, files in os.walk(path) for name in names + files)]:
        status = os.lstat(name)
        if not stat.S_ISDIR(status.st_mode) and status.st_nlink == 1:
            found += status.st_size
    return found
