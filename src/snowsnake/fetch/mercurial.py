"""The scheme `hg`: revisions of Mercurial repositories, and working trees with changes.

In: an input.  Out: its tree with `rev`, `ref` (the branch) and `revCount`.  The user's own `hg` does the work, with plain output.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from snowsnake.fetch.addresses import parse_address
from snowsnake.fetch.errors import OFFLINE, FetchFailure, ForbiddenAccess
from snowsnake.fetch.fetched import Fetched
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import joined_path, revision_of, string_of
from snowsnake.fetch.trees import DiskTree, PartOfDisk
from snowsnake.foundation.log_numbers import FETCH_TREE, TALKATIVE
from snowsnake.foundation.program_ends import failed_text
from snowsnake.store import nar
from snowsnake.store.hash import Hash

if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher

_INFO = re.compile(rb"([0-9a-f]{40}) ([0-9]+) (.*)", re.DOTALL)


def run_hg(arguments: list[str], fetcher: Fetcher) -> tuple[int, bytes]:
    """Runs the user's hg, and returns (exit code, output).  With HGPLAIN, the user's configuration does not change the output."""
    try:
        process = subprocess.Popen(["hg", *arguments], stdout=subprocess.PIPE, env={**os.environ, "HGPLAIN": ""})
    except OSError as error:
        raise FetchFailure(f"executing 'hg': {error.strerror}") from None
    return fetcher.wait_for(process)


def hg(arguments: list[str], fetcher: Fetcher) -> bytes:
    """Runs the user's hg, and returns its output; raises FetchFailure if it fails."""
    code, output = run_hg(arguments, fetcher)
    if code != 0:
        raise FetchFailure(f"hg {failed_text(code)}")
    return output


def fetch_mercurial(input: Input, fetcher: Fetcher) -> Fetched:
    """Fetches an input of the scheme `hg`."""
    address = parse_address(string_of(input.attrs, "url"))
    path = joined_path(address) if address.scheme == "file" else None
    checked = None if path is None else fetcher.allowed_places.real(path)
    if path is None:
        return _fetch(input, address.to_text(), None, False, fetcher)
    place = checked or path
    return fetcher.allowed_places.read(checked, lambda: _fetch(input, place, place, checked is not None, fetcher))


def _fetch(input: Input, url: str, path: str | None, is_exact: bool, fetcher: Fetcher) -> Fetched:
    """Fetches a repository.  *path*: its folder, if it is on this machine; *is_exact*: no link may be on the way to it."""
    asked = revision_of(input.attrs)
    if asked is not None and asked.algorithm != "sha1":
        raise FetchFailure(
            f"Hash '{asked.algorithm}:{asked.base16}' is not supported by Mercurial. Only sha1 is supported."
        )
    if path is not None and input.ref is None and asked is None and os.path.exists(os.path.join(path, ".hg")):
        changed = hg(["status", "-R", path, "--modified", "--added", "--removed"], fetcher)
        if changed:
            return _working_tree(input, path, is_exact, fetcher)
    ref = input.ref or "default"
    rev = None if asked is None else str(asked.base16)
    key = f"{url} {ref}"
    known = fetcher.cache.fact("hgRef", key)
    if rev is None and known is not None and fetcher.is_fresh(known):
        rev = str(known["rev"])
    if rev is not None:
        found = _cached(rev, url, input, ref, fetcher)
        if found is not None:
            return found
    folder = fetcher.cache.repository("hg", Hash.of_bytes(os.fsencode(url)).nix32)
    with fetcher.cache.locked(f"hg-{os.path.basename(folder)}"):
        _pull(folder, url, rev, fetcher)
    match = _INFO.fullmatch(hg(["log", "-R", folder, "-r", rev or ref, "--template", "{node} {rev} {branch}"], fetcher))
    if match is None:
        raise FetchFailure(f"hg does not say which revision '{rev or ref}' of '{url}' is")
    revision, count, branch = match[1].decode(), int(match[2]), os.fsdecode(match[3])
    if asked is None:
        fetcher.cache.note("hgRef", key, {"rev": revision})
    result = _cached(revision, url, input, branch, fetcher)
    if result is not None:
        return result
    new = fetcher.cache.new_path()
    try:
        hg(["archive", "-R", folder, "-r", revision, new], fetcher)
        os.unlink(os.path.join(new, ".hg_archival.txt"))
        digest, size = nar.path_digest("sha256", new)
        tree = Hash("sha256", digest)
        kept = fetcher.cache.add_tree(new, tree.nix32, size)
    finally:
        fetcher.cache.discard(new)
    fetcher.cache.note("hgRev", f"{url} {revision}", {"narHash": tree.sri, "revCount": count, "branch": branch})
    return Fetched(DiskTree(kept), input.with_attrs(rev=revision, ref=branch, revCount=count), f"nar:{tree.sri}")


def _cached(rev: str, url: str, input: Input, ref: str, fetcher: Fetcher) -> Fetched | None:
    known = fetcher.cache.fact("hgRev", f"{url} {rev}")
    kept = None if known is None else fetcher.cache.tree_of(known)
    if known is None or kept is None:
        return None
    return Fetched(DiskTree(kept), input.with_attrs(rev=rev, ref=ref, revCount=int(known["revCount"])), f"nar:{known['narHash']}")


def _pull(folder: str, url: str, rev: str | None, fetcher: Fetcher) -> None:
    """Brings our copy of the repository up to date, unless it has the revision already."""
    is_there = os.path.exists(folder)
    if is_there and rev is not None and run_hg(["log", "-R", folder, "-r", rev, "--template", "1"], fetcher)[1] == b"1":
        return
    if fetcher.is_offline and "://" in url:
        raise FetchFailure(f"cannot fetch Mercurial repository '{url}': {OFFLINE}")
    with fetcher.activity(TALKATIVE, f"fetching Mercurial repository '{url}'", FETCH_TREE):
        if not is_there:
            new = fetcher.cache.new_path()
            try:
                hg(["clone", "--noupdate", "--", url, new], fetcher)
                os.rename(new, folder)
            finally:
                fetcher.cache.discard(new)
            return
        pull = ["pull", "-R", folder, "--", url]
        code, _ = run_hg(pull, fetcher)
        if code != 0 and os.path.exists(os.path.join(folder, ".hg/store/journal")):
            # An earlier process was killed while it changed the repository.
            hg(["recover", "-R", folder], fetcher)
            code, _ = run_hg(pull, fetcher)
        if code != 0:
            raise FetchFailure(f"'hg pull' {failed_text(code)}")


def _working_tree(input: Input, path: str, is_exact: bool, fetcher: Fetcher) -> Fetched:
    if not fetcher.settings["allow-dirty"]:
        raise ForbiddenAccess(f"Mercurial tree '\"{path}\"' is unclean")
    if fetcher.settings["warn-dirty"]:
        fetcher.warn(f"Mercurial tree '\"{path}\"' is unclean")
    branch = os.fsdecode(hg(["branch", "-R", path], fetcher).rstrip(b"\n"))
    listed = hg(
        ["status", "-R", path, "--clean", "--modified", "--added", "--no-status", "--print0"], fetcher
    )
    files = [name for name in listed.split(b"\0") if name]
    root = path if is_exact else os.path.realpath(path)
    return Fetched(PartOfDisk(root, lambda: files, is_exact=is_exact), input.with_attrs(ref=branch))
