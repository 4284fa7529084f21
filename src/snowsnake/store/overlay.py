"""A store over another one (`local-overlay://`): OverlayFS shows the objects of both in one folder; additions go to the upper layer.

In: as for `LocalStore`, a lower store, the folder of the upper layer.  Out: as for `LocalStore`.  The user has mounted the OverlayFS.  The database
of this store has the facts about the upper objects and about all that these refer to, and the facts about other lower objects once somebody has asked for them.
"""

from __future__ import annotations

import os
import re
import subprocess

from snowsnake.store.graph import reachable
from snowsnake.store.local import LocalStore
from snowsnake.store.place import StorePlace
from snowsnake.store.removal import disk_bytes, remove

# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from snowsnake.store.interface import Store
    from snowsnake.store.path_info import PathInfo
    from snowsnake.store.realisation import Realisation

_MOUNTS = "/proc/self/mounts"


class OverlayStore(LocalStore):
    """*lower*: the store below, which this store closes with itself; *upper*: the upper layer of the OverlayFS that shows the objects.

    *remount_hook*: a program that mounts that OverlayFS again; it gets the folder.
    """

    url = "local-overlay://"
    looks_at_folder = False

    def __init__(self, root: str, store_dir: str, *, lower: Store, upper: str, remount_hook: str = "", **options: Any) -> None:
        self.lower = lower
        self.upper = upper
        self.remount_hook = remount_hook
        self._must_remount = False
        super().__init__(root, store_dir, **options)

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.lower.close()

    def _upper_place(self, path: str) -> str:
        return self.upper + path[len(self.store_dir) :]

    # --- asking

    def _has(self, path: str) -> bool:
        if super()._has(path):
            return True
        if not self.lower.is_valid(path):
            return False
        self._take_facts([path])
        return True

    def valid_among(self, paths: Iterable[str], *, substitutes: bool = False) -> set[str]:
        asked = set(paths)
        found = super().valid_among(asked)
        below = self.lower.valid_among(asked - found)
        self._take_facts(below)
        self._known |= below
        return found | below

    def has_now(self, path: str) -> bool:
        return self._has(path)

    def _info(self, path: str) -> PathInfo | None:
        return super()._info(path) or self.lower.info(path)

    def referrers(self, path: str) -> list[str]:
        return sorted({*super().referrers(path), *self.lower.referrers(path)})

    def users(self, path: str) -> list[str]:
        return super().referrers(path)

    def valid_derivers(self, path: str) -> list[str]:
        return sorted({*super().valid_derivers(path), *self.lower.valid_derivers(path)})

    def path_with_hash(self, hash_part: str) -> str | None:
        return super().path_with_hash(hash_part) or self.lower.path_with_hash(hash_part)

    def realisation(self, key: str) -> Realisation | None:
        return super().realisation(key) or self.lower.realisation(key)

    # --- adding

    def _take_facts(self, paths: Iterable[str]) -> None:
        """Copies the lower store's facts about objects, and about all that they refer to, into our database."""
        if self.read_only:
            return
        infos: dict[str, PathInfo] = {}

        def references(path: str) -> list[str]:
            if self.database.is_valid(path):
                return []
            info = infos[path] = self.lower.known(path)
            return [reference for reference in info.references if reference != path]

        reachable(paths, references)
        for info in infos.values():
            # A daemon does not report the outputs.
            if not info.outputs:
                self.complete(info, self._place(info.path))
        if infos:
            self.database.register(infos.values())

    def _register(self, infos: Iterable[PathInfo], *, replaces: bool) -> None:
        """Copies what the lower store knows about these objects first, so that both say the same."""
        infos = list(infos)
        ours = {info.path for info in infos}
        wanted = {path for info in infos for path in (info.path, *info.references) if not self.database.is_valid(path)}
        lower = self.lower.valid_among(wanted)
        self._take_facts(lower if not replaces else lower - ours)
        super()._register(infos, replaces=replaces)

    def register_realisation(self, realisation: Realisation) -> None:
        known = self.lower.realisation(realisation.key)
        if known is not None:
            self._has(known.path)
            super().register_realisation(known)
        super().register_realisation(realisation)

    def add_signatures(self, path: str, signatures: Iterable[str]) -> None:
        # This copies the facts about an object of the lower store, because our database keeps its signatures too.
        self._has(path)
        super().add_signatures(path, signatures)

    # --- removing

    def _delete(self, path: str) -> int:
        """Deletes an object from the upper layer.  If the lower store has it too, this bypasses OverlayFS, which would otherwise hide the lower one."""
        upper = self._upper_place(path)
        if not os.path.lexists(upper):
            return 0
        if not self.lower.is_valid(path):
            return super()._delete(path)
        freed = disk_bytes(upper)
        remove(upper)
        self._must_remount = True
        return freed

    def after_removal(self) -> None:
        """Mounts the OverlayFS again if we have bypassed it; ValueError if `remount_hook` fails."""
        if not self._must_remount:
            return
        self._must_remount = False
        if not self.remount_hook:
            self.on_warning(f'"{self.objects}" needs remounting, set remount-hook to do this automatically')
            return
        try:
            code = subprocess.run([self.remount_hook, self.objects], stdout=subprocess.DEVNULL, check=False).returncode
        except OSError as error:
            raise ValueError(f"executing '{self.remount_hook}': {error.strerror}") from None
        if code != 0:
            raise ValueError(f"program '{self.remount_hook}' failed with {f'exit code {code}' if code > 0 else f'signal {-code}'}")

    def optimise(self, on_path: Callable[[str], None] = lambda path: None) -> None:
        """Removes from the upper layer what the lower store has too."""
        self.flush()
        for path in self.paths():
            if self.lower.is_valid(path):
                on_path(path)
                self._delete(path)
        self.after_removal()


class OverlayPlace(StorePlace):
    """*open_lower* opens the store below; *lower_objects*: where its objects lie.  Unless *checks_mount* is false, an OverlayFS must be mounted that shows both."""

    __slots__ = ("open_lower", "lower_objects", "upper", "checks_mount", "remount_hook")

    notes_what_it_reads = True

    def __init__(
        self, store_dir: str, real: str, state: str, name: str, *, open_lower: Callable[[], Store], lower_objects: str, upper: str, checks_mount: bool = True,
        remount_hook: str = "", is_machines: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(store_dir, real, state, name, is_machines=is_machines)
        self.open_lower = open_lower
        self.lower_objects = lower_objects
        self.upper = upper
        self.checks_mount = checks_mount
        self.remount_hook = remount_hook

    def _made(self, **options: Any) -> OverlayStore:
        if self.checks_mount:
            check_mount(self.real, self.lower_objects, self.upper)
        lower = self.open_lower()
        try:
            return OverlayStore(self.name, self.store_dir, lower=lower, upper=self.upper, remount_hook=self.remount_hook, **options)
        except BaseException:
            lower.close()
            raise


def check_mount(objects: str, lower: str, upper: str, mounts: str = _MOUNTS) -> None:
    """ValueError unless the last OverlayFS that was mounted at *objects* shows these two layers."""
    found: list[str] = []
    with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            kind, place, _, options, *_ = line.split(" ")
            if kind == "overlay" and _plain(place) == objects:
                found = [_plain(option) for option in options.split(",")]
    if f"lowerdir={lower}" not in found or f"upperdir={upper}" not in found:
        raise ValueError(f'overlay filesystem "{objects}" mounted incorrectly')


def _plain(text: str) -> str:
    """A word of a table of mounts, in which blanks and their like are octal numbers.

    >>> _plain(r"/a\\040b")
    '/a b'
    """
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
