"""The experiment with images of the heap (docs/decisions/images.md): warm equals cold, and nothing stale or damaged is used.

SNOWSNAKE_NIXPKGS, a nixpkgs tree whose default.nix is a function, adds a test on real packages.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from snowsnake.evaluator import Evaluator
from snowsnake.machine.heap_image import ImageRefused

from snowsnake.diagnostics.error import EvaluationError

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "experiments" / "heap_image.py"
sys.path.insert(0, str(SCRIPT.parent))
import heap_image  # noqa: E402

SET = """
let
  lib = import ./lib.nix;
  make = name: inputs: derivation {
    inherit name;
    system = "x86_64-linux";
    builder = "/bin/sh";
    src = ./sources;
    kept = builtins.filterSource (path: type: baseNameOf path != "skipped") ./filtered;
    args = [ "-c" (builtins.concatStringsSep " " (map (i: "${i}") inputs)) ];
    extra = builtins.getEnv "IMAGE_EXTRA";
    text = builtins.toFile "text" "of ${name}";
  };
  self = rec {
    a = make "a" [ ];
    b = make "b" [ a ];
    c = make "c" [ a b linked.dependency ];
    inherit lib;
    broken = builtins.tryEval self.fails;
    fails = throw "as it should";
    linked = import ./link.nix { inherit make; };
    listing = builtins.readDir ./names;
    numbers = builtins.genList (i: i * 1.5) 20;
    wide = 4611686018427387904;
    rest = builtins.tail (builtins.genList (i: "${toString i}") 30);
    overlaid = builtins.foldl' (s: n: s // { "x${toString n}" = n; }) { } (builtins.genList (n: n) 100);
    position = builtins.unsafeGetAttrPos "numbers" self;
    shared = { f = lib.identity; };
    same = self.shared == { f = lib.identity; };
    unlinked = with self; map (n: n + wide) [ 1 2 3 ];
    path = ./names;
    constant = (x: x) == (x: x);
    matched = builtins.match "(a+)(b*)" "aabb";
  };
in self
"""
OTHERS = ("c", "linked.other")
VALUES = ("listing", "numbers", "wide", "rest", "overlaid", "position", "same", "unlinked", "broken", "constant", "matched", "path")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A package set of our own that touches everything an image has to keep."""
    monkeypatch.setenv("IMAGE_EXTRA", "some")
    folder = tmp_path / "set"
    for name in ("names", "sources/deep", "filtered"):
        (folder / name).mkdir(parents=True)
    (folder / "names" / "one").touch()
    (folder / "sources" / "deep" / "file").write_text("contents")
    (folder / "filtered" / "seen").write_text("1")
    (folder / "filtered" / "skipped").write_text("2")
    (folder / "default.nix").write_text(SET)
    (folder / "lib.nix").write_text("rec { identity = x: x; twice = f: x: f (f x); }")
    (folder / "target.nix").write_text('{ make }: { dependency = make "d" [ ]; other = make "e" [ ]; }')
    (folder / "link.nix").symlink_to("target.nix")
    return folder


def written(packages: Path, **options) -> Path:
    image = packages.parent / "image"
    evaluator = Evaluator(**options)
    heap_image.drv_paths(evaluator, str(packages / "default.nix"), ["b", "linked.dependency"])
    for name in VALUES:
        if name != "overlaid":
            evaluator.evaluate_file(str(packages)).select(name.encode()).deep_force()
    with pytest.raises(EvaluationError, match="as it should"):
        evaluator.evaluate_file(str(packages)).select(b"fails").force()
    heap_image.save(evaluator, options, image)
    return image


def texts(evaluator: Evaluator, packages: Path) -> list[object]:
    """Values and derivations of a set, those of the image and others."""
    found: list[object] = heap_image.drv_paths(evaluator, str(packages), ["a", "b", *OTHERS])
    found += [evaluator.evaluate_file(str(packages)).select(name.encode()).to_nix(strict=True) for name in VALUES]
    with pytest.raises(EvaluationError) as caught:
        evaluator.evaluate_file(str(packages)).select(b"fails").force()
    found.append(str(caught.value))
    function = evaluator.evaluate(f"(import {packages}).lib.twice (n: n + 1) 5".encode(), str(packages))
    return [*found, function.to_python()]


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("stress", [True, False])
def test_warm_equals_cold(packages, mapped, stress):
    options = {"stress": stress}
    image = written(packages, **options)
    warm = heap_image.load(image, options, mapped=mapped)
    assert texts(warm, packages) == texts(Evaluator(**options), packages)
    assert warm.statistics()["failures"] > 0


