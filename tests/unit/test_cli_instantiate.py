"""snowsnake-instantiate: options, streams and exit codes of nix-instantiate 2.34 (recorded from it)."""

import pytest


@pytest.fixture
def nix(run_command, tmp_path):
    (tmp_path / "a.nix").write_text('{ a = 1; b = [ 1 (throw "oops") ]; c = { x, y ? 2, ... }: x + y; }\n')
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "default.nix").write_text('"default of the folder"\n')
    (tmp_path / "link").symlink_to("folder")

    def run(*words, stdin=b"", **environment):
        done = run_command("instantiate", *words, stdin=stdin, **environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode().replace(str(tmp_path), "DIR")

    return run


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["--version"], "nix-instantiate (Nix) 2.34.8\n"),
        (["--eval", "-E", "1", "-E", "2"], "1\n2\n"),
        (["--eval", "-E", "1", "2"], "1\n2\n"),
        (["--eval", "-E1"], "1\n"),
        (["--eval", "--", "-E", "1"], "1\n"),
        (["--eval", "-QE", "1"], "1\n"),
        (["--eval", "a.nix", "-A", "a"], "1\n"),
        (["--eval", "a.nix", "-A", "b.0"], "1\n"),
        (["--eval", "a.nix", "-A", "c", "--arg", "x", "1"], "3\n"),
        (["--eval", "a.nix", "-A", "c", "--argstr", "x", "1", "--arg", "y", '"2"'], '"12"\n'),
        (["--eval", "-A", 'a."b c".d', "-E", '{ a."b c".d = 5; }'], "5\n"),
        (["--eval", "-A", "a", "-A", "b", "-E", "{ a = 1; b = 2; }"], "1\n2\n"),
        (["--eval", "-A", "a.b.0.c", "--arg", "x", "5", "-E", "{ z ? 3 }: { a = { x }: { b = [ { c = x; } ]; }; }"], "5\n"),
        (["--eval", "--raw", "-E", '"a"'], "a"),
        (["--eval", "--strict", "--json", "-E", '{ a = 1; b = [ { x = "é"; } ]; }'], '{"a":1,"b":[{"x":"é"}]}\n'),
        (["--eval", "--json", "--xml", "--raw", "-E", '"last one counts"'], "last one counts"),
        (["--eval", "-E", "{ x }: x"], "<LAMBDA>\n"),
        (["--eval", "link"], '"default of the folder"\n'),
        (["--eval", "a.nix/", "-A", "a"], "1\n"),
        (["--eval", "-I", "f=./folder", "<f>"], '"default of the folder"\n'),
        (["--eval", "--nix-path", "f=./folder", "-E", "import <f>"], '"default of the folder"\n'),
        (["--eval", "--option", "nix-path", "f=./folder", "-E", "import <f>"], '"default of the folder"\n'),
        (["--eval", "<nix/fetchurl.nix>"], "<LAMBDA>\n"),
        (["--eval", "--arg-from-file", "x", "folder/default.nix", "-E", "{ x }: x"], '"\\"default of the folder\\"\\n"\n'),
        (["--eval", "--system", "made-up", "-E", "builtins.currentSystem"], '"made-up"\n'),
        (["--eval", "--extra-experimental-features", "pipe-operators", "-E", "1 |> (x: x + 1)"], "2\n"),
        (["--eval", "--pure-eval", "-E", 'builtins.currentSystem or "hidden"'], '"hidden"\n'),
        (["--eval", "--pure-eval", "--impure", "-E", "builtins ? currentSystem"], "true\n"),
        (["--eval", "--no-pure-eval", "--cores", "3", "--readonly-mode", "--repair", "-j2", "-E", "1"], "1\n"),
        (["--parse", "-E", "x: x+1"], "(x: (x + 1))\n"),
        (["--parse", "folder", "link"], '"default of the folder"\n"default of the folder"\n'),
        (["-E", "{ }"], ""),
    ],
)
def test_values_are_printed_as_by_nix(nix, words, output):
    code, stdout, stderr = nix(*words)
    assert (code, stdout, stderr) == (0, output, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--foo"], "error: unrecognised flag '--foo'\nTry 'nix-instantiate --help' for more information.\n"),
        (["--eval", "-A"], "error: '-A' requires an argument\nTry 'nix-instantiate --help' for more information.\n"),
        (
            ["--eval", "--arg", "x"],
            "error: flag '--arg' requires 2 argument(s), but only 1 were given\n"
            "Try 'nix-instantiate --help' for more information.\n",
        ),
        (["--eval"], "error: path 'DIR/default.nix' does not exist\n"),
        (["--eval", "nofile.nix"], "error: path 'DIR/nofile.nix' does not exist\n"),
        (["--parse", "nofile.nix"], "error: path 'DIR/nofile.nix' does not exist\n"),
        (["--eval", "a.nix", "-A", "zz"], "error: attribute 'zz' in selection path 'zz' not found\n       Did you mean one of a, b or c?\n"),
        (["--eval", "a.nix", "-A", "b.7"], "error: list index 7 in selection path 'b.7' is out of range\n"),
        (["--eval", "a.nix", "-A", "b.x"], "error: the expression selected by the selection path 'b.x' should be a set but is a list\n"),
        (["--eval", "-A", "0", "-E", "{ }"], "error: the expression selected by the selection path '0' should be a list but is a set\n"),
        (["--eval", "-A", "a..b", "-E", "{ a = { }; }"], "error: empty attribute name in selection path 'a..b'\n"),
        (["--eval", "-A", 'a."b', "-E", "{ }"], "error: missing closing quote in selection path 'a.\"b'\n"),
        (["--eval", "<foo>"], "error: file 'foo' was not found in the Nix search path (add it using $NIX_PATH or -I)\n"),
        (["--find-file", "foo"], "error: file 'foo' was not found in the Nix search path (add it using $NIX_PATH or -I)\n"),
        (["--eval", "--json", "-E", "x: x"], "error: cannot convert a function to JSON\n       at «string»:1:1:\n            1| x: x\n             | ^\n"),
        (
            ["-E", "1", "-j", "x"],
            "error: configuration setting 'max-jobs' should be 'auto' or an integer\nTry 'nix-instantiate --help' for more information.\n",
        ),
        (["-E", "1"], "error: expression does not evaluate to a derivation (or a set or list of those)\n"),
        (["--eval", "--log-format", "bad", "-E", "1"], "error: option 'log-format' has an invalid value 'bad'\n"),
        (["--eval", "--pure-eval", "a.nix"], "error: access to absolute path 'DIR/a.nix' is forbidden in pure evaluation mode (use '--impure' to override)\n"),
        (["--eval", "--restrict-eval", "a.nix"], "error: access to absolute path 'DIR/a.nix' is forbidden in restricted mode\n"),
        (
            ["--eval", "file:///none/x.tar.gz"],
            "error:\n       … while fetching the input 'file:///none/x.tar.gz'\n\n       error: tarball \"/none/x.tar.gz\" does not exist.\n",
        ),
    ],
)
def test_errors_are_printed_as_by_nix(nix, words, message):
    code, stdout, stderr = nix(*words)
    assert (code, stdout, stderr) == (1, "", message)


