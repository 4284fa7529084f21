"""The scheme `path`: a file or folder of this machine, hashed in place."""

from __future__ import annotations

import os

from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.fetched import Fetched
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import absolute_path
from snowsnake.fetch.trees import DiskTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher


def fetch_path(input: Input, fetcher: Fetcher) -> Fetched:
    """Fetches an input of the scheme `path`."""
    path = absolute_path(input.attrs)
    if path is None:
        raise FetchFailure(f"cannot fetch input '{input.to_url()}' because it uses a relative path")
    real = fetcher.allowed_places.real(path)
    tree = DiskTree(path) if real is None else DiskTree(real, is_exact=True)
    if tree.kind(b"") is None and (real is not None or not os.path.lexists(path)):
        # The message has two slashes, like that of C++ Nix.
        raise FetchFailure(f"path '/{path}' does not exist")
    if input.last_modified is not None:
        return Fetched(tree, input)
    return Fetched(tree, input.with_attrs(lastModified=newest(path, fetcher) if real is None else newest_of(tree, fetcher)))


def newest_of(tree: DiskTree, fetcher: Fetcher) -> int:
    """Like `newest`, for a tree, which follows no link on the way to its root."""
    found = 0
    paths = [b""]
    while paths:
        fetcher.check_cancelled()
        path = paths.pop()
        found = max(found, tree.status(path).st_mtime_ns)
        if tree.kind(path) == "directory":
            paths += [path + b"/" + name if path else name for name, _ in tree.list(path)]
    return found // 1_000_000_000


def newest(path: str, fetcher: Fetcher) -> int:
    """The time of the last change to anything in a file or folder."""
    found = os.lstat(path).st_mtime_ns
    folders = [path] if os.path.isdir(path) and not os.path.islink(path) else []
    while folders:
        fetcher.check_cancelled()
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                found = max(found, entry.stat(follow_symlinks=False).st_mtime_ns)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return found // 1_000_000_000
