"""A root that can be evaluated elsewhere: a folder as an archive, named by its content, and what to evaluate in it.

In: a file, arguments, options.  Out: a `ShippedRoot`, which is plain data; and, made from that and the archive, a `JobRoot`, which is the same on
any machine: evaluation is pure except for the system that it is for.  Evaluation sees the folder at its store path, and reads files out of the
archive, because a worker needs only few of the 50 000 files of nixpkgs.
"""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.options import JobOptions

if TYPE_CHECKING:
    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter

# For comparison, nixpkgs has 0.2 GB and 80 000 entries.
MOST_BYTES, MOST_ENTRIES = 1 << 30, 1_000_000


class TooMuch(ValueError):
    """The folder to be shipped is too large for a project: a user with a file in /tmp or in the home folder did not mean all of that."""


@dataclass(frozen=True)
class ShippedRoot:
    """`folder`: the folder that was packed; `inner`: the file's path in it.  `arguments`: (kind, name, text) of `--arg` and `--argstr`.

    `system`: the value of `builtins.currentSystem`, which is missing if this is empty.
    """

    store_path: str
    inner: str
    options: JobOptions = JobOptions()
    arguments: tuple[tuple[str, str, str], ...] = ()
    features: tuple[str, ...] = ()
    system: str = ""
    folder: str = ""


def pack_root(
    file: str, options: JobOptions, arguments: tuple[tuple[str, str, str], ...] = (), features: tuple[str, ...] = (), system: str = ""
) -> tuple[ShippedRoot, bytes]:
    """Packs the root in a file or folder, with everything beside and below it, or with its Git checkout; `.git` is left out.

    Raises `TooMuch` if these are too many or too large.
    """
    from snowsnake.store import hashing, nar, store_path

    file = os.path.realpath(file)
    if os.path.isdir(file):
        file = os.path.join(file, "default.nix")
    if not os.path.isfile(file):
        raise FileNotFoundError(2, "No such file or directory", file)
    folder = top = os.path.dirname(file)
    while top != "/" and not os.path.lexists(os.path.join(top, ".git")):
        top = os.path.dirname(top)
    folder = folder if top == "/" else top
    _measure(folder)
    archive = nar.pack(folder, lambda path, kind: os.path.basename(path) != ".git")
    path = store_path.fixed_path("source", "nar", "sha256", hashing.digest("sha256", archive), (), False, "/nix/store")
    return ShippedRoot(str(path), os.path.relpath(file, folder), options, arguments, features, system, folder), archive


def _measure(folder: str) -> None:
    """Raises `TooMuch` if the folder is too large; it reads no file."""
    size = count = 0
    work = [folder]
    while work:
        with os.scandir(work.pop()) as entries:
            for entry in entries:
                if entry.name == ".git":
                    continue
                count += 1
                found = entry.stat(follow_symlinks=False)
                size += found.st_size
                if entry.is_dir(follow_symlinks=False):
                    work.append(entry.path)
                elif not stat.S_ISREG(found.st_mode) and not stat.S_ISLNK(found.st_mode):
                    raise TooMuch(f"'{entry.path}' is not a file, a folder or a link: {_ADVICE}")
                if size > MOST_BYTES or count > MOST_ENTRIES:
                    raise TooMuch(f"the folder '{folder}' has more than {MOST_BYTES >> 20} MiB or {MOST_ENTRIES} files: {_ADVICE}")


_ADVICE = "what is evaluated must be in a folder of its own, or in a Git checkout"


