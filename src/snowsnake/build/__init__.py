"""Derivations built: on this machine, by us, in namespaces of their own or beside everything else.

In: a `LocalStore`, outputs of derivations that are to be valid.  Out: valid outputs, or a `BuildFailure` in 2.34.8's words.  Knows no value.

`options` says how; `scheduler` decides what is built when; `request` makes of a derivation the environment and the files that its builder gets;
`process` runs it, `sandbox` first shuts it in; `outputs` makes of what it left store objects.  `builtin` has the builders that are part of Nix.
"""
