"""What needs an escape in texts of JSON and of derivations is found at each place of texts of each size (foundation/plain_bytes.pxd looks at sixteen bytes at a time)."""

import json

import pytest

import snowsnake
from snowsnake.interpreter import Interpreter

# With bytes beside those that need an escape.
_ODD = ['"', "\\", "\n", "\r", "\t", "\b", "\x01", "\x1f", " ", "!", "#", "[", "]", "\x7f", "é"]
_MOST = 50


def _texts(odd: str) -> list[str]:
    plain = "abcdefghijklmnopqrstuvwxyz0123456789" * 2
    texts = [plain[:size] for size in range(_MOST)]
    texts += [plain[:place] + odd + plain[place + 1 : size] for size in range(_MOST) for place in range(size)]
    return [*texts, plain[:20] + odd + plain[:3] + odd * 40 + plain]


def test_escapes_of_json_at_each_place():
    nix = snowsnake.Evaluator()
    for odd in _ODD:
        text = json.dumps(_texts(odd), ensure_ascii=False, separators=(",", ":"))
        assert nix.evaluate("text: builtins.toJSON (builtins.fromJSON text)")(text) == text


def test_bytes_that_are_not_utf8_are_found_at_each_place(tmp_path):
    nix = snowsnake.Evaluator()
    for size in range(1, _MOST):
        for place in {0, size // 2, size - 1}:
            (tmp_path / "bad").write_bytes(b"a" * place + b"\xff" + b"a" * (size - place - 1))
            with pytest.raises(snowsnake.EvaluationError, match="UTF-8"):
                nix.evaluate(f"builtins.toJSON (builtins.readFile {tmp_path}/bad)").force()


def test_escapes_of_derivations_at_each_place():
    nix = Interpreter(keeps_derivations=True)
    make = nix.evaluate(b'args: (derivation { name = "x"; system = "s"; builder = "b"; inherit args; }).drvPath', "/")
    for odd in _ODD:
        texts = _texts(odd)
        path = make.call(nix.from_python(texts)).to_python()
        text = nix.derivation_text(path).decode()
        escaped = [
            '"' + part.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"' for part in texts
        ]
        assert f'"s","b",[{",".join(escaped)}],' in text
