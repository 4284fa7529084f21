"""The lines that a printed tree has in front of its names, as C++ Nix draws them.

In: whether a name is the last of its level.  Out: what goes in front of the name, and in front of everything below it.
"""

_LAST, _MORE, _BELOW_LAST, _BELOW_MORE = "└───", "├───", "    ", "│   "


def branch(is_last: bool) -> str:
    """What goes in front of a name.

    >>> branch(True), branch(False)
    ('└───', '├───')
    """
    return _LAST if is_last else _MORE


def margin(is_last: bool) -> str:
    """What goes in front of each line below a name.

    >>> margin(True), margin(False)
    ('    ', '│   ')
    """
    return _BELOW_LAST if is_last else _BELOW_MORE
