"""`outputOf` with stores to which evaluations write."""

import pytest

import snowsnake
from snowsnake.build.sandbox import why_no_sandbox


def output_of(store, text: str):
    evaluator = snowsnake.Evaluator(features=["dynamic-derivations", "ca-derivations"], store=store)
    return evaluator.evaluate(f"""
        let
          d = derivation {{ name = "x"; system = "y"; builder = "z"; outputs = [ "out" "dev" ]; }};
          file = builtins.unsafeDiscardOutputDependency d.drvPath;
        in {text}
    """).to_python()


def test_output_of_is_there_with_its_feature(tmp_path) -> None:
    assert not snowsnake.evaluate("builtins ? outputOf").to_python()
    assert output_of(tmp_path, "builtins ? outputOf")


@pytest.mark.parametrize("name", ["out", "dev"])
def test_output_of_a_derivation_file_is_its_path(tmp_path, name) -> None:
    p = f'builtins.outputOf file "{name}"'
    assert output_of(tmp_path, f"[ ({p} == d.{name}.outPath) (builtins.getContext ({p}) == builtins.getContext d.{name}.outPath) ]") == [True, True]


def test_outputs_of_derivations_that_are_outputs_are_placeholders(tmp_path) -> None:
    """The placeholders are those of 2.34.8 (tests/differential/test_computed_outputs.py builds with them)."""
    deep = "builtins.outputOf (builtins.outputOf d.dev.outPath \"a\") \"b\""
    assert output_of(tmp_path, f"[ (builtins.stringLength ({deep})) (builtins.hasContext ({deep})) ]") == [53, True]
    inputs = output_of(tmp_path, f"""
        let user = derivation {{ name = "user"; system = "y"; builder = "z"; a = {deep}; b = builtins.outputOf d.dev.outPath "a"; c = builtins.outputOf d.outPath "a"; }};
        in builtins.readFile user.drvPath""")
    assert ',([],[("dev",(["a"],[("a",["b"])])),("out",["a"])]))],' in inputs


@pytest.mark.parametrize(("call", "message"), [
    ('builtins.outputOf file "doc"', "does not have output 'doc'"),
    ('builtins.outputOf d.drvPath "out"', "refers to a complete source and binary closure"),
    ('builtins.outputOf "${file}x" "out"', "has context with the different path"),
    ('builtins.outputOf "plain" "out"', "string 'plain' has 0 entries in its context"),
    ('builtins.outputOf "${file}${d.outPath}" "out"', "has 2 entries in its context"),
    ('builtins.outputOf (builtins.substring 0 9 d.outPath) "out"', "is not the right placeholder for this derivation output. It should be '/nix/store/"),
    ('builtins.outputOf d.outPath "a!b"', "name 'a!b' contains illegal character '!'"),
    ('builtins.outputOf d.outPath ""', "name must not be empty"),
    ('builtins.foldl\' (d: n: builtins.outputOf d "out") d.outPath (builtins.genList (n: n) 200)', "nested too deep"),
    ('builtins.outputOf file "${file}"', "is not allowed to refer to a store path"),
])  # fmt: skip
def test_output_of_anything_else_is_an_error(tmp_path, call, message) -> None:
    with pytest.raises(snowsnake.EvaluationError, match=message):
        output_of(tmp_path, call)


@pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here")
def test_a_pure_flake_may_need_outputs_of_outputs(tmp_path, run_command) -> None:
    """The derivation that is asked about is read by the store, not by the evaluation, which may not."""
    (tmp_path / "flake").mkdir()
    (tmp_path / "flake/flake.nix").write_text("""{ outputs = { self }: let
        make = name: script: attrs: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" script ]; } // attrs);
        hello = make "hello" "echo hello > $out" { };
        writes = make "hello.drv" "read -r line < ${builtins.unsafeDiscardOutputDependency hello.drvPath}; printf %s \\"$line\\" > $out" {
          __contentAddressed = true; outputHashMode = "text"; outputHashAlgo = "sha256"; };
        made = builtins.outputOf writes.outPath "out";
      in { packages.x86_64-linux.default = made; apps.x86_64-linux.default = { type = "app"; program = "${made}/bin/x"; }; }; }""")
    features = "nix-command flakes ca-derivations dynamic-derivations"
    words = ("--store", str(tmp_path / "s"), "--extra-experimental-features", features)
    built = run_command("nix.main", "build", f"path:{tmp_path}/flake", "--no-link", "--print-out-paths", *words, HOME=str(tmp_path))
    assert built.stdout.endswith(b"-hello\n"), built.stderr.decode()
    again = run_command("nix.main", "path-info", f"path:{tmp_path}/flake", *words, HOME=str(tmp_path))
    assert again.stdout == built.stdout, again.stderr.decode()
    log = run_command("nix.main", "log", f"path:{tmp_path}/flake", *words, HOME=str(tmp_path))
    assert log.returncode == 0, log.stderr.decode()
