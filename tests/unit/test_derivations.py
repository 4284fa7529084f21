"""`derivationStrict` and `derivation` beyond the recorded cases: laziness, size, depth, the collector, traces."""

from pathlib import Path

import pytest

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter

PLAIN = 'name = "x"; system = "s"; builder = "/b";'


def value(expression: str, **options):
    return Interpreter(**options).evaluate(expression.encode(), "/").to_python()


@pytest.mark.parametrize("stress", [False, True])
def test_a_large_graph_of_derivations_has_its_path(stress: bool) -> None:
    expression = """
      let
        dep = n: derivation { name = "dep${toString n}"; system = "s"; builder = "/b"; outputs = [ "out" "dev" ]; inherit n; };
        text = builtins.toFile "t" "text";
      in (derivation {
        name = "x"; system = "s"; builder = "${text}/b"; args = [ "-e" text (dep 1) { outPath = "${dep 2}"; } 3 null ];
        outputs = [ "out" "bin" ]; list = map dep (builtins.genList (n: n) 20); nested = [ [ (dep 3).dev ] [ ] 1.5 true ];
        set = { __toString = self: "${dep 4}"; }; inherit text; empty = ""; "a b" = 1;
      }).drvPath
    """
    assert value(expression, stress=stress) == "/nix/store/493r775rfjy910j23b62wcsicxvvlv6s-x.drv"


def test_only_outputs_are_forced() -> None:
    got = value(
        'let d = derivation { outputs = [ "a" "b" ]; name = throw "n"; x = throw "x"; }; in '
        "[ d.outputName d.b.outputName d.b.a.outputName (builtins.length d.all) d.type (d ? drvPath) (d ? outPath) ]"
    )
    assert got == ["a", "b", "a", 2, "derivation", True, True]


def test_a_long_chain_of_derivations_is_computed() -> None:
    got = value(
        f'builtins.foldl\' (d: n: derivation {{ {PLAIN} inherit d n; }}) "/start" (builtins.genList (n: n) 20000) == null'
    )
    assert got is False
    assert value(
        f"(builtins.foldl' (d: n: derivation {{ {PLAIN} inherit d n; }}) 0 (builtins.genList (n: n) 20000)).drvPath"
    )


def test_derivations_may_have_many_arguments_and_attributes() -> None:
    assert value(f"(derivation {{ {PLAIN} args = builtins.genList toString 300000; }}).outPath").endswith("-x")
    wide = 'builtins.listToAttrs (builtins.genList (n: { name = "a${toString n}"; value = n; }) 20000)'
    assert value(f"(derivation ({wide} // {{ {PLAIN} }})).outPath").endswith("-x")
    many = 'builtins.genList (n: "o${toString n}") 400'
    assert value(f"builtins.length (builtins.attrNames (derivationStrict {{ {PLAIN} outputs = {many}; }}))") == 401


def test_contexts_may_be_large() -> None:
    got = value(
        f"""
        let texts = builtins.genList (n: builtins.toFile "t${{toString n}}" "x") 3000;
            all = builtins.concatStringsSep " " texts;
        in (derivation {{ {PLAIN} a = all; b = all; c = texts; d = map (t: "${{t}} ${{all}}") [ 1 2 3 ]; }}).outPath
        """.replace("${t} ", "")
    )
    assert got.endswith("-x")


@pytest.mark.parametrize("text", [
    f"(derivation {{ {PLAIN} a = texts; }}).outPath",
    f"(derivation {{ {PLAIN} args = texts; }}).outPath",
    "toString texts",
    '"' + "".join(f"${{at {number}}}" for number in range(2000)) + '"',
    " + ".join(f'"${{at {number}}} x"' for number in range(2000)),
])  # fmt: skip
def test_many_contexts_are_united_at_once(text: str) -> None:
    """A context lives as long as its machine, so a context for each beginning of a text would take memory that grows with the square."""
    nix = Interpreter()
    bindings = 'texts = builtins.genList (n: builtins.toFile "t${toString n}" "x") 2000; at = builtins.elemAt texts;'
    nix.evaluate(f"let {bindings} in builtins.stringLength ({text})".encode(), "/").force()
    assert nix.statistics()["contexts"] < 2600


def test_same_attributes_same_path() -> None:
    assert (
        value(f'(derivation {{ {PLAIN} a = [ 1 2 ]; }}).drvPath == (derivation {{ {PLAIN} a = "1 2"; }}).drvPath')
        is True
    )


def test_an_error_leaves_the_evaluator_usable() -> None:
    nix = Interpreter()
    with pytest.raises(EvaluationError):
        nix.evaluate(f'(derivation {{ {PLAIN} v = throw "v"; }}).drvPath'.encode(), "/").force()
    first = nix.evaluate(f"(derivation {{ {PLAIN} }}).drvPath".encode(), "/").to_python()
    assert first == value(f"(derivation {{ {PLAIN} }}).drvPath")


def test_filter_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    nix = Interpreter()
    source = b'builtins.tryEval (builtins.filterSource (path: type: throw "no") ./.)'
    for _ in range(100):
        assert nix.evaluate(source, str(tmp_path)).to_python() == {"success": False, "value": False}
    nested = b"builtins.filterSource (p: t: builtins.isString (builtins.filterSource (q: t: true) ./.)) ./."
    plain = b"builtins.filterSource (p: t: true) ./."
    assert nix.evaluate(nested, str(tmp_path)).to_python() == nix.evaluate(plain, str(tmp_path)).to_python()


@pytest.mark.parametrize("stress", [False, True])
def test_a_deep_tree_is_filtered(tmp_path: Path, stress: bool) -> None:
    folder = tmp_path
    # An archive may not nest deeper.
    for _ in range(62):
        folder = folder / "d"
        folder.mkdir()
        (folder / "file").write_text("x")
    nix = Interpreter(stress=stress)
    asked = nix.evaluate(b'builtins.filterSource (path: type: builtins.substring 0 1 path == "/") ./.', str(tmp_path))
    assert asked.to_python() == Interpreter().evaluate(b'"${./.}"', str(tmp_path)).to_python()


def test_trace_names_the_attribute() -> None:
    with pytest.raises(EvaluationError) as caught:
        value(f'(derivation {{ {PLAIN} v = [ 1 (throw "v") ]; }}).drvPath')
    texts = [frame.description for frame in caught.value.trace]
    assert "while evaluating attribute 'v' of derivation 'x'" in texts
    assert any(text.startswith("while evaluating derivation 'x'\n  whose name attribute is located at ") for text in texts)


@pytest.mark.parametrize(
    ("feature", "attributes"),
    [
        ("ca-derivations", "__contentAddressed = true;"),
        ("ca-derivations", '__contentAddressed = true; outputHashMode = "flat"; outputHashAlgo = "sha512";'),
        ("impure-derivations", "__impure = true;"),
        ("impure-derivations", '__impure = true; outputs = [ "out" "dev" ];'),
    ],
)
def test_floating_outputs_have_placeholders_and_need_a_feature(feature: str, attributes: str) -> None:
    expression = f"let d = derivation {{ {PLAIN} {attributes} }}; e = derivation {{ {PLAIN} inherit d; }}; in [ d.drvPath d.outPath e.drvPath ]"
    drv_path, out_path, user = value(expression, features=(feature, "ca-derivations"))
    assert drv_path.endswith(".drv") and user.endswith(".drv")
    assert out_path.startswith("/") and not out_path.startswith("/nix/store")
    with pytest.raises(EvaluationError, match=feature):
        value(expression)
