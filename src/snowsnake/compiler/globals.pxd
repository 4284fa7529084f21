# cython: language_level=3
"""The global names of a program; each is looked up once: see globals.pyx."""
from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.global_table cimport Global
from snowsnake.syntax.nodes cimport Name

cdef Global* find_global(Compiler* c, Name name) noexcept nogil
    # Returns the meaning of a name that no scope of the program binds, or NULL.
