"""Real programs that call Nix, with only our commands on their PATH: each does its job, or stops where something must be fetched.

usage: python tests/clients/run.py [--nixpkgs FOLDER] [--home-manager FOLDER] [--nix-update FOLDER] [--nixpkgs-review FOLDER] [--renovate FOLDER]
       [--dependabot FOLDER] [--nix-direnv FOLDER] [--update FOLDER] [--nix-fast-build FOLDER] [--daemon FOLDER] [--python PROGRAM]

In: sources of the clients; nixos-rebuild-ng (in nixpkgs), nix-update and nixpkgs-review (which needs nixpkgs, too) need Python 3.12.  Of Renovate and
Dependabot, which are large programs, only the command that updates a lock file is taken from the source and run; nix-direnv stops before
`nix print-dev-env`; `--update` is a folder with nixpkgs' `lib` and `maintainers`, whose update.nix and update.py update one of our packages.
Out: a line for each case; exit code 1 if one did not do what it should.  With `--daemon`, a folder with C++ Nix's commands, nix-fast-build and
nixpkgs-review build through its daemon what we evaluate.  A client without a source is left out, and named.  CI has no clients, and does not run this.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

FLAKE = """{
  outputs = { self }:
    let
      write = name: text: derivation { inherit name text; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo \\"$text\\" > $out" ]; };
      make = name: write name name;
      news = write "news" (builtins.toJSON { display = "silent"; entries = [ ]; });
    in {
      nixosConfigurations.host.config.system.build.toplevel = make "nixos-system-host";
      homeConfigurations.me = { activationPackage = make "home-manager-generation"; config.news.json.output = "${news}"; };
    };
}
"""
SYSTEM = """{ nixos ? 1 }: {
  config.system.build.toplevel = derivation {
    name = "nixos-system-file"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo file > $out" ];
  };
}
"""


class World:
    """A folder with our commands and all other programs of the machine except Nix, and a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failures = 0
        others = folder / "others"
        for name in ("others", "home", "flake"):
            (folder / name).mkdir()
        for place in ("/usr/bin", "/bin"):
            for path in Path(place).iterdir():
                link = others / path.name
                if not path.name.startswith("nix") and not os.path.lexists(link):
                    link.symlink_to(path)
        (folder / "flake" / "flake.nix").write_text(FLAKE)
        (folder / "system.nix").write_text(SYSTEM)
        command = Path(sys.executable).with_name("snowsnake")
        subprocess.run([command, "links", folder / "nix"], check=True, stdout=subprocess.DEVNULL)
        self.environment = {
            "HOME": str(folder / "home"), "USER": "me", "PATH": f"{folder}/nix:{others}", "NIX_REMOTE": f"local?root={folder}/store",
            "NIX_CONF_DIR": "/nonexistent", "NIX_PATH": "", "NO_COLOR": "1",
            "NIX_CONFIG": "extra-experimental-features = nix-command flakes\nflake-registry =\nsubstitute = false\n",
        }  # fmt: skip

    def expect(self, name: str, words: list[str], *parts: str, code: int = 0, **environment: str) -> None:
        """Runs a client: its exit code, and what its output must contain."""
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment | environment, capture_output=True, text=True, errors="replace", timeout=300
        )
        said = done.stdout + done.stderr
        missing = [part for part in parts if part not in said]
        is_good = done.returncode == code and not missing and "Traceback" not in said and "fault of the evaluator" not in said
        print(f"{'ok  ' if is_good else 'FAIL'} {name}")
        if not is_good:
            self.failures += 1
            print(f"     exit code {done.returncode}, not found: {missing}\n{said[-1500:]}")


def nixos_rebuild(world: World, nixpkgs: Path, python: str) -> None:
    source = str(nixpkgs / "pkgs/by-name/ni/nixos-rebuild-ng/src")
    program = [python, "-m", "nixos_rebuild"]
    plan = "this derivation will be built:"
    world.expect("nixos-rebuild-ng dry-build, of a flake", [*program, "dry-build", "--flake", "./flake#host"], plan, "nixos-system-host.drv", PYTHONPATH=source)
    world.expect("nixos-rebuild-ng dry-build, of a file", [*program, "dry-build", "-f", "./system.nix"], plan, "nixos-system-file.drv", PYTHONPATH=source)
    world.expect("nixos-rebuild-ng build, of a flake", [*program, "build", "--flake", "./flake#host"], "-nixos-system-host", PYTHONPATH=source)
    world.expect("nixos-rebuild-ng build, of a file", [*program, "build", "-f", "./system.nix"], "-nixos-system-file", PYTHONPATH=source)
    world.expect("nixos-rebuild-ng, of nothing", [*program, "dry-build", "--flake", "./flake#none"], "does not provide attribute", code=1, PYTHONPATH=source)


