"""`--stats` and NIX_SHOW_STATS: counters of an evaluation, under C++ Nix's names."""

import json

import pytest

from snowsnake import Evaluator
from snowsnake.interpreter import Interpreter as Machine
from snowsnake.observe.statistics import statistics


def measured(program: bytes, **options) -> dict:
    machine = Machine(count_objects=True, **options)
    machine.evaluate(program, "/").force()
    return statistics(machine)


def test_objects_are_counted_as_they_are_made():
    few, many = measured(b"map (x: [ x x x ]) [ ]"), measured(b"let l = map (x: [ x x x ]) [ 1 2 3 4 ]; in builtins.deepSeq l l")
    assert many["list"]["elements"] - few["list"]["elements"] == 4 + 4 + 12
    sets = measured(b"let l = map (x: { inherit x; y = 1; }) [ 1 2 3 ]; in builtins.deepSeq l l")["sets"]
    base = measured(b"builtins.deepSeq 1 1")["sets"]
    assert (sets["number"] - base["number"], sets["elements"] - base["elements"]) == (3, 6)


def test_collections_do_not_change_the_counts():
    """The objects in the nursery are counted before it is emptied."""
    program = b"builtins.foldl' (sum: e: sum + e.a + builtins.length e.b) 0 (map (i: { a = i; b = [ i i ]; }) (builtins.genList (i: i) 3000))"
    calm, stressed = measured(program), measured(program, stress=True)
    assert stressed["gc"]["cycles"] > 100 and calm["gc"]["cycles"] == 0
    for section, key in (("list", "elements"), ("sets", "number"), ("sets", "elements"), ("thunks", "number"), ("functions", "number")):
        assert stressed[section][key] == calm[section][key], (section, key)
    assert stressed["gc"]["totalBytes"] == calm["gc"]["totalBytes"]
    assert 0 < stressed["time"]["gcFraction"] <= 1


def test_updates_and_their_cache():
    found = measured(b"builtins.foldl' (s: i: s // { a = i; }) { a = 0; b = 0; } (builtins.genList (i: i) 100)")
    assert found["nrOpUpdates"] == 100 and found["caches"]["updateKeys"]["hits"] >= 98


def test_nothing_is_tallied_unasked():
    nix = Evaluator()
    nix.evaluate("builtins.length [ 1 2 3 ]").force()
    assert set(nix.statistics()["made"].values()) == {(0, 0)}


@pytest.fixture
def instantiate(run_command):
    return lambda *words, **environment: run_command("instantiate", "--eval", *words, **environment)


def test_the_drop_in_s_statistics_have_nix_s_sections(instantiate, tmp_path):
    done = instantiate("-E", "1 + 1", NIX_SHOW_STATS="1")
    assert done.stdout == b"2\n"
    stats = json.loads(done.stderr)
    # These are the sections of C++ Nix that scripts read.
    assert {"cpuTime", "time", "gc", "list", "sets", "symbols", "sizes", "nrThunks", "nrOpUpdates"} <= stats.keys()
    assert {"heapSize", "totalBytes", "cycles"} <= stats["gc"].keys() and {"cpu", "gc", "gcFraction"} == stats["time"].keys()
    assert instantiate("-E", "1", NIX_SHOW_STATS="0").stderr == b""
    done = instantiate("-E", "[ 1 ]", NIX_SHOW_STATS="1", NIX_SHOW_STATS_PATH=str(tmp_path / "stats.json"))
    assert (done.stdout, done.stderr) == (b"[ 1 ]\n", b"")
    assert json.loads((tmp_path / "stats.json").read_text())["list"]["elements"] > 0


def test_a_place_that_cannot_be_written(instantiate, tmp_path):
    done = instantiate("-E", "1", NIX_SHOW_STATS="1", NIX_SHOW_STATS_PATH=str(tmp_path / "no" / "stats.json"))
    assert done.returncode == 1 and b"Traceback" not in done.stderr and done.stderr.startswith(b"error: ")
