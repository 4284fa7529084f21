"""A process that evaluates for long does not grow: small evaluations in one evaluator, and evaluators that come and go."""

import ast
import gc
import subprocess
import sys
import sysconfig
import weakref

import pytest

from snowsnake import EvaluationError, Evaluator, evaluate
from snowsnake.cli.evaluate import OPTIONS, session_of
from snowsnake.cli.options import parse
from snowsnake.cli.output import Reporter
from snowsnake.interpreter import Interpreter

pytestmark = pytest.mark.bare
KIB = 1 << 10


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def growth(action, count: int) -> int:
    """Bytes by which the process grew, after a tenth of the evaluations has brought everything to its size."""
    for i in range(count // 10):
        action(i)
    gc.collect()
    before = resident_bytes()
    for i in range(count):
        action(i)
    gc.collect()
    return resident_bytes() - before


def failing(action):
    """An action that expects an error from every evaluation of *action*."""

    def run(i):
        with pytest.raises(EvaluationError):
            action(i)

    return run


@pytest.mark.parametrize(
    "program",
    [
        "1 + 2",
        "{ a = %d; b = map (x: x + 1) [ 1 2 ]; }.b",
        "let f = x: if x == 0 then [ ] else [ x ] ++ f (x - 1); in f (builtins.bitAnd %d 7)",
        'builtins.match "(a*)b" "aab"',
    ],
)
def test_many_evaluations_do_not_grow(program):
    """10^5 of them in one evaluator."""
    nix = Evaluator()
    assert growth(lambda i: nix.evaluate(program.replace("%d", str(i))).to_python(), 100_000) < 4096 * KIB


@pytest.mark.parametrize("program", ["{ a = ", "x%d", 'throw "no %d"', '{ a = throw "no"; }.a', "assert false; 1"])
def test_many_failures_do_not_grow(program):
    nix = Evaluator()
    assert growth(failing(lambda i: nix.evaluate(program.replace("%d", str(i % 100))).force()), 20_000) < 4096 * KIB


def test_evaluators_that_come_and_go_do_not_grow():
    assert growth(lambda i: evaluate(f"{{ a = {i}; b = map (x: x + 1) [ 1 2 ]; }}")["b"].to_python(), 2000) < 2048 * KIB
    assert growth(failing(lambda i: evaluate('{ a = throw "x"; }')["a"].force()), 2000) < 2048 * KIB


def test_handles_in_cycles_are_freed(recwarn):
    """Python may break a cycle at the evaluator before the values are gone."""

    def cycle(i):
        value = evaluate("{ a = [ 1 2 3 ]; }")
        holder = {"value": value, "more": [value["a"], value["a"][i % 3]]}
        holder["self"] = holder

    # Each evaluator that is kept needs more than 100 KiB.  A free-threaded Python looks for cycles later, and keeps more memory.
    count, most = (10_000, 600 * 1024 * KIB) if sysconfig.get_config_var("Py_GIL_DISABLED") else (500, 16 * 1024 * KIB)
    # What waits for Python's collector has its size after the first round: 25 MB with Python 3.13, which grow by 8 and then by 1.
    growth(cycle, count)
    assert growth(cycle, count) < most
    assert not recwarn.list


class Empty:
    """A file system without files."""

    def kind(self, path):
        return None

    def read(self, path):
        raise FileNotFoundError(path)

    def list(self, path):
        return []


def looks_at_a_flake(nix, folder):
    """Fetches a flake, which makes the evaluator's fetcher and mounts a tree."""
    (folder / "flake.nix").write_text("{ outputs = { self }: { number = 1; }; }")
    assert nix.flake(f"path:{folder}")["number"].to_python() == 1


# Objects that an evaluator can hold: each function makes an evaluator, and gets a holder that will refer to the evaluator.
CIRCLES = {
    "builtins": lambda holder, folder: Evaluator(builtins={"ours": lambda argument: holder}),
    "files": lambda holder, folder: Evaluator(files=vars_of(Empty(), holder)),
    "messages": lambda holder, folder: Evaluator(on_message=lambda kind, text: holder),
    "a message of each import": lambda holder, folder: Evaluator(on_message=vars_of(lambda kind, text: None, holder)),
    "the environment": lambda holder, folder: Evaluator(environment=Names({"holder": "1"}, holder)),
    "the session of a command": lambda holder, folder: session_of_a_command(holder),
}


class Names(dict):
    """A mapping that refers to something else, too."""

    def __init__(self, names, holder):
        super().__init__(names)
        self.holder = holder


def vars_of(thing, holder):
    thing.holder = holder
    return thing


def session_of_a_command(holder):
    """A session and the reporter of its command refer to each other."""
    reporter = Reporter()
    reporter.holder = holder
    session = session_of(parse(["--expr", "1"], OPTIONS), reporter)
    assert session.expression(b"1 + 1").to_nix(strict=True) == b"2"
    return session


@pytest.mark.parametrize("kind", CIRCLES)
@pytest.mark.parametrize("fetches", [False, True])
def test_evaluators_in_circles_are_freed(kind, fetches, tmp_path):
    """Python's collector sees all objects that an evaluator holds, also those that only the machine uses; reachable objects stay usable."""
    left = []
    for _ in range(2):
        holder = {}
        holder["evaluator"] = evaluator = CIRCLES[kind](holder, tmp_path)
        if isinstance(evaluator, Evaluator):
            holder["function"] = evaluator.value(lambda argument, holder=holder: len(holder))
            if fetches:
                looks_at_a_flake(evaluator, tmp_path)
            gc.collect()
            assert evaluator.evaluate("f: f 1")(holder["function"]).to_python() == 2
        left.append(weakref.ref(evaluator))
    del holder, evaluator
    gc.collect()
    assert [one() for one in left] == [None, None]
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Empty | Names) or type(thing) is Reporter]


