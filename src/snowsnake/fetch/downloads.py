"""The schemes `tarball` and `file`: the file at a URL, unpacked or as it is.

In: an input, or a URL.  Out: a tree in the cache, and facts about it: ETag, age, the URL that will always lead to the same contents.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote_to_bytes

from snowsnake.fetch import archive
from snowsnake.fetch.addresses import Address, parse_address
from snowsnake.fetch.errors import FetchFailure, MalformedAddress
from snowsnake.fetch.fetched import Fetched
from snowsnake.fetch.http import Http, Transfer, TransferError
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import string_of
from snowsnake.fetch.tree_hash import hash_of
from snowsnake.fetch.trees import DiskTree, FileContents, FileTree, PlainFile
from snowsnake.foundation.log_numbers import INFORMATION
from snowsnake.store import nar
from snowsnake.store.hash import Hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import dataclass

    from snowsnake.fetch.fetcher import Fetcher
    from snowsnake.fetch.progress import Activity
else:
    from snowsnake.store.light_dataclass import dataclass

# A larger file of this machine is not kept in memory.
_LARGE_BYTES = 4 << 20

Headers = tuple[tuple[str, str], ...]


@dataclass
class Download:
    """The tree or file at a URL."""

    tree: FileTree
    # The hash of the NAR.
    digest: Hash
    last_modified: int = 0
    immutable_url: str | None = None


def http_of(fetcher: Fetcher) -> Http:
    http: Http | None = fetcher.http
    if http is None:
        http = fetcher.http = Http(fetcher)
    return http


def fetch_file(input: Input, fetcher: Fetcher) -> Fetched:
    found = download_file(string_of(input.attrs, "url"), fetcher)
    return Fetched(found.tree, input.with_attrs(narHash=found.digest.sri), f"nar:{found.digest.sri}")


def fetch_tarball(input: Input, fetcher: Fetcher) -> Fetched:
    found = download_tree(string_of(input.attrs, "url"), fetcher)
    if found.immutable_url is not None:
        input = fetcher.input_from_url(found.immutable_url)
        if input.type != "tarball":
            raise FetchFailure("tarball 'Link' headers that redirect to non-tarball URLs are not supported")
    if found.last_modified and "lastModified" not in input.attrs:
        input = input.with_attrs(lastModified=found.last_modified)
    return Fetched(found.tree, input.with_attrs(narHash=found.digest.sri), f"nar:{found.digest.sri}")


# ---- files ------------------------------------------------------------------------------------------------------


def download_file(url: str, fetcher: Fetcher, headers: Headers = ()) -> Download:
    """The file at a URL, downloaded unless the cache has a fresh copy.  A file of this machine is read in place."""
    scheme, colon, _ = url.partition(":")
    if not colon:
        raise MalformedAddress(f"URL '{url}' doesn't have a scheme")
    if scheme == "file":
        return _local_file(url, fetcher)
    _check_scheme(url, scheme)
    known, kept = _known(fetcher, "file", url)
    if known is None or not fetcher.is_fresh(known):
        try:
            transfer = http_of(fetcher).download(url, str(known["etag"]) if known is not None else "", headers)
        except TransferError as error:
            if known is None:
                raise
            fetcher.warn(f"{error}; using cached version")
        else:
            if known is None or not transfer.is_cached:
                kept, digest = keep_file(transfer, fetcher)
                known = {"narHash": digest.sri}
            known = {"narHash": known["narHash"], "etag": transfer.etag, "url": transfer.urls[-1]}
            for link in transfer.urls:
                fetcher.cache.note("file", link, known)
    assert kept is not None and known is not None
    return Download(DiskTree(kept), Hash.parse(str(known["narHash"])))


def _check_scheme(url: str, scheme: str) -> None:
    if scheme.lower() not in ("http", "https", "s3"):
        raise TransferError(f"unable to download '{url}': Unsupported protocol (1) Protocol \"{scheme}\" not supported")


def _local_file(url: str, fetcher: Fetcher) -> Download:
    """Reads the file once, so that the hash is that of the bytes used.  A large file is copied to the cache under a policy, and otherwise hashed in place."""
    path = url[5:].partition("#")[0].partition("?")[0]
    if path.startswith("//"):
        host, _, path = path[2:].partition("/")
        path = "/" + path
        if host not in ("", "localhost"):
            raise TransferError(f"unable to download '{url}': URL using bad/illegal format or missing URL (3) Bad file:// URL")
    path = os.fsdecode(unquote_to_bytes(path.encode("utf-8", "surrogateescape")))
    fault = TransferError(f"unable to download '{url}': Could not read a file:// file (37) Could not open file {path}")
    if not path.startswith("/") or "\0" in path:
        raise fault
    try:
        with fetcher.open_file(path) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise fault
            data = file.read(_LARGE_BYTES + 1)
            if len(data) <= _LARGE_BYTES:
                contents = FileContents(data)
                return Download(contents, hash_of(contents)[0])
            if fetcher.open_checked is not None:
                return _copied(data, file, fetcher)
    except OSError:
        raise fault from None
    tree = PlainFile(os.path.realpath(path))
    if tree.disk_path(b"") is not None:
        return Download(tree, Hash("sha256", nar.path_digest("sha256", os.path.realpath(path))[0]))
    return Download(tree, hash_of(tree)[0])


def _copied(start: bytes, file: BinaryIO, fetcher: Fetcher) -> Download:
    """Copies a file to the cache, so that it can be read again: *start*, which was read from it already, and the rest."""
    path = fetcher.cache.new_path()
    try:
        with open(path, "wb") as target:
            target.write(start)
            shutil.copyfileobj(file, target, 1 << 20)
        kept, digest = keep_file(Transfer(path), fetcher)
    finally:
        fetcher.cache.discard(path)
    return Download(DiskTree(kept), digest)


def keep_file(transfer: Transfer, fetcher: Fetcher) -> tuple[str, Hash]:
    # The server may have sent nothing.
    if not os.path.exists(transfer.path):
        with open(transfer.path, "wb"):
            pass
    os.chmod(transfer.path, 0o444)
    digest, size = nar.path_digest("sha256", transfer.path)
    found = Hash("sha256", digest)
    flat = Hash.of_file(transfer.path)
    kept = fetcher.cache.add_tree(transfer.path, found.nix32, size)
    fetcher.cache.note("flat", flat.sri, {"narHash": found.sri})
    return kept, found


# ---- archives ---------------------------------------------------------------------------------------------------


def _known(fetcher: Fetcher, domain: str, url: str) -> tuple[Any, str | None]:
    """The facts that the cache recorded when this URL was last downloaded, and the path of the tree; (None, None) unless it has both."""
    known = fetcher.cache.fact(domain, url)
    kept = None if known is None else fetcher.cache.tree_of(known)
    return (None, None) if kept is None else (known, kept)


def download_tree(url: str, fetcher: Fetcher, headers: Headers = ()) -> Download:
    """The tree in an archive; if a folder is alone at its top, the tree is that folder."""
    address = parse_address(url)
    if address.scheme == "file":
        return _local_tree(url, address, fetcher)
    known, kept = _known(fetcher, "tarball", url)
    if known is None or not fetcher.is_fresh(known):
        asked = address.to_text()
        with unpacking(asked, fetcher), archive_of(asked, str(known["etag"]) if known is not None else "", headers, fetcher) as transfer:
            if known is None or not transfer.is_cached:
                kept, digest, newest = keep_archive(transfer.path, asked, fetcher)
                known = {"narHash": digest.sri, "etag": transfer.etag, "lastModified": newest}
                if transfer.immutable_url is not None:
                    known["immutableUrl"] = transfer.immutable_url
        for link in (url, *transfer.urls):
            fetcher.cache.note("tarball", link, known)
    assert kept is not None and known is not None
    return _download(kept, known)


def unpacking(shown: str, fetcher: Fetcher) -> AbstractContextManager[Activity]:
    """The activity that covers the download of an archive and its unpacking, which C++ Nix does at once."""
    return fetcher.activity(INFORMATION, f"unpacking '{shown}' into the Git cache")


@contextmanager
def archive_of(url: str, etag: str, headers: Headers, fetcher: Fetcher) -> Iterator[Transfer]:
    """Downloads an archive; the file is there during the block.  An error has the words of C++ Nix, which downloads while it unpacks."""
    try:
        _check_scheme(url, url.partition(":")[0])
        transfer = http_of(fetcher).download(url, etag, headers)
    except TransferError as error:
        # The words are those of a report inside of a message, so that lines of an answer are indented once more.
        shown = "".join(f"       {line}" if number and line.strip() else line for number, line in enumerate(str(error).splitlines(keepends=True)))
        error.args = (f"Failed to open archive (Source threw exception: error: {shown})",)
        raise error from None
    try:
        yield transfer
    finally:
        fetcher.cache.discard(transfer.path)


def _download(kept: str, known: dict[str, Any]) -> Download:
    immutable = known.get("immutableUrl")
    return Download(
        DiskTree(kept), Hash.parse(str(known["narHash"])), int(known["lastModified"]), None if immutable is None else str(immutable)
    )


def _is_named_zip(url: str) -> bool:
    """Whether C++ Nix keeps an archive in a file while it unpacks it, and therefore sees all of a zip file: it decides by the URL.

    >>> _is_named_zip("https://example.org/a.ZIP?x"), _is_named_zip("https://example.org/zip?a.zip")
    (True, False)
    """
    return url.partition("#")[0].partition("?")[0].lower().endswith(".zip")


def keep_archive(source: str | BinaryIO, shown: str, fetcher: Fetcher) -> tuple[str, Hash, int]:
    """Unpacks an archive, open or at a path, into the cache; returns (path of the tree, hash of its NAR, time of the newest member).

    *shown*: the URL of the archive.
    """
    new = fetcher.cache.new_path()
    try:
        newest = archive.unpack(source, new, fetcher.check_cancelled, is_streamed=not _is_named_zip(shown))
        top = archive.single_folder(new)
        digest, size = nar.path_digest("sha256", top)
        found = Hash("sha256", digest)
        if top != new:
            os.rename(top, new + ".top")
            top = new + ".top"
        return fetcher.cache.add_tree(top, found.nix32, size), found, newest
    finally:
        fetcher.cache.discard(new)


def _local_tree(url: str, address: Address, fetcher: Fetcher) -> Download:
    path = address.file_path
    if not path.startswith("/"):
        raise FetchFailure(f"tarball '{address.to_text()}' must use an absolute path. The 'file' scheme does not support relative paths.")
    found = fetcher.status(path)
    if found is None:
        raise FetchFailure(f'tarball "{path}" does not exist.')
    if stat.S_ISDIR(found.st_mode):
        if fetcher.status(os.path.join(path, ".git")) is not None:
            raise FetchFailure(f'tarball "{path}" is a git repository, not a tarball. Please use `git+file` as the scheme.')
        raise FetchFailure(f'tarball "{path}" is a directory, not a file.')
    with fetcher.open_file(path) as file:
        return _unpacked(path, file, address.to_text(), fetcher)


def _unpacked(path: str, file: BinaryIO, url: str, fetcher: Fetcher) -> Download:
    status = os.fstat(file.fileno())
    stamp = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} {status.st_dev}"
    known = fetcher.cache.fact("localTarball", path)
    if known is not None and known["stamp"] == stamp:
        kept = fetcher.cache.tree_of(known)
        if kept is not None:
            return _download(kept, known)
    with unpacking(url, fetcher):
        kept, digest, newest = keep_archive(file, url, fetcher)
    facts: dict[str, str | int | bool] = {"narHash": digest.sri, "lastModified": newest, "stamp": stamp}
    fetcher.cache.note("localTarball", path, facts)
    return _download(kept, facts)


# ---- for fetchurl and fetchTarball ------------------------------------------------------------------------------


def kept_file(expected: Hash, fetcher: Fetcher) -> Download | None:
    """A file with this hash of its bytes, if the cache has it."""
    known = fetcher.cache.fact("flat", expected.sri)
    kept = None if known is None else fetcher.cache.tree_of(known)
    return None if known is None or kept is None else Download(DiskTree(kept), Hash.parse(str(known["narHash"])))
