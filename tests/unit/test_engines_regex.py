"""Regular expressions: the results of builtins.match and builtins.split in C++ Nix 2.34.8 for the same input."""
import random

import pytest

from snowsnake.builtins.engines.regex import CompiledPattern, PatternCache, RegexError

# A pattern, a text, and the groups recorded from nix-instantiate 2.34.8 (None: no match).
MATCHES = [
    ("", "", []),
    ("", "a", None),
    ("()", "", [""]),
    ("a||b", "a", []),
    ("(a|ab)(c|bcd)(d*)", "abcd", ["a", "bcd", ""]),
    ("(a*|b)*", "aab", [""]),
    ("((a)|(b))*", "ab", ["b", "a", "b"]),
    ("(a*)*", "", [""]),
    ("(a*)+", "", [""]),
    ("(a?)*?", "", [""]),
    ("(|a)+", "aa", [""]),
    ("((|a)(|b))*", "ab", ["", "", ""]),
    ("((|a)(b|))*", "ab", ["", "", ""]),
    ("(a?){0,2}", "a", [""]),
    ("a**", "aa", []),
    ("a+?", "aa", []),
    ("a{1,2}{3}", "aaa", []),
    ("a{0}b", "b", []),
    ("(a)?b", "b", [None]),
    ("[[.hyphen.]]", "-", []),
    ("[[=a=]]", "A", []),
    ("[[:ALPHA:]w]", "A", []),
    ("[[:w:]]", "_", []),
    ("[^]a]", "_", []),
    ("[]a]+", "]a", []),
    ("[a-]", "-", []),
    ("[--0]", "-", []),
    ("[%--]", "-", []),
    ("[é-a]*", "abc", None),
    ("a\nb", "a\nb", []),
    (".", "\n", []),
    (".", "é", None),
    ("..", "é", []),
    ("}", "}", []),
    ("]", "]", []),
    ("\\.", ".", []),
    ("^a$", "a", []),
    ("a^", "a", None),
    ("(^a|b$)*", "ab", ["b"]),
    ("([0-9]+)\\.([0-9]+).*", "23.11pre", ["23", "11"]),
    ("(.*)/([^/]*)", "/nix/store/x", ["/nix/store", "x"]),
]

# A pattern, a text, and the pieces.
SPLITS = [
    ("(a)b", "abc", ["", ["a"], "c"]),
    ("", "abc", ["", [], "a", [], "b", [], "c", [], ""]),
    ("(a|ab)(c|bcd)(d*)", "xabcdx", ["x", ["a", "bcd", ""], "x"]),
    ("a*|b", "aab", ["", [], "", [], "", [], ""]),
    ("(a|ab)(bcd)?", "abcd", ["", ["a", "bcd"], ""]),
    ("^a", "aaa", ["", [], "aa"]),
    ("$", "aaa", ["aaa", [], ""]),
    ("^|a", "aaa", ["", [], "", [], "", [], ""]),
    ("[[:space:]]+", "a b\n\tc", ["a", [], "b", [], "c"]),
]

INVALID = [
    "(a)\\1", "a{2,1}", "(", ")", "[", "*a", "\\d", "\\", "^*", "a|*", "(*a)", "[b-a]", "[a-z-9]", "[[:foo:]]", "[[:alpha:]",
    "[[.foo.]]", "[[.a", "a{", "a{1", "a{,2}", "a{1,2", "a{x}", "a{2147483648}", "\\]", "\\}", "\\-", "\\/", "[a-é]", "a\0b",
]
TOO_LARGE = ["a{1,50000}", "(a{1000}){1000}", "a{100000}"]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_match_returns_the_groups_of_libstdcxx(pattern, text, expected):
    found = CompiledPattern(pattern.encode()).match(text.encode())
    assert (None if found is None else [None if g is None else g.decode() for g in found]) == expected


@pytest.mark.parametrize(("pattern", "text", "expected"), SPLITS)
def test_split_returns_the_pieces_of_libstdcxx(pattern, text, expected):
    pieces = CompiledPattern(pattern.encode()).split(text.encode())
    assert [p.decode() if isinstance(p, bytes) else [g if g is None else g.decode() for g in p] for p in pieces] == expected


@pytest.mark.parametrize("pattern", INVALID)
def test_invalid_patterns_are_refused(pattern):
    with pytest.raises(RegexError) as caught:
        CompiledPattern(pattern.encode())
    assert str(caught.value) == f"invalid regular expression '{pattern}'"


@pytest.mark.parametrize("pattern", TOO_LARGE)
def test_patterns_that_are_too_large_are_refused(pattern):
    with pytest.raises(RegexError) as caught:
        CompiledPattern(pattern.encode())
    assert str(caught.value) == f"memory limit exceeded by regular expression '{pattern}'"


def test_large_bound_within_the_limit():
    assert CompiledPattern(b"a{1,49900}").match(b"aa") == []
    assert CompiledPattern(b"(a{0,3000})").match(b"a" * 3000) == [b"a" * 3000]
    assert CompiledPattern(b"(a{0,3000})").match(b"a" * 3001) is None


class TooManyPaths(Exception):
    pass


