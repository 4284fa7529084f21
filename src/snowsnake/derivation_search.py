"""Finds the derivations inside a value.

In: a handle, and the `Selector` that calls functions on the way.  Out: handles of derivations with their attribute paths; errors worded as C++ Nix
words them.
"""

import sys
from abc import ABC, abstractmethod

from snowsnake.diagnostics.error import EvaluationError, depth_error
from snowsnake.plain import find
from snowsnake.selection import MOST_LEVELS, asking, drv_path_of, is_plain_name, wrong_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snowsnake.handle import Handle
    from snowsnake.selection import Selector


def derivations(selector: "Selector", root: "Handle", store_dir: str) -> "Iterator[FoundDerivation]":
    """Iterates over the derivations of a value.  The whole value is searched before the first one is returned."""
    search = _DerivationSearch(selector)
    search.search(root, "")
    for path, value in search.found:
        yield _derivation(value, path, store_dir)


class Search(ABC):
    """Finds the derivations of a value: the value itself, or those in its attributes and list elements.

    The search enters a set inside another only if it has `recurseForDerivations = true`.  A subclass says what a derivation is, and keeps
    those that it finds.
    """

    def __init__(self, selector: "Selector") -> None:
        self._selector = selector
        self._depth = 0

    @abstractmethod
    def may_hold_others(self, value: "Handle", path: str) -> bool:
        """Keeps the value if it is a derivation that was not found before.  Returns whether it is something else, in which derivations may be."""

    def search(self, root: "Handle", path: str) -> None:
        """Searches a value; *path* is its attribute path."""
        # Calls of Python functions need no room on the processor's stack.
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 4 * MOST_LEVELS))
        try:
            # C++ Nix has evaluated a root, but not yet what an attribute path leads to.
            self._enter(root, path, is_evaluated=not path)
        finally:
            sys.setrecursionlimit(limit)

    def _enter(self, root: "Handle", path: str, is_evaluated: bool = True) -> None:
        if self._depth >= MOST_LEVELS:
            raise depth_error()
        self._depth += 1
        value = self._selector.auto_call(root, is_evaluated)
        if self.may_hold_others(value, path):
            kind = value.type_name()
            if kind == "set":
                self._enter_set(value, path)
            elif kind == "list":
                for number in range(len(value)):
                    inner, inner_path = value.index(number), _joined(path, str(number))
                    if self.may_hold_others(inner, inner_path):
                        self._enter(inner, inner_path)
            else:
                raise EvaluationError("type", "expression does not evaluate to a derivation (or a set or list of those)")
        self._depth -= 1

    def _enter_set(self, value: "Handle", path: str) -> None:
        names = value.keys()
        combines = b"_combineChannels" in names
        for name in names:
            if not is_plain_name(name):
                continue
            inner_path = _joined(path, name.decode())
            with asking(value, name):
                inner = value.select(name)
                if combines or (self.may_hold_others(inner, inner_path) and wants_search(inner)):
                    self._enter(inner, inner_path)


class SeenSets:
    """Remembers sets.  Only sets of the same derivation name are compared with each other."""

    def __init__(self) -> None:
        self._by_name: dict[bytes, list[Handle]] = {}

    def is_new(self, value: "Handle", name: bytes) -> bool:
        """Remembers a set; returns whether this very set was not remembered before."""
        alike = self._by_name.get(name)
        if alike is None:
            self._by_name[name] = [value]
            return True
        if any(value.is_same(other) for other in alike):
            return False
        alike.append(value)
        return True


class _DerivationSearch(Search):
    def __init__(self, selector: "Selector") -> None:
        super().__init__(selector)
        self.found: list[tuple[str, Handle]] = []
        self._seen = SeenSets()

    def may_hold_others(self, value: "Handle", path: str) -> bool:
        if value.type_name() != "set" or b"type" not in (names := value.keys()):
            return True
        kind = value.select(b"type")
        if kind.type_name() != "string" or kind.string() != b"derivation":
            return True
        if b"name" not in names:
            raise EvaluationError("type", "derivation name missing")
        with asking(value, None, "while evaluating the 'name' attribute of a derivation"):
            is_new = self._seen.is_new(value, value.select(b"name").string())
        if is_new:
            self.found.append((path, value))
        return False


class FoundDerivation:
    """A derivation found in a value: the path of its .drv file, its selected output, and its attribute path in the value."""

    __slots__ = ("drv_path", "output_name", "attribute_path", "value")

    def __init__(self, drv_path: str, output_name: str, attribute_path: str, value: "Handle") -> None:
        self.drv_path = drv_path
        self.output_name = output_name
        self.attribute_path = attribute_path
        self.value = value


def wants_search(value: "Handle") -> bool:
    """Whether a value is a set with `recurseForDerivations = true`; an error if that attribute is not a Boolean."""
    wanted = find(value, b"recurseForDerivations")
    if wanted is None:
        return False
    with asking(value, b"recurseForDerivations", "while evaluating the attribute `recurseForDerivations`"):
        if wanted.type_name() != "bool":
            raise wrong_type("bool", wanted)
        return bool(wanted.to_python())


def _derivation(value: "Handle", path: str, store_dir: str) -> FoundDerivation:
    names = value.keys()
    if b"drvPath" not in names:
        raise EvaluationError("type", "derivation does not contain a 'drvPath' attribute")
    found = value.select(b"drvPath")
    # This is evaluated outside the `with`: an error here gets no line about the coercion.
    found.force()
    with asking(value, b"drvPath", "while evaluating the 'drvPath' attribute of a derivation"):
        drv_path = drv_path_of(found, store_dir)
    output_name = ""
    if b"outputName" in names:
        with asking(value, None, "while evaluating the output name of a derivation"):
            output_name = value.select(b"outputName").string().decode("utf-8", "replace")
    if not output_name:
        raise EvaluationError("type", f"derivation '{drv_path}' lacks an 'outputName' attribute")
    return FoundDerivation(drv_path, output_name, path, value)


def _joined(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part
