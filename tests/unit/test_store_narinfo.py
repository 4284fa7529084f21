"""`.narinfo` texts are read and written, and malformed ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowsnake.store import NarInfo
from snowsnake.store.path_info import split_content_address

DIGITS = "p4pclmv1gyja5kzc26npqpia1qqxrf0l"
TEXT = f"""\
StorePath: /nix/store/{DIGITS}-ruby-2.7.3
URL: nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar.xz
Compression: xz
FileHash: sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3
FileSize: 4029176
NarHash: sha256:1impfw8zdgisxkghq9a3q7cn7jb9zyzgxdydiamp8z2nlyyl0h5h
NarSize: 18735072
References: 0d71ygfwbmy1xjlbj1v027dfmy9cqavy-libffi-3.3 0dbbrvlw2rahvzi69bmpqy1z9mvzg62s-gdbm-1.19
Deriver: bidkcs01mww363s4s7akdhbl6ws66b0z-ruby-2.7.3.drv
Sig: cache-1:GrGV/Ls10TzoOaCnrcAqmPbKXFLLSBDeGNh5EQGKyuGA4K1wv1LcRVb6/sU+NAPK8lDiam8XcdJzUngmdhfTBQ==
Sig: other-1:GrGV/Ls10TzoOaCnrcAqmPbKXFLLSBDeGNh5EQGKyuGA4K1wv1LcRVb6/sU+NAPK8lDiam8XcdJzUngmdhfTBQ==
"""


def test_a_narinfo_is_written_as_it_was_read():
    info = NarInfo.parse(TEXT)
    assert info.format() == TEXT
    assert info.nar_size == 18735072 and len(info.references) == 2 and len(info.signatures) == 2
    assert info.references[0] == "/nix/store/0d71ygfwbmy1xjlbj1v027dfmy9cqavy-libffi-3.3"
    assert info.fingerprint().startswith(f"1;/nix/store/{DIGITS}-ruby-2.7.3;sha256:1impfw8z")


def test_a_narinfo_needs_few_fields():
    short = f"StorePath: /nix/store/{DIGITS}-a\nURL: x\nNarHash: sha256:{'0' * 52}\nNarSize: 1\n"
    info = NarInfo.parse(short)
    assert (info.compression, info.references, info.deriver) == ("bzip2", [], None)
    assert NarInfo.parse(info.format()) == info
    doubled = NarInfo.parse(short + f"References:  {DIGITS}-b {DIGITS}-a {DIGITS}-b \n")
    assert doubled.references == [f"/nix/store/{DIGITS}-b", f"/nix/store/{DIGITS}-a"]
    assert NarInfo.parse(short + f"References: \nDeriver: unknown-deriver\nNew: field\nCA: text:sha256:{'0' * 52}\n").ca == f"text:sha256:{'0' * 52}"
    assert NarInfo.parse(short + "CA: \n").ca is None


def replaced(key, value):
    return "".join(f"{key}: {value}\n" if line.startswith(key + ":") else line + "\n" for line in TEXT.splitlines())


BAD = [
    ("", "'StorePath' is missing"),
    (TEXT[:-1], "does not end with a newline"),
    ("nonsense\n", "line 1 is not of the form"),
    (TEXT + "NarSize: 1\n", "'NarSize' is there twice"),
    (TEXT.replace("URL", "Url"), "'URL' is missing"),
    (replaced("NarSize", "-1"), "'NarSize' is not a size"),
    (replaced("NarSize", "1e3"), "'NarSize' is not a size"),
    (replaced("NarSize", "9" * 19), "'NarSize' is not a size"),
    (replaced("NarSize", "9" * 4000), "'NarSize' is not a size"),
    (replaced("NarHash", "sha256:x"), "NarHash: hash 'x' has wrong length"),
    (replaced("FileHash", "sha"), "FileHash: hash 'sha' does not include a type"),
    (replaced("StorePath", "/etc/passwd"), "is not in the Nix store"),
    (replaced("References", "../../etc/passwd"), "is not in the Nix store"),
    (replaced("References", "abc"), "too short"),
    (replaced("Deriver", "abc"), "too short"),
    *((TEXT + f"Sig: {text}\n", "signature is corrupt") for text in ("x", "x:", ":AAAA", "x:!!!!", "x:AAAA:AAAA", "x:====", "x:AAAAA")),
    *((TEXT + f"CA: {text}\n", message) for text, message in (
        ("x", "begins neither"), ("text:", "no algorithm"), ("fixed:", "no algorithm"), ("fixed:r:sha256:zz", "wrong length"), ("text:md5:x", "not allowed"),
    )),
]


@pytest.mark.parametrize("text, message", BAD)
def test_bad_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        NarInfo.parse(text)
    assert str(caught.value).startswith("NAR info file is corrupt: ")


@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(max_size=20))
def test_mutated_texts_are_read_or_refused(place, gone, inserted):
    try:
        info = NarInfo.parse(TEXT[:place] + inserted + TEXT[place + gone :])
    except ValueError:
        return
    assert NarInfo.parse(info.format()) == info


@pytest.mark.parametrize("text", ["", "fixed", "text:r:sha256:" + "0" * 52, "text:sha1:" + "0" * 32, "evil:sha256:" + "0" * 52, "fixed:r:git:sha1:" + "0" * 32, "fixed:" + "0" * 52])
def test_malformed_content_addresses_are_refused(text):
    with pytest.raises(ValueError):
        split_content_address(text)
