"""Errors of fetching.  Messages are C++ Nix's, as far as it has one for the case."""

# For type checkers, which know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class FetchError(Exception):
    """`notes`: what was being done, the innermost first ("while fetching the input '…'").  `exit_code`: that of a command.

    `kind` is the class of diagnostics/kinds.py for the error of the evaluation.
    """

    exit_code = 1
    kind = "FetchError"

    def __init__(self, message: str, notes: "Iterable[str]" = ()) -> None:
        super().__init__(message)
        self.notes = list(notes)


class HashMismatch(FetchError):
    """The fetched source is not the requested one."""

    exit_code = 102


class ForbiddenAccess(FetchError):
    """A policy does not allow it."""


class Cancelled(FetchError):
    """The user, or a time limit, stopped it."""


class MalformedInput(FetchError):
    """A text or set that does not describe an input; the user gets the message."""


class MalformedAddress(MalformedInput):
    """A text that is not a URL, or a URL that does not describe an input: a flake reference then tries its next form."""
