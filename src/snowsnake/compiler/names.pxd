# cython: language_level=3
"""The names of a program: those of the parser, those that the language itself refers to, and those that no program can write: see names.pyx."""
from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.nodes cimport Name, Text

cdef Name fresh_name(Compiler* c) noexcept nogil
cdef Name known_name(Compiler* c, Name* known, const char* text) noexcept nogil
cdef bint is_text(Text text, const char* expected) noexcept nogil
cdef void take_names(Compiler* c) noexcept nogil
cdef void note_hidden_name(Compiler* c, Text text) noexcept nogil
