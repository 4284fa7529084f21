"""Headers of archives from untrusted sources: they are refused before they fill the memory, and where they would lead the reader astray."""

import io
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from snowsnake.fetch import archive


def unpacked(tmp_path: Path, data: bytes) -> str:
    (tmp_path / "archive").write_bytes(data)
    archive.unpack(str(tmp_path / "archive"), str(tmp_path / "tree"))
    return str(tmp_path / "tree")


def raw_entry(kind: bytes, size: int, name: bytes = b"x") -> bytes:
    """A header of tar alone."""
    header = bytearray(512)
    header[: len(name)] = name
    header[100:108], header[257:265], header[156:157] = b"0000644\0", b"ustar  \0", kind
    header[124:136] = b"%011o\0" % size if size >= 0 else (size % (1 << 96)).to_bytes(12, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


SPARSE = bytearray(raw_entry(b"S", 0))
SPARSE[482] = 1
SPARSE[148:156] = b"%06o\0 " % (sum(SPARSE[:148]) + 8 * 32 + sum(SPARSE[156:]))
HEADERS = {
    "pax": lambda: raw_entry(b"x", 1 << 26) + bytes(1 << 26),
    "pax-global": lambda: raw_entry(b"g", 1 << 26) + bytes(1 << 26),
    "long-name": lambda: raw_entry(b"L", 1 << 26) + bytes(1 << 26),
    "long-link": lambda: raw_entry(b"K", 1 << 26) + bytes(1 << 26),
    "sparse": lambda: bytes(SPARSE) + (b"00000000001\0" * 42 + b"\1" + bytes(7)) * (1 << 17),
    "sparse-1.0": lambda: (
        raw_entry(b"x", 512) + b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n".ljust(512, b"\0") + raw_entry(b"0", 1 << 26)
        + b"99999999\n" + b"1\n" * (1 << 25)
    ),
    "behind-a-file": lambda: raw_entry(b"0", 1 << 26) + bytes(1 << 26) + raw_entry(b"x", 1 << 26, b"y") + bytes(1 << 26),
    "behind-a-label": lambda: raw_entry(b"V", 1 << 26) + bytes(1 << 26) + raw_entry(b"L", 1 << 26) + bytes(1 << 26),
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADERS)
def test_large_headers_are_refused_before_they_are_in_memory(tmp_path, kind) -> None:
    data = zlib.compress(HEADERS[kind](), 1, wbits=31)
    tracemalloc.start()
    try:
        with pytest.raises(archive.ArchiveError, match="headers of more than 4 MiB"):
            unpacked(tmp_path, data)
        assert tracemalloc.get_traced_memory()[1] < 48 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (b"0", "Tar entry has negative file size"), (b"S", "Tar entry has negative file size"), (b"V", "negative file size"),
        (b"x", "pax extension header has invalid size: -512"), (b"L", "Special header has invalid size: -512"),
        (b"g", "Special header has invalid size: -512"),
    ],
)  # fmt: skip
def test_negative_sizes_end_in_an_error(tmp_path, kind, said) -> None:
    with pytest.raises(archive.ArchiveError, match=said):
        unpacked(tmp_path, raw_entry(kind, -512) + raw_entry(b"0", 0) + bytes(1024))


def test_a_label_and_a_file_are_passed_over_whatever_their_size(tmp_path) -> None:
    data = raw_entry(b"V", 6 << 20) + bytes(6 << 20) + raw_entry(b"0", 6 << 20, b"a/") + bytes(6 << 20) + raw_entry(b"0", 6 << 20, b"a/b") + bytes(6 << 20)
    assert Path(unpacked(tmp_path, data + bytes(1024)), "a/b").stat().st_size == 6 << 20


def test_the_target_of_a_link_in_a_zip_file_is_small(tmp_path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        link = zipfile.ZipInfo("t/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        file.writestr(link, bytes(1 << 26))
    with pytest.raises(archive.ArchiveError, match="oversized link entry"):
        unpacked(tmp_path, made.getvalue())
