# cython: language_level=3
"""Images as Python data, for the disassembler and the verifier.

In: an image.  Out: `view.Chunk` objects that own copies of everything.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from snowsnake.bytecode.chunk cimport (
    CHUNK_LAMBDA, CHUNK_THUNK, CHUNK_TOPLEVEL, CONSTANT_ATTR_NAME, CONSTANT_ATTRS, CONSTANT_BUILTIN, CONSTANT_BUILTINS,
    CONSTANT_CHUNK, CONSTANT_FALSE, CONSTANT_FLOAT, CONSTANT_HOME_PATH, CONSTANT_INT, CONSTANT_KEYS, CONSTANT_LIST,
    CONSTANT_NAME, CONSTANT_NULL, CONSTANT_PATH, CONSTANT_POSITION, CONSTANT_SEARCH_PATH, CONSTANT_STRING,
    CONSTANT_TRUE,
)
from snowsnake.bytecode.image cimport (
    RECORD_CAPTURES_WITH, RECORD_HAS_FORMALS, RECORD_KIND, RECORD_LEVEL_SHIFT, RecordHead, image_text, read_head, take,
    take_signed,
)
from snowsnake.syntax.nodes cimport Text

_KIND_NAMES = {
    CONSTANT_NULL: "null",
    CONSTANT_TRUE: "true",
    CONSTANT_FALSE: "false",
    CONSTANT_INT: "int",
    CONSTANT_FLOAT: "float",
    CONSTANT_STRING: "string",
    CONSTANT_PATH: "path",
    CONSTANT_SEARCH_PATH: "search path",
    CONSTANT_HOME_PATH: "home path",
    CONSTANT_CHUNK: "chunk",
    CONSTANT_BUILTIN: "builtin",
    CONSTANT_BUILTINS: "builtins",
    CONSTANT_ATTR_NAME: "attribute name",
    CONSTANT_NAME: "name",
    CONSTANT_KEYS: "keys",
    CONSTANT_POSITION: "position",
    CONSTANT_LIST: "list",
    CONSTANT_ATTRS: "attrs",
}

_CHUNK_KINDS = {CHUNK_TOPLEVEL: "toplevel", CHUNK_LAMBDA: "lambda", CHUNK_THUNK: "thunk"}


_TEXT_KINDS = (
    CONSTANT_STRING, CONSTANT_PATH, CONSTANT_SEARCH_PATH, CONSTANT_HOME_PATH, CONSTANT_BUILTIN, CONSTANT_ATTR_NAME, CONSTANT_NAME,
)


cdef str _text(Image* image, uint64_t index):
    cdef Text text = image_text(image, index)
    return (<const char*>text.data)[: text.size_bytes].decode("utf-8", "surrogateescape")


cdef object _formals(Image* image, RecordHead* head):
    cdef const uint8_t* p = head.formals
    cdef uint64_t x
    cdef uint32_t i
    from snowsnake.bytecode import view
    keys = view.Keys([], [], [], bool(head.has_ellipsis))
    for i in range(head.formal_count):
        x = take(&p)
        keys.names.append(_text(image, x >> 1))
        keys.has_default.append(bool(x & 1))
        keys.start_bytes.append(take(&p))
    return keys


cdef object _keys(Image* image, const uint8_t** p):
    cdef uint64_t x = take(p)
    cdef uint64_t i
    from snowsnake.bytecode import view
    keys = view.Keys([], [])
    for i in range(x >> 1):
        if x & 1:
            keys.names.append(_text(image, take(p)))
        keys.start_bytes.append(take(p))
    return keys


cdef object _constant(Image* image, const uint8_t** p, list chunks):
    cdef int kind = <int>take(p)
    cdef object value = None
    cdef double number
    cdef uint32_t start_byte = 0
    from snowsnake.bytecode import view
    if kind == CONSTANT_INT:
        value = take_signed(p)
    elif kind == CONSTANT_FLOAT:
        memcpy(&number, p[0], sizeof(double))
        p[0] += sizeof(double)
        value = number
    elif kind == CONSTANT_CHUNK:
        value = chunks[take(p) >> 2]
    elif kind == CONSTANT_KEYS:
        value = _keys(image, p)
    elif kind in _TEXT_KINDS:
        value = _text(image, take(p))
        if kind == CONSTANT_ATTR_NAME:
            start_byte = <uint32_t>take(p)
    elif kind == CONSTANT_POSITION:
        start_byte = <uint32_t>take(p)
    return view.Constant(_KIND_NAMES[kind], value, start_byte)


cdef list _spans(const uint8_t* p, uint32_t start):
    cdef uint32_t code = 0
    cdef uint64_t count = take(&p), i
    from snowsnake.bytecode import view
    spans = []
    for i in range(count):
        code += <uint32_t>take(&p)
        start += <uint32_t>take_signed(&p)
        spans.append(view.Span(code, start, start + <uint32_t>take(&p)))
    return spans


cdef void _fill(object target, Image* image, uint32_t index, list chunks):
    cdef RecordHead head
    cdef const uint8_t* p
    cdef uint32_t i, size_bytes
    read_head(image, index, &head)
    target.kind = _CHUNK_KINDS[head.flags & RECORD_KIND]
    target.level = head.flags >> RECORD_LEVEL_SHIFT
    target.captures_with = bool(head.flags & RECORD_CAPTURES_WITH)
    target.name = _text(image, head.name - 1) if head.name else ""
    target.parameter = _text(image, head.parameter - 1) if head.parameter else ""
    target.upvalue_count = head.upvalue_count
    target.max_stack = head.max_stack
    target.arity = head.arity
    target.formals = _formals(image, &head) if head.flags & RECORD_HAS_FORMALS else None
    target.start_byte = head.start_byte
    target.end_byte = head.end_byte
    target.index = index
    p = head.constants
    target.constants = [_constant(image, &p, chunks) for i in range(head.constant_count)]
    # The image has the keys that BindFormals names without the defaults, so we take the formals in their place.
    for constant in target.constants:
        if constant.kind == "keys" and target.formals is not None and constant.value.start_bytes == target.formals.start_bytes:
            constant.value = target.formals
    size_bytes = <uint32_t>take(&p)
    target.code = (<const char*>p)[:size_bytes]
    target.spans = _spans(p + size_bytes, head.start_byte)


cdef object image_to_python(Image* image):
    cdef uint32_t i
    # Programs run without this module, and an import of it takes time.
    from snowsnake.bytecode import view
    cdef list chunks = [view.Chunk() for i in range(image.chunk_count)]
    for i in range(image.chunk_count):
        _fill(chunks[i], image, i, chunks)
    return chunks[0]
