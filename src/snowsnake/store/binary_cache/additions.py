"""What an evaluation adds to a binary cache.

In: texts, derivations, sources.  Out: store paths, at once; objects in the cache, at the latest with `flush`.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import BinaryIO

from snowsnake.store import nar
from snowsnake.store.binary_cache.store import BinaryCacheStore
from snowsnake.store.memory import MemoryStore


class CacheAdditions(MemoryStore):
    """A store in memory above a cache: it reads from the cache, and writes to it what is added here.

    >>> from snowsnake.store.binary_cache.files import FolderFiles
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with CacheAdditions(BinaryCacheStore(FolderFiles(folder), "file://cache", is_writable=True)) as store:
    ...         path = store.add_text("greeting", b"hello")
    ...     BinaryCacheStore(FolderFiles(folder), "file://cache").read(path)
    b'hello'
    """

    def __init__(self, cache: BinaryCacheStore) -> None:
        super().__init__(cache.store_dir, cache, cache.url)
        self.root = cache.url
        self._cache = cache
        self._pending: list[str] = []

    def flush(self) -> None:
        pending, self._pending = self._pending, []
        for path in pending:
            self._cache.import_object(self._infos[path], io.BytesIO(nar.pack_contents(self._texts[path])))

    def close(self) -> None:
        try:
            self.flush()
        finally:
            super().close()

    def realise(self, wanted: Iterable[str]) -> list[str]:
        self.flush()
        return super().realise(wanted)

    def _keep(self, path: str, contents: bytes, references: list[str], kind: str, outputs: dict[str, str]) -> None:
        if path not in self._infos:
            super()._keep(path, contents, references, kind, outputs)
            self._pending.append(path)

    def add_archive(self, name: str, archive: bytes | BinaryIO, references: Sequence[str] = ()) -> str:
        stream = io.BytesIO(archive) if isinstance(archive, bytes) else archive
        start = stream.tell()
        path = super().add_archive(name, stream, references)
        stream.seek(start)
        self._import(path, stream)
        return path

    def add_source(
        self, name: str, source: str | PathLike[str], method: str = "nar", accepts: Callable[[str, str], bool] | None = None,
        references: Sequence[str] = (),
    ) -> str:  # fmt: skip
        with tempfile.TemporaryFile() as archive:
            nar.pack_into(source, archive.fileno(), accepts)
            archive.seek(0)
            if method == "nar":
                return self.add_archive(name, archive, references)
            path = super().add_source(name, source, method, accepts, references)
            self._import(path, archive)
            return path

    def _import(self, path: str, archive: BinaryIO) -> None:
        # The objects that this one may refer to must be in the cache first.
        self.flush()
        self._cache.import_object(self._infos[path], archive)