# ---- values that must survive while expressions are forgotten ----------------------------------------------------------

def many(nix, count=3000):
    """More expressions than are kept before they are looked at."""
    for i in range(count):
        nix.evaluate(f"let a = {i}; f = x: [ x a ]; in f a").to_python()


def test_functions_and_thunks_survive_their_sources():
    nix = Evaluator()
    adder = nix.evaluate('x: let y = "text ${toString x}"; g = z: [ y z (x + z) ]; in { inherit g; lazy = g 1; }')
    lazy = nix.evaluate("{ late = map (x: x * 2) [ 1 2 3 ]; never = throw \"no\"; }")
    many(nix)
    assert adder(5)["g"](2).to_python() == ["text 5", 2, 7]
    many(nix)
    made = adder(1)
    many(nix)
    assert made["lazy"].to_python() == ["text 1", 1, 2] and lazy["late"].to_python() == [2, 4, 6]
    with pytest.raises(EvaluationError) as caught:
        lazy["never"].force()
    assert str(caught.value.position) == "«string»:1:44"


def test_values_survive_without_their_sources():
    """Data keeps its meaning; the places in forgotten sources are unknown."""
    nix = Evaluator()
    data = nix.evaluate('{ a = { b = [ 1 "two" ]; }; }')
    data.force(deep=True)
    many(nix)
    assert data.to_python() == {"a": {"b": [1, "two"]}}
    with pytest.raises(EvaluationError) as caught:
        nix.evaluate("set: set.missing")(data)
    assert caught.value.code == "missing-attribute"
    assert nix.evaluate("set: builtins.unsafeGetAttrPos \"a\" set")(data).to_python() is None


def test_failed_thunks_keep_their_errors():
    nix = Evaluator()
    sets = [nix.evaluate(f'{{ x = throw "number {i}"; }}') for i in range(5)]
    for one in sets:
        with pytest.raises(EvaluationError):
            one["x"].force()
    del sets[1:4]
    many(nix)
    for number, one in zip((0, 4), sets, strict=True):
        with pytest.raises(EvaluationError) as caught:
            one["x"].force()
        assert caught.value.message == f"number {number}"


