"""`nix-store --serve`: answers a client at standard input and output, as ssh starts it.

In: a `Request`.  Out: the serve protocol.
"""

from snowsnake.cli.old.store import Request
from snowsnake.diagnostics.error import as_error


def serve(request: Request) -> None:
    """`--serve`; `--write` lets the client change the store."""
    flags = request.refuse_flags("--write")
    request.refuse_words()
    from snowsnake.cli.stores import open_store
    from snowsnake.store.daemon.channel import StandardStreams
    from snowsnake.store.ssh.server import ServeServer

    settings = request.common.settings
    is_writable = "--write" in flags

    def limit(name: str, number: int) -> None:
        settings.set(name, "true" if name == "keep-failed" else str(number))

    try:
        with open_store(settings, request.reporter.warning, is_writable=is_writable, reporter=request.reporter) as store:
            ServeServer(store, StandardStreams(), is_writable=is_writable, limit=limit).run()
    except ValueError as error:
        raise as_error(error) from None
