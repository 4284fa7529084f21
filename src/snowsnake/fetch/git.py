"""The scheme `git`: commits of repositories, near and far, and working trees as they are.

In: an input.  Out: its tree, read from the objects or from the working tree, and what is known of the commit.
libgit2 reads; the user's own `git` transfers, so that his keys, credentials and configuration count.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pygit2
from pygit2.enums import RepositoryOpenFlag
from pygit2.ffi import C, ffi

from snowsnake.fetch.addresses import Address, parse_address
from snowsnake.fetch.errors import FetchError, ForbiddenAccess
from snowsnake.fetch.fetcher import Fetched
from snowsnake.fetch.git_tree import (
    BLOB,
    COMMIT,
    EXECUTABLE,
    FOLDER,
    LINK,
    GitTree,
    WithoutIgnored,
    hash_with_changes,
    object_hash,
)
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import boolean_of, public_keys, revision_of, string_of
from snowsnake.fetch.trees import MountedTree, PartOfDisk, Tree

if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher

_NO_REVISION = "0" * 40
_LS_REMOTE = re.compile(r"(?:ref: *)?(\S+)(?:\t+(.*))?")


@dataclass
class WorkingTree:
    """What of a working tree is Git's, and whether it differs from the commit."""

    head: str | None
    index: Any
    changed: list[bytes] = field(default_factory=list)
    deleted: list[bytes] = field(default_factory=list)
    submodules: list[tuple[bytes, str, str]] = field(default_factory=list)     # path, address, branch
    is_dirty: bool = False

    def files(self) -> set[bytes]:
        """All files that are Git's and there; of many files this takes a while."""
        tracked = {os.fsencode(entry.path) for entry in self.index if entry.mode != COMMIT}
        return tracked.difference(self.deleted).union(self.changed)


def git_error(doing: str, error: Exception) -> FetchError:
    """libgit2's error, as C++ Nix shows it."""
    last = C.git_error_last()
    if last == ffi.NULL or last.message == ffi.NULL:
        return FetchError(f"{doing}: {error}")
    message = os.fsdecode(ffi.string(last.message))
    return FetchError(f"{doing}: {message} (libgit2 error code = {last.klass})")


def open_repository(path: str) -> Any:
    if not os.path.exists(path):
        raise FetchError(f'Git repository "{path}" does not exist.')
    try:
        return pygit2.Repository(path, RepositoryOpenFlag.NO_SEARCH)
    except pygit2.GitError as error:
        raise git_error(f'opening Git repository "{path}"', error) from None


def commit_of(repository: Any, rev: str) -> Any:
    try:
        return repository[rev].peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise git_error(f"getting Git object '{rev}'", error) from None


def resolve_ref(repository: Any, ref: str) -> str:
    try:
        return str(repository.revparse_single(ref + "^{commit}").id)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise git_error(f"resolving Git reference '{ref}'", error) from None


def head_ref(repository: Any) -> str | None:
    """What HEAD points to; None if that is a commit and no branch."""
    try:
        target = repository.lookup_reference("HEAD").raw_target
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise FetchError(f"looking up HEAD: {error}") from None
    return os.fsdecode(target) if isinstance(target, bytes) else None


def is_shallow(repository: Any) -> bool:
    return bool(repository.is_shallow)


# ---- where it is ------------------------------------------------------------------------------------------------


@dataclass
class Location:
    """A repository: the folder of one on this machine that is read where it lies, or an address that is fetched from."""

    path: str | None
    address: Address | None

    @property
    def text(self) -> str:
        return self.path if self.path is not None else self.address.to_text()      # type: ignore[union-attr]


def location_of(input: Input, fetcher: Fetcher) -> Location:
    revision = revision_of(input.attrs)
    if revision is not None and revision.algorithm not in ("sha1", "sha256"):
        raise FetchError(
            f"Hash '{revision.algorithm}:{revision.base16}' is not supported by Git. Supported types are sha1 and sha256."
        )
    address = parse_address(string_of(input.attrs, "url"))
    if address.scheme == "file":
        path = address.file_path
        is_bare = os.path.exists(path) and not os.path.exists(os.path.join(path, ".git"))
        if not is_bare and os.environ.get("_NIX_FORCE_HTTP") != "1":
            if not path.startswith("/"):
                fetcher.warn(
                    f"Fetching Git repository '{address.to_text()}', which uses a path relative to the current directory. "
                    "This is not supported and will stop working in a future release. "
                    "See https://github.com/NixOS/nix/issues/12281 for details."
                )
            return Location(os.path.join(fetcher.working_directory, path), None)
        address.query = {}                     # git takes it as a part of the file's name
    address.query.pop("dir", None)             # old lock files have it here
    return Location(None, address)


