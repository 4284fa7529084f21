"""Random programs: the verifier accepts the code of both levels, and both give the same value or both an error."""

import pytest
from program_generator import Generator

import snowsnake
from snowsnake.bytecode.verifier import verify_all
from snowsnake.compiler.compile import compile_text
from snowsnake.compiler.fault import CompileFault

PROGRAMS = 400
SIZE = 40


def outcome(nix: snowsnake.Evaluator, program: str) -> bytes | str | None:
    """The value as text, None for an error."""
    try:
        return nix.evaluate(program).to_nix(strict=True)
    except snowsnake.EvaluationError:
        return None


@pytest.mark.parametrize("first", range(0, PROGRAMS, SIZE))
def test_random_programs_have_the_same_value_at_both_levels(first: int) -> None:
    default, plain = snowsnake.Evaluator(optimise=1), snowsnake.Evaluator(optimise=0)
    for seed in range(first, first + SIZE):
        program = Generator(seed).program()
        for level in (0, 1):
            try:
                assert verify_all(compile_text(program.encode(), "/", level)) == [], program
            except CompileFault as fault:
                assert "undefined variable" in str(fault), program
        assert outcome(default, program) == outcome(plain, program), program
