"""Daemons and hosts that lie, for each request that our client can make.

A row has the call that makes a request, and the parts of an honest answer.  Everything else follows from it: answers that end at each byte,
false lengths, malformed paths, endless answers.  A new request without a row fails the first test.
"""

import contextlib
import io
import json
import os
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from snowsnake.store import nar, store_path
from snowsnake.store.daemon.channel import SocketChannel
from snowsnake.store.daemon.connection import ONLY_ANSWERED, DaemonOperation, Garbage
from snowsnake.store.daemon.store import DaemonStore
from snowsnake.store.daemon.wire import Message
from snowsnake.store.derivation import Derivation
from snowsnake.store.hash import Hash
from snowsnake.store.path_info import PathInfo
from snowsnake.store.realisation import Realisation
from snowsnake.store.ssh.remote import MountedStore, RemoteStore
from snowsnake.store.ssh.serve import Command, ServeStore

STORE = "/nix/store"
P, Q = f"{STORE}/{'0' * 32}-p", f"{STORE}/{'1' * 32}-q"
ARCHIVE = nar.pack_contents(b"contents")
DIGEST = Hash.of_bytes(ARCHIVE)
KEY = "sha256:" + "0" * 64 + "!out"
FLOATING = (
    b'Derive([("out","","r:sha256","")],[],[],"s","b",[],[("builder","b"),("name","d"),("out","/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9"),'
    b'("outputHashAlgo","sha256"),("outputHashMode","recursive"),("system","s")])'
)
DRV = str(store_path.text_path("d.drv", FLOATING, [], STORE))
LAST, NEXT, READ, WRITE, ERROR, START, RESULT = 0x616C7473, 0x6F6C6D67, 0x64617461, 0x64617416, 0x63787470, 0x53545254, 0x52534C54
ANSWERED = {"n", "t", "p", "ts", "ps", "h", "nar"}
BAD_PATHS = ["", "/etc/passwd", STORE, f"{STORE}/../x", f"{STORE}/{'0' * 32}", f"{STORE}/{'e' * 32}-x", f"{P}/file", f"{STORE}/{'0' * 32}-{'x' * 300}", "p\0", "\udcff" * 3]

Token = tuple[str, object]
INFO: list[Token] = [("p", Q), ("h", DIGEST.base16), ("ps", [P, Q]), ("n", 1), ("n", len(ARCHIVE)), ("n", 0), ("ts", ["key:" + "c25vdw=="]), ("t", "")]
OUTPUTS: list[Token] = [("n", 1), ("t", "out"), ("p", P)]
REALISATION = json.dumps({"id": KEY, "outPath": P[11:], "signatures": [], "dependentRealisations": {}})


@dataclass
class Row:
    """*call* makes the request; *replies*: an honest answer to each of its requests, as tokens."""

    call: Callable[[DaemonStore], object]
    replies: list[list[Token]]
    kind: type = DaemonStore
    version: int = 38


def archive_path() -> str:
    return str(store_path.fixed_path("x", "nar", "sha256", DIGEST.digest, (), False, STORE))


def add_and_flush(store: DaemonStore) -> object:
    path = store.add_text("x", b"y")
    store.flush()
    return path


def info_of(path: str) -> PathInfo:
    return PathInfo(path, f"sha256:{DIGEST.base16}", len(ARCHIVE))


def written(store) -> bytes:
    with contextlib.closing(io.BytesIO()), open(os.memfd_create("archive"), "r+b") as file:
        store.write_archive(P, file.fileno())
        file.seek(0)
        return file.read()


