"""The effect of each operation on a Walk: the verifier's half of the instruction table."""

from snowsnake.bytecode.decode import Operation
from snowsnake.bytecode.instructions import INSTRUCTIONS, OPCODES, Op, Operand
from snowsnake.bytecode.view import Chunk, Keys
from snowsnake.bytecode.walk import FORCED, SCOPE, UNSET, Effect, Fault, Walk

_ARITHMETIC = {OPCODES[name] for name in ("Add", "Sub", "Mul", "Equal", "Less", "LessOrEq", "More", "MoreOrEq")}


def _pictured(op: Op) -> Effect:
    """The effect that the picture shows: it takes the operands, pushes a result, and runs code unless all operands are forced."""
    before, _, after = op.stack.partition(" -- ")
    taken = before.split()
    counted = [word for word in taken if word.endswith(("*", "+"))]
    fixed = len(taken) - len(counted)
    if after.strip() in ("", "*") or after.rstrip().endswith("|") or op.operands != ((Operand.COUNT,) if counted else ()):
        raise ValueError(f"the picture of {op.name} does not say everything: it needs a function in effects.py")
    result = 0 if after.startswith("~") else FORCED

    def effect(walk: Walk, operation: Operation) -> None:
        count = operation.operands[-1] if counted else 0
        if count < sum(word.endswith("+") for word in counted):
            raise Fault("too few operands")
        flags = walk.pop(count * len(counted) + fixed)
        if op.runs and counted:
            walk.enter()
        elif op.runs:
            walk.enter_unless_forced(*flags)
        walk.push(result)

    return effect


def _constant(walk: Walk, operation: Operation) -> None:
    walk.push(walk.value_constant(operation.operands[0]))


def _pop(walk: Walk, operation: Operation) -> None:
    walk.pop()


def _jump(walk: Walk, operation: Operation) -> None:
    walk.jump(operation, walk.now)
    walk.stop()


def _jump_if_bool(walk: Walk, operation: Operation) -> None:
    walk.enter_unless_forced(*walk.pop())
    walk.push(FORCED)
    walk.jump(operation, walk.now.copy())


def _jump_if_catchable(walk: Walk, operation: Operation) -> None:
    walk.push(walk.pop()[0])
    walk.jump(operation, walk.now.copy())


def _jump_if_not_found(walk: Walk, operation: Operation) -> None:
    flags = walk.pop()[0]
    walk.jump(operation, walk.now.copy())
    walk.push(flags)


def _jump_if_no_request(walk: Walk, operation: Operation) -> None:
    """The request in the slot after an object says whether that object has deferred captures at all."""
    if not walk.now.stack:
        raise Fault("the stack has too little on it")
    skipping = walk.now.copy()
    before, after = walk.code[walk.place - 1], walk.code[walk.place + 1 : walk.place + 2]
    if walk.place and before.op.name == "GetLocal" and after and after[0].op.name == "Finalise":
        slot = after[0].operands[0]
        if before.operands[0] == slot + 1 and operation.target == after[0].end:
            skipping.pending.pop(slot, None)
    walk.jump(operation, skipping)


def _attrs(walk: Walk, operation: Operation) -> None:
    flags = walk.pop(2 * operation.operands[0])
    walk.enter_unless_forced(*flags[::2])
    walk.push(FORCED)


def _select(walk: Walk, operation: Operation) -> None:
    flags = walk.pop()
    walk.constant(operation.operands[0], "name")
    walk.enter_unless_forced(*flags)
    walk.push(0)


def _select_place(walk: Walk, operation: Operation) -> None:
    flags = walk.place_operand(operation.operands[0])
    walk.constant(operation.operands[1], "name")
    walk.enter_unless_forced(flags)
    walk.push(0)


def _try_select(walk: Walk, operation: Operation) -> None:
    flags = walk.pop()
    walk.constant(operation.operands[0], "name")
    walk.enter_unless_forced(*flags)
    walk.jump(operation, walk.now.copy())
    walk.push(0)


def _has_attr_name(walk: Walk, operation: Operation) -> None:
    _select(walk, operation)
    walk.pop()
    walk.push(FORCED)


def _validate_closed_formals(walk: Walk, operation: Operation) -> None:
    if walk.chunk.formals is None:
        raise Fault("the chunk has no formals")
    flags = walk.pop()
    walk.enter_unless_forced(*flags)
    walk.push(flags[0])


