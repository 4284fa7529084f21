"""Is this chunk safe to run?  Any bytes may be asked about.

In: a chunk (`view.Chunk`).  Out: a list of faults, empty if there are none.

The operations are followed once, from the first to the last (jumps only go forward), with what is known of every stack slot:
forced, unset, a with-scope, or an object with deferred captures.  The verifier proves: operands in range, jumps to operations, one depth of
the stack wherever ways meet, no underflow, `max_stack` large enough, no slot read while unset, and that nothing is entered
(forced, called, returned) while an object on the stack has captures that are still deferred.
"""

from itertools import pairwise

from snowsnake.bytecode.decode import DecodeFault, operations
from snowsnake.bytecode.effects import EFFECTS
from snowsnake.bytecode.opcode_numbers import OPCODES
from snowsnake.bytecode.view import Chunk, Keys, expect_chunk
from snowsnake.bytecode.walk import Walk

# This operation has a span for each computed name, in front of its own span.
_ATTRS = bytes([OPCODES["Attrs"]])


def verify(chunk: Chunk) -> list[str]:
    """Faults of one chunk, those of its children not included.

    >>> from snowsnake import bytecode
    >>> verify(bytecode.compile("x: x + 1"))
    []
    """
    expect_chunk(chunk)
    faults = _shape_faults(chunk)
    try:
        code = list(operations(chunk.code))
    except DecodeFault as fault:
        return [*faults, str(fault)]
    if not code:
        return [*faults, "no code"]
    return faults + Walk(chunk, code).run(EFFECTS)


def verify_all(top: Chunk) -> list[str]:
    """Faults of a chunk and all below it, each with the chunk it is in.

    >>> from snowsnake import bytecode
    >>> verify_all(bytecode.compile("x: x + 1"))
    []
    """
    expect_chunk(top)
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
    repeated = {start for start, other in pairwise(starts) if start == other}
    if starts != sorted(starts) or any(chunk.code[start : start + 1] != _ATTRS for start in repeated) or (starts and starts[-1] >= len(chunk.code)):
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
