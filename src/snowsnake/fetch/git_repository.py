"""Reads a Git repository: commits, references, settings, attributes.  The cache keeps some of these facts by hash.

In: a repository (pygit2).  Out: facts; FetchFailure in C++ Nix's words.
"""

from __future__ import annotations

import os

from snowsnake.fetch import libgit
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.git_plain import PlainRepository
from snowsnake.fetch.git_tree import COMMIT, FOLDER, blob_data
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import boolean_of, public_keys
from snowsnake.foundation.log_numbers import CHATTY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    import pygit2
    from pygit2 import Oid

    Repository: TypeAlias = "pygit2.Repository | LazyRepository"

    from snowsnake.fetch.fetcher import Fetcher


def git_error(doing: str, error: Exception) -> FetchFailure:
    """libgit2's error, as C++ Nix shows it."""
    from pygit2.ffi import C, ffi

    last = C.git_error_last()
    if last == ffi.NULL or last.message == ffi.NULL:
        return FetchFailure(f"{doing}: {error}")
    message = os.fsdecode(ffi.string(last.message))
    return FetchFailure(f"{doing}: {message} (libgit2 error code = {last.klass})")


def open_repository(path: str) -> pygit2.Repository:
    """Opens the repository in a folder; raises FetchFailure."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise FetchFailure(f'Git repository "{path}" does not exist.') from None
    except OSError as error:
        raise FetchFailure(f'getting status of "{path}": {error.strerror}') from None
    try:
        opened: pygit2.Repository = libgit.Repository(path, libgit.enums.RepositoryOpenFlag.NO_SEARCH)
        return opened
    except libgit.GitError as error:
        raise git_error(f'opening Git repository "{path}"', error) from None


class LazyRepository:
    """A repository that libgit2 opens when its plain files do not answer a question."""

    def __init__(self, folder: str, plain: PlainRepository) -> None:
        self.plain = plain
        self.path = plain.path
        self._folder = folder
        self._opened: pygit2.Repository | None = None

    def _open(self) -> pygit2.Repository:
        if self._opened is None:
            self._opened = open_repository(self._folder)
        return self._opened

    def __getattr__(self, name: str) -> Any:
        return getattr(self._open(), name)

    def __getitem__(self, key: Any) -> Any:
        return self._open()[key]

    def __contains__(self, key: str) -> bool:
        return key in self._open()


def commit_of(repository: Repository, rev: str) -> Any:
    try:
        return repository[rev].peel(libgit.Commit)
    except (KeyError, ValueError, libgit.GitError) as error:
        raise git_error(f"getting Git object '{rev}'", error) from None


def resolve_ref(repository: Repository, ref: str) -> str:
    try:
        return str(repository.revparse_single(ref + "^{commit}").id)
    except (KeyError, ValueError, libgit.GitError) as error:
        raise git_error(f"resolving Git reference '{ref}'", error) from None


def head_ref(repository: Repository) -> str | None:
    """The branch that HEAD points to; None if HEAD is a commit."""
    if isinstance(repository, LazyRepository):
        return repository.plain.branch
    try:
        target = repository.lookup_reference("HEAD").raw_target
    except (KeyError, ValueError, libgit.GitError) as error:
        raise FetchFailure(f"looking up HEAD: {error}") from None
    return os.fsdecode(target) if isinstance(target, bytes) else None


def is_shallow(repository: Repository) -> bool:
    """Whether a part of the history is missing."""
    return bool(repository.is_shallow)


def tree_id_of(repository: Repository, rev: str) -> Oid:
    """The hash of the tree of a commit, tag or tree; of a blob, its own."""
    try:
        found = repository[rev]
        tree_id: Oid = found.id if isinstance(found, libgit.Blob) else found.peel(libgit.Tree).id
        return tree_id
    except (KeyError, ValueError, libgit.GitError) as error:
        raise git_error(f"getting Git object '{rev}'", error) from None


def tree_of_commit(repository: Repository, rev: str, fetcher: Fetcher) -> str:
    """The hash of a commit's tree, which the cache keeps."""
    known = fetcher.cache.fact("gitTree", rev)
    if known is not None:
        return str(known["tree"])
    found = str(tree_id_of(repository, rev))
    fetcher.cache.note("gitTree", rev, {"tree": found})
    return found


def ignores_something(repository: Repository, tree_id: Oid | str, fetcher: Fetcher) -> bool:
    """Whether `export-ignore` occurs in an attribute file that counts."""
    if b"export-ignore" in local_attributes(repository):
        return True
    return b"export-ignore" in attribute_files(repository, tree_id, fetcher)


def local_attributes(repository: Repository) -> bytes:
    """The attribute files outside the tree: the repository's own and the user's."""
    places = [os.path.join(repository.path, "info", "attributes")]
    common = os.path.join(repository.path, "commondir")
    if os.path.exists(common):
        with open(common, encoding="utf-8") as file:
            places.append(os.path.join(repository.path, file.read().strip(), "info", "attributes"))
    configured = setting_of(repository, "core.attributesfile")
    config_home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    places.append(os.path.expanduser(configured) if configured else os.path.join(config_home, "git", "attributes"))
    found = b""
    for place in places:
        try:
            with open(place, "rb") as file:
                found += file.read() + b"\n"
        except OSError:
            continue
    return found