def test_in_another_process(packages):
    image, file = packages.parent / "image", str(packages / "default.nix")

    def run(*words: str) -> dict[str, object]:
        return json.loads(subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, check=True).stdout)

    run("write", str(image), file, "b")
    warm = run("read", str(image), file, *OTHERS)
    assert "refused" not in warm and warm["is_mapped"]
    assert warm["drvs"] == run("read", "--relocate", str(image), file, *OTHERS)["drvs"] == run("cold", file, *OTHERS)["drvs"]


def test_two_at_once_and_an_image_of_a_warm_machine(packages):
    image = written(packages)
    first, second = heap_image.load(image, {}), heap_image.load(image, {})      # one of them cannot have the address
    assert texts(first, packages) == texts(second, packages)
    heap_image.save(first, {}, packages.parent / "next")
    assert str(packages / "lib.nix") in {entry.name for entry in heap_image.load(packages.parent / "next", {}).dependencies()}
    assert texts(heap_image.load(packages.parent / "next", {}), packages) == texts(Evaluator(), packages)


def _retarget(packages: Path) -> None:
    (packages / "other.nix").write_text((packages / "target.nix").read_text())
    (packages / "link.nix").unlink()
    (packages / "link.nix").symlink_to("other.nix")


CHANGES = {
    "a file": lambda packages: (packages / "lib.nix").write_text("rec { identity = x: x; twice = f: x: f (f X); }"),
    "a folder": lambda packages: (packages / "names" / "two").touch(),
    "a copied tree": lambda packages: (packages / "sources" / "deep" / "file").write_text("changed!"),
    "a filtered tree": lambda packages: (packages / "filtered" / "seen").write_text("3"),
    "a symlink": _retarget,
    "a variable": lambda packages: os.environ.update(IMAGE_EXTRA="other"),
    "a file that is gone": lambda packages: (packages / "target.nix").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(packages, change):
    image = written(packages)
    CHANGES[change](packages)
    with pytest.raises(ImageRefused, match="is not what it was"):
        heap_image.load(image, {})


def test_other_settings(packages):
    image = written(packages)
    with pytest.raises(ImageRefused, match="settings"):
        heap_image.load(image, {"system": "aarch64-linux"})


def test_a_change_during_the_evaluation_is_noticed(packages):
    evaluator = Evaluator()
    heap_image.drv_paths(evaluator, str(packages), ["b"])
    (packages / "default.nix").write_text("changed after it was read")
    with pytest.raises(ImageRefused, match="since the evaluation began"):
        heap_image.save(evaluator, {}, packages.parent / "image")


@pytest.mark.parametrize("mapped", [True, False])     # the second is also the way of an image whose address is taken
def test_damage_is_noticed(packages, mapped):
    image = written(packages)
    whole = image.read_bytes()
    used = [i for i in range(0, len(whole), 97) if whole[i]]       # between the parts lie zeros that nothing looks at
    for place in [*range(88), *random.Random(1).sample(used, 120)]:
        image.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1:])
        with pytest.raises(ImageRefused):
            heap_image.load(image, {}, mapped=mapped)
    for size in (0, 50, 5000, len(whole) // 2, len(whole) - 1):
        image.write_bytes(whole[:size])
        with pytest.raises(ImageRefused):
            heap_image.load(image, {}, mapped=mapped)


def test_an_image_that_others_may_write(packages):
    image = written(packages)
    image.chmod(0o666)
    with pytest.raises(ImageRefused, match="others may write"):
        heap_image.load(image, {})


def test_what_cannot_be_saved(packages):
    evaluator = Evaluator(pure=True)
    with pytest.raises(ImageRefused, match="pure"):
        heap_image.save(evaluator, {}, packages.parent / "image")
    assert not (packages.parent / "image").exists()


def test_only_a_fresh_machine_is_filled(packages):
    image = written(packages)
    evaluator = Evaluator()
    kept = evaluator.evaluate(b"1", "/")
    with open(image, "rb") as file, pytest.raises(ImageRefused, match="has been used"):
        heap_image.read_image(evaluator.machine_address(), file, heap_image.build_identity())
    assert kept.to_python() == 1


@pytest.mark.skipif("SNOWSNAKE_NIXPKGS" not in os.environ, reason="SNOWSNAKE_NIXPKGS names no nixpkgs tree")
def test_nixpkgs(tmp_path):
    file = tmp_path / "packages.nix"
    file.write_text(f'import {os.environ["SNOWSNAKE_NIXPKGS"]} {{ system = "x86_64-linux"; config = {{ }}; overlays = [ ]; }}')

    evaluator = Evaluator()
    heap_image.drv_paths(evaluator, str(file), ["hello"])
    heap_image.save(evaluator, {}, tmp_path / "image")
    wanted = ["hello", "python3", "git"]
    assert heap_image.drv_paths(heap_image.load(tmp_path / "image", {}), str(file), wanted) == \
        heap_image.drv_paths(Evaluator(), str(file), wanted)
