"""Binary caches: stores that are files under fixed names, `HASH.narinfo` and compressed archives, in a folder or behind a web server."""
