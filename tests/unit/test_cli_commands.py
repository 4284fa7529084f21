"""The subcommands of snowsnake, each in a process of its own."""

import json
import os
import subprocess
import sys

import pytest
from conftest import INSTALLED

from snowsnake.cli.links import DROP_INS

DRV = 'derivation { name = "%s"; builder = "b"; system = "s"; args = [ "%s" ]; }'


@pytest.fixture
def snowsnake(run_command):
    def run(*words, stdin=b"", **environment):
        done = run_command("main", *words, stdin=stdin, **environment)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode()

    return run


def test_each_command_has_help(snowsnake):
    assert snowsnake("--version")[1].startswith("snowsnake ")
    for name in ("eval", "parse", "disassemble", "instantiate", "derivation", "store", "hash", "nar"):
        assert f"  {name} " in snowsnake("--help")[1]
        code, stdout, _ = snowsnake(name, "--help")
        assert code == 0 and stdout.startswith(f"usage: snowsnake {name}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evla"], "unknown command 'evla'. Did you mean eval?"),
        (["eval", "--jsno"], "unknown option '--jsno'. Did you mean --json?"),
        (["eval", "-E"], "option '-E' needs a value: EXPR"),
        (["eval", "a", "b"], "more than one file was given: a b"),
        (["eval", "-E", "1", "a"], "both an expression and the file 'a' were given"),
        (["eval", "--json", "--raw", "-E", "1"], "only one of '--json', '--raw' and '--xml' can be given"),
        (["eval", "--optimise", "9", "-E", "1"], "option '--optimise' takes 0 or 1, not '9'"),
        (["eval", "--depth-limit", "x", "-E", "1"], "option '--depth-limit' needs a whole number from 0 to 4294967295, not 'x'"),
        (["hash", "frobnicate"], "say what to do: file, path or convert"),
        (["hash", "file", "--to", "rot13", "x"], "unknown encoding 'rot13': one of sri, nix32, base32, base16, base64"),
        (["nar", "ls"], "'snowsnake nar ls' takes 1 arguments, not 0"),
        (["store", "ls"], "say which store: --store DIR"),
    ],
)
def test_usage_errors_say_what_is_wrong(snowsnake, words, message):
    code, stdout, stderr = snowsnake(*words)
    assert (code, stdout) == (1, "")
    assert stderr.split("\n")[0] == f"error: {message}"
    assert "--help" in stderr


LIBRARY = """let slow = n: if n == 0 then 0 else slow (n - 1); in {
  inherit slow; a.thunk = slow 1 + 1; functor = { __functor = self: x: x; }; builtin = map; number = 1;
}
"""


def test_disassemble_shows_the_function_at_a_path(snowsnake, tmp_path):
    """`-A` shows the bytecode of the attribute at a path: of a function, of the function of a functor, or of the thunk of any other value."""
    (tmp_path / "default.nix").write_text(LIBRARY)
    whole = snowsnake("disassemble")[1]
    code, stdout, _ = snowsnake("disassemble", "-A", "slow")
    first, listing = stdout.split("\n", 1)
    assert (code, first) == (0, f"# slow at {tmp_path}/default.nix:1:12")
    assert listing.startswith("=== compiled lambda 'slow' #1 ") and listing.rstrip("\n") in whole
    assert "compiled thunk 'thunk'" in snowsnake("disassemble", "-A", "a.thunk")[1]
    assert "compiled lambda '__functor'" in snowsnake("disassemble", "-A", "functor", "--optimise", "0")[1]
    both = snowsnake("disassemble", "-A", "slow", "-A", "a.thunk")[1]
    assert [line for line in both.split("\n") if line.startswith("#")] == [first, f"# a.thunk at {tmp_path}/default.nix:2:27"]
    for path, words in (("builtin", "is a builtin"), ("number", "no function, and evaluated already"), ("x", "'x'")):
        code, stdout, stderr = snowsnake("disassemble", "-A", path)
        assert (code, stdout) == (1, "") and words in stderr


def test_the_compiler_s_trace_lists_every_chunk(snowsnake, tmp_path):
    (tmp_path / "default.nix").write_text(LIBRARY)
    code, stdout, stderr = snowsnake("eval", "-A", "number", "--trace-compiler")
    assert (code, stdout) == (0, "1\n")
    listed = [line.split(" (")[0] for line in stderr.split("\n") if line]
    assert f"compiled lambda 'slow' at {tmp_path}/default.nix:1:12" in listed, "what never ran is listed as well"
    assert len(listed) == snowsnake("disassemble")[1].count("=== compiled")
    stderr = snowsnake("eval", "-A", "a.thunk", "--trace-runtime")[2]
    assert f"enter toplevel #0 at {tmp_path}/default.nix:1:1\n" in stderr and "OpLink" not in stderr
    assert f"enter lambda 'slow' #1 at {tmp_path}/default.nix:1:12\n" in stderr
    assert "OpReturn               [ 1 ]" in stderr
    stderr = snowsnake("eval", "-E", "builtins.length [ 1 2 ]", "--trace-runtime-timing")[2]
    assert " ms " in stderr and "OpCallBuiltin          length [ [ 1 2 ] ]" in stderr
    assert snowsnake("eval", "--dump-bytecode", "-E", "1")[1].startswith("=== compiled toplevel #0 ")


