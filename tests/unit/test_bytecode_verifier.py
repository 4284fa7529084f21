"""The verifier: finds each kind of fault, accepts what the compiler makes, and survives any bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from snowsnake.bytecode.decode import operations
from snowsnake.bytecode.effects import EFFECTS
from snowsnake.bytecode.instructions import INSTRUCTIONS, INVALID, OPCODES
from snowsnake.bytecode.varint import encode
from snowsnake.bytecode.verifier import verify, verify_all
from snowsnake.bytecode.view import Chunk, Constant, Keys, Span
from snowsnake.compiler.compile import compile_text
from snowsnake.compiler.fault import CompileFault
from snowsnake.syntax.features import feature_bits

LANGUAGE = Path(__file__).parent.parent / "lang"
PROGRAMS = sorted(LANGUAGE.glob("*/in.nix"))

ONE = Constant("int", 1)
NAME = Constant("name", "a")
FORMALS = Keys(["a", "b"], [1, 2], [True, False])
THUNK = Constant("chunk", Chunk("thunk", upvalue_count=1))
LAMBDA = Constant("chunk", Chunk("lambda", upvalue_count=1, arity=1))
CONSTANTS = [ONE, NAME, Constant("keys", FORMALS), THUNK, LAMBDA, Constant("chunk", Chunk("thunk"))]


def assemble(text: str) -> bytes:
    """`Op operand …; Op …`: a plain operand is a varint, `#n` a byte, `+n` a 16-bit distance, `++n` a 32-bit one."""
    code = b""
    for line in text.split(";"):
        name, *operands = line.split()
        code += bytes([OPCODES[name]])
        for operand in operands:
            if operand.startswith("++"):
                code += int(operand[2:]).to_bytes(4, "little")
            elif operand.startswith("+"):
                code += int(operand[1:]).to_bytes(2, "little")
            elif operand.startswith("#"):
                code += bytes([int(operand[1:])])
            else:
                code += encode(int(operand))
    return code


def chunk_of(text: str, kind: str = "toplevel", **fields) -> Chunk:
    arity = 1 if kind == "lambda" else 0
    return Chunk(kind, assemble(text), CONSTANTS, [Span(0, 0, 1)], **{"arity": arity, "max_stack": 9} | fields)


# Captures: blueprint, n << 1 | with, positions index << 2 | tag.
GOOD = [
    "Constant 0; Return",
    "Constant 5; Force; Return",
    "Constant 0; BranchFalse +3; Jump +3; Constant 0; Return; Constant 0; Return",
    "Constant 0; BranchFalse +3; Constant 0; Return; Constant 0; Return",
    "Constant 0; JumpIfTrue +3; Pop; Constant 0; Return",
    "Constant 0; TrySelect 1 +1; Return; Constant 0; Return",
    "ThunkSuspended 3 2 1; Finalise 0; Return",
    "ThunkSuspended 3 2 5; Constant 0; Finalise 0; GetLocal 1; CloseScope 2; Return",
    "Constant 0; PushWith 0; ResolveWithName 1; PopWith; CloseScope 1; Return",
    "Constant 0; PushWith 0; ResolveWithName 1; Return",
    "Constant 0; EagerSelect 0 1 +2; Constant 0; Return",
    "Constant 0; EagerArithmetic #4 0 2 +2; Constant 0; Return",
    "Constant 0; BranchCompare #9 0 0 +3; Constant 0; Return; Constant 0; Return",
    "Constant 0; BranchFalse +3; Jump +5; JumpWide ++3; Constant 0; Return; Constant 0; Return",
]

GOOD_LAMBDAS = [
    "BindFormals 2; JumpIfSet 1 +4; Constant 0; SetLocal 1; GetLocal 1; Return",
    "BindFormals 2; JumpIfSet 1 +6; ThunkSuspended 3 2 9; SetLocal 1; Finalise 1; GetLocal 1; Return",
    "Force; AssertAttrs; ValidateClosedFormals; GetLocal 0; Return",
]

BAD = {
    "Constant 6; Return": "no constant 6",
    "Constant 1; Return": "is not a value",
    "Constant 3; Return": "blueprint with captures",
    "Return": "too little",
    "Pop; Return": "too little",
    "Constant 0": "over its end",
    "Constant 0; Return; Constant 0; Return": "no way leads here",
    "Constant 0; Jump +1; Return; Return": "no way leads here",
    "Constant 0; Jump +0; Return": "over nothing",
    "Constant 0; Jump +2; Constant 0; Return": "too little|no way|words on the stack",
    "Constant 0; Jump +9; Return": "where no operation starts",
    "Constant 0; JumpIfTrue +1; Constant 0; Return": "where no operation starts",
    "Constant 0; BranchFalse +2; Constant 0; Return": "too little|words on the stack",
    "Constant 0; JumpIfTrue +2; Constant 0; Return": "words on the stack",
    "GetLocal 0; Return": "no slot 0",
    "GetUpvalue 0; Return": "no upvalue 0",
    "Constant 0; CloseScope 1; Return": "too little",
    "List 5; Return": "too little",
    "Constant 0; Select 0; Return": "not a name",
    "SelectPlace 0 1; Return": "no slot 0",
    "ResolveWithName 1; Return": "no with-scope",
    "Constant 0; PushWith 0; GetLocal 0; Return": "is a with-scope",
    "Constant 0; PushWith 0; Constant 0; CloseScope 1; Return": "open with-scope",
    "PopWith; Constant 0; Return": "no with-scope",
    "ThunkSuspended 3 2 1; Return": "deferred captures",
    "ThunkSuspended 3 2 5; Constant 5; Force; Finalise 0; Return": "deferred captures",
    "ThunkSuspended 3 2 5; Finalise 0; Return": "no slot 1",
    "ThunkSuspended 3 2 5; List 1; Return": "captures are deferred",
    "ThunkSuspended 3 2 0; Return": "no slot 0",
    "ThunkSuspended 3 0; Return": "not those of the blueprint",
    "ThunkSuspended 3 3 0; Return": "not those of the blueprint",
    "ThunkSuspended 4 2 0; Return": "another kind",
    "ThunkSuspended 0 2 0; Return": "not a chunk",
    "Closure 3 2 0; Return": "another kind",
    "Constant 0; CoerceToString #5; Return": "no such kind",
    "Constant 0; Arithmetic #3 0 0; Return": "no such arithmetic",
    "Constant 0; Arithmetic #4 0 3; Return": "of no kind",
    "BindFormals 2; Return": "not the formals",
    "Native; Return": "machine's own",
    "Halt": "machine's own",
    "CallN 0; Return": "too few",
    "Constant 0; TailCallN 0": "without arguments",
    "Constant 0; AttrsKeys 2; Return": "too little",
}


def test_every_operation_is_known() -> None:
    assert set(EFFECTS) == {op.name for op in INSTRUCTIONS}


@pytest.mark.parametrize("text", GOOD)
def test_good_code_has_no_fault(text: str) -> None:
    assert verify(chunk_of(text)) == []


@pytest.mark.parametrize("text", GOOD_LAMBDAS)
def test_good_code_of_a_lambda_has_no_fault(text: str) -> None:
    assert verify(chunk_of(text, "lambda", formals=FORMALS)) == []


@pytest.mark.parametrize("text", BAD)
def test_bad_code_has_the_expected_fault(text: str) -> None:
    (fault,) = verify(chunk_of(text))
    assert any(expected in fault for expected in BAD[text].split("|")), fault


def test_slots_that_may_be_unset_are_a_fault() -> None:
    (fault,) = verify(chunk_of("BindFormals 2; GetLocal 1; Return", "lambda", formals=FORMALS))
    assert "slot 1 may be unset" in fault
    assert verify(chunk_of("BindFormals 2; GetLocal 2; Return", "lambda", formals=FORMALS)) == []
    (fault,) = verify(chunk_of("BindFormals 2; ThunkSuspended 3 2 4; Return", "lambda", formals=FORMALS))
    assert "slot 1 may be unset" in fault


def test_a_chunk_of_the_wrong_shape_is_a_fault() -> None:
    assert verify(Chunk())
    assert "needs 2 stack slots, not 1" in verify(chunk_of("Constant 0; Constant 0; Pop; Return", max_stack=1))
    assert "a lambda without parameters" in verify(chunk_of("Constant 0; Return", "lambda", arity=0))
    assert "a thunk with parameters" in verify(chunk_of("Constant 0; Return", "thunk", arity=1))
    unsorted = Keys(["b", "a"], [1, 2], [True, False])
    assert any("byte order" in fault for fault in verify(chunk_of("Constant 0; Return", "lambda", formals=unsorted)))
    computed = Chunk(code=assemble("Constant 0; Constant 1; Attrs 1; Return"), constants=[ONE, ONE], max_stack=2,
                     spans=[Span(0, 0, 1), Span(4, 1, 2), Span(4, 3, 4)])  # fmt: skip
    assert "spans out of order" not in verify(computed)
    assert "spans out of order" in verify(Chunk(code=assemble("Constant 0; Return"), constants=[ONE], max_stack=1,
                                                spans=[Span(0, 1, 2), Span(0, 3, 4)]))  # fmt: skip


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.parent.name)
def test_compiled_code_has_no_fault(program: Path, level: int) -> None:
    source = program.read_bytes()
    try:
        top = compile_text(source, str(program.parent), level, feature_bits(["pipe-operators", "flakes", "fetch-closure"]))
    except CompileFault:
        assert not (program.parent / "bytecode.txt").exists()
        return
    assert verify_all(top) == []
    for chunk in top.walk():
        assert verify(tighter(chunk)), "max_stack is what is needed"


def tighter(chunk: Chunk) -> Chunk:
    """The same chunk, with a word of stack less."""
    fields = {name: getattr(chunk, name) for name in chunk.__dataclass_fields__}
    return Chunk(**fields | {"max_stack": chunk.max_stack - 1})


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), st.sampled_from(["toplevel", "lambda", "thunk"]), st.booleans())
def test_any_bytes_are_answered_with_faults(code: bytes, kind: str, captures_with: bool) -> None:
    formals = FORMALS if kind == "lambda" else None
    chunk = Chunk(kind, code, CONSTANTS, [Span(0, 0, 1)], formals=formals, captures_with=captures_with, upvalue_count=2, max_stack=8)
    assert isinstance(verify(chunk), list)


@st.composite
def compiled_chunks(draw: Callable) -> Chunk:
    """Any chunk of the golden programs, of any level."""
    program = draw(st.sampled_from(PROGRAMS))
    try:
        chunks = list(compile_text(program.read_bytes(), "/", draw(st.integers(0, 2))).walk())
    except CompileFault:
        reject()
    return draw(st.sampled_from(chunks))


def damaged(chunk: Chunk, draw: Callable) -> Chunk:
    """The chunk with one fault that no program may have."""
    found = list(operations(chunk.code))
    operation = draw(st.sampled_from(found))
    fields = {name: getattr(chunk, name) for name in chunk.__dataclass_fields__}
    ways = ["invalid operation", "cut off", "cut inside", "no stack"]
    used = [o for o in found if o.op.name == "GetUpvalue"]
    if used:
        ways.append("upvalue")
    if any(o.op.name in ("Constant", "ThunkSuspended", "Closure") for o in found):
        ways.append("constants")
    way = draw(st.sampled_from(ways))
    if way == "invalid operation":
        code = bytearray(chunk.code)
        code[operation.offset] = draw(st.integers(INVALID, 255))
        fields["code"] = bytes(code)
    elif way == "cut off":
        fields["code"] = chunk.code[: found[-1].offset]
    elif way == "cut inside":
        wide = [o for o in found if o.op.operands]
        if wide:
            fields["code"] = chunk.code[: draw(st.sampled_from(wide)).offset + 1]
        else:
            fields["code"] = b""
    elif way == "no stack":
        fields["max_stack"] = draw(st.integers(0, chunk.max_stack - 1))
    elif way == "upvalue":
        fields["upvalue_count"] = draw(st.integers(0, max(o.operands[0] for o in used)))
        fields["captures_with"] = False
    else:
        fields["constants"] = []
    return Chunk(**fields)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_chunks_are_refused(data: st.DataObject) -> None:
    """Good code with an unknown operation, an end in the wrong place, or less stack, fewer upvalues or constants than it uses."""
    chunk = data.draw(compiled_chunks())
    assert verify(chunk) == []
    assert verify(damaged(chunk, data.draw)), "the damage was not seen"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_of_good_code_is_answered_with_faults(data: st.DataObject) -> None:
    """Any byte of good code may change: the verifier answers, and never with more than faults."""
    chunk = data.draw(compiled_chunks())
    code = bytearray(chunk.code)
    place = data.draw(st.integers(0, len(code) - 1))
    code[place] = data.draw(st.integers(0, INVALID))
    chunk.code = bytes(code)
    assert isinstance(verify(chunk), list)
