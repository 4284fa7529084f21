# cython: language_level=3
"""TOML 1.0 as fromTOML of C++ Nix 2.34 accepts it (toml11): the document is read into a tree, and the tree is returned as events.

In: bytes.  Out: events, or a message.  Nothing recurses: memory alone bounds nesting and dotted keys.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memchr, memset
from snowsnake.builtins.engines.events cimport (
    EVENT_BEGIN_ARRAY, EVENT_BEGIN_OBJECT, EVENT_END, EVENT_END_ARRAY, EVENT_END_OBJECT, EVENT_FALSE, EVENT_FLOAT, EVENT_INT,
    EVENT_KEY, EVENT_STRING, EVENT_TIMESTAMP, EVENT_TRUE, Event, PythonDocument,
)
from snowsnake.builtins.engines.text cimport UTF8_OK, utf8_check
from snowsnake.builtins.engines.toml_document cimport (
    FORM_CLOSED, NO_NODE, TOML_ARRAY, TOML_BOOLEAN, TOML_FLOAT, TOML_INTEGER, TOML_STRING, TOML_TABLE, TomlNode,
    toml_add, toml_document_free, toml_document_init, toml_dotted_parent, toml_header, toml_header_parent,
)
from snowsnake.builtins.engines.toml_values cimport TomlFrame, toml_fail, toml_read_scalar, toml_read_string
from snowsnake.foundation.allocate cimport resize_items
from snowsnake.foundation.buffer cimport bytes_append, bytes_clear, bytes_free, bytes_init, bytes_text
from snowsnake.foundation.handlers cimport handed_over
from snowsnake.foundation.limits cimport is_stop_asked

cdef enum:
    END_OF_INPUT = -1

# The place of a key in the document's texts.
cdef struct Key:
    size_t start
    size_t size_bytes


cdef inline int peek(const TomlReader* reader) noexcept nogil:
    return <int>reader.data[reader.position] if reader.position < reader.size_bytes else END_OF_INPUT


cdef bint refused(TomlReader* reader, size_t place) noexcept nogil:
    """Fails with the document's fault, for something written at `place`."""
    return toml_fail(reader, reader.document.fault, place, "inserting this")


# -- between values ----------------------------------------------------------------------------------------------------

cdef void skip_blanks(TomlReader* reader) noexcept nogil:
    while peek(reader) == c' ' or peek(reader) == c'\t':
        reader.position += 1


cdef bint skip_comment(TomlReader* reader) noexcept nogil:
    """Skips a comment if there is one, up to the end of its line."""
    cdef int byte
    if peek(reader) != c'#':
        return True
    while True:
        byte = peek(reader)
        if byte == END_OF_INPUT or byte == c'\n':
            return True
        if byte == c'\r' and reader.position + 1 < reader.size_bytes and reader.data[reader.position + 1] == c'\n':
            return True
        if (byte < 0x20 and byte != c'\t') or byte == 0x7F:
            return toml_fail(reader, "toml::parse_comment_line: newline (LF / CRLF) or EOF is expected",
                             reader.position, "but got this")
        reader.position += 1


cdef bint skip_line_end(TomlReader* reader) noexcept nogil:
    if peek(reader) == c'\n':
        reader.position += 1
        return True
    if peek(reader) == c'\r' and reader.position + 1 < reader.size_bytes and reader.data[reader.position + 1] == c'\n':
        reader.position += 2
        return True
    return False


cdef bint skip_lines(TomlReader* reader) noexcept nogil:
    """Skips blanks, comments and line ends."""
    while True:
        skip_blanks(reader)
        if not skip_comment(reader):
            return False
        if not skip_line_end(reader):
            return True


cdef bint end_line(TomlReader* reader, const char* title) noexcept nogil:
    """Requires that only blanks and a comment come before the line's end."""
    skip_blanks(reader)
    if not skip_comment(reader):
        return False
    if peek(reader) == END_OF_INPUT or skip_line_end(reader):
        return True
    return toml_fail(reader, title, reader.position, "here")


# -- keys --------------------------------------------------------------------------------------------------------------

cdef inline bint is_bare(int byte) noexcept nogil:
    return c'a' <= byte <= c'z' or c'A' <= byte <= c'Z' or c'0' <= byte <= c'9' or byte == c'-' or byte == c'_'


