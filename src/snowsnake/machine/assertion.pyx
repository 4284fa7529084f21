# cython: language_level=3
"""The message of a failed assertion, in C++ Nix's words: its condition as canonical Nix, and for `a == b` the first difference.

In: the place of the condition, or two values and the stack of their comparison.  Out: the error, and lines of its trace.
The text of a condition is not kept.  When a message needs it, the source is read again, and the condition is printed from that.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset, strlen, strrchr

from snowsnake.bytecode.builder cimport operation_size
from snowsnake.bytecode.opcodes cimport OP_ASSERT_FAIL, OP_JUMP_IF_CATCHABLE, OP_JUMP_IF_FALSE, OP_POP, OP_RETURN
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_ASSERTION_FAILED, MESSAGE_BOOLEANS_DIFFER, MESSAGE_FUNCTIONS_DIFFER, MESSAGE_LIST_SIZES_DIFFER, MESSAGE_NAMES_DIFFER,
    MESSAGE_PATHS_DIFFER, MESSAGE_SETS_DIFFER, MESSAGE_SHOWN_ASSERTION_FAILED, MESSAGE_STRINGS_DIFFER, MESSAGE_VALUES_DIFFER,
)
from snowsnake.foundation.buffer cimport Bytes, bytes_append
from snowsnake.machine.descriptions cimport describe_value, shown_type
from snowsnake.machine.errors cimport format_text, raise_message, worded
from snowsnake.machine.evaluation_order cimport attrs_turns, turns_made
from snowsnake.machine.link cimport code_of
from snowsnake.machine.notes cimport (
    NOTE_COMPARED_ATTRIBUTE, NOTE_COMPARED_ELEMENT, NOTE_COMPARED_OUTPUT, NOTE_CONDITION, NOTE_LEFT_SIDE,
    NOTE_RIGHT_SIDE,
)
from snowsnake.machine.positions cimport file_text, position_place, position_span
from snowsnake.machine.state cimport RAISE, File, TraceEntry
from snowsnake.machine.shown_names cimport shown_name
from snowsnake.machine.word cimport (
    KIND_CLOSURE, TAG_BOX, TAG_FUNCTION, attrs_find, attrs_keys, attrs_size, is_attrs, is_bool, is_float, is_function, is_int, is_list, is_path,
    is_string, keys_positions, keys_symbols, kind_of, list_size, tag_of,
)
from snowsnake.syntax.nodes cimport Ast, Text
from snowsnake.syntax.parser cimport ast_free, parse
from snowsnake.syntax.printer cimport print_nix

cdef extern from "unistd.h" nogil:
    char* getcwd(char* buffer, size_t size)

cdef enum:
    # A message does not print a condition that has more bytes of source than this.
    MOST_CONDITION_BYTES = 100000


# ---- the condition ----------------------------------------------------------------------------------------------

cdef Text _folder_of(const char* path, char* buffer, size_t size_bytes) noexcept nogil:
    """The folder that relative paths of a source start from."""
    cdef Text text
    cdef const char* slash = strrchr(path, c'/')
    text.data = <const uint8_t*>path
    text.size_bytes = <uint32_t>(slash - path) if slash != NULL else 0
    if path[0] != c'/':
        text.data = <const uint8_t*>getcwd(buffer, size_bytes)
        text.size_bytes = <uint32_t>strlen(buffer) if text.data != NULL else 0
    return text


cdef char* _print_source(Machine* m, const char* path, const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    cdef char[4096] buffer
    cdef Text folder = _folder_of(path, buffer, sizeof(buffer))
    cdef Text home
    cdef Bytes out
    cdef bint is_complete = False
    cdef Ast* ast = parse(data, size_bytes, m.features, &m.arenas)
    memset(&out, 0, sizeof(out))
    if ast == NULL:
        return NULL
    home.data = <const uint8_t*>"~"
    home.size_bytes = 1
    if ast.root != NULL:
        is_complete = print_nix(ast, folder, home, &out)
        bytes_append(&out, "", 1)
    ast_free(ast)
    if is_complete and not out.failed:
        return <char*>out.data
    free(out.data)
    return NULL


cdef char* _condition_text(Machine* m, Word function, const uint8_t* pc) noexcept nogil:
    """The condition as canonical Nix, malloc'ed; NULL if its source does not exist any more."""
    cdef uint32_t end = 0, file = 0, line = 0, column = 0, offset
    cdef uint32_t start = position_span(m, function, pc, &end)
    cdef File* source
    if not position_place(m, start, &file, &line, &column):
        return NULL
    source = &m.files[file]
    offset = start - source.position_base
    if file_text(m, source) == NULL or end <= start or end - start > MOST_CONDITION_BYTES or offset + (end - start) > source.size_bytes:
        return NULL
    return _print_source(m, source.path, source.source + offset, end - start)


