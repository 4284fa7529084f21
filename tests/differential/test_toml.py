"""What C++ Nix 2.34.8 says of wrong TOML documents (tools/record_toml.py): ours say the same, line by line."""

import json
from pathlib import Path

import pytest
from toml_documents import documents

import snowsnake
from snowsnake.builtins.engines.toml_faults import LARGEST_BYTES

RECORDED = json.loads((Path(__file__).parent / "toml" / "faults.json").read_text(encoding="utf-8"))


def said(document: str) -> list[str] | None:
    program = "builtins.seq (builtins.fromTOML (builtins.fromJSON ''" + json.dumps(document).replace("''", "'''") + "'')) 1"
    try:
        snowsnake.evaluate(program).force()
    except snowsnake.EvaluationError as error:
        return [line.rstrip() for line in error.message.split("\n")]
    return None


def without_end(lines: list[str] | None) -> list[str] | None:
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def test_every_fault_is_reported_as_recorded() -> None:
    different = [document for document, expected in RECORDED.items() if without_end(said(document)) != without_end(expected)]
    assert different == []


def test_all_documents_are_recorded() -> None:
    """Except those at which 2.34.8 hangs: a comment behind a fault in an array."""
    left_out = [document for document in documents() if document not in RECORDED]
    assert len(RECORDED) > 500 and all("#" in document for document in left_out)


@pytest.mark.parametrize(
    "document", ["a = " + "[" * 200_000, "a = " + "{a=" * 200_000, "a = [ }\n# c\n]", "a = 1\n" * (LARGEST_BYTES // 5), "a = \ud8ff"]
)
def test_deep_and_large_documents_report_their_first_fault(document: str, tmp_path: Path) -> None:
    """Deep or large documents, and those at which 2.34.8 does not end: the first fault is reported."""
    (tmp_path / "document").write_bytes(document.encode("utf-8", "surrogatepass"))
    with pytest.raises(snowsnake.EvaluationError, match="while parsing TOML"):
        snowsnake.evaluate(f"builtins.fromTOML (builtins.readFile {tmp_path}/document)").force()
