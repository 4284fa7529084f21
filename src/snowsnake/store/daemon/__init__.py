"""Stores behind a Nix daemon: the worker protocol over a socket.

`wire` has numbers and strings; `connection` the greeting, requests and the daemon's messages meanwhile; `store` the store itself.
"""
