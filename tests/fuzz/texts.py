"""Texts inside programs: JSON, TOML, regular expressions, versions, numbers and strings, some of them slightly broken.

Each function takes the source of randomness and returns a literal of Nix.
"""

import random

LETTERS = ["a", "b", "c", "x", " ", "-", ".", "1", "0", "/", "_", "\u00e9", "\u20ac", "\U0001f600", "\n", "\t", '"', "'", "\\", "$", "${", "{", "}", "#", "\r"]
INTEGERS = ["0", "1", "(-1)", "2", "3", "7", "63", "64", "255", "256", "4294967296", "(-4294967296)", "1152921504606846975", "1152921504606846976",
            "(-1152921504606846976)", "(-1152921504606846977)", "9223372036854775807", "(-9223372036854775807 - 1)", "4611686018427387904", "9007199254740993"]  # fmt: skip
FLOATS = ["0.0", "(-0.0)", "1.0", ".5", "1.e3", "1.5e-7", "1.0e300", "1.0e-300", "(1.0e308 * 10)", "(1.0e308 * 10 - 1.0e308 * 10)", "0.1", "123456.789",
          "1234567.0", "1.0e6", "100000.0", "9007199254740993.0", "9223372036854775807.0", "4.9e-324", "(-1.5)", "3.0e18", "9.3e18", "2.5"]  # fmt: skip
JSON_NUMBERS = ["0", "-0", "-1", "12", "1.5", "-0.0", "1e3", "1E+2", "1e-2", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "1e400",
                "01", "1.", "-", "+1", "0.10", "123456789.125"]  # fmt: skip
JSON_STRINGS = ['""', '"a"', '"\\n"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\/"', '"\u00e9"', '"a b"', '"\\x"', '"\t"', '"${a}"']
TOML_VALUES = ["1", "-0", "+7", "0x1F", "0b11", "0o17", "1_000", "1__0", "1.5", "1e3", "inf", "-inf", "nan", "true", "false", '"a"', "'a'", '"\\u00e9"', '"\\n"', '"""a\nb"""', '"""\na \\\n  b"""',
               "'''x'''", "[ ]", "[1, 2]", '[1, "a"]', "[ [1], [ ] , ]", "{ }", "{ a = 1, b.c = 2 }", "{ a = 1, }", "9223372036854775808", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z",
               "1979-05-27 07:32:00.5+01:00", "01", "\"\\x\"", "tru"]  # fmt: skip
