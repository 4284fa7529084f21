"""`snowsnake completion SHELL`: a script for bash, zsh or fish, so that Tab completes our commands.

In: the name of a shell.  Out: a script on stdout.  The scripts ask the commands themselves, which read their tables:
`NIX_GET_COMPLETIONS=N nix WORD…`, and for `snowsnake` SNOWSNAKE_GET_COMPLETIONS, with answers of the same form.
"""

import sys

from snowsnake.cli.options import HELP_OPTION, Arguments, UsageError
from snowsnake.cli.output import Reporter

OPTIONS = (HELP_OPTION,)
USAGE = "snowsnake completion (bash | zsh | fish)"
SUMMARY = "Print a script that completes snowsnake, snowsnake-nix and nix: source <(snowsnake completion bash), or a file in the shell's folder for such."

_BASH = """\
# Completion of snowsnake and nix for bash; made by `snowsnake completion bash`.
_snowsnake_complete() {
    local word variable kind line
    local -a words
    _get_comp_words_by_ref -n ':=&' words cword cur 2>/dev/null || { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; }
    case ${1##*/} in snowsnake) variable=SNOWSNAKE_GET_COMPLETIONS;; *) variable=NIX_GET_COMPLETIONS;; esac
    kind=
    COMPREPLY=()
    while IFS=$'\\t' read -r word line; do
        if [[ -z $kind ]]; then
            kind=$word
            [[ $kind = filenames ]] && compopt -o filenames 2>/dev/null
            [[ $kind = attrs ]] && compopt -o nospace 2>/dev/null
        else
            COMPREPLY+=("$word")
        fi
    done < <(env "$variable=$cword" "${words[@]/#\\~/$HOME}" 2>/dev/null)
    declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}
complete -F _snowsnake_complete snowsnake snowsnake-nix nix
"""
_ZSH = """\
#compdef snowsnake snowsnake-nix nix
# Completion of snowsnake and nix for zsh; made by `snowsnake completion zsh`.
function _snowsnake() {
    local variable=NIX_GET_COMPLETIONS kind
    [[ ${words[1]:t} == snowsnake ]] && variable=SNOWSNAKE_GET_COMPLETIONS
    local -a answer texts
    answer=("${(@f)$(env "$variable=$((CURRENT - 1))" "${words[@]}" 2>/dev/null)}")
    kind=${answer[1]}
    texts=("${(@)${(@)answer[2,-1]}%%$'\\t'*}")
    case $kind in
        filenames) compadd -f -- "${texts[@]}" ;;
        attrs) compadd -S '' -- "${texts[@]}" ;;
        *) compadd -- "${texts[@]}" ;;
    esac
}
compdef _snowsnake snowsnake snowsnake-nix nix
"""
_FISH = """\
# Completion of snowsnake and nix for fish; made by `snowsnake completion fish`.
function __snowsnake_complete
    set -l words (commandline -pco) (commandline -ct)
    set -l variable NIX_GET_COMPLETIONS
    test (basename $words[1]) = snowsnake; and set variable SNOWSNAKE_GET_COMPLETIONS
    set -l answer (env $variable=(math (count $words) - 1) $words 2>/dev/null)
    string match -q -- filenames $answer[1]; and set answer $answer[1] (string replace -r '\\t$' '' -- $answer[2..-1])
    for line in $answer[2..-1]
        echo $line
    end
end
for name in snowsnake snowsnake-nix nix
    complete -c $name -f -a '(__snowsnake_complete)'
end
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run(given: Arguments, reporter: Reporter) -> int:
    if len(given.words) != 1 or given.words[0] not in SCRIPTS:
        raise UsageError("say for which shell: snowsnake completion (bash | zsh | fish)")
    sys.stdout.write(SCRIPTS[given.words[0]])
    return 0


def complete(words: list[str], number: str, commands: dict[str, tuple[str, str]]) -> int:
    """Prints completions for a command line of `snowsnake`, without the program's name; `number` is the place of the word to complete.

    `commands`: name → module and summary.
    """
    from snowsnake.foundation.digits import whole_number

    place = whole_number(number, len(words))
    if not place:
        raise UsageError(f"SNOWSNAKE_GET_COMPLETIONS is the number of a word, from 1 to {len(words)}, not '{number}'")
    word = words[place - 1]
    kind, found = "normal", {}
    if place == 1:
        found = {name: summary for name, (_, summary) in commands.items() if name.startswith(word)}
    elif commands.get(words[0], ("",))[0].startswith("nix "):
        import os

        from snowsnake.cli.nix.completion import complete as complete_nix

        path = commands[words[0]][0].split()[1:]
        os.environ["NIX_GET_COMPLETIONS"] = str(place - 1 + len(path))
        return complete_nix([*path, *words[1:]], Reporter())
    elif word.startswith("-"):
        module = __import__(commands[words[0]][0], fromlist=["OPTIONS"]) if _has_module(words[0], commands) else None
        options = module.OPTIONS if module is not None else ()
        found = {name: option.help for option in options for name in option.names if name.startswith(word)}
    else:
        import glob

        kind = "filenames"
        found = dict.fromkeys(glob.glob(glob.escape(word) + "*"), "")
    sys.stdout.write("\n".join([kind, *(f"{text}\t{about}" for text, about in sorted(found.items()))]) + "\n")
    return 0


def _has_module(name: str, commands: dict[str, tuple[str, str]]) -> bool:
    return name in commands and not commands[name][0].startswith("nix")
