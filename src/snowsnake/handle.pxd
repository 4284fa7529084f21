# cython: language_level=3
"""A value kept alive for Python: see handle.pyx."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.runner cimport Runner

cdef class Handle:
    cdef Runner evaluator
    cdef uint32_t slot

    cdef Word word(self)
    cdef Word asked(self)
    cdef Word forced(self) except? 0x57
    cdef Word internal_call(self, int which) except? 0x57
    cdef Word builtin_call(self, const char* name, tuple flags=*) except? 0x57
    cdef bytes coerced(self, int which)
    cdef object scalar(self, Word w, function_form)
    cdef object convert(self, Word root, function_form)

# This must not be called while the machine runs.
cdef Handle make_handle(Runner evaluator, Word w)
# Raises ValueError if the object is not a handle of this evaluator.
cdef int check_belongs(object handle, Runner evaluator) except -1
# Type and value in one short line, as error messages show them; nothing is forced.
cdef str shown_word(Machine* m, Word w)
# The function that a builtin is, by its name.
cdef Word builtin_word(Machine* m, const char* name) except 0
