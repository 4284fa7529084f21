"""THE instruction table: every operation of the machine, once.

Out of it come the C enum (`opcodes.pxd`, by `tools/generate.py`), the disassembler, the verifier and `docs/bytecode.md`.
Numbers 0 to 46 are the specification and never move.  Operations from 47 on belong to the default level;
they force their own operands, so that no `Force` is needed between the operation that makes a value and the one that takes it.  `Invalid` is last.

Stack pictures read `before -- after`, the top of the stack on the right; {1} is the top.  A word that may be
unforced is written with a tilde.  `--` with a star: the operation never falls through.  `x*`: as many as the last operand
says, `x+`: at least one.  The verifier follows a picture unless effects.py has more to say about the operation.
"""

from enum import Enum
from typing import NamedTuple


class Operand(Enum):
    """How an operand is encoded, which is also how it is shown."""

    CONSTANT = "uvarint: index of a constant"
    COUNT = "uvarint: a number of things"
    SLOT = "uvarint: stack slot, relative to the frame's base"
    UPVALUE = "uvarint: index of an upvalue"
    U16 = "u16: distance of a forward jump in bytes, from the end of the operand"
    U32 = "u32: distance of a forward jump in bytes, from the end of the operand"
    KIND = "u8: bit 0 strong, bit 1 import paths, bit 2 left operand of +"
    PLACE = "uvarint: index << 1 | is_upvalue"
    ARITHMETIC = "u8: number of the operation Add, Sub, Mul, Equal, Less, LessOrEq, More or MoreOrEq"
    VALUE = "uvarint: index << 2 | 0 stack slot, 1 upvalue, 2 constant"
    CAPTURES = "uvarint: blueprint; uvarint: n << 1 | captures_with; n positions"


class Op(NamedTuple):
    """One operation: its name, operands in order of encoding, stack picture and meaning."""

    name: str
    operands: tuple[Operand, ...]
    stack: str
    meaning: str
    # The operation may force or call, unless everything that it takes is forced.
    runs: bool = True


_C, _N, _S, _U, _J, _P, _V = (
    Operand.CONSTANT,
    Operand.COUNT,
    Operand.SLOT,
    Operand.UPVALUE,
    Operand.U16,
    Operand.PLACE,
    Operand.VALUE,
)

