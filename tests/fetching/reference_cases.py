"""References: each scheme with each attribute, right and wrong, as set and as URL; reference_answers.json has the answers of 2.34.8.

    python tests/fetching/reference_cases.py NIX_INSTANTIATE       records the answers of a reference

The file holds the distinct answers (a value, or "error: …" in one line), and for each case, in the order of `cases`, each once, which it has.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

ANSWERS = Path(__file__).with_name("reference_answers.json")
FEATURES = ("flakes", "nix-command", "fetch-tree", "verified-fetches")
REV = "0123456789abcdef0123456789abcdef01234567"
SETS = {
    "path": {"path": "/a/b"}, "git": {"url": "https://x.invalid/r"}, "hg": {"url": "https://x.invalid/r"},
    "tarball": {"url": "https://x.invalid/a.tar.gz"}, "file": {"url": "https://x.invalid/f"}, "github": {"owner": "o", "repo": "r"},
    "gitlab": {"owner": "o", "repo": "r"}, "sourcehut": {"owner": "~o", "repo": "r"}, "indirect": {"id": "n"},
}  # fmt: skip
URLS = {
    "path": "path:/a/b", "git": "git+https://x.invalid/r", "hg": "hg+https://x.invalid/r", "tarball": "https://x.invalid/a.tar.gz",
    "file": "file+https://x.invalid/f", "github": "github:o/r", "gitlab": "gitlab:o/r", "sourcehut": "sourcehut:~o/r", "indirect": "flake:n",
}  # fmt: skip
VALUES = {
    "rev": [REV, "abc", "z" * 40, 5, True, REV + REV[:24]], "ref": ["main", "a/b", "-x", "a..b", "", 7, "x y", "refs/heads/main", "HEAD"],
    "narHash": ["sha256-" + "A" * 43 + "=", "sha256-x", "sha1-" + "A" * 27 + "=", 1, "0" * 64], "lastModified": [5, 0, "7", "x", True, "+1", "++1", "-1", " 1"],
    "revCount": [4, "4", "x", False], "shortRev": ["abc", 1], "dirtyRev": [REV + "-dirty"], "dirtyShortRev": ["abc-dirty"],
    "submodules": [True, False, "1", "true", 1], "shallow": [True, False, "1", "0", "x"], "allRefs": [True, "1"], "exportIgnore": [True, False, "1"],
    "lfs": [True, "1", 0], "dir": ["a/b", "../x", "/x", "", 3], "host": ["h.org", "h/o", "", 1, "h:80"], "flake": [False, True, "0"],
    "name": ["nm", "a b", "", ".x", 1], "unpack": [True, False, "1"], "verifyCommit": [True, "1"],
    "publicKeys": ['[{"type":"ssh-ed25519","key":"k"}]', "[]", "x", []], "publicKey": ["k", 1], "keytype": ["ssh-rsa", 1], "treeHash": [REV, "x"],
    "__final": [True, False, "1"], "unknown": ["x", 1, True], "type": ["git", "nope", 1], "url": ["https://y.invalid/z", "", "x", 1],
    "path": ["/c", "rel", "./x", "", 1], "owner": ["p", "p/q", ""], "repo": ["s", "s/t", ""], "id": ["m", "m/x", "", "1"], "parent": ["x"],
}  # fmt: skip
TAILS = [
    "/main", f"/{REV}", f"/main/{REV}", "/a/b/c", "/", "//", "?", "#x", "#", "/main?ref=other", f"/{REV}?rev={REV}", f"?rev={REV}&ref=main", "/a%20b",
    "/%2e%2e", "?dir=a&dir=b", "/-x", "/main..x", "?a", "?=b", "&a=b", "?ref=main&x=y",
]
BARE = ["path:", "path:?a=b", "path:#", "path:.", "path:./", "path:a", "path://", "path:///", "git+file:", "hg+file:"]  # fmt: skip


def nix(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + "".join(f"{name} = {nix(inner)}; " for name, inner in value.items()) + "}"
    return str(value) if isinstance(value, int) else "[ ]" if isinstance(value, list) else json.dumps(value)


def cases() -> Iterator[str]:
    """Expressions, each with one reference."""
    for scheme, base in SETS.items():
        for name, values in VALUES.items():
            for value in values:
                yield f"builtins.flakeRefToString {nix({'type': scheme, **base, name: value})}"
                text = "1" if value is True else "0" if value is False else "" if isinstance(value, list) else str(value)
                url = json.dumps(f"{URLS[scheme]}?{name}={quote(text, safe='')}")
                yield f"builtins.parseFlakeRef {url}"
                yield f"builtins.flakeRefToString (builtins.parseFlakeRef {url})"
    for url in URLS.values():
        for tail in TAILS:
            yield f"builtins.parseFlakeRef {json.dumps(url + tail)}"
    for url in BARE:
        yield f"builtins.parseFlakeRef {json.dumps(url)}"


def error_line(text: str) -> str:
    """The last error of a report, in one line, without the hint that an option explains more."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    last = text[text.rfind("error:") :]
    return " ".join(line.strip() for line in last.splitlines() if line.strip() and not line.startswith("Try '"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "HOME": folder, "NIX_CONF_DIR": "/nonexistent", "NIX_PATH": "", "NIX_STORE_DIR": f"{folder}/store", "NIX_STATE_DIR": f"{folder}/state",
            "NIX_CONFIG": f"experimental-features = {' '.join(FEATURES)}\nflake-registry =\n",
        }  # fmt: skip

        def answer(expression: str) -> str:
            command = [sys.argv[1], "--eval", "--strict", "--expr", expression]
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            return error_line(done.stderr) if done.returncode else done.stdout.strip()

        with ThreadPoolExecutor(2) as crew:
            found = list(crew.map(answer, dict.fromkeys(cases())))
    write(found)


def write(found: list[str]) -> None:
    numbers = {text: number for number, text in enumerate(dict.fromkeys(found))}
    lines = [json.dumps(text) for text in numbers]
    ANSWERS.write_text("[[\n" + ",\n".join(lines) + "\n],\n" + json.dumps([numbers[text] for text in found], separators=(",", ":")) + "]\n")


if __name__ == "__main__":
    main()