cdef int raise_assertion(Machine* m, Word function, const uint8_t* pc) noexcept nogil:
    cdef char* text = _condition_text(m, function, pc)
    if text == NULL:
        return raise_message(m, worded(MESSAGE_ASSERTION_FAILED))
    raise_message(m, worded(MESSAGE_SHOWN_ASSERTION_FAILED, text))
    free(text)
    return RAISE


cdef bint equality_is_asserted(Machine* m, Word function, const uint8_t* pc, Frame* waiting) noexcept nogil:
    cdef const uint8_t* at = waiting.pc
    cdef uint32_t jump_operand = 0, size, end = 0, asserted_end = 0
    if pc[0] != OP_RETURN or waiting.thunk == 0 or tag_of(waiting.function) == TAG_FUNCTION and kind_of(waiting.function) != KIND_CLOSURE:
        return False
    if at[0] != OP_JUMP_IF_CATCHABLE or code_of(m, waiting.function).level:
        return False
    at += operation_size(at, 0, &jump_operand)
    if at[0] != OP_JUMP_IF_FALSE:
        return False
    size = operation_size(at, 0, &jump_operand)
    at += size + (<uint32_t>at[jump_operand] | <uint32_t>at[jump_operand + 1] << 8)
    if at[0] != OP_POP or at[1] != OP_ASSERT_FAIL:
        return False
    return position_span(m, function, pc, &end) == position_span(m, waiting.function, at + 2, &asserted_end) and end == asserted_end


# ---- the difference ---------------------------------------------------------------------------------------------

cdef int _raise_about(Machine* m, int message, Word a, Word b) noexcept nogil:
    """Raises a message with two fields: the values as text."""
    cdef char* x = describe_value(m, a)
    cdef char* y = describe_value(m, b)
    raise_message(m, worded(message, x, y))
    free(x)
    free(y)
    return RAISE


cdef int _raise_types(Machine* m, const char* of, Word a, Word b) noexcept nogil:
    cdef char* x = describe_value(m, a)
    cdef char* y = describe_value(m, b)
    cdef char* x_type = shown_type(m, a)
    cdef char* y_type = shown_type(m, b)
    raise_message(m, worded(MESSAGE_VALUES_DIFFER, x_type, of, x, y_type, of, y))
    free(x_type)
    free(y_type)
    free(x)
    free(y)
    return RAISE


cdef int _raise_lengths(Machine* m, Word a, Word b) noexcept nogil:
    cdef char* x = describe_value(m, a)
    cdef char* y = describe_value(m, b)
    raise_message(m, worded(MESSAGE_LIST_SIZES_DIFFER, <unsigned long long>list_size(a), <unsigned long long>list_size(b), x, y))
    free(x)
    free(y)
    return RAISE


cdef int _raise_names(Machine* m, Word a, Word b) noexcept nogil:
    """For sets of the same size with different names: finds the first name, in the order of `a`, that only `a` has."""
    cdef uint32_t* order = attrs_turns(m, a)
    cdef uint32_t symbol = 0
    cdef uint64_t i
    cdef char* x
    cdef char* y
    cdef char* name
    if order == NULL:
        return RAISE
    for i in range(attrs_size(a)):
        symbol = keys_symbols(attrs_keys(a))[order[i]]
        if attrs_find(b, symbol) == NULL:
            break
    name = shown_name(m, symbol)
    x = describe_value(m, a)
    y = describe_value(m, b)
    raise_message(m, worded(MESSAGE_NAMES_DIFFER, name, x, y))
    free(name)
    free(x)
    free(y)
    return RAISE


