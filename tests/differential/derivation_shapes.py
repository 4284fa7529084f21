"""Generated derivations: Nix expressions of every shape that `derivation` knows, and broken ones.

In: a seed.  Out: `Shape`s, the same for the same seed.  `tools/record_derivations.py` records what C++ Nix 2.34 writes to its
store for them, `test_derivation_files.py` compares.
"""

import base64
import hashlib
import json
import random
from dataclasses import dataclass

FEATURES = "ca-derivations impure-derivations dynamic-derivations blake3-hashes git-hashing"
FILES = {"src/a": "text of a\n", "src/sub/b.nix": "{ }\n", "src/sub/empty": "", "src/run": "#!/bin/sh\n", "file.txt": "a file\n"}
EXECUTABLE = "src/run"

_TEXTS = (
    "", "a", "two words", "a\nb\tc\r", '"quoted" \\ back', "$out ${x}", "é漢🐍", "''", "/nix/store", "-", "\x01\x7f", "--flag=value",
)  # fmt: skip
_OUTPUTS = ("out", "dev", "lib", "bin", "man", "doc", "a-b", "x_1", "debug")
_NIX32 = "0123456789abcdfghijklmnpqrsvwxyz"


@dataclass(frozen=True)
class Shape:
    """*expression* is a derivation (or fails); *features*: experimental features it is evaluated with."""

    id: str
    expression: str
    features: str = FEATURES