cdef bint read_key(TomlReader* reader, Key* key) noexcept nogil:
    """Reads one part of a key, and the blanks around it."""
    cdef size_t start
    skip_blanks(reader)
    if peek(reader) == c'"' or peek(reader) == c"'":
        if not toml_read_string(reader, False, &key.start, &key.size_bytes):
            return False
    else:
        start = reader.position
        while is_bare(peek(reader)):
            reader.position += 1
        if start == reader.position:
            return toml_fail(
                reader,
                "toml::parse_simple_key: invalid key: key must be \"quoted\", 'quoted-literal', or bare key.",
                start, "expected alpha [a-zA-Z], digit [0-9], -, or _",
            )
        key.start = reader.document.texts.size
        key.size_bytes = reader.position - start
        bytes_append(&reader.document.texts, reader.data + start, key.size_bytes)
    if reader.document.texts.failed:
        return toml_fail(reader, "no memory for a key", reader.position, "here")
    skip_blanks(reader)
    return check_nul(reader, key.start, key.size_bytes)


cdef bint check_nul(TomlReader* reader, size_t start, size_t size_bytes) noexcept nogil:
    """Fails if a text has a NUL, which strings of Nix cannot contain; the message is Nix's, not the parser's."""
    cdef const uint8_t* text = reader.document.texts.data + start
    cdef size_t i
    if size_bytes == 0 or memchr(text, 0, size_bytes) == NULL:
        return True
    reader.has_failed = True
    bytes_text(&reader.message, "while parsing TOML: error: input string '")
    for i in range(size_bytes):
        if text[i]:
            bytes_append(&reader.message, text + i, 1)
        else:
            bytes_text(&reader.message, b"\xe2\x90\x80")
    bytes_text(&reader.message, "' cannot be represented as Nix string because it contains null bytes")
    return False


cdef bint read_assignment(TomlReader* reader, int32_t table) noexcept nogil:
    """Reads `a.b.c =` and the beginning of the value."""
    cdef Key key
    cdef size_t place = reader.position
    cdef int32_t node
    while True:
        if not read_key(reader, &key):
            return False
        if peek(reader) != c'.':
            break
        reader.position += 1
        table = toml_dotted_parent(&reader.document, table, key.start, key.size_bytes)
        if table == NO_NODE:
            return refused(reader, place)
    if peek(reader) != c'=':
        return toml_fail(reader, "toml::parse_key_value_pair: invalid key value separator `=`", reader.position,
                         "expected =")
    reader.position += 1
    skip_blanks(reader)
    node = toml_add(&reader.document, table, key.start, key.size_bytes)
    if node == NO_NODE:
        return refused(reader, place)
    return begin_value(reader, node)


# -- values ------------------------------------------------------------------------------------------------------------

cdef bint begin_value(TomlReader* reader, int32_t node) noexcept nogil:
    """Reads a scalar, or the opening bracket of an array or inline table."""
    cdef int byte = peek(reader)
    cdef TomlFrame* frames
    cdef size_t capacity
    if byte != c'[' and byte != c'{':
        if not toml_read_scalar(reader, node):
            return False
        if reader.document.nodes[node].kind != TOML_STRING:
            return True
        return check_nul(reader, reader.document.nodes[node].text_start, reader.document.nodes[node].text_size)
    if reader.frame_count == reader.frame_capacity:
        capacity = 2 * reader.frame_capacity + 16
        frames = <TomlFrame*>resize_items(reader.frames, capacity, sizeof(TomlFrame))
        if frames == NULL:
            reader.document.texts.failed = True
            return toml_fail(reader, "no memory for the nesting of the document", reader.position, "here")
        reader.frames = frames
        reader.frame_capacity = capacity
    reader.frames[reader.frame_count].node = node
    reader.frames[reader.frame_count].is_after_comma = False
    reader.frames[reader.frame_count].has_items = False
    reader.frame_count += 1
    reader.position += 1
    reader.document.nodes[node].kind = TOML_ARRAY if byte == c'[' else TOML_TABLE
    reader.document.nodes[node].form = FORM_CLOSED
    return True


