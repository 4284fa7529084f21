"""`snowsnake jobs`: evaluates all attributes of a root, and reports the results.

In: options, a file, an expression or a flake.  Out: a progress bar, failures grouped by their cause, a summary; lines of JSON, a page of HTML.
"""

import os
import signal
import sys
from functools import partial

from snowsnake.cli.evaluate import LOCK_OPTIONS, SOURCE_OPTIONS, names_flake, session_of, source_of
from snowsnake.cli.options import Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter
    from snowsnake.jobs.memory import JobMemory
    from snowsnake.jobs.options import JobOptions, RunOptions
    from snowsnake.settings import Settings

_OWN_OPTIONS = (
    CommandOption("--workers", "N", "how many processes evaluate (default: as many as there are processors)"),
    CommandOption("--isolate", "", "workers are processes of their own, so that one may crash: they always are"),
    CommandOption("--max-memory-size", "MIB", "replace a worker that has more, and evaluate an attribute that needs more alone (default: 4096; --dask N: its share)"),
    CommandOption("--json", "", "print a line of JSON for each job, as snowsnake-eval-jobs does"),
    CommandOption("--html", "FILE", "write a page about the run"),
    CommandOption("--meta", "", "include the derivations' metadata"),
    CommandOption("--show-input-drvs", "", "include the derivations that each one needs"),
    CommandOption("--check-cache-status", "", "include what would have to be built"),
    CommandOption("--force-recurse", "", "enter all sets, whether they ask for it or not"),
    CommandOption("--select", "EXPR", "apply this function to the root before it is looked through"),
    CommandOption("--apply", "EXPR", "apply this function to each derivation"),
    CommandOption("--no-instantiate", "", "write no derivations, only evaluate"),
    CommandOption("--dask", "ADDRESS", "evaluate on a Dask cluster (tcp://…), or with so many processes of one that is started for the run; purely"),
    CommandOption("--incremental", "", "evaluate only what changed since earlier runs; builtins.currentTime is not there"),
    CommandOption("--results", "FILE", "where results are kept for that (default: jobs.sqlite in the cache folder)"),
    CommandOption("--changed-since", "REV", "show only what differs from this revision (git)"),
    CommandOption("--diff", "REV", "compare with this revision: what was added, removed, changed"),
    CommandOption("--diff-format", "FORMAT", "text, json, markdown or html"),
)
# Options for how a run is done, which do not change its results.
_NOT_ASKED = ("workers", "isolate", "max_memory_size", "json", "html", "incremental", "results", "log_format", "no_cache", "cache_dir", "cache_validate", "timeout")
_NOT_OURS = ("--attr", "--stats", "--files-read", "--stress")
OPTIONS = _OWN_OPTIONS + tuple(o for o in SOURCE_OPTIONS + LOCK_OPTIONS if not set(o.names).intersection(_NOT_OURS))
USAGE = "snowsnake jobs [OPTION …] [FILE | -E EXPR | FLAKE#ATTR]"
SUMMARY = "Evaluate all derivations below a root, by several workers: one that fails or crashes ends nothing but itself."


def run(given: Arguments, reporter: Reporter) -> int:
    from snowsnake.cli.job_lines import on_term
    from snowsnake.cli.job_progress import progress_for
    from snowsnake.jobs.run import Run

    if given.flag("diff") or given.flag("changed_since"):
        from snowsnake.cli.job_diff import run_diff

        return run_diff(given, OPTIONS)
    if given.flag("dask"):
        return _run_on_cluster(given, reporter)
    root, memory = root_of(given, reporter)
    run_ = Run(root, limits_of(given), memory)
    old = signal.signal(signal.SIGTERM, on_term)
    progress = progress_for(reporter)
    try:
        return show(given, run_, progress)
    finally:
        progress.close()
        if memory is not None:
            memory.close()
        signal.signal(signal.SIGTERM, old)


