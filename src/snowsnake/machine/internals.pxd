# cython: language_level=3
"""Operations that may force and call at any depth.  They are internal builtins, which a builtin calls with CALL + n.

A builtin that needs one pushes the arguments, pushes the function word from internal_word(), and returns CALL + n; the machine
enters it again with the result on top of the stack (pop(m)).
"""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef enum:
    # value -> string: string, path as text, set by __toString or outPath
    INTERNAL_COERCE = 0
    # value -> string: as interpolation does, paths copied into the store
    INTERNAL_COERCE_STORE
    # value -> string: as builtins.toString (bool, null, int, float, lists too)
    INTERNAL_TO_STRING
    # value -> string (absolute path) with its context
    INTERNAL_COERCE_PATH
    # a b -> bool
    INTERNAL_EQUAL
    # a b -> bool: a < b
    INTERNAL_LESS
    # value -> the value, forced deeply (as deepSeq)
    INTERNAL_DEEP_FORCE
    # value -> string: as derivation arguments (toString with paths into the store)
    INTERNAL_DERIVATION_STRING
    # a b -> a + b for any values except two numbers
    INTERNAL_ADD
    # count, then count parts on the stack above it -> string
    INTERNAL_CONCATENATE
    # count, then a path and parts above it -> path
    INTERNAL_CONCATENATE_PATH
    # a b -> bool: !(a < b)
    INTERNAL_NOT_LESS
    # a b -> true, or the error of a failed assertion
    INTERNAL_ASSERT_EQUAL
    INTERNAL_COUNT

cdef inline Word internal_word(Machine* m, int which) noexcept nogil:
    return m.internals[which]