def _push_with(walk: Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    walk.read(slot)
    if slot in walk.now.pending:
        raise Fault(f"slot {slot} has deferred captures")
    if walk.now.scopes and walk.now.scopes[-1] >= slot:
        raise Fault("an outer with-scope is above it")
    walk.now.stack[slot] = SCOPE
    walk.now.scopes.append(slot)


def _pop_with(walk: Walk, operation: Operation) -> None:
    if not walk.now.scopes:
        raise Fault("no with-scope is open in this frame")
    walk.now.stack[walk.now.scopes.pop()] = 0


def _resolve_with(walk: Walk, operation: Operation) -> None:
    walk.pop()
    walk.has_scope()
    walk.enter()
    walk.push()


def _resolve_with_name(walk: Walk, operation: Operation) -> None:
    walk.constant(operation.operands[0], "name")
    walk.has_scope()
    walk.enter()
    walk.push()


def _coerce(walk: Walk, operation: Operation) -> None:
    if operation.operands[0] > 4:
        raise Fault("no such kind of coercion")
    walk.pop()
    walk.enter()
    walk.push(FORCED)


def _get_local(walk: Walk, operation: Operation) -> None:
    walk.push(walk.read(operation.operands[0]))


def _force_local(walk: Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    walk.enter_unless_forced(walk.read(slot))
    walk.now.stack[slot] |= FORCED
    walk.push(FORCED)


def _get_upvalue(walk: Walk, operation: Operation) -> None:
    walk.upvalue(operation.operands[0])
    walk.push()


def _close_scope(walk: Walk, operation: Operation) -> None:
    flags = walk.pop()
    state = walk.now
    height = len(state.stack) - operation.operands[0]
    if height < 0:
        raise Fault("the stack has too little on it")
    if state.pending and max(state.pending) >= height:
        raise Fault("drops an object whose captures are deferred")
    if state.scopes and state.scopes[-1] >= height:
        raise Fault("drops an open with-scope")
    del state.stack[height:]
    walk.push(flags[0])


def _assert_fail(walk: Walk, operation: Operation) -> None:
    walk.enter()
    walk.stop()


def _return(walk: Walk, operation: Operation) -> None:
    walk.enter()
    walk.pop()
    walk.stop()


def _tail_call(walk: Walk, operation: Operation) -> None:
    if operation.operands[0] < 1:
        raise Fault("a call without arguments")
    walk.enter()
    walk.pop(operation.operands[0] + 1)
    walk.stop()


def _call_builtin(walk: Walk, operation: Operation) -> None:
    walk.constant(operation.operands[0], "builtin")
    walk.pop(operation.operands[1])
    walk.enter()
    walk.push(FORCED)


def _close(walk: Walk, operation: Operation) -> None:
    """The effect of Closure, ThunkClosure and ThunkSuspended."""
    is_thunk = operation.op.name == "ThunkSuspended"
    blueprint = walk.constant(operation.operands[0], "chunk").value
    if not isinstance(blueprint, Chunk) or blueprint.kind != ("thunk" if is_thunk else "lambda"):
        raise Fault("the blueprint is of another kind")
    if len(operation.captures) != blueprint.upvalue_count or operation.operands[1] != blueprint.captures_with:
        raise Fault("the captures are not those of the blueprint")
    if operation.operands[1]:
        walk.has_scope()
    deferred = []
    for capture in operation.captures:
        if capture.kind == "deferred":
            deferred.append(capture.number)
        elif capture.kind == "local":
            walk.read(capture.number)
        else:
            walk.upvalue(capture.number)
    if deferred:
        walk.now.pending[len(walk.now.stack)] = tuple(deferred)
    walk.push(0 if is_thunk else FORCED)


def _finalise(walk: Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    walk.read(slot)
    for target in walk.now.pending.pop(slot, ()):
        walk.read(target)


def _attrs_keys(walk: Walk, operation: Operation) -> None:
    keys = walk.constant(operation.operands[0], "keys").value
    walk.pop(len(keys.names) if isinstance(keys, Keys) else 0)
    walk.push(FORCED)


def _attrs_dynamic(walk: Walk, operation: Operation) -> None:
    keys = walk.constant(operation.operands[0], "keys").value
    walk.pop(1 + 2 * (len(keys.start_bytes) if isinstance(keys, Keys) else 0))
    walk.enter()
    walk.push(FORCED)


def _dynamic_name(walk: Walk, operation: Operation) -> None:
    constant, count, slot = operation.operands
    keys = walk.constant(constant, "keys").value
    if not isinstance(keys, Keys) or count >= len(keys.start_bytes):
        raise Fault("the name has no place")
    walk.read(slot)
    flags = walk.pop(2 + 2 * count)
    walk.enter()
    for before in flags[:-1]:
        walk.push(before)
    walk.push(FORCED)


def _attrs_override(walk: Walk, operation: Operation) -> None:
    walk.read(operation.operands[0])
    walk.pop()
    walk.enter()
    walk.push(FORCED)


def _bind_formals(walk: Walk, operation: Operation) -> None:
    keys = walk.constant(operation.operands[0], "keys").value
    formals = walk.chunk.formals
    if formals is None or keys != formals:
        raise Fault("these are not the formals of the chunk")
    if len(walk.now.stack) != 1:
        raise Fault("not at the beginning of a lambda")
    walk.enter()
    walk.now.stack[0] |= FORCED
    for has_default in formals.has_default or ():
        walk.push(UNSET if has_default else 0)


def _jump_if_set(walk: Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    if slot >= len(walk.now.stack) or walk.now.stack[slot] & SCOPE:
        raise Fault(f"there is no slot {slot}")
    is_set = walk.now.copy()
    is_set.stack[slot] &= ~UNSET
    walk.jump(operation, is_set)


def _set_local(walk: Walk, operation: Operation) -> None:
    slot = operation.operands[0]
    state = walk.now
    top = len(state.stack) - 1
    targets = state.pending.pop(top, None)
    flags = walk.pop()[0]
    if slot >= len(state.stack) or state.stack[slot] & SCOPE:
        raise Fault(f"there is no slot {slot}")
    state.stack[slot] = flags
    state.pending.pop(slot, None)
    if targets is not None:
        state.pending[slot] = targets


def _eager_select(walk: Walk, operation: Operation) -> None:
    walk.place_operand(operation.operands[0])
    walk.constant(operation.operands[1], "name")
    found = walk.now.copy()
    found.stack.append(0)
    walk.jump(operation, found)


def _arithmetic_operands(walk: Walk, operation: Operation) -> None:
    if operation.operands[0] not in _ARITHMETIC:
        raise Fault("no such arithmetic operation")
    walk.value_operand(operation.operands[1])
    walk.value_operand(operation.operands[2])


def _eager_arithmetic(walk: Walk, operation: Operation) -> None:
    _arithmetic_operands(walk, operation)
    done = walk.now.copy()
    done.stack.append(FORCED)
    walk.jump(operation, done)


def _arithmetic(walk: Walk, operation: Operation) -> None:
    _arithmetic_operands(walk, operation)
    walk.enter()
    walk.push(FORCED)


def _branch_compare(walk: Walk, operation: Operation) -> None:
    _arithmetic_operands(walk, operation)
    walk.enter()
    walk.jump(operation, walk.now.copy())


def _branch_false(walk: Walk, operation: Operation) -> None:
    walk.enter_unless_forced(*walk.pop())
    walk.jump(operation, walk.now.copy())


def _machine_only(walk: Walk, operation: Operation) -> None:
    raise Fault("belongs to the machine's own code")


# The picture does not say everything about these operations.
_SPECIAL: dict[str, Effect] = {
    "Constant": _constant,
    "Pop": _pop,
    "Jump": _jump,
    "JumpIfTrue": _jump_if_bool,
    "JumpIfFalse": _jump_if_bool,
    "JumpIfCatchable": _jump_if_catchable,
    "JumpIfNotFound": _jump_if_not_found,
    "JumpIfNoFinaliseRequest": _jump_if_no_request,
    "Attrs": _attrs,
    "ValidateClosedFormals": _validate_closed_formals,
    "PushWith": _push_with,
    "PopWith": _pop_with,
    "ResolveWith": _resolve_with,
    "CoerceToString": _coerce,
    "GetLocal": _get_local,
    "CloseScope": _close_scope,
    "AssertFail": _assert_fail,
    "GetUpvalue": _get_upvalue,
    "Closure": _close,
    "ThunkClosure": _close,
    "ThunkSuspended": _close,
    "Finalise": _finalise,
    "Return": _return,
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
    "JumpWide": _jump,
    "AttrsOverride": _attrs_override,
    "DynamicName": _dynamic_name,
    "BranchResult": _machine_only,
    "Link": _machine_only,
    "Native": _machine_only,
    "Halt": _machine_only,
    "Invalid": _machine_only,
}

EFFECTS: dict[str, Effect] = {op.name: _SPECIAL.get(op.name) or _pictured(op) for op in INSTRUCTIONS}
