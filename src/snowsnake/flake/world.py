"""The flakes of the world: finds them in registries, fetches them, and reads them without evaluation.

In: a fetcher, registries, settings.  Out: `Flake`s, trees and lock files, for lock/locking.py.
Each tree is fetched once, and `on_tree` is called with it when something of it is needed.
"""

import errno
import os
import posixpath

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.diagnostics.flake_kinds import FlakeError, FlakeNotFetched
from snowsnake.fetch.errors import FetchFailure, ForbiddenAccess, MalformedInput
from snowsnake.fetch.fetcher import shown_root
from snowsnake.fetch.input_forms import DEFAULT_FEATURES
from snowsnake.flake.declaration import read_declaration
from snowsnake.lock.flakes import Declaration, Flake, Place
from snowsnake.lock.lock_file import InputPath, LockFile, read_lock_file
from snowsnake.lock.references import Reference
from snowsnake.lock.registries import registries_of
from snowsnake.parsing import parse_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from snowsnake.fetch import Fetcher, Input, Source
    from snowsnake.foundation.json_type import Json

MOST_LINKS = 40
# The shortest name of a store object has a hash, a hyphen, and one letter.
SHORTEST_NAME = 34
# A larger flake.nix is an error: it is read whole before it is evaluated.
LARGEST_SOURCE_BYTES = 64 << 20
# C++ Nix keeps the trees of these schemes, archives too, as objects of Git.
_IN_GIT = ("git", "tarball", "github", "gitlab", "sourcehut")
# By builtin: the beginning of the message about an error of the operating system.
_READING = {"readFile": "opening file '{}'", "hashFile": "opening file '{}'", "readDir": 'cannot read directory "{}"'}
_SELF_ATTRIBUTES = ("lfs", "submodules")


def evaluation_error(error: FetchFailure) -> EvaluationError:
    """Turns an error of fetching into an error of an evaluation."""
    code = "access" if isinstance(error, ForbiddenAccess) else "file"
    kind = FlakeError if isinstance(error, ForbiddenAccess | MalformedInput) else FlakeNotFetched
    made = kind(code, str(error), trace=[Frame("text", note, None) for note in reversed(error.notes)])
    made.exit_code = error.exit_code
    return made


def _source(place: Place) -> tuple[str, bytes | None]:
    """The path of a `flake.nix` in its tree, and its text, which is None if there is no such file."""
    path = posixpath.normpath(posixpath.join(place.folder, "flake.nix"))
    return path, None if path.startswith(("..", "/")) else place.tree.read(path)


class FlakeTree:
    """A fetched tree: its files, its store path, and its name in messages."""

    def __init__(self, source: "Source", asked: "Input") -> None:
        self.source = source
        self.asked = asked
        self.files = source.files
        self.store_path = source.store_path
        self.input = source.input

    @property
    def label(self) -> str:
        """The name of the root in messages: the repository, if the tree is in one on this machine; the store path of a folder; or the input."""
        return shown_root(self.input, self.asked) or self.store_path

    @property
    def working_tree(self) -> str | None:
        """The folder of a repository on this machine that was requested as it is, and not at some revision."""
        label = shown_root(self.input, self.asked)
        return label if label.startswith("/") else None

    def read(self, path: str) -> bytes | None:
        """The contents of a file; links inside the tree are followed.  None if there is no such file."""
        where = path.encode("utf-8", "surrogateescape")
        for _ in range(MOST_LINKS):
            try:
                kind = self.files.kind(where)
                if kind in ("regular", "executable"):
                    return self.files.read(where)
                target = self._behind_link(where) if kind in (None, "symlink") else None
            except OSError as error:
                raise FlakeError("file", f"reading '{self.label}/{path}': {error.strerror or error}") from None
            if target is None:
                return None
            where = target
        raise FlakeError("file", f"too many symbolic links encountered while traversing the path '{self.label}/{path}'")

    def _behind_link(self, where: bytes) -> bytes | None:
        """The path after following one link, which is the path or a folder on the way to it; None if none is a link, or if it leads out of the tree."""
        link = where
        while link and self.files.kind(link) != "symlink":
            link = posixpath.dirname(link)
        if not link:
            return None
        target = posixpath.normpath(posixpath.join(posixpath.dirname(link), self.files.link(link)))
        return None if target.startswith((b"/", b"..")) else posixpath.normpath(target + where[len(link) :])

    @property
    def _is_of_store(self) -> bool:
        """Whether C++ Nix reads the tree in its store: a folder, or what a lock file determines."""
        return self.input.type == "path" or (self.asked.is_final and self.asked.nar_hash is not None)

    def missing(self, path: str, builtin: str = "") -> EvaluationError:
        """The error for a file that does not exist, or that Git does not track.  *builtin*: the function that wanted the file."""
        if self._is_of_store:
            where = f"{self.store_path}/{path}"
            if builtin not in _READING:
                return FlakeError("file", f"path '{self.label}/{path}' does not exist")
            return FlakeError("file", f"{_READING[builtin].format(where)}: {self._why_missing(path)}")
        root = self.working_tree
        if root is not None and builtin in _READING and self._why_missing(path) == os.strerror(errno.ENOTDIR):
            return FlakeError("file", f"{_READING[builtin].format(f'{root}/{path}')}: {os.strerror(errno.ENOTDIR)}")
        if root is None and builtin in _READING and self.input.type in _IN_GIT:
            return FlakeError("file", f"'{self.label}/{path}' does not exist")
        if root is None:
            return FlakeError("file", f"path '{self.label}/{path}' does not exist")
        if os.path.lexists(os.path.join(root, path)):
            return FlakeError(
                "file",
                f"Path '{path}' in the repository \"{root}\" is not tracked by Git.\n\n"
                f'To make it visible to Nix, run:\n\ngit -C "{root}" add "{path}"',
            )
        return FlakeError("file", f"Path '{path}' does not exist in Git repository \"{root}\".")

    def _why_missing(self, path: str) -> str:
        folder = path.encode("utf-8", "surrogateescape")
        while folder := posixpath.dirname(folder):
            if self.files.kind(folder) in ("regular", "executable"):
                return os.strerror(errno.ENOTDIR)
        return os.strerror(errno.ENOENT)


