"""`fetchClosure`: store paths of a binary cache, with everything that they refer to.

In: the URL of a cache and a path.  Out: the trees of its closure, each checked: content-addressed ones against their path, others
against the signatures of trusted keys.  If another path is given, they are rewritten to content-addressed form.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from snowsnake.fetch.addresses import parse_address
from snowsnake.fetch.downloads import http_of
from snowsnake.fetch.errors import FetchFailure, MalformedInput
from snowsnake.fetch.http import TransferError
from snowsnake.fetch.trees import DiskTree, FileTree
from snowsnake.store.binary_cache.store import path_info
from snowsnake.store.content_check import check_archive
from snowsnake.store.decompress import decompressed
from snowsnake.store.graph import Cycle, closure, reachable, sort_topologically
from snowsnake.store.hash import Hash
from snowsnake.store.nar_reader import unpack
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.path import hash_part_of
from snowsnake.store.path_info import PathInfo, archive_mismatch
from snowsnake.store.rewriting import named_by_contents
from snowsnake.store.trust import PublicKeys, is_content_addressed

if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher

_MOST_PATHS = 100_000
_MOST_NAR_BYTES = 1 << 36


class BinaryCache:
    """The part of a binary cache that `fetchClosure` uses."""

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        address = parse_address(url)
        is_file = address.scheme == "file" and "_NIX_IN_TEST" in os.environ
        if address.scheme not in ("http", "https") and not is_file:
            raise MalformedInput("'fetchClosure' only supports http:// and https:// stores")
        if address.query:
            raise MalformedInput(f"'fetchClosure' does not support URL query parameters (in '{url}')")
        self.url = url.rstrip("/")
        self._folder = address.file_path if is_file else None
        self._fetcher = fetcher

    def _file(self, name: str) -> bytes | None:
        """None if there is no file of this name."""
        if self._folder is not None:
            try:
                with open(os.path.join(self._folder, name), "rb") as file:
                    return file.read()
            except FileNotFoundError:
                return None
        try:
            transfer = http_of(self._fetcher).download(f"{self.url}/{name}")
        except TransferError as error:
            if error.status in (404, 403):
                return None
            raise
        try:
            with open(transfer.path, "rb") as file:
                return file.read()
        finally:
            self._fetcher.cache.discard(transfer.path)

    def info(self, path: str) -> PathInfo:
        """What the cache says about a store path; raises FetchFailure if it does not have it."""
        text = self._file(f"{hash_part_of(path)}.narinfo")
        if text is None:
            raise FetchFailure(f"path '{path}' is not valid")
        try:
            found = path_info(NarInfo.parse(text.decode("utf-8", "surrogateescape"), self._fetcher.store_dir))
        except ValueError as error:
            raise FetchFailure(f"{error} (of '{path}' in '{self.url}')") from None
        if found.path != path:
            raise FetchFailure(f"the cache '{self.url}' has '{found.path}' where '{path}' was asked for")
        return found

    def archive(self, info: PathInfo) -> bytes:
        """The NAR of a path; raises FetchFailure if it does not have the announced hash and size."""
        assert info.download is not None
        url, compression = info.download.url, info.download.compression
        if not re.fullmatch(r"[A-Za-z0-9._/=?-]+", url) or ".." in url or url.startswith("/"):
            raise FetchFailure(f"'{url}' is not an address within the cache '{self.url}'")
        data = self._file(url)
        if data is None:
            raise FetchFailure(f"file '{url}' does not exist in binary cache '{self.url}'")
        stream = decompressed(io.BytesIO(data)) if compression not in ("none", "") else None
        try:
            found = data if stream is None else stream.read(min(info.nar_size, _MOST_NAR_BYTES) + 1)
        except (ValueError, EOFError) as error:
            raise FetchFailure(f"cannot decompress '{url}' of the cache '{self.url}': {error}") from None
        got = Hash.of_bytes(found)
        if len(found) != info.nar_size or got != info.hash:
            raise FetchFailure(archive_mismatch(info.path, info.hash, got))
        return found


def _check(info: PathInfo, archive: bytes, fetcher: Fetcher) -> None:
    """Checks content-addressed paths by their contents, others by a signature."""
    try:
        if is_content_addressed(info, fetcher.store_dir):
            check_archive(info, archive)
            return
        is_trusted = not fetcher.settings["require-sigs"] or PublicKeys.parse(fetcher.settings["trusted-public-keys"]).trust(info, 1, fetcher.store_dir)
    except ValueError as error:
        raise FetchFailure(str(error)) from None
    if not is_trusted:
        raise FetchFailure(f"cannot add path '{info.path}' because it lacks a signature by a trusted key")


def fetch_closure(cache: BinaryCache, path: str, fetcher: Fetcher, checks: bool = True) -> Iterator[tuple[PathInfo, bytes]]:
    """Facts and NAR of a path and of everything that it refers to; references come first.  Each archive is fetched only when the iterator reaches it."""
    infos: dict[str, PathInfo] = {}

    def references(path: str) -> list[str]:
        fetcher.check_cancelled()
        infos[path] = cache.info(path)
        if len(infos) > _MOST_PATHS:
            raise FetchFailure(f"the closure has more than {_MOST_PATHS} paths")
        return infos[path].references

    try:
        order = sort_topologically(reachable([path], references), lambda path: infos[path].references)
    except Cycle as error:
        raise FetchFailure(str(error)) from None
    for at in reversed(order):
        archive = cache.archive(infos[at])
        if checks:
            _check(infos[at], archive, fetcher)
        yield infos[at], archive


def rewritten(objects: Iterable[tuple[PathInfo, bytes]], store_dir: str) -> Iterator[tuple[PathInfo, bytes]]:
    """Facts and NAR of each object in content-addressed form."""
    names: dict[str, str] = {}
    for info, archive in objects:
        made, contents = named_by_contents(info, archive, names, store_dir)
        names[info.path] = made.path
        yield made, contents


def keep(archive: bytes, fetcher: Fetcher) -> FileTree:
    """Unpacks a NAR into the cache, unless it is there, and returns its tree."""
    digest = Hash.of_bytes(archive)
    kept = fetcher.cache.tree(digest.nix32)
    if kept is None:
        new = fetcher.cache.new_path()
        try:
            unpack(archive, new)
            kept = fetcher.cache.add_tree(new, digest.nix32, len(archive))
        except ValueError as error:
            raise FetchFailure(str(error)) from None
        finally:
            fetcher.cache.discard(new)
    return DiskTree(kept)


def closure_of(
    url: str, from_path: str, to_path: str | None, is_input_addressed: bool, fetcher: Fetcher
) -> tuple[str, list[tuple[str, FileTree]]]:
    """The result of `fetchClosure`: the path, and every path of its closure with its tree.  If *to_path* is "", the error names the content-addressed path.

    If the fetcher has a store, the closure is written to it.
    """
    cache = BinaryCache(url, fetcher)
    wanted = from_path if to_path is None else to_path
    if wanted and fetcher.store is not None and fetcher.store.is_valid(wanted):
        _check_kind(wanted, _is_content_in_store(wanted, fetcher), to_path is not None, is_input_addressed)
        return wanted, _in_store(wanted, fetcher)
    if to_path is not None:
        # Like C++ Nix, we write the objects to a store before the comparison.
        trees = [
            (info.path, _placed(info, archive, fetcher))
            for info, archive in rewritten(fetch_closure(cache, from_path, fetcher, checks=False), fetcher.store_dir)
        ]
        # The last object is that at *from_path*; the others are those that it refers to.
        made = trees[-1][0]
        if to_path and to_path != made:
            raise FetchFailure(f"rewriting '{from_path}' to content-addressed form yielded '{made}', while '{to_path}' was expected")
        if not to_path:
            raise FetchFailure(
                f"rewriting '{from_path}' to content-addressed form yielded '{made}'\n"
                "Use this value for the 'toPath' attribute passed to 'fetchClosure'"
            )
        return made, trees
    trees, is_content = [], False
    for info, archive in fetch_closure(cache, from_path, fetcher):
        trees.append((info.path, _placed(info, archive, fetcher)))
        if info.path == from_path:
            is_content = is_content_addressed(info, fetcher.store_dir)
    _check_kind(from_path, is_content, False, is_input_addressed)
    return from_path, trees


def _placed(info: PathInfo, archive: bytes, fetcher: Fetcher) -> FileTree:
    """The tree of an archive: in the store if there is one, otherwise in the cache."""
    store = fetcher.store
    if store is None:
        return keep(archive, fetcher)
    try:
        store.import_object(info, io.BytesIO(archive))
    except (OSError, ValueError) as error:
        raise FetchFailure(f"writing to the store in '{store.root}': {error}") from None
    return DiskTree(store.real_path(info.path))


def _in_store(path: str, fetcher: Fetcher) -> list[tuple[str, FileTree]]:
    """All paths that a valid path refers to, directly or not, with their trees."""
    store = fetcher.store
    assert store is not None
    return [(other, DiskTree(store.real_path(other))) for other in sorted(closure(store, [path]))]


def _is_content_in_store(path: str, fetcher: Fetcher) -> bool:
    """Whether a valid path is content-addressed."""
    assert fetcher.store is not None
    return fetcher.store.known(path).ca is not None


def _check_kind(from_path: str, is_content: bool, is_rewritten: bool, is_input_addressed: bool) -> None:
    """Raises an error unless the path is addressed as the call says."""
    if is_rewritten:
        if not is_content:
            raise FetchFailure(
                f"The 'toPath' value '{from_path}' is input-addressed, so it can't possibly be the result of rewriting to a "
                "content-addressed path.\n\nSet 'toPath' to an empty string to make Nix report the correct content-addressed path."
            )
        return
    if is_input_addressed and is_content:
        raise FetchFailure(
            f"The store object referred to by 'fromPath' at '{from_path}' is not input-addressed, but 'inputAddressed' is set to 'true'.\n\n"
            "Remove the 'inputAddressed' attribute (it defaults to 'false') to expect 'fromPath' to be content-addressed"
        )
    if not is_input_addressed and not is_content:
        raise FetchFailure(
            f"The 'fromPath' value '{from_path}' is input-addressed, but 'inputAddressed' is set to 'false' (default).\n\n"
            "If you do intend to fetch an input-addressed store path, add\n\n    inputAddressed = true;\n\nto the 'fetchClosure' arguments.\n\n"
            "Note that to ensure authenticity input-addressed store paths, users must configure a trusted binary cache public key on their "
            "systems. This is not needed for content-addressed paths."
        )
