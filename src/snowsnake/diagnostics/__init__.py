"""Errors as users see them: the catalogue, the exception, how it is rendered.  Imports are cheap: see each module."""
