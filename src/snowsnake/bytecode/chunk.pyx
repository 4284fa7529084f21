# cython: language_level=3
"""Finished chunks: the span of an operation, and the way into Python.

In: a Unit.  Out: `view.Chunk` objects that own copies of everything.
"""
from libc.stdint cimport uint32_t
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


cdef SpanRun* span_at(Chunk* chunk, uint32_t offset) noexcept nogil:
    """The run that holds the byte of code at `offset`, or NULL if there is none."""
    cdef uint32_t low = 0, high = chunk.span_count, middle
    if high == 0 or chunk.spans[0].code_start > offset:
        return NULL
    while high - low > 1:
        middle = (low + high) >> 1
        if chunk.spans[middle].code_start <= offset:
            low = middle
        else:
            high = middle
    return chunk.spans + low


cdef str _text(Text text):
    return (<const char*>text.data)[: text.size_bytes].decode("utf-8", "surrogateescape") if text.size_bytes else ""


cdef object _keys(Keys* keys):
    cdef uint32_t i
    from snowsnake.bytecode import view
    return view.Keys(
        [_text(keys.names[i]) for i in range(keys.count)] if keys.names != NULL else [],
        [keys.start_bytes[i] for i in range(keys.count)],
        [bool(keys.has_default[i]) for i in range(keys.count)] if keys.has_default != NULL else None,
        bool(keys.has_ellipsis),
    )


cdef object _constant(Constant* constant, list chunks):
    cdef object value = None
    from snowsnake.bytecode import view
    if constant.kind == CONSTANT_INT:
        value = constant.own.integer
    elif constant.kind == CONSTANT_FLOAT:
        value = constant.own.number
    elif constant.kind == CONSTANT_CHUNK:
        value = chunks[constant.own.chunk.index]
    elif constant.kind == CONSTANT_KEYS:
        value = _keys(constant.own.keys)
    elif constant.kind in (
        CONSTANT_STRING, CONSTANT_PATH, CONSTANT_SEARCH_PATH, CONSTANT_HOME_PATH, CONSTANT_BUILTIN, CONSTANT_ATTR_NAME,
        CONSTANT_NAME,
    ):
        value = _text(constant.own.text)
    return view.Constant(_KIND_NAMES[constant.kind], value, constant.start_byte)


cdef void _fill(object target, Chunk* chunk, list chunks):
    cdef uint32_t i
    from snowsnake.bytecode import view
    target.kind = _CHUNK_KINDS[chunk.kind]
    target.code = (<const char*>chunk.code)[: chunk.code_size_bytes]
    target.constants = [_constant(chunk.constants + i, chunks) for i in range(chunk.constant_count)]
    target.spans = [
        view.Span(chunk.spans[i].code_start, chunk.spans[i].start_byte, chunk.spans[i].end_byte)
        for i in range(chunk.span_count)
    ]
    target.name = _text(chunk.name)
    target.parameter = _text(chunk.parameter)
    target.level = chunk.level
    target.captures_with = bool(chunk.captures_with)
    target.upvalue_count = chunk.upvalue_count
    target.max_stack = chunk.max_stack
    target.arity = chunk.arity
    target.formals = _keys(chunk.formals) if chunk.formals != NULL else None
    target.start_byte = chunk.start_byte
    target.end_byte = chunk.end_byte
    target.index = chunk.index
    target.last_op = chunk.last_op


cdef object unit_to_python(Unit* unit):
    cdef uint32_t i
    from snowsnake.bytecode import view     # not needed to run programs, and not free to import
    cdef list chunks = [view.Chunk() for i in range(unit.chunk_count)]
    for i in range(unit.chunk_count):
        _fill(chunks[i], unit.chunks[i], chunks)
    return chunks[0]
