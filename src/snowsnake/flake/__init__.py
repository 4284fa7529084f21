"""Flakes: found, read without being evaluated, locked, and evaluated.

    declaration      what a flake.nix says by itself
    world            flakes that are fetched and read
    locks            lock files computed and written
"""
