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
    CONSTANT_INT                      # integer
    CONSTANT_FLOAT                    # number
    CONSTANT_STRING                   # text
    CONSTANT_PATH                     # text: absolute and canonical
    CONSTANT_SEARCH_PATH              # text: for FindFile
    CONSTANT_HOME_PATH                # text: what follows `~/`, for ResolveHomePath
    CONSTANT_CHUNK                    # chunk, is_blueprint, is_lambda
    CONSTANT_BUILTIN                  # text: name of a builtin ("map", "true" is not one): its function or value
    CONSTANT_BUILTINS                 # the set `builtins`
    CONSTANT_ATTR_NAME                # text and start_byte: an attribute's name at level 0, with its place (unsafeGetAttrPos)
    CONSTANT_NAME                     # text: a symbol, operand of the named operations of the default level
    CONSTANT_KEYS                     # keys: names in name order with places
    CONSTANT_POSITION                 # start_byte: the set that __curPos evaluates to
    CONSTANT_LIST                     # without items: the empty list; CONSTANT_ATTRS likewise the empty set
    CONSTANT_ATTRS

cdef struct Keys:                     # names in byte order of the names
    Text* names
    uint32_t* start_bytes             # place of each name in the file
    uint8_t* has_default              # for formals; otherwise NULL
    uint32_t count
    bint has_ellipsis                 # formals only

cdef union ConstantOwn:               # fields that only some kinds have; the kind says which
    int64_t integer
    double number
    Text text
    uint32_t chunk                    # its index
    Keys* keys

cdef struct Constant:
    uint8_t kind
    uint8_t is_blueprint              # of a chunk: it captures something; otherwise the constant is a thunk or a closure
    uint8_t is_lambda
    uint32_t start_byte
    ConstantOwn own

cdef struct SpanRun:                  # applies to the bytes of code from code_start up to the next run
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
    bint captures_with                # there is one more upvalue, the last, for the with-scope
    uint8_t* code
    uint32_t code_size_bytes
    Constant* constants
    uint32_t constant_count
    SpanRun* spans
    uint32_t span_count
    uint32_t upvalue_count            # without the with-scope
    uint32_t max_stack                # slots above the frame's base, arguments included
    uint32_t arity                    # lambdas: parameters taken at once (1 at level 0)
    Keys* formals                     # of lambdas with a pattern; otherwise NULL
    Text name                         # of a lambda: the binding that defines it, or empty
    Text parameter                    # the first parameter's name, or empty
    uint32_t start_byte               # the start of the lambda or thunk in the file
    uint32_t end_byte
    uint32_t index                    # among the chunks of its file; 0 is the top level
