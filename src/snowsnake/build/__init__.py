"""Builds derivations: on this machine, by ourselves, in namespaces of their own or without.

In: a `LocalStore`, outputs of derivations that are to become valid.  Out: valid outputs, or a `BuildFailure` in 2.34.8's words.  It knows no value.

`options` says how to build; `scheduler` decides what is built when; `request` makes the builder's environment and files from a derivation;
`process` runs it, `sandbox` shuts it in first; `outputs` turns its results into store objects.  `builtin` has the builders that are part of Nix.
"""
