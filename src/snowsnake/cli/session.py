"""From options to an evaluator: search path, policy, limits, arguments for functions; and the sources to evaluate.

In: settings and parsed options.  Out: a `Session` that loads expressions and files.  Shared by `snowsnake` and
`snowsnake-instantiate`; the evaluator is imported here, after the command line is known to be right.
"""

import os

from snowsnake.cli import output
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import QUIET, Reporter, fetch_error, keep, opening_error
from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.host.options import StoreToRead
from snowsnake.selection import Selector
from snowsnake.settings import Settings
from snowsnake.settings.places import MACHINE_STATE, MACHINE_STORE, channel_entries, daemon_socket
from snowsnake.store import may_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from snowsnake.derivation_search import FoundDerivation
    from snowsnake.flake.answers import FlakeAnswers
    from snowsnake.handle import Handle

_STORE_VARIABLES = frozenset(("NIX_REMOTE", "NIX_STORE_DIR", "NIX_STORE", "NIX_STATE_DIR", "NIX_DAEMON_SOCKET_PATH"))
# Options of an evaluation that only finds the trace of an error.
_FOR_TRACES: dict[str, object] = {"level": 2, "is_writable": False, "cache": b"", "store": None}


def _progress_of(reporter: Reporter) -> "Any":
    """Shows the progress of fetching; made when something is fetched."""
    from snowsnake.cli.fetch_progress import progress_for

    return progress_for(reporter)


def _language_options(settings: Settings, reporter: Reporter, given: "dict[str, Any]") -> "dict[str, object]":
    """The options that follow from settings which somebody has set.  *given*: what the command says itself."""
    found: dict[str, object] = {}
    if reporter.verbosity != QUIET:
        found["verbosity"] = reporter.verbosity
    # The commands of Snowsnake have an option of their own, which wins.
    if settings.is_set("max-call-depth") and not given.get("depth_limit"):
        found["depth_limit"] = settings.depth_limit()
    if settings["eval-system"] or settings.is_set("system"):
        found["system"] = settings["eval-system"] or settings["system"]
    return found


