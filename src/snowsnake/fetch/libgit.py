"""libgit2 (pygit2), imported when it is first used, because the import takes longer than a small evaluation.

`libgit.Repository` is `pygit2.Repository`, and so on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def __getattr__(name: str) -> Any:
    import pygit2

    value = getattr(pygit2, name)
    globals()[name] = value
    return value
