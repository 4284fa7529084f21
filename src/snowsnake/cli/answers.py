"""When commands use the evaluation cache of flakes, and which settings its answers depend on.

In: a session, its flakes, a locked flake.  Out: `FlakeAnswers`, or None where everything is evaluated.
"""

import os

from snowsnake.cli.output import QUIET, at_end
from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.session import Session
    from snowsnake.flake.answers import FlakeAnswers
    from snowsnake.flake.session import FlakeSession
    from snowsnake.lock.flakes import LockedFlake
    from snowsnake.settings import Settings

# Settings that change the result of a pure evaluation, or whether it fails; the evaluator itself adds some more.
_SETTINGS = (
    "abort-on-warn", "allow-import-from-derivation", "allowed-uris", "eval-system", "experimental-features", "lint-absolute-path-literals",
    "lint-short-path-literals", "lint-url-literals", "max-call-depth", "restrict-eval", "system", "trace-verbose", "trust-tarballs-from-git-forges",
)  # fmt: skip


def open_answers(session: "Session", flakes: "FlakeSession", locked: "LockedFlake", *, is_refreshed: bool) -> "FlakeAnswers | None":
    """The user's cache, unless it is off, the evaluation is not pure, or somebody wants to watch it."""
    settings = session.settings
    is_watched = settings["trace-function-calls"] or settings["eval-profiler"] != "disabled" or session.reporter.verbosity > QUIET
    if not (settings["eval-cache"] and settings["pure-eval"]) or is_watched or session.arguments:
        return None
    from snowsnake.cache.location import default_folder

    folder = default_folder(os.environ)
    if folder is None:
        return None
    from snowsnake.flake.answers import FlakeAnswers

    found = FlakeAnswers(folder, flakes, locked, settings_of_results(settings), reads=not is_refreshed)
    if not session.answers:
        at_end(lambda: _settle(session.answers))
    session.answers.append(found)
    return found


def _settle(answers: "list[FlakeAnswers]") -> None:
    from snowsnake.flake.answers import settle

    try:
        settle(answers)
    except (OSError, EvaluationError, KeyboardInterrupt):
        # The command has done its work; the next one evaluates again.
        pass


def settings_of_results(settings: "Settings") -> list[list[str]]:
    """The settings on which results depend, besides those that the evaluator itself has."""
    return [[name, settings.text(name)] for name in _SETTINGS]
