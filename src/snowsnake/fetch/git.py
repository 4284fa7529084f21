"""The scheme `git`: commits of local and remote repositories, and working trees as they are.

In: an input.  Out: its tree, read from the objects or from the working tree, and facts about the commit.
libgit2 reads repositories; the user's own `git` fetches from servers, so that the user's keys, credentials and configuration apply.
"""

from __future__ import annotations

import os

from snowsnake.fetch import libgit
from snowsnake.fetch.addresses import Address, parse_address
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.fetched import Fetched
from snowsnake.fetch.git_repository import (
    head_ref,
    ignores_something,
    is_shallow,
    last_modified,
    open_repository,
    parse_modules,
    resolve_ref,
    rev_count,
    tree_id_of,
    verify_commit,
)
from snowsnake.fetch.git_tree import GitTree, WithoutIgnored
from snowsnake.fetch.git_working_tree import fetch_working_tree, working_tree
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import LISTED_REF, revision_of, string_of
from snowsnake.fetch.trees import FileTree, MountedTree
from snowsnake.foundation.log_numbers import FETCH_TREE, TALKATIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher
    from snowsnake.fetch.git_repository import Repository


# ---- where it is ------------------------------------------------------------------------------------------------


class Location:
    """Where a repository is: in the folder `path` of this machine, where it is read in place, or behind the URL `address`.

    `checked`: its place on this machine without links, if a policy allows only that.
    """

    def __init__(self, path: str | None, address: Address | None, checked: str | None = None) -> None:
        self.path = path
        self.address = address
        self.checked = checked

    @property
    def text(self) -> str:
        return self.path if self.path is not None else self.address.to_text()      # type: ignore[union-attr]


def location_of(input: Input, fetcher: Fetcher) -> Location:
    """Where the repository of a `git` input is."""
    revision = revision_of(input.attrs)
    if revision is not None and revision.algorithm not in ("sha1", "sha256"):
        raise FetchFailure(
            f"Hash '{revision.algorithm}:{revision.base16}' is not supported by Git. Supported types are sha1 and sha256."
        )
    address = parse_address(string_of(input.attrs, "url"))
    checked = None
    if address.scheme == "file":
        checked = fetcher.allowed_places.real(address.file_path)
        if checked is not None:
            address.parts = checked.split("/")
        path = address.file_path
        is_bare = os.path.exists(path) and not os.path.exists(os.path.join(path, ".git"))
        if not is_bare and os.environ.get("_NIX_FORCE_HTTP") != "1":
            if not path.startswith("/"):
                fetcher.warn(
                    f"Fetching Git repository '{address.to_text()}', which uses a path relative to the current directory. "
                    "This is not supported and will stop working in a future release. "
                    "See https://github.com/NixOS/nix/issues/12281 for details."
                )
            return Location(os.path.join(fetcher.working_directory, path), None, checked)
        # Git would take the query as a part of the file's name.
        address.query = {}
    # Old lock files have `dir` here.
    address.query.pop("dir", None)
    return Location(None, address, checked)


# ---- the scheme -------------------------------------------------------------------------------------------------


def fetch_git(input: Input, fetcher: Fetcher) -> Fetched:
    """Fetches an input of the scheme `git`."""
    location = location_of(input, fetcher)
    return fetcher.allowed_places.read(location.checked, lambda: _fetch_from(location, input, fetcher))


