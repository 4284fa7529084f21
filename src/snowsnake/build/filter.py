"""Forbids builders to set set-uid and set-gid bits and extended attributes, which no store object has.

This is a filter of system calls (seccomp) for the process and everything that it starts.  Where the kernel has no such filters,
`outputs.make_canonical` removes the bits and attributes that builders set.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_ANY, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
# These are offsets in the structure that describes a call (`struct seccomp_data`).
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID

# This maps the kernel's number of a machine to (calls that have a mode, each with the index of that argument), (calls that set extended attributes).
_CALLS = {
    # This machine is x86-64.
    0xC000003E: (((90, 1), (91, 1), (268, 2), (452, 2)), (188, 189, 190, 463)),
    # This machine is i386.
    0x40000003: (((15, 1), (94, 1), (306, 2), (452, 2)), (226, 227, 228, 463)),
    # This machine is aarch64.
    0xC00000B7: (((52, 1), (53, 2), (452, 2)), (5, 6, 7, 463)),
    # This machine is arm.
    0x40000028: (((15, 1), (94, 1), (333, 2), (452, 2)), (226, 227, 228, 463)),
}
# An x86-64 kernel has a third set of calls, x32, whose numbers have this bit.
_X32 = 0x40000000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def program() -> bytes:
    """The filter's instructions: a block for each machine, which refuses its calls in `_CALLS`; every other call is allowed."""
    code = b""
    for machine, (with_mode, with_attributes) in _CALLS.items():
        block = b""
        for number, argument in with_mode:
            for known in (number, number | _X32) if machine == 0xC000003E else (number,):
                block += _instruction(_LOAD, _NUMBER)
                block += _instruction(_JUMP_IF_EQUAL, known, 0, 4)
                block += _instruction(_LOAD, _FIRST_ARGUMENT + 8 * argument)
                block += _instruction(_JUMP_IF_ANY, _SPECIAL_BITS, 0, 1)
                block += _instruction(_RETURN, _ERROR | errno.EPERM)
                block += _instruction(_RETURN, _ALLOW)
        for number in with_attributes:
            for known in (number, number | _X32) if machine == 0xC000003E else (number,):
                block += _instruction(_LOAD, _NUMBER)
                block += _instruction(_JUMP_IF_EQUAL, known, 0, 1)
                block += _instruction(_RETURN, _ERROR | errno.ENOTSUP)
        block += _instruction(_RETURN, _ALLOW)
        code += _instruction(_LOAD, _MACHINE) + _instruction(_JUMP_IF_EQUAL, machine, 0, len(block) // 8) + block
    return code + _instruction(_RETURN, _ALLOW)


def restrict() -> None:
    """Installs the filter, after which the process cannot gain rights.  It does nothing where the kernel has no such filters."""
    from snowsnake.build.system_calls import give_up_privileges

    give_up_privileges()
    code = program()
    given = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(given), 0, 0) != 0 and ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
