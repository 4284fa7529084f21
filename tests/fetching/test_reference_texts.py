"""References in every form have the value or the error that 2.34.8 has for them (reference_cases.py)."""

import json

from reference_cases import ANSWERS, FEATURES, cases, error_line

import snowsnake


def test_references_have_the_recorded_texts_and_errors() -> None:
    texts, numbers = json.loads(ANSWERS.read_text())
    evaluator = snowsnake.Evaluator(settings={"flake-registry": "", "experimental-features": " ".join(FEATURES)})
    different = []
    for expression, number in zip(dict.fromkeys(cases()), numbers, strict=True):
        try:
            said = evaluator.evaluate(expression).to_nix(strict=True)
        except snowsnake.EvaluationError as error:
            said = error_line(error.render(show_trace=False))
        # These are the words of C++ Nix's JSON library.
        if said != texts[number] and not (said.startswith("error:") and "[json.exception" in texts[number]):
            different.append((expression, said, texts[number]))
    assert not different, "\n".join(map(str, different[:20]))
    assert len(numbers) == 3000