def home_manager(world: World, source: Path) -> None:
    script = (source / "home-manager/home-manager").read_text()
    for mark, text in (
        ("@bash@/bin/bash", "/bin/bash"), ("@DEP_PATH@", ""), ("@OUT@", "/nonexistent"), ("@HOME_MANAGER_PATH@", str(source)),
        ("@HOME_MANAGER_LIB@", str(source / "lib/bash/home-manager.sh")),
    ):  # fmt: skip
        script = script.replace(mark, text)
    program = world.folder / "home-manager"
    program.write_text(script)
    world.expect("home-manager build, of a flake", ["bash", str(program), "build", "--flake", "./flake#me"], "home-manager-generation")
    world.expect("home-manager build --dry-run", ["bash", str(program), "build", "--flake", "./flake#me", "--dry-run"])
    world.expect("home-manager, of nothing", ["bash", str(program), "build", "--flake", "./flake#none"], "does not provide attribute", code=1)


PACKAGE = """{ system ? "x86_64-linux" }:
let
  version = "1.0";
  make = attributes: derivation attributes // { url = attributes.url or null; overrideAttrs = change: make (attributes // change attributes); };
in {
  tool = make {
    name = "tool-${version}"; inherit system version; pname = "tool"; builder = "/bin/sh"; args = [ "-c" "read x < $src; echo $x > $out" ];
    src = make {
      name = "source"; inherit system; builder = "builtin:fetchurl"; url = "file://FOLDER/src-${version}";
      outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "sha256-LCG3pJeDzhw5eqgEJaKgMHDyumO4lF0yCNiiy7xZ3Mk=";
    };
  } // { inherit version; pname = "tool"; meta.position = "FOLDER/default.nix:6"; };
}
"""
# The hash of "two\\n".
HASH = "sha256-J92O1EqD/5TVV/n9BBLtWoy8pp6gSSLYjAEYSgcwClo="


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def nix_update(world: World, source: Path, python: str) -> None:
    folder = world.folder / "package"
    folder.mkdir()
    (folder / "default.nix").write_text(PACKAGE.replace("FOLDER", str(folder)))
    (folder / "src-1.0").write_text("one\n")
    (folder / "src-1.1").write_text("two\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        git(folder, *words)
    program = [python, "-c", "from nix_update import main; main()", "-f", str(folder)]
    world.expect("nix-update --version --build", [*program, "--version", "1.1", "--build", "tool"], "Update 1.0 -> 1.1", "-tool-1.1.drv", PYTHONPATH=str(source))
    world.expect("nix-update wrote version and hash", ["cat", str(folder / "default.nix")], 'version = "1.1"', HASH)


def nixpkgs_review(world: World, source: Path, nixpkgs: Path, python: str) -> None:
    (world.folder / "config.nix").write_text("{ }")
    evaluate = f"""
from pathlib import Path
from nixpkgs_review.allow import AllowedFeatures
from nixpkgs_review.nix import BuildConfig, multi_system_eval
config = BuildConfig(AllowedFeatures([]), "nixpkgs={nixpkgs}", "x86_64-linux", Path("config.nix"))
for attr in multi_system_eval({{"x86_64-linux": {{"hello", "none"}}}}, config)["x86_64-linux"]:
    print(attr.name, attr.exists, attr.broken, attr.drv_path)
"""
    world.expect(
        "nixpkgs-review, evaluation", [python, "-c", evaluate], "hello True False /nix/store/", "none False",
        PYTHONPATH=str(source), NIXPKGS_CONFIG=str(world.folder / "config.nix"),
    )  # fmt: skip


PACKAGES = """{{ system ? "x86_64-linux", ... }}:
let
  make = name: inputs: derivation {{ inherit name inputs system; builder = "/bin/sh"; args = [ "-c" "echo ${{name}} $inputs > $out" ]; }} // {{ meta = {{ }}; }};
in rec {{
  lib = import {lib};
  buildEnv = {{ name, paths, ignoreCollisions ? false }}: make name paths;
  mkShell = {{ name, packages, ... }}: make name packages;
  hello = make "hello" [ ];
  curl = make "curl" [ hello ];
  wrong = derivation {{ name = "wrong"; inherit system; builder = "/bin/sh"; args = [ "-c" "echo no >&2; exit 3" ]; }};
}}
"""


@contextlib.contextmanager
def daemon_of(world: World, commands: Path) -> Iterator[None]:
    """C++ Nix's daemon with a store of its own, which the world's commands use meanwhile."""
    # C++ Nix refuses a store below a folder that everybody may write to.
    with tempfile.TemporaryDirectory(dir=Path.home(), ignore_cleanup_errors=True) as name:
        folder = Path(name)
        places = {f"NIX_{kind.upper()}_DIR": str(folder / kind) for kind in ("store", "state", "log", "conf")}
        settings = "sandbox = false\nbuild-hook =\nbuild-users-group =\nsandbox-paths = /bin /usr /lib /lib64\n"
        own = world.environment | places
        own["NIX_CONFIG"] += settings
        socket = folder / "socket"
        process = subprocess.Popen([commands / "nix-daemon"], env=own | {"NIX_DAEMON_SOCKET_PATH": str(socket), "NIX_REMOTE": ""}, stderr=subprocess.DEVNULL)
        before, world.environment = world.environment, own | {"NIX_REMOTE": f"unix://{socket}"}
        try:
            for _ in range(100):
                if socket.exists():
                    break
                time.sleep(0.05)
            yield
        finally:
            world.environment = before
            process.terminate()
            process.wait()


def nix_fast_build(world: World, source: Path, python: str) -> None:
    folder = world.folder / "checks"
    folder.mkdir()
    (folder / "packages.nix").write_text(PACKAGES.format(lib="./none"))
    (folder / "flake.nix").write_text("{ outputs = _: { checks.x86_64-linux = { inherit (import ./packages.nix { }) hello curl wrong; }; }; }")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        git(folder, *words)
    program = [python, "-c", "from nix_fast_build import main; main()", "--no-nom", "--eval-workers", "2", "--flake", f"{folder}#checks"]
    world.expect("nix-fast-build, through a daemon", program, "curl (", "hello (", "wrong> no", "BUILD: 2 successes, 1 failures", code=1, PYTHONPATH=str(source))


def nixpkgs_review_build(world: World, source: Path, nixpkgs: Path, python: str) -> None:
    review = world.folder / "review"
    (review / "nixpkgs").mkdir(parents=True)
    (review / "nixpkgs" / "default.nix").write_text(PACKAGES.format(lib=nixpkgs / "lib"))
    config = world.folder / "review.nix"
    config.write_text("{ }")
    build = f"""
from pathlib import Path
from nixpkgs_review.allow import AllowedFeatures
from nixpkgs_review.nix import BuildConfig, nix_build
config = BuildConfig(AllowedFeatures([]), "nixpkgs={review}/nixpkgs", "x86_64-linux", Path("{config}"))
for attr in nix_build({{"x86_64-linux": {{"hello", "curl", "none", "wrong"}}}}, "", Path("{review}"), config, "nix")["x86_64-linux"]:
    print(attr.name, "exists" if attr.exists else "is not there", "built" if attr.was_build() else "not built")
"""
    world.expect(
        "nixpkgs-review, through a daemon", [python, "-c", build], "hello exists built", "curl exists built", "wrong exists not built", "none is not there",
        PYTHONPATH=str(source), NIXPKGS_CONFIG=str(config),
    )  # fmt: skip


def lock_updates(world: World, name: str, command: str) -> None:
    """The command by which a program updates an input of a lock file."""
    folder, input = world.folder / f"locked-{name}", world.folder / f"input-{name}"
    for made, text in ((input, "{ outputs = _: { }; }"), (folder, f'{{ inputs.tool.url = "git+file://{input}"; outputs = _: {{ }}; }}')):
        made.mkdir()
        (made / "flake.nix").write_text(text)
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
            git(made, *words)
    world.expect(f"{name}: the flake is locked", ["nix", "flake", "lock", str(folder)])
    git(input, "commit", "-q", "--allow-empty", "-m", "new")
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=input, check=True, capture_output=True, text=True).stdout.strip()
    world.expect(f"{name}: {command}", ["sh", "-c", f"cd {folder} && {command}"], "Updated input 'tool'")
    world.expect(f"{name}: the lock file has the new revision", ["cat", str(folder / "flake.lock")], revision)


