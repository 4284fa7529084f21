"""`snowsnake flake`: metadata of a flake, its lock file, its outputs; most of it needs no evaluation.

In: an action, a flake reference (default: the current folder).  Out: reports, JSON, a written `flake.lock`.  `snowsnake-nix flake` is the same.
"""

import os
import sys

from snowsnake.cli.evaluate import LOCK_OPTIONS, SOURCE_OPTIONS, session_of
from snowsnake.cli.flake_options import lock_options, open_flakes, prepare_settings, refuse_fragment
from snowsnake.cli.options import Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter, evaluates_no_more, only_evaluates, write_text
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation import light_json
from snowsnake.plain import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snowsnake.flake.session import FlakeSession
    from snowsnake.lock.flakes import LockedFlake
    from snowsnake.lock.references import Reference
    from snowsnake.settings import Settings

_SHARED = frozenset(
    """--pure --restrict --option --feature --memory-limit --depth-limit --timeout --store --optimise --no-cache --cache-dir
    --cache-validate --show-trace --log-format --files-read --stats -h --arg --argstr -I --stress""".split()
)
OPTIONS = (
    CommandOption("--json", "", "print JSON"),
    CommandOption("--pretty", "", "print JSON with line breaks"),
    CommandOption("--flake", "FLAKE", "update: the flake (default: the current folder)"),
    CommandOption("--legacy", "", "show: also look into legacyPackages"),
    CommandOption("--all-systems", "", "show, check: the outputs for all systems"),
    CommandOption("--no-build", "", "check: evaluate only, build no checks"),
    CommandOption("--keep-going", "", "check: go on after an error"),
    CommandOption("-t --template", "FLAKE", "init, new: the template (default: templates)"),
    CommandOption("-f --dest", "FOLDER", "clone: where to"),
    CommandOption("--dry-run", "", "archive: fetch nothing"),
    CommandOption("--to", "STORE", "archive: the store that gets the sources"),
    CommandOption("-o --out-link", "FILE", "prefetch: a link to the store path"),
    *LOCK_OPTIONS,
    *(option for option in SOURCE_OPTIONS if _SHARED.intersection(option.names)),
)
USAGE = "snowsnake flake ACTION [OPTION …] [FLAKE]"
SUMMARY = """Look into a flake, or change its lock file.

actions:
  metadata, info   what the flake and its inputs are
  show             the outputs, as a tree
  lock             write missing entries of the lock file
  update [INPUT …] lock all inputs again, or just these inputs
  check            evaluate what can be checked, build the checks
  init, new FOLDER files from a template
  archive          fetch the flake and all its inputs
  prefetch         fetch a source tree
  prefetch-inputs  fetch the inputs
  clone            clone the flake's repository, or copy its source"""


class FlakeCall:
    """One call of the command: the session, the flakes, the reference."""

    def __init__(
        self, given: Arguments, reporter: Reporter, words: list[str], applies_config: bool = False, *, imports_derivations: bool = True,
        switches_on: bool = True, **settings: str,
    ) -> None:
        """*switches_on*: flakes are on, whatever the settings say."""
        self.given = given
        self.reporter = reporter
        self.words = words

        def prepare(values: "Settings") -> None:
            if switches_on:
                values.set("extra-experimental-features", "flakes nix-command")
            prepare_settings(given, values)
            for name, text in settings.items():
                values.set(name.replace("_", "-"), text)
            if not imports_derivations:
                values.set_default("allow-import-from-derivation", False)

        # No action passes the arguments of `--arg` to anything.
        self.session = session_of(given, reporter, prepare=prepare, has_arguments=False)
        self.flakes: FlakeSession = open_flakes(given, reporter, self.session, applies_config)

    def reference(self) -> "Reference":
        """The flake that the only word names; without a word, the one of the current folder."""
        if len(self.words) > 1:
            raise UsageError(f"more than one flake was given: {' '.join(self.words)}")
        return self.reference_of(self.words[0] if self.words else ".")

    def reference_of(self, text: str) -> "Reference":
        reference, fragment = self.flakes.reference(text, os.getcwd())
        refuse_fragment(fragment, text)
        return reference

    def locked(self, reference: "Reference | None" = None, **options: object) -> "LockedFlake":
        locked = self.flakes.lock(
            reference or self.reference(), lock_options(self.given, self.flakes, self.reporter, **options)
        )
        # The source must be in the store when a script looks at its path.
        self.session.evaluator.flush_store()
        return locked

    def print_json(self, data: object) -> None:
        is_pretty = self.given.flag("pretty") or sys.stdout.isatty()
        write_text(light_json.indented(data) if is_pretty else light_json.in_one_line(data))

    def bold(self, text: str) -> str:
        return self.painted("\x1b[1m", text)

    def painted(self, colour: str, text: str) -> str:
        from snowsnake.diagnostics.render import terminal_colours

        return f"{colour}{text}\x1b[0m" if terminal_colours(1, os.environ) else text


