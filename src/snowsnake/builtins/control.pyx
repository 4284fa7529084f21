# cython: language_level=3
"""Builtins that control evaluation: forcing, errors, and messages to the user.

In: arguments as the table's letters prepare them.  Out: the last argument's value, or an error.  When the machine unwinds, it
recognises the frames of `tryEval` and `addErrorContext` by the names of their functions.
"""
from libc.string cimport memset

from snowsnake.builtins.protocol cimport call_internal1, done, force, tail
from snowsnake.builtins.registry cimport define
from snowsnake.diagnostics.message_table cimport MESSAGE_ABORT_ON_WARN
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_free, bytes_text
from snowsnake.host.messages cimport say_trace, say_warning
from snowsnake.machine.errors cimport raise_bytes, raise_message, raise_text, worded
from snowsnake.machine.heap cimport pop, push
from snowsnake.machine.internals cimport INTERNAL_COERCE, INTERNAL_COERCE_STORE, INTERNAL_DEEP_FORCE
from snowsnake.machine.state cimport DONE, ERROR_ABORT, ERROR_MEMORY, ERROR_THROW, RAISE, Machine
from snowsnake.machine.unwind cimport raise_again, try_eval_set
from snowsnake.machine.word cimport (
    WORD_TRUE, Word, is_attrs, is_list, is_string, is_thunk, small_int, string_data, string_size, val,
)
from snowsnake.output.nix_text cimport PRINT_KINDS, print_value

# ---- forcing ----------------------------------------------------------------------------------------------------

cdef int seq(Machine* m, Word* fp) noexcept nogil:
    return tail(m, fp[1])


cdef int deep_seq(Machine* m, Word* fp) noexcept nogil:
    if m.sp == fp + 2 and (is_list(fp[0]) or is_attrs(fp[0])):
        return call_internal1(m, INTERNAL_DEEP_FORCE, fp[0])
    return tail(m, fp[1])


cdef int break_(Machine* m, Word* fp) noexcept nogil:
    return tail(m, fp[0])


# ---- errors -----------------------------------------------------------------------------------------------------

cdef int throw_(Machine* m, Word* fp) noexcept nogil:
    cdef Word message
    if m.sp == fp + 1 and not is_string(fp[0]):
        return call_internal1(m, INTERNAL_COERCE_STORE, fp[0])
    message = fp[0] if m.sp == fp + 1 else m.sp[-1]
    return raise_bytes(m, ERROR_THROW, string_data(message), string_size(message))


cdef int abort_(Machine* m, Word* fp) noexcept nogil:
    cdef Word message
    cdef Bytes text
    cdef int outcome
    if m.sp == fp + 1 and not is_string(fp[0]):
        return call_internal1(m, INTERNAL_COERCE_STORE, fp[0])
    message = fp[0] if m.sp == fp + 1 else m.sp[-1]
    memset(&text, 0, sizeof(text))
    if bytes_text(&text, "evaluation aborted with the following error message: '") \
            and bytes_append(&text, string_data(message), string_size(message)) and bytes_byte(&text, c"'"):
        outcome = raise_bytes(m, ERROR_ABORT, text.data, text.size)
    else:
        outcome = raise_text(m, ERROR_MEMORY, NULL)
    bytes_free(&text)
    return outcome


cdef int _succeeded(Machine* m, Word cell) noexcept nogil:
    m.result = try_eval_set(m, WORD_TRUE, cell)
    return DONE if m.result else RAISE


cdef int try_eval(Machine* m, Word* fp) noexcept nogil:
    """State: one word, whose presence shows that m.try_count includes this frame.  After an error that is caught, the function is not entered again."""
    cdef Word value = val(fp[0])
    if m.sp == fp + 1:
        if not is_thunk(value):
            return _succeeded(m, fp[0])
        m.try_count += 1
        push(m, small_int(1))
    if is_thunk(value):
        return force(m, value)
    m.try_count -= 1
    return _succeeded(m, fp[0])


cdef int add_error_context(Machine* m, Word* fp) noexcept nogil:
    """When an error passes through this frame, the function is entered again with a state word (machine/unwind.pyx), and evaluates the message."""
    cdef Word value = val(fp[1])
    if m.sp == fp + 2:
        return force(m, value) if is_thunk(value) else done(m, value)
    if m.sp == fp + 3:
        return call_internal1(m, INTERNAL_COERCE, fp[0])
    return raise_again(m, fp + 2, pop(m))


# ---- messages ---------------------------------------------------------------------------------------------------

cdef int _trace(Machine* m, Word value, Word result) noexcept nogil:
    """Writes a string as it is, another value as Nix text; nothing is forced."""
    cdef Bytes text
    cdef int outcome = DONE
    memset(&text, 0, sizeof(text))
    if not is_string(value):
        outcome = print_value(m, value, &text, PRINT_KINDS)
    elif not bytes_append(&text, string_data(value), string_size(value)):
        outcome = raise_text(m, ERROR_MEMORY, NULL)
    if outcome == DONE:
        say_trace(m, text.data, text.size)
        outcome = tail(m, result)
    bytes_free(&text)
    return outcome


cdef int trace_(Machine* m, Word* fp) noexcept nogil:
    return _trace(m, fp[0], fp[1])


cdef int trace_verbose(Machine* m, Word* fp) noexcept nogil:
    cdef Word message = val(fp[0])
    if not m.trace_verbose:
        return tail(m, fp[1])
    return force(m, message) if is_thunk(message) else _trace(m, message, fp[1])


cdef int warn(Machine* m, Word* fp) noexcept nogil:
    say_warning(m, string_data(fp[0]), string_size(fp[0]))
    if m.abort_on_warn:
        return raise_message(m, worded(MESSAGE_ABORT_ON_WARN))
    return tail(m, fp[1])


define("seq", seq)
define("deepSeq", deep_seq)
define("break", break_)
define("throw", throw_)
define("abort", abort_)
define("tryEval", try_eval)
define("addErrorContext", add_error_context)
define("trace", trace_)
define("traceVerbose", trace_verbose)
define("warn", warn)
