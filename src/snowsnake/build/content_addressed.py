"""Outputs whose paths follow from their contents.  In each, the temporary paths of other outputs are replaced first, and then its own.

In: outputs as their builder left them, at temporary paths.  Out: copies of them at their final paths.
"""

from __future__ import annotations

import mmap
import os
import re
import stat
from collections.abc import Mapping

from snowsnake.build.failure import REJECTED, BuildFailure, Refused
from snowsnake.store import nar, nar_reader, store_path
from snowsnake.store.content_check import modulo_digest, modulo_digest_of
from snowsnake.store.derivation import Derivation
from snowsnake.store.hash import Hash
from snowsnake.store.path_info import PathInfo
from snowsnake.store.realisation import output_name

_PART_SIZE = 32


def name_by_contents(
    drv_path: str, drv: Derivation, order: list[str], infos: dict[str, PathInfo], places: dict[str, str], folder: str
) -> None:
    """Sets the final paths of outputs in *infos*, and the places of the copies that contain them in *places*.

    *order*: the names of outputs, each after those that it refers to; *folder*: where the copies are made.  BuildFailure for an output that cannot be
    hashed by its method.
    """
    # This maps temporary paths to final paths.
    names: dict[str, str] = {}
    for name in order:
        output, info = drv.outputs[name], infos[name]
        if output.path:
            continue
        assert output.method is not None and output.algorithm is not None
        scratch = info.path
        if output.method in ("flat", "text"):
            check_flat(drv_path, places[name])
        others = sorted(names.get(path, path) for path in info.references if path != scratch)
        rewrites = {path: names[path] for path in info.references if path in names}
        place = places[name] = rewritten(places[name], rewrites, os.path.join(folder, f"named-{name}"))
        is_own = scratch in info.references
        content = Hash(output.algorithm, _digest(output.method, output.algorithm, place, scratch))
        try:
            path = store_path.fixed_path(
                output_name(drv.name, name), output.method, content.algorithm, content.digest, others, is_own, drv.store_dir
            )
        except ValueError as error:
            raise Refused(str(error), drv_path) from None
        if is_own:
            places[name] = rewritten(place, {scratch: path}, os.path.join(folder, f"own-{name}"))
        digest, info.nar_size = nar.path_digest("sha256", places[name])
        info.nar_hash = "sha256:" + digest.hex()
        info.references = sorted({*others, *([path] if is_own else ())})
        info.ca = content_address(output.method, content)
        info.path = names[scratch] = path


def content_address(method: str, content: Hash) -> str:
    """The content address in the text form of C++ Nix, such as `fixed:r:sha256:…`."""
    kind = {"nar": "fixed:r", "text": "text", "git": "fixed:git"}.get(method, "fixed")
    return f"{kind}:{content.format('nix32', with_algorithm=True)}"


def check_flat(drv_path: str, place: str) -> None:
    """Checks that an output that is hashed by its bytes is a plain file; BuildFailure if it is not."""
    mode = os.lstat(place).st_mode
    if not stat.S_ISREG(mode) or mode & stat.S_IXUSR:
        raise BuildFailure(
            f'output path "{place}" should be a non-executable regular file since recursive hashing is not enabled'
            " (one of outputHashMode={flat,text} is true)",
            drv_path, REJECTED,
        )


def _digest(method: str, algorithm: str, place: str, scratch: str) -> bytes:
    found: bytes
    if method == "git":
        from snowsnake.store.git_hash import git_digest

        found = git_digest(algorithm, place)
    elif method == "nar":
        found = modulo_digest_of(place, scratch, algorithm)
    else:
        with open(place, "rb") as file:
            found = modulo_digest(file, scratch, algorithm)
    return found


def _part(path: str) -> bytes:
    return path.rpartition("/")[2][:_PART_SIZE].encode()


def rewritten(place: str, names: Mapping[str, str], target: str) -> str:
    """Copies the tree at *place* to *target*, and replaces the hash parts of some paths wherever they occur; *names* maps old paths to new ones.

    Returns *target*; without *names* it makes no copy, and returns *place*.
    """
    parts = {_part(old): _part(new) for old, new in names.items()}
    if not parts:
        return place
    pattern = re.compile(b"|".join(map(re.escape, parts)))
    with open(target + ".nar", "w+b") as archive:
        os.unlink(target + ".nar")
        nar.pack_into(place, archive.fileno())
        with mmap.mmap(archive.fileno(), 0) as data:
            for match in pattern.finditer(data):
                start, end = match.span()
                data[start:end] = parts[match[0]]
        archive.seek(0)
        nar_reader.unpack(archive, target)
    return target
