"""`snowsnake jobs`: evaluate all attributes of a root, and say what came of it.

In: options, a file, an expression or a flake.  Out: a progress bar, failures grouped by their cause, a summary; lines of JSON, a page of HTML.
"""

import os
import signal
import sys

from snowsnake.cli.evaluate import LOCK_OPTIONS, SOURCE_OPTIONS, load, names_flake, session_of
from snowsnake.cli.options import Arguments, Option
from snowsnake.cli.output import Reporter

_OWN_OPTIONS = (
    Option("--workers", "N", "how many processes evaluate (default: as many as there are processors)"),
    Option("--max-memory-size", "MIB", "replace a worker that has more after a job (default: 4096)"),
    Option("--json", "", "print a line of JSON for each job, as snowsnake-eval-jobs does"),
    Option("--html", "FILE", "write a page about the run"),
    Option("--meta", "", "include the derivations' metadata"),
    Option("--show-input-drvs", "", "include the derivations that each one needs"),
    Option("--check-cache-status", "", "include what would have to be built"),
    Option("--force-recurse", "", "enter all sets, whether they ask for it or not"),
    Option("--select", "EXPR", "apply this function to the root before it is looked through"),
    Option("--apply", "EXPR", "apply this function to each derivation"),
    Option("--no-instantiate", "", "write no derivations, only evaluate"),
)
_NOT_OURS = ("--attr", "--stats", "--files-read", "--stress")
OPTIONS = _OWN_OPTIONS + tuple(o for o in SOURCE_OPTIONS + LOCK_OPTIONS if not set(o.names).intersection(_NOT_OURS))
USAGE = "snowsnake jobs [OPTION …] [FILE | -E EXPR | FLAKE#ATTR]"
SUMMARY = "Evaluate all derivations below a root, by several workers: one that fails or crashes ends nothing but itself."


def run(given: Arguments, reporter: Reporter) -> int:
    from snowsnake.cli.job_lines import on_term
    from snowsnake.cli.job_progress import progress_for
    from snowsnake.jobs.run import Run

    run_ = Run(root_of(given, reporter), limits_of(given))
    old = signal.signal(signal.SIGTERM, on_term)
    progress = progress_for(reporter)
    try:
        return show(given, run_, progress)
    finally:
        progress.close()
        signal.signal(signal.SIGTERM, old)


def root_of(given: Arguments, reporter: Reporter):
    """The root of the jobs, as the options describe it."""
    from snowsnake.cli.job_lines import job_root

    prepare = None
    if names_flake(given):
        from snowsnake.cli.flake_options import prepare_settings

        def prepare(settings) -> None:
            settings.set("extra-experimental-features", "flakes")
            prepare_settings(given, settings)

    is_instantiating = not given.flag("no_instantiate")
    session = session_of(given, reporter, prepare, prints_nix=False, is_writable=is_instantiating, keeps_derivations=is_instantiating)
    root = session.selector.auto_call(load(session, given))
    return job_root(session, root, job_options(given, session.settings))


def job_options(given: Arguments, settings):
    from snowsnake.jobs.options import JobOptions

    return JobOptions(
        meta=given.flag("meta"),
        input_drvs=given.flag("show_input_drvs"),
        cache_status=given.flag("check_cache_status"),
        recurses_always=given.flag("force_recurse"),
        is_instantiating=not given.flag("no_instantiate"),
        select=given.text("select"),
        apply=given.text("apply"),
        show_trace=given.flag("show_trace") or settings["show-trace"],
    )


def limits_of(given: Arguments):
    from snowsnake.jobs.options import RunOptions

    workers = given.integer("workers", 0, 4096) or len(os.sched_getaffinity(0))
    return RunOptions(workers=workers, memory_bytes=given.integer("max_memory_size", 4096) << 20)


def show(given: Arguments, run_, progress) -> int:
    """Print, count and write down what comes; the exit code."""
    from snowsnake.cli.job_lines import print_line
    from snowsnake.jobs.report import Summary, page_row

    summary = Summary()
    rows: list[str] = []
    for found in run_.steps(0.2 if progress.is_shown else None):
        for reply in found:
            summary.add(reply)
            if given.flag("json"):
                print_line(reply.line)
            if given.flag("html"):
                rows.append(page_row(reply))
        progress.show(run_.queue.done, run_.queue.found, summary.failed)
    progress.close()
    if given.flag("html"):
        with open(given.text("html"), "w", encoding="utf-8", errors="replace") as file:
            file.write(summary.page_head("Jobs"))
            file.write(summary.page_failures())
            file.write("<h2>Jobs</h2>\n<table>\n")
            file.writelines(rows)
            file.write("</table>\n")
    stream = sys.stderr if given.flag("json") else sys.stdout
    stream.write(summary.text() + "\n")
    return 1 if run_.broken else 0
