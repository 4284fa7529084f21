"""Decoding beside JSON: 10 000 packages' metadata and 4 000 options, into msgspec structs and dataclasses.

usage: python benchmarks/decoding.py [REPEATS [NIX]]        prints CPU seconds (the least of the repeats, taken in turns) and their ratios;
       NIX: the command `nix`, whose `eval --json` in a process, decoded by msgspec, is compared, too
"""

import dataclasses
import resource
import subprocess
import sys
import time

import msgspec

import snowsnake

PACKAGES = """builtins.genList (i: rec {
  pname = "package-${toString i}"; version = "1.${toString (i / 7)}"; name = "${pname}-${version}"; broken = throw "not looked at";
  meta = { description = "Does ${pname}"; homepage = "https://example.org/${pname}"; license = { spdxId = "MIT"; free = true; };
    maintainers = [ { name = "A"; github = "a"; } { name = "B"; github = "b"; } ]; platforms = [ "x86_64-linux" "aarch64-linux" ];
    priority = 5; position = "/srv/pkgs/${pname}/default.nix:${toString i}"; }; }) 10000"""
OPTIONS = """builtins.listToAttrs (builtins.genList (i: { name = "services.s${toString (i / 20)}.option${toString i}"; value = {
  declarations = [ "nixos/modules/services/s${toString i}.nix" ]; description = "Whether ${toString i} is used, and how."; readOnly = false;
  loc = [ "services" "s${toString (i / 20)}" "option${toString i}" ]; type = "null or string"; default = { _type = "literalExpression"; text = "null"; };
  example = null; }; }) 4000)"""


class License(msgspec.Struct):
    spdxId: str
    free: bool


class Maintainer(msgspec.Struct):
    name: str
    github: str | None = None


class Meta(msgspec.Struct):
    description: str
    homepage: str
    license: License
    maintainers: list[Maintainer]
    platforms: list[str]
    priority: int = 5
    position: str | None = None


class Package(msgspec.Struct):
    pname: str
    version: str
    meta: Meta


@dataclasses.dataclass
class Text:
    _type: str
    text: str


@dataclasses.dataclass
class Option:
    declarations: list[str]
    description: str
    readOnly: bool
    loc: list[str]
    type: str
    default: Text | None = None
    example: Text | None = None


def clear(value: snowsnake.Value, nix: snowsnake.Evaluator) -> snowsnake.Value:
    """The value without the attributes that throw, which JSON would look at."""
    return nix.evaluate('map (p: removeAttrs p [ "broken" ])')(value)


def measured(repeats: int, source: str, target: object, is_packages: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    for _ in range(repeats):
        for name in ("decode", "json", "decode evaluated", "json evaluated"):
            nix = snowsnake.Evaluator(pure=True)
            value = nix.evaluate(source)
            if name.startswith("json") and is_packages:
                value = clear(value, nix)
            if name.endswith("evaluated"):
                value.decode(target)
            start = time.process_time()
            if name.startswith("decode"):
                value.decode(target)
            else:
                msgspec.json.decode(value.to_json().encode(), type=target)
            found[name] = min(found.get(name, 1e9), time.process_time() - start)
    return found


def beside_a_process(repeats: int, nix: str, source: str, target: object, is_packages: bool) -> tuple[float, float]:
    """CPU seconds of an evaluator of its own with decoding, and of `nix eval --json` with msgspec: both begin with the text."""
    ours = theirs = 1e9
    told = f'map (p: removeAttrs p [ "broken" ]) ({source})' if is_packages else source
    for _ in range(repeats):
        start = time.process_time()
        found = snowsnake.Evaluator(pure=True).evaluate(source).decode(target)
        ours = min(ours, time.process_time() - start)
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
        done = subprocess.run([nix, "--extra-experimental-features", "nix-command", "eval", "--json", "--expr", told], capture_output=True, check=True)
        assert msgspec.json.decode(done.stdout, type=target) == found
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        theirs = min(theirs, time.process_time() - start + after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return ours, theirs


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for title, source, target in (("10000 packages", PACKAGES, list[Package]), ("4000 options", OPTIONS, dict[str, Option])):
        found = measured(repeats, source, target, title.endswith("packages"))
        for suffix, what in (("", "evaluated on the way"), (" evaluated", "evaluated before")):
            ours, theirs = found["decode" + suffix], found["json" + suffix]
            print(f"{title}, {what}: decode {ours:.4f} s, to_json + msgspec {theirs:.4f} s, ratio {ours / theirs:.2f}")
        if len(sys.argv) > 2:
            ours, theirs = beside_a_process(repeats, sys.argv[2], source, target, title.endswith("packages"))
            print(f"{title}, from the text: decode {ours:.4f} s, nix eval --json + msgspec {theirs:.4f} s, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
