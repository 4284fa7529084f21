"""Scenarios of lock files and registries that somebody edited by hand: each edit is a row, asked about in the same way."""

from world import Scenario, Step

_GIT = "git+file://@/dep"
_FILES: list[Step] = [
    ("write", "dep/flake.nix", '{ inputs.leaf.url = "path:@/leaf"; outputs = { self, leaf }: { x = 1; }; }'),
    ("git", "dep"),
    ("write", "leaf/flake.nix", "{ outputs = { self }: { x = 2; }; }"),
    (
        "write", "top/flake.nix",
        '{ inputs = { dep.url = "' + _GIT + '"; leaf.url = "path:@/leaf"; other.follows = "dep/leaf"; inner.url = "path:./inner"; gone.follows = "leaf"; };'
        " outputs = { self, dep, leaf, inner, ... }: { x = [ dep.x leaf.x inner.x leaf.lastModified ]; }; }",
    ),
    ("write", "top/inner/flake.nix", '{ inputs.next.url = "path:../next"; outputs = { self, next }: { inherit (next) x; }; }'),
    ("write", "top/next/flake.nix", "{ outputs = { self }: { x = 3; }; }"),
    ("nix", "flake", "lock", "path:@/top"),
]
_ASKED: list[Step] = [("nix", "eval", "--json", "--no-write-lock-file", "path:@/top#x"), ("nix", "flake", "lock", "path:@/top")]
_VERSION = '"version": 7'
_MODIFIED = '"lastModified": 1700000000'
_ROOT = '"root": {\n      "inputs": {'

# name -> (what is replaced in flake.lock, by what)
_EDITS: dict[str, tuple[str, str]] = {
    **{f"version-{word}": (_VERSION, f'"version": {word}') for word in (
        "7.5", "4.9", "true", "1099511627783", "-7", "6", "8", "07", "null", "-0", "1e0", "2147483648.0", "9223372036854775808", "99999999999999999999",
    )},
    "version-text": (_VERSION, '"version": "7"'),
    "version-twice": (_VERSION, '"version": 7, "version": 4'),
    "nodes-missing": ('"nodes"', '"knots"'),
    "nodes-null": ('"nodes": {', '"nodes": null, "knots": {'),
    "nodes-list": ('"nodes": {', '"nodes": [ ], "knots": {'),
    "root-missing": (_ROOT, '"roof": {\n      "inputs": {'),
    "root-number": (_ROOT, '"root": 8, "roof": {\n      "inputs": {'),
    "root-list": (_ROOT, '"root": [ 1 ], "roof": {\n      "inputs": {'),
    "root-without-inputs": (_ROOT, '"root": {\n      "ins": {'),
    "root-inputs-null": (_ROOT, '"root": {\n      "inputs": null, "ins": {'),
    "root-another": ('"root": "root"', '"root": "dep"'),
    "root-unknown": ('"root": "root"', '"root": "none"'),
    **{f"modified-{word}": (_MODIFIED, f'"lastModified": {word}') for word in (
        "-1", "1.5", "1e3", "18446744073709551615", "true", "99999999999999999999", "1e30", "-1e30", "1e400", "NaN", "Infinity", "+1",
    )},
    "modified-text": (_MODIFIED, '"lastModified": "1"'),
    "modified-list": (_MODIFIED, '"lastModified": [ ]'),
    "modified-missing": (_MODIFIED + ",", ""),
    "locked-null": ('"locked": {\n        "lastModified": 1700000000', '"locked": null, "bolted": {\n        "lastModified": 1700000000'),
    "locked-list": ('"locked": {\n        "lastModified": 1700000000', '"locked": [ ], "bolted": {\n        "lastModified": 1700000000'),
    "original-missing": ('"original"', '"origin"'),
    "revision-missing": ('"rev":', '"wrong":'),
    "revision-absent": ('"ref": "refs/heads/main",\n        "rev"', '"name"'),
    "revision-short": ('"rev": "', '"rev": "0'),
    "count-negative": ('"revCount": 1', '"revCount": -1'),
    "count-missing": ('"revCount": 1,', ""),
    "parent-missing": ('"parent": []', '"apparent": []'),
    "parent-other": ('"parent": []', '"parent": [ "leaf" ]'),
    "parent-unknown": ('"parent": []', '"parent": [ "none" ]'),
    "follows-nothing": ('"dep",\n          "leaf"', '"none"'),
    "follows-too-far": ('"dep",\n          "leaf"', '"dep", "leaf", "none"'),
    "follows-itself": ('"dep",\n          "leaf"', '"other"'),
    "follows-a-node": ('"gone": [\n          "leaf"\n        ]', '"gone": "leaf"'),
    "input-missing": ('"leaf": "leaf_2"', '"leave": "leaf_2"'),
    "input-extra": ('"leaf": "leaf_2"', '"leaf": "leaf_2", "more": "leaf"'),
    "node-missing": ('"leaf": "leaf_2"', '"leaf": "none"'),
    "node-twice": ('"leaf": "leaf_2"', '"leaf": "leaf"'),
    "info": ('"dep": {', '"dep": { "info": { "lastModified": 1704164645 },'),
    "info-null": ('"dep": {', '"dep": { "info": null,'),
    "flake-null": ('"dep": {', '"dep": { "flake": null,'),
    "flake-false": ('"dep": {', '"dep": { "flake": false,'),
    "field-extra": ('"dep": {', '"dep": { "more": 1,'),
    "comment": (_VERSION, _VERSION + " // seven"),
    "behind": ("\n}\n", "\n}\n]"),
    "behind-zero": ("\n}\n", "\n}\n\0]"),
    "byte-order-mark": ('{\n  "nodes"', '\ufeff{\n  "nodes"'),
    "half-of-a-pair": (_VERSION, _VERSION + ', "more": "\\ud800"'),
    "whole-pair": (_VERSION, _VERSION + ', "more": "\\ud83d\\ude00"'),
}

