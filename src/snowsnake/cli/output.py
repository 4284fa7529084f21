"""The output of commands: results to stdout as bytes; errors and warnings to stderr in the chosen format.

In: bytes, errors, warnings.  Out: text on the two streams; exit codes.  A closed pipe ends a command quietly.
Over 600 lines: every command starts and ends here, and another module would cost each start its import.
"""

import gc
import os
import sys
from time import process_time

from snowsnake.cli.options import UsageError
from snowsnake.diagnostics.error import EvaluationError, depth_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, NoReturn

    from snowsnake.build.failure import BuildFailure
    from snowsnake.cli.activities import ShownActivity
    from snowsnake.fetch.errors import FetchFailure
    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter

LOG_FORMATS = ("text", "json", "internal-json", "raw", "bar", "bar-with-logs", "raw-with-logs")
# The number of characters that are encoded at once.
_PIECE = 1 << 20
_LARGEST_SOURCE = 1 << 32
# These commands have workers, and handle signals themselves.
_WITH_OWN_SIGNALS = ("nix-eval-jobs", "snowsnake jobs")
_OF_NIX = ("nix", "nix-build", "nix-collect-garbage", "nix-daemon", "nix-env", "nix-hash", "nix-instantiate", "nix-prefetch-url", "nix-shell", "nix-store")
# A command that shows many errors completes their traces for at most this much processor time.
_MOST_SECOND_LOOKS_S = 3.0
# The verbosity of a command without `-v`, and with `--debug`, in the numbers of foundation/log_numbers.py.
QUIET, EVERYTHING = 3, 6


