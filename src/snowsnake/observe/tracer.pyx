# cython: language_level=3
"""Writes what the machine does to stderr: frames entered, left and replaced, and each operation with the stack before it.

In: a machine.  Out: lines such as

    enter lambda 'f' #1 at /src/f.nix:1:5
      0x0000 OpArithmetic           [ 3 ]
      0x0004 OpReturn               [ 3 4 ]
    leave

`#1` is the number of the chunk in its file, as `snowsnake disassemble` prints it.  An operation that has to wait for a value is shown
again when it goes on, as `(again)`.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport strlen

from snowsnake.bytecode.chunk cimport CHUNK_LAMBDA, CHUNK_THUNK
from snowsnake.bytecode.image cimport take
from snowsnake.bytecode.opcodes cimport OP_CALL_BUILTIN, OP_LINK, OP_NATIVE
from snowsnake.foundation.buffer cimport Bytes, bytes_clear, bytes_free, bytes_spaces, bytes_text
from snowsnake.host.messages cimport write_error_output
from snowsnake.machine.descriptions cimport describe_value
from snowsnake.machine.errors cimport format_text
from snowsnake.machine.heap cimport CODE_APPLY2
from snowsnake.machine.origins cimport CodeOrigin, code_origin
from snowsnake.machine.positions cimport position_place
from snowsnake.machine.state cimport Code, Frame, Machine, Observer
from snowsnake.machine.word cimport (
    KIND_BUILTIN, KIND_CLOSURE, KIND_THUNK, TAG_FUNCTION, TAG_THUNK, Word, header_code, header_kind, header_size,
    kind_of, pointer_of, tag_of,
)
from snowsnake.observe.clock cimport CLOCK_MONOTONIC, now_ns
from snowsnake.observe.traced_loop cimport traced_run

from snowsnake.bytecode.instructions import INSTRUCTIONS

cdef enum:
    # One line shows at most this many values of the stack, from the top.
    MOST_SHOWN = 4
    # One value takes at most this many bytes.
    MOST_BYTES = 40
    DEEPEST_INDENT = 60
    DEPTHS = 4096

ctypedef const uint8_t* Place

cdef struct Tracer:
    Observer head
    # The last operation ran in this frame.
    Frame* frame
    Word function
    # Each frame has the operation that we showed last in it, by depth modulo DEPTHS.
    Place[DEPTHS] last
    bint has_times
    int64_t started_ns
    # The line that is being made; it lacks what there is no memory for.
    Bytes line

ctypedef const char* Name

cdef Name[256] _names
_kept = [f"Op{INSTRUCTIONS[min(number, len(INSTRUCTIONS) - 1)].name}".encode() for number in range(256)]


def _fill_names():
    cdef bytes name
    for number in range(256):
        # The list `_kept` keeps the bytes alive, so that the pointer stays good.
        name = _kept[number]
        _names[number] = name


_fill_names()


cdef void _put(Tracer* t, char* text) noexcept nogil:
    """Appends a text that is malloc'ed to the line, and frees it."""
    if text != NULL:
        bytes_text(&t.line, text)
    free(text)


cdef void _end_line(Tracer* t, Machine* m) noexcept nogil:
    bytes_text(&t.line, "\n")
    write_error_output(m, t.line.data, t.line.size)
    bytes_clear(&t.line)


cdef void _margin(Tracer* t, Machine* m, Frame* fr) noexcept nogil:
    """Begins a line: with the time, if times are shown, and indented by the depth of the frame."""
    cdef int64_t depth = fr - m.frames_base
    if t.has_times:
        _put(t, format_text("%10.3f ms ", <double>(now_ns(CLOCK_MONOTONIC) - t.started_ns) / 1e6))
    bytes_spaces(&t.line, <size_t>(2 * min(depth, DEEPEST_INDENT)))


cdef Code* _code_of(Machine* m, Word function) noexcept nogil:
    """The code of a closure or thunk, or NULL."""
    cdef uint64_t header
    if tag_of(function) != TAG_THUNK and tag_of(function) != TAG_FUNCTION:
        return NULL
    header = pointer_of(function)[0]
    if header_kind(header) != KIND_THUNK and header_kind(header) != KIND_CLOSURE:
        return NULL
    return m.codes[header_code(header)] if header_code(header) < m.code_count else NULL


