"""Facts of a job that are asked for at once (`plain.derivation_job`) are equal to facts that are asked for one by one, errors included; and the files that workers compile are kept."""

import pytest

import snowsnake
from snowsnake.jobs import evaluation

ODD = {
    "as it should be": "d",
    "a drvPath that fails": 'd // { drvPath = builtins.trace "asked" (throw "x"); }',
    "a drvPath that is no path": 'd // { drvPath = "/etc/x.drv"; }',
    "a drvPath that is no derivation": 'd // { drvPath = "/nix/store/00000000000000000000000000000000-q"; }',
    "a drvPath that is a set": "d // { drvPath = d; }",
    "a drvPath without end": "d // { drvPath = let f = x: f (x + 1) + 1; in f 0; }",
    "no drvPath": 'builtins.removeAttrs d [ "drvPath" ]',
    "a name that fails": 'd // { name = builtins.trace "asked" (abort "x"); }',
    "a name that needs itself": "d // { name = let x = x; in x; }",
    "a name that is a number": "d // { name = 3; }",
    "a name with a context": 'd // { name = "${d}"; }',
    "a name with quotes": 'd // { name = "é\\"\\\\"; }',
    "no name": 'builtins.removeAttrs d [ "name" ]',
    "a system that fails": 'd // { system = throw "x"; }',
    "a system that is a number": "d // { system = 3; }",
    "an empty system": 'd // { system = ""; }',
    "no system": 'builtins.removeAttrs d [ "system" ]',
    "an output that is a number": 'd // { outputs = [ "out" "dev" ]; dev = 3; }',
    "an output without a path": 'd // { outputs = [ "out" "dev" ]; dev = { }; }',
    "an output that is absent": 'd // { outputs = [ "out" "dev" ]; }',
    "an output named twice": 'd // { outputs = [ "out" "out" ]; }',
    "an output named by a number": 'd // { outputs = [ "out" 3 ]; }',
    "an output whose name fails": 'd // { outputs = [ "out" (builtins.trace "asked" (throw "x")) ]; }',
    "outputs that are no list": 'd // { outputs = "out"; }',
    "no outputs named": "d // { outputs = [ ]; }",
    "outputs that are not said": 'builtins.removeAttrs d [ "outputs" ]',
    "a type that fails": 'd // { type = throw "x"; }',
    "a type that is a number": "d // { type = 3; }",
    "a functor": "d // { __functor = self: { }: e; }",
    "a functor that fails": 'd // { __functor = self: throw "x"; }',
    "a function": '{ a ? "z" }: d',
    "no set": "3",
}
_SOURCE = """let
  make = name: derivation { inherit name; system = "s"; builder = "b"; outputs = [ "out" "lib" ]; };
  d = make "d"; e = make "e";
in { x = %s; }"""


def _lines(value: str, options: dict, capfd) -> list[str]:
    nix = snowsnake.Evaluator()
    lines = [reply.line for reply in nix.jobs(nix.evaluate(_SOURCE % value), workers=1, **options)]
    return [*lines, capfd.readouterr().err]


@pytest.mark.parametrize("options", [{}, {"meta": True}, {"is_instantiating": False}], ids=["instantiated", "metadata", "only evaluated"])
@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_facts_at_once_are_those_asked_for_one_by_one(value, options, monkeypatch, capfd):
    at_once = _lines(value, options, capfd)
    monkeypatch.setattr(evaluation, "derivation_job", lambda *facts: None)
    assert at_once == _lines(value, options, capfd)


@pytest.mark.parametrize("name", ["a.b", 'a\\"b', "a\\\\b", "é", "1", "a\\nb", "\udcff", "a b", "x"])
def test_lines_of_jobs_with_any_name(name, monkeypatch, tmp_path):
    source = tmp_path / "root.nix"
    source.write_bytes(
        b'let d = n: derivation { name = n; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; }; in { "%s" = d "x"; deep = { recurseForDerivations = true; "%s" = d "y"; }; }'
        % ((name.encode("utf-8", "surrogateescape"),) * 2)
    )

    def replies() -> list[tuple]:
        nix = snowsnake.Evaluator()
        return [(reply.path, reply.line, reply.fields, reply.system) for reply in nix.jobs(nix.evaluate_file(source), workers=2, is_instantiating=False)]

    at_once = replies()
    monkeypatch.setattr(evaluation, "derivation_job", lambda *facts: None)
    assert at_once == replies()
    assert len(at_once) == 2
    # Names with quotes, and numbers, cannot be selected.
    assert [system for *_, system in at_once] == ([None, None] if name in ('a\\"b', "1") else ["s", "s"])


def test_a_value_that_fails_is_evaluated_once(run_command):
    found = run_command("main", "jobs", "-E", '{ x = builtins.trace "asked" (throw "no"); }', "--json", "--no-instantiate")
    assert b"no" in found.stdout
    assert found.stderr.count(b"asked") == 1


def test_what_workers_compile_is_kept(run_command, tmp_path):
    names = [f"job{number}" for number in range(30)]
    for name in names:
        (tmp_path / f"{name}.nix").write_text(f'derivation {{ name = "{name}"; system = "s"; builder = "b"; }}')
    (tmp_path / "root.nix").write_text("{ " + " ".join(f"{name} = import ./{name}.nix;" for name in names) + " }")
    words = ["main", "jobs", "root.nix", "--json", "--no-instantiate", "--workers", "2", "--cache-dir", "kept"]
    first = run_command(*words)
    assert first.returncode == 0, first.stderr
    pack = (tmp_path / "kept/compiled-1.pack").read_bytes()
    assert all(f"/{name}.nix\0".encode() in pack for name in names)
    assert run_command(*words).stdout == first.stdout
