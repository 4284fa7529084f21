"""A store in memory, for the additions of one evaluation; sources are only hashed.  Another store below it may be read.

In: what an evaluation makes.  Out: facts about it, and the texts of derivations.  Nothing is written.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import BinaryIO

from snowsnake.store import hashing, nar, store_path
from snowsnake.store.derivation import Derivation
from snowsnake.store.interface import Missing, NotValid, Store, existing
from snowsnake.store.missing import missing_paths
from snowsnake.store.path import STORE_DIR
from snowsnake.store.path_info import PathInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.realisation import Realisation


class MemoryStore(Store):
    """Accepts what `LocalStore` accepts, and is its own place (see store/place.py).

    >>> store = MemoryStore()
    >>> path = store.add_text("greeting", b"hello")
    >>> path, store.read(path), store.known(path).nar_size
    ('/nix/store/5akl8zsmda0yrr63v4khwgskih2g2hsh-greeting', b'hello', 120)
    """

    root = name = "memory"
    real = None
    state = ""

    def __init__(self, store_dir: str = STORE_DIR, below: Store | None = None, url: str = "memory") -> None:
        self.store_dir = store_dir
        self.url = url if below is None else below.url
        self.below = below
        self._infos: dict[str, PathInfo] = {}
        self._texts: dict[str, bytes] = {}

    def open(self) -> MemoryStore:
        return self

    def flush(self) -> None:
        """There is nothing to write."""

    def close(self) -> None:
        if self.below is not None:
            self.below.close()

    # --- asking

    def is_valid(self, path: str) -> bool:
        return path in self._infos or (self.below is not None and self.below.is_valid(path))

    def info(self, path: str) -> PathInfo | None:
        found = self._infos.get(path)
        return self.below.info(path) if found is None and self.below is not None else found

    def paths(self) -> list[str]:
        return sorted({*self._infos, *(self.below.paths() if self.below is not None else ())})

    def referrers(self, path: str) -> list[str]:
        below = self.below.referrers(path) if self.below is not None and self.below.is_valid(path) else []
        return sorted({*below, *(info.path for info in self._infos.values() if path in info.references)})

    def valid_derivers(self, path: str) -> list[str]:
        below = self.below.valid_derivers(path) if self.below is not None else []
        return sorted({*below, *(info.path for info in self._infos.values() if path in info.outputs.values())})

    def path_with_hash(self, hash_part: str) -> str | None:
        prefix = f"{self.store_dir}/{hash_part}-"
        found = next((path for path in self._infos if path.startswith(prefix)), None)
        return self.below.path_with_hash(hash_part) if found is None and self.below is not None else found

    def read(self, path: str) -> bytes:
        if path in self._texts:
            return self._texts[path]
        return self._lower(path).read(path)

    def write_archive(self, path: str, fd: int) -> None:
        if path in self._texts:
            with open(os.dup(fd), "wb") as file:
                file.write(nar.pack_contents(self._texts[path]))
            return
        self._lower(path).write_archive(path, fd)

    def real_path(self, path: str) -> str | None:
        return self.below.real_path(path) if self.below is not None else None

    def outputs(self, drv_path: str) -> dict[str, str]:
        """The paths of a derivation's outputs by name, including those that the store below knows."""
        if drv_path not in self._infos and self.below is not None:
            return self.below.outputs(drv_path)
        return super().outputs(drv_path)

    def realisation(self, key: str) -> Realisation | None:
        return self.below.realisation(key) if self.below is not None else None

    def missing(self, wanted: Iterable[str]) -> Missing:
        """The plan of the store below."""
        from snowsnake.store.local import LocalStore

        if isinstance(self.below, LocalStore):
            return self.below.plan(self, wanted)
        return missing_paths(self, wanted)

    def realise(self, wanted: Iterable[str]) -> list[str]:
        """Returns the wanted paths if they are valid; NoBuilder otherwise: this store builds nothing."""
        return existing(self, wanted)

    @property
    def has_roots(self) -> bool:                             # type: ignore[override]
        return self.below is not None and self.below.has_roots

    def _lower(self, path: str) -> Store:
        if self.below is not None:
            return self.below
        whole = self.split(path)[0]
        if whole in self._infos:
            raise ValueError(f"path '{whole}' was only hashed: give the command a store to write to (--store DIR)")
        raise NotValid(whole)

    # --- adding

    def add_text(self, name: str, contents: bytes, references: Iterable[str] = ()) -> str:
        wanted = sorted(set(references))
        path = str(store_path.text_path(name, contents, wanted, self.store_dir))
        self._keep(path, contents, wanted, "text:", {})
        return path

    def add_derivation(self, text: bytes, name: str, drv_path: str | None = None) -> str:
        drv = Derivation.from_aterm(text, name, self.store_dir)
        path = str(store_path.text_path(f"{drv.name}.drv", text, drv.references, self.store_dir))
        outputs = {output: o.path for output, o in drv.outputs.items() if o.path}
        self._keep(path, text, drv.references, "text:", outputs)
        return path

    def _keep(self, path: str, contents: bytes, references: list[str], kind: str, outputs: dict[str, str]) -> None:
        if path in self._infos:
            return
        archive = nar.pack_contents(contents)
        content = hashing.format_hash("sha256", hashing.digest("sha256", contents), "nix32", with_algorithm=True)
        self._texts[path] = contents
        digest = hashing.digest("sha256", archive).hex()
        self._infos[path] = PathInfo(path, "sha256:" + digest, len(archive), references, kind + content, outputs=outputs)

    def add_flat(self, name: str, contents: bytes) -> str:
        path = store_path.fixed_path(name, "flat", "sha256", hashing.digest("sha256", contents), (), False, self.store_dir)
        self._keep(str(path), contents, [], "fixed:", {})
        return str(path)

    def add_archive(self, name: str, archive: bytes | BinaryIO, references: Sequence[str] = ()) -> str:
        stream = io.BytesIO(archive) if isinstance(archive, bytes) else archive
        hasher = hashing.HashStream("sha256")
        while piece := stream.read(1 << 20):
            hasher.update(piece)
        return self._hashed(name, "nar", hasher.digest(), hasher.digest(), hasher.size, references)

    def open_temporary(self) -> int:
        """The descriptor of an empty file that vanishes once it is closed."""
        fd, path = tempfile.mkstemp()
        os.unlink(path)
        return fd

    def add_source(
        self, name: str, source: str | PathLike[str], method: str = "nar", accepts: Callable[[str, str], bool] | None = None,
        references: Sequence[str] = (),
    ) -> str:  # fmt: skip
        digest, size = nar.path_digest("sha256", source, accepts)
        content = hashing.file_digest("sha256", source)[0] if method == "flat" else digest
        return self._hashed(name, method, content, digest, size, references)

    def _hashed(self, name: str, method: str, content: bytes, digest: bytes, size: int, references: Sequence[str]) -> str:
        path = str(store_path.fixed_path(name, method, "sha256", content, references, False, self.store_dir))
        ca = ("fixed:r:" if method == "nar" else "fixed:") + hashing.format_hash("sha256", content, "nix32", with_algorithm=True)
        self._infos.setdefault(path, PathInfo(path, "sha256:" + digest.hex(), size, list(references), ca))
        return path

    def add_root(self, link: str, path: str) -> str:
        raise ValueError("a store in memory has no garbage collector roots")
