"""Builds on behalf of commands: progress, the plan before, the links after.

In: settings, a reporter; a store, wanted outputs.  Out: valid outputs; lines on standard error, links in the current folder.
"""

import os
import sys

from snowsnake.cli.output import QUIET
from snowsnake.diagnostics.error import EvaluationError, Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

    from snowsnake.build.failure import BuildFailure
    from snowsnake.build.realisation import Realiser
    from snowsnake.cli.output import Reporter
    from snowsnake.cli.substituters import Opener
    from snowsnake.settings import Settings
    from snowsnake.store.interface import Missing, Store
    from snowsnake.store.local import LocalStore
    from snowsnake.store.place import DaemonPlace, StorePlace


class LazyBuilder:
    """Builds and substitutes in a store in folders; its modules are imported when something is missing."""

    def __init__(
        self, settings: "Settings", log_folder: str, reporter: "Reporter | None", open_one: "Opener",
        features: "Collection[str] | None" = None,
    ) -> None:  # fmt: skip
        """*features*: those of the store's URL, which take the place of the setting `system-features`."""
        self._settings = settings
        self._features = features
        self._log_folder = log_folder
        self._reporter = reporter
        self._open_one = open_one
        self._made: Realiser | None = None
        # The settings' count of changes when `_made` was made.
        self._changes = 0

    def realise(self, store: "LocalStore", wanted: list[str]) -> None:
        self._realiser().realise(store, wanted)

    def missing(self, store: "Store", wanted: "Iterable[str]") -> "Missing":
        from snowsnake.store.interface import Missing

        items = list(wanted)
        if _are_valid(store, items):
            return Missing()
        return self._realiser().missing(store, items)

    def check(self, store: "LocalStore", wanted: list[str]) -> None:
        self._realiser().check(store, wanted)

    def repair(self, store: "LocalStore", wanted: list[str]) -> None:
        self._realiser().repair(store, wanted)

    def repair_path(self, store: "LocalStore", path: str) -> None:
        self._realiser().repair_path(store, path)

    def _realiser(self) -> "Realiser":
        if self._made is not None and self._changes == self._settings.changes:
            return self._made
        from snowsnake.build.fetching import fetch_with
        from snowsnake.build.options import BuildOptions
        from snowsnake.build.realisation import Realiser
        from snowsnake.cli.substituters import substituters_of
        from snowsnake.settings.known import KNOWN

        settings, reporter = self._settings, self._reporter
        self._changes = settings.changes
        log_folder = self._log_folder if settings["keep-build-log"] else None
        options = BuildOptions.from_settings(settings, log_folder=log_folder, fetch=fetch_with(settings))
        if options.post_build_hook:
            options.hook_config = "".join(f"{name} = {settings.text(name)}\n" for name in KNOWN if settings.is_set(name))
        if self._features is not None:
            options.features = frozenset(self._features) | ({"ca-derivations"} & set(settings["experimental-features"]))
        options.build_hook = _build_hook(settings)
        if options.build_hook:
            options.hook_settings = {name: settings.text(name) for name in settings.overridden}
        if reporter is not None:
            options.verbosity = reporter.verbosity
            options.on_message = reporter.building
            options.on_note = reporter.info
            options.on_fault = reporter.note
            options.on_remark = reporter.remark
            options.on_event = reporter.event
            options.follows_events = reporter.is_followed
            options.on_warning = reporter.warning
            options.on_failure = lambda failure: _tell(reporter, failure)
            options.shows_log_tail = not reporter.shows_logs
            options.is_quiet = reporter.is_quiet
            options.is_old_command = reporter.is_old_command
            options.names_logs = not reporter.is_old_command
        substituters = substituters_of(settings, reporter, self._open_one)
        self._made = Realiser(options, substituters, always_substitutes=settings["always-allow-substitutes"])
        return self._made


