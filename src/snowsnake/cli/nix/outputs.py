"""The outputs that a word of a command line names behind `^`.

In: a word.  Out: the text in front of the mark, and the names of the outputs.
"""

from snowsnake.diagnostics.error import EvaluationError


def split_outputs(word: str) -> "tuple[str, tuple[str, ...] | None]":
    """The text before `^`, and the names of outputs after it.

    >>> split_outputs("x^out,dev"), split_outputs("x^*"), split_outputs("x")
    (('x', ('out', 'dev')), ('x', ('*',)), ('x', None))
    """
    prefix, mark, text = word.rpartition("^")
    if not mark:
        return word, None
    names = text.split(",")
    if text != "*" and not all(name and all(c.isascii() and (c.isalnum() or c in "+-._?=") for c in name) for name in names):
        raise EvaluationError("value", f"invalid extended outputs specifier '{word}'")
    return prefix, tuple(names)