class Reporter:
    """Writes errors and warnings to stderr.

    `log_format` is `json` (one object a line), `internal-json` (C++ Nix's `@nix` lines) or any other word for text.
    """

    def __init__(self, log_format: str = "text", show_trace: bool = False, shows_others: bool = False, is_old_command: bool = False) -> None:
        self.log_format = log_format
        self.show_trace = show_trace
        self.verbosity = QUIET
        # Puts the names that users know into an error, in place of the store paths of fetched files.
        self.relabel: Callable[..., None] | None = None
        # The first evaluator of the command.
        self.evaluator: Interpreter | None = None
        # Completes the trace of an error before it is shown (cli/second_look.py).
        self.complete: Callable[[EvaluationError], None] | None = None
        # Whether the command is one of Nix's old commands, such as nix-instantiate and nix-build.
        self.is_old_command = is_old_command
        # Whether the logs of builders are shown, line by line.
        self.shows_logs = is_old_command
        # The failures by derivation, if the command that requested the builds shows them itself.
        self.build_failures: dict[str, BuildFailure] | None = None
        self._is_on_terminal: bool | None = None
        # The file or socket that the setting `json-log-path` names.
        self.log_copy: Any = None
        # Whether the further faults of a source are shown, too; nix-instantiate shows only the first.
        self.shows_others = shows_others

    def is_on_terminal(self) -> bool:
        """Whether standard error is a terminal.  It is asked once, because there may be 100 000 activities."""
        if self._is_on_terminal is None:
            self._is_on_terminal = sys.stderr.isatty()
        return self._is_on_terminal

    def _write(self, text: str) -> None:
        try:
            if not _is_interrupted:
                sys.stdout.flush()
        except (OSError, ValueError):
            # Whoever writes to standard output gets the error.
            pass
        from snowsnake.diagnostics.terminal_text import filtered, steers

        write_error_text(filtered(text, self.has_colours()) if steers(text) else text)

    def follow(self, settings: "Any") -> None:
        """Copies every message from now on, as JSON, to the place that the setting `json-log-path` names."""
        path = settings["json-log-path"]
        if path is not None and self.log_copy is None:
            from snowsnake.cli.activities import open_log

            self.log_copy = open_log(path, self.note)

    def _copy(self, line: str) -> None:
        """Copies an event to `json-log-path`.  *line*: the event as C++ Nix writes it, with `@nix ` in front."""
        try:
            self.log_copy.write((line.removeprefix("@nix ") + "\n").encode("utf-8", "surrogateescape"))
        except OSError:
            self.log_copy = None
            self.warning("disabling JSON logger due to write errors")

    def has_colours(self) -> bool:
        """Whether standard error is a terminal with colours, and nobody switched them off."""
        from snowsnake.diagnostics.render import terminal_colours

        return terminal_colours(2, os.environ)

    def choose_log_format(self, name: str) -> None:
        """Sets the format of messages, as Nix's option `--log-format` names it; EvaluationError for an unknown one."""
        if name not in LOG_FORMATS:
            raise EvaluationError("value", f"option 'log-format' has an invalid value '{name}'")
        self.log_format = name

    def error(self, error: EvaluationError) -> None:
        for fault in [error, *error.others] if self.shows_others else [error]:
            self._error(fault)

    def _error(self, error: EvaluationError) -> None:
        if self.relabel is not None:
            self.relabel(error)
        if self.complete is not None:
            self.complete(error)
        self._put(
            lambda: _log().error_line(error),
            lambda: _log().nix_error_line(error, show_trace=self.show_trace),
            lambda: error.render(show_trace=self.show_trace, colours=self.has_colours()),
        )

    def _put(self, ours: "Callable[[], str]", of_nix: "Callable[[], str]", shown: "Callable[[], str]", *, copies: bool = True) -> None:
        """Writes a message in the chosen format, and *copies* it to `json-log-path`.  Each function returns one of its forms."""
        if copies and self.log_copy is not None:
            self._copy(of_nix())
        self._write(ours() if self.log_format == "json" else of_nix() if self.log_format == "internal-json" else shown())

    def failure(self, message: str, hint: str = "") -> None:
        """Writes an error that the evaluated program did not cause: usage, files, signals."""
        from snowsnake.diagnostics.render import render

        error = EvaluationError("file", message)
        self._put(
            lambda: _log().message_line("error", message),
            lambda: _log().nix_error_line(error, show_trace=False),
            lambda: render(error, colours=self.has_colours()),
        )
        if hint and self.log_format != "json":
            self.note(hint)

    def note(self, message: str, level: int = 0) -> None:
        """Writes a remark of a command, in addition to its result.  *level*: C++ Nix's number, for programs that read events."""
        self.say(message, level, copies=True)

    def say(self, message: str, level: int = 0, *, copies: bool = False) -> None:
        """Does what `note` does, but does not copy the message to `json-log-path`, which has an event instead."""
        self._put(lambda: _log().message_line("note", message), lambda: _log().nix_message_line(message, level), lambda: message, copies=copies)

    def notes(self, messages: "list[str]") -> None:
        """Does what `info` does for each message, with one write: other threads wait for each write, and a thousand would take longer than the work."""
        if self.is_quiet:
            return
        if self.log_format in ("json", "internal-json") or self.log_copy is not None:
            for message in messages:
                self.note(message, QUIET)
        elif messages:
            self._write("\n".join(messages))

    def info(self, message: str) -> None:
        """Writes a note that `--quiet` leaves out."""
        if not self.is_quiet:
            self.note(message, QUIET)

    def notice(self, message: str) -> None:
        """Writes a note that `--quiet` leaves out if it is given twice."""
        self.remark(QUIET - 1, message)

    @property
    def is_quiet(self) -> bool:
        """Whether `--quiet` was given."""
        return self.verbosity < QUIET

    def remark(self, level: int, message: str) -> None:
        """Writes a note for users who asked for this level of messages."""
        if level <= self.verbosity:
            self.note(message, level)

    @property
    def is_followed(self) -> bool:
        """Whether a program reads events (`event`)."""
        return self.log_copy is not None or self.log_format == "internal-json"

    def event(self, facts: "dict[str, object]", text: str = "", is_log: bool = False) -> None:
        """Reports to programs what a build does; people read *text* instead."""
        if self.is_followed:
            from snowsnake.diagnostics.log import event_line

            line = event_line(facts)
            if self.log_copy is not None:
                self._copy(line)
            if self.log_format == "internal-json":
                self._write(line)
                return
        if text:
            # The log has the event already.
            self._build_message(text, is_log, copies=False)

    def building(self, message: str, is_log: bool) -> None:
        """Writes a remark of a store while it builds.  *is_log*: it is a line of a builder's log."""
        self._build_message(message, is_log, copies=True)

    def _build_message(self, message: str, is_log: bool, *, copies: bool) -> None:
        if is_log and not self.shows_logs:
            return
        if not self.has_colours():
            from snowsnake.store.daemon.wire import without_colours

            message = without_colours(message)
        self.say(message, copies=copies)

    def painted(self, colour: str, text: str) -> str:
        """A text in a colour, for people at a terminal and programs that read events."""
        return f"{colour}{text}\x1b[0m" if self.log_format == "internal-json" or self.has_colours() else text

    def activity(self, text: str, level: int = QUIET) -> "ShownActivity":
        """An activity that lasts from entering to leaving: `with reporter.activity("evaluating 'a'"):`"""
        from snowsnake.cli.activities import ShownActivity

        return ShownActivity(self, text, level)

    def write_event(self, line: str) -> None:
        """Writes a line of a log that programs read."""
        self._write(line)
        if self.log_copy is not None:
            self._copy(line)

    def warning(self, message: str) -> None:
        """Writes a warning.  `--quiet` leaves it out if it is given three times, but not from what programs read."""
        from snowsnake.diagnostics.render import render_warning

        if not self.verbosity and self.log_format not in ("json", "internal-json"):
            return
        self._put(
            lambda: _log().message_line("warning", message),
            lambda: _log().nix_message_line(message, 1, is_warning=True),
            lambda: render_warning(message, colours=self.has_colours()),
        )


