"""`python -m snowsnake`: the command `snowsnake`."""

from snowsnake.cli.main import main
from snowsnake.cli.output import leave

leave(main)
