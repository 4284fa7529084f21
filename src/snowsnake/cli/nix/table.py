"""The table of `nix`'s subcommands.

A row has the words of the command; the function that runs it (`MODULE:FUNCTION`, called with a `Call`), empty if we do not have the command; its
other words; one line for the help; its options; the experimental feature that it needs besides `nix-command`.

Words: `name` is required, `name?` is optional, `name*` is any number of words.
"""

from snowsnake.cli.nix.options import (
    COMMAND,
    ENVIRONMENT,
    EVAL,
    EVALUATION,
    INSTALLABLE,
    JSON,
    LOCKING,
    PRETTY,
    REGISTRY,
)
from snowsnake.cli.options import CommandOption

_FLAKE = EVALUATION + LOCKING
_FLAKE_WORDS = "flake-url?"


class Row:
    """A subcommand; the head of the module describes the fields."""

    __slots__ = ("name", "runner", "words", "summary", "options", "feature")

    def __init__(
        self, name: str, runner: str, words: str, summary: str, options: tuple[CommandOption, ...] = (), feature: str = ""
    ) -> None:
        self.name = name
        self.runner = runner
        self.words = words.split()
        self.summary = summary
        self.options = options
        self.feature = feature


_LOCKING_NAMES = tuple(option.names[0] for option in LOCKING)


def _flake(action: str, words: str, summary: str, *options: CommandOption, without: tuple[str, ...] = ()) -> Row:
    kept = tuple(option for option in _FLAKE if option.names[0] not in without)
    return Row(f"flake {action}", "snowsnake.cli.nix.flakes:run", words, summary, kept + options, "flakes")


def _registry(action: str, words: str, summary: str) -> Row:
    options: tuple[CommandOption, ...] = () if action in ("list", "remove", "resolve") else EVALUATION
    if action == "add":
        options = tuple(option for option in options if option.names[0] != "--debugger")
    if action not in ("list", "resolve"):
        options += (REGISTRY,)
    return Row(f"registry {action}", "snowsnake.cli.registry:run_for_nix", words, summary, options)


def _not_ours(name: str, summary: str) -> Row:
    return Row(name, "", "words*", summary)