def string(text: str) -> str:
    """A Nix string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def nix32(digest: bytes) -> str:
    number = int.from_bytes(digest, "little")
    size = (len(digest) * 8 - 1) // 5 + 1
    return "".join(_NIX32[number >> (5 * i) & 31] for i in reversed(range(size)))


def attributes(values: dict[str, str]) -> str:
    return "{ " + "".join(f"{json.dumps(name, ensure_ascii=False)} = {value}; " for name, value in values.items()) + "}"


class Generator:
    """Derivations that depend on each other, made from one source of chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.bindings: list[str] = []
        # These are bound derivations and their outputs.
        self.names: list[tuple[str, list[str]]] = []
        self.allows_floating = False

    def shape(self, number: int) -> str:
        """A derivation with a few others below it; *number* says which feature it must have."""
        kinds = [self.plain, self.several, self.fixed, self.structured, self.nulls, self.references, self.graph, self.floating]
        self.allows_floating = number % len(kinds) == 7
        for i in range(self.chance.randrange(5)):
            self.bind(f"d{i}", self.chance.choice((self.plain, self.several, self.fixed)))
        if self.allows_floating:
            self.bind("ca", self.floating)
        self.bind("result", kinds[number % len(kinds)])
        return f"let {' '.join(self.bindings)} in result"

    def bind(self, name: str, kind) -> None:
        values = {"name": string(self.name()), "system": self.chance.choice(('"s"', '"x86_64-linux"', "builtins.currentSystem"))}
        values["builder"] = self.chance.choice(('"/bin/sh"', '"b"', self.part(), "./file.txt"))
        outputs = kind(values)
        items = list(values.items())
        self.chance.shuffle(items)
        self.bindings.append(f"{name} = derivation {attributes(dict(items))};")
        self.names.append((name, outputs))

    # --- kinds of derivations; each function adds to the attributes and returns the outputs

    def plain(self, values: dict[str, str]) -> list[str]:
        if self.chance.random() < 0.6:
            values["args"] = self.list_of(self.scalar)
        for _ in range(self.chance.randrange(6)):
            values[self.attribute()] = self.value()
        return ["out"]

    def several(self, values: dict[str, str]) -> list[str]:
        outputs = self.chance.sample(_OUTPUTS, self.chance.randint(1, 5))
        self.plain(values)
        values["outputs"] = f"[ {' '.join(map(string, outputs))} ]"
        values["self"] = f"placeholder {string(self.chance.choice(outputs))}"
        return outputs

    def fixed(self, values: dict[str, str]) -> list[str]:
        algorithm = self.chance.choice(("md5", "sha1", "sha256", "sha256", "sha512", "blake3"))
        mode = self.chance.choice(("", "flat", "recursive", "nar"))
        self.plain(values)
        if algorithm == "sha256" and self.chance.random() < 0.2:
            mode = "text"
        if algorithm == "sha1" and self.chance.random() < 0.5:
            mode = "git"
        values |= self.stated_hash(algorithm)
        if mode:
            values["outputHashMode"] = string(mode)
        return ["out"]

    def stated_hash(self, algorithm: str) -> dict[str, str]:
        size = {"md5": 16, "sha1": 20, "sha512": 64}.get(algorithm, 32)
        digest = hashlib.shake_128(self.chance.randbytes(4)).digest(size)
        form = self.chance.choice(("base16", "nix32", "base64", "sri", "prefixed", "prefixed32"))
        text = {
            "base16": digest.hex(),
            "nix32": nix32(digest),
            "base64": base64.b64encode(digest).decode(),
            "sri": f"{algorithm}-{base64.b64encode(digest).decode()}",
            "prefixed": f"{algorithm}:{digest.hex()}",
            "prefixed32": f"{algorithm}:{nix32(digest)}",
        }[form]
        has_algorithm = form in ("sri", "prefixed", "prefixed32")
        stated = self.chance.choice((None, '""', "null", string(algorithm))) if has_algorithm else string(algorithm)
        return {"outputHash": string(text)} | ({"outputHashAlgo": stated} if stated is not None else {})

    def structured(self, values: dict[str, str]) -> list[str]:
        outputs = self.several(values)
        values["__structuredAttrs"] = "true"
        values["nested"] = self.tree(3)
        if self.chance.random() < 0.5:
            values["outputChecks"] = f'{{ {outputs[0]} = {{ disallowedReferences = {self.list_of(self.part)}; maxSize = 1024; }}; }}'
        if self.chance.random() < 0.3:
            values["__ignoreNulls"] = "true"
        if self.chance.random() < 0.3:
            values["exportReferencesGraph"] = f"{{ graph = {self.list_of(self.part)}; }}"
        return outputs

    def nulls(self, values: dict[str, str]) -> list[str]:
        self.plain(values)
        values["__ignoreNulls"] = self.chance.choice(("true", "false"))
        values |= {"n1": "null", "n2": "[ null ]", "n3": "null"}
        return ["out"]

    def references(self, values: dict[str, str]) -> list[str]:
        outputs = self.several(values)
        for name in ("allowedReferences", "allowedRequisites", "disallowedReferences", "disallowedRequisites"):
            if self.chance.random() < 0.6:
                values[name] = self.list_of(lambda: self.chance.choice((self.part(), string(outputs[0]))))
        for name in ("preferLocalBuild", "allowSubstitutes", "__noChroot", "__darwinAllowLocalNetworking"):
            if self.chance.random() < 0.4:
                values[name] = self.chance.choice(("true", "false"))
        values["impureEnvVars"] = '[ "http_proxy" "NIX_X" ]'
        values["requiredSystemFeatures"] = '[ "kvm" "big-parallel" ]'
        return outputs

    def graph(self, values: dict[str, str]) -> list[str]:
        self.plain(values)
        pairs = "".join(f' "graph-{i}" "${{{self.part()}}}"' for i in range(self.chance.randint(1, 3)))
        values["exportReferencesGraph"] = f"[{pairs} ]"
        if self.names:
            name, _ = self.chance.choice(self.names)
            values["closure"] = f"{name}.drvPath"
            values["shallow"] = f"builtins.unsafeDiscardOutputDependency {name}.drvPath"
            values["deep"] = f"builtins.addDrvOutputDependencies (builtins.unsafeDiscardOutputDependency {name}.drvPath)"
        return ["out"]

    def floating(self, values: dict[str, str]) -> list[str]:
        outputs = self.several(values)
        values[self.chance.choice(("__contentAddressed", "__impure"))] = "true"
        if self.chance.random() < 0.5:
            values["outputHashMode"] = self.chance.choice(('"recursive"', '"flat"', '"nar"'))
            values["outputHashAlgo"] = self.chance.choice(('"sha256"', '"sha1"', '"sha512"'))
        return outputs

    # --- values

    def name(self) -> str:
        return self.chance.choice(("x", "pkg-1.2.3", "A_b+c?d=e.f", "0", "lib.tar.gz")) + str(self.chance.randrange(100))

    def attribute(self) -> str:
        return self.chance.choice(("src", "PATH", "a", "_x", "buildInputs", "a b", "é", "Z", "0", "configureFlags", "x.y", "out2", "passAsFile"))

    def list_of(self, item) -> str:
        return f"[ {' '.join(self.parenthesised(item()) for _ in range(self.chance.randrange(5)))} ]"

    @staticmethod
    def parenthesised(text: str) -> str:
        return f"({text})"

    def part(self) -> str:
        """Something of another derivation, a text or a source, with its context."""
        choices = ['builtins.toFile "t" "text"', '"${./src}/a"', "./file.txt", 'builtins.toFile "u" "see ${builtins.toFile "t" "1"}"']
        choices += [
            'builtins.path { path = ./src; name = "filtered"; filter = p: t: baseNameOf p != "a"; }',
            'builtins.path { path = ./file.txt; recursive = false; }',
        ]
        for name, outputs in self.names:
            output = self.chance.choice(outputs)
            choices += [name, f"{name}.{json.dumps(output)}", f'"${{{name}}}/bin:${{{name}.{json.dumps(output)}}}"']
            choices += [f'"-L${{{name}}}/lib"', f"builtins.unsafeDiscardStringContext {name}"]
        return self.chance.choice(choices)

    def scalar(self) -> str:
        numbers = ("0", "-1", "9223372036854775807", "1.5", "1.0e30", "true", "false", "null")
        return self.chance.choice((string(self.chance.choice(_TEXTS)), self.chance.choice(numbers), self.part()))

    def value(self) -> str:
        kind = self.chance.randrange(6)
        if kind == 0:
            return self.list_of(lambda: self.chance.choice((self.scalar(), self.list_of(self.scalar))))
        if kind == 1:
            return f"{{ outPath = {self.scalar()}; }}"
        if kind == 2:
            return f'{{ __toString = self: "<${{builtins.toJSON {self.parenthesised(self.scalar())}}}>"; }}'
        if kind == 3:
            return f"builtins.toJSON {self.tree(2)}"
        return self.scalar()

    def tree(self, depth: int) -> str:
        kind = self.chance.randrange(4) if depth else 0
        if kind == 1:
            return "[ " + " ".join(self.parenthesised(self.tree(depth - 1)) for _ in range(self.chance.randrange(4))) + " ]"
        if kind in (2, 3):
            return attributes({self.attribute(): self.tree(depth - 1) for _ in range(self.chance.randrange(4))})
        return f"({self.scalar()})"


