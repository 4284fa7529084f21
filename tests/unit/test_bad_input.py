"""Bad input of every kind, through the command as users run it: a clear error, exit code 1, bounded memory, no crash and no hang.

A case is (files, words, what the error says).  The largest resident set of each run is measured.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import IS_SANITIZED, SOURCE
from without_privilege import run_without_privilege

MOST_MEMORY_BYTES = (12 if IS_SANITIZED else 3) << 30


def run(folder: Path, *words: str, stdin: bytes = b"", command: str = "instantiate") -> tuple[int, str, str, int]:
    """Exit code, standard output and error, largest resident set in bytes."""
    code = f"import sys; from snowsnake.cli.{command} import main; sys.exit(main())"
    if command == "evaluate":
        code = "import sys; from snowsnake.cli.main import main; sys.exit(main(['eval', *sys.argv[1:]]))"
    with open(folder / "given", "wb+") as given, open(folder / "out", "wb+") as out, open(folder / "err", "wb+") as err:
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words], cwd=folder, stdin=given, stdout=out, stderr=err, env=os.environ | {"PYTHONPATH": SOURCE}
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    return process.returncode, texts[0], texts[1], usage.ru_maxrss * 1024


def fails(folder: Path, message: str, *words: str, stdin: bytes = b"") -> None:
    code, out, err, memory = run(folder, *words, stdin=stdin)
    assert code == 1, (code, err[-500:])
    assert message in err
    assert "Traceback" not in err and "fault of the evaluator" not in err
    assert len(err) < 20_000, "an error that nobody reads"
    assert memory < MOST_MEMORY_BYTES
    assert out == ""


SOURCES = [
    (b"\xff", "syntax error, unexpected invalid token"),
    (b"{ \xc3\xa9 = 1; }", "syntax error, unexpected invalid token"),
    (b"{ a\xff = 1; }", "syntax error"),
    (b'"a\0b"', "null byte"),
    (b"''a\0b''", "null byte"),
    (b"# a comment \xff\xfe\n1 +", "unexpected end of file"),
    (b"(" * 1_000_000, ""),
    (b"{a=" * 300_000, ""),
    (b'"${' * 200_000, ""),
    (b"if " * 300_000, ""),
    (b"let " * 300_000, ""),
    (b"a." * 500_000 + b"b", "undefined variable 'a'"),
    (b"1" * 1_000_000, "invalid integer"),
    (b"/*" + b" " * 1_000_000, ""),
    (b"''" + b" " * 1_000_000, "unexpected end of file"),
    (b'"' + b"\\" * 999_999, "unexpected end of file"),
]


@pytest.mark.parametrize(("source", "message"), SOURCES, ids=lambda x: repr(x[:20]) if isinstance(x, bytes) else "")
@pytest.mark.parametrize("mode", ["--eval", "--parse"])
def test_bad_sources_are_clear_errors_in_little_memory(tmp_path: Path, source: bytes, message: str, mode: str) -> None:
    (tmp_path / "bad.nix").write_bytes(source)
    code, _, err, memory = run(tmp_path, mode, "bad.nix")
    assert code == 1 and message in err and err.startswith("error:")
    assert "Traceback" not in err and memory < MOST_MEMORY_BYTES
    assert len(err) < 5_000_000


DEEP = [b"[" * 300_000 + b"]" * 300_000, b"-" * 300_000 + b"1", b"!" * 300_000 + b"true", b"1 \0 +"]


@pytest.mark.parametrize("source", DEEP, ids=lambda source: repr(source[:10]))
def test_deep_sources_are_evaluated(tmp_path: Path, source: bytes) -> None:
    (tmp_path / "deep.nix").write_bytes(source)
    for mode in ("--eval", "--parse"):
        code, _, err, memory = run(tmp_path, mode, "deep.nix")
        assert (code, err) == (0, "") and memory < MOST_MEMORY_BYTES


def test_bytes_that_are_not_utf8_are_kept_in_strings(tmp_path: Path) -> None:
    (tmp_path / "bytes.nix").write_bytes(b'builtins.stringLength "\xff\xfe\xc3"')
    assert run(tmp_path, "--eval", "bytes.nix")[:2] == (0, "3\n")
    (tmp_path / "json.nix").write_bytes(b'"\xff"')
    fails(tmp_path, "invalid UTF-8", "--eval", "--json", "json.nix")


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nix")
    for mode in ("--eval", "--parse"):
        fails(tmp_path, "has an unsupported type", mode, "pipe.nix")


COMMAND = "from snowsnake.cli.instantiate import main\nsys.exit(main())"


@pytest.fixture
def closed():
    """A folder with a file and a folder in it that nobody may read, not even their owner."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "secret.nix").write_text("1")
    (folder / "secret.nix").chmod(0)
    (folder / "sub").mkdir()
    (folder / "sub" / "default.nix").write_text("1")
    (folder / "sub").chmod(0)
    (folder / "listed").mkdir()
    (folder / "listed" / "a").write_text("a")
    (folder / "listed").chmod(0o111)
    yield folder
    (folder / "sub").chmod(0o755)
    (folder / "listed").chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.bare
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--eval", "secret.nix"], "opening file 'DIR/secret.nix': Permission denied"),
        (["--parse", "secret.nix"], "opening file 'DIR/secret.nix': Permission denied"),
        (["--eval", "-E", "import ./secret.nix"], "opening file 'DIR/secret.nix': Permission denied"),
        (["--eval", "-E", "builtins.readFile ./secret.nix"], "opening file 'DIR/secret.nix': Permission denied"),
        (["--eval", "-E", 'builtins.hashFile "md5" ./secret.nix'], "opening file 'DIR/secret.nix': Permission denied"),
        (["--eval", "-E", "builtins.readDir ./sub"], 'cannot read directory "DIR/sub": Permission denied'),
        (["--eval", "-E", "builtins.readDir ./listed"], 'cannot read directory "DIR/listed": Permission denied'),
        (["--eval", "-E", "import ./sub"], 'getting status of "DIR/sub/default.nix": Permission denied'),
        (["--eval", "-E", "builtins.pathExists ./sub/default.nix"], 'getting status of "DIR/sub/default.nix": Permission denied'),
        (["--eval", "-E", 'builtins.path { path = ./.; name = "x"; }'], "Permission denied"),
        (["--eval", "-I", "x=sub/y", "-E", "<x>"], "file 'x' was not found"),
    ],
    ids=str,
)
def test_closed_files_are_clear_errors(closed: Path, words: list[str], message: str) -> None:
    done = run_without_privilege(COMMAND, *words, folder=closed)
    error = done.stderr.replace(str(closed), "DIR")
    assert done.returncode == 1 and done.stdout == "" and message in error, error
    assert "Traceback" not in error


