"""Where recorded scenarios of flakes run, and what is compared of the answers.

A scenario is a list of steps: `("write", PATH, TEXT)`, `("link", PATH, TARGET)`, `("git", FOLDER)` makes a repository and commits what
is in its folder, `("git", FOLDER, ARGUMENT …)` runs Git there, `("remove", PATH)`, `("move", PATH, NEW)`, `("mode", PATH, OCTAL)`,
`("replace", PATH, OLD, NEW)` replaces the first OLD in a file, `("nix", WORD …)` is a command line, whose answer is recorded.
In texts and words `@` stands for the scenario's folder, which is the same wherever it runs: lock files and hashes depend on it.
"""

import gc
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path("/tmp/snowsnake-flakes")
# The time of the last change of every file.
TIME = 1_700_000_000
WHEN = "2024-01-02T03:04:05Z"

Step = tuple[str, ...]
Scenario = tuple[str, list[Step]]
Answer = dict[str, object]


def environment(folder: Path) -> dict[str, str]:
    return {
        "HOME": f"{folder}/home",
        "XDG_CACHE_HOME": f"{folder}/home/.cache",
        "XDG_CONFIG_HOME": f"{folder}/home/.config",
        "XDG_CONFIG_DIRS": f"{folder}/home/none",
        "NIX_PATH": "",
        "NIX_STORE_DIR": "/nix/store",
        "NIX_STATE_DIR": f"{folder}/home/state",
        "NIX_LOG_DIR": f"{folder}/home/log",
        "NIX_CONF_DIR": f"{folder}/conf",
        "NIX_CONFIG": "experimental-features = nix-command flakes\nflake-registry =\nsubstituters =\neval-cache = false\nsystem = x86_64-linux",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_DATE": WHEN,
        "GIT_COMMITTER_DATE": WHEN,
        "GIT_AUTHOR_NAME": "A",
        "GIT_COMMITTER_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_EMAIL": "a@b",
    }


def make(name: str) -> Path:
    folder = ROOT / name
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
        # Evaluators that nobody refers to close their caches before the folder is removed.
        gc.collect()
        shutil.rmtree(folder)
    (folder / "home").mkdir(parents=True)
    return folder


def prepare(folder: Path, step: Step, variables: dict[str, str]) -> None:
    """Takes a step that is not a command line."""
    kind, name, *rest = (word.replace("@", str(folder)) for word in step)
    path = folder / name
    if kind == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rest[0], encoding="utf-8")
    elif kind == "link":
        path.symlink_to(rest[0])
    elif kind == "remove":
        path.unlink()
    elif kind == "move":
        path.rename(folder / rest[0])
    elif kind == "mode":
        path.chmod(int(rest[0], 8))
    elif kind == "replace":
        text = path.read_text(encoding="utf-8")
        assert rest[0] in text, step
        path.write_text(text.replace(*rest, 1), encoding="utf-8")
    elif kind == "git" and not rest:
        path.mkdir(exist_ok=True)
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", "x"]):
            subprocess.run(["git", *words], cwd=path, env=variables, check=True)
    elif kind == "git":
        subprocess.run(["git", *rest], cwd=path, env=variables, check=True, stdout=subprocess.DEVNULL)
    else:
        raise ValueError(step)


def settle(folder: Path) -> None:
    """Sets the times of files, which are the same in every run."""
    for where, folders, files in os.walk(folder):
        folders[:] = [inner for inner in folders if inner not in (".git", "home", "store")]
        for name in (*files, *folders):
            os.utime(os.path.join(where, name), (TIME, TIME), follow_symlinks=False)
    os.utime(folder, (TIME, TIME))


def lock_files(folder: Path) -> dict[str, str]:
    found = {}
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(inner for inner in folders if inner not in (".git", "home", "store"))
        for name in files:
            if name.endswith(".lock"):
                path = Path(where, name)
                found[str(path.relative_to(folder))] = path.read_text(encoding="utf-8")
    return found


def plain(err: bytes, folder: Path) -> str:
    return err.decode("utf-8", "replace").replace(f"{folder}/store/nix/store", "/nix/store")


def whole(name: str, err: bytes, folder: Path) -> Answer:
    """The whole of standard error, in scenarios of reports."""
    return {"report": plain(err, folder)} if name.startswith("report-") else {}


def answer(code: int, out: bytes, err: bytes, folder: Path) -> Answer:
    """Exit code, output, remarks and warnings, and the last error without places."""
    text = plain(err, folder)
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith("error:")), len(lines))
    if "terminating due to unexpected" in text:
        return {"code": code, "out": "", "said": ["a crash"], "error": ""}
    said = [line for line in lines[:first] if line and not re.match(r"Try '.*' for more information", line)]
    # C++ Nix warns of a query as often as it reads the address.
    said = [line for number, line in enumerate(said) if line not in said[:number] or not line.startswith("warning: dubious URI query")]
    starts = [number for number, line in enumerate(lines) if line.lstrip().startswith("error:")]
    error = [line.strip() for line in lines[starts[-1] :]] if starts else []
    kept = [line for line in error if line and not re.match(r"at .*:\d+:\d+:$|\d+\||\|\s*\^|Try '", line)]
    shown = re.sub(r"\x1b\[[0-9;]*m", "", out.decode("utf-8", "replace"))
    return {"code": code, "out": shown, "said": said, "error": " ".join(kept)}
