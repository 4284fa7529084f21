"""Looks for faults of a store on behalf of commands and of clients: `nix-store --verify`, `--verify-path`, `nix store verify`.

In: a store.  Out: messages about what is damaged or gone, and whether faults remain.
"""

import os

from snowsnake.store.hash import Hash
from snowsnake.store.interface import Store, nar_digest

# `typing` would be imported by every command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snowsnake.store.local import LocalStore


def report_changed(store: Store, path: str, report: "Callable[[str], None]") -> bool:
    """Whether the contents of an object do not have the recorded hash; *report* gets a message if so."""
    wanted = store.known(path).hash
    found = Hash("sha256", nar_digest(store, path))
    if found == wanted:
        return False
    expected, got = (hash_.format("nix32", with_algorithm=True) for hash_ in (wanted, found))
    report(f"path '{path}' was modified! expected hash '{expected}', got '{got}'")
    return True


def verify_store(store: "LocalStore", reporter: "Any", *, checks_contents: bool, repairs: bool) -> bool:
    """Looks for faults, which *reporter* shows; returns whether some remain."""
    note = reporter.info
    note("reading the Nix store...")
    if store.looks_at_folder:
        note("checking path existence...")
    has_faults = False
    present = store.paths()
    for path in store.missing_objects():
        users = [user for user in store.referrers(path) if user != path]
        if users:
            reporter.note(f"path '{path}' disappeared, but it still has valid referrers!")
            has_faults |= not (repairs and _repair(store, path, reporter.warning))
        else:
            note(f"path '{path}' disappeared, removing from database...")
            store.remove(path)
            present.remove(path)
    if checks_contents:
        note("checking link hashes...")
        has_faults |= _verify_links(reporter, store, repairs=repairs)
        note("checking store hashes...")
        for path in present:
            if os.path.lexists(store.real_path(path)) and report_changed(store, path, reporter.note):
                has_faults |= not (repairs and _repair(store, path, reporter.failure))
    if has_faults:
        reporter.warning("not all store errors were fixed")
    return has_faults


def _verify_links(reporter: "Any", store: "Any", *, repairs: bool) -> bool:
    """Looks for damaged files to which equal files are linked; returns whether some remain."""
    from snowsnake.store.optimising import damaged_links

    has_faults = False
    for place, found in damaged_links(store.objects):
        reporter.note(f'link "{place}" was modified! expected hash {os.path.basename(place)}, got \'{found}\'')
        if repairs:
            os.unlink(place)
            reporter.info(f'removed link "{place}"')
        has_faults |= not repairs
    return has_faults


def _repair(store: "LocalStore", path: str, tell: "Callable[[str], None]") -> bool:
    """Repairs an object; returns whether that was possible, and reports why it was not."""
    try:
        store.repair_path(path)
    except ValueError as error:
        tell(str(error))
        return False
    return True
