# cython: language_level=3
"""Compiled code as plain, relocatable C data: what the compiler writes into images, and what the machine links.

It holds no address and no symbol number of a machine: constants are plain data, attribute names are text, positions are
byte offsets in the file.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from snowsnake.syntax.nodes cimport Text

cdef enum ConstantKind:
    CONSTANT_NULL = 1
    CONSTANT_TRUE
    CONSTANT_FALSE
    # `integer` has the value
    CONSTANT_INT
    # `number` has the value
    CONSTANT_FLOAT
    # `text` has the value
    CONSTANT_STRING
    # `text` is absolute and canonical
    CONSTANT_PATH
    # `text` is what FindFile looks for
    CONSTANT_SEARCH_PATH
    # `text` is what follows `~/`; ResolveHomePath takes it
    CONSTANT_HOME_PATH
    # it has `chunk`, `is_blueprint` and `is_lambda`
    CONSTANT_CHUNK
    # `text` names a builtin ("map"; "true" is not one), and the constant is its function or value
    CONSTANT_BUILTIN
    # the set `builtins`
    CONSTANT_BUILTINS
    # an attribute's name at level 0: `text`, and its place `start_byte` (unsafeGetAttrPos)
    CONSTANT_ATTR_NAME
    # `text` is a symbol, the operand of the named operations of the default level
    CONSTANT_NAME
    # keys: names in name order with places
    CONSTANT_KEYS
    # start_byte: the set that __curPos evaluates to
    CONSTANT_POSITION
    # without items it is the empty list; CONSTANT_ATTRS likewise the empty set
    CONSTANT_LIST
    CONSTANT_ATTRS

# names in byte order of the names
cdef struct Keys:
    Text* names
    # place of each name in the file
    uint32_t* start_bytes
    # formals have it; otherwise NULL
    uint8_t* has_default
    uint32_t count
    # only formals may have one
    bint has_ellipsis

# fields that only some kinds have; the kind says which
cdef union ConstantOwn:
    int64_t integer
    double number
    Text text
    # the index of the chunk
    uint32_t chunk
    Keys* keys

cdef struct Constant:
    uint8_t kind
    # whether the chunk captures something; otherwise the constant is a thunk or a closure
    uint8_t is_blueprint
    uint8_t is_lambda
    uint32_t start_byte
    ConstantOwn own

# applies to the bytes of code from code_start up to the next run
cdef struct SpanRun:
    uint32_t code_start
    uint32_t start_byte
    uint32_t end_byte

cdef enum ChunkKind:
    CHUNK_TOPLEVEL = 1
    CHUNK_LAMBDA
    CHUNK_THUNK

cdef struct Chunk:
    uint8_t kind
    uint8_t level
    # there is one more upvalue, the last, for the with-scope
    bint captures_with
    uint8_t* code
    uint32_t code_size_bytes
    Constant* constants
    uint32_t constant_count
    SpanRun* spans
    uint32_t span_count
    # the number of captures, without the with-scope
    uint32_t upvalue_count
    # slots above the frame's base, arguments included
    uint32_t max_stack
    # lambdas: parameters taken at once (1 at level 0)
    uint32_t arity
    # lambdas with a pattern have formals; otherwise NULL
    Keys* formals
    # the binding that defines the lambda, or empty
    Text name
    # the first parameter's name, or empty
    Text parameter
    # the start of the lambda or thunk in the file
    uint32_t start_byte
    uint32_t end_byte
    # among the chunks of its file; 0 is the top level
    uint32_t index
