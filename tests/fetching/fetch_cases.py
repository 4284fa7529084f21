"""The recorded fetches: their lines, and the parts of an answer that are compared."""

import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {"NIX_PATH": "", "NIX_CONF_DIR": "/nonexistent", "NO_COLOR": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def lines(text: str) -> Iterator[tuple[str, str]]:
    """(flags, expression) of each case."""
    flags = ""
    for line in text.splitlines():
        if line.startswith("="):
            flags = line[1:].strip()
        elif line and not line.startswith("#"):
            yield flags, line


def filled(text: str, world: str, url: str) -> str:
    return text.replace("http://U/", url + "/").replace("@U/", "@" + url.removeprefix("http://") + "/").replace("/W/", world + "/")


def answer(code: int, out: str, err: str, world: str, url: str) -> dict[str, object]:
    """Exit code, value, warnings and the last error, with the world's places for those of this run."""

    def plain(text: str) -> str:
        text = text.replace(url.removeprefix("http://"), "U").replace(world, "/W")
        text = re.sub(r"in \d+ ms \(attempt", "in N ms (attempt", text)
        text = re.sub(r"(Could not connect to server \(7\)).*", r"\1", text)
        text = re.sub(r"(Truncated input file|Protocol \"\w+\").*", r"\1", text)
        return re.sub(r"\x1b\[[0-9;]*m", "", text)

    warnings = [line for line in err.splitlines() if line.startswith("warning: ") and "cache.nixos.org" not in line]
    # C++ Nix warns of a query as often as it reads the address.
    warnings = [line for number, line in enumerate(warnings) if line not in warnings[:number] or not line.startswith("warning: dubious URI query")]
    found = re.split(r"(?m)^ *error: ", err)
    message = re.split(r"\n\s+at |\n *\n", found[-1])[0] if len(found) > 1 and code else ""
    message = "\n".join(line.strip() for line in message.splitlines())
    return {"code": code, "out": plain(out), "warnings": [plain(line) for line in warnings], "error": plain(message)}
