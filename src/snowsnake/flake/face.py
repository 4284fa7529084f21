"""Flakes for Python: their metadata, lock files and outputs.

In: references as on a command line.  Out: `Metadata`, `LockedFlake`, `Output`; errors are `EvaluationError`s.
"""

import os

from snowsnake.flake import output_tree
from snowsnake.flake.facts import Metadata
from snowsnake.flake.locks import lock_flake
from snowsnake.flake.output_tree import Output
from snowsnake.flake.session import FlakeSession
from snowsnake.foundation.arguments import a_list, a_mapping, a_path, a_str
from snowsnake.foundation.record import Belonging
from snowsnake.lock.flakes import LockedFlake
from snowsnake.lock.lock_file import LockFile, parse_input_path, read_lock_file
from snowsnake.lock.locking import LockOptions
from snowsnake.lock.references import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any


class Flakes(Belonging):
    """Flakes in one evaluator, which is pure unless `pure` is False.

    `settings` are values of nix.conf by name (None: those of this user), `base` is the folder that relative paths start from (by default
    the working directory), `cache_folder` keeps fetched sources.  `warn` gets messages; without it they are collected in `warnings`.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = open(os.path.join(folder, "flake.nix"), "w").write('{ description = "an example"; outputs = _: { a = 1; b.c = 2; }; }')
    ...     flakes = Flakes(base=folder, settings={"flake-registry": ""}, cache_folder=os.path.join(folder, ".cache"))
    ...     flakes.metadata("path:.").description, [output.name for output in flakes.show("path:.").children()]
    ('an example', ['a', 'b'])
    """

    def __init__(
        self,
        *,
        settings: "Mapping[str, str] | None" = None,
        base: "str | os.PathLike[str] | None" = None,
        pure: bool = True,
        cache_folder: "str | os.PathLike[str] | None" = None,
        warn: "Callable[[str], None] | None" = None,
    ) -> None:
        from snowsnake.interpreter import Interpreter
        from snowsnake.settings import Settings

        self.warnings: list[str] = []
        self.base = os.path.abspath(base or os.getcwd())
        warn = warn or self.warnings.append
        values = Settings.load(os.environ, warn=warn) if settings is None else Settings(warn)
        values.set("extra-experimental-features", "flakes")
        for name, text in ({} if settings is None else a_mapping("settings", settings, "names to texts")).items():
            values.set(a_str("the name of a setting", name), a_str(f"the setting {name}", text))
        self.evaluator = Interpreter(
            pure=pure, features=values["experimental-features"], settings=values, is_writable=True, working_directory=self.base
        )
        if cache_folder is not None:
            from snowsnake.fetch import FetchCache

            self.evaluator.fetcher.cache = FetchCache(os.fspath(cache_folder))
        self.evaluator.fetcher.on_warning = warn
        self.session = FlakeSession(self.evaluator, values, os.environ, warn, lambda _kind, text: warn(text))

    def reference(self, text: str) -> Reference:
        """The reference that a text means: `.`, `./x?dir=y`, `github:owner/repo`, `nixpkgs` …"""
        from snowsnake.diagnostics.flake_kinds import FlakeError

        reference, fragment = self.session.reference(a_str("a reference to a flake", text), self.base)
        if fragment:
            raise FlakeError("value", f"unexpected fragment '{fragment}' in flake reference '{text}'")
        return reference

    def locked(
        self,
        flake: str = ".",
        *,
        overrides: "Mapping[str, str] | None" = None,
        updates: "Iterable[str]" = (),
        recreate: bool = False,
        write: bool = False,
        commit: bool = False,
    ) -> LockedFlake:
        """The flake with an up-to-date lock file, which is only written if `write` says so.

        `overrides`: other flakes for inputs, by path (`nixops/nixpkgs`).  `updates`: inputs to lock again; `recreate`: all of them.
        """
        options = LockOptions(
            recreate=recreate,
            may_write=write,
            commits=commit,
            overrides={_input_path(path): self.reference(text) for path, text in a_mapping("overrides", overrides or {}, "inputs to flakes").items()},
            updates=[_input_path(path) for path in a_list("updates", updates, "inputs")],
        )
        return lock_flake(self.session.world, self.reference(flake), options)

    def metadata(self, flake: str = ".", **options: "Any") -> Metadata:
        """The facts about a flake that need no evaluation; options as for `locked`."""
        return Metadata(self.locked(flake, **options), self.session.world)

    def show(self, flake: str = ".", *, legacy: bool = False, all_systems: bool = False, **options: "Any") -> Output:
        """The tree of outputs, each of which is evaluated when it is read."""
        outputs = self.session.outputs(self.locked(flake, **options))
        return output_tree.show(outputs, self.session.system, legacy=legacy, all_systems=all_systems)

    def lock(self, flake: str = ".", **options: "Any") -> LockedFlake:
        """Writes missing entries of a lock file."""
        return self.locked(flake, write=True, **options)

    def update(self, flake: str = ".", *inputs: str, **options: "Any") -> LockedFlake:
        """Writes the lock file again: for all inputs, or for the named ones."""
        return self.locked(flake, write=True, updates=inputs, recreate=not inputs, **options)