def _log() -> "ModuleType":
    """The module that makes the lines of the two formats in JSON."""
    from snowsnake.diagnostics import log

    return log


# The end of `--timeout` by `time.monotonic()`; 0 if there is none.
_deadline = 0.0
# Whether a signal ended the command.  A pipe that nobody reads was perhaps what the user interrupted: what is left in buffers is not waited for.
_is_interrupted = False


def end_output_at(deadline: float) -> None:
    """Sets the deadline of all output from now on, whether or not somebody reads it."""
    global _deadline
    _deadline = deadline


def read_input() -> bytes:
    """All of standard input; a source of more than 4 GiB, which a device may have, is an error."""
    pieces: list[bytes] = []
    left = _LARGEST_SOURCE
    while piece := sys.stdin.buffer.read(_PIECE):
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            raise EvaluationError("memory", "standard input is larger than 4 GiB")
    return b"".join(pieces)


def waits_no_longer() -> None:
    """Notes that a signal ends the command: what is said from now on waits a second for a reader, and what is left in buffers is lost."""
    global _is_interrupted
    import time

    _is_interrupted = True
    end_output_at(time.monotonic())


def write_error_text(text: str) -> None:
    """Writes a text and a line end to stderr; a stream that is closed loses it."""
    write_piece = sys.stderr.buffer.write
    if _deadline:
        from snowsnake.cli.timed_output import message_until

        write_piece = message_until(_deadline, sys.stderr)
    try:
        # The text is encoded in pieces, so that a message of 100 MB is not copied as a whole.
        for start in range(0, len(text) + 1, _PIECE):
            piece = text[start : start + _PIECE] + ("\n" if start + _PIECE > len(text) else "")
            if not write_piece(piece.encode("utf-8", "surrogateescape")):
                return
        if not _is_interrupted:
            sys.stderr.buffer.flush()
    except (OSError, ValueError):
        pass


def write(data: bytes) -> None:
    """Writes bytes to stdout."""
    if _deadline:
        from snowsnake.cli.timed_output import output_until

        output_until(_deadline)(data)
    else:
        sys.stdout.buffer.write(data)


def write_line(data: bytes) -> None:
    """Writes bytes and a line end to stdout."""
    sys.stdout.buffer.write(data + b"\n")


def write_text(text: str) -> None:
    """Writes a text and a line end to stdout, as UTF-8; bytes of names and arguments that are not UTF-8 come out as they came in."""
    write_line(text.encode("utf-8", "surrogateescape"))


def raw_text(value: "Handle", purpose: str) -> bytes:
    """A value coerced to a string, for `--raw`."""
    try:
        return value.coerce_to_string()
    except EvaluationError as error:
        from snowsnake.diagnostics.error import Frame

        error.trace.insert(0, Frame("context", purpose, None))
        raise


