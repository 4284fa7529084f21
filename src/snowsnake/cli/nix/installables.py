"""Installables: the store objects, derivations and outputs that words of a command line name.

In: a `Call`, words: store paths (`PATH`, links to them, `DRV^out,dev`, `DRV^*`), attributes of `--file` or `--expr`, outputs of flakes.
Out: `Target`s.  Evaluation writes to the store of the call if that is possible, otherwise to a store in memory on top of it.
"""

import sys

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.evaluate import add_arguments, has_source, open_session, open_source, output_of
from snowsnake.cli.nix.outputs import split_outputs
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import QUIET, OnlyEvaluating
from snowsnake.cli.store_words import followed
from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.plain import find
from snowsnake.selection import TYPE_NAMES, asking, attribute_position, drv_path_of, split_path
from snowsnake.store.derivation import require_feature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.nix.flake_output import FlakeOutput
    from snowsnake.cli.session import Session
    from snowsnake.flake.session import FlakeSession
    from snowsnake.foundation.json_type import Json
    from snowsnake.handle import Handle
    from snowsnake.store.interface import Store
    from snowsnake.store.realisation import Realisation

ALL = "*"


class Target:
    """A store object, or outputs of a derivation.

    `outputs`: names, `*` alone for all; None for the object itself.  `shown` is its name in messages.  `path` may be `DRV!out`, an output
    that is a derivation; `built` is then the path that it has once it is built.
    """

    __slots__ = ("shown", "path", "outputs")

    def __init__(self, shown: str, path: str, outputs: "tuple[str, ...] | None" = None) -> None:
        self.shown = shown
        self.path = path
        self.outputs = outputs

    def built(self, store: "Store") -> str:
        """The path of the object; of a derivation that is an output, the path that it has once it is built."""
        return store.known_output(self.path) if "!" in self.path else self.path

    @property
    def wanted(self) -> str:
        """The target in the form that `Store.realise` and `Store.missing` take."""
        return self.path if self.outputs is None else f"{self.path}!{','.join(self.outputs)}"


class Installables:
    """Reads the installables of one call; `store` has their paths afterwards.

    `defaults`, `prefixes`: the attribute paths for a flake without attribute, and the prefixes of attributes, if a command has its own.
    `output` is the output of a flake that the last word named; None if it named something else.
    """

    def __init__(self, call: Call, store: "Store", *, is_written: bool) -> None:
        self.call = call
        self.store = store
        self._is_written = is_written
        self.defaults: tuple[str, ...] = ()
        self.prefixes: tuple[str, ...] | None = None
        self.output: FlakeOutput | None = None
        # Whether a failed evaluation may be done once more (cli/second_look.py): the store was opened for this call alone.
        self.looks_again = False
        # All words have one source, or one session of flakes: they share what one of them evaluated.
        self._source: tuple[Session, Handle] | None = None
        self._flakes: tuple[Session, FlakeSession] | None = None

    def targets(self, words: list[str]) -> list[Target]:
        """The targets of the words; with `--stdin` also of the words on standard input; without words, the default output of the flake here."""
        words = list(words)
        if self.call.given.flag("stdin"):
            words += [word.decode("utf-8", "surrogateescape") for word in sys.stdin.buffer.read().split()]
        elif not words:
            words = ["."]
        with OnlyEvaluating(is_repeatable=self.looks_again):
            return [target for word in words for target in self._of(word)]

    def _of(self, word: str) -> list[Target]:
        if has_source(self.call):
            return self._evaluated(word)
        self.output = None
        path = self.path_meant(word)
        return self._evaluated(word) if path is None else [path]

    def called(self, word: str) -> str:
        """What messages call a word, after `targets` read it: an attribute, a store path, or a flake with the first place of the attribute."""
        prefix = split_outputs(word)[0]
        if has_source(self.call):
            return "" if prefix == "." else prefix
        if self.output is not None:
            return self.output.called
        path = self.path_meant(word)
        return word if path is None else path.shown

    def path_meant(self, word: str) -> Target | None:
        """The store object that a word names by its path; None if the word means something else."""
        prefix, names = split_outputs(word)
        if "/" in prefix:
            try:
                return self._store_path(prefix, names)
            except ValueError:
                # It may be a flake.
                pass
        return None

    def refuse_store_path(self, word: str) -> None:
        """Raises an error for a word that names a store object by its path: it has no value of the language."""
        path = self.path_meant(word)
        if path is not None:
            raise UsageError(f"installable '{path.shown}' does not correspond to a Nix language value")

    def _store_path(self, prefix: str, names: "tuple[str, ...] | None") -> Target:
        if names is None:
            path = followed(self.store, prefix)
            return Target(path, path)
        base, *inner = prefix.split("^")
        path = self.store.parse(base)
        if inner:
            what = f"building output '{inner[-1]}' of '{base.rpartition('/')[2]}'"
            require_feature("dynamic-derivations", frozenset(self.call.settings["experimental-features"]), what)
        return Target(f"{prefix}^{','.join(names)}", "!".join((path, *inner)), names)

    def _evaluated(self, word: str) -> list[Target]:
        """The targets of a word that names an attribute or an output of a flake."""
        self.open_evaluation_store()
        prefix, names = split_outputs(word)
        if has_source(self.call):
            self._source = self._source or open_source(self.call)
            session, root = self._source
            shown = "" if prefix == "." else prefix
            value, attribute = session.selector.select_with_set(root, shown)
            found = _single_target(session, value, prefix, f"the attribute '{shown}'", attribute) or _grouped(session, value, names, prefix)
        else:
            session, output = self._open_output(prefix)
            self.output = output
            found = self.of_output(session, output, prefix, names)
        session.evaluator.flush_store()
        return found

    def _open_output(self, word: str) -> "tuple[Session, FlakeOutput]":
        if self._flakes is not None:
            session, flakes = self._flakes
            return session, output_of(self.call, session, word, self.defaults, self.prefixes, flakes)
        from snowsnake.cli.flake_options import open_flakes

        session = open_session(self.call, has_arguments=False)
        flakes = open_flakes(self.call.given, self.call.reporter, session)
        output = output_of(self.call, session, word, self.defaults, self.prefixes, flakes)
        add_arguments(self.call, session)
        self._flakes = session, flakes
        return session, output

    def of_output(self, session: "Session", output: "FlakeOutput", shown: str, names: "tuple[str, ...] | None") -> list[Target]:
        """The targets that an output of a flake means."""

        def evaluate() -> "list[Json]":
            value, path = output.found()
            found = _single_target(session, value, shown, f"the flake output attribute '{path}'") or _of_flake(session, value, names, shown, path)
            return [[target.path, target.outputs] for target in found]

        with self.call.reporter.activity(f"evaluating derivation '{output.called}'", QUIET + 1):
            answer = output.answer(["targets", names], evaluate)
        return [Target(shown, path, None if outputs is None else tuple(outputs)) for path, outputs in answer]

    def open_evaluation_store(self) -> None:
        if self._is_written or self.call.evaluation_store is not None:
            return
        from snowsnake.store.memory import MemoryStore

        self.store = self.call.evaluation_store = MemoryStore(self.store.store_dir, self.store)


