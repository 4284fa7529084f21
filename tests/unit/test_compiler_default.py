"""The operations that the default level emits for each construct, and the programs that the compiler refuses."""

import random

import pytest

from snowsnake import Evaluator
from snowsnake.bytecode.decode import operations
from snowsnake.bytecode.disassembler import Lines, disassemble_chunk
from snowsnake.bytecode.view import Chunk
from snowsnake.compiler.compile import compile_text
from snowsnake.compiler.fault import CompileFault


def ops(chunk: Chunk) -> str:
    """The operations of a chunk with their operands, as the listing has them."""
    rows = disassemble_chunk(chunk, Lines(b"")).split("\n")[1:-1]
    return "; ".join(row.split("  Op", 1)[1].split("  ;")[0] for row in rows)


def body(program: str, path: tuple[int, ...] = (0,)) -> str:
    """The code of a child of the program: by default of its outermost lambda."""
    chunk = compile_text(program.encode(), "/d")
    for number in path:
        chunk = chunk.children[number]
    return ops(chunk)


SHAPES = {
    # calls
    "f: f 1": "Constant(0); GetLocal(0); TailCallN(1)",
    "f: x: f x 1 x": "GetLocal(1); Constant(0); GetLocal(1); GetLocal(0); TailCallN(3)",
    "f: x: (f x).a": "GetLocal(1); GetLocal(0); CallN(1); Select(0); Return",
    "f: x: f (f x)": "ThunkSuspended(BP @ 0, 2 upvalues); GetLocal(0); TailCallN(1)",
    "f: x: f x.a": "EagerSelect(local 1, 0, 4); ThunkSuspended(BP @ 1, 1 upvalues); GetLocal(0); TailCallN(1)",
    "f: n: f (n - 1)": "EagerArithmetic(Sub, local 1, constant 0, 4); ThunkSuspended(BP @ 1, 1 upvalues); GetLocal(0); TailCallN(1)",
    "x: map x [ 1 ]": "GetLocal(0); Constant(0); List(1); CallBuiltin(1, 2); Return",
    "x: builtins.length x": "GetLocal(0); CallBuiltin(0, 1); Return",
    "x: builtins.elemAt x 0 1": "Constant(0); GetLocal(0); Constant(1); CallBuiltin(2, 2); TailCallN(1)",
    "x: builtins.elemAt x": "GetLocal(0); Constant(0); TailCallN(1)",
    "x: builtins.nosuch x": "GetLocal(0); Constant(0); Select(1); TailCallN(1)",
    # selecting
    "x: x.a.b": "SelectPlace(local 0, 0); Select(1); Return",
    "x: x.a or 1": "GetLocal(0); TrySelect(0, 1); Return; Constant(1); Return",
    "x: x ? a": "GetLocal(0); HasAttrName(0); Return",
    'x: y: x.${y}': "ForceLocal(0); GetLocal(1); AttrsSelect; Return",
    # conditions
    "x: if x == 1 then 2 else 3": "BranchCompare(Equal, local 0, constant 0, 3); Constant(1); Return; Constant(2); Return",
    "x: if x > 1 then 2 else 3": "BranchCompare(Less, constant 0, local 0, 3); Constant(1); Return; Constant(2); Return",
    "x: if !(x < 1) then 2 else 3": "BranchCompare(MoreOrEq, local 0, constant 0, 3); Constant(1); Return; Constant(2); Return",
    "x: if x != null then 2 else 3": "BranchCompare(Equal, local 0, constant 0, 3); Jump(3); Constant(1); Return; Constant(2); Return",
    "x: y: if x && !y then 2 else 3": (
        "GetLocal(0); BranchFalse(9); GetLocal(1); Invert; BranchFalse(3); Constant(0); Return; Constant(1); Return"
    ),
    # operators
    "x: y: x + y": "Arithmetic(Add, local 0, local 1); Return",
    "x: f: x - f 1": "ForceLocal(0); Constant(0); GetLocal(1); CallN(1); Sub; Return",
    "x: f: x + f 1": "GetLocal(0); CoerceToString(operand of +); Constant(0); GetLocal(1); CallN(1); Add; Return",
    "f: f 1 // f 2": (
        "Constant(0); GetLocal(0); CallN(1); AssertAttrs; Constant(1); GetLocal(0); CallN(1); GetLocal(1); AttrsUpdate; Return"
    ),
    "x: x // { a = 1; }": "GetLocal(0); Constant(0); AttrsKeys(1); AttrsUpdate; Return",
    'x: "a${x}b"': "Constant(0); GetLocal(0); Constant(1); Concatenate(3); Return",
    "x: ./a/${x}": "Constant(0); Constant(1); GetLocal(0); ConcatenatePath(2); Return",
    # scopes
    "x: let a = x; b = [ a a a a a ]; in b": "GetLocal(0); ThunkSuspended(BP @ 0, 1 upvalues); GetLocal(2); Return",
    "x: let a = b; b = x; in a": "ThunkSuspended(BP @ 0, 1 upvalues); GetLocal(0); Finalise(1); GetLocal(1); Return",
    "x: rec { a = b; b = x; }": "ThunkSuspended(BP @ 0, 1 upvalues); GetLocal(0); Finalise(1); AttrsKeys(1); Return",
    "x: rec { b = x; a = b; }": "GetLocal(0); GetLocal(1); GetLocal(2); GetLocal(1); AttrsKeys(0); CloseScope(2); Return",
    "x: { inherit (x) b a; }": (
        "EagerSelect(local 0, 0, 4); ThunkSuspended(BP @ 1, 1 upvalues); "
        "EagerSelect(local 0, 2, 4); ThunkSuspended(BP @ 3, 1 upvalues); AttrsKeys(4); Return"
    ),
    "x: let inherit (builtins) map; in map": "Constant(0); GetLocal(1); Return",
    "x: with x; y": "GetLocal(0); PushWith(1); ResolveWithName(0); Return",
    "x: 1 + (with x; y)": (
        "Constant(0); GetLocal(0); PushWith(2); ResolveWithName(1); PopWith; CloseScope(1); Add; Return"
    ),
    "{ b ? 1, a }: b": "BindFormals(0); JumpIfSet(2, 4); Constant(1); SetLocal(2); GetLocal(2); Return",
    "{ b ? c, c ? b }: b": (
        "BindFormals(0); JumpIfSet(2, 6); ThunkSuspended(BP @ 1, 1 upvalues); SetLocal(2); "
        "JumpIfSet(1, 4); GetLocal(2); SetLocal(1); Finalise(2); GetLocal(1); Return"
    ),
    "x: assert x; 1": "GetLocal(0); BranchFalse(3); Constant(0); Return; AssertFail",
    "x: y: -1 + (-x)": "Constant(0); GetLocal(0); Negate; Add; Return",
    "x: x -1": "Arithmetic(Sub, local 0, constant 0); Return",
}  # fmt: skip


