"""The folder in which the recorded command lines run, and the parts of their answers that are compared."""

import re
from pathlib import Path

ENVIRONMENT = {
    "HOME": "/fake-home",
    "NIX_PATH": "",
    "NIX_REMOTE": "dummy://",
    "NIX_STORE_DIR": "/nix/store",
    "NIX_CONF_DIR": "/nonexistent",
    "NO_COLOR": "1",
}
FILES = {
    "value.nix": '{ a = 1; b = { c = "d"; }; list = [ 1 2 ]; f = x: x; }\n',
    "function.nix": '{ x, y ? "default" }: { inherit x y; }\n',
    "ellipsis.nix": "{ x ? 0, ... }@all: all\n",
    "curried.nix": "{ x }: { y ? 2 }: x + y\n",
    "functor.nix": "{ __functor = self: { x }: x; }\n",
    "nested.nix": "{ x }: { inner = { x, y ? 1 }: { deep = x + y; }; }\n",
    "text.txt": "the text\n",
    "folder/default.nix": '"the folder"\n',
    "empty-folder/other.nix": "1\n",
}


def make_world(folder: Path) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "link").symlink_to("folder")
    (folder / "folder" / "up").symlink_to("../text.txt")


def answer(code: int, out: bytes, err: bytes, folder: str) -> dict[str, object]:
    """Exit code, standard output, messages; the folder reads as /pwd, and the advice to try `--help` names no program."""
    messages = []
    for line in err.decode("utf-8", "replace").replace(folder, "/pwd").splitlines():
        line = re.sub(r"^Try '.*' for more information\.$", "Try --help", line.strip())
        if re.match(r"(error: .|warning: |trace: |evaluation warning: |Try --help)", line):
            messages.append(line)
    return {"code": code, "out": out.decode("utf-8", "replace").replace(folder, "/pwd"), "messages": messages}
