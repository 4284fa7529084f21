"""NAR archives: ours have the bytes of Nix's, and can be read back; hostile ones are refused, never followed."""

import io
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowsnake.store import BadArchive, Hash, StorePath, nar, pack, read_nar, unpack
from snowsnake.store.canonical import canonicalise
from snowsnake.store.nar import MAX_DEPTH
from snowsnake.store.nar_reader import listing
from snowsnake.store.nar_unpack import unpack_canonical
from snowsnake.store.removal import remove


def word(data):
    data = data.encode() if isinstance(data, str) else data
    return len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8)


def words(*parts):
    return b"".join(p if isinstance(p, Raw) else word(p) for p in parts)


class Raw(bytes):
    """Bytes that are written as they are."""


def file(contents="", *, executable=False):
    return Raw(words("(", "type", "regular", *(("executable", "") if executable else ()), "contents", contents, ")"))


def directory(*entries):
    return Raw(words("(", "type", "directory", *(Raw(words("entry", "(", "name", n, "node", e, ")")) for n, e in entries), ")"))


def link(target):
    return Raw(words("(", "type", "symlink", "target", target, ")"))


def archive(node):
    return words("nix-archive-1", node)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "b" / "c").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "a").write_text("hi\n")
    (root / "B").write_text("")
    (root / "b.txt").write_text("x" * 100_000)
    (root / "b" / "run").write_text("#!")
    (root / "b" / "run").chmod(0o755)
    (root / "b" / "c" / "zz").write_text("12345678")
    (root / "l").symlink_to("/nowhere/at all")
    with open(os.fsencode(root) + b"/\xff", "w"):
        pass
    return root


def test_pack_writes_the_bytes_of_the_format(tree):
    assert pack(tree) == archive(directory(
        ("B", file()), ("a", file("hi\n")),
        ("b", directory(("c", directory(("zz", file("12345678")))), ("run", file("#!", executable=True)))),
        ("b.txt", file("x" * 100_000)), ("empty", directory()), ("l", link("/nowhere/at all")), (b"\xff", file()),
    ))
    assert pack(tree / "a") == archive(file("hi\n")) == nar.pack_contents(b"hi\n")
    assert pack(tree / "l") == archive(link("/nowhere/at all"))
    assert pack(tree / "b" / "run") == nar.pack_contents(b"#!", executable=True)


def test_hash_of_a_known_tree(tmp_path):
    # The hash is that of builtins.path in nix-instantiate 2.34, for a folder with the single file `a`, "hi\n".
    root = tmp_path / "t"
    root.mkdir()
    (root / "a").write_text("hi\n")
    assert nar.path_digest("sha256", root) == (Hash.of_bytes(pack(root)).digest, len(pack(root)))
    assert Hash.of_path(root).sri == Hash.of_bytes(archive(directory(("a", file("hi\n"))))).sri
    assert StorePath.of_content("t", Hash.of_path(root)).name == "t"


def test_filter_is_asked_depth_first_in_order(tree):
    asked = []

    def accepts(path, kind):
        asked.append((os.path.relpath(path, tree), kind))
        return not path.endswith(("/c", "/a", "/l", "\udcff"))

    assert pack(tree, accepts) == archive(directory(
        ("B", file()), ("b", directory(("run", file("#!", executable=True)))), ("b.txt", file("x" * 100_000)), ("empty", directory()),
    ))
    assert asked == [
        ("B", "regular"), ("a", "regular"), ("b", "directory"), ("b/c", "directory"), ("b/run", "regular"),
        ("b.txt", "regular"), ("empty", "directory"), ("l", "symlink"), ("\udcff", "regular"),
    ]
    assert pack(tree, lambda path, kind: False) == archive(directory())
    with pytest.raises(ZeroDivisionError):
        pack(tree, lambda path, kind: 1 // 0)


def test_files_that_cannot_be_packed_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="has an unsupported type"):
        pack(tmp_path)
    assert pack(tmp_path, lambda path, kind: kind != "unknown") == archive(directory())
    with pytest.raises(OSError, match="No such file or directory"):
        pack(tmp_path / "nothing")
    with pytest.raises(OSError, match="NUL"):
        pack("/tmp\0x")


