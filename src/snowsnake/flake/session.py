"""An evaluator with flakes: finds, locks and calls references, and looks up their outputs like the commands.

In: an evaluator, settings.  Out: handles of its values.  Only what is needed is evaluated and fetched.
"""

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.input_forms import DEFAULT_FEATURES, require
from snowsnake.flake.calling import call_arguments, call_source
from snowsnake.flake.locks import lock_flake
from snowsnake.flake.world import FlakeTree, FlakeWorld, evaluation_error
from snowsnake.lock.flakes import LockedFlake
from snowsnake.lock.locking import LockOptions
from snowsnake.lock.reference_text import parse_reference
from snowsnake.lock.references import Reference
from snowsnake.selection import split_path
from snowsnake.source import Position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter


# Lines of a trace that name a file: the text before its name, and the characters after it.
_LINES_WITH_FILES = (("\n  whose name attribute is located at ", "::"), ("while adding path '", "'"))


class Labels:
    """The names of source trees in errors.  `trees` returns objects that have a `store_path`, a `label` and `missing`, as a `FlakeTree` has."""

    def __init__(self, trees: "Callable[[], list[Any]]") -> None:
        self._trees = trees

    def mounted(self, path: str) -> "tuple[Any, str]":
        """The tree that a store path belongs to, and the rest of the path; raises FlakeError if there is none."""
        for tree in self._trees():
            if path == tree.store_path or path.startswith(tree.store_path + "/"):
                return tree, path[len(tree.store_path) + 1 :]
        raise FlakeError("file", f"path '{path}' is in no source tree that was fetched")

    def shown(self, path: str, others: "Mapping[str, str] | None" = None) -> str:
        """The name of a source tree's file in messages; any other path has its name in *others*, or stays as it is."""
        try:
            tree, inner = self.mounted(path)
        except EvaluationError:
            return path if others is None else others.get(path, path)
        return f"{tree.label}/{inner}"

    def relabel(self, error: EvaluationError, others: "Mapping[str, str] | None" = None) -> None:
        """Makes an error name the user's files instead of store paths; the message about a missing file may say that Git does not track it.

        *others*: names of files that are in no tree here.
        """
        if error.fault == "no-file":
            try:
                tree, inner = self.mounted(error.subject)
                builtins = [frame.name for frame in error.trace if frame.kind == "builtin"]
                error.message = tree.missing(inner, builtins[-1] if builtins else "").message
            except EvaluationError:
                pass
        error.position = self._relabelled(error.position, others)
        for frame in error.trace:
            frame.position = self._relabelled(frame.position, others)
            if frame.kind == "file":
                frame.name = self.shown(frame.name, others)
            elif frame.kind != "context":
                frame.name = self._relabelled_line(frame.name)

    def _relabelled_line(self, line: str) -> str:
        """A line of a trace, if it is one of those that name a file."""
        for start, end in _LINES_WITH_FILES:
            before, mark, after = line.partition(start)
            if mark:
                path = after.rsplit(end[0], end.count(end[0]))[0]
                return before + mark + self.shown(path) + after[len(path) :]
        return line

    def _relabelled(self, position: Position | None, others: "Mapping[str, str] | None") -> Position | None:
        if position is None or not position.file.startswith("/"):
            return position
        label = self.shown(position.file, others)
        return position if label == position.file else position.in_file(label)


def package_places(system: str) -> "tuple[tuple[str, ...], tuple[str, ...]]":
    """(defaults, prefixes): the attribute paths of a flake's package for a reference without attribute, and the prefixes that are tried before an attribute."""
    return (f"packages.{system}.default", f"defaultPackage.{system}"), (f"packages.{system}.", f"legacyPackages.{system}.")


