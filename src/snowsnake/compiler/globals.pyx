# cython: language_level=3
"""The global names of a program; each is looked up once.

In: a name of the program.  Out: its row in the table of globals (syntax/global_names.pyx); `Compiler.globals` remembers it.
"""
from libc.stdint cimport uint16_t
from snowsnake.syntax.global_names cimport find_global_name, global_at, global_index


cdef Global* find_global(Compiler* c, Name name) noexcept nogil:
    cdef Global* found
    if c.globals[name] == 1:
        return NULL
    if c.globals[name] > 1:
        return global_at(c.globals[name] - 2)
    found = find_global_name(c.names[name], c.ast.features)
    c.globals[name] = 1 if found == NULL else <uint16_t>(2 + global_index(found))
    return found
