"""An index of the files with debugging information in a cache: the parameter `index-debug-info` of a cache's URL.

In: the members of an archive, the archive's name in the cache.  Out: small files for the cache, one for each build ID of a program; it says which
member of which archive has the program's debugging information.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from snowsnake.store.listing import ListedTree, NoEntry

_FOLDER = "/lib/debug/.build-id"
_START, _REST = re.compile(r"[0-9a-f]{2}"), re.compile(r"[0-9a-f]{38}\.debug")


def debug_links(tree: ListedTree, url: str) -> Iterator[tuple[str, bytes]]:
    """(name, contents) of the files for one archive.  *url*: the name of the archive in the cache."""
    try:
        starts = tree.entry(_FOLDER)
    except NoEntry:
        return
    for start in starts.names:
        folder = tree.entry(f"{_FOLDER}/{start}")
        if folder.kind != "directory" or not _START.fullmatch(start):
            continue
        for rest in folder.names:
            member = f"{_FOLDER}/{start}/{rest}"
            if _REST.fullmatch(rest) and tree.entry(member).kind == "regular":
                link = {"archive": f"../{url}", "member": member[1:]}
                yield f"debuginfo/{start}{rest}", json.dumps(link, separators=(",", ":")).encode()
