"""`nix hash …`: hashes files and folders, and writes hashes in another format.

In: a `Call`.  Out: a line for each path or hash.
"""

from snowsnake.cli import hashing
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.output import write_line, write_text

_OLD_WARNING = "The old format conversion subcommands of `nix hash` were deprecated in favor of `nix hash convert`."


def path(call: Call) -> None:
    """`nix hash path` and `nix hash file`."""
    given = call.given
    is_file = call.row is not None and call.row.name == "hash file"
    method = hashing.ingestion_method(given.text("mode", "flat" if is_file else "nar"))
    kind = hashing.algorithm(given.text(given.last_of("type", "algo"), "sha256"), call.settings)
    chosen = given.last_of("sri", "base64", "base32", "base16", "format")
    if chosen == "format":
        encoding = hashing.hash_format(given.text("format"), call.reporter.warning)
    else:
        encoding = hashing.FORMATS[chosen or "sri"]
    for word in call.words:
        write_line(hashing.written(kind, hashing.path_digest(word, method, kind, call.settings), encoding).encode())


def convert(call: Call) -> None:
    """`nix hash convert`."""
    given = call.given
    wanted = hashing.hash_format(given.text("from"), call.reporter.warning) if given.flag("from") else ""
    encoding = hashing.hash_format(given.text("to", "sri"), call.reporter.warning)
    kind = hashing.algorithm(given.text("hash_algo"), call.settings) if given.flag("hash_algo") else None
    for word in call.words:
        write_text(hashing.converted(word, kind, wanted, encoding, call.settings))


def to_base(call: Call) -> None:
    """`nix hash to-base16` and the other old conversions."""
    assert call.row is not None
    call.reporter.warning(_OLD_WARNING)
    kind = hashing.algorithm(call.given.text("type"), call.settings) if call.given.flag("type") else None
    encoding = hashing.FORMATS[call.row.name.rpartition("-")[2]]
    for word in call.words:
        write_line(hashing.written(*hashing.parse(word, kind, call.settings), encoding).encode())
