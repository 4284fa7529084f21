"""Whole numbers that somebody wrote as text: on a command line, in a URL, in an attribute.

In: text.  Out: an int, or None.  `int()` alone accepts more (blanks, underscores, digits of other scripts), and raises an error of its own for a
number of more than 4300 digits.
"""


def whole_number(text: str, most: int) -> int | None:
    """The number that decimal digits write, if it is at most *most*; None for any other text.

    >>> whole_number("007", 10), whole_number("11", 10), whole_number("²", 10), whole_number("", 10), whole_number("1" * 5000, 10)
    (7, None, None, None, None)
    """
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    if len(digits) > len(str(most)):
        return None
    number = int(digits or "0")
    return number if number <= most else None
