"""Files that an evaluation reads: their kinds, symlinks, policies, the search path, and the record of all questions."""

import hashlib
import os
import sysconfig
import threading
from pathlib import Path

import pytest

import snowsnake
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.host.options import HostOptions
from snowsnake.interpreter import Interpreter


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with a file, a folder, symlinks of all kinds and a pipe."""
    (tmp_path / "file").write_text("text\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "default.nix").write_text("{ here = ./.; }")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "up").symlink_to("folder/../folder")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def value(expression: str, base: Path, **options):
    return Interpreter(**options).evaluate(expression.encode(), str(base)).to_python()


def message(expression: str, base: Path, **options) -> str:
    with pytest.raises(EvaluationError) as caught:
        value(f"builtins.deepSeq ({expression}) null", base, **options)
    return caught.value.message


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("builtins.readFile ./folder", "reading file '{0}/folder': Is a directory"),
        ("builtins.readFile ./pipe", "file '{0}/pipe' has an unsupported type"),
        ("builtins.readFile ./loop", "infinite symlink recursion in path '{0}/loop'"),
        ("builtins.readFile ./dangling", "path '{0}/nowhere' does not exist"),
        ("builtins.readFile ./file/below", "path '{0}/file/below' does not exist"),
        ("builtins.readFile (./. + \"/a${builtins.fromJSON ''\"\\\\u0000\"''}b\")", None),
        ("builtins.readDir ./file", 'cannot read directory "{0}/file": Not a directory'),
        ("builtins.readDir ./pipe", 'cannot read directory "{0}/pipe": Not a directory'),
        ("builtins.readDir ./loop", "infinite symlink recursion in path '{0}/loop'"),
        ("import ./pipe", "file '{0}/pipe' has an unsupported type"),
        ("import ./loop", "too many symbolic links encountered while traversing the path '{0}/loop'"),
        ("import ./dangling", "path '{0}/nowhere' does not exist"),
        ('"${./pipe}"', "file '{0}/pipe' has an unsupported type"),
        ('"${./loop/below}"', "infinite symlink recursion in path '{0}/loop/below'"),
        ("builtins.pathExists ./loop/below", "infinite symlink recursion in path '{0}/loop/below'"),
        ("builtins.readFileType ./nothing", "path '{0}/nothing' does not exist"),
        (f'builtins.readFile "/{"a/" * 3000}"', None),
        (f'builtins.readFile "/{"a" * 300}"', None),
    ],
)
def test_files_that_cannot_be_read_are_clear_errors(tree: Path, expression: str, text: str | None) -> None:
    got = message(expression, tree)
    assert text is None or got == text.format(tree)


def test_odd_files_are_read_and_huge_ones_refused(tree: Path) -> None:
    with open(tree / "large", "wb") as file:
        file.truncate(2**31)
    assert "too large" in message("builtins.readFile ./large", tree)
    (tree / "bytes").write_bytes(bytes(range(1, 256)))
    assert value("builtins.stringLength (builtins.readFile ./bytes)", tree) == 255
    assert value("builtins.readFile /dev/null", tree) == ""


def test_devices_are_not_opened(tree: Path) -> None:
    assert value("builtins.stringLength (builtins.readFile /dev/zero)", tree) == 0




def test_symbolic_links_are_followed_as_by_nix(tree: Path) -> None:
    assert value("builtins.readFile ./link", tree) == "text\n"
    assert value("builtins.readDir ./up", tree) == {"default.nix": "regular"}
    assert value("map builtins.pathExists [ ./loop ./dangling ./nothing ]", tree) == [True, True, False]
    assert value("(import ./up).here == ./folder/../folder", tree) is True
    kinds = {"link": "symlink", "loop": "symlink", "pipe": "unknown", "file": "regular", "folder": "directory"}
    got = value("builtins.readDir ./.", tree)
    assert {name: got[name] for name in kinds} == kinds


def test_a_chain_of_symlinks_is_followed(tree: Path) -> None:
    (tree / "s0").symlink_to("file")
    for i in range(1, 30):
        (tree / f"s{i}").symlink_to(f"{tree}/s{i - 1}")
    assert value("builtins.readFile ./s29", tree) == "text\n"


def test_all_that_was_read_is_recorded(tree: Path) -> None:
    nix = Interpreter(search_path=[("t", str(tree))])
    nix.evaluate(
        b"[ (import ./folder) (builtins.readFile ./file) (builtins.readFile ./file) (builtins.pathExists ./nothing)"
        b' (builtins.getEnv "A_NAME") <t/file> (toString (builtins.readDir ./folder).x or "") ]',
        str(tree),
    ).deep_force()
    # The folders above are recorded, because one of them might be a link.
    ways = {f"{path}" for path in [*tree.parents, tree]}
    assert [entry for entry in nix.records() if entry[0] != "time" and entry[1] not in ways] == [
        ("status", f"{tree}/folder"),
        ("file", f"{tree}/folder/default.nix"),
        ("file", f"{tree}/file"),
        ("status", f"{tree}/nothing"),
        ("variable", "A_NAME"),
        ("status", f"{tree}/file"),
        ("directory", f"{tree}/folder"),
    ]


def test_records_are_of_one_evaluator(tree: Path) -> None:
    first, second = Interpreter(), Interpreter()
    first.evaluate(b"builtins.readFile ./file", str(tree)).force()
    assert first.records() and not second.records()


OUTSIDE = [
    "builtins.readFile ./file",
    "builtins.readDir ./.",
    "import ./folder",
    '"${./file}"',
    "builtins.path { path = ./folder; filter = path: type: true; }",
    "builtins.filterSource (path: type: true) ./folder",
    'builtins.hashFile "md5" ./file',
    "builtins.readFileType ./file",
    'builtins.findFile [ { path = ./.; } ] "file"',
    'builtins.fetchurl "file://${toString ./file}"',
]


@pytest.mark.parametrize("expression", OUTSIDE)
def test_pure_evaluation_reads_nothing(tree: Path, expression: str) -> None:
    nix = Interpreter(pure=True)
    with pytest.raises(EvaluationError) as caught:
        nix.evaluate(expression.encode(), str(tree)).force()
    assert caught.value.code == "access"
    assert not nix.records()


@pytest.mark.parametrize("expression", OUTSIDE[:-1])
def test_restricted_reads_what_is_allowed(tree: Path, expression: str) -> None:
    assert message(expression, tree, restricted=True).endswith("is forbidden in restricted mode")
    Interpreter(restricted=True, allowed_paths=[str(tree)]).evaluate(expression.encode(), str(tree)).force()
    Interpreter(restricted=True, search_path=[("t", str(tree))]).evaluate(expression.encode(), str(tree)).force()


def test_restricted_follows_no_symlink_out(tree: Path) -> None:
    (tree / "inside").mkdir()
    (tree / "inside" / "out").symlink_to("../file")
    options = {"restricted": True, "allowed_paths": [str(tree / "inside")]}
    assert message("builtins.readFile ./inside/out", tree, **options) == (
        f"access to absolute path '{tree}/file' is forbidden in restricted mode"
    )
    assert value("builtins.attrNames (builtins.readDir ./.)", tree, **options) == ["inside"]
    assert value("builtins.pathExists ./inside/out", tree, **options) is True
    assert value("builtins.pathExists ./file", tree, **options) is False
    assert value('builtins.getEnv "PATH"', tree, **options) == ""


@pytest.mark.parametrize(
    "expression",
    [
        "builtins.readFile ./inside/out/file",
        "builtins.readFile (./inside + \"/../file\")",
        "builtins.readFile ./back",
        "builtins.readDir ./inside/out",
        "import ./inside/out/folder",
        "builtins.pathExists ./inside/out/file",
        "builtins.pathExists ./file",
        'builtins.getEnv "PATH"',
        'builtins.findFile [ { prefix = ""; path = ./inside/out; } ] "file"',
        'builtins.path { path = ./inside/out; name = "x"; }',
        "builtins.filterSource (path: type: true) ./inside/out/folder",
        'builtins.hashFile "md5" ./inside/out/file',
        '"${./inside/out/file}"',
        "builtins.readFileType ./inside/out/file",
    ],
)
@pytest.mark.parametrize("policy", ["restricted", "pure"])
def test_nothing_outside_is_read(tree: Path, expression: str, policy: str) -> None:
    """Neither symlinks nor `..` lead outside: the record of the read files names only files inside."""
    (tree / "inside").mkdir()
    (tree / "other" / "folder").mkdir(parents=True)
    (tree / "other" / "file").write_text("other")
    (tree / "other" / "folder" / "default.nix").write_text("1")
    (tree / "inside" / "out").symlink_to("../other")
    (tree / "back").symlink_to("inside/out/file")
    nix = Interpreter(restricted=True, allowed_paths=[str(tree / "inside")]) if policy == "restricted" else Interpreter(pure=True)
    try:
        assert nix.evaluate(expression.encode(), str(tree)).to_python() in (False, "")
    except EvaluationError as error:
        assert error.code == "access" or (error.code, policy) == ("search-path", "restricted")
    ways = {("status", f"{path}") for path in [*tree.parents, tree]} | {("variable", "PATH"), ("time", "")}
    read = [entry for entry in nix.records() if entry not in ways]
    assert all(path.startswith(f"{tree}/inside") for _, path in read), read


def test_pure_has_no_surroundings(tree: Path) -> None:
    assert value("builtins ? currentTime || builtins ? currentSystem", tree, pure=True) is False
    assert value('builtins.getEnv "PATH"', tree, pure=True) == ""
    assert message("<nixpkgs>", tree, pure=True).startswith("cannot look up '<nixpkgs>' in pure evaluation mode")
    assert message("~/x", tree, pure=True) == "the path '~/x' can not be resolved in pure mode"


def test_the_search_path_is_searched_in_order(tree: Path) -> None:
    (tree / "a").mkdir()
    (tree / "a" / "x").write_text("1")
    (tree / "b").mkdir()
    (tree / "b" / "x").write_text("2")
    path = [("p", str(tree / "a")), ("", str(tree / "b")), ("p", str(tree / "b")), ("q/r", str(tree))]
    assert value("[ (import <x>) (import <p/x>) (toString <p>) (toString <q/r/file>) ]", tree, search_path=path) == [
        2,
        1,
        str(tree / "a"),
        str(tree / "file"),
    ]
    assert message("<pq>", tree, search_path=path).startswith("file 'pq' was not found in the Nix search path")
    assert message("<q>", tree, search_path=path).startswith("file 'q' was not found")
    assert value("(builtins.tryEval <nothing>).success", tree, search_path=path) is False
    assert value("builtins.nixPath", tree, search_path=path[:1]) == [{"prefix": "p", "path": str(tree / "a")}]
    assert value("toString <file>", tree, search_path=[("", ".")], working_directory=str(tree)) == str(tree / "file")


def test_missing_entries_are_reported_once(tree: Path, capfd) -> None:
    path = [("", str(tree / "nothing")), ("", "file:///none/x.tar.gz"), ("", str(tree))]
    assert value("map toString [ <file> <file> ]", tree, search_path=path) == [str(tree / "file")] * 2
    assert capfd.readouterr().err == (
        f"warning: Nix search path entry '{tree}/nothing' does not exist, ignoring\n"
        "warning: Nix search path entry 'file:///none/x.tar.gz' cannot be downloaded, ignoring\n"
        "warning: Nix search path entry 'file:///none/x.tar.gz' does not exist, ignoring\n"
    )


def test_home_paths_and_the_system_come_from_the_options(tree: Path) -> None:
    assert value("toString ~/a/../b", tree, home="/home/me") == "/home/me/a/../b"
    assert value("builtins.currentSystem", tree, system="riscv64-linux") == "riscv64-linux"
    assert value("builtins.storeDir", tree, store_dir="/other/store") == "/other/store"


def test_a_folder_may_take_the_place_of_the_store(tree: Path) -> None:
    """Store paths are read in that folder."""
    name = "g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a"
    (tree / "store").mkdir()
    (tree / "store" / name).write_text("b")
    options = {"real_store": str(tree / "store")}
    assert value('builtins.readFile (builtins.toFile "a" "b")', tree, **options) == "b"
    assert value(f'builtins.readFile "/nix/store/{name}"', tree, **options) == "b"
    assert message('builtins.readFile (builtins.toFile "a" "c")', tree, **options).endswith("-a' is not valid")


def test_importing_a_derivation_file_returns_the_derivation(tree: Path) -> None:
    drv = (Path(__file__).parent / "store_derivations" / "9qxajz4ka1nzdlygpyl1jcfybk0rarvk-chain4.drv").read_bytes()
    (tree / "store").mkdir()
    (tree / "store" / "9qxajz4ka1nzdlygpyl1jcfybk0rarvk-chain4.drv").write_bytes(drv)
    got = value(
        'let d = import "/nix/store/9qxajz4ka1nzdlygpyl1jcfybk0rarvk-chain4.drv"; in '
        "{ inherit (d) drvPath name type outputName; same = d.out.all == d.all; path = d.outPath; }",
        tree,
        real_store=str(tree / "store"),
    )
    assert got["drvPath"] == "/nix/store/9qxajz4ka1nzdlygpyl1jcfybk0rarvk-chain4.drv"
    assert got["type"] == "derivation" and got["outputName"] == "out" and got["same"] is True
    assert got["path"].encode() in drv


def test_import_reads_a_file_once(tree: Path) -> None:
    nix = snowsnake.Evaluator()
    (tree / "once.nix").write_text("1")
    assert nix.evaluate("import ./once.nix", base_path=tree).to_python() == 1
    (tree / "once.nix").write_text("2")
    assert nix.evaluate("import ./once.nix", base_path=tree).to_python() == 1
    assert nix.evaluate("scopedImport { } ./once.nix", base_path=tree).to_python() == 2


def test_threads_have_hosts_of_their_own(tree: Path) -> None:
    found = {}

    def work(number: int) -> None:
        (tree / str(number)).write_text(str(number))
        found[number] = value("import <x>", tree, search_path=[("x", str(tree / str(number)))])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: i for i in range(4)}


def test_options_of_the_host_become_bytes() -> None:
    options = HostOptions(search_path=[("é", "a")], allowed_paths=["x"], working_directory="/w", restricted=True)
    assert options.search_path == [("é".encode(), b"a")]
    assert options.allowed_paths == [b"/w/x", b"/w/a"]
    with pytest.raises(ValueError, match="NUL"):
        HostOptions(search_path=[("a\0", "b")])


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    assert value("builtins.length (builtins.attrNames (builtins.readDir ./.))", tmp_path) == 1
    assert value('builtins.isString "${./.}"', tmp_path) is True


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "sha512"])
def test_large_files_are_hashed_piece_by_piece(tmp_path: Path, kind: str) -> None:
    """No part of a file is kept, unless it was just written: then it is read whole, for the record."""
    for path in (Path(sysconfig.get_path("stdlib"), "pydoc_data", "topics.py"), tmp_path / "young"):
        if path.parent == tmp_path:
            path.write_bytes(bytes(range(256)) * 1000 + b"end")
        data = path.read_bytes()
        nix = Interpreter()
        assert nix.evaluate(f'builtins.hashFile "{kind}" "{path}"'.encode(), "/").to_python() == hashlib.new(kind, data).hexdigest()
        (entry,) = [entry for entry in nix.dependencies() if entry.kind == "file"]
        assert entry.name == str(path) and nix.dependencies().holds(entry)


@pytest.mark.parametrize("size", [(1 << 15) - 1, 1 << 15, (1 << 19) + 7, 3_000_000])
def test_large_files_are_read_to_where_they_stay(tmp_path: Path, size: int) -> None:
    text = "0123456789abcdefghi\n" * (size // 20) + "x" * (size % 20)
    (tmp_path / "file").write_text(text)
    program = 'let t = builtins.readFile ./file; in { inherit t; u = t + "!"; hash = builtins.hashString "sha256" t; }'
    for options in ({}, {"stress": True}, {"restricted": True, "allowed_paths": (str(tmp_path),)}):
        found = value(program, tmp_path, **options)
        assert found == {"t": text, "u": text + "!", "hash": hashlib.sha256(text.encode()).hexdigest()}
    (tmp_path / "file").write_text(text[:-1] + "\0")
    with pytest.raises(EvaluationError, match="cannot be represented as a Nix string"):
        value("builtins.readFile ./file", tmp_path)