class Session:
    """An evaluator and its settings.

    `eval_store` is the address of a store that takes the place of the settings' one.  `arguments` holds the values of `--arg` and the like by
    name, for functions at the top or on a selection path.
    """

    def __init__(self, settings: Settings, reporter: Reporter, includes: list[str], **options: "Any") -> None:
        from snowsnake.interpreter import Interpreter
        from snowsnake.machine.heap import give_back_large_blocks

        give_back_large_blocks()
        if output.keeps_frames:
            options |= _FOR_TRACES
            # What the first evaluation fetched is in the cache.
            settings.is_offline = True
        self.settings = settings
        self.reporter = reporter
        is_pure = settings["pure-eval"]
        is_restricted = settings["restrict-eval"]
        search_path = [] if is_pure else _search_path(settings, includes, is_restricted)
        if is_restricted:
            options.setdefault("allowed_paths", tuple(path for _, path in search_path))
        # Some callers have made a store for this evaluation.
        store = options.pop("store", None)
        self._base_folder = str(options.pop("base_folder", ""))
        options |= store_options(settings, reporter, options.pop("eval_store", None), options["is_writable"])
        if options.pop("repairs", False) and "store" in options:
            options["store"] = _Repaired(options["store"])
        if store is not None:
            options["store"] = store
        # Only the first evaluation is observed.
        profile = settings["eval-profiler"] == "flamegraph" and not output.keeps_frames
        if profile or (settings["trace-function-calls"] and not output.keeps_frames):
            options["watch"] = settings["trace-function-calls"], settings["eval-profiler-frequency"] if profile else None
        options |= _language_options(settings, reporter, options)
        self.evaluator = Interpreter(
            search_path=search_path,
            pure=is_pure,
            restricted=is_restricted,
            features=settings.language(),
            trace_verbose=settings["trace-verbose"],
            abort_on_warn=settings["abort-on-warn"],
            log_format=reporter.log_format,
            settings=settings,
            # The function must not hold the session: the host has the function, so both would keep each other alive.
            fetch_progress=lambda: _progress_of(reporter),
            **options,
        )
        keep(self.evaluator)
        self._meet_the_first()
        if profile:
            from snowsnake.cli.profile import write_at_end

            write_at_end(self.evaluator, settings["eval-profile-file"])
        if is_restricted:
            self.evaluator.resolve_search_path()
        self.arguments: dict[bytes, Handle] = {}
        # Answers of flakes that are kept when the command ends (answers.py).
        self.answers: list[FlakeAnswers] = []
        self.selector = Selector(self.evaluator, self.arguments)

    def _meet_the_first(self) -> None:
        """Makes this evaluator the command's first one, or one that looks a second time at what the first one has fetched."""
        first = self.reporter.evaluator
        if first is None:
            self.reporter.evaluator = self.evaluator
        elif output.keeps_frames:
            self.evaluator.fetcher.supply_folders_of(first.fetcher)

    @property
    def base_folder(self) -> str:
        """The folder where relative paths of the command line begin."""
        return self._base_folder or os.getcwd()

    def expression(self, source: bytes, name: str = "«string»") -> "Handle":
        """Compiles an expression of the command line; relative paths start at the base folder."""
        return self.evaluator.evaluate(source, self.base_folder, name)

    def file(self, word: str) -> "Handle":
        """Compiles a file: a path, a folder with a `default.nix`, or `<name>` from the search path."""
        if is_search_path(word):
            path = self.find_file(word[1:-1])
            if is_internal(path):
                return self.expression(f"import {word}".encode("utf-8", "surrogateescape"))
            return self.evaluator.evaluate_file(path)
        return self.evaluator.evaluate_file(self.local_path(word))

    def evaluated_file(self, word: str) -> "Handle":
        """Does what `file` does, and evaluates the value; `-v` and the trace of an error have a line for that."""
        if is_search_path(word) and is_internal(self.find_file(word[1:-1])):
            return self.file(word)
        path = self.resolve(word)
        if self.reporter.verbosity > QUIET and os.path.lexists(path.removesuffix("/default.nix")):
            self.reporter.note(f"evaluating file '{path}'", QUIET + 1)
        value = self.file(word)
        try:
            value.force()
        except EvaluationError as error:
            error.trace.insert(0, Frame("file", path, None))
            raise
        return value

    def derivations(self, value: "Handle", selector: Selector | None = None) -> "Iterator[FoundDerivation]":
        """The derivations of a value: itself, or those in its attributes and list elements.  *selector* calls functions on the way."""
        from snowsnake.derivation_search import derivations

        return derivations(selector or self.selector, value, self.evaluator.store_dir)

    def resolve(self, word: str) -> str:
        """The absolute path of the file that an argument means."""
        return resolve_expression_path(self.find_file(word[1:-1]) if is_search_path(word) else self.local_path(word))

    def local_path(self, word: str) -> str:
        """The absolute path of an argument that is a path; links are followed when it is read, once."""
        from snowsnake.settings.search_path import is_pseudo_url

        if is_pseudo_url(word) or word.startswith("flake:"):
            from snowsnake.fetch.errors import FetchFailure

            if word.startswith("flake:"):
                self.settings.require("flakes")
            try:
                return str(self.evaluator.fetch_tree(word))
            except FetchFailure as error:
                raise fetch_error(error) from None
        return os.path.normpath(os.path.join(self.base_folder, word))

    def find_file(self, name: str) -> str:
        """The place of `<name>` in the search path; `<nix/…>` itself for a file that comes with the evaluator."""
        escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
        source = f'toString (builtins.findFile builtins.nixPath "{escaped}")'
        try:
            return os.fsdecode(self.expression(source.encode("utf-8", "surrogateescape")).string())
        except EvaluationError as error:
            # The error loses its trace, because the expression is our own.
            raise EvaluationError(error.code, error.message) from None

    def add_arguments(self, given: list[list[str]], read_stdin: "Callable[[], bytes]") -> None:
        """Adds values for functions: (kind, name, text) with kind `arg`, `argstr`, `arg-from-file` or `arg-from-stdin`."""
        for kind, name, text in given:
            key = name.encode("utf-8", "surrogateescape")
            if kind == "arg":
                value = self.expression(text.encode("utf-8", "surrogateescape"))
            elif kind == "argstr":
                value = self.evaluator.from_python(text.encode("utf-8", "surrogateescape"))
            elif kind == "arg-from-file":
                value = self.evaluator.from_python(_without_nul(_argument_file(text), f"file '{text}'"))
            else:
                value = self.evaluator.from_python(_without_nul(read_stdin(), "standard input"))
            self.arguments[key] = value


