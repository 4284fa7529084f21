"""The drop-in for the command `nix`: its command line (main), its table of subcommands (table), and the subcommands that we have."""
