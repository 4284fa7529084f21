"""Commands and builds that fetch from binary caches, copy to them and sign.

The servers are real, on the loopback interface.
"""

import base64
import http.server
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from binary_caches import KEY, Server, add_objects, changed, fill

from snowsnake.store import nar
from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
from snowsnake.store.hash import Hash
from snowsnake.store.local import LocalStore
from snowsnake.store.path_info import PathInfo
from snowsnake.store.signing import SecretKey


@pytest.fixture
def store(tmp_path):
    with LocalStore(tmp_path / "store") as found:
        yield found


def nix(run_command, *words, **given):
    return run_command("nix.main", "--extra-experimental-features", "nix-command flakes", *words, **given)


@pytest.fixture
def world(store, tmp_path, run_command):
    """(store, folder of a cache that has a signed object and what it refers to, their paths, runner of `nix-store` in another store)."""
    text, tree, user = add_objects(store, tmp_path)
    # The name of this object does not follow from its contents.
    plain = PathInfo("/nix/store/" + "a" * 32 + "-plain", "", 0, [user])
    archive = nar.pack_contents(b"plain")
    plain.nar_hash, plain.nar_size = "sha256:" + Hash.of_bytes(archive).base16, len(archive)
    store.import_object(plain, io.BytesIO(archive))
    store.flush()
    folder = str(tmp_path / "cache")
    paths = [text, user, plain.path]
    fill(store, BinaryCacheStore(FolderFiles(folder), "file:///", options=CacheOptions(keys=[KEY]), is_writable=True), paths)

    def realise(*words, **given):
        return run_command("old.store", "--store", str(tmp_path / "other"), "--realise", *words, HOME=str(tmp_path), **given)

    return store, folder, paths, realise


def is_valid(tmp_path, path):
    with LocalStore(tmp_path / "other") as other:
        return other.is_valid(path) and not other.verify()


def test_closures_are_substituted(world, tmp_path):
    _, folder, paths, realise = world
    with Server(folder) as server:
        for url in (f"file://{folder}", server.url):
            done = realise(paths[2], "--substituters", url, "--trusted-public-keys", KEY.public, "--dry-run")
            assert b"these 3 paths will be fetched (" in done.stderr and done.stdout == b"" and not is_valid(tmp_path, paths[0])
            done = realise(paths[2], "--substituters", url, "--trusted-public-keys", KEY.public)
            assert (done.returncode, done.stdout) == (0, paths[2].encode() + b"\n"), done.stderr
            assert f"copying path '{paths[0]}' from '{url}'...".encode() in done.stderr
            assert all(is_valid(tmp_path, path) for path in paths)
            subprocess.run(["chmod", "-R", "u+w", str(tmp_path / "other")], check=True)
            subprocess.run(["rm", "-rf", str(tmp_path / "other")], check=True)