def test_imported_files_survive_forgotten_expressions(tmp_path):
    (tmp_path / "lib.nix").write_text("{ twice = x: 2 * x; where = builtins.unsafeGetAttrPos \"a\" { a = 1; }; }\n")
    nix = Evaluator()
    first = nix.evaluate(f"import {tmp_path}/lib.nix")
    assert first["twice"](1).to_python() == 2
    many(nix)
    again = nix.evaluate(f"(import {tmp_path}/lib.nix)")
    assert again["twice"](4).to_python() == 8 and first["twice"](4).to_python() == 8
    assert again["where"].to_python()["line"] == 1
    assert nix.files_read().count(str(tmp_path / "lib.nix")) == 1


def test_sources_are_really_forgotten():
    nix = Evaluator()
    kept = [nix.evaluate(f"x: x + {i}") for i in range(10)]
    many(nix, 10_000)
    facts = nix.statistics()
    assert facts["files"] < 2000 and facts["codes"] < 20_000
    assert [f(1).to_python() for f in kept] == list(range(1, 11))


# ---- memory that commands give back ------------------------------------------------------------------------------------

KEPT = """
from snowsnake.interpreter import Interpreter
from snowsnake.machine.heap import give_back_large_blocks
give_back_large_blocks()
nix = Interpreter()
set = b'builtins.listToAttrs (builtins.genList (i: { name = "name${toString i}"; value = i; }) 250000)'
for use in (b"attrNames (%s)", b"groupBy (v: toString (v / 100)) (builtins.attrValues (%s))"):
    nix.evaluate(b"builtins." + use % set, "/").force()
heap = open("/proc/self/smaps").read().split("[heap]")[1]
print(next(int(line.split()[1]) for line in heap.splitlines() if line.startswith("Rss:")))
"""


def test_large_blocks_go_back_to_the_system():
    """The buffers for sorting a quarter of a million names have megabytes; glibc would keep 4 MB of them if the command did not change its settings."""
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 3000


GARBAGE = """
builtins.foldl' (sum: n: let pairs = builtins.genList (i: [ i n ]) 20000; in builtins.deepSeq pairs (sum + builtins.length pairs)) 0
  (builtins.genList (n: n) %d)
"""


def test_a_small_memory_limit_is_kept_by_collecting():
    """Each step makes some two megabytes that live through collections of the nursery and then die: many times the limit in all."""
    nix = Evaluator(memory_limit_bytes=64 << 20)
    assert nix.evaluate(GARBAGE % 100).to_python() == 2_000_000


