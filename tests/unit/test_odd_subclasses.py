"""Objects of classes derived from str, bytes, int, float, list and dict, whose methods lie or raise: the library reads their contents, never a wrong name or number.

What iterates over a list or dict uses its methods, as Python does; a lie of these is the caller's.
"""

from collections.abc import Callable, Iterator

import pytest

import snowsnake
from snowsnake import Evaluator, Raw, bytecode, flake, syntax, to_nix


class Asked(Exception):
    """What methods of the caller raise."""


def _raises(*_: object) -> object:
    raise Asked


def _says(value: object) -> Callable[..., object]:
    return lambda *_: value


LIES: dict[str, list[object]] = {
    "__str__": [_raises, _says("wrong"), _says(5)],
    "__repr__": [_raises, _says("wrong")],
    "__eq__": [_raises, _says(True), _says(False)],
    "__hash__": [_raises, _says(1)],
    "__len__": [_raises, _says(0), _says(10**9), _says(-1)],
    "__bool__": [_raises, _says(False)],
    "__getitem__": [_raises, _says("w")],
    "__contains__": [_raises, _says(True)],
    "__format__": [_raises, _says("wrong")],
    "__fspath__": [_raises, _says("/wrong")],
    "__int__": [_raises, _says(7), _says("w")],
    "__index__": [_raises, _says(7)],
    "__float__": [_raises, _says(7.5)],
    "__bytes__": [_raises, _says(b"wrong")],
    "__class__": [property(_says(int)), property(_says(dict)), property(_says(list))],
    "encode": [_raises, _says(b"wrong"), _says(5)],
    "partition": [_raises, _says(("w", "", ""))],
    "translate": [_raises, _says("wrong")],
    "split": [_raises, _says(["w"])],
    "value": ["wrong"],
}
ITERATIONS = ("__iter__", "__len__", "items", "keys")
NIX = Evaluator()
SET = NIX.evaluate("{ a = 1; b.c = 2; }").force()
LIST = NIX.evaluate("[ 1 2 3 ]").force()


def _named(name: str) -> str:
    def function(*, a: int) -> int:
        return a

    function.__name__ = name
    with pytest.raises(snowsnake.EvaluationError) as caught:
        NIX.value(function)({"b": 1}).force()
    return caught.value.message


# For each place: a value of Python's own class, and what the library makes of it.
PLACES: dict[str, tuple[object, Callable[..., object]]] = {
    "source": ("1 + 1", lambda given: NIX.evaluate(given).to_python()),
    "bytes of a source": (b"1 + 1", lambda given: NIX.evaluate(given).to_python()),
    "name of a source": ("t.nix", lambda given: str(NIX.evaluate("{ x = 1; }", name=given).position("x"))),
    "base path": ("/tmp", lambda given: NIX.evaluate("./a", base_path=given).to_python()),
    "text": ("te\"xt", lambda given: NIX.value(given).to_python()),
    "bytes": (b"text", lambda given: NIX.value([given]).to_python()),
    "int": (5, lambda given: NIX.value(given).to_python()),
    "float": (1.5, lambda given: NIX.value([given]).to_python()),
    "list": ([1, 2], lambda given: NIX.value(given).to_python()),
    "dict": ({"a": 1}, lambda given: NIX.value(given).to_python()),
    "key": ("a", lambda given: NIX.value(_Pair(given)).to_python()),
    "key of bytes": (b"a", lambda given: NIX.value(_Pair(given)).to_python()),
    "name in a scope": ("a", lambda given: NIX.evaluate("a", scope=_Pair(given)).to_python()),
    "result of a function": ("r", lambda given: NIX.value(lambda _: given)(1).to_python()),
    "name of a function": ("fun", _named),
    "attribute": ("a", lambda given: SET[given].to_python()),
    "attribute that may be absent": ("a", lambda given: SET.get(given).to_python()),
    "attribute that is looked for": ("a", lambda given: given in SET),
    "attribute with a place": ("a", lambda given: str(SET.position(given))),
    "index": (1, lambda given: LIST[given].to_python()),
    "path of a selection": ("b.c", lambda given: SET.select(given).to_python()),
    "selector": ("b.c", lambda given: SET.query(given).values),
    "other side of ==": (2, lambda given: LIST[1] == given),
    "Nix text of a str": ("te\"xt", to_nix),
    "Nix text of an int": (5, to_nix),
    "Nix text of a float": (1.5, to_nix),
    "Nix text of a list": ([1, 2], to_nix),
    "Nix text of a dict": ({"a": 1}, to_nix),
    "Nix text of a key": ("a", lambda given: to_nix(_Pair(given))),
    "code": ("1 + 1", lambda given: to_nix(Raw(given))),
    "feature": ("pipe-operators", lambda given: Evaluator(features=[given]).evaluate("1 |> (x: x)").to_python()),
    "system": ("x-y", lambda given: Evaluator(system=given).evaluate("builtins.currentSystem").to_python()),
    "entry of a search path": ("p=/srv", lambda given: Evaluator(search_path=[given]).evaluate("builtins.nixPath").to_python()),
    "path of a search path": ("/srv", lambda given: Evaluator(search_path={"p": given}).evaluate("builtins.nixPath").to_python()),
    "variable": ("v", lambda given: Evaluator(environment={"K": given}).evaluate('builtins.getEnv "K"').to_python()),
    "name of a variable": ("K", lambda given: Evaluator(environment=_Pair(given, "v")).evaluate('builtins.getEnv "K"').to_python()),
    "setting": ("true", lambda given: Evaluator(settings={"pure-eval": given}).evaluate("builtins ? currentTime").to_python()),
    "name of a setting": ("pure-eval", lambda given: Evaluator(settings=_Pair(given, True)).evaluate("builtins ? currentTime").to_python()),
    "number of a setting": (7, lambda given: Evaluator(settings={"max-call-depth": given}).evaluate("1").to_python()),
    "level": (0, lambda given: Evaluator(optimise=given).evaluate("1").to_python()),
    "limit": (1 << 28, lambda given: Evaluator(memory_limit_bytes=given).evaluate("1").to_python()),
    "time": (5.0, lambda given: Evaluator(timeout_s=given).evaluate("1").to_python()),
    "name of a file": ("a.nix", lambda given: Evaluator(files=_Pair(given, "1")).evaluate_file("a.nix").to_python()),
    "file": ("1", lambda given: Evaluator(files={"a.nix": given}).evaluate_file("a.nix").to_python()),
    "parsed source": ("a: a+1", lambda given: snowsnake.parse(given).to_nix()),
    "compiled source": ("1", lambda given: snowsnake.compile(given)),
    "source as a chunk": ("1", lambda given: bytecode.disassemble(bytecode.compile(given))),
    "source with edits": ("{ a = 1; }", lambda given: syntax.Edits(given).set("a", 2).text),
    "path of an edit": ("a", lambda given: syntax.Edits("{ a = 1; }").set(given, 2).text),
    "attribute of a reference": ("/x", lambda given: str(flake.Reference.of_attributes({"type": "path", "path": given}))),
}  # fmt: skip