def test_unknown_and_bad_settings_are_warned_about(nix):
    assert nix("--option", "foo", "bar", "--eval", "-E", "1") == (0, "1\n", "warning: unknown setting 'foo'\n")
    assert nix("--eval", "-E", "1", NIX_CONFIG="foo = 1")[2] == "warning: unknown setting 'foo'\n"
    assert nix("--option", "pure-eval", "maybe", "--eval", "-E", "1")[2] == "warning: Boolean setting 'pure-eval' has invalid value 'maybe'\n"
    assert nix("--eval", "--extra-experimental-features", "foo", "-E", "1")[2] == "warning: unknown experimental feature 'foo'\n"


def test_a_dash_reads_standard_input(nix):
    assert nix("--eval", "-", stdin=b"1 + 1")[1] == "2\n"
    assert nix("--parse", "-", stdin=b"a.b")[2].startswith("error: undefined variable 'a'\n       at «stdin»:1:1:\n")
    assert nix("--eval", "--arg-from-stdin", "x", "-E", "{ x }: x", stdin=b"hello\n")[1] == '"hello\\n"\n'


def test_search_path_of_the_environment(nix):
    assert nix("--eval", "-E", "import <f>", NIX_PATH="a=b:f=./folder")[1] == '"default of the folder"\n'
    assert nix("--eval", "-E", "import <f>", NIX_CONFIG="nix-path = f=./folder")[1] == '"default of the folder"\n'
    listed = nix("--eval", "--strict", "--json", "-I", "x=y", "-E", "builtins.nixPath", NIX_PATH="https=https://a/b:c")[1]
    assert listed == '[{"path":"y","prefix":"x"},{"path":"https://a/b","prefix":"https"},{"path":"c","prefix":""}]\n'


