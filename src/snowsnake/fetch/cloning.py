"""Copies of repositories with their history, by the user's own `git`.

In: an input, and a path where nothing exists.  Out: a clone of the input's Git repository at that path.
"""

from __future__ import annotations

from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.input_forms import FORGES, string_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher
    from snowsnake.fetch.input import Input


def repository_of(input: Input, fetcher: Fetcher) -> Input | None:
    """The Git repository that an input is, or from which a forge makes the input's archives; None for other schemes."""
    if input.type == "git":
        return input
    if input.type not in FORGES:
        return None
    from snowsnake.fetch.forges import HOSTS

    host = string_of(input.attrs, "host") if "host" in input.attrs else HOSTS[input.type]
    place = f"git+https://{host}/{string_of(input.attrs, 'owner')}/{string_of(input.attrs, 'repo')}"
    found = fetcher.input_from_url(place if input.type == "sourcehut" else place + ".git")
    return found.with_attrs(ref=input.ref, rev=input.rev)


def clone(repository: Input, target: str, fetcher: Fetcher) -> None:
    """Clones a Git repository to *target*; raises FetchFailure if git fails."""
    from snowsnake.fetch.git import location_of, run_git
    from snowsnake.foundation.program_ends import failed_text

    location = location_of(repository, fetcher)
    if repository.rev is not None:
        raise FetchFailure("cloning a specific revision is not implemented")
    branch = [] if repository.ref is None else ["--branch", repository.ref]
    code, _ = run_git(["clone", *branch, "--", location.text, target], fetcher)
    if code:
        raise FetchFailure(f'program "git" {failed_text(code)}')
