# cython: language_level=3
"""The meaning of a name at a place: a local, an upvalue, a global or a with-scope: see scope.pyx."""
from libc.stdint cimport uint32_t, uint8_t

from snowsnake.bytecode.chunk cimport Chunk
from snowsnake.compiler.open_chunks cimport OpenChunk
from snowsnake.compiler.state cimport NONE, Compiler, LaterThunk
from snowsnake.syntax.nodes cimport NO_NAME, NODE_VARIABLE, Name, Node

cdef enum Meaning:
    # the index is that of the local
    MEANS_LOCAL = 1
    # the index is that of a local of this chunk whose value is not on the stack yet
    MEANS_DEFERRED
    # the index is that of the upvalue
    MEANS_UPVALUE
    MEANS_GLOBAL
    MEANS_WITH
    MEANS_NOTHING

cdef uint32_t declare(Compiler* c, Name name, uint32_t slot) noexcept nogil
cdef uint32_t declare_ready(Compiler* c, Name name, uint32_t slot) noexcept nogil
cdef uint32_t declare_here(Compiler* c, Name name) noexcept nogil
cdef void forget_locals(Compiler* c, uint32_t count) noexcept nogil
cdef uint32_t capture(Compiler* c, uint32_t local) noexcept nogil
cdef bint select_from_environment(Compiler* c, Node* node, uint32_t local) noexcept nogil

cdef inline bint is_variable(Compiler* c, Node* node) noexcept nogil:
    """Whether it is a variable.  One that a set with `__overrides` binds becomes a selection from that set's environment."""
    cdef uint32_t local
    if node.kind != NODE_VARIABLE:
        return False
    local = c.heads[node.name]
    return local == NONE or c.locals[local].environment == NO_NAME or select_from_environment(c, node, local)

cdef bint is_environment_there(Compiler* c, Node* node) noexcept nogil
cdef int resolve(Compiler* c, Name name, uint32_t* index) noexcept nogil
cdef void capture_with(Compiler* c) noexcept nogil
cdef void begin_chunk(Compiler* c, uint8_t kind, Node* node, Name label, uint32_t arity) noexcept nogil
cdef void begin_chunk_later(Compiler* c, const LaterThunk* thunk) noexcept nogil
    # Begins a chunk whose index was assigned before.
cdef Chunk* end_chunk(Compiler* c) noexcept nogil
cdef void close_chunk(Compiler* c, Node* node, uint32_t local) noexcept nogil
cdef void open_chunk_free(OpenChunk* open_chunk) noexcept nogil
