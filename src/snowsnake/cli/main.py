"""The command `snowsnake`: finds the subcommand and runs it.  Each is imported only when it is used."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from snowsnake.cli.output import Reporter

# For each command: its module, or the words of Nix's command that it runs; and one line for the help.
COMMANDS = {
    "eval": ("snowsnake.cli.evaluate", "evaluate a file or an expression and print its value"),
    "repl": ("nix repl", "evaluate interactively"),
    "parse": ("snowsnake.cli.parse", "parse files and print canonical Nix or JSON"),
    "disassemble": ("snowsnake.cli.disassemble", "compile a file or an expression and print its bytecode"),
    "instantiate": ("snowsnake.cli.derive", "evaluate to derivations and print the paths of their .drv files"),
    "build": ("nix build", "build what a flake, a file or an expression names, or substitute it"),
    "run": ("nix run", "run a program of a flake or a package"),
    "shell": ("nix shell", "run a shell, or a command, with some packages on the PATH"),
    "develop": ("nix develop", "run a shell with the build environment of a derivation"),
    "print-dev-env": ("nix print-dev-env", "print the build environment of a derivation, as a script for bash"),
    "nix-shell": ("nix-shell", "run a shell with what a derivation needs, or a script, as `nix-shell`"),
    "fmt": ("nix fmt", "reformat code with the formatter of the flake here"),
    "bundle": ("nix bundle", "make one file of a program that runs without a store"),
    "formatter": ("nix formatter", "build the formatter of the flake here, or run it"),
    "jobs": ("snowsnake.cli.jobs", "evaluate thousands of attributes, by several workers"),
    "derivation": ("snowsnake.cli.derivation", "show a derivation, or what differs between two"),
    "flake": ("snowsnake.cli.flake", "look into a flake, lock it, check it"),
    "registry": ("snowsnake.cli.registry", "show and change what short names of flakes mean"),
    "config": ("snowsnake.cli.config", "show the settings of nix.conf, and where each was set"),
    "links": ("snowsnake.cli.links", "make a folder with our commands under the names of Nix"),
    "cache": ("snowsnake.cli.cache", "show, check or empty the cache of compiled files"),
    "store": ("snowsnake.cli.store", "inspect and verify an embedded store, add to it; the actions of `nix store`"),
    "query": ("nix-store --query", "ask a store: references, closures, trees, graphs; as `nix-store --query`"),
    "path-info": ("nix path-info", "show sizes, hashes and references of store objects"),
    "why-depends": ("nix why-depends", "show why a store object needs another"),
    "copy": ("nix copy", "copy store objects to another store or to a binary cache"),
    "log": ("nix log", "show what a builder printed"),
    "realisation": ("nix realisation", "show what outputs became that have no paths before they are built"),
    "daemon": ("nix daemon", "serve the store to clients of Nix and ours"),
    "key": ("nix key", "make keys that sign store objects"),
    "packages": ("nix-env --query --available", "list the packages of a file, as `nix-env --query --available`"),
    "search": ("nix search", "search for packages in a flake or a file"),
    "edit": ("nix edit", "open the source of a package in an editor"),
    "prefetch": ("nix store prefetch-file", "download a file into the store, print its hash"),
    "hash": ("snowsnake.cli.hash", "hash files and convert hashes between encodings"),
    "nar": ("snowsnake.cli.nar", "write, list and unpack Nix archives"),
    "completion": ("snowsnake.cli.completion", "print a script that completes our commands in bash, zsh or fish"),
    "manual": ("snowsnake.cli.manual", "write manual pages of all commands"),
}
# The groups of the help; commands in none of them come last.
_GROUPS = (
    ("evaluate", ("eval", "repl", "instantiate", "jobs")),
    ("build and run", ("build", "run", "shell", "develop", "print-dev-env", "nix-shell", "fmt", "formatter", "bundle", "log", "realisation")),
    ("flakes", ("flake", "registry")),
    ("packages", ("search", "packages", "edit")),
    ("stores and their formats", ("store", "query", "path-info", "why-depends", "copy", "daemon", "key", "prefetch", "derivation", "hash", "nar")),
    ("look inside", ("parse", "disassemble", "cache")),
)

# Our own actions of some groups of commands; the further actions of a group are those of `nix`.
_WITH_ACTIONS = {
    "derivation": ("show", "diff"),
    "hash": ("file", "path", "convert"),
    "nar": ("pack", "ls", "cat", "unpack"),
    "store": ("ls", "info", "cat", "verify"),
}


def version() -> str:
    from snowsnake.version import NIX_VERSION, VERSION

    return f"snowsnake {VERSION} (compatible with Nix {NIX_VERSION})"


def usage() -> str:
    summaries = {name: summary for name, (_, summary) in COMMANDS.items()}
    width = max(map(len, summaries))
    grouped = [name for _, names in _GROUPS for name in names]
    groups = [*_GROUPS, ("further", tuple(name for name in summaries if name not in grouped))]
    rows = "\n\n".join(
        "\n".join([f"{title}:", *(f"  {name:{width}}  {summaries[name]}" for name in names if name in summaries)]) for title, names in groups
    )
    return (
        "usage: snowsnake COMMAND [OPTION …]\n\n"
        "An evaluator for the Nix language.\n\n"
        f"{rows}\n\n"
        "`snowsnake COMMAND --help` explains a command.  `snowsnake --version` prints the version."
    )


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    name = words[0] if words else "--help"
    if name in ("--help", "-h", "help"):
        print(usage())
        return 0 if words else 1
    if name == "--version":
        print(version())
        return 0
    from snowsnake.cli.output import Reporter, guarded

    if "SNOWSNAKE_GET_COMPLETIONS" in os.environ:
        from snowsnake.cli.completion import complete

        number = os.environ["SNOWSNAKE_GET_COMPLETIONS"]
        return guarded(lambda words, _: complete(words, number, COMMANDS), words, Reporter(), "snowsnake")
    if name in COMMANDS and (words_for := _of_nix(name, words[1:])):
        return _run_for_nix(words_for)
    if name not in COMMANDS:
        return guarded(_unknown, [name], Reporter(), "snowsnake")
    return guarded(_command(COMMANDS[name][0]), words[1:], Reporter(shows_others=True), f"snowsnake {name}")


def _of_nix(name: str, words: list[str]) -> list[str]:
    """The words of Nix's command for this one; empty if the command is our own."""
    runner = COMMANDS[name][0]
    if runner.startswith("nix"):
        return [*runner.split(), *words]
    if name not in _WITH_ACTIONS or not words or words[0] in _WITH_ACTIONS[name]:
        return []
    from snowsnake.cli.nix.table import BY_NAME

    return ["nix", name, *words] if f"{name} {words[0]}" in BY_NAME else []