ROWS = {
    DaemonOperation.IS_VALID_PATH: Row(lambda store: store.is_valid(P), [[("n", 1)]]),
    DaemonOperation.ADD_TEMP_ROOT: Row(lambda store: store.claim(P), [[("n", 1)], [("n", 1)]]),
    DaemonOperation.QUERY_REFERRERS: Row(lambda store: store.referrers(P), [[("ps", [P, Q])]]),
    DaemonOperation.QUERY_VALID_DERIVERS: Row(lambda store: store.valid_derivers(P), [[("ps", [P, Q])]]),
    DaemonOperation.ADD_TO_STORE: Row(lambda store: store.add_archive("x", ARCHIVE), [[("n", 0)], [("p", archive_path()), *INFO]]),
    DaemonOperation.BUILD_PATHS: Row(lambda store: store.realise([P]), [[("n", 1)]], version=33),
    DaemonOperation.ADD_INDIRECT_ROOT: Row(lambda store: store.add_root(os.path.join(os.environ["HOSTILE_FOLDER"], "link"), P), [[("n", 1)]]),
    DaemonOperation.FIND_ROOTS: Row(lambda store: store.find_roots(), [[("n", 1), ("t", "/link"), ("p", P)]]),
    DaemonOperation.COLLECT_GARBAGE: Row(lambda store: store.collect_garbage(Garbage.REMOVE_DEAD), [[("ps", [P, Q]), ("n", 5), ("n", 0)]]),
    DaemonOperation.QUERY_ALL_VALID_PATHS: Row(lambda store: store.paths(), [[("ps", [P, Q])]]),
    DaemonOperation.QUERY_PATH_INFO: Row(lambda store: store.info(P), [[("n", 1), *INFO]]),
    DaemonOperation.QUERY_PATH_FROM_HASH_PART: Row(lambda store: store.path_with_hash("0" * 32), [[("p", P)]]),
    DaemonOperation.QUERY_VALID_PATHS: Row(lambda store: store.valid_among([P, Q]), [[("ps", [P, Q])]]),
    DaemonOperation.QUERY_SUBSTITUTABLE_PATHS: Row(lambda store: store.substitutable([P, Q]), [[("ps", [P, Q])]]),
    DaemonOperation.ADD_SIGNATURES: Row(lambda store: store.add_signatures(P, ["key:c25vdw=="]), [[("n", 1)]]),
    DaemonOperation.NAR_FROM_PATH: Row(written, [[("n", 1), *INFO], [("nar", ARCHIVE)]], RemoteStore),
    DaemonOperation.ADD_TO_STORE_NAR: Row(lambda store: store.import_object(info_of(P), io.BytesIO(ARCHIVE)), [[]]),
    DaemonOperation.QUERY_MISSING: Row(lambda store: store.missing([P]), [[("ps", []), ("ps", [P]), ("ps", [Q]), ("n", 1), ("n", 2)]]),
    DaemonOperation.QUERY_DERIVATION_OUTPUT_MAP: Row(lambda store: store.outputs(DRV), [[("n", 1)], OUTPUTS]),
    DaemonOperation.REGISTER_DRV_OUTPUT: Row(lambda store: store.register_realisation(Realisation(KEY, P, [])), [[]]),
    DaemonOperation.QUERY_REALISATION: Row(lambda store: store.realisation(KEY), [[("ts", [REALISATION])]]),
    DaemonOperation.ADD_MULTIPLE_TO_STORE: Row(add_and_flush, [[("n", 1)], [("n", 0)], []]),
    DaemonOperation.BUILD_PATHS_WITH_RESULTS: Row(
        lambda store: store.realise([f"{DRV}!out"]),
        [
            [("n", 1)], OUTPUTS,
            [("n", 1), ("t", f"{DRV}!out"), ("n", 0), ("t", ""), *[("n", 0)] * 4, ("n", 1), ("n", 5), ("n", 0), ("n", 1), ("t", KEY), ("t", REALISATION)],
            OUTPUTS,
        ],
    ),  # fmt: skip
    DaemonOperation.BUILD_DERIVATION: Row(
        lambda store: store.build_derivation(DRV, Derivation.from_aterm(FLOATING, DRV, STORE), [P]).outputs,
        [[("n", 0), ("t", ""), *[("n", 0)] * 4, ("n", 1), ("n", 5), ("n", 0), ("n", 1), ("t", KEY), ("t", REALISATION)]],
    ),
    DaemonOperation.ADD_PERM_ROOT: Row(lambda store: store.add_root("/link", P), [[("t", "/link")]], MountedStore),
}
SERVED: list[Token] = [("t", ""), ("ps", [P, Q]), ("n", 0), ("n", len(ARCHIVE)), ("h", f"sha256:{DIGEST.base16}"), ("t", ""), ("ts", []), ("t", "")]
SERVE_ROWS = {
    Command.QUERY_VALID_PATHS: Row(lambda store: store.valid_among([P, Q]), [[("ps", [P, Q])]], ServeStore),
    Command.QUERY_PATH_INFOS: Row(lambda store: store.info(P), [[("p", P), *SERVED]], ServeStore),
    Command.DUMP_STORE_PATH: Row(written, [[("p", P), *SERVED], [("nar", ARCHIVE)]], ServeStore),
    Command.BUILD_PATHS: Row(lambda store: store.realise([P]), [[("n", 0)]], ServeStore),
    Command.BUILD_DERIVATION: Row(
        lambda store: store.build_derivation(DRV, Derivation.from_aterm(FLOATING, DRV, STORE), [P]).outputs,
        [[("n", 0), ("t", ""), *[("n", 0)] * 4, ("n", 1), ("t", KEY), ("t", REALISATION)]], ServeStore,
    ),  # fmt: skip
    Command.ADD_TO_STORE_NAR: Row(lambda store: store.import_object(info_of(P), io.BytesIO(ARCHIVE)), [[("n", 1)]], ServeStore),
}
ALL = {**{operation.name: row for operation, row in ROWS.items()}, **{f"serve {command.name}": row for command, row in SERVE_ROWS.items()}}
each_row = pytest.mark.parametrize("row", ALL.values(), ids=ALL.keys())


