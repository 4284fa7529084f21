"""Builds derivations: on this machine, with or without a sandbox, or on other machines.

In: a `LocalStore`, outputs of derivations that are to become valid.  Out: valid outputs, or a `BuildFailure` in 2.34.8's words.  This package knows
nothing about the evaluator.

`realisation` is where it begins: outputs are fetched (`substitution`) or built.  `options` says how to build; `scheduler` decides what is built when;
`builder` makes one build on this machine, and `remote` on another.  `request` makes the builder's environment and files from a derivation; `process` runs
the builder, after `sandbox` has shut it in; `outputs` turns its results into store objects.  `builtin` has the builders that are part of Nix.
"""
