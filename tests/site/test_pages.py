"""Every example of the site and of the README is executed; `--accept` writes the output into the pages."""

import pytest
from pages import PAGES, ROOT, PageRun, accept, agrees, blocks_of, make_commands

pytest.importorskip("msgspec")
pytest.importorskip("pygit2")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_of_a_page_print_what_it_shows(path, tmp_path, monkeypatch, request) -> None:
    make_commands(tmp_path / "commands")
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(tmp_path / "commands")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NIX_CONFIG", "flake-registry =\nextra-experimental-features = flakes nix-command")
    page = PageRun(tmp_path / "commands")
    for block in blocks_of(path):
        found = page.run(block)
        if request.config.getoption("--accept") and not agrees(block.text, found):
            accept(path, block, found)
        else:
            assert agrees(block.text, found), f"{path.name}:{block.line}: what comes out is\n{found}"


def test_every_page_has_examples() -> None:
    assert len(PAGES) > 10
    assert [path.name for path in PAGES if not blocks_of(path) and path.parent.name in ("tutorial", "how-to")] == []