# ---- the scheme -------------------------------------------------------------------------------------------------


def fetch_git(input: Input, fetcher: Fetcher) -> Fetched:
    location = location_of(input, fetcher)
    status = None
    if location.path is not None and input.ref is None and input.rev is None:
        status = working_tree(location.path)
    if input.flag("exportIgnore") and input.flag("submodules"):
        raise FetchError("exportIgnore and submodules are not supported together yet")
    if status is None:
        return _fetch_commit(input, location, fetcher)
    return _fetch_working_tree(input, str(location.path), status, fetcher)


def _fetch_commit(input: Input, location: Location, fetcher: Fetcher) -> Fetched:
    shallow = input.flag("shallow")
    ref = input.ref or _default_ref(location, shallow, fetcher)
    rev = input.rev
    if location.path is not None:
        folder = location.path
        if rev is None:
            rev = resolve_ref(open_repository(folder), ref)
    else:
        folder, rev = _transfer(input, location, ref, rev, shallow, fetcher)
    repository = open_repository(folder)
    if is_shallow(repository) and not shallow:
        raise FetchError(
            f"'{location.text}' is a shallow Git repository, but shallow repositories are only allowed when `shallow = true;` is specified"
        )
    result = input.with_attrs(ref=ref, rev=rev, lastModified=last_modified(repository, rev, fetcher))
    if not shallow:
        result = result.with_attrs(revCount=rev_count(repository, rev, location.text, fetcher))
    verify_commit(result, folder)
    tree, memo = commit_tree(repository, rev, input, fetcher)
    if input.flag("submodules"):
        mounts = {}
        for path, url, branch in submodules_of(tree):
            found = GitTree(repository, tree_id_of(repository, rev)).submodule(path)
            if found is None:
                continue
            attrs: dict[str, str | int | bool] = {
                "type": "git",
                "url": resolved_submodule(repository, url),
                "rev": found,
                "exportIgnore": input.flag("exportIgnore"),
                "submodules": True,
                "lfs": input.flag("lfs"),
                "allRefs": True,
            }
            if branch:
                attrs["ref"] = ref if branch == "." else branch
            mounts[path] = fetcher.open(fetcher.input_from_attrs(attrs)).tree
        if mounts:
            tree, memo = MountedTree(tree, mounts), f"git-modules:{rev}:{input.flag('lfs')}"
    return Fetched(tree, result, memo)


def tree_id_of(repository: Any, rev: str) -> Any:
    """The tree of a commit, tag or tree; or a blob."""
    try:
        found = repository[rev]
        return found.id if isinstance(found, pygit2.Blob) else found.peel(pygit2.Tree).id
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise git_error(f"getting Git object '{rev}'", error) from None


def commit_tree(repository: Any, rev: str, input: Input, fetcher: Fetcher) -> tuple[Tree, str]:
    """A commit's tree, and what names its contents."""
    tree_id = tree_id_of(repository, rev)
    smudges = None
    if input.flag("lfs"):
        from snowsnake.fetch.git_lfs import Smudge

        smudges = Smudge(repository, rev, fetcher)
    tree: Tree = GitTree(repository, tree_id, smudges)
    memo = f"git:{tree_id}" + (":lfs" if smudges is not None else "")
    if input.flag("exportIgnore") and ignores_something(repository, tree_id, fetcher):
        tree = WithoutIgnored(tree, repository, rev)
        memo = ""
    return tree, memo


def ignores_something(repository: Any, tree_id: Any, fetcher: Fetcher) -> bool:
    """Whether `export-ignore` is mentioned anywhere that counts; remembered by the tree's hash."""
    if b"export-ignore" in _local_attributes(repository):
        return True
    return b"export-ignore" in attribute_files(repository, tree_id, fetcher)


def _local_attributes(repository: Any) -> bytes:
    """The attribute files beside those in the tree: the repository's own and the user's."""
    places = [os.path.join(repository.path, "info", "attributes")]
    common = os.path.join(repository.path, "commondir")
    if os.path.exists(common):
        with open(common, encoding="utf-8") as file:
            places.append(os.path.join(repository.path, file.read().strip(), "info", "attributes"))
    configured = _setting(repository, "core.attributesfile")
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


def _setting(repository: Any, name: str) -> str:
    try:
        return str(repository.config[name])
    except KeyError:
        return ""


