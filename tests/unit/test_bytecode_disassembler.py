"""Listings: addresses, lines, operands, and descriptions of constants and captures."""

import pytest

from snowsnake.bytecode.decode import DecodeFault, operations
from snowsnake.bytecode.disassembler import Lines, disassemble, disassemble_chunk
from snowsnake.bytecode.instructions import INSTRUCTIONS, OPCODES, SPECIFIED_COUNT
from snowsnake.bytecode.varint import encode
from snowsnake.bytecode.view import Chunk, Constant, Span
from snowsnake.compiler.compile import compile_text

SPECIFIED = """
Constant Pop Invert Negate Add Sub Mul Div Equal Less LessOrEq More MoreOrEq Jump JumpIfTrue JumpIfFalse JumpIfCatchable
JumpIfNotFound JumpIfNoFinaliseRequest Attrs AttrsUpdate AttrsSelect AttrsTrySelect HasAttr ValidateClosedFormals PushWith PopWith
ResolveWith List Concat Interpolate CoerceToString FindFile ResolveHomePath AssertBool AssertAttrs GetLocal CloseScope AssertFail
Call GetUpvalue Closure ThunkClosure ThunkSuspended Force Finalise Return
"""


def test_operations_have_the_numbers_of_the_specification() -> None:
    assert [op.name for op in INSTRUCTIONS[:SPECIFIED_COUNT]] == SPECIFIED.split()
    assert INSTRUCTIONS[-1].name == "Invalid"
    assert len(INSTRUCTIONS) <= 256


def test_a_jump_has_its_target() -> None:
    code = bytes.fromhex("00 00 0d 02 00 00 01 2e")
    assert [(o.op.name, o.operands, o.target) for o in operations(code)] == [
        ("Constant", (0,), None),
        ("Jump", (2,), 7),
        ("Constant", (1,), None),
        ("Return", (), None),
    ]


def test_captures_are_decoded_into_kind_and_index() -> None:
    code = bytes([OPCODES["ThunkSuspended"], 3, 3 << 1 | 1]) + encode(168) + encode(169) + encode(170)
    (operation,) = operations(code)
    assert code[3:] == bytes.fromhex("a8 02 a9 02 aa 02")
    assert operation.operands == (3, 1)
    assert operation.captures == (("local", 42), ("deferred", 42), ("upvalue", 42))


@pytest.mark.parametrize(
    "code",
    [
        bytes([OPCODES["Invalid"]]),
        b"\xff",
        b"\x00",
        b"\x00\x80",
        bytes([OPCODES["Jump"], 1]),
        bytes([OPCODES["CoerceToString"]]),
        bytes([OPCODES["Closure"], 0, 4, 0]),
        bytes([OPCODES["Closure"], 0, 2, 3]),
        bytes([OPCODES["Closure"], 0]) + encode(2**63),
    ],
)
def test_malformed_operations_are_refused(code: bytes) -> None:
    with pytest.raises(DecodeFault):
        list(operations(code))
    listing = disassemble_chunk(Chunk(code=code), Lines(b""))
    assert "; " in listing.split("\n")[-2]


def test_a_program_is_listed_as_specified() -> None:
    source = b'let\n  a = b "x\\n";\n  b = c: if c == a\n    then 1\n    else { d = a; };\nin with { e = 2; }; [ a e ./p ]\n'
    assert disassemble(compile_text(source, "/d", 0), source) == LISTING