def _build_hook(settings: "Settings") -> tuple[str, ...]:
    """The words of the program that builds on other machines: the user's, otherwise our own if there are machines."""
    from snowsnake.build.machines import parse_machines

    if settings.is_set("build-hook"):
        return tuple(settings["build-hook"])
    try:
        if not parse_machines(settings["builders"], settings["system"]):
            return ()
    except (ValueError, OSError):
        # The hook reports it.
        pass
    return (sys.executable, "-c", "from snowsnake.cli.entry_points import nix; nix()", "__build-remote")


def failures_of(reporter: "Reporter", make: "Callable[[], object]") -> "dict[str, ValueError]":
    """Calls *make* and returns what went wrong, by derivation ("" for what belongs to none); nothing of it is shown."""
    found: dict[str, Any] = {}
    reporter.build_failures = found
    try:
        make()
    except ValueError as error:
        found.setdefault(getattr(error, "drv_path", "") or ("" if not found else next(iter(found))), error)
    finally:
        reporter.build_failures = None
    return found


def _are_valid(store: "Store", wanted: list[str]) -> bool:
    """Whether nothing needs to be done, as far as that can be known without asking substituters."""
    for item in wanted:
        path, mark, names = item.partition("!")
        if not mark:
            if path.endswith(".drv") or not store.is_valid(path):
                return False
            continue
        if "!" in names or not store.has_derivation(path):
            return False
        outputs = store.read_derivation(path).outputs
        for name in outputs if names == "*" else names.split(","):
            if name not in outputs or not outputs[name].path or not store.is_valid(outputs[name].path):
                return False
    return True


class BuilderElsewhere:
    """Builds for an evaluation whose store (`--eval-store`) is not the one that builds, and copies to it what was built."""

    def __init__(self, settings: "Settings", place: "StorePlace | DaemonPlace") -> None:
        self._settings = settings
        self._place = place

    def realise(self, store: "LocalStore", wanted: list[str]) -> None:
        from snowsnake.build.copying import copy_paths, copy_realisations
        from snowsnake.store.graph import closure
        from snowsnake.store.realisation import DerivationHashes
        from snowsnake.store.trust import PublicKeys

        keys = PublicKeys.parse(list(self._settings["trusted-public-keys"])) if self._settings["require-sigs"] else None
        with self._place.open() as builder:
            builder.evaluations, builder.must_stop = store, store.must_stop
            paths = closure(builder, builder.realise(wanted))
            copy_paths(builder, store, sorted(paths), keys, lambda text: None)
            output_keys, found = DerivationHashes(builder.read, builder.store_dir), []
            for item in wanted:
                drv_path, mark, _ = item.partition("!")
                drv = builder.read_derivation(drv_path) if mark else None
                if drv is not None and not all(output.path for output in drv.outputs.values()):
                    digest = output_keys.of(drv)
                    found += [builder.realisation(f"{digest}!{name}") for name in drv.outputs]
            copy_realisations(store, [realisation for realisation in found if realisation is not None], keys)

    def missing(self, store: "Store", wanted: "Iterable[str]") -> "Missing":
        from snowsnake.store.missing import missing_paths

        return missing_paths(store, wanted)

    def check(self, store: "LocalStore", wanted: list[str]) -> None:
        with self._place.open() as builder:
            builder.evaluations = store
            builder.check(wanted)

    def repair(self, store: "LocalStore", wanted: list[str]) -> None:
        with self._place.open() as builder:
            builder.evaluations = store
            builder.repair(wanted)

    def repair_path(self, store: "LocalStore", path: str) -> None:
        raise ValueError(f"path '{path}' cannot be repaired in a store that only evaluates")


