"""Protects the paths that a running process needs, in a file that Nix's garbage collector reads, as Nix's own processes do.

In: store paths.  Out: nothing; a path is protected until the process closes the store.
"""

from __future__ import annotations

import fcntl
import os

# Only code that starts threads needs `threading`.
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class TemporaryRoots:
    """The file of this process below one store's state.  Stores that are opened several times share it: see `roots_of`."""

    def __init__(self, state: str) -> None:
        self.users = 0
        self._state = state
        self._lock_fd = -1
        self._fd = -1
        self._named: set[str] = set()

    def name(self, path: str) -> None:
        """Protects a path, which may not be valid yet.  Waits while a collector runs."""
        if path not in self._named:
            self.name_all([path])

    def name_all(self, paths: Iterable[str]) -> None:
        """Does what `name` does, for many paths at once."""
        new = dict.fromkeys(path for path in paths if path not in self._named)
        if not new:
            return
        with _guard:
            if self._fd < 0:
                self._open()
            # This waits for a collector that holds the lock: it has read all files already, and would not see a new path.
            fcntl.flock(self._lock_fd, fcntl.LOCK_SH)
            try:
                left = b"".join(os.fsencode(path) + b"\0" for path in new)
                # A disk that is nearly full takes only a part.
                while left:
                    left = left[os.write(self._fd, left) :]
            finally:
                fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
            self._named.update(new)

    def _open(self) -> None:
        folder = os.path.join(self._state, "temproots")
        os.makedirs(folder, exist_ok=True)
        self._lock_fd = os.open(os.path.join(self._state, "gc.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        path = os.path.join(folder, str(os.getpid()))
        while True:
            try:
                # This is the file of a dead process that had our number.
                os.unlink(path)
            except FileNotFoundError:
                pass
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            if os.fstat(self._fd).st_size == 0 and os.fstat(self._fd).st_nlink:
                return
            # A collector has removed the file: it took it for that of a dead process.
            os.close(self._fd)

    def close(self) -> None:
        """Ends the protection; in a child of the process that protected the paths, it only closes the descriptors."""
        if self._fd >= 0:
            if (self._state, os.getpid()) in _shared:
                try:
                    os.unlink(os.path.join(self._state, "temproots", str(os.getpid())))
                except FileNotFoundError:
                    pass
            os.close(self._fd)
            os.close(self._lock_fd)
            self._fd = self._lock_fd = -1
            self._named.clear()


_guard = RLock()
# This maps a state folder and a process to the roots.
_shared: dict[tuple[str, int], TemporaryRoots] = {}


def roots_of(state: str) -> TemporaryRoots:
    """The roots of this process for one store.  The caller passes them to `leave` when it no longer needs them."""
    with _guard:
        found = _shared.setdefault((state, os.getpid()), TemporaryRoots(state))
        found.users += 1
        return found


def leave(roots: TemporaryRoots, state: str) -> None:
    """Says that one store fewer uses *roots*; after the last one, their protection ends."""
    with _guard:
        roots.users -= 1
        if roots.users == 0:
            roots.close()
            _shared.pop((state, os.getpid()), None)
