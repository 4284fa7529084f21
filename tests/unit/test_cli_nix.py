"""The drop-in `snowsnake-nix`, its table of subcommands, and `snowsnake links`."""

import json
import os
import shutil
import stat
import subprocess
import sys

import pytest

from snowsnake.cli.links import DROP_INS
from snowsnake.cli.nix.main import main
from snowsnake.cli.nix.options import GLOBAL
from snowsnake.cli.nix.table import BY_NAME, DEPRECATED, GROUPS, ROWS, SHORT, names_below
from snowsnake.settings.flags import flag
from snowsnake.settings.table import BY_NAME as SETTINGS
from snowsnake.settings.table import OURS


@pytest.fixture
def nix(run_command):
    def run(*words, **environment):
        done = run_command("nix.main", *words, NIX_CONFIG="experimental-features = nix-command flakes", **environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


def test_each_row_of_the_table_can_run() -> None:
    """Each row names a function that exists; no option of a subcommand has the name of a global option or of a setting's flag."""
    assert len(BY_NAME) == len(ROWS) and not set(GROUPS) & set(BY_NAME)
    assert set(GROUPS) == {row.name.split()[0] for row in ROWS if " " in row.name}
    for row in ROWS:
        if row.runner:
            module, _, function = row.runner.partition(":")
            assert callable(getattr(__import__(module, fromlist=[function]), function)), row.name
        names = [name for option in row.options for name in option.names]
        assert len(names) == len(set(names)), row.name
        assert not {name for option in GLOBAL for name in option.names}.intersection(names), row.name
        assert [name for name in names if flag(name) is not None] == [], row.name
        assert all(word[-1] in "?*" or word.isascii() for word in row.words)
    assert set(DEPRECATED.values()) | set(SHORT.values()) <= set(BY_NAME)
    assert names_below("config") == ["check", "show"] and "flake" in names_below("")


def test_config_show_prints_json(nix) -> None:
    code, out, err = nix("config", "show", "--json", "--cores", "3")
    found = json.loads(out)
    assert (code, err) == (0, "") and sorted(found) == sorted(name for name, row in SETTINGS.items() if row[5] != OURS)
    assert found["cores"] | {"description": ""} == {
        "aliases": ["build-cores"],
        "defaultValue": 0,
        "description": "",
        "documentDefault": True,
        "experimentalFeature": None,
        "value": 3,
    }
    assert out.count("\n") == 1 and nix("config", "show", "--json", "--pretty")[1].startswith('{\n  "abort-on-warn": {\n    "aliases": [],')


def test_each_subcommand_has_help(nix) -> None:
    assert "config show" in nix("--help")[1]
    assert nix("config", "show", "--help")[1].startswith("usage: nix config show [OPTION …] [name]\n")
    # An unknown subcommand does not read `--help`.
    assert nix("nonsense", "--help")[0] == 1


def test_what_is_not_ours_goes_to_an_installed_nix(nix, tmp_path) -> None:
    code, out, err = nix("profile", "list", "--foo", "x", PATH="/nonexistent")
    assert (code, out) == (1, "")
    assert err.startswith("error: 'nix profile list' is not part of Snowsnake, and no other Nix is on the PATH\n")
    other = tmp_path / "bin" / "nix"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho other: \"$@\"\nexit 7\n")
    other.chmod(other.stat().st_mode | stat.S_IXUSR)
    assert nix("-v", "profile", "list", "--foo", "x", PATH=f"{other.parent}:{os.environ['PATH']}") == (7, "other: -v profile list --foo x\n", "")