def _fetch_from(location: Location, input: Input, fetcher: Fetcher) -> Fetched:
    status = None
    if location.path is not None and input.ref is None and input.rev is None:
        status = fetcher.working_trees[str(location.path)] = working_tree(location.path, fetcher)
    if input.flag("exportIgnore") and input.flag("submodules"):
        raise FetchFailure("exportIgnore and submodules are not supported together yet")
    if status is None:
        return _fetch_commit(input, location, fetcher)
    return fetch_working_tree(input, str(location.path), status, fetcher, checked=location.checked)


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
        raise FetchFailure(
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
            part = fetcher.input_from_attrs(attrs)
            fetcher.check_part(part, location.checked or location.path)
            mounts[path] = fetcher.open(part).tree
        if mounts:
            tree, memo = MountedTree(tree, mounts), f"git-modules:{rev}:{input.flag('lfs')}"
    return Fetched(tree, result, memo)


def commit_tree(repository: Repository, rev: str, input: Input, fetcher: Fetcher) -> tuple[FileTree, str]:
    """A commit's tree, and the name of its contents ("" if nothing names them)."""
    tree_id = tree_id_of(repository, rev)
    smudges = None
    if input.flag("lfs"):
        from snowsnake.fetch.git_lfs import Smudge

        smudges = Smudge(repository, rev, fetcher)
    tree: FileTree = GitTree(repository, tree_id, smudges)
    memo = f"git:{tree_id}" + (":lfs" if smudges is not None else "")
    if input.flag("exportIgnore") and ignores_something(repository, tree_id, fetcher):
        tree = WithoutIgnored(tree, repository, rev)
        memo = ""
    return tree, memo


# ---- transfer ---------------------------------------------------------------------------------------------------


def run_git(arguments: list[str], fetcher: Fetcher, shows_errors: bool = True) -> tuple[int, bytes]:
    """(exit code, output) of the user's git, which may ask for a password."""
    import subprocess

    command = ["git", *arguments]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=None if shows_errors else subprocess.DEVNULL)
    except OSError as error:
        raise FetchFailure(f"executing 'git': {error.strerror}") from None
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
        match = LISTED_REF.fullmatch(os.fsdecode(output.partition(b"\n")[0])) if code == 0 else None
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
    """(our copy of the repository, the commit), fetched if it is missing or not fresh."""
    from snowsnake.store.hash import Hash

    url = location.text
    name = Hash.of_bytes(os.fsencode(url)).nix32
    if shallow:
        whole = fetcher.cache.repository("gitv3", name)
        if rev is not None and os.path.exists(whole) and rev in open_repository(whole):
            # Our copy with the history has the commit: what was locked with it is not fetched again.
            return whole, rev
        name += "-shallow"
    folder = fetcher.cache.repository("gitv3", name)
    with fetcher.cache.locked(f"git-{name}"):
        repository = _our_copy(folder, url, fetcher)
        full_ref = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        known = fetcher.cache.fact("gitRef", f"{name} {full_ref}")
        if rev is not None:
            is_needed = rev not in repository
        else:
            # Like C++ Nix, we fetch `HEAD` each time: only branches and tags are remembered, and only while each has its own file.
            is_known = known is not None and fetcher.is_fresh(known) and _has_ref(repository, ref)
            is_known = is_known and (fetcher.is_offline or os.path.exists(os.path.join(folder, full_ref)))
            is_needed = input.flag("allRefs") or not is_known or (ref == "HEAD" and not fetcher.is_offline)
        if is_needed:
            _fetch_into(folder, input, url, ref, full_ref, rev, shallow, os.path.exists(os.path.join(folder, full_ref)), fetcher)
            repository = open_repository(folder)
            if rev is None:
                fetcher.cache.note("gitRef", f"{name} {full_ref}", {})
            if input.ref is None:
                fetcher.cache.note("gitHead", f"{url} {shallow}", {"ref": ref})
        if rev is None:
            return folder, resolve_ref(repository, ref)
        if rev not in repository:
            raise FetchFailure(
                f"Cannot find Git revision '{rev}' in ref '{ref}' of repository '{url}'! Please make sure that the rev exists on the ref "
                "you've specified or add allRefs = true; to fetchGit."
            )
        return folder, rev


def _has_ref(repository: Repository, ref: str) -> bool:
    try:
        repository.revparse_single(ref + "^{commit}")
    except (KeyError, ValueError, libgit.GitError):
        return False
    return True


def _our_copy(folder: str, url: str, fetcher: Fetcher) -> Repository:
    if not os.path.exists(folder):
        new = fetcher.cache.new_path()
        try:
            repository = libgit.init_repository(new, bare=True)
            # Relative URLs of submodules start from this remote.
            repository.remotes.create("origin", url)
            os.rename(new, folder)
        except (OSError, ValueError, libgit.GitError) as error:
            raise FetchFailure(f'creating Git repository "{folder}": {error}') from None
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
        error = FetchFailure(f"Failed to fetch git repository '{url}': not asked for it, as told by --offline")
    else:
        with fetcher.activity(TALKATIVE, f"fetching Git repository '{url}'", FETCH_TREE):
            code, _ = run_git([*arguments, "--", url, wanted], fetcher)
        if code != 0:
            error = FetchFailure(f"Failed to fetch git repository '{url}'")
    if error is not None:
        if not may_fail:
            raise error
        fetcher.report(error)
        fetcher.warn(f"could not update local clone of Git repository '{url}'; continuing with the most recent version")


# ---- submodules -------------------------------------------------------------------------------------------------


def submodules_of(tree: FileTree) -> list[tuple[bytes, str, str]]:
    """(path, URL, branch) of each submodule in a tree's `.gitmodules`."""
    if tree.kind(b".gitmodules") not in ("regular", "executable"):
        return []
    return parse_modules(tree.read(b".gitmodules"))


def resolved_submodule(repository: Repository, url: str) -> str:
    """A submodule's URL; a relative one starts from the URL of the repository."""
    if not url.startswith(("./", "../")):
        if ":" not in url and not url.startswith("/"):
            raise FetchFailure(f"resolving Git submodule URL '{url}'")
        return url
    declared = url
    base = ""
    names = [remote.name for remote in repository.remotes]
    if names:
        base = str(repository.remotes["origin" if "origin" in names else str(names[0])].url)
    base = (base or (repository.workdir or repository.path)).rstrip("/")
    while True:
        if url.startswith("./"):
            url = url[2:]
        elif url.startswith("../"):
            url = url[3:]
            cut = max(base.rfind("/"), base.rfind(":"))
            if cut < 0:
                raise FetchFailure(f"resolving Git submodule URL '{declared}'")
            base, mark = base[:cut], base[cut]
            if mark == ":":
                return f"{base}:{url}"
        else:
            return f"{base}/{url}"