def test_programs_that_follow_are_told_of_each_fetch(world, tmp_path):
    _, folder, paths, realise = world
    with Server(folder) as server:
        url = server.url
        done = realise(paths[2], "--substituters", url, "--trusted-public-keys", KEY.public, "--log-format", "internal-json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line.removeprefix("@nix ")) for line in done.stderr.decode().splitlines() if line.startswith("@nix ")]
    started = [event for event in events if event["action"] == "start"]
    count = sum(event["type"] == 108 for event in started)
    assert count > 1 and count == sum(event["type"] == 100 for event in started) == sum(event["type"] == 101 for event in started)
    assert all(event["fields"][1:] == [url, "local"] for event in started if event["type"] == 100)
    [copies] = [event["id"] for event in started if event["type"] == 103]
    assert [event["fields"] for event in events if event["action"] == "result" and event["id"] == copies][-1] == [count, count, 0, 0]
    [everything] = [event["id"] for event in started if event["type"] == 102]
    expected = [event["fields"] for event in events if event["action"] == "result" and event["id"] == everything]
    assert all(size > 0 for _, size in expected[-2:]) and [kind for kind, _ in expected[-2:]] == [101, 100]
    assert sorted(event["id"] for event in events if event["action"] == "stop") == sorted(event["id"] for event in started)


def test_unsigned_objects_are_not_taken(world, tmp_path):
    _, folder, paths, realise = world
    # A key with the same name and other bytes.
    other = SecretKey.new("test-1")
    for words in ([], ["--trusted-public-keys", other.public]):
        done = realise(paths[2], "--substituters", f"file://{folder}", *words)
        assert done.returncode == 1 and b"as it's not signed by any of the keys in 'trusted-public-keys'" in done.stderr
        assert not is_valid(tmp_path, paths[2])
    # The name of this object follows from its contents, so it needs no signature.
    assert realise(paths[1], "--substituters", f"file://{folder}").returncode == 0
    assert realise(paths[2], "--substituters", f"file://{folder}?trusted=true").returncode == 0


def test_require_sigs_is_honoured(world, tmp_path):
    _, folder, paths, realise = world
    assert realise(paths[2], "--substituters", f"file://{folder}", "--option", "require-sigs", "false").returncode == 0
    assert is_valid(tmp_path, paths[2])


def test_the_first_cache_by_priority_is_asked(world, tmp_path):
    _, folder, paths, realise = world
    (tmp_path / "empty").mkdir()
    with Server(folder) as good, Server(str(tmp_path / "empty"), answers={"nix-cache-info": (200, b"StoreDir: /nix/store\nPriority: 10\n")}) as first:
        done = realise(paths[0], "--substituters", f"{good.url}?priority=20 {first.url}")
        assert done.returncode == 0, done.stderr
        assert [name for name in first.requests if name.endswith("narinfo")] and f"from '{good.url}'".encode() in done.stderr


@pytest.mark.parametrize("fault", ["narinfo", "archive", "content", "server"])
def test_faults_leave_nothing_half_valid(world, tmp_path, fault):
    _, folder, paths, realise = world
    with Server(folder) as server:
        name = os.path.basename(paths[0])[:32] + ".narinfo"
        with open(os.path.join(folder, name)) as file:
            text = file.read()
        if fault == "narinfo":
            server.answers[name] = (200, b"nonsense")
        elif fault == "server":
            server.answers[re.search("URL: (.*)", text)[1]] = (500, b"")
        elif fault == "archive":
            server.answers[re.search("URL: (.*)", text)[1]] = (200, b"nonsense")
        # The object is signed, but its contents do not fit its content address.
        else:
            archive = nar.pack_contents(b"other")
            (tmp_path / "cache/nar/other.nar").write_bytes(archive)
            for key, value in (("NarHash", Hash.of_bytes(archive).format("nix32", with_algorithm=True)), ("NarSize", len(archive)), ("URL", "nar/other.nar"), ("Compression", "none")):
                text = changed(text, key, value)
            server.answers[name] = (200, text.encode())
        done = realise(paths[2], "--substituters", server.url, "--trusted-public-keys", KEY.public, "--option", "download-attempts", "1")
        assert done.returncode not in (0, -6, -11) and b"error:" in done.stderr and b"Traceback" not in done.stderr, done.stderr
        assert b"fault of the evaluator" not in done.stderr
        for path in paths:
            assert not is_valid(tmp_path, path)


EXPRESSION = 'derivation { name = "x"; system = "%s"; builder = "/bin/sh"; args = [ "-c" "echo built > $out" ]; }'


def test_a_build_takes_what_a_cache_has(tmp_path, run_command):
    expression = EXPRESSION % (os.uname().machine + "-linux")
    words = ("-E", expression, "--no-out-link")
    first = run_command("old.build", "--store", str(tmp_path / "a"), *words)
    if b"namespaces" in first.stderr:
        pytest.skip("no namespaces here")
    path = first.stdout.decode().strip()
    with LocalStore(tmp_path / "a") as store:
        cache = BinaryCacheStore(FolderFiles(str(tmp_path / "cache")), "file:///", options=CacheOptions(keys=[KEY]), is_writable=True)
        fill(store, cache, [path])
    substituters = ("--substituters", f"file://{tmp_path}/cache", "--trusted-public-keys", KEY.public)
    planned = run_command("old.build", "--store", str(tmp_path / "b"), *words, *substituters, "--dry-run")
    assert b"this path will be fetched" in planned.stderr and b"built:" not in planned.stderr
    done = run_command("old.build", "--store", str(tmp_path / "b"), *words, *substituters)
    assert done.stdout.decode().strip() == path and b"building '" not in done.stderr and b"copying path" in done.stderr
    # A broken archive is an error; with --fallback, the path is built.
    [archive] = (tmp_path / "cache/nar").iterdir()
    archive.write_bytes(b"nonsense")
    done = run_command("old.build", "--store", str(tmp_path / "c"), *words, *substituters)
    assert done.returncode != 0 and b"--fallback" in done.stderr
    done = run_command("old.build", "--store", str(tmp_path / "c"), *words, *substituters, "--fallback")
    assert done.stdout.decode().strip() == path and b"building '" in done.stderr
    # An archive that is gone counts as never offered.
    archive.unlink()
    done = run_command("old.build", "--store", str(tmp_path / "d"), *words, *substituters)
    assert done.stdout.decode().strip() == path and b"building '" in done.stderr
    done = run_command("old.build", "--store", str(tmp_path / "e"), *words, *substituters, "--option", "substitute", "false", "--dry-run")
    assert b"this derivation will be built" in done.stderr
    local = expression.replace("system", "allowSubstitutes = false; system")
    done = run_command("old.build", "--store", str(tmp_path / "e"), "-E", local, "--no-out-link", *substituters, "--dry-run")
    assert b"this derivation will be built" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_stops_when_it_is_interrupted(world, tmp_path, number):
    _, folder, paths, _ = world
    block, asked = threading.Event(), threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.set()
            block.wait(60)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "snowsnake.cli.old.store", "--store", str(tmp_path / "other"), "-r", paths[0], "--substituters", f"http://127.0.0.1:{server.server_port}"],
            stderr=subprocess.PIPE, env=os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert asked.wait(60)
        process.send_signal(number)
        assert process.wait(30) == 1, process.stderr.read()
        assert process.stderr.read() == b"error: interrupted by the user\n"
    finally:
        block.set()
        server.shutdown()
        server.server_close()


