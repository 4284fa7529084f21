"""A locked flake that is evaluated on another machine.

In: a `LockedFlake`.  Out: a `ShippedFlake`, which is plain data: the lock file and facts about what was fetched for it; and source trees as
archives, each named by its content.  From these a worker makes a `JobRoot`.  Inputs are as lazy as in one process: a worker that comes to an input
whose source it was not given returns `Needs`; the machine that locked the flake fetches it, or fails to, and the answer goes to all workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.options import JobOptions
from snowsnake.jobs.reply import Path, Reply, failed
from snowsnake.jobs.shipping import MOST_BYTES, ArchiveTree, TooMuch, new_evaluator, values_of

Attributes = tuple[tuple[str, Any], ...]
# The number of a tree, the path of a missing file in it, and the builtin that wanted the file.
MissingFile = tuple[int, str, str]


@dataclass(frozen=True)
class Supplied:
    """The result of fetching an input: facts and the store path of a source, or (class, message, notes, kind, exit code) of an error."""

    asked: Attributes
    found: Attributes = ()
    nar_hash: str = ""
    store_path: str = ""
    error: tuple[str, str, tuple[str, ...], str, int] | None = None


@dataclass(frozen=True)
class Needs:
    """What a worker returns instead of replies: `inputs` that nobody has fetched yet, and `missing` files.

    Only the machine that locked the flake can say whether such a file does not exist, or exists but is not tracked by Git.
    """

    inputs: tuple[Attributes, ...] = ()
    missing: tuple[MissingFile, ...] = ()


@dataclass(frozen=True)
class Answers:
    """Everything that workers asked for so far: sources, and messages about missing files."""

    sources: tuple[Supplied, ...] = ()
    texts: tuple[tuple[MissingFile, str], ...] = ()


@dataclass(frozen=True)
class ShippedTree:
    """A source tree's name in messages."""

    store_path: str
    label: str


@dataclass(frozen=True)
class ShippedFlake:
    """`lock`, `found`: the arguments of flake/nix/call-flake.nix.  `places`: the attribute paths at which jobs are looked for.  `shown`: the flake's name in errors."""

    lock: bytes
    found: bytes
    trees: tuple[ShippedTree, ...]
    places: tuple[str, ...]
    shown: str
    options: JobOptions = JobOptions()
    arguments: tuple[tuple[str, str, str], ...] = ()
    features: tuple[str, ...] = ()


class FlakeSources:
    """The sources of a flake on the machine that locked it: as archives, and the inputs that workers ask for."""

    def __init__(self, flakes: Any, locked: Any) -> None:
        self._flakes = flakes
        self._trees = {place.tree.store_path: place.tree for place in locked.places.values()}

    def ship(
        self, arguments: tuple[bytes, bytes], places: list[str], shown: str, options: JobOptions, more: tuple[tuple[str, str, str], ...], features: tuple[str, ...]
    ) -> tuple[ShippedFlake, dict[str, bytes]]:
        """The flake as plain data, and the archives that evaluation begins with, by store path."""
        from snowsnake.fetch.errors import FetchFailure
        from snowsnake.flake.world import evaluation_error

        try:
            archives = {path: _archive(tree.source) for path, tree in self._trees.items()}
        except FetchFailure as error:
            raise evaluation_error(error) from None
        trees = tuple(ShippedTree(tree.store_path, tree.label) for tree in self._flakes.world.trees())
        return ShippedFlake(*arguments, trees, tuple(places), shown, options, more, features), archives

    def _fetch(self, asked: Attributes) -> tuple[Supplied, bytes]:
        from snowsnake.fetch.errors import FetchFailure

        fetcher = self._flakes.evaluator.fetcher
        try:
            source = fetcher.fetch(fetcher.input_from_attrs(dict(asked)))
            return Supplied(asked, tuple(source.input.attrs.items()), source.nar_hash, source.store_path), _archive(source)
        except FetchFailure as error:
            return Supplied(asked, error=(type(error).__name__, str(error), tuple(error.notes), error.kind, error.exit_code)), b""
        except TooMuch as error:
            return Supplied(asked, error=(FetchFailure.__name__, str(error), (), FetchFailure.kind, FetchFailure.exit_code)), b""

    def answer(self, needs: Needs, known: Answers) -> tuple[Answers, dict[str, bytes]]:
        """All answers, with those to *needs*, and the archives of further sources."""
        sources, archives = list(known.sources), {}
        for asked in needs.inputs:
            if all(entry.asked != asked for entry in sources):
                entry, archive = self._fetch(asked)
                sources.append(entry)
                if entry.error is None:
                    archives[entry.store_path] = archive
        trees = self._flakes.world.trees()
        texts = dict(known.texts) | {file: trees[file[0]].missing(*file[1:]).message for file in needs.missing}
        return Answers(tuple(sources), tuple(texts.items())), archives


def _archive(source: Any) -> bytes:
    """The archive of a source.  Raises FetchFailure if its hash has changed since the source was fetched, TooMuch if it is too large."""
    from snowsnake.fetch.errors import FetchFailure
    from snowsnake.fetch.tree_hash import ArchiveStream
    from snowsnake.store import hashing
    from snowsnake.store.hash import Hash

    archive = ArchiveStream(source.files).read(MOST_BYTES + 1)
    if len(archive) > MOST_BYTES:
        raise TooMuch(f"the source '{source.input}' has more than {MOST_BYTES >> 20} MiB")
    if Hash("sha256", hashing.digest("sha256", archive)).sri != source.nar_hash:
        raise FetchFailure(f"'{source.store_path}' changed while it was read")
    return archive


