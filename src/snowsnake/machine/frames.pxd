# cython: language_level=3
"""Pushing a frame, spilling the loop's registers, and the error for calls or data that are nested too deeply."""
from libc.stdint cimport int32_t, uint8_t, uint32_t
from snowsnake.machine.state cimport Frame, Machine
from snowsnake.machine.word cimport Word

cdef inline Frame* push_frame(
    Frame* top, const uint8_t* pc, Word* fp, Word function, Word* constants, Word thunk, uint32_t depth, int32_t with_slot,
) noexcept nogil:
    """Returns the frame above *top*, filled with what leaving the new activation will restore."""
    cdef Frame* made = top + 1
    made.pc = pc
    made.fp = fp
    made.function = function
    made.constants = constants
    made.thunk = thunk
    made.depth = depth
    made.with_slot = with_slot
    return made

cdef inline void spill(Machine* m, Word* sp, Word* fp, Frame* fr, Word function) noexcept nogil:
    """Writes the registers into the machine, where the collector and builtins read them."""
    m.sp = sp
    m.fp = fp
    m.fr = fr
    m.function = function

cdef inline void spill_all(Machine* m, const uint8_t* pc, Word* sp, Word* fp, Frame* fr, Word function, Word* constants) noexcept nogil:
    """Likewise before a safepoint, where everything that the registers point to may move."""
    m.pc = pc
    spill(m, sp, fp, fr, function)
    m.constants = constants

cdef int raise_depth(Machine* m) noexcept nogil
    # There are more frames, levels of data or words on the stack than the limits allow.
