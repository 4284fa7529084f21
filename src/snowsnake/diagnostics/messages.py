"""THE table of messages that compiled code words: errors, and messages of a running program.

Compiled code raises a name and the fields (`raise_message(m, worded(MESSAGE_NO_FILE, …))`); the words are only here. `tools/generate.py`
makes of it the names (`diagnostics/message_table.pxd`) and the formats in C (`diagnostics/message_forms.pxd`); `tools/check_messages.py`
refuses words elsewhere, and calls whose fields are not those of the row.  `machine/descriptions.pyx` shows values in messages.

A field is `{name}`: bytes with a size, (int, pointer); or `{name:TYPE}`, see `TYPES`.  Rows of 2.34.8's messages have 2.34.8's words.
"""

import re

# This maps the type of a field to how C formats it.
TYPES = {
    "": "%.*s",
    # The text ends with a NUL.
    "text": "%s",
    "int": "%lld",
    "count": "%llu",
    "number": "%u",
    "size": "%zu",
    "code": "%d",
    "hex": "%02X",
}
# Messages that are not errors have these codes, which are not in the catalogue; a "part" belongs to another message.
SPOKEN = ("warning", "said", "part")
_FIELD = re.compile(r"\{(\w+)(?::(\w+))?\}")


class MessageRow:
    """A row of the table of messages: `code` is the catalogue's word for the kind of error, or one of `SPOKEN`; `fault` one of FAULTS of traces/cause.py.

    >>> message = MessageRow("HELLO", "said", "hello {name}, {count:int} times, 100%")
    >>> message.form, message.argument_count
    ('hello %.*s, %lld times, 100%%', 3)
    """

    def __init__(self, name: str, code: str, wording: str, fault: str = "other") -> None:
        self.name = name
        self.code = code
        self.wording = wording
        self.fault = fault

    @property
    def fields(self) -> list[tuple[str, str]]:
        """(name, type) in the order of the words."""
        return [(name, type_ or "") for name, type_ in _FIELD.findall(self.wording)]

    @property
    def form(self) -> str:
        """The format for C."""
        return _FIELD.sub(lambda match: TYPES[match[2] or ""], self.wording.replace("%", "%%"))

    @property
    def argument_count(self) -> int:
        """How many arguments the format takes: two for bytes with a size."""
        return sum(1 if type_ else 2 for _, type_ in self.fields)


