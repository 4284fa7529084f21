"""The result of a scheme, for the fetcher."""

from __future__ import annotations

from snowsnake.fetch.input import Input
from snowsnake.fetch.trees import FileTree


class Fetched:
    """A tree that a scheme found; `memo` names its contents, so that its hash may be remembered ("" if nothing names them)."""

    __slots__ = ("tree", "input", "memo")

    def __init__(self, tree: FileTree, input: Input, memo: str = "") -> None:
        self.tree = tree
        self.input = input
        self.memo = memo
