"""The interface of every kind of store: which paths are valid, the facts about them, their contents.

In: store paths.  Out: `PathInfo`s, derivations, archives.  Kinds: `LocalStore` (a folder), `MemoryStore` (of one evaluation),
`DaemonStore` (a socket), `RemoteStore` and `ServeStore` (ssh), `BinaryCacheStore` (files, HTTP, S3); graph.py walks them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from snowsnake.store import store_path
from snowsnake.store.derivation import Derivation
from snowsnake.store.path import STORE_DIR
from snowsnake.store.path_info import PathInfo

# Type checkers take this for true.  Otherwise every command would import `typing` and `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import dataclass, field
    from os import PathLike
    from typing import Any, BinaryIO, Self

    from snowsnake.store.realisation import Realisation
else:
    from snowsnake.store.light_dataclass import dataclass, field


class NotValid(ValueError):
    """The store does not have this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"path '{path}' is not valid")
        self.path = path


class Unsupported(ValueError):
    """A store of this kind cannot do something.  *operation*: its name in C++ Nix; *url*: that of the store."""

    def __init__(self, operation: str, url: str) -> None:
        super().__init__(f"operation '{operation}' is not supported by store '{url}'")


def no_substituter_text(path: str) -> str:
    """The message about an object that something needs, that is not valid, and that cannot be made valid."""
    return f"path '{path}' is required, but there is no substituter that can build it"


@dataclass
class Offer:
    """A path that the store *source* has.  Sizes are in bytes; the download's is 0 if it is not known.  *name*: its path there, if that differs.
    *info*: what the source says about it."""

    source: Store
    path: str
    references: list[str]
    nar_size: int
    download_size: int = 0
    name: str = ""
    info: PathInfo | None = None


@dataclass
class Missing:
    """A plan.  *builds*: derivations, each after those that it needs; *fetches*: paths that substituters have, with their offers; *unknown*: paths that
    nobody can make; *ignored*: derivations that are outputs, of which nothing is known before they are built.  Sizes are in bytes."""

    builds: list[str] = field(default_factory=list)
    fetches: dict[str, Offer | None] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    download_size: int = 0
    nar_size: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.builds or self.fetches or self.unknown)


class NoDerivation(ValueError):
    """A file that is named as a derivation is not one, or cannot be read."""

    # This error ends the whole request, even with `--keep-going`.
    ends_all = True

    def __init__(self, drv_path: str, fault: ValueError) -> None:
        super().__init__(f"error parsing derivation '{drv_path}': {fault}")


class NotObtained(ValueError):
    """A derivation that is an output (`DRV!out`) could not be built; *faults* say why."""

    def __init__(self, item: str, fault: ValueError) -> None:
        super().__init__(f"failed to obtain derivation of '{item.replace('!', '^')}'")
        self.faults = [*getattr(fault, "faults", ()), str(fault)]


class NoBuilder(ValueError):
    """A wanted path would have to be built, and this store builds nothing."""

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message or "Unable to build with a primary store that isn't a local store; either pass a different '--store' or enable remote builds.\n\n"
            "For more information check 'man nix.conf' and search for '/machines'."
        )


# What Python raises for an object of another type: the word that was tried is missing, it cannot be iterated or called, a number is too large for C.
_STUMBLED = (AttributeError, TypeError, OverflowError)


def say_what_they_take(kind: type) -> None:
    """Lets the public methods of a class name an argument that is of another type than the annotation says, when they have failed."""
    for name, member in list(vars(kind).items()):
        if name[0] != "_" and type(member) is _FUNCTION and not getattr(member, "__isabstractmethod__", False):
            setattr(kind, name, _saying(member))


def _saying(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: object, *given: object, **named: object) -> object:
        try:
            return method(self, *given, **named)
        except _STUMBLED:
            from snowsnake.store.arguments import explain

            explain(method, given, named)
            raise

    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(call, name, getattr(method, name))
    call.__wrapped__ = method  # type: ignore[attr-defined]
    return call


_FUNCTION = type(_saying)


