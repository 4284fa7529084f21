# shellcheck shell=bash
# The builder of an environment derivation: sets up what a builder would have, and writes it as JSON to an output.
# Everything of ours is called `__dump_…`, and is defined after the environment was listed.
set -e
if [ -e "${NIX_ATTRS_SH_FILE-}" ]; then
    . "$NIX_ATTRS_SH_FILE"
fi
export IN_NIX_SHELL=impure dontAddDisableDepTrack=1
if [ -n "${stdenv-}" ]; then
    . "$stdenv/setup"
fi
__dump_declared="$(declare -p; echo 'functions:'; declare -F)"

__dump_text() {
    local __dump_value=$1 __dump_code __dump_escape __dump_character
    __dump_value="${__dump_value//\\/\\\\}"
    __dump_value="${__dump_value//\"/\\\"}"
    if [[ $__dump_value == *[[:cntrl:]]* ]]; then
        __dump_value="${__dump_value//$'\t'/\\t}"
        __dump_value="${__dump_value//$'\n'/\\n}"
        __dump_value="${__dump_value//$'\r'/\\r}"
        for ((__dump_code = 1; __dump_code < 32; __dump_code++)); do
            printf -v __dump_escape '\\u%04x' "$__dump_code"
            printf -v __dump_character "\\x${__dump_escape:4}"
            __dump_value="${__dump_value//"$__dump_character"/$__dump_escape}"
        done
    fi
    printf '"%s"' "$__dump_value"
}

__dump_pair() {
    __dump_text "$1"
    printf ': '
    __dump_text "$2"
}

__dump_array() {
    local -n __dump_elements=$1
    local __dump_element __dump_comma=''
    for __dump_element in "${__dump_elements[@]}"; do
        printf '%s' "$__dump_comma"
        __dump_text "$__dump_element"
        __dump_comma=', '
    done
}

__dump_associative() {
    local -n __dump_elements=$1
    local __dump_key __dump_comma=''
    for __dump_key in "${!__dump_elements[@]}"; do
        printf '%s' "$__dump_comma"
        __dump_pair "$__dump_key" "${__dump_elements[$__dump_key]}"
        __dump_comma=', '
    done
}

# What belongs to this run of bash, and not to the environment.
__dump_is_left_out() {
    case $1 in
        BASH_* | COMP_* | _ | DIRSTACK | EPOCHREALTIME | EPOCHSECONDS | EUID | FUNCNAME | GROUPS | HISTCMD | HOSTNAME) return 0 ;;
        PIPESTATUS | PWD | RANDOM | SECONDS | SHLVL) return 0 ;;
    esac
    return 1
}

# A line of `declare -p`: only plain and exported variables, arrays and associative arrays are written.
__dump_variable() {
    [[ $1 =~ ^declare\ -([-xaA])\ ([A-Za-z_][A-Za-z0-9_]*)(=|$) ]] || return 0
    local __dump_kind=${BASH_REMATCH[1]} __dump_name=${BASH_REMATCH[2]}
    if __dump_is_left_out "$__dump_name"; then return 0; fi
    printf '%s\n' "$__dump_separator"
    __dump_separator=,
    __dump_text "$__dump_name"
    case $__dump_kind in
        x) printf ': {"type": "exported", "value": '; __dump_text "${!__dump_name-}" ;;
        a) printf ': {"type": "array", "value": ['; __dump_array "$__dump_name"; printf ']' ;;
        A) printf ': {"type": "associative", "value": {'; __dump_associative "$__dump_name"; printf '}' ;;
        *)
            printf ': {"type": "var", "value": '
            if [[ $__dump_name == LINENO ]]; then
                printf '"79"'          # a line of the script that C++ Nix has: the variable itself says nothing
            else
                __dump_text "${!__dump_name-}"
            fi
            ;;
    esac
    printf '}'
}

# A line of `declare -F`; exported functions are left out.
__dump_function() {
    [[ $1 == 'declare -f '* ]] || return 0
    local __dump_name=${1#declare -f } __dump_body
    __dump_body="$(declare -f "$__dump_name")"
    __dump_body="${__dump_body#*\{}"
    printf '%s\n' "$__dump_separator"
    __dump_separator=,
    __dump_pair "$__dump_name" "${__dump_body%\}*}"
}

__dump_environment() {
    local __dump_line __dump_separator=''
    printf '{"variables": {'
    while IFS= read -r __dump_line; do
        __dump_variable "$__dump_line"
    done <<< "${__dump_declared%%$'\nfunctions:'*}"
    __dump_separator=''
    printf '\n}, "bashFunctions": {'
    while IFS= read -r __dump_line; do
        __dump_function "$__dump_line"
    done <<< "${__dump_declared##*$'\nfunctions:'}"
    printf '\n}'
    if [ -e "${NIX_ATTRS_SH_FILE-}" ]; then
        printf ', "structuredAttrs": {'
        __dump_pair .attrs.sh "$(<"$NIX_ATTRS_SH_FILE")"
        printf ', '
        __dump_pair .attrs.json "$(<"$NIX_ATTRS_JSON_FILE")"
        printf '}'
    fi
    printf '}\n'
}

# All outputs must be there: the first one gets the environment, the others are empty.
__dump_places=()
if [ -e "${NIX_ATTRS_SH_FILE-}" ]; then
    __dump_places=("${outputs[@]}")
else
    IFS=$' \t\n' read -r -d '' -a __dump_names <<< "${outputs-}" || true
    for __dump_output in ${__dump_names[@]+"${__dump_names[@]}"}; do
        __dump_places+=("${!__dump_output}")
    done
fi
for __dump_place in ${__dump_places[@]+"${__dump_places[@]}"}; do
    if [ "$__dump_place" = "${__dump_places[0]}" ]; then
        __dump_environment > "$__dump_place"
    else
        : > "$__dump_place"
    fi
done
