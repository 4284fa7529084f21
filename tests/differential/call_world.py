"""The folder in which recorded calls of Nix's commands run, and the parts of their answers that are compared."""

import re
import shlex
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    "NIX_PATH": "",
    "NIX_STORE_DIR": "/nix/store",
    "NIX_STATE_DIR": "/nonexistent",
    "NIX_CONF_DIR": "/nonexistent",
    "NIX_CONFIG": "extra-experimental-features = nix-command flakes\nsystem = x86_64-linux\nflake-registry =\n",
    "NO_COLOR": "1",
    "EDITOR": "echo",
}


def environment_of(folder: str) -> dict[str, str]:
    """The variables of a call that keeps everything in this folder."""
    return ENVIRONMENT | {"XDG_CACHE_HOME": f"{folder}/cache", "HOME": folder, "NIX_REMOTE": f"local?root={folder}/root"}


# Nix's programs, and our module.
PROGRAMS = {
    "nix": "nix.main", "nix-env": "old.env", "nix-build": "old.build", "nix-store": "old.store", "nix-hash": "old.hash", "nix-prefetch-url": "old.prefetch_url",
}  # fmt: skip
_MAKE = '{ name, more ? { } }: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; outputs = [ "out" "dev" ]; } // more\n'
FILES = {
    "make.nix": _MAKE,
    "packages.nix": """{ x ? 1 }:
let
  make = name: more: import ./make.nix {
    inherit name;
    more = {
      meta = {
        description = "The ${name}";
        n = x; f = 1.5; b = true; l = [ "a" "b" 1 ]; s = { a = "x"; q = 2; };
        bad = x: x; nothing = null; deep.list = [ { a = 1.0; text = "<\\"&\\n"; } ];
        empty = { }; none = [ ];
      };
    } // more;
  };
in
{
  hello = make "hello-1.2" { };
  hello-new = make "hello-1.10" { };
  Zed = make "Zed-2" { };
  zed = make "zed-1" { };
  several-words = make "several-words-1.0pre" { };
  thrown = throw "no";
  asserted = assert false; 1;
  late = make "late-1" { outPath = throw "late"; };
  plain = derivation { name = "plain"; system = "other"; builder = "b"; };
  set = {
    recurseForDerivations = true;
    inner = make "inner-3" { meta = throw "meta"; };
    more = { recurseForDerivations = false; hidden = make "hidden-1" { }; };
  };
  closed.hidden = make "hidden-1" { };
  "odd name" = make "odd" { };
  number = 1;
  again = make "inner-3" { };
  function = { y ? 2 }: make "function-${toString y}" { };
}
""",
    # Two orders of names, some of them equal, for which libstdc++'s sort becomes a heap sort.
    "runs.nix": """let
  modulo = a: b: a - b * (a / b);
  make = number: derivation { name = "p-${builtins.substring 1 3 (toString (1000 + number))}"; system = "s"; builder = "b"; };
in {
  runs = builtins.genList (i: make (modulo i 97)) 100;
  organ = builtins.genList (i: make (modulo (if i < 100 then i else 200 - i) 128)) 200;
}
""",
    # One package for each fact that is missing.
    "halfway.nix": r"""let
  fails = what: throw what;
  make = name: more: derivation { inherit name; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; } // { meta.a = name; } // more;
in {
  a-name = make "a" { name = fails "name"; };
  b-system = make "b" { system = fails "system"; };
  c-output-name = make "c" { outputName = fails "outputName"; };
  d-outputs = make "d" { outputs = fails "outputs"; };
  e-output = make "e" { outputs = [ "out" (fails "output") ]; };
  f-out-path = make "f" { out = { outPath = fails "outPath"; }; };
  g-dev = make "g" { dev = fails "dev"; };
  h-drv-path = make "h" { drvPath = fails "drvPath"; };
  i-meta = make "i" { meta = fails "meta"; };
  j-part = make "j" { meta = { a = 1; b = fails "part"; c = 3; }; };
  k-deep = make "k" { meta = { a.x = [ 1 (fails "deep") ]; b = 2; }; };
  l-no-type = { name = "l"; type = fails "type"; };
  n-other-outputs = make "n" { outputs = [ "none" "out" "out" ]; };
  o-invalid = make "o" { meta = { f = x: x; n = null; p = ./value.nix; drv = make "z" { }; list = [ 1 [ null ] ]; set.a.b = x: x; ok = { }; }; };
  p-texts = make "p" { meta = { a = "quote \" back \\ tab \t bell é ☃"; "odd \" name" = -0.5; big = 1.0e300; i = -5; t = true; list = [ [ ] { } [ { } ] ]; }; };
  q-no-parts = make "q" { meta = { }; };
  r-context = make "r" { meta.a = "${make "s" { }}"; };
}
""",
    "bare.nix": '{ m-bare = { type = "derivation"; name = "m-1"; }; }\n',
    "broken.nix": '{ a = derivation { name = "a-1"; system = "s"; builder = "b"; }; b = abort "stop"; }\n',
    "noname.nix": '{ a = { type = "derivation"; }; }\n',
    "list.nix": '[ (import ./make.nix { name = "one-1"; }) [ (import ./make.nix { name = "two-2"; }) ] ]\n',
    "folder/a.nix": '{ x = import ../make.nix { name = "a-1"; }; }\n',
    "folder/b/default.nix": '{ y = import ../../make.nix { name = "b-1"; }; }\n',
    "folder/c/d.nix": 'import ../../make.nix { name = "d-1"; }\n',
    "value.nix": '{ a = 1; b = { c = "d"; }; list = [ 1 2 ]; f = x: x; path = ./value.nix; text = "two\\nlines"; }\n',
    "imports/flake.nix": """{
  outputs = { self }:
    let built = derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo 1 > $out" ]; };
    in {
      packages.x86_64-linux.default = builtins.seq (import built) built;
      packages.x86_64-linux.plain = built;
      hydraJobs.job = builtins.seq (import built) built;
    };
}
""",
    "odd/flake.nix": """{
  outputs = { self }:
    let make = derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; outputs = [ "out" "dev" ]; };
    in {
      templates = { number = 1; path.path = 1; none = { }; };
      hydraJobs.number = 1;
      overlays = { a = final /* a comment */ : prev: { }; b = _: _: { }; };
      outputs = {
        specified = make // { outputSpecified = true; outputName = "dev"; };
        specified-none = make // { outputSpecified = true; outputName = 1; };
        not-specified = make // { outputSpecified = false; meta.outputsToInstall = [ "dev" ]; };
        specified-odd = make // { outputSpecified = 1; };
        installed = make // { meta.outputsToInstall = [ "dev" ]; };
        installed-none = make // { meta.outputsToInstall = [ ]; };
        installed-odd = make // { meta.outputsToInstall = [ 1 ]; };
        installed-number = make // { meta.outputsToInstall = 1; };
        meta = make // { meta = 1; };
        no-path = removeAttrs make [ "drvPath" ];
        path = make // { drvPath = 1; };
        no-name = removeAttrs make [ "name" "outputName" ];
      };
    };
}
""",
    "arguments.nix": '{ x, y ? "default" }: { inherit x y; }\n',
    "flake/flake.nix": """{
  description = "A flake";
  outputs = { self }:
    let make = name: more: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more;
    in {
      packages.x86_64-linux = {
        default = make "first-1.0" { meta.description = "The first one"; };
        second = make "second-2.5" { meta.description = "The SECOND first of all"; version = "2.5"; };
      };
      legacyPackages.x86_64-linux = {
        old = make "old-0.1" { };
        group = { recurseForDerivations = true; inner = make "inner-7" { meta.description = "inside"; }; };
        closed.hidden = make "hidden-1" { };
        failing = throw "this fails";
        "with.dot" = make "dot-1" { };
      };
      packages.other.foreign = make "foreign-1" { };
      text = "hello";
      nested."a.b".c = [ 1 { x = 2; } ];
      function = x: x + 1;
      broken = 1 + "a";
    };
}
""",
    "user/flake.nix": '{ inputs.flake.url = "path:../flake"; inputs.a.url = "path:/nonexistent"; outputs = _: { }; }\n',
}


def make_world(folder: Path) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read_calls(path: Path) -> list[dict[str, Any]]:
    """The words of each line, the program first; what is on standard input follows ` <<< `."""
    calls = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            words, _, given = line.partition(" <<< ")
            calls.append({"words": shlex.split(words), "stdin": given})
    return calls


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Calls with the number of the word that is to be completed in front."""
    questions = read_calls(path)
    for question in questions:
        question["word"] = question["words"].pop(0)
    return questions


def texts(out: bytes) -> list[str]:
    """The kind of an answer about completions, and its texts without descriptions."""
    kind, *lines = out.decode().splitlines() or [""]
    return [kind, *(line.partition("\t")[0] for line in lines)]


def answer(code: int, out: bytes, err: bytes, folder: str) -> dict[str, object]:
    """Exit code, standard output, the last line of standard error that names an error; the folder reads as /pwd."""
    lines = [line.strip() for line in err.decode("utf-8", "replace").replace(folder, "/pwd").splitlines()]
    errors = [line for line in lines if re.match(r"error: .", line)]
    return {"code": code, "out": out.decode("utf-8", "replace").replace(folder, "/pwd"), "error": errors[-1] if errors else ""}
