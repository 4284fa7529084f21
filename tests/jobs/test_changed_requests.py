"""An incremental run prints what a full run prints, whatever changes between two runs of the command: options, settings, variables, files, and the file of results itself.

Each attribute reads the world in one way.  Each step changes a few things, perhaps while another run is at work, and runs the command twice: with the results of all
steps before, and without results.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

STEPS = int(os.environ.get("SNOWSNAKE_REQUEST_STEPS", "12"))
# A message that shows a value has «thunk» for each part that nobody has evaluated yet, as in C++ Nix.
SHOWN = re.compile(rb"(: )[\[{] .*?(\\n|\")")
READERS = (
    "arg", "text", "builtins.currentSystem", "builtins.nixPath", "import <x/m.nix>", "toString <x>", "(builtins.tryEval <x/n.nix>).success",
    "builtins.pathExists ~/f", "builtins.readFile ~/f", "toString ~/f", 'builtins.getEnv "PROBE"', 'builtins.getEnv "HOME"', "builtins ? fetchTree",
    "builtins.readDir ./d", '"${./d}"', 'builtins.filterSource (p: t: t != "symlink") ./d', "import ./late.nix", "__curPos", "toString ./.", 'throw "no"',
    "map (n: builtins.readFileType (./d + \"/${n}\")) (builtins.attrNames (builtins.readDir ./d))", "builtins.readFile ./link/m.nix", "\"${./link}\"",
    "builtins.pathExists ./link/../x",
)  # fmt: skip
NAMES = ("a", "b", "B", "c.nix")
READERS += tuple(
    read.replace("X", f"./d/{name}")
    for name in NAMES
    for read in ("builtins.readFile X", "builtins.pathExists X", "builtins.readFileType X", "import X", '"${X}"', 'builtins.path { path = X; recursive = false; name = "q"; }')
)
# The values of an option; NONE leaves it out.
NONE = ""
OPTIONS = {
    "--arg arg": ("1", "2", "import ./t/late.nix", "builtins.readDir ./t/d"),
    "--argstr text": ("", "a", "b\udcff"),
    "--select": (NONE, "r: r // (import ./t/more.nix)", 'r: removeAttrs r [ "set" ]'),
    "--apply": (NONE, "d: { v = import ./t/late.nix; }", 'd: { v = if d.name == "n1" then throw "x" else 1; }'),
    "-I": (NONE, "x=./s1", "x=./s2", "x=./t/d", "."),
    "--option system": (NONE, "aarch64-linux", "x"),
    "--option restrict-eval": (NONE, NONE, NONE, "true"),
    "--meta": (NONE, "on"),
    "--show-trace": (NONE, "on"),
    "--pure": (NONE, NONE, NONE, "on"),
    "--feature": (NONE, "fetch-tree"),
}
VARIABLES = {
    "NIX_PATH": (None, "", "x=s1", "x=s2", "x=none:x=s1"),
    "HOME": ("h1", "h2", "none"),
    "PROBE": (None, "", "1"),
    "NIX_CONFIG": ("", "eval-system = foo", "system = bar", "max-call-depth = 50", "nix-path = x=s2"),
}
CONTENTS = ("1", "2", "{ }", "x", "import <x/m.nix>")


class Changing:
    """A folder and a command line that change.  The files that attributes read are in `t`; two search paths are `s1` and `s2`, two homes `h1` and `h2`."""

    def __init__(self, place: Path, chance: random.Random) -> None:
        self.place, self.chance = place / "w", chance
        self.results = place / "results.sqlite"
        for name in ("t/d", "s1", "s2", "h1", "h2"):
            (self.place / name).mkdir(parents=True)
        for name in ("s1/m.nix", "t/late.nix"):
            (self.place / name).write_text("1")
        (self.place / "t/more.nix").write_text("{ }")
        (self.place / "t/link").symlink_to("../s1")
        readers = list(READERS)
        chance.shuffle(readers)
        rows = [f'  k{number:02} = make "n{number}" ({reader});' for number, reader in enumerate(readers)]
        (self.place / "t/root.nix").write_text(
            '{ arg ? 0, text ? "" }:\nlet make = name: v: derivation { inherit name; system = "x"; builder = "b"; v = builtins.toJSON v; }; in {\n'
            + "\n".join(rows)
            + '\n  set = { recurseForDerivations = builtins.pathExists ./d/a; z = make "z" 1; };\n}\n'
        )
        self.reset()

    def reset(self) -> None:
        """Makes the request what it was at first."""
        self.options = {name: values[0] for name, values in OPTIONS.items()}
        self.variables = {name: values[0] for name, values in VARIABLES.items()}

    def change_request(self) -> str:
        table, chosen = self.chance.choice(((OPTIONS, self.options), (VARIABLES, self.variables)))
        name = self.chance.choice(list(table))
        chosen[name] = self.chance.choice(table[name])
        return f"{name} {chosen[name]}"

    def change_file(self) -> str:
        chance, top = self.chance, self.place / "t"
        path = top / "d" / chance.choice(NAMES)
        kind = chance.choice(("text", "text", "same", "folder", "link", "pipe", "mode", "none", "case", "exchange", "hard", "late", "more", "search", "home", "top link"))
        if kind == "same" and path.is_file() and not path.is_symlink():
            # The file is another one with the same size and time.
            before = path.stat()
            path.unlink()
            path.write_text(chance.choice("123456789") * before.st_size)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        elif kind == "mode" and os.path.lexists(path) and not path.is_symlink():
            path.chmod(chance.choice((0o644, 0o755)) if path.is_file() else 0o755)
        elif kind == "case" and os.path.lexists(top / "d/b"):
            self._remove(top / "d/B")
            (top / "d/b").rename(top / "d/B")
        elif kind == "exchange" and os.path.lexists(path) and os.path.lexists(top / "d/a"):
            path.rename(top / "other")
            if os.path.lexists(top / "d/a"):
                (top / "d/a").rename(path)
            (top / "other").rename(top / "d/a")
        elif kind == "hard" and path.is_file() and path.name != "a":
            self._remove(top / "d/a")
            os.link(path, top / "d/a", follow_symlinks=False)
        elif kind == "late":
            (top / "late.nix").write_text(chance.choice(CONTENTS))
        elif kind == "more":
            (top / "more.nix").write_text(chance.choice(("{ }", "{ k00 = null; }", "1")))
        elif kind in ("search", "home"):
            path = self.place / chance.choice(("s1/m.nix", "s2/m.nix", "s1/n.nix") if kind == "search" else ("h1/f", "h2/f"))
            self._make("none" if chance.random() < 0.3 else "text", path)
        elif kind == "top link":
            (top / "link").unlink()
            (top / "link").symlink_to(chance.choice(("../s1", "../s2", "d", "none")))
        elif kind in ("text", "folder", "link", "pipe", "none"):
            self._make(kind, path)
        return f"{kind} {path.name}"

    def _make(self, kind: str, path: Path) -> None:
        self._remove(path)
        if kind == "text":
            path.write_text(self.chance.choice(CONTENTS))
        elif kind == "folder":
            path.mkdir()
            (path / "default.nix").write_text(self.chance.choice(CONTENTS))
        elif kind == "link":
            path.symlink_to(self.chance.choice((*NAMES, "../late.nix", "none", "..", "../../s1")))
        elif kind == "pipe":
            os.mkfifo(path)

    @staticmethod
    def _remove(path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def damage(self) -> str:
        """Writes random bytes into the file of results or into one beside it, or cuts it off; its head, by which it is known to be ours, stays."""
        files = sorted(self.results.parent.glob("results.sqlite*"))
        if not files:
            return "no results"
        path = self.chance.choice(files)
        whole = path.read_bytes()
        head, data = whole[:100], bytearray(whole[100:])
        if self.chance.random() < 0.5:
            del data[self.chance.randrange(len(data) + 1) :]
        for _ in range(20 if data else 0):
            data[self.chance.randrange(len(data))] = self.chance.randrange(256)
        path.write_bytes(head + data)
        return f"damaged {path.name}"

    def start(self, *more: str) -> subprocess.Popen:
        words = ["jobs", "t/root.nix", "--json", "--no-instantiate", *more]
        for name, value in self.options.items():
            if value or name == "--argstr text":
                words += [*name.split(), *([] if value == "on" else [value.encode("utf-8", "surrogateescape")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | {name: value for name, value in self.variables.items() if value is not None}
        for name, value in self.variables.items():
            if value is None:
                environment.pop(name, None)
        environment["HOME"] = str(self.place / environment["HOME"])
        code = "import sys; from snowsnake.cli.main import main; sys.exit(main())"
        return subprocess.Popen([sys.executable, "-c", code, *words], cwd=self.place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def incremental(self) -> subprocess.Popen:
        return self.start("--incremental", "--results", str(self.results), "--workers", self.chance.choice("12"))


def lines(process: subprocess.Popen) -> tuple[int, bytes, bytes]:
    found, said = process.communicate(timeout=120)
    return process.returncode, SHOWN.sub(rb"\1\2", found), said


@pytest.mark.parametrize("seed", range(2))
def test_an_incremental_run_prints_what_a_full_run_prints(seed, tmp_path):
    chance = random.Random(seed)
    changing = Changing(tmp_path, chance)
    evaluated = reused = 0
    for number in range(STEPS):
        changes = [changing.change_file() for _ in range(chance.choice((0, 1, 1, 1, 2, 4)))]
        if number % 6 == 5:
            # The request is again what it was at first: the results for it are older than the last steps.
            changing.reset()
        elif chance.random() < 0.3:
            changes.append(changing.change_request())
        kind = chance.random()
        if kind < 0.2:
            meanwhile = changing.incremental()
            time.sleep(chance.random() / 2)
            changes += ["during a run:", *(changing.change_file() for _ in range(4))]
            meanwhile.communicate()
        elif kind < 0.3:
            for process in [changing.incremental(), changing.incremental()]:
                process.communicate()
        elif kind < 0.4:
            changes.append(changing.damage())
        code, found, said = lines(changing.incremental())
        assert (code, found) == lines(changing.start("--workers", "1"))[:2], (number, changes, changing.options, changing.variables, said.decode()[-500:])
        if counted := re.search(rb"(\d+) of (\d+) attributes were evaluated", said):
            evaluated += int(counted[1])
            reused += int(counted[2]) - int(counted[1])
    assert reused > 5 * STEPS, (evaluated, reused)
