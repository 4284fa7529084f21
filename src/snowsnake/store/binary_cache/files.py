"""The files of a binary cache, by name.

In: names such as `HASH.narinfo` and `nar/X.nar.xz`.  Out: bytes.  Kinds: `FolderFiles` here, and caches behind a web server in fetch/cache_files.py.
Several threads may use one object at once.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO

from snowsnake.foundation.replacing import replace_file

if TYPE_CHECKING:
    from snowsnake.fetch.exchange import Exchange

_PIECE_BYTES = 1 << 18
_NARINFO = re.compile(r"[0-9a-z]{32}\.narinfo")


class CacheFiles(ABC):
    """What every kind of binary cache must implement."""

    # This says whether each request costs a round trip, so that many requests are made at once, and answers are remembered.
    is_remote = False

    def no_cache(self, url: str) -> str:
        """The error message for a cache without the file `nix-cache-info`."""
        return f"'{url}' does not appear to be a binary cache"

    @abstractmethod
    def get(self, name: str) -> bytes | None:
        """Returns the contents of a small file; None if it does not exist."""

    def get_many(self, names: Iterable[str], follow: Callable[[str, bytes | None], Iterable[str]] = lambda name, data: ()) -> dict[str, bytes | None]:
        """Like `get` for each name.  *follow* returns further names that an answer makes necessary."""
        found: dict[str, bytes | None] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.get(name)
                waiting.extend(follow(name, found[name]))
        return found

    def exchange(self) -> Exchange | None:
        """The exchange that requests small files over connections that stay open (fetch/exchange.py); None if this kind of cache has none."""
        return None

    @abstractmethod
    def ask(self, exchange: Exchange, name: str) -> None:
        """Requests a file from *exchange*, if `can_ask` allows its name."""

    def can_ask(self, name: str) -> bool:
        """Whether the exchange can request a file of this name: the name has only characters that need no encoding in a URL."""
        return False

    @abstractmethod
    def open(self, name: str) -> BinaryIO | None:
        """Opens a file of any size; None if it does not exist."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether the file exists."""

    @abstractmethod
    def put(self, name: str, contents: BinaryIO, kind: str) -> None:
        """Writes a file, or replaces it atomically; *kind* is its MIME type."""

    def hashes(self) -> Iterable[str]:
        """The hash parts of all objects; ValueError if this kind of cache cannot list them."""
        raise ValueError("operation 'queryAllValidPaths' is not supported by this kind of store")

    def prepare(self) -> None:
        """Called before anything is written to the cache."""

    def rest(self) -> None:
        """Ends threads: the process is about to fork, or to end."""

    def close(self) -> None:
        """Closes connections."""


class FolderFiles(CacheFiles):
    """A binary cache in a folder.  If `is_remote` is set, it is treated like one behind a web server, as far as it is read."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def _place(self, name: str) -> str:
        if any(part in ("..", ".") for part in name.split("/")):
            raise ValueError(f"local binary cache path '{name}' must not contain '..' or '.' segments")
        return os.path.join(self.folder, name.lstrip("/"))

    def get(self, name: str) -> bytes | None:
        stream = self.open(name)
        if stream is None:
            return None
        with stream:
            return stream.read()

    def open(self, name: str) -> BinaryIO | None:
        try:
            return open(self._place(name), "rb")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            # The name may come from a hostile `.narinfo`, so this is not a fault of our own.
            raise ValueError(f"cannot read '{name}' of the binary cache in '{self.folder}': {error.strerror}") from None

    def ask(self, exchange: Exchange, name: str) -> None:
        raise ValueError(f"'{name}' of the binary cache in '{self.folder}' is read, and not asked for")

    def has(self, name: str) -> bool:
        return os.path.exists(self._place(name))

    def put(self, name: str, contents: BinaryIO, kind: str) -> None:
        place = self._place(name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        replace_file(place, iter(lambda: contents.read(_PIECE_BYTES), b""))

    def no_cache(self, url: str) -> str:
        return f"uploading to '{url}/nix-cache-info' is not supported"

    def hashes(self) -> list[str]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return sorted(name[:32] for name in names if _NARINFO.fullmatch(name))

    def prepare(self) -> None:
        for name in ("nar", "realisations", "log"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