# The options of commands that take installables: one or two, any number, and whole closures.
_SOURCES = (*INSTALLABLE, CommandOption("--derivation", "", "derivations instead of their outputs"))
_STDIN = CommandOption("--stdin", "", "read installables from standard input")
_INSTALLABLES = (*_SOURCES, _STDIN)
_ALL = CommandOption("--all", "", "all objects of the store")
_PATHS = (CommandOption("-r --recursive", "", "also everything that they need"), _ALL)
_BETWEEN = (CommandOption("--from", "STORE", "the store to copy from"), CommandOption("--to", "STORE", "the store to copy to"))
_LISTING = (
    CommandOption("-R --recursive", "", "also what is in folders"), CommandOption("-l --long", "", "with kinds and sizes"),
    CommandOption("-d --directory", "", "folders themselves, not what is in them"), *JSON,
)  # fmt: skip
_LINKS = (CommandOption("-o --out-link", "PATH", "the link to the result (default: result)"), CommandOption("--no-link", "", "make no link"))
_ENVIRONMENT_OF = (
    CommandOption("--redirect", "INSTALLABLE FOLDER", "use a folder in place of a store object", is_repeatable=True),
    CommandOption("--profile", "PATH", "the profile to change"),
)
_PHASES = (
    CommandOption("--phase", "NAME", "run this phase of the build"),
    *(CommandOption(f"--{name}", "", f"run the phase {name}") for name in ("unpack", "configure", "build", "check", "install", "installcheck")),
)
_DRY_RUN = CommandOption("--dry-run", "", "write nothing")
_ADDED = (CommandOption("--mode", "METHOD", "nar (default), flat, text or git"), CommandOption("--hash-algo", "ALGORITHM", "md5, sha1, sha256, sha512 or blake3"))
_HASH_TYPE = CommandOption("--type", "ALGORITHM", "md5, sha1, sha256, sha512 or blake3")
_HASH_ALGORITHM = CommandOption("--hash-algo", "ALGORITHM", "md5, sha1, sha256, sha512 or blake3")
_HASH_FORMATS = (*(CommandOption(f"--{name}", "", f"write hashes as {name}") for name in ("sri", "base64", "base32", "base16")), _HASH_TYPE)
_TEMPLATE = CommandOption("-t --template", "FLAKE", "the template (default: templates)")
ROWS = (
    Row("eval", "snowsnake.cli.nix.evaluate:run", "installable?", "evaluate an expression or an output of a flake", INSTALLABLE + EVAL + JSON),
    Row("config show", "snowsnake.cli.nix.config:show", "name?", "show all settings, or the value of one", JSON),
    _flake("metadata", _FLAKE_WORDS, "show what a flake and its inputs are", *JSON),
    _flake("info", _FLAKE_WORDS, "the old name of flake metadata", *JSON),
    _flake(
        "show", _FLAKE_WORDS, "show the outputs of a flake",
        CommandOption("--legacy", "", "also look into legacyPackages"), CommandOption("--all-systems", "", "the outputs for all systems"), *JSON,
    ),
    _flake("lock", _FLAKE_WORDS, "write missing entries of the lock file", without=("--no-write-lock-file",)),
    _flake("update", "inputs*", "lock all inputs again, or some of them", CommandOption("--flake", "FLAKE", "the flake (default: the current folder)"), without=("--no-update-lock-file", "--no-write-lock-file")),
    _flake(
        "check", _FLAKE_WORDS, "evaluate what can be checked",
        CommandOption("--no-build", "", "evaluate only"), CommandOption("--all-systems", "", "the outputs for all systems"),
    ),
    _flake("init", "", "write files from a template into the current folder", _TEMPLATE, without=_LOCKING_NAMES),
    _flake("new", "dest-dir", "write files from a template into a folder", _TEMPLATE, without=_LOCKING_NAMES),
    _flake("clone", _FLAKE_WORDS, "clone the repository of a flake", CommandOption("-f --dest", "FOLDER", "where to")),
    _flake(
        "archive", _FLAKE_WORDS, "fetch a flake and all its inputs",
        CommandOption("--to", "STORE", "the store that gets them"), CommandOption("--dry-run", "", "fetch nothing"), CommandOption("--no-check-sigs", "", "do not ask for signatures"), *JSON,
    ),
    _flake("prefetch", _FLAKE_WORDS, "fetch a source tree", CommandOption("-o --out-link", "FILE", "a link to the store path"), *JSON),
    _flake("prefetch-inputs", _FLAKE_WORDS, "fetch the inputs of a flake"),
    Row(
        "build", "snowsnake.cli.nix.build:run", "installables*", "build derivations or fetch store paths",
        (
            *INSTALLABLE, _STDIN, *JSON, CommandOption("--dry-run", "", "only show what would be done"),
            *_LINKS,
            CommandOption("--print-out-paths", "", "print the paths of the outputs"), CommandOption("--rebuild", "", "build again and compare"),
            CommandOption("--profile", "PATH", "the profile to change"),
        ),
    ),
    Row(
        "bundle", "snowsnake.cli.nix.bundle:run", "installable?", "bundle an application so that it works outside of the store",
        (*INSTALLABLE, CommandOption("--bundler", "FLAKE", "the function that bundles (default: github:NixOS/bundlers)"), _LINKS[0]),
    ),
    Row("config check", "snowsnake.cli.nix.config_check:run", "", "check the commands and the store of this machine for problems"),
    Row(
        "copy", "snowsnake.cli.nix.copy:run", "installables*", "copy paths between stores",
        (
            *_INSTALLABLES, *_BETWEEN, CommandOption("--no-recursive", "", "only the objects, not what they need"), _ALL,
            CommandOption("--no-check-sigs", "", "do not ask for signatures"), CommandOption("-s --substitute-on-destination", "", "let the other store use its substituters"),
            CommandOption("--profile", "PATH", "the profile to change"), CommandOption("-o --out-link", "PATH", "a link to the result"),
        ),
    ),
    Row(
        "daemon", "snowsnake.cli.daemon:run_for_nix", "", "serve the store to users",
        (
            CommandOption("--stdio", "", "serve the client on standard input and output"), CommandOption("--force-trusted", "", "trust every client"),
            CommandOption("--force-untrusted", "", "trust no client"), CommandOption("--default-trust", "", "trust those whom the settings name"),
            CommandOption("--process-ops", "", "do what is requested here, and not behind another daemon"),
        ),
    ),
    Row("derivation add", "snowsnake.cli.nix.derivation:add", "", "add a derivation that is JSON on standard input", (_DRY_RUN,)),
    Row(
        "derivation show", "snowsnake.cli.nix.derivation:show", "installables*", "show derivations as JSON",
        (*INSTALLABLE, _STDIN, *PRETTY, CommandOption("-r --recursive", "", "also those that they need")),
    ),
    Row(
        "develop", "snowsnake.cli.nix.develop:develop", "installable?", "run a shell with the build environment of a derivation",
        (*INSTALLABLE, *_ENVIRONMENT_OF, *ENVIRONMENT, COMMAND, *_PHASES),
    ),
    Row("edit", "snowsnake.cli.nix.edit:run", "installable?", "open the source of a package in an editor", INSTALLABLE),
    Row(
        "env shell", "snowsnake.cli.nix.run:shell", "installables*", "run a shell, or a command, with some packages on the PATH",
        (*INSTALLABLE, _STDIN, *ENVIRONMENT, COMMAND),
    ),
    *(
        Row(name, "snowsnake.cli.nix.run:formatter_run", "args*", "reformat your code with the formatter of the flake here", (*INSTALLABLE, *JSON))
        for name in ("fmt", "formatter run")
    ),
    Row("formatter build", "snowsnake.cli.nix.run:formatter_build", "", "build the formatter of the flake here", (*INSTALLABLE, *_LINKS)),
    Row(
        "hash convert", "snowsnake.cli.nix.hash:convert", "hashes*", "write hashes in another format",
        (CommandOption("--from", "FORMAT", "the format that the hashes must have"), CommandOption("--to", "FORMAT", "base16, nix32, base64 or sri (default)"), _HASH_ALGORITHM),
    ),
    Row("hash file", "snowsnake.cli.nix.hash:path", "paths*", "hash the bytes of files", _HASH_FORMATS),
    Row(
        "hash path", "snowsnake.cli.nix.hash:path", "paths*", "hash the archives of files and folders",
        (
            *_HASH_FORMATS, CommandOption("--algo", "ALGORITHM", "md5, sha1, sha256 (default), sha512 or blake3"),
            CommandOption("--mode", "METHOD", "nar (default), flat or git"), CommandOption("--format", "FORMAT", "base16, nix32, base64 or sri (default)"),
        ),
    ),
    *(
        Row(f"hash to-{name}", "snowsnake.cli.nix.hash:to_base", "strings*", f"the old way to write hashes as {name}", (_HASH_TYPE,))
        for name in ("base16", "base32", "base64", "sri")
    ),
    _not_ours("help", "show help about a subcommand"),
    _not_ours("help-stores", "show help about kinds of stores"),
    Row("key convert-secret-to-public", "snowsnake.cli.nix.keys:convert", "", "the public key that belongs to a secret one on standard input"),
    Row(
        "key generate-secret", "snowsnake.cli.nix.keys:generate", "", "make a secret key that signs store objects",
        (CommandOption("--key-name", "NAME", "the name of the key"),),
    ),
    Row("log", "snowsnake.cli.nix.store:log", "installable?", "show the build log of a derivation or an output", INSTALLABLE),
    Row("nar cat", "snowsnake.cli.nix.listing:cat_archive", "nar path", "print a file of an archive"),
    Row("nar dump-path", "snowsnake.cli.nix.listing:pack", "path", "the old name of nar pack"),
    Row("nar ls", "snowsnake.cli.nix.listing:list_archive", "nar path", "list what is in an archive", _LISTING),
    Row("nar pack", "snowsnake.cli.nix.listing:pack", "path", "write the archive of a file or folder"),
    Row(
        "path-info", "snowsnake.cli.nix.path_info:run", "installables*", "show what is known of store objects",
        (
            *_INSTALLABLES, *_PATHS, *JSON, CommandOption("-s --size", "", "the sizes of archives"),
            CommandOption("-S --closure-size", "", "the sizes of closures"), CommandOption("-h --human-readable", "", "sizes with units"),
            CommandOption("--sigs", "", "signatures"), CommandOption("--json-format", "VERSION", "1 or 2"),
        ),
    ),
    Row(
        "print-dev-env", "snowsnake.cli.nix.develop:print_dev_env", "installable?", "print the build environment of a derivation, as a script for bash",
        (*INSTALLABLE, *_ENVIRONMENT_OF, *JSON),
    ),
    *(
        _not_ours(f"profile {name}", f"profiles: {name}")
        for name in ("add", "diff-closures", "history", "install", "list", "remove", "rollback", "upgrade", "wipe-history")
    ),
    Row(
        "realisation info", "snowsnake.cli.nix.realisation_info:run", "installables*", "show what outputs became that have no paths before they are built",
        (*_INSTALLABLES, *_PATHS, *JSON),
    ),
    _registry("list", "", "list what short names of flakes mean"),
    _registry("add", "from-url to-url", "let a short name mean a flake"),
    _registry("remove", "url", "forget a short name"),
    _registry("pin", "url locked?", "let a short name mean just one revision of a flake"),
    _registry("resolve", "flake-refs*", "print what short names mean"),
    Row("repl", "snowsnake.cli.nix.repl:run", "installables*", "evaluate interactively", (*INSTALLABLE, _STDIN)),
    Row("run", "snowsnake.cli.nix.run:run", "installable? args*", "run a program of a flake or a package", (*INSTALLABLE, *ENVIRONMENT)),
    Row(
        "search", "snowsnake.cli.nix.search:run", "installable? regexes*", "search for packages",
        (*INSTALLABLE, *JSON, CommandOption("-e --exclude", "REGEX", "leave out what this matches", is_repeatable=True)),
    ),
    *(
        Row(f"store {name}", "snowsnake.cli.nix.store:add", "path", summary, (CommandOption("-n --name", "NAME", "its name in the store"), *_ADDED, _DRY_RUN))
        for name, summary in (
            ("add", "add a file or folder to the store"), ("add-file", "the old way to add a file by its bytes"),
            ("add-path", "the old name of store add"),
        )
    ),
    Row("store copy-log", "snowsnake.cli.nix.copy:copy_log", "installables*", "copy logs of builds between stores", (*INSTALLABLE, _STDIN, *_BETWEEN)),
    Row(
        "store copy-sigs", "snowsnake.cli.nix.keys:copy_signatures", "installables*", "copy signatures from other stores",
        (*_INSTALLABLES, *_PATHS, CommandOption("-s --substituter", "STORE", "the store that has signatures", is_repeatable=True)),
    ),
    Row("store cat", "snowsnake.cli.nix.listing:cat_store", "path", "print a file of a store object"),
    Row(
        "store delete", "snowsnake.cli.nix.store:delete", "installables*", "delete store objects that nothing needs",
        (*_INSTALLABLES, *_PATHS, CommandOption("--ignore-liveness", "", "delete also what roots keep")),
    ),
    Row("store diff-closures", "snowsnake.cli.nix.store:diff_closures", "before after", "show what differs between two closures", _SOURCES),
    Row("store optimise", "snowsnake.cli.nix.store:optimise", "", "replace equal files of the store by links to one copy"),
    Row("store repair", "snowsnake.cli.nix.store:repair", "installables*", "fetch or build store objects again", _INSTALLABLES + _PATHS),
    Row("store dump-path", "snowsnake.cli.nix.listing:dump_path", "installables*", "write the archive of a store object", _INSTALLABLES + _PATHS),
    Row(
        "store gc", "snowsnake.cli.nix.store:collect_garbage", "", "remove what nothing keeps",
        (CommandOption("--max", "BYTES", "stop when so much was freed"), CommandOption("--dry-run", "", "remove nothing, and say how much would go")),
    ),
    Row("store info", "snowsnake.cli.nix.store:info", "", "show which store this is", JSON),
    Row("store ls", "snowsnake.cli.nix.listing:list_store", "path", "list what is in a store object", _LISTING),
    Row(
        "store make-content-addressed", "snowsnake.cli.nix.store:make_content_addressed", "installables*",
        "name the objects of a closure by their contents",
        (*_INSTALLABLES, *_PATHS, *JSON, CommandOption("--from", "STORE", "copy from there"), CommandOption("--to", "STORE", "write there")),
    ),
    Row(
        "store sign", "snowsnake.cli.nix.keys:sign", "installables*", "sign store objects",
        (*_INSTALLABLES, *_PATHS, CommandOption("-k --key-file", "FILE", "the file with the secret key")),
    ),
    Row("store path-from-hash-part", "snowsnake.cli.nix.store:path_from_hash_part", "hash-part", "find a store object by the hash in its name"),
    Row(
        "store prefetch-file", "snowsnake.cli.nix.prefetch:run", "url", "download a file into the store",
        (
            CommandOption("--name", "NAME", "its name in the store"), CommandOption("--expected-hash", "HASH", "what its hash must be"),
            CommandOption("--hash-type", "ALGORITHM", "md5, sha1, sha256 (default), sha512 or blake3"),
            CommandOption("--executable", "", "make the file executable, and hash its archive"),
            CommandOption("--unpack", "", "unpack an archive, and hash what is in it"), *JSON,
        ),
    ),
    Row(
        "store verify", "snowsnake.cli.nix.store:verify", "installables*", "check contents and signatures of store objects",
        (
            *_INSTALLABLES, *_PATHS, CommandOption("--no-contents", "", "do not check contents"), CommandOption("--no-trust", "", "do not check signatures"),
            CommandOption("-s --substituter", "STORE", "look there for signatures, too", is_repeatable=True),
            CommandOption("-n --sigs-needed", "N", "how many keys must have signed"),
        ),
    ),
    *(
        _not_ours(f"store {name}", f"the store: {name}")
        for name in ("roots-daemon",)
    ),
    _not_ours("upgrade-nix", "upgrade Nix"),
    Row(
        "why-depends", "snowsnake.cli.nix.why_depends:run", "package dependency", "show why an object has another in its closure",
        (*_SOURCES, CommandOption("-a --all", "", "all ways, not a shortest one"), CommandOption("--precise", "", "the files that refer")),
    ),
)  # fmt: skip
# Old and short names; an old name causes a warning.
DEPRECATED = {
    "add-to-store": "store add-path", "cat-nar": "nar cat", "cat-store": "store cat", "copy-sigs": "store copy-sigs", "dev-shell": "develop",
    "diff-closures": "store diff-closures", "dump-path": "store dump-path", "hash-file": "hash file", "hash-path": "hash path",
    "ls-nar": "nar ls", "ls-store": "store ls", "make-content-addressable": "store make-content-addressed",
    "optimise-store": "store optimise", "ping-store": "store info", "sign-paths": "store sign", "show-derivation": "derivation show",
    "show-config": "config show", "to-base16": "hash to-base16", "to-base32": "hash to-base32", "to-base64": "hash to-base64",
    "verify": "store verify", "doctor": "config check",
}  # fmt: skip
SHORT = {"shell": "env shell"}
# Old names within a group.
RENAMED = {"store ping": "info"}

BY_NAME = {row.name: row for row in ROWS}
# Every beginning of the name of a row: `flake` of `flake show`.
GROUPS = {
    "config": "the settings of nix.conf", "derivation": "derivations as JSON", "env": "the environment of processes",
    "flake": "look into flakes, lock them, check them", "formatter": "build or run the formatter", "hash": "hashes, and the formats of them",
    "key": "make and convert keys that sign", "nar": "Nix archives", "profile": "profiles", "realisation": "what outputs became",
    "registry": "short names of flakes", "store": "objects of stores",
}  # fmt: skip


def names_below(group: str) -> list[str]:
    """The words that may follow a group: its subcommands, or those of `nix` itself for an empty group."""
    start = group + " " if group else ""
    found = dict.fromkeys(row.name.removeprefix(start).split()[0] for row in ROWS if row.name.startswith(start))
    return sorted(found)
