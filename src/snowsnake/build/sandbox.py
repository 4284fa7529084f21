"""The sandbox of a builder: what it sees of the machine.  This code runs in the child, before the builder.

In: a `Sandbox`.  Out: this process in namespaces of its own, with a root that has the inputs (read-only), the build's folder and a few devices; only
derivations with a fixed output, and impure ones, have the network.  Inside, the builder is user 1000 of group 100.  Outside, that user is the caller.
If the caller is root, it is a user that only this build has, because root may change the kernel's settings even without any capabilities.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from snowsnake.build import system_calls as system

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field
else:
    from snowsnake.store.light_dataclass import dataclass, field

USER, GROUP = 1000, 100
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
_STANDARD_STREAMS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_NETWORK_FILES = ("/etc/resolv.conf", "/etc/services", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
# Root may change these parts of /proc without any capabilities.
_OF_THE_KERNEL = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


@dataclass
class Sandbox:
    """What a builder sees.  *root*: an empty folder, which becomes "/"; outputs are below it afterwards.  *inputs*: store path → where its object is.

    *extra*: path inside → (path outside, whether it may be missing).  *sees_machine*: the builder sees the whole machine, and only the store is the
    sandbox's own.  *shm_size*: the size of /dev/shm, as the kernel reads it.  *user*: the builder's user outside; None for the caller.
    *is_perhaps_root*: the caller is root, and there are no users for builders, so the builder may be root outside: the kernel's settings are read-only.
    """

    root: str
    store_dir: str
    inputs: Mapping[str, str]
    build_folder: str
    build_folder_inside: str
    extra: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    has_network: bool = False
    sees_machine: bool = False
    shm_size: str = "50%"
    user: int | None = None
    is_perhaps_root: bool = False

    @property
    def namespaces(self) -> int:
        flags = system.NEW_USERS | system.NEW_MOUNTS | system.NEW_PIDS | system.NEW_IPC | system.NEW_NAMES
        return flags if self.has_network or self.sees_machine else flags | system.NEW_NETWORK


def leave_namespaces(sandbox: Sandbox) -> None:
    """First step, in a child that forks afterwards: its own child then is the first process of the new namespace of processes."""
    if sandbox.user is not None:
        os.setgroups([])
    system.unshare(sandbox.namespaces)


def map_users(sandbox: Sandbox, pid: int | str, user: int, group: int) -> None:
    """Second step: sets the *user* and the *group* that the builder has outside.  A process does this for itself (*pid* "self"), or root for its child."""
    if sandbox.user is None:
        _write(f"/proc/{pid}/setgroups", "deny")
    _write(f"/proc/{pid}/uid_map", f"{USER} {user} 1")
    _write(f"/proc/{pid}/gid_map", f"{GROUP} {group} 1")


def enter(sandbox: Sandbox) -> None:
    """Third step, in the process that becomes the builder."""
    system.mount("none", "/", flags=system.PRIVATE | system.RECURSIVE)
    root = sandbox.root
    system.mount(root, root, flags=system.BIND)
    if sandbox.sees_machine:
        _show_machine(sandbox)
    else:
        _furnish(sandbox)
    os.makedirs(root + sandbox.store_dir, exist_ok=True)
    for path, place in sandbox.inputs.items():
        _bind(place, root + path, is_read_only=True)
    _bind(sandbox.build_folder, root + sandbox.build_folder_inside)
    system.set_host_name("localhost")
    if sandbox.namespaces & system.NEW_NETWORK:
        _raise_loopback()
    system.enter_root(root)
    # Until now this process was root, who may enter every folder above the inputs.
    if sandbox.user is not None:
        os.setresgid(GROUP, GROUP, GROUP)
        os.setresuid(USER, USER, USER)


def _furnish(sandbox: Sandbox) -> None:
    """Puts into the root only what every builder may expect."""
    root = sandbox.root
    for folder in ("tmp", "etc", "dev/shm", "dev/pts", "proc", "bin"):
        os.makedirs(f"{root}/{folder}", exist_ok=True)
    os.chmod(f"{root}/tmp", 0o1777)
    for name in _DEVICES:
        _bind(f"/dev/{name}", f"{root}/dev/{name}")
    for name, target in _STANDARD_STREAMS.items():
        os.symlink(target, f"{root}/dev/{name}")
    _mount_proc(sandbox)
    system.mount("none", f"{root}/dev/shm", "tmpfs", system.NO_SUID | system.NO_DEVICES, f"size={sandbox.shm_size}")
    system.mount("none", f"{root}/dev/pts", "devpts", 0, "newinstance,mode=0620,ptmxmode=0666")
    os.symlink("/dev/pts/ptmx", f"{root}/dev/ptmx")
    home = sandbox.build_folder_inside
    _write(f"{root}/etc/passwd", f"root:x:0:0:Nix build user:{home}:/noshell\nnixbld:x:{USER}:{GROUP}:Nix build user:{home}:/noshell\n"
           "nobody:x:65534:65534:Nobody:/:/noshell\n")  # fmt: skip
    _write(f"{root}/etc/group", f"root:x:0:\nnixbld:!:{GROUP}:\nnogroup:x:65534:\n")
    if sandbox.has_network:
        _write(f"{root}/etc/nsswitch.conf", "hosts: files dns\nservices: files\n")
        for path in _NETWORK_FILES:
            if os.path.exists(path):
                _bind(os.path.realpath(path), root + path, is_read_only=True)
    else:
        _write(f"{root}/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    for inside, (outside, may_be_missing) in sandbox.extra.items():
        if os.path.lexists(outside) or not may_be_missing:
            _bind(os.path.realpath(outside), root + inside, is_read_only=True)
    os.chmod(f"{root}/etc", 0o555)


def _show_machine(sandbox: Sandbox) -> None:
    """Makes what is in "/" visible in the root, except the folder above the store."""
    first = sandbox.store_dir.split("/")[1]
    for name in os.listdir("/"):
        if name == first or name == "proc":
            continue
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{sandbox.root}/{name}")
        else:
            _bind(f"/{name}", f"{sandbox.root}/{name}")
    os.makedirs(f"{sandbox.root}/proc", exist_ok=True)
    _mount_proc(sandbox)


def _mount_proc(sandbox: Sandbox) -> None:
    folder = f"{sandbox.root}/proc"
    system.mount("none", folder, "proc")
    if sandbox.is_perhaps_root:
        for name in _OF_THE_KERNEL:
            if os.path.exists(f"{folder}/{name}"):
                _bind(f"{folder}/{name}", f"{folder}/{name}", is_read_only=True)


def _bind(source: str, target: str, *, is_read_only: bool = False) -> None:
    """Makes *source* visible at *target* as well; a symbolic link is copied."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o444))
    system.mount(source, target, flags=system.BIND | system.RECURSIVE)
    if is_read_only:
        system.mount("none", target, flags=system.BIND | system.REMOUNT | system.READ_ONLY | _kept_flags(target))


