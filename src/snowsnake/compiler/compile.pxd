# cython: language_level=3
"""From a syntax tree to an image: one chunk for the file, and one for each lambda and thunk in it."""
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from snowsnake.bytecode.builder cimport Builder
from snowsnake.bytecode.chunk cimport Chunk, Keys
from snowsnake.bytecode.image cimport Image, ImageWriter
from snowsnake.compiler.state cimport ContextPool, Unit
from snowsnake.syntax.nodes cimport Ast, Name, Node, Text


cdef bint compile_unit(
    Ast* ast, const char* base_dir, int level, const Text* scope_names, uint32_t scope_count, ContextPool* pool, Unit* unit,
) noexcept nogil
    # Fills the unit; False if memory is short.  base_dir: what relative paths are relative to, absolute.  scope_names: of the set
    # of scopedImport, else NULL, 0; with them the top level is a lambda that takes the set.
    # Runs on the stack of the caller, deep programs need a deep one; what is nested too deeply for it is an error of the unit.
    # The tree is changed on the way; the image borrows nothing from it.

cdef void compile_abandoned(Unit* unit) noexcept nogil
    # when the deep stack was left in the middle of compile_unit: frees what the compiler had

cdef void context_pool_free(ContextPool* pool) noexcept nogil
