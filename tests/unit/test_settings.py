"""The table of settings, the types, the places of nix.conf.  Expected messages are 2.34.8's."""

import re
from pathlib import Path

import pytest

import snowsnake.version
from snowsnake.lock.registries import user_registry_path
from snowsnake.settings import Settings, resolve
from snowsnake.settings.errors import SettingError
from snowsnake.settings.features import ROWS as FEATURE_ROWS
from snowsnake.settings.flags import flag
from snowsnake.settings.kinds import KINDS
from snowsnake.settings.places import xdg_folder
from snowsnake.settings.store_reference import StoreReference
from snowsnake.settings.table import ALIASES, BY_NAME, ELSEWHERE, NO, OURS, ROWS, YES

PACKAGE = Path(snowsnake.version.__file__).resolve().parent


def test_what_the_code_reads_is_carried_out() -> None:
    """A row may say `elsewhere` only as long as no code reads its setting."""
    code = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    read = set(re.findall(r"""settings\[["']([a-z0-9-]+)["']\]""", code))
    assert {"cores", "pure-eval"} < read
    assert [row[0] for row in ROWS if row[0] in read and row[6] == ELSEWHERE] == []
    required = set(re.findall(r"""require\(["']([a-z0-9-]+)["']\)""", code))
    assert [row[0] for row in FEATURE_ROWS if row[0] in required and row[2] == ELSEWHERE] == []


def test_each_row_of_the_settings_is_complete() -> None:
    assert len(ROWS) == 130 and [row[0] for row in ROWS] == sorted(BY_NAME)
    assert not set(ALIASES) & set(BY_NAME)
    features = {row[0] for row in FEATURE_ROWS}
    for name, _, kind, _, feature, since, carried_out, what in ROWS:
        assert kind in KINDS and (not feature or feature in features), name
        assert (since == OURS or re.fullmatch(r"[012]\.\d+", since)) and carried_out in (YES, NO, ELSEWHERE), name
        assert what.endswith("."), name


def test_the_text_of_each_default_reads_back() -> None:
    settings = Settings(environment={})
    for name in BY_NAME:
        again = Settings(environment={})
        again.set("experimental-features", "flakes auto-allocate-uids configurable-impure-env")
        again.set(name, settings.text(name))
        assert again[name] == settings[name], name
        assert settings.origin(name) == "default" and again.origin(name) == "command line"


def test_what_is_carried_out_is_read_somewhere() -> None:
    """A row that says `yes` is read by name outside of this folder; one that says `no` is not."""
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx")]
        if "settings" not in path.relative_to(PACKAGE).parts[:-1]
    }
    for name, row in BY_NAME.items():
        is_read = any(f'settings["{name}"]' in text or f'is_set("{name}")' in text for text in texts.values())
        # This setting becomes lint-short-path-literals when it is set.
        if row[6] == YES and name == "warn-short-path-literals":
            continue
        if row[6] == YES and name.startswith("lint-"):
            is_read = f'"{name}"' in texts[PACKAGE / "machine" / "lint.py"]
        if row[6] == YES:
            assert is_read, f"nothing reads '{name}'"
        if row[6] == NO:
            assert not is_read, f"'{name}' is read: say so in the table"


def load(tmp_path: Path, environment: dict[str, str], **files: str) -> Settings:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    base = {"HOME": str(tmp_path / "home"), "NIX_CONF_DIR": str(tmp_path / "etc"), "XDG_CONFIG_DIRS": ""}
    return Settings.load(base | {key: value.replace("DIR", str(tmp_path)) for key, value in environment.items()})


def test_places_in_their_order(tmp_path) -> None:
    files = {
        "etc__nix_conf": "cores = 1\nmax-jobs = 1\nlog-lines = 1\ntimeout = 1\nconnect-timeout = 1\n",
        "xdg__nix__nix_conf": "cores = 2\nmax-jobs = 2\nlog-lines = 2\ntimeout = 2\n",
        "home__.config__nix__nix_conf": "cores = 3\nmax-jobs = 3\nlog-lines = 3\n",
        "own_conf": "cores = 4\n",
    }
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_", ".").replace("//", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    settings = load(tmp_path, {"XDG_CONFIG_DIRS": "DIR/xdg", "NIX_CONFIG": "cores = 5"})
    assert [settings[name] for name in ("cores", "max-jobs", "log-lines", "timeout", "connect-timeout")] == [5, 3, 3, 2, 1]
    assert settings.origin("cores") == "NIX_CONFIG"
    assert settings.origin("timeout") == str(tmp_path / "xdg/nix/nix.conf")
    only = load(tmp_path, {"NIX_USER_CONF_FILES": "DIR/own.conf:DIR/nothing"})
    assert (only["cores"], only["max-jobs"]) == (4, 1)
    assert load(tmp_path, {"NIX_USER_CONF_FILES": ""})["cores"] == 1
    assert load(tmp_path, {"XDG_CONFIG_HOME": "DIR/xdg"})["cores"] == 2
    assert load(tmp_path, {"NIX_CONFIG_HOME": "DIR/xdg/nix"})["cores"] == 2


