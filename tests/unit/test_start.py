"""The files that the start of a command loads: each imported file of Python costs a third of a million instructions, a sixtieth of a start.

The lists are complete.  A module on a list says in its own file why every start pays for it; other modules are imported
where they are needed.  `benchmarks/run.py --suite start --instructions` counts what a start takes.
"""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

import snowsnake

# The modules that every command imports, and those that every evaluation imports in addition.
COMMAND = {
    "snowsnake", "snowsnake.cli.options", "snowsnake.cli.output", "snowsnake.cli.signals",
    "snowsnake.diagnostics.error", "snowsnake.settings", "snowsnake.settings.known", "snowsnake.settings.places",
}  # fmt: skip
EVALUATION = {
    "snowsnake.builtins.subjects", "snowsnake.cache.location", "snowsnake.cli.session",
    "snowsnake.host.options", "snowsnake.selection", "snowsnake.store", "snowsnake.syntax.features",
}  # fmt: skip
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    # A free-threaded Python warns about its lock, and snowsnake/__init__.py hides that warning.
    COMMAND |= {"warnings", "_py_warnings"}
WITH_CONFIGURATION = {"snowsnake.settings.configuration", "snowsnake.settings.kinds"}

PROBE = """
import sys
known = set(sys.modules)
from {module} import main
code = main({words!r})
sys.stdout.flush()
loaded = [m for n, m in sys.modules.items() if n not in known and getattr(m, "__file__", None)]
with open("loaded", "w") as file:
    file.write("\\n".join(m.__name__ for m in loaded if getattr(m, "__loader__", None) is not sys.modules["snowsnake"]._Compiled))
sys.exit(code)
"""


