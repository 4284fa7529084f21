"""The exact trace of an error: what failed is evaluated once more, with code in which no call takes the place of its caller.

In: an error that ends a command, and a function that runs the command again.  Out: the same error, with the trace and the place of the second evaluation, and with
`«thunk»` for the values that it delays.  It runs in a process of its own, which writes nothing, opens no store for writing, requests nothing from the network and
ends after LIMIT_S of processor time; if it does not end with the same error, or if the first evaluation took longer than WORTHWHILE_S, the error stays as it is:
its trace may lack calls in tail position.
"""

import _signal
import marshal
import os
import sys

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.source import Position, SourceMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # The error and the function that puts the names that users know into it.
    Again = Callable[[], tuple[EvaluationError, Callable[..., None] | None] | None]
    RawPlace = tuple[str, int, int, int] | None
    Answer = tuple[str, str, RawPlace, list[tuple[str, str, str, RawPlace]], list[str], bool, list[bytes | None], dict[str, str]]

# A second evaluation may take longer than the first one, because no compiled file of the cache is used.
WORTHWHILE_S, LIMIT_S = 1.5, 3.0
LONGEST_WAIT_S = 10.0
# Options with which a second evaluation would write something twice, or end in another way.
_NOT_WITH = ("--write-to", "--profile", "--eval-profiler", "--trace-function-calls", "--trace-runtime", "--trace-runtime-timing", "--optimise", "--timeout")
# Errors that have no trace, or that another evaluation may not repeat.
_OTHER_ERRORS = frozenset(("depth", "memory", "interrupt", "timeout", "python", "internal"))
_OF_SOURCES = frozenset(("syntax", "duplicate-attribute", "undefined-variable"))


def exact(error: EvaluationError, again: "Again", words: list[str], spent_s: float) -> dict[str, str] | None:
    """Puts the trace of a second evaluation into *error*, if one is worthwhile and allowed; returns the names that the second one has for files.

    *again* runs the command whose words are *words* once more, and returns its error; *spent_s* is the processor time of the first evaluation.
    """
    if spent_s > WORTHWHILE_S or not _is_worthwhile(error, words):
        return None
    answer = _asked(again)
    if answer is None or answer[0] != error.code or not _says_the_same(error.message, answer[1]):
        return None
    _take(error, answer)
    return answer[-1]


def _is_worthwhile(error: EvaluationError, words: list[str]) -> bool:
    if any(word.partition("=")[0] in _NOT_WITH for word in words):
        return False
    # What is wrong with a flake, and not with its code, was found without calls.
    if isinstance(error, FlakeError) or error.code in _OTHER_ERRORS or error.fault in ("fetch", "not-built"):
        return False
    if error.code in _OF_SOURCES and error.fault != "not-in-with" and not error.trace:
        return False
    return "snowsnake.interpreter" in sys.modules


def _says_the_same(first: str, second: str) -> bool:
    """Whether two messages differ only in values that the second evaluation shows as not evaluated (yet), as C++ Nix does: it delays more.

    >>> _says_the_same("found a set: { f = «lambda f @ /f:1:1»; n = 1; }", "found a set: { f = «thunk»; n = 1; }")
    True
    >>> _says_the_same("found a set: { n = 1; }", "found a set: { n = 2; }")
    False
    """
    start, *shown = second.replace("«potential infinite recursion»", "«thunk»").split("«thunk»")
    if not shown:
        return first == second
    if "elided»" in first:
        # The first message has as many values as a message may show, so it ends earlier.
        return first.startswith(start)
    if not first.startswith(start) or not first.endswith(shown[-1]):
        return False
    place, end = len(start), len(first) - len(shown[-1])
    for piece in shown[:-1]:
        found = first.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return place <= end


def _asked(again: "Again") -> "Answer | None":
    """What a child process says about its error; None if it did not end with one."""
    try:
        reading, writing = os.pipe()
        child = os.fork()
    except OSError:
        return None
    if child == 0:
        try:
            os.close(reading)
            _answer(writing, again)
        finally:
            os._exit(0)
    os.close(writing)
    pieces = []
    try:
        while piece := os.read(reading, 1 << 20):
            pieces.append(piece)
    except KeyboardInterrupt:
        # The user does not want to wait for more.
        pieces = []
    finally:
        os.kill(child, _signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
    try:
        answer: Answer = marshal.loads(b"".join(pieces))
    except (EOFError, ValueError, TypeError):
        return None
    return answer


def _answer(place: int, again: "Again") -> None:
    """Runs the command in the child process, without input and output, and writes what its error says."""
    # The signals end the process, wherever it is: after LIMIT_S of processor time, or after LONGEST_WAIT_S if it waits for something.
    for number, timer, limit_s in ((_signal.SIGPROF, _signal.ITIMER_PROF, LIMIT_S), (_signal.SIGALRM, _signal.ITIMER_REAL, LONGEST_WAIT_S)):
        _signal.signal(number, _signal.SIG_DFL)
        _signal.setitimer(timer, limit_s)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    # A program that calls a command may have put other streams in place of these.
    sys.stdout = sys.stderr = open(nowhere, "w", closefd=False)
    found = again()
    if found is not None:
        with open(place, "wb") as file:
            file.write(marshal.dumps(_facts(*found)))


def _facts(error: EvaluationError, relabel: "Callable[..., None] | None") -> "Answer":
    sources: list[bytes | None] = []
    numbers: dict[int, int] = {}

    def raw(position: Position | None) -> "RawPlace":
        if position is None:
            return None
        source = position.source
        if id(source) not in numbers:
            numbers[id(source)] = len(sources)
            sources.append(source)
        return position.file, numbers[id(source)], position.start_byte, position.end_byte

    trace = [(frame.kind, frame.name, frame.library, raw(frame.position)) for frame in error.trace]
    position = raw(error.position)
    files = _files(error)
    if relabel is not None:
        relabel(error)
    # The parent has its own names for files that both processes know.
    names = dict(zip(files, _files(error), strict=True))
    return error.code, error.message, position, trace, error.notes, error.shows_place, sources, names


def _files(error: EvaluationError) -> list[str]:
    places = [error.position, *(frame.position for frame in error.trace)]
    return [place.file for place in places if place is not None] + [frame.name for frame in error.trace if frame.kind == "file"]


def _take(error: EvaluationError, answer: "Answer") -> None:
    _, error.message, position, trace, notes, shows_place, sources, _ = answer
    maps = [None if source is None else SourceMap(source) for source in sources]

    def place(raw: "RawPlace") -> Position | None:
        return None if raw is None else Position(raw[0], maps[raw[1]], raw[2], raw[3])

    error.position = place(position)
    error.trace = [Frame(kind, name, place(raw)) for kind, name, _, raw in trace]
    for frame, (*_, library, _) in zip(error.trace, trace, strict=True):
        frame.library = library
    error.notes = notes
    error.shows_place = shows_place
