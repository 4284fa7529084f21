"""`flake check`: the outputs are evaluated, and what is wrong is said.  Nothing is built."""

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.flake.checking import Checker


def check(call, locked, *, keeps_going: bool, all_systems: bool) -> int:
    """The exit code; the first error is raised unless the check is to go on."""
    reporter, flakes = call.reporter, call.flakes
    checker = Checker(
        call.session.evaluator,
        flakes.system,
        reporter.note,
        reporter.warning,
        reporter.error,
        keeps_going=keeps_going,
        all_systems=all_systems,
        shown=flakes.shown,
    )
    reporter.note("evaluating flake...")
    checker.check(flakes.outputs(locked))
    call.session.evaluator.flush_store()
    if checker.failed:
        raise EvaluationError("value", "some errors were encountered during the evaluation")
    reporter.note("all checks passed!")
    if checker.omitted:
        names = ", ".join(sorted(checker.omitted))
        reporter.warning(f"The check omitted these incompatible systems: {names}\nUse '--all-systems' to check all.")
    return 0
