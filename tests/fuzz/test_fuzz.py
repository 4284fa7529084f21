"""A short run of the fuzzer: all levels and the stressed machine agree on random programs and survive broken ones."""

import pytest
from fuzz import Judge, corpus, program_of

PROGRAMS = 300


@pytest.mark.parametrize("kind", ["programs", "meanings", "mixtures", "libraries", "enumerated", "bytes"])
def test_nothing_is_found(kind: str, tmp_path) -> None:
    judge, sources = Judge(tmp_path), corpus()
    for seed in range(PROGRAMS):
        program = program_of(seed, kind, sources)
        assert judge.verdict(program, seed, seed % 10 == 0) == "", program
    assert judge.counts["values"] > ({"programs": PROGRAMS // 2, "meanings": PROGRAMS // 10, "mixtures": PROGRAMS // 4, "libraries": PROGRAMS // 2, "enumerated": PROGRAMS // 10, "bytes": 0}[kind])
