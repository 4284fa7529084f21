"""Is this chunk safe to run?  Any bytes may be asked about.

In: a chunk (`view.Chunk`).  Out: a list of faults, empty if there are none.

The operations are followed once, from the first to the last (jumps only go forward), with what is known of every stack slot:
forced, unset, a with-scope, or an object with deferred captures.  Proved are: operands in range, jumps to operations, one depth of
the stack wherever ways meet, no underflow, `max_stack` large enough, no slot read while unset, and that nothing is entered
(forced, called, returned) while an object on the stack has captures that are still deferred.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from snowsnake.bytecode.decode import DecodeFault, Operation, operations
from snowsnake.bytecode.instructions import OPCODES
from snowsnake.bytecode.view import Chunk, Constant, Keys

FORCED = 1                             # certainly a value
UNSET = 2                              # perhaps unset
SCOPE = 4                              # a with-scope: only PushWith and captures know what to do with it

_ARITHMETIC = {
    OPCODES[name] for name in ("Add", "Sub", "Mul", "Equal", "Less", "LessOrEq", "More", "MoreOrEq")
}  # fmt: skip
_NOT_VALUES = ("name", "keys")


class _Fault(Exception):
    """What is wrong at an operation."""


@dataclass
class _State:
    """What is known before an operation."""

    stack: list[int]
    scopes: list[int]                  # slots of open with-scopes
    pending: dict[int, tuple[int, ...]] = field(default_factory=dict)  # slot of an unfinished object: slots it waits for

    def copy(self) -> "_State":
        return _State(self.stack[:], self.scopes[:], dict(self.pending))


def verify(chunk: Chunk) -> list[str]:
    """Faults of one chunk, those of its children not included."""
    faults = _shape_faults(chunk)
    try:
        code = list(operations(chunk.code))
    except DecodeFault as fault:
        return [*faults, str(fault)]
    if not code:
        return [*faults, "no code"]
    if chunk.last_op != code[-1].offset:
        faults.append(f"the last operation is at {code[-1].offset:#x}, not {chunk.last_op:#x}")
    return faults + _Walk(chunk, code).run()


def verify_all(top: Chunk) -> list[str]:
    """Faults of a chunk and all below it, each with the chunk it is in."""
    return [f"chunk {chunk.index}: {fault}" for chunk in top.walk() for fault in verify(chunk)]


# ---- what does not depend on the order of operations ------------------------------------------------------------


def _shape_faults(chunk: Chunk) -> list[str]:
    faults = []
    if chunk.kind == "lambda" and chunk.arity < 1:
        faults.append("a lambda without parameters")
    if chunk.kind != "lambda" and (chunk.arity or chunk.formals is not None):
        faults.append(f"a {chunk.kind} with parameters")
    if chunk.formals is not None:
        if chunk.arity != 1:
            faults.append("a pattern beside other parameters")
        faults += _keys_faults(chunk.formals, "formals")
        if chunk.formals.has_default is None or len(chunk.formals.has_default) != len(chunk.formals.names):
            faults.append("formals without saying which have a default")
    starts = [span.code_start for span in chunk.spans]
    if starts != sorted(set(starts)) or (starts and starts[-1] >= len(chunk.code)):
        faults.append("spans out of order")
    if chunk.code and starts[:1] != [0]:
        faults.append("code without a span")
    for index, constant in enumerate(chunk.constants):
        if isinstance(constant.value, Keys) and constant.value.names:
            faults += _keys_faults(constant.value, f"constant {index}")
    return faults


def _keys_faults(keys: Keys, what: str) -> list[str]:
    names = [name.encode("utf-8", "surrogateescape") for name in keys.names]
    faults = []
    if names != sorted(set(names)):
        faults.append(f"{what}: names are not in byte order")
    if len(keys.start_bytes) != len(names):
        faults.append(f"{what}: not one place for each name")
    return faults


# ---- following the code -----------------------------------------------------------------------------------------


class _Walk:
    def __init__(self, chunk: Chunk, code: list[Operation]) -> None:
        self.chunk = chunk
        self.code = code
        self.starts = {operation.offset: place for place, operation in enumerate(code)}
        self.waiting: dict[int, _State] = {}
        self.state: _State | None = _State([0] * max(chunk.arity, 0), [])
        self.deepest = max(chunk.arity, 0)
        self.place = 0

    def run(self) -> list[str]:
        for self.place, operation in enumerate(self.code):
            try:
                self.arrive(operation)
                self.step(operation)
            except _Fault as fault:
                return [f"{operation.op.name} at {operation.offset:#x}: {fault}"]
        if self.state is not None:
            return ["the code runs over its end"]
        if self.deepest > self.chunk.max_stack:
            return [f"needs {self.deepest} stack slots, not {self.chunk.max_stack}"]
        return []

    def arrive(self, operation: Operation) -> None:
        """Join the ways that lead to an operation."""
        jumped = self.waiting.pop(operation.offset, None)
        if self.state is None:
            if jumped is None:
                raise _Fault("no way leads here")
            self.state = jumped
        elif jumped is not None:
            self.state = _join(self.state, jumped)

    def step(self, operation: Operation) -> None:
        _HANDLERS[operation.op.name](self, operation)
        if self.state is not None:
            self.deepest = max(self.deepest, len(self.state.stack))

    # -- the stack

    @property
    def now(self) -> _State:
        assert self.state is not None
        return self.state

    def push(self, flags: int = 0) -> None:
        self.now.stack.append(flags)

    def pop(self, count: int = 1) -> list[int]:
        """Take operands.  An unfinished object may only be taken by what moves it into its slot."""
        state = self.now
        height = len(state.stack) - count
        if height < 0:
            raise _Fault("the stack has too little on it")
        if state.pending and max(state.pending) >= height:
            raise _Fault("takes an object whose captures are deferred")
        if state.scopes and state.scopes[-1] >= height:
            raise _Fault("takes an open with-scope")
        flags = state.stack[height:]
        if any(flag & UNSET for flag in flags):
            raise _Fault("takes a slot that may be unset")
        del state.stack[height:]
        return flags

    def read(self, slot: int) -> int:
        if slot >= len(self.now.stack):
            raise _Fault(f"there is no slot {slot}")
        flags = self.now.stack[slot]
        if flags & UNSET:
            raise _Fault(f"slot {slot} may be unset")
        if flags & SCOPE:
            raise _Fault(f"slot {slot} is a with-scope")
        return flags

    def enter(self) -> None:
        """Code may run now: everything on the stack must be whole."""
        if self.now.pending:
            raise _Fault(f"may run code while slot {min(self.now.pending)} has deferred captures")

    def enter_unless_forced(self, *flags: int) -> None:
        if not all(flag & FORCED for flag in flags):
            self.enter()

    # -- operands

    def constant(self, index: int, *kinds: str) -> Constant:
        if index >= len(self.chunk.constants):
            raise _Fault(f"there is no constant {index}")
        constant = self.chunk.constants[index]
        if kinds and constant.kind not in kinds:
            raise _Fault(f"constant {index} is a {constant.kind}, not a {kinds[0]}")
        return constant

    def upvalue(self, index: int) -> None:
        if index >= self.chunk.upvalue_count:
            raise _Fault(f"there is no upvalue {index}")

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
            raise _Fault("an operand of no kind")

    def value_constant(self, index: int) -> int:
        """The flags of a constant that is used as a value."""
        constant = self.constant(index)
        if constant.kind in _NOT_VALUES:
            raise _Fault(f"constant {index} is no value")
        if isinstance(constant.value, Chunk):
            if constant.value.upvalue_count or constant.value.captures_with:
                raise _Fault(f"constant {index} is a blueprint with captures")
            return FORCED if constant.value.kind == "lambda" else 0
        return FORCED

    def has_scope(self) -> None:
        if not self.now.scopes and not self.chunk.captures_with:
            raise _Fault("there is no with-scope here")

    # -- ways

    def jump(self, operation: Operation, state: _State) -> None:
        target = operation.target
        assert target is not None
        if target == operation.end and operation.op.name in ("Jump", "JumpWide"):
            raise _Fault("a jump over nothing")
        if target not in self.starts:
            raise _Fault(f"jumps to {target:#x}, where no operation starts")
        other = self.waiting.get(target)
        self.waiting[target] = state if other is None else _join(other, state)

    def stop(self) -> None:
        self.state = None


def _join(one: _State, other: _State) -> _State:
    if len(one.stack) != len(other.stack):
        raise _Fault(f"ways meet with {len(one.stack)} and {len(other.stack)} words on the stack")
    if one.scopes != other.scopes:
        raise _Fault("ways meet with different with-scopes")
    if one.stack != other.stack:
        one.stack = [(a & b & FORCED) | ((a | b) & ~FORCED) for a, b in zip(one.stack, other.stack, strict=True)]
    for slot, targets in other.pending.items():
        one.pending[slot] = tuple(sorted({*targets, *one.pending.get(slot, ())}))
    return one


# ---- what each operation does -----------------------------------------------------------------------------------

_Handler = Callable[[_Walk, Operation], None]


def _simple(pops: int, result: int | None = FORCED, *, enters: bool = True) -> _Handler:
    """Operands off, result on; runs code unless all operands are forced."""

    def handler(walk: _Walk, operation: Operation) -> None:
        flags = walk.pop(pops)
        if enters:
            walk.enter_unless_forced(*flags)
        if result is not None:
            walk.push(result)

    return handler


def _counted(factor: int, extra: int, result: int, *, enters: bool, least: int = 0) -> _Handler:
    """As `_simple`, with the number of operands in the code."""

    def handler(walk: _Walk, operation: Operation) -> None:
        count = operation.operands[-1]
        if count < least:
            raise _Fault("too few operands")
        flags = walk.pop(count * factor + extra)
        if enters:
            walk.enter()
        walk.push(result)
        del flags

    return handler


def _constant(walk: _Walk, operation: Operation) -> None:
    walk.push(walk.value_constant(operation.operands[0]))


def _pop(walk: _Walk, operation: Operation) -> None:
    walk.pop()


def _jump(walk: _Walk, operation: Operation) -> None:
    walk.jump(operation, walk.now)
    walk.stop()


def _jump_if_bool(walk: _Walk, operation: Operation) -> None:
    walk.enter_unless_forced(*walk.pop())
    walk.push(FORCED)
    walk.jump(operation, walk.now.copy())


def _jump_if_catchable(walk: _Walk, operation: Operation) -> None:
    walk.push(walk.pop()[0])
    walk.jump(operation, walk.now.copy())


def _jump_if_not_found(walk: _Walk, operation: Operation) -> None:
    flags = walk.pop()[0]
    walk.jump(operation, walk.now.copy())
    walk.push(flags)


def _jump_if_no_request(walk: _Walk, operation: Operation) -> None:
    """The request in the slot after an object says whether that object has deferred captures at all."""
    if not walk.now.stack:
        raise _Fault("the stack has too little on it")
    skipping = walk.now.copy()
    before, after = walk.code[walk.place - 1], walk.code[walk.place + 1 : walk.place + 2]
    if walk.place and before.op.name == "GetLocal" and after and after[0].op.name == "Finalise":
        slot = after[0].operands[0]
        if before.operands[0] == slot + 1 and operation.target == after[0].end:
            skipping.pending.pop(slot, None)
    walk.jump(operation, skipping)


def _attrs(walk: _Walk, operation: Operation) -> None:
    flags = walk.pop(2 * operation.operands[0])
    walk.enter_unless_forced(*flags[::2])
    walk.push(FORCED)


def _select(walk: _Walk, operation: Operation) -> None:
    flags = walk.pop()
    walk.constant(operation.operands[0], "name")
    walk.enter_unless_forced(*flags)
    walk.push(0)


def _select_place(walk: _Walk, operation: Operation) -> None:
    flags = walk.place_operand(operation.operands[0])
    walk.constant(operation.operands[1], "name")
    walk.enter_unless_forced(flags)
    walk.push(0)


def _try_select(walk: _Walk, operation: Operation) -> None:
    flags = walk.pop()
    walk.constant(operation.operands[0], "name")
    walk.enter_unless_forced(*flags)
    walk.jump(operation, walk.now.copy())
    walk.push(0)


def _has_attr_name(walk: _Walk, operation: Operation) -> None:
    _select(walk, operation)
    walk.pop()
    walk.push(FORCED)


def _validate_closed_formals(walk: _Walk, operation: Operation) -> None:
    if walk.chunk.formals is None:
        raise _Fault("the chunk has no formals")
    flags = walk.pop()
    walk.enter_unless_forced(*flags)
    walk.push(flags[0])


def _push_with(walk: _Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    walk.read(slot)
    if slot in walk.now.pending:
        raise _Fault(f"slot {slot} has deferred captures")
    if walk.now.scopes and walk.now.scopes[-1] >= slot:
        raise _Fault("an outer with-scope stands above")
    walk.now.stack[slot] = SCOPE
    walk.now.scopes.append(slot)


def _pop_with(walk: _Walk, operation: Operation) -> None:
    if not walk.now.scopes:
        raise _Fault("no with-scope is open in this frame")
    walk.now.stack[walk.now.scopes.pop()] = 0


def _resolve_with(walk: _Walk, operation: Operation) -> None:
    walk.pop()
    walk.has_scope()
    walk.enter()
    walk.push()


def _resolve_with_name(walk: _Walk, operation: Operation) -> None:
    walk.constant(operation.operands[0], "name")
    walk.has_scope()
    walk.enter()
    walk.push()


def _coerce(walk: _Walk, operation: Operation) -> None:
    if operation.operands[0] > 4:
        raise _Fault("no such kind of coercion")
    walk.pop()
    walk.enter()
    walk.push(FORCED)


def _force(walk: _Walk, operation: Operation) -> None:
    walk.enter_unless_forced(*walk.pop())
    walk.push(FORCED)


def _get_local(walk: _Walk, operation: Operation) -> None:
    walk.push(walk.read(operation.operands[0]))


def _force_local(walk: _Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    walk.enter_unless_forced(walk.read(slot))
    walk.now.stack[slot] |= FORCED
    walk.push(FORCED)


def _get_upvalue(walk: _Walk, operation: Operation) -> None:
    walk.upvalue(operation.operands[0])
    walk.push()


def _close_scope(walk: _Walk, operation: Operation) -> None:
    flags = walk.pop()
    state = walk.now
    height = len(state.stack) - operation.operands[0]
    if height < 0:
        raise _Fault("the stack has too little on it")
    if state.pending and max(state.pending) >= height:
        raise _Fault("drops an object whose captures are deferred")
    if state.scopes and state.scopes[-1] >= height:
        raise _Fault("drops an open with-scope")
    del state.stack[height:]
    walk.push(flags[0])


def _assert_fail(walk: _Walk, operation: Operation) -> None:
    walk.enter()
    walk.stop()


def _return(walk: _Walk, operation: Operation) -> None:
    walk.enter()
    walk.pop()
    walk.stop()


def _tail_call(walk: _Walk, operation: Operation) -> None:
    if operation.operands[0] < 1:
        raise _Fault("a call without arguments")
    walk.enter()
    walk.pop(operation.operands[0] + 1)
    walk.stop()


def _call_builtin(walk: _Walk, operation: Operation) -> None:
    walk.constant(operation.operands[0], "builtin")
    walk.pop(operation.operands[1])
    walk.enter()
    walk.push(FORCED)


def _close(walk: _Walk, operation: Operation) -> None:
    """Closure, ThunkClosure, ThunkSuspended."""
    is_thunk = operation.op.name == "ThunkSuspended"
    blueprint = walk.constant(operation.operands[0], "chunk").value
    if not isinstance(blueprint, Chunk) or blueprint.kind != ("thunk" if is_thunk else "lambda"):
        raise _Fault("the blueprint is of another kind")
    if len(operation.captures) != blueprint.upvalue_count or operation.operands[1] != blueprint.captures_with:
        raise _Fault("the captures are not those of the blueprint")
    if operation.operands[1]:
        walk.has_scope()
    deferred = []
    for capture in operation.captures:
        if capture.kind == "deferred":
            deferred.append(capture.index)
        elif capture.kind == "local":
            walk.read(capture.index)
        else:
            walk.upvalue(capture.index)
    if deferred:
        walk.now.pending[len(walk.now.stack)] = tuple(deferred)
    walk.push(0 if is_thunk else FORCED)


def _finalise(walk: _Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    walk.read(slot)
    for target in walk.now.pending.pop(slot, ()):
        walk.read(target)


def _attrs_keys(walk: _Walk, operation: Operation) -> None:
    keys = walk.constant(operation.operands[0], "keys").value
    walk.pop(len(keys.names) if isinstance(keys, Keys) else 0)
    walk.push(FORCED)


def _attrs_dynamic(walk: _Walk, operation: Operation) -> None:
    keys = walk.constant(operation.operands[0], "keys").value
    walk.pop(1 + 2 * (len(keys.start_bytes) if isinstance(keys, Keys) else 0))
    walk.enter()
    walk.push(FORCED)


def _bind_formals(walk: _Walk, operation: Operation) -> None:
    keys = walk.constant(operation.operands[0], "keys").value
    formals = walk.chunk.formals
    if formals is None or keys != formals:
        raise _Fault("these are not the formals of the chunk")
    if len(walk.now.stack) != 1:
        raise _Fault("not at the beginning of a lambda")
    walk.enter()
    walk.now.stack[0] |= FORCED
    for has_default in formals.has_default or ():
        walk.push(UNSET if has_default else 0)


def _jump_if_set(walk: _Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    if slot >= len(walk.now.stack) or walk.now.stack[slot] & SCOPE:
        raise _Fault(f"there is no slot {slot}")
    is_set = walk.now.copy()
    is_set.stack[slot] &= ~UNSET
    walk.jump(operation, is_set)


def _set_local(walk: _Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    state = walk.now
    top = len(state.stack) - 1
    targets = state.pending.pop(top, None)
    flags = walk.pop()[0]
    if slot >= len(state.stack) or state.stack[slot] & SCOPE:
        raise _Fault(f"there is no slot {slot}")
    state.stack[slot] = flags
    state.pending.pop(slot, None)
    if targets is not None:
        state.pending[slot] = targets


def _eager_select(walk: _Walk, operation: Operation) -> None:
    walk.place_operand(operation.operands[0])
    walk.constant(operation.operands[1], "name")
    found = walk.now.copy()
    found.stack.append(0)
    walk.jump(operation, found)


def _arithmetic_operands(walk: _Walk, operation: Operation) -> None:
    if operation.operands[0] not in _ARITHMETIC:
        raise _Fault("no such arithmetic operation")
    walk.value_operand(operation.operands[1])
    walk.value_operand(operation.operands[2])


def _eager_arithmetic(walk: _Walk, operation: Operation) -> None:
    _arithmetic_operands(walk, operation)
    done = walk.now.copy()
    done.stack.append(FORCED)
    walk.jump(operation, done)


def _arithmetic(walk: _Walk, operation: Operation) -> None:
    _arithmetic_operands(walk, operation)
    walk.enter()
    walk.push(FORCED)


def _branch_compare(walk: _Walk, operation: Operation) -> None:
    _arithmetic_operands(walk, operation)
    walk.enter()
    walk.jump(operation, walk.now.copy())


def _branch_false(walk: _Walk, operation: Operation) -> None:
    walk.enter_unless_forced(*walk.pop())
    walk.jump(operation, walk.now.copy())


def _machine_only(walk: _Walk, operation: Operation) -> None:
    raise _Fault("belongs to the machine's own code")


_HANDLERS: dict[str, _Handler] = {
    "Constant": _constant,
    "Pop": _pop,
    "Invert": _simple(1),
    "Negate": _simple(1),
    **{name: _simple(2) for name in ("Add", "Sub", "Mul", "Div", "Equal", "Less", "LessOrEq", "More", "MoreOrEq")},
    "Jump": _jump,
    "JumpIfTrue": _jump_if_bool,
    "JumpIfFalse": _jump_if_bool,
    "JumpIfCatchable": _jump_if_catchable,
    "JumpIfNotFound": _jump_if_not_found,
    "JumpIfNoFinaliseRequest": _jump_if_no_request,
    "Attrs": _attrs,
    "AttrsUpdate": _simple(2),
    "AttrsSelect": _simple(2, 0),
    "AttrsTrySelect": _simple(2, 0),
    "HasAttr": _simple(2),
    "ValidateClosedFormals": _validate_closed_formals,
    "PushWith": _push_with,
    "PopWith": _pop_with,
    "ResolveWith": _resolve_with,
    "List": _counted(1, 0, FORCED, enters=False),
    "Concat": _simple(2),
    "Interpolate": _counted(1, 0, FORCED, enters=True, least=1),
    "CoerceToString": _coerce,
    "FindFile": _simple(1),
    "ResolveHomePath": _simple(1),
    "AssertBool": _force,
    "AssertAttrs": _force,
    "GetLocal": _get_local,
    "CloseScope": _close_scope,
    "AssertFail": _assert_fail,
    "Call": _simple(2),
    "GetUpvalue": _get_upvalue,
    "Closure": _close,
    "ThunkClosure": _close,
    "ThunkSuspended": _close,
    "Force": _force,
    "Finalise": _finalise,
    "Return": _return,
    "CallN": _counted(1, 1, FORCED, enters=True, least=1),
    "TailCallN": _tail_call,
    "CallBuiltin": _call_builtin,
    "Select": _select,
    "SelectPlace": _select_place,
    "TrySelect": _try_select,
    "HasAttrName": _has_attr_name,
    "BranchFalse": _branch_false,
    "AttrsKeys": _attrs_keys,
    "AttrsDynamic": _attrs_dynamic,
    "BindFormals": _bind_formals,
    "JumpIfSet": _jump_if_set,
    "SetLocal": _set_local,
    "ForceLocal": _force_local,
    "EagerSelect": _eager_select,
    "EagerArithmetic": _eager_arithmetic,
    "Arithmetic": _arithmetic,
    "BranchCompare": _branch_compare,
    "ResolveWithName": _resolve_with_name,
    "Concatenate": _counted(1, 0, FORCED, enters=True, least=1),
    "ConcatenatePath": _counted(1, 1, FORCED, enters=True),
    "JumpWide": _jump,
    "BranchResult": _machine_only,
    "Link": _machine_only,
    "Native": _machine_only,
    "Halt": _machine_only,
    "Invalid": _machine_only,
}
