"""`nix store …`: adds, removes and checks objects, and prints facts about a store.

In: a `Call`.  Out: paths, JSON, messages; the exit code.
"""

import os

from snowsnake.cli import hashing, output
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.nix.installables import Installables, roots, store_paths
from snowsnake.cli.old.command_line import whole_number
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import write_text
from snowsnake.diagnostics.error import EvaluationError, as_error
from snowsnake.store.interface import Store
from snowsnake.store.path import STORE_DIR
from snowsnake.store.path_info import PathInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import contextmanager

    from snowsnake.cli.output import Reporter
    from snowsnake.settings import Settings
    from snowsnake.store.trust import PublicKeys
else:
    from snowsnake.foundation.scopes import contextmanager


@contextmanager
def opened(call: Call, *, is_writable: bool) -> "Iterator[Store]":
    """Opens the store of a call; faults of paths and contents become errors of the command."""
    from snowsnake.cli.stores import evaluated_in, open_store

    settings, warn = call.settings, call.reporter.warning
    if output.keeps_frames:
        from snowsnake.cli.stores import store_options
        from snowsnake.store.memory import MemoryStore

        # An evaluation that only finds the trace of an error reads from no store.
        folder = store_options(settings, warn, is_writable=False).get("store_dir")
        yield MemoryStore(STORE_DIR if folder is None else str(folder))
        return
    try:
        with (
            open_store(settings, warn, is_writable=is_writable, reporter=call.reporter) as store,
            evaluated_in(store, call.eval_store, settings, warn),
        ):
            yield store
    except IsADirectoryError as error:
        # A folder is where a file should be.
        raise EvaluationError("file", f"read of 4096 bytes: {error.strerror}") from None
    except ValueError as error:
        raise as_error(error) from None


@contextmanager
def asked(call: Call, *, is_writable: bool = False) -> "Iterator[Installables]":
    """The installables of a call, with the store in which they are looked up."""
    from snowsnake.cli.stores import is_written

    with opened(call, is_writable=is_writable) as store:
        installables = Installables(call, store, is_written=is_written(call.settings, call.eval_store))
        installables.looks_again = True
        yield installables


def one_path(call: Call, installables: Installables) -> str:
    """The object that the words name, for a command that takes exactly one; nothing is built."""
    found = store_paths(call, installables)
    if len(found) != 1:
        raise UsageError("this command requires exactly one store path")
    return found[0]


def add(call: Call) -> None:
    """`nix store add`, `add-file` and `add-path`."""
    from snowsnake.store.adding import add_path, content_path

    assert call.row is not None
    given = call.given
    default = "flat" if call.row.name == "store add-file" else "nar"
    word = given.text("mode", default)
    method = "text" if word == "text" else hashing.ingestion_method(word)
    algorithm = hashing.algorithm(given.text("hash_algo", "sha256"), call.settings)
    source = hashing.real_parent(call.words[0])
    name = given.text("name") if given.flag("name") else call.words[0].rpartition("/")[2]
    if not os.path.lexists(source):
        raise EvaluationError("file", f"path '/{source}' does not exist")
    hashing.require_method(method, call.settings)
    is_dry = given.flag("dry_run")
    with opened(call, is_writable=not is_dry) as store:
        if is_dry:
            write_text(content_path(store.store_dir, name, source, method, algorithm)[0])
        else:
            write_text(add_path(store, name, source, method, algorithm))


def delete(call: Call) -> None:
    """`nix store delete`."""
    from snowsnake.cli.old.store_change import delete_paths

    with asked(call, is_writable=True) as installables:
        delete_paths(installables.store, store_paths(call, installables), call.given.flag("ignore_liveness"), call)


def repair(call: Call) -> None:
    """`nix store repair`."""
    from snowsnake.cli.old.store_change import repair_paths

    with asked(call, is_writable=True) as installables:
        repair_paths(installables.store, store_paths(call, installables))


def optimise(call: Call) -> None:
    """`nix store optimise`."""
    from snowsnake.cli.old.store_change import optimise_store

    if call.words:
        raise UsageError("'nix store optimise' does not expect arguments")
    with opened(call, is_writable=True) as store:
        optimise_store(store, call.reporter)


def collect_garbage(call: Call) -> None:
    """`nix store gc`."""
    from snowsnake.cli.collecting import collect

    if call.words:
        raise UsageError("'nix store gc' does not expect arguments")
    given = call.given
    limit = whole_number(given.text("max")) if given.flag("max") else None
    if limit is not None and given.flag("dry_run"):
        raise UsageError("options --max and --dry-run cannot be combined")
    with opened(call, is_writable=True) as store:
        collect(store, limit, call.settings, call.reporter, removes=not given.flag("dry_run"))


def info(call: Call) -> None:
    """`nix store info`, whose old name is `nix store ping`."""
    from snowsnake.cli.stores import shown_url

    url = shown_url(call.settings, call.reporter.warning)
    facts: dict[str, object] = {"url": url}
    is_json = call.given.flag("json")
    try:
        with opened(call, is_writable=False) as store:
            # A binary cache is asked before its address is shown.
            if hasattr(store, "opened"):
                store.opened()
            if not is_json:
                call.reporter.notice(f"Store URL: {url}")
            facts |= store.facts()
    finally:
        if is_json:
            print_json(facts, call)
    if not is_json:
        for key in ("version", "trusted"):
            if key in facts:
                value = facts[key]
                call.reporter.notice(f"{key.capitalize()}: {int(value) if isinstance(value, bool) else value}")


