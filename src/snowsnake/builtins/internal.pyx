# cython: language_level=3
"""Binds the machine's own operations, in the order of machine/internals.pxd's enum."""
from snowsnake.builtins.registry cimport define, define_trace
from snowsnake.machine.coercion cimport (
    add_coerce, coerce, coerce_path, coerce_store, concatenate, concatenate_path, derivation_string, to_string,
)
from snowsnake.machine.equality cimport assert_equal, deep_force, equal, less, not_less, trace_less

define("__coerce", coerce)
define("__coerceStore", coerce_store)
define("__toStringCoerce", to_string)
define("__coercePath", coerce_path)
define("__equal", equal)
define("__less", less)
define("__deepForce", deep_force)
define("__derivationString", derivation_string)
define("__addCoerce", add_coerce)
define("__concatenate", concatenate)
define("__concatenatePath", concatenate_path)
define("__notLess", not_less)
define("__assertEqual", assert_equal)
define_trace("__less", trace_less)
define_trace("__notLess", trace_less)