class ArchiveTree:
    """The files of an archive in memory, as a `fetch.trees.Tree`."""

    def __init__(self, archive: bytes) -> None:
        from snowsnake.store.nar_reader import read_nar

        self._archive = memoryview(archive)
        # By path: the kind, the offset of the contents in the archive, and their size.
        self._nodes: dict[bytes, tuple[str, int, int]] = {}
        self._entries: dict[bytes, list[tuple[bytes, str]]] = {}
        self._targets: dict[bytes, bytes] = {}
        stream = io.BytesIO(archive)
        for member in read_nar(stream):
            path = os.fsencode(member.path)
            kind = "executable" if member.executable else member.kind
            self._nodes[path] = kind, stream.tell(), member.size
            if kind == "directory":
                self._entries[path] = []
            elif kind == "symlink":
                self._targets[path] = os.fsencode(member.target)
            if path:
                parent, _, name = path.rpartition(b"/")
                self._entries[parent].append((name, kind))

    def kind(self, path: bytes) -> str | None:
        found = self._nodes.get(path)
        return None if found is None else found[0]

    def read(self, path: bytes) -> bytes:
        kind, start, size = self._node(path)
        if kind not in ("regular", "executable"):
            raise IsADirectoryError(f"'{os.fsdecode(path)}' is not a file")
        return bytes(self._archive[start : start + size])

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        if self._node(path)[0] != "directory":
            raise NotADirectoryError(f"'{os.fsdecode(path)}' is not a directory")
        return list(self._entries[path])

    def link(self, path: bytes) -> bytes:
        if self._node(path)[0] != "symlink":
            raise OSError(f"'{os.fsdecode(path)}' is not a symbolic link")
        return self._targets[path]

    def disk_path(self, path: bytes) -> bytes | None:
        return None

    def _node(self, path: bytes) -> tuple[str, int, int]:
        from snowsnake.fetch.trees import missing

        found = self._nodes.get(path)
        if found is None:
            raise missing(path)
        return found


def open_shipped(shipped: ShippedRoot, archive: bytes, growth_bytes: int | None = None) -> JobRoot:
    """The root, in an evaluator of its own.  `growth_bytes`: what its values may take."""
    from snowsnake.selection import Selector
    from snowsnake.traces.libraries import mark_libraries

    evaluator = new_evaluator(shipped.options, shipped.features, growth_bytes)
    tree = ArchiveTree(archive)
    evaluator.mount(shipped.store_path, tree)
    if shipped.system:
        evaluator.add_builtins({"currentSystem": shipped.system})
    file = f"{shipped.store_path}/{shipped.inner}"
    selector = Selector(evaluator, values_of(evaluator, shipped.arguments))
    root = selector.auto_call(evaluator.evaluate_file(file))

    def exists(path: str) -> bool:
        top = shipped.store_path + "/"
        return path.startswith(top) and tree.kind(os.fsencode(path[len(top) :])) is not None

    def render(error: EvaluationError) -> tuple[str, str]:
        """Returns the texts of an error, in which the same frames are folded as on the machine of the folder, where that is not in a store."""
        mark_libraries(error.trace, file, [], shipped.store_path + "/none", exists)
        text = error.render(show_trace=shipped.options.show_trace)
        return text, text

    return JobRoot(evaluator, root, shipped.options, selector=selector, features=shipped.features, render=render)


def new_evaluator(options: JobOptions, features: tuple[str, ...], growth_bytes: int | None = None) -> Interpreter:
    """An evaluator on which this machine's own files and variables have no influence."""
    from snowsnake.cache.location import machine_options
    from snowsnake.interpreter import Interpreter

    evaluator = Interpreter(
        pure=True, features=features, is_writable=True, keeps_derivations=options.is_instantiating, working_directory="/", prints_nix=False,
        **machine_options(os.environ, is_off=True),
    )  # fmt: skip
    if growth_bytes is not None:
        evaluator.limit_growth(growth_bytes)
    return evaluator


def values_of(evaluator: Interpreter, arguments: tuple[tuple[str, str, str], ...]) -> dict[bytes, Handle]:
    """The arguments of the command line as values."""
    values = {}
    for kind, name, text in arguments:
        data = text.encode("utf-8", "surrogateescape")
        values[name.encode()] = evaluator.from_python(data) if kind == "argstr" else evaluator.evaluate(data, "/")
    return values