def _kept_flags(path: str) -> int:
    """The flags of a mount that a user may not remove, so that a remount must repeat them."""
    flags = os.statvfs(path).f_flag
    return flags & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME)


def _raise_loopback() -> None:
    """Makes 127.0.0.1 work inside."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


@cache
def shell_paths() -> dict[str, tuple[str, bool]]:
    """A `/bin/sh` for sandboxes where the settings name none: a static busybox if there is one, otherwise the machine's shell with its libraries."""
    import shutil
    import subprocess

    busybox = shutil.which("busybox")
    shell = busybox if busybox and _is_static(busybox) else "/bin/sh"
    found = {"/bin/sh": (os.path.realpath(shell), False)}
    if shell != busybox:
        listed = subprocess.run(["ldd", found["/bin/sh"][0]], capture_output=True, text=True).stdout
        found |= {path: (path, True) for path in _paths_in(listed.split())}
    return found


def _is_static(program: str) -> bool:
    import subprocess

    return subprocess.run(["ldd", program], capture_output=True).returncode != 0


def _paths_in(words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith("/") and os.path.exists(word)]


@cache
def why_no_sandbox() -> str:
    """Why this machine does not let us make sandboxes; "" if it does.  The first call tries it, in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(_code_of(_try_namespaces))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return "" if status == 0 else os.strerror(abs(status))


def _try_namespaces() -> int:
    """Makes namespaces, and in them some of the mounts that every sandbox makes: containers may allow only the former.  Returns 0, or the error's number."""
    user, group = os.geteuid(), os.getegid()
    system.unshare(system.NEW_USERS | system.NEW_MOUNTS | system.NEW_PIDS)
    map_users(Sandbox("", "", {}, "", ""), "self", user, group)
    first = os.fork()
    if first == 0:
        os._exit(_code_of(_try_mounts))
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])


def _try_mounts() -> int:
    system.mount("none", "/", flags=system.PRIVATE | system.RECURSIVE)
    system.mount("none", "/proc", "proc")
    system.mount("none", "/dev/shm" if os.path.isdir("/dev/shm") else "/tmp", "tmpfs")
    return 0


def _code_of(attempt: Callable[[], int]) -> int:
    try:
        return attempt()
    except OSError as error:
        return min(error.errno or 1, 120)
    except BaseException:
        return 1
