# cython: language_level=3
"""Messages of a running evaluation: traces, warnings, and at higher verbosity what it is doing.

In: texts, in the words of the program and the evaluator.  Out: lines on standard error, in the log format of the host: plain, without
control sequences of terminals, or C++ Nix's JSON.
"""
from libc.errno cimport EINTR, errno
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset, strlen

from snowsnake.diagnostics.terminal_text cimport terminal_text
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_free, bytes_spaces, bytes_text
from snowsnake.foundation.handlers cimport handed_over
from snowsnake.host.state cimport OBJECT_ON_MESSAGE, host_object, host_of
from snowsnake.machine.attention cimport ATTENTION_NEW, ATTENTION_SIGNAL, must_stop, request_attention
from snowsnake.machine.errors cimport format_text
from snowsnake.machine.state cimport ERROR_INTERRUPT, ERROR_TIMEOUT, Machine

cdef extern from "<unistd.h>" nogil:
    ssize_t write(int descriptor, const void* data, size_t size)
    int isatty(int descriptor)

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd* descriptors, unsigned long count, int timeout_ms)
    short POLLOUT

cdef enum:
    STANDARD_ERROR = 2
    # We look for a request to stop each time that so many milliseconds have passed.
    LOOK_MS = 50
    # A pipe takes this many bytes at once, if it takes anything.
    PIPE_BYTES = 4096

# This counts the messages that our process wrote to its standard error. Code that keeps results asks whether an evaluation printed
# something.
cdef uint64_t _written_messages = 0


def written_messages():
    """How many messages evaluations of this process have written."""
    return _written_messages


cdef bint is_said(Machine* m, int level) noexcept nogil:
    return level <= host_of(m).verbosity


cdef bint _may_write(Machine* m) noexcept nogil:
    """Waits until standard error takes something, or has an error; False if the machine must stop instead: perhaps nobody reads what is written there."""
    cdef pollfd out
    # What an observer says of calls that end because of a request is not waited for, either.
    while m.error.code != ERROR_INTERRUPT and m.error.code != ERROR_TIMEOUT and not must_stop(m):
        out.fd = STANDARD_ERROR
        out.events = POLLOUT
        if poll(&out, 1, LOOK_MS) > 0:
            return True
        if m.attention & ATTENTION_NEW:
            # A run that waits is not a short one: a signal may have come already.
            request_attention(m, ATTENTION_SIGNAL)
    return False


cdef void write_error_output(Machine* m, const uint8_t* data, size_t size) noexcept nogil:
    global _written_messages
    cdef ssize_t written
    _written_messages += 1
    while size and _may_write(m):
        written = write(STANDARD_ERROR, data, min(size, <size_t>PIPE_BYTES))
        if written < 0 and errno == EINTR:
            continue
        if written <= 0:
            break
        data += written
        size -= <size_t>written


cdef void _write_plain(Machine* m, Bytes* text) noexcept nogil:
    cdef size_t size = 0
    cdef uint8_t* shown = terminal_text(text.data, text.size, isatty(STANDARD_ERROR), &size)
    if shown != NULL:
        # The text has room for this byte.
        shown[size] = c'\n'
        write_error_output(m, shown, size + 1)
        free(shown)


cdef bint _quoted(Bytes* line, const uint8_t* text, size_t size) noexcept nogil:
    """A JSON string."""
    cdef size_t i
    cdef char* code
    cdef bint fits = bytes_byte(line, c'"')
    for i in range(size):
        if text[i] == c'"' or text[i] == c'\\':
            fits = fits and bytes_byte(line, c'\\') and bytes_byte(line, text[i])
        elif text[i] == c'\n':
            fits = fits and bytes_text(line, "\\n")
        elif text[i] == c'\t':
            fits = fits and bytes_text(line, "\\t")
        elif text[i] == c'\r':
            fits = fits and bytes_text(line, "\\r")
        elif text[i] < 32:
            code = format_text("\\u%04x", <int>text[i])
            fits = fits and code != NULL and bytes_text(line, code)
            free(code)
        else:
            fits = fits and bytes_byte(line, text[i])
    return fits and bytes_byte(line, c'"')


cdef void _write_json(Machine* m, int level, const void* shown, size_t shown_size, const void* raw, size_t raw_size) noexcept nogil:
    """Writes a line of C++ Nix's JSON.  An error or a warning also has the text without its title (*raw*)."""
    cdef Bytes line
    cdef char* end = format_text(",\"level\":%d,\"line\":0", level) if raw != NULL else format_text(",\"level\":%d", level)
    cdef bint fits
    memset(&line, 0, sizeof(line))
    fits = bytes_text(&line, b"@nix {\"action\":\"msg\"")
    if raw != NULL:
        fits = fits and bytes_text(&line, b",\"column\":0,\"file\":\"\xc2\xabnone\xc2\xbb:0\"")
    fits = fits and end != NULL and bytes_text(&line, end) and bytes_text(&line, b",\"msg\":")
    fits = fits and _quoted(&line, <const uint8_t*>shown, shown_size)
    if raw != NULL:
        fits = fits and bytes_text(&line, b",\"raw_msg\":") and _quoted(&line, <const uint8_t*>raw, raw_size)
    if fits and bytes_text(&line, "}\n"):
        write_error_output(m, line.data, line.size)
    free(end)
    bytes_free(&line)


