"""A report of an error as data: its lines without the excerpts of sources, each with its place."""

import re

FLAGS = ["--eval", "--strict", "--show-trace", "--extra-experimental-features", "flakes fetch-tree pipe-operators"]
ENVIRONMENT = {"NIX_REMOTE": "dummy://", "NIX_STORE_DIR": "/nix/store", "HOME": "/fake-home", "NIX_PATH": "", "NO_COLOR": "1"}


def report_of(code: int, out: str, err: str, folder: str) -> list[str]:
    """`= value` for a program that succeeds, after its warnings; otherwise the lines of the trace and the message, with ` @ line:column` or a whole place."""
    found: list[str] = []
    for line in err.replace(folder, "/pwd").split("\n"):
        place = re.fullmatch(r"\s+at (\S+):", line)
        if place is not None and found:
            found[-1] += " @ " + place[1].removeprefix("«string»:")
        elif line.strip() not in ("", "error:") and re.match(r"\s*\d*\|", line) is None:
            found.append(line.strip())
    return found if code else [*found, "= " + out.replace(folder, "/pwd").rstrip("\n")]
