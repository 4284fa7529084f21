"""`nix-store --serve`: answers a client at standard input and output, as ssh starts it.

In: a `StoreRequest`.  Out: the serve protocol.
"""

from snowsnake.cli.old.store import StoreRequest
from snowsnake.diagnostics.error import as_error


def serve(request: StoreRequest) -> None:
    """`--serve`; `--write` lets the client change the store."""
    flags = request.refuse_flags("--write")
    request.refuse_words()
    from functools import partial

    from snowsnake.cli.building import failures_of
    from snowsnake.cli.stores import open_store
    from snowsnake.store.daemon.channel import StandardStreams
    from snowsnake.store.ssh.server import ServeServer

    settings, reporter = request.common.settings, request.reporter
    is_writable = "--write" in flags

    def set_option(name: str, text: str) -> None:
        # The client tells its user what is built.
        reporter.verbosity = 0
        settings.set(name, text)

    try:
        with open_store(settings, reporter.warning, is_writable=is_writable, reporter=reporter) as store:
            failures = partial(failures_of, reporter)
            ServeServer(store, StandardStreams(), is_writable=is_writable, set_option=set_option, failures=failures).run()
    except ValueError as error:
        raise as_error(error) from None
