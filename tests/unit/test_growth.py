"""Commands on stores, and sources: four times as many objects take about four times as long, and no depth is too large.

On a chain of derivations, a loop that walks everything that each object refers to takes time that grows with the square.
"""

import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

import snowsnake
from snowsnake.build.sandbox import why_no_sandbox
from snowsnake.store.local import LocalStore
from snowsnake.store.nar import pack

_SMALL, _LARGE = 200, 800
_CHAIN = """{ n, builder ? "/bin/sh" }:
let
  all = builtins.genList (i: derivation {
    name = "d${toString i}"; system = "x86_64-linux"; inherit builder;
    prev = if i == 0 then "" else builtins.elemAt all (i - 1);
  }) n;
in builtins.foldl' (done: drv: builtins.seq drv.drvPath drv) null all
"""
_COMMANDS = {
    "copy": "snowsnake-nix copy --no-check-sigs --from STORE --to {new} DRV",
    "copy to a cache": "snowsnake-nix copy --no-check-sigs --from STORE --to file://{new} DRV",
    "closure sizes": "snowsnake-nix path-info --recursive --closure-size --store STORE DRV",
    "register": "sh -c 'cp -a STORE {new} && rm -r {new}/nix/var/nix/db && snowsnake-store --store STORE --dump-db | snowsnake-store --store {new} --load-db'",
    "verify": "snowsnake-store --store STORE --verify --check-contents",
    "collect garbage": "sh -c 'cp -a STORE {new} && snowsnake-store --store {new} --gc'",
    "import": "sh -c 'snowsnake-store --store STORE --export $(snowsnake-store --store STORE -qR DRV) | snowsnake-store --store {new} --import'",
    "sign": "sh -c 'cp -a STORE {new} && snowsnake-nix key generate-secret --key-name a > {new}/key && snowsnake-nix store sign -r -k {new}/key --store {new} DRV'",
    "tree": "snowsnake-store --store STORE --query --tree DRV",
    "plan": "snowsnake-store --store STORE --realise --dry-run DRV",
}  # fmt: skip

