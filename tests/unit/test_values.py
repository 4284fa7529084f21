"""Values behave like the mappings, sequences, texts, numbers and functions that they are; errors have classes."""

import ast
import collections.abc
import pickle
from pathlib import Path

import pytest

import snowsnake
from snowsnake import EvaluationError, Evaluator, evaluate
from snowsnake.diagnostics import kinds
from snowsnake.diagnostics.catalogue import CATALOGUE

# A Nix text, a Python value that is equal to it, and one that is not.
EQUAL = [
    ("1", 1, 2), ("1", 1.0, "1"), ("1.5", 1.5, 1), ("true", True, 1), ("false", False, 0), ("null", None, False), ('"x"', "x", "y"),
    ('"x"', b"x", b"y"), ("[ 1 2 ]", [1, 2], [1]), ("[ 1 2 ]", (1, 2), [1, 2, 3]), ("{ a = 1; }", {"a": 1}, {"a": 2}), ("{ }", {}, []),
    ("[ ]", [], {}), ("/a/b", Path("/a/b"), Path("/a/c")), ("[ /a ]", [Path("/a")], [Path("/b")]), ("1", 1, 1 << 70),
]  # fmt: skip


@pytest.mark.parametrize(("text", "same", "other"), EQUAL)
def test_equal_to_plain_data(text, same, other):
    value = evaluate(text)
    assert value == same and same == value and not value != same
    assert value != other and not value == other


def test_equal_values_of_one_evaluator():
    nix = Evaluator()
    assert nix.evaluate("{ a = 1 + 1; }") == nix.evaluate("{ a = 2; }") != nix.evaluate("{ a = 3; }")
    assert nix.evaluate('[ 1 (throw "no") ]') != [2, 3]
    with pytest.raises(ValueError, match="two evaluators"):
        assert nix.evaluate("1") == evaluate("1")


@pytest.mark.parametrize("text, other", [("x: x", 1), ("x: x", None), ("1", object()), ("1", {1, 2}.__iter__()), ("/a", "/a"), ("1", 1j)])
def test_what_cannot_be_compared(text, other):
    value = evaluate(text)
    with pytest.raises(TypeError):
        assert value == other
    with pytest.raises(TypeError):
        assert value != other


@pytest.mark.parametrize("text", ["1", "1.5", "true", "null", '"x"', "/a/b"])
def test_scalars_are_keys_as_their_plain_form(text):
    value = evaluate(text)
    plain = Path("/a/b") if value.type == "path" else value.to_python()
    assert {plain: "found"}[value] == "found" and hash(value) == hash(plain)


@pytest.mark.parametrize("text", ["{ }", "[ ]", "x: x"])
def test_containers_are_no_keys(text):
    with pytest.raises(TypeError, match="cannot be hashed"):
        hash(evaluate(text))


KINDS = [("{ }", True, False), ("[ ]", False, True), ("1", False, False), ('"x"', False, False), ("x: x", False, False), ('throw "no"', False, False)]


@pytest.mark.parametrize(("text", "is_mapping", "is_sequence"), KINDS)
def test_a_value_is_of_the_class_of_its_type(text, is_mapping, is_sequence):
    value = evaluate(text)
    assert isinstance(value, collections.abc.Mapping) is is_mapping
    assert isinstance(value, collections.abc.Sequence) is is_sequence
    assert isinstance(value, snowsnake.Value) and not isinstance(value, str | int)


def test_a_limit_is_no_answer_to_isinstance():
    value = evaluate("let f = n: f n; in f 0", depth_limit=1000)
    with pytest.raises(snowsnake.LimitReached):
        isinstance(value, collections.abc.Mapping)


def test_values_can_be_matched():
    def shape(value):
        match value.force(deep=True):
            case {"kind": "disk", "size": size}:
                return "disk", int(size)
            case [first, *rest]:
                return str(first), len(rest)
            case snowsnake.Value(type="lambda"):
                return "function"
            case 5:
                return "five"
        return None

    found = [shape(evaluate(text)) for text in ('{ kind = "disk"; size = 3; more = 1; }', '[ "a" 2 3 ]', "x: x", "5", "6")]
    assert found == [("disk", 3), ("a", 2), "function", "five", None]


