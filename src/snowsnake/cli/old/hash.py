"""The command `snowsnake-hash`: `nix-hash` of Nix 2.34, option for option.

In: the words of its command line.  Out: a line for each hash.
"""

import sys

from snowsnake.cli import hashing
from snowsnake.cli.old.command_line import Common, Request, run_request, value_of
from snowsnake.cli.output import Reporter, guarded, write_line

_FORMATS = {"--base16": "base16", "--base32": "nix32", "--base64": "base64", "--sri": "sri"}
_CONVERSIONS = {"--to-base16": "base16", "--to-base32": "nix32", "--to-base64": "base64", "--to-sri": "sri"}
_HELP = """usage: snowsnake-hash [OPTION …] PATH …
       snowsnake-hash (--to-base16 | --to-base32 | --to-base64 | --to-sri) [--type ALGORITHM] HASH …

Takes the options of nix-hash of Nix 2.34; its manual applies:
  --flat                 hash the bytes of a file instead of its archive
  --type ALGORITHM       md5 (the default), sha1, sha256, sha512, blake3
  --base16, --base32, --base64, --sri
                         the format of hashes
  --truncate             shorten hashes to 160 bits"""


class _Request(Request):
    FLAGS = {"--flat": "is_flat", "--truncate": "truncates"}

    def __init__(self) -> None:
        super().__init__()
        self.algorithm = ""
        self.encoding = "base16"
        self.converts = False
        self.is_flat = False
        self.truncates = False

    def option(self, word: str, rest: list[str]) -> bool:
        if word == "--type":
            self.algorithm = value_of(word, rest)
            hashing.check_algorithm(self.algorithm)
        elif word in _FORMATS:
            self.encoding = _FORMATS[word]
        elif word in _CONVERSIONS:
            self.encoding, self.converts = _CONVERSIONS[word], True
        else:
            return super().option(word, rest)
        return True


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    return run_request(_Request(), words, reporter, "nix-hash", _HELP, _print_hashes)


def _print_hashes(request: _Request, common: Common) -> None:
    if request.algorithm:
        hashing.algorithm(request.algorithm, common.settings)
    for word in request.words:
        if request.converts:
            kind, digest = hashing.parse(word, request.algorithm or None, common.settings)
        else:
            kind = request.algorithm or "md5"
            digest = hashing.path_digest(word, "flat" if request.is_flat else "nar", kind, common.settings)
            if request.truncates and len(digest) > 20:
                digest = hashing.shortened(digest, 20)
        write_line(hashing.written(kind, digest, request.encoding).encode())


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(is_old_command=True), "nix-hash")


if __name__ == "__main__":
    sys.exit(main())
