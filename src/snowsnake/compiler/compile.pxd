# cython: language_level=3
"""From a syntax tree to an image: one chunk for the file, and one for each lambda and thunk in it."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.bytecode.builder cimport Builder
from snowsnake.bytecode.chunk cimport Chunk
from snowsnake.compiler.open_chunks cimport OpenChunkPool
from snowsnake.compiler.state cimport Unit
from snowsnake.syntax.nodes cimport Ast, Name, Node, Text


cdef bint compile_unit(
    Ast* ast, const char* base_dir, int level, const Text* scope_names, uint32_t scope_count, OpenChunkPool* pool, Unit* unit,
) noexcept nogil
    # Fills the unit.  Returns False if memory is short.  base_dir is the absolute folder that relative paths start from.  scope_names are the
    # names in the set of scopedImport, or NULL and 0; with them the top level is a lambda that takes the set.
    # Runs on the caller's stack, which must be deep for deep programs; nesting that is too deep for it is an error of the unit.
    # The tree is changed on the way; the image borrows nothing from it.

cdef void compile_abandoned(Unit* unit) noexcept nogil
    # Frees what the compiler had allocated when the deep stack was left in the middle of compile_unit.

cdef void open_chunk_pool_free(OpenChunkPool* pool) noexcept nogil
