"""Files of this machine that `allowed-uris` names: where links may lead from them.

In: addresses that a prefix of the setting allows.  Out: their places on disk, without links in them, below the folder that the prefix means.
C++ Nix only compares the texts, and follows a link in such a folder wherever it leads.
"""

from __future__ import annotations

import os
import stat
import time

from snowsnake.fetch.addresses import parse_address
from snowsnake.fetch.errors import FetchCancelled, ForbiddenAccess, MalformedInput
from snowsnake.fetch.repository_links import check_links, own_places, real_below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Read = TypeVar("Read")

# This is longer than the resolution of the times that a file system records.
_TICK_NS = 50_000_000
_ATTEMPTS = 3


def place_of(address: str) -> str | None:
    """The path that an address means on this machine; None if it is elsewhere.

    >>> place_of("git+file:///srv/a%20b?ref=x"), place_of("path:/srv/x/"), place_of("/srv"), place_of("https://example.org/x")
    ('/srv/a b', '/srv/x', '/srv', None)
    """
    if not address.startswith("/"):
        try:
            parsed = parse_address(address)
            if parsed.transport not in ("file", "path"):
                return None
            address = parsed.file_path
        except MalformedInput:
            return None
    return os.path.normpath("/" + address.lstrip("/")) if address.startswith("/") else None


class AllowedPlaces:
    """The places that were allowed so far, each with its real path, or None where links may lead anywhere."""

    def __init__(self) -> None:
        self._found: dict[str, str | None] = {}
        # By place without links: the folder that the prefix means.
        self._folders: dict[str, str] = {}

    def allow(self, address: str, prefix: str) -> bool:
        """Notes an address that *prefix* allows; False if links lead out of the folder that the prefix means."""
        place = place_of(address)
        folder = place_of(prefix) if address != prefix else None
        if place is not None:
            # An input `path` may be a link itself: its copy is a copy of the link.
            real = None if folder is None else real_below(place, folder, follows_last=not address.startswith("path:"))
            if folder is not None and real is None:
                return False
            self._found[place] = real
            root = None if folder is None else os.path.realpath(folder)
            if root is not None and root != "/" and real is not None:
                self._folders[real] = root
        return True

    def is_anywhere(self, path: str) -> bool:
        """Whether links may lead from here to anywhere: the setting has the file's own address, or a whole scheme."""
        return self._found.get(os.path.normpath(path), "") is None

    def real(self, path: str) -> str | None:
        """The path without links, to be opened without following any; None if links may lead anywhere from here."""
        return self._found.get(os.path.normpath(path))

    def allow_part(self, place: str, whole: str) -> bool:
        """Notes a repository that the one at *whole* names as a part of itself; False unless it is in the folder that *whole* must not leave."""
        folder = self._folders.get(whole)
        real = real_below(place, folder, follows_last=True) if folder is not None and place.startswith(folder + "/") else None
        if real is None or folder is None:
            return False
        self._found[os.path.normpath(place)] = real
        self._folders[real] = folder
        return True

    def read(self, real: str | None, read: Callable[[], Read]) -> Read:
        """Calls *read*, which reads the repository at *real* with a library or program that follows links, and returns its result.

        Raises ForbiddenAccess if the repository moved meanwhile.  No link may be on the way to it, and nothing on the way may be renamed while it is
        read: that changes the time of a folder.  Other changes in such a folder change its time, too; therefore we read again, a few times.  Where
        the repository itself leads to is checked before and after.
        """
        folder = self._folders.get(real or "")
        if real is None or folder is None:
            return read()
        for _ in range(_ATTEMPTS):
            fds: list[int] = []
            try:
                before = _way_to(real, folder, fds)
                if time.time_ns() - max(changed_ns for _, _, changed_ns in before) < _TICK_NS:
                    # A second change within the same tick would not change the time.
                    time.sleep(_TICK_NS / 1e9)
                    before = _way_to(real, folder, fds)
                try:
                    check_links(real, folder)
                    found = read()
                    check_links(real, folder)
                except FetchCancelled:
                    raise
                except Exception:
                    if _way_to(real, folder, fds) == before:
                        raise
                else:
                    if _way_to(real, folder, fds) == before:
                        return found
            finally:
                for fd in fds:
                    os.close(fd)
        raise ForbiddenAccess(f"access to '{real}' is forbidden in restricted mode: folders on the way to it change while it is read")


def _way_to(real: str, folder: str, fds: list[int]) -> list[tuple[int, int, int]]:
    """(device, inode, time of the last change) of the folders from *folder* to *real*, which stay open: nothing else can have their numbers."""
    from snowsnake.store.nar import open_below

    steps = [folder]
    for name in real[len(folder) :].split("/"):
        if name:
            steps.append(os.path.join(steps[-1], name))
    # The times of these folders do not count: git and hg change them when they write something there.
    ends = [place for place in own_places(real) if place != real]
    found = []
    for step in [*steps, *ends]:
        try:
            fds.append(open_below(os.fsencode(step), 0, os.O_PATH | os.O_NOFOLLOW))
        except OSError as error:
            raise ForbiddenAccess(f"access to '{real}' is forbidden in restricted mode: {error.strerror}: '{step}'") from None
        status = os.fstat(fds[-1])
        if stat.S_ISLNK(status.st_mode):
            raise ForbiddenAccess(f"access to '{real}' is forbidden in restricted mode: '{step}' is a symbolic link")
        found.append((status.st_dev, status.st_ino, status.st_ctime_ns if step in steps[:-1] else 0))
    return found
