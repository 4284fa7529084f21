"""A root that can be evaluated elsewhere: a folder as an archive, named by its content, and what is to be evaluated in it.

In: a file, arguments, options.  Out: a `ShippedRoot`, which is plain data; from that and the unpacked archive a `JobRoot`, on any machine the
same: evaluation is pure, and sees the folder at its store path.
"""

import os
from dataclasses import dataclass

from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.options import JobOptions


@dataclass(frozen=True)
class ShippedRoot:
    """`inner`: the file's path in the folder.  `arguments`: (kind, name, text), as `--arg` and `--argstr` give them."""

    store_path: str
    inner: str
    options: JobOptions = JobOptions()
    arguments: tuple[tuple[str, str, str], ...] = ()
    features: tuple[str, ...] = ()


def pack_root(
    file: str, options: JobOptions, arguments: tuple[tuple[str, str, str], ...] = (), features: tuple[str, ...] = ()
) -> tuple[ShippedRoot, bytes]:
    """The root in a file or folder, with everything beside and below it, or in its Git checkout; `.git` is left out."""
    from snowsnake.store import hashes, nar, store_path

    file = os.path.realpath(file)
    if os.path.isdir(file):
        file = os.path.join(file, "default.nix")
    if not os.path.isfile(file):
        raise FileNotFoundError(2, "No such file or directory", file)
    folder = top = os.path.dirname(file)
    while top != "/" and not os.path.lexists(os.path.join(top, ".git")):
        top = os.path.dirname(top)
    folder = folder if top == "/" else top
    archive = nar.pack(folder, lambda path, kind: os.path.basename(path) != ".git")
    path = store_path.fixed_path("source", "nar", "sha256", hashes.digest("sha256", archive), (), False, "/nix/store")
    return ShippedRoot(str(path), os.path.relpath(file, folder), options, arguments, features), archive


def unpack(archive: bytes, folder: str) -> None:
    """Writes an archive to a folder that is there whole or not at all."""
    from snowsnake.store import nar_reader

    if not os.path.isdir(folder):
        partial = f"{folder}.{os.getpid()}"
        nar_reader.unpack(archive, partial)
        os.rename(partial, folder)


def open_shipped(shipped: ShippedRoot, folder: str, cache_folder: str = "") -> JobRoot:
    """The root, in an evaluator of its own; the folder is the unpacked archive."""
    from snowsnake.cache.location import machine_options
    from snowsnake.evaluator import Evaluator
    from snowsnake.fetch.trees import DiskTree
    from snowsnake.selection import Selector

    evaluator = Evaluator(
        pure=True, features=shipped.features, is_writable=True, keeps_derivations=shipped.options.is_instantiating,
        working_directory="/", prints_nix=False, **machine_options(os.environ, is_off=not cache_folder, folder=cache_folder or None),
    )  # fmt: skip
    evaluator.mount(shipped.store_path, DiskTree(folder))
    values = {}
    for kind, name, text in shipped.arguments:
        data = text.encode("utf-8", "surrogateescape")
        values[name.encode()] = evaluator.from_python(data) if kind == "argstr" else evaluator.evaluate(data, "/")
    selector = Selector(evaluator, values)
    root = selector.auto_call(evaluator.evaluate_file(f"{shipped.store_path}/{shipped.inner}"))
    return JobRoot(evaluator, root, shipped.options, selector=selector, features=shipped.features)
