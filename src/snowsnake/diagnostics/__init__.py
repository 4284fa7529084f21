"""Errors for users: the catalogue, the exception, its rendering.  Imports are cheap: see each module."""