cdef void _show_function(Tracer* t, Machine* m, Word function, const uint8_t* pc) noexcept nogil:
    cdef Code* code = _code_of(m, function)
    cdef CodeOrigin origin
    cdef uint32_t file = 0, line = 0, column = 0
    cdef const char* kind = "toplevel"
    if code == NULL or not code_origin(m, code, &origin):
        if tag_of(function) == TAG_FUNCTION and kind_of(function) == KIND_BUILTIN and pc[0] == OP_NATIVE:
            _put(t, format_text("builtin '%s'", m.builtins[header_size(pointer_of(function)[0])].name))
        else:
            bytes_text(&t.line, "the machine's own code")
        return
    if origin.kind == CHUNK_LAMBDA:
        kind = "lambda"
    elif origin.kind == CHUNK_THUNK:
        kind = "thunk"
    bytes_text(&t.line, kind)
    if origin.name.size_bytes:
        _put(t, format_text(" '%.*s'", <int>origin.name.size_bytes, <const char*>origin.name.data))
    _put(t, format_text(" #%u", origin.chunk))
    if position_place(m, origin.start, &file, &line, &column):
        _put(t, format_text(" at %s:%u:%u", m.files[file].path, line, column))


cdef int _cut(const char* text) noexcept nogil:
    """How many bytes of a long text are shown: whole characters."""
    cdef int n = MOST_BYTES
    while n > 0 and (<uint8_t>text[n] & 0xC0) == 0x80:
        n -= 1
    return n


cdef void _show_stack(Tracer* t, Machine* m, Word* fp, Word* sp) noexcept nogil:
    cdef int64_t count = sp - fp, first = max(0, count - MOST_SHOWN), i
    cdef char* text
    bytes_text(&t.line, " [")
    if first > 0:
        _put(t, format_text(" ...%lld", <long long>first))
    for i in range(first, count):
        text = describe_value(m, fp[i])
        if text != NULL and strlen(text) > MOST_BYTES:
            _put(t, format_text(" %.*s...", _cut(text), text))
        elif text != NULL:
            _put(t, format_text(" %s", text))
        free(text)
    bytes_text(&t.line, " ]")
    _end_line(t, m)


cdef void _show_builtin(Tracer* t, Machine* m, Code* code, const uint8_t* pc) noexcept nogil:
    """The name of the builtin that an operation calls."""
    cdef const uint8_t* p = pc + 1
    cdef Word f = code.constants[take(&p)]
    if tag_of(f) == TAG_FUNCTION and kind_of(f) == KIND_BUILTIN:
        _put(t, format_text(" %s", m.builtins[header_size(pointer_of(f)[0])].name))


cdef void _step(Machine* m, const uint8_t* pc, Word* fp, Word* sp, Frame* fr, Word function) noexcept nogil:
    cdef Tracer* t = <Tracer*>m.observer
    cdef Code* code = _code_of(m, function)
    cdef bint is_again = False
    if pc[0] == OP_LINK:
        # The machine does not know the chunk yet; its first operation shows it.
        return
    if fr > t.frame or t.frame == NULL:
        _margin(t, m, fr)
        bytes_text(&t.line, "enter ")
        _show_function(t, m, function, pc)
        _end_line(t, m)
    elif fr < t.frame:
        _margin(t, m, fr + 1)
        bytes_text(&t.line, "leave")
        _end_line(t, m)
        is_again = t.last[(fr - m.frames_base) % DEPTHS] == pc
    elif function != t.function:
        _margin(t, m, fr)
        # This is a tail call, or a thunk whose value is that of another thunk.
        bytes_text(&t.line, "go on as ")
        _show_function(t, m, function, pc)
        _end_line(t, m)
    t.frame = fr
    t.function = function
    t.last[(fr - m.frames_base) % DEPTHS] = pc
    _margin(t, m, fr + 1)
    if code != NULL and code.start <= pc < code.start + code.size_bytes:
        _put(t, format_text("0x%04llx ", <unsigned long long>(pc - code.start)))
    _put(t, format_text("%-22s%s", _names[pc[0]], "(again)" if is_again else ""))
    if pc[0] == OP_CALL_BUILTIN and code != NULL and code.index > CODE_APPLY2:
        _show_builtin(t, m, code, pc)
    _show_stack(t, m, fp, sp)


# Only `attach` has this object, so nothing else can make tracers.
cdef object _KEY = object()


cdef class RuntimeTracer:
    """The observer of one machine; must live as long as the machine does."""

    cdef Tracer tracer

    def __cinit__(self, key=None):
        if key is not _KEY:
            raise TypeError("tracers come from attach")

    def __dealloc__(self):
        bytes_free(&self.tracer.line)


def attach(size_t machine, bint has_times):
    """Watches the machine at this address; the result must be kept as long as the machine."""
    cdef Machine* m = <Machine*>machine
    cdef RuntimeTracer watcher = RuntimeTracer.__new__(RuntimeTracer, _KEY)
    watcher.tracer.head.run = traced_run
    watcher.tracer.head.step = _step
    watcher.tracer.has_times = has_times
    watcher.tracer.started_ns = now_ns(CLOCK_MONOTONIC)
    m.observer = <Observer*>&watcher.tracer
    return watcher
