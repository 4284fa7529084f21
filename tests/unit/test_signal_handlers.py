"""Python's handlers of signals run while the machine does: what they raise ends a run, and what they do not raise changes nothing."""

import gc
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from test_stopping import DATA, LONG

import snowsnake

_MANY = "l = builtins.genList (x: x) 2000; many = f: builtins.foldl' (a: _: builtins.foldl' (a: _: builtins.foldl' f 0 l) 0 l) 0 l;"
# These take many seconds or more.
ENDLESS = {
    "allocating": f"let {_MANY} in many (a: b: builtins.length [ a b ])",
    "without allocations": f"let {_MANY} in many (a: b: b)",
    "one pattern": f'let s = {DATA["text"]}; in builtins.match "((a|b|c|d|e|f|g|h|,|\n)*x?)*" (s + s + s + s)',
    "a source": "[ " + "(x: x.y or { a = x; }) " * 1_000_000 + "]",
}


class Interrupted(Exception):
    """What the handlers below raise."""


@contextmanager
def handled(number: int, handler: Callable[..., object] | int) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(number, before)


@contextmanager
def alarms(first_s: float, handler: Callable[..., object], interval_s: float = 0) -> Iterator[None]:
    with handled(signal.SIGALRM, handler):
        signal.setitimer(signal.ITIMER_REAL, first_s, interval_s)
        yield


def raises(number: int, frame: object) -> None:
    raise Interrupted(number)


def signal_later(number: int, delay_s: float) -> threading.Timer:
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(delay_s, signal.pthread_kill, (main, number))
    timer.start()
    return timer


@pytest.fixture
def no_collections() -> Iterator[None]:
    """Python passes over what handlers raise in callbacks of its garbage collector, of which test frameworks have some, and reports it."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collections")
@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("names, function", LONG, ids=[f"{names}-{function}" for names, function in LONG])
def test_an_exception_of_a_handler_ends_each_builtin(names: str, function: str, level: int) -> None:
    is_ready = False

    def raise_if_ready(number: int, frame: object) -> None:
        if is_ready:
            raise Interrupted(number)

    nix = snowsnake.Evaluator(optimise=level)
    values = [nix.evaluate(DATA[name]).force() for name in names.split(",")]
    called = nix.evaluate(function)
    with alarms(0.001, raise_if_ready, 0.001):
        with pytest.raises(Interrupted):
            try:
                is_ready = True
                called(*values).force()
            finally:
                is_ready = False
    assert nix.evaluate("1 + 1").to_python() == 2


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_an_exception_of_a_handler_ends_a_run(kind: str, number: int) -> None:
    nix = snowsnake.Evaluator()
    with handled(number, raises):
        timer = signal_later(number, 0.3)
        started = time.monotonic()
        with pytest.raises(Interrupted):
            nix.evaluate(ENDLESS[kind]).force()
        timer.join()
    assert time.monotonic() - started < 5
    assert nix.evaluate("1 + 1").to_python() == 2


@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGINT])
def test_a_handler_that_raises_nothing_changes_nothing(number: int) -> None:
    """The handler runs in the middle of the evaluation, which goes on."""
    arrived: list[float] = []
    with handled(number, lambda *_: arrived.append(time.monotonic())):
        started = time.monotonic()
        timers = [signal_later(number, 0.1), signal_later(number, 0.2)]
        value = snowsnake.Evaluator(timeout_s=1)
        with pytest.raises(snowsnake.LimitReached):
            value.evaluate(ENDLESS["allocating"]).force()
        for timer in timers:
            timer.join()
    assert len(arrived) == 2 and arrived[1] - started < 0.9


def test_a_handler_may_use_another_evaluator_and_not_this_one() -> None:
    nix = snowsnake.Evaluator()
    answers: list[object] = []

    def ask(number: int, frame: object) -> None:
        answers.append(snowsnake.Evaluator().evaluate("builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: x) 1000)").to_python())
        try:
            nix.evaluate("1").force()
        except RuntimeError as error:
            answers.append(str(error))

    # Some seconds, however fast the machine is: the alarm comes in the middle.
    with alarms(0.05, ask):
        value = nix.evaluate("builtins.foldl' (a: b: builtins.foldl' (c: d: c + d) b (builtins.genList (x: x) 1000)) 0 (builtins.genList (x: x) 40000)")
        assert value.to_python() == 539499
    assert answers == [499500, "this evaluator is in the middle of making an object: what is called meanwhile cannot use it"]


def test_an_ignored_signal_stays_ignored() -> None:
    with handled(signal.SIGINT, signal.SIG_IGN):
        timer = signal_later(signal.SIGINT, 0.1)
        with pytest.raises(snowsnake.LimitReached):
            snowsnake.Evaluator(timeout_s=0.4).evaluate(ENDLESS["allocating"]).force()
        timer.join()


def test_a_handler_set_by_a_function_of_the_program_stays() -> None:
    """A function of Python that the program calls may replace a handler, and ours does not come back."""
    seen: list[int] = []
    with handled(signal.SIGUSR1, raises):
        nix = snowsnake.Evaluator()
        work = "builtins.foldl' (a: b: builtins.seq [ b ] b) 0 (builtins.genList (x: x) 100000)"
        function = nix.value(lambda _: signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number)) and 1)
        nix.evaluate(f"f: [ ({work}) (f 1) ({work}) ]")(function).force(deep=True)
        signal.raise_signal(signal.SIGUSR1)
    assert seen == [signal.SIGUSR1]


def test_signals_in_a_function_of_the_program_are_pythons() -> None:
    def sleeps(_: object) -> int:
        signal_later(signal.SIGALRM, 0.1)
        time.sleep(5)
        return 1

    nix = snowsnake.Evaluator()
    work = "builtins.foldl' (a: b: builtins.seq [ b ] b) 0 (builtins.genList (x: x) 100000)"
    started = time.monotonic()
    with handled(signal.SIGALRM, raises), pytest.raises(Interrupted):
        nix.evaluate(f"f: builtins.seq ({work}) (f 1)")(nix.value(sleeps)).force()
    assert time.monotonic() - started < 4
    assert nix.evaluate("1 + 1").to_python() == 2


class Late(OSError):
    """A kind of exception that our code expects from files and stores, and turns into errors of the evaluation."""


class Slow:
    """A file system in Python, with one file for each name."""

    def kind(self, path: str) -> str:
        return "directory" if path == "" else "regular"

    def read(self, path: str) -> bytes:
        return b"".join([b"x" for _ in range(20)])

    def list(self, path: str) -> dict[str, str]:
        return {}


_OFTEN = "builtins.foldl' (n: i: n + {}) 0 (builtins.genList (i: i) 1000000)"
# What runs code of Python in the middle of an evaluation.
IN_PYTHON: dict[str, tuple[str, Callable[[str], dict[str, object]]]] = {
    "hashes": (_OFTEN.format('builtins.stringLength (builtins.hashString "md5" (toString i))'), lambda folder: {}),
    "messages": (_OFTEN.format('builtins.trace "${toString i}" 1'), lambda folder: {"on_message": lambda kind, text: [text for _ in range(20)]}),
    "files": (_OFTEN.format('builtins.stringLength (builtins.readFile (/files + "/${toString i}"))'), lambda folder: {"files": Slow()}),
    "a store": (_OFTEN.format('builtins.stringLength (builtins.toFile "t" "${toString i}")'), lambda folder: {"store": folder}),
    "functions": ("py: " + _OFTEN.format("py i"), lambda folder: {}),
}


@pytest.mark.usefixtures("no_collections")
@pytest.mark.parametrize("error", [Late, ValueError, Interrupted, KeyboardInterrupt])
@pytest.mark.parametrize("kind", IN_PYTHON)
def test_an_exception_of_a_handler_is_nobody_elses(kind: str, error: type[BaseException], tmp_path) -> None:
    """It ends the run, wherever Python was: our code does not take it for a fault of a library, a file or a store."""

    def raises_error(number: int, frame: object) -> None:
        raise error("from the handler")

    program, options = IN_PYTHON[kind]
    nix = snowsnake.Evaluator(**options(str(tmp_path)))  # type: ignore[arg-type]
    function = nix.evaluate(program)
    for turn in range(30):
        with pytest.raises(error, match="from the handler"), alarms(0.001 + turn * 0.0003, raises_error):
            if kind == "functions":
                function(lambda i: sum([1 for _ in range(20)])).force()
            else:
                nix.evaluate(program).force()
    assert nix.evaluate("1 + 1").to_python() == 2


# The first hash of a process looks for libcrypto through `_hashlib`; where that has none, it is `hashlib`'s.
FIRST_HASH = """
import builtins, hashlib, signal, sys, types
import snowsnake

