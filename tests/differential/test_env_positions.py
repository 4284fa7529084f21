"""Where `nix-env -qa` says that a fact of a package is wrong: the lines with places, as 2.34.8 has them."""

import re

import pytest

CASES = [
    ("system = 5;", [], ["at F:2:1:", "at F:2:1:", "error: expected a string but found an integer: 5"]),
    ('system = "x"; drvPath = builtins.toFile "n" "";', ["--drv-path"], ["at F:2:15:", "error: store path 'cz72rq7a4ppxjchjq78hvwn93ff912w3-n' is not a valid derivation path"]),
    ('system = "x"; outPath = 5;', ["--out-path"], ["at F:2:15:", "error: cannot coerce an integer to a string: 5"]),
    ('system = "x"; outputs = "x";', [], ["at F:2:15:", 'error: expected a list but found a string: "x"']),
    ('system = "x"; outputs = [ "out" 3 ];', [], ["at F:2:15:", "at F:2:15:", "error: expected a string but found an integer: 3"]),
    ('system = "x"; out = 1; outputs = [ "out" ];', ["--out-path"], ["at F:2:24:", "error: expected a set but found an integer: 1"]),
    ('system = "x"; outPath = ""; meta = 7;', ["--meta"], ["at F:2:29:", "error: expected a set but found an integer: 7"]),
]


@pytest.mark.parametrize(("attributes", "words", "places"), CASES)
def test_places_of_wrong_facts_are_reported(attributes, words, places, tmp_path, run_command) -> None:
    (tmp_path / "p.nix").write_text('{ a = { type = "derivation"; name = "a-1";\n' + attributes + "\n}; }\n")
    done = run_command("old.env", "-f", str(tmp_path / "p.nix"), "-qa", "--json", *words, NO_COLOR="1", NIX_STORE_DIR="/nix/store")
    assert done.returncode == 1
    text = done.stderr.decode().replace(str(tmp_path / "p.nix"), "F")
    assert "error:\n       … while querying the derivation named 'a-1'\n" in text
    assert sorted(re.findall(r"at F:\d+:\d+:|error: .*", text)) == sorted(places)


@pytest.mark.parametrize(("attributes", "word"), [("drvPath = ({ }.gone);", "--drv-path"), ("outPath = ({ }.gone);", "--out-path"), ('out.outPath = ({ }.gone); outputs = [ "out" ];', "--out-path")])
def test_what_fails_before_it_is_looked_at_has_no_line_for_its_use(attributes, word, tmp_path, run_command) -> None:
    (tmp_path / "p.nix").write_text('{ a = { type = "derivation"; name = "a-1"; system = "x";\n' + attributes + "\n}; }\n")
    done = run_command("old.env", "-f", str(tmp_path / "p.nix"), "-qa", "--json", word, NO_COLOR="1", NIX_STORE_DIR="/nix/store")
    assert done.returncode == 1
    lines = [line.strip() for line in done.stderr.decode().splitlines() if "…" in line or "error: " in line]
    assert lines == ["… while querying the derivation named 'a-1'", "error: attribute 'gone' missing"]