# Sources by what there is much of.  What is between << and >> is repeated, each time with its number for @.
_SOURCES = {
    "bindings": "({ <<a@ = @;>> }).a7",
    "quoted names": '({ <<"a @" = @;>> })."a 7"',
    "rec bindings": "(rec { <<a@ = b;>> b = 3; }).a7",
    "let bindings": "let <<a@ = @;>> in a7",
    "let bindings that use another": "let <<a@ = z + @;>> z = 1; in [ <<a@>> ]",
    "let bindings that use all": "let <<a@ = [ all ];>> all = [ <<a@>> ]; in builtins.length all",
    "names of set patterns": "({ <<a@ ? @,>> z ? 1 }: a7) { }",
    "defaults that use parameters": "({ z ? 1, <<a@ ? z,>> y ? 1 }: a7) { }",
    "parameters": "((<<x@:>> x0) <<1>>)",
    "inherit": "let <<a@ = @;>> in ({ inherit <<a@>>; }).a7",
    "inherit of rec": "let <<a@ = @;>> in (rec { <<inherit a@;>> }).a7",
    "inherit through with": "with { <<a@ = @;>> }; (rec { inherit <<a@>>; }).a7",
    "inherit from one": "let s = { <<a@ = @;>> }; in ({ inherit (s) <<a@>>; }).a7",
    "inherit from many": "let s = x: { <<a@ = @;>> }; in (rec { <<inherit (s @) a@;>> }).a7",
    "inherit of let from many": "let s = x: { <<a@ = @;>> }; in let <<inherit (s @) a@;>> in a7",
    "with around with": "<<with { a@ = @; };>> a0",
    "names through with": "with { <<a@ = @;>> }; [ <<a@>> ]",
    "let inside let": "let z = 1; in <<let a@ = z; in>> a0",
    "let inside a value": "<<let a = >> 1 <<; in a>>",
    "functions inside functions": "builtins.isFunction (<<x@: let y@ = x@; in>> y0)",
    "numbers": "[ <<@>> ]",
    "texts": '[ <<"a@">> ]',
    "lists": "[ <<[ @ ]>> ]",
    "sets": "[ <<{ a@ = 1; }>> ]",
    "functions": "[ <<(x: x + @)>> ]",
    "calls": "let f = { a, b ? a }: b; in [ <<(f { a = @; })>> ]",
    "conditions": "let x = 3; in [ <<(if x == @ then 1 else 2)>> ]",
    "pieces of a text": 'let <<a@ = "x@";>> in builtins.stringLength "<<${a@}>>"',
    "pieces of an indented text": "let x = \"a\"; in builtins.stringLength ''\n<<  line ${x}\n>>''",
    "texts in texts": '<<"${>> "x" <<}">>',
    "sums": "let x = 1; in 1 <<+ x>>",
    "sums of texts": 'let x = "a"; in builtins.stringLength (x <<+ x>>)',
    "sums from the right": "let x = 1; in <<x + (>> 1 <<)>>",
    "lists appended": "builtins.length ([ ] <<++ [ @ ]>>)",
    "updates of one name": "({ } <<// { a = @; }>>).a",
    "conjunctions": "let x = true; in x <<&& x>>",
    "implications": "let x = true; in x <<-> x>>",
    "negations": "let x = true; in <<!>>x",
    "else if": "let x = -1; in <<if x == @ then 1 else>> 0",
    "if in a condition": "let x = true; in <<if>> x <<then true else false>>",
    "assertions": "let x = true; in <<assert x;>> 1",
    "names with paths": "({ <<a.b.c@ = @;>> }).a.b.c7",
    "paths of names": "({ <<a@.b.c = @;>> }).a7.b.c",
    "sets that are merged": "({ <<a = { b@ = 1; };>> }).a.b7",
    "one long path": "({ <<a@.>>a = 1; }) ? a0",
    "one long selection": "let a = { a = a; }; in (a<<.a>>) ? a",
    "one long test": "let a = { a = a; }; in a ? a<<.a>>",
    "selections": "let s = { <<a@ = @;>> }; in [ <<s.a@>> ]",
    "selections with a default": "let s = { }; in [ <<(s.a@ or 1)>> ]",
    "defaults of defaults": "let a = { }; in <<a.b@ or (>> 1 <<)>>",
    "dynamic selections": 'let n = "a"; s = { <<a@ = @;>> }; in [ <<s."${n}@">> ]',
    "dynamic names": 'let n = "x"; in ({ <<"${n}@" = @;>> }).x7',
    "dynamic names that are variables": 'let n = "x"; <<n@ = n + "@";>> in ({ <<${n@} = @;>> }).x7',
    "dynamic names that are null": "let n = null; in { <<${n} = @;>> }",
    "dynamic names of rec beside others": 'let n = "x"; in (rec { <<a@ = @;>> <<"${n}@" = a@;>> }).x7',
    "dynamic names of an old let": 'let n = "x"; in let { <<a@ = @;>> <<"${n}@" = a@;>> body = n; }',
    "dynamic names beside inherit": 'let n = "x"; s = { <<a@ = @;>> }; in ({ <<inherit (s) a@;>> <<"${n}@" = @;>> }).x7',
    "dynamic names under __overrides": 'let n = "x"; in (rec { __overrides = { a = 1; }; <<"${n}@" = @;>> }).x7',
    "dynamic names in a path": 'let n = "x"; in ({ <<a."${n}@".b = @;>> }).a.x7.b',
    "dynamic names in sets that are merged": 'let n = "x"; in ({ <<a = { "${n}@".b = @; };>> }).a.x7.b',
    "a dynamic name twice": 'let n = "x"; in { <<"${n}@" = @;>> "${n}7" = 1; }',
    "an undefined name": "let x = 1; in [ <<(x + @)>> u ]",
    "a name twice": "{ <<a@ = @;>> a7 = 1; }",
    "a missing attribute": "({ <<a@ = @;>> }).b7",
    "a missing argument": "({ <<a@,>> z }: 1) { }",
    "an argument too many": "({ <<a@ ? 1,>> z ? 1 }: 1) { <<a@ = @;>> c = 1; }",
    "sets in sets": "{ a = <<{ a = >> 1 <<; }>>; }",
    "rec sets in rec sets": "rec { a = <<rec { a = >> 1 <<; }>>; } ? a",
    "lists in lists": "builtins.length [ <<[>> <<]>> ]",
    "parentheses": "<<(>>1<<)>>",
    "positions": "[ <<__curPos.line\n>> ]",
}