def renovate(world: World, source: Path) -> None:
    text = (source / "lib/modules/manager/nix/artifacts.ts").read_text()
    start = re.search(r"let cmd = `([^`]*)`", text)
    assert start is not None and "cmd += `flake update ${inputs}`" in text
    lock_updates(world, "Renovate", start[1] + "flake update tool")


def dependabot(world: World, source: Path) -> None:
    text = (source / "nix/lib/dependabot/nix/file_updater.rb").read_text()
    command = re.search(r'"(nix flake update) #\{dependency\.name\}"', text)
    assert command is not None
    lock_updates(world, "Dependabot", f"{command[1]} tool")


UPDATED = r"""{ overlays ? [ ], config ? { } }:
let
  lib = import ./lib;
  system = "x86_64-linux";
  mkDerivation = given: derivation ({ inherit system stdenv; builder = "/bin/sh"; } // removeAttrs given [ "passthru" "meta" ])
    // { meta = { }; } // (given.passthru or { });
  stdenv = "${./stdenv}";
in {
  inherit lib;
  stdenv = { inherit mkDerivation; };
  writeText = name: text: derivation { inherit name system text; builder = "/bin/sh"; args = [ "-c" "printf '%s' \"$text\" > $out" ]; };
  python3.interpreter = "PYTHON";
  git = ""; nix = ""; cacert = "";
  tool = mkDerivation { pname = "tool"; name = "tool-${import ./tool}"; version = import ./tool; passthru.updateScript = [ ./update-tool ]; };
}
"""


