"""The line of a job is the same bytes whatever its worker evaluated before it."""

import random
from pathlib import Path

import pytest

from snowsnake.interpreter import Interpreter
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.options import JobOptions

PROGRAMS = Path(__file__).parents[1] / "lang"
# Each is a file of its own with `shared: …`, so that no source has the names that another one makes.
JOBS = """
({ a }: a) (builtins.fromJSON "{\\"a\\": 1, \\"qq\\": 2, \\"pp\\": 3}")
({ a }: a) (builtins.fromJSON "{\\"a\\": 1, \\"pp\\": 2, \\"qq\\": 3}")
({ a }: a) ({ a = 1; } // builtins.listToAttrs (map (i: { name = "u${toString i}"; value = i; }) [ 9 1 5 ]))
({ a }: a) ({ a = 1; } // builtins.listToAttrs (map (i: { name = "u${toString i}"; value = i; }) [ 1 5 9 ]))
({ u1 }: u1) { }
{ pp = 1; qq = 2; u9 = 3; u5 = 4; }.missing
with builtins.listToAttrs (map (i: { name = "v${toString i}"; value = i; }) [ 9 1 5 ]); v2
builtins.listToAttrs (map (i: { name = "v${toString i}"; value = throw "no ${toString i}"; }) [ 9 1 5 ]) == { v1 = 1; v5 = 2; v9 = 3; }
builtins.toJSON (builtins.listToAttrs (map (i: { name = "v${toString i}"; value = throw "no ${toString i}"; }) [ 5 1 9 ]))
builtins.substring 0 1 "${builtins.toFile "b" ""}${builtins.toFile "a" ""}" + 1
toString (map (import ./library/deep.nix) [ 1 ]) + ""
toString (map (import <library/deep.nix>) [ 1 ]) + ""
toString (map (import <deeper.nix>) [ 1 ]) + ""
toString (map (import ./folder/deeper.nix) [ 1 ]) + ""
toString (map shared.g [ true ]) + throw "no"
1 + shared.f 3
toString [ (shared.h { q = 2; }) ] + throw "no"
1 + shared.k { }
toString (map shared.k [ { } 1 ]) + ""
builtins.sort shared.f [ 1 { } ]
shared.a
shared.b + 1
shared.c + 1
builtins.toJSON shared.thrown
shared.thrown.y
"""
SHARED = """rec {
  f = x: if x then 1 else { }; g = y: f y; k = { q }: q; h = y: k y;
  a = b + 1; b = c + 1; c = a + 1; thrown = { x = shown; y = shown; }; shown = throw "no";
}"""
DEEP = 'x: builtins.foldl\' (a: b: builtins.concatStringsSep "" (map (c: c.y.z) [ b ])) 1 [ 1 ]'


@pytest.fixture
def jobs(tmp_path: Path) -> dict[str, str]:
    for folder, name in (("library", "deep.nix"), ("folder", "deeper.nix")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(DEEP)
    found = {}
    for number, source in enumerate(JOBS.strip().splitlines()):
        (tmp_path / f"job{number}.nix").write_text(f"shared: {source}")
        found[f"job{number}"] = f"import {tmp_path}/job{number}.nix shared"
    for path in sorted(PROGRAMS.glob("error-*/in.nix")):
        found[path.parent.name] = f"import {path}"
    return found


def root_of(jobs: dict[str, str], folder: Path, *, show_trace: bool) -> JobRoot:
    evaluator = Interpreter(search_path=[("library", str(folder / "library")), ("", str(folder / "folder"))])
    source = f"let shared = {SHARED}; in {{ {' '.join(f'{name} = {text};' for name, text in jobs.items())} }}"
    (folder / "elsewhere").mkdir(exist_ok=True)
    (folder / "elsewhere/root.nix").write_text(source)
    root = evaluator.evaluate_file(str(folder / "elsewhere/root.nix"))
    return JobRoot(evaluator, root, JobOptions(is_instantiating=False, show_trace=show_trace))


@pytest.mark.parametrize("show_trace", (False, True))
def test_a_line_does_not_depend_on_the_jobs_before(jobs: dict[str, str], tmp_path: Path, show_trace: bool) -> None:
    """Each job alone, and then all of them in some orders, each time by one evaluator."""
    alone = {name: root_of(jobs, tmp_path, show_trace=show_trace).look((name,)) for name in jobs}
    assert [name for name, reply in alone.items() if name.startswith("job") and not reply.error] == []
    for seed in range(4):
        order = sorted(jobs, reverse=seed == 1)
        if seed > 1:
            random.Random(seed).shuffle(order)
        root = root_of(jobs, tmp_path, show_trace=show_trace)
        differ = {name for name in order if root.look((name,)).line != alone[name].line}
        assert not differ, (seed, differ)


def test_of_arguments_that_no_source_has_the_least_is_named(jobs: dict[str, str], tmp_path: Path) -> None:
    """Outside of jobs, the name that was met first is the one that C++ Nix names."""
    root = root_of(jobs, tmp_path, show_trace=False)
    assert "unexpected argument 'pp'" in str(root.look(("job0",)).error)
    evaluator = Interpreter()
    with pytest.raises(Exception, match="unexpected argument 'qq'"):
        evaluator.evaluate(b'({ a }: a) (builtins.fromJSON "{\\"a\\": 1, \\"qq\\": 2, \\"pp\\": 3}")', "/").to_python()