def test_a_heap_that_is_let_grow_keeps_its_limit():
    nix = Interpreter(prints_nix=False)
    before = nix.statistics()["collects_at_bytes"]
    nix.let_grow(before // 2)
    assert nix.statistics()["collects_at_bytes"] == before
    nix.let_grow(4 * before)
    assert 4 * before <= nix.statistics()["collects_at_bytes"] < 5 * before
    small = Interpreter(prints_nix=False, memory_limit_bytes=64 << 20)
    small.let_grow(1 << 60)
    assert small.statistics()["collects_at_bytes"] <= 32 << 20
    assert small.evaluate((GARBAGE % 40).encode(), "/").to_python() == 800_000


def test_what_lives_beyond_the_limit_is_an_error():
    nix = Evaluator(memory_limit_bytes=64 << 20)
    with pytest.raises(EvaluationError) as caught:
        nix.evaluate("let l = builtins.genList (i: [ i ]) 4000000; in builtins.deepSeq l (builtins.length l)").force()
    assert caught.value.code == "memory"
    assert nix.evaluate("1 + 1").to_python() == 2


def test_a_path_made_of_a_long_text_keeps_the_limit():
    """Joining, and making the path canonical, copies the text three times."""
    text = 'let s = builtins.concatStringsSep "" (builtins.genList (x: "abcdefg/") {}); in builtins.seq s (builtins.typeOf (/. + s))'
    nix = Evaluator(memory_limit_bytes=64 << 20)
    assert nix.evaluate(text.format(1 << 17)).to_python() == "path"
    with pytest.raises(EvaluationError) as caught:
        nix.evaluate(text.format(2_500_000)).force()
    assert caught.value.code == "memory"


def test_a_trace_needs_no_room_on_a_full_heap():
    """The function that the error leaves has a layered set as its argument, which no room is left to make flat."""
    names = "builtins.listToAttrs (builtins.genList (i: { name = \"n${toString i}\"; value = i; }) 150000)"
    source = f"""
        let
          s = {names} // {{ x = 1; }};
          fill = builtins.foldl' (a: b: [ a {40 * "b "}]) null (builtins.genList (i: i) 1000000);
          f = set: 1 + builtins.length (builtins.seq fill [ set ]);
        in builtins.seq s.x (f s + s.n1)
    """
    nix = Evaluator(memory_limit_bytes=128 << 20)
    with pytest.raises(EvaluationError) as caught:
        nix.evaluate(source).force()
    assert caught.value.code == "memory"
    assert "while calling 'f'" in caught.value.render(show_trace=True)
    assert nix.evaluate("1 + 1").to_python() == 2


# ---- limits ---------------------------------------------------------------------------------------------------------------------

def command(*words: str, address_space_mb: int = 0, folder: str = "/") -> tuple[int, str, str, int]:
    """Exit code, the end of both outputs, and the most kilobytes that were resident, of `snowsnake eval` in a process of its own."""
    code = """
import os, resource, subprocess, sys
limit = int(sys.argv[1]) << 20
done = subprocess.run([sys.executable, "-c", "import sys; from snowsnake.cli.main import main; sys.exit(main())", *sys.argv[2:]],
    stdout=subprocess.PIPE if limit else subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    preexec_fn=lambda: limit and resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
print([done.returncode, (done.stdout or "")[-2000:], done.stderr[-2000:], resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss])
"""
    words = ("eval", "--no-cache", *words)
    done = subprocess.run(
        [sys.executable, "-c", code, str(address_space_mb), *words], cwd=folder, capture_output=True, text=True, check=True, timeout=300
    )
    return tuple(ast.literal_eval(done.stdout))


@pytest.mark.parametrize("address_space_mb", [1000, 500, 300, 150])
@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("1 + 1", "2"),
        ("let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 20000", "20000"),
        ("builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: x) 300000)", "44999850000"),
        ("builtins.length (builtins.attrNames (builtins.listToAttrs (builtins.genList (i: { name = toString i; value = i; }) 20000)))", "20000"),
        # This program makes more garbage than the limit allows.
        ("builtins.foldl' (a: i: builtins.stringLength (toString (builtins.genList (x: x + i) 1000)) + a) 0 (builtins.genList (i: i) 500)", "2119145"),
    ],
)
def test_programs_run_under_a_limit_of_address_space(program, expected, address_space_mb):
    """Under `ulimit -v`, the evaluator reserves what is available, however little that is."""
    code, out, error, _ = command("-E", program, address_space_mb=address_space_mb)
    assert (code, out.strip(), error) == (0, expected, "")


@pytest.mark.parametrize("address_space_mb", [30, 60, 100])
def test_too_little_address_space_is_an_error(address_space_mb):
    if address_space_mb == 30 and sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("a free-threaded Python itself does not start with 30 MB")
    code, out, error, _ = command("-E", "builtins.length (builtins.genList (x: x) 100000)", address_space_mb=address_space_mb)
    assert (code == 0 and out == "100000\n") or (code == 1 and "memory" in error and "Traceback" not in error)