def test_results_before_an_error_are_printed(nix):
    code, stdout, stderr = nix("--eval", "a.nix", "nofile", "-A", "a")
    assert (code, stdout, stderr) == (1, "1\n", "error: path 'DIR/nofile' does not exist\n")


def test_the_derivations_of_an_expression_are_found(nix):
    drv = 'derivation { name = "%s"; builder = "b"; system = "s"; outputs = [ "lib" "dev" ]; }'
    x, y, z = (drv % name for name in "xyz")
    source = f"{{ a = {x}; b.recurseForDerivations = true; b.x = {y}; c.y = {z}; d = 5; }}"
    code, stdout, stderr = nix("-E", source)
    paths = stdout.split()
    assert code == 0 and len(paths) == 2
    assert paths[0] == "/nix/store/vj8aqxhl6dpaz0xfs287vahhv041r098-x.drv!lib"
    assert stderr == "warning: you did not specify '--add-root'; the result might be removed by the garbage collector\n"
    assert nix("-E", source, "-A", "a.dev")[1] == paths[0].replace("!lib", "!dev") + "\n"
    same = nix("--no-gc-warning", "-E", f"rec {{ a = {x}; b = a; c = [ a ]; }}")
    assert same == (0, paths[0] + "\n", "")


def test_derivations_deep_inside_lists_are_found(nix):
    """3000 nested lists are searched; 20 000 are too many, as for 2.34.8."""
    source = """builtins.foldl' (x: _: [ x ]) (derivation { name = "x"; system = "s"; builder = "b"; }) (builtins.genList (x: x) %d)"""
    code, stdout, stderr = nix("--readonly-mode", "-E", source % 3000)
    assert (code, stdout) == (0, "/nix/store/5wq5jx7219pmi3xklyhl77fjbqvy6qaj-x.drv\n"), stderr
    code, stdout, stderr = nix("--readonly-mode", "-E", source % 20_000)
    assert (code, stdout) == (1, "") and stderr.endswith("error: stack overflow; max-call-depth exceeded\n")


@pytest.mark.parametrize(
    ("drv_path", "message"),
    [
        ("1", "cannot coerce an integer to a string: 1"),
        ('"/nix/store/foo.drv"', "path '/nix/store/foo.drv' is not in the Nix store"),
        ("./a.nix", "path 'DIR/a.nix' is not in the Nix store"),
        ('"/nix/store/00000000000000000000000000000000-x"', "store path '00000000000000000000000000000000-x' is not a valid derivation path"),
    ],
)
def test_malformed_derivation_paths_are_errors(nix, drv_path, message):
    code, stdout, stderr = nix("-E", f'{{ type = "derivation"; name = "x"; outputName = "out"; drvPath = {drv_path}; }}')
    assert (code, stdout) == (1, "") and f"error: {message}" in stderr


def test_only_read_write_mode_writes_derivations(nix):
    source = 'import (builtins.toFile "x" "1 + 1")'
    assert nix("--eval", "--read-write-mode", "-E", source)[:2] == (0, "2\n")
    code, _, stderr = nix("--eval", "-E", source)
    assert code == 1 and "is not valid" in stderr


