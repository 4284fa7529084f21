"""The library: evaluate Nix from Python.

In: Nix source, Python values.  Out: lazy `Value`s; errors are `EvaluationError`s with fields.

>>> import snowsnake
>>> package = snowsnake.evaluate('{ name = "hello"; version = "2.10"; broken = throw "not looked at"; }')
>>> package["name"].to_python()
'hello'
>>> sorted(package)
['broken', 'name', 'version']

A `Value` belongs to the evaluator that made it, and an evaluator to one thread at a time; several evaluators run at
once, without the interpreter's lock.

Over 600 lines: `Evaluator` is one class with a docstring and an example for each of its methods.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn, cast

from snowsnake import interpreter
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.arguments import a_level, a_list, a_mapping, a_str, a_text, exact
from snowsnake.foundation.log_numbers import CHATTY, INFORMATION
from snowsnake.parsing import Syntax, compile_source, parse_source
from snowsnake.python_values import Raw, has_nix_form, plain
from snowsnake.values import DerivationView, ListValue, SetValue, Value, wrap
from snowsnake.version import NIX_VERSION

if TYPE_CHECKING:
    from typing import Any

    from snowsnake.decoding.decoder import Decoder
    from snowsnake.dependencies import Dependencies
    from snowsnake.host.file_system import FileSystem
    from snowsnake.jobs.run import Jobs
    from snowsnake.runner import Runner
    from snowsnake.waiting import EvaluatorThread

__all__ = [
    "NIX_VERSION",
    "DerivationView",
    "EvaluationError",
    "Evaluator",
    "ListValue",
    "Raw",
    "SetValue",
    "Value",
    "compile",
    "evaluate",
    "evaluate_file",
    "parse",
]

# An evaluator mounts its `files` at this path.
_FILES = "/nix/store/00000000000000000000000000000000-files"
_FILE_RECORDS = frozenset(("file", "directory", "status", "target", "link", "tree", "source"))
# An evaluator remembers decoders for at most this many types and selectors.
_MOST_DECODERS = 500

PathLike = str | os.PathLike[str]


class _Unmade:
    """The machine of an Evaluator that was made without `__init__`: a class attribute, because a method `__getattr__` would slow every use of an attribute down."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ValueError("this Evaluator was made without __init__")


