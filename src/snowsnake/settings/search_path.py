"""The search path as text: NIX_PATH and its entries.

In: text.  Out: entries `PREFIX=PATH` or `PATH`, and their two parts.
"""


def split_nix_path(text: str) -> list[str]:
    """The entries of `NIX_PATH`: separated by colons, except those of URLs.

    >>> split_nix_path("nixpkgs=https://a.org/x.tar.gz:/b:c=d")
    ['nixpkgs=https://a.org/x.tar.gz', '/b', 'c=d']
    >>> split_nix_path(":a::b:")
    ['', 'a', '', 'b']
    """
    entries: list[str] = []
    start = 0
    while start < len(text):
        end = text.find(":", start)
        if end < 0:
            entries.append(text[start:])
            break
        value = text.rfind("=", start, end) + 1 or start
        if is_pseudo_url(text[value:]) or text.startswith("flake:", value):
            end = text.find(":", end + 1)
            end = len(text) if end < 0 else end
        entries.append(text[start:end])
        start = end + 1
    return entries


def is_pseudo_url(text: str) -> bool:
    """Whether a file argument is a tarball's URL instead of a path."""
    if text.startswith("channel:"):
        return True
    scheme, has_scheme, _ = text.partition("://")
    return bool(has_scheme) and scheme in ("http", "https", "file", "channel", "git", "s3", "ssh")


def split_search_entry(entry: str) -> tuple[str, str]:
    """`PREFIX=PATH` or `PATH` as (prefix, path).

    >>> split_search_entry("nixpkgs=/src"), split_search_entry("/src")
    (('nixpkgs', '/src'), ('', '/src'))
    """
    prefix, has_prefix, path = entry.partition("=")
    return (prefix, path) if has_prefix else ("", prefix)
