"""`fetchClosure`: store paths of a binary cache, with everything that they refer to.

In: the URL of a cache and a path.  Out: the trees of its closure, each checked: content-addressed ones against their path, others
against the signatures of trusted keys.  If another path is given, they are rewritten to content-addressed form.
"""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from snowsnake.fetch.addresses import parse_address
from snowsnake.fetch.downloads import http_of
from snowsnake.fetch.errors import FetchError, MalformedInput
from snowsnake.fetch.http import TransferError
from snowsnake.fetch.trees import DiskTree, Tree
from snowsnake.store import store_path
from snowsnake.store.decompress import decompressed
from snowsnake.store.hash import Hash
from snowsnake.store.nar_reader import unpack
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.path_info import PathInfo

if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher

_MOST_PATHS = 100_000
_MOST_NAR_BYTES = 1 << 36
_HASH_SIZE = 32


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

    def info(self, path: str) -> NarInfo:
        """What the cache says about a store path; raises FetchError if it does not have it."""
        text = self._file(f"{_hash_part(path)}.narinfo")
        if text is None:
            raise FetchError(f"path '{path}' is not valid")
        try:
            found = NarInfo.parse(text.decode("utf-8", "surrogateescape"), self._fetcher.store_dir)
        except ValueError as error:
            raise FetchError(f"{error} (of '{path}' in '{self.url}')") from None
        if found.path != path:
            raise FetchError(f"the cache '{self.url}' has '{found.path}' where '{path}' was asked for")
        return found

    def archive(self, info: NarInfo) -> bytes:
        """The NAR of a path; raises FetchError if it does not have the announced hash and size."""
        if not re.fullmatch(r"[A-Za-z0-9._/=?-]+", info.url) or ".." in info.url or info.url.startswith("/"):
            raise FetchError(f"'{info.url}' is no address within the cache '{self.url}'")
        data = self._file(info.url)
        if data is None:
            raise FetchError(f"file '{info.url}' does not exist in binary cache '{self.url}'")
        stream = decompressed(io.BytesIO(data)) if info.compression not in ("none", "") else None
        try:
            found = data if stream is None else stream.read(min(info.nar_size, _MOST_NAR_BYTES) + 1)
        except (ValueError, EOFError) as error:
            raise FetchError(f"cannot decompress '{info.url}' of the cache '{self.url}': {error}") from None
        got = Hash.of_bytes(found)
        if len(found) != info.nar_size or got != info.nar_hash:
            raise FetchError(
                f"hash mismatch importing path '{info.path}';\n  specified: {info.nar_hash.format('nix32', with_algorithm=True)}\n"
                f"  got:       {got.format('nix32', with_algorithm=True)}"
            )
        return found


def hash_modulo(archive: bytes, part: str) -> Hash:
    """The hash of an archive, after zeros have taken the place of *part*, the hash part of its own path.

    C++ Nix 2.34.8 would hash the positions of *part*, too, but its list of them is always empty.

    >>> hash_modulo(b"x", "y" * 32) == Hash.of_bytes(b"x")
    True
    """
    return Hash.of_bytes(archive.replace(part.encode(), bytes(_HASH_SIZE)))


def _hash_part(path: str) -> str:
    return os.path.basename(path)[:_HASH_SIZE]


def _name(path: str) -> str:
    return os.path.basename(path)[_HASH_SIZE + 1 :]


def claims_content(info: NarInfo, store_dir: str) -> tuple[str, Hash] | None:
    """(method, hash) of a path that is content-addressed as its `CA` says; None if it is not."""
    match = re.fullmatch(r"(?:(text):|fixed:(?:(r|git):)?)([a-z0-9]+:.+)", info.ca or "")
    if match is None:
        return None
    method = "text" if match[1] else {"r": "nar", None: "flat", "git": "git"}[match[2]]
    try:
        content = Hash.parse(match[3])
        others = [path for path in info.references if path != info.path]
        made = store_path.fixed_path(
            _name(info.path), method, content.algorithm, content.digest, others, info.path in info.references, store_dir
        )
    except ValueError:
        return None
    return (method, content) if made == info.path else None


