"""Chains of `//` beside a model of dictionaries: sets of many layers, layers made flat, small sets below large ones, sets that are used again."""

import json
import random
from pathlib import Path

import pytest

from snowsnake.interpreter import Interpreter

# Sizes around which `//` makes another kind of set.
_SIZES = [0, 1, 1, 1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 40, 64, 127, 128, 129, 200, 260, 1024, 1100]

# Uses of a set `s` and of some names, each with what the model says.
_USES = {
    "all": "s",
    "number": "length (attrNames s)",
    "names": "attrNames s",
    "some": "map (n: s.${n} or null) names",
    "which": "map (n: s ? ${n}) names",
    "merged": "s // listToAttrs (map (n: { name = n; value = 0 - 1; }) names)",
    "removed": "removeAttrs s names",
    "intersected": "intersectAttrs (listToAttrs (map (n: { name = n; value = 0; }) names)) s",
    "mapped": "length (attrValues (mapAttrs (n: v: v) s))",
    "lines": "map (n: (unsafeGetAttrPos n s).line or null) names",
    "equal": "s == listToAttrs (map (n: { name = n; value = s.${n}; }) (attrNames s))",
    "matched": "(({ x1 ? 7, x2 ? 8, x33 ? 9, ... }: [ x1 x2 x33 ]) s)",
}


def _said(use: str, model: dict[str, tuple[int, int]], names: list[str]) -> object:
    values = {name: value for name, (value, _) in model.items()}
    answers = {
        "all": values,
        "number": len(values),
        "names": sorted(values),
        "some": [values.get(name) for name in names],
        "which": [name in values for name in names],
        "merged": values | dict.fromkeys(names, -1),
        "removed": {name: value for name, value in values.items() if name not in names},
        "intersected": {name: value for name, value in values.items() if name in names},
        "mapped": len(values),
        "lines": [model[name][1] if name in model else None for name in names],
        "equal": True,
        "matched": [values.get("x1", 7), values.get("x2", 8), values.get("x33", 9)],
    }
    return answers[use]


def _program(seed: int) -> tuple[str, object]:
    """A program whose sets are updates of one another, and its value.  Each written set is on a line of its own, by which positions are told."""
    choose = random.Random(seed)
    many = choose.choice([50, 400, 3000])
    models: list[dict[str, tuple[int, int]]] = []
    lines = ["let inherit (builtins) length attrNames attrValues listToAttrs removeAttrs intersectAttrs mapAttrs unsafeGetAttrPos;"]
    for number in range(choose.choice([4, 12, 60])):
        what = choose.random()
        if not models or what < 0.3:
            names = {f"x{choose.randrange(many)}" for _ in range(choose.choice(_SIZES))}
            models.append({name: (number, len(lines) + 1) for name in names})
            lines.append(f"s{number} = {{ " + " ".join(f"{name} = {number};" for name in names) + " };")
        elif what < 0.4:
            # A loop adds names, one after the other.
            at, count, first = choose.randrange(len(models)), choose.choice([1, 20, 300]), choose.randrange(many)
            added = {f"x{first + i}": (i, len(lines) + 1) for i in range(count)}
            models.append(models[at] | added)
            pair = "a // { ${name i} = i; }" if choose.random() < 0.7 else "{ ${name i} = i; } // removeAttrs a [ (name i) ]"
            lines.append(f's{number} = let name = i: "x${{toString (i + {first})}}"; in builtins.foldl\' (a: i: {pair}) s{at} (builtins.genList (i: i) {count});')
        else:
            recent = max(0, len(models) - 4) if choose.random() < 0.6 else 0
            left, right = (choose.randrange(recent, len(models)) for _ in range(2))
            models.append(models[left] | models[right])
            # What needs all names makes the layers of its operand flat.
            flat = choose.choice(["", "", f"builtins.seq (length (attrNames s{left})) ", f"builtins.seq (length (attrNames s{right})) "])
            lines.append(f"s{number} = {flat}(s{left} // s{right});")
    asked = []
    said = []
    for _ in range(8):
        at, use = choose.randrange(len(models)), choose.choice(list(_USES))
        names = sorted({f"x{choose.randrange(many + 5)}" for _ in range(choose.choice([0, 1, 5, 40]))})
        asked.append(f"(let s = s{at}; names = [ {' '.join(json.dumps(name) for name in names)} ]; in {_USES[use]})")
        said.append(_said(use, models[at], names))
    return "\n".join([*lines, f"in [ {' '.join(asked)} ]"]), said


@pytest.mark.parametrize("first", range(0, 200, 20))
@pytest.mark.parametrize("options", [{"level": 1}, {"level": 0}, {"stress": True}], ids=str)
def test_an_update_has_the_attributes_of_both(first: int, options: dict[str, object], tmp_path: Path) -> None:
    for seed in range(first, first + (3 if "stress" in options else 20)):
        program, said = _program(seed)
        # Attributes have positions only in files.
        (tmp_path / f"{seed}.nix").write_text(program)
        assert Interpreter(**options).evaluate_file(f"{tmp_path}/{seed}.nix").to_python() == said, program


@pytest.mark.parametrize("update", ["a // b", "b // a", "a // b // a", "b // (a // b)"])
def test_values_stay_lazy(update: str) -> None:
    setting = """
    let
      many = builtins.listToAttrs (builtins.genList (i: { name = "n${toString i}"; value = throw "never"; }) 1000);
      a = builtins.foldl' (s: i: s // { ${"m${toString i}"} = throw "never"; }) many (builtins.genList (i: i) 300);
      b = { x = 1; n1 = 2; m299 = 3; };
    in
    """
    program = f"{setting} let s = {update}; in [ s.x (builtins.length (builtins.attrNames s)) (s ? m7) ]"
    assert Interpreter().evaluate(program.encode(), "/").to_python() == [1, 1301, True]
