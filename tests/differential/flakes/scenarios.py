"""The scenarios: flakes and what is asked of them.  `world.py` says what the steps mean.

Over 600 lines: this is a list.
"""
# ruff: noqa: UP031      # texts of Nix are full of braces

import edited
import generated
import repositories
from world import Scenario, Step

_OUTPUTS = "outputs = { self, ... }: { x = 1; };"
DEP: list[Step] = [("write", "dep/flake.nix", '{ description = "dep"; outputs = { self }: { x = 1; y = "a"; }; }'), ("git", "dep")]


def _nix(*lines: str) -> list[Step]:
    return [("nix", *line.split()) for line in lines]


def _flake(text: str, *lines: str) -> list[Step]:
    return [("write", "top/flake.nix", text), ("git", "top"), *_nix(*lines)]


# Texts that templates show; each is Markdown.
_WELCOMES = (
    "", "plain", "a  \nb\n\n\nc\n", "# T\n\n## S\ntext", "Title\n=====\n\nSub\n---\n\nx", "- a\n- b\n\n  more\n- c", "3) x\n4) y", "> q\n> r\n\n> s\n\ntext",
    "```nix\n{ }\n\n  x\n```\nafter", "    ind\n    ent\n\nx", "`a` *b* **c** _d_ __e__ ***f*** **g*h**", "[l](http://x) <http://y.z> ![img](http://i) [r](./rel)",
    "a\n***\nb", "<div>\nx\n</div>\n\ny <b>z</b>", "a&amp;b &lt; \\* \\_ \\`", "| a | b |\n|---|---|\n| 1 | 22 |\n| 333 | 4 |", "|a|b|\n|:--|--:|\n|x|y|",
    "long " * 40 + "end", "- " + "long " * 40 + "end", "> " + "long " * 40 + "end", "foo\\\nbar", "#none", "# A #\n# B", "a snake_case", "`` a`b ``",
)


def _scenarios() -> list[Scenario]:
    found: list[Scenario] = []
    found += _declarations()
    found += _references()
    found += _locks()
    found += _lock_files()
    found += _registries()
    found += _evaluation()
    found += _shows()
    found += _reports()
    found += _words()
    return found


# ---- flake.nix --------------------------------------------------------------------------------------------------

_DECLARATIONS = {
    "plain": '{ description = "d"; outputs = x: { }; }',
    "description-thunk": "{ description = 1 + 1; outputs = x: { }; }",
    "description-integer": "{ description = 1; outputs = x: { }; }",
    "description-interpolated": '{ description = "a${"b"}"; outputs = x: { }; }',
    "description-indented": "{ description = ''\n    a\n      b\n  ''; outputs = x: { }; }",
    "let": "let in { outputs = x: { }; }",
    "number": "1",
    "function": "x: { outputs = x: { }; }",
    "rec": '{ outputs = x: { }; description = "x"; }',
    "unsupported": "{ outputs = x: { }; foo = 1; }",
    "no-outputs": "{ }",
    "outputs-integer": "{ outputs = 1; }",
    "outputs-thunk": '{ outputs = throw "x"; }',
    "outputs-builtin": "{ outputs = builtins.throw; }",
    "inputs-integer": "{ inputs = 1; outputs = x: { }; }",
    "inputs-thunk": "{ inputs = { } // { }; outputs = x: { }; }",
    "input-integer": "{ inputs.a = 1; outputs = x: { }; }",
    "url-integer": "{ inputs.a.url = 1; outputs = x: { }; }",
    "url-thunk": '{ inputs.a.url = "a" + "b"; outputs = x: { }; }',
    "url-unsupported": '{ inputs.a.url = "foo:bar"; outputs = x: { }; }',
    "url-fragment": '{ inputs.a.url = "github:a/b#c"; outputs = x: { }; }',
    "url-absolute-path": "{ inputs.a.url = /etc; outputs = x: { }; }",
    "unknown-attribute": "{ inputs.a.foo = 1; outputs = x: { }; }",
    "unknown-attribute-with-url": '{ inputs.a = { url = "github:a/b"; foo = "x"; }; outputs = x: { }; }',
    "attribute-list": "{ inputs.a.foo = [ ]; outputs = x: { }; }",
    "attribute-negative": "{ inputs.a.foo = -1; outputs = x: { }; }",
    "attribute-float": "{ inputs.a.foo = 1.5; outputs = x: { }; }",
    "type-without-path": '{ inputs.a.type = "path"; outputs = x: { }; }',
    "type-unknown": '{ inputs.a = { type = "nosuch"; url = "x"; }; outputs = x: { }; }',
    "type-extra": '{ inputs.a = { type = "github"; owner = "a"; repo = "b"; foo = "c"; }; outputs = x: { }; }',
    "flake-integer": "{ inputs.a.flake = 1; outputs = x: { }; }",
    "self-unknown": "{ inputs.self.foo = 1; outputs = x: { }; }",
    "self-submodules": "{ inputs.self.submodules = true; outputs = x: { }; }",
    "self-inside": "{ inputs.a.inputs.self.foo = 1; outputs = x: { }; }",
    "follows-empty": '{ inputs.a.follows = ""; outputs = x: { }; }',
    "follows-and-url": '{ inputs.a = { follows = "b"; url = "path:/x"; }; outputs = x: { }; }',
    "follows-bad": '{ inputs.a.follows = "b/c d"; outputs = x: { }; }',
    "follows-missing": '{ inputs.a.follows = "b"; outputs = x: { }; }',
    "follows-itself": '{ inputs.a.follows = "a"; outputs = x: { }; }',
    "follows-in-circle": '{ inputs.a.follows = "b"; inputs.b.follows = "a"; outputs = x: { }; }',
    "dynamic-name": '{ inputs.${"a" + "b"}.url = "x"; outputs = x: { }; }',
    "static-string-name": '{ inputs."a".flake = false; inputs."a".url = "path:./flake.nix"; outputs = x: { }; }',
    "config-float": "{ nixConfig.a = 1.5; outputs = x: { }; }",
    "config-list": "{ nixConfig.a = [ 1 ]; outputs = x: { }; }",
    "config-integer": "{ nixConfig = 3; outputs = x: { }; }",
    "config-thunk": "{ nixConfig.a = 1 + 1; outputs = x: { }; }",
    "config-set": "{ nixConfig.a = { }; outputs = x: { }; }",
    "config-values": '{ nixConfig = { a = [ "b" "c" ]; d = true; e = 1; f = "g"; }; outputs = x: { }; }',
    "syntax": "{ outputs = x: {; }",
    "undefined": "{ description = x; outputs = x: { }; }",
    "empty-file": "",
    "formals": "{ outputs = { self, nosuch }: { }; }",
    "formals-ellipsis": "{ outputs = { self, ... }: { }; }",
    "formals-bad-name": "{ outputs = { self, _x }: { }; }",
    "nested-inherit": 'let a = 1; in { inherit a; outputs = x: { }; }',
}