def attribute_files(repository: Any, tree_id: Any, fetcher: Fetcher) -> bytes:
    """All `.gitattributes` of a tree, one after the other; remembered by the tree's hash."""
    return _special_entries(repository, tree_id, fetcher)["attributes"].encode("utf-8", "surrogateescape")


def modules_of(repository: Any, tree_id: Any, fetcher: Fetcher) -> list[bytes]:
    """The paths of a tree's submodules; remembered by its hash."""
    return [os.fsencode(path) for path in _special_entries(repository, tree_id, fetcher)["modules"].split("\0") if path]


def _special_entries(repository: Any, tree_id: Any, fetcher: Fetcher) -> dict[str, str]:
    known = fetcher.cache.fact("gitSpecialEntries", str(tree_id))
    if known is not None:
        return known
    attributes, modules = [], []
    waiting = [(b"", tree_id)]
    while waiting:
        fetcher.check_cancelled()
        folder, at = waiting.pop()
        tree = repository[at]
        if not isinstance(tree, pygit2.Tree):
            continue
        for entry in tree:
            if entry.filemode == FOLDER:
                waiting.append((folder + (entry.raw_name or b"") + b"/", entry.id))
            elif entry.filemode == COMMIT:
                modules.append(folder + (entry.raw_name or b""))
            elif entry.raw_name == b".gitattributes":
                attributes.append(bytes(repository[entry.id].data))
    found = {"attributes": b"\n".join(attributes).decode("utf-8", "surrogateescape"), "modules": os.fsdecode(b"\0".join(modules))}
    fetcher.cache.note("gitSpecialEntries", str(tree_id), dict(found))
    return found


def last_modified(repository: Any, rev: str, fetcher: Fetcher) -> int:
    known = fetcher.cache.fact("gitLastModified", rev)
    if known is not None:
        return int(known["lastModified"])
    found = int(commit_of(repository, rev).commit_time)
    fetcher.cache.note("gitLastModified", rev, {"lastModified": found})
    return found


def rev_count(repository: Any, rev: str, where: str, fetcher: Fetcher) -> int:
    """The commits that lead to one, itself included."""
    known = fetcher.cache.fact("gitRevCount", rev)
    if known is not None:
        return int(known["revCount"])
    commit = commit_of(repository, rev)
    with fetcher.activity("chatty", f"getting Git revision count of '{where}'"):
        seen = {commit.id}
        waiting = [commit.id]
        while waiting:
            if len(seen) % 1024 == 0:
                fetcher.check_cancelled()
            at = waiting.pop()
            try:
                parents = repository[at].parent_ids
            except (KeyError, pygit2.GitError) as error:
                raise git_error(f"getting Git object '{at}'", error) from None
            for parent in parents:
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
    fetcher.cache.note("gitRevCount", rev, {"revCount": len(seen)})
    return len(seen)


# ---- transfer ---------------------------------------------------------------------------------------------------


def run_git(arguments: list[str], fetcher: Fetcher, shows_errors: bool = True) -> tuple[int, bytes]:
    """(exit code, output) of the user's git; it may ask him for a password."""
    command = ["git", *arguments]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=None if shows_errors else subprocess.DEVNULL)
    except OSError as error:
        raise FetchError(f"executing 'git': {error.strerror}") from None
    return fetcher.wait_for(process)


def _default_ref(location: Location, shallow: bool, fetcher: Fetcher) -> str:
    found = head_ref(open_repository(location.path)) if location.path is not None else _remote_head(location.text, shallow, fetcher)
    if found is None:
        fetcher.warn(f"could not read HEAD ref from repo at '{location.text}', using 'master'")
        return "master"
    return found


def _remote_head(url: str, shallow: bool, fetcher: Fetcher) -> str | None:
    key = f"{url} {shallow}"
    known = fetcher.cache.fact("gitHead", key)
    if known is not None and fetcher.is_fresh(known):
        return str(known["ref"])
    found = None
    if not fetcher.is_offline:
        code, output = run_git(["ls-remote", "--symref", "--", url], fetcher)
        match = _LS_REMOTE.fullmatch(os.fsdecode(output.partition(b"\n")[0])) if code == 0 else None
        if match is not None and match[2] == "HEAD":
            found = match[1]
    if found is not None:
        return found
    if known is not None:
        fetcher.warn(f"could not get HEAD ref for repository '{url}'; using expired cached ref '{known['ref']}'")
        return str(known["ref"])
    return None


