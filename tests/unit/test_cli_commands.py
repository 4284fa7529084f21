"""The subcommands of snowsnake, each in a process of its own."""

import json

import pytest

DRV = 'derivation { name = "%s"; builder = "b"; system = "s"; args = [ "%s" ]; }'


@pytest.fixture
def snowsnake(run_command):
    def run(*words, stdin=b"", **environment):
        done = run_command("main", *words, stdin=stdin, **environment)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode()

    return run


def test_help(snowsnake):
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
        (["eval", "--depth-limit", "x", "-E", "1"], "option '--depth-limit' needs a number, not 'x'"),
        (["hash", "frobnicate"], "say what to do: file, path or convert"),
        (["hash", "file", "--to", "rot13", "x"], "unknown encoding 'rot13': one of sri, nix32, base32, base16, base64"),
        (["nar", "ls"], "'snowsnake nar ls' takes 1 arguments, not 0"),
        (["store", "ls"], "say which store: --store DIR"),
    ],
)
def test_usage_errors(snowsnake, words, message):
    code, stdout, stderr = snowsnake(*words)
    assert (code, stdout) == (1, "")
    assert stderr.split("\n")[0] == f"error: {message}"
    assert "--help" in stderr


def test_eval(snowsnake, tmp_path):
    (tmp_path / "default.nix").write_text("{ name ? \"world\" }: { greeting = \"hello ${name}\"; other = throw \"x\"; }\n")
    assert snowsnake("eval", "-A", "greeting")[1] == '"hello world"\n'
    assert snowsnake("eval", "-A", "greeting", "--argstr", "name", "you", "--raw")[1] == "hello you"
    assert snowsnake("eval", "--arg", "name", "1 +", "-A", "greeting")[0] == 1
    assert snowsnake("eval", "-", "--json", stdin=b"[ 1 2.5 ]")[1] == "[1,2.5]\n"
    assert snowsnake("eval", "-E", "1 |> (x: x)", "--feature", "pipe-operators")[1] == "1\n"
    code, stdout, stderr = snowsnake("eval", "--files-read", "-A", "greeting")
    assert (code, stdout) == (0, '"hello world"\n') and str(tmp_path / "default.nix") in stderr.split("\n")
    assert '"heap_bytes"' in snowsnake("eval", "--stats", "-E", "1")[2]
    assert snowsnake("eval", "-E", "builtins.currentTime", "--pure")[0] == 1


def test_limits(snowsnake):
    endless = "let f = n: f (n + 1); in f 0"
    assert "max-call-depth exceeded" in snowsnake("eval", "-E", endless, "--depth-limit", "1000")[2]
    assert "time limit" in snowsnake("eval", "-E", endless, "--depth-limit", "4000000000", "--timeout", "0.2")[2]


def test_parse(snowsnake, tmp_path):
    assert snowsnake("parse", "-E", "{ a.b = 1; a.c = 2; }")[1] == "{ a = { b = 1; c = 2; }; }\n"
    assert json.loads(snowsnake("parse", "--json", "-E", "x: x")[1])["kind"]
    code, stdout, stderr = snowsnake("parse", "-E", "{ a = 1; a = 2; b = ; }")
    assert (code, stdout, stderr.count("error:")) == (1, "", 2)
    (tmp_path / "bad.nix").write_text("{")
    (tmp_path / "good.nix").write_text("1")
    assert snowsnake("parse", "bad.nix", "good.nix")[:2] == (1, "1\n")


def test_disassemble(snowsnake):
    assert "OpConstant(0)" in snowsnake("disassemble", "-E", "1", "--optimise", "0")[1]
    assert snowsnake("eval", "-E", "1", "--dump-bytecode", "--optimise", "0")[1].endswith("1\n")
    assert snowsnake("disassemble", "-E", "x")[0] == 1


def test_instantiate_and_derivation(snowsnake, tmp_path):
    (tmp_path / "a.nix").write_text(f"rec {{ b = {DRV % ('b', '1')}; a = {DRV % ('a', '${b}')}; }}")
    code, stdout, stderr = snowsnake("instantiate", "a.nix")
    assert code == 0 and [path[-6:] for path in stdout.split()] == ["-a.drv", "-b.drv"]
    facts = json.loads(snowsnake("instantiate", "a.nix", "--json", "-A", "a")[1])
    assert [(fact["name"], fact["attribute"], fact["outputName"]) for fact in facts] == [("a", "a", "out")]
    assert facts[0]["drvPath"] == stdout.split()[0]
    assert snowsnake("derivation", "show", "nofile.drv")[0] == 1


def test_hash(snowsnake, tmp_path):
    (tmp_path / "file").write_bytes(b"hello\n")
    sri = "sha256-WJG2tSLVYUdBd8OJ0eohuuSplXLVAJaBYRyolqZVCgM="
    assert snowsnake("hash", "file", "file")[1].startswith("sha256-")
    assert snowsnake("hash", "file", "file", "--type", "md5", "--to", "base16")[1] == "b1946ac92492d2347c6235b4d2611184\n"
    base16 = snowsnake("hash", "convert", sri, "--to", "base16")[1].strip()
    assert snowsnake("hash", "convert", f"sha256:{base16}")[1].strip() == sri
    assert snowsnake("hash", "convert", "nonsense", "--type", "sha256")[0] == 1


def test_nar(run_command, snowsnake, tmp_path):
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


def test_store(snowsnake, tmp_path):
    from snowsnake.store import LocalStore

    with LocalStore(tmp_path / "store") as store:
        path = store.add_text("hello.txt", b"hello")
    assert snowsnake("store", "ls", "--store", "store")[1] == path + "\n"
    assert snowsnake("store", "cat", path, "--store", "store")[1] == "hello"
    assert path in json.loads(snowsnake("store", "info", path, "--store", "store")[1])
    assert snowsnake("store", "verify", "--store", "store") == (0, "1 paths, no faults\n", "")
    assert snowsnake("store", "ls", "--store", "absent")[0] == 1