@pytest.mark.bare
def test_closed_folders_beside_the_program_do_no_harm(closed: Path) -> None:
    expression = "[ (builtins.pathExists ./secret.nix) (builtins.readFile ./listed/a) (builtins.readFileType ./sub) ]"
    done = run_without_privilege(COMMAND, "--eval", "--strict", "-E", expression, folder=closed)
    assert (done.stdout, done.stderr) == ('[ true "a" "directory" ]\n', "")


# Files of a hundred megabytes: the text that fills them, the expression that reads them, the result.
LARGE = [
    (b'"', b"x" * 1000, b'"', "builtins.stringLength (import ./large)", "100000000"),
    (b"[", b"1 " * 500, b"]", "builtins.length (import ./large)", "50000000|out of memory"),
    (b"[", b"{}" * 500, b"]", "builtins.length (import ./large)", "50000000|out of memory"),
    (b"#", b"x" * 1000, b"\n7", "import ./large", "7"),
    (b"", b"\n" * 1000, b"1 +", "import ./large", "unexpected end of file"),
    (b"", b"1 + " * 250, b"1", "import ./large", "nested too deeply|out of memory"),
    (b"", b"(" * 1000, b"", "import ./large", "nesting too deep|nested too deeply|out of memory"),
    (b"[", b"0," * 500, b"0]", "builtins.length (builtins.fromJSON (builtins.readFile ./large))", "50000001|out of memory"),
    (b'"', b"x" * 1000, b'"', "builtins.stringLength (builtins.fromJSON (builtins.readFile ./large))", "100000000"),
    (b"", b"[" * 1000, b"", "builtins.fromJSON (builtins.readFile ./large)", "parse error|out of memory"),
    (b"a = [", b"1," * 500, b"]", "builtins.length (builtins.fromTOML (builtins.readFile ./large)).a", "50000000|out of memory|while parsing TOML"),
    (b"", b"x" * 1000, b"", 'builtins.substring 0 6 (builtins.hashFile "sha256" ./large)', '"'),
]


@pytest.mark.bare
@pytest.mark.parametrize(("start", "filling", "end", "expression", "expected"), LARGE, ids=lambda value: str(value)[:40])
def test_files_of_100_megabytes_are_read_under_a_limit(tmp_path: Path, start: bytes, filling: bytes, end: bytes, expression: str, expected: str) -> None:
    """Under `ulimit -v`: a value or an error, in seconds."""
    with open(tmp_path / "large", "wb") as file:
        file.write(start)
        for _ in range(100):
            file.write(filling * 1000)
        file.write(end)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from snowsnake.cli.main import main; sys.exit(main())", "eval", "--no-cache", "-E", expression],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": SOURCE},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)),
    )  # fmt: skip
    (tmp_path / "large").unlink()
    assert done.returncode in (0, 1), done.stderr[-300:]
    assert any(word in (done.stderr if done.returncode else done.stdout) for word in expected.split("|")), done.stderr[-500:]
    assert "Traceback" not in done.stderr and "fault of the evaluator" not in done.stderr and len(done.stderr) < 20_000


