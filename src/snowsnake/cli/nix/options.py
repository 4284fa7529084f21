"""The options of `nix`'s subcommands, in the groups that several subcommands share.

In: nothing.  Out: tuples of `CommandOption`.  Settings are options, too; settings/flags.py handles them.
"""

from snowsnake.cli.evaluate import LOCK_OPTIONS
from snowsnake.cli.options import CommandOption

# The options of every subcommand, which may be anywhere.
GLOBAL = (
    CommandOption("--help", "", "show what a command does and its options"),
    CommandOption("--version", "", "print the version"),
    CommandOption("-v --verbose", "", "say more", is_repeatable=True),
    CommandOption("--quiet", "", "say less", is_repeatable=True),
    CommandOption("--debug", "", "say everything"),
    CommandOption("--log-format", "FORMAT", "how messages are written: raw, internal-json, bar, bar-with-logs"),
    CommandOption("-L --print-build-logs", "", "show the logs of builds"),
    CommandOption("--option", "NAME VALUE", "set a setting of nix.conf", is_repeatable=True),
    CommandOption("--offline --no-net", "", "ask nothing from the network"),
    CommandOption("--refresh", "", "ask again for what was downloaded before"),
    CommandOption("-j", "JOBS", "how many builds may run at once"),
)
# These are not options of `nix`'s subcommands: GLOBAL and EVALUATION have them, or they belong to a setting.
_NOT_NIX = ("--no-use-registries", "--accept-flake-config", "--impure", "--refresh", "--offline", "--override-flake")
LOCKING = tuple(option for option in LOCK_OPTIONS if not set(option.names).intersection(_NOT_NIX))
JSON = (
    CommandOption("--json", "", "print JSON"),
    CommandOption("--pretty", "", "print JSON with line breaks, as on a terminal"),
    CommandOption("--no-pretty", "", "print JSON in one line"),
)
PRETTY = JSON[1:]
EVALUATION = (
    CommandOption("--arg", "NAME EXPR", "pass an expression to functions that take NAME", is_repeatable=True),
    CommandOption("--argstr", "NAME TEXT", "pass a string", is_repeatable=True),
    CommandOption("--arg-from-file", "NAME PATH", "pass the contents of a file as a string", is_repeatable=True),
    CommandOption("--arg-from-stdin", "NAME", "pass standard input as a string", is_repeatable=True),
    CommandOption("-I --include", "PATH", "add to the search path, in front: PREFIX=PATH or PATH", is_repeatable=True),
    CommandOption("--impure", "", "allow what depends on the machine: variables, files outside of flakes, unlocked inputs"),
    CommandOption("--override-flake", "NAME FLAKE", "use this flake for a name of the registries", is_repeatable=True),
    CommandOption("--eval-store", "STORE", "the store that evaluation has instead of `store`"),
    CommandOption("--debugger", "", "stop at errors (not carried out)"),
    CommandOption("--repair", "", "rewrite paths of the store that are damaged"),
)
SOURCE = (
    CommandOption("-f --file", "FILE", "take attributes of this file instead of a flake"),
    CommandOption("--expr", "EXPR", "take attributes of this expression instead of a flake"),
)
INSTALLABLE = EVALUATION + LOCKING + SOURCE
ENVIRONMENT = (
    CommandOption("-i --ignore-env --ignore-environment", "", "begin with an empty environment"),
    CommandOption("-k --keep-env-var --keep", "NAME", "with --ignore-env: keep this variable", is_repeatable=True),
    CommandOption("-u --unset-env-var --unset", "NAME", "leave out this variable", is_repeatable=True),
    CommandOption("-s --set-env-var", "NAME VALUE", "set a variable", is_repeatable=True),
)
COMMAND = CommandOption("-c --command", "COMMAND ARGS*", "run this instead of an interactive shell")
EVAL = (
    CommandOption("--raw", "", "print a string as it is, without a newline"),
    CommandOption("--apply", "EXPR", "call this function with the value and print what it returns"),
    CommandOption("--read-only", "", "write nothing to the store"),
    CommandOption("--write-to", "PATH", "write a string to a file, or a set of strings to a folder"),
)
REGISTRY = CommandOption("--registry", "FILE", "the registry to operate on (default: the user's)")
