"""`nix repl`."""
