"""Wrong TOML documents: each wrong value and header by itself, and some between other lines, because the reader goes on behind a fault."""

import random

KEYS = ["a", "b", "a.b", '"q q"', "'l'", "c", "d.e", "1"]
VALUES = [
    "1", "-1", "0x1F", "1.5e-3", "inf", "true", '"s"', "'lit'", '"""ml\nx"""', "'''ml\n'''", "1979-05-27T07:32:00Z", "[]", "[1,\n 2,\n]", "{}",
    "{ a.b = 1, c = [ 1 ] }", "[[1],[2]]", "[{a=1}]",
]  # fmt: skip
HEADERS = ["[t]", "[a]", "[a.b]", "[[t]]", "[[a.b]]", "[ t ]", '["q"]']
WRONG_VALUES = [
    "", "01", "-01", "1_", "_1", "1__0", "0x", "0xG", "0o8", "0b2", "1.", ".5", "1e", "1e+", "1_e5", "0x_1", "0x1_", "+0x1", "00", "0_1",
    "99999999999999999999", "-9223372036854775809", "0xFFFFFFFFFFFFFFFFFF", "0o7777777777777777777777", "tru", "True", "FALSE", "truee", "nul",
    '"abc', '"a\nb"', '"\\q"', '"\\u12"', '"\\uD800"', '"\\U00110000"', '"\\x41"', "'abc", "'a\nb'", '"""abc', "'''abc", '"""a\\q"""', '"""\\ x"""',
    "[1", "[1 2]", "[,]", "[1,,2]", "[", "]", "{", "}", "{a=1", "{a=1,}", "{a}", "{a=}", "{,}", "{a=1 b=2}", "{a=1,\nb=2}", "{\n}", "{a=1,a=2}",
    "{a.b=1,a=2}", "{a={},a.b=1}", "1979-13-01", "1979-02-30", "1979-05-27T", "1979-05-27 7", "1979-05-27T25:00:00", "1979-05-27T07:60:00",
    "07:32", "7:32:00", "1979-5-27", "1979-05-271", "1979-05-27T07:32:00+25:00", "1979-05-27T07:32:00+7:00", "12:00:61", "infinity", "nan1", "Inf",
    "NaN", "+", "+-1", "1 2", "1 # c\x01", "# c\x01", "\x7f", '"\x01"', "1 = 2", "$", "a", '"a" x', "'''a''''''", '"""a""""""', "1.5.6", "1e5.5",
    "1-2", "0.1_", "0._1", "1_.5", "-in", "i", "n", "\\", "1,", "[1]]", "{a=1}}", "{ a = [ } ]", "[ { a = 1 ]", "[ \"x ]", "0X1", "0x-1", "1e999",
    "[1, #\x02\n2]", '"é', "é", "24:00:00", "[[1] [2]]", "[ [t]\n", "{ a = [\n1 }", "1979-05-27T07:32:00.",
]  # fmt: skip
WRONG_LINES = [
    "[t", "[]", "[[t]", "[[]]", "[t]]", "[t] x", "[t.]", "[.t]", "[t x]", "[[t] ]", "[ [t]]", '["t]', "[t\n]", "[t]=1", "[t] # c\x02", "[=]", "[']",
    "[t]\n[t]", "[a]\n[a]", "[[t]]\n[t]", "[t]\n[[t]]", "[a.b]\n[a]\nb=1", "t=1\n[t]", "t=[]\n[[t]]", "t=[{}]\n[[t]]", "t=[{}]\n[t.x]", "t={}\n[t.x]",
    "[a]\nb.c=1\n[a.b]", "a.b=1\n[a]", "[[a]]\n[a.b]\n[a.b]", "[a.b.c]\n[a]\nb.d=1", "[[a.b]]\n[a]\nb.c=1", "a=1\na.b=2", "a=1\na=2", "x", "=", "= 1", '"a"',
    "{", "\x0b", "a.. = 1", ".a = 1", "a. = 1", "a b = 1", '"x = 1', "é = 1", "a == 1", "a: 1", "# ok\n#\x01", "a = 1\rb = 2", "\r",
]  # fmt: skip


def documents() -> list[str]:
    """The documents, in the same order each time, each once."""
    chosen = random.Random(11)
    single = [f"a = {value}" for value in WRONG_VALUES] + WRONG_LINES
    between = []
    for _ in range(400):
        lines = [chosen.choice([*HEADERS, f"{chosen.choice(KEYS)}{number} = {chosen.choice(VALUES)}"]) for number in range(chosen.randrange(1, 4))]
        wrong = f"{chosen.choice(KEYS)} = {chosen.choice(WRONG_VALUES)}{chosen.choice(['', '', ' # c', ' x'])}"
        lines.insert(chosen.randrange(len(lines) + 1), chosen.choice([wrong, wrong, chosen.choice(WRONG_LINES)]))
        between.append("\n".join(lines) + chosen.choice(["\n", ""]))
    return list(dict.fromkeys(single + between))
