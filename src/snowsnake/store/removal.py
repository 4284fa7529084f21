"""Removes trees whatever the modes of their folders: store objects are read-only, and a builder may have made its files unreadable.

In: the path of something that we made.  Out: the path does not exist any more.
"""

from __future__ import annotations

import os


def remove(path: str) -> None:
    """Removes a file, a link or a tree; it does nothing if nothing is there."""
    if os.path.islink(path) or not os.path.isdir(path):
        if os.path.lexists(path):
            os.unlink(path)
        return
    try:
        os.rmdir(path)                 # most of our temporary folders are empty by now
        return
    except OSError:
        pass
    import shutil

    make_writable(path)
    shutil.rmtree(path)


def remove_if_possible(path: str) -> None:
    """Removes a file, a link or a tree, as far as that is possible: for what the next process will try again."""
    try:
        remove(path)
    except OSError:
        pass


def make_writable(path: str) -> None:
    """The directories of a tree, including its root; links are not followed."""
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, 0o755)
        for directory, names, _ in os.walk(path):
            for name in names:
                if not os.path.islink(os.path.join(directory, name)):
                    os.chmod(os.path.join(directory, name), 0o755)