def test_included_files_are_read_in_place(tmp_path) -> None:
    settings = load(
        tmp_path,
        {},
        etc__nix_conf="include sub/a.conf\n!include nothing.conf\n!include /nothing\ncores = 1\n",
        etc__sub__a_conf="include b.conf\nmax-jobs = 2\ncores = 2\n",
        etc__sub__b_conf="max-jobs = 3\ntimeout = 3 # seconds\n",
    )
    assert [settings[name] for name in ("cores", "max-jobs", "timeout")] == [1, 2, 3]
    with pytest.raises(SettingError, match="^file \"/nothing\" included from \"NIX_CONFIG\" not found$") as caught:
        load(tmp_path, {"NIX_CONFIG": "include /nothing"})
    assert not caught.value.is_usage
    with pytest.raises(SettingError, match="files include each other"):
        load(tmp_path, {}, etc__nix_conf="include nix.conf\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo", "syntax error in configuration line 'foo' in \"NIX_CONFIG\""),
        ("foo bar", "syntax error in configuration line 'foo bar' in \"NIX_CONFIG\""),
        ("cores=3", "syntax error in configuration line 'cores=3' in \"NIX_CONFIG\""),
        ("include a b", "syntax error in configuration line 'include a b' in \"NIX_CONFIG\""),
        ("include x", 'not an absolute path: "x"'),
        ("cores = x", "setting 'cores' has invalid value 'x'"),
        ("cores = -1", "setting 'cores' has invalid value '-1'"),
        ("cores = 4294967296", "setting 'cores' has invalid value '4294967296'"),
        ("max-free = 99999999999999999999", "setting 'max-free' has invalid value '99999999999999999999'"),
        ("cores =", "setting 'cores' has invalid value ''"),
        ("sandbox = yes", "option 'sandbox' has invalid value 'yes'"),
        ("netrc-file =", "setting 'netrc-file' is a path and paths cannot be empty"),
        ("netrc-file = a/b", 'not an absolute path: "a/b"'),
        ("diff-hook = a", 'not an absolute path: "a"'),
        ("eval-profile-file =", "setting 'eval-profile-file' is a path and paths cannot be empty"),
        ("eval-profiler = x", "option 'eval-profiler' has invalid value 'x'"),
        ("lint-url-literals = x", "option 'lint-url-literals' has invalid value 'x' (expected 'ignore', 'warn', or 'fatal')"),
        ("max-jobs = x", "configuration setting 'max-jobs' should be 'auto' or an integer"),
        ("max-jobs = 1K", "configuration setting 'max-jobs' should be 'auto' or an integer"),
        ("store = x", "Cannot parse Nix store 'x'"),
        ("substituters = https://a x", "Cannot parse Nix store 'x'"),
        ("eval-cache = TRUE", "Boolean setting 'eval-cache' has invalid value 'TRUE'"),
    ],
)
def test_bad_configuration_is_a_clear_error(tmp_path, text, message) -> None:
    with pytest.raises(SettingError) as caught:
        load(tmp_path, {"NIX_CONFIG": text})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("foo = 1\nbar = 2\nfoo = 3", ["unknown setting 'bar'", "unknown setting 'foo'"]),
        ("extra-cores = 3\nextra-foo = 1", ["unknown setting 'extra-cores'", "unknown setting 'extra-foo'"]),
        (
            "experimental-features = foo no-url-literals",
            [
                "unknown experimental feature 'foo'",
                "experimental feature 'no-url-literals' has been stabilized and renamed; use 'lint-url-literals = fatal' setting instead",
            ],
        ),
        (
            "warn-short-path-literals = true",
            [
                "'warn-short-path-literals' is deprecated, use 'lint-short-path-literals = warn' instead",
            ],
        ),
        ("flake-registry = x", ["Ignoring setting 'flake-registry' because experimental feature 'flakes' is not enabled"]),
        ("experimental-features = flakes\nflake-registry = x", []),
        ("flake-registry = x\nexperimental-features = flakes", []),
        ("use-cgroups = true", ["setting 'use-cgroups' is not carried out by Snowsnake"]),
        ("builders =", []),
        ("plugin-files = /x", ["setting 'plugin-files' is not carried out by Snowsnake"]),
        ("eval-profiler = flamegraph", []),
        ("eval-profiler = disabled", []),
    ],
)
def test_unknown_settings_are_warned_about(tmp_path, text, warnings) -> None:
    settings = load(tmp_path, {"NIX_CONFIG": text})
    settings.finish()
    assert settings.warnings == warnings


