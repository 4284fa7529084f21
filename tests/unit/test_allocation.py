"""Memory that runs out, at every point: each allocation of start-up and of a program fails in turn, alone and with all that follow it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import snowsnake.version
from snowsnake.api import EvaluationError
from snowsnake.diagnostics.kinds import LimitReached
from snowsnake.foundation.allocate import fail_allocations
from snowsnake.interpreter import Interpreter

PACKAGE = Path(snowsnake.version.__file__).resolve().parent
NEVER = 2**62
# A program that makes every room allocate: the parser, the compiler, tables, files, texts, hashes, derivations, errors.
PROGRAM = rb"""
let
  f = n: if n == 0 then [ ] else [ { name = "a${toString n}"; value = n * 2.5; } ] ++ f (n - 1);
  s = builtins.listToAttrs (f 30);
  text = builtins.toFile "q" "text";
in {
  inherit s;
  caught = [ (builtins.tryEval (throw "a${toString 2}")) (builtins.tryEval <nowhere>) (builtins.addErrorContext "c" 1) ];
  regex = [ (builtins.match "([[:alpha:]]+)(b*).*" "aaabbc") (builtins.split "(b)" "abc") ];
  data = [ (builtins.fromJSON ''{"a": [1, 2.5e0, {"b": null}], "c": "\u00e9"}'') (builtins.fromTOML "a = [1, 2]\n[t]\nx = 'y'") ];
  lists = [
    (builtins.sort (a: b: a < b) [ 3 1 2 ]) (builtins.groupBy toString [ 1 2 1 ]) (builtins.concatMap (x: [ x x ]) [ 1 2 ])
    (builtins.partition (x: x > 1) [ 1 2 3 ]) (builtins.genList (i: i) 40) (builtins.elem s [ s ])
    (builtins.genericClosure { startSet = [ { key = 1; } ]; operator = x: [ ]; })
  ];
  sets = [
    (s // { q = 1; } // { z = 3; }) (builtins.attrNames s) (builtins.intersectAttrs { a = 1; } { a = 2; }) (removeAttrs s [ "a1" ])
    (builtins.zipAttrsWith (n: v: v) [ { a = 1; } { a = 2; b = 3; } ]) (builtins.functionArgs ({ a, b ? 2 }: a))
    { ${"a" + "b"} = 1; c = rec { z = 1; y = z; }; } (builtins.unsafeGetAttrPos "a" { a = 1; })
  ];
  strings = [
    (builtins.replaceStrings [ "a" "b" ] [ "1" "2" ] "abc") (builtins.concatStringsSep "," (map toString [ 1 2.5 null true ]))
    (builtins.hashString "sha256" "x") (builtins.toXML s) (builtins.splitVersion "1.2.3") (builtins.getContext "${text}")
    (builtins.appendContext "x" (builtins.getContext text)) 1234567890123456789.25
  ];
  files = [
    (builtins.readDir ./.) "${builtins.filterSource (p: t: true) ./d}" (import ./f.nix { x = 1; }) (scopedImport { q = 5; } ./g.nix)
    (builtins.pathExists ./none) (builtins.readFile ./f.nix) (builtins.path { path = ./f.nix; name = "n"; }) (builtins.hashFile "md5" ./f.nix)
  ];
  derivation = (derivation { name = "x"; builder = "/b"; system = "s"; args = [ text ]; outputs = [ "out" "dev" ]; }).dev;
}
"""
SOURCES = {"f.nix": "{ x, y ? 2 }: [ x y ./f.nix ]", "g.nix": "q + 1", "d/a": "a"}


def run(evaluator: Interpreter, folder: str) -> list[str]:
    value = evaluator.evaluate(PROGRAM, folder)
    return [value.to_json().decode(), value.to_nix(strict=True).decode(), value.to_xml().decode()]


def outcome_of(folder: str, first: int, last: int, wanted: list[str]) -> dict[str, str]:
    """What a run returns whose allocations number *first* to *last* fail, and what the same evaluator returns afterwards."""
    evaluator = None
    found = {"again": "none"}
    fail_allocations(first, last)
    try:
        evaluator = Interpreter()
        found["run"] = "right" if run(evaluator, folder) == wanted else "wrong"
    except MemoryError:
        found["run"] = "memory"
    except EvaluationError as error:
        # A regular expression for which memory runs out is reported as one that is too large.
        found["run"] = "memory" if error.code == "memory" or "memory limit exceeded" in error.message else repr(error)
    except BaseException as error:
        found["run"] = repr(error)
    finally:
        fail_allocations(0, 0)
    if evaluator is not None:
        try:
            found["again"] = "right" if run(evaluator, folder) == wanted else "wrong"
        except MemoryError:
            found["again"] = "ended"
        except BaseException as error:
            found["again"] = repr(error)
    return found


def in_a_child(folder: str, first: int, last: int, wanted: list[str]) -> dict[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(outcome_of(folder, first, last, wanted)).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read()
    status = os.waitpid(child, 0)[1]
    return json.loads(text) if status == 0 else {"run": f"ended by {status}", "again": "none"}


@pytest.mark.parametrize("follow", [False, True], ids=["one", "all from one on"])
def test_every_failed_allocation_is_an_error_and_the_evaluator_goes_on(tmp_path, follow):
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    folder = str(tmp_path)
    wanted = run(Interpreter(), folder)
    fail_allocations(NEVER, NEVER)
    assert run(Interpreter(), folder) == wanted
    count = fail_allocations(0, 0)
    assert count > 300
    faults = {}
    ended = 0
    for number in range(1, count + 1):
        found = in_a_child(folder, number, NEVER if follow else number, wanted)
        ended += found["again"] == "ended"
        if found["run"] not in (("memory",) if follow else ("memory", "right")) or found["again"] not in ("right", "ended", "none"):
            faults[number] = found
    assert not faults
    # Only an allocation that grows a table of the machine may end an evaluator.
    assert ended < count // 20


@pytest.mark.parametrize("source", [b"1 +", b"{ a = 1; a = 2; }", b"nowhere", b"[ 1 2 ] + 3", b"{ a = 1; }.b", b"assert { a = 1; } == { a = 2; }; 1"])
def test_failed_allocations_while_an_error_is_made_are_errors(source):
    evaluator = Interpreter()

    def message() -> str:
        try:
            evaluator.evaluate(source, "/").force()
        except EvaluationError as error:
            return error.message
        except MemoryError:
            return "out of memory"
        return "no error"

    wanted = message()
    assert wanted not in ("no error", "out of memory")
    fail_allocations(NEVER, NEVER)
    message()
    for number in range(1, fail_allocations(0, 0) + 1):
        fail_allocations(number, number)
        found = message()
        fail_allocations(0, 0)
        assert found in (wanted, "out of memory")
        evaluator = Interpreter() if evaluator_has_ended(evaluator) else evaluator
        assert message() == wanted


def evaluator_has_ended(evaluator: Interpreter) -> bool:
    try:
        evaluator.evaluate(b"1", "/")
    except MemoryError:
        return True
    return False


def test_compiled_files_allocate_in_one_way():
    """An allocation that does not use foundation/allocate is not counted, so these tests cannot let it fail."""
    call = re.compile(r"\b(malloc|calloc|realloc|reallocarray|strdup|strndup|aligned_alloc|posix_memalign|PyMem_\w+)\s*\(")
    found = []
    for path in (p for p in sorted(PACKAGE.rglob("*")) if p.suffix in (".pyx", ".pxd", ".pxi")):
        if path.parent.name != "foundation":
            found += [f"{path.relative_to(PACKAGE)}: {line.strip()}" for line in path.read_text().split("\n") if call.search(line)]
    assert not found


IMPORTING = """
import sys
from snowsnake.diagnostics.kinds import LimitReached
from snowsnake.foundation.allocate import fail_allocations
fail_allocations(int(sys.argv[1]), int(sys.argv[1]))
try:
    import snowsnake.interpreter
except MemoryError:
    print("memory")
else:
    print("imported", fail_allocations(0, 0))
"""


def test_importing_allocates_nothing_that_could_fail():
    """The tables of names are constants; if a table is made at import again, its allocations must fail here, one by one."""
    done = subprocess.run([sys.executable, "-c", IMPORTING, str(NEVER)], capture_output=True, text=True)
    assert done.stdout.split() == ["imported", "0"], done.stderr


def test_every_allocation_is_looked_at(tmp_path):
    """The tool finds an unchecked allocation; `make lint` runs it over the package."""
    tool = Path(__file__).resolve().parents[2] / "tools/check_allocations.py"
    assert subprocess.run([sys.executable, str(tool)], capture_output=True, text=True).stdout == "every allocation is looked at\n"
    good = "cdef int f() noexcept nogil:\n    cdef char* p = <char*>allocate_items(1, 2)\n    if p == NULL:\n        return 1\n    p[0] = 1\n"
    for text, faults in (
        (good, 0),
        (good.replace("    if p == NULL:\n        return 1\n", ""), 1),
        (good.replace("p == NULL", "q == NULL"), 1),
        ("cdef void f() noexcept nogil:\n    use(copy_bytes(data, 1))\n", 1),
        ("cdef void f() noexcept nogil:\n    return copy_bytes(data, 1)\n", 0),
        ("cdef void f() noexcept nogil:\n    a.b = resize_items(a.b, 1, 2)\n\ncdef void g(a) noexcept nogil:\n    if a.b == NULL:\n        pass\n", 1),
    ):
        (tmp_path / "sample.pyx").write_text(text)
        done = subprocess.run([sys.executable, str(tool), str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == (faults > 0) and done.stdout.count("sample.pyx:") == faults, (text, done.stdout)


def test_expressions_are_forgotten_without_memory():
    """`Interpreter.forget` collects everything except the constants of unused expressions, which must not be used again."""

    def used() -> Interpreter:
        evaluator = Interpreter()
        for number in range(998):
            evaluator.evaluate(b'let f = x: [ x "a constant of %d" ./path/%d ]; in f 1' % (number, number), "/").force()
        return evaluator

    def forgets(evaluator: Interpreter) -> str:
        for number in range(3):
            evaluator.evaluate(b'[ "another constant %d" ]' % number, "/").force()
        evaluator.collect()
        return evaluator.evaluate(b'"done"', "/").to_python()

    evaluator = used()
    fail_allocations(NEVER, NEVER)
    assert forgets(evaluator) == "done"
    for number in range(1, fail_allocations(0, 0) + 1):
        evaluator = used()
        fail_allocations(number, number)
        try:
            forgets(evaluator)
        except (MemoryError, LimitReached):
            pass
        finally:
            fail_allocations(0, 0)
        if not evaluator_has_ended(evaluator):
            assert forgets(evaluator) == "done"
