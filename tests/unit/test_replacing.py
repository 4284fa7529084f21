"""Files and links that replace others: an error or an interrupt at any point leaves the old one or the new one, and nothing beside it."""

import os

import pytest

from snowsnake.foundation.replacing import replace_file, replace_link


def _file(path) -> None:
    replace_file(str(path), [b"new"], is_synced=True)


def _link(path) -> None:
    replace_link(str(path), "new")


def _contents(path) -> str:
    return os.readlink(path) if path.is_symlink() else path.read_text()


@pytest.mark.parametrize("make", [_file, _link])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_an_interrupt_leaves_one_of_both(tmp_path, monkeypatch, make, is_replaced) -> None:
    replace = os.replace

    def interrupted(old: str, new: str) -> None:
        if is_replaced:
            replace(old, new)
        raise KeyboardInterrupt

    path = tmp_path / "a"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(path)
    assert _contents(path) == ("new" if is_replaced else "old")
    assert os.listdir(tmp_path) == ["a"]


def test_a_failure_while_pieces_are_made_leaves_the_old_file(tmp_path) -> None:
    def pieces():
        yield b"n"
        raise OSError("no space left on device")

    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(OSError, match="no space"):
        replace_file(str(path), pieces())
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]
