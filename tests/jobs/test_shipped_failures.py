"""A fetch that fails on the machine that locked a flake fails in the same way on the machine that evaluates an attribute of it."""

from types import SimpleNamespace

import pytest

from snowsnake.fetch import archive, errors, http, s3
from snowsnake.jobs.shipped_flake import FlakeWorker, Supplied

KINDS = sorted(
    {kind for module in (archive, errors, http, s3) for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, errors.FetchFailure)},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_of_any_kind_arrives(kind: type[errors.FetchFailure]) -> None:
    worker = FlakeWorker.__new__(FlakeWorker)
    worker._sources = {(): Supplied((), error=(kind.__name__, "no such host", ("while fetching",), "FlakeNotFetched", 102))}
    with pytest.raises(errors.FetchFailure, match="no such host") as raised:
        worker._supply(SimpleNamespace(is_final=True, attrs={}))
    assert (raised.value.notes, raised.value.kind, raised.value.exit_code) == (["while fetching"], "FlakeNotFetched", 102)