MANY_ARGUMENTS = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
from snowsnake import looking
from snowsnake.interpreter import Interpreter
nix = Interpreter()
function = nix.evaluate(b"let f = x: f; in f", "/")
try:
    looking.call_later(function, [nix.from_python(1)] * int(sys.argv[1])).force()
    print("a function")
except Exception as error:
    print(getattr(error, "code", "memory"))
except MemoryError:
    print("memory")
"""


@pytest.mark.parametrize("count", [10, 1_000_000, 3_000_000])
def test_arguments_for_a_call_that_comes_later_are_counted(count):
    done = subprocess.run([sys.executable, "-c", MANY_ARGUMENTS, str(count)], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip() in ("a function", "memory", "depth")) == (0, True), done.stderr


def test_a_text_that_is_printed_is_not_in_memory():
    """The result has the same string of 256 KiB 2000 times."""
    code, _, error, most_kb = command("--strict", "-E", (
        "let grow = n: s: if n == 0 then s else grow (n - 1) (s + s); s = grow 14 \"0123456789abcdef\"; "
        "in builtins.genList (i: s) 2000"
    ))
    assert (code, error) == (0, "") and most_kb < 200_000


DOUBLED = 'let double = n: text: if n == 0 then text else double (n - 1) (text + text); in builtins.stringLength (double %d "0123456789abcdef")'


def test_a_text_that_is_doubled_is_written_once():
    """A doubling of a large text finds room behind it, every second time; C++ Nix writes 128 MB for a text of 64 MB."""
    code, _, error, most_kb = command("-E", DOUBLED % 22)
    assert (code, error) == (0, "") and most_kb < 115_000


def test_room_behind_texts_does_not_fill_the_memory():
    """Each text of two megabytes has room for as much again; all of them have many times the limit."""
    nix = Evaluator(memory_limit_bytes=64 << 20)
    each = f"let texts = builtins.genList (i: {DOUBLED % 17} + i) 200; in builtins.foldl' (sum: size: sum + size) 0 texts"
    assert nix.evaluate(each).to_python() == 200 * (16 << 17) + 199 * 100


def test_a_text_for_python_counts_against_the_limit():
    value = Evaluator(memory_limit_bytes=100 << 20).evaluate(
        "let grow = n: s: if n == 0 then s else grow (n - 1) (s + s); s = grow 14 \"0123456789abcdef\"; in builtins.genList (i: s) 2000"
    )
    with pytest.raises(EvaluationError, match="out of memory"):
        value.to_nix()


def test_a_syntax_tree_counts_against_the_limit(tmp_path):
    with open(tmp_path / "large.nix", "w") as file:
        file.write("[" + "{} " * 5_000_000 + "]")
    code, _, error, most_kb = command("--memory-limit", "200", "-E", "builtins.length (import ./large.nix)", folder=str(tmp_path))
    assert code == 1 and "out of memory" in error and most_kb < 400_000


@pytest.mark.parametrize(
    "call",
    [
        'builtins.fromTOML (builtins.concatStringsSep "" (builtins.genList (x: "[[a]]\\n") 2000000))',
        'builtins.fromTOML ("a = [" + builtins.concatStringsSep "" (builtins.genList (x: "1,") 3000000) + "]")',
        'builtins.fromJSON (builtins.concatStringsSep "" (builtins.genList (x: "[") 8000000))',
        'builtins.split "a" (builtins.concatStringsSep "" (builtins.genList (x: "a") 8000000))',
        'builtins.split "(a|b)" (builtins.concatStringsSep "" (builtins.genList (x: "a") 8000000))',
    ],
)
def test_what_builtins_keep_beside_the_heap_counts(call):
    """A document's tree and the matches of a pattern are many times as large as the text."""
    code, _, error, most_kb = command("--memory-limit", "100", "-E", f"builtins.seq ({call}) 1")
    assert code == 1 and "memory" in error and most_kb < 250_000
