"""Errors of fetching.  Messages are C++ Nix's, as far as it has one for the case."""

# Type checkers treat this as true; importing `typing` would slow down every start of the command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


# The reason why nothing is requested from a server.
OFFLINE = "the network is not used, as told by --offline"


class FetchFailure(Exception):
    """Fetching failed.  `notes`: what was being done, innermost first ("while fetching the input '…'").

    `exit_code`: the exit code of a command that ends with the error.  `kind`: the name of the class in diagnostics/kinds.py that an evaluation raises for it.
    """

    exit_code = 1
    kind = "FetchError"

    def __init__(self, message: str, notes: "Iterable[str]" = ()) -> None:
        super().__init__(message)
        self.notes = list(notes)


class ArchiveError(FetchFailure):
    """The file is not an archive, or it is damaged, or it was made to do harm."""


class HashMismatch(FetchFailure):
    """The fetched source is not the requested one."""

    exit_code = 102


class ForbiddenAccess(FetchFailure):
    """A policy forbids reading a place or an address."""


class FetchCancelled(FetchFailure):
    """The user, or a time limit, stopped the fetching."""


class MalformedInput(FetchFailure):
    """A text or set does not describe an input; the user sees the message."""


class MalformedAddress(MalformedInput):
    """A text is not a URL, or a URL does not describe an input: a flake reference then tries its next form."""
