"""The folder and the store that recorded calls of store commands run in, and what is compared of their answers.

The store is one that we write, and the recorded program reads it.  A call is a line for a shell; `/pwd` stands for the folder.
"""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import snowsnake
from snowsnake.store import hashing
from snowsnake.store.local import LocalStore
from snowsnake.store.nar import pack
from snowsnake.store.path_info import PathInfo
from snowsnake.store.registration import write_registration

FOLDER = Path(__file__).parent / "store_calls"
ENVIRONMENT = {
    "NIX_PATH": "",
    "NIX_CONF_DIR": "/nonexistent",
    "NIX_CONFIG": "experimental-features = nix-command flakes\nsystem = x86_64-linux\nsubstituters =\nflake-registry =\n",
    "NO_COLOR": "1",
    "LC_ALL": "C.UTF-8",
}
PROGRAMS = {"nix": "nix.main", "nix-hash": "old.hash", "nix-store": "old.store", "nix-prefetch-url": "old.prefetch_url"}
PACKAGES = """rec {
  leaf = derivation { name = "leaf-1.0"; system = "s"; builder = "/bin/sh"; args = [ "-c" "echo 'x y'" ]; v = "it's"; };
  src = ./f;
  mid = derivation { name = "mid"; system = "s"; builder = "b"; inherit src; dep = leaf; outputs = [ "out" "dev" ]; };
  top = derivation { name = "top"; system = "s"; builder = "b"; a = mid.dev; b = leaf; c = builtins.toFile "t.txt" "text ${src}"; };
  fixed = derivation { name = "fix"; system = "s"; builder = "b"; outputHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; outputHashMode = "recursive"; };
}
"""
FLAKE = """{
  outputs = s: {
    packages.x86_64-linux.default = derivation { name = "x"; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; };
    a = 1; s = "x"; f = ./flake.nix; o = builtins.toFile "x" "y";
  };
}
"""
_TIME_S = 1_000_000_000


def make_world(folder: Path) -> None:
    """Files, a store below `root` with derivations and objects, links to these."""
    (folder / "f").write_text("hello\n")
    (folder / "d").mkdir()
    (folder / "d" / "a").write_text("x\n")
    (folder / "d" / "l").symlink_to("a")
    (folder / "d" / "run").write_text("#!/bin/sh\n")
    (folder / "d" / "run").chmod(0o755)
    (folder / "empty").mkdir()
    (folder / "nowhere").symlink_to("nothing")
    (folder / "g.nix").write_text(PACKAGES)
    (folder / "fl").mkdir()
    (folder / "fl" / "flake.nix").write_text(FLAKE)
    evaluator = snowsnake.Evaluator(store=str(folder / "root"))
    drvs = {name: str(evaluator.evaluate_file(folder / "g.nix")[name]["drvPath"].to_python()) for name in ("leaf", "mid", "top", "fixed")}
    evaluator.flush()
    with LocalStore(folder / "root") as store:
        links = {f"{name}.drv": path for name, path in drvs.items()}
        links["dlink"] = store.add_source("d", folder / "d")
        links["flink"] = store.add_source("f", folder / "f", "flat")
        leaf = store.read_derivation(drvs["leaf"]).outputs["out"].path
        mid = store.read_derivation(drvs["mid"]).outputs["out"].path
        for name, path, drv, contents, references in (
            ("leafout", leaf, drvs["leaf"], {"": f"out of leaf {links['flink']}\n"}, [links["flink"]]),
            ("midout", mid, drvs["mid"], {"ref": f"{leaf} {mid}\n"}, [leaf, mid]),
        ):
            built = folder / "built"
            _write(built, contents, leaf)
            archive = pack(built)
            digest = "sha256:" + hashing.digest("sha256", archive).hex()
            store.import_object(PathInfo(path, digest, len(archive), references, deriver=drv, is_ultimate=True), io.BytesIO(archive))
            subprocess.run(["rm", "-r", built], check=True)
            links[name] = path
        store.flush()
        store.database._db.run("update ValidPaths set registrationTime = ?", (_TIME_S,))
        for name, path in links.items():
            (folder / name).symlink_to(path)
        (folder / "leaf.json").write_text(json.dumps(store.read_derivation(drvs["leaf"]).to_json(), separators=(",", ":")))
        (folder / "dump").write_text("".join(write_registration(store.known(path)) for path in store.paths()))
        (folder / "root/nix/var/nix/gcroots/keep").symlink_to(links["dlink"])
    for name, source in (("d.nar", "d"), ("f.nar", "f"), ("l.nar", "nowhere")):
        (folder / name).write_bytes(pack(folder / source))
    (folder / "bad.nar").write_bytes((folder / "d.nar").read_bytes()[:-40])


def _write(path: Path, contents: dict[str, str], target: str) -> None:
    if "" in contents:
        path.write_text(contents[""])
        return
    path.mkdir()
    for name, text in contents.items():
        (path / name).write_text(text)
    (path / "l").symlink_to(target)


def our_programs(folder: Path) -> Path:
    """A folder with our commands under Nix's names."""
    folder.mkdir()
    source = Path(snowsnake.__file__).parent.parent
    for name, module in PROGRAMS.items():
        script = folder / name
        script.write_text(
            f"#!/bin/sh\nPYTHONPATH={source} exec {sys.executable} -c"
            f" 'import sys; from snowsnake.cli.{module} import main; sys.exit(main())' \"$@\"\n"
        )
        script.chmod(0o755)
    return folder


def answer(line: str, folder: str, programs: str) -> dict[str, object]:
    """Exit code, standard output and the last line that names an error of a call in a folder."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("NIX_", "XDG_"))}
    environment |= ENVIRONMENT | {"PATH": f"{programs}:/usr/bin:/bin", "HOME": f"{folder}/.home", "NIX_REMOTE": f"{folder}/root"}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    lines = [found.strip() for found in done.stderr.decode("utf-8", "replace").replace(folder, "/pwd").splitlines()]
    errors = [found for found in lines if re.match(r"error: .", found)]
    out = done.stdout.decode("utf-8", "replace").replace(folder, "/pwd")
    assert b"fault of the evaluator" not in done.stderr and b"Traceback" not in done.stderr
    return {"code": done.returncode, "out": out, "error": errors[-1] if errors else ""}


def read_calls() -> dict[str, list[str]]:
    """The lines of each list of calls."""
    return {
        path.stem: [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
        for path in sorted(FOLDER.glob("*.txt"))
    }
