# cython: language_level=3
"""Makes a host and frees it, sets its options, says what was read."""
from snowsnake.machine.state cimport Machine

cdef int host_new(Machine* m) noexcept nogil
    # sets m.host; options are set by host_configure before evaluation starts
cdef void host_free(Machine* m) noexcept nogil
cdef object host_configure(Machine* m, object options)
    # options: a host.options.HostOptions; before evaluation starts
cdef object host_mount(Machine* m, bytes store_path, object files)
    # a path directly in the logical store, and everything below it, is read through a file_system.FileSystem from now on, whatever the
    # policy; one that lies on disk as it is, is read there, without the GIL.  ValueError if it is no such path.
cdef list host_records(Machine* m)
    # (kind, name, value) of everything that was asked (host/records.pyx), in order, once each
cdef object host_settings(Machine* m)
    # a dict of the settings that have an influence on results
cdef object host_store_places(Machine* m)
    # the logical store, and the folder that stands for it or None
cdef object host_forget_store_to_read(Machine* m)
    # in a child of the process: it is opened anew
