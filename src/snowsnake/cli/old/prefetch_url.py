"""The command `snowsnake-prefetch-url`: `nix-prefetch-url` of Nix 2.34, option for option.

In: the words of its command line.  Out: the hash, and with `--print-path` the store path.
"""

import os
import sys

from snowsnake.cli import hashing
from snowsnake.cli.old.command_line import Common, Request, run_request, value_of
from snowsnake.cli.old.evaluation import EvaluationWords
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import Reporter, guarded, write_line, write_text
from snowsnake.cli.prefetch import Wanted, prefetch
from snowsnake.diagnostics.error import EvaluationError, Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.handle import Handle

_HELP = """usage: snowsnake-prefetch-url [OPTION …] URL [HASH]
       snowsnake-prefetch-url [OPTION …] -A ATTRIBUTE [FILE]

Takes the options of nix-prefetch-url of Nix 2.34; its manual applies:
  --type ALGORITHM       md5, sha1, sha256 (the default), sha512, blake3
  --name NAME            the name in the store
  --unpack               unpack an archive, and hash its contents
  --executable           make the file executable, and hash its archive
  --print-path           print the store path, too
  -A, --attr ATTRIBUTE   take the first of the `urls` of this attribute of FILE"""


class _Request(Request):
    FLAGS = {"--print-path": "prints_path", "--unpack": "unpacks", "--executable": "is_executable"}
    VALUES = {"--attr": "attribute", "-A": "attribute", "--name": "name"}

    def __init__(self) -> None:
        super().__init__()
        self.algorithm = "sha256"
        self.name = ""
        self.attribute: str | None = None
        self.prints_path = os.environ.get("PRINT_PATH") == "1"
        self.unpacks = False
        self.is_executable = False
        self.evaluation = EvaluationWords()

    def option(self, word: str, rest: list[str]) -> bool:
        if self.evaluation.handle(word, rest):
            return True
        if word != "--type":
            return super().option(word, rest)
        self.algorithm = value_of(word, rest)
        hashing.check_algorithm(self.algorithm)
        return True


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    return run_request(_Request(), words, reporter, "nix-prefetch-url", _HELP, _prefetch)


def _prefetch(request: _Request, common: Common) -> None:
    if len(request.words) > 2:
        raise UsageError("too many arguments")
    hashing.algorithm(request.algorithm, common.settings)
    if request.attribute is None and not request.words:
        raise UsageError("you must specify a URL")
    url = request.words[0] if request.attribute is None else _attribute_url(request, common)
    expected = hashing.parse(request.words[1], request.algorithm, common.settings) if len(request.words) == 2 else None
    wanted = Wanted(_mirrored(url, request, common), request.algorithm, name=request.name, expected=expected)
    wanted.unpacks, wanted.is_executable = request.unpacks, request.is_executable
    path, algorithm, digest = prefetch(wanted, common.settings, common.reporter)
    if not request.prints_path:
        common.reporter.info(f"path is '{path}'")
    write_line(hashing.written(algorithm, digest, "base16" if algorithm == "md5" else "nix32").encode())
    if request.prints_path:
        write_text(path)


def _attribute_url(request: _Request, common: Common) -> str:
    """The first of the `urls` of an attribute; the attribute also says whether to unpack the file."""
    session = request.evaluation.open(common, is_writable=False)
    assert request.attribute is not None
    value = session.selector.select(session.evaluated_file(request.words[0] if request.words else "."), request.attribute)
    value.force()
    _expect(value, "set", "while evaluating the source attribute to prefetch")
    names = value.keys()
    if b"urls" not in names:
        raise EvaluationError("missing-attribute", "attribute 'urls' missing")
    urls = value.select(b"urls")
    _expect(urls, "list", "while evaluating the urls to prefetch")
    if len(urls) == 0:
        raise EvaluationError("value", "'urls' list is empty")
    first = urls.index(0)
    _expect(first, "string", "while evaluating the first url from the urls list")
    if b"outputHashMode" in names:
        mode = value.select(b"outputHashMode")
        _expect(mode, "string", "while evaluating the outputHashMode of the source to prefetch")
        request.unpacks = mode.string() == b"recursive"
    else:
        common.reporter.info("warning: this does not look like a fetchurl call")
    return first.string().decode("utf-8", "surrogateescape")


_MIRRORS = b"import <nixpkgs/pkgs/build-support/fetchurl/mirrors.nix>"


def _mirrored(url: str, request: _Request, common: Common) -> str:
    """The URL itself; for `mirror://NAME/PATH` a URL from nixpkgs' list of mirrors."""
    if not url.startswith("mirror://"):
        return url
    name, slash, rest = url[9:].partition("/")
    if not slash:
        raise EvaluationError("value", f"invalid mirror URL '{url}'")
    mirrors = request.evaluation.open(common, is_writable=False).expression(_MIRRORS)
    mirrors.force()
    _expect(mirrors, "set", "while evaluating the set of all mirrors")
    if name.encode() not in mirrors.keys():
        raise EvaluationError("value", f"unknown mirror name '{name}'")
    places = mirrors.select(name.encode())
    _expect(places, "list", "while evaluating one mirror configuration")
    if len(places) == 0:
        raise EvaluationError("value", f"mirror URL '{url}' did not expand to anything")
    first = places.index(0)
    _expect(first, "string", "while evaluating the first available mirror")
    place = first.string().decode("utf-8", "surrogateescape")
    return str(place) + ("" if place.endswith("/") else "/") + rest


def _expect(value: "Handle", kind: str, context: str) -> None:
    from snowsnake.selection import TYPE_NAMES

    value.force()
    found = value.type_name()
    if found != kind:
        shown = value.to_nix(kinds=False).decode("utf-8", "replace")
        message = f"expected {TYPE_NAMES[kind]} but found {TYPE_NAMES[found]}: {shown}"
        raise EvaluationError("type", message, trace=[Frame("context", context, None)])


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(), "nix-prefetch-url")


if __name__ == "__main__":
    sys.exit(main())
