"""The store of a daemon on another machine (`ssh-ng://`): its objects are not on this machine's disk, unless they are mounted (`mounted-ssh-ng://`).

In and out: the same as for `DaemonStore`.  The daemon uses its own settings: we send none.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable

from snowsnake.store.daemon.channel import Dial
from snowsnake.store.daemon.connection import DaemonOperation
from snowsnake.store.daemon.store import DaemonStore
from snowsnake.store.daemon.wire import alone
from snowsnake.store.graph import closure
from snowsnake.store.interface import Unsupported, archive_of, copy_archive, read_in_archive
from snowsnake.store.nar_reader import unpack
from snowsnake.store.path import STORE_DIR


class RemoteStore(DaemonStore):
    """A store whose objects are read through the connection.

    *copies*: a folder for copies of built objects, which an evaluation may read; it is made when it is needed.  *copier*: the number of the process that
    removes this folder when it closes the store.
    """

    has_roots = False

    def __init__(
        self, dial: Dial, url: str, store_dir: str = STORE_DIR, *, copies: str = "", copier: int = 0, on_message: Callable[[str, bool], None] | None = None,
        on_event: Callable[[dict[str, object], str, bool], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(dial, store_dir, on_message=on_message, on_event=on_event, name=url)
        self.url = url
        self._options = None
        self._copies = copies
        self._copier = copier

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._copies and os.getpid() == self._copier:
                shutil.rmtree(self._copies, ignore_errors=True)

    # --- reading

    def real_path(self, path: str) -> None:        # type: ignore[override]
        self.flush()

    def read(self, path: str) -> bytes:
        contents = self._waiting_contents(path)
        if contents is not None:
            return contents
        self.flush()
        found, inner = self.split(path)
        if not self.is_valid(found) and self.evaluations is not None and self.evaluations.is_valid(found):
            return self.evaluations.read(path)
        with archive_of(self, found) as archive:
            return read_in_archive(archive, inner, path)

    @alone
    def write_archive(self, path: str, fd: int) -> None:
        self.flush()
        info = self.known(path)
        connection = self.connection
        with connection.request(DaemonOperation.NAR_FROM_PATH) as wire:
            wire.add_text(path)
        try:
            # `copy_archive` uses only `read` of the connection.
            copy_archive(wire, info, fd)           # type: ignore[arg-type]
        except BaseException:
            # Otherwise the rest of the answer would be taken for the answer to the next request.
            connection.close()
            raise

    def log(self, drv_path: str) -> bytes | None:
        raise Unsupported("getBuildLogExact", self.url)

    # --- building

    def realise(self, wanted: Iterable[str]) -> list[str]:
        found = super().realise(wanted)
        if self._copies:
            self._copy(path for path in closure(self, found) if not path.endswith(".drv"))
        return found

    def _copy(self, paths: Iterable[str]) -> None:
        """Copies objects to where the evaluation looks for them."""
        # Its name cannot be guessed, so it is safe to accept a folder that exists.
        os.makedirs(self._copies, 0o700, exist_ok=True)
        for path in paths:
            place = os.path.join(self._copies, path.rpartition("/")[2])
            if os.path.lexists(place):
                continue
            with tempfile.TemporaryDirectory(dir=self._copies) as folder, archive_of(self, path) as archive:
                unpack(archive, f"{folder}/object")
                os.rename(f"{folder}/object", place)


class MountedStore(DaemonStore):
    """A store whose objects are mounted on this machine, in the folder *real*."""

    def __init__(
        self, dial: Dial, url: str, store_dir: str, real: str, *, on_message: Callable[[str, bool], None] | None = None,
        on_event: Callable[[dict[str, object], str, bool], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(dial, store_dir, real=real, on_message=on_message, on_event=on_event, name=url)
        self.url = url
        self._options = None

    @alone
    def add_root(self, link: str, path: str) -> str:
        """Lets the other machine make the link: it might not yet see a link that we made."""
        self.flush()
        with self.connection.request(DaemonOperation.ADD_PERM_ROOT) as wire:
            wire.add_text(path)
            wire.add_text(os.path.abspath(link))
        return wire.text()