def write_json(value: "Handle", strict: bool) -> None:
    """Writes a value as JSON with a line end, for `--json`."""
    try:
        value.write_json(write, strict=strict)
    except EvaluationError as error:
        if error.trace and error.trace[0].name in ("toJSON", "__toShallowJSON") and error.trace[0].position is None:
            # Only this command called the builtin, so the trace has no line for it.
            del error.trace[0]
        raise
    write(b"\n")


def shows_statistics() -> bool:
    """Whether the environment asks Nix's old commands for the statistics of an evaluation."""
    return os.environ.get("NIX_SHOW_STATS", "0") != "0"


def show_statistics(evaluator: "Interpreter") -> None:
    """Writes the statistics of an evaluation where the environment says, if it asks for them."""
    if shows_statistics():
        write_statistics(evaluator, os.environ.get("NIX_SHOW_STATS_PATH", "-"))


def write_statistics(evaluator: "Interpreter", path: str) -> None:
    """Writes the statistics of an evaluation as JSON to a file; `-` is stderr."""
    import json

    from snowsnake.observe.statistics import statistics

    text = json.dumps(statistics(evaluator), indent=2)
    if path == "-":
        sys.stdout.flush()
        write_error_text(text)
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")


def opening_error(path: str, error: OSError) -> EvaluationError:
    """The error of a file that cannot be opened, in C++ Nix's words."""
    return EvaluationError("file", f'opening file "{path}": {error.strerror}')


def fetch_error(failure: "FetchFailure") -> EvaluationError:
    """What could not be fetched, as an error of the command: the notes of the failure are its trace."""
    from snowsnake.diagnostics.error import Frame

    error = EvaluationError("file", str(failure), trace=[Frame("text", note, None) for note in reversed(failure.notes)])
    error.exit_code = failure.exit_code
    return error


def _report_memory(reporter: Reporter) -> None:
    """Reports that memory is exhausted, even if there is too little left for the modules that do so."""
    try:
        reporter.failure("out of memory")
    except (MemoryError, SystemError, ImportError, OSError):
        os.write(2, b"error: out of memory\n")


def _hint(program: str) -> str:
    return f"Try '{program} --help' for more information."


def _report_missing(reporter: Reporter, error: ImportError) -> None:
    """Reports that a part of the program cannot be loaded, even if that part is the one that reports errors."""
    message = f"cannot load a part of Snowsnake ({error}): the installation is not complete, or this user may not read it"
    try:
        reporter.failure(message)
    except ImportError:
        os.write(2, f"error: {message}\n".encode("utf-8", "surrogateescape"))


def guarded(command: "Callable[[list[str], Reporter], int]", words: list[str], reporter: Reporter, program: str) -> int:
    """Does what `_guarded` does, also if the modules that report an error cannot be loaded."""
    try:
        return _guarded(command, words, reporter, program)
    except ImportError as error:
        _report_missing(reporter, error)
        return 1


def _guarded(command: "Callable[[list[str], Reporter], int]", words: list[str], reporter: Reporter, program: str) -> int:
    """Runs `command(words, reporter)` and turns exceptions into a message and an exit code.

    0 is success, 1 any error (102 if what was fetched has another hash), 141 a reader of stdout that went away.  For `snowsnake`, an interrupt is
    130 (SIGTERM 143, SIGHUP 129); for C++ Nix's commands it is 1.
    """
    global _only_evaluates, _is_interrupted
    from snowsnake.cli.signals import ended_by_signals

    # A command makes few cyclic Python objects: looking for them would take longer than their memory is worth.
    was_collecting = gc.isenabled()
    gc.disable()
    ends = ended_by_signals()
    reporter.complete = _completing(command, words, reporter)
    _only_evaluates = _is_interrupted = False
    if program not in _WITH_OWN_SIGNALS:
        ends.__enter__()
    try:
        code = command(words, reporter)
        sys.stdout.flush()
        return code or 0
    except BrokenPipeError:
        # Python flushes at exit, and would fail once more: from here on, what it writes goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except ImportError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        try:
            code = _report_last(error, reporter, _hint(program))
        except (KeyboardInterrupt, MemoryError) as fault:
            # The first message may take a second to write, if it has 100 MB.
            code = _report_last(fault, reporter)
        return 1 if program in _OF_NIX and code > 128 else code
    finally:
        _finish()
        end_output_at(0.0)
        # `relabel` belongs to a flake, which has the evaluator, which has the reporter: nobody would close the files in this cycle of references.
        reporter.relabel = reporter.complete = reporter.evaluator = None
        ends.__exit__()
        if was_collecting:
            gc.enable()