def test_wide_and_deep_trees_are_packed(tmp_path):
    chance = random.Random(2)
    names = [f"{chance.randrange(10**6)}-{i}" for i in range(2000)]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert [m.path for m in read_nar(pack(tmp_path))][1:] == sorted(names)
    for name in names:
        (tmp_path / name).unlink()
    deep = tmp_path
    for _ in range(MAX_DEPTH - 1):
        deep = deep / "d"
        deep.mkdir()
    members = listing(pack(tmp_path))
    assert len(members) == MAX_DEPTH and members[-1].path.count("d") == MAX_DEPTH - 1
    unpack(pack(tmp_path), tmp_path / "e")
    (deep / "file").touch()
    too_deep = f"path '{deep}/file' exceeds maximum NAR directory depth of 64"
    for pack_it in (pack, lambda path: nar.path_digest("sha256", path), Hash.of_path):
        with pytest.raises(OSError, match=too_deep):
            pack_it(tmp_path)
    assert listing(pack(tmp_path, lambda path, kind: kind == "directory" and path != str(tmp_path / "e")))


def test_unpack_is_the_reverse(tree, tmp_path):
    data = pack(tree)
    unpack(data, tmp_path / "copy")
    assert pack(tmp_path / "copy") == data
    unpack(io.BytesIO(data), tmp_path / "again")
    assert pack(tmp_path / "again") == data
    with pytest.raises(FileExistsError):
        unpack(data, tmp_path / "again")


def test_members_come_one_after_the_other(tree):
    members = {m.path: (m.kind, m.executable, m.size, m.target) for m in read_nar(pack(tree))}
    assert members["b/run"] == ("regular", True, 2, "")
    assert members["l"] == ("symlink", False, 0, "/nowhere/at all")
    assert members[""][0] == "directory"
    for member in read_nar(pack(tree)):
        if member.path == "b.txt":
            # The next step skips the rest.
            assert len(next(member.pieces())) == 65536
    assert [m.read() for m in read_nar(archive(file("abc")))] == [b"abc"]


def test_an_archive_may_arrive_in_small_pieces(tree):
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 3) if size > 0 else size)

    assert [m.path for m in read_nar(Slow(pack(tree)))] == [m.path for m in read_nar(pack(tree))]


def test_data_after_the_archive_is_left_unread():
    stream = io.BytesIO(archive(file("a")) + b"more")
    assert [m.path for m in read_nar(stream, allow_trailing=True)] == [""]
    assert stream.read() == b"more"
    with pytest.raises(BadArchive, match="data after its end"):
        listing(archive(file("a")) + b"x")


def deep_archive(depth):
    start = words("(", "type", "directory", "entry", "(", "name", "d", "node")
    return words("nix-archive-1") + start * depth + file() + word(")") * 2 * depth