def _single_target(
    session: "Session", value: "Handle", shown: str, where: str, attribute: "tuple[Handle, bytes] | None" = None
) -> list[Target]:
    """The one target of a path or a string; empty for any other value.  *attribute*: the set and the name of which the value is the attribute."""
    value.force()
    if value.type_name() not in ("path", "string"):
        return []
    position = None if attribute is None else attribute_position(*attribute)
    return [_single_path(session, value, shown, Frame("context", f"while evaluating {where}", position))]


def is_derivation(value: "Handle") -> bool:
    if value.type_name() != "set" or b"type" not in value.keys():
        return False
    kind = value.select(b"type")
    return kind.type_name() == "string" and kind.string() == b"derivation"


def _single_path(session: "Session", value: "Handle", shown: str, frame: Frame) -> Target:
    """The target of a path, which is copied to the store, or the one target that a string refers to."""
    if value.type_name() == "path":
        path = session.expression(b'p: "${builtins.path { path = p; name = "source"; }}"').call(value).string().decode("utf-8", "surrogateescape")
        return Target(shown, path)
    text = value.string().decode("utf-8", "surrogateescape")
    try:
        return _context_path(value, shown, text)
    except ValueError as error:
        raise EvaluationError("value", str(error), trace=[frame]) from None


def context_targets(value: "Handle") -> list[Target]:
    """Everything that a string refers to."""
    found: dict[str, set[str] | None] = {}
    for target in map(_element_target, value.context_elements()):
        if target.outputs is None:
            found[target.path] = None
        else:
            found[target.path] = {*(found.get(target.path) or ()), *target.outputs}
    return [
        Target(path, path, None if outputs is None else (ALL,) if ALL in outputs else tuple(sorted(outputs))) for path, outputs in sorted(found.items())
    ]


def _element_target(element: bytes) -> Target:
    """What an element of a context means (builtins/store_context.pxd)."""
    text = element.decode("utf-8", "surrogateescape")
    if text.startswith("="):
        return Target(text[1:], text[1:], (ALL,))
    *names, path = text.split("!")
    if not names:
        return Target(path, path)
    # The element names the last output first.
    output, *inner = names[1:]
    return Target(path, "!".join((path, *reversed(inner))), (output,))