def test_public_keys_are_read_as_nix_writes_them():
    assert base64.b64decode(KEY.public.partition(":")[2]) == KEY.data[32:]
    assert SecretKey.parse(KEY.render()) == KEY
    for text in ("", "x", "x:", "x:!!", "x:YWJj"):
        with pytest.raises(ValueError):
            SecretKey.parse(text)


# --- copying and signing


def test_copies_to_and_from_caches(world, tmp_path, run_command):
    store, _, paths, _ = world
    key = tmp_path / "key"
    key.write_text(KEY.render())
    source, target = str(tmp_path / "store"), str(tmp_path / "copied")
    for cache in (f"file://{tmp_path}/c1?secret-key={key}&compression=zstd&write-nar-listing=true", None):
        with Server(str(tmp_path / "c2")) as server:
            url = cache or f"{server.url}?secret-key={key}"
            (tmp_path / "c2").mkdir(exist_ok=True)
            done = nix(run_command, "copy", "--from", source, "--to", url, paths[2], HOME=str(tmp_path))
            assert done.returncode == 0 and b"copying 3 paths..." in done.stderr, done.stderr
            plain = url.partition("?")[0]
            done = nix(run_command, "copy", "--from", plain, "--to", target, paths[2], HOME=str(tmp_path))
            assert done.returncode == 1 and b"lacks a signature by a trusted key" in done.stderr
            done = nix(run_command, "copy", "--from", plain, "--to", target, paths[2], "--trusted-public-keys", KEY.public, HOME=str(tmp_path))
            assert done.returncode == 0, done.stderr
        with LocalStore(target) as copied:
            assert not copied.verify() and copied.paths() == sorted(paths)
        subprocess.run(f"chmod -R u+w {target} && rm -rf {target}", shell=True, check=True)


def test_single_objects_are_copied_without_what_they_need(world, tmp_path, run_command):
    _, _, paths, _ = world
    done = nix(run_command, "copy", "--from", str(tmp_path / "store"), "--to", f"file://{tmp_path}/c", "--no-recursive", paths[2])
    assert done.returncode == 1 and b"is not valid" in done.stderr and not list((tmp_path / "c").glob("*.narinfo"))
    done = nix(run_command, "copy", paths[2])
    assert done.returncode == 1 and b"you must pass '--from' and/or '--to'" in done.stderr


