"""Collects additions to a store: each addition gets its path at once, and is written later in a batch.

In: texts, derivations, files.  Out: store paths, at once; objects for `flush`, which each kind of store writes in its own way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from snowsnake.store import hashing, nar, store_path
from snowsnake.store.derivation import Derivation
from snowsnake.store.interface import NotObtained, Store, no_substituter_text
from snowsnake.store.path_info import PathInfo

# Type checkers take this for true.  Otherwise every command would import `typing` and `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from dataclasses import dataclass
    from typing import BinaryIO
else:
    from snowsnake.store.light_dataclass import dataclass

# At most this many objects wait for one round of syncing and one transaction.
_BATCH_SIZE = 1024
_BATCH_BYTES = 32 << 20


@dataclass
class Waiting:
    """An object that is not in its place yet: the bytes of a file, or a copied tree at *target*.

    *is_canonical*: it already has the modes and dates of a store.  *is_shared*: its files may become links to equal files of other objects.
    """

    info: PathInfo
    contents: bytes | None = None
    target: str = ""
    is_canonical: bool = False
    is_shared: bool = True


class CollectingStore(Store, ABC):
    """A store whose additions wait until `flush`.  A path that waits counts as valid."""

    has_roots = True

    def __init__(self, store_dir: str) -> None:
        self.store_dir = store_dir
        self._waiting: dict[str, Waiting] = {}
        # These paths are valid, as far as this process knows.
        self._known: set[str] = set()
        # The garbage collector must spare these paths, which are among the known ones.
        self._claimed: set[str] = set()
        self._waiting_bytes = 0
        # This says whether damaged objects are added again.
        self.repairs = False
        # Builds call this function, which says whether they are to stop.
        self.must_stop: Callable[[], bool] = lambda: False
        # This says whether a derivation that is an output is being built.
        self._is_obtaining = False
        self.on_warning: Callable[[str], None] = lambda text: None
        # These are the outputs of impure derivations, as `realise` made them last.
        self.built_now: dict[str, dict[str, str]] = {}
        # Evaluations write the derivations that are built here to this store, if it is another one.
        self.evaluations: Store | None = None

    # --- each kind of store implements these

    @abstractmethod
    def flush(self) -> None:
        """Writes and registers everything that waits."""

    @abstractmethod
    def _has(self, path: str) -> bool:
        """Whether the store itself knows the path as valid."""

    @abstractmethod
    def _info(self, path: str) -> PathInfo | None:
        """The store's own facts about a path; None if the path is not valid."""

    @abstractmethod
    def _place(self, path: str) -> str:
        """Where a path in or below the store lies on disk."""

    @abstractmethod
    def _check_process(self) -> None:
        """Raises an error in a child of the process that opened the store."""

    @abstractmethod
    def realise(self, wanted: Iterable[str]) -> list[str]:
        """Makes the *wanted* paths valid (store paths, `DRV!OUTPUT` and `DRV!*`), and returns them; ValueError says what cannot be made or fetched."""

    # --- asking

    def real_path(self, path: str) -> str:
        """The place of *path*, in or below the store, on disk; pending additions are written first."""
        if store_path.split(path, self.store_dir)[0] in self._waiting:
            self.flush()
        return self._place(path)

    def write_archive(self, path: str, fd: int) -> None:
        self.known(path)
        nar.pack_into(self.real_path(path), fd)

    def is_valid(self, path: str) -> bool:
        """Whether the store has this object, on disk or as a pending addition."""
        if path in self._waiting or path in self._known:
            return True
        if not self._has(path):
            return False
        self._known.add(path)
        return True

    def claim(self, path: str) -> bool:
        """Does what `is_valid` does, and keeps the path from the garbage collector while we have the store open."""
        if path in self._waiting or path in self._claimed:
            return True
        self.keep(path)
        if not self._has(path):
            return False
        self._claimed.add(path)
        self._known.add(path)
        return True

    def _has_already(self, path: str) -> bool:
        """Whether an object need not be added."""
        return self.claim(path) and not (self.repairs and path not in self._waiting and self.is_damaged(path))

    def is_damaged(self, path: str) -> bool:
        """Whether the contents of a valid object have changed."""
        return False

    def info(self, path: str) -> PathInfo | None:
        """The facts that the database has about an object, or will have; None if it is not valid."""
        return self._waiting[path].info if path in self._waiting else self._info(path)

    def read(self, path: str) -> bytes:
        """Contents of a file in the store; ValueError if its object is not valid, OSError if there is no such file."""
        contents = self._waiting_contents(path)
        if contents is not None:
            return contents
        found = store_path.split(path, self.store_dir)[0]
        if not self.is_valid(found):
            if self.evaluations is not None and self.evaluations.is_valid(found):
                return self.evaluations.read(path)
            raise ValueError(f"path '{found}' is not valid")
        with open(self.real_path(path), "rb") as file:
            return file.read()

    def _waiting_contents(self, path: str) -> bytes | None:
        """The bytes of a file that waits to be written; None for any other path."""
        waiting = self._waiting.get(path)
        return None if waiting is None else waiting.contents

    def has_derivation(self, drv_path: str) -> bool:
        return self.is_valid(drv_path) or (self.evaluations is not None and self.evaluations.is_valid(drv_path))

    def output_paths(self, wanted: Iterable[str]) -> list[str]:
        """The paths of the wanted outputs, as far as they are known before they are built."""
        return [path for path in self.wanted_paths(wanted) if path is not None]

    def made_outputs(self, drv_path: str) -> dict[str, str]:
        found = self.built_now.get(drv_path)
        return self.outputs(drv_path) if found is None else found

    def obtained(self, wanted: Iterable[str]) -> list[str]:
        """The wanted outputs, each of a derivation that exists: derivations that are outputs are built (`DRV!out!dev` becomes `OTHER!dev`).

        NotObtained if one cannot be built.
        """
        found = []
        for item in wanted:
            inner, _, names = item.rpartition("!")
            if "!" not in inner:
                found.append(item)
                continue
            base, _, rest = inner.partition("!")
            if self.has_derivation(base) and (name := rest.partition("!")[0]) not in self.read_derivation(base).outputs:
                raise ValueError(f"derivation '{base}' does not have an output named '{name}'")
            if not self._is_obtaining:
                self.on_warning(ignored_warning(inner))
            before, self._is_obtaining = self._is_obtaining, True
            try:
                self.realise([inner])
            except ValueError as error:
                if getattr(error, "ends_all", False):
                    raise
                raise NotObtained(inner, error) from None
            finally:
                self._is_obtaining = before
            found.append(f"{self.known_output(inner)}!{names}")
        return found

    def forget_impure(self, wanted: Iterable[str]) -> None:
        """Makes `realise` build impure derivations among the *wanted* again."""
        for item in wanted:
            self.built_now.pop(item.partition("!")[0], None)

    def wanted_paths(self, wanted: Iterable[str]) -> list[str | None]:
        """Like `output_paths`; None for each output whose path is not known."""
        paths: list[str | None] = []
        for item in wanted:
            drv_path, mark, names = item.partition("!")
            if not mark:
                paths.append(drv_path)
                continue
            outputs = self.read_derivation(drv_path).outputs
            known: dict[str, str] | None = None
            for name in outputs if names == "*" else names.split(","):
                if name not in outputs:
                    raise ValueError(f"derivation '{drv_path}' does not have output '{name}'")
                path: str | None = outputs[name].path
                if not path:
                    known = self.made_outputs(drv_path) if known is None else known
                    path = known.get(name)
                paths.append(path)
        return paths

    # --- adding

    def add_text(self, name: str, contents: bytes, references: Iterable[str] = ()) -> str:
        """Adds a text like `builtins.toFile`, and returns its path.  *references*: store paths in the text, which must be valid already."""
        wanted = sorted(set(references))
        path = store_path.text_path(name, contents, wanted, self.store_dir)
        self._add_file(path, contents, wanted, self._checked_outputs(path, contents))
        return str(path)

    def add_derivation(self, text: bytes, name: str, drv_path: str | None = None) -> str:
        """Adds a `.drv` with this text, and returns its path.  A *drv_path* from the caller must be the one that follows from the text."""
        if drv_path is not None and self._has_already(drv_path):
            return drv_path
        drv = Derivation.from_aterm(text, name, self.store_dir)
        path = store_path.text_path(f"{drv.name}.drv", text, drv.references, self.store_dir)
        if drv_path is not None and drv_path != path:
            raise ValueError(f"derivation '{drv_path}' has a text that belongs to '{path}'")
        outputs = {output: o.path for output, o in drv.outputs.items() if o.path}
        self._add_file(path, text, drv.references, outputs)
        return str(path)

    def _add_file(self, path: str, contents: bytes, references: list[str], outputs: dict[str, str]) -> None:
        if self._has_already(path):
            return
        for reference in references:
            if not self.is_valid(reference):
                raise ValueError(no_substituter_text(reference))
        content = hashing.format_hash("sha256", hashing.digest("sha256", contents), "nix32", with_algorithm=True)
        info = info_of_text(path, contents, references, "text:" + content)
        info.outputs = outputs
        self._wait(Waiting(info, contents))

    def add_flat(self, name: str, contents: bytes) -> str:
        """Adds one file, hashed by its bytes alone (`builtins.path` with `recursive = false`, fetched files)."""
        path, content = self._fixed_path(name, "flat", hashing.digest("sha256", contents))
        if not self._has_already(path):
            info = info_of_text(path, contents, [], "fixed:" + content)
            info.outputs = self._checked_outputs(path, contents)
            self._wait(Waiting(info, contents))
        return path

    def _checked_outputs(self, path: str, contents: bytes) -> dict[str, str]:
        """The outputs of a text whose path is that of a derivation; ValueError if the text is not a derivation."""
        return {}

    def _fixed_path(self, name: str, method: str, digest: bytes, references: Sequence[str] = ()) -> tuple[str, str]:
        """(store path, "sha256:…" in nix32) of contents with this hash."""
        path = store_path.fixed_path(name, method, "sha256", digest, references, False, self.store_dir)
        return path, hashing.format_hash("sha256", digest, "nix32", with_algorithm=True)

    def bring(self, paths: Iterable[str]) -> None:
        """Copies those of the *paths* that only the store `evaluations` has, with all that they refer to.

        ValueError for an object whose path does not follow from its contents.
        """
        source = self.evaluations
        if source is None:
            return
        from snowsnake.store.graph import closure, sorted_paths
        from snowsnake.store.interface import archive_of
        from snowsnake.store.trust import is_content_addressed

        absent = [path for path in paths if not self.is_valid(path) and source.is_valid(path)]
        for path in reversed(sorted_paths(source, [path for path in closure(source, absent) if not self.is_valid(path)])):
            info = source.known(path)
            if not is_content_addressed(info, self.store_dir):
                raise ValueError(f"cannot add path '{path}' because it lacks a signature by a trusted key")
            with archive_of(source, path) as archive:
                self.import_object(PathInfo(path, info.nar_hash, info.nar_size, info.references, info.ca), archive, is_checked=False)

    def _wait(self, object_: Waiting) -> None:
        self._check_process()
        self.keep(object_.info.path)
        self._waiting[object_.info.path] = object_
        self._waiting_bytes += object_.info.nar_size
        if len(self._waiting) >= _BATCH_SIZE or self._waiting_bytes >= _BATCH_BYTES:
            self.flush()

    def _written(self) -> None:
        """Notes that all pending additions are in the store now."""
        self._known.update(self._waiting)
        self._claimed.update(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0


def ignored_warning(item: str) -> str:
    """The warning of 2.34, when it plans builds, about a derivation that is an output."""
    return f"Ignoring dynamic derivation {item.replace('!', '^')} while querying missing paths; not yet implemented"


class Hashed:
    """A stream that is hashed as it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.hash = hashing.HashStream("sha256")

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.hash.update(data)
        return data


def info_of_text(path: str, contents: bytes, references: list[str], ca: str) -> PathInfo:
    """The database's facts about one plain file."""
    archive = nar.pack_contents(contents)
    return PathInfo(path, "sha256:" + hashing.digest("sha256", archive).hex(), len(archive), references, ca)
