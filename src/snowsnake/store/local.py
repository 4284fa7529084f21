"""An embedded store: `.drv` files, texts and sources are really written, in a folder that belongs to the user.

In: what an evaluation makes.  Out: files below DIR/nix/store, valid once they are in the database.  The layout is that of `nix --store DIR`.

A store object is written under a temporary name, synced, renamed into place and only then registered, references first:
a killed process leaves a temporary folder, which the next one removes, or a complete object that is not valid yet.
Several processes may write at once: objects are named by their contents, so the second one finds the same bytes.
Additions are collected: one `fsync` each would cost 7 ms, one `syncfs` serves a thousand.
Over 600 lines: all ways to add objects and to make them valid share one set of pending objects.
"""

from __future__ import annotations

import errno
import io
import itertools
import os
import stat
from os import PathLike

from snowsnake.foundation.record import Belonging
from snowsnake.store import hashing, nar
from snowsnake.store.collecting import CollectingStore, Hashed, Waiting
from snowsnake.store.derivation import Derivation
from snowsnake.store.hash import Hash
from snowsnake.store.interface import Missing, NoBuilder, NotValid, Store
from snowsnake.store.local_database import BadDatabase, StoreDatabase
from snowsnake.store.path import STORE_DIR
from snowsnake.store.path_info import PathInfo, archive_mismatch, check_claims
from snowsnake.store.removal import disk_bytes, make_movable, remove
from snowsnake.store.scratch import Scratch
from snowsnake.store.temporary_roots import TemporaryRoots, leave, roots_of
from snowsnake.version import NIX_VERSION

_PIECE_BYTES = 1 << 20
# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import BinaryIO, Protocol, cast

    from snowsnake.store.derivation_paths import DerivationMemory
    from snowsnake.store.optimising import Optimiser
    from snowsnake.store.realisation import DerivationHashes, Realisation
else:
    Protocol = object

    def cast(kind, value):
        return value


class Builder(Protocol):
    """Makes objects valid, and knows in advance how."""

    def realise(self, store: LocalStore, wanted: list[str]) -> None:
        """Makes the wanted paths valid: paths, `DRV!OUTPUT`, `DRV!*`."""

    def missing(self, store: Store, wanted: Iterable[str]) -> Missing:
        """What would be fetched and built."""

    def check(self, store: LocalStore, wanted: list[str]) -> None:
        """Builds valid outputs again, and compares."""

    def repair(self, store: LocalStore, wanted: list[str]) -> None:
        """Makes the wanted paths, and what they refer to, valid with the contents that they should have."""

    def repair_path(self, store: LocalStore, path: str) -> None:
        """Fetches or builds one valid path again."""


