"""The kinds of error that flakes have, apart from the others (kinds.py): every command on a flake imports these few, and so does not make the others."""

from snowsnake.diagnostics.error import EvaluationError


class FetchError(EvaluationError):
    """A source could not be fetched."""


class FlakeError(EvaluationError):
    """A flake could not be found, read, locked or called, or does not have the requested output; an error in its own code has its own kind."""


class FlakeNotFetched(FlakeError, FetchError):
    """The source of a flake, or of one of its inputs, could not be fetched."""
