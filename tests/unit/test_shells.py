"""`nix develop`, `nix print-dev-env`, `nix-shell`: effects that tests/differential/test_running.py does not see, because they are random or need a terminal."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snowsnake.cli.shells.derivations import change_to_environment
from snowsnake.cli.shells.environment import BuildEnvironment
from snowsnake.cli.shells.scripts import ScriptHead, split_words
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter
from snowsnake.store.memory import MemoryStore

WORLD = Path(__file__).parent.parent / "differential" / "running"
DUMP = Path(__file__).parent.parent.parent / "src" / "snowsnake" / "cli" / "shells" / "dump_environment.sh"
# The environment derivations that 2.34.8 makes for environments.nix (`nix print-dev-env --store DIR -f environments.nix NAME`), and their script.
SCRIPT = "/nix/store/hyhh9rhzxhzmfspllmpf75xzkzns109r-get-env.sh"
ENVIRONMENTS = {
    "tool": "b8cmfnlpdvk758gnd7wc0cr3d5r07rii-tool-1-env.drv", "structured": "fa44vz0ihkma8k4rzg9y43qn85h9fqf2-structured-1-env.drv",
    "fixed": "8pggw5v2v6sw3smilbg29ba55wi942fs-fixed-1-env.drv", "files": "zckdyfxxdrw5vzkv8pv07jsb7f3a8ccg-files-1-env.drv",
    "plain": "800css29i3j8qmkgm34zl18i3v16yr6c-plain-1-env.drv", "nameless": "idm11alanbiwdji62a1zx86xqgh7w523-nameless-1-env.drv",
    "floating": "iiijpzg3xqj02vrrc7rwr7k10zr6227m-floating-env.drv", "deferred": "01h2wrzm0jphydrxyba4z9mmiihcjnxf-deferred-env.drv",
    "floats": "fq6j8c58lp33f0yqikw1j0gs6jpvg4d7-floats-env.drv",
}  # fmt: skip


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment_derivations_are_those_of_nix(name) -> None:
    store = MemoryStore()
    evaluator = Interpreter(store=store, features=frozenset({"ca-derivations"}))
    value = evaluator.evaluate_file(str(WORLD / "environments.nix")).select(name.encode()).select(b"drvPath")
    drv = store.read_derivation(value.string().decode())
    assert change_to_environment(store, drv, SCRIPT) == f"/nix/store/{ENVIRONMENTS[name]}"


def dump(folder: Path, setup: str, **variables: str) -> dict:
    """The file that the builder of an environment derivation writes."""
    (folder / "stdenv").mkdir()
    (folder / "stdenv" / "setup").write_text(setup)
    places = {"outputs": "b a", "a": str(folder / "a"), "b": str(folder / "b"), "stdenv": str(folder / "stdenv")}
    done = subprocess.run(["bash", DUMP], env=places | variables, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / "a").read_bytes() == b""
    return json.loads((folder / "b").read_bytes())


def test_odd_values_of_variables_survive(tmp_path) -> None:
    """Control characters survive, too; 2.34.8 makes bad JSON of them."""
    odd = "".join(map(chr, range(1, 0x21))) + "\"'\\$`äé\x7f"
    found = dump(tmp_path, "set -u; shopt -s nullglob; IFS=x; LC_ALL=C; declare -A none=(); declare -a holes=([3]=a [9]='b c')", ODD=odd)["variables"]
    assert found["ODD"] == {"type": "exported", "value": odd}
    assert found["none"] == {"type": "associative", "value": {}} and found["holes"] == {"type": "array", "value": ["a", "b c"]}
    assert found["IFS"] == {"type": "var", "value": "x"}
    assert not {name for name in found if name.startswith(("__dump", "BASH_"))} and "PWD" not in found


def test_scripts_give_back_what_was_there(tmp_path) -> None:
    """Values and functions go through JSON and a script into another bash."""
    odd = "a\n'b' \"c\" $d `e` \\f\t*"
    setup = f"""f() {{ printf '%s|' "$1"; cat <<< "x"; }}\nvalue={json.dumps("x")}\n"""
    text = json.dumps(dump(tmp_path, setup, ODD=odd, PATH=os.environ["PATH"]))
    script = BuildEnvironment(text.encode()).script("/outputs", {})
    done = subprocess.run(["bash", "-c", script + '\nprintf "%s|" "$ODD" "$value" "$a"; f "$ODD"'], capture_output=True, text=True, check=True)
    assert done.stdout == f"{odd}|x|/outputs/a|{odd}|x\n"


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"variables": {"a": {}}, "bashFunctions": {}}', b'{"variables": [], "bashFunctions": {}}', b"[" * 100_000])
def test_what_is_no_environment_is_an_error(text) -> None:
    with pytest.raises(ValueError, match="this is not an environment of a builder"):
        BuildEnvironment(text)


@pytest.mark.parametrize(
    ("line", "words"),
    [("a  b\t c ", ["a", "b", "c"]), ("'a b'\"c d\"", ["a bc d"]), (r"a\ b '\' \\", ["a b", "\\", "\\"]), ('"a\\"b"', ['a"b']), ("'' a", ["", "a"])],
)
def test_words_of_script_heads(line, words) -> None:
    assert split_words(line) == words


def test_open_quotes_are_an_error() -> None:
    with pytest.raises(EvaluationError, match="unterminated quote"):
        split_words("'a")


def test_interpreters_that_look_at_first_lines() -> None:
    head = ScriptHead("it's", [], ["a b"])
    assert head.command("perl -w") == "exec -a PERL perl -w 'it'\\''s' 'a b' "
    assert head.command("ruby") == "exec  ruby -e 'load(ARGV.shift)' -- 'it'\\''s' 'a b' "


# --- on a terminal


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with our commands and a store, in which `dev/pkgs` has been built."""
    folder = tmp_path_factory.mktemp("shells").resolve()
    shutil.copytree(WORLD / "dev", folder / "dev")
    subprocess.run([Path(sys.executable).with_name("snowsnake"), "links", folder / "bin"], check=True, stdout=subprocess.DEVNULL)
    (folder / "home").mkdir()
    environment = {
        "PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": f"{folder}/home", "NIX_CONF_DIR": f"{folder}/conf", "NIX_STORE_DIR": f"{folder}/store",
        "NIX_STATE_DIR": f"{folder}/state", "TERM": "dumb", "LC_ALL": "C.UTF-8", "NIX_PATH": f"nixpkgs={folder}/dev/pkgs", "TMPDIR": str(folder),
        "NIX_CONFIG": "sandbox = false\nbuild-users-group =\nsubstitute = false\nflake-registry =\nextra-experimental-features = nix-command flakes",
    }  # fmt: skip
    return folder, environment


