"""Building 200 small derivations, and substituting 1000 paths from a cache on the loopback interface, beside C++ Nix.

    python benchmarks/building.py NIX [--runs N] [--only build,substitute]     # NIX: a folder with C++ Nix's nix-build and nix-store

Wall time of whole commands, in turns, each in a new store of its own (`NIX_STORE_DIR`, no sandbox, four builders at once); medians and their ratio.
The web server is a process of its own that has all answers in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_BUILDS, _PATHS = 200, 1000
_EXPRESSION = """
{ count, salt }:
let
  make = n: derivation {
    name = "small-${toString n}"; inherit salt; system = builtins.currentSystem; builder = "/bin/sh";
    args = [ "-c" "echo ${toString n} ${if n >= 10 then toString (make (n / 10)) else ""} > $out" ];
  };
in builtins.genList (n: make (n + 1)) count
"""


class Web(asyncio.Protocol):
    """Answers from memory; each connection stays open."""

    files: dict[bytes, bytes] = {}

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            method, name, _ = head.split(b"\r\n", 1)[0].split(b" ")
            body = self.files.get(name)
            status = b"200 OK" if body is not None else b"404 Not Found"
            body = body or b""
            start = b"HTTP/1.1 " + status + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
            self.transport.write(start if method == b"HEAD" else start + body)


def serve(folder: str, port) -> None:
    for at, _, names in os.walk(folder):
        for name in names:
            place = os.path.join(at, name)
            with open(place, "rb") as file:
                Web.files[os.fsencode(place[len(folder) :])] = file.read()

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Web, "127.0.0.1", 0, backlog=1000)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class Bench:
    def __init__(self, reference: str, work: str) -> None:
        self.work = work
        self.tools = {
            "nix": lambda name: [os.path.join(reference, name)],
            "snowsnake": lambda name: [os.path.join(os.path.dirname(sys.executable), name.replace("nix-", "snowsnake-"))],
        }
        self.store = os.path.join(work, "store")
        self.number = 0

    def environment(self, tool: str, **settings: str) -> dict[str, str]:
        lines = {"sandbox": "false", "build-users-group": "", "build-hook": "", "substituters": "", "max-jobs": "4"} | settings
        return {
            "PATH": os.environ["PATH"], "HOME": os.path.join(self.work, f"home-{tool}-{self.number}"), "LC_ALL": "C.UTF-8", "NIX_CONF_DIR": self.work,
            "NIX_STORE_DIR": self.store, "NIX_STATE_DIR": os.path.join(self.work, "state"), "NIX_LOG_DIR": os.path.join(self.work, "log"),
            "PYTHONPATH": os.path.join(ROOT, "src"), "NIX_CONFIG": "\n".join(f"{name} = {value}" for name, value in lines.items()),
        }  # fmt: skip

    def clear(self) -> None:
        """The next run finds no store.  The old one is deleted at the end: ext4 is slow to create files where many were deleted a moment ago."""
        for name in ("store", "state", "log"):
            path = os.path.join(self.work, name)
            if os.path.lexists(path):
                os.rename(path, os.path.join(self.work, f"old-{name}-{self.number}"))
        self.number += 1

    def close(self) -> None:
        subprocess.run(["chmod", "-R", "u+w", self.work], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.work, ignore_errors=True)

    def run(self, tool: str, name: str, *words: str, **settings: str) -> tuple[float, str]:
        """(wall seconds, what it printed)."""
        begin = time.perf_counter()
        done = subprocess.run(self.tools[tool](name) + list(words), env=self.environment(tool, **settings), capture_output=True, text=True, cwd=self.work)
        taken = time.perf_counter() - begin
        if done.returncode != 0:
            sys.exit(f"{tool}: {name} failed\n{done.stderr[-2000:]}")
        return taken, done.stdout

    def build(self, tool: str) -> tuple[float, str]:
        self.clear()
        return self.run(tool, "nix-build", "-E", _EXPRESSION, "--arg", "count", str(_BUILDS), "--argstr", "salt", "x", "--no-out-link", "-Q")

    def fill_cache(self) -> list[str]:
        """Paths that the cache has: sixteen chains, so that neither everything nor nothing can be fetched at once."""
        from snowsnake.store.binary_cache.files import FolderFiles
        from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
        from snowsnake.store.interface import archive_of
        from snowsnake.store.local import LocalStore
        from snowsnake.store.signing import SecretKey

        self.clear()
        key = SecretKey.new("bench-1")
        self.key = key.public
        paths: list[str] = []
        source = LocalStore(os.path.join(self.work, "source"), self.store)
        for number in range(_PATHS):
            needed = [paths[number - 16]] if number >= 16 else []
            paths.append(source.add_text(f"object-{number}", f"{number} {needed} ".encode() + os.urandom(3000).hex().encode(), needed))
        source.flush()
        options = CacheOptions("xz", keys=[key])
        cache = BinaryCacheStore(FolderFiles(os.path.join(self.work, "cache")), "file://", self.store, options=options, is_writable=True)
        for path in paths:
            info = source.known(path)
            info.ca = None
            with archive_of(source, path) as archive:
                cache.import_object(info, archive)
        source.close()
        return paths[-16:]

    def substitute(self, tool: str, url: str, wanted: list[str]) -> tuple[float, str]:
        self.clear()
        settings = {"substituters": url, "trusted-public-keys": self.key}
        return self.run(tool, "nix-store", "-r", *wanted, **settings)


def compare(title: str, runs: int, measure) -> None:
    found: dict[str, list[float]] = {"nix": [], "snowsnake": []}
    printed = {}
    for turn in range(runs):
        for tool in ("nix", "snowsnake") if turn % 2 else ("snowsnake", "nix"):
            taken, printed[tool] = measure(tool)
            found[tool].append(taken)
    if sorted(printed["nix"].split()) != sorted(printed["snowsnake"].split()):
        sys.exit(f"{title}: the results differ")
    nix, own = (statistics.median(found[tool]) for tool in ("nix", "snowsnake"))
    runs = ", ".join(f"{a:.2f}/{b:.2f}" for a, b in zip(found["nix"], found["snowsnake"], strict=True))
    print(f"{title}: nix {nix:.2f} s, snowsnake {own:.2f} s, ratio {own / nix:.2f}  ({runs})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("reference")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="build,substitute")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="building-", ignore_cleanup_errors=True) as work:
        bench = Bench(given.reference, work)
        if "build" in given.only.split(","):
            compare(f"{_BUILDS} small derivations", given.runs, bench.build)
        if "substitute" in given.only.split(","):
            wanted = bench.fill_cache()
            ours, theirs = multiprocessing.Pipe()
            server = multiprocessing.Process(target=serve, args=(os.path.join(work, "cache"), theirs), daemon=True)
            server.start()
            url = f"http://127.0.0.1:{ours.recv()}"
            compare(f"{_PATHS} paths from a cache", given.runs, lambda tool: bench.substitute(tool, url, wanted))
            server.terminate()
        bench.close()


if __name__ == "__main__":
    main()
