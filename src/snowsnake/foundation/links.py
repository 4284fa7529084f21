"""Symbolic links of the disk, followed one after the other.

In: a path.  Out: the first place that is not a link, or at which the caller stops.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_LINKS = 1024


class TooManyLinks(ValueError):
    """Links lead to links without end."""


def follow_links(path: str, is_end: "Callable[[str], bool]" = lambda path: False) -> str:
    """Follows *path* while its last part is a link, and *is_end* does not accept it; links before the last part stay as they are.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.symlink("b", folder + "/a")
    ...     os.symlink("nowhere/../c", folder + "/b")
    ...     os.symlink("loop", folder + "/loop")
    ...     print([os.path.basename(found) for found in (
    ...         follow_links(folder + "/a"), follow_links(folder + "/a", lambda path: path.endswith("b")))])
    ...     follow_links(folder + "/loop")
    Traceback (most recent call last):
    snowsnake.foundation.links.TooManyLinks: too many symbolic links
    """
    for _ in range(_MOST_LINKS):
        if is_end(path) or not os.path.islink(path):
            return path
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    raise TooManyLinks("too many symbolic links")
