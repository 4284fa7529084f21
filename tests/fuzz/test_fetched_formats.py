"""A short run of the fuzzer of fetched formats; the samples themselves are accepted."""

import pytest
from fetched_formats import FORMATS, REFUSALS
from store_formats import Run

MUTATIONS = 500
# This index names files that are not in the working tree of the check.
SAMPLES_REFUSED = {"index": 1}


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_found(name: str) -> None:
    run = Run(name, FORMATS, REFUSALS)
    refused = 0
    for sample in run.samples:
        try:
            run.check(sample)
        except REFUSALS:
            refused += 1
    assert refused == SAMPLES_REFUSED.get(name, 0)
    for seed in range(MUTATIONS):
        assert run.find(seed) == ""
    assert run.counts["refused"] > MUTATIONS // 20 and run.counts["taken"] > 0
