"""The public names, for type checkers; see snowsnake/faces.py."""
# ruff: noqa: I001

from snowsnake.editing import Edits as Edits
from snowsnake.tree import (
    KINDS as KINDS,
    Comment as Comment,
    Node as Node,
    Tree as Tree,
    Visitor as Visitor,
    parse as parse,
    parse_file as parse_file,
)

__all__: list[str]
