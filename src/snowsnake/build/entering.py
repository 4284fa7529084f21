"""Runs a program in a mount namespace in which a store's objects are where their paths say.

usage: entering.py STORE_DIR PLACE PROGRAM [WORD …]     (PLACE: where the objects lie)

In: words.  Out: this process becomes the program, which sees everything else of the machine as it is.
"""

from __future__ import annotations

import os
import sys
import tempfile

from snowsnake.build import system_calls as system


def enter_store(store_dir: str, place: str) -> None:
    """Makes what is in *place* visible in *store_dir*, for this process and those that it starts."""
    folder = os.getcwd()
    user, group = os.getuid(), os.getgid()
    try:
        system.unshare(system.NEW_USERS | system.NEW_MOUNTS)
    except OSError:
        # Namespaces of users may be switched off; root does not need them.
        system.unshare(system.NEW_MOUNTS)
    else:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    system.mount("none", "/", flags=system.PRIVATE | system.RECURSIVE)
    if os.path.isdir(store_dir):
        try:
            system.mount("overlay", store_dir, "overlay", options=f"lowerdir={store_dir}:{place}")
        except OSError:
            system.mount(place, store_dir, flags=system.BIND)
    else:
        root = tempfile.mkdtemp(prefix="nix-root-")
        os.makedirs(root + store_dir)
        system.mount(place, root + store_dir, flags=system.BIND)
        _show_machine(root)
        os.chroot(root)
    os.chdir(folder)


def _show_machine(root: str) -> None:
    """Puts into *root* the folders and links of "/", except the folder above the store, which is there already."""
    for entry in os.scandir("/"):
        target = f"{root}/{entry.name}"
        if os.path.lexists(target):
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.is_dir():
            os.mkdir(target, 0o700)
            system.mount(entry.path, target, flags=system.BIND | system.RECURSIVE)


def main(words: list[str]) -> None:
    store_dir, place, program, *rest = words
    try:
        enter_store(store_dir, place)
    except OSError as error:
        sys.exit(f"error: setting up a private mount namespace: {error.strerror or error}")
    try:
        os.execvp(program, [program, *rest])
    except OSError as error:
        sys.exit(f"error: unable to exec '{program}': {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