def _transfer(
    input: Input, location: Location, ref: str, rev: str | None, shallow: bool, fetcher: Fetcher
) -> tuple[str, str]:
    """(our copy of the repository, the commit), fetched if it is not there, or not fresh."""
    from snowsnake.store.hash import Hash

    url = location.text
    name = Hash.of_bytes(os.fsencode(url)).nix32 + ("-shallow" if shallow else "")
    folder = fetcher.cache.place("git", name)
    with fetcher.cache.locked(f"git-{name}"):
        repository = _our_copy(folder, url, fetcher)
        full_ref = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        known = fetcher.cache.fact("gitRef", f"{name} {full_ref}")
        if rev is not None:
            is_needed = rev not in repository
        else:
            # C++ Nix asks each time for `HEAD`, too: it remembers branches and tags only
            is_known = known is not None and fetcher.is_fresh(known) and _has_ref(repository, ref)
            is_needed = input.flag("allRefs") or not is_known or (ref == "HEAD" and not fetcher.is_offline)
        if is_needed:
            _fetch_into(folder, input, url, ref, full_ref, rev, shallow, known is not None and rev is None, fetcher)
            repository = open_repository(folder)
            if rev is None:
                fetcher.cache.note("gitRef", f"{name} {full_ref}", {})
            if input.ref is None:
                fetcher.cache.note("gitHead", f"{url} {shallow}", {"ref": ref})
        if rev is None:
            return folder, resolve_ref(repository, ref)
        if rev not in repository:
            raise FetchError(
                f"Cannot find Git revision '{rev}' in ref '{ref}' of repository '{url}'! Please make sure that the rev exists on the ref "
                "you've specified or add allRefs = true; to fetchGit."
            )
        return folder, rev


def _has_ref(repository: Any, ref: str) -> bool:
    try:
        repository.revparse_single(ref + "^{commit}")
    except (KeyError, ValueError, pygit2.GitError):
        return False
    return True


def _our_copy(folder: str, url: str, fetcher: Fetcher) -> Any:
    if not os.path.exists(folder):
        new = fetcher.cache.new_path()
        try:
            repository = pygit2.init_repository(new, bare=True)
            repository.remotes.create("origin", url)       # where relative addresses of submodules begin
            os.rename(new, folder)
        except (OSError, ValueError, pygit2.GitError) as error:
            raise FetchError(f'creating Git repository "{folder}": {error}') from None
        finally:
            fetcher.cache.discard(new)
    return open_repository(folder)


def _fetch_into(
    folder: str,
    input: Input,
    url: str,
    ref: str,
    full_ref: str,
    rev: str | None,
    shallow: bool,
    may_fail: bool,
    fetcher: Fetcher,
) -> None:
    if input.flag("allRefs"):
        wanted = "refs/*:refs/*"
    elif rev is not None:
        wanted = rev
    elif ref == "HEAD":
        wanted = "HEAD:HEAD"
    else:
        wanted = f"{full_ref}:{full_ref}"
    arguments = ["-C", folder, "--git-dir", ".", "fetch", *fetcher.git_progress(), "--force"]
    if shallow:
        arguments += ["--depth", "1"]
    error = None
    if fetcher.is_offline:
        error = FetchError(f"Failed to fetch git repository '{url}': not asked for it, as told by --offline")
    else:
        with fetcher.activity("talkative", f"fetching Git repository '{url}'", "fetchTree"):
            code, _ = run_git([*arguments, "--", url, wanted], fetcher)
        if code != 0:
            error = FetchError(f"Failed to fetch git repository '{url}'")
    if error is not None:
        if not may_fail:
            raise error
        fetcher.report(error)
        fetcher.warn(f"could not update local clone of Git repository '{url}'; continuing with the most recent version")


def verify_commit(input: Input, folder: str | None) -> None:
    keys = public_keys(input.attrs)
    if not boolean_of(input.attrs, "verifyCommit") and ("verifyCommit" in input.attrs or not keys):
        return
    if input.rev is None or folder is None:
        raise FetchError(f"commit verification is required for Git repository '{input.to_url()}', but it's dirty")
    from snowsnake.fetch.git_signatures import verify

    verify(folder, input.rev, keys)


# ---- submodules -------------------------------------------------------------------------------------------------


def submodules_of(tree: Tree) -> list[tuple[bytes, str, str]]:
    """(path, address, branch) of each submodule that a tree's `.gitmodules` names."""
    if tree.kind(b".gitmodules") not in ("regular", "executable"):
        return []
    return parse_modules(tree.read(b".gitmodules"))


