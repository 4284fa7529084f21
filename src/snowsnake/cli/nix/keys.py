"""`nix key …`, `nix store sign`, `nix store copy-sigs`: keys, and signatures of objects.

In: a `Call`.  Out: keys as text; signatures, in the store.
"""

import sys

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.installables import store_paths
from snowsnake.cli.nix.store import asked
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import opening_error, write
from snowsnake.diagnostics.error import EvaluationError, Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.signing import SecretKey


def generate(call: Call) -> None:
    """`nix key generate-secret`."""
    from snowsnake.store.signing import SecretKey

    if not call.given.flag("key_name"):
        raise UsageError("required argument '--key-name' is missing")
    write(SecretKey.new(call.given.text("key_name")).render().encode("utf-8", "surrogateescape"))


def convert(call: Call) -> None:
    """`nix key convert-secret-to-public`: reads the secret key from standard input and writes the public one to standard output."""
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    write(_parsed(text).public.encode("utf-8", "surrogateescape"))


def sign(call: Call) -> None:
    """`nix store sign`."""
    from snowsnake.store.signing import sign as signature_of

    if not call.given.flag("key_file"):
        raise UsageError("required argument '--key-file' is missing")
    added = 0
    with asked(call, is_writable=True) as installables:
        store = installables.store
        paths = store_paths(call, installables)
        key = _read(call.given.text("key_file"))
        for path in paths:
            info = store.known(path)
            made = signature_of(key, info)
            if made not in info.signatures:
                store.add_signatures(path, [made])
                added += 1
    call.reporter.info(f"added {added} signatures")


def copy_signatures(call: Call) -> None:
    """`nix store copy-sigs -s STORE`: copies the signatures that other stores have for the same contents."""
    from snowsnake.cli.stores import open_reference
    from snowsnake.settings.store_reference import StoreReference

    words = call.given.texts("substituter")
    added = 0
    with asked(call, is_writable=True) as installables:
        store = installables.store
        paths = store_paths(call, installables)
        if not words:
            raise UsageError("you must specify at least one substituter using '-s'")
        for word in words:
            with open_reference(StoreReference.parse(word), call.settings, call.reporter.warning) as other:
                for path in paths:
                    info, found = store.known(path), other.info(path)
                    if found is None or (found.nar_hash, found.nar_size, found.references) != (info.nar_hash, info.nar_size, sorted(info.references)):
                        continue
                    new = sorted(set(found.signatures) - set(info.signatures))
                    if new:
                        store.add_signatures(path, new)
                        added += len(new)
    call.reporter.info(f"imported {added} signatures")


def _read(path: str) -> "SecretKey":
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError as error:
        raise opening_error(path, error) from None
    return _parsed(text)


def _parsed(text: str) -> "SecretKey":
    from snowsnake.store.signing import NotSecret, SecretKey

    try:
        return SecretKey.parse(text)
    except NotSecret as error:
        raise EvaluationError("value", str(error)) from None
    except ValueError as error:
        name = text.partition(":")[0] if ":" in text else ""
        raise EvaluationError("value", str(error), trace=[Frame("context", f"while decoding key named '{name}'", None)]) from None
