"""Settings as C++ Nix has them: `nix.conf`, `NIX_CONFIG`, `--option NAME VALUE` and `--NAME VALUE`.

In: configuration text and options.  Out: `Settings`, the few of them that concern evaluation.
The other settings of Nix are known by name, so that they are accepted, and a misspelt one is reported.
"""

import os

from snowsnake.cli.options import UsageError

# For type checkers, which know the name: what is imported here is paid for by every start of the command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Of Nix 2.34.  Those that matter here are read by name in cli/session.py.
BOOLEANS = frozenset(
    """abort-on-warn accept-flake-config allow-dirty allow-dirty-locks allow-import-from-derivation allow-new-privileges
    allow-symlinked-store allow-unsafe-native-code-during-evaluation always-allow-substitutes auto-allocate-uids
    auto-optimise-store builders-use-substitutes compress-build-log debugger-on-trace debugger-on-warn eval-cache fallback
    filter-syscalls fsync-metadata fsync-store-paths http2 ignore-try impersonate-linux-26 keep-build-log keep-derivations
    keep-env-derivations keep-failed keep-going keep-outputs nix-shell-always-looks-for-shell-nix
    nix-shell-shebang-arguments-relative-to-script preallocate-contents print-missing pure-eval
    require-drop-supplementary-groups require-sigs restrict-eval run-diff-hook sandbox sandbox-fallback show-trace substitute
    sync-before-registering trace-function-calls trace-import-from-derivation trace-verbose trust-tarballs-from-git-forges
    use-case-hack use-cgroups use-registries use-sqlite-wal use-xdg-base-directories warn-dirty warn-short-path-literals
    gc-keep-derivations gc-keep-outputs env-keep-derivations build-fallback build-keep-log build-compress-log
    build-impersonate-linux-26 build-use-substitutes""".split()
)
LISTS = frozenset(
    """allowed-impure-host-deps allowed-uris allowed-users build-hook experimental-features external-builders
    extra-platforms hashed-mirrors ignored-acls nix-path plugin-files secret-key-files substituters system-features
    trusted-public-keys trusted-substituters trusted-users binary-caches binary-cache-public-keys
    trusted-binary-caches access-tokens impure-env sandbox-paths build-sandbox-paths build-chroot-dirs""".split()
)
OTHERS = frozenset(
    """bash-prompt bash-prompt-prefix bash-prompt-suffix build-dir build-poll-interval build-users-group builders
    commit-lock-file-summary commit-lockfile-summary connect-timeout cores build-cores diff-hook download-attempts
    download-buffer-size download-speed eval-attrset-update-layer-rhs-threshold eval-profile-file eval-profiler
    eval-profiler-frequency eval-system flake-registry gc-reserved-space http-connections id-count json-log-path
    lint-absolute-path-literals lint-short-path-literals lint-url-literals log-lines max-build-log-size max-call-depth
    max-free max-jobs build-max-jobs max-silent-time build-max-silent-time max-substitution-jobs min-free
    min-free-check-interval nar-buffer-size narinfo-cache-meta-ttl narinfo-cache-negative-ttl narinfo-cache-positive-ttl
    netrc-file post-build-hook pre-build-hook sandbox-build-dir sandbox-dev-shm-size ssl-cert-file
    stalled-download-timeout start-id store system tarball-ttl timeout build-timeout upgrade-nix-store-path-url
    user-agent-suffix warn-large-path-threshold""".split()
)
NUMBERS = frozenset(("max-call-depth", "cores", "max-silent-time", "timeout"))
FEATURES = frozenset(
    """auto-allocate-uids blake3-hashes build-time-fetch-tree ca-derivations cgroups configurable-impure-env
    daemon-trust-override dynamic-derivations external-builders fetch-closure fetch-tree flakes git-hashing impure-derivations
    local-overlay-store mounted-ssh-store nix-command no-url-literals parallel-eval parse-toml-timestamps pipe-operators
    read-only-local-store recursive-nix repl-flake verified-fetches""".split()
)
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def is_known(name: str) -> bool:
    """Whether Nix has a setting of this name (`extra-` lists included)."""
    if name in BOOLEANS or name in LISTS or name in OTHERS:
        return True
    return name.startswith("extra-") and name[6:] in LISTS


