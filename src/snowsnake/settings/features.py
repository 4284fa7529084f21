"""The experimental features of Nix 2.34.8, in the order in which it lists them.

A row: name; the first version that has it; whether it does something here (`yes`, `elsewhere`, `no`, as in settings/table.py); what
it switches on.
"""

# fmt: off
ROWS = (
    ("ca-derivations", "2.4", "yes", "Derivations whose outputs are addressed by content (`__contentAddressed`)."),
    ("impure-derivations", "2.8", "yes", "Derivations whose result may differ each time (`__impure`)."),
    ("flakes", "2.4", "yes", "Flakes: references, lock files, `builtins.getFlake`, the command `flake`. It switches `fetch-tree` on, too."),
    ("fetch-tree", "2.19", "yes", "`builtins.fetchTree`."),
    ("nix-command", "2.4", "yes", "The command `nix` with its subcommands."),
    ("git-hashing", "2.19", "yes", "Store objects that are hashed as Git does it."),
    ("recursive-nix", "2.4", "elsewhere", "Builders that call Nix."),
    ("fetch-closure", "2.8", "yes", "`builtins.fetchClosure`."),
    ("auto-allocate-uids", "2.12", "elsewhere", "The setting `auto-allocate-uids`."),
    ("cgroups", "2.12", "elsewhere", "The setting `use-cgroups`."),
    ("daemon-trust-override", "2.16", "yes", "A daemon that is told whom to trust."),
    ("dynamic-derivations", "2.16", "yes", "Derivations whose outputs are derivations."),
    ("parse-toml-timestamps", "2.17", "yes", "Timestamps in `builtins.fromTOML`."),
    ("read-only-local-store", "2.17", "yes", "The parameter `read-only` of local stores."),
    ("local-overlay-store", "2.22", "yes", "A store over another one."),
    ("configurable-impure-env", "2.19", "yes", "The setting `impure-env`."),
    ("mounted-ssh-store", "2.20", "yes", "A store on another machine whose file system is mounted here."),
    ("verified-fetches", "2.19", "yes", "`builtins.fetchGit` checks the signatures of commits."),
    ("pipe-operators", "2.24", "yes", "The operators `|>` and `<|`."),
    ("external-builders", "2.32", "yes", "The setting `external-builders`."),
    ("blake3-hashes", "2.27", "yes", "Hashes of the kind BLAKE3."),
)
# fmt: on

NAMES = tuple(row[0] for row in ROWS)
# Features that are no longer experimental, with a message for users who still turn them on.
RENAMED = {
    "no-url-literals": "experimental feature 'no-url-literals' has been stabilized and renamed; use 'lint-url-literals = fatal' setting instead"
}


def missing(feature: str) -> str:
    """The message when something needs a feature that is off."""
    return f"experimental Nix feature '{feature}' is disabled; add '--extra-experimental-features {feature}' to enable it"
