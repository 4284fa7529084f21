"""Stores on other machines, which the user's own ssh reaches.

`authority` reads the host from a URL; `place` opens a store late; `program` runs ssh; `remote` is `ssh-ng://` (the worker protocol), `serve` is `ssh://`
(the serve protocol).  `server` is the other side of `ssh://`: it answers clients that reach this machine by ssh.
"""
