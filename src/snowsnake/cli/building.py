"""Builds on behalf of commands: what is shown of them, the plan before, the links after.

In: settings, a reporter; a store, wanted outputs.  Out: valid outputs; lines on standard error, links in the current folder.
"""

import os

from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False                 # `typing` would be imported by every command
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from snowsnake.build.failure import BuildFailure
    from snowsnake.cli.output import Reporter
    from snowsnake.settings import Settings
    from snowsnake.store.interface import Store
    from snowsnake.store.local import LocalStore


def builder_of(settings: "Settings", log_folder: str, reporter: "Reporter | None") -> "Callable[[LocalStore, list[str]], None]":
    """What builds in a store in folders; nothing of it is imported before something must be built."""

    def build(store: "LocalStore", wanted: list[str]) -> None:
        from snowsnake.build.fetching import fetch_with
        from snowsnake.build.options import BuildOptions
        from snowsnake.build.scheduler import build_in

        options = BuildOptions.from_settings(settings, log_folder=log_folder, fetch=fetch_with(settings))
        if reporter is not None:
            options.on_message = reporter.building
            options.on_failure = lambda failure: reporter.failure(str(failure))
            options.shows_log_tail = not reporter.shows_logs
            options.is_old_command = reporter.is_old_command
            options.names_logs = not reporter.is_old_command
        build_in(store, wanted, options)

    return build


def report_missing(missing, note) -> None:
    """What would be built, and what cannot be known, as lists."""
    if missing.builds:
        count = len(missing.builds)
        note(f"{'this derivation' if count == 1 else f'these {count} derivations'} will be built:")
        for path in missing.builds:
            note(f"  {path}")
    if missing.unknown:
        note("don't know how to build these paths:")
        for path in missing.unknown:
            note(f"  {path}")


def realise(store: "Store", wanted: "Iterable[str]", reporter: "Reporter") -> list[str]:
    """The plan is told, then carried out; the paths.  *wanted*: store paths, `DRV!OUTPUT[,OUTPUT]`, `DRV!*`."""
    from snowsnake.store.missing import missing_paths

    items = list(wanted)
    report_missing(missing_paths(store, [item.partition("!")[0] for item in items]), reporter.note)
    return store.realise(items)


def build_error(failure: "BuildFailure", exit_code: int = 1) -> EvaluationError:
    """What a command ends with after a failure."""
    error = EvaluationError("file", str(failure))
    error.exit_code = exit_code
    return error


def link_outputs(store, link: str, outputs: "Iterable[tuple[str, str]]") -> None:
    """A link for each (output, path): *link* for `out`, with the name of the output after it for another."""
    for name, path in outputs:
        store.add_root(os.path.abspath(link) + ("" if name == "out" else f"-{name}"), path)
