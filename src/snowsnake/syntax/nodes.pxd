# cython: language_level=3
"""The abstract syntax tree, as C structs in one arena for each parse.

In: nothing.  Out: the types that the parser fills, and the compiler and the printer read.
Names are interned per parse (`Ast.names`), so that scope resolution compares integers.
Spans are byte offsets into the source; the end is exclusive.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

ctypedef uint32_t Name                # index into Ast.names

cdef enum:
    NO_NAME = 0xFFFFFFFF

cdef struct Text:                     # bytes in the source or in the arena; not NUL-terminated
    const uint8_t* data
    uint32_t size_bytes
    uint32_t number                   # while compiling: 1 + its index in the image, or 0

cdef enum NodeKind:
    NODE_INT = 1                      # integer
    NODE_FLOAT                        # number
    NODE_TEXT                         # text: a literal piece of a string or path; only inside items of those
    NODE_STRING                       # items: NODE_TEXT (unescaped, stripped) or expressions; no items: ""
    NODE_PATH                         # items: first a NODE_TEXT as written (`./a`, `/a`, `~/a`), then pieces; flags PATH_*
    NODE_SEARCH_PATH                  # text: what is written between < and >
    NODE_VARIABLE                     # name
    NODE_SELECT                       # a: the set; items: attribute path (NODE_ATTR); b: default after `or`, or NULL
    NODE_HAS_ATTR                     # a: the set; items: attribute path
    NODE_ATTR                         # one element of an attribute path: its name if it is static; otherwise a: the expression (name = NO_NAME)
    NODE_APPLY                        # a: function; items: arguments, `f x y` is one node with two; of a pipe, size_bytes: its offset in the source
    NODE_LAMBDA                       # name: the parameter (`x:`, or NO_NAME); pattern or NULL; a: body
    NODE_LET                          # bindings; a: body
    NODE_LEGACY_LET                   # bindings: `let { body = …; }`
    NODE_ATTRS                        # bindings; flags ATTRS_REC
    NODE_LIST                         # items
    NODE_WITH                         # a: the set; b: body
    NODE_IF                           # a: condition; b: then; c: else
    NODE_ASSERT                       # a: condition; b: body
    NODE_NOT                          # a
    NODE_NEGATE                       # a
    NODE_BINARY                       # op; a; b; size_bytes: offset of the operator in the source
    NODE_CURRENT_POSITION             # __curPos

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
    OPERATOR_UPDATE                   # //
    OPERATOR_CONCAT                   # ++
                                      # |> and <| become NODE_APPLY

cdef enum NodeFlags:
    ATTRS_REC = 1
    STRING_INDENTED = 2
    STRING_URI = 4
    PATH_ABSOLUTE = 8
    PATH_RELATIVE = 16
    PATH_HOME = 32
    NODE_PARENTHESISED = 64           # written in parentheses: errors and the pretty printer need to know
    APPLY_PIPE = 128
    APPLY_OR = 256                    # `f or`
    SELECT_ENVIRONMENT = 512          # made by the compiler for a name of a set with `__overrides`; such a set then has its environment's name

cdef enum BindingKind:
    BINDING_PLAIN = 1                 # name = value
    BINDING_INHERIT                   # inherit name: value is its NODE_VARIABLE (resolved in the enclosing scope)
    BINDING_INHERIT_FROM              # inherit (froms[from_index]) name: value is NULL

cdef struct Binding:
    uint8_t kind
    Name name
    uint32_t start_byte               # span of the name as written: positions of attributes
    uint32_t end_byte
    uint32_t from_index
    uint32_t doc_start_byte           # `/** … */` before it; both 0 if there is none
    uint32_t doc_end_byte
    Node* value

cdef struct DynamicBinding:           # ${name} = value;  or  "a${b}" = value;
    Node* name
    Node* value
    uint32_t start_byte
    uint32_t end_byte

cdef struct Bindings:                 # in source order; nested paths already merged into NODE_ATTRS, duplicates reported
    Binding* items
    uint32_t count
    DynamicBinding* dynamic
    uint32_t dynamic_count
    Node** froms                      # the expressions of `inherit (e)`, each once
    uint32_t from_count

cdef struct Formal:
    Name name
    uint32_t start_byte
    uint32_t end_byte
    Node* default                     # NULL: required

cdef struct Pattern:                  # formals in source order, names distinct
    Formal* formals
    uint32_t count
    bint has_ellipsis
    Name bind                         # `name @ {…}` or `{…} @ name`, or NO_NAME
    bint bind_is_first

cdef union NodeOwn:                   # fields that only some kinds have; the kind says which
    int64_t integer
    double number
    const uint8_t* text               # size_bytes long
    Bindings* bindings
    Pattern* pattern
    Node* c

cdef struct Node:                     # a number or a text ends behind `own`, a string behind `items` (node_bytes)
    uint8_t kind
    uint8_t op
    uint16_t flags
    uint32_t start_byte
    uint32_t end_byte
    Name name
    uint32_t count                    # of items; of a lambda: the start of its `/** … */`
    uint32_t size_bytes               # of text; of a lambda: the end of its `/** … */`, 0 if it has none
    NodeOwn own
    Node** items
    Node* a
    Node* b

cdef enum SyntaxKind:                 # kinds of fault, in the order of SYNTAX_CODES in syntax/api.pyx
    SYNTAX_MALFORMED = 0
    SYNTAX_DUPLICATE                  # an attribute is defined twice
    SYNTAX_UNDEFINED                  # no scope defines a variable

cdef struct SyntaxFault:
    uint8_t kind                      # SyntaxKind
    uint32_t start_byte
    uint32_t end_byte
    char* message                     # UTF-8, NUL-terminated, in C++ Nix's words where its words are clear
    uint32_t other_byte               # a second place (`already defined at`), or 0xFFFFFFFF

cdef struct OrCall:                   # `f or` as an argument or a list element, which other versions of Nix read differently
    uint32_t start_byte
    uint32_t end_byte
    OrCall* next

cdef struct ArenaBlock:
    ArenaBlock* next
    size_t used_bytes
    size_t size_bytes

cdef struct ArenaPool:                # blocks for the next arena, which are still in the processor's caches
    ArenaBlock* blocks
    uint32_t count
    size_t limit_bytes                # of each arena, or 0

cdef struct Arena:                    # bump allocation; freed as a whole
    ArenaBlock* blocks
    ArenaPool* pool                   # or NULL
    size_t total_bytes

cdef struct Ast:
    Arena arena
    Node* root                        # NULL if there are faults
    Text source                       # borrowed from the caller
    uint32_t features                 # the features it was parsed with (syntax/features.py)
    Text* names
    uint32_t name_count
    SyntaxFault* faults
    uint32_t fault_count
    uint32_t* openings                # the offsets of `${` in strings, paths and names, in ascending order: lines of traces point there
    uint32_t opening_count
    OrCall* or_calls                  # in source order, up to the first fault
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
