# cython: language_level=3
"""Values as XML."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.output.nix_text cimport Sink

cdef int to_xml(Machine* m, Word* fp) noexcept nogil
    # a framed builtin of one argument, not forced before: builtins.toXML
cdef int to_xml_as(Machine* m, Word* fp) noexcept nogil
    # the same with two flags behind the argument: whether to force what is inside, and to show places
cdef void xml_stream(Machine* m, Sink sink, void* context) noexcept nogil
    # until this is called with NULL, in this thread: `to_xml_as` hands the text on in pieces, all but the last, which is its result
