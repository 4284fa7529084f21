"""A flake in a Git repository with inputs beside it, whose jobs show everything that a flake knows about itself, and random changes of it."""

import os
import random
import shutil
import subprocess
from pathlib import Path

FLAKE = """{
  inputs.dep.url = "git+file://DEP";
  inputs.place.url = "path:PLACE";
  outputs = { self, dep, place }:
    let
      make = name: more: derivation ({ inherit name; system = "x"; builder = "b"; } // more);
      known = names: tree: builtins.toJSON (builtins.intersectAttrs (builtins.listToAttrs (map (name: { inherit name; value = 1; }) names)) tree);
      files = builtins.attrNames (builtins.readDir ./packages);
      package = file: { name = builtins.replaceStrings [ ".nix" ] [ "" ] file; value = import (./packages + "/${file}") { inherit make self dep place; }; };
    in {
      jobs = builtins.listToAttrs (map package files) // {
        plain = make "plain" { };
        rev = make "rev" { v = known [ "rev" "dirtyRev" ] self; };
        short = make "short" { v = known [ "shortRev" "dirtyShortRev" ] self; };
        count = make "count" { v = known [ "revCount" ] self; };
        time = make "time" { v = known [ "lastModified" "lastModifiedDate" ] self; };
        hash = make "hash" { v = known [ "narHash" ] self; };
        source = make "source" { src = ./data; whole = self; };
        inputs = make "inputs" { v = map (known [ "rev" "revCount" "lastModified" "narHash" ]) [ dep place ]; };
        late = make "late" { v = dep.late; };
        placed = make "placed" { v = place.late; src = place.data; };
        nested = { recurseForDerivations = builtins.pathExists ./data/d1; inner = make "inner" { v = builtins.readDir ./data; }; };
        missing = import ./none.nix;
        untracked = import ./untracked.nix;
      };
    };
}
"""
INPUT = "{ outputs = { self }: { late = import ./late.nix; data = ./data; }; }\n"
PACKAGES = (
    '{ make, ... }: make "NAME" { v = "VALUE"; }',
    '{ make, ... }: make "NAME" { v = builtins.readFile ../data/d0; }',
    '{ make, self, ... }: make "NAME" { v = toString self; }',
    '{ make, dep, ... }: make "NAME" { v = dep.rev + "VALUE"; }',
    '{ make, place, ... }: make "NAME" { v = place.narHash or "none"; }',
    '{ make, ... }: throw "VALUE"',
    '{ make, ... }: { VALUE = ',
    '{ make, ... }: make "NAME" { v = toString ./.; src = builtins.path { path = ../data; name = "d"; filter = n: t: baseNameOf n != "d1"; }; }',
)  # fmt: skip


class FlakeWorld:
    """`top`: the flake.  Commits have dates of their own, one second after another."""

    def __init__(self, folder: Path) -> None:
        self.top, self.dep, self.place = folder / "top", folder / "dep", folder / "place"
        self.seconds = 1_700_000_000
        for name in (self.top / "packages", self.top / "data", self.dep / "data", self.place / "data"):
            name.mkdir(parents=True)
        (self.top / "flake.nix").write_text(FLAKE.replace("DEP", str(self.dep)).replace("PLACE", str(self.place)))
        (self.top / "data/d0").write_text("0")
        (self.top / "untracked.nix").write_text("1")
        for number, text in enumerate(PACKAGES[:4]):
            (self.top / f"packages/p{number}.nix").write_text(text.replace("NAME", f"n{number}").replace("VALUE", "v"))
        for repository in (self.dep, self.place):
            (repository / "flake.nix").write_text(INPUT)
            (repository / "late.nix").write_text('"late"')
            (repository / "data/x").write_text("x")
        for repository in (self.dep, self.top):
            self.git(repository, "init", "-q", "-b", "main")
        self.commit(self.dep)
        self.git(self.top, "add", "flake.nix", "packages", "data")
        self.commit(self.top, "-a")

    def git(self, repository: Path, *words: str) -> None:
        date = f"{self.seconds} +0000"
        environment = os.environ | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "GIT_CONFIG_GLOBAL": "/dev/null"}
        subprocess.run(
            ["git", "-C", str(repository), "-c", "user.name=n", "-c", "user.email=e", *words], check=True, capture_output=True, env=environment
        )

    def commit(self, repository: Path, *words: str) -> None:
        self.seconds += 1
        if not words:
            self.git(repository, "add", ".")
        self.git(repository, "commit", "-q", "--allow-empty", "-m", "x", *words)

    def change(self, chance: random.Random) -> str:
        """One random change; returns what it was."""
        kinds = ("edit", "edit", "data", "add", "remove", "commit", "empty commit", "amend", "back", "untracked", "dep", "lock", "place", "touch", "old lock", "mode")
        kind = chance.choice(kinds)
        number = chance.randrange(6)
        file = self.top / f"packages/p{number}.nix"
        if kind in ("edit", "add"):
            file.write_text(chance.choice(PACKAGES).replace("NAME", f"n{number}").replace("VALUE", f"v{chance.randrange(3)}"))
            if kind == "add":
                self.git(self.top, "add", str(file))
        elif kind == "data":
            data = self.top / f"data/d{chance.randrange(3)}"
            data.write_text(f"d{chance.randrange(3)}")
            self.git(self.top, "add", str(data))
        elif kind == "remove":
            file.unlink(missing_ok=True)
        elif kind == "commit":
            self.commit(self.top, "-a")
        elif kind == "empty commit":
            self.commit(self.top)
        elif kind == "amend":
            self.commit(self.top, "--amend")
        elif kind == "back":
            self.git(self.top, "checkout", "-q", "-f", chance.choice(("main", "main~1", "main")))
        elif kind == "untracked":
            if (self.top / "untracked.nix").exists():
                (self.top / "untracked.nix").unlink()
            else:
                (self.top / "untracked.nix").write_text("1")
        elif kind == "dep":
            (self.dep / "late.nix").write_text(f'"late{chance.randrange(9)}"')
            self.commit(self.dep)
        elif kind == "lock":
            (self.top / "flake.lock").unlink(missing_ok=True)
        elif kind == "old lock":
            kept = self.top.parent / "flake.lock"
            if kept.exists() and chance.random() < 0.7:
                shutil.copy(kept, self.top / "flake.lock")
            elif (self.top / "flake.lock").exists():
                shutil.copy(self.top / "flake.lock", kept)
        elif kind == "place":
            (self.place / "late.nix").write_text(f'"late{chance.randrange(2)}"')
        elif kind == "mode" and file.exists():
            file.chmod(chance.choice((0o644, 0o755)))
        elif file.exists():
            file.touch()
        return kind
