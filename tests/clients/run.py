"""Real programs around Nix with only our commands on their PATH: each does its job, or stops where something must be fetched.

usage: python tests/clients/run.py [--nixpkgs FOLDER] [--home-manager FOLDER] [--python PROGRAM]

In: sources of nixpkgs (for nixos-rebuild-ng, which needs Python 3.12) and of home-manager.  Out: a line for each case; exit code 1 if one
did not do what it should.  A client whose source is not given is left out, and named.  CI does not run this: it has no clients.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FLAKE = """{
  outputs = { self }:
    let
      write = name: text: derivation { inherit name text; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo \\"$text\\" > $out" ]; };
      make = name: write name name;
      news = write "news" (builtins.toJSON { display = "silent"; entries = [ ]; });
    in {
      nixosConfigurations.host.config.system.build.toplevel = make "nixos-system-host";
      homeConfigurations.me = { activationPackage = make "home-manager-generation"; config.news.json.output = "${news}"; };
    };
}
"""
SYSTEM = """{ nixos ? 1 }: {
  config.system.build.toplevel = derivation {
    name = "nixos-system-file"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo file > $out" ];
  };
}
"""


class World:
    """A folder with our commands, everything else that the machine has but Nix, and a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failures = 0
        others = folder / "others"
        for name in ("others", "home", "flake"):
            (folder / name).mkdir()
        for place in ("/usr/bin", "/bin"):
            for path in Path(place).iterdir():
                link = others / path.name
                if not path.name.startswith("nix") and not os.path.lexists(link):
                    link.symlink_to(path)
        (folder / "flake" / "flake.nix").write_text(FLAKE)
        (folder / "system.nix").write_text(SYSTEM)
        command = Path(sys.executable).with_name("snowsnake")
        subprocess.run([command, "links", folder / "nix"], check=True, stdout=subprocess.DEVNULL)
        self.environment = {
            "HOME": str(folder / "home"), "USER": "me", "PATH": f"{folder}/nix:{others}", "NIX_REMOTE": f"local?root={folder}/store",
            "NIX_CONF_DIR": "/nonexistent", "NIX_PATH": "", "NO_COLOR": "1",
            "NIX_CONFIG": "extra-experimental-features = nix-command flakes\nflake-registry =\nsubstitute = false\n",
        }  # fmt: skip

    def expect(self, name: str, words: list[str], *parts: str, code: int = 0, **environment: str) -> None:
        """Run a client: its exit code, and what must stand in what it says."""
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment | environment, capture_output=True, text=True, errors="replace", timeout=300
        )
        said = done.stdout + done.stderr
        missing = [part for part in parts if part not in said]
        is_good = done.returncode == code and not missing and "Traceback" not in said and "fault of the evaluator" not in said
        print(f"{'ok  ' if is_good else 'FAIL'} {name}")
        if not is_good:
            self.failures += 1
            print(f"     exit code {done.returncode}, not found: {missing}\n{said[-1500:]}")


def nixos_rebuild(world: World, nixpkgs: Path, python: str) -> None:
    source = str(nixpkgs / "pkgs/by-name/ni/nixos-rebuild-ng/src")
    program = [python, "-m", "nixos_rebuild"]
    plan = "this derivation will be built:"
    world.expect("nixos-rebuild-ng dry-build, of a flake", [*program, "dry-build", "--flake", "./flake#host"], plan, "nixos-system-host.drv", PYTHONPATH=source)
    world.expect("nixos-rebuild-ng dry-build, of a file", [*program, "dry-build", "-f", "./system.nix"], plan, "nixos-system-file.drv", PYTHONPATH=source)
    world.expect("nixos-rebuild-ng build, of a flake", [*program, "build", "--flake", "./flake#host"], "-nixos-system-host", PYTHONPATH=source)
    world.expect("nixos-rebuild-ng build, of a file", [*program, "build", "-f", "./system.nix"], "-nixos-system-file", PYTHONPATH=source)
    world.expect("nixos-rebuild-ng, of nothing", [*program, "dry-build", "--flake", "./flake#none"], "does not provide attribute", code=1, PYTHONPATH=source)


def home_manager(world: World, source: Path) -> None:
    script = (source / "home-manager/home-manager").read_text()
    for mark, text in (
        ("@bash@/bin/bash", "/bin/bash"), ("@DEP_PATH@", ""), ("@OUT@", "/nonexistent"), ("@HOME_MANAGER_PATH@", str(source)),
        ("@HOME_MANAGER_LIB@", str(source / "lib/bash/home-manager.sh")),
    ):  # fmt: skip
        script = script.replace(mark, text)
    program = world.folder / "home-manager"
    program.write_text(script)
    world.expect("home-manager build, of a flake", ["bash", str(program), "build", "--flake", "./flake#me"], "home-manager-generation")
    world.expect("home-manager build --dry-run", ["bash", str(program), "build", "--flake", "./flake#me", "--dry-run"])
    world.expect("home-manager, of nothing", ["bash", str(program), "build", "--flake", "./flake#none"], "does not provide attribute", code=1)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nixpkgs", type=Path)
    parser.add_argument("--home-manager", type=Path)
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        world = World(Path(folder))
        if given.nixpkgs:
            nixos_rebuild(world, given.nixpkgs.resolve(), given.python)
        else:
            print("left out: nixos-rebuild-ng (--nixpkgs)")
        if given.home_manager:
            home_manager(world, given.home_manager.resolve())
        else:
            print("left out: home-manager (--home-manager)")
    return 1 if world.failures else 0


if __name__ == "__main__":
    sys.exit(main())
