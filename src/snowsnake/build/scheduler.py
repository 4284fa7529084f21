"""Decides what is built when: each derivation once, after those that it needs, and several at the same time.

In: a store, wanted outputs.  Out: valid outputs; a `BuildFailure` if one cannot be made, after what was running has ended.
"""

from __future__ import annotations

import heapq
import selectors
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise

from snowsnake.build.attributes import Attributes
from snowsnake.build.builder import Build, OutputsLocked
from snowsnake.build.failure import (
    BuildFailure,
    DependenciesFailed,
    Refused,
    cannot_start,
    dependencies_failed,
    exit_code_of,
    several_failed,
    substitutes_failed,
)
from snowsnake.build.options import BuildOptions
from snowsnake.build.outputs import record
from snowsnake.build.progress import Count
from snowsnake.build.remote import Declined, Hooks, Postponed, RemoteBuild
from snowsnake.build.request import needed_features, sees_world
from snowsnake.build.watcher import Watcher
from snowsnake.store.derivation import Derivation
from snowsnake.store.interface import NoDerivation
from snowsnake.store.local import LocalStore
from snowsnake.store.path import object_name
from snowsnake.store.realisation import has_unknown_outputs, is_impure, known_outputs, needs_resolving, resolve

_CHECK_S = 0.1


class Goal:
    """One derivation with outputs that are not valid.  *waits_for*: the derivations that must be built first; *wanted*: the names of outputs."""

    def __init__(self, drv_path: str, drv: Derivation) -> None:
        self.drv_path = drv_path
        self.drv = drv
        self.waits_for: set[str] = set()
        self.wanted: set[str] = set()
        self.failed_inputs = 0


