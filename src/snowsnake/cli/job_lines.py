"""Jobs as lines of JSON on stdout, for `snowsnake-eval-jobs` and `snowsnake jobs --json`.

In: a root, limits.  Out: lines; errors also on stderr; the exit code.
"""

import signal
import sys

from snowsnake.cli.output import Reporter, waits_no_longer
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.options import JobOptions, RunOptions
from snowsnake.jobs.reply import Reply, json_line
from snowsnake.jobs.run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.session import Session
    from snowsnake.foundation.json_type import Json
    from snowsnake.handle import Handle
    from snowsnake.jobs.ledger import Segment
    from snowsnake.store.local import LocalStore


class Terminated(KeyboardInterrupt):
    """SIGTERM ends a run as Ctrl-C does."""

    number = signal.SIGTERM


def job_root(session: "Session", root: "Handle", options: JobOptions) -> JobRoot:
    """The root of jobs in a session; errors look as the session's reporter shows them."""
    reporter, settings = session.reporter, session.settings

    def render(error: EvaluationError) -> tuple[str, str]:
        if reporter.relabel is not None:
            reporter.relabel(error)
        plain = error.render(show_trace=options.show_trace)
        return plain, error.render(show_trace=options.show_trace, colours=True) if reporter.has_colours() else plain

    features = settings["experimental-features"]
    return JobRoot(session.evaluator, root, options, selector=session.selector, features=features, render=render)


def print_jobs(root: JobRoot, limits: RunOptions, reporter: Reporter) -> int:
    """Prints all jobs as lines, with aggregates that name others at the end; returns the exit code."""
    from snowsnake.jobs.constituents import names_others

    run = Run(root, limits)
    jobs: dict[str, dict[str, Json]] = {}
    with_aggregates = root.options.constituents
    old = signal.signal(signal.SIGTERM, on_term)
    try:
        for reply in run.replies():
            report(reply)
            if with_aggregates:
                jobs[reply.fields["attr"]] = reply.fields
                if names_others(reply.fields):
                    continue
            print_line(reply.line)
    except Terminated:
        waits_no_longer()
        reporter.failure("terminated")
        return 143
    finally:
        signal.signal(signal.SIGTERM, old)
    if with_aggregates:
        _print_aggregates(jobs, root.evaluator.store, root.options.gc_roots, reporter)
    for reply in run.broken:
        reporter.failure(_broken(reply))
    return 1 if run.broken else 0


def on_term(number: int, frame: object) -> None:
    raise Terminated


def report(reply: Reply) -> None:
    """Writes an attribute's error to standard error."""
    if reply.error is not None:
        sys.stderr.write((reply.report or reply.error) + "\n")
        sys.stderr.flush()


def print_line(line: str) -> None:
    _print([(line + "\n").encode("utf-8", "replace")])


def print_found(found: "list[Reply | Segment]") -> None:
    """Prints the lines of replies; a segment has its lines already, joined."""
    pieces: list[bytes | memoryview] = []
    lines: list[str] = []
    for reply in found:
        if isinstance(reply, Reply):
            lines.append(reply.line + "\n")
            continue
        pieces += ["".join(lines).encode("utf-8", "replace"), reply.lines]
        lines.clear()
    _print([*pieces, "".join(lines).encode("utf-8", "replace")])


def _print(pieces: "list[bytes | memoryview]") -> None:
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _broken(reply: Reply) -> str:
    """The error of an attribute whose evaluation ended a worker, or would have ended a worker of nix-eval-jobs."""
    error = str(reply.error).removeprefix("error: ")
    if error.startswith("while reading result"):
        return error
    where = ".".join(reply.path)
    return f"while reading result for attrPath '{where}', evaluation reached a limit of the evaluator (possible infinite recursion)"


def _print_aggregates(jobs: "dict[str, dict[str, Json]]", store: "LocalStore", gc_roots: str, reporter: Reporter) -> None:
    if store is None or not hasattr(store, "add_derivation"):
        reporter.warning("constituents feature requires a local store, skipping aggregate rewriting")
        return
    from snowsnake.jobs.constituents import finish_aggregates

    say = {"error": reporter.failure, "warning": reporter.warning}
    for fields in finish_aggregates(jobs, store, gc_roots, lambda level, text: say[level](text)):
        print_line(json_line(fields))
