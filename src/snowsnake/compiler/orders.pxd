# cython: language_level=3
"""Orders of the names of a scope: see orders.pyx."""
from libc.stdint cimport uint8_t, uint32_t

from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.nodes cimport Bindings, Name, Node, Text

cdef struct NamedIndex:
    Text name
    uint32_t index

cdef enum:
    # the name is bound to an expression when its turn comes
    BOUND_HERE
    # the name is bound before all others at level 0: `inherit (e)`
    BOUND_EARLY
    # the name is bound to a value that is there before: `inherit`, a formal without a default
    BOUND_OUTSIDE

# a name of the scope
cdef struct Bound:
    Name name
    # the name that its value consists of (`a = b;`), or NO_NAME
    Name alias
    uint8_t kind

cdef struct Turns:
    # the order of all names; NULL if it is the usual one
    NamedIndex* order
    # for each name, whether its value is a thunk although the value that it names is already there; NULL if there are no such values
    bint* waits

cdef void sort_named(NamedIndex* items, uint32_t count) noexcept nogil
cdef NamedIndex* order_of(Compiler* c, Bindings* bindings) noexcept nogil
cdef NamedIndex* names_in_order(Compiler* c) noexcept nogil
cdef Name find_named(const NamedIndex* order, uint32_t count, const Text* wanted) noexcept nogil
cdef Name alias_of(const Node* value) noexcept nogil
cdef void find_turns(Compiler* c, Bound* bound, uint32_t count, bint by_name, Turns* turns) noexcept nogil
cdef void turns_of_bindings(Compiler* c, Bindings* bindings, bint by_name, Turns* turns) noexcept nogil
cdef void forget_turns(Turns* turns) noexcept nogil
