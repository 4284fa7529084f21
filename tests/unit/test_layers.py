"""tools/check_imports.py finds imports in the wrong direction."""

import importlib.util
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools/check_imports.py"
spec = importlib.util.spec_from_file_location("check_imports", TOOL)
check_imports = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_imports)


def test_an_import_upwards_is_a_fault():
    used = set()
    assert check_imports.fault("cli", "api", used) is None
    assert check_imports.fault("machine", "syntax", used) is None
    assert "above" in check_imports.fault("diagnostics", "machine", used)
    assert "side by side" in check_imports.fault("store", "diagnostics", used)
    assert "no layer" in check_imports.fault("cli", "helpers", used)


def test_imports_and_cimports_are_read(tmp_path):
    file = tmp_path / "x.pyx"
    file.write_text(
        '"""from snowsnake.cli import main"""\nfrom snowsnake.machine.word cimport Word\nimport os\n'
        "from snowsnake import source\ncimport snowsnake.syntax.nodes\n"
    )
    assert check_imports.imports_of(file) == [
        (2, "snowsnake.machine.word"),
        (4, "snowsnake.source"),
        (5, "snowsnake.syntax.nodes"),
    ]


def test_the_package_has_no_import_upwards(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["check_imports.py"])
    assert check_imports.main() == 0, capsys.readouterr().out
