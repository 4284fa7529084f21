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
# Messages that are no errors have these codes, which are not in the catalogue; a "part" belongs to another message.
SPOKEN = ("warning", "said", "part")
_FIELD = re.compile(r"\{(\w+)(?::(\w+))?\}")


class Message:
    """A message; `code` is the catalogue's word for the kind of error, or one of `SPOKEN`; `fault` one of FAULTS of traces/cause.py.

    >>> message = Message("HELLO", "said", "hello {name}, {count:int} times, 100%")
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
MESSAGES: tuple[Message, ...] = (
    # ---- types and conversions
    Message("WRONG_TYPE", "type", "expected {expected:text} but found {shown:text}", "wrong-type"),
    Message("MISSING_ATTRIBUTE", "missing-attribute", "attribute '{name:text}' missing", "no-attribute"),
    Message("NOT_A_FUNCTION", "not-a-function", "attempt to call something which is not a function but {shown:text}"),
    Message("NOT_COERCIBLE", "type", "cannot coerce {type:text} to a string: {shown:text}", "not-coercible"),
    Message("NOT_ABSOLUTE", "type", "string '{text}' doesn't represent an absolute path", "not-absolute"),
    Message("CONTEXT_IN_PATH", "context", "a string that refers to a store path cannot be appended to a path"),
    Message("NOT_ADDABLE", "type", "cannot add {found:text} to {type:text}", "not-addable"),
    Message(
        "JSON_INCOMPLETE_UTF8",
        "value",
        "JSON serialization error: [json.exception.type_error.316] incomplete UTF-8 string; last byte: 0x{byte:hex}"
    ),
    Message(
        "JSON_INVALID_UTF8",
        "value",
        "JSON serialization error: [json.exception.type_error.316] invalid UTF-8 byte at index {index:count}: 0x{byte:hex}"
    ),
    Message("NOT_CONVERTIBLE", "type", "cannot convert {shown:text} to JSON", "not-convertible"),
    Message("TOML_TIME", "value", "while parsing TOML: Dates and times are not supported"),
    Message("INVALID_REGEX", "value", "invalid regular expression '{pattern}'"),
    Message("REGEX_TOO_LARGE", "value", "memory limit exceeded by regular expression '{pattern}'"),
    Message("EMPTY_HASH_WITHOUT_ALGORITHM", "value", "empty hash requires explicit hash algorithm"),
    Message("EMPTY_HASH", "warning", "found empty hash, assuming '{shown}'"),
    Message("BASE32_DEPRECATED", "warning", "\"base32\" is a deprecated alias for hash format \"nix32\"."),
    # ---- arithmetic and comparisons
    Message("INTEGER_OVERFLOW", "overflow", "integer overflow in {verb:text} {x:int} {sign:text} {y:int}"),
    Message("DIVISION_BY_ZERO", "division-by-zero", "division by zero"),
    Message(
        "NUMBERS_NOT_COMPARABLE",
        "type",
        "cannot compare {left:text} with {right:text}; values are {x:text} and {y:text}",
        "not-comparable"
    ),
    Message(
        "ROUNDING_UNDEFINED",
        "range",
        "Due to a bug (see https://github.com/NixOS/nix/issues/12899) the NixInt argument {number:int} caused undefined behavior in "
        "previous Nix versions.\n\tFuture Nix versions might implement the correct behavior."
    ),
    Message(
        "ROUNDING_LOSS",
        "range",
        "Due to a bug (see https://github.com/NixOS/nix/issues/12899) a loss of precision occurred in previous Nix versions because the "
        "NixInt argument {number:int} was rounded to {rounded:int}.\n\tFuture Nix versions might implement the correct behavior."
    ),
    Message("FLOAT_OUTSIDE_INT", "range", "NixFloat argument {number:text} is not in the range of NixInt"),
    Message(
        "NOT_COMPARABLE",
        "type",
        "cannot compare {left:text} with {right:text}; values of that type are incomparable (values are {x:text} and {y:text})",
        "not-comparable"
    ),
    # ---- functions and sets
    Message(
        "CONTEXT_NOT_ALLOWED",
        "context",
        "the string '{text}' is not allowed to refer to a store path (such as '{path}{mark:text}{output}{deep:text}')"
    ),
    Message(
        "DUPLICATE_DYNAMIC_ATTRIBUTE",
        "duplicate-attribute",
        "dynamic attribute '{name:text}' already defined at {path:text}:{line:number}:{column:number}"
    ),
    Message("DYNAMIC_ATTRIBUTE_TWICE", "duplicate-attribute", "dynamic attribute '{name:text}' already defined"),
    Message("MISSING_ARGUMENT", "missing-argument", "{function:text} called without required argument '{name:text}'"),
    Message("UNEXPECTED_ARGUMENT", "unexpected-argument", "{function:text} called with unexpected argument '{name:text}'"),
    Message("UNDEFINED_VARIABLE", "undefined-variable", "undefined variable '{name:text}'"),
    Message("FUNCTION_ARGS_OF_NO_FUNCTION", "type", "'functionArgs' requires a function"),
    # ---- lists and strings
    Message("TAIL_OF_EMPTY_LIST", "range", "'builtins.tail' called on an empty list"),
    Message("INDEX_OUTSIDE_LIST", "range", "'builtins.elemAt' called with index {index:int} on a list of size {size:count}"),
    Message("NEGATIVE_LIST_SIZE", "range", "cannot create list of size {size:int}"),
    Message("LIST_TOO_LARGE", "memory", "out of memory: a list of {size:int} elements"),
    Message("LIST_OF_TOO_MANY", "memory", "out of memory: a list of too many elements"),
    Message("NEGATIVE_START", "range", "negative start position in 'substring'"),
    Message("REPLACED_LENGTHS_DIFFER", "value", "'from' and 'to' arguments passed to builtins.replaceStrings have different lengths"),
    # ---- assertions
    Message("ASSERTION_FAILED", "assertion", "assertion failed"),
    Message("SHOWN_ASSERTION_FAILED", "assertion", "assertion '{condition:text}' failed"),
    Message(
        "VALUES_DIFFER",
        "assertion",
        "{x_type:text} {of:text} value '{x:text}' is not equal to {y_type:text} {of:text} value '{y:text}'"
    ),
    Message(
        "LIST_SIZES_DIFFER",
        "assertion",
        "list of size '{x_size:count}' is not equal to list of size '{y_size:count}', left hand side is '{x:text}', right hand side is "
        "'{y:text}'"
    ),
    Message("NAMES_DIFFER", "assertion", "attribute name '{name:text}' is contained in '{x:text}', but not in '{y:text}'"),
    Message("FUNCTIONS_DIFFER", "assertion", "distinct functions and immediate comparisons of identical functions compare as unequal"),
    Message("SETS_DIFFER", "assertion", "attribute names of attribute set '{x:text}' differs from attribute set '{y:text}'"),
    Message("STRINGS_DIFFER", "assertion", "string '{x:text}' is not equal to string '{y:text}'"),
    Message("BOOLEANS_DIFFER", "assertion", "boolean '{x:text}' is not equal to boolean '{y:text}'"),
    Message("PATHS_DIFFER", "assertion", "path '{x:text}' is not equal to path '{y:text}'"),
    Message("ABORT_ON_WARN", "abort", "aborting to reveal stack trace of warning, as abort-on-warn is set"),
    # ---- contexts and derivations
    Message("CONTEXT_NOT_ONE_ELEMENT", "value", "context of string '{text}' must have exactly one element, but has {count:number}"),
    Message(
        "OUTPUT_HAS_NO_DEPENDENCIES",
        "value",
        "`addDrvOutputDependencies` can only act on derivations, not on a derivation output such as '{output}'"
    ),
    Message("PATH_IS_NO_DERIVATION", "value", "path '{path}' is not a derivation"),
    Message("CONTEXT_OF_NO_DERIVATION", "value", "tried to add {what:text} context of \"{name}\", which is not a derivation, to a string"),
    Message("NO_OUTPUTS", "value", "derivation cannot have an empty set of outputs"),
    Message("TOO_MANY_OUTPUTS", "value", "derivation has too many outputs: {count:size}"),
    Message("DUPLICATE_OUTPUT", "value", "duplicate derivation output '{name}'"),
    Message("OUTPUT_NAMED_DRV_PATH", "value", "invalid derivation output name 'drvPath'"),
    Message("NO_BUILDER", "value", "required attribute 'builder' missing"),
    Message("NO_SYSTEM", "value", "required attribute 'system' missing"),
    Message("DERIVATION_NAMED_DRV", "value", "derivation names are allowed to end in '.drv' only if they produce a single derivation file"),
    Message("FIXED_OUTPUTS", "value", "multiple outputs are not supported in fixed-output derivations"),
    Message("ADDRESSED_AND_IMPURE", "value", "derivation cannot be both content-addressed and impure"),
    Message("HEAD_OF_EMPTY_LIST", "range", "'builtins.head' called on an empty list"),
    Message("DERIVATION_WITHOUT_OUTPUTS", "file", "the derivation has no outputs"),
    Message("NO_SUCH_OUTPUT", "value", "derivation '{path}' does not have output '{output}'"),
    Message(
        "CONTEXT_OF_SEVERAL",
        "value",
        "string '{text}' has {count:number} entries in its context. It should only have exactly one entry"
    ),
    Message(
        "CONTEXT_OF_CLOSURE",
        "value",
        "string '{text}' has a context which refers to a complete source and binary closure. This is not supported at this time"
    ),
    Message("CONTEXT_OF_OTHER_PATH", "value", "path string '{text}' has context with the different path '{path}'"),
    Message("INVALID_DERIVATION", "file", "derivation '{path}' is not valid"),
    Message("OUTPUT_OF_OUTPUT", "value", "'builtins.outputOf' of '{text}': outputs of derivations that are outputs are nested too deep"),
    Message("INVALID_DERIVATION_NAME", "value", "invalid derivation name: {error}. Please pass a different 'name'."),
    Message(
        "JSON_ATTRIBUTE_DEPRECATED",
        "warning",
        "In derivation '{name}': setting structured attributes via '__json' is deprecated, and may be disallowed in future versions of "
        "Nix. Set '__structuredAttrs = true' instead."
    ),
    Message(
        "TEXT_HASHED_DERIVATION",
        "value",
        "experimental Nix feature 'dynamic-derivations' is disabled (text-hashed derivation '{name}', outputHashMode = \"text\"); add "
        "'--extra-experimental-features dynamic-derivations' to enable it"
    ),
    Message("INVALID_HASH_MODE", "value", "invalid value '{mode}' for 'outputHashMode' attribute"),
    Message(
        "STRUCTURED_ATTRS_DISABLE",
        "warning",
        "In a derivation named '{name}', 'structuredAttrs' disables the effect of the derivation attribute '{attribute:text}'; use "
        "'outputChecks.<output>.{attribute:text}' instead"
    ),
    Message("INVALID_PATH", "file", "path '{path}' is not valid"),
    Message(
        "BUILDS_NOT_ALLOWED",
        "file",
        "cannot build '{drv}^{output}' during evaluation because the option 'allow-import-from-derivation' is disabled",
        "not-built"
    ),
    Message("BUILT_DURING_EVALUATION", "warning", "built '{drv}^{output}' during evaluation due to an import from derivation"),
    Message("NO_STORE_TO_BUILD_IN", "file", "cannot build '{drv}^{output}' during evaluation: there is no store to build in", "not-built"),
    # ---- files, the search path, the policy
    Message("HOME_IN_PURE_MODE", "access", "the path '~/{path}' can not be resolved in pure mode"),
    Message("NO_HOME", "file", "cannot determine user's home directory"),
    Message("ENDLESS_LINKS", "file", "infinite symlink recursion in path '{path}'"),
    Message("TOO_MANY_LINKS", "file", "too many symbolic links encountered while traversing the path '{path}'"),
    Message("EVALUATING_DERIVATION_FILE", "said", "evaluating file '«nix-internal»/derivation-internal.nix'"),
    Message("NO_FILE", "file", "path '{path}' does not exist"),
    Message("FOLDER_BECAME_LINK", "file", "a folder of path '{path}' became a symbolic link while it was looked at"),
    Message("SYSTEM_FAULT", "file", "{doing:text} '{path}': {system_error:text}"),
    Message("NO_STATUS", "file", "getting status of \"{path}\": {system_error:text}"),
    Message("DIRECTORY_NOT_READ", "file", "cannot read directory \"{path}\": {system_error:text}"),
    Message("FILE_SYSTEM_FAULT", "file", "{doing:text} '{path}': {error}"),
    Message("PATH_WITH_NUL", "file", "path '{path}' contains a NUL byte"),
    Message("FILE_TOO_LARGE", "file", "file '{path}' is too large: {size:int} bytes, at most {limit:int} can be read"),
    Message("UNSUPPORTED_FILE_TYPE", "file", "file '{path}' has an unsupported type"),
    Message("FILE_ENDS_EARLY", "file", "unexpected end-of-file reading '{path}'"),
    Message(
        "ACCESS_IN_PURE_MODE",
        "access",
        "access to absolute path '{path}' is forbidden in pure evaluation mode (use '--impure' to override)"
    ),
    Message("ACCESS_IN_RESTRICTED_MODE", "access", "access to absolute path '{path}' is forbidden in restricted mode"),
    Message(
        "FEATURE_DISABLED",
        "value",
        "experimental Nix feature '{name:text}' is disabled; add '--extra-experimental-features {name:text}' to enable it"
    ),
    Message("SEARCH_ENTRY_NOT_DOWNLOADED", "warning", "Nix search path entry '{folder}' cannot be downloaded, ignoring"),
    Message("NO_SEARCH_ENTRY", "warning", "Nix search path entry '{folder}' does not exist, ignoring"),
    Message("SEARCH_IN_PURE_MODE", "search-path", "cannot look up '<{name}>' in pure evaluation mode (use '--impure' to override)"),
    Message("NOT_IN_SEARCH_PATH", "search-path", "file '{name}' was not found in the Nix search path (add it using $NIX_PATH or -I)"),
    Message("SOURCE_NAMED_DRV", "value", "file names are not allowed to end in '.drv'"),
    Message("SOURCE_COPIED", "said", "copied source '{path}' -> '{store_path}'"),
    Message("HASHING", "said", "hashing '{path}'..."),
    Message("COPYING", "said", "copying '{path}' to the store..."),
    Message("CONTENTS_WITH_NUL", "value", "the contents of the file '{path}' cannot be represented as a Nix string"),
    Message("PATH_NOT_FOUND_SINCE", "file", "cannot find '{path}', since {message:text}"),
    Message("PATH_WITHOUT_PATH", "value", "missing required 'path' attribute in the first argument to 'builtins.path'"),
    Message("ADDED_PATH_MISMATCH", "value", "store path mismatch in (possibly filtered) path added from '{path}'"),
    Message(
        "FILE_REFERS_TO_DERIVATION",
        "context",
        "files created by builtins.toFile may not reference derivations, but {name} references {mark:text}{output}{second_mark:text}{path}"
    ),
    Message("STORE_PATH_IN_PURE_MODE", "access", "'builtins.storePath' is not allowed in pure evaluation mode"),
    Message("PATH_NOT_IN_STORE", "value", "path '{path}' is not in the Nix store"),
    Message("PATH_NOT_SUBSTITUTABLE", "file", "path '{path}' is required, but there is no substituter that can build it"),
    # ---- fetching
    Message("NO_URL", "value", "'url' argument required"),
    Message("UNSUPPORTED_ARGUMENT", "value", "unsupported argument '{name:text}' to '{builtin:text}'"),
    # Its name is never in quotes.
    Message("UNSUPPORTED_FETCH_ARGUMENT", "value", "unsupported argument '{name}' to '{builtin:text}'"),
    Message("INVALID_FETCHED_NAME", "value", "invalid store path name when fetching URL '{url}': {error}. {advice:text}"),
    Message("FETCH_WITHOUT_HASH", "access", "in pure evaluation mode, '{builtin:text}' requires a 'sha256' argument"),
    Message("NEGATIVE_ATTRIBUTE", "value", "negative value given for {what:text} attr {name:text}: {number:int}"),
    Message(
        "INVALID_REFERENCE_ATTRIBUTE",
        "value",
        "flake reference attribute sets may only contain integers, Booleans, and strings, but attribute '{name:text}' is {shown:text}"
    ),
    Message("NEGATIVE_ARGUMENT", "value", "negative value given for '{builtin:text}' argument '{name:text}': {number:int}"),
    Message(
        "INVALID_FETCH_ARGUMENT",
        "type",
        "argument '{name:text}' to '{builtin:text}' is {shown:text} while a string, Boolean or integer is expected"
    ),
    Message("FETCH_TREE_WITHOUT_TYPE", "value", "argument 'type' is missing in call to 'fetchTree'"),
    Message("FETCH_GIT_WITH_TYPE", "value", "unexpected argument 'type'"),
    Message(
        "ADVICE_PASS_SET",
        "part",
        "Please pass an attribute set with 'url' and 'name' attributes to '{builtin:text}',  so that it can create a valid store path."
    ),
    Message(
        "ADVICE_CHANGE_NAME",
        "part",
        "Please change the value for the 'name' attribute passed to '{builtin:text}', so that it can create a valid store path."
    ),
    Message(
        "ADVICE_ADD_NAME",
        "part",
        "Please add a valid 'name' attribute to the argument for '{builtin:text}', so that it can create a valid store path."
    ),
    # ---- limits, and what stops an evaluation
    Message("OVER_MEMORY_LIMIT", "memory", "out of memory: the evaluation needs more than its limit of {limit:count} MiB"),
    Message("NO_ROOM_TO_COLLECT", "memory", "out of memory: there is no address space to collect garbage in"),
    Message("STACK_OVERFLOW", "depth", "stack overflow; max-call-depth exceeded"),
    Message("SOURCES_TOO_LARGE", "memory", "the sources of this evaluation exceed 4 GiB"),
    Message(
        "OR_AS_IDENTIFIER",
        "warning",
        "at {path:text}:{line:number}:{column:number}: This expression uses `or` as an identifier in a way that will change in a future "
        "Nix release.\nWrap this entire expression in parentheses to preserve its current meaning:\n    ({call})\nGive feedback at "
        "https://github.com/NixOS/nix/pull/11121"
    ),
    Message("EVALUATING_FILE", "said", "evaluating file '{path}'"),
    Message("SOURCE_TOO_LARGE", "memory", "the file is larger than 4 GiB"),
    Message("INVALID_OPERATION", "internal", "internal error: invalid operation {operation:code}"),
    Message("INFINITE_RECURSION", "infinite-recursion", "infinite recursion encountered"),
    Message("OUT_OF_TIME", "timeout", "the evaluation took longer than its time limit"),
    Message("INTERRUPTED", "interrupt", "interrupted by the user"),
)
# fmt: on
