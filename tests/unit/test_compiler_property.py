"""Random programs: the verifier accepts the code of all levels, and their values, or that there is none, are the same."""

import pytest
from program_generator import Generator

from snowsnake.bytecode.verifier import verify_all
from snowsnake.compiler.compile import compile_text
from snowsnake.compiler.fault import CompileFault
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter

PROGRAMS = 400
SIZE = 40


def outcome(machine: Interpreter, program: str) -> bytes | str | None:
    """The value as text, None for an error."""
    try:
        return machine.evaluate(program.encode(), "/").to_nix(strict=True)
    except EvaluationError:
        return None


@pytest.mark.parametrize("first", range(0, PROGRAMS, SIZE))
def test_random_programs_have_the_same_value_at_all_levels(first: int) -> None:
    """Level 2 keeps all frames, for the trace of an error (`cli/second_look.py`)."""
    machines = [Interpreter(level=level) for level in (0, 1, 2)]
    for seed in range(first, first + SIZE):
        program = Generator(seed).program()
        for level in (0, 1, 2):
            try:
                assert verify_all(compile_text(program.encode(), "/", level)) == [], program
            except CompileFault as fault:
                assert "undefined variable" in str(fault), program
        plain, *others = [outcome(machine, program) for machine in machines]
        assert others == [plain, plain], program