cdef int raise_difference(Machine* m, Word a, Word b) noexcept nogil:
    cdef bint is_number = is_int(a) or is_float(a)
    if is_number and (is_int(b) or is_float(b)):
        return _raise_types(m, "with", a, b)
    if is_number or tag_of(a) != tag_of(b) or is_bool(a) != is_bool(b) or (tag_of(a) == TAG_BOX and is_path(a) != is_path(b)):
        return _raise_types(m, "of", a, b)
    if is_list(a):
        return _raise_lengths(m, a, b)
    if is_attrs(a):
        if attrs_size(a) == attrs_size(b):
            return _raise_names(m, a, b)
        return _raise_about(m, MESSAGE_SETS_DIFFER, a, b)
    if is_function(a):
        return raise_message(m, worded(MESSAGE_FUNCTIONS_DIFFER))
    if is_string(a):
        return _raise_about(m, MESSAGE_STRINGS_DIFFER, a, b)
    if is_bool(a):
        return _raise_about(m, MESSAGE_BOOLEANS_DIFFER, a, b)
    return _raise_about(m, MESSAGE_PATHS_DIFFER, a, b)


# ---- the trace --------------------------------------------------------------------------------------------------

cdef void _add_note(Machine* m, uint8_t note, uint32_t position, uint32_t symbol, char* text, uint32_t most_entries) noexcept nogil:
    cdef TraceEntry* entry = &m.error.trace[m.error.trace_count]
    if m.error.trace_count >= most_entries:
        free(text)
        return
    memset(entry, 0, sizeof(TraceEntry))
    entry.note = note
    entry.position = position
    entry.symbol = symbol
    entry.text = text
    m.error.trace_count += 1
    m.error.trace_total += 1


cdef void _add_attribute(Machine* m, Word x, Word y, uint32_t place, uint32_t most_entries) noexcept nogil:
    cdef uint32_t* order = turns_made(x)
    cdef uint32_t i, left, right
    if order == NULL:
        return
    # The machine compared this attribute in both sets, so both have it.
    i = order[place]
    left = keys_positions(attrs_keys(x))[i]
    right = keys_positions(attrs_keys(y))[i]
    if right:
        _add_note(m, NOTE_RIGHT_SIDE, right, 0, NULL, most_entries)
    if left:
        _add_note(m, NOTE_LEFT_SIDE, left, 0, NULL, most_entries)
    _add_note(m, NOTE_COMPARED_ATTRIBUTE, 0, keys_symbols(attrs_keys(x))[i], NULL, most_entries)


cdef void trace_difference(Machine* m, Word* fp, Word function, const uint8_t* pc, uint32_t most_entries) noexcept nogil:
    # Each pair is (x, y, index): in the innermost pair, index is the current one; in the others it is one further.
    cdef Word* p = m.sp - 3
    cdef int64_t i
    cdef uint32_t end = 0, room = most_entries - 1
    cdef char* text
    while p >= fp + 2:
        i = <int64_t>p[2] >> 3
        if p + 3 == m.sp:
            if i == CHECK_DERIVATION:
                p -= 3
                continue
        else:
            i -= 1
        if i == COMPARE_OUT_PATH:
            _add_note(m, NOTE_COMPARED_OUTPUT, 0, 0, NULL, room)
        elif is_attrs(p[0]):
            _add_attribute(m, p[0], p[1], <uint32_t>i, room)
        else:
            _add_note(m, NOTE_COMPARED_ELEMENT, 0, 0, format_text("%lld", <long long>i), room)
        p -= 3
    text = _condition_text(m, function, pc)
    if text != NULL:
        _add_note(m, NOTE_CONDITION, position_span(m, function, pc, &end), 0, text, most_entries)