cdef void _tell(Machine* m, str kind, const void* data, size_t size) noexcept with gil:
    """Calls the function that gets messages.  Nobody can handle its exceptions here, so Python reports them like those of finalizers."""
    try:
        host_object(host_of(m), OBJECT_ON_MESSAGE)(kind, (<const char*>data)[:size].decode("utf-8", "replace"))
    except BaseException as error:
        if not handed_over(error):
            raise


cdef void _tell_progress(Machine* m, const char* message) noexcept with gil:
    _tell(m, "progress", message, strlen(message))


cdef void _tell_text(Machine* m, bint is_trace, const void* data, size_t size) noexcept with gil:
    _tell(m, "trace" if is_trace else "warning", data, size)


cdef void say(Machine* m, int level, char* message) noexcept nogil:
    cdef Bytes text
    if message == NULL or not is_said(m, level):
        free(message)
        return
    if host_of(m).log_form == LOG_TOLD:
        _tell_progress(m, message)
        free(message)
        return
    memset(&text, 0, sizeof(text))
    if host_of(m).log_form == LOG_JSON:
        _write_json(m, level, message, strlen(message), NULL, 0)
    elif bytes_text(&text, message):
        _write_plain(m, &text)
    bytes_free(&text)
    free(message)


cdef void say_trace(Machine* m, const void* text, size_t size) noexcept nogil:
    cdef Bytes line
    if host_of(m).log_form == LOG_TOLD:
        _tell_text(m, True, text, size)
        return
    memset(&line, 0, sizeof(line))
    if bytes_text(&line, "trace: ") and bytes_append(&line, <const uint8_t*>text, size):
        if host_of(m).log_form == LOG_JSON:
            _write_json(m, LEVEL_ERROR, line.data, line.size, NULL, 0)
        else:
            _write_plain(m, &line)
    bytes_free(&line)


cdef bint _indented(Bytes* line, const char* title, const char* shown_title, const uint8_t* data, size_t size) noexcept nogil:
    """Appends a title and a text, whose further lines are indented; no line has blanks at its end.  An empty text appends nothing."""
    cdef size_t i, width = strlen(title)
    cdef bint fits = True
    while size and _is_blank(data[size - 1]):
        size -= 1
    if size == 0:
        return True
    fits = bytes_text(line, shown_title)
    for i in range(size):
        if data[i] != c'\n':
            fits = fits and bytes_byte(line, data[i])
            continue
        while line.size and _is_blank(line.data[line.size - 1]) and line.data[line.size - 1] != c'\n':
            line.size -= 1
        fits = fits and bytes_byte(line, c'\n') and bytes_spaces(line, width)
    return fits


cdef bint _is_blank(uint8_t byte) noexcept nogil:
    return byte == c' ' or byte == c'\t' or byte == c'\n' or byte == c'\r'


cdef void _say_warning(Machine* m, const void* text, size_t size, bint is_from_expression, bint is_fault) noexcept nogil:
    cdef Bytes line
    cdef bint is_json = host_of(m).log_form == LOG_JSON, fits
    if host_of(m).log_form == LOG_TOLD:
        _tell_text(m, False, text, size)
        return
    if not is_json and not is_said(m, LEVEL_WARNING):
        return
    memset(&line, 0, sizeof(line))
    if is_from_expression:
        fits = _indented(&line, "evaluation warning: ", b"\x1b[35;1mevaluation warning:\x1b[0m ", <const uint8_t*>text, size)
    elif is_fault:
        fits = _indented(&line, "warning: ", b"\x1b[35;1mwarning:\x1b[0m ", <const uint8_t*>text, size)
    else:
        fits = bytes_text(&line, b"\x1b[35;1mwarning:\x1b[0m ") and bytes_append(&line, <const uint8_t*>text, size)
    if fits and is_json:
        _write_json(m, LEVEL_WARNING, line.data, line.size, text if is_from_expression else NULL, size)
    elif fits:
        # `_write_plain` removes the colours again, unless a terminal reads the text.
        _write_plain(m, &line)
    bytes_free(&line)


cdef void say_warning(Machine* m, const void* text, size_t size) noexcept nogil:
    _say_warning(m, text, size, True, False)


cdef void host_warn(Machine* m, char* message) noexcept nogil:
    if message != NULL:
        _say_warning(m, message, strlen(message), False, False)
        free(message)


cdef void host_warn_of_fault(Machine* m, char* message) noexcept nogil:
    if message != NULL:
        _say_warning(m, message, strlen(message), False, True)
        free(message)