# fmt: off
MESSAGES: tuple[MessageRow, ...] = (
    # ---- types and conversions
    MessageRow("WRONG_TYPE", "type", "expected {expected:text} but found {shown:text}", "wrong-type"),
    MessageRow("MISSING_ATTRIBUTE", "missing-attribute", "attribute '{name:text}' missing", "no-attribute"),
    MessageRow("NOT_A_FUNCTION", "not-a-function", "attempt to call something which is not a function but {shown:text}"),
    MessageRow("NOT_COERCIBLE", "type", "cannot coerce {type:text} to a string: {shown:text}", "not-coercible"),
    MessageRow("NOT_ABSOLUTE", "type", "string '{text}' doesn't represent an absolute path", "not-absolute"),
    MessageRow("CONTEXT_IN_PATH", "context", "a string that refers to a store path cannot be appended to a path"),
    MessageRow("NOT_ADDABLE", "type", "cannot add {found:text} to {type:text}", "not-addable"),
    MessageRow(
        "JSON_INCOMPLETE_UTF8",
        "value",
        "JSON serialization error: [json.exception.type_error.316] incomplete UTF-8 string; last byte: 0x{byte:hex}"
    ),
    MessageRow(
        "JSON_INVALID_UTF8",
        "value",
        "JSON serialization error: [json.exception.type_error.316] invalid UTF-8 byte at index {index:count}: 0x{byte:hex}"
    ),
    MessageRow("NOT_CONVERTIBLE", "type", "cannot convert {shown:text} to JSON", "not-convertible"),
    MessageRow("TOML_TIME", "value", "while parsing TOML: Dates and times are not supported"),
    MessageRow("INVALID_REGEX", "value", "invalid regular expression '{pattern}'"),
    MessageRow("REGEX_TOO_LARGE", "value", "memory limit exceeded by regular expression '{pattern}'"),
    MessageRow("EMPTY_HASH_WITHOUT_ALGORITHM", "value", "empty hash requires explicit hash algorithm"),
    MessageRow("EMPTY_HASH", "warning", "found empty hash, assuming '{shown}'"),
    MessageRow("BASE32_DEPRECATED", "warning", "\"base32\" is a deprecated alias for hash format \"nix32\"."),
    # ---- arithmetic and comparisons
    MessageRow("INTEGER_OVERFLOW", "overflow", "integer overflow in {verb:text} {x:int} {sign:text} {y:int}"),
    MessageRow("DIVISION_BY_ZERO", "division-by-zero", "division by zero"),
    MessageRow(
        "NUMBERS_NOT_COMPARABLE",
        "type",
        "cannot compare {left:text} with {right:text}; values are {x:text} and {y:text}",
        "not-comparable"
    ),
    MessageRow(
        "ROUNDING_UNDEFINED",
        "range",
        "Due to a bug (see https://github.com/NixOS/nix/issues/12899) the NixInt argument {number:int} caused undefined behavior in "
        "previous Nix versions.\n\tFuture Nix versions might implement the correct behavior."
    ),
    MessageRow(
        "ROUNDING_LOSS",
        "range",
        "Due to a bug (see https://github.com/NixOS/nix/issues/12899) a loss of precision occurred in previous Nix versions because the "
        "NixInt argument {number:int} was rounded to {rounded:int}.\n\tFuture Nix versions might implement the correct behavior."
    ),
    MessageRow("FLOAT_OUTSIDE_INT", "range", "NixFloat argument {number:text} is not in the range of NixInt"),
    MessageRow(
        "NOT_COMPARABLE",
        "type",
        "cannot compare {left:text} with {right:text}; values of that type are incomparable (values are {x:text} and {y:text})",
        "not-comparable"
    ),
    # ---- functions and sets
    MessageRow(
        "CONTEXT_NOT_ALLOWED",
        "context",
        "the string '{text}' is not allowed to refer to a store path (such as '{path}{mark:text}{output}{deep:text}')"
    ),
    MessageRow(
        "DUPLICATE_DYNAMIC_ATTRIBUTE",
        "duplicate-attribute",
        "dynamic attribute '{name:text}' already defined at {path:text}:{line:number}:{column:number}"
    ),
    MessageRow("DYNAMIC_ATTRIBUTE_TWICE", "duplicate-attribute", "dynamic attribute '{name:text}' already defined"),
    MessageRow("MISSING_ARGUMENT", "missing-argument", "{function:text} called without required argument '{name:text}'"),
    MessageRow("UNEXPECTED_ARGUMENT", "unexpected-argument", "{function:text} called with unexpected argument '{name:text}'"),
    MessageRow("UNDEFINED_VARIABLE", "undefined-variable", "undefined variable '{name:text}'"),
    MessageRow("FUNCTION_ARGS_OF_NO_FUNCTION", "type", "'functionArgs' requires a function"),
    # ---- lists and strings
    MessageRow("TAIL_OF_EMPTY_LIST", "range", "'builtins.tail' called on an empty list"),
    MessageRow("INDEX_OUTSIDE_LIST", "range", "'builtins.elemAt' called with index {index:int} on a list of size {size:count}"),
    MessageRow("NEGATIVE_LIST_SIZE", "range", "cannot create list of size {size:int}"),
    MessageRow("LIST_TOO_LARGE", "memory", "out of memory: a list of {size:int} elements"),
    MessageRow("LIST_OF_TOO_MANY", "memory", "out of memory: a list of too many elements"),
    MessageRow("NEGATIVE_START", "range", "negative start position in 'substring'"),
    MessageRow("REPLACED_LENGTHS_DIFFER", "value", "'from' and 'to' arguments passed to builtins.replaceStrings have different lengths"),
    # ---- assertions
    MessageRow("ASSERTION_FAILED", "assertion", "assertion failed"),
    MessageRow("SHOWN_ASSERTION_FAILED", "assertion", "assertion '{condition:text}' failed"),
    MessageRow(
        "VALUES_DIFFER",
        "assertion",
        "{x_type:text} {of:text} value '{x:text}' is not equal to {y_type:text} {of:text} value '{y:text}'"
    ),
    MessageRow(
        "LIST_SIZES_DIFFER",
        "assertion",
        "list of size '{x_size:count}' is not equal to list of size '{y_size:count}', left hand side is '{x:text}', right hand side is "
        "'{y:text}'"
    ),
    MessageRow("NAMES_DIFFER", "assertion", "attribute name '{name:text}' is contained in '{x:text}', but not in '{y:text}'"),
    MessageRow("FUNCTIONS_DIFFER", "assertion", "distinct functions and immediate comparisons of identical functions compare as unequal"),
    MessageRow("SETS_DIFFER", "assertion", "attribute names of attribute set '{x:text}' differs from attribute set '{y:text}'"),
    MessageRow("STRINGS_DIFFER", "assertion", "string '{x:text}' is not equal to string '{y:text}'"),
    MessageRow("BOOLEANS_DIFFER", "assertion", "boolean '{x:text}' is not equal to boolean '{y:text}'"),
    MessageRow("PATHS_DIFFER", "assertion", "path '{x:text}' is not equal to path '{y:text}'"),
    MessageRow("ABORT_ON_WARN", "abort", "aborting to reveal stack trace of warning, as abort-on-warn is set"),
    # ---- contexts and derivations
    MessageRow("CONTEXT_NOT_ONE_ELEMENT", "value", "context of string '{text}' must have exactly one element, but has {count:number}"),
    MessageRow(
        "OUTPUT_HAS_NO_DEPENDENCIES",
        "value",
        "`addDrvOutputDependencies` can only act on derivations, not on a derivation output such as '{output}'"
    ),
    MessageRow("PATH_IS_NO_DERIVATION", "value", "path '{path}' is not a derivation"),
    MessageRow("CONTEXT_OF_NO_DERIVATION", "value", "tried to add {what:text} context of \"{name}\", which is not a derivation, to a string"),
    MessageRow("NO_OUTPUTS", "value", "derivation cannot have an empty set of outputs"),
    MessageRow("TOO_MANY_OUTPUTS", "value", "derivation has too many outputs: {count:size}"),
    MessageRow("DUPLICATE_OUTPUT", "value", "duplicate derivation output '{name}'"),
    MessageRow("OUTPUT_NAMED_DRV_PATH", "value", "invalid derivation output name 'drvPath'"),
    MessageRow("NO_BUILDER", "value", "required attribute 'builder' missing"),
    MessageRow("NO_SYSTEM", "value", "required attribute 'system' missing"),
    MessageRow("DERIVATION_NAMED_DRV", "value", "derivation names are allowed to end in '.drv' only if they produce a single derivation file"),
    MessageRow("FIXED_OUTPUTS", "value", "multiple outputs are not supported in fixed-output derivations"),
    MessageRow("ADDRESSED_AND_IMPURE", "value", "derivation cannot be both content-addressed and impure"),
    MessageRow("HEAD_OF_EMPTY_LIST", "range", "'builtins.head' called on an empty list"),
    MessageRow("DERIVATION_WITHOUT_OUTPUTS", "file", "the derivation has no outputs"),
    MessageRow("NO_SUCH_OUTPUT", "value", "derivation '{path}' does not have output '{output}'"),
    MessageRow(
        "CONTEXT_OF_SEVERAL",
        "value",
        "string '{text}' has {count:number} entries in its context. It should only have exactly one entry"
    ),
    MessageRow(
        "CONTEXT_OF_CLOSURE",
        "value",
        "string '{text}' has a context which refers to a complete source and binary closure. This is not supported at this time"
    ),
    MessageRow("CONTEXT_OF_OTHER_PATH", "value", "path string '{text}' has context with the different path '{path}'"),
    MessageRow("INVALID_DERIVATION", "file", "derivation '{path}' is not valid"),
    MessageRow("OUTPUT_OF_OUTPUT", "value", "'builtins.outputOf' of '{text}': outputs of derivations that are outputs are nested too deep"),
    MessageRow("INVALID_DERIVATION_NAME", "value", "invalid derivation name: {error}. Please pass a different 'name'."),
    MessageRow(
        "JSON_ATTRIBUTE_DEPRECATED",
        "warning",
        "In derivation '{name}': setting structured attributes via '__json' is deprecated, and may be disallowed in future versions of "
        "Nix. Set '__structuredAttrs = true' instead."
    ),
    MessageRow(
        "TEXT_HASHED_DERIVATION",
        "value",
        "experimental Nix feature 'dynamic-derivations' is disabled (text-hashed derivation '{name}', outputHashMode = \"text\"); add "
        "'--extra-experimental-features dynamic-derivations' to enable it"
    ),
    MessageRow("INVALID_HASH_MODE", "value", "invalid value '{mode}' for 'outputHashMode' attribute"),
    MessageRow(
        "STRUCTURED_ATTRS_DISABLE",
        "warning",
        "In a derivation named '{name}', 'structuredAttrs' disables the effect of the derivation attribute '{attribute:text}'; use "
        "'outputChecks.<output>.{attribute:text}' instead"
    ),
    MessageRow("INVALID_PATH", "file", "path '{path}' is not valid"),
    MessageRow(
        "BUILDS_NOT_ALLOWED",
        "file",
        "cannot build '{drv}^{output}' during evaluation because the option 'allow-import-from-derivation' is disabled",
        "not-built"
    ),
    MessageRow("BUILT_DURING_EVALUATION", "warning", "built '{drv}^{output}' during evaluation due to an import from derivation"),
    MessageRow("NO_STORE_TO_BUILD_IN", "file", "cannot build '{drv}^{output}' during evaluation: there is no store to build in", "not-built"),
    # ---- files, the search path, the policy
    MessageRow("HOME_IN_PURE_MODE", "access", "the path '~/{path}' can not be resolved in pure mode"),
    MessageRow("NO_HOME", "file", "cannot determine user's home directory"),
    MessageRow("ENDLESS_LINKS", "file", "infinite symlink recursion in path '{path}'"),
    MessageRow("TOO_MANY_LINKS", "file", "too many symbolic links encountered while traversing the path '{path}'"),
    MessageRow("EVALUATING_DERIVATION_FILE", "said", "evaluating file '«nix-internal»/derivation-internal.nix'"),
    MessageRow("NO_FILE", "file", "path '{path}' does not exist"),
    MessageRow("FOLDER_BECAME_LINK", "file", "a folder of path '{path}' became a symbolic link while it was looked at"),
    MessageRow("SYSTEM_FAULT", "file", "{doing:text} '{path}': {system_error:text}"),
    MessageRow("NO_STATUS", "file", "getting status of \"{path}\": {system_error:text}"),
    MessageRow("DIRECTORY_NOT_READ", "file", "cannot read directory \"{path}\": {system_error:text}"),
    MessageRow("FILE_SYSTEM_FAULT", "file", "{doing:text} '{path}': {error}"),
    MessageRow("PATH_WITH_NUL", "file", "path '{path}' contains a NUL byte"),
    MessageRow("FILE_TOO_LARGE", "file", "file '{path}' is too large: {size:int} bytes, at most {limit:int} can be read"),
    MessageRow("UNSUPPORTED_FILE_TYPE", "file", "file '{path}' has an unsupported type"),
    MessageRow("FILE_ENDS_EARLY", "file", "unexpected end-of-file reading '{path}'"),
    MessageRow(
        "ACCESS_IN_PURE_MODE",
        "access",
        "access to absolute path '{path}' is forbidden in pure evaluation mode (use '--impure' to override)"
    ),
    MessageRow("ACCESS_IN_RESTRICTED_MODE", "access", "access to absolute path '{path}' is forbidden in restricted mode"),
    MessageRow(
        "FEATURE_DISABLED",
        "value",
        "experimental Nix feature '{name:text}' is disabled; add '--extra-experimental-features {name:text}' to enable it"
    ),
    MessageRow("SEARCH_ENTRY_NOT_DOWNLOADED", "warning", "Nix search path entry '{folder}' cannot be downloaded, ignoring"),
    MessageRow("NO_SEARCH_ENTRY", "warning", "Nix search path entry '{folder}' does not exist, ignoring"),
    MessageRow("SEARCH_IN_PURE_MODE", "search-path", "cannot look up '<{name}>' in pure evaluation mode (use '--impure' to override)"),
    MessageRow("NOT_IN_SEARCH_PATH", "search-path", "file '{name}' was not found in the Nix search path (add it using $NIX_PATH or -I)"),
    MessageRow("SOURCE_NAMED_DRV", "value", "file names are not allowed to end in '.drv'"),
    MessageRow("SOURCE_COPIED", "said", "copied source '{path}' -> '{store_path}'"),
    MessageRow("HASHING", "said", "hashing '{path}'..."),
    MessageRow("COPYING", "said", "copying '{path}' to the store..."),
    MessageRow("CONTENTS_WITH_NUL", "value", "the contents of the file '{path}' cannot be represented as a Nix string"),
    MessageRow("PATH_NOT_FOUND_SINCE", "file", "cannot find '{path}', since {message:text}"),
    MessageRow("PATH_WITHOUT_PATH", "value", "missing required 'path' attribute in the first argument to 'builtins.path'"),
    MessageRow("ADDED_PATH_MISMATCH", "value", "store path mismatch in (possibly filtered) path added from '{path}'"),
    MessageRow(
        "FILE_REFERS_TO_DERIVATION",
        "context",
        "files created by builtins.toFile may not reference derivations, but {name} references {mark:text}{output}{second_mark:text}{path}"
    ),
    MessageRow("STORE_PATH_IN_PURE_MODE", "access", "'builtins.storePath' is not allowed in pure evaluation mode"),
    MessageRow("PATH_NOT_IN_STORE", "value", "path '{path}' is not in the Nix store"),
    MessageRow("PATH_NOT_SUBSTITUTABLE", "file", "path '{path}' is required, but there is no substituter that can build it"),
    # ---- fetching
    MessageRow("NO_URL", "value", "'url' argument required"),
    MessageRow("UNSUPPORTED_ARGUMENT", "value", "unsupported argument '{name:text}' to '{builtin:text}'"),
    # The name appears here as it is, without the double quotes that some names have in Nix.
    MessageRow("UNSUPPORTED_FETCH_ARGUMENT", "value", "unsupported argument '{name}' to '{builtin:text}'"),
    MessageRow("INVALID_FETCHED_NAME", "value", "invalid store path name when fetching URL '{url}': {error}. {advice:text}"),
    MessageRow("FETCH_WITHOUT_HASH", "access", "in pure evaluation mode, '{builtin:text}' requires a 'sha256' argument"),
    MessageRow("NEGATIVE_ATTRIBUTE", "value", "negative value given for {what:text} attr {name:text}: {number:int}"),
    MessageRow(
        "INVALID_REFERENCE_ATTRIBUTE",
        "value",
        "flake reference attribute sets may only contain integers, Booleans, and strings, but attribute '{name:text}' is {shown:text}"
    ),
    MessageRow("NEGATIVE_ARGUMENT", "value", "negative value given for '{builtin:text}' argument '{name:text}': {number:int}"),
    MessageRow(
        "INVALID_FETCH_ARGUMENT",
        "type",
        "argument '{name:text}' to '{builtin:text}' is {shown:text} while a string, Boolean or integer is expected"
    ),
    MessageRow("FETCH_TREE_WITHOUT_TYPE", "value", "argument 'type' is missing in call to 'fetchTree'"),
    MessageRow("FETCH_GIT_WITH_TYPE", "value", "unexpected argument 'type'"),
    MessageRow(
        "ADVICE_PASS_SET",
        "part",
        "Please pass an attribute set with 'url' and 'name' attributes to '{builtin:text}',  so that it can create a valid store path."
    ),
    MessageRow(
        "ADVICE_CHANGE_NAME",
        "part",
        "Please change the value for the 'name' attribute passed to '{builtin:text}', so that it can create a valid store path."
    ),
    MessageRow(
        "ADVICE_ADD_NAME",
        "part",
        "Please add a valid 'name' attribute to the argument for '{builtin:text}', so that it can create a valid store path."
    ),
    # ---- limits, and what stops an evaluation
    MessageRow("OVER_MEMORY_LIMIT", "memory", "out of memory: the evaluation needs more than its limit of {limit:count} MiB"),
    MessageRow("NO_ROOM_TO_COLLECT", "memory", "out of memory: there is no address space to collect garbage in"),
    MessageRow("STACK_OVERFLOW", "depth", "stack overflow; max-call-depth exceeded"),
    MessageRow("SOURCES_TOO_LARGE", "memory", "the sources of this evaluation exceed 4 GiB"),
    MessageRow(
        "OR_AS_IDENTIFIER",
        "warning",
        "at {path:text}:{line:number}:{column:number}: This expression uses `or` as an identifier in a way that will change in a future "
        "Nix release.\nWrap this entire expression in parentheses to preserve its current meaning:\n    ({call})\nGive feedback at "
        "https://github.com/NixOS/nix/pull/11121"
    ),
    MessageRow("EVALUATING_FILE", "said", "evaluating file '{path}'"),
    MessageRow("SOURCE_TOO_LARGE", "memory", "the file is larger than 4 GiB"),
    MessageRow("INVALID_OPERATION", "internal", "internal error: invalid operation {operation:code}"),
    MessageRow("INFINITE_RECURSION", "infinite-recursion", "infinite recursion encountered"),
    MessageRow("OUT_OF_TIME", "timeout", "the evaluation took longer than its time limit"),
    MessageRow("INTERRUPTED", "interrupt", "interrupted by the user"),
)
# fmt: on


def words_of(message: str, **fields: str) -> str:
    """The message of a row, for what compiled code cannot say.

    >>> words_of("MISSING_ARGUMENT", function="function 'f'", name="x")
    "function 'f' called without required argument 'x'"
    """
    row = next(row for row in MESSAGES if row.name == message)
    return _FIELD.sub(lambda match: fields[match[1]], row.wording)