def test_objects_are_signed_by_keys_and_caches(world, tmp_path, run_command):
    store, folder, paths, _ = world
    made = nix(run_command, "key", "generate-secret", "--key-name", "other-1")
    (tmp_path / "key").write_bytes(made.stdout)
    public = nix(run_command, "key", "convert-secret-to-public", stdin=made.stdout).stdout.decode()
    there = ("--store", str(tmp_path / "store"))
    for count in (b"3", b"0"):
        done = nix(run_command, "store", "sign", *there, "-k", str(tmp_path / "key"), "-r", paths[2])
        assert done.stderr.strip() == b"added " + count + b" signatures"
    done = nix(run_command, "store", "verify", *there, "-r", paths[2], "--trusted-public-keys", public)
    assert done.returncode == 0
    done = nix(run_command, "store", "copy-sigs", *there, "-s", f"file://{folder}", "-r", paths[2])
    assert done.stderr.strip() == b"imported 3 signatures"
    done = nix(run_command, "store", "verify", *there, paths[2], "--trusted-public-keys", f"{public} {KEY.public}", "-n", "2")
    assert done.returncode == 0, done.stderr
    done = nix(run_command, "store", "sign", "--store", f"file://{folder}", "-k", str(tmp_path / "key"), paths[2])
    assert done.returncode == 0 and BinaryCacheStore(FolderFiles(folder), "file:///").known(paths[2]).signatures[0].startswith("other-1:")
    for text, message in ((b"", b"while decoding key named"), (b"x", b"while decoding key named"), (b"x:YWJj", b"secret key is not valid")):
        done = nix(run_command, "key", "convert-secret-to-public", stdin=text)
        assert done.returncode == 1 and message in done.stderr


def test_closures_are_rewritten_from_one_store_to_another(world, tmp_path, run_command):
    _, folder, paths, _ = world
    done = nix(
        run_command, "store", "make-content-addressed", "--from", str(tmp_path / "store"), "--to", str(tmp_path / "other"), "--json", paths[2]
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["rewrites"][paths[2]]
    assert is_valid(tmp_path, made)


def test_a_kill_while_substituting_leaves_whole_objects(tmp_path, request):
    """After kill -9 at any moment, every valid object is whole, and the next run fetches the rest.  `--kills 800` kills 200 times."""
    with LocalStore(tmp_path / "store", durable=False) as store:
        paths: list[str] = []
        for number in range(60):
            needed = paths[-4:-3]
            paths.append(store.add_text(f"object-{number}", f"{number} {needed}".encode() + os.urandom(2000), needed))
        folder = str(tmp_path / "cache")
        fill(store, BinaryCacheStore(FolderFiles(folder), "file:///", options=CacheOptions("none"), is_writable=True), paths)
    command = [
        sys.executable, "-m", "snowsnake.cli.old.store", "--store", str(tmp_path / "other"), "--realise", *paths[-4:],
        "--option", "require-sigs", "false", "--substituters",
    ]  # fmt: skip
    environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    chance = random.Random(1)
    with Server(folder) as server:
        for _ in range(request.config.getoption("--kills") // 4):
            before = len(server.requests)
            process = subprocess.Popen([*command, server.url], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wanted = before + chance.randrange(140)
            while process.poll() is None and len(server.requests) < wanted:
                time.sleep(0.001)
            process.kill()
            process.wait()
            if os.path.exists(tmp_path / "other/nix/var/nix/db/db.sqlite"):
                with LocalStore(tmp_path / "other", durable=False) as other:
                    assert other.verify() == []
                    valid = set(other.paths())
                    assert all(set(other.known(path).references) <= valid for path in valid)
                    if valid:
                        subprocess.run(f"chmod -R u+w {other.root} && rm -rf {other.root}", shell=True, check=True)
        done = subprocess.run([*command, server.url], env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with LocalStore(tmp_path / "other") as other:
        assert other.paths() == sorted(paths) and other.verify() == []
    tmp = tmp_path / "other/nix/var/snowsnake/tmp"
    assert not list(tmp.iterdir())


def test_parameters_that_are_not_carried_out_are_warned_about(run_command):
    done = run_command(
        "nix.main", "store", "info", "--extra-experimental-features", "nix-command", "--store",
        "http://127.0.0.1:1?narinfo-compression=xz&tls-certificate=/x", NIX_CONFIG="download-attempts = 1",
    )  # fmt: skip
    said = done.stderr.decode()
    assert said.count("'narinfo-compression' of the store 'http://127.0.0.1:1' is not carried out") == 1 and said.count("'tls-certificate'") == 1
