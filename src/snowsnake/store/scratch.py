"""A folder for unfinished work, which lasts as long as its process: the process locks it, and the next process removes it if the first was killed.

In: a parent folder in the file system of the results, so that one rename puts a result into its place.  Out: empty folders and files.
"""

from __future__ import annotations

import fcntl
import os

from snowsnake.foundation.finalizing import finalize
from snowsnake.store.removal import remove, remove_if_possible


class Scratch:
    """A locked folder below *parent*.  `close` removes it, or the end of the program does; a child of the process that made it never does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     scratch = Scratch(parent)
    ...     made = os.path.isdir(scratch.new_folder())
    ...     scratch.close()
    ...     made, os.listdir(parent)
    (True, [])
    """

    def __init__(self, parent: str) -> None:
        os.makedirs(parent, exist_ok=True)
        self.process = os.getpid()
        self.folder = os.path.join(parent, f"{self.process}-{os.urandom(8).hex()}")
        self.fd = -1
        parent_fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # A process that removes folders holds the parent's lock exclusively, so that it meets no new folder that is not locked yet.
            fcntl.flock(parent_fd, fcntl.LOCK_SH)
            os.mkdir(self.folder, 0o700)
            self.fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self.fd, fcntl.LOCK_EX)
            fcntl.flock(parent_fd, fcntl.LOCK_UN)
            fcntl.flock(parent_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in os.listdir(parent):
                path = os.path.join(parent, name)
                if path != self.folder:
                    _remove_abandoned(path)
        except BlockingIOError:
            # Another process is starting: a later one will remove what is abandoned.
            pass
        finally:
            os.close(parent_fd)
        finalize(self, _remove_own, self.folder, self.process)

    def new_folder(self) -> str:
        """Makes an empty folder; the caller removes it."""
        import tempfile

        return tempfile.mkdtemp(dir=self.folder)

    def open_file(self) -> int:
        """The descriptor of an empty file, which vanishes once it is closed."""
        import tempfile

        fd, path = tempfile.mkstemp(dir=self.folder)
        os.unlink(path)
        return fd

    def close(self) -> None:
        """Removes the folder, with everything in it; in a child, this only closes the descriptor."""
        if self.fd < 0:
            return
        if os.getpid() == self.process:
            remove(self.folder)
        os.close(self.fd)
        self.fd = -1


def _remove_own(folder: str, process: int) -> None:
    if os.getpid() == process:
        remove_if_possible(folder)


def _remove_abandoned(path: str) -> None:
    """Removes the folder of a process that has ended; its lock ended with it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_if_possible(path)
    except BlockingIOError:
        # The process of this folder lives.
        pass
    finally:
        os.close(fd)