def _check(info: NarInfo, archive: bytes, fetcher: Fetcher) -> None:
    """Checks content-addressed paths by their contents, others by a signature."""
    claim = claims_content(info, fetcher.store_dir)
    if claim is not None:
        method, content = claim
        if method == "nar" and content.algorithm == "sha256":
            got = hash_modulo(archive, _hash_part(info.path)) if info.path in info.references else Hash.of_bytes(archive)
        elif method in ("flat", "text"):
            got = Hash.of_bytes(_only_file(archive), content.algorithm)
        else:
            got = None
        if got is not None:
            if got != content:
                raise FetchError(
                    f"ca hash mismatch importing path '{info.path}';\n  specified: {content.format('nix32', with_algorithm=True)}\n"
                    f"  got:       {got.format('nix32', with_algorithm=True)}"
                )
            return
    if fetcher.settings["require-sigs"] and not _is_signed(info, fetcher.settings["trusted-public-keys"]):
        raise FetchError(f"cannot add path '{info.path}' because it lacks a signature by a trusted key")


def _only_file(archive: bytes) -> bytes:
    from snowsnake.store.nar_reader import read_nar

    try:
        for member in read_nar(archive):
            return member.read()
    except ValueError as error:
        raise FetchError(str(error)) from None
    return b""


def _is_signed(info: NarInfo, keys: list[str]) -> bool:
    from snowsnake.store.ed25519 import is_signature

    known = dict(key.split(":", 1) for key in keys if ":" in key)
    for signature in info.signatures:
        name, _, text = signature.partition(":")
        try:
            if name in known and is_signature(
                base64.b64decode(known[name]), info.fingerprint().encode(), base64.b64decode(text)
            ):
                return True
        except ValueError:
            continue
    return False


def fetch_closure(cache: BinaryCache, path: str, fetcher: Fetcher, checks: bool = True) -> Iterator[tuple[NarInfo, bytes]]:
    """Info and NAR of a path and of everything that it refers to; references come first.  Archives are fetched when they are taken, one by one."""
    infos: dict[str, NarInfo] = {}
    waiting = [path]
    while waiting:
        at = waiting.pop()
        if at in infos:
            continue
        fetcher.check_cancelled()
        infos[at] = cache.info(at)
        if len(infos) > _MOST_PATHS:
            raise FetchError(f"the closure of '{path}' has more than {_MOST_PATHS} paths")
        waiting += infos[at].references
    for at in _in_order(infos):
        archive = cache.archive(infos[at])
        if checks:
            _check(infos[at], archive, fetcher)
        yield infos[at], archive


def _in_order(infos: dict[str, NarInfo]) -> list[str]:
    """Sorts paths after those that they refer to."""
    order: list[str] = []
    placed: set[str] = set()

    def place(path: str) -> None:
        todo = [(path, iter(infos[path].references))]
        placed.add(path)
        while todo:
            at, others = todo[-1]
            following = next((other for other in others if other not in placed), None)
            if following is None:
                order.append(at)
                todo.pop()
            else:
                placed.add(following)
                todo.append((following, iter(infos[following].references)))

    for path in sorted(infos):
        if path not in placed:
            place(path)
    return order


def rewritten(closure: Iterable[tuple[NarInfo, bytes]], store_dir: str) -> Iterator[tuple[str, list[str], str, bytes]]:
    """(new path, references, `CA`, NAR) of each path: the same contents in content-addressed form."""
    found: dict[str, str] = {}
    for info, archive in closure:
        path = info.path
        others = []
        refers_to_self = path in info.references
        for other in info.references:
            if other == path:
                continue
            # An honest store has no paths that refer to each other in a cycle.
            if other not in found:
                raise FetchError(f"cycle detected in the references of '{path}' from '{other}'")
            new = found[other]
            others.append(new)
            archive = archive.replace(other.encode(), new.encode())
        content = hash_modulo(archive, _hash_part(path))
        made = store_path.fixed_path(_name(path), "nar", "sha256", content.digest, sorted(set(others)), refers_to_self, store_dir)
        archive = archive.replace(_hash_part(path).encode(), _hash_part(made).encode())
        references = sorted({*others, *([made] if refers_to_self else [])})
        found[path] = made
        yield made, references, f"fixed:r:{content.format('nix32', with_algorithm=True)}", archive


