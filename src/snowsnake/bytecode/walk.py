"""Follows a chunk's operations once, and keeps what is known of every stack slot.

In: a chunk and its decoded operations.  Out: a Walk that checks operands, pushes and pops, and joins the ways that meet; what each
operation does to it is in effects.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from snowsnake.bytecode.decode import Operation
from snowsnake.bytecode.view import Chunk, Constant

# A slot with this mark is certainly a value.
FORCED = 1
# A slot with this mark is perhaps unset.
UNSET = 2
# A slot with this mark is a with-scope, with which only PushWith and captures can work.
SCOPE = 4

_NOT_VALUES = ("name", "keys")


class Fault(Exception):
    """A fault of an operation."""


@dataclass
class State:
    """What is known before an operation."""

    stack: list[int]
    # These are the slots of open with-scopes.
    scopes: list[int]
    # An unfinished object, which is named by its own slot, waits for these slots.
    pending: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def copy(self) -> "State":
        return State(self.stack[:], self.scopes[:], dict(self.pending))


class Walk:
    """The state before the operation at `place`, and the states that wait where jumps go."""

    def __init__(self, chunk: Chunk, code: list[Operation]) -> None:
        self.chunk = chunk
        self.code = code
        self.starts = {operation.offset: place for place, operation in enumerate(code)}
        self.waiting: dict[int, State] = {}
        self.state: State | None = State([0] * max(chunk.arity, 0), [])
        self.deepest = max(chunk.arity, 0)
        self.place = 0

    def run(self, effects: Mapping[str, "Effect"]) -> list[str]:
        """The first fault of the chunk; an empty list if there is none."""
        for place, operation in enumerate(self.code):
            self.place = place
            try:
                self.arrive(operation)
                self.step(effects[operation.op.name], operation)
            except Fault as fault:
                return [f"{operation.op.name} at {operation.offset:#x}: {fault}"]
        if self.state is not None:
            return ["the code runs over its end"]
        if self.deepest > self.chunk.max_stack:
            return [f"needs {self.deepest} stack slots, not {self.chunk.max_stack}"]
        return []

    def arrive(self, operation: Operation) -> None:
        """Joins the states of all paths that lead to an operation."""
        jumped = self.waiting.pop(operation.offset, None)
        if self.state is None:
            if jumped is None:
                raise Fault("no way leads here")
            self.state = jumped
        elif jumped is not None:
            self.state = join(self.state, jumped)

    def step(self, effect: "Effect", operation: Operation) -> None:
        effect(self, operation)
        if self.state is not None:
            self.deepest = max(self.deepest, len(self.state.stack))

    # -- the stack

    @property
    def now(self) -> State:
        assert self.state is not None
        return self.state

    def push(self, flags: int = 0) -> None:
        self.now.stack.append(flags)

    def pop(self, count: int = 1) -> list[int]:
        """Takes operands from the stack.  Only the operation that moves an unfinished object into its slot may take that object."""
        state = self.now
        height = len(state.stack) - count
        if height < 0:
            raise Fault("the stack has too little on it")
        if state.pending and max(state.pending) >= height:
            raise Fault("takes an object whose captures are deferred")
        if state.scopes and state.scopes[-1] >= height:
            raise Fault("takes an open with-scope")
        flags = state.stack[height:]
        if any(flag & UNSET for flag in flags):
            raise Fault("takes a slot that may be unset")
        del state.stack[height:]
        return flags

    def read(self, slot: int) -> int:
        if slot >= len(self.now.stack):
            raise Fault(f"there is no slot {slot}")
        flags = self.now.stack[slot]
        if flags & UNSET:
            raise Fault(f"slot {slot} may be unset")
        if flags & SCOPE:
            raise Fault(f"slot {slot} is a with-scope")
        return flags

    def enter(self) -> None:
        """Checks that everything on the stack is finished, because other code may run now."""
        if self.now.pending:
            raise Fault(f"may run code while slot {min(self.now.pending)} has deferred captures")

    def enter_unless_forced(self, *flags: int) -> None:
        if not all(flag & FORCED for flag in flags):
            self.enter()

    # -- operands

    def constant(self, index: int, *kinds: str) -> Constant:
        if index >= len(self.chunk.constants):
            raise Fault(f"there is no constant {index}")
        constant = self.chunk.constants[index]
        if kinds and constant.kind not in kinds:
            raise Fault(f"constant {index} is a {constant.kind}, not a {kinds[0]}")
        return constant

    def upvalue(self, index: int) -> None:
        if index >= self.chunk.upvalue_count:
            raise Fault(f"there is no upvalue {index}")

    def place_operand(self, place: int) -> int:
        if place & 1:
            self.upvalue(place >> 1)
            return 0
        return self.read(place >> 1)

    def value_operand(self, value: int) -> None:
        if value & 3 == 0:
            self.read(value >> 2)
        elif value & 3 == 1:
            self.upvalue(value >> 2)
        elif value & 3 == 2:
            self.value_constant(value >> 2)
        else:
            raise Fault("an operand of no kind")

    def value_constant(self, index: int) -> int:
        """The flags of a constant that is used as a value."""
        constant = self.constant(index)
        if constant.kind in _NOT_VALUES:
            raise Fault(f"constant {index} is not a value")
        if isinstance(constant.value, Chunk):
            if constant.value.upvalue_count or constant.value.captures_with:
                raise Fault(f"constant {index} is a blueprint with captures")
            return FORCED if constant.value.kind == "lambda" else 0
        return FORCED

    def has_scope(self) -> None:
        if not self.now.scopes and not self.chunk.captures_with:
            raise Fault("there is no with-scope here")

    # -- ways

    def jump(self, operation: Operation, state: State) -> None:
        target = operation.target
        assert target is not None
        if target == operation.end and operation.op.name in ("Jump", "JumpWide"):
            raise Fault("a jump over nothing")
        if target not in self.starts:
            raise Fault(f"jumps to {target:#x}, where no operation starts")
        other = self.waiting.get(target)
        self.waiting[target] = state if other is None else join(other, state)

    def stop(self) -> None:
        self.state = None


def join(one: State, other: State) -> State:
    if len(one.stack) != len(other.stack):
        raise Fault(f"ways meet with {len(one.stack)} and {len(other.stack)} words on the stack")
    if one.scopes != other.scopes:
        raise Fault("ways meet with different with-scopes")
    if one.stack != other.stack:
        one.stack = [(a & b & FORCED) | ((a | b) & ~FORCED) for a, b in zip(one.stack, other.stack, strict=True)]
    for slot, targets in other.pending.items():
        one.pending[slot] = tuple(sorted({*targets, *one.pending.get(slot, ())}))
    return one


Effect = Callable[[Walk, Operation], None]