def _declarations() -> list[Scenario]:
    found: list[Scenario] = []
    for name, text in _DECLARATIONS.items():
        found.append((f"declaration-{name}", _flake(text, "flake metadata --json ./top")))
    found.append(
        ("declaration-in-a-path", [("write", "top/flake.nix", _DECLARATIONS["description-thunk"]), *_nix("flake metadata path:@/top")])
    )
    return found


# ---- references -------------------------------------------------------------------------------------------------


def _references() -> list[Scenario]:
    tree: list[Step] = [
        ("write", "top/flake.nix", '{ outputs = { self }: { x = "top"; }; }'),
        ("write", "top/sub/flake.nix", '{ outputs = { self }: { x = "sub"; }; }'),
        ("write", "top/sub/deep/file", ""),
        ("git", "top"),
        ("write", "plain/flake.nix", '{ outputs = { self }: { x = "plain"; }; }'),
        ("write", "plain/inner/file", ""),
        ("write", "none/file", ""),
        ("link", "alias", "top/sub"),
    ]
    asked = [
        "eval --json ./top#x",
        "eval --json @/top#x",
        "eval --json ./top/sub#x",
        "eval --json ./top/sub/deep#x",
        "eval --json ./top?dir=sub#x",
        "eval --json ./top/sub?dir=sub#x",
        "eval --json path:./top/sub#x",
        "eval --json path:@/top?dir=sub#x",
        "eval --json git+file://@/top#x",
        "eval --json git+file://@/top?dir=sub#x",
        "eval --json git+file:./top#x",
        "eval --json ./alias#x",
        "eval --json ./plain#x",
        "eval --json ./plain/inner#x",
        "eval --json ./none#x",
        "eval --json ./nothere#x",
        "eval --json ./top/flake.nix#x",
        "eval --json ./top/sub/deep/file#x",
        "eval --json ./top?ref=main#x",
        "eval --json ./top?ref=nosuch#x",
        "eval --json ./top?foo=bar#x",
        "eval --json ./plain?foo=bar#x",
        "eval --json nosuch#x",
        "eval --json nosuch/branch#x",
        "eval --json flake:nosuch#x",
        "eval --json flake:a/b/c/d#x",
        "eval --json foo:bar#x",
        "eval --json file+git:///x#x",
        "eval --json github:a#x",
        "eval --json path:@/nothere#x",
        "eval --json ./top#%78",
        "flake metadata --json ./top?dir=sub",
        "flake metadata --json ./top/sub",
        "flake metadata --json ./plain",
        "flake metadata ./top",
        "flake metadata ./top#x",
    ]
    return [("references", [*tree, *_nix(*asked)])]


# ---- locking ----------------------------------------------------------------------------------------------------


