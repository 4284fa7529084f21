# cython: language_level=3
"""A TOML document as a tree, and the rules that say which table may be written where: the C interface."""
from libc.stdint cimport int32_t, int64_t, uint8_t
from snowsnake.foundation.buffer cimport Bytes

cdef enum TomlKind:
    TOML_TABLE = 0
    TOML_ARRAY
    TOML_STRING
    TOML_INTEGER
    TOML_FLOAT
    # integer 0 or 1
    TOML_BOOLEAN
    # text, normalised as Nix shows it
    TOML_DATE_TIME

# how the document defined a table or array
cdef enum TomlForm:
    # [a] by [a.b]
    FORM_IMPLICIT = 0
    # by [a]
    FORM_HEADER
    # a by a.b = 1
    FORM_DOTTED
    # written as a value: nothing may be added to it later
    FORM_CLOSED
    # an array of tables: [[a]]
    FORM_TABLES

cdef struct TomlNode:
    uint8_t kind
    uint8_t form
    # NO_NODE for the root
    int32_t parent
    # its first child
    int32_t first
    int32_t last
    # its next sibling
    int32_t next
    # in TomlDocument.texts
    size_t key_start
    size_t key_size
    size_t text_start
    size_t text_size
    int64_t integer
    double number

cdef struct TomlDocument:
    # the first is the root table
    TomlNode* nodes
    int32_t count
    int32_t capacity
    # from (parent, key) to node, with open addressing
    int32_t* index
    size_t index_size
    Bytes texts
    # the message of the last operation that was refused
    const char* fault

cdef enum:
    NO_NODE = -1

cdef bint toml_document_init(TomlDocument* document) noexcept nogil
cdef void toml_document_free(TomlDocument* document) noexcept nogil
cdef int32_t toml_add(TomlDocument* document, int32_t parent, size_t key_start, size_t key_size) noexcept nogil
cdef int32_t toml_dotted_parent(TomlDocument* document, int32_t table, size_t key_start, size_t key_size) noexcept nogil
cdef int32_t toml_header_parent(TomlDocument* document, int32_t table, size_t key_start, size_t key_size) noexcept nogil
cdef int32_t toml_header(TomlDocument* document, int32_t table, size_t key_start, size_t key_size,
                         bint is_array) noexcept nogil
