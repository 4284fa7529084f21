"""`nix copy`, `nix store copy-log`: copy objects, and logs of builds, from one store to another.

In: a `Call`.  Out: objects that are valid in the other store; a line for each.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.installables import Installables, derivations_of, realisations_of, store_paths
from snowsnake.cli.nix.results import make_links, outputs_of
from snowsnake.cli.options import UsageError
from snowsnake.cli.profiles import only_path, require_roots, switch_profile
from snowsnake.cli.stores import is_written, open_reference
from snowsnake.diagnostics.error import as_error
from snowsnake.settings.store_reference import StoreReference

TYPE_CHECKING = False                 # `typing` would be imported by every command
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
        ):
            yield source, target
    except ValueError as error:
        raise as_error(error) from None


def run(call: Call) -> None:
    """`nix copy`: copies objects with everything that they need (without that with `--no-recursive`)."""
    from snowsnake.build.copying import copy_paths
    from snowsnake.store.trust import Keys

    given, settings = call.given, call.settings
    if not given.flag("no_recursive"):
        given.values["recursive"] = True
    with two_stores(call) as (source, target):
        installables = Installables(call, source, is_written=not given.flag("from") and is_written(settings))
        paths = store_paths(call, installables, is_built=True)
        realisations = realisations_of(call, installables) if "ca-derivations" in settings["experimental-features"] else []
        keys = Keys.parse(list(settings["trusted-public-keys"])) if settings["require-sigs"] and not given.flag("no_check_sigs") else None
        copy_paths(installables.store, target, paths, keys, call.reporter.info, jobs=settings["max-substitution-jobs"])
        for realisation in realisations:
            target.register_realisation(realisation)
        if given.flag("profile") or given.flag("out_link"):
            _link(call, target, [outputs_of(installables.store, wanted) for wanted in installables.targets(call.words)])


def _link(call: Call, target: "Store", results: "list[list[tuple[str, str]]]") -> None:
    """A profile and links in the store that got the objects."""
    given = call.given
    if given.flag("profile"):
        switch_profile(target, given.text("profile"), only_path([path for outputs in results for _, path in outputs]))
    if given.flag("out_link"):
        require_roots(target, "--out-link")
        make_links(target, given.text("out_link"), results)


def copy_log(call: Call) -> None:
    """`nix store copy-log`."""
    from snowsnake.store.build_log import build_log
    from snowsnake.store.log_copies import add_log

    with two_stores(call) as (source, target):
        installables = Installables(call, source, is_written=False)
        for path in sorted(set(derivations_of(source, installables.targets(call.words)))):
            log = build_log(source, path)
            if log is None:
                raise ValueError(f"build log for '{path}' not found")
            add_log(target, path, log)
