"""One entry of the table of builtins."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A builtin as users and the machine see it.

    `arguments` names them, separated by blanks; `forces` has a letter for each (machine/state.pxd);
    `framed`: may force or call; `example` is `expression => value`, run by the tests.
    """

    name: str
    arguments: str
    forces: str
    framed: bool = False
    doc: str = ""
    example: str = ""
    is_global: bool = False            # also a name in the global scope (`map`), not only `builtins.map`
    is_constant: bool = False          # a value, not a function: evaluated when first used
    feature: str = ""                  # the experimental feature that must be on
