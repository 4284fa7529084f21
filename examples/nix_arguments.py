"""What nixops' printer does, and what it no longer needs: Python data as Nix text, or as values without any text.

python examples/nix_arguments.py
"""

import dataclasses
from pathlib import Path

import snowsnake


@dataclasses.dataclass
class Machine:
    name: str
    ports: list[int]
    image: Path
    enabled: bool = True


machines = {"web": Machine("web", [80, 443], Path("/images/web.nix")), 'a "strange" name': Machine("${not code}", [], Path("/images/a b"))}
print(snowsnake.to_nix({"machines": machines, "check": snowsnake.Raw("m: m.enabled")}, indent=2))

nix = snowsnake.Evaluator()
function = nix.evaluate("{ machines, log }: builtins.mapAttrs (name: m: log name (builtins.length m.ports)) machines")


def log(name: str, count: int) -> int:
    print(f"{name} has {count} ports")
    return count


print(function(machines=machines, log=log).to_python())
assert snowsnake.from_nix(snowsnake.to_nix([1, "x", {"a": None}])) == [1, "x", {"a": None}]
