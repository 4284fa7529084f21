"""References in every form have the value or the error that 2.34.8 has for them (reference_cases.py)."""

import json

import pytest
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
    assert len(numbers) == 3118


def test_a_reference_that_is_remembered_depends_on_types_and_features() -> None:
    """What a reference means is remembered for all evaluators; the key of a set tells 1 from true, and features decide what is an error."""
    text = '"git+https://example.org/a?publicKey=k"'
    attributes = '{{ type = "git"; url = "https://example.org/a"; shallow = {}; }}'
    plain = snowsnake.Evaluator(features=["flakes"])
    verified = snowsnake.Evaluator(features=["flakes", "verified-fetches"])
    for _ in range(2):
        assert verified.evaluate(f"builtins.parseFlakeRef {text}").to_python()["publicKey"] == "k"
        with pytest.raises(snowsnake.EvaluationError, match="'verified-fetches' is disabled"):
            plain.evaluate(f"builtins.parseFlakeRef {text}").force()
        assert plain.evaluate(f"builtins.flakeRefToString {attributes.format('true')}").to_python() == "git+https://example.org/a?shallow=1"
        with pytest.raises(snowsnake.EvaluationError, match="'shallow' is not a Boolean"):
            plain.evaluate(f"builtins.flakeRefToString {attributes.format(1)}").force()
    long = "a" * 1000
    parsed = f'builtins.parseFlakeRef "github:{long}/b"'
    assert plain.evaluate(f"{parsed} == {parsed} && ({parsed}).owner == \"{long}\"").to_python() is True
    many = plain.evaluate("map (i: (builtins.parseFlakeRef \"github:o${toString i}/r\").owner) (builtins.genList (i: i - i / 1500 * 1500) 4000)")
    assert many.to_python() == [f"o{i % 1500}" for i in range(4000)]