class FlakeSession:
    """Flakes in one evaluator.  `warn` gets warnings, `say` the kind of a remark (`warning`, `note`) and its text.

    *features*: the experimental features that are on.  Without `flakes`, a reference can be read if it needs no look-up, but nothing can be locked.
    """

    def __init__(
        self,
        evaluator: "Interpreter",
        settings: "Any",
        environ: "Mapping[str, str]",
        warn: "Callable[[str], None]",
        say: "Callable[[str, str], None] | None" = None,
        apply_config: "Callable[[dict[str, Any]], None] | None" = None,
        features: "frozenset[str]" = DEFAULT_FEATURES,
    ) -> None:
        self.evaluator = evaluator
        self.settings = settings
        self.world = FlakeWorld(
            evaluator.fetcher, settings, environ, warn, on_tree=lambda tree: evaluator.mount_source(tree.source), check=evaluator.check_input,
            copy=self._copied, features=features,
        )
        self._say = say
        self._apply_config = apply_config
        self._called: dict[tuple[bytes, bytes], Handle] = {}

    @property
    def system(self) -> str:
        return str(self.settings["system"])

    def reference(self, text: str, base: str, may_be_missing: bool = False) -> tuple[Reference, str]:
        """A reference of the command line, and its fragment."""
        try:
            return parse_reference(
                text, base, may_be_missing=may_be_missing, say=self._say, features=self.world.features
            )
        except FetchFailure as error:
            raise evaluation_error(error) from None

    def lock(self, reference: Reference, options: LockOptions) -> LockedFlake:
        """Finds a flake and locks it."""
        require("flakes", self.world.features)
        return lock_flake(self.world, reference, options, apply_config=self._apply_config)

    def call(self, locked: LockedFlake) -> "Handle":
        """The flake's value, not evaluated; the same one for a flake that was called before."""
        arguments = call_arguments(locked)
        if arguments not in self._called:
            self._called[arguments] = self.evaluator.call_flake(call_source(), *arguments)
        return self._called[arguments]

    def outputs(self, locked: LockedFlake) -> "Handle":
        """The flake's outputs, not evaluated."""
        return self.call(locked).select(b"outputs")

    @property
    def _labels(self) -> "Labels":
        return Labels(self._trees)

    def _trees(self) -> list[FlakeTree]:
        """The trees of flakes, and then what evaluation fetched besides them."""
        return [*self.world.trees(), *(FlakeTree(source, asked) for asked, source in self.world.fetcher.asked.values())]

    def _copied(self, tree: FlakeTree, path: str) -> str:
        """Copies a file or folder of a tree to the store on its own, so that its store path does not depend on the rest of the tree."""
        self.evaluator.mount_source(tree.source)
        copy = self.evaluator.evaluate(b'path: builtins.path { inherit path; name = "source"; }', "/", "«internal»")
        place = self.evaluator.from_python(f"{tree.store_path}/{path}".encode("utf-8", "surrogateescape"))
        found: str = copy.call(place).string().decode("utf-8", "surrogateescape")
        return found

    def mounted(self, path: bytes) -> "tuple[FlakeTree, str]":
        """The tree that a store path belongs to, and the rest of the path."""
        return self._labels.mounted(path.decode("utf-8", "surrogateescape"))

    def shown(self, path: str) -> str:
        """The name of a source tree's file in messages."""
        return self._labels.shown(path)

    def relabel(self, error: EvaluationError, others: "Mapping[str, str] | None" = None) -> None:
        """Makes an error name the user's files instead of their store paths; *others*: names of files that are in no tree here."""
        self._labels.relabel(error, others)

    def attribute_paths(self, fragment: str, defaults: "Iterable[str]" = (), prefixes: "Iterable[str] | None" = None) -> list[str]:
        """The places where the fragment of a reference is looked for, in order."""
        usual_defaults, usual_prefixes = package_places(self.system)
        if not fragment:
            return list(defaults) or list(usual_defaults)
        if fragment.startswith("."):
            return [fragment[1:]]
        return [*(prefix + fragment for prefix in (usual_prefixes if prefixes is None else prefixes)), fragment]

    def installable(self, text: str, base: str, options: "Callable[[], LockOptions]") -> "Handle":
        """The output that `REF#attribute` means, not evaluated; `^outputs` after it is ignored here."""
        return self.find(*self.place(without_outputs(text), base, options))[0]

    def place(
        self, text: str, base: str, options: "Callable[[], LockOptions]", defaults: "Iterable[str]" = (), prefixes: "Iterable[str] | None" = None
    ) -> "tuple[LockedFlake, Reference, list[str]]":
        """The places where the output that `REF#attribute` means is looked for: the locked flake, its name in messages, attribute paths.

        *defaults*: the attribute paths of a reference without attribute; *prefixes*: the prefixes of the attribute with which it is looked for.
        """
        reference, fragment = self.reference(text, base)
        fragment, _, _ = fragment.partition("^")
        return self.lock(reference, options()), reference, self.attribute_paths(fragment, defaults, prefixes)

    def find(self, locked: LockedFlake, shown: object, paths: list[str]) -> "tuple[Handle, str]":
        """The first of several attributes that the flake has, with its path."""
        return next(self.find_all(locked, shown, paths))

    def find_all(self, locked: LockedFlake, shown: object, paths: list[str]) -> "Iterator[tuple[Handle, str]]":
        """Iterates over those of several attributes that the flake has, with their paths; raises FlakeError if it has none."""
        return find_outputs(self.outputs(locked), shown, paths)


