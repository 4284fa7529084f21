"""A binary cache as a store: it can be asked for paths, read, and written to.

In: the cache's files, and options for writing.  Out: the methods of `Store`.  Everything from a cache is checked against its `.narinfo` (size
and hash); store/trust.py decides whether to trust the `.narinfo` itself.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable
from typing import BinaryIO

from snowsnake.store import hashing
from snowsnake.store.binary_cache import compressed
from snowsnake.store.binary_cache.files import CacheFiles
from snowsnake.store.binary_cache.remembered import Remembered, Unknown
from snowsnake.store.hash import Hash
from snowsnake.store.interface import Missing, NotValid, Store, Unsupported, existing, read_in_archive, write_all
from snowsnake.store.listing import ArchiveListing, to_json
from snowsnake.store.missing import missing_paths
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.path import STORE_DIR, check_path, hash_part_of
from snowsnake.store.path_info import CompressedArchive, PathInfo, archive_mismatch
from snowsnake.store.realisation import Realisation, split_key
from snowsnake.store.signing import SecretKey, sign

# Type checkers take this for true.  store/light_dataclass.py says why it is false.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field
else:
    from snowsnake.store.light_dataclass import dataclass, field

_INFO_FILE = "nix-cache-info"
_MOST_INFO_BYTES = 1 << 20
_IN_MEMORY_BYTES = 8 << 20
# An archive is small if its file and its uncompressed contents have at most these sizes; it is then requested from the exchange.
_QUICK_BYTES, _QUICK_NAR_BYTES = 1 << 18, 1 << 20
_PIECE_BYTES = 1 << 18
# At most this much of an archive is read beyond its announced size, so that the message can say how long it is.
_MOST_EXCESS_BYTES = 16 << 20
_URL = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9a-fA-F]{2})+(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?")


class CacheFault(ValueError):
    """A cache sent something wrong: another size or hash, or a text that is not a `.narinfo`."""


class Gone(CacheFault):
    """An archive that its `.narinfo` names does not exist any more."""


@dataclass
class CacheOptions:
    """The parameters of the URL.  *level*: the level of compression, -1 for the method's default.  *priority*, *wants_mass_query*: with None, the cache's
    description decides.  *nar_folder*: the folder of archives that were read (nar_folder.py), if there is one."""

    compression: str = "xz"
    level: int = -1
    writes_listing: bool = False
    keys: list[SecretKey] = field(default_factory=list)
    is_trusted: bool = False
    priority: int | None = None
    wants_mass_query: bool | None = None
    indexes_debug_info: bool = False
    nar_folder: str | None = None


class BinaryCacheStore(Store):
    """One cache.  *url* has no parameters.  *remembered*: answers of earlier runs.  Nothing is requested before it is needed."""

    def __init__(
        self, files: CacheFiles, url: str, store_dir: str = STORE_DIR, *, options: CacheOptions | None = None, remembered: Remembered | None = None,
        is_writable: bool = False,
    ) -> None:  # fmt: skip
        self.files = files
        self.url = url
        self.store_dir = store_dir
        self.options = options or CacheOptions()
        self.is_trusted = self.options.is_trusted
        self._remembered = remembered
        self._is_writable = is_writable
        self._number: int | None = None
        self._is_open = False
        # This maps the hash part of a path to what the cache says about the object.
        self._infos: dict[str, NarInfo | None] = {}

    # --- the cache itself

    def opened(self) -> BinaryCacheStore:
        """Reads the cache's description, if that has not been done, and returns this store; ValueError if the cache is for stores with another prefix."""
        if self._is_open:
            return self
        if self._is_writable:
            self.files.prepare()
        known = self._remembered.cache(self.url) if self._remembered is not None and not self._is_writable else None
        if known is not None:
            self._number, store_dir, mass, priority = known
            self._check_folder(store_dir)
        else:
            mass, priority = self._read_description()
            if self._remembered is not None:
                self._number = self._remembered.note_cache(self.url, self.store_dir, mass, priority)
        self.wants_mass_query = mass if self.options.wants_mass_query is None else self.options.wants_mass_query
        self.priority = priority if self.options.priority is None else self.options.priority
        self._is_open = True
        return self

    def _read_description(self) -> tuple[bool, int]:
        text = self.files.get(_INFO_FILE)
        mass, priority = False, 0
        if text is None:
            if self._is_writable:
                self._put(_INFO_FILE, f"StoreDir: {self.store_dir}\n".encode(), "text/x-nix-cache-info")
            elif self.files.is_remote:
                raise ValueError(self.files.no_cache(self.url))
            return mass, priority
        for line in text.decode("utf-8", "surrogateescape").split("\n"):
            name, colon, value = line.partition(":")
            value = value.strip()
            if not colon:
                continue
            if name == "StoreDir":
                self._check_folder(value)
            elif name == "WantMassQuery":
                mass = value == "1"
            elif name == "Priority":
                if not re.fullmatch(r"-?[0-9]{1,9}", value):
                    raise CacheFault(f"binary cache '{self.url}' has a priority that is not a number: '{value[:40]}'")
                priority = int(value)
        return mass, priority

    def _check_folder(self, store_dir: str) -> None:
        if store_dir != self.store_dir:
            raise ValueError(f"binary cache '{self.url}' is for Nix stores with prefix '{store_dir}', not '{self.store_dir}'")

    def _put(self, name: str, contents: bytes, kind: str) -> None:
        self.files.put(name, io.BytesIO(contents), kind)

    def close(self) -> None:
        self.files.close()
        if self._remembered is not None:
            self._remembered.close()

    def facts(self) -> dict[str, object]:
        self.opened()
        return {} if self.files.is_remote else {"trusted": True}

    # --- asking

    def narinfo(self, path: str) -> NarInfo | None:
        """The cache's answer about a path; None if it lacks the path; CacheFault if the answer is wrong."""
        part = hash_part_of(path)
        if part not in self._infos:
            self.ask([path])
        found = self._infos[part]
        return found if found is not None and found.path == path else None

    def ask(self, paths: Iterable[str], follow: Callable[[NarInfo], Iterable[str]] = lambda info: ()) -> None:
        """Requests the facts about all *paths*, at once where that saves time; `narinfo` then needs no request.  *follow* returns further paths that
        an answer makes necessary.  A hash part may take the place of a path."""
        self.opened()
        answers: list[tuple[str, NarInfo | None]] = []
        asked: set[str] = set()

        def missing(paths: Iterable[str]) -> list[str]:
            """The names of the files that must be requested, because the answers are not remembered."""
            found: list[str] = []
            waiting = [paths]
            while waiting:
                for part in dict.fromkeys(hash_part_of(path) for path in waiting.pop()):
                    if part in self._infos or part in asked:
                        continue
                    asked.add(part)
                    known = Unknown if self._remembered is None or self._number is None else self._remembered.find(self._number, part, self.store_dir)
                    if known is Unknown:
                        found.append(f"{part}.narinfo")
                        continue
                    assert known is None or isinstance(known, NarInfo)
                    self._infos[part] = known
                    if known is not None:
                        waiting.append(follow(known))
            return found

        def take(name: str, data: bytes | None) -> list[str]:
            part = name[:32]
            info = self._infos[part] = self._parsed(part, data)
            answers.append((part, info))
            return [] if info is None else missing(follow(info))

        wanted = missing(paths)
        try:
            if wanted:
                self.files.get_many(wanted, take)
        finally:
            if answers and self._remembered is not None and self._number is not None:
                self._remembered.note(self._number, answers)

    def _parsed(self, part: str, data: bytes | None) -> NarInfo | None:
        if data is None:
            return None
        where = f"'{part}.narinfo' of the binary cache '{self.url}'"
        if len(data) > _MOST_INFO_BYTES:
            raise CacheFault(f"{where} is too long")
        try:
            found = NarInfo.parse(data.decode("utf-8", "surrogateescape"), self.store_dir)
        except ValueError as error:
            raise CacheFault(f"{error} (in {where})") from None
        if hash_part_of(found.path) != part:
            raise CacheFault(f"{where} is about '{found.path}'")
        return found

    def realisation(self, key: str) -> Realisation | None:
        self.opened()
        split_key(key)
        name = f"realisations/{key}.doi"
        known: object = Unknown
        if self._remembered is not None and self._number is not None:
            known = self._remembered.find_realisation(self._number, key)
        if isinstance(known, str):
            try:
                return self._parsed_realisation(key, name, known.encode("utf-8", "surrogateescape"))
            except CacheFault:
                known = Unknown
        if known is None:
            return None
        data = self.files.get(name)
        found = None if data is None else self._parsed_realisation(key, name, data)
        if self._remembered is not None and self._number is not None:
            text = None if found is None else json.dumps(found.to_json(), separators=(",", ":"), sort_keys=True)
            self._remembered.note_realisation(self._number, key, text)
        return found

    def _parsed_realisation(self, key: str, name: str, data: bytes) -> Realisation:
        try:
            found = Realisation.from_json({"id": key} | json.loads(data), self.store_dir)
        except (ValueError, TypeError, RecursionError) as error:
            raise CacheFault(f"'{name}' of the binary cache '{self.url}' is not a realisation: {error}") from None
        if found.key != key:
            raise CacheFault(f"'{name}' of the binary cache '{self.url}' is about '{found.key}'")
        return found

    def register_realisation(self, realisation: Realisation) -> None:
        if not self._is_writable:
            super().register_realisation(realisation)
        data = json.dumps(realisation.to_json(), separators=(",", ":"), sort_keys=True).encode("utf-8", "surrogateescape")
        self._put(f"realisations/{realisation.key}.doi", data, "application/json")

    def is_valid(self, path: str) -> bool:
        return self.narinfo(path) is not None

    def info(self, path: str) -> PathInfo | None:
        found = self.narinfo(path)
        return None if found is None else path_info(found)

    def paths(self) -> list[str]:
        self.opened()
        parts = list(self.files.hashes())
        self.ask(parts)
        return sorted(info.path for info in map(self._infos.get, parts) if info is not None)

    def path_with_hash(self, hash_part: str) -> str | None:
        # This raises ValueError for a text that is not a hash part.
        check_path(f"{self.store_dir}/{hash_part}-x", self.store_dir)
        self.ask([hash_part])
        found = self._infos[hash_part]
        return found.path if found is not None else None

    def referrers(self, path: str) -> list[str]:
        raise Unsupported("queryReferrers", self.url)

    def valid_derivers(self, path: str) -> list[str]:
        return []

    def missing(self, wanted: Iterable[str]) -> Missing:
        return missing_paths(self, wanted)

    def realise(self, wanted: Iterable[str]) -> list[str]:
        """Returns the wanted paths if the cache has them; NoBuilder otherwise: a cache builds nothing."""
        return existing(self, wanted)

    # --- reading

    def open_archive(self, path: str) -> BinaryIO:
        """Returns the NAR of an object; CacheFault if it does not have the size and the hash in the `.narinfo`."""
        info = self._archive_info(path)
        source = self.files.open(info.url)
        if source is None:
            raise self._gone(info)
        with source:
            return self._checked(info, source)

    def quick_name(self, path: str) -> str | None:
        """The name of the file with an object's archive, if that is small enough to be requested from the cache's exchange; None otherwise."""
        info = self._archive_info(path)
        is_small = info.file_size is not None and info.file_size <= _QUICK_BYTES and info.nar_size <= _QUICK_NAR_BYTES
        return info.url if is_small and self.files.can_ask(info.url) else None

    def quick_archive(self, path: str, data: bytes | None) -> BinaryIO:
        """Does what `open_archive` does with a file that has arrived already.  *data*: its contents; None if the cache does not have it."""
        info = self._archive_info(path)
        if data is None:
            raise self._gone(info)
        return self._checked(info, io.BytesIO(data))

    def _archive_info(self, path: str) -> NarInfo:
        info = self.narinfo(path)
        if info is None:
            raise NotValid(path)
        if not _URL.fullmatch(info.url):
            raise CacheFault(f"'{path}' has an archive with an unusable address in the binary cache '{self.url}': '{info.url}'")
        compressed.check_method(info.compression)
        return info

    def _gone(self, info: NarInfo) -> Gone:
        return Gone(f"file '{info.url}' does not exist in binary cache '{self.url}'")

    def _checked(self, info: NarInfo, source: BinaryIO) -> BinaryIO:
        """Decompresses the archive in a file, and checks its size and hash."""
        where = f"'{info.url}' of the binary cache '{self.url}'"
        is_small = info.nar_size <= _IN_MEMORY_BYTES
        target: BinaryIO = io.BytesIO() if is_small else tempfile.TemporaryFile()  # noqa: SIM115  # the caller's to close
        try:
            found, size = self._copy(source, target, info, where)
            if size > info.nar_size + _MOST_EXCESS_BYTES:
                raise CacheFault(f"size mismatch importing path '{info.path}';\n  specified: {info.nar_size}\n  got:       more")
            if found != info.nar_hash:
                raise CacheFault(archive_mismatch(info.path, info.nar_hash, found))
            if size != info.nar_size:
                raise CacheFault(f"size mismatch importing path '{info.path}';\n  specified: {info.nar_size}\n  got:       {size}")
            target.seek(0)
            return target
        except BaseException:
            target.close()
            raise

    def _copy(self, source: BinaryIO, target: BinaryIO, info: NarInfo, where: str) -> tuple[Hash, int]:
        """Copies the decompressed archive; returns its hash and size.  Data beyond the announced size is not written, and is read only up to a limit."""
        hasher = hashing.HashStream(info.nar_hash.algorithm)
        size = 0
        try:
            stream = compressed.unpacked(source, info.compression)
            while size <= info.nar_size + _MOST_EXCESS_BYTES and (piece := stream.read(_PIECE_BYTES)):
                size += len(piece)
                hasher.update(piece)
                if size <= info.nar_size:
                    target.write(piece)
        except (ValueError, EOFError) as error:
            raise CacheFault(f"failed to decompress {where}: {error}") from None
        return Hash(info.nar_hash.algorithm, hasher.digest()), size

    def write_archive(self, path: str, fd: int) -> None:
        with self._kept_archive(path) as archive:
            while piece := archive.read(_PIECE_BYTES):
                write_all(fd, piece)

    def read(self, path: str) -> bytes:
        whole, inner = self.split(path)
        with self._kept_archive(whole) as archive:
            return read_in_archive(archive, inner, path)

    def _kept_archive(self, path: str) -> BinaryIO:
        """Does what `open_archive` does, but keeps the archive in the folder of archives, if there is one."""
        if self.options.nar_folder is None:
            return self.open_archive(path)
        from snowsnake.store.binary_cache.nar_folder import NarFolder

        folder, digest = NarFolder(self.options.nar_folder), self._archive_info(path).nar_hash
        kept = folder.open(digest)
        if kept is None:
            kept = self.open_archive(path)
            folder.put(digest, kept)
            kept.seek(0)
        return kept

    def log(self, drv_path: str) -> bytes | None:
        """The log of a build, if the cache keeps it."""
        return self.files.get("log/" + drv_path.rpartition("/")[2])

    # --- writing

    def import_object(self, info: PathInfo, archive: BinaryIO, *, is_checked: bool = True) -> None:
        """Compresses, signs and writes an object; ValueError if its archive is not what *info* says, or a reference is not valid."""
        if not self._is_writable:
            super().import_object(info, archive)
        if self.is_valid(info.path):
            return
        for reference in info.references:
            if reference != info.path and not self.is_valid(reference):
                raise ValueError(f"cannot add '{info.path}' to the binary cache because the reference '{reference}' is not valid")
        options = self.options
        with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as plain:
            hasher, size = hashing.HashStream("sha256"), 0
            while piece := archive.read(_PIECE_BYTES):
                hasher.update(piece)
                size += len(piece)
                plain.write(piece)
            nar_hash = Hash("sha256", hasher.digest())
            if (nar_hash, size) != (info.hash, info.nar_size):
                raise ValueError(archive_mismatch(info.path, info.hash, nar_hash))
            plain.seek(0)
            compressed.compress(plain, packed, options.compression, options.level)
            packed.seek(0)
            file_hash, file_size = Hash.of_stream(packed), packed.tell()
            if options.writes_listing:
                plain.seek(0)
                listing = {"root": to_json(ArchiveListing(plain), "", is_recursive=True), "version": 1}
                self._put(f"{hash_part_of(info.path)}.ls", json.dumps(listing, separators=(",", ":"), sort_keys=True).encode(), "application/json")
            url = f"nar/{file_hash.nix32}.nar{compressed.ending(options.compression)}"
            if not self.files.has(url):
                packed.seek(0)
                self.files.put(url, packed, "application/x-nix-nar")
            if options.indexes_debug_info:
                from snowsnake.store.binary_cache.debug_info import debug_links

                plain.seek(0)
                for name, link in debug_links(ArchiveListing(plain), url):
                    if not self.files.has(name):
                        self._put(name, link, "application/json")
        made = NarInfo(
            info.path, url, nar_hash, size, options.compression or "none", file_hash, file_size, sorted(info.references), info.deriver,
            list(info.signatures), info.ca,
        )  # fmt: skip
        made.signatures = sorted({*made.signatures, *(sign(key, path_info(made)) for key in options.keys)})
        self._write_narinfo(made)

    def add_signatures(self, path: str, signatures: Iterable[str]) -> None:
        info = self.narinfo(path)
        if info is None:
            raise NotValid(path)
        info.signatures = sorted({*info.signatures, *signatures})
        self._write_narinfo(info)

    def _write_narinfo(self, info: NarInfo) -> None:
        part = hash_part_of(info.path)
        self._put(f"{part}.narinfo", info.format().encode("utf-8", "surrogateescape"), "text/x-nix-narinfo")
        self._infos[part] = info
        if self._remembered is not None and self._number is not None:
            self._remembered.note(self._number, [(part, info)])

    def add_log(self, drv_path: str, log: bytes) -> None:
        self._put("log/" + drv_path.rpartition("/")[2], log, "text/plain; charset=utf-8")


def path_info(found: NarInfo) -> PathInfo:
    """The facts in a `.narinfo`, in the form of every store."""
    return PathInfo(
        found.path, f"{found.nar_hash.algorithm}:{found.nar_hash.base16}", found.nar_size, sorted(found.references), found.ca, found.deriver,
        signatures=sorted(found.signatures), download=CompressedArchive(found.url, found.compression, found.file_hash, found.file_size),
    )  # fmt: skip
