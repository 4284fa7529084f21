"""Locks of files, which end with the process that holds them.

In: a descriptor.  Out: whether the lock is ours.
"""

import fcntl


def try_lock(fd: int) -> bool:
    """Takes the exclusive lock of an open file, if no other process holds one; it does not wait.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file, open(file.name) as other:
    ...     try_lock(file.fileno()), try_lock(other.fileno())
    (True, False)
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