class FlakeWorld:
    """Fetches and reads flakes: the callbacks of locking (`lock.locking.Sources`).

    `warn` gets messages for the user; `on_tree` is called with each tree that is used; `check` raises an error for an input that a policy forbids.
    `copy` adds a file of a tree to the store, on its own, and returns its path there.
    """

    def __init__(
        self,
        fetcher: "Fetcher",
        settings: "Mapping[str, Json]",
        environ: "Mapping[str, str]",
        warn: "Callable[[str], None]",
        on_tree: "Callable[[FlakeTree], None] | None" = None,
        check: "Callable[[Input], None] | None" = None,
        copy: "Callable[[FlakeTree, str], str] | None" = None,
        features: "frozenset[str]" = DEFAULT_FEATURES,
    ) -> None:
        self._features = features
        self._copy = copy
        self.fetcher = fetcher
        self.settings = settings
        self.environ = environ
        self.warn = warn
        self.on_tree = on_tree
        self.check = check
        self.registries = registries_of(fetcher, environ)
        self._trees: dict[str, FlakeTree] = {}

    # ---- fetching -----------------------------------------------------------------------------------------------

    def fetch(self, input: "Input") -> FlakeTree:
        """The tree of an input; raises EvaluationError if it cannot be fetched, or if a policy forbids it."""
        try:
            if self.check is not None:
                self.check(input)
            source = self.fetcher.fetch(input)
        except FetchFailure as error:
            raise evaluation_error(error) from None
        tree = self._trees.get(source.store_path)
        if tree is None or tree.input != source.input:
            tree = self._trees[source.store_path] = FlakeTree(source, input)
        return tree

    def clone(self, input: "Input", target: str) -> bool:
        """Clones the repository of an input; returns False if it has none."""
        from snowsnake.fetch.cloning import clone, repository_of

        try:
            repository = repository_of(input, self.fetcher)
            if repository is None:
                return False
            if self.check is not None:
                self.check(repository)
            clone(repository, target, self.fetcher)
        except FetchFailure as error:
            raise evaluation_error(error) from None
        return True

    def resolve(self, reference: Reference, kinds: tuple[str, ...]) -> Reference:
        """The reference to which the registries of these *kinds* resolve a reference."""
        if not kinds and not reference.input.is_direct:
            raise FlakeError(
                "value", f"'{reference.input}' is an indirect flake reference, but registry lookups are not allowed"
            )
        try:
            return self.registries.resolve(reference, kinds)
        except FetchFailure as error:
            raise evaluation_error(error) from None

    def _meaning(self, reference: Reference, kinds: tuple[str, ...]) -> Reference:
        """What a reference means as a flake or input: one that says where its flake is means that, whatever the registries have for it."""
        return reference if reference.input.is_direct else self.resolve(reference, kinds)

    def tree(self, reference: Reference, kinds: tuple[str, ...]) -> tuple[Place, Reference]:
        resolved = self._meaning(reference, kinds)
        tree = self.use(self.fetch(resolved.input))
        return Place(tree, ""), Reference(tree.input.with_attrs(__final=None), reference.folder)

    def use(self, tree: FlakeTree) -> FlakeTree:
        """Calls `on_tree`, and returns the tree."""
        if self.on_tree is not None:
            self.on_tree(tree)
        return tree

    def trees(self) -> "list[FlakeTree]":
        """Everything that was fetched."""
        return list(self._trees.values())

    def forget(self) -> None:
        """Forgets fetched folders of this machine, which may have changed."""
        self.fetcher.forget()

    # ---- flakes -------------------------------------------------------------------------------------------------

    def flake(self, reference: Reference, kinds: tuple[str, ...], lock_root: InputPath = ()) -> Flake:
        resolved = self._meaning(reference, kinds)
        tree = self.fetch(resolved.input)
        declaration = self.declaration(Place(tree, resolved.folder), str(resolved), lock_root)
        changed = tree.input
        for name, value in sorted(declaration.self_attributes.items()):
            if name not in _SELF_ATTRIBUTES:
                raise FlakeError("value", f"flake 'self' attribute '{name}' is not supported")
            changed = changed.with_attrs(**{name: value})
        if changed != tree.input:
            again = changed.with_attrs(narHash=None, __final=None)
            from snowsnake.foundation.log_numbers import DEBUG

            self.fetcher.progress.remark(DEBUG, f"refetching input '{again}' due to self attribute")
            tree = self.fetch(again)
            declaration = self.declaration(Place(tree, resolved.folder), str(resolved), lock_root)
        self.use(tree)
        locked = Reference(tree.input.with_attrs(__final=None), resolved.folder)
        return Flake(reference, resolved, locked, Place(tree, resolved.folder), declaration)

    def flake_at(self, place: Place, reference: Reference, lock_root: InputPath = ()) -> Flake:
        if place.folder.startswith(".."):
            path = posixpath.normpath(posixpath.join(place.tree.store_path, place.folder, "flake.nix"))
            name = posixpath.relpath(path, posixpath.dirname(place.tree.store_path)).partition("/")[0]
            if not self.settings["pure-eval"] and len(name) < SHORTEST_NAME and name != "..":
                raise FlakeError("value", f"'{name}' is too short to be a valid store path")
            raise FlakeError(
                "access", f"access to absolute path '{path}' is forbidden in pure evaluation mode (use '--impure' to override)"
            )
        return Flake(reference, reference, reference, place, self.declaration(place, str(reference), lock_root))

    def declaration(self, place: Place, shown: str, lock_root: InputPath) -> Declaration:
        """The contents of the `flake.nix` in a folder; `shown` is the name of the flake in messages, `lock_root` where `follows` in it start."""
        tree: FlakeTree = place.tree
        path, source = _source(place)
        if source is None:
            raise tree.missing(path)
        if len(source) > LARGEST_SOURCE_BYTES:
            raise FlakeError("value", f"'{tree.label}/{path}' is larger than {LARGEST_SOURCE_BYTES >> 20} MiB")
        return read_declaration(
            source, f"{tree.label}/{path}", shown, lock_root, place.folder, tree.label + "/", lambda inner: self.copied(tree, inner),
            self.features, self.warn,
        )

    def turns(self, place: Place) -> dict[str, int]:
        """The order in which C++ Nix meets the names in the `flake.nix` of a folder: a number for each name."""
        path, source = _source(place)
        return parse_source(source or b"null", path, "/").turns()

    def copied(self, tree: FlakeTree, path: str) -> str:
        """The value of a setting that is a path: the store path of the file on its own, or, if nothing is copied, the path of the file in its tree."""
        return f"{tree.store_path}/{path}" if self._copy is None else self._copy(tree, path)

    # ---- lock files ---------------------------------------------------------------------------------------------

    @property
    def features(self) -> frozenset[str]:
        """The features that references may use."""
        return self._features | ({"verified-fetches"} if "verified-fetches" in self.fetcher.features else set())

    def is_locked(self, reference: Reference) -> bool:
        return reference.input.is_locked

    def lock_file(self, flake: Flake) -> LockFile:
        tree: FlakeTree = flake.place.tree
        path = posixpath.normpath(posixpath.join(flake.place.folder, "flake.lock"))
        data = None if path.startswith("..") else tree.read(path)
        return LockFile() if data is None else self.parse_lock_file(data, f"{tree.label}/{path}")

    def parse_lock_file(self, data: bytes, name: str) -> LockFile:
        return read_lock_file(data, name, self.is_locked, self.warn, self.features)

    def unlocked_input(self, lock_file: LockFile) -> Reference | None:
        """An input that the lock file does not determine, so that the file must not be written; None if there is none."""
        allows_dirty = self.settings["allow-dirty-locks"]
        for node in lock_file.nodes():
            locked = node.locked
            if locked is None or locked.input.relative_path is not None or locked.input.is_locked:
                continue
            if not (allows_dirty and locked.input.nar_hash):
                return locked
        return None
