"""A conversation with a Nix daemon: what we asked, byte for byte, and what it answered.

    python tests/fuzz/conversation.py --record NIX_DAEMON       # writes tests/fuzz/conversations/{asked,answered}

In: a daemon, or recorded answers.  Out: what our calls found; the bytes of both directions.  The store's folder is the same at each recording.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from fixed_folder import fixed_folder  # noqa: E402

from snowsnake.store import nar, store_path
from snowsnake.store.daemon.connection import Garbage
from snowsnake.store.daemon.store import DaemonStore
from snowsnake.store.daemon.wire import DaemonError
from snowsnake.store.derivation import Derivation, DerivationOutput
from snowsnake.store.derivation_paths import DerivationMemory
from snowsnake.store.hash import Hash
from snowsnake.store.path_info import PathInfo
from snowsnake.store.realisation import Realisation

FOLDER = Path(__file__).resolve().parent / "conversations"
PLACE = "/tmp/snowsnake-conversation"
STORE_DIR = PLACE + "/store"
_PIECE_BYTES = 1 << 16


def derivation(name: str, script: str) -> Derivation:
    drv = Derivation(name, "x86_64-linux", "/bin/sh", ["-c", script], env={"script": script})
    drv.outputs = {"out": DerivationOutput()}
    drv.store_dir = STORE_DIR
    drv.finish(DerivationMemory(STORE_DIR))
    return drv


def floating() -> Derivation:
    """A derivation whose output is named by its contents."""
    drv = Derivation("floating", "x86_64-linux", "/bin/sh", ["-c", "echo > $out"], env={"out": store_path.placeholder("out")})
    drv.outputs = {"out": DerivationOutput(method="nar", algorithm="sha256", kind="floating")}
    drv.store_dir = STORE_DIR
    drv.finish(DerivationMemory(STORE_DIR))
    return drv


DERIVATIONS = [derivation("good", "echo line one; echo line two; echo > $out"), derivation("bad", "echo it went wrong; exit 3"), floating()]


def talk(store: DaemonStore) -> list[str]:
    """Makes every kind of request; returns the result or the fault of each."""
    said: list[str] = []

    def note(name: str, call: Callable[[], object]) -> object:
        try:
            found = call()
        except DaemonError as error:
            said.append(f"{name}: {error}")
            return None
        said.append(f"{name}: {found}")
        return found

    text = store.add_text("text", b"contents")
    store.add_text("user", f"uses {text}".encode(), [text])
    flat = store.add_flat("flat", b"flat")
    good, bad, content = DERIVATIONS
    for drv in DERIVATIONS:
        note("derivation", lambda drv=drv: store.add_derivation(drv.to_aterm(), drv.name, drv.drv_path))
    note("flush", store.flush)
    archive = nar.pack_contents(b"imported")
    imported = PathInfo(f"{STORE_DIR}/{'a' * 32}-imported", "sha256:" + Hash.of_bytes(archive).base16, len(archive), [text])
    note("import", lambda: store.import_object(imported, io.BytesIO(archive)))
    note("archive", lambda: store.add_archive("archive", nar.pack_contents(b"packed" * 100)))
    note("valid", lambda: store._has(text))
    note("not valid", lambda: store._has(f"{STORE_DIR}/{'0' * 32}-none"))
    for path in (text, flat, imported.path, good.drv_path, f"{STORE_DIR}/{'0' * 32}-none"):
        note("info", lambda path=path: _plain(store._info(path)))
    note("paths", store.paths)
    note("referrers", lambda: store.referrers(text))
    note("part", lambda: store.path_with_hash(flat.rpartition("/")[2][:32]))
    note("missing", lambda: store.missing([f"{good.drv_path}!out", f"{STORE_DIR}/{'1' * 32}-unknown"]))
    note("build", lambda: store.realise([f"{good.drv_path}!out"]))
    note("derivers", lambda: store.valid_derivers(good.outputs["out"].path))
    note("fails", lambda: store.realise([f"{bad.drv_path}!out"]))
    note("sign", lambda: store.add_signatures(text, ["key:" + "A" * 86 + "=="]))
    note("check", lambda: store.check([f"{good.drv_path}!out"]))
    note("two fail", lambda: store.realise([f"{bad.drv_path}!out", f"{STORE_DIR}/{'1' * 32}-unknown"]))
    note("outputs", lambda: store.outputs(content.drv_path))
    note("build", lambda: store.realise([f"{content.drv_path}!out"]))
    note("realisation", lambda: store.realisation(f"{store.output_hash(content)}!out"))
    note("no realisation", lambda: store.realisation(f"sha256:{'0' * 64}!out"))
    note("realised", lambda: store.register_realisation(Realisation(f"sha256:{'1' * 64}!out", text)))
    note("substitutable", lambda: store.substitutable([text]))
    note("roots", lambda: [path for path in store.find_roots() if path == text])
    note("claim", lambda: (store.claim(flat), store.claim(f"{STORE_DIR}/{'0' * 32}-none")))
    note("dead", lambda: store.collect_garbage(Garbage.TELL_DEAD))
    note("remove", lambda: store.collect_garbage(Garbage.REMOVE_THESE, [text]))
    note("close", store.close)
    return said


def _plain(info: PathInfo | None) -> object:
    """The facts without the time of the registration."""
    return info and (info.path, info.nar_hash, info.nar_size, info.references, info.ca, info.deriver, info.is_ultimate, info.signatures)


def meet(path: str, real: str | None = None, on_message: Callable[[str, bool], None] | None = None) -> DaemonStore:
    """A store behind the socket *path*; *real*: where derivations can be read, see `write_derivations`."""
    return DaemonStore(path, STORE_DIR, real=real, options={"cores": "2", "keep-going": "true", "timeout": "60"}, on_message=on_message)


def write_derivations(folder: str) -> None:
    for drv in DERIVATIONS:
        Path(folder, drv.drv_path.rpartition("/")[2]).write_bytes(drv.to_aterm())


@contextmanager
def answering(answers: bytes, *, ends: bool = True) -> Iterator[tuple[str, list[bytes]]]:
    """(path of a socket where each client gets these bytes and then the end, what each client sent).  A client that meets the end sends no more; without
    *ends*, everything that a client sends is kept."""
    folder = tempfile.mkdtemp(prefix="answers-")
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{folder}/socket")
    server.listen()
    sent: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                try:
                    client.sendall(answers)
                    if ends:
                        client.shutdown(socket.SHUT_WR)
                    pieces = []
                    while piece := client.recv(_PIECE_BYTES):
                        pieces.append(piece)
                    sent.append(b"".join(pieces))
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"{folder}/socket", sent
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        shutil.rmtree(folder)


def record(program: str) -> tuple[bytes, bytes]:
    """What we ask of a real daemon, and what it answers."""
    with fixed_folder(PLACE):
        return _record(program)


def _record(program: str) -> tuple[bytes, bytes]:
    environment = {
        "NIX_STORE_DIR": STORE_DIR, "NIX_STATE_DIR": f"{PLACE}/state", "NIX_LOG_DIR": f"{PLACE}/log", "NIX_CONF_DIR": PLACE, "HOME": PLACE,
        "NIX_DAEMON_SOCKET_PATH": f"{PLACE}/daemon", "PATH": os.environ["PATH"], "NIX_REMOTE": "local",
        "NIX_CONFIG": "sandbox = false\nbuild-users-group =\nsubstitute = false\nbuilders =\nbuild-hook =\nexperimental-features = ca-derivations\n",
    }  # fmt: skip
    process = subprocess.Popen([program], env=environment)
    try:
        while not os.path.exists(f"{PLACE}/daemon"):
            time.sleep(0.02)
        between = socket.socket(socket.AF_UNIX)
        between.bind(f"{PLACE}/between")
        between.listen()
        both: list[bytearray] = [bytearray(), bytearray()]

        def carry() -> None:
            client, _ = between.accept()
            daemon = socket.socket(socket.AF_UNIX)
            daemon.connect(f"{PLACE}/daemon")

            def copy(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
                while piece := source.recv(_PIECE_BYTES):
                    kept += piece
                    target.sendall(piece)
                target.shutdown(socket.SHUT_WR)

            back = threading.Thread(target=copy, args=(daemon, client, both[1]))
            back.start()
            copy(client, daemon, both[0])
            back.join()

        thread = threading.Thread(target=carry)
        thread.start()
        print(*talk(meet(f"{PLACE}/between")), sep="\n")
        thread.join()
        return bytes(both[0]), bytes(both[1])
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", metavar="NIX_DAEMON", required=True)
    for name, data in zip(("asked", "answered"), record(parser.parse_args().record), strict=True):
        (FOLDER / name).write_bytes(data)
