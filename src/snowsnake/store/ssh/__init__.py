"""Stores on other machines, which the user's own ssh reaches.

`authority` says which host a URL means; `program` runs ssh; `remote` is `ssh-ng://` (the worker protocol), `serve` is `ssh://` (the serve protocol).
"""