def run(given: Arguments, reporter: Reporter) -> int:
    name, words = given.action(*ACTIONS)
    code = ACTIONS[name](given, reporter, words)
    sys.stdout.flush()
    return code


def _metadata(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    from snowsnake.flake.facts import Metadata

    call = FlakeCall(given, reporter, words)
    found = Metadata(call.locked(), call.flakes.world)
    if given.flag("json"):
        call.print_json(found.to_data())
        return 0
    for title, text in found.lines():
        write_text(call.bold(title) + text)
    for branch, name, text in found.input_lines():
        write_text(branch + call.bold(name) + text)
    return 0


def _info(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    reporter.warning("'nix flake info' is a deprecated alias for 'nix flake metadata'")
    return _metadata(given, reporter, words)


def _lock(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    call = FlakeCall(given, reporter, words, True, tarball_ttl="0")
    call.locked(fails_on_unlocked=True, may_write=True)
    return 0


def _update(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    from snowsnake.lock.lock_file import parse_input_path, path_text

    updates: set[tuple[str, ...]] = set()
    for word in words:
        try:
            path = parse_input_path(word)
            if not path:
                raise EvaluationError("value", "input path to be updated cannot be zero-length; it would refer to the flake itself, not an input")
        except EvaluationError:
            reporter.warning(
                f"Invalid flake input '{word}'. To update a specific flake, use 'nix flake update --flake {word}' instead."
            )
            raise
        if path in updates:
            reporter.warning(f"Input '{path_text(path)}' was specified multiple times. You may have done this by accident.")
        updates.add(path)
    call = FlakeCall(given, reporter, [given.text("flake", ".")], True, tarball_ttl="0")
    updates |= {parse_input_path(text) for text in given.texts("update_input")}
    call.locked(recreate=not updates, updates=updates, may_write=True, may_update=True)
    return 0


def _show(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    from snowsnake.cli.flake_show import print_outputs

    only_evaluates()
    call = FlakeCall(given, reporter, words, imports_derivations=False)
    print_outputs(call, call.locked(), is_json=given.flag("json"), legacy=given.flag("legacy"), all_systems=given.flag("all_systems"))
    return 0


def _check(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    from snowsnake.cli.flake_check import check

    keeps_going = given.flag("keep_going")
    builds = not given.flag("no_build")
    settings: dict[str, Any] = {"keep_going": "true"} if keeps_going else {}
    only_evaluates()
    call = FlakeCall(given, reporter, words, True, imports_derivations=builds, **settings)
    locked = call.locked()
    if not builds:
        # The source is in the store by now, and nothing else is to be written.
        call.session.evaluator.stop_writing()
    return check(
        call, locked, keeps_going=keeps_going, all_systems=given.flag("all_systems"), builds=builds
    )


def _archive(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    from snowsnake.flake.copying import archive, copy_to_store

    call = FlakeCall(given, reporter, words)
    world = call.flakes.world
    rows = archive(world, call.locked(), is_dry=given.flag("dry_run"))
    if given.flag("to") and not given.flag("dry_run"):
        from snowsnake.cli.stores import place_to_write

        target = place_to_write(given.text("to"), call.session.settings, reporter.warning).open()
        try:
            for tree in world.trees():
                copy_to_store(tree.files, tree.store_path, target)
        finally:
            target.close()
    if given.flag("json"):
        call.print_json(rows)
    call.session.evaluator.flush_store()
    return 0


def _prefetch(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    from snowsnake.lock.references import Reference
    from snowsnake.lock.registries import KINDS

    call = FlakeCall(given, reporter, words)
    resolved = call.flakes.world.resolve(call.reference(), KINDS)
    tree = call.flakes.world.fetch(resolved.input)
    # The printed reference has the hash of the contents if the given one has it, or if it is that of an archive or a file.
    has_hash = "narHash" in resolved.input.attrs or tree.input.type in ("tarball", "file")
    shown = Reference(tree.input.with_attrs(__final=None, narHash=tree.input.attrs["narHash"] if has_hash else None), resolved.folder)
    call.session.evaluator.flush_store()
    if given.flag("json"):
        call.print_json(
            {
                "storePath": tree.store_path,
                "hash": tree.source.nar_hash,
                "original": resolved.to_attributes(),
                "locked": shown.to_attributes(),
            }
        )
    else:
        reporter.notice(f"Downloaded '{shown}' to '{tree.store_path}' (hash '{tree.source.nar_hash}').")
    if given.flag("out_link"):
        store = call.session.evaluator.store
        if store is None:
            raise UsageError("'--out-link' needs a store: give '--store'")
        store.add_root(os.path.abspath(given.text("out_link")), tree.store_path)
    return 0


def _prefetch_inputs(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    call = FlakeCall(given, reporter, words)
    failures = 0
    for node in call.locked().lock_file.nodes():
        assert node.locked is not None
        try:
            with reporter.activity(f"fetching '{node.locked}'"):
                call.flakes.world.fetch(node.locked.input.with_attrs(__final=True))
        except EvaluationError as error:
            reporter.error(error)
            failures += 1
    call.session.evaluator.flush_store()
    return 1 if failures else 0


def _clone(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    from snowsnake.flake.copying import copy_tree
    from snowsnake.lock.registries import KINDS

    if not given.flag("dest"):
        raise EvaluationError("value", "missing flag '--dest'")
    call = FlakeCall(given, reporter, words)
    world = call.flakes.world
    input, target = world.resolve(call.reference(), KINDS).input, given.text("dest")
    if not world.clone(input, target):
        copy_tree(world.fetch(input).files, target)
    return 0


def _init(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    if words:
        raise UsageError(f"'flake init' writes into the current folder and takes no '{words[0]}'")
    return _from_template(given, reporter, os.getcwd())


def _new(given: Arguments, reporter: Reporter, words: list[str]) -> int:
    if len(words) != 1:
        raise UsageError("say which folder: snowsnake flake new FOLDER")
    return _from_template(given, reporter, os.path.abspath(words[0]))


def _from_template(given: Arguments, reporter: Reporter, destination: str) -> int:
    from snowsnake.flake.copying import copy_template

    only_evaluates()
    call = FlakeCall(given, reporter, [], True)
    flakes = call.flakes
    text = given.text("template", "templates")
    reference, fragment = flakes.reference(text, os.getcwd())
    locked = call.locked(reference, may_write=False)
    paths = flakes.attribute_paths(fragment, ("templates.default", "defaultTemplate"), ("templates.",))
    value, path = flakes.find(locked, reference, paths)
    source = find(value, b"path")
    if source is None:
        raise EvaluationError("missing-attribute", f"attribute '{path}.path' does not exist")
    place = source.coerce_to_path()
    evaluates_no_more()
    tree, folder = flakes.mounted(place)
    copy_template(tree.files, folder, destination, tree.label, reporter.note)
    welcome = find(value, b"welcomeText")
    if welcome is not None:
        from snowsnake.cli.repl.markdown import shown

        reporter.notice("\n")
        reporter.notice(shown(welcome.string().decode("utf-8", "replace")))
    return 0


ACTIONS: "dict[str, Callable[[Arguments, Reporter, list[str]], int]]" = {
    "metadata": _metadata,
    "info": _info,
    "show": _show,
    "lock": _lock,
    "update": _update,
    "check": _check,
    "init": _init,
    "new": _new,
    "archive": _archive,
    "prefetch": _prefetch,
    "prefetch-inputs": _prefetch_inputs,
    "clone": _clone,
}