class Evaluator:
    """Evaluates expressions that share imports, a search path and limits.

    `search_path` is a list of `"prefix=path"` or `"path"`, or a mapping of prefixes to paths; without it `<name>` is
    not found.  `pure` forbids everything that depends on the machine, `restricted` everything outside the search path and
    `allowed_paths`.  `features` are experimental features (`"pipe-operators"`); unknown ones are ignored.  `store` is a folder
    for an embedded store: derivations, texts and sources are really written, and can be read.
    `cache` is a folder in which compiled files are kept from one evaluator to the next, or True for the folder that the
    commands use; `cache_validate` says how a file is recognised: by its time and size ("stat") or its content ("hash").
    `files` is a file system to evaluate in, instead of the disk's working directory: a mapping of names to contents, a zip file, a Git tree
    (pygit2), a file system of fsspec, or an object with `kind`, `read` and `list`; relative paths are in it, and it may be read under `pure`.
    `environment` is what `getEnv` sees, `system` is the value of `currentSystem`; `settings` are those of nix.conf by name, which win over the
    parameters (`{"pure-eval": True, "tarball-ttl": 0}`).  `on_message(kind, text)` gets traces (`trace`), warnings (`warning`) and what is read and
    copied (`progress`); without it they go to the logger `snowsnake`, traces as INFO.  Nothing is written to standard error.
    `builtins` are more attributes of the set `builtins`: functions and data of Python.
    `optimise` 0 runs the specified bytecode only: the same values, slower.

    Limits of 0 are the defaults: four fifths of the memory (or of what a container or `ulimit -v` leaves) for values, two million
    nested calls or levels of data, no limit of wall time.  Beyond them evaluation raises an `EvaluationError` with the code
    `memory`, `depth` or `timeout`, and the evaluator can be used again.  An evaluator costs a tenth of a millisecond and 0.1 MB.

    >>> nix = Evaluator(search_path={"lib": "/srv/lib"})
    >>> nix.evaluate("builtins.nixPath").to_python()
    [{'path': '/srv/lib', 'prefix': 'lib'}]
    """

    _machine: interpreter.Interpreter = cast(interpreter.Interpreter, _Unmade())
    _files: "FileSystem | None" = None
    _worker: "EvaluatorThread | None" = None
    _calls = 0
    _deadline = 0.0

    def __init__(
        self,
        *,
        search_path: Iterable[str] | Mapping[str, PathLike] = (),
        pure: bool = False,
        restricted: bool = False,
        allowed_paths: Iterable[PathLike] = (),
        features: Iterable[str] = (),
        memory_limit_bytes: int = 0,
        depth_limit: int = 0,
        timeout_s: float = 0.0,
        optimise: int = 1,
        store: PathLike | None = None,
        cache: bool | PathLike = False,
        cache_validate: str = "stat",
        builtins: Mapping[str, object] | None = None,
        files: object = None,
        environment: Mapping[str, str] | None = None,
        system: str | None = None,
        settings: Mapping[str, object] | None = None,
        on_message: "Callable[[str, str], object] | None" = None,
    ) -> None:
        optimise = a_level(optimise)
        features = [exact(feature) for feature in a_list("features", features, "names")]
        a_list("allowed_paths", allowed_paths, "paths")
        builtins = {} if builtins is None else a_mapping("builtins", builtins, "names to functions and data")
        environment = None if environment is None else _an_environment(environment)
        memory_limit_bytes = _a_limit("memory_limit_bytes", memory_limit_bytes, (1 << 63) - 1)
        depth_limit = _a_limit("depth_limit", depth_limit, (1 << 32) - 1)
        timeout_s = _seconds("timeout_s", timeout_s)
        system = None if system is None else a_str("system, such as 'x86_64-linux',", system)
        if store is not None and not isinstance(store, str | os.PathLike):
            raise TypeError(f"store is the path of a folder, not {type(store).__name__}")
        found = {} if settings is None else _from_settings(settings)
        self._files = None if files is None else _adapted(files)
        listener = _to_logger if on_message is None else on_message
        if not callable(listener):
            raise TypeError("on_message is a function of a kind and a text")
        options: dict[str, Any] = {
            "level": optimise,
            "search_path": _search_entries(search_path),
            "pure": pure,
            "restricted": restricted,
            "allowed_paths": tuple(exact(os.fspath(path)) for path in allowed_paths),
            "memory_limit_bytes": memory_limit_bytes,
            "depth_limit": depth_limit,
            "timeout_s": timeout_s,
            "store": None if store is None else exact(os.fspath(store)),
            "is_writable": True,
            "environment": environment,
            "system": system,
            "on_message": listener,
            # INFORMATION shows warnings and traces, CHATTY also files that are evaluated and sources that are copied.
            "verbosity": INFORMATION if on_message is None else CHATTY,
            **_cache_options(cache, cache_validate),
        }
        options |= found
        options["features"] = tuple(dict.fromkeys([*features, *found.get("features", ())]))
        self._make: Callable[[], interpreter.Interpreter] = lambda: interpreter.Interpreter(**options)
        self._builtins = builtins
        self._decoders: dict[Any, Decoder] = {}
        # These are Python functions, by identity; the machine keeps them.
        self._functions: dict[int, object] = {}
        # This many of these functions are running.
        self._calls = 0
        self._worker: EvaluatorThread | None = None
        self._deadline = 0.0
        self._start()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an Evaluator can be neither copied nor pickled: make another one")

    def _start(self) -> None:
        """Makes a new machine, with our mounted files and builtins."""
        self._machine = self._make()
        self._machine.set_deadline(self._deadline)
        self._decoders.clear()
        self._functions.clear()
        if self._files is not None:
            self._machine.mount(_FILES, self._files)
        if self._builtins:
            self._machine.add_builtins(plain(self._builtins, self))

    def evaluate(
        self,
        expression: str | bytes,
        *,
        base_path: PathLike | None = None,
        name: str = "«string»",
        scope: Mapping[str, object] | None = None,
    ) -> "Value":
        """The value of an expression, not yet forced; relative paths in it start at `base_path` (the working directory).

        `scope`: names that the expression sees, as Python data and functions; `name`: what positions call the text.  Syntax errors and undefined
        variables are raised here; all other errors are raised when the value is looked at.

        >>> nix = Evaluator()
        >>> nix.evaluate("{ a = 1 + 1; b = throw suffix; }", scope={"suffix": "not looked at"})["a"].to_python()
        2
        """
        source = a_text("an expression", expression, "; evaluate_file takes a path")
        name = a_str("a name for the text", name)
        folder = self._place("" if base_path is None else base_path)
        given = {} if scope is None else a_mapping("scope", scope, "names to values")
        names = plain(given, self) if given else None
        return wrap(self._machine.evaluate(source, folder, name, names), self)

    def evaluate_file(self, path: PathLike) -> "Value":
        """The value of a file, not yet forced; a folder means its `default.nix`.

        The same file is read and compiled once per evaluator.  The error of a file that cannot be read, or has syntax errors, is raised here.

        >>> nix = Evaluator(files={"lib/default.nix": "{ double = x: 2 * x; }"})
        >>> nix.evaluate_file("lib")["double"](21).to_python()
        42
        """
        return wrap(self._machine.evaluate_file(self._place(path)), self)

    def _place(self, path: PathLike) -> str:
        """An absolute path; a relative one is in `files`, if there are any."""
        text: str = exact(os.fspath(path))
        if self._files is None:
            return os.path.abspath(text)
        joined = os.path.normpath(os.path.join(_FILES, text))
        if not os.path.isabs(text) and joined != _FILES and not joined.startswith(_FILES + "/"):
            raise ValueError(f"the path {text!r} leads out of `files`")
        return joined

    def flake(
        self, reference: PathLike = ".", *, attribute: str = "", base_path: PathLike | None = None, overrides: Mapping[str, str] | None = None
    ) -> "Value":
        """A flake, locked and called but not evaluated: its outputs, `inputs`, `sourceInfo`; or one of its outputs.

        This needs the feature `flakes`.  `attribute` is looked up as the commands do it (`packages.SYSTEM.NAME` and so on); relative paths start
        at `base_path` (the working directory); `overrides` are other flakes for inputs, by path (`nixops/nixpkgs`).  Nothing is
        written, and an input that evaluation does not touch is not fetched.  `snowsnake.flake` can also write lock files.
        """
        from snowsnake.flake.session import open_session
        from snowsnake.lock.lock_file import parse_input_path
        from snowsnake.lock.locking import LockOptions

        if not isinstance(reference, str | os.PathLike):
            raise TypeError(f"a reference to a flake is a str or a path, not {type(reference).__name__}")
        if not isinstance(attribute, str):
            raise TypeError(f"attribute is a str, not {type(attribute).__name__}")
        session = open_session(self._machine)
        base = os.path.abspath(base_path or os.getcwd())
        targets = {parse_input_path(path): session.reference(text, base)[0] for path, text in a_mapping("overrides", overrides or {}, "inputs to flakes").items()}
        found, fragment = session.reference(os.fspath(reference), base)
        locked = session.lock(found, LockOptions(may_write=False, overrides=targets))
        name = attribute or fragment
        handle = session.find(locked, found, session.attribute_paths(name))[0] if name else session.call(locked)
        return wrap(handle, self)

    def value(self, value: object) -> "Value":
        """A Nix value from Python data, with `Value`s inside it.

        None, bool, int, float, str, bytes, lists, tuples, ranges, generators, sets (sorted), mappings, dataclasses, structs, pydantic models, enums,
        paths (as paths, absolute from the working directory), `Raw` Nix code, and functions: `def f(a, b: int)` is `a: b: …`, with lazy
        `Value`s or, where annotated, decoded arguments; `def f(*, a, b=1)` is `{ a, b ? … }: …`; a function without parameters is a value that
        is made when it is needed.  An exception that a function raises comes out unchanged.

        Raises OverflowError for an int of more than 64 bits, TypeError for data without a Nix form, ValueError for a `Value` of another
        evaluator and for more than 500 levels.

        >>> nix = Evaluator()
        >>> nix.value({"a": [1, None, "x"]}).to_nix()
        '{ a = [ 1 null "x" ]; }'
        >>> nix.evaluate("f: map f [ 1 2 ]")(lambda x: int(x) * 10).to_python()
        [10, 20]
        """
        if isinstance(value, Value):
            return value
        made = plain(value, self)
        return wrap(self._machine.from_python(made, made is value), self)

    def _decoder(self, target: "Any") -> "Decoder":
        """Returns the decoder for a type; it is made once for each type."""
        from snowsnake.decoding.plans import plan_of

        return self._planned(target, lambda decoder: plan_of(decoder, target, Value))

    def _querier(self, selector: str, target: "Any") -> "Decoder":
        """Returns the decoder for what a selector selects, with objects of a type at the ends."""
        from snowsnake.decoding.plans import plan_of
        from snowsnake.decoding.query import parse_selector, plan_of_selector

        selector = exact(selector)
        parts = parse_selector(selector)
        return self._planned((selector, target), lambda decoder: plan_of_selector(decoder, parts, plan_of(decoder, target, Value)))

    def _planned(self, key: "Any", make: "Any") -> "Decoder":
        """Returns the decoder that is remembered under *key*, or makes it: *make* returns the plan for a new decoder."""
        from snowsnake.decoding.decoder import Decoder

        try:
            found = self._decoders.get(key)
        except TypeError:
            # The key is a type that cannot be hashed.
            key = found = None
        if found is None:
            decoder = Decoder(self._machine)
            found = decoder.use(make(decoder))
            if key is not None:
                if len(self._decoders) >= _MOST_DECODERS:
                    self._decoders.clear()
                self._decoders[key] = found
        return found

    def _function_number(self, function: "Callable[..., Any]") -> object:
        """Returns a Python function in the form that `building.pyx` takes; the same object always has the same number."""
        known = self._functions.get(id(function))
        if known is None:
            from snowsnake.building import FunctionNumber
            from snowsnake.callbacks import functions_of
            from snowsnake.python_functions import PythonFunction

            made = PythonFunction(function, self)
            known = FunctionNumber(functions_of(self._machine).add(made), made.arity, made.formals)
            self._functions[id(function)] = known
        return known

    def _has_nix_form(self, value: object) -> bool:
        """Whether the method `value` would accept this data, as far as the type of the data says."""
        return has_nix_form(value)

    def mount(self, store_path: str, files: "FileSystem") -> None:
        """Reads a path of the logical store, `/nix/store/<hash>-<name>`, and everything below it, through a file system of Python.

        Evaluation may read it under `pure` and `restricted`, too.  The answers of the file system must not change.  A second file system at
        the same path is ignored.  Raises ValueError if the path is not directly in the store.

        >>> from snowsnake.host.file_system import MemoryFolder
        >>> nix = Evaluator(pure=True)
        >>> source = "/nix/store/ipq9iwxmsj7vkxi2jhsw0iynh9nkzl23-source"
        >>> nix.mount(source, MemoryFolder({b"a.nix": b"{ x }: x + 1"}))
        >>> nix.evaluate(f'import "{source}/a.nix"')(x=41).to_python()
        42
        """
        self._machine.mount(a_str("a store path", store_path), files)

    def files_read(self) -> list[str]:
        """Absolute paths of every file and folder that evaluation has read so far, in order, without repetition.

        >>> nix = Evaluator(files={"a.nix": "import ./b.nix", "b.nix": "1"})
        >>> _ = nix.evaluate_file("a.nix").force()
        >>> [path.rpartition("/")[2] for path in nix.files_read()]
        ['a.nix', 'b.nix']
        """
        return self._machine.files_read()

    def dependencies(self) -> "Dependencies":
        """Everything that this evaluator's results depend on so far, with the answers: this tells whether to evaluate again.

        The cost is reading every file once more, to hash it.

        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = open(os.path.join(folder, "a.nix"), "w").write("1 + 1")
        ...     nix = Evaluator()
        ...     _ = nix.evaluate_file(os.path.join(folder, "a.nix")).to_python()
        ...     found = nix.dependencies()
        ...     before = found.changed()
        ...     _ = open(os.path.join(folder, "a.nix"), "w").write("1 + 2")
        ...     before, [change.kind for change in found.changed()]
        ([], ['file'])
        """
        return self._machine.dependencies()

    def jobs(self, root: "Value", *, workers: int = 1, memory_bytes: int = 4096 << 20, **options: "Any") -> "Jobs":
        """All derivations below a set, and the errors of those that fail, in the order of their paths.  Iterate once, also with `async for`.

        Each is a `Reply` with `path`, `error` (or None) and `fields`, which are those of nix-eval-jobs.  `options` are those of
        `snowsnake.jobs.options.JobOptions`.  Workers are forked from this process, which should have no other threads then.

        >>> nix = Evaluator()
        >>> root = nix.evaluate('{ x = derivation { name = "x"; system = "s"; builder = "b"; }; y = throw "no"; }')
        >>> [(job.path, job.error is None) for job in nix.jobs(root, workers=2)]
        [(('x',), True), (('y',), False)]
        """
        if not isinstance(root, Value):
            raise TypeError(f"a root of jobs is a Value, not {type(root).__name__}")
        from snowsnake.jobs.evaluation import JobRoot
        from snowsnake.jobs.options import JobOptions, RunOptions
        from snowsnake.jobs.run import Jobs

        return Jobs(JobRoot(self._machine, root._handle, JobOptions(**options)), RunOptions(workers, memory_bytes))

    # ---- time ---------------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Stops what this evaluator is doing.  The call that is stopped raises `Cancelled`, and the evaluator can be used again.

        Any thread may call this.  Nothing happens if the evaluator is idle.
        """
        self._machine.cancel()

    @contextlib.contextmanager
    def deadline(self, seconds: float) -> "Iterator[None]":
        """One limit for everything inside the block: once the time is over, every use of a value raises `LimitReached` with the code `timeout`.

        >>> nix = Evaluator()
        >>> with nix.deadline(10):
        ...     nix.evaluate("1 + 1").to_python()
        2
        """
        seconds = _seconds("a deadline", seconds)
        before = self._deadline
        at = max(time.monotonic() + seconds, 1e-9)
        self._deadline = min(at, before) if before else at
        self._machine.set_deadline(self._deadline)
        try:
            yield
        finally:
            self._deadline = before
            self._machine.set_deadline(before)

    async def evaluate_async(self, expression: str | bytes, **options: "Any") -> "Value":
        """`evaluate`, in a thread of the evaluator's own.  A task that is cancelled stops the machine (as `asyncio.timeout` does).

        >>> import asyncio
        >>> async def main():
        ...     value = await Evaluator().evaluate_async("builtins.genList (i: i) 3")
        ...     return await value.to_python_async()
        >>> asyncio.run(main())
        [0, 1, 2]
        """
        value: Value = await self._run_async(lambda: self.evaluate(expression, **options))
        return value

    async def evaluate_file_async(self, path: PathLike) -> "Value":
        """`evaluate_file`, awaited."""
        value: Value = await self._run_async(lambda: self.evaluate_file(path))
        return value

    async def flake_async(self, reference: PathLike = ".", **options: "Any") -> "Value":
        """`flake`, awaited."""
        value: Value = await self._run_async(lambda: self.flake(reference, **options))
        return value

    async def _run_async(self, call: "Callable[[], Any]", machine: "Runner | None" = None) -> "Any":
        """Runs a call in the thread of the `_async` methods, and returns what it returns.

        *machine* is the one that does the work: that of an older value, or (None) the present one.
        """
        if self._worker is None:
            from snowsnake.waiting import EvaluatorThread

            self._worker = EvaluatorThread()
        return await self._worker.run(call, machine or self._machine)

    def close(self) -> None:
        """Writes what waits for the store, and ends the thread of the `_async` methods; values can still be read."""
        self._machine.flush_store()
        self._machine.flush_cache()
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def __enter__(self) -> "Evaluator":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def changed(self, paths: Iterable[PathLike]) -> bool:
        """Forgets everything if a result depended on one of these files or folders, which have changed; returns True if one did.

        Later evaluations read the files again.  Values that were made before can still be read (`to_python`, `to_json`, `[…]`), but
        not be mixed with new ones: they belong to the old machine.

        >>> files = {"a.nix": "1"}
        >>> nix = Evaluator(files=files)
        >>> before = nix.evaluate_file("a.nix").to_python()
        >>> nix.changed(["b.nix"]), nix.changed(["a.nix"])
        (False, True)
        """
        places = [self._place(path) for path in a_list("paths", paths, "paths")]
        asked = {record for record in self._machine.records() if record[0] in _FILE_RECORDS}
        if not any(_is_touched(kind, name, place) for place in places for kind, name in asked):
            return False
        self._machine.flush_store()
        self._start()
        return True

    def flush(self) -> None:
        """Ensures that derivations, texts and sources that went to `store` are on disk and valid.

        The evaluator does this by itself when many wait, and at the end.  Call it before another program reads the store.
        """
        self._machine.flush_store()

    def statistics(self) -> "dict[str, Any]":
        """The machine's counters: sizes in bytes (`…_bytes`), CPU times in nanoseconds (`…_ns`), numbers of collections, files, symbols.

        >>> nix = Evaluator()
        >>> nix.evaluate("1 + 1").force().to_python(), nix.statistics()["files"]
        (2, 1)
        """
        return self._machine.statistics()


def evaluate(expression: str | bytes, **options: "Any") -> Value:
    """The value of an expression, not yet forced, in an evaluator of its own; options as for `Evaluator`.

    >>> evaluate("1 + 2").to_python()
    3
    >>> evaluate("1 + x")
    Traceback (most recent call last):
    snowsnake.diagnostics.kinds.UndefinedVariable: undefined variable 'x' (at «string»:1:5)
    """
    return Evaluator(**options).evaluate(expression)


def evaluate_file(path: PathLike, **options: "Any") -> Value:
    """The value of a file in an evaluator of its own; options as for `Evaluator`.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".nix") as file:
    ...     _ = file.write("{ a = [ 1 2 ]; b = throw \\"lazy\\"; }")
    ...     file.flush()
    ...     value = evaluate_file(file.name)
    ...     len(value), [element.to_python() for element in value["a"]]
    (2, [1, 2])
    """
    return Evaluator(**options).evaluate_file(path)


def parse(
    source: str | bytes,
    *,
    name: str = "«string»",
    base_path: PathLike | None = None,
    features: Iterable[str] = (),
) -> Syntax:
    """The syntax tree of an expression; nothing is evaluated.

    Raises `EvaluationError` for syntax errors and undefined variables; its `others` are the further faults of the source.

    >>> parse("a: a+1").to_nix()
    '(a: (a + 1))'
    """
    data = a_text("a source", source)
    folder = os.getcwd() if base_path is None else os.path.abspath(exact(os.fspath(base_path)))
    return parse_source(data, a_str("a name for the text", name), folder, features)


def compile(source: str | bytes, *, optimise: int = 1, name: str = "«string»") -> str:
    """The bytecode of an expression, disassembled: every chunk with its constants and captures; nothing is evaluated.

    `optimise` 0: the specified bytecode only.  Raises `EvaluationError` as `parse` does.

    >>> print(compile("1", optimise=0))  # doctest: +ELLIPSIS
    === ...
    """
    data = a_text("a source", source)
    return compile_source(data, a_str("a name for the text", name), os.getcwd(), a_level(optimise))


def _is_touched(kind: str, name: str, place: str) -> bool:
    """Whether the answer to a question may have changed, now that something at a path has."""
    if kind == "source":
        from snowsnake.fetch.addresses import local_place

        name = local_place(name) or ""
        return bool(name) and (name == place or place.startswith(name + "/") or name.startswith(place + "/"))
    if name == place or name.startswith(place + "/"):
        return True
    return kind == "directory" and os.path.dirname(place) == name or kind == "tree" and place.startswith(name + "/")


def _adapted(files: object) -> "FileSystem":
    from snowsnake.host.adapters import file_system

    return file_system(files)


def _to_logger(kind: str, text: str) -> None:
    """Hands a message to Python's `logging`, for an evaluator without a listener; a program that wants these messages sets `logging` up."""
    import logging

    logger = logging.getLogger("snowsnake")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.log(logging.WARNING if kind == "warning" else logging.INFO, text)


