# cython: language_level=3
"""Global names of a program, looked up once each: see globals.pyx."""
from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.global_table cimport Global
from snowsnake.syntax.nodes cimport Name

cdef Global* find_global(Compiler* c, Name name) noexcept nogil
    # what the name means when no scope of the program binds it, or NULL
