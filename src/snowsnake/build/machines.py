"""Machines that build for this one: the setting `builders`.

In: the setting's text.  Out: a `Machine` for each line; BadMachine (a ValueError), in 2.34's words, for a line that does not describe a machine.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from snowsnake.settings.store_reference import StoreReference

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from snowsnake.store.light_dataclass import dataclass

_PLAIN_WORDS = re.compile(r"(?:auto|daemon|local)?(?:\?.*)?")
_BY_SSH = ("ssh", "ssh-ng")


class BadMachine(ValueError):
    """A line of `builders` that does not describe a machine."""


@dataclass
class Machine:
    """One machine.  *systems*: those for which it builds; *features*: those that it has; *mandatory*: features that a derivation must require, all of
    them, to be built there."""

    store: StoreReference
    systems: frozenset[str]
    key_file: str = ""
    max_jobs: int = 1
    speed_factor: float = 1.0
    features: frozenset[str] = frozenset()
    mandatory: frozenset[str] = frozenset()
    host_key: str = ""
    # This is false once the machine could not be reached, so that it is not tried again.
    is_enabled: bool = True

    def can_build(self, system: str, needed: Iterable[str]) -> bool:
        """Whether the machine builds derivations for *system* that need these features.

        >>> parse_machines("ssh://a - - - - kvm big", "x86_64-linux")[0].can_build("x86_64-linux", {"big", "kvm"})
        True
        """
        needed = frozenset(needed)
        is_right = system == "builtin" or system in self.systems
        return self.is_enabled and is_right and needed <= self.features | self.mandatory and self.mandatory <= needed

    @property
    def url(self) -> str:
        return self.store.render()

    def reference(self) -> StoreReference:
        """The machine's store, with what the other columns say about the connection as parameters."""
        parameters = dict(self.store.parameters)
        if self.store.scheme in _BY_SSH:
            if self.key_file:
                parameters["ssh-key"] = self.key_file
            if self.host_key:
                parameters["base64-ssh-public-host-key"] = self.host_key
        named = [parameters.get("system-features", ""), *sorted(self.features), *sorted(self.mandatory)]
        parameters["system-features"] = " ".join(filter(None, named))
        return StoreReference(self.store.scheme, self.store.place, parameters, is_word=self.store.is_word)


def parse_machines(text: str, system: str) -> list[Machine]:
    """The machines in a text, and in the files that it includes (`@FILE`; a file that does not exist is ignored).  *system*: for lines without systems.

    >>> [(machine.url, sorted(machine.systems)) for machine in parse_machines("a # first\\n; b i686-linux,x86_64-linux", "x")]
    [('ssh://a', ['x']), ('ssh://b', ['i686-linux', 'x86_64-linux'])]
    """
    return [_machine(line, system) for line in _lines(text)]


def _lines(text: str) -> list[str]:
    found = []
    for line in text.split("\n"):
        for entry in map(str.strip, line.partition("#")[0].split(";")):
            if entry.startswith("@"):
                try:
                    with open(entry[1:].strip(), encoding="utf-8", errors="surrogateescape") as file:
                        found += _lines(file.read())
                except FileNotFoundError:
                    continue
            elif entry:
                found.append(entry)
    return found


def _machine(line: str, system: str) -> Machine:
    words = line.split()
    words += ["-"] * (8 - len(words))

    def number(column: int, kind: str) -> float:
        try:
            if kind == "float" or re.fullmatch(r"[0-9]+", words[column]):
                return float(words[column])
        except ValueError:
            pass
        raise BadMachine(f"bad machine specification: failed to convert column #{column} in a row: '{line}' to '{kind}'")

    if words[0] == "-":
        raise BadMachine(f"bad machine specification: store URL was not found at the first column of a row: '{line}'")
    speed = 1.0 if words[4] == "-" else number(4, "float")
    if speed < 0:
        raise BadMachine("speed factor must be >= 0")
    if words[7] != "-":
        try:
            base64.b64decode(words[7], validate=True)
        except binascii.Error:
            raise BadMachine(f"while parsing machine specification at a column #7 in a row: '{line}'") from None
    url = words[0] if "://" in words[0] or "/" in words[0] or _PLAIN_WORDS.fullmatch(words[0]) else f"ssh://{words[0]}"
    return Machine(
        StoreReference.parse(url), frozenset([system] if words[1] == "-" else words[1].split(",")), "" if words[2] == "-" else words[2],
        1 if words[3] == "-" else int(number(3, "unsigned int")), speed or 1.0, _set(words[5]), _set(words[6]), "" if words[7] == "-" else words[7],
    )  # fmt: skip


def _set(word: str) -> frozenset[str]:
    return frozenset() if word == "-" else frozenset(filter(None, word.split(",")))