def _locks() -> list[Scenario]:
    a: list[Step] = [("write", "a/flake.nix", '{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x + 1; }; }'), ("git", "a")]
    other: list[Step] = [("write", "other/flake.nix", '{ outputs = { self }: { x = 10; y = "b"; }; }'), ("git", "other")]
    two = '{ inputs.dep.url = "git+file://@/dep"; inputs.a.url = "git+file://@/a"; %s outputs = { self, dep, a }: { x = [ dep.x a.x ]; }; }'
    scenarios: list[Scenario] = [
        (
            "lock-simple",
            [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }',
                           "flake lock ./top", "eval --json ./top#x", "flake metadata ./top", "flake lock ./top")],
        ),
        (
            "lock-attributes",
            [*DEP, *_flake('{ inputs.dep = { type = "git"; url = "file://@/dep"; ref = "main"; }; outputs = { self, dep }: { x = dep.x; }; }',
                           "flake lock ./top", "eval --json ./top#x")],
        ),
        ("lock-nested", [*DEP, *a, *_flake(two % "", "flake lock ./top", "eval --json ./top#x", "flake metadata ./top")]),
        (
            "lock-follows",
            [*DEP, *a, *_flake(two % 'inputs.a.inputs.dep.follows = "dep";', "flake lock ./top", "eval --json ./top#x", "flake metadata ./top",
                               "flake archive --json ./top")],
        ),
        (
            "lock-follows-removed",
            [*DEP, *a, *_flake(two % 'inputs.a.inputs.dep.follows = "dep";', "flake lock ./top"),
             ("write", "top/flake.nix", two % ""), *_nix("flake lock ./top", "eval --json ./top#x")],
        ),
        (
            "lock-follows-added",
            [*DEP, *a, *_flake(two % "", "flake lock ./top"),
             ("write", "top/flake.nix", two % 'inputs.a.inputs.dep.follows = "dep";'), *_nix("flake lock ./top", "eval --json ./top#x")],
        ),
        (
            "lock-follows-deep",
            [*DEP, *a, *_flake('{ inputs.a.url = "git+file://@/a"; inputs.dep.follows = "a/dep"; outputs = { self, a, dep }: { x = dep.x; }; }',
                               "flake lock ./top", "eval --json ./top#x", "flake metadata ./top")],
        ),
        (
            "lock-override-inside",
            [*DEP, *a, *other, *_flake(two % 'inputs.a.inputs.dep.url = "git+file://@/other";', "flake lock ./top", "eval --json ./top#x")],
        ),
        (
            "lock-override-missing",
            [*DEP, *a, *_flake(two % 'inputs.a.inputs.nosuch.url = "git+file://@/dep";', "flake lock ./top", "eval --json ./top#x")],
        ),
        (
            "lock-override-input",
            [*DEP, *a, *other, *_flake(two % "",
                "eval --json ./top#x --override-input dep git+file://@/other",
                "flake lock ./top",
                "eval --json ./top#x --override-input dep git+file://@/other",
                "eval --json ./top#x --override-input a/dep git+file://@/other",
                "eval --json ./top#x --override-input nosuch git+file://@/other",
                "eval --json ./top#x --override-input a/nosuch git+file://@/other",
                "eval --json ./top#x --override-input / git+file://@/other",
                "flake lock ./top --override-input dep git+file://@/other",
                "eval --json ./top#x --override-input dep ./other")],
        ),
        (
            "lock-update",
            [*DEP, *a, *_flake(two % "", "flake lock ./top"),
             ("write", "dep/new", "1"), ("git", "dep", "add", "-A"), ("git", "dep", "commit", "-q", "-m", "y"),
             *_nix("flake lock ./top", "flake update --flake ./top a", "flake update --flake ./top a/dep", "flake update --flake ./top",
                   "flake update --flake ./top nosuch", "flake update --flake ./top dep dep", "flake update --flake ./top .#x",
                   "flake update --flake ./top /")],
        ),
        (
            "lock-changed-url",
            [*DEP, *other, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }', "flake lock ./top"),
             ("write", "top/flake.nix", '{ inputs.dep.url = "git+file://@/other"; outputs = { self, dep }: { x = dep.x; }; }'),
             *_nix("eval --json ./top#x --no-update-lock-file", "eval --json ./top#x --no-write-lock-file", "eval --json ./top#x")],
        ),
        (
            "lock-removed-input",
            [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }', "flake lock ./top"),
             ("write", "top/flake.nix", "{ outputs = { self }: { x = 2; }; }"), *_nix("eval --json ./top#x")],
        ),
        (
            "lock-renamed-input",
            [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }', "flake lock ./top"),
             ("write", "top/flake.nix", '{ inputs.d.url = "git+file://@/dep"; outputs = { self, d }: { x = d.x; }; }'), *_nix("eval --json ./top#x")],
        ),
        (
            "lock-commit",
            [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }',
                           "flake lock --commit-lock-file ./top", "flake metadata --json ./top")],
        ),
        (
            "lock-files-elsewhere",
            [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }',
                           "flake lock ./top --output-lock-file @/out.lock", "flake metadata --json ./top --reference-lock-file @/out.lock",
                           "eval --json ./top#x --reference-lock-file @/nosuch.lock --no-write-lock-file",
                           "flake lock ./top --output-lock-file @/out.lock --commit-lock-file",
                           "eval --json ./top#x --reference-lock-file @/out.lock --option allow-dirty false")],
        ),
        (
            "lock-path-input",
            [("write", "dep/flake.nix", "{ outputs = { self }: { x = 3; }; }"),
             *_flake('{ inputs.dep.url = "path:@/dep"; outputs = { self, dep }: { x = dep.x; info = dep.sourceInfo; }; }',
                     "flake lock ./top", "eval --json ./top#x", "eval --json ./top#info")],
        ),
        (
            "lock-relative",
            [("write", "top/sub/flake.nix", '{ inputs.inner.url = "path:./inner"; outputs = { self, inner }: { x = inner.x; p = self.outPath; }; }'),
             ("write", "top/sub/inner/flake.nix", "{ outputs = { self }: { x = 7; p = self.outPath; s = self.sourceInfo.outPath; }; }"),
             *_flake('{ inputs.sub.url = "path:./sub"; outputs = { self, sub }: { inherit (sub) x; p = sub.outPath; q = sub.inputs.inner.p; s = sub.inputs.inner.s; }; }',
                     "eval --json ./top#x", "eval --json ./top#p", "eval --json ./top#q", "eval --json ./top#s", "flake metadata ./top", "flake metadata --json ./top/sub")],
        ),
        (
            "lock-relative-non-flake",
            [("write", "top/data/file", "1"),
             *_flake('{ inputs.data = { url = "./data"; flake = false; }; outputs = { self, data }: { p = data.outPath; s = data.sourceInfo.outPath; f = builtins.readFile "${data}/file"; }; }',
                     "eval --json ./top#p", "eval --json ./top#p", "eval --json ./top#f", "eval --json ./top#s", "flake archive --json ./top")],
        ),
        (
            "lock-relative-path-value",
            [("write", "top/data/file", "1"),
             *_flake('{ inputs.data = { url = ./data; flake = false; }; outputs = { self, data }: { p = data.outPath; }; }',
                     "eval --json ./top#p", "eval --json ./top#p")],
        ),
        (
            "lock-relative-missing",
            [*_flake('{ inputs.sub.url = "path:./sub"; outputs = { self, sub }: { }; }', "flake lock ./top")],
        ),
        (
            "lock-non-flake",
            [("write", "data/file", "1"), ("git", "data"),
             *_flake('{ inputs.data = { url = "git+file://@/data"; flake = false; }; outputs = { self, data }: { f = builtins.readFile "${data}/file"; n = builtins.attrNames data; }; }',
                     "eval --json ./top#f", "eval --json ./top#n", "flake metadata ./top")],
        ),
        ("lock-circular", [("write", "b/flake.nix", '{ inputs.c.url = "git+file://@/c"; outputs = x: { }; }'), ("git", "b"),
                           ("write", "c/flake.nix", '{ inputs.b.url = "git+file://@/b"; outputs = x: { }; }'), ("git", "c"), *_nix("flake lock ./b")]),
        ("lock-itself", [*_flake('{ inputs.me.url = "git+file://@/top"; outputs = x: { }; }', "flake lock ./top")]),
        ("lock-unlocked-dirty", [*DEP, ("write", "dep/dirty", "1"), ("git", "dep", "add", "-A"),
                                 *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }',
                                         "eval --json ./top#x", "flake lock ./top", "eval --json ./top#x --option allow-dirty-locks true")]),
        ("lock-unwritable", [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }',
                                           "eval --json git+file://@/top?ref=main#x", "eval --json git+file://@/top?ref=main#x --no-write-lock-file",
                                           "flake lock git+file://@/top?ref=main")]),
        ("lock-unused-input-not-fetched",
         [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = 5; y = dep.x; }; }', "flake lock ./top"),
          ("git", "dep", "update-ref", "-d", "HEAD"), ("git", "dep", "-c", "gc.reflogExpire=now", "reflog", "expire", "--expire=now", "--all"),
          ("git", "dep", "rm", "-q", "-r", "--cached", "."), ("git", "dep", "gc", "-q", "--prune=now"), *_nix("eval --json ./top#x")]),
        ("lock-formals", [*DEP, ("write", "home/.config/nix/registry.json", '{"version":2,"flakes":[{"from":{"type":"indirect","id":"dep"},"to":{"type":"git","url":"file://@/dep"}}]}'), *_flake("{ outputs = { self, dep }: { x = dep.x; }; }", "flake lock ./top")]),
        ("lock-same-names",
         [*DEP, *a, ("write", "b/flake.nix", '{ inputs.dep.url = "git+file://@/dep"; inputs.a.url = "git+file://@/a"; outputs = { self, dep, a }: { x = dep.x + a.x; }; }'),
          ("git", "b"), *_flake('{ inputs = { a.url = "git+file://@/a"; b.url = "git+file://@/b"; c.url = "git+file://@/b"; }; outputs = { self, a, b, c }: { x = a.x + b.x + c.x; }; }',
                                "flake lock ./top", "eval --json ./top#x", "flake metadata ./top", "flake update b/a --flake ./top")]),
        ("lock-in-subfolder", [*DEP, ("write", "top/sub/flake.nix", '{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }'),
                               ("git", "top"), *_nix("flake lock ./top/sub", "flake metadata --json ./top/sub", "eval --json ./top?dir=sub#x")]),
        ("lock-dep-with-dir", [("write", "dep/sub/flake.nix", "{ outputs = { self }: { x = self.outPath; }; }"), ("git", "dep"),
                               *_flake('{ inputs.dep.url = "git+file://@/dep?dir=sub"; outputs = { self, dep }: { x = dep.x; }; }', "flake lock ./top", "eval --json ./top#x",
                                       "eval --json ./top#x")]),
        ("lock-recreate", [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }', "flake lock ./top", "flake lock ./top --recreate-lock-file",
                                         "flake lock ./top --update-input dep", "eval --json ./top#x --no-registries")]),
        ("lock-tag", [*DEP, ("git", "dep", "tag", "v1"), *_flake('{ inputs.dep.url = "git+file://@/dep?ref=refs/tags/v1"; outputs = { self, dep }: { x = dep.x; }; }', "flake lock ./top")]),
    ]
    return scenarios


