"""Profiles: a link to the newest of numbered generations, each of which keeps a store object from being collected.

In: a store, the place of a profile, a path that is valid in the store.  Out: links on disk.
"""

import os

from snowsnake.cli.options import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.interface import Store


def generations(profile: str) -> dict[int, str]:
    """The generations of a profile, by number."""
    folder, name = os.path.split(profile)
    import re

    pattern = re.compile(re.escape(name) + r"-([0-9]{1,18})-link")
    try:
        entries = os.listdir(folder or ".")
    except OSError as error:
        raise ValueError(f'cannot read directory "{folder}": {error.strerror}') from None
    found = {int(match[1]): os.path.join(folder, entry) for entry in entries if (match := pattern.fullmatch(entry))}
    return dict(sorted(found.items()))


def switch_profile(store: "Store", profile: str, path: str) -> None:
    """Lets a profile lead to *path*: by its last generation if that does so already, otherwise by a new one."""
    from snowsnake.foundation.replacing import replace_link

    profile = os.path.abspath(profile)
    if not store.has_roots:
        raise ValueError("'--profile' is not supported for this Nix store")
    known = generations(profile)
    number, generation = next(reversed(known.items()), (0, ""))
    if not generation or os.readlink(generation) != path:
        generation = f"{profile}-{number + 1}-link"
        store.add_root(generation, path)
    replace_link(profile, os.path.basename(generation))


def only_path(paths: list[str]) -> str:
    """The one path that a profile can lead to."""
    if len(paths) != 1:
        raise UsageError(f"'--profile' requires that the arguments produce a single store path, but there are {len(paths)}")
    return paths[0]
