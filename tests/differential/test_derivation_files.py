"""`.drv` files and all other files that `--store` makes: byte for byte what C++ Nix 2.34 writes (tools/record_derivations.py).

With `--reference COMMAND` freshly generated shapes are compared with that nix-instantiate, too; with WORKLOADS=DIR
(DIR/src/nixpkgs-2009) the closure of nixpkgs' hello.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snowsnake.cli.instantiate import main
from snowsnake.store import LocalStore

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools" / "conformance")]
import stores  # noqa: E402
from derivation_shapes import Shape, broken_shapes, valid_shapes  # noqa: E402

RECORDED = [json.loads(line) for line in (HERE / "stores_recorded" / "derivation_shapes.jsonl").read_text(encoding="utf-8").splitlines()]
HELLO = "(import {}/src/nixpkgs-2009 {{ config = {{ }}; overlays = [ ]; system = \"x86_64-linux\"; }}).hello"


def ours(shape: Shape, folder: Path, monkeypatch, capfd) -> dict:
    """Our result for a shape, in the form of the record; also checks that the store has no fault."""
    pwd, store = folder / "pwd", folder / "store"
    pwd.mkdir()
    stores.write_files(pwd, shape)
    monkeypatch.chdir(pwd)
    code = main(stores.words(shape, store))
    sys.stdout.flush()
    out, err = capfd.readouterr()
    assert code in (0, 1), err
    if not code:
        with LocalStore(store, read_only=True) as written:
            assert written.verify() == [] and set(written.paths()) == set(stores.objects(store))
    return stores.outcome(code, out, err, pwd, store)


def test_enough_derivations_are_recorded() -> None:
    assert sum("text" in case for case in RECORDED if case["id"].startswith("valid")) >= 200
    assert sum("error" in case for case in RECORDED if case["id"].startswith("broken")) >= 50


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["id"])
def test_derivation_files_are_those_of_nix(case, tmp_path, monkeypatch, capfd) -> None:
    shape = Shape(case["id"], case["expr"], case["features"])
    expected = {key: case[key] for key in ("out", "text", "objects", "error") if key in case}
    assert ours(shape, tmp_path, monkeypatch, capfd) == expected, case["expr"]


@pytest.mark.parametrize("number", range(40))
def test_random_derivations_are_those_of_the_reference(number, tmp_path, monkeypatch, capfd, request) -> None:
    reference = request.config.getoption("--reference")
    if not reference:
        pytest.skip("no --reference to compare with")
    seed = int.from_bytes(os.urandom(3), "big")
    shape = [*valid_shapes(8, seed), *broken_shapes()][number]
    expected = stores.instantiate([reference], shape)
    assert ours(shape, tmp_path, monkeypatch, capfd) == expected, shape


def test_the_closure_of_hello_is_that_of_nix(tmp_path, monkeypatch, capfd, request) -> None:
    workloads = os.environ.get("WORKLOADS")
    if not workloads or not Path(workloads, "src/nixpkgs-2009").is_dir():
        pytest.skip("no WORKLOADS with nixpkgs-2009")
    monkeypatch.chdir(tmp_path)
    words = ["-E", HELLO.format(os.path.abspath(workloads)), "--no-gc-warning", "--store"]
    assert main([*words, str(tmp_path / "ours")]) == 0
    found = stores.objects(tmp_path / "ours")
    recorded = (HERE / "stores_recorded" / "hello-2009.closure").read_text(encoding="utf-8").splitlines()
    assert found == dict(line.split() for line in recorded)
    reference = request.config.getoption("--reference")
    if reference:
        subprocess.run([reference, *words, str(tmp_path / "theirs")], check=True, capture_output=True)
        assert stores.objects(tmp_path / "theirs") == found
