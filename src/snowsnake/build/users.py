"""Users for builders that root starts: numbers that no account has, each used by one build at a time.

In: the folder of a store's state.  Out: a number, and a lock, which lasts until its descriptor is closed.  Numbers and folder are those of C++ Nix's
`auto-allocate-uids`.
"""

import os

from snowsnake.foundation.file_locks import try_lock

_FIRST, _COUNT, _STEP = 872415232, 128, 65536


def are_there(maps: tuple[str, ...] = ("/proc/self/uid_map", "/proc/self/gid_map")) -> bool:
    """Whether this process can use these users.  In a namespace of users, which many containers have, only some numbers may exist."""
    return all(any(first <= _FIRST and _FIRST + _COUNT * _STEP <= first + count for first, count in _ranges(name)) for name in maps)


def _ranges(name: str) -> list[tuple[int, int]]:
    """(the first number, how many) of each range in a file such as /proc/self/uid_map."""
    with open(name) as file:
        return [(int(first), int(count)) for first, _, count in map(str.split, file)]


def acquire(state: str) -> tuple[int, int]:
    """Returns (descriptor of the lock, user); the group has the same number.  OSError if all are in use."""
    folder = os.path.join(state, "userpool2")
    os.makedirs(folder, mode=0o755, exist_ok=True)
    for slot in range(_COUNT):
        fd = os.open(os.path.join(folder, f"slot-{slot}"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if try_lock(fd):
            return fd, _FIRST + slot * _STEP
        os.close(fd)
    raise OSError(11, "all users for builders are in use")