def path_from_hash_part(call: Call) -> None:
    """`nix store path-from-hash-part`."""
    digits = call.words[0]
    with opened(call, is_writable=False) as store:
        if len(digits) != 32:
            raise ValueError("invalid hash part")
        found = store.path_with_hash(digits)
        if found is None:
            raise ValueError(f"there is no store path corresponding to '{digits}'")
        write_text(found)


def verify(call: Call) -> int:
    """`nix store verify`: the exit code has a bit for damaged contents (1), for missing trust (2), and for errors (4)."""
    from snowsnake.cli.verifying import report_changed

    given = call.given
    needed = whole_number(given.text("sigs_needed")) if given.flag("sigs_needed") else 0
    code = 0
    with asked(call) as installables:
        store = installables.store
        paths = store_paths(call, installables)
        from snowsnake.store.trust import PublicKeys

        keys = PublicKeys.parse(call.settings["trusted-public-keys"])
        for path in paths:
            try:
                call.reporter.info(f"checking '{path}'...")
                facts = store.known(path)
                if not given.flag("no_contents") and report_changed(store, path, call.reporter.note):
                    code |= 1
                if not given.flag("no_trust") and not _is_trusted(call, store, facts, keys, needed):
                    call.reporter.note(f"path '{path}' is untrusted")
                    code |= 2
            except (ValueError, OSError) as error:
                call.reporter.failure(str(error))
                code |= 4
    return code


def _is_trusted(call: Call, store: Store, info: PathInfo, keys: "PublicKeys", needed: int) -> bool:
    """Whether an object has enough trusted signatures, including those that other stores (`-s`) have for the same contents."""
    from snowsnake.cli.stores import open_reference
    from snowsnake.settings.store_reference import StoreReference

    if keys.trust(info, needed, store.store_dir):
        return True
    signatures = set(info.signatures)
    for word in call.given.texts("substituter"):
        with open_reference(StoreReference.parse(word), call.settings, call.reporter.warning) as other:
            found = other.info(info.path)
            if found is not None:
                signatures.update(found.signatures)
    from snowsnake.store.light_dataclass import replace

    return keys.trust(replace(info, signatures=sorted(signatures)), needed, store.store_dir)


def log(call: Call) -> None:
    """`nix log`: prints the output of a derivation's builder, if the store or a substituter keeps it."""
    from snowsnake.cli.pager import show

    with asked(call) as installables:
        targets = installables.targets(call.words)
        called = installables.called(call.words[0] if call.words else ".")
        if len(targets) != 1:
            raise ValueError(f"installable '{called}' evaluates to {len(targets)} derivations, where only one is expected")
        show(find_log(installables.store, targets[0].built(installables.store), called, call.settings, call.reporter))


def find_log(store: Store, path: str, shown: str, settings: "Settings", reporter: "Reporter") -> bytes:
    """The log of a derivation or an output, from the store or from a substituter.  ValueError if nobody keeps it; *shown* is its name in messages."""
    from snowsnake.cli.stores import open_reference, shown_url
    from snowsnake.cli.substituters import open_all
    from snowsnake.store.build_log import build_log

    found, place = build_log(store, path), shown_url(settings, reporter.warning)
    for other in open_all(settings, reporter.warning, open_reference) if found is None and settings["substitute"] else ():
        with other:
            if found is None:
                found, place = build_log(other, path), other.url
    if found is None:
        raise ValueError(f"build log of '{shown}' is not available")
    reporter.info(f"got build log for '{shown}' from '{place}'")
    return found


@contextmanager
def _source_and_target(call: Call) -> "Iterator[tuple[Installables, Store]]":
    """The installables with the store that objects come from, and the store that they go to."""
    if call.given.flag("to") or call.given.flag("from"):
        from snowsnake.cli.nix.copy import two_stores

        with two_stores(call) as (source, target):
            yield Installables(call, source, is_written=False), target
    else:
        with asked(call, is_writable=True) as installables:
            yield installables, installables.store


def make_content_addressed(call: Call) -> None:
    """`nix store make-content-addressed`."""
    from snowsnake.store.rewriting import make_content_addressed as rewrite

    given = call.given
    with _source_and_target(call) as (installables, target):
        paths = store_paths(call, installables, is_built=True)
        names = rewrite(installables.store, target, paths, call.reporter.info)
        if given.flag("json"):
            print_json({"rewrites": {path: names[path] for path in paths}}, call)
            return
        for path in paths:
            call.reporter.notice(f"rewrote '{path}' to '{names[path]}'")


def diff_closures(call: Call) -> None:
    """`nix store diff-closures BEFORE AFTER`."""
    from snowsnake.cli.nix.closure_diff import closure_diff

    with asked(call) as installables:
        before, after = (one_of(call, installables, word) for word in call.words)
        for line in closure_diff(installables.store, before, after):
            write_text(line)


def one_of(call: Call, installables: Installables, word: str, *, is_built: bool = True) -> str:
    """The one object that a word names."""
    found = roots(call, installables, [word], is_built=is_built)
    if len(found) != 1:
        raise ValueError(f"argument '{installables.called(word)}' should evaluate to one store path")
    return next(iter(found))
