"""Every entry of the table of builtins: documented, bound to a function, and its example true."""

import pytest

import snowsnake
from snowsnake.builtins import registry
from snowsnake.builtins.row import ORDERS, BuiltinRow
from snowsnake.builtins.table import TABLE

# The builtins that a program can see: names that begin with two underscores are the machine's own.
ROWS = [entry for entry in TABLE.values() if not entry.name.startswith("__")]
# The letters of `forces` (machine/state.pxd).
LETTERS = set(".vnibslafScpA")


@pytest.mark.parametrize("entry", ROWS, ids=lambda entry: entry.name)
def test_the_example_of_each_builtin_holds(entry: BuiltinRow, tmp_path) -> None:
    expression, arrow, value = entry.example.rpartition(" => ")
    assert arrow, "an example is `expression => value`"
    nix = snowsnake.Evaluator(features=(entry.feature,) if entry.feature else ())
    shown = nix.evaluate(expression, base_path=tmp_path).to_nix()
    assert shown == nix.evaluate(value, base_path=tmp_path).to_nix()


@pytest.mark.parametrize("entry", ROWS, ids=lambda entry: entry.name)
def test_each_entry_of_the_table_is_complete(entry: BuiltinRow) -> None:
    assert len(entry.arguments.split()) == len(entry.forces)
    assert set(entry.forces) <= LETTERS
    assert entry.doc.endswith(".")
    assert not entry.is_constant or not entry.forces


def test_every_entry_is_bound() -> None:
    assert sorted(registry.names()) == sorted(TABLE)


def test_the_set_has_every_entry() -> None:
    """Builtins with a feature are there only with it, except those of `flakes`, which are always there."""
    hidden = {entry.name: entry.feature for entry in ROWS if entry.feature not in ("", "flakes")}
    everything = {entry.name for entry in ROWS}
    assert set(snowsnake.evaluate("builtins").keys()) == everything - set(hidden)
    for feature in hidden.values():
        shown = {name for name, its in hidden.items() if its == feature}
        evaluator = snowsnake.Evaluator(features=[feature])
        assert set(evaluator.evaluate("builtins").keys()) == everything - set(hidden) | shown
        for name in shown:
            assert evaluator.evaluate(f"builtins.isFunction {name if name == 'fetchTree' else '__' + name}").to_python(), name


def test_global_builtins_have_their_names() -> None:
    for entry in ROWS:
        if entry.name in ("builtins", "true", "false", "null") or entry.feature:
            continue
        name = entry.name if entry.is_global else f"__{entry.name}"
        shown = snowsnake.evaluate(f"[ {name} ]").to_nix()
        if not entry.is_constant:
            assert shown == snowsnake.evaluate(f"[ builtins.{entry.name} ]").to_nix()


@pytest.mark.parametrize("entry", ROWS, ids=lambda entry: entry.name)
def test_the_cost_of_each_builtin_is_data(entry):
    """The cost is an order and what n counts; a constant has neither, and no description repeats the cost."""
    assert entry.cost in ((*ORDERS,) if not entry.is_constant else ("",))
    assert bool(entry.of) == ("n" in entry.cost.replace("outside", ""))
    assert "Cost:" not in entry.doc
