"""A short run of the fuzzer of the store's formats; the samples themselves are accepted."""

import pytest
from store_formats import FORMATS, Run

MUTATIONS = 1500


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_found(name: str) -> None:
    run = Run(name)
    for sample in run.samples:
        run.check(sample)
    for seed in range(MUTATIONS):
        assert run.find(seed) == ""
    assert run.counts["refused"] > MUTATIONS // 10 and run.counts["taken"] > 0


def test_mutations_come_from_their_seed() -> None:
    assert Run("nar").input(7) == Run("nar").input(7) != Run("nar").input(8)