def test_errors_are_json_in_the_json_log_formats(nix):
    import json

    facts = json.loads(nix("--eval", "--log-format", "json", "-E", '{ name = 1; }.nam')[2])
    assert (facts["code"], facts["kind"], facts["suggestions"]) == ("SN0006", "missing-attribute", ["name"])
    assert facts["position"]["line"] == 1
    line = nix("--eval", "--log-format", "internal-json", "-E", 'throw "x"')[2]
    facts = json.loads(line[5:])
    assert line.startswith("@nix {") and facts["raw_msg"] == "x" and list(facts) == sorted(facts)


def test_there_are_colours_only_where_they_are_wanted(nix):
    assert nix("--eval", "-E", 'throw "x"', CLICOLOR_FORCE="1", NO_COLOR="", TERM="xterm")[2].startswith("\x1b[31;1merror:")
    assert "\x1b" not in nix("--eval", "-E", 'throw "x"')[2]


def test_NIX_SHOW_STATS_prints_statistics(nix):
    assert '"totalBytes"' in nix("--eval", "-E", "1", NIX_SHOW_STATS="1")[2]


@pytest.mark.parametrize(
    ("source", "warned"),
    [
        ("let f = x: x; or = 1; in f f or", ["1:28 (f or)"]),
        ("let or = 1; in a: b: [ a or b or ]", ["1:24 (a or)", "1:29 (b or)"]),
        ("let or = 1; in f: a: f a.x or 2 or", ["1:31 (2 or)"]),
        ("let or = 1; in f: [\n{ }\n  or 1 ]", ["2:1 ({ }\n  or)"]),
        ("let or = x: x; in f: [ (f or) { }.or ]", []),
        ("let or = x: x; in f: f or 1 2", []),
    ],
)
def test_or_as_an_identifier_is_warned_about(nix, tmp_path, source, warned):
    """A warning for each `f or` that is an argument, an element or a default, whenever the source is parsed."""
    expected = "".join(
        f"warning: at DIR/or.nix:{place}: This expression uses `or` as an identifier in a way that will change in a future Nix release.\n"
        f"Wrap this entire expression in parentheses to preserve its current meaning:\n    {text}\n"
        "Give feedback at https://github.com/NixOS/nix/pull/11121\n"
        for place, text in (line.split(" ", 1) for line in warned)
    )
    (tmp_path / "or.nix").write_text(source)
    assert nix("--parse", "or.nix")[2] == expected
    # A file whose compiled form is kept on disk warns, too.
    for _ in range(2):
        code, _, stderr = nix("--eval", "or.nix")
        assert (code, stderr) == (0, expected)


XML_HEAD = "<?xml version='1.0' encoding='utf-8'?>\n<expr>\n"


@pytest.mark.parametrize(
    ("expression", "output"),
    [
        ('[ 1 (throw "x") ]', XML_HEAD + '  <list>\n    <int value="1" />\n  </list>\n</expr>\n'),
        (
            '{ a = 1; b = throw "x"; }',
            XML_HEAD + '  <attrs>\n    <attr name="a">\n      <int value="1" />\n    </attr>\n    <attr name="b">\n    </attr>\n  </attrs>\n</expr>\n',
        ),
        (
            '[ { a = [ 1 (throw "x") ]; } ]',
            XML_HEAD + '  <list>\n    <attrs>\n      <attr name="a">\n        <list>\n          <int value="1" />\n        </list>\n      </attr>\n'
            "    </attrs>\n  </list>\n</expr>\n",
        ),
        ('{ type = "derivation"; drvPath = throw "x"; }', XML_HEAD + "</expr>\n"),
        ('throw "x"', ""),
        ('{ type = throw "x"; }', XML_HEAD + "</expr>\n"),
        ('[ (builtins.toXML [ (throw "x") ]) ]', XML_HEAD + "  <list>\n  </list>\n</expr>\n"),
    ],
)
def test_xml_before_an_error_is_printed_and_closed(nix, expression, output):
    """The output before the error is printed, with the ends of all open elements."""
    code, out, errors = nix("--eval", "--xml", "--strict", "--no-location", "-E", expression)
    assert (code, out) == (1, output)
    assert errors.endswith("error: x\n")
