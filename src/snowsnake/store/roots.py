"""Roots: links outside a store to its objects, which are registered, so that Nix's garbage collector spares what they point to.

In: a link's path, a store path.  Out: the link, and a link to it below `nix/var/nix/gcroots/auto`, like `nix-store --add-root`.
"""

from __future__ import annotations

import os

from snowsnake.store import hashing


def add_root(link: str, path: str, state: str, store_dir: str) -> str:
    """Makes *link* to *path* of the store with this *state*, registers it, and returns its absolute path."""
    link = make_link(link, path, store_dir)
    register_root(link, state)
    return link


def register_root(link: str, state: str) -> None:
    """Registers a link that somebody has made."""
    gcroots = state + "/gcroots"
    if not link.startswith(gcroots + "/"):
        name = hashing.format_hash("sha1", hashing.digest("sha1", os.fsencode(link)), "nix32")
        _make(f"{gcroots}/auto/{name}", link)


def make_link(link: str, path: str, store_dir: str) -> str:
    """Makes *link* to *path*, and returns its absolute path; an older link into the store is replaced, anything else is not."""
    link = os.path.abspath(link)
    if _is_in(link, store_dir):
        raise ValueError(
            f'creating a garbage collector root ("{link}") in the Nix store is forbidden (are you running nix-build inside'
            " the store?)"
        )
    if os.path.lexists(link) and not (os.path.islink(link) and _is_in(os.readlink(link), store_dir)):
        raise ValueError(f'cannot create symlink "{link}"; already exists')
    _make(link, path)
    return link


def _is_in(path: str, store_dir: str) -> bool:
    return path.startswith(store_dir + "/") and len(path) > len(store_dir) + 1


def _make(link: str, target: str) -> None:
    from snowsnake.foundation.replacing import replace_link

    os.makedirs(os.path.dirname(link), exist_ok=True)
    replace_link(link, target)