class Settings:
    """Values by name, later ones replacing earlier ones; `extra-NAME` adds to a list.

    >>> settings = Settings(print)
    >>> settings.set("experimental-features", "flakes")
    >>> settings.set("extra-experimental-features", "pipe-operators")
    >>> settings.words("experimental-features")
    ['flakes', 'pipe-operators']
    """

    def __init__(self, warn: "Callable[[str], None]") -> None:
        self.values: dict[str, str] = {}
        self._warn = warn

    def set(self, name: str, value: str) -> None:
        """Set a known setting; an unknown one, or a bad value, raises UsageError."""
        if not is_known(name):
            raise UsageError(f"unknown setting '{name}'")
        if name in BOOLEANS and value not in _TRUE and value not in _FALSE:
            raise UsageError(f"Boolean setting '{name}' has invalid value '{value}'")
        if name in NUMBERS and not value.isdigit():
            raise UsageError(f"setting '{name}' has invalid value '{value}'")
        if name.endswith("experimental-features"):
            for feature in value.split():
                if feature not in FEATURES:
                    self._warn(f"unknown experimental feature '{feature}'")
        if name.startswith("extra-"):
            name = name[6:]
            value = f"{self.values.get(name, '')} {value}".strip()
        self.values[name] = value

    def set_or_warn(self, name: str, value: str) -> None:
        """As `--option` does it: what is wrong is a warning."""
        try:
            self.set(name, value)
        except UsageError as error:
            self._warn(str(error))

    def is_on(self, name: str) -> bool:
        return self.values.get(name, "false") in _TRUE

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def words(self, name: str) -> list[str]:
        return self.values.get(name, "").split()

    def load(self, text: str, source: str) -> None:
        """Take over the lines of a configuration file."""
        for raw in text.split("\n"):
            line = raw.split("#", 1)[0]
            words = line.split()
            if not words:
                continue
            if words[0] in ("include", "!include") and len(words) == 2:
                self._include(words[1], source, is_optional=words[0] == "!include")
            elif len(words) < 2 or words[1] != "=":
                raise UsageError(f"syntax error in configuration line '{line}' in \"{source}\"")
            elif is_known(words[0]):
                self.set(words[0], " ".join(words[2:]))
            else:
                self._warn(f"unknown setting '{words[0]}'")

    def _include(self, name: str, source: str, *, is_optional: bool) -> None:
        path = os.path.join(os.path.dirname(source), name)
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except OSError:
            if is_optional:
                return
            raise UsageError(f"file '{path}' included from '{source}' not found") from None
        self.load(text, path)

    def load_environment(self, environment) -> None:
        """The system's and the user's `nix.conf`, then `NIX_CONFIG`: where C++ Nix looks, in its order."""
        for path in configuration_files(environment):
            try:
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    text = file.read()
            except OSError:
                continue
            self.load(text, path)
        if environment.get("NIX_CONFIG"):
            self.load(environment["NIX_CONFIG"], "NIX_CONFIG")


def configuration_files(environment) -> list[str]:
    """Paths of the configuration files, the least important first."""
    files = [os.path.join(environment.get("NIX_CONF_DIR") or "/etc/nix", "nix.conf")]
    if environment.get("NIX_USER_CONF_FILES"):
        user = environment["NIX_USER_CONF_FILES"].split(":")
    else:
        home = environment.get("HOME") or "/"
        folders = [environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")]
        folders += (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
        user = [os.path.join(folder, "nix", "nix.conf") for folder in folders if folder]
    return files + user[::-1]


def split_nix_path(text: str) -> list[str]:
    """The entries of `NIX_PATH`: separated by colons, except those of URLs.

    >>> split_nix_path("nixpkgs=https://a.org/x.tar.gz:/b:c=d")
    ['nixpkgs=https://a.org/x.tar.gz', '/b', 'c=d']
    """
    entries: list[str] = []
    rest = text
    while rest:
        end = rest.find(":")
        value = rest.find("=") + 1 if 0 <= rest.find("=") < end else 0
        if end >= 0 and (is_pseudo_url(rest[value:]) or rest.startswith("flake:", value)):
            end = rest.find(":", end + 1)
        entry, rest = (rest, "") if end < 0 else (rest[:end], rest[end + 1 :])
        if entry or rest:
            entries.append(entry)
    return entries


def is_pseudo_url(text: str) -> bool:
    """Whether a file argument is a tarball's address instead of a path."""
    if text.startswith("channel:"):
        return True
    scheme, has_scheme, _ = text.partition("://")
    return bool(has_scheme) and scheme in ("http", "https", "file", "channel", "git", "s3", "ssh")


def split_search_entry(entry: str) -> tuple[str, str]:
    """`PREFIX=PATH` or `PATH` as (prefix, path).

    >>> split_search_entry("nixpkgs=/src"), split_search_entry("/src")
    (('nixpkgs', '/src'), ('', '/src'))
    """
    prefix, has_prefix, path = entry.partition("=")
    return (prefix, path) if has_prefix else ("", prefix)


def default_nix_path(environment) -> list[str]:
    """The search path of a machine without NIX_PATH: its channels, as far as they exist."""
    home = environment.get("HOME") or "/"
    profiles = os.path.join(environment.get("NIX_STATE_DIR") or "/nix/var/nix", "profiles/per-user/root/channels")
    candidates = [("", os.path.join(home, ".nix-defexpr/channels")), ("nixpkgs=", profiles + "/nixpkgs"), ("", profiles)]
    return [prefix + path for prefix, path in candidates if os.path.exists(path)]


def store_folder(address: str) -> str | None:
    """The folder of an embedded store that `--store` of nix-instantiate means; None for a store of the machine's.

    >>> store_folder("local?root=/srv/store"), store_folder("/srv/store"), store_folder("daemon")
    ('/srv/store', '/srv/store', None)
    """
    name, _, query = address.partition("?")
    scheme, has_scheme, _ = name.partition("://")
    if name in ("", "auto", "daemon", "local") or (has_scheme and scheme in ("dummy", "unix", "local")):
        parameters = dict(part.partition("=")[::2] for part in query.split("&"))
        root = parameters.get("root", "") if scheme == "local" else ""
        return os.path.abspath(root) if root else None
    if has_scheme:
        raise UsageError(f"don't know how to open Nix store with scheme '{scheme}'")
    if "/" not in name:
        raise UsageError(f"Cannot parse Nix store '{address}'")
    return os.path.abspath(name)
