"""The fetcher: passes an input to its scheme, checks the result, and finds its hash and its store path.

In: settings, a cache, and an `Input`.  Out: `Source`: the input with the facts learnt by fetching, and its tree.
Each evaluation has one fetcher, which fetches an input only once.
"""

from __future__ import annotations

import os
import stat
import sys

from snowsnake.fetch.addresses import Address, parse_address
from snowsnake.fetch.errors import FetchCancelled, FetchFailure, ForbiddenAccess, HashMismatch
from snowsnake.fetch.fetched import Fetched
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import DEFAULT_FEATURES, Attributes, shown, tree_hash_of
from snowsnake.fetch.trees import DiskTree, FileTree, closing_fd
from snowsnake.foundation.log_numbers import CHATTY, TALKATIVE, UNKNOWN
from snowsnake.foundation.record import Belonging, Whole
from snowsnake.store.hash import Hash
from snowsnake.store.nar import open_below
from snowsnake.store.path import STORE_DIR, StorePath

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Container, Iterator, Mapping
    from contextlib import contextmanager
    from typing import Any, BinaryIO

    from snowsnake.fetch.allowed_places import AllowedPlaces
    from snowsnake.fetch.cache import FetchCache
    from snowsnake.fetch.git_working_tree import WorkingTree
    from snowsnake.fetch.progress import Activity, LateActivity, Progress
    from snowsnake.store.local import LocalStore
else:
    from snowsnake.foundation.scopes import contextmanager

# The module and the function of each scheme.  A module is imported when its scheme is first fetched.
_SCHEMES = {
    "path": ("local", "fetch_path"),
    "git": ("git", "fetch_git"),
    "hg": ("mercurial", "fetch_mercurial"),
    "tarball": ("downloads", "fetch_tarball"),
    "file": ("downloads", "fetch_file"),
    "github": ("forges", "fetch_forge"),
    "gitlab": ("forges", "fetch_forge"),
    "sourcehut": ("forges", "fetch_forge"),
}
_POLL_S = 0.1


@contextmanager
def _noted(input: Input) -> Iterator[None]:
    """Adds a note about the input to a FetchFailure that is raised inside."""
    try:
        yield
    except FetchFailure as error:
        if input.is_known:
            error.notes.append(f"while fetching the input '{input.to_url()}'")
        raise


class Source(Whole):
    """A fetched tree: `input` with the facts learnt (rev, lastModified, narHash …), and where its files can be read."""

    __slots__ = ("input", "nar_hash", "store_path", "files")

    def __init__(self, input: Input, nar_hash: str, store_path: str, files: FileTree) -> None:
        self.input = input
        # The hash of the NAR, in SRI form.
        self.nar_hash = nar_hash
        self.store_path = store_path
        self.files = files


