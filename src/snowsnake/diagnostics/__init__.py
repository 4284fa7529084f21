"""Errors as users see them: the catalogue, the exception, how it is rendered.  Imports are cheap: see each module."""

from snowsnake.diagnostics.error import EvaluationError, Frame, make_error

__all__ = ["EvaluationError", "Frame", "make_error"]
