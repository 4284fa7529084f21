"""Scenarios of random flakes that are inputs of one another, and random command lines that lock, update and override.

Three to six flakes, some of them Git repositories, some with flakes in folders; inputs by address, by path, relative, followed, overridden,
not flakes; a few command lines, between which a flake is sometimes written again.
"""

import random
from collections.abc import Iterator, Sequence

from world import Step

NAMES = "abcde"
OUTPUTS = (
    "_: { }",
    "inputs: { names = builtins.attrNames inputs; }",
    '{ self, ... }@i: { x = 1; deep = builtins.mapAttrs (n: v: v.outPath or null) (removeAttrs i [ "self" ]); }',
)
INNER = ("s0", "s1")


class World:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.flakes = [f"f{number}" for number in range(self.random.choice((3, 4, 5, 6)))]
        self.repositories = {name for name in self.flakes if self.random.random() < 0.5}
        self.with_folders = {name for name in self.flakes if self.random.random() < 0.4}

    def address(self, names: Sequence[str]) -> str:
        """The address of one of these flakes.  A repository is not a `path:`: its index differs from run to run."""
        name = self.random.choice(names)
        form = "git+file://@/" if name in self.repositories else self.random.choice(("path:@/", "path:@/", "@/"))
        folder = f"?dir={self.random.choice(INNER)}" if form[0] != "@" and self.random.random() < 0.1 else ""
        return f"{form}{name}{folder}"

    def source(self, others: Sequence[str], folders: Sequence[str], used: list[str]) -> str:
        pick, chance = self.random.choice, self.random.random()
        if chance < 0.12 and folders:
            return f'url = "path:./{pick(folders)}";'
        if chance < 0.24 and used:
            return f'follows = "{pick(used)}{pick(("", "/a", "/b", "/a/b"))}";'
        if chance < 0.28:
            return f'follows = "{pick(("a", "b", "c", "", "a/b", "zz"))}";'
        if chance < 0.32 or not others:
            return f'url = "{pick(("known", "unknown"))}";'
        return f'url = "{self.address(others)}";'

    def override(self, others: Sequence[str], folders: Sequence[str], used: list[str]) -> str:
        pick = self.random.choice
        path = pick(NAMES) + pick(("", f".inputs.{pick(NAMES[:2])}"))
        what = pick((
            f'follows = "{pick([*used, *NAMES[:3]])}";', f'follows = "{pick(used)}/{pick(NAMES[:2])}";', 'follows = "";',
            f'url = "{self.address(others or self.flakes)}";', f'url = "path:./{pick(folders or INNER)}";', "flake = false;",
        ))
        return f"inputs.{path}.{what}"

    def flake(self, others: Sequence[str], folders: Sequence[str]) -> str:
        inputs, used = [], []
        for name in self.random.sample(NAMES, self.random.choice((0, 1, 1, 2, 2, 3)) if others or folders else 0):
            lines = [self.source(others, folders, used)]
            used.append(name)
            lines += ["flake = false;"] if self.random.random() < 0.12 else []
            lines += [self.override(others, folders, used) for _ in range(self.random.choice((0, 0, 0, 1, 1, 2)))]
            once = {line.split(" =")[0]: line for line in lines}
            inputs.append(f"  {name} = {{ {' '.join(once.values())} }};\n")
        return "{ inputs = {\n" + "".join(inputs) + f" }}; outputs = {self.random.choice(OUTPUTS)}; }}\n"

    def writes(self, name: str) -> Iterator[Step]:
        """The inputs of a flake are flakes after it, in one case of ten any flakes."""
        others = self.flakes[self.flakes.index(name) + 1 :] if self.random.random() < 0.9 else self.flakes
        folders = INNER if name in self.with_folders else ()
        yield ("write", f"{name}/flake.nix", self.flake(others, folders))

    def line(self) -> Step:
        pick, chance = self.random.choice, self.random.random()
        name = pick(self.flakes[:2])
        reference = pick((f"git+file://@/{name}", f"@/{name}")) if name in self.repositories else pick((f"path:@/{name}", f"@/{name}"))
        options = ["--override-flake", "known", self.address(self.flakes)] if self.random.random() < 0.8 else []
        if self.random.random() < 0.25:
            options += ["--override-input", pick((*NAMES[:3], "a/b", "a/a", "zz")), self.address(self.flakes)]
        if self.random.random() < 0.1:
            options += ["--override-input", pick(("a", "b", "a/b")), pick(("a", "b", "b/a"))]
        if self.random.random() < 0.1:
            options += [pick(("--no-write-lock-file", "--no-update-lock-file"))]
        if chance < 0.4:
            return ("nix", "flake", "lock", reference, *options)
        if chance < 0.6:
            return ("nix", "flake", "update", *pick(((), ("a",), ("b",), ("a/b",), ("a", "b"))), "--flake", reference, *options)
        if chance < 0.85:
            return ("nix", "flake", "metadata", "--json", reference, *options)
        return ("nix", "eval", "--json", f"{reference}#{pick(('names', 'deep', 'x'))}", *options)

    def steps(self) -> Iterator[Step]:
        for name in self.flakes:
            if name in self.with_folders:
                for folder in INNER:
                    yield ("write", f"{name}/{folder}/flake.nix", self.flake(self.flakes[-1:], self.random.choice(((), ("../s0", "../s1", "..")))))
            yield from self.writes(name)
            if name in self.repositories:
                yield ("git", name)
        for _ in range(self.random.choice((3, 4, 5))):
            if self.random.random() < 0.25:
                yield from self.writes(self.random.choice(self.flakes[:2]))
            yield self.line()


def scenarios(count: int) -> list[tuple[str, list[Step]]]:
    return [(f"generated-{seed}", list(World(seed).steps())) for seed in range(count)]
