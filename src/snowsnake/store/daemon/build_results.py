"""What became of requested builds, in the form in which the worker protocol and the serve protocol send it.

In: a store, wanted outputs, a function that makes them.  Out: a `BuildResult` for each.
"""

from __future__ import annotations

import json

from snowsnake.store.collecting import CollectingStore
from snowsnake.store.daemon.build_status import (
    ALREADY_VALID,
    BUILT,
    DEPENDENCY,
    DIFFERS,
    FAILED,
    MISC,
    OUTPUT_REJECTED,
    SUBSTITUTED,
    SUCCESSES,
    TIMED_OUT,
)
from snowsnake.store.daemon.sent_derivation import SentDerivation
from snowsnake.store.daemon.wire import DaemonError, Wire
from snowsnake.store.derivation import Derivation
from snowsnake.store.interface import Store
from snowsnake.store.realisation import Realisation

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass, field

    # A function that makes the given items valid.
    Make = Callable[[list[str]], object]
    # A function that calls its argument and returns the errors by derivation; the key "" has an error that belongs to none.
    Failures = Callable[[Callable[[], object]], dict[str, ValueError]]
else:
    from snowsnake.store.light_dataclass import dataclass, field

# This maps bits in the exit code of a failure to the status that they mean.
_BY_EXIT_CODE = {0x01: TIMED_OUT, 0x02: OUTPUT_REJECTED, 0x68: DIFFERS}


@dataclass
class BuildResult:
    """One result: its status in C++ Nix's numbers, the error message ("" after a success), and the outputs that are valid."""

    status: int
    message: str = ""
    outputs: list[Realisation] = field(default_factory=list)

    @property
    def is_success(self) -> bool:
        return self.status in SUCCESSES

    def write(self, wire: Wire, *, has_times: bool, has_cpu_times: bool, has_outputs: bool) -> None:
        """Adds the result to an answer.  The flags say which fields the version of the protocol has."""
        wire.add_number(self.status)
        wire.add_text(self.message)
        if has_times:
            # These numbers say how often it was built, whether the results differed, and when the build began and ended.
            for number in (self.status == BUILT, self.status == DIFFERS, 0, 0):
                wire.add_number(number)
        if has_cpu_times:
            # These flags say that the CPU times of the user and of the system are unknown.
            wire.add_number(0)
            wire.add_number(0)
        if has_outputs:
            wire.add_number(len(self.outputs))
            for realisation in self.outputs:
                wire.add_text(realisation.key)
                wire.add_text(as_text(realisation))


def read_result(wire: Wire, store_dir: str, *, has_times: bool, has_cpu_times: bool, has_outputs: bool) -> BuildResult:
    """Reads what `BuildResult.write` adds; DaemonError for an output that is not a realisation."""
    found = BuildResult(wire.number(), wire.text())
    for _ in range(4 if has_times else 0):
        wire.number()
    for _ in range(2 if has_cpu_times else 0):
        if wire.flag():
            wire.number()
    for text in wire.items(lambda: (wire.text(), wire.text())[1]) if has_outputs else ():
        try:
            found.outputs.append(Realisation.from_json(json.loads(text), store_dir))
        except (ValueError, TypeError, RecursionError) as error:
            raise DaemonError(f"the other machine sent no realisation: {error}") from None
    return found


def build_results(store: Store, items: list[str], make: Make, failures: Failures) -> list[BuildResult]:
    """Makes the items, and returns what became of each."""
    already = [_valid_outputs(store, item) is not None for item in items]
    found = failures(lambda: make(items))
    results = []
    for item, was_valid in zip(items, already, strict=True):
        drv_path = item.partition("!")[0]
        fault = found.get(drv_path) or (found and found.get("")) or None
        made = None if fault is not None and drv_path in found else _valid_outputs(store, item)
        if made is None:
            fault = fault or next(iter(found.values()), None) or ValueError(f"'{item}' could not be made")
            results.append(BuildResult(_status_of(fault), str(fault)))
        else:
            results.append(BuildResult(ALREADY_VALID if was_valid else BUILT if "!" in item else SUBSTITUTED, "", made))
    return results


def build_sent(store: CollectingStore, drv_path: str, drv: Derivation, make: Make, failures: Failures) -> BuildResult:
    """Builds a derivation that a client has sent along.  The store need not have the derivation, but must have its inputs."""
    before, store.evaluations = store.evaluations, SentDerivation(drv_path, drv)
    try:
        [result] = build_results(store, [f"{drv_path}!*"], make, failures)
    finally:
        store.evaluations = before
    return result


def _valid_outputs(store: Store, item: str) -> list[Realisation] | None:
    """The wanted outputs of an item (`DRV!OUTPUT,…`, `DRV!*`), or [] for a store path; None if anything wanted is not valid."""
    path, mark, names = item.partition("!")
    if not mark:
        return [] if store.is_valid(path) else None
    if "!" in names:
        try:
            path, names = store.known_output(item.rpartition("!")[0]), item.rpartition("!")[2]
        except ValueError:
            return None
    try:
        drv = store.read_derivation(path)
        known = store.made_outputs(path)
    except (ValueError, OSError):
        return None
    wanted = list(drv.outputs) if names == "*" else names.split(",")
    if not all(name in known and store.is_valid(known[name]) for name in wanted):
        return None
    digest = store.output_hash(drv)
    return [Realisation(f"{digest}!{name}", known[name]) for name in wanted]


def _status_of(fault: ValueError) -> int:
    code = getattr(fault, "exit_code", 1)
    if type(fault).__name__ == "DependenciesFailed":
        return DEPENDENCY
    if code == 1:
        return MISC
    return next((status for bits, status in _BY_EXIT_CODE.items() if code & bits == bits), FAILED)


def as_text(realisation: Realisation) -> str:
    return json.dumps(realisation.to_json(), separators=(",", ":"), sort_keys=True)