def report_missing(missing: "Missing", reporter: "Reporter", level: int = QUIET) -> None:
    """Reports what would be built and fetched, and what is not known, as lists, unless `--quiet` leaves out messages of this level."""
    from snowsnake.store.collecting import ignored_warning

    lines: list[str] = []
    for path in missing.ignored:
        reporter.warning(ignored_warning(path))
    if missing.builds:
        count = len(missing.builds)
        lines.append(f"{'this derivation' if count == 1 else f'these {count} derivations'} will be built:")
        lines += [f"  {path}" for path in missing.builds]
    if missing.fetches:
        from snowsnake.store.sizes import size_text

        count = len(missing.fetches)
        sizes = f"({size_text(missing.download_size)} download, {size_text(missing.nar_size)} unpacked)"
        lines.append(f"{'this path' if count == 1 else f'these {count} paths'} will be fetched {sizes}:")
        lines += [f"  {path}" for path in missing.fetches]
    if missing.unknown:
        lines.append("don't know how to build these paths:")
        lines += [f"  {path}" for path in missing.unknown]
    if level:
        reporter.notes(lines)
    else:
        for line in lines:
            reporter.note(line)


def realise(store: "Store", wanted: "Iterable[str]", reporter: "Reporter") -> list[str]:
    """Prints the plan, carries it out, and returns the paths.  *wanted*: store paths, `DRV!OUTPUT[,OUTPUT]`, `DRV!*`."""
    items = list(wanted)
    report_missing(store.missing(items), reporter)
    try:
        return store.realise(items)
    except ValueError as error:
        # A daemon that could not build several derivations reports each of them.
        for fault in getattr(error, "faults", ()):
            reporter.failure(fault)
        raise


def _tell(reporter: "Reporter", failure: "BuildFailure") -> None:
    if reporter.build_failures is None:
        reporter.failure(str(failure))
    else:
        reporter.build_failures[failure.drv_path] = failure


def realise_all(store: "Store", wanted: list[str], reporter: "Reporter") -> "dict[str, BuildFailure]":
    """Builds what is wanted and returns the failures, by derivation; nothing of them is shown."""
    from snowsnake.build.failure import BuildFailure

    found: dict[str, BuildFailure] = {}
    reporter.build_failures = found
    try:
        if wanted:
            store.realise(wanted)
    except BuildFailure as failure:
        # Without a derivation, the message itself says which of several failed.
        if failure.drv_path or not found:
            found[failure.drv_path] = failure
    finally:
        reporter.build_failures = None
    return found


def check_again(store: "Store", wanted: "Iterable[str]", reporter: "Reporter") -> list[str]:
    """`--check`, `--rebuild`: builds valid outputs again, compares them, and returns the paths."""
    items = list(wanted)
    report_missing(store.missing(items), reporter)
    store.check(items)
    return store.realise(items)


def repair(store: "Store", wanted: "Iterable[str]", reporter: "Reporter") -> list[str]:
    """`--repair`: does what `realise` does, and fetches or builds damaged objects again: the wanted ones and those that they refer to."""
    items = list(wanted)
    report_missing(store.missing(items), reporter)
    store.repair(items)
    return store.realise(items)


class BuildErrors:
    """Inside the `with`, a failed build is the error that ends the command: with 1, or with the failure's own exit code if *tells_kind*."""

    def __init__(self, *, tells_kind: bool = False) -> None:
        self._tells_kind = tells_kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        if failure is None:
            return
        from snowsnake.build.failure import BuildFailure

        if isinstance(failure, BuildFailure):
            raise build_error(failure, failure.exit_code if self._tells_kind else 1) from None


def build_error(failure: "BuildFailure", exit_code: int = 1) -> EvaluationError:
    """The error that ends a command with *exit_code*."""
    trace = [Frame("text", line, None) for line in getattr(failure, "trace", ())]
    error = EvaluationError("file", str(failure), trace=trace)
    error.exit_code = exit_code
    return error


def link_outputs(store: "Store", link: str, outputs: "Iterable[tuple[str, str]]") -> None:
    """Makes a link for each (output, path): *link* for `out`, with the name of the output after it for others.  A store without roots gets none."""
    if not store.has_roots:
        return
    for name, path in outputs:
        store.add_root(os.path.abspath(link) + ("" if name == "out" else f"-{name}"), path)
