"""A folder of archives that were read from a cache, each under its hash: the parameter `local-nar-cache` of a cache's URL.

In: archives.  Out: the same archives, without a download; an archive that was damaged meanwhile is fetched again.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from snowsnake.foundation.replacing import replace_file
from snowsnake.store.hash import Hash

_PIECE_BYTES = 1 << 18


class NarFolder:
    """A folder of uncompressed archives, which several processes may use at once.

    >>> import io, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept, name = NarFolder(folder), Hash.of_bytes(b"archive")
    ...     kept.put(name, io.BytesIO(b"archive"))
    ...     kept.open(name).read(), kept.open(Hash.of_bytes(b"another"))
    (b'archive', None)
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def _place(self, nar_hash: Hash) -> str:
        return os.path.join(self._folder, f"{nar_hash.nix32}.nar")

    def open(self, nar_hash: Hash) -> BinaryIO | None:
        """The archive with this hash; None if it is not here, or was damaged."""
        try:
            file = open(self._place(nar_hash), "rb")  # noqa: SIM115  # the caller's to close
        except OSError:
            return None
        if Hash.of_stream(file, nar_hash.algorithm) != nar_hash:
            file.close()
            return None
        file.seek(0)
        return file

    def put(self, nar_hash: Hash, archive: BinaryIO) -> None:
        """Keeps an archive that was checked.  If the folder cannot be written to, the archive is not kept, without an error."""
        try:
            os.makedirs(self._folder, exist_ok=True)
            replace_file(self._place(nar_hash), iter(lambda: archive.read(_PIECE_BYTES), b""))
        except OSError:
            pass