def test_links_makes_nix_s_names_and_spares_other_files(tmp_path) -> None:
    """The folder has our commands under Nix's names; files of the user stay."""
    command = os.path.join(os.path.dirname(sys.executable), "snowsnake")
    folder = tmp_path / "bin"
    for words in ([command], [command], [sys.executable, "-m", "snowsnake"]):
        done = subprocess.run([*words, "links", folder], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert os.readlink(folder / "nix") == os.path.join(os.path.dirname(os.path.realpath(command)), "snowsnake-nix")
    assert sorted(os.listdir(folder)) == sorted(DROP_INS)
    version = subprocess.run([folder / "nix", "--version"], capture_output=True, text=True)
    assert version.stdout == "nix (Nix) 2.34.8\n", version.stderr
    value = subprocess.run([folder / "nix-instantiate", "--eval", "-E", "1 + 1"], capture_output=True, text=True)
    assert value.stdout == "2\n", value.stderr
    (folder / "nix").unlink()
    (folder / "nix").write_text("mine")
    done = subprocess.run([command, "links", folder], capture_output=True, text=True)
    assert done.returncode == 1 and "exists already" in done.stderr and (folder / "nix").read_text() == "mine"


def test_config_show_says_where_settings_were_set(run_command) -> None:
    done = run_command("main", "config", "show", NIX_CONFIG="cores = 3", NIX_CONF_DIR="/nonexistent")
    assert done.stdout.startswith(b"cores = 3    # NIX_CONFIG: ") and done.stdout.count(b"\n") == 1
    facts = json.loads(run_command("main", "config", "show", "--json", "cores", NIX_CONFIG="cores = 3").stdout)["cores"]
    assert (facts["value"], facts["origin"], facts["default"], facts["type"]) == (3, "NIX_CONFIG", 0, "u32")
    assert len(run_command("main", "config", "show", "--all").stdout.splitlines()) == len(SETTINGS)
    assert b"Did you mean cores?" in run_command("main", "config", "show", "coers").stderr


def test_every_command_has_help(nix) -> None:
    """Commands that are handed to an installed Nix have help, too."""
    from snowsnake.cli.nix.table import GROUPS, ROWS

    for name in [*(row.name for row in ROWS if not row.runner)][:6] + sorted(GROUPS)[:3] + ["config check"]:
        code, out, err = nix(*name.split(), "--help", PATH="/nonexistent")
        assert (code, err) == (0, "") and out.startswith("usage: nix"), name


def test_config_check_finds_several_installations(nix, tmp_path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    for number in (0, 1, 2):
        if number:
            other = folder / str(number)
            other.mkdir()
            (other / "nix-env").touch()
        code, out, err = nix("config", "check", PATH=":".join(str(folder / str(n)) for n in range(1, number + 1)), NIX_REMOTE="dummy://")
        assert code == (0 if number == 1 else 2) and out == ""
        assert "[PASS] PATH contains only one nix version." in err if number == 1 else "[FAIL] " in err


def test_a_search_shows_an_error_whole_that_it_does_not_pass_over(tmp_path, capfd, monkeypatch) -> None:
    """What fails in `legacyPackages` is passed over and gets no trace; an error of files ends the search, and has its trace."""
    monkeypatch.chdir(tmp_path)
    for inner, is_passed in (('throw "no"', True), ("import ./none.nix", False)):
        package = '{ type = "derivation"; name = "b-1"; }'
        (tmp_path / "flake.nix").write_text(f"{{ outputs = _: {{ legacyPackages.x = {{ a = let v = {inner}; in v; b = {package}; }}; }}; }}")
        words = ["search", f"path:{tmp_path}", "^", "--json", "--option", "experimental-features", "nix-command flakes", "--option", "system", "x"]
        code = main([*words, "--option", "flake-registry", ""])
        out, said = capfd.readouterr()
        assert code == (0 if is_passed else 1)
        if is_passed:
            assert '"legacyPackages.x.b"' in out
        else:
            assert "none.nix' does not exist" in said and "flake.nix:1:" in said


def test_our_own_settings_are_shown_where_they_are_set(nix) -> None:
    """The rest of `nix config show` is that of 2.34."""
    name = "fetch-cache-size"
    assert f"{name} =" not in nix("config", "show")[1]
    assert nix("config", "show", name)[0] == 1
    assert nix("--fetch-cache-size", "2M", "config", "show", name)[1] == "2097152\n"
    assert f"\n{name} = 2097152\n" in nix("--fetch-cache-size", "2M", "config", "show")[1]


_PACKAGE = 'derivation { name = "p"; system = "x86_64-linux"; builder = "b"; }'


def test_the_words_of_a_command_share_one_evaluation(nix, tmp_path) -> None:
    """A session for each of a thousand words ran out of address space, and read standard input for the first of them only."""
    source = f'builtins.trace "evaluated" {{ a = {_PACKAGE}; b = {_PACKAGE}; }}'
    (tmp_path / "set.nix").write_text(source)
    features = ("--extra-experimental-features", "nix-command flakes", "--offline", "--store", str(tmp_path / "store"))
    status, _, errors = nix(*features, "build", "--dry-run", "-f", str(tmp_path / "set.nix"), *["a", "b"] * 600)
    assert status == 0 and errors.count("evaluated") == 1, errors[-1500:]
    command = [os.path.join(os.path.dirname(sys.executable), "snowsnake-nix"), *features, "build", "--dry-run", "-f", "-", "a", "b"]
    done = subprocess.run(command, input=source.encode(), capture_output=True)
    assert done.returncode == 0 and done.stderr.count(b"evaluated") == 1, done.stderr


def test_the_words_of_a_command_share_one_flake(nix, tmp_path) -> None:
    flake = tmp_path / "flake"
    flake.mkdir()
    (flake / "flake.nix").write_text(f'{{ outputs = _: builtins.trace "evaluated" {{ packages.x86_64-linux = {{ a = {_PACKAGE}; b = {_PACKAGE}; }}; }}; }}')
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=flake, check=True)
    (flake / "flake.nix").write_text((flake / "flake.nix").read_text() + "\n")
    features = ("--extra-experimental-features", "nix-command flakes", "--offline", "--store", str(tmp_path / "store"))
    status, _, errors = nix(*features, "build", "--dry-run", f"{flake}#a", f"{flake}#b")
    assert status == 0 and errors.count("is dirty") == errors.count("evaluated") == 1, errors[-1500:]


def test_commands_of_flakes_tell_events_as_others(nix, tmp_path) -> None:
    """The events of 2.34.8, but for those about sources; `--quiet` leaves out all of it."""
    (tmp_path / "flake.nix").write_text("{ outputs = _: { x = 1; }; }")
    flake = f"path:{tmp_path}"

    def events(*words: str) -> list[tuple[object, ...]]:
        code, _, err = nix("flake", *words, flake, "--log-format", "internal-json")
        found = [json.loads(line.removeprefix("@nix ")) for line in err.splitlines()]
        assert code == 0 and all(line.startswith("@nix ") for line in err.splitlines())
        sources = {event["id"] for event in found if event.get("text", "").startswith(("hashing", "copying"))}
        return [(event["action"], event.get("text", event.get("msg"))) for event in found if event.get("id") not in sources]

    stop = ("stop", None)
    assert events("show") == events("show", "--refresh") == [("start", "evaluating ''"), ("start", "evaluating 'x'"), stop, stop]
    assert events("check", "--no-build") == [
        ("start", "evaluating flake"), ("start", "checking flake output 'x'"), ("msg", "\x1b[35;1mwarning:\x1b[0m unknown flake output 'x'"), stop, stop,
        ("msg", "\x1b[32;1mall checks passed!\x1b[0m"),
    ]  # fmt: skip
    assert nix("flake", "show", flake, "--quiet")[2] == ""
    assert nix("flake", "check", "--no-build", flake, "--quiet")[2] == "warning: unknown flake output 'x'\n"


def test_a_dummy_store_takes_nothing(nix, tmp_path) -> None:
    (tmp_path / "flake.nix").write_text("{ outputs = _: { x = 1; }; }")
    code, _, err = nix("eval", f"path:{tmp_path}#x", NIX_REMOTE="dummy://")
    assert (code, err.splitlines()[-1]) == (1, "error: operation 'addToStoreFromDump' is not supported by store 'dummy://'")
    assert nix("eval", "--read-only", f"path:{tmp_path}#x", NIX_REMOTE="dummy://")[:2] == (0, "1\n")


@pytest.mark.parametrize("name", [row.name for row in ROWS if row.runner and row.name not in ("daemon", "repl")])
@pytest.mark.parametrize("expression", ["{ a = 1; }", "[ ]", "1"])
def test_an_expression_without_derivations_is_no_fault(nix, tmp_path, name, expression) -> None:
    """`nix log` once took the first element of an empty list."""
    for words in ([], ["a"]):
        _, _, errors = nix(*name.split(), "--expr", expression, *words, "--store", str(tmp_path / "store"), "--offline")
        assert "fault of the evaluator" not in errors and "Traceback" not in errors, errors


def test_a_log_is_of_one_derivation(nix, tmp_path) -> None:
    for expression, count in (("{ a = 1; }", 0), ("[ ({}) ({}) ]".format(_PACKAGE, _PACKAGE.replace('"p"', '"q"')), 2)):
        status, _, errors = nix("log", "--expr", expression, "--store", str(tmp_path / "store"))
        assert status == 1 and errors.endswith(f"error: installable '' evaluates to {count} derivations, where only one is expected\n")


# Commands that take an installable or a flake, with one word that names a flake in a folder.
OF_FLAKES = (
    "eval", "build --dry-run", "path-info --derivation", "derivation show", "search FLAKE x", "run", "develop", "print-dev-env", "shell FLAKE --command true",
    "edit", "why-depends FLAKE", "copy --to STORE", "store make-content-addressed", "log", "repl", "bundle --bundler FLAKE", "flake metadata", "flake show",
    "flake lock", "registry add a", "registry pin a", "registry remove", "registry resolve",
)  # fmt: skip


@pytest.mark.parametrize("line", OF_FLAKES)
def test_flakes_are_an_experimental_feature(run_command, tmp_path, line) -> None:
    (tmp_path / "flake.nix").write_text('{ outputs = _: { a = derivation { name = "a"; system = "x"; builder = "b"; }; }; }')
    word = "name" if line.startswith("registry") else f"path:{tmp_path}#a" if not line.startswith("flake") else f"path:{tmp_path}"
    words = [{"FLAKE": word, "STORE": str(tmp_path / "other")}.get(part, part) for part in line.split()]
    done = run_command("nix.main", *words, word, NIX_CONFIG="experimental-features = nix-command", NIX_REMOTE=str(tmp_path / "store"), HOME=str(tmp_path))
    said = done.stderr.decode()
    assert done.returncode == 1 and said.count("error: experimental Nix feature 'flakes' is disabled; add '--extra-experimental-features flakes' to enable it\n") == 1, said
    assert done.stdout == b"" and not (tmp_path / "flake.lock").exists()


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_paths_are_printed_as_the_user_knows_them(nix, tmp_path) -> None:
    """Paths are named as in errors: by the repository, or by the input."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "flake.nix").write_text("{ outputs = _: { p = [ ./a/b ./. ]; f = x: x; s = toString ./a; }; }")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    rev = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, check=True, capture_output=True, text=True).stdout.strip()
    more = {"HOME": str(tmp_path / "home"), "NIX_REMOTE": str(tmp_path / "store")}
    url = f"git+file://{repository}?ref=main"
    store = json.loads(nix("eval", "--json", f"{url}#s", **more)[1]).removesuffix("/a")
    for reference, root in {url: f"«{url}&rev={rev}»", f"git+file://{repository}": str(repository)}.items():
        assert nix("eval", f"{reference}#p", **more)[1] == f"[ {root}/a/b {root}/ ]\n"
        assert nix("eval", f"{reference}#f", **more)[1] == f"«lambda f @ {root}/flake.nix:1:41»\n"
        assert nix("eval", f"{reference}#s", **more)[1] == f'"{store}/a"\n'