def _from_settings(settings: Mapping[str, object]) -> "dict[str, Any]":
    """The machine's options that settings of nix.conf set; ValueError for unknown names."""
    from snowsnake.settings import Settings, resolve
    from snowsnake.settings.errors import SettingError

    given = a_mapping("settings", settings, "nix.conf's names to values")
    if not all(type(name) is str for name in given):
        raise TypeError("settings are a mapping of nix.conf's names to values")
    if not given:
        return {}
    values = Settings()
    for name, value in ((name, exact(value)) for name, value in given.items()):
        if resolve(name) is None:
            raise ValueError(f"there is no setting {name!r} of nix.conf")
        if isinstance(value, bool):
            text = "true" if value else "false"
        else:
            text = value if isinstance(value, str) else " ".join(str(exact(item)) for item in value) if isinstance(value, list | tuple) else str(value)
        try:
            values.set(name, text)
        except SettingError as error:
            raise ValueError(str(error)) from None
    found: dict[str, Any] = {"settings": values, "features": values.language()}
    for name, option in (("pure-eval", "pure"), ("restrict-eval", "restricted"), ("trace-verbose", "trace_verbose"), ("abort-on-warn", "abort_on_warn")):
        if values.is_set(name):
            found[option] = values[name]
    if values.is_set("system") or values.is_set("eval-system"):
        found["system"] = values["eval-system"] or values["system"]
    if values.is_set("max-call-depth"):
        found["depth_limit"] = values.depth_limit()
    return found