def keep(archive: bytes, fetcher: Fetcher) -> Tree:
    """Unpacks a NAR into the cache, unless it is there, and returns its tree."""
    digest = Hash.of_bytes(archive)
    kept = fetcher.cache.tree(digest.nix32)
    if kept is None:
        new = fetcher.cache.new_path()
        try:
            unpack(archive, new)
            kept = fetcher.cache.add_tree(new, digest.nix32, len(archive))
        except ValueError as error:
            raise FetchError(str(error)) from None
        finally:
            fetcher.cache.discard(new)
    return DiskTree(kept)


def closure_of(
    url: str, from_path: str, to_path: str | None, is_input_addressed: bool, fetcher: Fetcher
) -> tuple[str, list[tuple[str, Tree]]]:
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
            (path, _placed(path, archive, references, content, (), fetcher))
            for path, references, content, archive in rewritten(fetch_closure(cache, from_path, fetcher, checks=False), fetcher.store_dir)
        ]
        # Everything else is what it refers to.
        made = trees[-1][0]
        if to_path and to_path != made:
            raise FetchError(f"rewriting '{from_path}' to content-addressed form yielded '{made}', while '{to_path}' was expected")
        if not to_path:
            raise FetchError(
                f"rewriting '{from_path}' to content-addressed form yielded '{made}'\n"
                "Use this value for the 'toPath' attribute passed to 'fetchClosure'"
            )
        return made, trees
    trees, is_content = [], False
    for info, archive in fetch_closure(cache, from_path, fetcher):
        trees.append((info.path, _placed(info.path, archive, info.references, info.ca, info.signatures, fetcher)))
        if info.path == from_path:
            is_content = claims_content(info, fetcher.store_dir) is not None
    _check_kind(from_path, is_content, False, is_input_addressed)
    return from_path, trees


def _placed(
    path: str, archive: bytes, references: Sequence[str], content: str | None, signatures: Sequence[str], fetcher: Fetcher
) -> Tree:
    """The tree of an archive: in the store if there is one, otherwise in the cache."""
    store = fetcher.store
    if store is None:
        return keep(archive, fetcher)
    info = PathInfo(
        path,
        "sha256:" + Hash.of_bytes(archive).base16,
        len(archive),
        sorted(references),
        content,
        signatures=list(signatures),
    )
    try:
        store.import_object(info, io.BytesIO(archive))
    except (OSError, ValueError) as error:
        raise FetchError(f"writing to the store in '{store.root}': {error}") from None
    return DiskTree(store.real_path(path))


def _in_store(path: str, fetcher: Fetcher) -> list[tuple[str, Tree]]:
    """All paths that a valid path refers to, directly or not, with their trees."""
    store = fetcher.store
    assert store is not None
    found: dict[str, Tree] = {}
    waiting = [path]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found[at] = DiskTree(store.real_path(at))
            waiting += store.known(at).references
    return list(found.items())


def _is_content_in_store(path: str, fetcher: Fetcher) -> bool:
    """Whether a valid path is content-addressed."""
    assert fetcher.store is not None
    return fetcher.store.known(path).ca is not None


def _check_kind(from_path: str, is_content: bool, is_rewritten: bool, is_input_addressed: bool) -> None:
    """Raises an error unless the path is addressed as the call says."""
    if is_rewritten:
        if not is_content:
            raise FetchError(
                f"The 'toPath' value '{from_path}' is input-addressed, so it can't possibly be the result of rewriting to a "
                "content-addressed path.\n\nSet 'toPath' to an empty string to make Nix report the correct content-addressed path."
            )
        return
    if is_input_addressed and is_content:
        raise FetchError(
            f"The store object referred to by 'fromPath' at '{from_path}' is not input-addressed, but 'inputAddressed' is set to 'true'.\n\n"
            "Remove the 'inputAddressed' attribute (it defaults to 'false') to expect 'fromPath' to be content-addressed"
        )
    if not is_input_addressed and not is_content:
        raise FetchError(
            f"The 'fromPath' value '{from_path}' is input-addressed, but 'inputAddressed' is set to 'false' (default).\n\n"
            "If you do intend to fetch an input-addressed store path, add\n\n    inputAddressed = true;\n\nto the 'fetchClosure' arguments.\n\n"
            "Note that to ensure authenticity input-addressed store paths, users must configure a trusted binary cache public key on their "
            "systems. This is not needed for content-addressed paths."
        )