class _Pair(dict[object, object]):
    """A mapping of one key that need not have a hash."""

    def __init__(self, key: object, value: object = 1) -> None:
        super().__init__()
        self.pair = key, value

    def items(self) -> "list[tuple[object, object]]":  # type: ignore[override]
        return [self.pair]

    def keys(self) -> "list[object]":  # type: ignore[override]
        return [self.pair[0]]

    def __iter__(self) -> Iterator[object]:
        return iter([self.pair[0]])

    def __getitem__(self, key: object) -> object:
        return self.pair[1]

    def __len__(self) -> int:
        return 1


def odd_objects(value: object) -> Iterator[tuple[str, object]]:
    for name, lies in LIES.items():
        if name in ITERATIONS and isinstance(value, list | dict):
            continue
        for number, lie in enumerate(lies):
            yield f"{name}-{number}", type("Odd", (type(value),), {name: lie})(value)


@pytest.mark.parametrize("place", PLACES)
def test_what_a_subclass_says_of_itself_does_not_count(place: str) -> None:
    value, use = PLACES[place]
    wanted = use(value)
    faults = []
    for name, odd in odd_objects(value):
        try:
            found = use(odd)
        except Asked:
            # The method of the caller was asked, and its exception comes out.
            continue
        except Exception as error:
            faults.append(f"{name}: {type(error).__name__}: {error}"[:200])
            continue
        if type(found) is not type(wanted) or found != wanted:
            faults.append(f"{name}: {found!a}"[:200])
    assert not faults, "\n".join(faults)


def test_enums_of_texts_name_attributes() -> None:
    from enum import Enum, StrEnum

    class Name(Enum):
        A = "a"

    class Text(StrEnum):
        B = "b"

    assert NIX.value({Name.A: 1, Text.B: Name.A}).to_python() == {"a": 1, "b": "a"}
    assert to_nix({Name.A: Text.B}) == '{ a = "b"; }'


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "", 5, None])
def test_functions_with_odd_names(name: object) -> None:
    """A function's name is only shown; a class of functions may call itself anything."""

    class Function:
        __name__ = name

        def __call__(self, *, a: int) -> int:
            return a

    made = NIX.value(Function())
    assert made({"a": 3}) == 3
    with pytest.raises(snowsnake.ArgumentMismatch, match="without required argument 'a'"):
        made({"b": 1}).force()
