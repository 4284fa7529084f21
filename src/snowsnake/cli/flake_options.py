"""Options about flakes and their lock files, for every command that takes a flake.

In: parsed options.  Out: `LockOptions`, an open `FlakeSession`.
"""

import os
import sys

from snowsnake.cli import output
from snowsnake.cli.options import Arguments, UsageError
from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.cli.output import Reporter
    from snowsnake.cli.session import Session
    from snowsnake.flake.session import FlakeSession
    from snowsnake.lock.locking import LockOptions
    from snowsnake.settings import Settings

# Options that set a setting: its name and its value.
_SETTINGS = {"accept_flake_config": ("accept-flake-config", "true"), "refresh": ("tarball-ttl", "0")}


def prepare_settings(given: Arguments, settings: "Settings") -> None:
    """Changes the settings as the options say; a flake is evaluated purely unless that is switched off."""
    if not given.flag("impure"):
        settings.set("pure-eval", "true")
    for key, (name, text) in _SETTINGS.items():
        if given.flag(key):
            settings.set(name, text)


def open_flakes(given: Arguments, reporter: "Reporter", session: "Session", applies_config: bool = True) -> "FlakeSession":
    """The flakes of a session's evaluator, with what `--override-flake` and `--inputs-from` add to the registries.

    `applies_config`: the settings that flakes ask for count, as far as they are trusted.
    """
    from snowsnake.flake.session import FlakeSession
    from snowsnake.flake.trust import FlakeConfig

    settings = session.settings
    config = FlakeConfig(
        settings.set_or_warn, lambda: settings["accept-flake-config"], os.environ, reporter.warning, ask, reporter.note
    )
    if given.flag("offline"):
        session.evaluator.fetcher.is_offline = True
    flakes = FlakeSession(
        session.evaluator, settings, os.environ, reporter.warning, say_to(reporter), config if applies_config else None,
        frozenset(settings["experimental-features"]),
    )
    reporter.relabel = flakes.relabel
    for name, target in given.texts("override_flake"):
        flakes.world.registries.flags.add(_whole(flakes, name, given.base_folder), _whole(flakes, target, given.base_folder))
    for text in given.texts("inputs_from"):
        _add_inputs(flakes, text, given.base_folder)
    return flakes


def say_to(reporter: "Reporter") -> "Any":
    """A function that passes a remark to the reporter, by its kind."""
    by_kind = {"warning": reporter.warning, "note": reporter.note}
    return lambda kind, text: by_kind[kind](text)


def ask(question: str) -> str | None:
    """The user's answer to a question; None if there is no user at a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    sys.stderr.write(question + " ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def refuse_fragment(fragment: str, text: str) -> None:
    """Raises an error if the reference *text* names a part of a flake, where only a whole one is expected."""
    if fragment:
        raise EvaluationError("value", f"unexpected fragment '{fragment}' in flake reference '{text}'")


def _whole(flakes: "FlakeSession", text: str, base: str = "") -> "Any":
    reference, fragment = flakes.reference(text, base or os.getcwd(), may_be_missing=True)
    refuse_fragment(fragment, text)
    return reference


def _add_inputs(flakes: "FlakeSession", text: str, base: str) -> None:
    from snowsnake.lock.locking import LockOptions
    from snowsnake.lock.references import Reference

    locked = flakes.lock(_whole(flakes, text, base), LockOptions(may_write=False))
    for name in sorted(locked.lock_file.root.inputs):
        node = locked.lock_file.find((name,))
        if node is not None and node.locked is not None:
            flakes.world.registries.flags.add(Reference.of_attributes({"type": "indirect", "id": name}), node.locked)


def lock_options(given: Arguments, flakes: "FlakeSession", reporter: "Reporter", **more: "Any") -> "LockOptions":
    """The options about the lock file; `more` is added by a command."""
    from snowsnake.lock.lock_file import parse_input_path
    from snowsnake.lock.locking import LockOptions

    if given.flag("recreate_lock_file"):
        reporter.warning(
            "'--recreate-lock-file' is deprecated and will be removed in a future version; use 'nix flake update' instead."
        )
    if given.flag("no_registries"):
        reporter.warning("'--no-registries' is deprecated; use '--no-use-registries'")
    updates = []
    for text in given.texts("update_input"):
        reporter.warning("'--update-input' is a deprecated alias for 'flake update' and will be removed in a future version.")
        updates.append(input_path(parse_input_path(text), "--update-input"))
    overrides = {
        input_path(parse_input_path(path), "--override-input"): _whole(flakes, target, given.base_folder)
        for path, target in given.texts("override_input")
    }
    options = {
        "recreate": given.flag("recreate_lock_file"),
        "may_update": not given.flag("no_update_lock_file"),
        "may_write": not (given.flag("no_write_lock_file") or overrides or output.keeps_frames),
        "uses_registries": flakes.settings["use-registries"]
        and not (given.flag("no_registries") or given.flag("no_use_registries")),
        "commits": given.flag("commit_lock_file"),
        "reference_path": given.text("reference_lock_file"),
        "output_path": given.text("output_lock_file"),
        "overrides": overrides,
        "updates": updates,
    }
    return LockOptions(**{**options, **more})


def input_path(path: tuple[str, ...], flag: str) -> tuple[str, ...]:
    """The path of an input that a flag names; an error if it is empty."""
    if not path:
        raise UsageError(f"{flag} was passed a zero-length input path, which would refer to the flake itself, not an input")
    return path