class Fetcher(Belonging):
    """Fetches inputs.  *settings*: values of nix.conf by name.  *store*: every source is written to it.

    *features*: the experimental features that are on.  *progress* makes the object that shows progress.  *on_warning* receives the texts of
    warnings; without it, the object that *progress* makes shows them.  *is_cancelled* is called now and then; if it returns True, fetching ends
    with FetchCancelled.  *is_offline*: nothing is requested from the network; facts in the cache count, however old they are.
    *cache_limit_bytes*: 0 means the setting `fetch-cache-size`.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        cache_folder: str | None = None,
        store: LocalStore | None = None,
        store_dir: str = STORE_DIR,
        features: Container[str] | None = None,
        working_directory: str | None = None,
        is_offline: bool = False,
        progress: Callable[[], Progress] | None = None,
        on_warning: Callable[[str], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
        cache_limit_bytes: int = 0,
    ) -> None:
        try:
            limit_bytes = cache_limit_bytes or settings["fetch-cache-size"]
        except (KeyError, TypeError):
            raise TypeError(f"settings are all settings of nix.conf by name, as `snowsnake.settings.Settings()`, not {type(settings).__name__}") from None
        self.settings = settings
        self.store = store
        self.store_dir = store_dir
        self.features: Container[str] = DEFAULT_FEATURES if features is None else features
        self.working_directory = working_directory or os.getcwd()
        self.is_offline = is_offline
        self._cache: FetchCache | None = None
        self._cache_place = (cache_folder, limit_bytes)
        self._make_progress = progress
        self._progress: Progress | None = None
        self.on_warning = on_warning
        self._is_cancelled = is_cancelled
        # For tests: the address that takes the place of each host.
        self.stand_ins: dict[str, str] = {}
        # This is called for each source, with its address, its hash, and whether it is locked.
        self.on_fetched: Callable[[str, str, bool], None] | None = None
        # Under a policy, this raises ForbiddenAccess for an address that may not be read.
        self.check_uri: Callable[[str], None] | None = None
        # Under a policy, this opens a path with flags and returns the descriptor, or raises ForbiddenAccess if the path may not be read.
        self.open_checked: Callable[[str, int], int] | None = None
        # This may return the source of an input; if it returns None, the input is fetched.
        self.supply: Callable[[Input], Source | None] | None = None
        self._allowed_places: AllowedPlaces | None = None
        # The `Http` of this fetcher, which downloads.py makes when it is first needed.
        self.http: Any = None
        # The state of each Git working tree when it was last read, by its path.
        self.working_trees: dict[str, WorkingTree] = {}
        self._sources: dict[frozenset[tuple[str, str, str | int | bool]], Source] = {}
        # By store path: the input with which the source was first requested, and the source.
        self.asked: dict[str, tuple[Input, Source]] = {}
        # `registries_of` in lock/registries.py sets this when it is first called.
        self.registries: Any = None

    @property
    def progress(self) -> Progress:
        """The object that shows progress, made when there is something to show."""
        if self._progress is None:
            if self._make_progress is not None:
                self._progress = self._make_progress()
            else:
                from snowsnake.fetch.progress import Progress

                self._progress = Progress()
        return self._progress

    @property
    def cache(self) -> FetchCache:
        """The cache, made when it is first needed: fetching a folder of this machine does not need it."""
        if self._cache is None:
            from snowsnake.fetch.cache import FetchCache

            self._cache = FetchCache(*self._cache_place)
        return self._cache

    @cache.setter
    def cache(self, cache: FetchCache) -> None:
        self._cache = cache

    @property
    def allowed_places(self) -> AllowedPlaces:
        """The files of this machine that the policy allows by their addresses."""
        if self._allowed_places is None:
            from snowsnake.fetch.allowed_places import AllowedPlaces

            self._allowed_places = AllowedPlaces()
        return self._allowed_places

    def close(self) -> None:
        if self._cache is not None:
            self._cache.close()

    def enter_child(self, store: LocalStore | None) -> None:
        """Prepares for a child process, which must not share its parent's connections to servers.  *store*: the store, which the child has opened again."""
        self.http = None
        self.store = store

    # ---- inputs -------------------------------------------------------------------------------------------------

    def input_from_url(self, url: str | Address, is_tree: bool = True) -> Input:
        return Input.from_url(url, is_tree, self.features, self.settings["trust-tarballs-from-git-forges"])

    def input_from_attrs(self, attrs: Attributes) -> Input:
        return Input.from_attrs(attrs, self.features, self.settings["trust-tarballs-from-git-forges"])

    # ---- fetching -----------------------------------------------------------------------------------------------

    def fetch(self, input: Input) -> Source:
        """The source that an input describes; raises FetchFailure if that fails, or if the source differs from the description."""
        if not isinstance(input, Input):
            raise TypeError(f"a fetcher fetches an Input, not {type(input).__name__}")
        key = input.key
        known = self._sources.get(key)
        if known is None:
            with _noted(input):
                # A malformed hash is an error before anything is fetched.
                tree_hash_of(input.attrs)
            known = (self.supply(input) if self.supply is not None else None) or self._available(input) or self._new(input)
            self._sources[key] = known
            self._sources.setdefault(known.input.key, known)
            self.asked.setdefault(known.store_path, (input, known))
        if self.on_fetched is not None:
            self.on_fetched(input.to_url(), known.nar_hash, input.is_locked or tree_hash_of(input.attrs) is not None)
        return known

    def forget(self) -> None:
        """Forgets the inputs, because a folder of this machine has changed."""
        self._sources.clear()

    def look_again(self) -> None:
        """Forgets the inputs, and shows neither activities nor warnings from now on: the user saw them when the inputs were first read."""
        from snowsnake.fetch.progress import Silence

        self.forget()
        self.on_warning = None
        self._progress = Silence()

    def place_of(self, address: str) -> tuple[str, str] | None:
        """(folder or file, hex SHA-256 of its NAR) of the source with this address; None if it is read from the cache or a store, or not from disk."""
        for key, source in self._sources.items():
            place = source.files.disk_path(b"") if self.input_from_attrs({name: value for name, _, value in key}).to_url() == address else None
            if place is not None and not os.fsdecode(place).startswith((self.cache.folder + "/", self.store_dir + "/")):
                return os.fsdecode(place), Hash.parse(source.nar_hash).digest.hex()
        return None

    def supply_folders_of(self, other: Fetcher) -> None:
        """Uses the sources that another fetcher found for folders of this machine, as they were then, and does not read these folders again."""
        found = {input.key: source for input, source in other.asked.values() if input.type == "path"}
        self.supply = lambda input: found.get(input.key)

    def facts(self) -> list[str]:
        """A line for each source.  If two processes return the same lines, an evaluation finds the same sources in both."""
        found = {f"{sorted(key)} {sorted(source.input.attrs.items())} {source.nar_hash}" for key, source in self._sources.items()}
        return sorted(found)

    def _new(self, input: Input) -> Source:
        fetched = self.open(input)
        with self._copying(fetched.input, shown_root(fetched.input, input)) as work:
            digest, size = self.tree_hash(fetched, work)
            self._check_hash(input, digest)
            result = fetched.input if input.is_final else fetched.input.with_attrs(narHash=digest.sri)
            return self._source(result, fetched.tree, digest, work)

    def _check_hash(self, input: Input, digest: Hash) -> None:
        """Raises HashMismatch if the tree of *input* should have another hash."""
        expected = tree_hash_of(input.attrs)
        if expected is not None and digest != expected:
            raise HashMismatch(
                # C++ Nix swaps the two hashes in this message, but not in those about archives.
                f"NAR hash mismatch in input '{input.to_url()}', expected '{digest.sri}' but got '{expected.sri}'"
            )

    def _source(self, input: Input, tree: FileTree, digest: Hash, work: LateActivity) -> Source:
        path = self.path_of(digest, input.name)
        self.write(path, input.name, tree, work)
        return Source(input, digest.sri, path, tree)

    def fetch_url(self, url: str, name: str, expected: Hash | None, unpacks: bool) -> tuple[str, FileTree]:
        """(store path, tree) of `fetchurl` or, with *unpacks*, of `fetchTarball`.  *expected*: the hash of the file, or of the tree's NAR."""
        with self._copying(None, f"«{url}»") as work:
            return self._fetch_url(url, name, expected, unpacks, work)

    def _fetch_url(self, url: str, name: str, expected: Hash | None, unpacks: bool, work: LateActivity) -> tuple[str, FileTree]:
        from snowsnake.fetch import downloads

        if unpacks:
            tree = None if expected is None else self.tree_with(expected, name)
            digest = expected
            if tree is None:
                input = self.input_from_attrs({"type": "tarball", "url": url})
                fetched = self.open(input)
                tree, digest = fetched.tree, self.tree_hash(fetched, work)[0]
        else:
            found = None if expected is None else downloads.kept_file(expected, self)
            digest = expected
            if found is None:
                found = downloads.download_file(url, self)
                digest = Hash.of_bytes(found.tree.read(b""))
            tree = found.tree
        assert digest is not None
        if expected is not None and digest != expected:
            raise HashMismatch(
                f"hash mismatch in file downloaded from '{url}':\n  specified: {expected.format('nix32', with_algorithm=True)}\n"
                f"  got:       {digest.format('nix32', with_algorithm=True)}"
            )
        if self.on_fetched is not None:
            self.on_fetched(url, digest.sri, expected is not None)
        path = self.path_of(digest, name, "nar" if unpacks else "flat")
        if unpacks or self.store is None:
            self.write(path, name, tree, work)
        elif not self.store.is_valid(path):
            self.store.add_flat(name, tree.read(b""))
        return path, tree

    def path_of(self, digest: Hash, name: str, method: str = "nar") -> str:
        try:
            return str(StorePath.of_content(name, digest, method, (), self.store_dir))
        except ValueError as error:
            raise FetchFailure(str(error)) from None

    def _available(self, input: Input) -> Source | None:
        """The source of a final input whose tree is here already: the hash identifies the tree, and the input has all attributes that fetching would add."""
        expected = tree_hash_of(input.attrs)
        if not input.is_final or expected is None:
            return None
        tree = self.tree_with(expected, input.name)
        if tree is None:
            return None
        with self._copying(input, shown_root(input, input)) as work:
            return self._source(input, tree, expected, work)

    def tree_with(self, digest: Hash, name: str) -> FileTree | None:
        """A tree with this NAR hash, from the cache or from the fetcher's store; None if neither has it."""
        place = self.cache.tree(digest.nix32)
        if place is None and self.store is not None:
            path = self.path_of(digest, name)
            if self.store.is_valid(path):
                place = self.store.real_path(path)
        return None if place is None else DiskTree(place)

    def open(self, input: Input) -> Fetched:
        """Fetches an input, but does not compute its hash, because that may take a while."""
        with _noted(input):
            return self._open(input)

    def _open(self, input: Input) -> Fetched:
        self.check_cancelled()
        if not input.is_known:
            raise FetchFailure(f"cannot fetch unsupported input '{shown(input.attrs)}'")
        if not input.is_direct:
            raise FetchFailure(f"indirect input '{input.to_url()}' cannot be fetched directly")
        module, function = _SCHEMES[input.type]
        try:
            fetched: Fetched = getattr(__import__(f"snowsnake.fetch.{module}", fromlist=[function]), function)(input, self)
        except OSError as error:
            raise FetchFailure(_said(error)) from None
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("snowsnake"):
                raise
            raise FetchFailure(f"'{error.name}' is not installed, which fetching needs: pip install 'snowsnake[fetch]'") from None
        self._check_locks(input, fetched)
        return fetched

    def _check_locks(self, asked: Input, fetched: Fetched) -> None:
        """Checks that the result is what was requested.  A final input stays as it is: attributes that fetching found are compared, but not added."""
        found = fetched.input
        if asked.is_final:
            if asked.nar_hash is not None:
                asked = asked.with_attrs(narHash=asked.nar_hash)
            if found.nar_hash is not None:
                found = found.with_attrs(narHash=found.nar_hash)
            for name in sorted(asked.attrs):
                if name in found.attrs and found.attrs[name] != asked.attrs[name]:
                    raise FetchFailure(f"mismatch in field '{name}' of input '{shown(asked.attrs)}', got '{shown(found.attrs)}'")
            fetched.input = asked
            return
        if asked.nar_hash is not None and asked.nar_hash != found.nar_hash:
            raise HashMismatch(
                f"NAR hash mismatch in input '{asked.to_url()}', expected '{asked.nar_hash}' but got "
                + ("none" if found.nar_hash is None else f"'{found.nar_hash}'")
            )
        if asked.last_modified is not None and asked.last_modified != found.last_modified:
            got = -1 if found.last_modified is None else found.last_modified
            raise FetchFailure(
                f"'lastModified' attribute mismatch in input '{found.to_url()}', expected {asked.last_modified}, got {got}"
            )
        if asked.rev is not None and found.rev != asked.rev:
            raise FetchFailure(f"'rev' attribute mismatch in input '{found.to_url()}', expected {asked.rev}")
        if asked.rev_count is not None and asked.rev_count != found.rev_count:
            raise FetchFailure(f"'revCount' attribute mismatch in input '{found.to_url()}', expected {asked.rev_count}")

    def tree_hash(self, fetched: Fetched, work: LateActivity) -> tuple[Hash, int]:
        """(hash of the NAR, its size).  The cache keeps both by the name of the contents, `fetched.memo`; if that is the hash itself, the size is 0.

        *work*: the activity of which this is a part.
        """
        if fetched.memo.startswith("nar:"):
            return Hash.parse(fetched.memo[4:]), 0
        if fetched.memo:
            known = self.cache.fact("treeHash", fetched.memo)
            if known is not None:
                return Hash.parse(str(known["narHash"])), int(known["size"])
        from snowsnake.fetch.tree_hash import hash_of

        work.begin()
        try:
            digest, size = hash_of(fetched.tree, self.check_cancelled)
        except OSError as error:
            raise FetchFailure(_said(error)) from None
        if fetched.memo:
            self.cache.note("treeHash", fetched.memo, {"narHash": digest.sri, "size": size})
        return digest, size

    def write(self, path: str, name: str, tree: FileTree, work: LateActivity) -> None:
        """Adds a source to the store, if the fetcher has one and the source is not there.  *work*: the activity of which this is a part."""
        try:
            if self.store is None or self.store.is_valid(path):
                return
        except ValueError as error:
            # A daemon sent the error.
            raise FetchFailure(str(error)) from None
        from snowsnake.fetch.tree_hash import ArchiveStream

        place = tree.disk_path(b"")
        work.begin()
        try:
            if place is not None and self.store.lies_in(place):
                made = self.store.add_source(name, os.fsdecode(place))
            else:
                made = self.store.add_archive(name, ArchiveStream(tree))     # type: ignore[arg-type]   # only `read` is used
        except OSError as error:
            raise FetchFailure(f"writing to the store in '{self.store.root}': {error}") from None
        except ValueError as error:
            # The message says why the store does not accept the source.
            raise FetchFailure(str(error)) from None
        if made != path:
            raise FetchFailure(f"'{path}' changed while it was copied to the store")

    def check_part(self, part: Input, whole: str | None) -> None:
        """Under a policy, raises ForbiddenAccess if *part*, a submodule of a source, is a repository of this machine that may not be read.

        *whole*: the place of the source, if that is on this machine.  A source may always name repositories on the network, as in C++ Nix.
        """
        if self.check_uri is None:
            return
        address = parse_address(str(part.attrs["url"]))
        if address.transport != "file":
            return
        place = os.path.join(self.working_directory, address.file_path)
        if whole is not None and (self.allowed_places.is_anywhere(whole) or self.allowed_places.allow_part(place, whole)):
            return
        from urllib.parse import quote

        uri = f"file://{quote(os.path.normpath(place))}"
        try:
            self.check_uri(f"git+{uri}")
        except ForbiddenAccess:
            # The policy may allow the repository in the form without `git+`.
            self.check_uri(uri)

    # ---- files of this machine ----------------------------------------------------------------------------------

    def open_file(self, path: str) -> BinaryIO:
        """Opens a file of this machine.  Under a policy it is looked up, checked and opened in one step."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
        # If the place is a folder, `open` fails and closes its descriptor.
        return open(path, "rb", opener=lambda _name, _flags: self._open_place(path, flags))

    def _open_place(self, path: str, flags: int) -> int:
        if self.open_checked is None:
            return os.open(path, flags)
        if self._allowed_places is None:
            return self.open_checked(path, flags)
        if self.allowed_places.is_anywhere(path):
            return os.open(path, flags)
        real = self.allowed_places.real(path)
        return self.open_checked(path, flags) if real is None else open_below(os.fsencode(real), 0, flags)

    def status(self, path: str) -> os.stat_result | None:
        """The status of a file, after following links; None if there is none.  Under a policy, the file is checked first."""
        try:
            if self.open_checked is None:
                return os.stat(path)
            fd = self._open_place(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with closing_fd(fd):
            return os.fstat(fd)

    # ---- for the schemes ----------------------------------------------------------------------------------------

    def is_fresh(self, fact: Any) -> bool:
        """Whether a fact in the cache is young enough to be used without a request."""
        return self.is_offline or fact.age_s < self.settings["tarball-ttl"]

    def check_cancelled(self) -> None:
        if self._is_cancelled is not None and self._is_cancelled():
            raise FetchCancelled("interrupted by the user")

    def warn(self, text: str) -> None:
        if self.on_warning is not None:
            self.on_warning(text)
        else:
            self.progress.warning(text)

    def report(self, error: Exception) -> None:
        """Shows an error that does not stop the work."""
        self.progress.message(f"error: {error}")

    @contextmanager
    def activity(self, level: int, text: str, kind: int = UNKNOWN, fields: tuple[str | int, ...] = ()) -> Iterator[Activity]:
        """Shows an activity while the block runs, which may take a while; the yielded object has `progress(done, expected)`."""
        running = self.progress.start(level, text, kind, fields)
        try:
            yield running
        finally:
            running.stop()

    def _copying(self, input: Input | None, shown: str) -> LateActivity:
        """What hashes a tree and writes it to the store, as C++ Nix words it.  *shown*: the root of the tree in messages."""
        from snowsnake.fetch.progress import LateActivity

        if input is not None and input.type == "path":
            level, root = TALKATIVE, f'"{input.attrs["path"]}"'
        else:
            level, root = CHATTY, f"'{shown}/'"
        return LateActivity(self.progress, level, f"hashing {root}" if self.store is None else f"copying {root} to the store")

    def git_progress(self) -> list[str]:
        return ["--progress"] if sys.stderr.isatty() else ["--quiet"]

    def wait_for(self, process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
        """Waits for a program, and returns (exit code, output); ends the program if the user interrupts us."""
        import subprocess

        try:
            while True:
                try:
                    output, _ = process.communicate(timeout=_POLL_S)
                except subprocess.TimeoutExpired:
                    self.check_cancelled()
                else:
                    return process.returncode, output or b""
        except BaseException:
            process.terminate()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise


def shown_root(input: Input, asked: Input) -> str:
    """How messages name the root of a tree: by the repository on this machine whose working tree it is, otherwise by the input; "" for a folder.

    *input*: the input with the facts learnt; *asked*: the requested input.  C++ Nix finds what a lock file determines in its store, and names it as the lock file does.
    """
    if asked.is_final and asked.nar_hash is not None:
        return f"«{(asked.with_attrs(shallow=True) if asked.type == 'git' else asked).to_url()}»"
    if input.type == "path":
        return ""
    folder = local_repository(input) if asked.ref is None and asked.rev is None else None
    return folder or f"«{input.with_attrs(narHash=None)}»"


def local_repository(input: Input) -> str | None:
    """The folder of a Git repository on this machine; None for any other input."""
    url = str(input.attrs.get("url", ""))
    return parse_address(url).file_path if input.type == "git" and url.startswith("file:///") else None


def _said(error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"path '{os.fsdecode(error.filename)}' does not exist"
    if not error.strerror or error.filename is None:
        return str(error)
    name = os.fsdecode(error.filename)
    try:
        is_folder = stat.S_ISDIR(os.lstat(name).st_mode)
    except OSError:
        return f'getting status of "{name}": {error.strerror}'
    return f'cannot read directory "{name}": {error.strerror}' if is_folder else f"opening file '{name}': {error.strerror}"