cdef bint read_array_item(TomlReader* reader, TomlFrame* frame) noexcept nogil:
    """Reads up to the next item, comma or closing bracket of the innermost array."""
    cdef int32_t item
    if not skip_lines(reader):
        return False
    if peek(reader) == c']':
        reader.position += 1
        reader.frame_count -= 1
        return True
    if frame.has_items and not frame.is_after_comma:
        if peek(reader) == c',':
            reader.position += 1
            frame.is_after_comma = True
            return True
        if peek(reader) == END_OF_INPUT:
            return toml_fail(reader, "toml::parse_array: missing closing bracket `]`", reader.position, "here")
        return toml_fail(reader, "toml::parse_array: expected value-separator `,` or closing `]`", reader.position, "here")
    frame.has_items = True
    frame.is_after_comma = False
    item = toml_add(&reader.document, frame.node, 0, 0)
    if item == NO_NODE:
        return refused(reader, reader.position)
    return begin_value(reader, item)


cdef bint read_table_item(TomlReader* reader, TomlFrame* frame) noexcept nogil:
    """Does what `read_array_item` does, for the innermost inline table."""
    skip_blanks(reader)
    if peek(reader) == c'}':
        if frame.is_after_comma:
            return toml_fail(reader, "toml::parse_inline_table: trailing comma is not allowed in TOML-v1.0.0)",
                             reader.position, "here")
        reader.position += 1
        reader.frame_count -= 1
        return True
    if frame.has_items and not frame.is_after_comma:
        if peek(reader) == c',':
            reader.position += 1
            frame.is_after_comma = True
            return True
        return toml_fail(reader, "toml::parse_inline_table: expected value-separator `,` or closing `}`",
                         reader.position, "here")
    frame.has_items = True
    frame.is_after_comma = False
    return read_assignment(reader, frame.node)


cdef bint finish_value(TomlReader* reader) noexcept nogil:
    """Reads until all brackets are closed."""
    cdef TomlFrame* frame
    while reader.frame_count and not is_stop_asked(reader.attention):
        frame = &reader.frames[reader.frame_count - 1]
        if reader.document.nodes[frame.node].kind == TOML_ARRAY:
            if not read_array_item(reader, frame):
                return False
        elif not read_table_item(reader, frame):
            return False
    return True


# -- lines -------------------------------------------------------------------------------------------------------------

cdef bint read_header(TomlReader* reader) noexcept nogil:
    """Reads `[a.b]` or `[[a.b]]`."""
    cdef size_t place = reader.position
    cdef bint is_array
    cdef int32_t table = 0
    cdef Key key
    cdef const char* title
    reader.position += 1
    is_array = peek(reader) == c'['
    if is_array:
        reader.position += 1
    title = "toml::parse_file: invalid array-table key" if is_array else "toml::parse_file: invalid table key"
    while True:
        if not read_key(reader, &key):
            return False
        if peek(reader) != c'.':
            break
        reader.position += 1
        table = toml_header_parent(&reader.document, table, key.start, key.size_bytes)
        if table == NO_NODE:
            return refused(reader, place)
    for _ in range(2 if is_array else 1):
        if peek(reader) != c']':
            return toml_fail(reader, title, reader.position, "expected ]")
        reader.position += 1
    reader.table = toml_header(&reader.document, table, key.start, key.size_bytes, is_array)
    if reader.table == NO_NODE:
        return refused(reader, place)
    return end_line(reader, "toml::parse_file: newline (or EOF) expected")


cdef bint read_document(TomlReader* reader) noexcept nogil:
    cdef size_t index = 0
    if utf8_check(reader.data, reader.size_bytes, &index) != UTF8_OK:
        return toml_fail(reader, "the document is not UTF-8", index, "this byte cannot stand here")
    if reader.size_bytes >= 3 and reader.data[0] == 0xEF and reader.data[1] == 0xBB and reader.data[2] == 0xBF:
        reader.position = 3
    while True:
        if not skip_lines(reader) or is_stop_asked(reader.attention):
            return False
        if peek(reader) == END_OF_INPUT:
            return not reader.document.texts.failed
        if peek(reader) == c'[':
            if not read_header(reader):
                return False
        elif not read_assignment(reader, reader.table) or not finish_value(reader):
            return False
        else:
            # Nix accepts a header on the same line, as in `a = 1 [b]`.
            skip_blanks(reader)
            if peek(reader) != c'[' and not end_line(reader, "toml::parse_table: newline (LF / CRLF) or EOF is expected"):
                return False


