"""Fetching of sources, as a library that knows nothing about the evaluator's values.

    input_forms, addresses, input    what to fetch: URLs and attributes of each scheme
    fetcher                          `Fetcher.fetch(input)` -> `Source`
    local git downloads forges …     the schemes
    trees, tree_hash                 fetched trees, which are read in place, and their hashes
    cache                            fetched trees and facts, on disk

>>> from snowsnake.fetch import Input
>>> Input.from_url("git+https://example.org/r?ref=main").attrs
{'type': 'git', 'ref': 'main', 'url': 'https://example.org/r'}
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.fetch.cache import FetchCache
    from snowsnake.fetch.errors import FetchFailure, MalformedInput
    from snowsnake.fetch.fetcher import Fetcher, Source
    from snowsnake.fetch.input import Input

_HOME = {
    "FetchCache": "cache",
    "FetchFailure": "errors",
    "Fetcher": "fetcher",
    "Input": "input",
    "MalformedInput": "errors",
    "Source": "fetcher",
}

__all__ = ["FetchCache", "FetchFailure", "Fetcher", "Input", "MalformedInput", "Source"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(__import__(f"{__name__}.{_HOME[name]}", fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