class Interrupted(Exception):
    pass

kind = getattr(builtins, sys.argv[1], Interrupted)

def raises_error(number, frame):
    raise kind("from the handler")

def interrupted(*arguments, **options):
    signal.raise_signal(signal.SIGALRM)
    raise AssertionError("the handler has raised")

class Interrupting(types.ModuleType):
    __file__ = property(interrupted)

signal.signal(signal.SIGALRM, raises_error)
machine = snowsnake.Evaluator()
original, library = hashlib.new, sys.modules["_hashlib"]
if sys.argv[2] == "hashlib":
    hashlib.new, sys.modules["_hashlib"] = interrupted, types.ModuleType("_hashlib")
else:
    sys.modules["_hashlib"] = Interrupting("_hashlib")
try:
    machine.evaluate('builtins.hashString "sha512" "x"').force()
except kind as error:
    print(type(error).__name__, error)
hashlib.new, sys.modules["_hashlib"] = original, library
print(machine.evaluate('builtins.substring 0 4 (builtins.hashString "sha512" "x")').to_python())
"""


@pytest.mark.parametrize("where", ["hashlib", "libcrypto"])
@pytest.mark.parametrize("error", ["ImportError", "ValueError", "Interrupted", "KeyboardInterrupt"])
def test_an_exception_in_the_import_of_a_library_is_not_its_absence(error: str, where: str) -> None:
    """A handler that runs while a library is asked for a kind of hash for the first time, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", FIRST_HASH, error, where], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"{error} from the handler\na4ab\n"), done.stderr


ODD_HANDLER = """
import hashlib, signal, sys, types
import snowsnake

# A Python without a libcrypto that others can find.
sys.modules["_hashlib"] = types.ModuleType("_hashlib")

class Handler:
    __hash__ = None

    def __call__(self, number, frame):
        pass

def new(name, **options):
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first

signal.signal(signal.SIGALRM, Handler())
machine = snowsnake.Evaluator()
original, hashlib.new = hashlib.new, new
try:
    machine.evaluate('builtins.hashString "sha512" "x"').force()
except snowsnake.EvaluationError:
    hashlib.new = original
    print(machine.evaluate("1 + 1").to_python())
"""


def test_a_handler_without_a_hash_and_causes_in_a_circle() -> None:
    """Who looks for a handler among what led to an exception of a library finds none, and an end."""
    done = subprocess.run([sys.executable, "-c", ODD_HANDLER], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
