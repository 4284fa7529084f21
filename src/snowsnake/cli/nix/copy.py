"""`nix copy`, `nix store copy-log`: copy objects, and logs of builds, from one store to another.

In: a `Call`.  Out: objects that are valid in the other store; a line for each.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.evaluate import has_source
from snowsnake.cli.nix.installables import Installables, derivations_of, made, realisations_of
from snowsnake.cli.nix.results import make_links
from snowsnake.cli.options import UsageError
from snowsnake.cli.profiles import only_path, switch_profile
from snowsnake.cli.stores import evaluated_in, is_written, open_reference
from snowsnake.diagnostics.error import as_error
from snowsnake.settings.errors import SettingError
from snowsnake.settings.store_reference import StoreReference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.interface import Store


@contextmanager
def two_stores(call: Call) -> "Iterator[tuple[Store, Store]]":
    """The stores of `--from` and `--to`; if one of the options is missing, the store of the settings takes its place."""
    given = call.given
    if not given.flag("from") and not given.flag("to"):
        raise UsageError("you must pass '--from' and/or '--to'")
    default = call.settings.text("store")

    def opened(address: str, *, is_writable: bool) -> "Store":
        return open_reference(
            StoreReference.parse(address), call.settings, call.reporter.warning, is_writable=is_writable, reporter=call.reporter
        )

    try:
        with (
            opened(given.text("from") or default, is_writable=not given.flag("from")) as source,
            opened(given.text("to") or default, is_writable=True) as target,
            evaluated_in(source, call.eval_store, call.settings, call.reporter.warning),
        ):
            yield source, target
    except ValueError as error:
        raise as_error(error) from None


def check_words(call: Call) -> None:
    """Raises the error of wrong words before `two_stores` raises that of a missing option.  It does nothing if the store cannot be opened."""
    reference = StoreReference.parse(call.settings.text("store"))
    try:
        store = open_reference(reference, call.settings, call.reporter.warning, reporter=call.reporter)
    except (ValueError, SettingError):
        return
    with store:
        Installables(call, store, is_written=False).targets(call.words)


def _parse_words(call: Call) -> None:
    """Raises the error of a wrong flake reference before a store is opened.  A whole path may name an object of a store with another folder."""
    if has_source(call):
        return
    from snowsnake.lock.reference_text import parse_reference

    for word in call.words:
        if not word.startswith("/"):
            parse_reference(word.partition("^")[0], call.given.base_folder or os.getcwd())


def run(call: Call) -> None:
    """`nix copy`: copies objects with everything that they need (with `--no-recursive`, only the objects)."""
    from snowsnake.build.copying import copy_paths, copy_realisations
    from snowsnake.store.memory import MemoryStore
    from snowsnake.store.trust import PublicKeys

    given, settings = call.given, call.settings
    _parse_words(call)
    if not given.flag("from") and not given.flag("to"):
        check_words(call)
    with two_stores(call) as (source, target):
        installables = Installables(call, source, is_written=(call.eval_store is not None or not given.flag("from")) and is_written(settings, call.eval_store))
        what = made(call, installables, is_recursive=not given.flag("no_recursive"))
        trusts_all = given.flag("no_check_sigs")
        keys = PublicKeys.parse(list(settings["trusted-public-keys"])) if settings["require-sigs"] and not trusts_all else None
        evaluated = source = installables.store
        if isinstance(source, MemoryStore) and source.below is not None and all(map(source.below.is_valid, what.paths)):
            # Everything that is copied is in the store itself, and nothing was only evaluated.
            source = source.below
        copy_paths(
            source, target, what.paths, keys, call.reporter.info, jobs=settings["max-substitution-jobs"], is_checked=trusts_all,
            on_event=call.reporter.event if call.reporter.is_followed else None, substitutes=given.flag("substitute_on_destination"),
        )  # fmt: skip
        if "ca-derivations" in settings["experimental-features"]:
            copy_realisations(target, realisations_of(evaluated, what.targets), keys)
        if given.flag("profile"):
            switch_profile(target, given.text("profile"), only_path([path for outputs in what.outputs for _, path in outputs]))
        if given.flag("out_link"):
            if not target.has_roots:
                raise ValueError("'--out-link' is not supported for this Nix store")
            make_links(target, given.text("out_link"), what.outputs)


def copy_log(call: Call) -> None:
    """`nix store copy-log`."""
    from snowsnake.store.build_log import build_log
    from snowsnake.store.log_copies import add_log

    _parse_words(call)
    with two_stores(call) as (source, target):
        installables = Installables(call, source, is_written=False)
        for path in sorted(set(derivations_of(source, installables.targets(call.words)))):
            log = build_log(source, path)
            if log is None:
                raise ValueError(f"build log for '{path}' not found")
            add_log(target, path, log)
