"""The results of a builder: they are made canonical, searched for references, hashed, checked, and registered.

In: a derivation, the places of its outputs.  Out: valid store objects, or a `BuildFailure`; if one output is rejected, none becomes valid.
"""

from __future__ import annotations

import mmap
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from snowsnake.build.content_addressed import check_flat, content_address, name_by_contents, rewritten
from snowsnake.build.failure import REJECTED, BuildFailure, Refused, has_references, hash_mismatch, not_deterministic
from snowsnake.build.request import BuildRequest
from snowsnake.store import hashing, nar, nar_reader, store_path
from snowsnake.store.content_check import modulo_digest_of
from snowsnake.store.derivation import Derivation
from snowsnake.store.graph import Cycle, reachable, sort_topologically
from snowsnake.store.hash import Hash
from snowsnake.store.local import LocalStore
from snowsnake.store.path_info import PathInfo
from snowsnake.store.realisation import Realisation, is_impure, output_name
from snowsnake.store.removal import remove
from snowsnake.store.signing import SecretKey, sign

_HASH_CHARACTERS = 32
_RUN = re.compile(rb"[0-9a-df-np-sv-z]{%d,}" % _HASH_CHARACTERS)


def register(
    store: LocalStore, drv_path: str, drv: Derivation, request: BuildRequest, scratch: Mapping[str, str], places: Mapping[str, str], folder: str,
    user: int | None = None, keys: Iterable[SecretKey] = (), repaired: Iterable[str] = (),
) -> dict[str, str]:  # fmt: skip
    """Makes outputs valid and returns their paths.

    *scratch*: the path of each output during the build; *places*: where the builder left it; *folder*: a temporary folder of the store; *user*: the user
    that the builder ran as, None for the caller; *keys* sign the outputs; *repaired*: names of outputs that are valid, and are replaced.
    """
    infos, found = _examine(store, drv_path, drv, request, scratch, places, folder, user)
    for name, info in infos.items():
        info.signatures = sorted(sign(key, info) for key in keys)
        try:
            store.complete(info, found[name])
        except ValueError as error:
            raise Refused(str(error), drv_path) from None
    for name in _in_order(drv_path, infos):
        if name in repaired or not store.has_now(infos[name].path):
            store.adopt(infos[name], found[name])
    store.flush()
    return {name: info.path for name, info in infos.items()}


def record(store: LocalStore, drv: Derivation, paths: Mapping[str, str], keys: Iterable[SecretKey] = ()) -> None:
    """Records the paths of a derivation's outputs, signed by the *keys*; an impure derivation has other outputs each time, so it is left out."""
    if is_impure(drv):
        return
    digest = store.output_hash(drv)
    for name, path in paths.items():
        realisation = Realisation(f"{digest}!{name}", path)
        for key in keys:
            realisation.sign(key)
        store.register_realisation(realisation)


def compare(
    store: LocalStore, drv_path: str, drv: Derivation, request: BuildRequest, scratch: Mapping[str, str], places: Mapping[str, str], folder: str,
    user: int | None = None, keys: Iterable[SecretKey] = (), *, keeps: bool = False,
    on_difference: Callable[[str, str], None] | None = None,
) -> None:  # fmt: skip
    """Compares the results of another build with the valid outputs: BuildFailure if one differs.  Outputs that are not valid are not compared.

    The parameters are those of `register`.  *keeps*: a result that differs is kept beside the valid output, as `.check`.  It is also kept for
    *on_difference*, which is called with the places of both.
    """
    infos, found = _examine(store, drv_path, drv, request, scratch, places, folder, user)
    for name in sorted(infos):
        path = infos[name].path
        known = store.info(path)
        if known is None:
            continue
        if known.nar_hash == infos[name].nar_hash:
            # If the valid object came from elsewhere, it now counts as built here, because this build has made the same.
            if not known.is_ultimate:
                known.is_ultimate = True
                known.signatures = sorted({*known.signatures, *(sign(key, known) for key in keys)})
                store.make_valid([known], canonicalises=False)
            continue
        real = store.real_path(path)
        keeps = keeps or on_difference is not None
        if keeps:
            remove(real + ".check")
            shutil.move(found[name], real + ".check")
        if on_difference is not None:
            on_difference(real, real + ".check")
        raise not_deterministic(drv_path, real, real + ".check" if keeps else "")