def parse_modules(text: bytes) -> list[tuple[bytes, str, str]]:
    import tempfile

    with tempfile.NamedTemporaryFile(prefix="snowsnake-git-submodules") as file:
        file.write(text)
        file.flush()
        try:
            config = pygit2.Config(file.name)
            values = [(entry.name, entry.value or "") for entry in config]
        except pygit2.GitError as error:
            raise git_error("parsing .gitmodules file", error) from None
    entries: dict[str, str] = {}
    for name, value in values:
        if re.fullmatch(r"submodule\..*\.(path|url|branch)", name, re.DOTALL):
            entries.setdefault(name, value)
    found = []
    for name in sorted(entries):
        if name.endswith(".path"):
            start = name[: -len("path")]
            path = os.path.normpath("/" + entries[name]).lstrip("/")
            found.append((os.fsencode(path), entries.get(start + "url", ""), entries.get(start + "branch", "")))
    return found


def resolved_submodule(repository: Any, url: str) -> str:
    """A submodule's address; a relative one begins where the repository came from."""
    if not url.startswith(("./", "../")):
        return url
    base = ""
    names = [remote.name for remote in repository.remotes]
    if names:
        base = str(repository.remotes["origin" if "origin" in names else names[0]].url)
    base = (base or (repository.workdir or repository.path)).rstrip("/")
    while True:
        if url.startswith("./"):
            url = url[2:]
        elif url.startswith("../"):
            url = url[3:]
            cut = max(base.rfind("/"), base.rfind(":"))
            if cut < 0:
                raise FetchError(f"resolving Git submodule URL '{url}'")
            base, mark = base[:cut], base[cut]
            if mark == ":":
                return f"{base}:{url}"
        else:
            return f"{base}/{url}"


# ---- working trees ----------------------------------------------------------------------------------------------

_DELETED = pygit2.enums.FileStatus.INDEX_DELETED | pygit2.enums.FileStatus.WT_DELETED


def working_tree(path: str) -> WorkingTree:
    """The state of a working tree, submodules left out."""
    repository = open_repository(path)
    try:
        head: str | None = str(repository.lookup_reference("HEAD").resolve().target)
    except KeyError:
        head = None                            # no commit yet
    except (ValueError, pygit2.GitError) as error:
        raise git_error("resolving HEAD", error) from None
    found = WorkingTree(head, repository.index)
    try:
        changes = repository.status(untracked_files="no")
    except pygit2.GitError as error:
        raise git_error("getting working directory status", error) from None
    for name, flags in changes.items():
        if flags == 0 or _is_module(repository, found, name):
            continue
        found.is_dirty = True
        (found.deleted if flags & _DELETED else found.changed).append(os.fsencode(name))
    modules_file = os.path.join(path, ".gitmodules")
    if os.path.exists(modules_file):
        with open(modules_file, "rb") as file:
            found.submodules = parse_modules(file.read())
    return found


def _is_module(repository: Any, status: WorkingTree, name: str) -> bool:
    """Whether a path is a submodule's, in the index or, if it is not there any more, in the commit."""
    if name in status.index:
        return bool(status.index[name].mode == COMMIT)
    return status.head is not None and GitTree(repository, tree_id_of(repository, status.head)).submodule(os.fsencode(name)) is not None


def _fetch_working_tree(input: Input, path: str, status: WorkingTree, fetcher: Fetcher) -> Fetched:
    repository = open_repository(path)
    with_modules = input.flag("submodules")
    modules = [module for module, _, _ in status.submodules] if with_modules else []
    tree: Tree = PartOfDisk(os.path.realpath(path), lambda: status.files().union(modules))
    memo = ""
    if input.flag("exportIgnore"):
        if _attributes_changed(status) or ignores_something(repository, tree_id_of(repository, str(status.head)), fetcher):
            tree = WithoutIgnored(tree, repository)
        else:
            memo = _memo(repository, status, path, fetcher)
    elif not with_modules:
        memo = _memo(repository, status, path, fetcher)
    if with_modules and status.submodules:
        mounts = {}
        for module, _, _ in status.submodules:
            found = fetcher.open(
                fetcher.input_from_attrs(
                    {
                        "type": "git",
                        "url": os.path.join(path, os.fsdecode(module)),
                        "exportIgnore": input.flag("exportIgnore"),
                        "submodules": True,
                    }
                )
            )
            if found.input.rev is None:
                status.is_dirty = True
            mounts[module] = found.tree
        tree = MountedTree(tree, mounts)
    result = input
    if not status.is_dirty:
        ref = head_ref(repository)
        if ref is not None:
            result = result.with_attrs(ref=ref)
        rev = status.head or _NO_REVISION
        result = result.with_attrs(rev=rev)
        if not input.flag("shallow"):
            result = result.with_attrs(revCount=0 if status.head is None else rev_count(repository, rev, path, fetcher))
        verify_commit(result, path)
    else:
        if not fetcher.settings["allow-dirty"]:
            raise ForbiddenAccess(f"Git tree '{path}' is dirty")
        if fetcher.settings["warn-dirty"]:
            fetcher.warn(f"Git tree '{path}' is dirty")
        if status.head is not None:
            result = result.with_attrs(dirtyRev=status.head + "-dirty", dirtyShortRev=status.head[:7] + "-dirty")
        verify_commit(result, None)
    modified = 0 if status.head is None else last_modified(repository, status.head, fetcher)
    return Fetched(tree, result.with_attrs(lastModified=modified), memo)