def _argument_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise opening_error(path, error) from None


def _without_nul(data: bytes, what: str) -> bytes:
    """The bytes themselves; an error if they cannot be a string.  *what*: where they come from."""
    if b"\0" in data:
        raise EvaluationError("value", f"the contents of {what} cannot be represented as a Nix string: they have a NUL byte")
    return data


def cache_options(is_off: bool, folder: str, how: str) -> dict[str, object]:
    """Keywords of the evaluator for `--no-cache`, `--cache-dir` and `--cache-validate`."""
    if how not in ("stat", "hash"):
        raise UsageError(f"option '--cache-validate' takes stat or hash, not '{how}'")
    from snowsnake.cache.location import machine_options

    return machine_options(os.environ, is_off=is_off, folder=folder or None, by_content=how == "hash")


def is_search_path(word: str) -> bool:
    """Whether a file argument must be looked up in the search path."""
    return len(word) > 2 and word[0] == "<" and word[-1] == ">"


def is_internal(path: str) -> bool:
    """Whether a found file comes with the evaluator and has no place on disk."""
    return not path.startswith("/")


def resolve_expression_path(path: str) -> str:
    """Follows symbolic links of the last part of a path; a folder means its `default.nix`."""
    if os.path.islink(path):
        from snowsnake.foundation.links import TooManyLinks, follow_links

        try:
            path = follow_links(path)
        except TooManyLinks:
            raise EvaluationError("file", f"too many symbolic links encountered while traversing the path '{path}'") from None
    return os.path.join(path, "default.nix") if os.path.isdir(path) else path


def _search_path(settings: Settings, includes: list[str], is_restricted: bool) -> list[tuple[str, str]]:
    """`-I`, then `nix-path`, then the channels, which restricted evaluation does without."""
    entries = [*includes, *settings["nix-path"]]
    if not is_restricted:
        entries += channel_entries(os.environ, uses_xdg=settings["use-xdg-base-directories"])
    if not entries:
        return []
    from snowsnake.settings.search_path import split_search_entry

    return [split_search_entry(entry) for entry in entries]


def store_options(settings: Settings, reporter: Reporter, eval_store: str | None, is_writable: bool) -> dict[str, object]:
    """Keywords of the evaluator for its store: the one that the settings or *eval_store* name, otherwise the machine's own, to write to or only to read."""
    if eval_store is None and not settings.is_set("store") and not _STORE_VARIABLES.intersection(settings.environment):
        is_there = is_writable and (may_write(MACHINE_STORE, MACHINE_STATE) or os.path.exists(daemon_socket(settings.environment)))
        return {"store": _MachinesStore(settings, reporter)} if is_there else {"store_to_read": StoreToRead(lambda: _open_to_read(settings))}
    from snowsnake.cli import stores

    return stores.store_options(settings, reporter.warning, eval_store=eval_store, is_writable=is_writable, reporter=reporter)


def _open_to_read(settings: Settings) -> "Any":
    from snowsnake.cli.stores import open_to_read

    return open_to_read(settings)


class _Repaired:
    """The place of a store in which damaged objects are written again by the evaluation that adds them."""

    def __init__(self, place: "Any") -> None:
        self._place = place

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._place, name)

    def open(self) -> "Any":
        store = self._place.open()
        store.repairs = True
        return store


class _MachinesStore:
    """The machine's own store, or the daemon that writes to it, as cli/stores.py finds it.  It is opened when an evaluation needs it, which most do not."""

    __slots__ = ("_settings", "_reporter")
    store_dir = real = name = MACHINE_STORE
    opens_late = True

    def __init__(self, settings: Settings, reporter: Reporter) -> None:
        self._settings = settings
        self._reporter = reporter

    def open(self) -> "Any":
        from snowsnake.cli.stores import open_store

        return open_store(self._settings, self._reporter.warning, is_writable=True, reporter=self._reporter)
