"""`nix store ls|cat|dump-path` and `nix nar ls|cat|pack|dump-path`: print the contents of store objects and archives.

In: a `Call`.  Out: lines, JSON, contents, archives.
"""

import os
import sys

from snowsnake.cli.hashing import real_parent
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import write, write_text
from snowsnake.diagnostics.error import EvaluationError, as_error
from snowsnake.store.interface import Store, archive_of
from snowsnake.store.listing import ArchiveListing, DiskListing, ListedTree, canonical, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def list_store(call: Call) -> None:
    """`nix store ls PATH`."""
    with open_tree(call) as (tree, path):
        _list(call, tree, path)


def list_archive(call: Call) -> None:
    """`nix nar ls NAR PATH`."""
    with _open_archive(call.words[0]) as stream:
        try:
            tree = ArchiveListing(stream)
            _list(call, tree, canonical(call.words[1]))
        except ValueError as error:
            raise as_error(error) from None


class open_tree:
    """The files of the store object in which the path `word` is, and the path inside the object."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.store: Store | None = None

    def __enter__(self) -> tuple[ListedTree, str]:
        from snowsnake.cli.stores import open_store

        self.store = open_store(self.call.settings, self.call.reporter.warning, is_writable=False)
        try:
            whole, rest = self.store.split(self.call.words[0])
            if not self.store.is_valid(whole):
                raise ValueError(f"path '{whole}' is not a valid store path")
            real = self.store.real_path(whole)
            tree: ListedTree
            if real is not None:
                tree = DiskListing(real)
            else:
                with archive_of(self.store, whole) as stream:
                    tree = ArchiveListing(stream)
            return tree, canonical(rest)
        except ValueError as error:
            self.store.close()
            raise as_error(error) from None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        assert self.store is not None
        self.store.close()
        if isinstance(error, ValueError):
            raise EvaluationError("value", str(error)) from None


def _open_archive(word: str) -> "Any":
    try:
        return open(word, "rb")
    except OSError as error:
        raise EvaluationError("file", f'opening NAR file "{word}": {error.strerror}') from None


def _list(call: Call, tree: ListedTree, path: str) -> None:
    given = call.given
    if given.flag("json"):
        if given.flag("directory"):
            raise UsageError("'--directory' is useless with '--json'")
        from snowsnake.foundation import light_json

        found = to_json(tree, path, is_recursive=given.flag("recursive"))
        write_text(light_json.in_one_line(found))
        return
    entry = tree.entry(path)
    is_directory = entry.kind == "directory"
    shown = "." if is_directory else path.rpartition("/")[2]
    if not is_directory or given.flag("directory"):
        _show(call, tree, path, shown)
        start = [path] if is_directory and given.flag("recursive") else []
    else:
        start = [path]
    waiting = [(at, shown) for at in start]
    while waiting:
        at, name = waiting.pop()
        if at != path:
            _show(call, tree, at, name)
        inner = tree.entry(at)
        if inner.kind == "directory" and (at == path or given.flag("recursive")):
            waiting.extend((f"{at}/{child}", f"{name}/{child}") for child in reversed(inner.names))


def _show(call: Call, tree: ListedTree, path: str, shown: str) -> None:
    if not call.given.flag("long"):
        write_text(shown)
        return
    entry = tree.entry(path)
    mode = {"symlink": "lrwxrwxrwx", "directory": "dr-xr-xr-x"}.get(entry.kind) or ("-r-xr-xr-x" if entry.is_executable else "-r--r--r--")
    size = entry.size if entry.kind == "regular" else 0
    write_text(f"{mode} {size:20d} {shown}" + (f" -> {entry.target}" if entry.kind == "symlink" else ""))


def cat_store(call: Call) -> None:
    """`nix store cat PATH`."""
    with open_tree(call) as (tree, path):
        if tree.entry(path).kind != "regular":
            raise ValueError(f"path '{path or '/'}' is not a regular file")
        if isinstance(tree, DiskListing):
            with open(tree.root + path, "rb") as file:
                while piece := file.read(1 << 20):
                    write(piece)
        else:
            from snowsnake.cli.stores import open_store

            with open_store(call.settings, call.reporter.warning, is_writable=False) as store:
                write(store.read(store.split(call.words[0])[0] + path))


def cat_archive(call: Call) -> None:
    """`nix nar cat NAR PATH`."""
    from snowsnake.store.nar_reader import read_nar

    wanted = canonical(call.words[1]).removeprefix("/")
    is_found = False
    with _open_archive(call.words[0]) as stream:
        try:
            for member in read_nar(stream, allow_trailing=True):
                if member.path == wanted and member.kind == "regular":
                    is_found = True
                    for piece in member.pieces():
                        write(piece)
        except ValueError as error:
            raise as_error(error) from None
    if not is_found:
        raise EvaluationError("file", f"NAR does not contain regular file '{call.words[1]}'")


def pack(call: Call) -> None:
    """`nix nar pack PATH`, and its old name."""
    from snowsnake.store import nar

    _refuse_terminal()
    if call.row is not None and call.row.name == "nar dump-path":
        call.reporter.warning("'nix nar dump-path' is a deprecated alias for 'nix nar pack'")
    path = real_parent(call.words[0])
    if not os.path.lexists(path):
        raise EvaluationError("file", f"path '/{path}' does not exist")
    sys.stdout.flush()
    nar.pack_into(path, sys.stdout.fileno())


def dump_path(call: Call) -> None:
    """`nix store dump-path INSTALLABLE`."""
    from snowsnake.cli.nix.store import asked, one_path

    _refuse_terminal()
    with asked(call) as installables:
        path = one_path(call, installables)
        if not installables.store.is_valid(path):
            raise ValueError(f"path '{path}' is not a valid store path")
        sys.stdout.flush()
        installables.store.write_archive(path, sys.stdout.fileno())


def _refuse_terminal() -> None:
    if sys.stdout.isatty():
        raise UsageError("refusing to write NAR to a terminal")