# Each breaks a derivation: the attributes that are set (None: removed), and the features with which it is evaluated.
BREAKS: tuple[dict[str, str | None], ...] = (
    {"name": None}, {"name": "null"}, {"name": "1"}, {"name": '""'}, {"name": '"a b"'}, {"name": '"a/b"'}, {"name": '"x.drv"'},
    {"name": "./file.txt"}, {"name": '"é"'}, {"name": '"."'}, {"name": '"..-x"'},
    {"name": 'builtins.concatStringsSep "" (builtins.genList (x: "y") 208)'}, {"name": '"${derivation { name = "q"; }}"'},
    {"system": None}, {"system": "[ { } ]"}, {"builder": None}, {"builder": "x: x"}, {"builder": "{ }"}, {"builder": "./missing"},
    {"args": "1"}, {"args": "[ (x: x) ]"}, {"args": "{ }"}, {"args": '[ { } ]'}, {"args": 'throw "in args"'},
    {"env": "x: x"}, {"env": "{ a = 1; }"}, {"env": "[ { b = 2; } ]"}, {"env": 'throw "thrown"'}, {"env": 'abort "aborted"'},
    {"env": "assert false; 1"}, {"env": "{ __toString = 1; }"}, {"env": "{ outPath = { }; }"}, {"env": "./missing"}, {"env": "[ ./missing ]"},
    {"outputs": "[ ]"}, {"outputs": '[ "out" "out" ]'}, {"outputs": '[ "drv" ]'}, {"outputs": '[ "drvPath" ]'}, {"outputs": "1"},
    {"outputs": '[ "a b" ]'}, {"outputs": '[ "a/b" ]'}, {"outputs": "[ 1 ]"},
    {"outputHash": '"abc"', "outputHashAlgo": '"sha256"'}, {"outputHash": '"sha256-AAAA"'}, {"outputHash": '""'},
    {"outputHash": '"sha257-AAAA"'}, {"outputHash": '"d41d8cd98f00b204e9800998ecf8427e"'}, {"outputHash": "1"},
    {"outputHash": '"d41d8cd98f00b204e9800998ecf8427e"', "outputHashAlgo": '"sha1"'},
    {"outputHash": '"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="', "outputHashAlgo": '"sha512"'},
    {"outputHash": '"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="', "outputHashMode": '"tree"'},
    {"outputHash": '"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="', "outputs": '[ "out" "dev" ]'},
    {"outputHash": '"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="', "outputs": '[ "dev" ]'},
    {"outputHashAlgo": '"sha257"', "__contentAddressed": "true"}, {"outputHashMode": "1"}, {"outputHashAlgo": "{ }"},
    {"__contentAddressed": "1"}, {"__contentAddressed": "true", "__impure": "true"}, {"__structuredAttrs": '"yes"'},
    {"__ignoreNulls": "1"}, {"__structuredAttrs": "true", "env": "x: x"}, {"__structuredAttrs": "true", "env": "[ (a: a) ]"},
    {"__structuredAttrs": "true", "outputs": "1"},
    {"env": 'builtins.toFile "t" (derivation { name = "q"; system = "s"; builder = "b"; })'},
    {"env": 'builtins.appendContext "" { "/nix/store/x" = { path = true; }; }'}, {"env": "placeholder 1"},
    {"env": 'builtins.toFile "a b" ""'}, {"env": "builtins.addDrvOutputDependencies ./file.txt"},
)  # fmt: skip
_WITHOUT_FEATURES: tuple[dict[str, str | None], ...] = (
    {"__contentAddressed": "true"},
    {"__impure": "true"},
    {"outputHash": '"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="', "outputHashMode": '"git"'},
    {"outputHash": '"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="', "outputHashMode": '"text"'},
    {"outputHash": f'"blake3-{base64.b64encode(bytes(32)).decode()}"'},
)


def valid_shapes(count: int, seed: int) -> list[Shape]:
    return [Shape(f"valid-{seed}-{i}", Generator(seed * 100_000 + i).shape(i)) for i in range(count)]


def broken_shapes() -> list[Shape]:
    """One derivation for each break; in half of them, an input of the derivation is broken."""
    shapes = []
    for number, broken in enumerate([*BREAKS, *_WITHOUT_FEATURES]):
        values: dict[str, str | None] = {"name": '"x"', "system": '"s"', "builder": '"b"'} | broken
        text = f"derivation {attributes({name: value for name, value in values.items() if value is not None})}"
        if number % 2:
            text = f'derivation {{ name = "user"; system = "s"; builder = "b"; args = [ "-c" ({text}) ]; }}'
        shapes.append(Shape(f"broken-{number}", text, FEATURES if number < len(BREAKS) else ""))
    return shapes
