# cython: language_level=3
"""The parts of operations that the loop calls as functions: everything that is not their fast path."""
from libc.stdint cimport uint32_t, uint8_t, uint64_t
from snowsnake.machine.state cimport Builtin, Code, Machine
from snowsnake.machine.symbols cimport compare_strings
from snowsnake.machine.word cimport TAG_INT, TAG_STRING, Word, string_size

cdef enum:
    # prepare() returns this if the argument whose index is in m.result, an int, must be coerced first
    COERCE = 8

cdef int prepare(Machine* m, Builtin* b, Word* arguments) noexcept nogil
    # Prepares the arguments as b.forces says.  Returns DONE, FORCE (m.need), RAISE, or COERCE: then m.result is the index (an int word), and
    # m.need is the internal function to call with the argument.
cdef int build_attrs_of_pairs(Machine* m, Word* pairs, uint64_t count, Word function, const uint8_t* at) noexcept nogil
    # The operation Attrs.  Returns DONE (m.result), FORCE or RAISE.
cdef int add_dynamic_attrs(Machine* m, Word attrs, Word* pairs, uint64_t count, const uint32_t* positions) noexcept nogil
    # positions holds the positions of the names, or is NULL.
cdef int check_dynamic_name(Machine* m, Word* name, uint64_t count, Word* table, Word keys) noexcept nogil
    # Checks a name that comes after `count` pairs, which come after their set.  The keys hold the positions of all names.  The table, which
    # is null at first, holds the names so far.  Returns DONE, FORCE or RAISE.
cdef int override_attrs(Machine* m, Word environment, Word overrides) noexcept nogil
    # Changes the environment; m.result is the environment // the overrides.
cdef int bind_formals(Machine* m, Code* code, Word attrs, Word* slots) noexcept nogil
    # Writes the values of the formals, or WORD_UNSET.  Returns DONE or RAISE.
cdef int check_required_formals(Machine* m, Code* code, Word attrs) noexcept nogil
cdef int check_closed_formals(Machine* m, Code* code, Word attrs) noexcept nogil
cdef int concatenate_lists(Machine* m, Word a, Word b) noexcept nogil
cdef int concatenate_strings(Machine* m, Word* parts, uint64_t count) noexcept nogil
    # Returns DONE (m.result), FORCE (m.need), RAISE, or TAIL: a part is not a string and must be coerced.
cdef int resolve_with(Machine* m, Word scope, uint32_t symbol) noexcept nogil
    # Returns DONE, FORCE or RAISE.
cdef int equal_now(Machine* m, Word a, Word b) noexcept nogil
    # Compares two forced values at the outermost level of ==.  Returns 0 or 1, or -1 if their elements must be compared.

cdef inline int equal_quickly(Machine* m, Word a, Word b) noexcept nogil:
    """Does the same as equal_now, for loops over elements: nearly all of these are small ints and strings."""
    if (a & 7) == TAG_INT and (b & 7) == TAG_INT:
        return a == b
    if (a & 7) == TAG_STRING and (b & 7) == TAG_STRING:
        return string_size(a) == string_size(b) and compare_strings(a, b) == 0
    return equal_now(m, a, b)

cdef int interpret_search_path(Machine* m, Word constant) noexcept nogil
cdef int interpret_home_path(Machine* m, Word constant) noexcept nogil
cdef int raise_context(Machine* m, Word s) noexcept nogil
    # Raises "the string '…' is not allowed to refer to a store path".