def _context_path(value: "Handle", shown: str, text: str) -> Target:
    elements = value.context_elements()
    if len(elements) != 1:
        raise ValueError(f"string '{text}' has {len(elements)} entries in its context. It should only have exactly one entry")
    if elements[0].startswith(b"="):
        raise ValueError(
            f"string '{text}' has a context which refers to a complete source and binary closure. This is not supported at this time"
        )
    found = _element_target(elements[0])
    if found.outputs is None and text != found.path:
        raise ValueError(f"path string '{text}' has context with the different path '{found.path}'")
    return Target(shown, found.path, found.outputs)


def _grouped(session: "Session", value: "Handle", names: "tuple[str, ...] | None", shown: str) -> list[Target]:
    """The derivations inside a value of a file or an expression, each once, with the outputs that are named or installed by default."""
    from snowsnake.cli.packages import PackageSearch

    found: dict[str, set[str]] = {}
    for package in PackageSearch(session.selector, session.evaluator.store_dir, is_lenient=False).run(value, ""):
        path = package.drv_path
        if path is None:
            raise EvaluationError("value", f"'{'' if shown == '.' else shown}' is not a derivation")
        found.setdefault(path, set()).update(names or package.outputs_to_install() or ("out",))
    return [
        Target(shown, path, (ALL,) if ALL in outputs else tuple(sorted(outputs))) for path, outputs in sorted(found.items())
    ]


def _of_flake(session: "Session", value: "Handle", names: "tuple[str, ...] | None", shown: str, path: str) -> list[Target]:
    """The derivation that an output of a flake is, with the outputs that are named or installed by default.  *path*: its attribute path."""
    if not is_derivation(value):
        plain = ".".join(split_path(path))
        raise EvaluationError("type", f"expected flake output attribute '{plain}' to be a derivation or path but found {value.describe()}")
    drv_path = find(value, b"drvPath")
    if drv_path is None:
        raise EvaluationError("missing-attribute", f"attribute '{path}.drvPath' does not exist")
    text_at(drv_path, f"{path}.drvPath")
    return [Target(shown, drv_path_of(drv_path, session.evaluator.store_dir), names or _outputs_of_flake(value, path))]


def text_at(value: "Handle", path: str) -> str:
    """The text of a string; *path* is its attribute path in the message about any other value."""
    kind = value.type_name()
    if kind != "string":
        raise EvaluationError("type", f"'{path}' is not a string but {TYPE_NAMES[kind]}")
    return value.string().decode("utf-8", "surrogateescape")


def _outputs_of_flake(value: "Handle", path: str) -> "tuple[str, ...]":
    """The outputs of a flake's derivation if the user names none.  Unlike for a file's derivation, that is `out` if the derivation does not say."""
    specified = find(value, b"outputSpecified")
    if specified is not None:
        if specified.type_name() != "bool":
            raise EvaluationError("type", f"'{path}.outputSpecified' is not a Boolean")
        name = find(value, b"outputName") if specified.to_python() else None
        return ("out",) if name is None else (text_at(name, f"{path}.outputName"),)
    meta = find(value, b"meta")
    wanted = find(meta, b"outputsToInstall") if meta is not None else None
    if wanted is None:
        return ("out",)
    if wanted.type_name() != "list":
        raise EvaluationError("type", f"'{path}.meta.outputsToInstall' is not a list")
    found = set()
    for number in range(len(wanted)):
        element = wanted.index(number)
        element.force()
        with asking(wanted, None, "while evaluating an attribute for caching"):
            found.add(element.string().decode("utf-8", "surrogateescape"))
    return tuple(sorted(found)) or ("out",)


def _built(call: Call, store: "Store", targets: list[Target]) -> set[str]:
    """Builds or fetches targets, and returns their paths."""
    from snowsnake.cli.building import BuildErrors, realise, report_missing
    from snowsnake.store.interface import NoBuilder, no_substituter_text
    from snowsnake.store.local import LocalStore

    if isinstance(store, LocalStore) and store.read_only:
        lost = next((target.path for target in targets if target.outputs is None and not store.is_valid(target.path)), None)
        if lost is not None:
            report_missing(store.missing([lost]), call.reporter)
            raise ValueError(no_substituter_text(lost))
        from snowsnake.cli.stores import open_store

        with open_store(call.settings, call.reporter.warning, is_writable=True, reporter=call.reporter) as writable:
            return _built(call, writable, targets)
    try:
        with BuildErrors():
            return set(realise(store, [target.wanted for target in targets], call.reporter))
    except NoBuilder:
        # A binary cache builds nothing.
        lost = next((target.path for target in targets if not store.is_valid(target.path)), None)
        if lost is None:
            raise
        raise ValueError(no_substituter_text(lost)) from None


class NotBuilt(ValueError):
    """The path of an output is not known before it is built."""