def nixpkgs_update(world: World, source: Path, python: str) -> None:
    """`nix-shell maintainers/scripts/update.nix`, which becomes update.py, which asks `nix-instantiate` and commits."""
    folder = world.folder / "packages"
    for part in ("lib", "maintainers"):
        shutil.copytree(source / part, folder / part)
    (folder / "stdenv").mkdir()
    (folder / "stdenv" / "setup").write_text('runHook() { eval "${!1}"; }\n')
    (folder / "default.nix").write_text(UPDATED.replace("PYTHON", python))
    # update.py runs each script in the shell of the tree; that of nixpkgs has tools of a release that would have to be fetched.
    (folder / "shell.nix").write_text('{ ... }: (import ./. { }).stdenv.mkDerivation { name = "shell"; }\n')
    (folder / "tool").write_text('"1.0"\n')
    (folder / "update-tool").write_text("#!/bin/sh\necho '\"1.1\"' > tool\n")
    (folder / "update-tool").chmod(0o755)
    # As root, a Nix inside of a shell is in a namespace that has no other group.
    more = {"NIX_CONFIG": world.environment["NIX_CONFIG"] + "build-users-group =\n"} | {f"GIT_{who}_{what}": "me" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    script = "git init -q -b main . && git add . && git commit -q -m start && echo | nix-shell maintainers/scripts/update.nix --argstr package tool --argstr commit true"
    shown = "git log -1 --format=%s; cat tool"
    world.expect("nixpkgs' update.py", ["bash", "-c", f"cd {folder}; {script}; {shown}"], "Packages updated!", 'tool: 1.0 ', ' 1.1\n"1.1"', **more)


def nix_direnv(world: World, source: Path) -> None:
    """What `use flake` does about the flake's inputs, before it calls `nix print-dev-env`."""
    script = f"""
set -eu
direnv_version() {{ :; }}; watch_file() {{ :; }}; log_status() {{ echo "$@" >&2; }}; log_error() {{ echo "$@" >&2; }}
direnv_load() {{ :; }}; direnv_layout_dir() {{ echo layout; }}; PATH_add() {{ :; }}; has() {{ command -v "$1" > /dev/null; }}; direnv=direnv; NIX_DIRENV_SKIP_VERSION_CHECK=1
source {source}/direnvrc
_nix_direnv_preflight
_nix flake archive --json --no-write-lock-file -- ./flake
"""
    program = world.folder / "use-flake"
    program.write_text(script)
    world.expect("nix-direnv, inputs of a flake", ["bash", str(program)], '{"inputs":{},"path":"/nix/store/')


def main() -> int:
    parser = argparse.ArgumentParser()
    names = ("nixpkgs", "home-manager", "nix-update", "nixpkgs-review", "renovate", "dependabot", "nix-direnv", "update", "nix-fast-build", "daemon")
    for name in names:
        parser.add_argument(f"--{name}", type=lambda text: Path(text).resolve())
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    left_out = [name for name in names if getattr(given, name.replace("-", "_")) is None]
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        world = World(Path(folder))
        if given.nixpkgs:
            nixos_rebuild(world, given.nixpkgs, given.python)
        if given.home_manager:
            home_manager(world, given.home_manager)
        if given.nix_update:
            nix_update(world, given.nix_update, given.python)
        if given.nixpkgs_review and given.nixpkgs:
            nixpkgs_review(world, given.nixpkgs_review, given.nixpkgs, given.python)
        if given.daemon:
            with daemon_of(world, given.daemon):
                if given.nix_fast_build:
                    nix_fast_build(world, given.nix_fast_build, given.python)
                if given.nixpkgs_review and given.nixpkgs:
                    nixpkgs_review_build(world, given.nixpkgs_review, given.nixpkgs, given.python)
        if given.renovate:
            renovate(world, given.renovate)
        if given.dependabot:
            dependabot(world, given.dependabot)
        if given.nix_direnv:
            nix_direnv(world, given.nix_direnv)
        if given.update:
            nixpkgs_update(world, given.update, given.python)
    if left_out:
        print(f"left out, no source: {' '.join(left_out)}")
    return 1 if world.failures else 0


if __name__ == "__main__":
    sys.exit(main())
