# cython: language_level=3
"""The abstract syntax tree, as C structs in one arena for each parse.

In: nothing.  Out: the types that the parser fills, and the compiler and the printer read.
Names are interned per parse (`Ast.names`), so that scope resolution compares integers.
Spans are byte offsets into the source; the end is exclusive.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

# an index into Ast.names
ctypedef uint32_t Name

cdef enum:
    NO_NAME = 0xFFFFFFFF

# bytes in the source or in the arena; not NUL-terminated
cdef struct Text:
    const uint8_t* data
    uint32_t size_bytes
    # while compiling: 1 + its index in the image, or 0
    uint32_t number

cdef enum NodeKind:
    # it has `integer`
    NODE_INT = 1
    # it has `number`
    NODE_FLOAT
    # text: a literal piece of a string or path; only inside items of those
    NODE_TEXT
    # items: NODE_TEXT (unescaped, stripped) or expressions; no items: ""
    NODE_STRING
    # items: first a NODE_TEXT as written (`./a`, `/a`, `~/a`), then pieces; flags PATH_*
    NODE_PATH
    # text: what is written between < and >
    NODE_SEARCH_PATH
    # it has `name`
    NODE_VARIABLE
    # a: the set; items: attribute path (NODE_ATTR); b: default after `or`, or NULL
    NODE_SELECT
    # a: the set; items: attribute path
    NODE_HAS_ATTR
    # one element of an attribute path: its name if it is static; otherwise a: the expression (name = NO_NAME)
    NODE_ATTR
    # a: function; items: arguments, `f x y` is one node with two; for a pipe, size_bytes: its offset in the source
    NODE_APPLY
    # name: the parameter (`x:`, or NO_NAME); pattern or NULL; a: body
    NODE_LAMBDA
    # bindings; a: body
    NODE_LET
    # bindings: `let { body = …; }`
    NODE_LEGACY_LET
    # bindings; flags ATTRS_REC
    NODE_ATTRS
    # items
    NODE_LIST
    # a: the set; b: body
    NODE_WITH
    # a: condition; b: then; c: else
    NODE_IF
    # a: condition; b: body
    NODE_ASSERT
    # a: the operand
    NODE_NOT
    # a: the operand
    NODE_NEGATE
    # op; a; b; size_bytes: offset of the operator in the source
    NODE_BINARY
    # __curPos
    NODE_CURRENT_POSITION

cdef enum Operator:
    OPERATOR_ADD = 1
    OPERATOR_SUB
    OPERATOR_MUL
    OPERATOR_DIV
    OPERATOR_EQUAL
    OPERATOR_NOT_EQUAL
    OPERATOR_LESS
    OPERATOR_LESS_OR_EQUAL
    OPERATOR_MORE
    OPERATOR_MORE_OR_EQUAL
    OPERATOR_AND
    OPERATOR_OR
    OPERATOR_IMPLIES
    # the operator `//`
    OPERATOR_UPDATE
    # the operator `++`; `|>` and `<|` become NODE_APPLY
    OPERATOR_CONCAT

cdef enum NodeFlags:
    ATTRS_REC = 1
    STRING_INDENTED = 2
    STRING_URI = 4
    PATH_ABSOLUTE = 8
    PATH_RELATIVE = 16
    PATH_HOME = 32
    # written in parentheses: errors and the pretty printer need to know
    NODE_PARENTHESISED = 64
    APPLY_PIPE = 128
    # `f or`
    APPLY_OR = 256
    # made by the compiler for a name of a set with `__overrides`; such a set then has its environment's name
    SELECT_ENVIRONMENT = 512

cdef enum BindingKind:
    # name = value
    BINDING_PLAIN = 1
    # inherit name: value is its NODE_VARIABLE (resolved in the enclosing scope)
    BINDING_INHERIT
    # inherit (froms[from_index]) name: value is NULL
    BINDING_INHERIT_FROM

cdef struct Binding:
    uint8_t kind
    Name name
    # span of the name as written: positions of attributes
    uint32_t start_byte
    uint32_t end_byte
    uint32_t from_index
    # `/** … */` before it; both 0 if there is none
    uint32_t doc_start_byte
    uint32_t doc_end_byte
    Node* value

# ${name} = value; or "a${b}" = value;
cdef struct DynamicBinding:
    Node* name
    Node* value
    uint32_t start_byte
    uint32_t end_byte

# in source order; nested paths already merged into NODE_ATTRS, duplicates reported
cdef struct Bindings:
    Binding* items
    uint32_t count
    DynamicBinding* dynamic
    uint32_t dynamic_count
    # the expressions of `inherit (e)`, each once
    Node** froms
    uint32_t from_count

cdef struct Formal:
    Name name
    uint32_t start_byte
    uint32_t end_byte
    # NULL: required
    Node* default

# formals in source order, names distinct
cdef struct Pattern:
    Formal* formals
    uint32_t count
    bint has_ellipsis
    # `name @ {…}` or `{…} @ name`, or NO_NAME
    Name bind
    bint bind_is_first

# fields that only some kinds have; the kind says which
cdef union NodeOwn:
    int64_t integer
    double number
    # size_bytes long
    const uint8_t* text
    Bindings* bindings
    Pattern* pattern
    Node* c

# a number or a text ends behind `own`, a string behind `items` (node_bytes)
cdef struct Node:
    uint8_t kind
    uint8_t op
    uint16_t flags
    uint32_t start_byte
    uint32_t end_byte
    Name name
    # the number of items; for a lambda, the start of its `/** … */`
    uint32_t count
    # the size of the text; for a lambda, the end of its `/** … */`, or 0 if it has none
    uint32_t size_bytes
    NodeOwn own
    Node** items
    Node* a
    Node* b

# kinds of fault, in the order of SYNTAX_CODES in syntax/api.pyx
cdef enum SyntaxKind:
    SYNTAX_MALFORMED = 0
    # an attribute is defined twice
    SYNTAX_DUPLICATE
    # no scope defines a variable
    SYNTAX_UNDEFINED

cdef struct SyntaxFault:
    # SyntaxKind
    uint8_t kind
    uint32_t start_byte
    uint32_t end_byte
    # UTF-8, NUL-terminated, in C++ Nix's words where its words are clear
    char* message
    # a second place (`already defined at`), or 0xFFFFFFFF
    uint32_t other_byte

# `f or` as an argument or a list element, which other versions of Nix read differently
cdef struct OrCall:
    uint32_t start_byte
    uint32_t end_byte
    OrCall* next

cdef struct ArenaBlock:
    ArenaBlock* next
    size_t used_bytes
    size_t size_bytes

# blocks for the next arena, which are still in the processor's caches
cdef struct ArenaPool:
    ArenaBlock* blocks
    uint32_t count
    # the limit for each arena, or 0
    size_t limit_bytes

# bump allocation; freed as a whole
cdef struct Arena:
    ArenaBlock* blocks
    # NULL if there is none
    ArenaPool* pool
    size_t total_bytes

cdef struct Ast:
    Arena arena
    # NULL if there are faults
    Node* root
    # the caller owns the text
    Text source
    # the features it was parsed with (syntax/features.py)
    uint32_t features
    Text* names
    uint32_t name_count
    SyntaxFault* faults
    uint32_t fault_count
    # the offsets of `${` in strings, paths and names, in ascending order: lines of traces point there
    uint32_t* openings
    uint32_t opening_count
    # in source order, up to the first fault
    OrCall* or_calls
    OrCall* last_or_call

cdef inline bint is_number_or_text(uint8_t kind) noexcept nogil:
    return kind == NODE_INT or kind == NODE_FLOAT or kind == NODE_TEXT

cdef inline size_t node_bytes(uint8_t kind) noexcept nogil:
    """How much of a `Node` the parser makes: a large source is mostly data."""
    if is_number_or_text(kind):
        return sizeof(Node) - 3 * sizeof(void*)
    return sizeof(Node) - 2 * sizeof(void*) if kind == NODE_STRING else sizeof(Node)

cdef void* arena_alloc(Arena* arena, size_t size_bytes) noexcept nogil
cdef void arena_give_back(Arena* arena, void* array) noexcept nogil
    # Frees an array that is so large that it has a block of its own; others stay until the arena is freed.
cdef void arena_free(Arena* arena) noexcept nogil
cdef void arena_pool_free(ArenaPool* pool) noexcept nogil
