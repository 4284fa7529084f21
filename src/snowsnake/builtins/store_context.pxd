# cython: language_level=3
"""String contexts and the logical store, for builtins that read files.

An element of a context is the text of a symbol: `/nix/store/…` (a path), `=/nix/store/….drv` (a derivation with all that it
needs), `!out!/nix/store/….drv` (one output of a derivation), `!out!dev!/nix/store/….drv` (an output of a derivation that is an output itself).
"""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Machine, TraceEntry
from snowsnake.machine.word cimport Word, string_data, string_size
from snowsnake.foundation.buffer cimport Bytes, View, make_view
from snowsnake.host.sources cimport References

cdef enum ElementKind:
    ELEMENT_PATH = 1
    # the text begins with `=`
    ELEMENT_DERIVATION
    # the text begins with `!`
    ELEMENT_OUTPUT
    # the text begins with several names between `!`
    ELEMENT_DYNAMIC

cdef struct Element:
    int kind
    # the store path itself
    View path
    # ELEMENT_OUTPUT and ELEMENT_DYNAMIC have one
    View output
    # the text before the path
    View chain

# the store paths that a copy of a part of the store refers to, in memory of their own
cdef struct KeptReferences:
    References list
    Bytes lines
    View* views

cdef inline View string_view(Word s) noexcept nogil:
    """The bytes of a string, for the store's functions; the view is invalid once the string moves."""
    return make_view(string_data(s), string_size(s))

cdef Element context_element(Machine* m, uint32_t symbol) noexcept nogil
cdef int known_derivation(Machine* m, Element e, Bytes* path) noexcept nogil
    # Appends the path of the derivation of which an element (ELEMENT_DYNAMIC) is an output; an error if it is not built.
cdef int realise_context(Machine* m, Word* path) noexcept nogil
    # Requires that every store path in the context of a path's text is in the store, and builds outputs.  Placeholders of outputs whose paths
    # were not known before are replaced in the slot.
cdef int realise_path(Machine* m, Word* path) noexcept nogil
    # Does the same for a builtin that takes a path.  This function lets the builtin's trace name the path:
cdef uint32_t trace_realising(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil
cdef int context_of_contents(Machine* m, Word path, View contents, uint32_t* context) noexcept nogil
    # Sets *context* to the references of the store object that holds a file, as far as the file's contents name them.
cdef int keep_references(Machine* m, Word path, KeptReferences* kept) noexcept nogil
    # Fetches the references of the store object that holds a realised path with a context; other paths have none.  The caller frees them, also after RAISE:
cdef void free_references(KeptReferences* kept) noexcept nogil
cdef Word store_string(Machine* m, View store_path) noexcept nogil
    # Returns a store path as a string with itself as context.
cdef int take_plain_string(Machine* m, Word w, Word* slot) noexcept nogil
    # Puts a string into the slot, which must not have a context.  Returns DONE; FORCE, and must be called again; or RAISE.