class Store(ABC):
    """One store.  A kind that cannot do something raises a ValueError that says so."""

    store_dir = STORE_DIR
    # This is the store's URL as Nix 2.34 writes it.
    url = ""
    # This says whether objects from this source need no signature.
    is_trusted = False
    # Sources with lower numbers are asked first.
    priority = 0
    wants_mass_query = False
    # Derivations may need these experimental features; None stands for all.
    features: frozenset[str] | None = None
    # This says whether links to objects of this store can be made that protect them.
    has_roots = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        say_what_they_take(cls)

    # --- asking

    @abstractmethod
    def is_valid(self, path: str) -> bool:
        """Whether the store has this object."""

    @abstractmethod
    def info(self, path: str) -> PathInfo | None:
        """The facts about an object; None if it is not valid."""

    @abstractmethod
    def paths(self) -> list[str]:
        """All valid objects, sorted."""

    @abstractmethod
    def referrers(self, path: str) -> list[str]:
        """Valid paths that refer to this one, sorted."""

    @abstractmethod
    def valid_derivers(self, path: str) -> list[str]:
        """Valid derivations that have this output, sorted."""

    @abstractmethod
    def path_with_hash(self, hash_part: str) -> str | None:
        """The valid path whose name begins with these 32 digits."""

    @abstractmethod
    def write_archive(self, path: str, fd: int) -> None:
        """Writes the NAR of a valid object to a file descriptor; ValueError if it is not valid."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Contents of a file in the store, which may lie in an object; ValueError if its object is not valid."""

    def valid_among(self, paths: Iterable[str], *, substitutes: bool = False) -> set[str]:
        """Those of *paths* that are valid.  *substitutes*: a daemon may fetch the others from its substituters first."""
        return set(filter(self.is_valid, paths))

    def real_path(self, path: str) -> str | None:
        """The place of a path on this machine's disk; None if the store's objects are not on it."""
        return None

    def facts(self) -> dict[str, object]:
        """What `nix store info` prints besides the URL: `version`, `trusted`."""
        return {"trusted": True}

    def close(self) -> None:
        """Closes files and sockets."""

    # --- methods that use those above

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def known(self, path: str) -> PathInfo:
        """Like `info`; NotValid if there is no such object."""
        found = self.info(path)
        if found is None:
            raise NotValid(path)
        return found

    def read_derivation(self, drv_path: str) -> Derivation:
        """Like `read`; ValueError if the file is not a derivation."""
        text = self.read(drv_path)
        try:
            if not drv_path.endswith(".drv"):
                raise ValueError(f"store path '{drv_path.rpartition('/')[2]}' is not a valid derivation path")
            drv = Derivation.from_aterm(text, drv_path, self.store_dir)
        except ValueError as error:
            raise NoDerivation(drv_path, error) from None
        if self.features is not None:
            drv.require_features(self.features)
        return drv

    def lies_in(self, place: str | bytes | PathLike[str]) -> bool:
        """Whether a folder of this machine contains the store's own files, so that a copy of it into the store would change it."""
        return False

    def has_derivation(self, drv_path: str) -> bool:
        """Whether a derivation can be read, here or in the store in which evaluations wrote it."""
        return self.is_valid(drv_path)

    def outputs(self, drv_path: str) -> dict[str, str]:
        """The names and paths of a valid derivation's outputs, as far as they are known: some become known when they are built."""
        from snowsnake.store.realisation import DerivationHashes, resolved_outputs

        return resolved_outputs(drv_path, self.read_derivation, DerivationHashes(self.read, self.store_dir).of, self.realisation)

    def made_outputs(self, drv_path: str) -> dict[str, str]:
        """Does what `outputs` does; the outputs of an impure derivation are those that this process built last."""
        return self.outputs(drv_path)

    def known_output(self, item: str) -> str:
        """The path of an output, `DRV!out`, or `DRV!out!dev` of a derivation that is an output; ValueError if it is not known yet."""
        path, *names = item.split("!")
        at = path
        for number, name in enumerate(names):
            drv = self.read_derivation(at)
            if name not in drv.outputs:
                raise ValueError(f"derivation '{at}' does not have output '{name}'")
            found = drv.outputs[name].path or self.outputs(at).get(name)
            if not found:
                raise ValueError(f"cannot operate on output '{name}' of the unbuilt derivation '{'^'.join((path, *names[:number]))}'")
            at = found
        return at

    def output_hash(self, drv: Derivation) -> str:
        """The hash that names a derivation's outputs before they have paths."""
        from snowsnake.store.realisation import DerivationHashes

        return DerivationHashes(self.read, self.store_dir).of(drv)

    def realisation(self, key: str) -> Realisation | None:
        """The path of an output, by the hash of its derivation, "!" and its name; None if the store does not know it."""
        return None

    def register_realisation(self, realisation: Realisation) -> None:
        """Records the path of an output, which must be valid."""
        raise Unsupported("registerDrvOutput", self.url)

    def parse(self, path: str) -> str:
        """Returns the path of an object; ValueError if it is not such a path."""
        store_path.parse(path, self.store_dir)
        return path

    def split(self, path: str) -> tuple[str, str]:
        """The object that a path is or lies in, and the rest of the path ("" or "/bin/sh"); ValueError if it is not in the store."""
        if not path.startswith(self.store_dir + "/"):
            raise ValueError(f"path '{path}' is not in the Nix store")
        whole, slash, rest = path[len(self.store_dir) + 1 :].partition("/")
        return self.parse(f"{self.store_dir}/{whole}"), slash + rest

    @abstractmethod
    def missing(self, wanted: Iterable[str]) -> Missing:
        """What `realise` would fetch and build for the same paths."""

    # --- adding

    def keep(self, path: str) -> None:
        """Protects a path from garbage collection while this process has the store open, if this kind of store can."""

    def add_root(self, link: str, path: str) -> str:
        """Makes a link that keeps an object from the garbage collector, and returns it; ValueError if the store cannot have such links."""
        raise ValueError(f"store '{self.url}' has no garbage collector roots")

    def import_object(self, info: PathInfo, archive: BinaryIO, *, is_checked: bool = True) -> None:
        """Adds an object with its archive; ValueError if its hash is not the one in *info*.  *is_checked*: its signature was checked, or need not be;
        otherwise a daemon checks it with its own trusted keys."""
        raise ValueError(f"store '{self.url}' cannot be written to")

    def add_signatures(self, path: str, signatures: Iterable[str]) -> None:
        """Records who signed a valid object."""
        raise Unsupported("addSignatures", self.url)

    def realise(self, wanted: Iterable[str]) -> list[str]:
        """Makes the *wanted* paths valid (store paths, `DRV!OUTPUT` and `DRV!*`), and returns them; ValueError says what cannot be made or fetched."""
        raise NoBuilder

    def check(self, wanted: Iterable[str]) -> None:
        """Builds valid outputs again; ValueError if the results differ."""
        raise ValueError(f"store '{self.url}' cannot build")

    def repair(self, wanted: Iterable[str]) -> None:
        """Does what `realise` does, and replaces damaged objects among the wanted ones and what they refer to."""
        raise ValueError(f"store '{self.url}' cannot build")

    def repair_path(self, path: str) -> None:
        """Replaces one valid object by a substitute, or by what its derivation builds."""
        raise Unsupported("repairPath", self.url)

    def add_text(self, name: str, contents: bytes, references: Iterable[str] = ()) -> str:
        """Adds a text like `builtins.toFile`, and returns its path."""
        raise ValueError(f"store '{self.url}' cannot be written to")

    def add_derivation(self, text: bytes, name: str, drv_path: str | None = None) -> str:
        """Adds a `.drv` with this text, and returns its path."""
        raise ValueError(f"store '{self.url}' cannot be written to")


