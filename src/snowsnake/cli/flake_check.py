"""`flake check`: evaluates the outputs, builds the checks for this system, and reports what is wrong."""

from snowsnake.cli.output import evaluates_no_more
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.flake.checking import Checker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.build.failure import BuildFailure
    from snowsnake.cli.flake import FlakeCall
    from snowsnake.lock.flakes import LockedFlake

_GREEN = "\x1b[32;1m"


def check(call: "FlakeCall", locked: "LockedFlake", *, keeps_going: bool, all_systems: bool, builds: bool) -> int:
    """Checks a flake and returns the exit code; raises the first error unless *keeps_going*."""
    reporter, flakes = call.reporter, call.flakes
    checker = Checker(
        call.session.evaluator,
        flakes.system,
        reporter.activity,
        reporter.info,
        reporter.warning,
        reporter.error,
        keeps_going=keeps_going,
        all_systems=all_systems,
        hydra_jobs_import=call.session.settings.is_set("allow-import-from-derivation"),
        shown=flakes.shown,
        turns=flakes.world.turns(locked.flake.place),
    )
    with reporter.activity("evaluating flake"):
        checker.check(flakes.outputs(locked))
    call.session.evaluator.flush_store()
    if builds:
        evaluates_no_more()
    if builds and checker.checks and _build(call, checker.checks, keeps_going):
        checker.failed = True
    if checker.failed:
        raise EvaluationError("value", "some errors were encountered during the evaluation")
    reporter.info(reporter.painted(_GREEN, "all checks passed!"))
    if checker.omitted:
        names = ", ".join(sorted(checker.omitted))
        reporter.warning(f"The check omitted these incompatible systems: {names}\nUse '--all-systems' to check all.")
    return 0


def _build(call: "FlakeCall", checks: dict[str, list[str]], keeps_going: bool) -> bool:
    """Builds the checks and returns whether one failed; raises the first failure unless *keeps_going*.  *checks*: attributes by derivation."""
    from snowsnake.cli.building import realise_all
    from snowsnake.store.missing import missing_paths

    reporter, store = call.reporter, call.session.evaluator.store
    if store is None:
        reporter.warning("The checks were evaluated, but not built: there is no store to build in (give '--store').")
        return False
    missing = sorted(missing_paths(store, list(checks)).builds)
    reporter.info(f"running {len(missing)} flake checks...")
    failures = realise_all(store, [f"{path}!*" for path in missing], reporter)
    for path in sorted(failures):
        for said in _said(path, checks.get(path, []), failures[path]):
            error = EvaluationError("file", said)
            if not keeps_going:
                raise error
            reporter.error(error)
    return bool(failures)


def _said(path: str, attributes: list[str], failure: "BuildFailure") -> list[str]:
    build = f"build of '{path}^*' failed: {failure}"
    return [f"failed to build attribute '{attribute}', {build}" for attribute in attributes] or [build]