INSTRUCTIONS: tuple[Op, ...] = (
    Op("Constant", (_C,), "-- ~value", "Push a constant; for a chunk without captures, a closure or thunk of its own."),
    Op("Pop", (), "~x --", "Drop {1}."),
    Op("Invert", (), "~bool -- bool", "Logical not."),
    Op("Negate", (), "~number -- number", "Arithmetic negation."),
    Op("Add", (), "~a ~b -- sum", "Add numbers, or concatenate strings and paths."),
    Op("Sub", (), "~a ~b -- difference", "Subtract numbers."),
    Op("Mul", (), "~a ~b -- product", "Multiply numbers."),
    Op("Div", (), "~a ~b -- quotient", "Divide numbers; integers truncate."),
    Op("Equal", (), "~a ~b -- bool", "Structural equality."),
    Op("Less", (), "~a ~b -- bool", "a < b for numbers, strings, paths and lists."),
    Op("LessOrEq", (), "~a ~b -- bool", "a <= b."),
    Op("More", (), "~a ~b -- bool", "a > b."),
    Op("MoreOrEq", (), "~a ~b -- bool", "a >= b."),
    Op("Jump", (_J,), "--", "Jump forward."),
    Op("JumpIfTrue", (_J,), "~bool -- bool", "Jump if {1} is true; leave it on the stack."),
    Op("JumpIfFalse", (_J,), "~bool -- bool", "Jump if {1} is false; leave it on the stack."),
    Op("JumpIfCatchable", (_J,), "x -- x", "Never jumps: errors are raised, not carried as values."),
    Op("JumpIfNotFound", (_J,), "x -- x | ", "Jump and drop {1} if it is the not-found value."),
    Op("JumpIfNoFinaliseRequest", (_J,), "bool -- bool", "Jump if {1}, a finalise request, is false."),
    Op("Attrs", (_N,), "(name ~value)* -- attrs", "Build a set of n pairs; a null name drops its pair."),
    Op("AttrsUpdate", (), "~a ~b -- attrs", "a // b."),
    Op("AttrsSelect", (), "~attrs name -- ~value", "Select an attribute that must exist."),
    Op("AttrsTrySelect", (), "~attrs name -- ~value | not-found", "Select an attribute, or leave not-found."),
    Op("HasAttr", (), "~attrs name -- bool", "Is {2} a set with the attribute {1}?"),
    Op("ValidateClosedFormals", (), "attrs -- attrs", "Fail if {1} has an attribute that the lambda does not name."),
    Op("PushWith", (_S,), "--", "Open the with-scope whose set is in the slot."),
    Op("PopWith", (), "--", "Close the innermost with-scope of this frame."),
    Op("ResolveWith", (), "name -- ~value", "Find a name in the with-scopes, innermost first."),
    Op("List", (_N,), "~x* -- list", "Build a list.", runs=False),
    Op("Concat", (), "~a ~b -- list", "a ++ b."),
    Op("Interpolate", (_N,), "string+ -- string", "Concatenate strings and their contexts."),
    Op("CoerceToString", (Operand.KIND,), "~x -- string", "Coerce {1} to a string, or leave it to `Interpolate`, which goes from the first part to the last."),
    Op("FindFile", (), "search-path -- path", "Resolve `<path>` in the search path."),
    Op("ResolveHomePath", (), "home-path -- path", "Resolve `~/path`."),
    Op("AssertBool", (), "~x -- bool", "Fail unless {1} is a boolean."),
    Op("AssertAttrs", (), "~x -- attrs", "Fail unless {1} is a set."),
    Op("GetLocal", (_S,), "-- ~x", "Push a local."),
    Op("CloseScope", (_N,), "~local* x -- x", "Drop n locals below {1}."),
    Op("AssertFail", (), "-- *", "Raise: an assertion failed."),
    Op("Call", (), "~argument ~function -- value", "Call {1} with one argument; before `Return`, reuse the frame."),
    Op("GetUpvalue", (_U,), "-- ~x", "Push an upvalue."),
    Op("Closure", (Operand.CAPTURES,), "-- closure", "Make a closure that does not refer to itself."),
    Op("ThunkClosure", (Operand.CAPTURES,), "-- closure", "Make a closure that may refer to itself."),
    Op("ThunkSuspended", (Operand.CAPTURES,), "-- thunk", "Delay a computation."),
    Op("Force", (), "~x -- x", "Force {1}, or leave it to the operation that takes it (docs/decisions/level-0.md)."),
    Op("Finalise", (_S,), "--", "Resolve the deferred locals captured by the thunk or closure in the slot."),
    Op("Return", (), "~x -- *", "Force {1} and leave the frame with it."),
    # --- the default level -------------------------------------------------------------------------------------
    Op("CallN", (_N,), "~argument+ ~function -- value", "Call {1} with n arguments, the first deepest."),
    Op("TailCallN", (_N,), "~argument+ ~function -- *", "Call {1} with n arguments in place of this frame."),
    Op("CallBuiltin", (_C, _N), "~argument* -- value", "Call a builtin constant with all of its n arguments."),
    Op("Select", (_C,), "~attrs -- ~value", "Select a named attribute that must exist."),
    Op("SelectPlace", (_P, _C), "-- ~value", "Select a named attribute of a local or upvalue."),
    Op("TrySelect", (_C, _J), "~x -- ~value | ", "Select a named attribute; if there is none, drop {1} and jump."),
    Op("HasAttrName", (_C,), "~x -- bool", "Is {1} a set with the named attribute?"),
    Op("BranchFalse", (_J,), "~bool --", "Drop {1}; jump if it is false."),
    Op("AttrsKeys", (_C,), "~value* -- attrs", "Build a set of constant names, given in name order."),
    Op("AttrsDynamic", (_C,), "attrs (~name ~value)* -- attrs", "Add dynamic attributes; the constant holds their places."),
    Op("BindFormals", (_C,), "-- ~value*", "Check the set in slot 0 and push the formals in name order; unset if absent."),
    Op("JumpIfSet", (_S, _J), "--", "Jump unless the slot is unset."),
    Op("SetLocal", (_S,), "~x --", "Move {1} into a slot."),
    Op("ForceLocal", (_S,), "-- x", "Force a local and push it."),
    Op("EagerSelect", (_P, _C, _J), "-- ~value | ", "If the place holds a forced set with the attribute, push it and jump."),
    Op(
        "EagerArithmetic",
        (Operand.ARITHMETIC, _V, _V, _J),
        "-- number | ",
        "If both operands are forced small numbers and nothing overflows, push the result and jump.",
    ),
    Op("Arithmetic", (Operand.ARITHMETIC, _V, _V), "-- value", "An arithmetic operation or comparison on two places."),
    Op(
        "BranchCompare",
        (Operand.ARITHMETIC, _V, _V, _J),
        "--",
        "Compare two places (Equal, Less, …); jump if the comparison is false.",
    ),
    Op("ResolveWithName", (_C,), "-- ~value", "Find a constant name in the with-scopes."),
    Op("Concatenate", (_N,), "~part+ -- string", "Interpolation: coerce every part (paths into the store) and concatenate."),
    Op("ConcatenatePath", (_N,), "path ~part* -- path", "A path literal with interpolation."),
    Op("JumpWide", (Operand.U32,), "--", "Jump forward, further than 64 KiB."),
    Op("AssertEqual", (), "~a ~b -- true", "Fail, saying what differs, unless {2} and {1} are equal."),
    Op("AttrsOverride", (_S,), "~overrides -- attrs", "Replace values of the set in the slot, which is an environment, by those of {1} with the same names; push the set updated with {1}."),
    Op(
        "DynamicName",
        (_C, _N, _S),
        "attrs (name ~value)* ~name -- attrs (name ~value)* name",
        "Fail if {1} is not a name, or names an attribute of the set or one of the n pairs; the constant holds places, the slot a table of the names.",
    ),
    Op("BranchResult", (), "offset bool --", "Take the branch of a BranchCompare; only in the machine's own code."),
    Op("Link", (), "--", "Link the code of this frame, then run it; only in the machine's own code."),
    Op("Native", (), "-- *", "Run the builtin of this frame; only in the machine's own code."),
    Op("Halt", (), "value -- *", "Leave the machine; only in the machine's own code."),
    Op("Invalid", (), "-- *", "Not an operation: executing it is our bug."),
)

OPCODES: dict[str, int] = {op.name: number for number, op in enumerate(INSTRUCTIONS)}
SPECIFIED_COUNT = 47
INVALID = len(INSTRUCTIONS) - 1