def test_values_behave_as_texts_and_numbers():
    assert [str(evaluate(text)) for text in ('"a\\nb"', "1", "1.5", "/a/b", "true", "null", "[ 1 ]")] == [
        "a\nb", "1", "1.5", "/a/b", "true", "null", "[ 1 ]",
    ]  # fmt: skip
    assert f"{evaluate('3.14159'):.2f} {evaluate('7'):03d} {evaluate(chr(34) + 'x' + chr(34)):>3}" == "3.14 007   x"
    assert int(evaluate("3.9")) == 3 and float(evaluate("3")) == 3.0
    for wrong in ('"3"', "true", "null", "[ ]"):
        with pytest.raises(TypeError):
            int(evaluate(wrong))


def test_a_path_can_be_opened(tmp_path):
    (tmp_path / "a.txt").write_text("content")
    with open(Evaluator().evaluate("./a.txt", base_path=tmp_path)) as file:
        assert file.read() == "content"
    with pytest.raises(TypeError):
        open(evaluate("[ ]"))


def test_lists_are_sequences_and_stay_lazy():
    value = evaluate('[ 1 (throw "no") 3 4 ]')
    assert value[2:] == [3, 4] and value[::2] == [1, 3] and value[3:0:-2][0] == 4 and len(value[1:2]) == 1 and len(value[9:]) == 0
    assert value[-1] == 4 and value[True].is_evaluated is False
    part = evaluate("[ 1 2 3 2 ]").force()
    assert part.index(2) == 1 and part.index(2, 2) == 3 and part.count(2) == 2 and [int(n) for n in reversed(part)] == [2, 3, 2, 1]
    assert 3 in part and 5 not in part
    with pytest.raises(ValueError):
        part.index(9)
    for wrong in (1.5, None, b"x"):
        with pytest.raises(TypeError):
            part[wrong]
    with pytest.raises(EvaluationError):
        evaluate("{ }")[0]


def test_sets_are_mappings_and_stay_lazy():
    value = evaluate('{ a.b = 1; broken = throw "no"; }')
    assert "a" in value and evaluate('"a"') in value and 3 not in value and value.get("z", default=5) == 5
    assert value.get("broken").is_evaluated is False and dict(value.items())["a"] == {"b": 1}
    with pytest.raises(KeyError) as caught:
        value["brocken"]
    assert isinstance(caught.value, snowsnake.MissingAttribute) and caught.value.suggestions[0] == "broken"
    # An error inside an attribute is raised, and the attribute does not count as missing.
    with pytest.raises(snowsnake.MissingAttribute):
        evaluate("{ }.x").get("a", 1)


def test_functions_can_be_called_without_arguments():
    assert evaluate("{ a ? 1, b ? 2 }: a + b")() == 3 and evaluate("{ a ? 1, b ? 2 }: a + b")(b=5) == 6
    assert evaluate("{ n = 1; __functor = self: { k ? 2 }: self.n + k; }")() == 3
    with pytest.raises(TypeError, match="one argument"):
        evaluate("x: x")()
    with pytest.raises(snowsnake.ArgumentMismatch):
        evaluate("{ a }: a")()
    with pytest.raises(snowsnake.NotAFunction):
        evaluate("1")(2)


def test_a_value_knows_its_place_derivation_and_context():
    value = evaluate('{\n  f = { a, b ? 1 }: a;\n  d = derivation { name = "x"; system = "s"; builder = "b"; outputs = [ "out" "man" ]; };\n}')
    assert str(value.position("d")) == "«string»:3:3" and str(value["f"].position()) == "«string»:2:7" and value["f"].formals() == {"a": False, "b": True}
    made = value["d"].derivation
    assert made.name == "x" and made.output_names == ["out", "man"] and set(made.outputs) == {"out", "man"} and made.system == "s"
    assert value["d"]["outPath"].context == [f"{made.drv_path}!out"] and value.derivation is None and value["f"].derivation is None
    assert value["d"]["drvPath"].context == [f"={made.drv_path}"]
    with pytest.raises(KeyError):
        value.position("zzz")
    with pytest.raises(TypeError):
        evaluate("1").position("a")