def _attributes_changed(status: WorkingTree) -> bool:
    """Whether the index may have other `.gitattributes` than the commit."""
    return status.head is None or any(os.path.basename(name) == b".gitattributes" for name in [*status.changed, *status.deleted])


_CONVERTS = re.compile(rb"\b(text|crlf|eol|ident|filter|working-tree-encoding)\b")


def _memo(repository: Any, status: WorkingTree, path: str, fetcher: Fetcher) -> str:
    """What names the files of a working tree: the hash that Git would give them as a tree.  Only what changed is read.

    Nothing, if Git would store them otherwise than they are on disk (line ends, filters), or does not look at all of them.
    """
    if status.head is None:
        return ""
    tree_id = tree_id_of(repository, status.head)
    for setting, usual in (("core.autocrlf", ("", "false")), ("core.filemode", ("", "true")), ("core.symlinks", ("", "true"))):
        if _setting(repository, setting) not in usual:
            return ""
    attributes = _local_attributes(repository) + attribute_files(repository, tree_id, fetcher)
    if _CONVERTS.search(attributes) or _attributes_changed(status):
        return ""
    if _skips_files(repository, fetcher):
        return ""
    base = GitTree(repository, tree_id)
    changes: list[tuple[bytes, tuple[int, bytes] | None]] = [(name, None) for name in status.deleted]
    for name in status.changed:
        place = os.fsencode(path) + b"/" + name
        if os.path.islink(place):
            changes.append((name, (LINK, object_hash(b"blob", os.readlink(place)))))
        elif os.path.isfile(place):
            with open(place, "rb") as file:
                digest = object_hash(b"blob", file.read())
            mode = EXECUTABLE if os.stat(place).st_mode & 0o100 else BLOB
            changes.append((name, (mode, digest)))
        else:
            return ""
    # A submodule is not among the files of a working tree, but among those of the commit.
    modules = [(name, None) for name in modules_of(repository, tree_id, fetcher)]
    return f"git:{hash_with_changes(base, [*changes, *modules])}"


def _skips_files(repository: Any, fetcher: Fetcher) -> bool:
    """Whether the index says of some file that Git shall not look at it; remembered as long as the index stays as it is."""
    place = os.path.join(repository.path, "index")
    try:
        status = os.stat(place)
        stamp = f"{place} {status.st_mtime_ns} {status.st_size} {status.st_ino}"
        known = fetcher.cache.fact("gitIndexSkips", stamp)
        if known is not None:
            return bool(known["skips"])
        with open(place, "rb") as file:
            skips = _index_skips(file.read())
    except (OSError, IndexError):
        return True
    fetcher.cache.note("gitIndexSkips", stamp, {"skips": skips})
    return skips


def _index_skips(data: bytes) -> bool:
    """Reads the index file itself (versions 2 and 3): libgit2's interface does not show these bits."""
    version, count = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    if data[:4] != b"DIRC" or version not in (2, 3):
        return True
    at = 12
    for _ in range(count):
        flags = data[at + 60] << 8 | data[at + 61]
        start = at + 62
        if flags & 0x8000:
            return True                        # assume-unchanged
        if flags & 0x4000:
            if data[start] & 0x40:
                return True                    # skip-worktree
            start += 2
        length = flags & 0xFFF
        if length == 0xFFF:
            length = data.index(b"\0", start) - start
        at += (start - at + length + 8) & ~7
    return b"link" == data[at : at + 4]        # a split index has entries elsewhere
