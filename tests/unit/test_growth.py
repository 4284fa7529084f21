"""Commands on stores: four times as many objects take about four times as long, and no depth is too large.

On a chain of derivations, a loop that walks everything that each object refers to takes time that grows with the square.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from snowsnake.build.sandbox import why_no_sandbox
from snowsnake.store.local import LocalStore
from snowsnake.store.nar import pack

_SMALL, _LARGE = 200, 800
_CHAIN = """{ n, builder ? "/bin/sh" }:
let
  all = builtins.genList (i: derivation {
    name = "d${toString i}"; system = "x86_64-linux"; inherit builder;
    prev = if i == 0 then "" else builtins.elemAt all (i - 1);
  }) n;
in builtins.foldl' (done: drv: builtins.seq drv.drvPath drv) null all
"""
_COMMANDS = {
    "copy": "snowsnake-nix copy --no-check-sigs --from STORE --to {new} DRV",
    "copy to a cache": "snowsnake-nix copy --no-check-sigs --from STORE --to file://{new} DRV",
    "closure sizes": "snowsnake-nix path-info --recursive --closure-size --store STORE DRV",
    "register": "sh -c 'cp -a STORE {new} && rm -r {new}/nix/var/nix/db && snowsnake-store --store STORE --dump-db | snowsnake-store --store {new} --load-db'",
    "verify": "snowsnake-store --store STORE --verify --check-contents",
    "collect garbage": "sh -c 'cp -a STORE {new} && snowsnake-store --store {new} --gc'",
    "import": "sh -c 'snowsnake-store --store STORE --export $(snowsnake-store --store STORE -qR DRV) | snowsnake-store --store {new} --import'",
    "sign": "sh -c 'cp -a STORE {new} && snowsnake-nix key generate-secret --key-name a > {new}/key && snowsnake-nix store sign -r -k {new}/key --store {new} DRV'",
    "tree": "snowsnake-store --store STORE --query --tree DRV",
    "plan": "snowsnake-store --store STORE --realise --dry-run DRV",
}  # fmt: skip


def run(command: str, folder: Path) -> tuple[float, str]:
    """The seconds of CPU that a command takes, and its output."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NIX_CONFIG": "experimental-features = nix-command flakes",
        "HOME": str(folder),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["sh", "-c", command], env=environment, cwd=folder, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    return after.ru_utime - before.ru_utime, done.stdout


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, tuple[str, str]]]:
    """A folder, and the store and the last derivation of a chain by its length."""
    folder = tmp_path_factory.mktemp("growth")
    (folder / "chain.nix").write_text(_CHAIN)
    made = {}
    for count in (_SMALL, _LARGE):
        store = f"{folder}/store-{count}"
        made[count] = (store, run(f"snowsnake-instantiate chain.nix --store {store} --arg n {count}", folder)[1].strip())
    return folder, made


@pytest.mark.parametrize("name", _COMMANDS)
def test_time_grows_with_the_number_of_objects(name: str, chains: tuple[Path, dict[int, tuple[str, str]]]) -> None:
    folder, made = chains
    times = []
    for count, (store, drv) in made.items():
        new = folder / f"{name.replace(' ', '-')}-{count}"
        command = _COMMANDS[name].format(new=new).replace("STORE", store).replace("DRV", drv)
        times.append(run(command, folder)[0])
    # A command whose time grows with the square would take twelve to sixteen times as long.
    assert times[1] < 8 * max(times[0], 0.1), times


@pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here")
def test_a_failure_passes_through_a_chain_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "chain.nix").write_text(_CHAIN)
    words = ["--store", f"{tmp_path}/store", "--arg", "n", "3000", "--argstr", "builder", "/nonexistent/builder", "--no-out-link", "--option", "sandbox", "false"]
    done = subprocess.run([Path(sys.executable).with_name("snowsnake-build"), "chain.nix", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 100, done.stderr[-2000:]
    assert done.stderr.count("dependency failed") == 2999


def test_a_link_named_as_a_derivation_is_not_followed(tmp_path: Path) -> None:
    """The link may lead to a file without an end."""
    link = tmp_path / "link"
    link.symlink_to("/dev/zero")
    with LocalStore(tmp_path / "store") as store, pytest.raises(OSError, match="symbolic links"):
        store.add_archive("x.drv", pack(link))