A = file("a")
HOSTILE = {
    "nothing": (b"", "unexpected end-of-file"),
    "another format": (b"PK\x03\x04" * 10, "doesn't look like a Nix archive"),
    "a tag of 2^63 bytes": (words("nix-archive-1") + bytes(7) + b"\x80", "too long"),
    "parent": (archive(directory(("..", A))), "invalid file name '..'"),
    "itself": (archive(directory((".", A))), "invalid file name '.'"),
    "no name": (archive(directory(("", A))), "invalid file name ''"),
    "slash": (archive(directory(("a/b", A))), "invalid file name 'a/b'"),
    "absolute": (archive(directory(("/etc/passwd", A))), "invalid file name"),
    "NUL": (archive(directory(("a\0b", A))), "invalid file name"),
    "unsorted": (archive(directory(("b", A), ("a", A))), "not sorted"),
    "repeated": (archive(directory(("a", A), ("a", A))), "not sorted"),
    "link, then through it": (archive(directory(("a", link("/tmp")), ("a", directory(("x", A))))), "not sorted"),
    "empty link": (archive(link("")), "symlink target"),
    "NUL in a link": (archive(link("a\0b")), "symlink target"),
    "unknown type": (archive(Raw(words("(", "type", "socket", ")"))), "expected tag 'regular' or"),
    "no type": (archive(Raw(words("(", "contents", "", ")"))), "expected tag 'type', got 'contents'"),
    "no contents": (archive(Raw(words("(", "type", "regular", ")"))), "expected tag 'executable' or 'contents', got '\\)'"),
    "executable without contents": (archive(Raw(words("(", "type", "regular", "executable", "", ")"))), "expected tag 'contents', got '\\)'"),
    "executable with a value": (archive(Raw(words("(", "type", "regular", "executable", "x", "contents", "", ")"))), "non-empty"),
    "contents of 2^62 bytes": (words("nix-archive-1", "(", "type", "regular", "contents") + (1 << 62).to_bytes(8, "little"), "end-of-file"),
    "too long a name": (archive(directory(("x" * 256, A))), "file name of 256 bytes is too long"),
    "too long a link": (archive(link("x" * 4096)), "symlink target of 4096 bytes is too long"),
    "padding": (archive(file("a")).replace(b"a\0\0\0\0\0\0\0", b"a\0\0\0\0\0\0\1"), "non-zero padding"),
    "too deep": (deep_archive(MAX_DEPTH + 1), "nesting exceeds maximum depth"),
    "depth without end": (deep_archive(200_000), "nesting exceeds maximum depth"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_and_stay_inside(name, tmp_path):
    data, message = HOSTILE[name]
    with pytest.raises(BadArchive, match=message):
        listing(data)
    with pytest.raises(BadArchive, match=message):
        unpack(data, tmp_path / "out")
    assert set(os.listdir(tmp_path)) <= {"out"}
    assert not unpacks_alike(data, tmp_path / "alike")


def states(root):
    """Kind, mode, date and contents of everything in a tree."""
    found = {}
    for path in [root, *root.rglob("*")] if root.is_dir() and not root.is_symlink() else [root]:
        status = os.lstat(path)
        contents = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(root))] = oct(status.st_mode), status.st_mtime_ns, contents
    return found


def unpacks_alike(data, place):
    """Whether an archive is right: `unpack` and `unpack_canonical` agree on that, and make the same tree."""
    place.mkdir(exist_ok=True)
    read, quick = place / "read", place / "quick"
    try:
        unpack(data, read)
        canonicalise(str(read), durable=False)
        is_right = True
    # Names that are too long for the file system raise an OSError.
    except (BadArchive, OSError):
        is_right = False
    assert unpack_canonical(data, os.fsencode(quick)) == is_right
    if is_right:
        assert states(read) == states(quick)
    remove(str(place))
    return is_right


TOKENS = [
    "nix-archive-1", "(", "type", "directory", "entry", "(", "name", "a", "node", "(", "type", "regular", "executable", "", "contents", "12345", ")", ")",
    "entry", "(", "name", "b", "node", "(", "type", "directory", "entry", "(", "name", "l", "node", "(", "type", "symlink", "target", "t", ")", ")", ")", ")",
    "entry", "(", "name", "c", "node", "(", "type", "regular", "contents", "x" * 16, ")", ")", ")",
]  # fmt: skip
BREAKS = {
    "gone": lambda token: b"",
    "twice": lambda token: word(token) * 2,
    "empty": lambda token: word(""),
    "longer": lambda token: word(token + "x"),
    "shorter": lambda token: word(token[:-1]),
    "capital": lambda token: word(token.upper() + "\0"),
    "NUL": lambda token: word("\0" + token[1:]),
    "slash": lambda token: word(token[:1] + "/"),
    "parent": lambda token: word(".."),
    "padding": lambda token: word(token)[:-1] + b"\1",
    "no padding": lambda token: len(token).to_bytes(8, "little") + token.encode(),
    "size + 1": lambda token: (len(token) + 1).to_bytes(8, "little") + word(token)[8:],
    "size + 8": lambda token: (len(token) + 8).to_bytes(8, "little") + word(token)[8:],
    "size 2^32": lambda token: (len(token) + (1 << 32)).to_bytes(8, "little") + word(token)[8:],
    "size 2^63": lambda token: (1 << 63).to_bytes(8, "little") + word(token)[8:],
    "size -1": lambda token: b"\xff" * 8 + word(token)[8:],
    "size -8": lambda token: ((1 << 64) - 8).to_bytes(8, "little") + word(token)[8:],
    "another's": lambda token: word({"(": ")", ")": "(", "entry": "node", "regular": "symlink", "contents": "target", "directory": "regular"}.get(token, "entry")),
    "huge": lambda token: word(token + "x" * 300),
    "the rest gone": None,
}


