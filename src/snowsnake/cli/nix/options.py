"""The options of `nix`'s subcommands, in the groups that several subcommands share.

In: nothing.  Out: tuples of `Option`.  Settings are options, too, which settings/flags.py handles.
"""

from snowsnake.cli.evaluate import LOCK_OPTIONS
from snowsnake.cli.options import Option

# The options of every subcommand, which may be anywhere.
GLOBAL = (
    Option("--help", "", "show what a command does and its options"),
    Option("--version", "", "print the version"),
    Option("-v --verbose", "", "say more", is_repeatable=True),
    Option("--quiet", "", "say less", is_repeatable=True),
    Option("--debug", "", "say everything"),
    Option("--log-format", "FORMAT", "how messages are written: raw, internal-json, bar, bar-with-logs"),
    Option("-L --print-build-logs", "", "show the logs of builds"),
    Option("--option", "NAME VALUE", "set a setting of nix.conf", is_repeatable=True),
    Option("--offline --no-net", "", "ask nothing from the network"),
    Option("--refresh", "", "ask anew for what was downloaded before"),
    Option("-j", "JOBS", "how many builds may run at once"),
)
# Both names are one option; `--no-use-registries` belongs to a setting.
_NOT_NIX = ("--no-use-registries", "--accept-flake-config", "--impure", "--refresh", "--offline", "--override-flake")
LOCKING = tuple(option for option in LOCK_OPTIONS if not set(option.names).intersection(_NOT_NIX))
JSON = (
    Option("--json", "", "print JSON"),
    Option("--pretty", "", "print JSON with line breaks, as on a terminal"),
    Option("--no-pretty", "", "print JSON in one line"),
)
PRETTY = JSON[1:]
EVALUATION = (
    Option("--arg", "NAME EXPR", "pass an expression to functions that take NAME", is_repeatable=True),
    Option("--argstr", "NAME TEXT", "pass a string", is_repeatable=True),
    Option("--arg-from-file", "NAME PATH", "pass the contents of a file as a string", is_repeatable=True),
    Option("--arg-from-stdin", "NAME", "pass standard input as a string", is_repeatable=True),
    Option("-I --include", "PATH", "add to the search path, in front: PREFIX=PATH or PATH", is_repeatable=True),
    Option("--impure", "", "allow what depends on the machine: variables, files outside of flakes, unlocked inputs"),
    Option("--override-flake", "NAME FLAKE", "use this flake for a name of the registries", is_repeatable=True),
    Option("--eval-store", "STORE", "the store that evaluation has instead of `store`"),
    Option("--debugger", "", "stop at errors (not carried out)"),
    Option("--repair", "", "rewrite paths of the store that are damaged"),
)
SOURCE = (
    Option("-f --file", "FILE", "take attributes of this file instead of a flake"),
    Option("--expr", "EXPR", "take attributes of this expression instead of a flake"),
)
INSTALLABLE = EVALUATION + LOCKING + SOURCE
ENVIRONMENT = (
    Option("-i --ignore-env --ignore-environment", "", "begin with an empty environment"),
    Option("-k --keep-env-var --keep", "NAME", "with --ignore-env: keep this variable", is_repeatable=True),
    Option("-u --unset-env-var --unset", "NAME", "leave out this variable", is_repeatable=True),
    Option("-s --set-env-var", "NAME VALUE", "set a variable", is_repeatable=True),
)
COMMAND = Option("-c --command", "COMMAND ARGS*", "run this instead of an interactive shell")
EVAL = (
    Option("--raw", "", "print a string as it is, without a newline"),
    Option("--apply", "EXPR", "call this function with the value and print what it returns"),
    Option("--read-only", "", "write nothing to the store"),
    Option("--write-to", "PATH", "write a string to a file, or a set of strings to a folder"),
)
