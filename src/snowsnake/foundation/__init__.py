"""The room that all others depend on, and that depends on none: memory, buffers, tables."""