# What is in a flake's declaration is changed beside a lock file that stays; name -> (what is replaced in flake.nix, by what, the command line)
_CHANGES: dict[str, tuple[str, str, str]] = {
    "input-removed": ('gone.follows = "leaf";', "", "flake lock path:@/top"),
    "input-removed-and-all-updated": ('gone.follows = "leaf";', "", "flake update --flake path:@/top"),
    "input-renamed": ("gone.follows", "kept.follows", "flake update leaf --flake path:@/top"),
    "input-no-flake": ('leaf.url = "path:@/leaf";', 'leaf = { url = "path:@/leaf"; flake = false; };', "flake lock path:@/top"),
    "relative-and-recreated": ('gone.follows = "leaf";', "", "flake lock --recreate-lock-file path:@/top"),
    "relative-updated": ('gone.follows = "leaf";', "", "flake update inner --flake path:@/top"),
    "relative-elsewhere": ("path:./inner", "path:./next", "flake lock path:@/top"),
}

# A registry's `flakes` with one odd thing.
_ENTRY = '{ "from": { "type": "indirect", "id": "one" }, "to": { "type": "path", "path": "@/leaf" } }'
_FLAKES: dict[str, str] = {
    "object": f'{{ "a": {_ENTRY} }}',
    "null-entry": f"[ {_ENTRY}, null ]",
    "number-entry": f"[ {_ENTRY}, 1 ]",
    "without-to": '[ { "from": { "type": "indirect", "id": "one" } } ]',
    "without-from": '[ { "to": { "type": "path", "path": "@/leaf" } } ]',
    "exact-null": f"[ {_ENTRY[:-1]}, \"exact\": null }} ]",
    "exact-number": f"[ {_ENTRY[:-1]}, \"exact\": 1 }} ]",
    "fraction": '[ { "from": { "type": "indirect", "id": "one" }, "to": { "type": "path", "path": "@/leaf", "lastModified": 1700000000.5 } } ]',
    "list-inside": '[ { "from": { "type": "indirect", "id": "one" }, "to": { "type": "path", "path": [ ] } } ]',
}
_DIRECT = (
    '{ "version": 2.5, "flakes": [ { "from": { "type": "path", "path": "@/leaf" }, "to": { "type": "path", "path": "@/top/next" } },'
    ' { "from": { "type": "git", "url": "file://@/dep" }, "to": { "type": "indirect", "id": "none" } },'
    ' { "from": { "type": "indirect", "id": "one" }, "to": { "type": "path", "path": "@/leaf" } } ] }'
)


def scenarios() -> list[Scenario]:
    found: list[Scenario] = []
    for name, (old, new) in _EDITS.items():
        found.append((f"edited-lock-{name}", [*_FILES, ("replace", "top/flake.lock", old, new), *_ASKED]))
    for name, (old, new, line) in _CHANGES.items():
        found.append((f"edited-flake-{name}", [*_FILES, ("replace", "top/flake.nix", old, new), ("nix", *line.split())]))
    for name, flakes in _FLAKES.items():
        registry = ("write", "home/.config/nix/registry.json", f'{{ "version": 2, "flakes": {flakes} }}')
        found.append((f"edited-registry-{name}", [_FILES[2], registry, ("nix", "eval", "one#x"), ("nix", "registry", "list")]))
    # What says where its flake is means that, except where the registries themselves are asked.
    lines = (
        "registry list", "registry resolve path:@/leaf one", "eval path:@/leaf#x", "eval one#x", f"flake metadata --json {_GIT}", f"registry resolve {_GIT}",
        "eval path:@/leaf#x --override-flake path:@/leaf path:@/top/next", "flake lock path:@/top", "flake prefetch --json path:@/leaf",
    )
    direct: list[Step] = [("nix", *line.split()) for line in lines]
    found.append(("edited-registry-of-direct-references", [*_FILES[:-1], ("write", "home/.config/nix/registry.json", _DIRECT), *direct]))
    return found