def output_paths(store: "Store", target: Target) -> dict[str, str]:
    """Names and paths of the outputs of a target."""
    if target.outputs is None:
        return {"": target.path}
    try:
        path = target.built(store)
    except ValueError as error:
        raise NotBuilt(str(error)) from None
    if not store.has_derivation(path):
        raise ValueError(f"path '{path}' is not valid")
    outputs = store.made_outputs(path)
    found = {}
    known = store.read_derivation(path).outputs
    for name in sorted(known) if target.outputs == (ALL,) else target.outputs:
        if name not in outputs:
            if name in known:
                raise NotBuilt(f"cannot operate on output '{name}' of the unbuilt derivation '{target.path.replace('!', '^')}'")
            raise ValueError(f"the derivation '{path}' doesn't have an output named '{name}'")
        found[name] = outputs[name]
    return found


def realisations_of(store: "Store", targets: list[Target]) -> "list[Realisation]":
    """The realisations of the outputs that targets mean; one that the store does not know is made of the path."""
    from snowsnake.store.realisation import DerivationHashes, Realisation

    keys = DerivationHashes(store.read, store.store_dir)
    found = []
    for target in targets:
        if target.outputs is None:
            continue
        digest = keys.of(store.read_derivation(target.built(store)))
        for name, path in output_paths(store, target).items():
            found.append(store.realisation(f"{digest}!{name}") or Realisation(f"{digest}!{name}", path))
    return found


def derivations_of(store: "Store", targets: list[Target]) -> list[str]:
    """The derivations of targets; for an output, the first derivation that is known to make it."""
    found = []
    for target in targets:
        path = target.built(store)
        if not path.endswith(".drv"):
            derivers = store.valid_derivers(path)
            if not derivers:
                raise ValueError(f"'{target.shown}' does not have a known deriver")
            path = derivers[0]
        found.append(path)
    return list(dict.fromkeys(found))


class Made:
    """What words mean, made valid: `paths`, each after those that it refers to; `outputs`: (name, path) for each word; `targets`: words that mean outputs."""

    __slots__ = ("paths", "outputs", "targets")

    def __init__(self, paths: list[str], outputs: "list[list[tuple[str, str]]]", targets: list[Target]) -> None:
        self.paths = paths
        self.outputs = outputs
        self.targets = targets


def made(call: Call, installables: Installables, *, is_recursive: bool) -> Made:
    """What the words of a command mean, after it was built or fetched.  *is_recursive*: with everything that it needs."""
    from snowsnake.store.graph import closure, sorted_paths

    if call.given.flag("all"):
        return Made(store_paths(call, installables), [], [])
    targets = installables.targets(call.words)
    store = installables.store
    if call.given.flag("derivation"):
        targets = [Target(path, path) for path in derivations_of(store, targets)]
        paths = {target.path for target in targets}
    else:
        paths = _paths(call, store, targets, is_built=True)
    outputs = [[(name or "out", path) for name, path in output_paths(store, target).items()] for target in targets]
    if is_recursive:
        paths = closure(store, paths)
    return Made(list(reversed(sorted_paths(store, paths))), outputs, [target for target in targets if target.outputs is not None])


def store_paths(call: Call, installables: Installables, *, is_built: bool = False) -> list[str]:
    """The objects that a command works on, each after those that it refers to.

    The options `--all`, `--derivation` and `-r` are applied.  *is_built*: the outputs must be valid; this function does not build them.
    """
    from snowsnake.store.graph import closure, sorted_paths

    given = call.given
    if given.flag("all"):
        if call.words:
            raise UsageError("'--all' does not expect arguments")
        paths = set(installables.store.paths())
    else:
        paths = roots(call, installables, call.words, is_built=is_built)
        if given.flag("recursive"):
            paths |= closure(installables.store, paths)
    return list(reversed(sorted_paths(installables.store, paths)))


def roots(call: Call, installables: Installables, words: list[str], *, is_built: bool = False) -> set[str]:
    """The objects that words name: outputs, or with `--derivation` derivations."""
    targets = installables.targets(words)
    if call.given.flag("derivation"):
        return set(derivations_of(installables.store, targets))
    return _paths(call, installables.store, targets, is_built=is_built)


def _paths(call: Call, store: "Store", targets: list[Target], *, is_built: bool) -> set[str]:
    from snowsnake.cli.building import report_missing

    try:
        found = {path for target in targets for path in output_paths(store, target).values()}
    except NotBuilt:
        if not is_built:
            report_missing(store.missing(target.wanted for target in targets), call.reporter, level=0)
            raise
        return _built(call, store, targets)
    absent = [target.path for target in targets if not all(map(store.is_valid, output_paths(store, target).values()))]
    if is_built and absent:
        return _built(call, store, targets)
    if absent:
        report_missing(store.missing(absent), call.reporter, level=0)
    return found