def setting_of(repository: Repository, name: str) -> str:
    """A setting; *name* is in lower case."""
    if isinstance(repository, LazyRepository):
        return repository.plain.settings.get(name, "")
    try:
        return str(repository.config[name])
    except KeyError:
        return ""


def attribute_files(repository: Repository, tree_id: Oid | str, fetcher: Fetcher) -> bytes:
    """The contents of all `.gitattributes` of a tree, one after the other; the cache keeps them by the tree's hash."""
    return _special_entries(repository, tree_id, fetcher)["attributes"].encode("utf-8", "surrogateescape")


def modules_of(repository: Repository, tree_id: Oid | str, fetcher: Fetcher) -> list[bytes]:
    """The paths of a tree's submodules; the cache keeps them by the tree's hash."""
    return [os.fsencode(path) for path in _special_entries(repository, tree_id, fetcher)["modules"].split("\0") if path]


def _special_entries(repository: Repository, tree_id: Oid | str, fetcher: Fetcher) -> dict[str, str]:
    known = fetcher.cache.fact("gitSpecialEntries", str(tree_id))
    if known is not None:
        return known
    attributes, modules = [], []
    waiting = [(b"", tree_id)]
    while waiting:
        fetcher.check_cancelled()
        folder, at = waiting.pop()
        tree = repository[at]
        if not isinstance(tree, libgit.Tree):
            continue
        for entry in tree:
            if entry.filemode == FOLDER:
                waiting.append((folder + (entry.raw_name or b"") + b"/", entry.id))
            elif entry.filemode == COMMIT:
                modules.append(folder + (entry.raw_name or b""))
            elif entry.raw_name == b".gitattributes":
                attributes.append(blob_data(repository, entry.id))
    found = {"attributes": b"\n".join(attributes).decode("utf-8", "surrogateescape"), "modules": os.fsdecode(b"\0".join(modules))}
    fetcher.cache.note("gitSpecialEntries", str(tree_id), dict(found))
    return found


def last_modified(repository: Repository, rev: str, fetcher: Fetcher) -> int:
    known = fetcher.cache.fact("gitLastModified", rev)
    if known is not None:
        return int(known["lastModified"])
    found = int(commit_of(repository, rev).commit_time)
    fetcher.cache.note("gitLastModified", rev, {"lastModified": found})
    return found


def rev_count(repository: Repository, rev: str, where: str, fetcher: Fetcher) -> int:
    """The number of a commit's ancestors, including the commit itself.  *where*: the repository, for messages."""
    known = fetcher.cache.fact("gitRevCount", rev)
    if known is not None:
        return int(known["revCount"])
    commit = commit_of(repository, rev)
    with fetcher.activity(CHATTY, f"getting Git revision count of '{where}'"):
        seen = {commit.id}
        waiting = [commit.id]
        while waiting:
            if len(seen) % 1024 == 0:
                fetcher.check_cancelled()
            at = waiting.pop()
            try:
                parents = commit_of(repository, str(at)).parent_ids
            except (KeyError, libgit.GitError) as error:
                raise git_error(f"getting Git object '{at}'", error) from None
            for parent in parents:
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
    fetcher.cache.note("gitRevCount", rev, {"revCount": len(seen)})
    return len(seen)


def parse_modules(text: bytes) -> list[tuple[bytes, str, str]]:
    """(path, URL, branch) of the submodules that a `.gitmodules` names; a missing URL or branch is ""."""
    import tempfile

    with tempfile.NamedTemporaryFile(prefix="snowsnake-git-submodules") as file:
        file.write(text)
        file.flush()
        try:
            config = libgit.Config(file.name)
            values = [(entry.name, entry.value or "") for entry in config]
        except libgit.GitError as error:
            raise git_error("parsing .gitmodules file", error) from None
    entries: dict[str, str] = {}
    for name, value in values:
        if name.startswith("submodule.") and name.removeprefix("submodule.").endswith((".path", ".url", ".branch")):
            entries.setdefault(name, value)
    found = []
    for name in sorted(entries):
        if name.endswith(".path"):
            start = name[: -len("path")]
            path = os.path.normpath("/" + entries[name]).lstrip("/")
            found.append((os.fsencode(path), entries.get(start + "url", ""), entries.get(start + "branch", "")))
    return found


def verify_commit(input: Input, folder: str | None) -> None:
    """Checks the signature of the commit, if the input asks for that; raises FetchFailure if there is no good one."""
    keys = public_keys(input.attrs)
    if not boolean_of(input.attrs, "verifyCommit") and ("verifyCommit" in input.attrs or not keys):
        return
    if input.rev is None or folder is None:
        raise FetchFailure(f"commit verification is required for Git repository '{input.to_url()}', but it's dirty")
    from snowsnake.fetch.git_signatures import verify

    verify(folder, input.rev, keys)