def on_terminal(world, words: list[str], typed: str, limit_s: float = 30) -> tuple[int, str]:
    """The exit code of a command, and everything that a terminal shows while *typed* is typed."""
    folder, environment = world
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe(f"{folder}/bin/{words[0]}", words, environment)
    shown, end = b"", time.monotonic() + limit_s
    # `select` fails when the suite has more than a thousand files open.
    poll = select.poll()
    poll.register(terminal, select.POLLIN)
    waiting = typed.encode()
    while time.monotonic() < end:
        if not poll.poll(1000):
            continue
        try:
            data = os.read(terminal, 4096)
        # The other end is closed.
        except OSError:
            break
        shown += data
        # The terminal shows a prompt.
        if waiting and re.search(rb"[#$>](\x1b\[[0-9;?]*[a-z])* (\x1b\[[0-9;?]*[a-z])*\Z", shown):
            os.write(terminal, waiting)
            waiting = b""
    if time.monotonic() >= end:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode("utf-8", "replace").replace("\r\n", "\n")


def test_a_shell_on_a_terminal_has_a_prompt_and_leaves_nothing(world) -> None:
    """`nix-shell` on a terminal has a prompt of its own; its folder is gone afterwards."""
    before = {name for name in os.listdir(world[0]) if name.startswith("nix-shell")}
    code, shown = on_terminal(world, ["nix-shell", "dev/pkgs", "-A", "tool"], "echo $VARIABLE $-; exit 3\n")
    assert code == 3 and "[nix-shell:" in shown and "hook of tool-1\n" in shown
    assert re.search(r"^a value \w*i\w*$", shown, re.MULTILINE), shown
    assert {name for name in os.listdir(world[0]) if name.startswith("nix-shell")} == before