@pytest.mark.parametrize(
    ("name", "text", "value", "shown"),
    [
        ("cores", "2k", 2048, "2048"),
        ("cores", "+3", 3, "3"),
        ("cores", "1T", 0, "0"),
        ("max-free", "1T", 1 << 40, "1099511627776"),
        ("timeout", "-5", -5, "-5"),
        ("max-jobs", "007", 7, "7"),
        ("system-features", "b a c a", ("a", "b", "c"), "a b c"),
        ("trusted-users", "b a\tb", ("b", "a", "b"), "b a b"),
        ("access-tokens", "b.c=1 a=2 x a=3", {"a": "2", "b.c": "1"}, " a=2 b.c=1"),
        ("sandbox-paths", "/a?=/b? /c /d=/e", {"/a?": ("/b", True), "/c": ("/c", False), "/d": ("/e", False)}, "/a?=/b? /c /d=/e"),
        ("diff-hook", "/a/../b//c/", "/b/c", "/b/c"),
        ("diff-hook", "", None, ""),
        ("experimental-features", "nix-command flakes", ("flakes", "fetch-tree", "nix-command"), "fetch-tree flakes nix-command"),
        (
            "substituters",
            "https://b/?x=1&a=2 auto local /foo daemon?x=2 local?root=/f ssh://a@b",
            ("https://b/?a=2&x=1", "auto", "local", "local:///foo", "unix://?x=2", "local://?root=/f", "ssh://a@b"),
            "https://b/?a=2&x=1 auto local local:///foo unix://?x=2 local://?root=/f ssh://a@b",
        ),
        ("external-builders", "[]", (), "[]"),
    ],
)
def test_settings_have_values_of_their_type(name, text, value, shown) -> None:
    settings = Settings(environment={})
    settings.set(name, text)
    assert settings[name] == value and settings.text(name) == shown


def test_extra_settings_are_appended() -> None:
    settings = Settings(environment={})
    settings.set("access-tokens", "a=1")
    settings.set("extra-access-tokens", "a=2 c=3")
    settings.set("extra-binary-caches", "https://x")
    settings.set("extra-system-features", "a")
    assert settings["access-tokens"] == {"a": "1", "c": "3"}
    assert settings["substituters"] == ("https://cache.nixos.org/", "https://x")
    assert settings["system-features"][0] == "a"
    assert resolve("extra-plugin-files") is None and resolve("extra-extra-platforms") == ("extra-platforms", True)


def test_flags_set_what_they_set_in_nix() -> None:
    """Each flag sets what it sets in the reference; an old name means what the reference registered last under it."""
    settings = Settings(environment={})
    for word, values in (("--fallback", []), ("--build-fallback", []), ("--binary-caches", ["https://x"]), ("--build-use-sandbox", [])):
        found = flag(word)
        assert found is not None and found.count == len(values)
        settings.set_flag(found, values)
    assert (settings["fallback"], settings["sandbox"], len(settings["substituters"])) == (False, "relaxed", 2)
    assert all(flag(word) is None for word in ("--no-build-fallback", "--extra-cores", "--no-cores", "--extra-binary-caches", "-v", "cores"))
    found = flag("--use-registries")
    assert found is not None
    settings.set_flag(found, [])
    with pytest.raises(SettingError, match="^experimental Nix feature 'flakes' is disabled; add '--extra-experimental-features flakes' to enable it$"):
        settings.finish()


@pytest.mark.parametrize("text", ["ssh://root@fe80::1%eth0", "ssh://[::1]:22", "file:///a", "s3://b?region=c d", "ftp:foo", "http://h:8080/x", "ssh://h:", "ssh://h:0022", "ssh://[::1%25eth0]:22", "ssh://u:p@h", "ssh://"])
def test_addresses_of_stores_are_read(text) -> None:
    rendered = StoreReference.parse(text).render()
    assert StoreReference.parse(rendered).render() == rendered


@pytest.mark.parametrize(
    "text",
    [
        "x", "foo://%zz", "http://h:x/", "file://host/a", "local:///a b", "ssh://[::1", "ssh://[::1]x", "ssh://[::1]:2x", "ssh://[zz]:2", "ssh://h:0",
        "ssh://h:65536", "ssh://h:" + "9" * 5000, "ssh://h:-1", "ssh://h:1:2", "ssh://u@v@w", "ssh://a[b", "ssh://[", "ssh://[]",
    ],
)
def test_malformed_addresses_of_stores_are_refused(text) -> None:
    with pytest.raises(SettingError):
        StoreReference.parse(text)


def test_folders_of_the_user_are_those_of_nix() -> None:
    """The folders are those of 2.34.8's getConfigDir and its kin: `nix` is not appended to NIX_…_HOME."""
    assert xdg_folder({"NIX_DATA_HOME": "/d"}, "DATA") == "/d"
    assert xdg_folder({"XDG_CONFIG_HOME": "/c"}, "CONFIG") == "/c/nix"
    assert user_registry_path({"HOME": "/h"}) == "/h/.config/nix/registry.json"
