"""One root and the paths below it: evaluates a path and makes a reply.

In: an evaluator, the root's value, options.  Out: a `Reply` for each path; whatever happens at a path only affects its own reply.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.jobs import facts
from snowsnake.jobs.options import JobOptions
from snowsnake.jobs.reply import Path, Reply, job_line, joined, named, printed
from snowsnake.plain import derivation_job, is_derivation
from snowsnake.selection import Selector
from snowsnake.store.derivation import Derivation

if TYPE_CHECKING:
    from snowsnake.foundation.json_type import Json
    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter

_QUOTED = re.compile(r"(['\"`]).+?\1")
_CONSTITUENT_PATHS = b"value: builtins.getContext (toString value)"
# A function that returns an error as plain text, and as text for this terminal.
Render = Callable[[EvaluationError], tuple[str, str]]


class JobRoot:
    """The root of a run.  `features`: the experimental features that are on.  `render` makes the texts of an error; without it, both texts are plain."""

    def __init__(
        self,
        evaluator: Interpreter,
        root: Handle,
        options: JobOptions,
        *,
        selector: Selector | None = None,
        features: tuple[str, ...] = (),
        render: Render | None = None,
    ) -> None:
        self.evaluator = evaluator
        self.options = options
        self._selector = selector or Selector(evaluator, {})
        self._store_dir = os.fsencode(evaluator.store_dir)
        # With these options, something is evaluated before the facts that `derivation_job` returns.
        self._asks_first = bool(options.constituents or options.apply)
        # Whether `derivation_job` returns all facts of a job.
        self._is_plain = not (self._asks_first or options.is_instantiating or options.meta)
        self._may_float = "ca-derivations" in features
        self._render = render or self._plainly
        # Whether the evaluation of the last path failed at the memory limit.
        self.lacked_memory = False
        self._parents: dict[Path, Handle] = {}
        self._functions: dict[bytes, Handle] = {}
        self.root = self._selected(root)

    def _plainly(self, error: EvaluationError) -> tuple[str, str]:
        text = error.render(show_trace=self.options.show_trace)
        return text, text

    def _function(self, source: bytes) -> Handle:
        if source not in self._functions:
            self._functions[source] = self.evaluator.evaluate(source, os.getcwd())
        return self._functions[source]

    def _selected(self, root: Handle) -> Handle:
        if not self.options.select:
            return root
        selected = self._function(self.options.select.encode("utf-8", "surrogateescape")).call(root)
        with facts.noted("'--select' must evaluate to an attrset (the traversal root)"):
            selected.keys()
        return selected

    # --- a path

    def look(self, path: Path) -> Reply:
        """The reply to a path.  An error becomes part of the reply; only an interruption is raised.

        The text of an error does not depend on the paths before, because it is up to chance which worker evaluates a path.
        """
        evaluator = self.evaluator
        ignored = evaluator.errors_ignore_past
        evaluator.errors_ignore_past = True
        try:
            return self._reply(path)
        finally:
            evaluator.errors_ignore_past = ignored

    def _reply(self, path: Path) -> Reply:
        # The cause of an error that is reported as part of another error.
        self._cause = ""
        self._is_fleeting = False
        self.lacked_memory = False
        reply = Reply(path)
        try:
            value = self._selected_at(path)
            quick = self._quick(value)
            if quick is None:
                called = self._selector.auto_call(value)
                if called is not value:
                    value = called
                    quick = self._quick(value)
            if quick is not None and self._is_plain:
                name, outputs, drv_path, system = quick
                return printed((path, system or "", job_line(path, name, outputs, drv_path, system or "")))
            reply.fields = named(path)
            if quick is not None:
                reply.fields |= self._finished(value, *quick)
            elif value.type_name() != "set":
                reply.attrs = []
            elif is_derivation(value):
                reply.fields |= self._job(value, reply.fields["attr"])
            else:
                reply.attrs = self._names(value, path)
        except EvaluationError as error:
            if error.code == "interrupt":
                raise
            self._fail(reply, error)
        except MemoryError:
            self._fail(reply, EvaluationError("memory", "out of memory"))
        reply.is_fleeting = self._is_fleeting
        return reply

    def _fail(self, reply: Reply, error: EvaluationError) -> None:
        text, shown = self._rendered(error)
        reply.attrs = None
        reply.fields = {**named(reply.path), "error": text}
        reply.report = "" if shown == text else shown
        reply.cause = self._cause or cause_of(error)
        reply.is_broken = error.code in ("depth", "memory")
        self._is_fleeting |= _may_pass(error)
        self.lacked_memory = error.code == "memory"

    def _rendered(self, error: EvaluationError) -> tuple[str, str]:
        message = error.message
        texts = self._render(error)
        # Rendering has added to the message that a file exists, but is not tracked by Git.  The record does not contain that fact.
        self._is_fleeting |= error.message != message
        return texts

    def _quick(self, value: Handle) -> tuple[str, dict[str, str | None], str, str | None] | None:
        return None if self._asks_first else derivation_job(value, self._store_dir, not self.options.is_instantiating)

    def _value(self, path: Path) -> Handle:
        """The value at a path; a function that can be called without arguments is called."""
        return self._selector.auto_call(self._selected_at(path))

    def _selected_at(self, path: Path) -> Handle:
        """The value at a path, which is not called; sets on the way there are."""
        for name in path:
            if not name or name.isdigit() or '"' in name:
                if "" in path:
                    raise EvaluationError("missing-attribute", f"empty attribute name in selection path '{joined(path)}'")
                return self._selector.select(self.root, joined(path))
        if not path:
            return self.root
        parent = self._parents.get(path[:-1])
        if parent is None:
            parent = self._value(path[:-1])
            # A run goes through one set after the other, so it needs few parents at a time.
            if len(self._parents) > 32:
                self._parents.clear()
            self._parents[path[:-1]] = parent
        found = facts.attribute(parent, path[-1].encode("utf-8", "surrogateescape")) if parent.type_name() == "set" else None
        if found is None:
            # This call raises the error that says what is wrong.
            found = self._selector.select(self.root, joined(path))
        return found

    def _names(self, value: Handle, path: Path) -> list[str]:
        """The names in a set that the run enters: the root, a set with `recurseForDerivations`, or any set with `recurses_always`.  Otherwise none."""
        names = value.keys()
        recurses = self.options.recurses_always or not path
        if not self.options.recurses_always and b"recurseForDerivations" in names:
            with facts.noted("while evaluating recurseForDerivations"):
                recurses = facts.boolean(value.select(b"recurseForDerivations"))
        return [name.decode("utf-8", "surrogateescape") for name in names] if recurses else []

    # --- a job

    def _job(self, value: Handle, attr: str) -> dict[str, Json]:
        """The fields of a job, which are evaluated one by one."""
        options, store_dir = self.options, self.evaluator.store_dir
        name = facts.name_of(value)
        found: dict[str, Json] = {}
        if options.constituents:
            found |= self._constituents(value)
        if options.apply:
            found["extraValue"] = self._applied(value)
        try:
            outputs = facts.outputs_of(value, store_dir, may_float=self._may_float)
        except EvaluationError as error:
            if error.code == "interrupt":
                raise
            reason = self._rendered(error)[0]
            failure = EvaluationError(error.code, f"derivation '{attr}' does not have valid outputs: {reason}")
            failure.fault = error.fault
            self._cause = cause_of(error)
            raise failure from None
        return found | self._finished(value, name, outputs, facts.drv_path(value, store_dir))

    def _finished(self, value: Handle, name: str, outputs: dict[str, str | None], drv_path: str, system: str | None = None) -> dict[str, Json]:
        """The fields of a job whose name, outputs and derivation are known."""
        options = self.options
        # By name, as in the line of a job.
        found: dict[str, Json] = {"name": name, "outputs": dict(sorted(outputs.items())), "drvPath": drv_path}
        drv = self.derivation(drv_path) if options.is_instantiating else None
        if drv is None:
            if options.is_instantiating and hasattr(self.evaluator.store, "add_derivation"):
                raise EvaluationError("file", f"path '{drv_path}' is not valid")
            found["system"] = system or facts.system_of(value)
        else:
            found |= self._derivation_fields(drv, outputs)
        if options.meta:
            found["meta"] = facts.meta_of(value)
        return found

    def _derivation_fields(self, drv: Derivation, outputs: dict[str, str | None]) -> dict[str, Json]:
        """The fields that are read from the derivation itself."""
        found: dict[str, Json] = {"system": drv.system, "requiredSystemFeatures": required_features(drv)}
        if self.options.input_drvs:
            found["inputDrvs"] = {path: sorted(set(names)) for path, names in drv.input_drvs.items()}
        if self.options.cache_status:
            # The record does not contain what a store has.
            self._is_fleeting = True
            found |= self._cache_status(drv, [path for path in outputs.values() if path])
        return found

    def _cache_status(self, drv: Derivation, outputs: list[str]) -> dict[str, Json]:
        """What must be built and fetched for the outputs, and for the inputs of the derivation; substituters are asked as for a build."""
        store = self.evaluator.store
        if store is None:
            from snowsnake.jobs.missing import find_missing

            known = find_missing(self, outputs, drv.input_drvs)
            builds, unknown, fetches = known.builds, known.unknown, []
        else:
            # The store reads the derivations, so they must be written first.
            self.evaluator.flush_store()
            plan = store.missing([*outputs, *(f"{path}!{','.join(sorted(set(names)))}" for path, names in drv.input_drvs.items() if names)])
            builds, unknown, fetches = plan.builds, plan.unknown, list(plan.fetches)
        status = "notBuilt" if builds or unknown else "cached" if fetches else "local"
        return {"isCached": status != "notBuilt", "cacheStatus": status, "neededBuilds": builds, "neededSubstitutes": fetches}

    def _constituents(self, value: Handle) -> dict[str, Json]:
        aggregate = facts.attribute(value, b"_hydraAggregate")
        is_aggregate = False
        if aggregate is not None:
            with facts.noted("while evaluating the `_hydraAggregate` attribute"):
                is_aggregate = facts.boolean(aggregate)
        if not is_aggregate:
            return {"constituents": [], "namedConstituents": [], "globConstituents": False}
        listed = facts.attribute(value, b"constituents")
        if listed is None:
            raise EvaluationError("type", "derivation must have a 'constituents' attribute")
        with facts.noted("while evaluating the `constituents` attribute"):
            context = self._function(_CONSTITUENT_PATHS).call(listed).to_python()
            if listed.type_name() != "list":
                raise EvaluationError("type", f"expected a list but found {listed.describe()}")
            elements = [listed.index(number) for number in range(len(listed))]
            named = [facts.text_of(element) for element in elements if element.type_name() == "string"]
        globs = facts.attribute(value, b"_hydraGlobConstituents")
        with facts.noted("while evaluating the `_hydraGlobConstituents` attribute"):
            is_glob = globs is not None and facts.boolean(globs)
        built = sorted(path for path, how in context.items() if how.get("outputs"))
        return {"constituents": built, "namedConstituents": named, "globConstituents": is_glob}

    def _applied(self, value: Handle) -> Json:
        result = self._function(self.options.apply.encode("utf-8", "surrogateescape")).call(value)
        with facts.noted("apply needs to evaluate to an attrset"):
            result.keys()
        applied: Json = json.loads(result.to_json())
        return applied

    # --- the store

    def derivation(self, drv_path: str) -> Derivation | None:
        """A derivation that this evaluator made or that is in the store; None if there is none at this path."""
        text = self.evaluator.derivation_text(drv_path)
        return None if text is None else Derivation.from_aterm(text, drv_path, self.evaluator.store_dir)

    def is_valid(self, path: str) -> bool:
        store = self.evaluator.store
        if store is not None:
            return bool(store.is_valid(path))
        return os.path.lexists(path)

    def flush(self, replies: Iterable[Reply]) -> None:
        """Makes the paths that replies name valid, and makes links to them that the garbage collector respects.  A job without its link becomes an error."""
        self.evaluator.flush_store()
        store = self.evaluator.store
        if not self.options.gc_roots or not self.options.is_instantiating or store is None:
            return
        for reply in replies:
            drv_path = reply.fields.get("drvPath")
            if drv_path is None:
                continue
            link = f"{self.options.gc_roots}/{drv_path.rpartition('/')[2]}"
            try:
                if not os.path.lexists(link):
                    store.add_root(link, drv_path)
            except (OSError, ValueError) as error:
                self._cause = ""
                reason = f"{error.strerror}: '{error.filename or link}'" if isinstance(error, OSError) and error.strerror else str(error)
                self._fail(reply, EvaluationError("file", f"cannot make the link '{link}': {reason}"))


def look_until_full(root: JobRoot, paths: list[Path]) -> Iterator[Reply]:
    """The replies to some paths; the last one is that of a path for which the memory did not suffice, if there is one."""
    for path in paths:
        yield root.look(path)
        if root.lacked_memory:
            return


def _may_pass(error: EvaluationError) -> bool:
    """Whether the error may be gone the next time although all recorded questions have the same answers.

    The record does not contain why something could not be built, fetched, or written to a store, nor how long an evaluation took.  Of errors about
    files it explains only that a file is not there.
    """
    return error.code in ("timeout", "python", "internal") or (error.code == "file" and error.fault != "no-file")


def cause_of(error: EvaluationError) -> str:
    """The first line of an error's message, in which names in quotes are left out so that errors of one kind have the same text; and its position.

    >>> cause_of(EvaluationError("value", "attribute 'x' missing"))
    "attribute '…' missing"
    """
    text = _QUOTED.sub(lambda found: found[1] + "…" + found[1], error.message.split("\n")[0])
    return f"{text[:200]} (at {error.position})" if error.position is not None else text[:200]


def required_features(drv: Derivation) -> list[str]:
    """The features that a machine needs in order to build a derivation; EvaluationError if they are not a list of strings."""
    from snowsnake.build.request import needed_features

    try:
        return sorted(needed_features(drv))
    except ValueError as error:
        raise EvaluationError("type", f"while parsing derivation '{drv.name}': {error}") from None