def _examine(
    store: LocalStore, drv_path: str, drv: Derivation, request: BuildRequest, scratch: Mapping[str, str], places: Mapping[str, str], folder: str,
    user: int | None,
) -> tuple[dict[str, PathInfo], dict[str, str]]:  # fmt: skip
    """Makes all checks; returns the facts about each output, and the present place of each, by name."""
    infos: dict[str, PathInfo] = {}
    found: dict[str, str] = {}
    back = {scratch[name]: output.path for name, output in drv.outputs.items() if output.path and scratch[name] != output.path}
    candidates = request.inputs | {back.get(path, path) for path in scratch.values()}
    for name, output in drv.outputs.items():
        place = places[name]
        if not os.path.lexists(place):
            raise _rejected(
                f"builder for '{drv_path}' failed to produce output path for output '{name}' at \"{place}\"", drv_path
            )
        mode = os.lstat(place).st_mode
        if not stat.S_ISLNK(mode) and mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _rejected(f"suspicious ownership or permission on \"{place}\" for output '{name}'; rejecting this build output", drv_path)
        make_canonical(place, user)
        # These builders may have had the network, so one of their processes may have leaked an open file; nobody can change a copy after it is hashed.
        if output.kind in ("fixed", "impure"):
            place = _copied(place, os.path.join(folder, f"copy-{name}"))
        if output.path and scratch[name] != output.path:
            place = rewritten(place, back, os.path.join(folder, f"back-{name}"))
        found[name] = place
        archive = os.path.join(folder, f"archive-{name}")
        digest, size, references = scan(place, candidates, archive)
        if name in request.discards_references:
            references = set()
        infos[name] = PathInfo(
            back.get(scratch[name], scratch[name]), "sha256:" + digest.hex(), size, sorted(references), deriver=drv_path, is_ultimate=True
        )
        if output.hash is not None:
            try:
                infos[name].ca = _content_address(drv_path, drv.name, place, output, infos[name])
            except WrongHash as wrong:
                # An output that refers to itself is not kept elsewhere: it would refer to a path that does not exist.
                if infos[name].path not in references:
                    _keep_other(store, drv, name, infos[name], place, wrong.got)
                raise wrong.failure from None
    if not all(output.path for output in drv.outputs.values()):
        name_by_contents(drv_path, drv, _in_order(drv_path, infos), infos, found, folder)
    check(store, drv_path, request.checks, infos)
    return infos, found


def _rejected(message: str, drv_path: str = "") -> BuildFailure:
    return BuildFailure(message, drv_path, REJECTED)


class WrongHash(Exception):
    """A fixed output does not have its expected hash."""

    def __init__(self, failure: BuildFailure, got: Hash) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.got = got


def _keep_other(store: LocalStore, drv: Derivation, name: str, info: PathInfo, place: str, got: Hash) -> None:
    """Makes the received file valid under its own path: once the derivation has the right hash, it need not be downloaded again."""
    method = drv.outputs[name].method or "flat"
    path = store_path.fixed_path(output_name(drv.name, name), method, got.algorithm, got.digest, info.references, False, drv.store_dir)
    if not store.claim(path):
        store.adopt(PathInfo(path, info.nar_hash, info.nar_size, info.references, content_address(method, got), deriver=info.deriver, is_ultimate=True), place)
        store.flush()


