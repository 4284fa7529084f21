# cython: language_level=3
"""Makes and frees a host, sets its options, and returns what was read."""
from snowsnake.machine.state cimport Machine

cdef class Borrowed:
    cdef tuple objects

cdef int host_new(Machine* m) noexcept nogil
    # Sets m.host; host_configure sets the options before evaluation starts.
cdef void host_free(Machine* m) noexcept nogil
cdef object host_configure(Machine* m, Borrowed held, object options)
    # options is a host.options.HostOptions; to be called before evaluation starts.  *held* must live as long as the host.
cdef object host_hold(Machine* m, object thing)
    # Keeps *thing* alive as long as the host.
cdef object host_mount(Machine* m, bytes store_path, object files)
    # From now on a path directly in the logical store, and everything below it, is read through a file_system.FileSystem, whatever the
    # policy is.  A file system that lies on disk is read there, without the GIL.  ValueError if the path is not such a path.
cdef list host_records(Machine* m)
    # Returns (kind, name, value) of everything that evaluation asked for (host/records.pyx), in order, without repetition.
cdef object host_settings(Machine* m)
    # Returns a dict of the settings that influence results.
cdef object host_store_places(Machine* m)
    # Returns the logical store, and the folder that stands for it, or None.
cdef object host_forget_store_to_read(Machine* m)
    # Must be called in a child of the process: lets the store that is only read be opened again.