def _report_last(error: BaseException, reporter: Reporter, hint: str = "") -> int:
    """Like `report`, for the error that ends a command.  The line about an interrupt waits a second for a reader."""
    if isinstance(error, KeyboardInterrupt):
        waits_no_longer()
    return report(error, reporter, hint)


def report(error: BaseException, reporter: Reporter, hint: str = "") -> int:
    """Says what went wrong, and returns the exit code of a command that ends with it.  *hint*: a line that follows the message about a wrong command line."""
    if isinstance(error, EvaluationError):
        reporter.error(error)
        return 130 if error.code == "interrupt" else error.exit_code
    if isinstance(error, UsageError):
        reporter.failure(str(error), hint)
    elif isinstance(error, OSError):
        reporter.failure(_file_message(error))
    elif isinstance(error, MemoryError):
        _report_memory(reporter)
    elif isinstance(error, KeyboardInterrupt):
        reporter.failure("interrupted by the user")
        return 128 + getattr(error, "number", 2)
    elif isinstance(error, RecursionError):
        reporter.failure(depth_error().message)
    else:
        _report_other(error, reporter, hint)
    return 1


def _report_other(error: BaseException, reporter: Reporter, hint: str) -> None:
    from snowsnake.fetch.errors import FetchFailure
    from snowsnake.settings.errors import SettingError
    from snowsnake.store.daemon.wire import DaemonError
    from snowsnake.store.local_database import BadDatabase

    if isinstance(error, FetchFailure):
        reporter.error(fetch_error(error))
    elif isinstance(error, SettingError):
        reporter.failure(str(error), hint if error.is_usage else "")
    elif isinstance(error, DaemonError | BadDatabase):
        reporter.failure(str(error))
    else:
        reporter.failure(f"fault of the evaluator, please report it: {type(error).__name__}: {error}")
        if os.environ.get("SNOWSNAKE_DEBUG"):
            raise error


# Whether the current command does nothing but evaluate, so that it may be run once more for the trace of an error.
_only_evaluates = False


def only_evaluates() -> None:
    """Notes that the command only evaluates from now on, so that it may be run once more."""
    global _only_evaluates
    _only_evaluates = True


def evaluates_no_more() -> None:
    """Notes that the command does more than evaluate from now on; a process that only finds the trace of an error ends here."""
    global _only_evaluates
    _only_evaluates = False
    if keeps_frames:
        os._exit(0)


class OnlyEvaluating:
    """Inside the `with`, the command only evaluates, if that *is_repeatable*; afterwards it does more.  After an error, the command still counts as evaluating."""

    def __init__(self, *, is_repeatable: bool = True) -> None:
        self._is_repeatable = is_repeatable

    def __enter__(self) -> None:
        if self._is_repeatable:
            only_evaluates()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._is_repeatable and kind is None:
            evaluates_no_more()


def _children_time() -> float:
    """The processor time of child processes that ended, in seconds."""
    times = os.times()
    return times.children_user + times.children_system


def _completing(command: "Callable[[list[str], Reporter], int]", words: list[str], reporter: Reporter) -> "Callable[[EvaluationError], None]":
    """A function that completes the trace of an error, if the command only evaluates; the command may show several errors, one after the other."""
    began_at, children_began_at, seen = process_time(), _children_time(), 0

    def complete(error: EvaluationError) -> None:
        nonlocal seen
        seen += 1
        if _only_evaluates and _children_time() - children_began_at < _MOST_SECOND_LOOKS_S:
            from snowsnake.cli.second_look import exact

            names = exact(error, lambda: _again(command, words, reporter, seen), words, process_time() - began_at)
            if names is not None and reporter.relabel is not None:
                reporter.relabel(error, names)

    return complete


# Whether evaluations keep the frames of calls in tail position, for the trace of their error (cli/second_look.py).
keeps_frames = False


