"""Compares the derivations of real flakes, with the same inputs, with those of C++ Nix.

usage: real_flakes.py SNAPSHOTS --reference NIX [--ours NIX] [--work FOLDER] [--most N] [--page FILE] [FLAKE…]
  SNAPSHOTS    a folder with a git directory or checkout of each repository of `FLAKES` and `nixpkgs`, as OWNER+NAME or OWNER+NAME/repo
  NIX          the `nix` command of C++ Nix 2.34, and ours
  --work       where the copies go (and stay)         --page   write the table there, as Markdown

Each repository is copied into a git repository of its own, with a stand-in for files that the snapshot lacks, and made an input of the others by
`--override-input`; what is not there is an empty flake.  Every package, check, shell and formatter for x86_64-linux is evaluated to its `drvPath`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NIXPKGS = "neg-serg/nixpkgs-slim"
# From a flake to its inputs; inputs of inputs have a slash, and "" is an empty flake.
FLAKES: dict[str, dict[str, str]] = {
    "hercules-ci/flake-parts": {"nixpkgs-lib": "nix-community/nixpkgs.lib"},
    "ipetkov/crane": {},
    "nix-community/naersk": {"nixpkgs": NIXPKGS, "fenix": ""},
    "nix-community/disko": {"nixpkgs": NIXPKGS},
    "nix-community/home-manager": {"nixpkgs": NIXPKGS},
    "ryantm/agenix": {"nixpkgs": NIXPKGS, "darwin": "", "home-manager": "nix-community/home-manager", "systems": "nix-systems/default"},
    "serokell/deploy-rs": {"nixpkgs": NIXPKGS, "utils": "numtide/flake-utils", "utils/systems": "nix-systems/default", "flake-compat": ""},
    "numtide/devshell": {"nixpkgs": NIXPKGS},
    "numtide/treefmt-nix": {"nixpkgs": NIXPKGS},
    "cachix/git-hooks.nix": {"nixpkgs": NIXPKGS, "flake-compat": "", "gitignore": ""},
    "oxalica/rust-overlay": {"nixpkgs": NIXPKGS},
    "numtide/flake-utils": {"systems": "nix-systems/default"},
    "nix-systems/default": {},
    "nix-community/nixpkgs.lib": {},
    "kanwren/nix-parsec": {},
    "numtide/nix-filter": {},
    "nix-community/haumea": {"nixpkgs": "nix-community/nixpkgs.lib"},
    "chessai/nix-std": {},
    "hercules-ci/gitignore.nix": {"nixpkgs": NIXPKGS},
    "gytis-ivaskevicius/flake-utils-plus": {"flake-utils": "numtide/flake-utils", "flake-utils/systems": "nix-systems/default"},
    "nix-community/gomod2nix": {"nixpkgs": NIXPKGS, "flake-utils": "numtide/flake-utils", "flake-utils/systems": "nix-systems/default"},
    "Mic92/sops-nix": {"nixpkgs": NIXPKGS},
    "nix-community/nixos-generators": {"nixpkgs": NIXPKGS, "nixlib": "nix-community/nixpkgs.lib"},
    "astro/deadnix": {"nixpkgs": NIXPKGS, "utils": "numtide/flake-utils", "utils/systems": "nix-systems/default"},
    "nix-community/comma": {
        "nixpkgs": NIXPKGS, "naersk": "nix-community/naersk", "naersk/fenix": "", "utils": "numtide/flake-utils",
        "utils/systems": "nix-systems/default", "flake-compat": "",
    },
    "nix-community/fenix": {"nixpkgs": NIXPKGS, "rust-analyzer-src": ""},
    "kamadorueda/alejandra": {"nixpkgs": NIXPKGS, "fenix": "nix-community/fenix", "fenix/rust-analyzer-src": "", "flakeCompat": ""},
    "numtide/blueprint": {"nixpkgs": NIXPKGS, "systems": "nix-systems/default"},
    "Mic92/nix-fast-build": {"nixpkgs": NIXPKGS, "flake-parts": "hercules-ci/flake-parts", "treefmt-nix": "numtide/treefmt-nix"},
    "Mic92/nixpkgs-review": {"nixpkgs": NIXPKGS, "flake-parts": "hercules-ci/flake-parts", "treefmt-nix": "numtide/treefmt-nix"},
    "nix-community/nix-eval-jobs": {
        "nixpkgs": NIXPKGS, "nix": "NixOS/nix", "flake-parts": "hercules-ci/flake-parts", "treefmt-nix": "numtide/treefmt-nix",
    },
}  # fmt: skip
# Flakes that use others as people do: their inputs, and the text of `outputs`.
CONSUMERS: dict[str, tuple[dict[str, str], str]] = {
    "uses flake-utils": (
        {"utils": "numtide/flake-utils", "utils/systems": "nix-systems/default", "nixpkgs": NIXPKGS},
        """{ utils, nixpkgs, ... }: utils.lib.eachDefaultSystem (system: let pkgs = nixpkgs.legacyPackages.${system}; in {
          packages = { inherit (pkgs) hello git python3 jq; };
          devShells.default = pkgs.mkShell { packages = [ pkgs.ripgrep pkgs.go ]; };
        })""",
    ),
    "uses flake-parts": (
        {"parts": "hercules-ci/flake-parts", "parts/nixpkgs-lib": "nix-community/nixpkgs.lib", "nixpkgs": NIXPKGS},
        """inputs: inputs.parts.lib.mkFlake { inherit inputs; } { systems = [ "x86_64-linux" "aarch64-linux" ];
          perSystem = { pkgs, ... }: { packages.default = pkgs.hello; checks.curl = pkgs.curl; }; }""",
    ),
    "uses crane": (
        {"crane": "ipetkov/crane", "nixpkgs": NIXPKGS},
        """{ crane, nixpkgs, ... }: let lib = crane.mkLib nixpkgs.legacyPackages.x86_64-linux; src = lib.cleanCargoSource "${crane}/checks/simple"; in {
          packages.x86_64-linux.default = lib.buildPackage { inherit src; };
          checks.x86_64-linux.clippy = lib.cargoClippy { inherit src; cargoArtifacts = lib.buildDepsOnly { inherit src; }; };
        }""",
    ),
    "uses naersk": (
        {"naersk": "nix-community/naersk", "naersk/fenix": "", "nixpkgs": NIXPKGS},
        """{ naersk, nixpkgs, ... }: {
          packages.x86_64-linux.default = (nixpkgs.legacyPackages.x86_64-linux.callPackage naersk { }).buildPackage { src = "${naersk}/test/fast/simple-dep"; };
        }""",
    ),
    "uses home-manager": (
        {"home-manager": "nix-community/home-manager", "nixpkgs": NIXPKGS},
        """{ home-manager, nixpkgs, ... }: {
          packages.x86_64-linux.default = (home-manager.lib.homeManagerConfiguration {
            pkgs = nixpkgs.legacyPackages.x86_64-linux;
            modules = [ {
              home = { username = "u"; homeDirectory = "/home/u"; stateVersion = "26.05"; };
              programs = { git.enable = true; bash.enable = true; tmux.enable = true; vim.enable = true; };
            } ];
          }).activationPackage;
        }""",
    ),
    "uses agenix and disko": (
        {
            "agenix": "ryantm/agenix", "agenix/darwin": "", "agenix/home-manager": "nix-community/home-manager",
            "agenix/systems": "nix-systems/default", "disko": "nix-community/disko", "nixpkgs": NIXPKGS,
        },
        """{ agenix, disko, nixpkgs, ... }: {
          packages.x86_64-linux.default = (nixpkgs.lib.nixosSystem {
            system = "x86_64-linux";
            modules = [ agenix.nixosModules.default disko.nixosModules.disko {
              boot.loader.grub.enable = true;
              disko.devices.disk.main = { device = "/dev/sda"; type = "disk"; content = { type = "gpt"; partitions = {
                boot = { size = "1M"; type = "EF02"; };
                root = { size = "100%"; content = { type = "filesystem"; format = "ext4"; mountpoint = "/"; }; };
              }; }; };
              age.secrets.x.file = ./flake.nix;
              age.identityPaths = [ "/k" ];
              system.stateVersion = "26.05";
            } ];
          }).config.system.build.toplevel;
        }""",
    ),
    "uses rust-overlay": (
        {"rust": "oxalica/rust-overlay", "nixpkgs": NIXPKGS},
        """{ rust, nixpkgs, ... }: let pkgs = import nixpkgs { system = "x86_64-linux"; overlays = [ rust.overlays.default ]; }; in {
          packages.x86_64-linux = { stable = pkgs.rust-bin.stable.latest.default; old = pkgs.rust-bin.stable."1.70.0".minimal; };
        }""",
    ),
    "uses devshell and treefmt": (
        {"devshell": "numtide/devshell", "treefmt": "numtide/treefmt-nix", "hooks": "cachix/git-hooks.nix", "hooks/gitignore": "",
         "hooks/flake-compat": "", "nixpkgs": NIXPKGS},
        """{ devshell, treefmt, hooks, nixpkgs, ... }: let pkgs = nixpkgs.legacyPackages.x86_64-linux; in {
          devShells.x86_64-linux.default = (import devshell { nixpkgs = pkgs; system = "x86_64-linux"; }).mkShell { packages = [ pkgs.hello ]; };
          formatter.x86_64-linux = (treefmt.lib.evalModule pkgs { programs.nixfmt.enable = true; programs.ruff-format.enable = true; }).config.build.wrapper;
          checks.x86_64-linux.hooks = hooks.lib.x86_64-linux.run { src = ./.; hooks.nixfmt-rfc-style.enable = true; };
        }""",
    ),
}  # fmt: skip
KINDS = ("packages", "checks", "devShells", "formatter")
SYSTEM = "x86_64-linux"
_DATE = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
_STAND_INS = {".json": b"{}", ".nix": b"{ ... }: self: { }\n"}
_NAMES = "x: builtins.attrNames x"
_WHAT = "v: { names = builtins.attrNames v; path = if v ? drvPath then v.drvPath else null; }"


def git(folder: Path, *words: str, data: bytes | None = None) -> bytes:
    who = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false"]
    return subprocess.run(["git", *who, *words], cwd=folder, input=data, check=True, stdout=subprocess.PIPE, env=os.environ | _DATE).stdout


def source_of(snapshots: Path, name: str) -> Path | None:
    for folder in (snapshots / name.replace("/", "+"), snapshots / name.replace("/", "+") / "repo"):
        if (folder / "HEAD").exists() or (folder / ".git").exists():
            return folder
    return None


def consumer(name: str, work: Path) -> tuple[Path, str]:
    """Makes a git repository for one of `CONSUMERS`; returns it and its commit, as `copy`."""
    inputs, outputs = CONSUMERS[name]
    target = work / name.replace(" ", "-")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    places = {path: path.replace("/", ".inputs.") for path in inputs}
    lines = [f'inputs.{place}.url = "git+file:///nonexistent";' for place in places.values()]
    lines += [f'inputs.{place}.inputs.nixpkgs.follows = "nixpkgs";' for path, place in places.items() if "nixpkgs" in FLAKES.get(inputs[path], {})]
    (target / "flake.nix").write_text("{\n  " + "\n  ".join(lines) + f"\n  outputs = {outputs};\n}}\n")
    git(target, "init", "-q", "-b", "main")
    git(target, "add", ".")
    git(target, "commit", "-q", "-m", name)
    return target, git(target, "rev-parse", "HEAD").decode().strip()


def copy(snapshots: Path, name: str, work: Path) -> tuple[Path, str] | None:
    """Makes a git repository with the files of a snapshot; returns it and its commit."""
    target = work / (name.replace("/", "+") or "empty")
    if not (target / ".git").exists():
        if target.exists():
            shutil.rmtree(target)
        target.mkdir(parents=True)
        if name:
            source = source_of(snapshots, name)
            if source is None:
                target.rmdir()
                return None
            _unpack(source, target)
        else:
            (target / "flake.nix").write_text("{ outputs = _: { }; }\n")
            (target / "default.nix").write_text("_: { }\n")
        git(target, "init", "-q", "-b", "main")
        git(target, "add", "-f", ".")
        git(target, "commit", "-q", "-m", name or "empty")
    return target, git(target, "rev-parse", "HEAD").decode().strip()


def _unpack(source: Path, target: Path) -> None:
    """Writes the files of a commit, with a stand-in for each that the snapshot lacks."""
    rows = [row.split(None, 3) for row in git(source, "ls-tree", "-r", "-z", "HEAD").decode("utf-8", "surrogateescape").split("\0") if row]
    answers = git(source, "cat-file", "--batch-check", data="\n".join(row[2] for row in rows).encode()).decode().splitlines()
    missing = [row[3] for row, answer in zip(rows, answers, strict=True) if answer.endswith("missing") and row[1] == "blob"]
    with tempfile.TemporaryFile() as archive:
        command = ["git", "archive", "HEAD", "--", ".", *(f":(exclude,literal){path}" for path in missing)]
        subprocess.run(command, cwd=source, stdout=archive, stderr=subprocess.DEVNULL, check=not missing)
        archive.seek(0)
        subprocess.run(["tar", "-x", "-C", target], stdin=archive, check=True)
    for path in missing:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(_STAND_INS.get(os.path.splitext(path)[1], b""))


class Nix:
    """A `nix` command with a home of its own, which writes to no store."""

    def __init__(self, command: str, home: Path) -> None:
        self.command = command
        self.seconds = 0.0
        home.mkdir(parents=True, exist_ok=True)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "NIX_CONF_DIR": "/nonexistent", "NO_COLOR": "1"}

    def ask(self, reference: str, apply: str, options: list[str]) -> tuple[object, str]:
        """(value, or None; the last error)."""
        words = [self.command, "--extra-experimental-features", "nix-command flakes", "--offline", "--no-eval-cache", "eval", "--read-only",
                 "--json", "--no-write-lock-file", reference, "--apply", apply, *options]    # fmt: skip
        start = time.monotonic()
        done = subprocess.run(words, capture_output=True, text=True, env=self.environment, timeout=600)
        self.seconds += time.monotonic() - start
        if done.returncode == 0:
            return json.loads(done.stdout), ""
        errors = [line.strip() for line in done.stderr.splitlines() if "error:" in line]
        error = errors[-1] if errors else done.stderr.strip()[-200:]
        return None, error.partition("unable to download")[0] + "unable to download" if "unable to download" in error else error


def attributes(nix: Nix, reference: str, options: list[str], most: int) -> list[str]:
    """The attributes of a flake that are evaluated."""
    found = []
    outputs, error = nix.ask(f"{reference}#.", _NAMES, options)
    if outputs is None:
        raise SystemExit(f"{reference}: {error}")
    assert isinstance(outputs, list)
    for kind in KINDS:
        if kind not in outputs:
            continue
        if kind == "formatter":
            found.append(f"{kind}.{SYSTEM}")
            continue
        names, _ = nix.ask(f"{reference}#{kind}.{SYSTEM}", _NAMES, options)
        found += [f'{kind}.{SYSTEM}."{name}"' for name in (names or [])[:most]]      # type: ignore[index]
    return found or [f"{name}" for name in outputs if name not in ("self", "inputs")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("snapshots", type=Path)
    parser.add_argument("flakes", nargs="*")
    parser.add_argument("--reference", required=True)
    parser.add_argument("--ours", default=str(Path(sys.executable).with_name("snowsnake-nix")))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--most", type=int, default=60, help="attributes of one kind")
    parser.add_argument("--page", type=Path)
    given = parser.parse_intermixed_args()
    work = (given.work or Path(tempfile.mkdtemp(prefix="real-flakes-"))).resolve()
    theirs, ours = Nix(given.reference, work / "home-theirs"), Nix(given.ours, work / "home-ours")
    rows: list[tuple[str, int, int, int, int]] = []
    differences = 0
    for name, inputs in {**FLAKES, **{name: inputs for name, (inputs, _) in CONSUMERS.items()}}.items():
        if given.flakes and name not in given.flakes:
            continue
        copied = consumer(name, work) if name in CONSUMERS else copy(given.snapshots, name, work)
        options, lacks = [], []
        for path, repository in inputs.items():
            input = copy(given.snapshots, repository, work)
            if input is None:
                lacks.append(repository)
            else:
                options += ["--override-input", path, f"git+file://{input[0]}?rev={input[1]}"]
        if copied is None or lacks:
            print(f"{name}: not there: {', '.join(lacks or [name])}")
            continue
        reference = f"git+file://{copied[0]}?rev={copied[1]}"
        asked = same = failed = derivations = 0
        before = theirs.seconds, ours.seconds
        for attribute in attributes(theirs, reference, options, given.most):
            answers = [nix.ask(f"{reference}#{attribute}", _WHAT if "." in attribute else "v: builtins.typeOf v", options) for nix in (theirs, ours)]
            asked += 1
            failed += answers[0][0] is None
            if answers[0] == answers[1]:
                same += 1
                derivations += isinstance(answers[0][0], dict) and answers[0][0]["path"] is not None
            else:
                differences += 1
                print(f"{name}#{attribute}\n  theirs {str(answers[0])[:400]}\n  ours   {str(answers[1])[:400]}")
        rows.append((name, asked, derivations, same, failed))
        took = f"{theirs.seconds - before[0]:.1f} s beside {ours.seconds - before[1]:.1f} s"
        print(f"{name:28} {asked:3} attributes, {derivations:3} the same drvPath, {same:3} the same, {failed:3} errors, {took}", flush=True)
    if given.page:
        given.page.write_text(page(rows))
    return 1 if differences else 0


def page(rows: list[tuple[str, int, int, int, int]]) -> str:
    lines = ["| flake | attributes | same `drvPath` | the same, whatever it is | errors |", "|--|--|--|--|--|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in [*rows, ("all", *(sum(row[i] for row in rows) for i in range(1, 5)))]]      # type: ignore[misc]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