DOCUMENTED = [
    ("/** Adds. */ a: a", "Adds."),
    ("{ /** Adds.\n   * Slowly. */ f = a: b: a; }.f", "Adds.\nSlowly."),
    ("{ /** Adds.\n\n    Slowly.\n  */ f = (a: a); }.f", "Adds.\n\nSlowly."),
    ("/* Adds. */ a: a", None), ("a: a", None), ("/** Other. */ { f = a: a; }.f", None), ("/**/ a: a", None), ("1", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "doc"), DOCUMENTED)
def test_functions_have_their_documentation(text, doc):
    assert evaluate(text).doc == doc


def test_values_are_shown_as_small_pages():
    page = evaluate('{ a = "<b>"; xs = builtins.genList (i: i) 500; l = throw "no"; }')._repr_html_()
    assert "&lt;b&gt;" in page and "not evaluated" in page and "<b>l</b>" in page
    assert 'class="snowsnake-error"' in evaluate('throw "<no>"')._repr_html_() and "&lt;no&gt;" in evaluate('throw "<no>"')._repr_html_()
    deep = evaluate("builtins.foldl' (a: i: [ a a ]) 1 (builtins.genList (i: i) 60)").force(deep=True)
    assert len(deep._repr_html_()) < 1_000_000


# One program for each kind of error that a program can have.
RAISED = [
    ('throw "x"', "Throw"), ("assert false; 1", "AssertionFailed"), ("<nowhere>", "NotInSearchPath"), ('abort "x"', "Abort"), ('1 + "x"', "TypeMismatch"),
    ("{ }.a", "MissingAttribute"), ("x", "UndefinedVariable"), ("({ a }: a) { }", "ArgumentMismatch"), ("({ }: 1) { a = 1; }", "ArgumentMismatch"),
    ("1 2", "NotAFunction"), ("let a = a; in a", "InfiniteRecursion"), ("let f = x: 1 + f x; in f 1", "LimitReached"), ("1 / 0", "ArithmeticFault"),
    ("9223372036854775807 + 1", "ArithmeticFault"), ("builtins.elemAt [ ] 1", "OutOfRange"), ('builtins.fromJSON "{"', "MalformedValue"),
    ("import /nowhere/at/all.nix", "FileFault"), ("1 +", "SyntaxFault"), ("{ a = 1; a = 2; }", "SyntaxFault"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name"), RAISED)
def test_each_kind_of_error_has_its_class(text, name):
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, depth_limit=2000).force()
    error = caught.value
    assert type(error).__name__ == name and isinstance(error, getattr(snowsnake, name))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and (again.message, again.code, again.trace) == (error.message, error.code, error.trace)
    assert "\x1b" in error.render(color=True) and "<pre" in error.render(html=True) and error.render() in error.render(color=False)


def test_every_code_has_a_class_and_every_class_is_public():
    assert set(kinds.BY_CODE) == {entry.name for entry in CATALOGUE} - {"none"}
    assert set(kinds.NAMES) <= set(snowsnake.__all__)


def test_all_faults_of_a_source():
    with pytest.raises(snowsnake.SyntaxFault) as caught:
        snowsnake.parse("{ a = 1; a = 2; b = ; }")
    assert [fault.code for fault in caught.value.faults] == ["duplicate-attribute", "syntax"]


def test_the_stub_of_the_package_has_its_names():
    stub = ast.parse(Path(snowsnake.__file__).with_suffix(".pyi").read_text())
    names = {alias.asname: node.module for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names if alias.asname}
    assert names == {name: f"snowsnake.{place}" for name, place in snowsnake._PLACES.items()}
    for name in snowsnake.__all__:
        assert getattr(snowsnake, name) is not None