@pytest.mark.parametrize("configuration", [None, "sandbox = false\ncores = 3\n"])
@pytest.mark.parametrize(
    ("module", "words", "own"),
    [
        ("snowsnake.cli.main", ["eval", "-E", "1"], {"snowsnake.cli.main", "snowsnake.cli.evaluate"}),
        ("snowsnake.cli.instantiate", ["--eval", "-E", "1"], {"snowsnake.cli.instantiate"}),
    ],
)
def test_a_start_imports_only_the_listed_files(tmp_path, monkeypatch, module, words, own, configuration) -> None:
    monkeypatch.setenv("NIX_CONF_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = COMMAND | EVALUATION | own
    if configuration:
        (tmp_path / "nix.conf").write_text(configuration)
        wanted = wanted | WITH_CONFIGURATION
    for name in [name for name in os.environ if name.startswith(("NIX_", "XDG_")) and name != "NIX_CONF_DIR"]:
        monkeypatch.delenv(name)
    done = subprocess.run([sys.executable, "-c", PROBE.format(module=module, words=words)], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    loaded = set((tmp_path / "loaded").read_text().split("\n"))
    assert {name for name in loaded if name != "snowsnake._native"} == wanted


# Modules of the standard library that take as long to import as several of our modules, and that these commands do without.  (SQLite imports
# functools, which imports collections and types.)
HEAVY = {
    "ast", "base64", "contextlib", "dataclasses", "datetime", "enum", "hashlib", "importlib", "inspect", "json", "random", "re", "shutil", "signal", "struct",
    "subprocess", "tempfile", "threading", "typing", "urllib.parse", "weakref",
}  # fmt: skip
# A command, and how many of our files it imports at most: a new file must be needed by this command, or be imported later.
COMMANDS = [
    ("nix.main", "eval .#x", 95),
    ("nix.main", "eval --expr 1", 52),
    ("nix.main", "flake metadata", 92),
    ("nix.main", "flake show", 99),
    ("nix.main", "config show", 26),
    ("nix.main", "hash path flake.nix", 23),
    ("nix.main", "build --dry-run FILE", 60),
    ("nix.main", "path-info --json --json-format 1 FILE", 70),
    ("nix.main", "path-info --derivation -f drv.nix", 70),
    ("nix.main", "derivation show DRV", 70),
    ("nix.main", "store ls FILE", 70),
    ("old.env", "-qaf drv.nix --json", 60),
    ("old.store", "-q --references DRV", 48),
    ("instantiate", "drv.nix", 49),
]
ANY_PROBE = """
import sys
from snowsnake.cli.{module} import main
code = main({words!r})
sys.stdout.flush()
with open("../loaded", "w") as file:
    for name, module in sys.modules.items():
        if getattr(module, "__file__", None) and getattr(module, "__loader__", None) is not sys.modules["snowsnake"]._Compiled:
            file.write(name + "\\n")
sys.exit(code)
"""


@pytest.mark.parametrize(("module", "line", "most"), COMMANDS, ids=[line for _, line, _ in COMMANDS])
def test_commands_import_at_most_so_many_files(tmp_path, monkeypatch, module, line, most) -> None:
    """The commands read a flake and a derivation of one file, in a store that has both; the interpreter has no `site`, which may import anything."""
    for name in [name for name in os.environ if name.startswith(("NIX_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, folder in {"STORE": "store", "STATE": "state", "LOG": "log", "CONF": "conf"}.items():
        monkeypatch.setenv(f"NIX_{name}_DIR", str(tmp_path / folder))
    monkeypatch.setenv("NIX_CONFIG", "experimental-features = nix-command flakes\nsubstituters =\nflake-registry =")
    place = tmp_path / "place"
    place.mkdir()
    (place / "flake.nix").write_text("{ outputs = { self }: { x = 1; }; }")
    (place / "drv.nix").write_text('derivation { name = "a"; system = builtins.currentSystem; builder = "/bin/sh"; }')
    source = str(Path(snowsnake.__file__).parents[1])

    def run(module, words) -> str:
        start = f"import sys; sys.path.insert(0, {source!r})" + ANY_PROBE.format(module=module, words=words)
        done = subprocess.run([sys.executable, "-I", "-S", "-c", start], cwd=place, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    names = {"DRV": run("instantiate", ["drv.nix"]).strip(), "FILE": run("nix.main", ["store", "add-file", "flake.nix"]).strip()}
    # The second run finds what the first writes.
    for _ in range(2):
        run(module, [names.get(word, word) for word in line.split()])
    loaded = set((tmp_path / "loaded").read_text().split())
    ours = {name for name in loaded if name.startswith("snowsnake.")}
    assert sorted(loaded & HEAVY) == []
    assert len(ours) <= most, sorted(ours)


def test_packages_are_found_and_described_as_by_the_interpreter() -> None:
    """Packages that execute nothing come from the shared object; `_Compiled` and the interpreter's own finder agree about them."""
    import snowsnake.builtins.engines
    import snowsnake.machine

    for package in (snowsnake.machine, snowsnake.builtins.engines):
        spec = package.__spec__
        ordinary = importlib.util.spec_from_file_location(package.__name__, package.__file__)
        assert spec is not None and ordinary is not None and spec.loader is snowsnake._Compiled and ordinary.loader is not None
        places = [snowsnake._native.__file__, *ordinary.submodule_search_locations]
        assert (spec.name, spec.origin, spec.submodule_search_locations, spec.parent) == (ordinary.name, ordinary.origin, places, ordinary.parent)
        assert package.__path__ == places
        made = importlib.util.module_from_spec(ordinary)
        ordinary.loader.exec_module(made)
        for name in ("__name__", "__package__", "__file__", "__doc__"):
            assert getattr(package, name) == getattr(made, name)


def run_alone(code: str) -> str:
    source = str(Path(snowsnake.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r})\n{code}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_is_found_through_the_interpreters_finder() -> None:
    """The shared object is an entry of `__path__`: none of our finders is on `sys.meta_path`, and every module can be the first that is imported."""
    code = """
import importlib.util, pathlib
before = list(sys.meta_path)
import snowsnake
assert sys.meta_path == before
root = pathlib.Path(snowsnake.__file__).parent
names = {".".join(("snowsnake", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__") for path in root.rglob("*.py*")
         if path.suffix in (".py", ".pyx")}
for name in sorted(names):
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    assert importlib.util.find_spec(name) is not None, name
assert importlib.util.find_spec("snowsnake.machine.none") is None and importlib.util.find_spec("snowsnake.store.none") is None
print(len(names))
"""
    assert int(run_alone(code)) > 400


@pytest.mark.parametrize("name", ["snowsnake.store.nar", "snowsnake.machine.loop", "snowsnake.builtins.engines.toml", "snowsnake.diagnostics.render"])
def test_any_module_may_be_the_first(name) -> None:
    assert run_alone(f"import {name}; print(sys.modules[{name!r}].__name__)") == name + "\n"


def test_each_command_has_an_entry_point() -> None:
    """What `snowsnake links` makes, and `snowsnake` itself, are `[project.scripts]`, and each names a function that is there."""
    from snowsnake.cli import entry_points
    from snowsnake.cli.links import DROP_INS

    project = Path(snowsnake.__file__).parents[2] / "pyproject.toml"
    scripts = tomllib.loads(project.read_text())["project"]["scripts"]
    assert set(scripts) == {"snowsnake", *DROP_INS.values()}
    for place in scripts.values():
        module, _, function = place.partition(":")
        assert module == entry_points.__name__ and callable(getattr(entry_points, function))


def test_a_flake_without_a_store(tmp_path, monkeypatch) -> None:
    """SQLite imports `functools`, which takes a tenth of a start; nothing else does."""
    monkeypatch.setenv("NIX_REMOTE", "dummy://")
    monkeypatch.setenv("NIX_CONFIG", "experimental-features = nix-command flakes\nflake-registry =")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "flake.nix").write_text("{ outputs = { self }: { x = 1; }; }")
    source = str(Path(snowsnake.__file__).parents[1])
    start = f"import sys; sys.path.insert(0, {source!r})" + ANY_PROBE.format(module="nix.main", words=["eval", "--read-only", ".#x"])
    done = subprocess.run([sys.executable, "-I", "-S", "-c", start], cwd=tmp_path / "place", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert {"collections", "functools"} & set((tmp_path / "loaded").read_text().split()) == set()