LISTING = r"""=== compiled toplevel #0 (3 ops, 4 bytes) ===
0x0     1  OpConstant(0)  ; thunk #1
0x2     |  OpForce
0x3     |  OpReturn

=== compiled thunk #1 (6 ops, 17 bytes) ===
 0x0     2  OpThunkSuspended(BP @ 0, 1 upvalues)  ; thunk 'a' #2, deferred 1
 0x4     3  OpThunkSuspended(BP @ 1, 1 upvalues)  ; thunk 'b' #3, local 0
 0x8     2  OpFinalise(0)
 0xa     6  OpThunkSuspended(BP @ 2, 1 upvalues)  ; thunk #8, local 0
 0xe     1  OpCloseScope(2)
0x10     |  OpReturn

=== compiled thunk 'a' #2 (5 ops, 7 bytes) ===
0x0     2  OpConstant(0)  ; "x\n"
0x2     |  OpGetUpvalue(0)
0x4     |  OpForce
0x5     |  OpCall
0x6     |  OpReturn

=== compiled thunk 'b' #3 (2 ops, 5 bytes) ===
0x0     3  OpClosure(BP @ 0, 1 upvalues)  ; lambda 'b' #4, upvalue 0
0x4     |  OpReturn

=== compiled lambda 'b' #4 (3 ops, 8 bytes) ===
0x0     3  OpThunkSuspended(BP @ 0, 2 upvalues)  ; thunk #5, local 0, upvalue 0
0x5     |  OpCloseScope(1)
0x7     |  OpReturn

=== compiled thunk #5 (10 ops, 24 bytes) ===
 0x0     3  OpThunkSuspended(BP @ 0, 2 upvalues)  ; thunk #6, upvalue 0, upvalue 1
 0x5     |  OpForce
 0x6     |  OpJumpIfCatchable(14)  ; to 0x17
 0x9     |  OpJumpIfFalse(6)  ; to 0x12
 0xc     |  OpPop
 0xd     4  OpConstant(1)  ; 1
 0xf     3  OpJump(5)  ; to 0x17
0x12     |  OpPop
0x13     5  OpThunkSuspended(BP @ 2, 1 upvalues)  ; thunk #7, upvalue 1
0x17     3  OpReturn

=== compiled thunk #6 (6 ops, 8 bytes) ===
0x0     3  OpGetUpvalue(0)
0x2     |  OpForce
0x3     |  OpGetUpvalue(1)
0x5     |  OpForce
0x6     |  OpEqual
0x7     |  OpReturn

=== compiled thunk #7 (4 ops, 7 bytes) ===
0x0     5  OpConstant(0)  ; "d"
0x2     |  OpGetUpvalue(0)
0x4     |  OpAttrs(1)
0x6     |  OpReturn

=== compiled thunk #8 (6 ops, 12 bytes) ===
0x0     6  OpConstant(0)  ; thunk #9
0x2     |  OpPushWith(0)
0x4     |  OpThunkSuspended(BP @ 1, captures with, 1 upvalues)  ; thunk #10, upvalue 0
0x8     |  OpPopWith
0x9     |  OpCloseScope(1)
0xb     |  OpReturn

=== compiled thunk #9 (4 ops, 7 bytes) ===
0x0     6  OpConstant(0)  ; "e"
0x2     |  OpConstant(1)  ; 2
0x4     |  OpAttrs(1)
0x6     |  OpReturn

=== compiled thunk #10 (5 ops, 10 bytes) ===
0x0     6  OpGetUpvalue(0)
0x2     |  OpThunkSuspended(BP @ 0, captures with, 0 upvalues)  ; thunk #11
0x5     |  OpConstant(1)  ; /d/p
0x7     |  OpList(3)
0x9     |  OpReturn

=== compiled thunk #11 (3 ops, 4 bytes) ===
0x0     6  OpConstant(0)  ; "e"
0x2     |  OpResolveWith
0x3     |  OpReturn
"""


def test_long_texts_are_shortened_below_the_header() -> None:
    constants = [Constant("string", "é" * 100), Constant("int", -5), Constant("position"), Constant("builtin", "map")]
    code = bytes([0, 0, 0, 1, 0, 2, 0, 3, 0, 9])
    chunk = Chunk("lambda", code, constants, [Span(0, 2, 3)], name="f", index=7)
    assert disassemble_chunk(chunk, Lines(b"a\nb\n")) == (
        "=== compiled lambda 'f' #7 (5 ops, 10 bytes) ===\n"
        f'0x0     2  OpConstant(0)  ; "{"é" * 59}…"\n'
        "0x2     |  OpConstant(1)  ; -5\n"
        "0x4     |  OpConstant(2)  ; __curPos\n"
        "0x6     |  OpConstant(3)  ; builtins.map\n"
        "0x8     |  OpConstant(9)  ; no such constant\n"
    )


@pytest.mark.parametrize("level", [0, 1])
def test_constants_that_are_not_utf_8_are_shown(level: int) -> None:
    listing = disassemble(compile_text(b'"\xff\xc3" + "\x01"', "/", level))
    listing.encode()
    assert "\\udcff" in listing
