# cython: language_level=3
"""A TOML document as a tree, and the rules about which table may be written where: the C interface."""
from libc.stdint cimport int32_t, int64_t, uint8_t
from snowsnake.foundation.buffer cimport Bytes

cdef enum TomlKind:
    TOML_TABLE = 0
    TOML_ARRAY
    TOML_STRING
    TOML_INTEGER
    TOML_FLOAT
    # the integer is 0 or 1
    TOML_BOOLEAN
    # the text is normalised as Nix shows it
    TOML_DATE_TIME

# how the document defined a table or array
cdef enum TomlForm:
    # a header `[a.b]` made the table a
    FORM_IMPLICIT = 0
    # a header `[a]` made the table a
    FORM_HEADER
    # a line `a.b = 1` made the table a
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
    # the node's first child
    int32_t first
    int32_t last
    # the node's next sibling
    int32_t next
    # where the key begins in TomlDocument.texts
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
    # an open-addressing table from (parent, key) to the node
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
