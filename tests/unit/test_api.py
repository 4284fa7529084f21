"""The library: evaluators, values, functions, errors."""

import gc
import threading

import pytest

import snowsnake
from snowsnake import EvaluationError, Evaluator, evaluate


def test_values_of_every_type_become_python_objects():
    value = evaluate('{ i = 1; f = 1.5; s = "x"; b = true; n = null; p = /a/b; l = [ 1 ]; a = { }; u = x: x; }')
    assert [value[name].type for name in "ifsbnplau"] == [
        "int", "float", "string", "bool", "null", "path", "list", "set", "lambda",
    ]  # fmt: skip
    del_function = {name: inner.to_python() for name, inner in value.items() if name != "u"}
    assert del_function == {"i": 1, "f": 1.5, "s": "x", "b": True, "n": None, "p": "/a/b", "l": [1], "a": {}}


def test_only_what_is_looked_at_is_evaluated():
    value = evaluate('{ good = 1; bad = throw "no"; list = [ (throw "no") 2 ]; }')
    assert value["good"].to_python() == 1 and value["list"][1].to_python() == 2
    assert "bad" in value and "worse" not in value and value.get("worse") is None
    assert len(value["list"]) == 2 and value["list"][-1].to_python() == 2
    with pytest.raises(EvaluationError) as caught:
        value.force(deep=True)
    assert (caught.value.code, caught.value.message) == ("throw", "no")
    with pytest.raises(EvaluationError):
        value["bad"].force()


def test_what_is_missing_is_a_key_error_or_an_index_error():
    value = evaluate("{ a = [ 1 ]; }")
    with pytest.raises(KeyError):
        value["b"]
    with pytest.raises(IndexError):
        value["a"][1]
    with pytest.raises(EvaluationError):
        value["a"]["x"]


def test_functions_of_nix_can_be_called():
    nix = Evaluator()
    add = nix.evaluate("a: b: a + b")
    assert add(1, 2).to_python() == 3 and add(1)(2).to_python() == 3
    assert add("x", nix.evaluate('"y"')).to_python() == "xy"
    named = nix.evaluate("{ a, b ? 2, ... }: [ a b ]")
    assert named.formals() == {"a": False, "b": True} and named(a=1).to_python() == [1, 2]
    assert nix.evaluate("x: x")({"a": [nix.evaluate("1 + 1"), None]}).to_python() == {"a": [2, None]}
    assert nix.evaluate("xs: map (x: x * 2) xs")([1, 2, 3]).to_python() == [2, 4, 6]
    with pytest.raises(EvaluationError) as caught:
        named(b=1)
    assert caught.value.code == "missing-argument"
    with pytest.raises(TypeError):
        add(object())


def test_values_iterate_and_have_a_truth_value():
    assert list(evaluate("{ b = 1; a = 2; }")) == ["a", "b"]
    assert [inner.to_python() for inner in evaluate("[ 1 2 ]")] == [1, 2]
    assert evaluate("1 < 2") and not evaluate("1 > 2")
    assert [bool(evaluate(text)) for text in ("0", "1", '""', '"x"', "[ ]", "{ }", "null", "x: x", "./a")] == [
        False, True, False, True, False, False, False, True, True,
    ]  # fmt: skip


def test_values_are_written_as_nix_json_and_xml():
    value = evaluate('{ a = [ 1 "x" ]; }')
    assert value.to_nix() == '{ a = [ 1 "x" ]; }' and value.to_json() == '{"a":[1,"x"]}'
    assert value.to_xml(location=False).startswith("<?xml") and repr(evaluate("5")).startswith("<Value ")


def test_options_of_an_evaluator_have_an_effect(tmp_path):
    (tmp_path / "lib.nix").write_text("{ x = 1; }")
    assert evaluate("(import <lib>).x", search_path={"lib": tmp_path / "lib.nix"}).to_python() == 1
    assert evaluate("(import <lib>).x", search_path=[f"lib={tmp_path}/lib.nix"]).to_python() == 1
    with pytest.raises(EvaluationError) as caught:
        evaluate(f"import {tmp_path}/lib.nix", pure=True).force()
    assert caught.value.code == "access"
    with pytest.raises(EvaluationError) as caught:
        evaluate("let f = n: 1 + f n; in f 0", depth_limit=500).force()
    assert caught.value.code == "depth"
    nix = Evaluator()
    assert nix.evaluate_file(tmp_path / "lib.nix")["x"].to_python() == 1
    assert str(tmp_path / "lib.nix") in nix.files_read()


def test_errors_have_fields():
    with pytest.raises(EvaluationError) as caught:
        evaluate("{ name = 1; }.nam").force()
    error = caught.value
    assert (error.code, error.stable_code, error.suggestions) == ("missing-attribute", "SN0006", ["name"])
    assert (error.position.file, error.position.line) == ("«string»", 1)
    with pytest.raises(EvaluationError) as caught:
        snowsnake.parse("{ a = 1; a = 2; b = ; }")
    assert [fault.code for fault in [caught.value, *caught.value.others]] == ["duplicate-attribute", "syntax"]


def test_evaluation_goes_on_after_an_error():
    nix = Evaluator()
    for _ in range(3):
        with pytest.raises(EvaluationError):
            nix.evaluate('throw "x"').force()
        assert nix.evaluate("1 + 1").to_python() == 2


def test_parse_and_compile_return_trees_and_chunks():
    assert snowsnake.parse("a: a+1").to_nix() == "(a: (a + 1))"
    assert "OpConstant" in snowsnake.compile("1", optimise=0)


def test_two_threads_evaluate_at_once():
    results: dict[int, int] = {}

    def work(number: int) -> None:
        source = f"builtins.foldl' (a: b: a + b) {number} (builtins.genList (x: x) 100000)"
        results[number] = evaluate(source).to_python()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: number + 4999950000 for number in range(4)}


def test_bytes_that_are_not_utf8_survive():
    assert evaluate(b'"\xff"').to_python() == "\udcff"


def test_evaluators_in_reference_cycles_give_their_address_space_back():
    """1200 of them reserve more than the 128 TiB that a process has, and Python's collector of cycles is off."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(1200):
            cycle = [Evaluator()]
            cycle.append(cycle)
        assert cycle[0].evaluate("1 + 1").to_python() == 2
    finally:
        if was_collecting:
            gc.enable()


def test_scoped_import_of_a_small_set_over_a_large_one(tmp_path) -> None:
    (tmp_path / "file.nix").write_text("[ n5 added n7 ]")
    (tmp_path / "default.nix").write_text(
        'let large = builtins.listToAttrs (builtins.genList (i: { name = "n${toString i}"; value = i; }) 300);'
        ' in scopedImport (large // { n5 = "five"; added = 2; }) ./file.nix'
    )
    assert snowsnake.evaluate_file(tmp_path / "default.nix").to_python() == ["five", 2, 7]


def test_the_earlier_name_of_a_derivation_works() -> None:
    with pytest.warns(DeprecationWarning, match="DerivationView"):
        assert snowsnake.Derivation is snowsnake.DerivationView
