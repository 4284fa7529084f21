# cython: language_level=3
"""Source bytes to syntax tree: see parser.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.syntax.nodes cimport ArenaPool, Ast


# Returns a tree, which ast_free frees; its root is NULL if there are faults.  Input of any depth is safe, because the recursion runs on
# the deep stack.  The source is copied.  The tree, and what is compiled from it, take their memory from the pool, if there is one.
cdef Ast* parse(const uint8_t* data, size_t size_bytes, uint32_t features, ArenaPool* pool) noexcept nogil
# Does not copy the source, which must live as long as the tree, with PADDING_BYTES NUL bytes behind it.
cdef Ast* parse_padded(const uint8_t* data, size_t size_bytes, uint32_t features, ArenaPool* pool) noexcept nogil
cdef void ast_free(Ast* ast) noexcept nogil
