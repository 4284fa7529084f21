"""Processes that are killed while they fetch: what they leave is whole or not believed, whatever they fetched."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SOURCE
from fetch_server import Server
from fetch_world import make_world

from snowsnake.store.hash import Hash

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)
REV = "0123456789012345678901234567890123456789"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of all kinds of sources, which answers as a forge does, too."""
    root = Path(os.path.realpath(tmp_path_factory.mktemp("server")))
    make_world(root / "world")
    (root / "world/large").write_bytes(bytes(1 << 20))
    archive_bytes = (root / "world/archives/base.tar.gz").read_bytes()
    made = Server(root / "world")
    made.handlers["o"] = lambda handler, _path: handler._answer(200, archive_bytes)
    made.handlers["repos"] = lambda handler, _path: handler._answer(200, json.dumps({"sha": REV, "commit": {"tree": {"sha": REV}}}).encode())
    yield made
    made.close()


# Fetches an address into a cache, and prints the hash of its tree.  A stand-in takes the place of the forge.
FETCH_ONE = """
import sys
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings
fetcher = Fetcher(Settings(), cache_folder=sys.argv[1])
fetcher.stand_ins = dict.fromkeys(("github.com", "api.github.com"), sys.argv[2])
print(fetcher.fetch(fetcher.input_from_url(sys.argv[3])).nar_hash)
"""
BASE_TREE = "sha256-WB47SdputsfAvpTPcXA3jcpzsL8YujgjZSd8pSDg7lk="


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("git+URL/git/repo", "sha256-RRmI/s7yfPKFmdwUwq/L3/fw/k9Vk1mEyEUKFMCbACA="),
        ("tarball+URL/files/archives/base.tar.xz", BASE_TREE),
        ("file+URL/files/large", None),
        ("github:o/r", BASE_TREE),
    ],
    ids=["git", "tarball", "file", "github"],
)
def test_a_kind_of_source_survives_kills(address, wanted, server, tmp_path, request) -> None:
    """At random moments, from an empty cache and from a full one.  `--kills 800` kills each kind 200 times, which takes five minutes."""
    cache = tmp_path / "c"
    words = [sys.executable, "-c", FETCH_ONE, str(cache), server.url, address.replace("URL", server.url)]
    environment = os.environ | {"PYTHONPATH": SOURCE}

    def start() -> subprocess.Popen:
        return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    choose = random.Random(14)
    begun = time.monotonic()
    start().communicate(timeout=120)
    usual_s = time.monotonic() - begun
    for number in range(request.config.getoption("--kills") // 4):
        if number % 2:
            shutil.rmtree(cache, ignore_errors=True)
        process = start()
        time.sleep(choose.uniform(0.2, 1.2) * usual_s)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for tree in cache.glob("trees/*"):
            assert Hash.of_path(tree).nix32 == tree.name
    process = start()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert wanted is None or out.decode().strip() == wanted
    assert (cache / "index.sqlite").exists() and not list(cache.glob("work/*"))
