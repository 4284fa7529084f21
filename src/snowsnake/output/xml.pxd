# cython: language_level=3
"""Values as XML."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef int to_xml(Machine* m, Word* fp) noexcept nogil
    # a framed builtin of one argument, not forced before: builtins.toXML
cdef int to_xml_as(Machine* m, Word* fp) noexcept nogil
    # the same with two flags behind the argument: whether to force what is inside, and to show places