def _run_for_nix(words: list[str]) -> int:
    if words[0] == "nix-store":
        from snowsnake.cli.old import store

        return store.main(words[1:])
    if words[0] == "nix-shell":
        from snowsnake.cli.old import shell

        return shell.main(words[1:])
    if words[0] == "nix-env":
        from snowsnake.cli.old import env

        return env.main(words[1:])
    from snowsnake.cli.nix.main import main as nix

    return nix(["--extra-experimental-features", "nix-command flakes", *words[1:]])


def _command(name: str) -> "Callable[[list[str], Reporter], int]":
    """The subcommand of a module: OPTIONS reads its words, and `--help` is made of USAGE, SUMMARY, OPTIONS and NOTES."""

    def run(words: list[str], reporter: "Reporter") -> int:
        from snowsnake.cli.options import help_text, parse

        module = __import__(name, fromlist=["run"])
        given = parse(words, module.OPTIONS)
        if given.flag("help"):
            print(help_text(module.USAGE, module.SUMMARY, module.OPTIONS, getattr(module, "NOTES", "")))
            return 0
        return int(module.run(given, reporter))

    return run


def _unknown(words: list[str], reporter: object) -> int:
    from snowsnake.cli.options import UsageError
    from snowsnake.diagnostics.suggestions import nearest, sentence

    names = nearest(words[0], COMMANDS)
    raise UsageError(f"unknown command '{words[0]}'" + (f". {sentence(names)}" if names else ""))


if __name__ == "__main__":
    sys.exit(main())
