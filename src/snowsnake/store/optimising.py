"""Makes equal files of a store one file with many names: hard links to a copy in `.links`, as Nix has them.

In: a store in folders.  Out: the same objects, which take less room.  A file's name in `.links` is the hash of its archive, so that files
that differ only in the executable bit stay apart.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from snowsnake.store import hashing, nar

_LINKS = ".links"
# ext4 has these errors for too many entries in a folder, and for too many names of a file: the file then stays a copy.
_DIRECTORY_FULL = (errno.ENOSPC, errno.EMLINK)


class Optimiser:
    """*objects*: the folder with the objects; *scratch*: returns an empty folder in the same file system.

    *checks_links*: verifies that a file in `.links` has the contents that its name says.
    """

    def __init__(
        self, objects: str, scratch: Callable[[], str], on_warning: Callable[[str], None] = lambda text: None, *, checks_links: bool = False
    ) -> None:
        self.linked_files = 0
        self.freed_bytes = 0
        self._links = os.path.join(objects, _LINKS)
        self._objects = objects
        self._scratch = scratch
        self._folder = ""
        self._warn = on_warning
        self._checks_links = checks_links
        # These are the inodes of all files in `.links`.
        self._linked: set[int] | None = None

    def optimise(self, place: str) -> None:
        """Links the files at or below *place*, which are canonical: read-only, with the date of store objects."""
        if self._linked is None:
            os.makedirs(self._links, exist_ok=True)
            self._linked = {entry.inode() for entry in os.scandir(self._links)}
        waiting = [place]
        while waiting:
            path = waiting.pop()
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                waiting += (entry.path for entry in os.scandir(path) if entry.inode() not in self._linked)
            elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                self._file(path, status)

    def close(self) -> None:
        if self._folder:
            os.rmdir(self._folder)
            self._folder = ""

    def _file(self, path: str, status: os.stat_result) -> None:
        assert self._linked is not None
        if stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IWUSR:
            self._warn(f"skipping suspicious writable file '\"{path}\"'")
            return
        if status.st_nlink > 1 and status.st_ino in self._linked:
            return
        link = os.path.join(self._links, link_name(path))
        self._drop_damaged(link, status.st_size)
        try:
            os.link(path, link, follow_symlinks=False)
            self._linked.add(status.st_ino)
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno not in _DIRECTORY_FULL:
                raise
            return
        found = os.lstat(link)
        if found.st_ino != status.st_ino:
            self._replace(path, link, status)

    def _drop_damaged(self, link: str, size: int) -> None:
        """Removes a link whose contents do not match its name; other names of the file stay, and `--verify --repair` finds them."""
        try:
            found = os.lstat(link)
        except FileNotFoundError:
            return
        if found.st_size == size and not (self._checks_links and link_name(link) != os.path.basename(link)):
            return
        self._warn(f'removing corrupted link "{link}"')
        self._warn("There may be more corrupted paths.\nYou should run `nix-store --verify --check-contents --repair` to fix them all")
        os.unlink(link)
        assert self._linked is not None
        self._linked.discard(found.st_ino)

    def _replace(self, path: str, link: str, status: os.stat_result) -> None:
        """Makes *path* another name of *link*, atomically: there is no moment without the file."""
        self._folder = self._folder or self._scratch()
        temporary = os.path.join(self._folder, "link")
        parent = os.path.dirname(path)
        is_closed = parent != self._objects and not os.stat(parent).st_mode & stat.S_IWUSR
        try:
            os.link(link, temporary, follow_symlinks=False)
            if is_closed:
                os.chmod(parent, 0o755)
            os.rename(temporary, path)
        except OSError as error:
            if os.path.lexists(temporary):
                os.unlink(temporary)
            if error.errno not in _DIRECTORY_FULL:
                raise
            return
        finally:
            if is_closed:
                os.chmod(parent, 0o555)
                os.utime(parent, (1, 1))
        self.linked_files += 1
        self.freed_bytes += status.st_size


def link_name(path: str) -> str:
    """The name in `.links` of the file at *path*: the hash of its archive.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     link_name(file.name)
    '0ip26j2h11n1kgkz36rl4akv694yz65hr72q4kv4b3lxcbi65b3p'
    """
    return str(hashing.format_hash("sha256", nar.path_digest("sha256", path)[0], "nix32"))


def damaged_links(objects: str) -> list[tuple[str, str]]:
    """(place, actual hash) of each file in `.links` whose contents do not match its name."""
    try:
        entries = sorted(entry.path for entry in os.scandir(os.path.join(objects, _LINKS)))
    except FileNotFoundError:
        return []
    return [(path, found) for path in entries if (found := link_name(path)) != os.path.basename(path)]