class Ready:
    """Derivations that can be built now, in C++ Nix's order: by name, then by path.

    >>> ready = Ready([f"/nix/store/{'1' * 32}-b.drv", f"/nix/store/{'0' * 32}-b.drv"])
    >>> ready.add(f"/nix/store/{'2' * 32}-a.drv")
    >>> [ready.take()[-7:] for _ in range(3)], bool(ready)
    (['2-a.drv', '0-b.drv', '1-b.drv'], False)
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._heap: list[tuple[str, str]] = []
        self.add(*paths)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, *paths: str) -> None:
        for path in paths:
            heapq.heappush(self._heap, (object_name(path), path))

    def take(self) -> str:
        """Removes the first derivation, and returns its path."""
        return heapq.heappop(self._heap)[1]


class Scheduler:
    """Builds in one store.  Each object can be used for only one call of `build`."""

    def __init__(self, store: LocalStore, options: BuildOptions) -> None:
        self._store = store
        self._options = options
        self._goals: dict[str, Goal] = {}
        self._needed_by: dict[str, list[str]] = {}
        self._derivations: dict[str, Derivation] = {}
        self._wanted: list[str] = []
        self._roots: list[str] = []
        # The keys are the builds' `log_fd`.
        self._running: dict[int, Build] = {}
        self._failures: dict[str, BuildFailure] = {}
        # This maps a derivation to the paths of outputs that were not known before they were built.
        self._made: dict[str, dict[str, str]] = {}
        # This maps a derivation that is being built to the other goals that were resolved to it.
        self._twins: dict[str, list[Goal]] = {}
        # Another process is making the outputs of these derivations.
        self._postponed: list[str] = []
        # The user has seen a message that these derivations wait for a lock or a machine.
        self._told: set[str] = set()
        # This machine is to build these derivations, which wait for a free place on it.
        self._waiting_here = Ready()
        # The hook has declined these derivations: no other machine builds them.
        self._declined: set[str] = set()
        # The other machines that could build these derivations are busy; the hook is asked again at the time `_retry_s`, or when a build ends.
        self._awaiting_machine: list[str] = []
        self._retry_s = 0.0
        self._ended_count = 0
        self._selector = selectors.DefaultSelector()
        self._watcher = Watcher()
        self._hooks = Hooks(options, self._watcher)

    def build(self, wanted: Iterable[str]) -> None:
        self._wanted = list(wanted)
        self._roots = [item.partition("!")[0] for item in self._wanted]
        for root in self._roots:
            self._add(root)
        if not self._goals:
            return
        self._tell()
        ready = Ready(path for path, goal in self._goals.items() if not goal.waits_for)
        try:
            while ready or self._waiting_here or self._running or self._postponed or self._awaiting_machine:
                self._options.check()
                while self._waiting_here and self._has_place and not self._must_end:
                    self._start(self._waiting_here.take(), ready)
                while ready and (self._has_place or not self._hooks.declines_all) and not self._must_end:
                    self._start(ready.take(), ready)
                if self._ends_at_once or (not self._running and self._must_end):
                    break
                if self._running:
                    self._attend(ready)
                elif (self._postponed or self._awaiting_machine) and not ready:
                    time.sleep(_CHECK_S)
                ready.add(*self._postponed)
                self._postponed.clear()
                if self._awaiting_machine and time.monotonic() >= self._retry_s:
                    ready.add(*self._awaiting_machine)
                    self._awaiting_machine.clear()
        finally:
            self._hooks.close()
            for build in self._running.values():
                build.abandon()
            self._selector.close()
            self._watcher.close()
        self._raise()

    @property
    def _has_place(self) -> bool:
        """Whether one more builder may run on this machine."""
        return self._here_count < max(1, self._options.max_jobs)

    @property
    def _here_count(self) -> int:
        """How many builders run on this machine."""
        return sum(not isinstance(build, RemoteBuild) for build in self._running.values())

    @property
    def _must_end(self) -> bool:
        return bool(self._failures) and not self._options.keep_going

    @property
    def _ends_at_once(self) -> bool:
        """Whether a requested derivation has failed, which ends all builds at once; after any other failure, running builders go on."""
        return self._must_end and not self._failures.keys().isdisjoint(self._roots)

    def _add(self, root: str, names: Iterable[str] | None = None) -> None:
        """Adds the goals for a derivation and for what it needs.  *names*: the outputs that must be valid; None for those that `build` was asked for."""
        waiting: list[tuple[str, Iterable[str] | None]] = [(root, names)]
        while waiting:
            path, wanted = waiting.pop()
            if path in self._goals:
                if wanted is not None:
                    self._goals[path].wanted |= set(wanted)
                continue
            if not path.endswith(".drv"):
                if not self._store.is_valid(path):
                    raise BuildFailure(f"path '{path}' does not exist and cannot be created", path)
                continue
            drv = self._derivation(path)
            asked = self._asked_outputs(path, drv) if wanted is None else wanted
            if self._options.checks and path in self._roots:
                if not self._is_done(path, drv, asked):
                    raise Refused(
                        f"some outputs of '{path}' are not valid, so checking is not possible\nHint: --rebuild and --check error if the derivation"
                        " was not previously built and cannot be substituted.\n      Remove it to perform a fresh build, or use --repair to rewrite"
                        " missing or corrupted builds in the store.", path,
                    )  # fmt: skip
            elif path not in self._options.repairs and self._is_done(path, drv, asked):
                continue
            Attributes(drv).check(path, self._options.on_warning)
            goal = self._goals[path] = Goal(path, drv)
            goal.wanted |= set(asked)
            if self._is_unavailable(goal):
                continue
            for needed, names in drv.input_drvs.items():
                given = self._derivation(needed)
                if is_impure(given) and not sees_world(drv):
                    raise Refused(f"pure derivation '{path}' depends on impure derivation '{needed}'", path)
                if not self._is_done(needed, given, names):
                    self._let_wait(goal, needed)
                    waiting.append((needed, names))
            # If an input is an output of a derivation that is itself an output, the latter is built first; `_awaits_outputs_of_outputs` adds the rest.
            for needed, chain in drv.dynamic_chains():
                if not self._is_done(needed, self._derivation(needed), chain[:1]):
                    self._let_wait(goal, needed)
                    waiting.append((needed, chain[:1]))

    def _let_wait(self, goal: Goal, needed: str) -> None:
        """Notes that a goal waits for the derivation at *needed*."""
        goal.waits_for.add(needed)
        self._needed_by.setdefault(needed, []).append(goal.drv_path)

    def _is_unavailable(self, goal: Goal) -> bool:
        return any(goal.drv.outputs[name].path in self._options.unavailable for name in goal.wanted)

    def _asked_outputs(self, path: str, drv: Derivation) -> list[str]:
        found: list[str] = []
        for item in self._wanted:
            asked, _, names = item.partition("!")
            if asked == path:
                found += drv.outputs if names in ("", "*") else names.split(",")
        return found

    def _derivation(self, path: str) -> Derivation:
        """The derivation at *path*, which is read only once."""
        if path not in self._derivations:
            # The claim also protects what the derivation refers to.
            self._store.claim(path)
            try:
                self._derivations[path] = self._store.read_derivation(path)
            except NoDerivation as error:
                raise Refused(str(error), path) from None
        return self._derivations[path]

    def _is_done(self, drv_path: str, drv: Derivation, names: Iterable[str] | None = None) -> bool:
        known: dict[str, str] | None = None
        for name in names if names is not None else drv.outputs:
            output = drv.outputs.get(name)
            if output is None:
                raise Refused(f"derivation '{drv_path}' does not have output '{name}'", drv_path)
            path = output.path
            if not path:
                known = self._known(drv_path, drv) if known is None else known
                path = known.get(name, "")
            if not path or not self._store.claim(path):
                return False
        return True

    def _known(self, drv_path: str, drv: Derivation) -> dict[str, str]:
        """The paths of outputs by name, as far as they are known by now."""
        if drv_path in self._made:
            return self._made[drv_path]
        return known_outputs(drv, lambda: self._store.output_hash(drv), self._store.realisation)

    def _start(self, drv_path: str, ready: Ready) -> None:
        """Starts the build of a derivation, or ends its goal if nothing needs to be built, or nothing can be built."""
        try:
            if self._is_open(self._goals[drv_path], ready):
                return
        except Refused:
            raise
        except (BuildFailure, OSError, ValueError) as error:
            self._failed(drv_path, error)
        self._ended(drv_path, ready)

    def _is_open(self, goal: Goal, ready: Ready) -> bool:
        """Starts what a goal needs next; returns whether the goal still waits for something.  BuildFailure if it cannot be reached."""
        drv_path = goal.drv_path
        if goal.failed_inputs:
            raise dependencies_failed(drv_path, goal.drv, goal.failed_inputs)
        if self._is_unavailable(goal):
            raise substitutes_failed(drv_path)
        if self._awaits_outputs_of_outputs(goal, ready):
            return True
        drv = self._to_build(goal)
        if drv is None:
            return False
        path = drv_path if drv is goal.drv else drv.drv_path
        twin = next((build for build in self._running.values() if build.drv_path == path), None)
        # If the same derivation is being built for another goal, this goal waits for that build.
        if twin is not None:
            self._twins.setdefault(path, []).append(goal)
            return True
        try:
            build, is_running = self._begun(goal, path, drv)
        except OutputsLocked as locked:
            self._postpone(drv_path, locked)
            return True
        except Postponed:
            self._await_machine(drv_path)
            return True
        if build is None:
            self._waiting_here.add(drv_path)
            return True
        if is_running:
            self._running[build.log_fd] = build
            self._tell()
            self._selector.register(build.log_fd, selectors.EVENT_READ, build)
        else:
            self._succeeded(build)
        return is_running

    def _begun(self, goal: Goal, path: str, drv: Derivation) -> tuple[Build | None, bool]:
        """Begins a build on another machine or here; returns (build, whether it runs).  The build is None while this machine has no free place for it.

        OutputsLocked: another process is making the outputs.  Postponed: all machines that could build it are busy.
        """
        drv_path = goal.drv_path
        if drv_path not in self._declined and self._may_be_sent(goal, path):
            self._store.bring(drv.input_srcs)
            build: Build = RemoteBuild(
                self._hooks, needed_features(goal.drv), self._store, path, drv, self._options, self._watcher, goal=drv_path,
                is_willing=self._here_count < self._options.max_jobs,
            )  # fmt: skip
            try:
                return build, build.start()
            except Declined:
                self._declined.add(drv_path)
        self._check_machine(goal, path)
        if not self._has_place:
            return None, False
        self._store.bring(drv.input_srcs)
        build = Build(
            self._store, path, drv, self._options, self._watcher, checks=self._options.checks and drv_path in self._roots,
            repairs=self._options.repairs.get(drv_path), goal=drv_path,
        )  # fmt: skip
        return build, build.start()

    def _may_be_sent(self, goal: Goal, path: str) -> bool:
        """Whether the hook is to be asked for another machine."""
        if self._hooks.declines_all or self._builds_again(goal.drv_path) or not self._store.is_valid(path):
            return False
        return bool(self._obstacles(goal)) or not Attributes(goal.drv).flag("preferLocalBuild")

    def _await_machine(self, drv_path: str) -> None:
        """Puts a derivation for which all machines are busy aside, and shows a message once."""
        self._awaiting_machine.append(drv_path)
        self._retry_s = time.monotonic() + self._options.poll_s
        if drv_path not in self._told:
            self._told.add(drv_path)
            self._options.on_message(f"waiting for a machine to build '{drv_path}'...", False)

    def _to_build(self, goal: Goal) -> Derivation | None:
        """The derivation that a goal builds: its own, or the one that it is resolved to; None if the latter has valid outputs, or they were fetched."""
        drv_path, drv = goal.drv_path, goal.drv
        if not needs_resolving(drv, knows_realisations=self._options.knows_realisations):
            return drv
        drv = resolve(drv, self._actual)
        path = drv.drv_path
        if self._options.is_old_command:
            self._options.on_message(f"resolved derivation: '{drv_path}' -> '{path}'...", False)
        builds_again = self._builds_again(drv_path)
        if not builds_again and self._is_done(path, drv):
            self._note(goal, path, drv, self._known(path, drv))
            return None
        self._store.bring(drv.input_srcs)
        self._store.add_derivation(drv.to_aterm(), drv.name, path)
        self._store.flush()
        if not builds_again and not is_impure(drv) and self._fetched(goal, path, drv):
            return None
        return drv

    def _awaits_outputs_of_outputs(self, goal: Goal, ready: Ready) -> bool:
        """Whether derivations that are outputs of other derivations, and exist by now, must be built first; they become goals."""
        for path, chain in goal.drv.dynamic_chains():
            at = path
            for name, following in pairwise(chain):
                at = self._actual(at, name)
                if at in self._failures:
                    goal.failed_inputs += 1
                    break
                if self._is_done(at, self._derivation(at), [following]):
                    continue
                known = set(self._goals)
                self._add(at, [following])
                ready.add(*(new for new in self._goals.keys() - known if not self._goals[new].waits_for))
                self._let_wait(goal, at)
                break
        if goal.failed_inputs:
            raise dependencies_failed(goal.drv_path, goal.drv, goal.failed_inputs)
        return bool(goal.waits_for)

    def _postpone(self, drv_path: str, locked: OutputsLocked) -> None:
        """Puts a derivation whose outputs another process is making aside, and shows a message once."""
        self._postponed.append(drv_path)
        if drv_path not in self._told:
            self._told.add(drv_path)
            places = ", ".join(f"'{place}'" for place in locked.places)
            self._options.on_message(f"waiting for lock on {places}...", False)

    def _builds_again(self, drv_path: str) -> bool:
        return self._options.checks or drv_path in self._options.repairs

    def _fetched(self, goal: Goal, path: str, drv: Derivation) -> bool:
        """Tries to fetch the wanted outputs of *drv*, to which a goal was resolved; returns whether all of them are valid now."""
        names = sorted(goal.wanted or drv.outputs)
        self._options.substitute([f"{path}!{','.join(names)}"])
        known = self._known(path, drv)
        if not all(name in known and self._store.claim(known[name]) for name in names):
            return False
        self._note(goal, path, drv, {name: known[name] for name in names})
        return True

    def _actual(self, drv_path: str, name: str) -> str:
        """The path of an output that is an input; BuildFailure if it is not known."""
        path = self._known(drv_path, self._derivation(drv_path)).get(name)
        if path is None:
            raise BuildFailure(f"cannot operate on output '{name}' of the unbuilt derivation '{drv_path}'", drv_path)
        return path

    def _succeeded(self, build: Build) -> list[str]:
        """Notes the paths of what was built, and returns the other goals that were resolved to the built derivation."""
        if build.checks:
            return []
        twins = self._twins.pop(build.drv_path, [])
        for goal in (self._goals[build.goal], *twins):
            self._note(goal, build.drv_path, build.drv, build.paths)
        return [goal.drv_path for goal in twins]

    def _note(self, goal: Goal, path: str, drv: Derivation, paths: dict[str, str]) -> None:
        """Notes the paths of the outputs of the built derivation *drv*, which are also those of the goal that was resolved to it."""
        if not self._options.knows_realisations and not has_unknown_outputs(drv) and goal.drv_path == path:
            return
        self._made[path] = self._made[goal.drv_path] = self._made.get(path, {}) | paths
        if is_impure(drv):
            self._store.built_now[goal.drv_path] = dict(paths)
        for found in [drv] if goal.drv_path == path else [drv, goal.drv]:
            record(self._store, found, paths, self._options.secret_keys)

    def _check_machine(self, goal: Goal, path: str) -> None:
        """BuildFailure if this machine cannot build a derivation."""
        options, needed, system = self._options, set(needed_features(goal.drv)), goal.drv.system
        if options.external_builder(system) is not None:
            if options.max_jobs == 0:
                raise Refused(
                    "Unable to start any build; either increase '--max-jobs' or enable remote builds.\n\n"
                    "For more information run 'man nix.conf' and search for '/machines'."
                )
            return
        obstacles = self._obstacles(goal)
        if obstacles:
            raise cannot_start(
                path, has_jobs="jobs" not in obstacles, system=(system, options.systems[0]) if "system" in obstacles else None,
                features=(needed, options.features) if "features" in obstacles else None,
            )  # fmt: skip

    def _obstacles(self, goal: Goal) -> set[str]:
        """Why this machine cannot build a derivation: it builds nothing ("jobs"), it has another "system", or it lacks "features"; empty if it can."""
        options = self._options
        if options.external_builder(goal.drv.system) is not None and options.max_jobs > 0:
            return set()
        found = {
            "jobs": options.max_jobs == 0,
            "system": goal.drv.system not in options.systems and not goal.drv.builder.startswith("builtin:"),
            "features": not options.features.issuperset(needed_features(goal.drv)),
        }
        return {name for name, is_true in found.items() if is_true}

    def _attend(self, ready: Ready) -> None:
        """Listens to the builders for a moment, and takes care of those that have ended."""
        order = {fd: number for number, fd in enumerate(self._running)}
        for key, _ in sorted(self._selector.select(_CHECK_S), key=lambda found: order[found[0].fd]):
            # After a requested derivation has failed, builders that end at the same moment are ignored.
            if self._ends_at_once:
                break
            build: Build = key.data
            others: list[str] = []
            try:
                if build.listen():
                    continue
                self._forget(build)
                build.finish(lambda build=build, others=others: others.extend(self._succeeded(build)))     # type: ignore[misc]
            except Refused:
                self._forget(build)
                raise
            except (BuildFailure, OSError, ValueError) as error:
                self._forget(build)
                others += self._build_failed(build, error)
            for path in (build.goal, *others):
                self._ended(path, ready)
        now = time.monotonic()
        for build in list(self._running.values()):
            fault = build.overdue(now)
            if fault is not None:
                self._forget(build)
                build.abandon(keeps=self._options.keep_failed)
                for path in (*self._build_failed(build, fault), build.goal):
                    self._ended(path, ready)

    def _forget(self, build: Build) -> None:
        if self._running.pop(build.log_fd, None) is not None:
            self._selector.unregister(build.log_fd)

    def _build_failed(self, build: Build, error: Exception) -> list[str]:
        """Notes the failure of a build for all of its goals, and returns the other goals that were resolved to the same derivation."""
        goals = [self._goals[build.goal], *self._twins.pop(build.drv_path, [])]
        if build.goal == build.drv_path:
            self._failed(build.goal, error)
        else:
            self._options.on_failure(error if isinstance(error, BuildFailure) else BuildFailure(_said(error), build.drv_path))
        code = {"exit_code": error.exit_code} if isinstance(error, BuildFailure) else {}
        for goal in goals:
            if goal.drv_path != build.drv_path:
                self._failed(goal.drv_path, BuildFailure(f"build of resolved derivation '{build.drv_path}' failed", goal.drv_path, **code))
        return [goal.drv_path for goal in goals[1:]]

    def _failed(self, drv_path: str, error: Exception) -> None:
        failure = error if isinstance(error, BuildFailure) else BuildFailure(_said(error), drv_path)
        self._failures[drv_path] = failure
        # The failures of requested derivations are raised at the end.
        if drv_path not in self._roots:
            self._options.on_failure(failure)

    def _ended(self, drv_path: str, ready: Ready) -> None:
        """Makes goals ready that waited for an ended goal or, after a failure, lets them fail, too.  This does not recurse, because chains may be long."""
        working = [self._failing_users(drv_path, ready)]
        while working:
            user = next(working[-1], None)
            if user is None:
                working.pop()
            else:
                working.append(self._failing_users(user, ready))

    def _failing_users(self, drv_path: str, ready: Ready) -> Iterator[str]:
        """Yields the derivations that fail because *drv_path*, for which they waited, has failed; those that wait for nothing any more become ready.

        After the failure of a requested derivation, it does nothing, because all builds end.
        """
        self._ended_count += drv_path not in self._failures
        # A machine may have a free place now.
        self._retry_s = 0.0
        self._tell()
        if self._ends_at_once:
            return
        for path in self._needed_by.get(drv_path, ()):
            goal = self._goals[path]
            goal.waits_for.discard(drv_path)
            if drv_path in self._failures:
                self._tell_not_obtained(goal, drv_path)
                goal.failed_inputs += 1
            if path in self._failures:
                continue
            if goal.failed_inputs and not self._options.keep_going:
                self._failed(path, dependencies_failed(path, goal.drv, goal.failed_inputs))
                yield path
            elif not goal.waits_for:
                ready.add(path)

    def _tell(self) -> None:
        """Sends an event with the numbers of builds, if they have changed."""
        builds = self._options.progress.builds
        failed = sum(not isinstance(failure, DependenciesFailed) for failure in self._failures.values())
        found = Count(self._ended_count, len(self._goals), len(self._running), failed)
        if found != builds:
            self._options.progress.builds = found
            self._options.progress.tell()

    def _tell_not_obtained(self, goal: Goal, failed: str) -> None:
        """Reports that a derivation cannot be obtained, because it would be an output of one that failed."""
        for path, chain in goal.drv.dynamic_chains():
            if path == failed:
                self._options.on_failure(BuildFailure(f"failed to obtain derivation of '{path}^{chain[0]}'", path))

    def _raise(self) -> None:
        """Raises the error that 2.34.8 raises: a single failure itself; otherwise it reports each failure, and raises one that names the failed paths."""
        if not self._failures:
            return
        asked = [item for item in self._wanted if item.partition("!")[0] in self._goals]
        old = self._options.is_old_command
        failed = [item for item in asked if item.partition("!")[0] in (self._undone() if old else self._failures)]
        roots = dict.fromkeys(item.partition("!")[0] for item in failed)
        failures = [self._failures[root] for root in (sorted(roots) if old else roots) if root in self._failures]
        if len(failed) == 1 and failures:
            failures[0].exit_code = exit_code_of(self._failures.values())
            raise failures[0]
        for failure in failures:
            self._options.on_failure(failure)
        raise several_failed(list(self._failures.values()), (item.partition("!")[0] if old else item.replace("!", "^") for item in failed))

    def _undone(self) -> set[str]:
        if self._options.checks:
            return set(self._failures)
        return set(self._failures) | {path for path, goal in self._goals.items() if not self._is_done(path, goal.drv)}


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}" + (f": '{error.filename}'" if error.filename else "")
    return str(error)
