"""Whatever runs can be stopped: a request ends each operation and builtin in the middle of its work, and endless programs end."""
import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

import snowsnake
from snowsnake import EvaluationError
from snowsnake.builtins.table import TABLE

COUNT = 2_000_000
_REPEATED = "builtins.concatLists (builtins.genList (x: [ {0} {0} {0} {0} {0} {0} {0} {0} {0} {1} ]) {2})"
_SHARED = "let f = n: if n == 0 then {0} else let x = f (n - 1); in {1}; in f 45"

# The data of the rows below, which is made before anything is stopped.
DATA = {
    "ints": f"let l = builtins.genList (x: x) {COUNT}; in builtins.deepSeq l l",
    "lists": _REPEATED.format("[ 1 ]", "[ 2 ]", COUNT // 10),
    "lists2": _REPEATED.format("[ 1 ]", "[ 2 ]", COUNT // 10),
    "strings": _REPEATED.format('"ab"', '"b"', COUNT // 10),
    "floats": _REPEATED.format("1.5", "2.25", COUNT // 10),
    "sets": _REPEATED.format("{ a = 1; }", "{ a = 2; }", COUNT // 10),
    "text": f'builtins.concatStringsSep "" (builtins.genList (x: "abcdefgh,\\n") {COUNT})',
    "path": f'builtins.concatStringsSep "" (builtins.genList (x: "/abcdefg") {COUNT})',
    "versions": f'builtins.concatStringsSep "." (builtins.genList toString {COUNT // 4})',
    "versions2": f'builtins.concatStringsSep "." (builtins.genList toString {COUNT // 4})',
    "json": f'builtins.toJSON (builtins.genList (x: {{ k = x; }}) {COUNT // 10})',
    "toml": f'builtins.concatStringsSep "\n" (builtins.genList (x: "k${{toString x}} = ${{toString x}}") {COUNT // 10})',
    "pairs": f'let l = builtins.genList (x: {{ name = "n${{toString x}}"; value = x; }}) {COUNT // 10}; in builtins.deepSeq l l',
    "names": f'let l = builtins.genList (x: "n${{toString x}}") {COUNT // 10}; in builtins.deepSeq l l',
    # The names of this set must be sorted.
    "scrambled": f'builtins.listToAttrs (builtins.genList (x: {{ name = toString (x * 7919 + 1 - (x * 7919 + 1) / 1000003 * 1000003); value = x; }}) {COUNT // 5})',
    "big": f'builtins.listToAttrs (builtins.genList (x: {{ name = "n${{toString x}}"; value = x; }}) {COUNT // 10})',
    "references": f'builtins.concatStringsSep "" (builtins.genList (x: builtins.toFile "x${{toString x}}" "") {COUNT // 20})',
    # These have few cells and very many paths: a walk along all paths takes years.
    "shared": _SHARED.format("1", "[ x x ]"),
    "shared2": _SHARED.format("1", "[ x x ]"),
    "texts": _SHARED.format('"a"', "[ x x ]"),
    "tree": _SHARED.format("1", "{ a = x; b = x; }"),
    "tree2": _SHARED.format("1", "{ a = x; b = x; }"),
}

LONG = [
    ("ints", "l: builtins.genList (x: x) (20 * builtins.length l)"),
    ("ints", "l: builtins.filter (x: true) l"),
    ("ints", "l: builtins.foldl' (a: b: b) 0 l"),
    ("ints", "l: builtins.sort (a: b: a > b) l"),
    ("floats", "l: builtins.sort builtins.lessThan l"),
    ("strings", "l: builtins.sort builtins.lessThan l"),
    ("lists", "l: builtins.elem [ 3 ] l"),
    ("sets", "l: builtins.elem { a = 3; } l"),
    ("ints", "l: toString l"),
    ("floats", "l: toString l"),
    ("strings", "l: toString l"),
    ("ints", "l: builtins.toJSON l"),
    ("floats", "l: builtins.toJSON l"),
    ("sets", "l: builtins.toJSON l"),
    ("ints", "l: builtins.toXML l"),
    ("sets", "l: builtins.genericClosure { startSet = builtins.map (x: { key = x.a; }) l; operator = x: [ ]; }"),
    ("lists,lists2", "a: b: a == b"),
    ("text", 's: builtins.split "(x*)" s'),
    ("text", 's: builtins.split "([a-c]+)(x|)" s'),
    ("text", 's: builtins.match "(.|\\n)*" s'),
    ("versions,versions2", "a: b: builtins.compareVersions a b"),
    ("versions", "s: builtins.splitVersion s"),
    ("path", 's: builtins.findFile [ { prefix = ""; path = s; } ] "x"'),
    ("path", 's: builtins.findFile [ { prefix = ""; path = "/"; } ] s'),
    ("json", "s: builtins.fromJSON s"),
    ("toml", "s: builtins.fromTOML s"),
    ("pairs", "l: builtins.listToAttrs l"),
    ("big,names", "s: l: builtins.removeAttrs s l"),
    ("text", 's: builtins.replaceStrings [ "a" ] [ "bb" ] s'),
    ("text", 's: builtins.replaceStrings [ "" ] [ "-" ] s'),
    ("text", 's: builtins.replaceStrings [ "abcdefgh," "zz" ] [ "1" (throw "never") ] s'),
    ("strings", 'l: builtins.concatStringsSep "," l'),
    ("references", "s: builtins.getContext s"),
    ("ints", "l: builtins.all (x: true) l"),
    ("ints", "l: builtins.any (x: false) l"),
    ("ints", "l: builtins.concatMap (x: [ x ]) l"),
    ("ints", "l: builtins.deepSeq (builtins.map (x: x) l) 1"),
    ("ints", 'l: builtins.groupBy (x: "a") l'),
    ("ints", "l: builtins.partition (x: true) l"),
    ("big", "s: builtins.deepSeq (builtins.mapAttrs (n: v: v) s) 1"),
    ("sets", "l: builtins.deepSeq (builtins.zipAttrsWith (n: v: builtins.foldl' (a: b: b) 0 v) l) 1"),
    ("sets", 'l: builtins.catAttrs "a" l'),
    ("lists", "l: builtins.concatLists (l ++ l)"),
    ("big,pairs", "s: l: builtins.intersectAttrs (builtins.listToAttrs l // { more = 1; }) s"),
    ("shared", "d: builtins.toJSON d"),
    ("shared", "d: builtins.toXML d"),
    ("texts", "d: toString d"),
    ("shared,shared2", "a: b: a == b"),
    ("shared,shared2", "a: b: a < b"),
    ("shared,shared2", "a: b: builtins.elem a [ b ]"),
    ("tree", "d: builtins.toJSON d"),
    ("tree", "d: builtins.toXML d"),
    ("tree,tree2", "a: b: a == b"),
    ("tree,tree2", "a: b: builtins.genericClosure { startSet = [ { key = [ a ]; } { key = [ b ]; } ]; operator = x: [ ]; }"),
    ("ints", "l: builtins.trace l 1"),
    ("scrambled", "s: builtins.attrNames (s // { more = 1; })"),
    ("ints", "l: let s = { __functor = self: self; }; in s 1"),
]

# Builtins without a row above.  The table of builtins says which are constants, which take the same time for any arguments (or call functions,
# which are stopped at their own calls), and which wait for the disk, a server or Git, in Python, which a signal ends.
CONSTANTS = {entry.name for entry in TABLE.values() if entry.is_constant}
AT_ONCE = {entry.name for entry in TABLE.values() if entry.cost in ("1", "log n")}
OUTSIDE = {entry.name for entry in TABLE.values() if entry.cost == "outside"}
# Builtins that make one pass over bytes or words, by the C library or special instructions: 100 MB take less than half a second.
ONE_PASS = {
    "attrValues", "baseNameOf", "convertHash", "dirOf", "flakeRefToString", "getEnv", "hashFile", "hashString",
    "parseDrvName", "parseFlakeRef", "pathExists", "placeholder", "readDir", "readFile", "readFileType", "storePath", "substring", "tail",
    "toFile", "toPath", "unsafeDiscardStringContext",
}  # fmt: skip
# Builtins that make one pass over the sorted store paths of a context; to make each of these paths took longer.
REFERENCES = {"addDrvOutputDependencies", "appendContext", "derivationStrict", "outputOf", "unsafeDiscardOutputDependency"}
# The data for a builtin without any of these, by the letter of its argument (machine/state.pxd).
BY_LETTER = {"l": "ints", "a": "big", "s": "text", "S": "text"}
ENDLESS = [
    "{ __functor = self: self; } 2",
    "{ __functor = self: self; } 2 3",
    "let f = { __functor = { __functor = self: self; }; }; in f 1",
    "let f = n: { __functor = f (n + 1); }; in f 1 2",
    "builtins.foldl' { __functor = self: self; } 1 [ 1 2 ]",
    "builtins.sort { __functor = self: self; } [ 1 2 ]",
    'builtins.mapAttrs { __functor = self: self; } { a = 1; }',
    '({ __toString = self: self; }) + ""',
    '"${{ __toString = self: self; }}"',
    "toString { __toString = self: self; }",
    "builtins.toJSON { __toString = self: self; }",
    'let f = n: { __toString = s: f (n + 1); }; in builtins.concatStringsSep "" [ (f 1) ]',
    'let f = n: { outPath = f (n + 1); }; in "${f 1}"',
    "let f = n: { outPath = f (n + 1); }; in toString (f 1)",
    "let f = n: { outPath = f (n + 1); }; in toString [ (f 1) ]",
    "let f = n: { outPath = f (n + 1); }; in builtins.toJSON (f 1)",
    "let f = n: { outPath = f (n + 1); }; in builtins.toXML (f 1)",
    'derivation { name = "x"; builder = let f = n: { outPath = f (n + 1); }; in f 1; system = "x"; }',
    "let l = [ l ]; in toString l",
    "let f = n: [ (f (n + 1)) ]; in toString (f 1)",
    "let f = n: [ (f (n + 1)) ]; in builtins.toJSON (f 1)",
    "let f = n: [ (f (n + 1)) ]; in builtins.deepSeq (f 1) 2",
    "let f = n: [ (f (n + 1)) ]; in f 1 == f 1",
    "let f = n: [ (f (n + 1)) ]; in f 1 < f 1",
    "let f = n: { key = [ (f (n + 1)) ]; }; in builtins.genericClosure { startSet = [ (f 1) (f 1) ]; operator = x: [ ]; }",
]


@pytest.fixture
def hang_guard():
    """Ends a test whose loop ignores requests, which would otherwise run for ever."""
    pid = os.getpid()
    guard = threading.Timer(120, os.kill, (pid, signal.SIGKILL))
    guard.start()
    yield
    guard.cancel()


def stopped() -> set[str]:
    """The builtins that are called by a row."""
    rows = " ".join(function for _, function in LONG)
    return set(re.findall(r"builtins\.([a-zA-Z']+)", rows)) | set(re.findall(r"\b(toString)\b", rows))


def made_rows() -> Iterator[tuple[str, str]]:
    """A row for each builtin that nobody thought of, with large arguments; a builtin whose letters have no data needs a row of its own."""
    for name in sorted({name for name in TABLE if not name.startswith("__")} - stopped() - CONSTANTS - AT_ONCE - ONE_PASS - REFERENCES - OUTSIDE):
        forces = TABLE[name].forces
        parameters = "abcdefgh"[: len(forces)]
        yield ",".join(BY_LETTER[letter] for letter in forces), f"{': '.join(parameters)}: builtins.{name} {' '.join(parameters)}"


LONG += list(made_rows())


def test_every_builtin_is_accounted_for_once():
    others = [CONSTANTS, AT_ONCE - stopped(), ONE_PASS, REFERENCES, OUTSIDE]
    assert sorted([*stopped(), *(name for names in others for name in names)]) == sorted(name for name in TABLE if not name.startswith("__"))


@contextmanager
def requests_to_stop(nix):
    """Another thread that requests again and again that an evaluator stop."""
    done = threading.Event()

    def keep_asking():
        while not done.wait(0.0005):
            nix._machine.cancel()

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        yield
    finally:
        done.set()
        asking.join()


@pytest.mark.parametrize("names, function", LONG, ids=[f"{names}-{function}" for names, function in LONG])
def test_a_request_stops_it(names, function, hang_guard):
    nix = snowsnake.Evaluator()
    values = [nix.evaluate(DATA[name]).force() for name in names.split(",")]
    called = nix.evaluate(function)
    with requests_to_stop(nix), pytest.raises(snowsnake.Cancelled):
        called(*values).force()
    assert nix.evaluate("1 + 1").to_python() == 2


@pytest.mark.parametrize("expression", ENDLESS)
def test_what_has_no_end_ends(expression, hang_guard):
    nix = snowsnake.Evaluator(depth_limit=100_000)
    with pytest.raises(EvaluationError) as caught:
        nix.evaluate(expression).force(deep=True)
    assert caught.value.code == "depth"


def test_long_chains_that_end(hang_guard):
    chain = 'let f = n: if n == 0 then "x" else {{ {0} f (n - 1); }}; in f 30000'
    nix = snowsnake.Evaluator()
    for link in ("outPath =", "__toString = self:"):
        value = f"({chain.format(link)})"
        assert nix.evaluate(f'[ (toString {value}) "${{{value}}}" (toString [ {value} ]) (builtins.toJSON {value}) ]').to_python() == [
            "x", "x", "x", '"x"',
        ]  # fmt: skip


@pytest.mark.parametrize("form", ["to_nix", "to_python", "to_json", "to_xml"])
def test_a_time_limit_holds_for_output(form, hang_guard):
    nix = snowsnake.Evaluator(timeout_s=0.05)
    value = nix.evaluate(f"builtins.genList (x: [ x ]) {10 * COUNT}")
    with pytest.raises(EvaluationError) as caught:
        getattr(value, form)()
    assert caught.value.code == "timeout"


def test_a_time_limit_holds_for_what_a_command_prints(hang_guard):
    """Forty times the same text of 16 MB takes little time and memory, and is 640 MB of output."""
    program = 'let d = s: _: s + s; t = builtins.foldl\' d "0123456789abcdef" (builtins.genList (x: x) 20); in builtins.genList (x: t) 400'
    command = [sys.executable, "-m", "snowsnake.cli.main", "eval", "--strict", "--timeout", "1", "-E", program]
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "took longer than its time limit" in done.stderr
    assert time.monotonic() - started < 20


_LONG_TEXT = 'builtins.foldl\' (s: _: s + s) "0123456789abcd\n" (builtins.genList (x: x) 18)'
UNREAD = {
    "a result": ("stdout", ["-E", _LONG_TEXT]),
    "JSON": ("stdout", ["--json", "-E", _LONG_TEXT]),
    "a trace": ("stderr", ["-E", f"builtins.trace ({_LONG_TEXT}) 1"]),
    "a thousand traces": ("stderr", ["-E", "builtins.foldl' (a: b: builtins.trace (\"line of a text \" + toString b) b) 1 (builtins.genList (x: x) 10000)"]),
    "a warning": ("stderr", ["-E", f"builtins.warn ({_LONG_TEXT}) 1"]),
    "a trace in JSON": ("stderr", ["--log-format", "internal-json", "-E", f"builtins.trace ({_LONG_TEXT}) 1"]),
    "a message": ("stderr", ["-E", f"throw ({_LONG_TEXT})"]),
    "a message in JSON": ("stderr", ["--log-format", "json", "-E", f"throw ({_LONG_TEXT})"]),
}


@pytest.mark.parametrize("what", UNREAD)
def test_a_time_limit_holds_where_nobody_reads(what, hang_guard):
    """The reader of a pipe keeps it open and reads nothing, so the command would wait for ever."""
    stream, words = UNREAD[what]
    command = [sys.executable, "-m", "snowsnake.cli.main", "eval", "--timeout", "0.7", *words]
    other = "stderr" if stream == "stdout" else "stdout"
    process = subprocess.Popen(command, **{stream: subprocess.PIPE, other: subprocess.DEVNULL})
    try:
        assert process.wait(60) == 1
    finally:
        process.kill()
        getattr(process, stream).close()


def test_ctrl_c_ends_a_trace_that_nobody_reads(hang_guard):
    command = [sys.executable, "-m", "snowsnake.cli.main", "eval", "-E", f"builtins.trace ({_LONG_TEXT}) (throw \"x\")"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        # The line is being written.
        assert process.stderr.read(7) == b"trace: "
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert b"interrupted" in process.stderr.read()
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.stderr.close()


@pytest.mark.parametrize("expression", ["builtins.path {{ path = {}; }}", '"${{{}}}"', "builtins.filterSource (p: t: true) {}"])
def test_a_folder_that_is_hashed_can_be_stopped(expression, tmp_path, hang_guard):
    tree = tmp_path / "tree"
    tree.mkdir()
    with open(tree / "large", "wb") as file:
        # The file is a hole, which takes no room on the disk.
        file.truncate(8 << 30)
    nix = snowsnake.Evaluator(timeout_s=0.2)
    value = nix.evaluate(expression.format(tree))
    started = time.monotonic()
    with pytest.raises(EvaluationError) as caught:
        value.force()
    assert caught.value.code == "timeout" and time.monotonic() - started < 4


LARGE_SOURCES = {
    "numbers": ("[ ", "1 2 3 4 ", "]"),
    "names": ("{ ", "n%d = 1; ", "}"),
    "other names": ("rec { ", "n%d = n0; ", "}"),
    "sources": ("{ ", "inherit (builtins); a%d = 1; ", "}"),
    "functions": ("[ ", "(x: { a = x.a or [ x %d ]; }) ", "]"),
    "formals": ("{ ", "a%d ? a0, ", "... }: 1"),
    "strings": ('let x = "1"; in "', "ab\\n ${x} %d", '"'),
}


@pytest.fixture(scope="module")
def large_sources() -> dict[str, str]:
    """Sources that take a second or more."""
    return {
        name: start + "".join(piece % i if "%d" in piece else piece for i in range(1_000_000)) + end
        for name, (start, piece, end) in LARGE_SOURCES.items()
    }


@pytest.mark.parametrize("name", LARGE_SOURCES)
@pytest.mark.parametrize("way", ["time limit", "request", "import"])
def test_a_large_source_can_be_stopped(name, way, large_sources, tmp_path, hang_guard):
    """The source is stopped while it is parsed, compiled and linked, before it is evaluated."""
    nix = snowsnake.Evaluator(timeout_s=0 if way == "request" else 0.05)
    with requests_to_stop(nix) if way == "request" else nullcontext(), pytest.raises((snowsnake.Cancelled, EvaluationError)) as caught:
        if way == "import":
            (tmp_path / "large.nix").write_text(large_sources[name])
            nix.evaluate(f"import {tmp_path}/large.nix").force()
        else:
            nix.evaluate(large_sources[name])
    assert isinstance(caught.value, snowsnake.Cancelled) if way == "request" else caught.value.code == "timeout"


def test_a_request_at_rest_is_forgotten():
    nix = snowsnake.Evaluator()
    value = nix.evaluate("builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: x) 100000)")
    nix._machine.cancel()
    assert value.to_python() == 4999950000


def test_limits_are_not_lost(hang_guard):
    """A request may come while the machine sets its own limits: it must not be overwritten."""
    program = "let loop = n: if n == 0 then 0 else loop (builtins.seq [ n n n n ] (n - 1)); in loop 1000000000000"
    for attempt in range(40):
        nix = snowsnake.Evaluator(timeout_s=0.002 + attempt / 10000, depth_limit=4_000_000_000)
        with pytest.raises(EvaluationError) as caught:
            nix.evaluate(program).force()
        assert caught.value.code == "timeout"


BULK = ["concatMap (x: [ x x ])", "filter (x: true)", "map (x: x)", "concatLists", "sort (a: b: a < b)", "partition (x: true)"]


@pytest.mark.parametrize("builtin", BULK)
def test_limits_are_not_lost_while_long_lists_are_made(builtin, hang_guard):
    """These builtins move the limits themselves, and the code after them allocates too little to reach one."""
    argument = "builtins.genList (x: [ x ]) 20000" if builtin == "concatLists" else "builtins.genList (x: x) 20000"
    program = f"let loop = n: loop (builtins.seq (builtins.{builtin} ({argument})) n); in loop 1"
    for attempt in range(20):
        nix = snowsnake.Evaluator(timeout_s=0.01 + attempt / 3000)
        with pytest.raises(EvaluationError) as caught:
            nix.evaluate(program).force()
        assert caught.value.code == "timeout"


def test_ctrl_c_ends_a_command(tmp_path):
    command = [sys.executable, "-m", "snowsnake.cli.main", "eval", "--strict", "-E", DATA["shared"].replace("in f 45", "in f 45 == f 45")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err and "fault" not in err
    assert process.returncode in (1, 130, -signal.SIGINT)


def test_an_interrupt_is_not_lost_between_short_evaluations():
    """An interrupt may come when the machine does not look for one any more; the next run once began by forgetting it.

    Python's collector is off, because Hypothesis watches it by a function, and CPython ignores exceptions that are raised there.
    """
    function = snowsnake.Evaluator().evaluate("x: x + 1")
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()

    def interrupt(delay_s: float) -> None:
        time.sleep(delay_s)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    try:
        for number in range(200):
            thread = threading.Thread(target=interrupt, args=(number * 1e-5,))
            is_told = False
            try:
                thread.start()
                while thread.is_alive():
                    function(1)
                function(1)
            except KeyboardInterrupt:
                is_told = True
            thread.join()
            assert is_told, number
    finally:
        gc.enable()
        signal.signal(signal.SIGINT, old)
