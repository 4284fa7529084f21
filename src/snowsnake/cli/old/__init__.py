"""Nix's old commands (`nix-store`, `nix-hash`, …), each in a module with a `main`."""
