"""Branches over 64 KiB of code: JumpWide, at all levels."""

import pytest

import snowsnake
from snowsnake.bytecode.decode import operations
from snowsnake.bytecode.verifier import verify_all
from snowsnake.compiler.compile import compile_text
from snowsnake.interpreter import Interpreter

FAR = 30_000
BIG_LIST = "[ " + "(x 1) " * FAR + "]"
PATTERN = "{ " + ", ".join(f"a{i} ? {i}" for i in range(6000)) + " }: a7 + a5999"
DEEP_PATH = ".${k}" * FAR

# From a program to its value for each argument.
CASES = {
    f"x: if x == null then 1 else builtins.length {BIG_LIST}": {"null": "1", "(y: y)": str(FAR)},
    f"x: if x != null then builtins.length {BIG_LIST} else 1": {"null": "1", "(y: y)": str(FAR)},
    f"x: let r = if x == null then 1 else builtins.length {BIG_LIST}; in r + 1": {"null": "2", "(y: y)": str(FAR + 1)},
    f"x: 1 + (if x == null then builtins.length {BIG_LIST} else 2) + 3": {"null": str(FAR + 4), "1": "6"},
    f"x: if x && builtins.length {BIG_LIST} > 0 then 1 else 2": {"false": "2"},
    f"x: if x || builtins.length {BIG_LIST} > 0 then 1 else 2": {"true": "1"},
    f"x: [ (x && builtins.isList {BIG_LIST}) (x -> builtins.isList {BIG_LIST}) ]": {"false": "[ false true ]", "true": "[ true true ]"},
    f"x: assert x; builtins.length {BIG_LIST}": {"true": str(FAR)},
    f"x: (builtins.tryEval (assert x; builtins.length {BIG_LIST})).success": {"false": "false"},
    f"x: x.a.b or (builtins.length {BIG_LIST})": {"{ a.b = 5; }": "5", "{ a = 1; }": str(FAR)},
    f"x: x ? a{'.b' * 40_000}": {"{ a = 1; }": "false"},
    f"x: let k = \"a\"; in x{DEEP_PATH} or \"none\"": {"{ a.a = 1; }": '"none"'},
    f"x: let k = \"a\"; in x ? a{DEEP_PATH}": {"{ a.a = 1; }": "false"},
    PATTERN: {"{ }": "6006", "{ a7 = 1; }": "6000"},
    f"x: {{ y ? if x then 1 else builtins.length {BIG_LIST} }}: y": {},
}  # fmt: skip


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("number", range(len(CASES)))
def test_far_jumps_arrive(number: int, level: int) -> None:
    program, values = list(CASES.items())[number]
    top = compile_text(program.encode(), "/", level)
    assert verify_all(top) == []
    for argument, expected in values.items():
        value = Interpreter(level=level).evaluate(f"({program}) {argument}".encode(), "/")
        assert value.to_nix(strict=True).decode() == expected


@pytest.mark.parametrize("level", [0, 1, 2])
def test_wide_jumps_are_there_and_only_where_needed(level: int) -> None:
    for program, expected in ((PATTERN, level == 0), ("x: if x then 1 else 2", False)):
        names = {o.op.name for chunk in compile_text(program.encode(), "/", level).walk() for o in operations(chunk.code)}
        assert ("JumpWide" in names) == expected


def test_jumps_near_the_limit_of_16_bits_arrive() -> None:
    """The branches are as long as 16 bits allow, or a little longer; a jump may become too far only because another one grows."""
    seen = set()
    for count in range(32_750, 32_775):
        body = "[ " + "y " * count + "]"
        top = compile_text(f"x: y: if x then (if y then {body} else 1) else 2".encode(), "/", 1)
        assert verify_all(top) == []
        (function,) = top.children
        seen.add(sum(operation.op.name == "JumpWide" for operation in operations(function.code)))
        nix = snowsnake.Evaluator()
        for arguments, expected in (("false false", "2"), ("true false", "1"), (f"true true == [ {'true ' * count}]", "true")):
            text = f"(x: y: if x then (if y then {body} else 1) else 2) {arguments}"
            if count % 6 == 0:
                assert nix.evaluate(text).to_nix(strict=True) == expected
    assert seen == {0, 1, 2}


def test_spans_move_with_the_code() -> None:
    program = f"x: if x then builtins.length {BIG_LIST} else missing.attribute.of.x"
    source = program.replace("missing", "x").encode()
    (function,) = compile_text(source, "/", 1).children
    last = [o for o in operations(function.code) if o.op.name == "Select"][-1]
    span = function.span_at(last.offset)
    assert source[span.start_byte : span.end_byte] == b"x.attribute.of.x"