def test_every_request_has_a_row():
    # Every connection begins with SET_OPTIONS.
    assert set(ROWS) == set(DaemonOperation) - ONLY_ANSWERED - {DaemonOperation.SET_OPTIONS}
    # Only our server knows QUERY_CLOSURE; our client does not use it.
    assert set(SERVE_ROWS) == set(Command) - {Command.QUERY_CLOSURE}


@pytest.fixture(autouse=True)
def real(tmp_path, monkeypatch) -> Path:
    """The folder with the objects of the daemon's store."""
    monkeypatch.setenv("HOSTILE_FOLDER", str(tmp_path))
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / DRV[11:]).write_bytes(FLOATING)
    return tmp_path / "real"


def encoded(tokens: list[Token]) -> list[bytes]:
    found = []
    for kind, value in tokens:
        message = Message()
        if kind == "n":
            message.add_number(value)
        elif kind in ("ts", "ps"):
            message.add_texts(value)
        elif kind == "nar":
            message.data += value
        elif kind == "raw":
            message.data += value
        else:
            message.add_text(value)
        found.append(bytes(message.data))
    return found


def greeting(row: Row) -> list[Token]:
    if row.kind is ServeStore:
        return [("n", 0x5452EECB), ("n", 2 << 8 | 7)]
    features: list[Token] = [("ts", ["what-we-do-not-know"])] if row.version >= 38 else []
    trust: list[Token] = [("n", 1)] if row.version >= 35 else []
    options: list[Token] = [("n", LAST)] if row.kind is DaemonStore else []
    return [("n", 0x6478696F), ("n", 1 << 8 | row.version), *features, ("t", "2.34.8"), *trust, ("n", LAST), *options]


def conversation(row: Row) -> list[Token]:
    """All that an honest daemon sends."""
    start: list[Token] = [] if row.kind is ServeStore else [("n", LAST)]
    return [*greeting(row), *(token for reply in row.replies for token in (*start, *reply))]


def store_of(row: Row, answers: bytes, real: Path, *, then: Callable[[socket.socket], None] | None = None) -> tuple[DaemonStore, list[socket.socket]]:
    """A store whose first connection has these answers, sent before they are requested; *then*: what is sent afterwards, otherwise the end."""
    theirs: list[socket.socket] = []

    def dial() -> SocketChannel:
        ours, other = socket.socketpair()
        theirs.append(other)
        if len(theirs) == 1:
            other.sendall(answers)
        if then is not None:
            threading.Thread(target=then, args=(other,), daemon=True).start()
        else:
            other.shutdown(socket.SHUT_WR)
        return SocketChannel(ours)

    if row.kind is ServeStore:
        return ServeStore(dial, "host", "ssh://host"), theirs
    if row.kind is RemoteStore:
        return RemoteStore(dial, "ssh-ng://host"), theirs
    if row.kind is MountedStore:
        return MountedStore(dial, "ssh-ng://host", STORE, str(real)), theirs
    return DaemonStore(dial, real=str(real)), theirs


def outcome(row: Row, answers: bytes, real: Path, **given) -> object:
    """The result of the call, or its error; the test fails if the error is not one for users."""
    store, theirs = store_of(row, answers, real, **given)
    link = real.parent / "link"
    if link.is_symlink():
        link.unlink()
    try:
        found = row.call(store)
    except (ValueError, OSError) as error:
        assert not isinstance(error, UnicodeError), repr(error)
        assert str(error)
        found = error
    finally:
        with contextlib.suppress(ValueError, OSError):
            store.close()
        for other in theirs:
            other.close()
    return found


