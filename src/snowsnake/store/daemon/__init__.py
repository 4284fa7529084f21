"""Stores behind a Nix daemon: the worker protocol over a socket.

For both sides: `channel` carries bytes, `wire` reads and writes numbers, strings and lists, `sent_derivation` the derivations in requests, and
`build_results` and `build_status` what became of builds.  For our client: `connection` sends requests and passes on the daemon's messages, and `store` is
the store.  For our daemon: `client_connection` is the conversation with a client, and `server` answers its requests.
"""