def make_canonical(place: str, user: int | None = None) -> None:
    """Refuses files that no store object may contain, and removes what none has: write permission, set-uid bits, extended attributes.

    *user*: the user that the builder ran as; the caller becomes the owner of that user's files.
    """
    owner = os.geteuid() if user is None else user
    # These are (device, inode) of the files with several names that have been seen.
    done: set[tuple[int, int]] = set()
    for path in _walk(place):
        status = os.lstat(path)
        mode = status.st_mode
        if status.st_nlink > 1 and not stat.S_ISDIR(mode):
            if (status.st_dev, status.st_ino) in done:
                continue
            done.add((status.st_dev, status.st_ino))
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            raise Refused(f'file "{path}" has an unsupported type')
        if status.st_uid != owner:
            raise _rejected(f'invalid ownership on file "{path}"')
        if user is not None:
            os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        for attribute in _attributes(path):
            if attribute != "security.selinux":
                os.removexattr(path, attribute, follow_symlinks=False)
        if stat.S_ISREG(mode):
            os.chmod(path, 0o555 if mode & stat.S_IXUSR else 0o444)
        elif stat.S_ISDIR(mode):
            os.chmod(path, 0o755)


def _walk(place: str) -> Iterable[str]:
    yield place
    if os.path.isdir(place) and not os.path.islink(place):
        waiting = [place]
        while waiting:
            folder = waiting.pop()
            # A builder may have removed our permission to read the folder.
            os.chmod(folder, 0o755)
            for entry in os.scandir(folder):
                yield entry.path
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)


def _attributes(path: str) -> list[str]:
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError:
        # The file system has no extended attributes.
        return []


def _copied(place: str, target: str) -> str:
    archive = target + ".nar"
    with open(archive, "w+b") as file:
        nar.pack_into(place, file.fileno())
        file.seek(0)
        nar_reader.unpack(file, target)
    os.unlink(archive)
    return target


def scan(place: str, candidates: Iterable[str], archive: str) -> tuple[bytes, int, set[str]]:
    """Returns (SHA-256, size in bytes, references) of the NAR of the tree at *place*.  *archive*: the name of a temporary file for the NAR.

    *candidates*: the paths that the tree may refer to.
    """
    by_hash = {os.fsencode(store_path.parse(path, os.path.dirname(path))[0]): path for path in candidates if path}
    with open(archive, "w+b") as file:
        try:
            nar.pack_into(place, file.fileno())
        except OSError as error:
            # Without an error number, the error does not come from the system: the tree has something that no archive can contain.
            if error.errno is None:
                raise Refused(str(error)) from None
            raise
        os.unlink(archive)
        digest, size = hashing.file_digest("sha256", f"/proc/self/fd/{file.fileno()}")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return digest, size, {by_hash[found] for found in _hashes_in(data, frozenset(by_hash))}


def _hashes_in(data: mmap.mmap | bytes, wanted: frozenset[bytes]) -> set[bytes]:
    """The *wanted* hash parts that occur in *data*, at any offset.

    >>> sorted(_hashes_in(b"xx" + b"0" * 33 + b"/", frozenset([b"0" * 32, b"1" * 32]))) == [b"0" * 32]
    True
    """
    found: set[bytes] = set()
    for match in _RUN.finditer(data):
        run = match[0]
        for start in range(len(run) - _HASH_CHARACTERS + 1):
            part = run[start : start + _HASH_CHARACTERS]
            if part in wanted:
                found.add(part)
        if len(found) == len(wanted):
            break
    return found


def _content_address(drv_path: str, name: str, place: str, output: Any, info: PathInfo) -> str:
    """The content address of a fixed output; WrongHash if the output does not have the hash that the derivation promises."""
    wanted: Hash = output.hash
    if output.method in ("flat", "text"):
        check_flat(drv_path, place)
    # An output that is hashed by the SHA-256 of its NAR may have references if its hash is wrong: `_keep_other` keeps it at another path.
    # With the right hash it is refused below.
    if info.references and (output.method, wanted.algorithm) != ("nar", "sha256"):
        raise Refused(
            f"fixed output derivation '{name}' is not allowed to refer to other store paths.\nYou may need to use the"
            " 'unsafeDiscardReferences' derivation attribute, see the manual for more details.",
            drv_path,
        )
    if info.path in info.references:
        got = Hash(wanted.algorithm, modulo_digest_of(place, info.path))
    else:
        got = Hash(wanted.algorithm, _digest_of(place, output.method, wanted.algorithm, info.hash.digest))
    if got.digest != wanted.digest:
        raise WrongHash(hash_mismatch(drv_path, wanted.sri, got.sri), got)
    if info.references:
        raise has_references(drv_path, info.references)
    return content_address(output.method, got)