# ---- on the workers ---------------------------------------------------------------------------------------------


class _Tree:
    """A source tree as messages need it: its name, and its messages about missing files as far as the worker knows them."""

    def __init__(self, number: int, tree: ShippedTree, worker: FlakeWorker) -> None:
        self.store_path, self.label = tree.store_path, tree.label
        self._number, self._worker = number, worker

    def missing(self, path: str, builtin: str = "") -> EvaluationError:
        return EvaluationError("file", self._worker.text_of((self._number, path, builtin)))


class FlakeWorker:
    """The root of a shipped flake, in an evaluator of its own.  `archives` has the archives by store path.  `growth_bytes`: what its values may take."""

    def __init__(self, shipped: ShippedFlake, archives: dict[str, bytes], answers: Answers, growth_bytes: int | None = None) -> None:
        from snowsnake.flake.calling import call_source
        from snowsnake.flake.session import Labels, find_outputs
        from snowsnake.selection import Selector

        self._inputs: list[Attributes] = []
        self._missing: list[MissingFile] = []
        self._archives: dict[str, bytes] = {}
        self._sources: dict[Attributes, Supplied] = {}
        self._texts: dict[MissingFile, str] = {}
        self._root: JobRoot | None = None
        # The error of the root, if it cannot be opened.
        self._error: EvaluationError | None = None
        evaluator = self._evaluator = new_evaluator(shipped.options, shipped.features, growth_bytes)
        evaluator.fetcher.supply = self._supply
        self.give(archives, answers)
        for tree in shipped.trees:
            if tree.store_path in archives:
                evaluator.mount(tree.store_path, ArchiveTree(archives[tree.store_path]))
        trees = [_Tree(number, tree, self) for number, tree in enumerate(shipped.trees)]
        labels = self._labels = Labels(lambda: trees)
        selector = Selector(evaluator, values_of(evaluator, shipped.arguments))

        def render(error: EvaluationError) -> tuple[str, str]:
            labels.relabel(error)
            text = error.render(show_trace=shipped.options.show_trace)
            return text, text

        try:
            outputs = evaluator.call_flake(call_source(), shipped.lock, shipped.found).select(b"outputs")
            value, _ = next(find_outputs(outputs, shipped.shown, list(shipped.places)))
            root = selector.auto_call(value)
            self._root = JobRoot(evaluator, root, shipped.options, selector=selector, features=shipped.features, render=render)
        except EvaluationError as error:
            self._error = error

    @property
    def is_over(self) -> bool:
        """Whether this evaluator must not be used again, because evaluation needed an input whose source is not here, or the root failed."""
        return bool(self._inputs) or self._root is None

    def give(self, archives: dict[str, bytes], answers: Answers) -> None:
        """Takes the archives and answers that are known by now."""
        self._archives.update(archives)
        self._sources.update((entry.asked, entry) for entry in answers.sources)
        self._texts.update(answers.texts)
        self._missing = []

    @property
    def lacked_memory(self) -> bool:
        """Whether the memory did not suffice for the last path."""
        return self._root is not None and self._root.lacked_memory

    def look(self, paths: list[Path]) -> list[Reply] | Needs:
        """The replies to some paths, up to one for which the memory did not suffice, or what they need first."""
        replies: list[Reply] = []
        for path in paths:
            if self._inputs or self.lacked_memory:
                break
            if self._root is None:
                assert self._error is not None
                self._labels.relabel(self._error)
                replies.append(failed_root(path, self._error))
            else:
                replies.append(self._root.look(path))
        return Needs(tuple(self._inputs), tuple(self._missing)) if self._inputs or self._missing else replies

    def text_of(self, file: MissingFile) -> str:
        """The message that a file is missing; if it is not known yet, it is empty, and `look` asks for it."""
        if file not in self._texts:
            self._missing.append(file)
        return self._texts.get(file, "")

    def _supply(self, input: Any) -> Any:
        """The source of an input of the lock file, which comes from the machine that locked it; None for an input that is fetched here."""
        from snowsnake.fetch import errors
        from snowsnake.fetch.fetcher import Source

        if not input.is_final:
            return None
        asked: Attributes = tuple(sorted(input.attrs.items()))
        entry = self._sources.get(asked)
        if entry is None:
            self._inputs.append(asked)
            raise errors.FetchFailure("the source has to be fetched first")
        if entry.error is not None:
            name, message, notes, kind, exit_code = entry.error
            # Kinds that only a scheme knows have more parameters (http.TransferError): what they are does not matter here.
            error = getattr(errors, name, errors.FetchFailure)(message, notes)
            error.kind, error.exit_code = kind, exit_code
            raise error
        found = self._evaluator.fetcher.input_from_attrs(dict(entry.found))
        return Source(found, entry.nar_hash, entry.store_path, ArchiveTree(self._archives[entry.store_path]))


def failed_root(path: Path, error: EvaluationError) -> Reply:
    """The reply to a path of a root that cannot be opened."""
    return failed(path, error.render())