def test_commands_in_a_shell_for_a_user(world) -> None:
    assert on_terminal(world, ["nix-shell", "dev/pkgs", "-A", "plain", "--command", "echo $-; return"], "exit 4\n")[0] == 4
    code, shown = on_terminal(world, ["nix-shell", "dev/pkgs", "-A", "plain", "--run", "echo got $-"], "")
    assert code == 0 and re.search(r"^got [^i\n]*$", shown, re.MULTILINE)


def test_developing_on_a_terminal(world) -> None:
    folder, _ = world
    (folder / "home" / ".bashrc").write_text("alias twice='echo twice'; PS1='own> '\n")
    words = ["nix", "develop", "-f", "dev/pkgs", "tool", "--bash-prompt-prefix", "it's ", "--bash-prompt-suffix", "$ "]
    code, shown = on_terminal(world, words, "twice $VARIABLE; greet you; exit 5\n")
    assert code == 5 and "it's own> $ " in shown and "twice a value\n" in shown and "greets you\n" in shown
    assert on_terminal(world, ["nix", "develop", "-f", "dev/pkgs", "tool", "--bash-prompt", "mine> "], "exit 6\n")[0] == 6


# --- what is refused


def call(world, *words: str) -> subprocess.CompletedProcess:
    folder, environment = world
    return subprocess.run([f"{folder}/bin/{words[0]}", *words[1:]], env=environment, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("nix", "develop", "-f", "dev/pkgs", "tool", "--debugger"), "'--debugger'"),
    ],
)
def test_options_that_are_left_to_nix_are_refused_by_name(world, words, what) -> None:
    folder, environment = world
    done = call((folder, environment | {"PATH": f"{folder}/bin"}), *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {what} is not part of Snowsnake, and no other Nix is on the PATH\n")


def test_an_environment_that_was_built_before(world) -> None:
    """Its store path is an installable, as a profile would keep it; another object of such a name is an error."""
    shown = call(world, "nix", "develop", "-f", "dev/pkgs", "tool", "-c", "bash", "-c", "echo $NIX_GCROOT").stdout
    path = shown.splitlines()[-1]
    assert path.endswith("-tool-1-env")
    one, other = (call(world, "nix", "print-dev-env", "--json", *words) for words in ((path,), ("-f", "dev/pkgs", "tool")))
    assert one.returncode == 0 and json.loads(one.stdout) == json.loads(other.stdout)
    (world[0] / "x-env").write_text("nothing")
    added = call(world, "nix", "store", "add", "x-env").stdout.strip()
    done = call(world, "nix", "print-dev-env", added)
    assert done.returncode == 1 and "this is not an environment of a builder" in done.stderr


def test_bad_patterns_are_errors(world) -> None:
    done = call(world, "nix-shell", "dev/pkgs", "-A", "tool", "--exclude", "(", "--run", "true")
    assert done.returncode == 1 and "'--exclude' takes a regular expression" in done.stderr


def test_everything_is_there_for_people(world) -> None:
    """`snowsnake nix-shell`, `snowsnake develop` and `snowsnake print-dev-env` are the same programs."""
    command = Path(sys.executable).with_name("snowsnake")
    folder, environment = world
    for words, shown in ((["nix-shell", "dev/pkgs", "-A", "plain", "--run", "echo $A"], "b\n"), (["develop", "-f", "dev/pkgs", "plain", "-c", "bash", "-c", "echo $A"], "b\n")):
        done = subprocess.run([command, *words], env=environment, cwd=folder, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, shown), done.stderr
