"""A short run of the fuzzer of sums."""

import pytest
from sums import derivations, faults


@pytest.mark.parametrize("stress", [False, True], ids=["plain", "stressed"])
def test_no_program_notices_that_texts_share_bytes(stress: bool) -> None:
    drv = derivations()
    for seed in range(40):
        assert faults(seed, drv, stress=stress) == [], seed
