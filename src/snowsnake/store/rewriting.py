"""Rewrites closures so that each object is named by its contents (`nix store make-content-addressed`).

In: stores, paths.  Out: new objects in *target*, which may be the same store; the new path for each old one.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping

from snowsnake.store import hashing, store_path
from snowsnake.store.content_check import modulo_digest
from snowsnake.store.graph import closure, sorted_paths
from snowsnake.store.interface import Store, archive_of
from snowsnake.store.path import hash_part_of
from snowsnake.store.path_info import PathInfo


def make_content_addressed(store: Store, target: Store, paths: Iterable[str], note: Callable[[str], None]) -> dict[str, str]:
    """Rewrites a closure; returns the new path of each of its paths.  *note* gets a line for each.  The largest archive must fit into memory twice."""
    names: dict[str, str] = {}
    for path in reversed(sorted_paths(store, closure(store, paths))):
        info = store.known(path)
        with archive_of(store, path) as stream:
            archive = stream.read()
        made, archive = named_by_contents(info, archive, names, store.store_dir)
        note(f"rewriting '{path}' to '{made.path}'")
        target.import_object(made, io.BytesIO(archive))
        names[path] = made.path
    return names


def named_by_contents(info: PathInfo, archive: bytes, names: Mapping[str, str], store_dir: str) -> tuple[PathInfo, bytes]:
    """An object and its archive under the name that follows from its contents.  *names*: the new names of what it refers to."""
    path = info.path
    others = []
    for reference in sorted(info.references):
        if reference == path:
            continue
        name = names.get(reference, reference)
        archive = archive.replace(reference.encode(), name.encode())
        others.append(name)
    is_own = path in info.references
    # Nix 2.34.8 is meant to hash the positions of the hash part as well, but records none.
    digest = modulo_digest(io.BytesIO(archive), path)
    base = path.rpartition("/")[2]
    made = str(store_path.fixed_path(base[33:], "nar", "sha256", digest, sorted(set(others)), is_own, store_dir))
    archive = archive.replace(base[:32].encode(), hash_part_of(made).encode())
    content = "fixed:r:" + hashing.format_hash("sha256", digest, "nix32", with_algorithm=True)
    references = sorted({*others, *([made] if is_own else ())})
    nar_hash = "sha256:" + hashing.digest("sha256", archive).hex()
    return PathInfo(made, nar_hash, len(archive), references, content), archive
