"""Builders that are part of Nix: `builtin:fetchurl`, `builtin:unpack-channel`, `builtin:buildenv`.  The first runs in our own process.

In: a derivation's environment, the place for its output.  Out: the output, or an error.
"""

from __future__ import annotations

import lzma
import os
import shutil
from collections.abc import Mapping
from typing import BinaryIO, cast

from snowsnake.build.options import BuildOptions
from snowsnake.fetch.archive import unpack
from snowsnake.store import nar_reader

_IGNORED = ("/propagated-build-inputs", "/nix-support", "/perllocal.pod", "/info/dir", "/log", "/manifest.nix", "/manifest.json")

Environment = Mapping[str, str]


def run_builtin(name: str, environment: Environment, place: str, folder: str) -> None:
    """Runs the builder *name*, except fetchurl, in the sandboxed process; *place* (of the output) and *folder* are paths inside the sandbox."""
    known = {"builtin:unpack-channel": _unpack_channel, "builtin:buildenv": _build_environment}
    if name not in known:
        raise ValueError(f"unsupported builtin builder '{name.removeprefix('builtin:')}'")
    known[name](environment, place, folder)


def _attribute(environment: Environment, name: str) -> str:
    if name not in environment:
        raise ValueError(f"attribute '{name}' missing")
    return environment[name]


def download(environment: Environment, place: str, folder: str, options: BuildOptions) -> None:
    """Carries out `builtin:fetchurl`: makes the output at *place*; *folder* is for temporary files.  ValueError, OSError or FetchFailure if it cannot."""
    url = _attribute(environment, "url")
    if options.fetch is None:
        raise ValueError(f"unable to download '{url}': nothing here can fetch (pip install 'snowsnake[fetch]')")
    path = options.fetch(url, folder)
    if environment.get("unpack") == "1":
        with open(path, "rb") as packed:
            start = packed.read(6)
        try:
            with open(path, "rb") if start != b"\xfd7zXZ\0" else lzma.open(path, "rb") as archive:
                nar_reader.unpack(cast("BinaryIO", archive), place)
        except (lzma.LZMAError, EOFError) as error:
            raise ValueError(f"unable to decompress '{url}': {error}") from None
    else:
        shutil.copyfile(path, place)
        if environment.get("executable") == "1":
            os.chmod(place, 0o755)


def _unpack_channel(environment: Environment, place: str, folder: str) -> None:
    name = _attribute(environment, "channelName")
    if "/" in name or name in ("", ".", ".."):
        raise ValueError(f"channelName is not allowed to contain filesystem separators, got {name}")
    target = os.path.join(folder, "channel")
    unpack(_attribute(environment, "src"), target, is_named=True)
    entries = os.listdir(target)
    if len(entries) != 1:
        raise ValueError("channel tarball contains more than one file")
    os.mkdir(place)
    os.rename(os.path.join(target, entries[0]), os.path.join(place, name))


def _build_environment(environment: Environment, place: str, folder: str) -> None:
    """Makes a tree of links to the contents of packages.

    The attribute `derivations` has words for each package: whether it is active, its priority, the number of its outputs, and their paths.
    """
    words = _attribute(environment, "derivations").split()
    packages: list[tuple[int, str]] = []
    position = 0
    while position + 2 < len(words):
        is_active, priority, count = words[position] != "false", int(words[position + 1]), int(words[position + 2])
        if is_active:
            packages += [(priority, path) for path in words[position + 3 : position + 3 + count]]
        position += 3 + count
    os.makedirs(place, exist_ok=True)
    tree = _LinkTree(place)
    for priority, path in sorted(packages):
        tree.add_package(path, priority)
    priority = 1000
    while tree.postponed:
        postponed, tree.postponed = sorted(tree.postponed), set()
        for path in postponed:
            tree.add_package(path, priority)
            priority += 1
    os.symlink(_attribute(environment, "manifest"), os.path.join(place, "manifest.nix"))


def _warn(message: str) -> None:
    """Writes a warning to the build's log."""
    os.write(2, f"warning: {message}\n".encode("utf-8", "surrogateescape"))


class _LinkTree:
    """Makes links to the contents of several packages; of two files with one name, that of the package with the lower number wins."""

    def __init__(self, place: str) -> None:
        self.place = place
        # Packages in the tree propagate these packages, which are linked last.
        self.postponed: set[str] = set()
        self._done: set[str] = set()
        self._priorities: dict[str, int] = {}

    def add_package(self, path: str, priority: int) -> None:
        if path in self._done:
            return
        self._done.add(path)
        self._link(path, self.place, priority)
        try:
            with open(os.path.join(path, "nix-support/propagated-user-env-packages")) as file:
                self.postponed.update(word for word in file.read().split() if word not in self._done)
        except (FileNotFoundError, NotADirectoryError):
            pass

    def _link(self, source: str, target: str, priority: int) -> None:
        try:
            names = sorted(os.listdir(source))
        except NotADirectoryError:
            _warn(f"not including \"{source}\" in the user environment because it's not a directory")
            return
        for name in names:
            if name.startswith("."):
                continue
            here, there = os.path.join(source, name), os.path.join(target, name)
            if not os.path.exists(here):
                _warn(f"skipping dangling symlink '{there}'")
            elif not here.endswith(_IGNORED) and self._may_link(here, there, priority):
                os.symlink(here, there)
                self._priorities[there] = priority

    def _may_link(self, here: str, there: str, priority: int) -> bool:
        """Returns whether *here* is to be linked at *there*, for which it makes room; two folders are merged instead."""
        if os.path.isdir(here):
            if os.path.isdir(there) and not os.path.islink(there):
                self._link(here, there, priority)
                return False
            if os.path.islink(there):
                target = os.path.realpath(there)
                if not os.path.isdir(target):
                    raise ValueError(f'collision between "{here}" and non-directory "{target}"')
                os.unlink(there)
                os.mkdir(there)
                self._link(target, there, self._priorities.get(there, priority))
                self._link(here, there, priority)
                return False
            return True
        if os.path.islink(there):
            before = self._priorities.get(there, priority)
            if before == priority:
                raise ValueError(
                    f"Unable to build profile. There is a conflict for the following files:\n\n  \"{os.readlink(there)}\"\n  \"{here}\""
                )
            if before < priority:
                return False
            os.unlink(there)
        elif os.path.isdir(there):
            raise ValueError(f"collision between non-directory '{here}' and directory '{there}'")
        return True