def _digest_of(place: str, method: str, algorithm: str, nar_digest: bytes) -> bytes:
    if method == "nar":
        return nar_digest if algorithm == "sha256" else nar.path_digest(algorithm, place)[0]
    if method == "git":
        from snowsnake.store.git_hash import git_digest

        return bytes(git_digest(algorithm, place))
    return bytes(hashing.file_digest(algorithm, place)[0])


def _in_order(drv_path: str, infos: Mapping[str, PathInfo]) -> list[str]:
    """The names of the outputs, each after those that it refers to."""
    by_path = {info.path: name for name, info in infos.items()}
    try:
        order = sort_topologically(infos, lambda name: [by_path[path] for path in infos[name].references if path in by_path])
    except Cycle as cycle:
        raise _rejected(
            f"cycle detected in build of '{drv_path}' in the references of output '{cycle.path}' from output '{cycle.user}'", drv_path
        ) from None
    return order[::-1]


def check(store: LocalStore, drv_path: str, checks: Mapping[str, Mapping[str, Any]], infos: Mapping[str, PathInfo]) -> None:
    """Checks the sizes and references of outputs; BuildFailure if one is not allowed.  *checks*: see `Attributes.output_checks`."""
    own = {info.path: info for info in infos.values()}

    def closure_of(path: str) -> set[str]:
        return reachable([path], lambda at: (own.get(at) or store.known(at)).references)

    def size_of(path: str) -> int:
        return (own.get(path) or store.known(path)).nar_size

    def named(name: str, words: Iterable[str]) -> set[str]:
        paths = set()
        for word in words:
            if _is_path(word, store.store_dir):
                paths.add(word)
            elif word in infos:
                paths.add(infos[word].path)
            else:
                raise _rejected(
                    f"derivation '{drv_path}' output check for '{name}' contains output name '{word}', but this is not a valid output of"
                    f" this derivation. (Valid outputs are [{', '.join(sorted(infos))}].)",
                    drv_path,
                )
        return paths

    for name, info in infos.items():
        asked = checks.get(name, {})
        if (limit := asked.get("maxSize")) is not None and info.nar_size > limit:
            raise _rejected(f"path '{info.path}' is too large at {info.nar_size} bytes; limit is {limit} bytes", drv_path)
        if (limit := asked.get("maxClosureSize")) is not None and (size := sum(map(size_of, closure_of(info.path)))) > limit:
            raise _rejected(f"closure of path '{info.path}' is too large at {size} bytes; limit is {limit} bytes", drv_path)
        for attribute in ("allowedReferences", "allowedRequisites", "disallowedReferences", "disallowedRequisites"):
            words = asked.get(attribute)
            if words is None or (not words and attribute.startswith("dis")):
                continue
            used = closure_of(info.path) if attribute.endswith("Requisites") else set(info.references)
            if attribute.endswith("Requisites") and asked.get("ignoreSelfRefs"):
                used.discard(info.path)
            bad = used & named(name, words) if attribute.startswith("dis") else used - named(name, words)
            if bad:
                listed = "".join(f"\n  {path}" for path in sorted(bad))
                raise _rejected(f"output '{info.path}' is not allowed to refer to the following paths:{listed}", drv_path)


def _is_path(word: str, store_dir: str) -> bool:
    try:
        store_path.parse(word, store_dir)
    except ValueError:
        return False
    return True