@pytest.mark.parametrize("program", SHAPES)
def test_programs_have_the_expected_operations(program: str) -> None:
    expected = SHAPES[program]
    assert body(program)[: len(expected)] == expected


@pytest.mark.parametrize("program", ["1", "true", '"a"', "/a", "x: x", "[ ]", "{ }", "map", "builtins", "builtins.map", "-1", "(1)"])
def test_programs_that_are_values_are_constants(program: str) -> None:
    assert ops(compile_text(program.encode(), "/")) == "Constant(0); Return"


def test_parameters_are_taken_together() -> None:
    (function,) = compile_text(b"f: a: b: { c }: d: e: 1", "/").children
    assert (function.arity, function.parameter, function.upvalue_count) == (3, "f", 0)
    (pattern,) = function.children
    assert (pattern.arity, pattern.formals.names) == (1, ["c"])
    assert pattern.children[0].arity == 2
    many = compile_text(b"".join(b"a%d: " % n for n in range(30)) + b"a3", "/").children[0]
    assert [chunk.arity for chunk in many.walk()] == [12, 12, 6]
    assert compile_text(b"a: b: a", "/", 0).children[0].children[0].arity == 1


def test_lambdas_have_the_names_of_their_bindings() -> None:
    top = compile_text(b"let f = x: y: z: { q }: 1; in { g = a@{ ... }: 2; h.i = f; }", "/")
    assert [(chunk.name, chunk.parameter) for chunk in top.walk() if chunk.kind == "lambda"] == [
        ("f", "x"), ("f", ""), ("g", "a"),
    ]  # fmt: skip