@pytest.mark.parametrize("kind", BREAKS)
def test_each_broken_token_is_refused_by_both_readers(kind, tmp_path):
    right = sum(
        unpacks_alike(
            words(*TOKENS[:place]) + (BREAKS[kind](token) + words(*TOKENS[place + 1 :]) if BREAKS[kind] else b""), tmp_path / "alike"
        )
        for place, token in enumerate(TOKENS)
    )  # fmt: skip
    assert unpacks_alike(words(*TOKENS), tmp_path / "alike")
    # A broken archive is still right if a name, contents or a target changed, or if a file lost "executable" and its empty value.
    assert right < len(TOKENS) / 5


@pytest.mark.parametrize("count", [100_000])
def test_a_folder_may_have_many_entries(tmp_path, count):
    data = archive(directory(*((f"{number:08}", link("x")) for number in range(count))))
    assert unpack_canonical(data, os.fsencode(tmp_path / "many"))
    assert len(os.listdir(tmp_path / "many")) == count
    assert pack(tmp_path / "many") == data


def test_archives_that_nest_too_deeply_are_refused(tmp_path):
    for depth in (1, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1):
        assert unpacks_alike(deep_archive(depth), tmp_path / "alike") == (depth < MAX_DEPTH)
    descriptors = len(os.listdir("/proc/self/fd"))
    assert not unpack_canonical(deep_archive(100_000), os.fsencode(tmp_path / "deep"))
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_paths_that_are_too_long_are_refused(tmp_path):
    """Such a path would be valid, and nobody could read it."""
    for count in (10, 18, 19, 20, 21, 40):
        node = file("x")
        for _ in range(count):
            node = directory(("n" * 200, node))
        assert unpacks_alike(archive(node), tmp_path / "alike") == (len(str(tmp_path / "alike/quick")) + 201 * count < 4096)


def test_what_exists_is_not_touched(tmp_path):
    for node, name in ((file("a"), "file"), (directory(), "folder"), (link("a"), "link")):
        for make in (lambda path: path.write_text("mine"), lambda path: path.mkdir(), lambda path: path.symlink_to("/nonexistent")):
            path = tmp_path / name
            make(path)
            before = states(path)
            assert not unpack_canonical(archive(node), os.fsencode(path))
            assert states(path) == before
            remove(str(path))


def test_every_truncation_is_refused(tree):
    data = pack(tree / "b")
    for size in range(len(data)):
        with pytest.raises(BadArchive):
            listing(data[:size])
        assert not unpack_canonical(data[:size], os.fsencode(tree.parent / str(size)))


NAMES = st.binary(min_size=1, max_size=12).filter(lambda n: n not in (b".", b"..") and b"/" not in n and b"\0" not in n)
TREES = st.recursive(
    st.one_of(
        st.builds(lambda c, x: file(c, executable=x), st.binary(max_size=40), st.booleans()),
        st.builds(link, NAMES),
    ),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4).map(lambda d: directory(*sorted(d.items()))),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_any_tree_round_trips(tmp_path_factory, node):
    target = tmp_path_factory.mktemp("trees") / "x"
    unpack(archive(node), target)
    assert pack(target) == archive(node)
    assert unpacks_alike(archive(node), target.parent / "alike")


@settings(max_examples=400, deadline=None)
@given(TREES, st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255), st.integers(0, 3)), min_size=1, max_size=4))
def test_mutated_archives_are_read_or_refused(tmp_path_factory, node, edits):
    data = bytearray(archive(node))
    for place, byte, action in edits:
        place %= len(data) + 1
        if action == 0:
            data[place : place + 1] = bytes([byte])
        elif action == 1:
            data[place // 8 * 8 : place // 8 * 8 + 8] = byte.to_bytes(8, "little")
        elif action == 2:
            del data[place // 8 * 8 : place // 8 * 8 + 8]
        else:
            data[place:place] = data[: byte // 8 * 8]
    unpacks_alike(bytes(data), tmp_path_factory.getbasetemp() / "alike")
    try:
        members = [(m.path, m.kind, m.read()) for m in read_nar(bytes(data))]
    except BadArchive:
        return
    for path, _, _ in members:
        assert not path.startswith("/") and ".." not in path.split("/")