def paths_in(value: object) -> Iterator[str]:
    """The texts in a result that look like paths."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (*paths_in(inner), *(paths_in(key) if str(key).startswith(STORE) else ()))
    elif isinstance(value, (list, tuple, set)):
        for inner in value:
            yield from paths_in(inner)
    elif isinstance(value, PathInfo):
        yield from (value.path, *value.references, *([value.deriver] if value.deriver else []))
    elif hasattr(value, "builds"):
        yield from (*value.builds, *value.fetches, *value.unknown)


def check(found: object) -> None:
    """Checks that the paths and hashes in a result are well formed."""
    for path in paths_in(found):
        if path not in ("/link", "", os.path.join(os.environ["HOSTILE_FOLDER"], "link")):
            store_path.parse(path, STORE)
    if isinstance(found, PathInfo):
        assert len(found.hash.digest) in (16, 20, 32, 64)


@each_row
def test_honest_answers_are_believed(row, real):
    found = outcome(row, b"".join(encoded(conversation(row))), real)
    assert not isinstance(found, Exception), found
    check(found)


@each_row
def test_answers_that_end_too_early_are_refused(row, real):
    """A part of an answer is an error at every length."""
    whole = b"".join(encoded(conversation(row)))
    for end in range(len(whole)):
        found = outcome(row, whole[:end], real)
        if not isinstance(found, Exception):
            pytest.fail(f"took {end} of {len(whole)} bytes for an answer: {found!r}")


def lies(kind: str, value: object) -> Iterator[tuple[list[Token], bool]]:
    """(tokens instead of the honest one, whether they must be refused)."""
    huge = [1 << 63, (1 << 64) - 1, 1 << 40, 1 << 32, 1 << 31, 10_000_001]
    if kind == "n":
        for number in (0, 1, 2, 7, 255, *huge):
            yield [("n", number)], False
    if kind in ("t", "p", "h"):
        for size in huge:
            yield [("n", size)], True
        data = str(value).encode()
        data += b"x" * (1 if len(data) % 8 == 7 else 9)
        yield [("raw", len(data).to_bytes(8, "little") + data + b"\1" * (-len(data) % 8))], bool(len(data) % 8)
    if kind == "p":
        for path in BAD_PATHS:
            yield [("t", path)], False
    if kind == "h":
        for text in ("", "0" * 63, "g" * 64, "md5:" + "0" * 32, "sha256:", "sha256-", "x:" + "0" * 64, "\udcff" * 64):
            yield [("t", text)], False
    if kind in ("ts", "ps"):
        for count in huge:
            yield [("n", count)], True
        yield [("ts", list(reversed(value)))], False
        yield [("ts", value * 3)], False
        yield [("ts", ["[" * 100_000])], False
        yield from (([("ts", [path])], False) for path in (*BAD_PATHS, "{}", "[]", '{"id":1}', "null", "key:", ":"))
    if kind == "nar":
        folder = nar.pack_contents(b"x")[24:]
        for name in (b"..", b".", b"", b"a/b", b"a\0", b"x" * 300):
            yield [("raw", archive_of_names([name], folder))], True
        for names in ([b"b", b"a"], [b"a", b"a"]):
            yield [("raw", archive_of_names(names, folder))], True
        yield [("raw", value + value)], False
        yield [("raw", value[:96] + b"no-words" + value[104:])], True
        yield [("raw", value[:88] + (1 << 62).to_bytes(8, "little") + value[96:])], True
        yield [("raw", b"\x0d" + bytes(7) + b"nix-archive-2\0\0\0")], True


def archive_of_names(names: list[bytes], node: bytes) -> bytes:
    message = Message()
    for word in (b"nix-archive-1", b"(", b"type", b"directory"):
        message.add_data(word)
    for name in names:
        for word in (b"entry", b"(", b"name", name, b"node"):
            message.add_data(word)
        message.data += node
        message.add_data(b")")
    message.add_data(b")")
    return bytes(message.data)


@each_row
def test_wrong_answers_are_refused(row, real):
    honest = conversation(row)
    start = len(greeting(row))
    for at, (kind, value) in enumerate(honest):
        for tokens, is_refused in lies(kind, value):
            if at < start and kind == "n" and tokens[0][1] in (0, 1, 2):
                continue
            answers = b"".join(encoded([*honest[:at], *tokens, *honest[at + 1 :]]))
            if len(answers) > 1 << 17:
                answers = answers[: 1 << 17]
            found = outcome(row, answers, real)
            if is_refused:
                assert isinstance(found, Exception), (at, tokens, found)
            elif not isinstance(found, Exception):
                check(found)


@each_row
def test_lengths_are_no_reason_to_allocate(row, real):
    honest = conversation(row)
    tracemalloc.start()
    try:
        for at, (kind, _) in enumerate(honest):
            if kind in ANSWERED - {"nar"}:
                for size in (64 << 20, 10_000_000, 1 << 40):
                    outcome(row, b"".join(encoded([*honest[:at], ("n", size)])), real)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("version", [(1, 0), (1, 31), (1, 32), (1, 33), (1, 34), (1, 35), (1, 36), (1, 37), (1, 38), (1, 39), (1, 255), (0, 38), (2, 0), (255, 255)])
def test_a_false_version_is_an_error_or_harmless(version, real):
    """The answers are those of version 1.38, whatever version the daemon claims."""
    row = ROWS[DaemonOperation.QUERY_PATH_INFO]
    honest = conversation(row)
    answers = encoded([honest[0], ("n", version[0] << 8 | version[1]), *honest[2:]])
    found = outcome(row, b"".join(answers), real)
    if isinstance(found, Exception):
        assert "daemon" in str(found)
    else:
        assert version >= (1, 38)


def said(kind: int, *tokens: Token) -> bytes:
    return b"".join(encoded([("n", kind), *tokens]))


@pytest.mark.parametrize(
    "message",
    [
        said(NEXT, ("t", "x" * 1000)),
        said(START, ("n", 1), ("n", 3), ("n", 105), ("t", "building"), ("n", 2), ("n", 0), ("n", 5), ("n", 1), ("t", "x" * 1000), ("n", 0)),
        said(RESULT, ("n", 1), ("n", 101), ("n", 1), ("n", 1), ("t", "y" * 1000)),
    ],
    ids=["lines", "activities", "results"],
)
def test_messages_without_end_need_no_memory(message, real):
    """Endless messages need no memory; this test ends the connection after 8 MiB."""
    row = ROWS[DaemonOperation.IS_VALID_PATH]
    sent = 0

    def talk(theirs: socket.socket) -> None:
        nonlocal sent
        with contextlib.suppress(OSError):
            while sent < 8 << 20:
                theirs.sendall(message * 64)
                sent += len(message) * 64
            theirs.shutdown(socket.SHUT_WR)

    tracemalloc.start()
    try:
        found = outcome(row, b"".join(encoded(greeting(row))), real, then=talk)
        assert isinstance(found, Exception) and "disconnected" in str(found)
        assert sent >= 8 << 20 and tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_lists_without_end_are_refused(real):
    """The references of one object have a limit."""
    row = ROWS[DaemonOperation.QUERY_PATH_INFO]
    item = b"".join(encoded([("t", f"{STORE}/{'0' * 32}-{'x' * 150}")]))

    def talk(theirs: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                theirs.sendall(item * 100)

    start = b"".join(encoded([*greeting(row), ("n", LAST), ("n", 1), ("p", Q), ("h", DIGEST.base16), ("n", 9_999_999)]))
    found = outcome(row, start, real, then=talk)
    assert isinstance(found, Exception) and "a list of more than" in str(found)


def test_a_daemon_that_talks_and_does_not_listen_is_given_up(real):
    """While we send, the messages of the daemon are kept, up to a limit."""
    row = Row(lambda store: store.import_object(PathInfo(P, f"sha256:{DIGEST.base16}", 1 << 30), Zeros()), [[]])

    def talk(theirs: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                theirs.sendall(bytes(1 << 16))

    found = outcome(row, b"".join(encoded(greeting(row))), real, then=talk)
    assert isinstance(found, Exception) and "before it reads what it was sent" in str(found)


class Zeros(io.RawIOBase):
    """A stream without end."""

    def read(self, size: int = -1) -> bytes:
        return bytes(size)


@pytest.mark.parametrize("kind", [READ, WRITE, 0, 77, 1 << 40])
def test_messages_that_nobody_requested_are_refused(kind, real):
    row = ROWS[DaemonOperation.IS_VALID_PATH]
    found = outcome(row, b"".join(encoded([*greeting(row), ("n", kind), ("n", 8)])), real)
    assert isinstance(found, Exception) and "unknown message type" in str(found)


def test_the_rest_of_a_wrong_answer_is_no_answer_to_the_next_request(real):
    row = ROWS[DaemonOperation.QUERY_REFERRERS]
    store, theirs = store_of(row, b"".join(encoded([*greeting(row), ("n", LAST), ("ts", ["/etc/passwd", P]), ("n", LAST), ("n", 1)])), real)
    with pytest.raises(ValueError, match="wrong store path"):
        store.referrers(P)
    # The wrong answer closed the connection.
    with pytest.raises(ValueError, match="disconnected"):
        store.is_valid(P)
    assert len(theirs) == 2
    for other in theirs:
        other.close()
