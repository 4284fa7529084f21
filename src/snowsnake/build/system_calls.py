"""System calls of Linux that Python does not have: for namespaces, mounts, keys.  OSErrors say what was tried."""

from __future__ import annotations

import ctypes
import os

NEW_MOUNTS, NEW_NAMES, NEW_IPC, NEW_USERS, NEW_PIDS, NEW_NETWORK = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(os.uname().machine)
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
_JOIN_SESSION_KEYRING = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Puts this process into new namespaces; *flags* (`NEW_…`) say of which kinds."""
    _check(_libc.unshare(flags), "namespaces")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    result = _libc.mount(os.fsencode(source), os.fsencode(target), os.fsencode(kind), ctypes.c_ulong(flags), os.fsencode(options))
    _check(result, f"mounting '{target}'")


def enter_root(folder: str) -> None:
    """Makes *folder*, which must be a mount, the root; detaches the old root."""
    os.chdir(folder)
    if _SYS_PIVOT_ROOT is None:
        raise OSError(38, "pivot_root on this machine")
    _check(_libc.syscall(_SYS_PIVOT_ROOT, b".", b"."), f"making '{folder}' the root")
    _check(_libc.umount2(b".", _DETACH), "letting go of the old root")
    os.chdir("/")


def end_with_parent(signal_number: int) -> None:
    """Makes the kernel send this process the signal when its parent ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl")


def give_up_privileges() -> None:
    """Prevents programs that are started from now on from gaining rights."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def forget_keys() -> None:
    """Leaves the session's keyring, whose keys (of file systems, of Kerberos) belong to the user.  An error is ignored: without keyrings nothing leaks."""
    if _SYS_KEYCTL is not None:
        _libc.syscall(_SYS_KEYCTL, _JOIN_SESSION_KEYRING, None)


def set_host_name(name: str) -> None:
    data = os.fsencode(name)
    _check(_libc.sethostname(data, len(data)), "sethostname")
    _check(_libc.setdomainname(b"(none)", 6), "setdomainname")