def test_eval_reports_all_faults_of_a_source(snowsnake):
    source = "{ a = 1; a = 2; b = ; }"
    for words in (("eval", "-E", source), ("parse", "-E", source)):
        code, stdout, stderr = snowsnake(*words)
        assert (code, stdout) == (1, "")
        assert [line for line in stderr.split("\n") if line.startswith("error:")] == [
            "error: attribute 'a' already defined at «string»:1:3", "error: syntax error, unexpected ';'",
        ]  # fmt: skip


def test_of_a_long_line_only_the_part_around_the_fault_is_shown(snowsnake):
    """The report of a fault in a line of a megabyte shows the part around the fault."""
    stderr = snowsnake("eval", "-", stdin=b"[ " + b"1 " * 500_000 + b"; ]")[2]
    assert "at «stdin»:1:1000003:" in stderr and len(stderr) < 2000
    lines = stderr.split("\n")
    assert lines[2].endswith("1 1 1 ; ]") and lines[3].rstrip().endswith("^") and lines[2].index(";") == lines[3].index("^")


def test_eval_prints_values(snowsnake, tmp_path):
    (tmp_path / "default.nix").write_text("{ name ? \"world\" }: { greeting = \"hello ${name}\"; other = throw \"x\"; }\n")
    assert snowsnake("eval", "-A", "greeting")[1] == '"hello world"\n'
    assert snowsnake("eval", "-A", "greeting", "--argstr", "name", "you", "--raw")[1] == "hello you"
    assert snowsnake("eval", "--arg", "name", "1 +", "-A", "greeting")[0] == 1
    assert snowsnake("eval", "-", "--json", stdin=b"[ 1 2.5 ]")[1] == "[1,2.5]\n"
    assert snowsnake("eval", "-E", "1 |> (x: x)", "--feature", "pipe-operators")[1] == "1\n"
    code, stdout, stderr = snowsnake("eval", "--files-read", "-A", "greeting")
    assert (code, stdout) == (0, '"hello world"\n') and str(tmp_path / "default.nix") in stderr.split("\n")
    stats = json.loads(snowsnake("eval", "--stats", "-E", "[ 1 2 ]")[2])
    assert stats["gc"]["cycles"] == 0 and stats["list"]["elements"] >= 2
    assert snowsnake("eval", "-E", "builtins.currentTime", "--pure")[0] == 1


def test_limits_end_an_endless_evaluation(snowsnake):
    endless = "let f = n: f (n + 1); in f 0"
    assert "max-call-depth exceeded" in snowsnake("eval", "-E", endless, "--depth-limit", "1000")[2]
    assert "time limit" in snowsnake("eval", "-E", endless, "--depth-limit", "4000000000", "--timeout", "0.2")[2]


