"""A real browser without a window: Debian's Chromium, driven by Playwright.

`missing()` says why there is no browser; `page(width)` is a page of it, which may load only files and servers of this machine.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def missing() -> str:
    """What is not installed; empty if everything is."""
    import importlib.util

    if importlib.util.find_spec("playwright") is None:
        return "playwright (pip install 'snowsnake[docs]')"
    return "" if program() else "chromium (apt-get install chromium)"


def program() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A browser for some pages, with a home folder of its own; RuntimeError if there is none."""
    if missing():
        raise RuntimeError(f"no browser: {missing()} is not installed")
    from playwright.sync_api import sync_playwright

    switches = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program(), args=switches, env={**os.environ, "HOME": home})
        try:
            yield found
        finally:
            found.close()
