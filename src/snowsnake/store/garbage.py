"""Finds what protects store objects, and removes everything that is not protected (`nix-store --gc`, `--delete`).

In: a store in a folder.  Out: roots; removed objects, each before those that it refers to.  As in Nix, the collector's lock makes other
programs that add roots or remove objects wait until it has finished.  A running program notes what it is about to use or make
in its file of temporary roots; the collector spares every entry of the store folder with one of
these hashes, which includes locks and copies beside the objects.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from snowsnake.store.graph import closure, reachable, sorted_paths
from snowsnake.store.interface import Store
from snowsnake.store.local import LocalStore
from snowsnake.store.path import hash_part_of
from snowsnake.store.sizes import size_text

Note = Callable[[str], None]
_CENSORED_PROCESS = "{temp:%d}"


def find_roots(store: Store, note: Note) -> dict[str, set[str]]:
    """For each object that is a root: the links below `gcroots` and `profiles`, or the files of running programs, that make it one."""
    found: dict[str, set[str]] = {}
    # A daemon looks for the roots itself.
    ask = getattr(store, "find_roots", None)
    if ask is not None:
        return dict(ask())
    state = getattr(store, "state", "")
    if not state:
        return found
    for name in ("gcroots", "profiles"):
        _look(store, os.path.join(state, name), found, note)
    for path, source in _running(store):
        if store.is_valid(path):
            found.setdefault(path, set()).add(source)
    for path, process in _temporary(store):
        found.setdefault(path, set()).add(_CENSORED_PROCESS % process)
    return found


def _look(store: Store, start: str, found: dict[str, set[str]], note: Note) -> None:
    automatic = os.path.join(getattr(store, "state", ""), "gcroots/auto") + "/"
    waiting = [start]
    while waiting:
        path = waiting.pop()
        try:
            if os.path.islink(path):
                target = os.readlink(path)
                if target.startswith(store.store_dir + "/"):
                    _note_root(store, path, target, found, note)
                    continue
                target = os.path.normpath(os.path.join(os.path.dirname(path), target))
                if os.path.lexists(target):
                    if os.path.islink(target) and os.readlink(target).startswith(store.store_dir + "/"):
                        _note_root(store, target, os.readlink(target), found, note)
                elif path.startswith(automatic):
                    note(f'removing stale link from "{path}" to "{target}"')
                    os.unlink(path)
            elif os.path.isdir(path):
                waiting.extend(os.path.join(path, name) for name in os.listdir(path))
            elif os.path.isfile(path):
                whole = f"{store.store_dir}/{os.path.basename(path)}"
                if store.is_valid(whole):
                    found.setdefault(whole, set()).add(path)
        except (PermissionError, FileNotFoundError, NotADirectoryError):
            note(f'cannot read potential root "{path}"')


def _note_root(store: Store, link: str, target: str, found: dict[str, set[str]], note: Note) -> None:
    try:
        path = store.split(target)[0]
    except ValueError:
        return
    if store.is_valid(path):
        found.setdefault(path, set()).add(link)
    else:
        note(f'skipping invalid root from "{link}" to "{target}"')


def _running(store: Store) -> Iterator[tuple[str, str]]:
    """(object, file of /proc) for objects that running programs have open, mapped or in their environment."""
    prefix = store.store_dir + "/"
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return
    for process in processes:
        folder = f"/proc/{process}"
        seen: list[tuple[str, str]] = []
        for name in ("exe", "cwd"):
            try:
                seen.append((f"{folder}/{name}", os.readlink(f"{folder}/{name}")))
            except OSError:
                pass
        try:
            seen += [(f"{folder}/fd/{fd}", os.readlink(f"{folder}/fd/{fd}")) for fd in os.listdir(f"{folder}/fd")]
        except OSError:
            pass
        for name in ("maps", "environ"):
            try:
                with open(f"{folder}/{name}", "rb") as file:
                    text = os.fsdecode(file.read())
            except OSError:
                continue
            at = text.find(prefix)
            while at >= 0:
                seen.append((f"{folder}/{name}", text[at : at + 300].split("\0")[0].split("\n")[0].split(":")[0]))
                at = text.find(prefix, at + 1)
        for source, target in seen:
            if target.startswith(prefix):
                try:
                    yield store.split(target)[0], source
                except ValueError:
                    continue


def _temporary(store: Store) -> Iterator[tuple[str, int]]:
    """(object, number of the process) for objects that running Nix programs are about to use."""
    folder = os.path.join(getattr(store, "state", ""), "temproots")
    try:
        names = [name for name in os.listdir(folder) if name.isdigit()]
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(folder, name), "rb+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    # Nobody holds the lock: the process of this file has ended.
                    continue
                except BlockingIOError:
                    pass
                paths = file.read().split(b"\0")[:-1]
        except OSError:
            continue
        for path in paths:
            try:
                yield store.parse(os.fsdecode(path)), int(name)
            except ValueError:
                continue


@contextmanager
def collector_lock(store: LocalStore) -> Iterator[None]:
    """Keeps other processes from adding roots and from collecting inside the `with`; waits until no other process holds the lock."""
    fd = os.open(os.path.join(store.state, "gc.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class Collector:
    """Finds what is alive, and removes other objects.  *keeps_outputs*, *keeps_derivations*: the settings `keep-outputs` and `keep-derivations`.

    *ignores_liveness*: only what running programs use is alive.  Afterwards `removed` has the removed objects, and `freed_bytes` their size.
    """

    def __init__(
        self, store: LocalStore, note: Note, *, keeps_outputs: bool, keeps_derivations: bool, ignores_liveness: bool = False
    ) -> None:
        self.store = store
        self.note = note
        self.keeps_outputs = keeps_outputs and not ignores_liveness
        self.keeps_derivations = keeps_derivations and not ignores_liveness
        self.ignores_liveness = ignores_liveness
        self.freed_bytes = 0
        self.removed: list[str] = []
        # These are the removed objects again, as a set for look-ups.
        self._gone: set[str] = set()

    def _roots(self) -> set[str]:
        self.note("finding garbage collector roots...")
        if self.ignores_liveness:
            return {path for path, _ in _temporary(self.store)}
        return set(find_roots(self.store, self.note))

    def _users(self, path: str) -> Iterator[str]:
        """The objects that must be removed before this one."""
        yield from self.store.users(path)
        if self.keeps_derivations and path.endswith(".drv") and self.store.is_valid(path):
            for output in self.store.outputs(path).values():
                info = self.store.info(output)
                if info is not None and info.deriver == path:
                    yield output
        if self.keeps_outputs:
            yield from self.store.valid_derivers(path)

    def _with_users(self, path: str) -> set[str]:
        return reachable([path], self._users)

    def alive(self) -> set[str]:
        """Everything that roots protect."""
        roots = [path for path in self._roots() if self.store.is_valid(path)]
        return closure(self.store, roots, includes_outputs=self.keeps_outputs, includes_derivers=self.keeps_derivations)

    def dead(self) -> list[str]:
        """Valid and other objects that nothing protects."""
        alive = self.alive()
        spared = {hash_part_of(path) for path, _ in _temporary(self.store)}
        return sorted(path for path in self._present() if path not in alive and hash_part_of(path) not in spared)

    def _present(self) -> set[str]:
        found = set(self.store.paths())
        for name in os.listdir(self.store.objects):
            try:
                found.add(self.store.parse(f"{self.store.store_dir}/{name}"))
            except ValueError:
                # Nix keeps links, temporary folders and locks in this folder too.
                continue
        return found

    def collect(self, most_bytes: int | None = None, *, removes: bool = True) -> None:
        """Removes all dead objects, or stops when more than *most_bytes* are freed; without *removes* it only fills `removed`."""
        with collector_lock(self.store):
            if most_bytes == 0:
                return
            dead = self.dead()
            self.note("deleting garbage..." if removes else "determining live/dead paths...")
            if not removes:
                self.removed = dead
                return
            for path in sorted_paths(self.store, dead):
                if self.store.must_stop():
                    break
                self._remove([path])
                if most_bytes is not None and self.freed_bytes > most_bytes:
                    self.note(f"deleted more than {most_bytes} bytes; stopping")
                    break
            self._remove_links()
            self.store.after_removal()

    def _remove_links(self) -> None:
        """Removes the files of Nix's optimiser that no object uses any more."""
        folder = os.path.join(self.store.objects, ".links")
        try:
            names = list(os.scandir(folder))
        except OSError:
            return
        self.note("deleting unused links...")
        saved_bytes = -os.stat(folder).st_blocks * 512
        for entry in names:
            status = entry.stat(follow_symlinks=False)
            if status.st_nlink == 1:
                os.unlink(entry.path)
            else:
                # One of the file's names is the link itself, and one would exist in any case.
                saved_bytes += (status.st_nlink - 2) * status.st_size
        self.note(f"note: hard linking is currently saving {size_text(saved_bytes)}")

    def delete(self, paths: Iterable[str]) -> None:
        """Removes exactly these objects; ValueError for one that a root or another object needs."""
        wanted = set(paths)
        with collector_lock(self.store):
            roots = self._roots()
            for path in sorted(wanted):
                users = self._with_users(path)
                if users & roots or not users <= wanted:
                    raise ValueError(
                        f"Cannot delete path '{path}' since it is still alive. To find out why, use: "
                        "nix-store --query --roots and nix-store --query --referrers"
                    )
                self._remove(users)
            self._remove_links()
            self.store.after_removal()

    def _remove(self, paths: Iterable[str]) -> None:
        for path in sorted_paths(self.store, paths):
            if path in self._gone:
                continue
            self.note(f"deleting '{path}'")
            self.freed_bytes += self.store.remove(path)
            self.removed.append(path)
            self._gone.add(path)