say_what_they_take(Store)


def existing(store: Store, wanted: Iterable[str]) -> list[str]:
    """`realise` for a store that builds nothing: the paths of what is wanted, if they are valid; NoBuilder otherwise."""
    items = list(wanted)
    found: list[str] = []
    for item in items:
        path, mark, names = item.partition("!")
        known = store.outputs(path) if mark else {"": path}
        asked = names.split(",") if names not in ("", "*") else list(store.read_derivation(path).outputs) if mark else [""]
        if not all(name in known and store.is_valid(known[name]) for name in asked):
            raise NoBuilder
        found += [known[name] for name in asked]
    return found


def archive_of(store: Store, path: str) -> BinaryIO:
    """The NAR of a valid object as a stream from its beginning."""
    import tempfile

    file = tempfile.TemporaryFile()
    try:
        store.write_archive(path, file.fileno())
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def read_in_archive(archive: BinaryIO, inner: str, path: str) -> bytes:
    """Contents of the file *inner* ("" or "/bin/sh") in an archive; FileNotFoundError for *path* if it has no such file."""
    import os

    from snowsnake.store.nar_reader import read_nar

    for member in read_nar(archive):
        if member.path == inner[1:] and member.kind == "regular":
            return member.read()
    raise FileNotFoundError(2, os.strerror(2), path)


def copy_archive(stream: BinaryIO, info: PathInfo, fd: int) -> None:
    """Copies the archive that begins at the position of *stream*, and nothing after it, to a descriptor; ValueError if it does not have the hash and
    the size in *info*."""
    from snowsnake.store import hashing
    from snowsnake.store.nar_reader import read_nar

    hasher, size = hashing.HashStream(info.hash.algorithm), 0

    class Copied:
        def read(self, count: int) -> bytes:
            nonlocal size
            piece = stream.read(count)
            size += len(piece)
            if size > info.nar_size:
                raise ValueError(f"the archive of '{info.path}' is longer than {info.nar_size} bytes")
            hasher.update(piece)
            write_all(fd, piece)
            return piece

    for _ in read_nar(Copied(), allow_trailing=True):        # type: ignore[arg-type]  # only `read` is used
        pass
    if hasher.digest() != info.hash.digest:
        raise ValueError(f"the archive of '{info.path}' has another hash than its store says")


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Writes all of *data* to a descriptor, of which the system may take only a part at once."""
    import os

    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def nar_digest(store: Store, path: str) -> bytes:
    """The SHA-256 of an object's archive as it is now."""
    from snowsnake.store import nar
    from snowsnake.store.hash import Hash

    real = store.real_path(path)
    if real is not None:
        return nar.path_digest("sha256", real)[0]
    with archive_of(store, path) as stream:
        return Hash.of_stream(stream).digest