def _run_on_cluster(given: Arguments, reporter: Reporter) -> int:
    from snowsnake.cli.job_progress import progress_for

    if given.flag("incremental") or given.flag("expr") or given.flag("include") or given.flag("impure") or len(given.words) > 1:
        raise UsageError("'--dask' takes one file, folder or flake, without '--incremental', '--include' and '--impure'")
    try:
        from distributed import Client, LocalCluster

        from snowsnake.jobs.cluster import ClusterRun, NoWorkers
    except ImportError:
        raise UsageError("'--dask' needs the package 'distributed': pip install 'snowsnake[dask]'") from None
    from snowsnake.jobs.shipping import TooMuch

    try:
        shipped, archives, sources = (_ship_flake if names_flake(given) else _ship_file)(given, reporter)
    except TooMuch as error:
        raise UsageError(f"'--dask': {error}") from None
    address = given.text("dask")
    cluster = add_workers = None
    if address.isdecimal():
        count = max(1, given.integer("dask", 1, 4096))
        import logging

        # These loggers report lost workers, but each lost worker is replaced.
        for name in ("tornado.application", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        # Without a limit from the user, the machine's memory is divided among the workers.
        limit = given.integer("max_memory_size", 0, 1 << 20) << 20
        # The workers are requested afterwards: one that dies while it starts would end the start of the cluster.
        cluster = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=0, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=logging.CRITICAL,
            memory_limit=limit or "auto",
        )  # fmt: skip
        add_workers = partial(_add_workers, cluster, count)
        add_workers()
    progress = progress_for(reporter)
    try:
        with Client(cluster if cluster is not None else address) as client:  # type: ignore[no-untyped-call]
            return show(given, ClusterRun(client, shipped, archives, add_workers, sources), progress)
    except NoWorkers as error:
        reporter.failure(str(error))
        return 1
    finally:
        progress.close()
        if cluster is not None:
            cluster.close()


def _ship_file(given: Arguments, reporter: Reporter) -> "tuple[Any, Any, Any]":
    from snowsnake.cli.evaluate import settings_of
    from snowsnake.jobs.shipping import pack_root

    settings = settings_of(given, reporter)
    file = given.words[0] if given.words else "."
    system = settings["eval-system"] or settings["system"]
    options = job_options(given, settings)
    return *pack_root(file, options, _arguments(given), tuple(settings["experimental-features"]), system), None


def _ship_flake(given: Arguments, reporter: Reporter) -> "tuple[Any, Any, Any]":
    from snowsnake.cli.flake_options import lock_options, open_flakes
    from snowsnake.flake.calling import call_arguments
    from snowsnake.jobs.shipped_flake import FlakeSources

    session = session_of(given, reporter, partial(_flake_settings, given), prints_nix=False, is_writable=False)
    flakes = open_flakes(given, reporter, session)
    locked, shown, places = flakes.place(given.words[0], os.getcwd(), lambda: lock_options(given, flakes, reporter))
    sources = FlakeSources(flakes, locked)
    options, features = job_options(given, session.settings), tuple(session.settings["experimental-features"])
    return *sources.ship(call_arguments(locked), places, str(shown), options, _arguments(given), features), sources


def _arguments(given: Arguments) -> tuple[tuple[str, str, str], ...]:
    return tuple([("arg", *pair) for pair in given.texts("arg")] + [("argstr", *pair) for pair in given.texts("argstr")])


def _flake_settings(given: Arguments, settings: "Settings") -> None:
    from snowsnake.cli.flake_options import prepare_settings

    settings.set("extra-experimental-features", "flakes")
    prepare_settings(given, settings)


def _add_workers(cluster: "Any", count: int) -> None:
    """Starts *count* more workers; the cluster still counts those that died while they started."""
    cluster.scale(len(cluster.worker_spec) + count)


def root_of(given: Arguments, reporter: Reporter) -> "Any":
    """The root of the jobs, as the options describe it, and the results of earlier runs, if they are wanted."""
    from snowsnake.cli.answers import settings_of_results
    from snowsnake.cli.job_lines import job_root

    prepare = partial(_flake_settings, given) if names_flake(given) else None
    is_instantiating = not given.flag("no_instantiate")
    session = session_of(
        given, reporter, prepare, prints_nix=False, is_writable=is_instantiating, keeps_derivations=is_instantiating,
        hides_time=given.flag("incremental"),
    )
    options = job_options(given, session.settings)
    memory = memory_of(given, session.evaluator, options) if given.flag("incremental") else None
    try:
        value, facts = _flake(session, given) if names_flake(given) else _file(session, given)
        if memory is not None:
            memory.facts = [settings_of_results(session.settings), facts]
        return job_root(session, session.selector.auto_call(value), options), memory
    except BaseException:
        if memory is not None:
            # The memory has a thread, for which nobody would wait.
            memory.close()
        raise