def _cache_options(cache: bool | PathLike, how: str) -> dict[str, object]:
    from snowsnake.cache.location import machine_options

    how = exact(how)
    if how not in ("stat", "hash"):
        raise ValueError(f"cache_validate is 'stat' or 'hash', not {how!r}")
    folder = None if isinstance(cache, bool) else exact(os.fspath(cache))
    return machine_options(os.environ, is_off=cache is False, folder=folder, by_content=how == "hash")


def _a_limit(name: str, value: int, most: int) -> int:
    limit: int = exact(value)
    if type(limit) not in (int, bool) or not 0 <= limit <= most:
        raise ValueError(f"{name} is a whole number from 0 to {most}, not {value!r}")
    return limit


def _seconds(name: str, value: float) -> float:
    seconds: float = exact(value)
    if type(seconds) not in (int, float, bool) or not 0 <= seconds < 1e12:
        raise ValueError(f"{name} is a number of seconds, 0 or more, not {value!r}")
    return seconds


def _an_environment(given: Mapping[str, str]) -> dict[str, str]:
    environment: dict[str, Any] = {}
    for name, value in a_mapping("environment", given, "names to texts").items():
        text: Any = exact(value)
        if type(name) is not str or not isinstance(text, str | bytes | os.PathLike):
            raise TypeError(f"environment maps names to texts (str), not {name!r} to {text!r}")
        environment[name] = text
    return environment


def _search_entries(search_path: Iterable[str] | Mapping[str, PathLike]) -> list[tuple[str, str]]:
    if isinstance(search_path, Mapping):
        return [(exact(prefix), exact(os.fspath(path))) for prefix, path in search_path.items()]
    entries = []
    for entry in a_list("search_path", search_path, "texts, or a mapping,"):
        entry = exact(entry)
        if not isinstance(entry, str):
            raise TypeError(f"an entry of search_path is a text, `PREFIX=PATH` or `PATH`, not {type(entry).__name__}")
        prefix, has_prefix, path = entry.partition("=")
        entries.append((prefix, path) if has_prefix else ("", prefix))
    return entries
