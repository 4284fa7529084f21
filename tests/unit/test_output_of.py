"""`outputOf`, with stores that are written to; what it says without one is as 2.34.8 does (docs/builtins.md)."""

import pytest

import snowsnake


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
def test_output_of_a_derivation_file(tmp_path, name) -> None:
    p = f'builtins.outputOf file "{name}"'
    assert output_of(tmp_path, f"[ ({p} == d.{name}.outPath) (builtins.getContext ({p}) == builtins.getContext d.{name}.outPath) ]") == [True, True]


@pytest.mark.parametrize(("call", "message"), [
    ('builtins.outputOf file "doc"', "does not have output 'doc'"),
    ('builtins.outputOf d.drvPath "out"', "refers to a complete source and binary closure"),
    ('builtins.outputOf "${file}x" "out"', "has context with the different path"),
    ('builtins.outputOf "plain" "out"', "string 'plain' has 0 entries in its context"),
    ('builtins.outputOf "${file}${d.outPath}" "out"', "has 2 entries in its context"),
    ('builtins.outputOf d.outPath "out"', "is not carried out"),
    ('builtins.outputOf file "${file}"', "is not allowed to refer to a store path"),
])  # fmt: skip
def test_output_of_something_else(tmp_path, call, message) -> None:
    with pytest.raises(snowsnake.EvaluationError, match=message):
        output_of(tmp_path, call)