# ---- lock files that are given ----------------------------------------------------------------------------------

_TOP = '{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }'
_LOCK_TEXTS = {
    "no-json": "{",
    "array": "[]",
    "no-version": "{}",
    "version-4": '{ "version": 4, "root": "root", "nodes": { "root": { } } }',
    "version-8": '{ "version": 8, "root": "root", "nodes": { "root": { } } }',
    "version-5-empty": '{ "version": 5, "root": "root", "nodes": { "root": { } } }',
    "version-7-empty": '{ "version": 7, "root": "root", "nodes": { "root": { } } }',
    "missing-node": '{ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "dep": "dep" } } } }',
    "no-locked": '{ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "dep": "dep" } }, "dep": { } } }',
    "no-original": '{ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "dep": "dep" } }, "dep": { "locked": { "type": "path", "path": "./x" } } } }',
    "cycle-to-root": '{ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "dep": "root" } } } }',
    "unlocked": '{ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "dep": "dep" } }, "dep": { "locked": { "type": "git", "url": "file://@/dep" }, "original": { "type": "git", "url": "file://@/dep" } } } }',
    "follows-missing": '{ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "dep": [ "nosuch" ] } } } }',
    "unknown-type": '{ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "dep": "dep" } }, "dep": { "locked": { "type": "nosuch", "narHash": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }, "original": { "type": "nosuch" } } } }',
    "bad-attribute": '{ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "dep": "dep" } }, "dep": { "locked": { "type": "git", "url": "file://@/dep", "foo": 1 }, "original": { "type": "git", "url": "file://@/dep" } } } }',
}


def _lock_files() -> list[Scenario]:
    found: list[Scenario] = []
    for name, text in _LOCK_TEXTS.items():
        steps: list[Step] = [*DEP, ("write", "top/flake.lock", text), *_flake(_TOP, "flake metadata --json ./top --no-write-lock-file", "eval --json ./top#x")]
        found.append((f"lock-file-{name}", steps))
    return found