@pytest.mark.parametrize(
    "command",
    [
        ["snowsnake", "eval", "-E"],
        ["snowsnake-nix", "eval", "--extra-experimental-features", "nix-command", "--expr"],
        ["snowsnake-instantiate", "--eval", "-E"],
        ["snowsnake-eval-jobs", "--expr"],
        ["snowsnake-build", "--dry-run", "-E"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(("limit", "is_exceeded"), [("20", True), ("300", False), ("4294967295", False)])
def test_a_setting_limits_calls(tmp_path, command, limit, is_exceeded):
    deep = "let f = n: if n == 0 then throw ''end'' else f (n - 1) + 1; in f 100"
    environment = {"HOME": str(tmp_path), "NIX_CONFIG": f"max-call-depth = {limit}", "PATH": os.environ["PATH"], "NIX_REMOTE": str(tmp_path / "store")}
    done = subprocess.run([INSTALLED / command[0], *command[1:], deep], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert ("max-call-depth exceeded" if is_exceeded else "end") in done.stdout + done.stderr


def test_parse_prints_trees_and_faults(snowsnake, tmp_path):
    assert snowsnake("parse", "-E", "{ a.b = 1; a.c = 2; }")[1] == "{ a = { b = 1; c = 2; }; }\n"
    assert json.loads(snowsnake("parse", "--json", "-E", "x: x")[1])["kind"]
    code, stdout, stderr = snowsnake("parse", "-E", "{ a = 1; a = 2; b = ; }")
    assert (code, stdout, stderr.count("error:")) == (1, "", 2)
    (tmp_path / "bad.nix").write_text("{")
    (tmp_path / "good.nix").write_text("1")
    assert snowsnake("parse", "bad.nix", "good.nix")[:2] == (1, "1\n")


def test_disassemble_prints_operations(snowsnake):
    assert "OpConstant(0)" in snowsnake("disassemble", "-E", "1", "--optimise", "0")[1]
    assert snowsnake("eval", "-E", "1", "--dump-bytecode", "--optimise", "0")[1].endswith("1\n")
    assert snowsnake("disassemble", "-E", "x")[0] == 1


def test_instantiate_prints_paths_and_facts(snowsnake, tmp_path):
    (tmp_path / "a.nix").write_text(f"rec {{ b = {DRV % ('b', '1')}; a = {DRV % ('a', '${b}')}; }}")
    code, stdout, stderr = snowsnake("instantiate", "a.nix")
    assert code == 0 and [path[-6:] for path in stdout.split()] == ["-a.drv", "-b.drv"]
    facts = json.loads(snowsnake("instantiate", "a.nix", "--json", "-A", "a")[1])
    assert [(fact["name"], fact["attribute"], fact["outputName"]) for fact in facts] == [("a", "a", "out")]
    assert facts[0]["drvPath"] == stdout.split()[0]
    assert snowsnake("derivation", "show", "nofile.drv")[0] == 1


def test_hash_prints_and_converts_hashes(snowsnake, tmp_path):
    (tmp_path / "file").write_bytes(b"hello\n")
    sri = "sha256-WJG2tSLVYUdBd8OJ0eohuuSplXLVAJaBYRyolqZVCgM="
    assert snowsnake("hash", "file", "file")[1].startswith("sha256-")
    assert snowsnake("hash", "file", "file", "--type", "md5", "--to", "base16")[1] == "b1946ac92492d2347c6235b4d2611184\n"
    base16 = snowsnake("hash", "convert", sri, "--to", "base16")[1].strip()
    assert snowsnake("hash", "convert", f"sha256:{base16}")[1].strip() == sri
    assert snowsnake("hash", "convert", "nonsense", "--type", "sha256")[0] == 1


def test_nar_packs_lists_and_unpacks(run_command, snowsnake, tmp_path):
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_text("text")
    (folder / "link").symlink_to("sub/file")
    archive = run_command("main", "nar", "pack", "tree").stdout
    (tmp_path / "tree.nar").write_bytes(archive)
    assert snowsnake("nar", "ls", "tree.nar")[1] == ".\nlink\nsub\nsub/file\n"
    assert snowsnake("nar", "cat", "tree.nar", "sub/file")[1] == "text"
    assert snowsnake("nar", "cat", "tree.nar", "absent")[0] == 1
    assert snowsnake("nar", "unpack", "-", "copy", stdin=archive)[0] == 0
    assert (tmp_path / "copy" / "link").read_text() == "text"
    code, _, stderr = snowsnake("nar", "ls", "-", stdin=archive[:-5])
    assert code == 1 and stderr.startswith("error: ")


def test_store_lists_and_prints_objects(snowsnake, tmp_path):
    from snowsnake.store import LocalStore

    with LocalStore(tmp_path / "store") as store:
        path = store.add_text("hello.txt", b"hello")
    assert snowsnake("store", "ls", "--store", "store")[1] == path + "\n"
    assert snowsnake("store", "cat", path, "--store", "store")[1] == "hello"
    assert path in json.loads(snowsnake("store", "info", path, "--store", "store")[1])
    assert snowsnake("store", "verify", "--store", "store") == (0, "1 paths, no faults\n", "")
    assert snowsnake("store", "ls", "--store", "absent")[0] == 1


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("snowsnake.diagnostics.render", ["eval", "-E", "1 + null"]),
        ("snowsnake.traces.pending", ["eval", "-E", "1 + null"]),
        ("snowsnake.cli.session", ["eval", "-E", "1"]),
        ("snowsnake.diagnostics.suggestions", ["evla"]),
        ("snowsnake.cli.parse", ["parse", "-E", "1"]),
        ("snowsnake.settings.kinds", ["eval", "--option", "cores", "1", "-E", "1"]),
    ],
)
def test_a_module_that_cannot_be_loaded_is_a_clear_error(missing, words) -> None:
    """An incomplete installation says so; it is not a fault of the evaluator."""
    code = f"import sys; sys.modules[{missing!r}] = None; from snowsnake.cli.main import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert "cannot load a part of Snowsnake (" in done.stderr and missing in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and "fault" not in done.stderr


@pytest.mark.parametrize("program", ["snowsnake", *sorted(set(DROP_INS.values()))])
@pytest.mark.parametrize("word", ["--help", "--version"])
def test_a_reader_that_went_away_causes_no_traceback(program, word) -> None:
    """`snowsnake --help | head -1`: no traceback, whether the text is written at once or at the end."""
    reading, writing = os.pipe()
    os.close(reading)
    for unbuffered in ("", "1"):
        done = subprocess.run(
            [INSTALLED / program, word], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
        assert done.stderr == "" and done.returncode in (0, 141)
    os.close(writing)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("old.build", "--help --bogus"), ("old.build", "--version --bogus"), ("old.store", "--help --add-root"), ("old.env", "--help --file"),
        ("old.shell", "--help --bogus"), ("old.hash", "--help --type"), ("instantiate", "--help --bogus"), ("old.collect_garbage", "--help --bogus"),
        ("old.prefetch_url", "--help --bogus"), ("daemon", "--help --bogus"),
    ],
)  # fmt: skip
def test_commands_of_nix_answer_at_once_whatever_follows(run_command, command, words) -> None:
    done = run_command(command, *words.split())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout
