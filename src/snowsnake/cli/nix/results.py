"""Results: the outputs that were requested, and links to them.

In: targets, a store that has made them valid.  Out: names and paths of outputs, links on disk.
"""

from snowsnake.cli.building import link_outputs
from snowsnake.cli.nix.installables import ALL, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.interface import Store


def make_links(store: "Store", link: str, results: "list[list[tuple[str, str]]]") -> None:
    """Makes links: *link* to the outputs of the first result, *link*`-1` to those of the second, and so on."""
    for number, outputs in enumerate(results):
        link_outputs(store, f"{link}-{number}" if number else link, outputs)


def outputs_of(store: "Store", target: Target) -> list[tuple[str, str]]:
    """(name, path) of each output of a target; an object that is not a derivation is its own output."""
    if target.outputs is None:
        return [("out", target.path)]
    known = store.made_outputs(target.built(store))
    return [(name, known[name]) for name in sorted(known) if target.outputs == (ALL,) or name in target.outputs]