TOML_KEYS = ["a", "b", "c", "a.b", "a.b.c", '"x y"', "'q'", "1", "a-b", "b.a", '""']
CLASSES = ["[a-c]", "[^a]", "[[:alpha:]]", "[[:digit:][:space:]]", "[]a]", "[^]]", "[a-]", "[.]", "[c-a]", "[[:nope:]]", "[[.a.]]", "[[=a=]]", "[\\]", "["]
FORMATS = ["base16", "base32", "nix32", "base64", "sri", "base58"]
ALGORITHMS = ["md5", "sha1", "sha256", "sha512", "sha3", ""]
HASHES = ["0" * 64, "d41d8cd98f00b204e9800998ecf8427e", "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha256:" + "0" * 52, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
          "md5-1B2M2Y8AsgTpgAmY7PhCfg==", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha256-short", "", "zz"]  # fmt: skip


def quoted(text: str) -> str:
    """A string of Nix for a text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${").replace("\r", "\\r") + '"'


def broken(text: str, random_: random.Random) -> str:
    """The same text, or sometimes a text with a character more or less."""
    if not text or random_.random() < 0.75:
        return text
    place = random_.randrange(len(text))
    if random_.random() < 0.5:
        return text[:place] + text[place + 1 :]
    return text[:place] + random_.choice(["{", "]", '"', ",", "=", "\n", "1", "(", "*", "\\", "[", "\u00e9", "\x01"]) + text[place:]


def string_text(random_: random.Random) -> str:
    return quoted("".join(random_.choice(LETTERS) for _ in range(random_.randint(0, 8))))


def indented_text(random_: random.Random) -> str:
    lines = []
    for _ in range(random_.randint(1, 4)):
        words = [random_.choice(["a", "''${", "'''", "''\\n", '"', "$", "$$", "\\", "#", '${"i"}', "${''\n j''}", "'", " ", "\t", "}"]) for _ in range(random_.randint(0, 3))]
        lines.append(" " * random_.randint(0, 4) + random_.choice(["", "", "\t"]) + "".join(words))
    return "''" + random_.choice(["\n", "\r\n", ""]) + "\n".join(lines) + random_.choice(["", "\n", "\n  "]) + "''"


def _json_value(random_: random.Random, depth: int) -> str:
    kind = random_.randrange(8 if depth else 5)
    if kind == 0:
        return random_.choice(["null", "true", "false"])
    if kind < 3:
        return random_.choice(JSON_NUMBERS)
    if kind < 5:
        return random_.choice(JSON_STRINGS)
    blank = random_.choice(["", " ", "\n\t"])
    values = [_json_value(random_, depth - 1) for _ in range(random_.randint(0, 3))]
    if kind == 5:
        return f"[{blank}{(',' + blank).join(values)}]"
    return "{" + ",".join(f'{blank}{random_.choice(JSON_STRINGS[:6])}{blank}:{blank}{value}' for value in values) + blank + "}"


def json_text(random_: random.Random) -> str:
    return quoted(broken(_json_value(random_, 3), random_))


def json_number(random_: random.Random) -> str:
    return quoted(random_.choice(JSON_NUMBERS))


def toml_text(random_: random.Random) -> str:
    lines = []
    for _ in range(random_.randint(0, 6)):
        key, how = random_.choice(TOML_KEYS), random_.randrange(8)
        if how == 0:
            lines.append(f"[{key}]")
        elif how == 1:
            lines.append(f"[[{key}]]")
        elif how == 2:
            lines.append(random_.choice(["# c", "", "   "]))
        else:
            lines.append(f"{key} = {random_.choice(TOML_VALUES)}" + random_.choice(["", " # c"]))
    return quoted(broken(random_.choice(["\n", "\n", "\n", "\r\n"]).join(lines), random_))


def _regex(random_: random.Random, depth: int) -> str:
    kind = random_.randrange(9 if depth else 5)
    if kind < 3:
        return random_.choice(["a", "b", "c", "1", " ", "-", "/", "."])
    if kind == 3:
        return random_.choice([".", "^", "$", "\\.", "\\\\", "\\(", "\\d", "", "\u00e9"])
    if kind == 4:
        return random_.choice(CLASSES[:8] if random_.random() < 0.8 else CLASSES)
    if kind == 5:
        return f"({_regex(random_, depth - 1)})"
    if kind == 6:
        return f"{_regex(random_, depth - 1)}|{_regex(random_, depth - 1)}"
    if kind == 7:
        return _regex(random_, depth - 1) + random_.choice(["*", "+", "?", "{2}", "{1,2}", "{0,}", "{2,1}"])
    return _regex(random_, depth - 1) + _regex(random_, depth - 1)


def regex_text(random_: random.Random) -> str:
    return quoted(broken(_regex(random_, 4), random_) if random_.random() < 0.3 else _regex(random_, 3))


def version_text(random_: random.Random) -> str:
    return quoted("".join(random_.choice(["1", "2", "10", "0", "007", ".", "-", "pre", "a", "rc", "foo", "_", "+", "9999999999", ".."]) for _ in range(random_.randint(0, 6))))


TEXTS = {
    "text literal": string_text,
    "indented": indented_text,
    "json": json_text,
    "json number": json_number,
    "toml": toml_text,
    "regex": regex_text,
    "version": version_text,
    "odd": lambda random_: random_.choice(INTEGERS),
    "odd float": lambda random_: random_.choice(FLOATS),
    "3": lambda random_: str(random_.randint(0, 4)),
    "text": lambda random_: random_.choice(["", "t", " u", "/"]),
    "format": lambda random_: quoted(random_.choice(FORMATS)),
    "algorithm": lambda random_: quoted(random_.choice(ALGORITHMS)),
    "hash": lambda random_: quoted(random_.choice(HASHES)),
    "drv name": lambda random_: quoted(random_.choice(["n", "n", "a-1.2", "", "a b", ".x", "n.drv", "x" * 212])),
    "file": lambda random_: random_.choice(["../fixture/text", "../fixture/set.nix", "../fixture/data.json", "../fixture", "../fixture/folder", "../fixture/nothing", '"/nowhere"', "./p.nix", "../fixture/link", "../fixture/broken.nix", "../fixture/bytes"]),
    "operator": lambda random_: random_.choice(["+", "-", "*", "/", "++", "//", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "->"]),
}  # fmt: skip