# ---- registries -------------------------------------------------------------------------------------------------


def _registries() -> list[Scenario]:
    entries = (
        '{ "version": 2, "flakes": [ { "from": { "type": "indirect", "id": "one" }, "to": { "type": "git", "url": "file://@/dep" } },'
        ' { "from": { "type": "indirect", "id": "two" }, "to": { "type": "indirect", "id": "one" } },'
        ' { "from": { "type": "indirect", "id": "loop" }, "to": { "type": "indirect", "id": "loop2" } },'
        ' { "from": { "type": "indirect", "id": "loop2" }, "to": { "type": "indirect", "id": "loop" } },'
        ' { "exact": true, "from": { "type": "indirect", "id": "exact" }, "to": { "type": "git", "url": "file://@/dep" } },'
        ' { "from": { "type": "indirect", "id": "inner" }, "to": { "type": "git", "url": "file://@/dep", "dir": "sub" } } ] }'
    )
    dep: list[Step] = [
        ("write", "dep/flake.nix", "{ outputs = { self }: { x = 1; }; }"),
        ("write", "dep/sub/flake.nix", "{ outputs = { self }: { x = 2; }; }"),
        ("git", "dep"),
        ("git", "dep", "branch", "side"),
    ]
    asked = _nix(
        "eval --json one#x",
        "eval --json two#x",
        "eval --json loop#x",
        "eval --json exact#x",
        "eval --json exact/side#x",
        "eval --json inner#x",
        "eval --json one/side#x",
        "eval --json one/nosuch#x",
        "flake metadata --json one",
        "flake metadata --json two/side",
        "flake metadata --json inner",
        "eval --json one#x --no-use-registries",
        "eval --json three#x --override-flake three one",
        "flake metadata --json one?dir=sub",
    )
    global_one = _nix(
        "eval --json one#x --option flake-registry @/registry.json",
        "eval --json three#x --option flake-registry @/registry.json",
        "eval --json one#x --option flake-registry @/nosuch.json",
        "flake lock ./top --option flake-registry @/registry.json",
    )
    bad = {
        "bad-json": "{",
        "bad-version": '{ "version": 3, "flakes": [ ] }',
        "bad-entry": '{ "version": 2, "flakes": [ { "from": { "id": "x" }, "to": { "type": "path", "path": "/x" } } ] }',
        "empty": '{ "version": 2, "flakes": null }',
    }
    found: list[Scenario] = [
        ("registry-user", [*dep, ("write", "home/.config/nix/registry.json", entries), *asked]),
        ("registry-system", [*dep, ("write", "conf/registry.json", entries), *asked]),
        ("registry-global", [*dep, ("write", "registry.json", entries), *_flake("{ outputs = { self, one }: { }; }"), *global_one]),
        ("registry-of-inputs", [*dep, ("write", "home/.config/nix/registry.json", entries), *_flake("{ outputs = { self, one }: { }; }", "flake lock ./top")]),
        ("registry-inputs-from", [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { }; }', "flake lock ./top"), *_nix("eval --json dep#x --inputs-from ./top", "eval --json nosuch#x --inputs-from ./top")]),
    ]
    changes = [
        "registry list", "registry add foo path:/x", "registry add foo path:/y", "registry add bar/branch git+file://@/dep?dir=sub", "registry list",
        "registry remove foo", "registry remove nosuch", "registry add dd git+file://@/dep", "registry resolve dd dd/side", "registry resolve nosuch",
        "registry add foo#x path:/y", "registry add foo:bar path:/y", "registry add baz ./rel", "registry list",
        "registry add --registry @/own.json foo path:/x", "registry pin dd", "registry list",
    ]
    found.append(("registry-changes", [*dep, *_nix(*changes)]))
    for name, text in bad.items():
        found.append((f"registry-{name}", [*dep, ("write", "home/.config/nix/registry.json", text), *_nix("eval --json one#x")]))
    return found


# ---- evaluation -------------------------------------------------------------------------------------------------


def _evaluation() -> list[Scenario]:
    system = "x86_64-linux"
    drv = 'derivation { name = "n"; system = "x86_64-linux"; builder = "/bin/sh"; }'
    outputs = (
        "{ outputs = { self }: { packages.%s.default = %s; packages.%s.a.b = 1; legacyPackages.%s.c.d = 2; a.b = 3; a.e = 4; lib.f = x: x; "
        '"with.dot" = 5; } // { inherit self; }; }' % (system, drv, system, system)
    )
    asked = [
        "eval --raw ./top#",
        "eval --raw ./top#default.name",
        "eval --json ./top#a.b",
        "eval --json ./top#a.e",
        "eval --json ./top#.a.b",
        "eval --json ./top#.a.e",
        "eval --json ./top#c.d",
        "eval --json ./top#packages.x86_64-linux.a.b",
        "eval --json ./top#nosuch",
        "eval --json ./top#a.nosuch",
        "eval --json ./top#a.b.c",
        "eval --json ./top#lib.g",
        "eval --json ./top#defualt",
        'eval --json ./top#"with.dot"',
        "eval --raw ./top#default^out",
        "eval --raw ./top#default^*",
        "eval --json ./top#self.outPath",
        "eval --json ./top#self.sourceInfo",
        "eval --json ./top#self._type",
        "eval --json ./top#self.inputs",
    ]
    purity = (
        '{ outputs = { self }: { home = builtins.getEnv "HOME"; system = builtins.currentSystem; file = builtins.readFile "@/secret"; '
        "time = builtins.currentTime; own = builtins.readFile ./own; up = builtins.readFile ../own; path = <nixpkgs>; store = builtins.storeDir; "
        'fetched = builtins.fetchGit "@/dep"; flake = (builtins.getFlake "git+file://@/dep").x; exists = builtins.pathExists @/secret; }; }'
    )
    return [
        ("eval-attributes", [*_flake(outputs, *asked)]),
        ("eval-no-default", [*_flake("{ outputs = { self }: { }; }", "eval --json ./top#", "eval --json ./top#default")]),
        ("eval-outputs-missing-input", [*_flake("{ outputs = { self, ... }@inputs: { x = builtins.attrNames inputs; y = inputs.a; }; }", "eval --json ./top#x", "eval --json ./top#y")]),
        ("eval-outputs-not-a-set", [*_flake("{ outputs = { self }: 1; }", "eval --json ./top#x", "flake show --json ./top")]),
        ("eval-throws", [*_flake('{ outputs = { self }: { x = throw "no"; y = 1; }; }', "eval --json ./top#x", "eval --json ./top#y")]),
        ("eval-formals-mismatch", [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self }: { x = 1; }; }', "eval --json ./top#x")]),
        (
            "eval-purity",
            [*DEP, ("write", "secret", "s"), ("write", "top/own", "o"), *_flake(purity),
             *_nix(*(f"eval --json ./top#{name}" for name in ("home", "system", "file", "own", "up", "path", "store", "fetched", "flake", "exists"))),
             *_nix("eval --json ./top#file --impure", "eval --json ./top#exists --impure", "eval --json ./top#flake --impure")],
        ),
        (
            "eval-info",
            [*_flake("{ outputs = { self }: { x = builtins.removeAttrs self.sourceInfo [ ]; }; }", "eval --json ./top#x", "eval --json git+file://@/top#x"),
             ("write", "top/new", ""), ("git", "top", "add", "new"), *_nix("eval --json ./top#x", "flake metadata --json ./top")],
        ),
        (
            "get-flake",
            [*DEP, *_flake('{ inputs.dep.url = "git+file://@/dep"; outputs = { self, dep }: { x = dep.x; }; }'),
             *(("nix", "eval", "--json", "--impure", "--expr", text) for text in (
                 '(builtins.getFlake "git+file://@/top").x',
                 '(builtins.getFlake "git+file://@/dep").sourceInfo.narHash',
                 'builtins.attrNames (builtins.getFlake "git+file://@/dep")',
                 'builtins.getFlake "git+file://@/nosuch"',
                 'builtins.getFlake "./dep"',
                 'builtins.getFlake "git+file://@/dep#x"',
                 'builtins.getFlake "nosuch"',
                 "builtins.getFlake 1",
                 '(builtins.getFlake "git+file://@/top?dir=x")',
             ))],
        ),
        ("eval-config", [*_flake('{ nixConfig.warn-dirty = false; nixConfig.bash-prompt = "x"; outputs = { self }: { x = 1; }; }', "eval --json ./top#x", "eval --json ./top#x --accept-flake-config")]),
        ("prefetch", [*DEP, *_nix("flake prefetch --json git+file://@/dep", "flake prefetch git+file://@/dep", "flake prefetch --json nosuch", "flake archive --json ./dep", "flake archive --json --dry-run ./dep")]),
        ("submodules-of-self", [("write", "sub/file", "s"), ("git", "sub"), ("write", "top/flake.nix", '{ inputs.self.submodules = true; outputs = { self }: { x = builtins.readFile ./sub/file; i = self.sourceInfo; }; }'),
                                ("git", "top"), ("git", "top", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "@/sub", "sub"), ("git", "top", "commit", "-q", "-m", "s"), *_nix("eval --json ./top#x", "eval --json ./top#i")]),
    ]


# ---- show -------------------------------------------------------------------------------------------------------


def _fingerprints() -> list[Scenario]:
    """The fingerprint of a working tree with changes is that of the tree that was read, before its lock file was written."""
    input = '{ inputs.dep.url = "git+file://@/dep"; outputs = _: { x = %d; }; }'
    marks = [f"flake metadata --json git+file://@/top?{mark}=1" for mark in ("submodules", "exportIgnore", "lfs", "shallow")]
    return [
        (
            "fingerprint-of-changes",
            [*DEP, *_flake("{ outputs = _: { x = 1; }; }", "flake metadata --json ./top", *marks), ("write", "top/flake.nix", input % 2),
             *_nix("flake metadata --json ./top", "flake metadata --json ./top", *marks), ("write", "top/flake.nix", input.replace("dep.url", "other.url") % 3),
             *_nix("flake metadata --json ./top", "flake metadata --json ./top")],
        ),
    ]


def _shows() -> list[Scenario]:
    drv = 'derivation { name = "n"; system = "x86_64-linux"; builder = "/bin/sh"; }'
    rich = (
        "{ outputs = { self }: let d = %s; in { packages.x86_64-linux = { default = d // { meta.description = \"about\"; }; other = d; }; packages.aarch64-linux.default = d; "
        "packages.riscv64-linux = { }; devShells.x86_64-linux.default = d; checks.x86_64-linux.c = d; formatter.x86_64-linux = d; hydraJobs.a.b = d; "
        'apps.x86_64-linux.default = { type = "app"; program = "/bin/x"; meta.description = "runs"; }; apps.x86_64-linux.bare = { type = "app"; program = "/bin/y"; }; '
        'overlays.default = final: prev: { }; nixosModules.default = { }; nixosConfigurations.host = { }; templates.default = { path = ./t; description = "a template"; }; '
        "legacyPackages.x86_64-linux = { p = d; q.r = d; }; lib.f = x: x; other = 1; defaultPackage.x86_64-linux = d; nixosModule = { }; overlay = final: prev: { }; }; }" % drv
    )
    checks = {
        "app-type": '{ apps.x86_64-linux.a = { program = "/x"; }; }',
        "app-extra": '{ apps.x86_64-linux.a = { type = "app"; program = "/x"; foo = 1; }; }',
        "app-good": '{ apps.x86_64-linux.a = { type = "app"; program = "/x"; meta.description = "d"; }; }',
        "package-string": '{ packages.x86_64-linux.a = "x"; }',
        "package-throws": '{ packages.x86_64-linux.a = throw "no"; }',
        "overlay-name": "{ overlays.a = self: super: { }; }",
        "overlay-set": "{ overlays.a = { }; }",
        "overlay-good": "{ overlays.a = final: prev: { }; }",
        "system": "{ packages.foo.a = 1; }",
        "template-path": '{ templates.a.description = "x"; }',
        "template-missing": '{ templates.a = { path = ./nosuch; description = "x"; }; }',
        "hydra-derivation": "{ hydraJobs = %s; }" % drv,
        "hydra-good": "{ hydraJobs.a.b = %s; }" % drv,
        "configuration": "{ nixosConfigurations.h = { }; }",
        "other-system": "{ packages.aarch64-linux.a = %s; }" % drv,
        "module": "{ nixosModules.m = throw \"no\"; }",
        "known": "{ lib = { }; homeConfigurations = { }; }",
        "order": '{ zzz = 1; packages.x86_64-linux = { second = %s; first = %s; map = %s; }; aaa = 2; name = 3; templates.b = { description = "x"; path = ./.; welcome = 1; odd = 2; }; }'
        % (drv, drv, drv),
        "order-hydra": "{ b = 1; hydraJobs = { z = %s; a = %s; }; a = 2; }" % (drv, drv),
        "deprecated": "{ defaultPackage.x86_64-linux = %s; }" % drv,
    }
    found: list[Scenario] = [
        (
            "show",
            [("write", "top/t/file", ""), *_flake(rich, "flake show ./top", "flake show --json ./top", "flake show --all-systems ./top", "flake show --json --legacy ./top",
                                                  "flake show --legacy --all-systems ./top", "flake show --json --all-systems ./top")],
        ),
        ("show-empty", [*_flake("{ outputs = { self }: { }; }", "flake show ./top", "flake show --json ./top")]),
        ("show-app-type", [*_flake('{ outputs = { self }: { apps.x86_64-linux.a = { type = "x"; program = ""; }; }; }', "flake show --json ./top")]),
        ("show-not-derivation", [*_flake("{ outputs = { self }: { packages.x86_64-linux.a = 1; }; }", "flake show --json ./top")]),
        ("show-throws", [*_flake('{ outputs = { self }: { packages.x86_64-linux.a = throw "no"; }; }', "flake show --json ./top")]),
        (
            "init",
            [("write", "t/flake.nix", '{ outputs = { self }: { templates.default = { path = ./files; description = "d"; }; templates.other = { path = ./more; description = "e"; }; }; }'),
             ("write", "t/files/a", "1"), ("write", "t/files/b/c", "2"), ("write", "t/more/a", "3"), ("git", "t"),
             *_nix("flake new -t ./t ./new", "flake new -t ./t#other ./new", "flake new -t ./t#nosuch ./new2", "flake new -t ./t ./new")],
        ),
        (
            "self-attributes-path",
            [("write", "top/flake.nix", '{ inputs.self.submodules = true; inputs.self.lfs = false; outputs = { self }: { a = self ? submodules; b = 1; }; }'),
             ("write", "user/flake.nix", '{ inputs.top.url = "path:../top"; outputs = { self, top }: { x = top.b; }; }'),
             *_nix("eval path:./top#a", "flake metadata path:./top", "eval path:./top#b --no-write-lock-file")],
        ),
        (
            "evaluated-files",
            [("write", "sum.nix", '1 + "a"'), ("write", "set.nix", "{ a = 1; }"), ("write", "syntax.nix", "{"), ("link", "link.nix", "set.nix"), ("write", "folder/x", ""),
             *_nix("eval -v -f sum.nix", "eval -f sum.nix a", "eval -v -f set.nix a", "eval -v -f link.nix a", "eval -v -f syntax.nix", "eval -v -f absent.nix", "eval -v -f folder",
                   "search -v -f sum.nix", "search -f set.nix")],
        ),
        (
            "init-welcomes",
            [("write", "t/files/a", "1"),
             ("write", "t/flake.nix", "{ outputs = { self }: { templates = { " + " ".join(f"t{number} = {{ path = ./files; description = \"d\"; welcomeText = ''{text}''; }};" for number, text in enumerate(_WELCOMES)) + " }; }; }"),
             *_nix(*(f"flake new -t path:./t#t{number} new{number}" for number in range(len(_WELCOMES))))],
        ),
        (
            "queries-without-values",
            [("write", "dep/flake.nix", "{ outputs = { self }: { x = 1; }; }"),
             ("write", "top/flake.nix", '{ inputs.dep.url = "path:../dep?ab"; inputs.other = { url = "path:../dep?cd=1&ef"; flake = false; }; outputs = { self, dep, other }: { x = dep.x; }; }'),
             *_nix("eval path:./top#x", "eval path:./top#x", "flake metadata path:./top?qq", "flake lock path:./top --override-input dep path:./dep?cc",
                   "eval --inputs-from path:./top?z dep#x", "flake prefetch path:./dep?z")],
        ),
        (
            "init-where-something-is",
            [("write", "t/flake.nix", '{ outputs = { self }: { templates.default = { path = ./files; description = "d"; }; }; }'), ("write", "t/files/a", "1"), ("write", "t/files/sub/b", "1"),
             ("write", "file/sub", ""), ("write", "dangling/a", "2"), ("link", "dangling/sub", "none"), ("write", "plain", ""),
             *_nix("flake new -t path:./t ./file", "flake new -t path:./t ./dangling", "flake new -t path:./t ./plain")],
        ),
        (
            "init-into-itself",
            [("write", "t/flake.nix", '{ outputs = { self }: { templates.default = { path = ./.; description = "d"; }; }; }'), ("write", "t/a/b", "1"),
             *_nix("flake new -t path:./t ./t/new", "flake new -t path:./t ./t/new/newer")],
        ),
    ]
    for name, text in checks.items():
        found.append((f"check-{name}", [*_flake("{ outputs = { self }: %s; }" % text, "flake check --no-build ./top")]))
    return found


# ---- whole reports: what failed was called in tail position, in the flake or in an input --------------------------

_CALLED = """{
  outputs = { self }: {
    lacks = x: let g = { a }: a; in g x;
    throws = x: y: throw "t${x}";
    absent = import ./absent.nix;
    syntax = import ./syntax.nix;
    file = ./absent;
  };
}
"""
_CALLS = """{
  inputs.dep.url = "‹DEP›";
  outputs =
    { self, dep }:
    let
      lacks = x: dep.lacks x;
      throws = a: b: dep.throws a b;
      system = "x86_64-linux";
    in
    {
      x = lacks { };
      y = let z = lacks 1; in { inherit z; };
      inherit (dep) absent syntax;
      data = builtins.mapAttrs (name: f: f dep.file) { inherit (builtins) readFile readDir pathExists readFileType; hash = builtins.hashFile "sha256"; import = import; };
      own = builtins.readFile ./absent;
      inside = builtins.readFile ./flake.nix/x;
      packages.${system} = {
        default = throws "a" 1;
        bad = (x: derivation (lacks x)) { };
        deep = derivation { name = "n"; inherit system; builder = throws "b" 1; };
      };
      checks.${system}.c = (x: lacks x) { b = 1; };
      apps.${system}.default = { type = "app"; program = (x: lacks x) 2; };
      devShells.${system}.default = throws "shell" 1;
      templates.default = throws "template" 2;
      formatter.${system} = throws "formatter" 2;
    };
}
"""
_CALLING = (
    "eval #x", "eval #y", "eval #y.z", "build #", "build #bad --no-link", "build #deep --dry-run", "flake show --json #", "flake check --no-build #", "run #",
    "flake check --no-build --keep-going #", "print-dev-env #", "path-info #bad", "derivation show #deep", "flake init -t #", "search # ^", "edit #bad", "shell #bad",
    "eval #absent", "eval #syntax", "eval #data.readFile", "eval #data.readDir", "eval #data.readFileType", "eval #data.hash", "eval #data.import", "eval #data.pathExists",
    "eval #own", "eval #inside",
)  # fmt: skip


def _words() -> list[Scenario]:
    """Malformed queries, options about flakes beside an expression, hashes that need a feature."""
    marks = ("a^b", "%C3%BC", "ü", "%", "%zz", "<x>", "a[b]", "a{b}", 'a"b', "a'b", "a?b/:@", "a|b")
    queries = [line for mark in marks for line in (f"eval @/none?ref={mark}#x", f"eval git+file://@/none?ref={mark}#x", f"eval --expr builtins.parseFlakeRef(''/x?dir={mark}'')")]
    options = ("--override-flake a b", "--inputs-from @/none", "--override-input a b", "--no-registries", "--recreate-lock-file", "--update-input a", "--override-flake a @/none#b")
    beside = [f"eval {features} --expr 1 {option}" for option in options for features in ("", "--experimental-features nix-command")]
    hashes = [f"{line} --mode git {place}" for line in ("hash path", "store add") for place in ("@/none", "@/file")] + ["hash path --mode git"]
    return [
        ("words-queries", _nix(*queries)),
        ("words-beside-expressions", _nix(*beside)),
        ("words-git-hashing", [("write", "file", "1"), *_nix(*hashes)]),
    ]


def _reports() -> list[Scenario]:
    found: list[Scenario] = []
    for name, dep, top in (("path", "path:@/dep", "path:@/top"), ("git", "git+file://@/dep", "git+file://@/top"), ("mixed", "git+file://@/dep", "path:@/top")):
        lines = [line.replace("#", f"{top}#").removesuffix("#").replace("# ", " ") for line in _CALLING]
        files: list[Step] = [("write", "dep/flake.nix", _CALLED), ("write", "dep/syntax.nix", "{\n  a = ;\n}\n"), ("write", "top/flake.nix", _CALLS.replace("‹DEP›", dep))]
        first = [("git", "dep")] if name != "path" else []
        second = [("git", "top")] if name == "git" else []
        # Some of the first reports are those of an evaluation that writes the lock file.
        found.append((f"report-new-{name}", [*files, *first, *second, *_nix(f"eval {top}#x --show-trace"), *second, *_nix(f"eval {top}#y.z --show-trace")]))
        whole = [f"{line} --show-trace" for line in lines]
        # Several frames in an input are folded without `--show-trace` (docs/differences.md).
        folded = ("build #", "eval #absent", "eval #syntax", "eval #data", "flake check --no-build --keep-going")
        short = [line for line, call in zip(lines, _CALLING, strict=True) if not call.startswith(folded)]
        revision = _nix(f"eval {top}?ref=main#own", f"eval {top}?ref=main#inside", f"eval {top}?ref=main&dir=none#x") if name == "git" else []
        found.append((f"report-{name}", [*files, *first, *second, *_nix(f"flake lock {top}"), *second, *_nix(*short, *whole), *revision]))
    return found


SCENARIOS = [*_scenarios(), *_fingerprints(), *generated.scenarios(60), *edited.scenarios(), *repositories.scenarios()]
