"""CPU and peak memory of the commands that people wait for, on a checkout of nixpkgs: ours beside those of C++ Nix, in turns, both in one run.

usage: commands.py REFERENCE TREE [OURS] [--rounds 3] [--only eval,search,show,env] [--packages FILE]      (with a Python that has Snowsnake)
  REFERENCE, OURS   folders with `nix` and `nix-env` (ours: those beside this Python, if it is not given)
  TREE              a Git checkout of nixpkgs; its flake is evaluated where it lies
  --packages FILE   what `nix-env -qa` looks at; without it, all of TREE that can be listed (listable.py), because a tree may lack parts

*first*: with nothing in the evaluation cache; *second*: the same again, with what the cache keeps then.  A run that does not count has fetched sources and
filled our cache of compiled files; `nix-env` keeps nothing, and has one row.  `nix flake show` looks at a flake of forty packages of that tree for two
systems.  Nothing is written to a store.  The median of the rounds counts, of outputs that are the same; the exit code is 1 if they are not.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = """bash bat bc cmake coreutils curl diffutils fd file findutils fish gawk gcc git gnugrep gnumake gnused go gzip hello htop jq less lua
meson neovim ninja nodejs patch perl pkg-config python3 ripgrep rsync ruby sqlite tmux tree vim zsh"""
FLAKE = """{ inputs.nixpkgs.url = "git+file://TREE"; outputs = { self, nixpkgs }: { packages = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ]
  (system: nixpkgs.lib.genAttrs (nixpkgs.lib.splitString " " "PACKAGES") (name: nixpkgs.legacyPackages.${system}.${name})); }; }
"""


def measure(words: list[str], home: Path) -> tuple[float, float, bytes]:
    """(CPU seconds, peak MB, output) of a command."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "NIX_CONF_DIR": "/nonexistent", "NIX_STATE_DIR": str(home / "state"), "LC_ALL": "C.UTF-8",
        "NIX_CONFIG": "experimental-features = nix-command flakes\nflake-registry =\nsubstituters =",
    }  # fmt: skip
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(words)}: {said.read().decode(errors='replace')[-600:]}")
        out.seek(0)
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read()


def make_flake(folder: Path, tree: str) -> None:
    folder.mkdir()
    (folder / "flake.nix").write_text(FLAKE.replace("TREE", tree).replace("PACKAGES", " ".join(PACKAGES.split())))
    who = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)


def tasks(tree: str, flake: Path, packages: str) -> dict[str, list[str]]:
    start = ["nix", "--offline"]
    return {
        "eval": [*start, "eval", "--read-only", "--raw", f"git+file://{tree}#git.name"],
        "eval drvPath": [*start, "eval", "--read-only", "--raw", f"git+file://{tree}#git.drvPath"],
        "search": [*start, "search", "--json", f"git+file://{tree}", "firefox"],
        "show": [*start, "flake", "show", "--all-systems", "--json", "--no-write-lock-file", f"git+file://{flake}"],
    } | {
        f"env {' '.join(options)}".strip(): ["nix-env", "-f", packages, "-qa", *options, "--option", "system", "x86_64-linux"]
        for options in ([], ["--json"], ["--json", "--meta"], ["--out-path"])
    }


def line(name: str, theirs: list[tuple[float, float]], ours: list[tuple[float, float]]) -> str:
    """A row of the table: medians of (CPU seconds, peak MB) of both, and their ratios."""
    cells = []
    for column, form in ((0, "{:.2f}"), (1, "{:.0f}")):
        reference, mine = (statistics.median(times[column] for times in found) for found in (theirs, ours))
        cells += [form.format(reference), form.format(mine), f"{mine / reference:.2f}"]
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("tree")
    parser.add_argument("ours", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--packages")
    given = parser.parse_args()
    tree = os.path.abspath(given.tree)
    outputs: dict[str, set[bytes]] = {}
    with tempfile.TemporaryDirectory(prefix="commands-") as name:
        work = Path(name)
        ours = given.ours or work / "ours"
        if given.ours is None:
            subprocess.run([str(Path(sys.executable).with_name("snowsnake")), "links", str(ours)], check=True, stdout=subprocess.DEVNULL)
        packages = os.path.abspath(given.packages or work / "packages")
        flake = work / "flake"
        make_flake(flake, tree)
        chosen = {what: words for what, words in tasks(tree, flake, packages).items() if not given.only or what.split()[0] in given.only.split(",")}
        if given.packages is None and any(what.startswith("env") for what in chosen):
            subprocess.run([sys.executable, Path(__file__).with_name("listable.py"), tree, packages], check=True, stdout=subprocess.DEVNULL)
        print("| | CPU s: 2.34 | ours | ratio | peak MB: 2.34 | ours | ratio |\n|--|--|--|--|--|--|--|")
        for what, words in chosen.items():
            found: dict[tuple[str, str], list[tuple[float, float]]] = {}
            rows = ("only",) if what.startswith("env") else ("first", "second")
            for number in range(given.rounds + 1):
                for who, folder in (("reference", given.reference), ("ours", ours)):
                    home = work / f"home-{who}"
                    # Both keep the evaluation cache in files of their own, which are all that is removed.
                    shutil.rmtree(home / ".cache/nix/eval-cache-v6", ignore_errors=True)
                    shutil.rmtree(home / ".cache/snowsnake/evaluations", ignore_errors=True)
                    for row in rows:
                        cpu, memory, output = measure([str(folder / words[0]), *words[1:]], home)
                        outputs.setdefault(what, set()).add(output)
                        # The first round warms.
                        if number:
                            found.setdefault((row, who), []).append((cpu, memory))
            for row in rows:
                print(line(what if row == "only" else f"{what}, {row}", found[row, "reference"], found[row, "ours"]), flush=True)
    different = [what for what, texts in outputs.items() if len(texts) > 1]
    for what in different:
        print(f"the outputs of {what} differ", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