def _file(session: "Session", given: Arguments) -> "tuple[Handle, list[str]]":
    """The value of a file or a text, and what identifies it: the record of an evaluation does not have the text."""
    name, data = source_of(given)
    value = session.file(os.fsdecode(data)) if name == "file" else session.expression(data, name)
    return value, [name, data.decode("utf-8", "surrogateescape")]


def _flake(session: "Session", given: Arguments) -> "tuple[Handle, list[str]]":
    """The output of a flake that the word means, and everything that its evaluation begins with: the lock file, and facts about what was fetched for it."""
    from snowsnake.cli.flake_options import lock_options, open_flakes
    from snowsnake.flake.calling import call_arguments, call_source

    flakes = open_flakes(given, session.reporter, session)
    locked, shown, paths = flakes.place(given.words[0], os.getcwd(), lambda: lock_options(given, flakes, session.reporter))
    value, path = flakes.find(locked, shown, paths)
    return value, [text.decode("utf-8", "surrogateescape") for text in (call_source(), *call_arguments(locked))] + [path]


def memory_of(given: Arguments, evaluator: "Interpreter", options: "JobOptions") -> "JobMemory":
    """Results of earlier runs that evaluated the same, in the same way, with the same program; a thread looks them up meanwhile."""
    from snowsnake import _native
    from snowsnake.cache.location import default_folder
    from snowsnake.jobs.memory import JobMemory
    from snowsnake.version import VERSION

    program = os.stat(_native.__file__)
    asked = {key: value for key, value in given.values.items() if key not in _NOT_ASKED}
    request = [VERSION, program.st_size, program.st_mtime_ns, asked, given.words, os.getcwd(), vars(options)]

    def valid_among(drv_paths: set[str]) -> set[str]:
        return drv_paths if evaluator.store is None else evaluator.store.valid_among(drv_paths)

    folder = default_folder(os.environ)
    if folder is None and not given.flag("results"):
        raise UsageError("there is no cache folder: say where results are kept with '--results FILE'")
    path = os.path.join(folder, "jobs.sqlite") if folder is not None and not given.flag("results") else _results_path(given.text("results"))
    trusts_stamps = given.text("cache_validate", "stat") == "stat"
    memory = JobMemory(path, request, valid_among=valid_among if options.is_instantiating else None, trusts_stamps=trusts_stamps)
    memory.begin_early(evaluator.dependencies())
    return memory


def _results_path(name: str) -> str:
    """The path of the file that `--results` names; nothing of somebody else's is overwritten."""
    from snowsnake.foundation.results_database import refusal_of

    path = os.path.abspath(name)
    refusal = "the name is empty" if not name else refusal_of(path)
    if refusal is not None:
        raise UsageError(f"results cannot be kept in '{name}' (--results): {refusal}")
    return path


def job_options(given: Arguments, settings: "Settings") -> "JobOptions":
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


def limits_of(given: Arguments) -> "RunOptions":
    from snowsnake.jobs.options import RunOptions

    workers = given.integer("workers", 0, 4096) or len(os.sched_getaffinity(0))
    return RunOptions(workers=workers, memory_bytes=given.integer("max_memory_size", 4096) << 20)


def show(given: Arguments, run_: "Any", progress: "Any") -> int:
    """Prints, counts and writes down the replies; returns the exit code."""
    from snowsnake.cli.job_lines import print_found
    from snowsnake.jobs.queue import each
    from snowsnake.jobs.report import Summary, page_row

    summary = Summary()
    rows: list[str] = []
    for found in run_.steps(0.2 if progress.is_shown else None):
        if given.flag("json"):
            print_found(found)
        summary.add_all(found)
        if given.flag("html"):
            rows += [page_row(reply) for reply in each(found)]
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
    text = summary.text()
    if given.flag("incremental"):
        text += f"\n{run_.queue.done - run_.queue.reused} of {run_.queue.done} attributes were evaluated, the others had not changed"
    stream.write(text + "\n")
    return 1 if run_.broken else 0
