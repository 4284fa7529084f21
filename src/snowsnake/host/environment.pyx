# cython: language_level=3
"""What evaluation can know about the process and its user: variables, system, time, the home directory.

In: names, as programs ask for them.  Out: values, recorded; under a policy there are no variables.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport getenv
from libc.string cimport strcmp, strlen
from libc.time cimport time

from snowsnake.diagnostics.message_table cimport MESSAGE_HOME_IN_PURE_MODE, MESSAGE_NO_HOME
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_text, make_view, view_text
from snowsnake.host.disk cimport disk_home
from snowsnake.host.records cimport RECORD_HOME, RECORD_TIME, RECORD_VARIABLE, STATE_ABSENT, STATE_FOUND, record
from snowsnake.host.state cimport OBJECT_VARIABLES, OWN_ENVIRONMENT, Host, host_object, host_of, is_guarded
from snowsnake.machine.attention cimport error_disregard
from snowsnake.machine.errors cimport error_clear, raise_message, raise_text, worded
from snowsnake.machine.heap cimport CODE_APPLY
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, RAISE, Machine
from snowsnake.machine.word cimport (
    KIND_BUILTIN, THUNK_SUSPENDED, Word, header_code, header_size, header_state, is_function, kind_of, pointer_of,
)


cdef const char* _own_variable(Machine* m, const char* name) noexcept with gil:
    """A variable of the options.  The text stays valid, because the machine keeps the dict that has it."""
    found = (<dict>host_object(host_of(m), OBJECT_VARIABLES)).get(<bytes>name)
    return NULL if found is None else <const char*><bytes>found


cdef const char* host_getenv(Machine* m, const char* name) noexcept nogil:
    cdef const char* value
    if is_guarded(m):
        return NULL
    value = _own_variable(m, name) if host_of(m).features & OWN_ENVIRONMENT else getenv(name)
    record_variable(m, name, value)
    return value


cdef void record_variable(Machine* m, const char* name, const char* value) noexcept nogil:
    if not record(m, RECORD_VARIABLE, view_text(name), STATE_ABSENT if value == NULL else STATE_FOUND, value,
                  0 if value == NULL else strlen(value)):
        error_disregard(m)


cdef const char* host_system(Machine* m) noexcept nogil:
    if host_of(m).system == NULL:
        return "x86_64-linux"
    return host_of(m).system


cdef int64_t host_time(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    if h.current_time == 0:
        h.current_time = time(NULL)
    if not record(m, RECORD_TIME, make_view(NULL, 0), STATE_FOUND, &h.current_time, sizeof(h.current_time)):
        error_clear(m)
    return h.current_time


cdef bint host_is_time(Machine* m, Word thunk) noexcept nogil:
    cdef Word* p = pointer_of(thunk)
    return header_state(p[0]) == THUNK_SUSPENDED and header_code(p[0]) == CODE_APPLY and is_function(p[1]) and kind_of(p[1]) == KIND_BUILTIN \
        and strcmp(m.builtins[header_size(pointer_of(p[1])[0])].name, "__time") == 0


cdef int host_home_path(Machine* m, const uint8_t* rest, size_t size_bytes, Bytes* path) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef const char* home = h.home
    if h.is_pure:
        return raise_message(m, worded(MESSAGE_HOME_IN_PURE_MODE, <int>size_bytes, <const char*>rest))
    if home == NULL:
        home = getenv("HOME")
        record_variable(m, "HOME", home)
    if home == NULL or home[0] == 0:
        home = disk_home()
        if home != NULL and not record(m, RECORD_HOME, make_view(NULL, 0), STATE_FOUND, home, strlen(home)):
            return RAISE
    if home == NULL:
        return raise_message(m, worded(MESSAGE_NO_HOME))
    # The rest is appended as it is written, because a program can see and compare the `..` of `~/..`.  Code that reads the path resolves it.
    if not (bytes_text(path, home) and bytes_byte(path, c'/') and bytes_append(path, rest, size_bytes)):
        return raise_text(m, ERROR_MEMORY, NULL)
    return DONE