def _input_path(path: str) -> tuple[str, ...]:
    return parse_input_path(a_str("the path of an input", path))


def metadata(flake: str = ".", **options: "Any") -> Metadata:
    """The facts about a flake that need no evaluation; options as for `Flakes`.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = open(os.path.join(folder, "flake.nix"), "w").write('{ description = "an example"; outputs = _: { a = 1; b.c = 2; }; }')
    ...     found = metadata("path:.", base=folder, settings={"flake-registry": ""}, cache_folder=os.path.join(folder, ".cache"))
    >>> found.description, sorted(found.lock_file.root.inputs)
    ('an example', [])
    """
    return Flakes(**options).metadata(flake)


def lock(flake: str = ".", **options: "Any") -> LockedFlake:
    """Writes missing entries of a flake's lock file; options as for `Flakes`.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.mkdir(os.path.join(folder, "lib"))
    ...     _ = open(os.path.join(folder, "lib/flake.nix"), "w").write("{ outputs = _: { }; }")
    ...     _ = open(os.path.join(folder, "flake.nix"), "w").write('{ inputs.lib.url = "path:./lib"; outputs = _: { }; }')
    ...     _ = lock("path:.", base=folder, settings={"flake-registry": ""}, cache_folder=os.path.join(folder, ".cache"))
    ...     sorted(read_lock(os.path.join(folder, "flake.lock")).root.inputs)
    ['lib']
    """
    return Flakes(**options).lock(flake)


def update(flake: str = ".", *inputs: str, **options: "Any") -> LockedFlake:
    """Writes a flake's lock file again, for all inputs or for the named ones; options as for `Flakes`.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = open(os.path.join(folder, "flake.nix"), "w").write('{ description = "an example"; outputs = _: { a = 1; b.c = 2; }; }')
    ...     update("path:.", base=folder, settings={"flake-registry": ""}, cache_folder=os.path.join(folder, ".cache")).lock_file.root.inputs
    {}
    """
    return Flakes(**options).update(flake, *inputs)


def show(flake: str = ".", **options: "Any") -> Output:
    """The outputs of a flake as a tree, evaluated when they are read; options as for `Flakes`.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = open(os.path.join(folder, "flake.nix"), "w").write('{ description = "an example"; outputs = _: { a = 1; b.c = 2; }; }')
    ...     found = show("path:.", base=folder, settings={"flake-registry": ""}, cache_folder=os.path.join(folder, ".cache"))
    ...     [(output.name, output.kind) for output in found.children()]
    [('a', 'unknown'), ('b', 'unknown')]
    """
    return Flakes(**options).show(flake)


def read_lock(path: "str | os.PathLike[str]") -> LockFile:
    """The graph of a `flake.lock`; nothing is fetched, and entries that are not locked are kept as they are.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "flake.lock")
    ...     _ = open(path, "w").write('{ "nodes": { "root": {} }, "root": "root", "version": 7 }')
    ...     read_lock(path).root.inputs
    {}
    """
    path = a_path("a lock file", path)
    with open(path, "rb") as file:
        return read_lock_file(file.read(), path, lambda reference: True, lambda message: None)
