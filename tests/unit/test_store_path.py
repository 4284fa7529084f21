"""Store paths: made as Nix makes them, refused with its messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowsnake.store import Hash, StorePath, store_path

EMPTY = Hash.of_bytes(b"")
DIGITS = "5d9fy1jj2m1qilq3kwnpqjpi3nrz0bqz"


def test_made_paths_are_those_of_nix():
    # The paths are those of nix-instantiate 2.34.
    assert store_path.text_path("foo", b"bar") == "/nix/store/vxjiwkjkn7x4079qvh1jkl5pn05j2aw0-foo"
    assert store_path.placeholder("out") == "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9"
    md5 = Hash.parse("70c9ccf9fac07f762c24f2df2290784d", "md5")
    made = StorePath.of_content("hello-2.1.1.tar.gz", md5, "flat")
    assert str(made) == "/nix/store/h6gq0lmj9lkgcgz2590zybf8chi0k4wv-hello-2.1.1.tar.gz"
    assert str(StorePath.of_content("fixed.tar.gz", EMPTY, "flat")) != str(StorePath.of_content("fixed.tar.gz", EMPTY))
    assert store_path.downstream_placeholder(
        "/nix/store/31x3g0913ypjyz8dqyad7dxxf7jvib4m-ca.drv", "bin"
    ) == "/0hsmarmcdwcpgvlvqzgjcgzsdahjfy8nhdh17i8iyag8bjw5s8ad"


def test_references_count_whatever_their_order():
    a, b = f"/nix/store/{DIGITS}-a", f"/nix/store/{DIGITS}-b"
    assert store_path.text_path("t", b"", [a, b]) == store_path.text_path("t", b"", [b, a, b])
    assert store_path.text_path("t", b"", [a]) != store_path.text_path("t", b"")
    plain = store_path.fixed_path("s", "nar", "sha256", EMPTY.digest, [a])
    assert plain != store_path.fixed_path("s", "nar", "sha256", EMPTY.digest, [a], True)


def test_the_store_directory_counts():
    assert store_path.text_path("foo", b"bar", (), "/gnu/store").startswith("/gnu/store/")
    assert store_path.text_path("foo", b"bar", (), "/gnu/store")[11:] != store_path.text_path("foo", b"bar")[11:]


NAMES = [
    ("", "name must not be empty"),
    (".", "name '.' is not valid"),
    ("..", "name '..' is not valid"),
    (".-a", "name '.-a' is not valid: first dash-separated component must not be '.'"),
    ("..-a", "name '..-a' is not valid: first dash-separated component must not be '..'"),
    ("a b", "name 'a b' contains illegal character ' '"),
    ("a/b", "name 'a/b' contains illegal character '/'"),
    ("x" * 212, f"name '{'x' * 212}' must be no longer than 211 characters"),
]


@pytest.mark.parametrize("name, message", NAMES)
def test_bad_names_have_the_messages_of_nix(name, message):
    with pytest.raises(ValueError) as caught:
        store_path.check_name(name)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["...", ".a", "..a", "a", "A+b-c.d_e?f=g", "-", "x" * 211])
def test_good_names_are_accepted(name):
    store_path.check_name(name)
    assert StorePath.parse(f"/nix/store/{DIGITS}-{name}").name == name


PATHS = [
    ("/nix/store/", "path '/nix/store/' is not in the Nix store"),
    ("/nix/store", "path '/nix/store' is not in the Nix store"),
    ("", "path '' is not in the Nix store"),
    ("/nix/storeabc", "path '/nix/storeabc' is not in the Nix store"),
    ("/nix/store/abc", "'abc' is too short to be a valid store path"),
    (f"/nix/store/{DIGITS}-a/b", f"path '/nix/store/{DIGITS}-a/b' is not in the Nix store"),
    (f"/nix/store/e{DIGITS[1:]}-a", f"store path 'e{DIGITS[1:]}-a' contains illegal base-32 character 'e'"),
    (f"/nix/store/{DIGITS}-a b", f"path '{DIGITS}-a b' is not a valid store path: name 'a b' contains illegal character ' '"),
]


@pytest.mark.parametrize("path, message", PATHS)
def test_bad_paths_have_the_messages_of_nix(path, message):
    with pytest.raises(ValueError) as caught:
        StorePath.parse(path)
    assert str(caught.value) == message


def test_a_path_below_an_object_is_split():
    path, rest = StorePath.containing(f"/nix/store/{DIGITS}-hello/bin/hello")
    assert (str(path), rest) == (f"/nix/store/{DIGITS}-hello", "/bin/hello")
    assert StorePath.containing(f"/nix/store/{DIGITS}-hello")[1] == ""
    assert StorePath.parse(f"/nix/store/{DIGITS}-x.drv").is_derivation


def test_objects_that_have_no_path_are_refused():
    a = [f"/nix/store/{DIGITS}-a"]
    with pytest.raises(ValueError, match="'f' is not allowed to refer to other store paths"):
        store_path.fixed_path("f", "flat", "sha256", EMPTY.digest, a)
    with pytest.raises(ValueError, match="Git file ingestion must use SHA-1 or SHA-256 hash, but instead using: md5"):
        store_path.fixed_path("f", "git", "md5", Hash.of_bytes(b"", "md5").digest)
    with pytest.raises(ValueError, match="SHA-256"):
        store_path.fixed_path("f", "text", "sha1", Hash.of_bytes(b"", "sha1").digest)
    with pytest.raises(ValueError, match="is not a valid store path: name 'a b' contains"):
        store_path.text_path("a b", b"")
    with pytest.raises(ValueError, match="unknown ingestion method"):
        store_path.fixed_path("f", "zip", "sha256", EMPTY.digest)
    with pytest.raises(ValueError, match="is not a valid derivation path"):
        store_path.downstream_placeholder(f"/nix/store/{DIGITS}-a", "out")


@given(st.text(max_size=80))
def test_any_text_is_a_path_or_an_error(text):
    for candidate in (text, "/nix/store/" + text, f"/nix/store/{DIGITS}-{text}"):
        try:
            assert str(StorePath.parse(candidate)) == candidate
        except ValueError:
            pass
        try:
            path, rest = StorePath.containing(candidate)
            assert str(path) + rest == candidate
        except ValueError:
            pass