UNDEFINED = {
    "x": ("x", 0),
    "{ b = y; a = z; }": ("y", 6),
    "let a = b; in c": ("b", 8),
    "x: y: z": ("z", 6),
    "rec { inherit q; }": ("q", 14),
    "let inherit q; in q": ("q", 12),
    "{ a }: b": ("b", 7),
    "{ a ? b }: a": ("b", 6),
    "let a = 1; in { b = a; c = d; }": ("d", 27),
    "[ (with { }; a) a ]": ("a", 16),
    "__nosuch": ("__nosuch", 0),
    "length [ ]": ("length", 0),
    "__map": ("__map", 0),
}


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("program", UNDEFINED)
def test_an_undefined_variable_is_an_error_at_its_place(program: str, level: int) -> None:
    with pytest.raises(CompileFault) as caught:
        compile_text(program.encode(), "/", level)
    name, place = UNDEFINED[program]
    assert (str(caught.value), caught.value.start_byte) == (f"undefined variable '{name}'", place)


@pytest.mark.parametrize("level", [0, 1])
def test_relative_paths_are_completed(level: int) -> None:
    for text, base, expected in [
        ("./a", "/d/e", "/d/e/a"), ("../a", "/d/e", "/d/a"), ("../../../a", "/d/e", "/a"), ("./.", "/d/e", "/d/e"),
        ("./..", "/", "/"), ("/a/b/./c", "/d", "/a/b/c"), ("a/b", "/", "/a/b"), ("./a", "/d/../e/", "/e/a"),
    ]:  # fmt: skip
        constants = [c for c in compile_text(text.encode(), base, level).constants if c.kind == "path"]
        assert [c.value for c in constants] == [expected]


def test_every_builtin_is_a_global_once() -> None:
    """The global scope has each builtin under one name, its own or that after two underscores."""
    from snowsnake.builtins.table import TABLE
    from snowsnake.syntax.features import NAMES, feature_bits

    every = feature_bits(NAMES)
    for name, entry in TABLE.items():
        if name.startswith("__"):
            continue
        is_plain = entry.is_global or name in ("true", "false", "null", "builtins")
        for text, is_there in ((name, is_plain), ("__" + name, not is_plain)):
            if is_there:
                compile_text(text.encode(), features=every)
            else:
                with pytest.raises(CompileFault, match="undefined variable"):
                    compile_text(text.encode(), features=every)


@pytest.mark.parametrize("level", [0, 1])
def test_deep_sources_are_compiled_or_a_clear_error(level: int) -> None:
    """A million levels are compiled, or are an error that says why they are not."""
    for program in (b"(" * 10**6, b"{ a = " * 10**6 + b"1" + b"; }" * 10**6):
        with pytest.raises(CompileFault, match="nesting too deep"):
            compile_text(program, "/", level)
    lists = compile_text(b"[ " * 10**6 + b"]" * 10**6, "/", level)
    assert [operation.op.name for operation in operations(lists.code)][-1] == "Return"
    functions = b"a: " * 10**6 + b"a"
    if level == 0:
        with pytest.raises(CompileFault, match="nested too deeply"):
            compile_text(functions, "/", level)
    else:
        assert [operation.op.name for operation in operations(compile_text(functions, "/", level).code)] == ["Constant", "Return"]


def test_deep_data_is_compiled_with_its_names_and_places() -> None:
    """The chunks of deep data are compiled later, with the same values, names and places."""
    choice = random.Random(5)

    def leaf() -> str:
        return choice.choice(["1", "(-3)", '"x"', "true", "null", "1.5", "/a", "[ ]", "{ }", "[ { a = 1; } ]"])

    def data(depth: int) -> str:
        made = leaf()
        for _ in range(depth):
            form = choice.choice(["[ {0} ]", "[ {1} {0} ]", "{{ a = {0}; }}", '{{ a = {1}; b.c = {0}; "x y" = {1}; }}', "{{ a = {0}; b = {2}; }}"])
            made = form.format(made, leaf(), leaf())
        return made

    for depth in (1, 62, 63, 64, 65, 130, 300):
        program = data(depth)
        for source in (program, f"(x: {program}) 1", f"let f = y: [ y {program} ]; in f 1", f"let true = 2; in {program}"):
            texts = [Evaluator(optimise=level).evaluate(f"builtins.toXML ({source})").to_python() for level in (False, True)]
            assert texts[0] == texts[1]
            assert texts[0].count("<list") == source.count("[")
