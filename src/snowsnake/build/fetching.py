"""Downloads for `builtin:fetchurl`: through the fetcher, which knows netrc, proxies, certificates and retries."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def fetch_with(settings: Any) -> Callable[[str, str], str]:
    """A function that downloads the file at a URL into a folder, and returns its path."""

    def fetch(url: str, folder: str) -> str:
        from snowsnake.fetch.downloads import download_file
        from snowsnake.fetch.fetcher import Fetcher

        fetcher = Fetcher(settings)
        try:
            tree = download_file(url, fetcher).tree
            found = tree.disk_path(b"")
            if found is not None:
                return os.fsdecode(found)
            path = os.path.join(folder, "download")
            with open(path, "wb") as file:
                file.write(tree.read(b""))
            return path
        finally:
            fetcher.close()

    return fetch
