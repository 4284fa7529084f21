"""Single operations on long lists, large texts and files, and sources that are deep: CPU and peak memory beside C++ Nix, in turns.

usage: single.py REFERENCE [OURS] [--only concatLists,deep-sets] [--rounds 5]
  REFERENCE, OURS    `nix-instantiate` commands

The least CPU time of the rounds counts, and the median of the peaks.  No compiled files are used.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from measure import Meter

COUNT = 2_000_000
LEVELS = 100_000
FILES = 100_000
CALLS = 300_000
# This text has 64 MB.
_TEXT = '(let f = n: if n == 0 then "0123456789abcdef" else let x = f (n - 1); in x + x; in f 22)'



def _repeated(size: str, count: int = CALLS) -> str:
    """The sum of *size*, an expression of `i`, for *count* values of `i`."""
    return f"builtins.foldl' (n: i: n + ({size})) 0 (builtins.genList (i: i) {count})"


EXPRESSIONS = {
    "concatLists": f"builtins.length (builtins.concatLists (builtins.genList (i: [ i i ]) {COUNT}))",
    "concatLists-of-map": f"builtins.length (builtins.concatLists (map (i: [ i i ]) (builtins.genList (i: i) {COUNT})))",
    "concatLists-bound": f"let l = builtins.genList (i: [ i i ]) {COUNT}; in builtins.length (builtins.concatLists l)",
    "concatLists-long": "let l = builtins.genList (i: i) 200000; in builtins.length (builtins.concatLists (builtins.genList (i: l) 50))",
    "concatMap-pairs": f"builtins.length (builtins.concatMap (i: [ i (i + 1) ]) (builtins.genList (i: i) {COUNT}))",
    "concatMap-single": f"builtins.length (builtins.concatMap (i: [ i ]) (builtins.genList (i: i) {COUNT}))",
    "concatStringsSep-toString": f'builtins.stringLength (builtins.concatStringsSep "," (map toString (builtins.genList (i: i) {COUNT // 2})))',
    "readFile-small": 'builtins.foldl\' (n: i: n + builtins.stringLength (builtins.readFile (@files@ + "/f${toString i}"))) 0 (builtins.genList (i: i) '
    + f"{FILES})",
    **{f"{kind}-of-file": f'builtins.hashString "{kind}" (builtins.readFile @large@)' for kind in ("md5", "sha1", "sha256", "sha512")},
    **{f"{kind}-of-text": f'builtins.hashString "{kind}" {_TEXT}' for kind in ("md5", "sha1", "sha256", "sha512")},
    **{
        f"{kind}-of-short": _repeated(f'builtins.stringLength (builtins.hashString "{kind}" (toString i))')
        for kind in ("md5", "sha1", "sha256", "sha512")
    },
    "sum-of-texts": "builtins.stringLength (builtins.foldl' (a: i: a + \"line ${toString i} of a long text, of fifty bytes\") \"\" (builtins.genList (i: i) 16000))",
    "sum-of-paths": "builtins.stringLength (builtins.foldl' (a: i: a + \"${derivation { name = \"x${toString i}\"; builder = \"/b\"; system = \"s\"; }}\") "
    '"" (builtins.genList (i: i) 4000))',
    "lists-less": f"(map (i: [ i 1 ]) (builtins.genList (i: i) {COUNT // 2})) < (map (i: [ i 1 ]) (builtins.genList (i: i) {COUNT // 2}))",
    "lists-equal": f"(map (i: [ i 1 ]) (builtins.genList (i: i) {COUNT // 2})) == (map (i: [ i 1 ]) (builtins.genList (i: i) {COUNT // 2}))",
    "catAttrs": f"builtins.length (builtins.catAttrs \"a\" (map (i: {{ a = i; b = 1; }}) (builtins.genList (i: i) {COUNT // 2})))",
    "zipAttrsWith": f"builtins.zipAttrsWith (n: vs: builtins.length vs) (map (i: {{ a = i; b = 1; }}) (builtins.genList (i: i) {COUNT // 2}))",
    "listToAttrs-one-name": f'builtins.listToAttrs (map (i: {{ name = "x"; value = i; }}) (builtins.genList (i: i) {COUNT // 2}))',
    "toJSON-floats": f"builtins.stringLength (builtins.toJSON (map (i: i * 1.1) (builtins.genList (i: i) {COUNT // 4})))",
    "fromJSON-floats": f"builtins.length (builtins.fromJSON (builtins.toJSON (map (i: i * 1.1) (builtins.genList (i: i) {COUNT // 4}))))",
    "readFileType": _repeated('builtins.stringLength (builtins.readFileType "/tmp")'),
    "findFile": _repeated('builtins.stringLength (toString (builtins.findFile [ { prefix = "x"; path = /tmp; } ] "x"))'),
    "trace": _repeated('builtins.trace "line ${toString i}" 1', 100_000),
    "parseFlakeRef": _repeated('builtins.stringLength (builtins.parseFlakeRef "github:a/b").owner', 100_000),
    "flakeRefToString": _repeated('builtins.stringLength (builtins.flakeRefToString { type = "github"; owner = "a"; repo = "b"; })', 100_000),
}
SOURCES = {
    "deep-lists": "[" * LEVELS + "]" * LEVELS,
    "deep-sets": "{a=" * LEVELS + "1" + ";}" * LEVELS,
    "deep-parentheses": "(" * LEVELS + "1" + ")" * LEVELS,
    "undefined-of-20000": "let x = 1; in [ " + " ".join(f"(x + {i})" for i in range(6600)) + " undefined ]",
    "undefined-of-100000": "let x = 1; in [ " + " ".join(f"(x + {i})" for i in range(33_000)) + " undefined ]",
    "undefined-of-300000": "let x = 1; in [ " + " ".join(f"(x + {i})" for i in range(100_000)) + " undefined ]",
    "many-dynamic-names": 'let n = "x"; in ({ ' + " ".join(f'"${{n}}{i}" = {i};' for i in range(6000)) + " }).x7",
    "many-dynamic-paths": 'let n = "x"; in ({ ' + " ".join(f'a."${{n}}{i}".b = {i};' for i in range(6000)) + " }).a.x7.b",
    "many-dynamic-names-of-rec": 'let n = "x"; in (rec { ' + " ".join(f'a{i} = {i}; "${{n}}{i}" = a{i};' for i in range(6000)) + " }).x7",
    "many-bindings": "(rec { " + " ".join(f"a{i} = a{max(i - 1, 0)};" for i in range(1, LEVELS)) + " a0 = 1; }).a5000",
    "many-paths-of-names": "({ " + " ".join(f"a{i}.b.c = {i};" for i in range(LEVELS)) + " }).a7.b.c",
    "many-names-of-one-set": "({ " + " ".join(f"a.b{i} = {i};" for i in range(LEVELS)) + " }).a.b7",
    "many-floats": "builtins.length [ " + " ".join(f"{i}.{i}" for i in range(3 * LEVELS)) + " ]",
    "many-patterns": "builtins.length [ " + " ".join(f"({{ a, b ? {i}, ... }}@c: a)" for i in range(LEVELS)) + " ]",
}
LARGE_BYTES = 135_000_000
# A source is made of a start, a piece and an end.
LARGE_SOURCES = {
    "large-texts": ("[ ", '"text number {} of a long source of data" ', "]"),
    "large-long-texts": ("[ ", '"{} ' + "0123456789abcdef" * 60 + '" ', "]"),
    "large-sets": ("[ ", '{{ name = "n{0}"; value = {0}; }} ', "]"),
    "large-named-sets": ("{ ", 'n{0} = {{ a = {0}; b = "x{0}"; }};\n', "}"),
}


def write_large(path: Path, start: str, piece: str, end: str) -> None:
    count = 0
    with open(path, "w") as file:
        file.write(start)
        while file.tell() < LARGE_BYTES:
            file.write("".join(piece.format(i) for i in range(count, count + 10_000)))
            count += 10_000
        file.write(end)


def prepare(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """The words of each program; the files that they read are made below *folder*."""
    if "readFile-small" in names:
        (folder / "files").mkdir()
        for i in range(FILES):
            (folder / f"files/f{i}").write_text(f"hello {i}\n")
    if any(name.endswith("-of-file") for name in names):
        (folder / "large").write_text("0123456789abcde\n" * (4 << 20))
    words = {}
    for name in names:
        if name in LARGE_SOURCES:
            write_large(folder / f"{name}.nix", *LARGE_SOURCES[name])
            words[name] = [str(folder / f"{name}.nix")]
        elif name in SOURCES:
            (folder / f"{name}.nix").write_text(SOURCES[name])
            words[name] = [str(folder / f"{name}.nix")]
        else:
            words[name] = ["-E", EXPRESSIONS[name].replace("@files@", str(folder / "files")).replace("@large@", str(folder / "large"))]
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("ours", nargs="?", default=str(Path(sys.executable).with_name("snowsnake-instantiate")))
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    names = given.only.split(",") if given.only else [*EXPRESSIONS, *SOURCES, *LARGE_SOURCES]
    environment = {**os.environ, "SNOWSNAKE_NO_CACHE": "1", "NIX_CONFIG": "experimental-features = flakes nix-command"}
    with tempfile.TemporaryDirectory(prefix="single-") as name, Meter(60) as meter:
        folder = Path(name)
        print("| operation | 2.34.8: CPU s, MiB | ours | CPU, memory / 2.34.8's |\n|--|--|--|--|")
        for name, words in prepare(folder, names).items():
            found: dict[str, list[tuple[float, float]]] = {str(Path(command).absolute()): [] for command in (given.reference, given.ours)}
            for _ in range(given.rounds):
                for command, costs in found.items():
                    # Failing is part of some programs.
                    done = meter.run([command, "--eval", *words], folder, environment)
                    costs.append((done.cpu_s, done.peak_kib / 1024))
            theirs, ours = ((min(cpu for cpu, _ in costs), statistics.median(peak for _, peak in costs)) for costs in found.values())
            print(f"| {name} | {theirs[0]:.3f}, {theirs[1]:.0f} | {ours[0]:.3f}, {ours[1]:.0f} | {ours[0] / theirs[0]:.2f}, {ours[1] / theirs[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
