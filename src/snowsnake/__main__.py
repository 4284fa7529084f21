"""`python -m snowsnake`: the command `snowsnake`."""

from snowsnake.cli.entry_points import snowsnake

snowsnake()