def _source(template: str, count: int) -> str:
    return re.sub(r"<<(.*?)>>", lambda found: " ".join(found[1].replace("@", str(i)) for i in range(count)), template, flags=re.DOTALL)


def _seconds_of_source(text: str) -> float:
    """The seconds of CPU that evaluating a source takes; an error is as good as a value."""
    before = time.process_time()
    try:
        snowsnake.Evaluator().evaluate(text).force()
    except snowsnake.EvaluationError:
        pass
    return time.process_time() - before


@pytest.mark.parametrize("name", _SOURCES)
def test_time_grows_with_the_size_of_a_source(name: str) -> None:
    small, large = (min(_seconds_of_source(_source(_SOURCES[name], count)) for _ in range(2)) for count in (2000, 8000))
    # What took the square of the time would take twelve to sixteen times as long.
    assert large < 8 * max(small, 0.008), (small, large)


def run(command: str, folder: Path) -> tuple[float, str]:
    """The seconds of CPU that a command takes, and its output."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NIX_CONFIG": "experimental-features = nix-command flakes",
        "HOME": str(folder),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["sh", "-c", command], env=environment, cwd=folder, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    return after.ru_utime - before.ru_utime, done.stdout


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, tuple[str, str]]]:
    """A folder, and the store and the last derivation of a chain by its length."""
    folder = tmp_path_factory.mktemp("growth")
    (folder / "chain.nix").write_text(_CHAIN)
    made = {}
    for count in (_SMALL, _LARGE):
        store = f"{folder}/store-{count}"
        made[count] = (store, run(f"snowsnake-instantiate chain.nix --store {store} --arg n {count}", folder)[1].strip())
    return folder, made


@pytest.mark.parametrize("name", _COMMANDS)
def test_time_grows_with_the_number_of_objects(name: str, chains: tuple[Path, dict[int, tuple[str, str]]]) -> None:
    folder, made = chains
    times = []
    for count, (store, drv) in made.items():
        new = folder / f"{name.replace(' ', '-')}-{count}"
        command = _COMMANDS[name].format(new=new).replace("STORE", store).replace("DRV", drv)
        times.append(run(command, folder)[0])
    # A command whose time grows with the square would take twelve to sixteen times as long.
    assert times[1] < 8 * max(times[0], 0.1), times


@pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here")
def test_a_failure_passes_through_a_chain_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "chain.nix").write_text(_CHAIN)
    words = ["--store", f"{tmp_path}/store", "--arg", "n", "3000", "--argstr", "builder", "/nonexistent/builder", "--no-out-link", "--option", "sandbox", "false"]
    done = subprocess.run([Path(sys.executable).with_name("snowsnake-build"), "chain.nix", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 100, done.stderr[-2000:]
    assert done.stderr.count("dependency failed") == 2999


def test_a_link_named_as_a_derivation_is_not_followed(tmp_path: Path) -> None:
    """The link may lead to a file without an end."""
    link = tmp_path / "link"
    link.symlink_to("/dev/zero")
    with LocalStore(tmp_path / "store") as store, pytest.raises(OSError, match="symbolic links"):
        store.add_archive("x.drv", pack(link))