EXPRESSIONS = [
    # JSON and TOML
    ('builtins.fromJSON (repeat 1000000 "[")', "parse error"),
    ("builtins.fromJSON (repeat 1000000 \"{\\\"a\\\":\")", "parse error"),
    ('builtins.fromJSON "\\"${repeat 1000000 "\\\\u12"}"', "parse error"),
    ('builtins.fromJSON ("1" + repeat 400 "0" + "e")', "parse error"),
    ('builtins.fromJSON "{\\"a\\": 1} ${repeat 100000 "}"}"', "parse error"),
    ('builtins.fromTOML (repeat 1000000 "[")', "while parsing TOML"),
    ('builtins.fromTOML "a = ${repeat 1000000 "["}"', "while parsing TOML"),
    ('builtins.fromTOML "a = ${repeat 1000000 "{a="}"', "while parsing TOML"),
    ('builtins.fromTOML (repeat 100000 "a.")', "while parsing TOML"),
    ('builtins.fromTOML "a = 1979-05-27T07:32:00Z"', "not supported"),
    # regular expressions and versions
    ('builtins.match (repeat 1000 "(") "a"', "regular expression"),
    ('builtins.match "${repeat 1000 "(a{1000}){1000}"}" "a"', "regular expression"),
    ('builtins.match "[${repeat 100000 "a-"}" "a"', "invalid regular expression"),
    ('builtins.split "a{1,99999999999999999999}" "a"', "invalid regular expression"),
    ('builtins.compareVersions (repeat 1000000 "1.") 1', "expected a string"),
    # sizes and depths
    ("builtins.genList (x: x) 1000000000000", ""),
    ("builtins.length (builtins.genList (x: x) 100000000000)", ""),
    ('let grow = n: s: if n == 0 then s else grow (n - 1) (s + s); in builtins.stringLength (grow 60 "0123456789")', ""),
    ("let grow = n: l: if n == 0 then l else grow (n - 1) (l ++ l); in builtins.length (grow 60 [ 1 2 ])", ""),
    ('builtins.replaceStrings [ "" ] [ (repeat 1000000 "abc") ] (repeat 1000000 "x")', ""),
    ("let f = n: 1 + f (n + 1); in f 0", "max-call-depth exceeded"),
    ("let x = { a = x; }; in builtins.toJSON x", ""),
    ("(x: x x) (x: x x)", "max-call-depth exceeded"),
    ("builtins.foldl' (l: x: [ l ]) [ ] (builtins.genList (x: x) 3000000) == 1 || throw \"end\"", "end"),
    ('"${repeat 1000000 "x"}" + 1', "cannot coerce"),
    ('builtins.getAttr (repeat 1000000 "x") { }', "missing"),
    ('throw (repeat 1000 "long ")', "long"),
    ('import (/. + repeat 3000 "a/")', ""),
    ('builtins.toFile (repeat 300 "x") ""', ""),
    ("(derivation { name = repeat 300 \"x\"; system = \"s\"; builder = \"b\"; }).drvPath", ""),
]
REPEAT = "with { repeat = n: s: builtins.concatStringsSep \"\" (builtins.genList (i: s) n); }; "


@pytest.mark.parametrize(("expression", "message"), EXPRESSIONS, ids=lambda text: text[:60])
def test_bad_expressions_are_clear_errors_in_little_memory(tmp_path: Path, expression: str, message: str) -> None:
    code, _, err, memory = run(tmp_path, "-E", REPEAT + expression, "--memory-limit", "1024", command="evaluate")
    assert code == 1 and message in err and err.startswith("error:"), err[-300:]
    assert "Traceback" not in err and "fault of the evaluator" not in err
    assert memory < MOST_MEMORY_BYTES


def test_versions_of_a_megabyte_compare(tmp_path: Path) -> None:
    expression = REPEAT + 'builtins.compareVersions (repeat 500000 "1.") (repeat 500000 "1." + "a")'
    assert run(tmp_path, "--eval", "-E", expression)[:2] == (0, "1\n") or run(tmp_path, "--eval", "-E", expression)[:2] == (0, "-1\n")


def test_patterns_with_many_paths_are_fast(tmp_path: Path) -> None:
    for pattern in ("(a*)*b", "(a|aa)+b", "(a|a)*b", "(.*)(.*)(.*)(.*)b"):
        expression = REPEAT + f'builtins.match "{pattern}" (repeat 20000 "a")'
        assert run(tmp_path, "--eval", "-E", expression)[:2] == (0, "null\n")


def test_standard_input_without_end_is_an_error(monkeypatch, capfd) -> None:
    from snowsnake.cli import output
    from snowsnake.cli.main import main

    monkeypatch.setattr(output, "_LARGEST_SOURCE", 1 << 22)
    for words in (["eval", "-"], ["parse", "-"]):
        with open("/dev/zero", encoding="utf-8") as endless:
            monkeypatch.setattr("sys.stdin", endless)
            assert main(words) == 1
        assert "standard input is larger than 4 GiB" in capfd.readouterr().err