cdef bint toml_reader_init(TomlReader* reader, const uint8_t* data, size_t size_bytes, const volatile int* attention) noexcept nogil:
    """Reads the whole document; returns false, with `message` set, if it is not TOML.  `data` is not needed afterwards."""
    memset(reader, 0, sizeof(TomlReader))
    reader.data = data
    reader.size_bytes = size_bytes
    reader.attention = attention
    bytes_init(&reader.message)
    if not toml_document_init(&reader.document):
        reader.message.failed = True
        return False
    if read_document(reader):
        return True
    if reader.document.texts.failed or not reader.has_failed:
        reader.message.failed = True
    else:
        with gil:
            report_all(reader)
    return False


cdef void report_all(TomlReader* reader) noexcept:
    """Replaces the message, which names the first fault, by one about all faults of the document, if those can be found."""
    cdef bytes report
    try:
        # Only documents that are refused need this module.
        from snowsnake.builtins.engines.toml_faults import LARGEST_BYTES, explain

        if reader.size_bytes > LARGEST_BYTES:
            return
        text = explain(PyBytes_FromStringAndSize(<const char*>reader.data, reader.size_bytes))
        if text is not None:
            report = text.encode()
            bytes_clear(&reader.message)
            bytes_text(&reader.message, "while parsing TOML: ")
            bytes_append(&reader.message, <const uint8_t*><const char*>report, len(report))
    except BaseException as error:
        # The message about the first fault stays.
        if not handed_over(error) and not isinstance(error, (ImportError, MemoryError, OSError)):
            raise


cdef void toml_reader_free(TomlReader* reader) noexcept nogil:
    toml_document_free(&reader.document)
    bytes_free(&reader.message)
    free(reader.frames)
    reader.frames = NULL


# -- events ------------------------------------------------------------------------------------------------------------

cdef void move_on(TomlReader* reader, const TomlNode* node) noexcept nogil:
    """Moves on from `node`: to its sibling, or to the end of its parent."""
    reader.is_after_key = False
    if node.parent == NO_NODE:
        reader.has_ended = True
    elif node.next != NO_NODE:
        reader.node = node.next
    else:
        reader.node = node.parent
        reader.is_leaving = True


cdef Event begin_container(TomlReader* reader, const TomlNode* node) noexcept nogil:
    reader.is_after_key = False
    if node.first == NO_NODE:
        reader.is_leaving = True
    else:
        reader.node = node.first
    return EVENT_BEGIN_ARRAY if node.kind == TOML_ARRAY else EVENT_BEGIN_OBJECT


cdef Event toml_reader_next(TomlReader* reader) noexcept nogil:
    """The next event.  This must not be called again after EVENT_END."""
    cdef const TomlNode* node = &reader.document.nodes[reader.node]
    if reader.has_ended:
        return EVENT_END
    if reader.is_leaving:
        reader.is_leaving = False
        move_on(reader, node)
        return EVENT_END_ARRAY if node.kind == TOML_ARRAY else EVENT_END_OBJECT
    if not reader.is_after_key and node.parent != NO_NODE and reader.document.nodes[node.parent].kind == TOML_TABLE:
        reader.is_after_key = True
        reader.datum.text = reader.document.texts.data + node.key_start
        reader.datum.text_size = node.key_size
        return EVENT_KEY
    if node.kind == TOML_TABLE or node.kind == TOML_ARRAY:
        return begin_container(reader, node)
    move_on(reader, node)
    reader.datum.integer = node.integer
    reader.datum.number = node.number
    if node.kind == TOML_INTEGER:
        return EVENT_INT
    if node.kind == TOML_FLOAT:
        return EVENT_FLOAT
    if node.kind == TOML_BOOLEAN:
        return EVENT_TRUE if node.integer else EVENT_FALSE
    reader.datum.text = reader.document.texts.data + node.text_start
    reader.datum.text_size = node.text_size
    return EVENT_STRING if node.kind == TOML_STRING else EVENT_TIMESTAMP


# -- Python's side -----------------------------------------------------------------------------------------------------

class TomlError(ValueError):
    """A text is not TOML."""


def loads(bytes data not None):
    """The document as a Python value (engines/events.pyx); raises TomlError if it is not TOML."""
    cdef TomlReader reader
    cdef Event event
    cdef PythonDocument document = PythonDocument()
    try:
        if not toml_reader_init(&reader, data, len(data), NULL):
            message = <bytes>reader.message.data[:reader.message.size]
            raise TomlError(message.decode("utf-8", "surrogateescape"))
        while True:
            event = toml_reader_next(&reader)
            if event == EVENT_END:
                return document.root()
            document.add(event, &reader.datum)
    finally:
        toml_reader_free(&reader)