class _Silent(Reporter):
    """Shows nothing, and raises the error that would be shown as number *wanted*."""

    def __init__(self, wanted: int, evaluator: "Interpreter | None") -> None:
        super().__init__()
        self._wanted = wanted
        self.evaluator = evaluator

    def follow(self, settings: "Any") -> None:
        """Copies no messages: they are copied already."""

    def is_wanted(self) -> bool:
        """Counts an error; returns whether it is the wanted one."""
        self._wanted -= 1
        return self._wanted == 0

    def error(self, error: EvaluationError) -> None:
        if self.is_wanted():
            raise _Found(error)


class _Found(BaseException):
    """The error that a second evaluation was for; no command catches it."""

    def __init__(self, error: EvaluationError) -> None:
        self.error = error


def _again(
    command: "Callable[[list[str], Reporter], int]", words: list[str], before: Reporter, number: int
) -> "tuple[EvaluationError, Callable[..., None] | None] | None":
    """Runs a command once more, in a process without output; returns the error that it shows as this one (from 1), and the `relabel` for it."""
    global keeps_frames
    keeps_frames = True
    reporter = _Silent(number, before.evaluator)
    try:
        command(words, reporter)
    except EvaluationError as error:
        return (error, reporter.relabel) if reporter.is_wanted() else None
    except _Found as found:
        return found.error, reporter.relabel
    return None


# The evaluators that live until the process ends; None in a process that does not end by `leave`.
_kept: "list[Interpreter] | None" = None


def keep(evaluator: "Interpreter") -> None:
    """Lets an evaluator live until the process ends, if it ends by `leave`: its heap need not be freed piece by piece."""
    if _kept is not None:
        _kept.append(evaluator)


_at_end: "list[Callable[[], None]]" = []


def at_end(finish: "Callable[[], None]") -> None:
    """Has a function called when the command ends."""
    _at_end.append(finish)


def _finish() -> None:
    while _at_end:
        _at_end.pop()()


def finish_evaluations() -> None:
    """Writes what the evaluators of this process still hold, before the process ends or becomes another program."""
    _finish()
    for evaluator in _kept or ():
        evaluator.flush_cache()
        evaluator.close_store()


def leave(main: "Callable[[], int]") -> "NoReturn":
    """Ends the process with the exit code of `main()`, at once: a heap of hundreds of megabytes goes with it.

    For the commands' scripts only: nothing registered with `atexit` runs.
    """
    global _kept
    _kept = []
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _stand_in_for_streams()
    try:
        code = _ended(main)
    except KeyboardInterrupt:
        # Ctrl-C came after the command, or while its help was printed.
        code = 130
    os._exit(code)


def _ended(main: "Callable[[], int]") -> int:
    """Runs a command, and writes what is left in buffers; returns its exit code."""
    try:
        code = main()
    except BrokenPipeError:
        # Help is written outside of `guarded`.
        code = 141
    except OSError as error:
        Reporter().failure(_file_message(error))
        code = 1
    finish_evaluations()
    try:
        if not _is_interrupted:
            sys.stdout.flush()
    except BrokenPipeError:
        pass
    except (OSError, ValueError) as error:
        # Only what is written outside of `guarded`, such as help, can fail here.
        if code == 0:
            Reporter().failure(_file_message(error) if isinstance(error, OSError) else str(error))
            code = 1
    try:
        if not _is_interrupted:
            sys.stderr.flush()
    except (OSError, ValueError):
        pass
    return code


def _stand_in_for_streams() -> None:
    """Handles a program that was started without standard streams.

    What is opened next must not get their numbers: warnings would be written into it.  Reading and writing fail, messages are lost.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    sys.stdin = sys.stdin or open(0, closefd=False)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)
    sys.stderr = sys.stderr or open(2, "w", closefd=False)


def _file_message(error: OSError) -> str:
    import errno

    if error.errno == errno.EBADF and error.filename is None:
        return "standard input or standard output is closed"
    name = error.filename
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    reason = error.strerror or str(error)
    if name is None:
        # Only `getcwd` raises this error without a name.
        return f"cannot get cwd: {reason}" if error.errno == errno.ENOENT else reason
    if isinstance(error, FileNotFoundError):
        return f"path '{os.path.abspath(name)}' does not exist"
    return f"cannot read '{name}': {reason}"
