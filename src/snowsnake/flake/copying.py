"""Copies source trees: into a folder (`flake clone`), out of a template (`flake init`), to the store (`flake archive`).

In: trees of flakes.  Out: files; existing files are never overwritten.
"""

import errno
import os
import subprocess

from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.flake.world import FlakeTree, FlakeWorld
from snowsnake.lock.flakes import LockedFlake
from snowsnake.lock.lock_file import LockNode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snowsnake.fetch.trees import FileTree
    from snowsnake.foundation.json_type import Json
    from snowsnake.store.daemon.store import DaemonStore
    from snowsnake.store.local import LocalStore
    from snowsnake.store.place import DummyStore

# The folders of a template may nest at most this deep.
MOST_LEVELS = 200


def copy_template(tree: "FileTree", folder: str, destination: str, label: str, say: "Callable[[str], None]") -> None:
    """Copies a folder of a tree; existing files are kept.  If one of them has different contents, this is an error at the end."""
    changed: list[str] = []
    conflicts = 0

    def copy_file(inner: bytes, outer: bytes, kind: str) -> bool:
        if os.path.lexists(outer):
            from_shown = f"{label}/{os.fsdecode(inner)}"
            if _is_same(tree, inner, kind, outer):
                say(f"skipping identical file: {from_shown}")
                return False
            say(f'refusing to overwrite existing file "{os.fsdecode(outer)}"\n please merge it manually with \'{from_shown}\'')
            nonlocal conflicts
            conflicts += 1
            return False
        if kind == "symlink":
            os.symlink(tree.link(inner), outer)
        else:
            with open(outer, "xb") as file:
                file.write(tree.read(inner))
        return True

    # All files are listed before one is written, because the destination may be a folder of the template.
    start = folder.encode("utf-8", "surrogateescape")
    listed = _listed(tree, start)
    _make_folders(os.fsencode(destination))
    for below, kind in listed:
        inner, outer = _joined(start, below), os.path.join(os.fsencode(destination), below)
        if kind == "directory":
            _make_folders(outer)
        else:
            _make_folders(os.path.dirname(outer))
            if not copy_file(inner, outer, kind):
                continue
        changed.append(os.fsdecode(outer))
        say(f'wrote: "{os.fsdecode(outer)}"')
    if changed and os.path.exists(os.path.join(destination, ".git")):
        git = ["git", "-C", destination, "add", "--intent-to-add", "--force", "--"]
        if subprocess.run([*git, *changed], check=False, stdin=subprocess.DEVNULL).returncode:
            raise FlakeError("file", "program 'git' failed")
    if conflicts:
        raise FlakeError("file", f"encountered {conflicts} conflicts - see above")


def _make_folders(path: bytes) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        reason = os.strerror(errno.ENOTDIR) if os.path.exists(path) else error.strerror
        raise FlakeError("file", f'creating directory "{os.fsdecode(path)}": {reason}') from None


def _listed(tree: "FileTree", folder: bytes, below: bytes = b"", depth: int = 0) -> list[tuple[bytes, str]]:
    """(path below the folder, kind) of everything in it, in the order of names; a folder comes after what is in it."""
    if depth > MOST_LEVELS:
        raise FlakeError("file", f"folders of the template nest more than {MOST_LEVELS} levels deep")
    found = []
    for name, kind in sorted(tree.list(_joined(folder, below))):
        path = _joined(below, name)
        if kind == "directory":
            found += _listed(tree, folder, path, depth + 1)
        found.append((path, kind))
    return found


def _joined(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder and name else folder or name


def _is_same(tree: "FileTree", source: bytes, kind: str, target: bytes) -> bool:
    try:
        if kind == "symlink":
            return bool(os.readlink(target) == tree.link(source))
        with open(target, "rb") as file:
            return bool(file.read() == tree.read(source))
    except OSError:
        return False


def copy_tree(tree: "FileTree", destination: str) -> None:
    """Copies a whole tree to a path where nothing exists."""
    if os.path.lexists(destination):
        raise FlakeError("file", f'cannot clone into existing path "{destination}"')
    work = [(b"", os.fsencode(destination))]
    while work:
        source, target = work.pop()
        kind = tree.kind(source)
        if kind == "directory":
            os.mkdir(target)
            work += [(_joined(source, name), os.path.join(target, name)) for name, _ in tree.list(source)]
        elif kind == "symlink":
            os.symlink(tree.link(source), target)
        else:
            with open(target, "xb") as file:
                file.write(tree.read(source))
            if kind == "executable":
                os.chmod(target, 0o755)


def copy_to_store(tree: "FileTree", store_path: str, target: "LocalStore | DaemonStore | DummyStore") -> None:
    """Adds a source tree to another store."""
    if target.is_valid(store_path):
        return
    from snowsnake.fetch.tree_hash import ArchiveStream
    from snowsnake.store.path import StorePath

    name = StorePath.parse(store_path, target.store_dir).name
    # A store only calls its method `read`.
    archive: Any = ArchiveStream(tree)
    made = target.add_archive(name, archive)
    if made != store_path:
        raise FlakeError("file", f"'{store_path}' changed while it was copied to '{target.url}'")


def archive(world: FlakeWorld, locked: LockedFlake, *, is_dry: bool) -> "dict[str, Json]":
    """The store paths of a flake and all its inputs.  The inputs are fetched (and written, if there is a store) unless `is_dry`."""

    def path_of(node: LockNode) -> str:
        assert node.locked is not None
        place = locked.places.get(node)
        if place is not None:
            tree: FlakeTree = place.tree
            return tree.store_path
        input = node.locked.input
        if is_dry and input.nar_hash:
            from snowsnake.store.hash import Hash

            return world.fetcher.path_of(Hash.parse(input.nar_hash), input.name)
        return world.fetch(input.with_attrs(__final=True)).store_path

    def rows_of(node: LockNode) -> "dict[str, Json]":
        rows: dict[str, Json] = {}
        for name, target in sorted(node.inputs.items()):
            if not isinstance(target, LockNode) or target.locked is None:
                continue
            row: dict[str, Json] = {"inputs": rows_of(target)}
            if target.locked.input.relative_path is None:
                row["path"] = path_of(target)
            rows[name] = row
        return rows

    return {"inputs": rows_of(locked.lock_file.root), "path": locked.flake.place.tree.store_path}