def without_outputs(text: str) -> str:
    """`REF#attribute` or `REF` without the `^outputs` after it.

    >>> without_outputs("x#a.b^out"), without_outputs("x^dev"), without_outputs("x#a^*"), without_outputs("x")
    ('x#a.b', 'x', 'x#a', 'x')
    """
    reference, mark, fragment = text.partition("#")
    return reference + mark + fragment.partition("^")[0] if mark else text.rpartition("^")[0] or text


def find_outputs(outputs: "Any", shown: object, paths: list[str]) -> "Iterator[tuple[Any, str]]":
    """Iterates over those of several attributes that a flake's outputs have, with their paths; raises FlakeError if they have none."""
    absent: list[tuple[str, list[bytes]]] = []
    is_any = False
    for path in paths:
        value = _along(outputs, split_path(path), absent)
        if value is not None:
            is_any = True
            yield value, path
    if is_any:
        return
    names = [f"'{path}'" for path in paths]
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
    raise FlakeError("missing-attribute", f"flake '{shown}' does not provide attribute {listed}", suggestions=_suggestions(absent))


def _suggestions(absent: list[tuple[str, list[bytes]]]) -> list[str]:
    """Names that look like missing ones, the nearest first; *absent* has each missing name with the names that its set has."""
    from snowsnake.diagnostics.edit_distance import distance
    from snowsnake.diagnostics.suggestions import MAX_DISTANCE

    alike: dict[str, int] = {}
    for part, names in absent:
        for name in (name.decode("utf-8", "replace") for name in names):
            edits = distance(part, name, MAX_DISTANCE)
            if edits <= MAX_DISTANCE:
                alike[name] = min(edits, alike.get(name, edits))
    return [name for name, _ in sorted(alike.items(), key=lambda item: (item[1], item[0]))][:5]


def _along(value: "Handle", parts: list[str], absent: list[tuple[str, list[bytes]]]) -> "Handle | None":
    """The value at a path; if a name on the way is missing, it is added to *absent*, and the result is None."""
    for number, part in enumerate(parts):
        if value.type_name() != "set":
            raise FlakeError("type", f"'{'.'.join(parts[:number])}' is not an attribute set")
        names = value.keys()
        key = part.encode("utf-8", "surrogateescape")
        if key not in names:
            absent.append((part, names))
            return None
        value = value.select(key)
    return value


def open_session(evaluator: "Interpreter") -> FlakeSession:
    """The flakes of an evaluator of the library; the evaluator's fetcher has the settings, and gets the messages."""
    import os

    fetcher = evaluator.fetcher
    return FlakeSession(evaluator, fetcher.settings, os.environ, fetcher.warn)