class Reference:
    """The rule in its plainest form: backtracking over the pattern's syntax tree, for small inputs."""

    def __init__(self, text):
        self.text = text
        self.steps_left = 20_000

    def paths(self, node, place, slots):
        """All (place, slots) behind `node`, in the order in which they are tried; a generator that callers may stop."""
        self.steps_left -= 1
        if self.steps_left < 0:
            raise TooManyPaths
        kind = node[0]
        if kind == "byte":
            if place < len(self.text) and self.text[place] in node[1]:
                yield place + 1, slots
        elif kind == "sequence":
            yield from self.sequence(node[1], 0, place, slots)
        elif kind == "choice":
            for side in node[1]:
                yield from self.paths(side, place, slots)
        elif kind == "group":
            for end, inner in self.paths(node[2], place, slots):
                yield end, {**inner, node[1]: (place, end)}
        else:
            yield from self.star(node[1], place, slots, (place, 0))

    def sequence(self, nodes, index, place, slots):
        if index == len(nodes):
            yield place, slots
            return
        for middle, inner in self.paths(nodes[index], place, slots):
            yield from self.sequence(nodes, index + 1, middle, inner)

    def star(self, body, place, slots, seen):
        here, times = seen if seen[0] == place else (place, 0)
        if times < 2:
            for end, inner in self.paths(body, place, slots):
                yield from self.star(body, end, inner, (here, times + 1) if end == place else (end, 0))
        yield place, slots


def random_node(rnd, depth, counter):
    kind = rnd.choice(["byte", "sequence", "choice", "group", "star"]) if depth else "byte"
    if kind == "byte":
        return ("byte", rnd.choice([b"a", b"b", b"ab"]))
    if kind == "group":
        counter[0] += 1
        group = counter[0]
        return ("group", group, random_node(rnd, depth - 1, counter))
    if kind == "star":
        body = random_node(rnd, depth - 1, counter)
        if body[0] != "byte":
            body = group_of(body, counter)
        return ("star", body)
    return (kind, [random_node(rnd, depth - 1, counter) for _ in range(2)])


def group_of(node, counter):
    counter[0] += 1
    return ("group", counter[0], node)


def spelled(node):
    kind = node[0]
    if kind == "byte":
        return "[" + node[1].decode() + "]"
    if kind == "group":
        return "(" + spelled(node[2]) + ")"
    if kind == "star":
        return spelled(node[1]) + "*"
    if kind == "sequence":
        return "".join(spelled(n) for n in node[1])
    return "|".join(spelled(n) for n in node[1])


def renumbered(node, counter, numbers):
    """Groups count by their opening parenthesis."""
    if node[0] == "group":
        numbers[node[1]] = counter[0]
        counter[0] += 1
        renumbered(node[2], counter, numbers)
    elif node[0] == "star":
        renumbered(node[1], counter, numbers)
    elif node[0] != "byte":
        for child in node[1]:
            renumbered(child, counter, numbers)


def has_bare_choice(node, inside=False):
    if node[0] == "choice":
        return inside or any(has_bare_choice(n, False) for n in node[1])
    if node[0] == "sequence":
        return any(has_bare_choice(n, True) for n in node[1])
    if node[0] == "group":
        return has_bare_choice(node[2], False)
    return node[0] == "star" and has_bare_choice(node[1], True)


@pytest.mark.parametrize("seed", range(300))
def test_match_agrees_with_a_backtracking_model(seed):
    rnd = random.Random(seed)
    node = random_node(rnd, 4, [0])
    while has_bare_choice(node):
        node = random_node(rnd, 4, [0])
    numbers = {}
    renumbered(node, [0], numbers)
    pattern = CompiledPattern(spelled(node).encode())
    for _ in range(8):
        text = bytes(rnd.choice(b"ab") for _ in range(rnd.randint(0, 6)))
        expected = None
        try:
            for end, slots in Reference(text).paths(node, 0, {}):
                if end == len(text):
                    groups = {numbers[g]: text[s[0]:s[1]] for g, s in slots.items()}
                    expected = [groups.get(i) for i in range(len(numbers))]
                    break
        except TooManyPaths:
            continue
        assert pattern.match(text) == expected, (spelled(node), text)


BAD_PATTERNS = [
    b"(a*)*b", b"(a|aa)+$", b"((a*)*)*b", b"(a|a?)+b", b"(a+a+)+b", b"(.*)(.*)(.*)(.*)(.*)b", b"((a|b)*|c)*d", b"((|a)(|b))*",
    b"(" * 40 + b"a*" + b")*" * 40, b"(a?){30}a{30}",
]


@pytest.mark.parametrize("pattern", BAD_PATTERNS)
def test_patterns_with_endless_paths_end(pattern):
    """Each takes longer than the age of the universe when all paths are tried."""
    compiled = CompiledPattern(pattern)
    text = b"a" * 100_000
    compiled.match(text)
    compiled.match(text + b"b")
    assert b"".join(p for p in compiled.split(text + b"!") if isinstance(p, bytes))[-1:] == b"!"


def test_patterns_may_be_nested_deep():
    depth = 20_000
    assert CompiledPattern(b"(" * depth + b"a" + b")" * depth).match(b"a") == [b"a"] * depth
    with pytest.raises(RegexError):
        CompiledPattern(b"(" * 1_000_000)


def test_random_bytes_never_crash():
    rnd = random.Random(1)
    alphabet = b"ab()[]{}*+?|^$.\\-,12:=\x00\xff"
    for _ in range(5000):
        pattern = bytes(rnd.choice(alphabet) for _ in range(rnd.randint(0, 12)))
        try:
            compiled = CompiledPattern(pattern)
        except RegexError:
            continue
        text = bytes(rnd.choice(b"ab-\xff") for _ in range(rnd.randint(0, 20)))
        compiled.match(text)
        pieces = compiled.split(text)
        assert len(pieces) % 2 == 1


def test_the_cache_of_patterns_stays_bounded():
    cache = PatternCache()
    for i in range(3000):
        assert cache.matches(b"x%d" % i, b"x%d" % i)
    assert len(cache) <= 1024
    assert not cache.matches(b"x", b"y")
    with pytest.raises(RegexError):
        cache.matches(b"(", b"")
