"""What goes wrong while something is fetched.  Messages are C++ Nix's, as far as it has one for the case."""

# For type checkers, which know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class FetchError(Exception):
    """`notes`: what was being done, innermost first ("while fetching the input '…'").  `exit_code`: what a command ends with.

    `kind` is the class of diagnostics/kinds.py that the error of an evaluation has which comes of it.
    """

    exit_code = 1
    kind = "FetchError"

    def __init__(self, message: str, notes: "Iterable[str]" = ()) -> None:
        super().__init__(message)
        self.notes = list(notes)


class HashMismatch(FetchError):
    """What came is not what was asked for."""

    exit_code = 102


class ForbiddenAccess(FetchError):
    """A policy does not allow it."""


class Cancelled(FetchError):
    """The user, or a time limit, ended it."""


class MalformedInput(FetchError):
    """A text or set that is no input; the message is for the user."""


class MalformedAddress(MalformedInput):
    """A text that is no address, or an address that makes no input: a flake reference tries its next form."""
