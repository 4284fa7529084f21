# cython: language_level=3
"""Values as XML."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine, TraceEntry
from snowsnake.machine.word cimport Word
from snowsnake.output.nix_text cimport Sink

cdef int to_xml(Machine* m, Word* fp) noexcept nogil
    # A framed builtin of one argument, which is not forced before: builtins.toXML.
cdef int to_xml_as(Machine* m, Word* fp) noexcept nogil
    # The same with two flags after the argument: whether to force what is inside, and to show places.
cdef void xml_stream(Machine* m, Sink sink, void* context) noexcept nogil
    # From now on, in this thread, and until a call with NULL, `to_xml_as` hands the text on in pieces, except for the last, which is its result.
cdef uint32_t trace_xml(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil
    # For an error that leaves `to_xml_as` while a text goes out in pieces: hands on what there is.
