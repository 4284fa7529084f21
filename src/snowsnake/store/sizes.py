"""Numbers of bytes as 2.34 writes them.

In: a number.  Out: text.
"""

_UNITS = "KMGTPEZY"


def size_text(size: int, *, is_aligned: bool = False) -> str:
    """A number of bytes in the unit that fits, as 2.34 writes it.

    >>> size_text(0), size_text(120), size_text(-3 << 20), size_text(120, is_aligned=True)
    ('0.0 KiB', '0.1 KiB', '-3.0 MiB', '   0.1 KiB')
    """
    value, power = float(size), 0
    while True:
        value /= 1024
        if abs(value) < 1024 or power == len(_UNITS) - 1:
            break
        power += 1
    digits = f"{value:6.1f}" if is_aligned else f"{value:.1f}"
    return f"{digits} {_UNITS[power]}iB"