class LocalStore(Belonging, CollectingStore):
    """A store in *root*.  Additions are collected and written in batches: `flush`, `close` or the end of `with` writes the rest.

    *durable*: contents are on disk before they are valid, so that a power cut does no harm; a kill never does.  *read_only*: nothing is made
    or changed; FileNotFoundError if there is no store.  *real*, *state*: the folders with its objects and its database, if they are not the usual
    ones below *root*.  *builder*: what `realise` builds with; None builds nothing.  *optimises*: files that equal a file of another object become
    links to it.  BadDatabase (a ValueError) if the database is damaged, or locked for more than ten minutes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, LocalStore(folder) as store:
    ...     path = store.add_text("greeting", b"hello")
    ...     store.read(path), store.is_valid(path), store.paths() == [path]
    (b'hello', True, True)
    """

    url = "local"
    # A verification looks at the folder, and not only at what the database has.
    looks_at_folder = True
    # This says whether copies to this store need signatures; None leaves the choice to the settings.
    requires_signatures: bool | None = None
    # This is the folder for the logs of builds; "" leaves the choice to the environment.
    log_folder = ""

    def __init__(
        self,
        root: str | PathLike[str],
        store_dir: str = STORE_DIR,
        *,
        durable: bool = True,
        read_only: bool = False,
        real: str | None = None,
        state: str | None = None,
        builder: Builder | None = None,
        optimises: bool = False,
    ) -> None:
        self.builder = builder
        self.optimises = optimises
        # The contents of these objects were checked.
        self._intact: set[str] = set()
        self._output_keys: DerivationHashes | None = None
        self._derivations: DerivationMemory | None = None
        self.root = os.path.abspath(os.fspath(root))
        super().__init__(store_dir)
        self.state = state or self.root + "/nix/var/nix"
        self.durable = durable
        self.read_only = read_only
        self._objects = real or self.root + "/nix/store"
        self._scratch: Scratch | None = None
        self._import_folder = ""
        self._import_numbers = itertools.count()
        self._process = os.getpid()
        if read_only and not os.path.isdir(self._objects):
            raise FileNotFoundError(f"there is no store in '{self.root}'")
        if not read_only:
            os.makedirs(self._objects, exist_ok=True)
        self.database = StoreDatabase(os.path.join(self.state, "db"), read_only=read_only)
        self._kept: TemporaryRoots | None = None
        if not read_only:
            if not os.path.isdir(self.state + "/temproots"):
                self._make_folders()
            self._scratch = Scratch(self._scratch_parent())

    def _scratch_parent(self) -> str:
        """The folder for temporary files; it is in the file system of the objects, because they are renamed into place."""
        if os.stat(self.state).st_dev != os.stat(self._objects).st_dev:
            return os.path.join(self._objects, ".snowsnake/tmp")
        usual = self.root + "/nix/var"
        return os.path.join(usual if self.state == usual + "/nix" else self.state, "snowsnake/tmp")

    def _make_folders(self) -> None:
        """Makes the folders that Nix expects in a store that it has opened before."""
        for name in ("gcroots/auto", "profiles", "temproots"):
            os.makedirs(os.path.join(self.state, name), exist_ok=True)
        os.makedirs(os.path.join(self._objects, ".links"), exist_ok=True)
        try:
            os.symlink(self.state + "/profiles", self.state + "/gcroots/profiles")
        except FileExistsError:
            pass

    def close(self) -> None:
        """Writes pending additions and closes the database.  In a child of the process that opened the store, it only closes."""
        is_ours = os.getpid() == self._process
        try:
            if not self.read_only and is_ours:
                self.flush()
        finally:
            self.database.close()
            if self._kept is not None and is_ours:
                leave(self._kept, self.state)
                self._kept = None
            if self._scratch is not None:
                self._scratch.close()

    def keep(self, path: str) -> None:
        if not self.read_only:
            self._roots().name(path)

    def keep_all(self, paths: Iterable[str]) -> None:
        """Does what `keep` does, for many paths at once."""
        if not self.read_only:
            self._roots().name_all(paths)

    def _roots(self) -> TemporaryRoots:
        if self._kept is None:
            self._kept = roots_of(self.state)
        return self._kept

    # --- asking

    @property
    def objects(self) -> str:
        """The folder with the objects."""
        return self._objects

    def _place(self, path: str) -> str:
        return self._objects + path[len(self.store_dir) :]

    def _has(self, path: str) -> bool:
        return self.database.is_valid(path)

    def valid_among(self, paths: Iterable[str], *, substitutes: bool = False) -> set[str]:
        asked = set(paths)
        found = asked.intersection(self._waiting) | asked.intersection(self._known)
        found |= self.database.valid_among(asked - found)
        self._known |= found
        return found

    def has_now(self, path: str) -> bool:
        """Does what `is_valid` does, but asks the database again: another process may have added or removed the path."""
        return self.database.is_valid(path)

    @property
    def is_elsewhere(self) -> bool:
        """Whether its objects are somewhere else than their paths say."""
        return self._objects != self.store_dir

    def _info(self, path: str) -> PathInfo | None:
        return self.database.info(path)

    def realise(self, wanted: Iterable[str]) -> list[str]:
        """Does what `CollectingStore.realise` says: the builder makes the paths that are not valid yet."""
        items = self.obtained(wanted)
        self.forget_impure(items)
        absent = [item.partition("!")[0] for item in items if "!" in item and not self.has_derivation(item.partition("!")[0])]
        if absent and self.builder is not None:
            self.flush()
            self.builder.realise(self, absent)
        outputs = self.wanted_paths(items)
        if all(path is not None and self.claim(path) for path in outputs):
            return [path for path in outputs if path is not None]
        if self.builder is None:
            raise NoBuilder(f"cannot build '{items[0].replace('!', '^')}' during evaluation: this store has no builder")
        self.flush()
        self.builder.realise(self, items)
        return self.output_paths(items)

    def check(self, wanted: Iterable[str]) -> None:
        if self.builder is None:
            super().check(wanted)
        else:
            self.flush()
            self.builder.check(self, self.obtained(wanted))

    def repair(self, wanted: Iterable[str]) -> None:
        if self.builder is None:
            super().repair(wanted)
        else:
            self.flush()
            self.builder.repair(self, self.obtained(wanted))

    def repair_path(self, path: str) -> None:
        if self.builder is None:
            super().repair_path(path)
        else:
            self.flush()
            self.builder.repair_path(self, path)

    def is_damaged(self, path: str) -> bool:
        """Whether a valid object is absent, or has other contents than it had when it became valid.  A good object is read only once."""
        if path in self._intact or path in self._waiting:
            return False
        info = self.known(path)
        try:
            digest, _ = nar.path_digest("sha256", self._place(path))
        except (OSError, ValueError):
            return True
        if "sha256:" + digest.hex() != info.nar_hash:
            return True
        self._intact.add(path)
        return False

    def optimise(self, on_path: Callable[[str], None] = lambda path: None) -> tuple[int, int] | None:
        """Links equal files of all objects to each other; returns how many files became links, and the bytes that this frees."""
        self.flush()
        optimiser = self._optimiser()
        for path in self.paths():
            if self.claim(path) and os.path.lexists(self._place(path)):
                on_path(path)
                optimiser.optimise(self._place(path))
        optimiser.close()
        return optimiser.linked_files, optimiser.freed_bytes

    def _optimiser(self) -> Optimiser:
        from snowsnake.store.optimising import Optimiser

        return Optimiser(self._objects, self.new_folder, self.on_warning, checks_links=self.repairs)

    def missing(self, wanted: Iterable[str]) -> Missing:
        return self.plan(self, wanted)

    def plan(self, store: Store, wanted: Iterable[str]) -> Missing:
        """Like `missing`, for a store above this one."""
        from snowsnake.store.missing import missing_paths

        return missing_paths(store, wanted) if self.builder is None else self.builder.missing(store, wanted)

    def paths(self) -> list[str]:
        """All valid objects, sorted."""
        return sorted({*self._waiting, *self.database.paths()})

    def facts(self) -> dict[str, object]:
        return {"version": NIX_VERSION, "trusted": True}

    def referrers(self, path: str) -> list[str]:
        self.flush()
        return self.database.referrers(path)

    def users(self, path: str) -> list[str]:
        """The objects that must be removed before this one."""
        return self.referrers(path)

    def valid_derivers(self, path: str) -> list[str]:
        self.flush()
        return self.database.valid_derivers(path)

    def outputs(self, drv_path: str) -> dict[str, str]:
        """The paths of a derivation's outputs by name, including those that became known when they were built."""
        info = self.info(drv_path)
        if info is not None and info.outputs:
            return info.outputs
        from snowsnake.store.realisation import resolved_outputs

        return resolved_outputs(drv_path, self.read_derivation, self.output_hash, self.realisation)

    def output_hash(self, drv: Derivation) -> str:
        """The hash that names a derivation's outputs before they have paths."""
        if self._output_keys is None:
            from snowsnake.store.realisation import DerivationHashes

            self._output_keys = DerivationHashes(self.read, self.store_dir)
        return self._output_keys.of(drv)

    def realisation(self, key: str) -> Realisation | None:
        from snowsnake.store.realisation import Realisation, split_key

        digest, name = split_key(key)
        found = self.database.realisation(digest, name)
        return None if found is None else Realisation(key, *found)

    def register_realisation(self, realisation: Realisation) -> None:
        from snowsnake.store.realisation import split_key

        self.flush()
        digest, name = split_key(realisation.key)
        self.database.register_realisation(digest, name, realisation.path, realisation.signatures)

    def path_with_hash(self, hash_part: str) -> str | None:
        self.flush()
        return self.database.path_starting(f"{self.store_dir}/{hash_part}")

    # --- adding

    def add_root(self, link: str, path: str) -> str:
        """Makes a link at *link* to the valid path *path*, and returns its absolute path."""
        from snowsnake.store import roots

        self.flush()
        self.keep(path)
        return roots.add_root(link, path, self.state, self.store_dir)

    def register_root(self, link: str) -> None:
        """Makes the garbage collector spare what an existing link leads to."""
        from snowsnake.store import roots

        roots.register_root(os.path.abspath(link), self.state)

    def add_archive(self, name: str, archive: bytes | BinaryIO, references: Sequence[str] = ()) -> str:
        """Adds the file or tree in a NAR, and returns its path; BadArchive (a ValueError) if *archive* is not one.  A file is read to its end.

        *references*: valid paths that it refers to, on which its own path depends.
        """
        from snowsnake.store import nar_reader

        target = os.path.join(self.new_folder(), "object")
        stream = Hashed(io.BytesIO(archive) if isinstance(archive, bytes) else archive)
        # `unpack` uses only `read` of the stream.
        nar_reader.unpack(cast("BinaryIO", stream), target)
        path, content = self._fixed_path(name, "nar", stream.hash.digest(), references)
        if self._has_already(path):
            remove(target)
        else:
            info = PathInfo(path, "sha256:" + stream.hash.digest().hex(), stream.hash.size, list(references), "fixed:r:" + content)
            self.complete(info, target)
            self._wait(Waiting(info, target=target))
        return path

    def adopt(self, info: PathInfo, place: str) -> None:
        """Takes over an object at *place*, in a folder of this store or in its final place; trusts its hash and references."""
        self._wait(Waiting(info, target=place, is_shared=not self.has_now(info.path)))

    def import_object(self, info: PathInfo, archive: BinaryIO, *, is_checked: bool = True) -> None:
        """Adds the object in a NAR under the path in *info*; ValueError if its hash or its size differs."""
        if self.claim(info.path):
            return
        self.adopt_import(info, self.unpack_import(info, archive))
        self.flush()

    def unpack_import(self, info: PathInfo, archive: BinaryIO) -> str:
        """Unpacks the object of a NAR and returns its place, for `adopt_import`; several threads may do so at once."""
        from snowsnake.store import nar_reader
        from snowsnake.store.canonical import canonicalise, syncs_at_once
        from snowsnake.store.quick_unpack import unpack_known

        if self.read_only:
            raise ValueError("attempt to write a readonly database")
        if not self._import_folder:
            self._import_folder = self.new_folder()
        target = f"{self._import_folder}/{next(self._import_numbers)}"
        if (not self.durable or syncs_at_once()) and unpack_known(info, archive, target):
            return target
        stream = Hashed(archive)
        nar_reader.unpack(cast("BinaryIO", stream), target)
        digest, size = stream.hash.digest(), stream.hash.size
        if ("sha256:" + digest.hex(), size) != (info.nar_hash, info.nar_size):
            remove(target)
            raise ValueError(archive_mismatch(info.path, info.hash, Hash("sha256", digest)))
        canonicalise(target, durable=self.durable)
        return target

    def adopt_import(self, info: PathInfo, target: str) -> None:
        """Makes an object from `unpack_import` valid with the next `flush`.

        ValueError if something that it refers to is not valid, or a signature or its content address is not of the right form.
        """
        check_claims(info.signatures, info.ca)
        self.complete(info, target)
        for reference in info.references:
            if reference != info.path and not self.is_valid(reference):
                raise NotValid(reference)
        self._wait(Waiting(info, target=target, is_canonical=True))

    def complete(self, info: PathInfo, target: str, memory: DerivationMemory | None = None) -> None:
        """Puts the outputs of a derivation into *info*; ValueError if the file is named as a derivation and is not one.

        *memory* remembers derivations, even those that are not valid yet.
        """
        if info.path.endswith(".drv"):
            info.outputs = self._checked_outputs(info.path, read_regular(target), memory)

    def _checked_outputs(self, path: str, contents: bytes, memory: DerivationMemory | None = None) -> dict[str, str]:
        from snowsnake.store.derivation_check import check_outputs

        if not path.endswith(".drv"):
            return {}
        try:
            drv = Derivation.from_aterm(contents, path, self.store_dir)
        except ValueError as error:
            raise ValueError(f"error parsing derivation '{path}': {error}") from error
        check_outputs(drv, self._read_present, memory or self._memory_for(drv))
        return {name: output.path for name, output in drv.outputs.items() if output.path}

    def _memory_for(self, drv: Derivation) -> DerivationMemory | None:
        """The store's memory of derivations, if all inputs of *drv* are valid: then their contents are what their paths say, and each is read once.

        Otherwise None.  Without this memory, adding a chain of derivations would read, for each of them, all that are before it.
        """
        from snowsnake.store.derivation_paths import DerivationMemory

        if self.repairs or not all(map(self.is_valid, drv.input_drvs)):
            return None
        if self._derivations is None:
            self._derivations = DerivationMemory(self.store_dir, self._read_present)
        return self._derivations

    def make_valid(self, infos: Iterable[PathInfo], *, canonicalises: bool) -> None:
        """Registers objects that are in their places already, and computes hashes that are missing.

        *canonicalises*: their modes and dates become those of a store.
        """
        from snowsnake.store.canonical import canonicalise
        from snowsnake.store.derivation_paths import DerivationMemory

        infos = list(infos)
        memory = DerivationMemory(self.store_dir, self._read_present)
        for info in infos:
            place = self._place(info.path)
            if canonicalises:
                canonicalise(place, durable=self.durable)
            if not info.nar_hash:
                digest, info.nar_size = nar.path_digest("sha256", place)
                info.nar_hash = "sha256:" + digest.hex()
            self.complete(info, place, memory)
        self._register(infos, replaces=True)

    def _register(self, infos: Iterable[PathInfo], *, replaces: bool) -> None:
        """See `StoreDatabase.register`."""
        self.database.register(infos, replaces=replaces)

    def add_signatures(self, path: str, signatures: Iterable[str]) -> None:
        self.flush()
        self.database.sign(path, {*self.known(path).signatures, *signatures})

    def missing_objects(self) -> list[str]:
        """Valid paths whose objects are not on disk."""
        return [path for path in self.paths() if not os.path.lexists(self._place(path))]

    def remove(self, path: str) -> int:
        """Makes an object invalid, deletes it, and returns the bytes of its files.  ValueError if another object refers to it."""
        self.flush()
        self.database.forget(path)
        self._known.discard(path)
        self._claimed.discard(path)
        self._derivations = None
        return self._delete(path)

    def _delete(self, path: str) -> int:
        """Deletes an invalid object, and returns the bytes of its files."""
        place = self._place(path)
        if not os.path.lexists(place):
            return 0
        freed = disk_bytes(place)
        self._remove_at_once(place)
        return freed

    def _remove_at_once(self, place: str) -> None:
        """Removes an object that is not valid: a killed process leaves all of it, or nothing."""
        doomed = os.path.join(self.new_folder(), "object")
        make_movable(place)
        try:
            os.rename(place, doomed)
        except OSError as error:
            # An OverlayFS may not be able to rename a folder.
            if error.errno != errno.EXDEV:
                raise
            doomed = place
        remove(doomed)

    def after_removal(self) -> None:
        """The garbage collector calls this after it has removed objects."""

    def _read_present(self, path: str) -> bytes:
        """The text of a derivation, valid or not yet."""
        contents = self._waiting_contents(path)
        if contents is not None:
            return contents
        waiting = self._waiting.get(path)
        try:
            return read_regular(waiting.target if waiting is not None else self._place(path))
        except FileNotFoundError:
            raise ValueError(f"store path '{path}' does not exist") from None

    def open_temporary(self) -> int:
        """The descriptor of an empty file beside the store's objects, which vanishes once it is closed."""
        return self._own_scratch().open_file()

    def new_folder(self) -> str:
        """Makes an empty folder beside the objects, for this process alone; the caller removes it."""
        return self._own_scratch().new_folder()

    def _own_scratch(self) -> Scratch:
        self._check_process()
        if self._scratch is None:
            raise ValueError("attempt to write a readonly database")
        return self._scratch

    def lies_in(self, place: str | bytes | PathLike[str]) -> bool:
        """See `Store.lies_in`: the archive of such a folder is made before the first file of a copy is written."""
        top = os.path.realpath(os.fsdecode(place))
        return top == "/" or any(f"{os.path.realpath(own)}/".startswith(top + "/") for own in (self._objects, self.state))

    def add_source(
        self,
        name: str,
        source: str | PathLike[str],
        method: str = "nar",
        accepts: Callable[[str, str], bool] | None = None,
        references: Sequence[str] = (),
    ) -> str:
        """Copies a file or tree (*method* flat: one file, hashed by its bytes), without the entries that *accepts* refuses.

        *references*: valid paths that a tree refers to, on which its own path depends.
        """
        from snowsnake.store import nar_reader

        if method == "flat":
            return self._add_flat_file(name, source)
        if method != "nar":
            raise ValueError(f"a source is added by 'nar' or 'flat', not by '{method}'")
        if self.lies_in(source):
            import tempfile

            with tempfile.TemporaryFile() as file:
                nar.pack_into(source, file.fileno(), accepts)
                file.seek(0)
                return self.add_archive(name, file, references)
        path, _ = self._fixed_path(name, "nar", nar.path_digest("sha256", source, accepts)[0], references)
        if self._has_already(path):
            return path
        target = os.path.join(self.new_folder(), "object")
        archive = target + ".nar"
        with open(archive, "wb") as file:
            nar.pack_into(source, file.fileno(), accepts)
        digest, size = hashing.file_digest("sha256", archive)
        copied, content = self._fixed_path(name, "nar", digest, references)
        if copied != path:
            raise ValueError(f"'{os.fspath(source)}' changed while it was copied")
        with open(archive, "rb") as file:
            nar_reader.unpack(file, target)
        os.unlink(archive)
        info = PathInfo(path, "sha256:" + digest.hex(), size, list(references), "fixed:r:" + content)
        self.complete(info, target)
        self._wait(Waiting(info, target=target))
        return path

    def _add_flat_file(self, name: str, source: str | PathLike[str]) -> str:
        with open(source, "rb") as file:
            if os.fstat(file.fileno()).st_size < _PIECE_BYTES:
                return self.add_flat(name, file.read())
            target = os.path.join(self.new_folder(), "object")
            stream = Hashed(file)
            with open(target, "xb") as copy:
                while piece := stream.read(_PIECE_BYTES):
                    copy.write(piece)
        os.chmod(target, 0o444)
        path, content = self._fixed_path(name, "flat", stream.hash.digest())
        if self._has_already(path):
            os.unlink(target)
        else:
            digest, size = nar.path_digest("sha256", target)
            info = PathInfo(path, "sha256:" + digest.hex(), size, [], "fixed:" + content)
            self.complete(info, target)
            self._wait(Waiting(info, target=target))
        return path

    # --- writing

    def flush(self) -> None:
        """Writes and registers everything that waits."""
        from snowsnake.store.canonical import canonicalise, sync, write_canonical

        if not self._waiting:
            return
        folder = self.new_folder()
        objects = list(self._waiting.values())
        for number, object_ in enumerate(objects):
            if object_.contents is not None:
                object_.target = f"{folder}/{number}"
                write_canonical(object_.target, object_.contents, durable=self.durable)
            elif not object_.is_canonical:
                canonicalise(object_.target, durable=self.durable)
        self._sync_all()
        for object_ in objects:
            try:
                os.rename(object_.target, self._place(object_.info.path))
            except OSError:
                self._move(object_.target, object_.info.path)
        if self.optimises:
            optimiser = self._optimiser()
            for object_ in objects:
                if object_.is_shared:
                    optimiser.optimise(self._place(object_.info.path))
            optimiser.close()
        if self.durable:
            sync(self._objects)
        self._register((object_.info for object_ in objects), replaces=self.repairs)
        if self.repairs:
            self._intact.update(object_.info.path for object_ in objects)
        self._written()
        import shutil

        shutil.rmtree(folder, ignore_errors=True)

    def _sync_all(self) -> None:
        """Writes all that was written so far in this file system to the disk, unless the store is not durable."""
        from snowsnake.store.canonical import sync_file_system

        if self.durable and not sync_file_system(self._own_scratch().fd):
            raise OSError(f"syncing '{self.root}' failed")

    def _move(self, target: str, path: str) -> None:
        """Moves into place what a plain rename cannot move: a folder, which is already read-only, or an object whose place is taken.

        An object that a killed process left there is removed: it may not have the contents that its name says.
        """
        from snowsnake.store.canonical import move_canonical

        place = self._place(path)
        if not os.path.lexists(target) and os.path.lexists(place):
            # An earlier flush, which failed later, has moved the object.
            return
        try:
            is_copied = move_canonical(target, place)
        except OSError:
            if not os.path.lexists(place):
                raise
            if nar.path_digest("sha256", place) == nar.path_digest("sha256", target):
                remove(target)
                return
            self._remove_at_once(place)
            is_copied = move_canonical(target, place)
        if is_copied:
            self._sync_all()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise BadDatabase(f"the store in '{self.root}' was opened before a fork: open it again in the child")

    # --- looking for faults

    def verify(self, *, check_contents: bool = True, on_path: Callable[[str], None] | None = None) -> list[str]:
        """The faults of the store; empty if there are none.  Files that are not valid paths do not count as faults."""
        from snowsnake.store.verification import faults_of

        return faults_of(self, check_contents=check_contents, on_path=on_path)


def read_regular(path: str) -> bytes:
    """The bytes of a regular file; OSError for anything else: a link that came with an archive may lead to a file without an end."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"'{path}' is not a regular file")
        return file.read()
