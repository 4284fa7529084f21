"""Random programs that lengthen texts by `+`, beside a model that copies: texts of all sizes, used again, cut, compared, as names, with contexts.

    python tests/fuzz/sums.py COUNT SEED [--stress]

A text may share its bytes with those it was made of, and get room for the next `+`.  No program may notice.
"""

import hashlib
import os
import random
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "src"))

# A pair: the content, and the numbers of the derivations in its context.
Text = tuple[bytes, frozenset[int]]

PROLOGUE = """
let
  inherit (builtins) genList foldl' stringLength substring hashString attrNames getContext length elemAt concatStringsSep head seq deepSeq;
  drv = i: (derivation { name = "x${toString i}"; builder = "/b"; system = "s"; }).outPath;
  garbage = n: length (foldl' (a: i: [ a i ]) [ ] (genList (i: i) n));
"""
# The sizes around which the machine treats texts in another way: 16 KiB, half a megabyte, what is copied at once.
SIZES = [0, 1, 3, 7, 8, 9, 40, 500, 8191, 16383, 16384, 16385, 20000, 60000, 262144, 524287, 524288, 524289, 600000, 4194304, 4194305]
MOST_BYTES = 12 << 20


class Sums:
    """A program with one text for each name, and the texts that the model says."""

    def __init__(self, seed: int, drv: dict[int, bytes], *, is_small: bool = False) -> None:
        self.random = random.Random(seed)
        self.drv = drv
        self.texts: list[Text] = []
        self.bindings: list[str] = []
        # Few programs have texts of megabytes, because these take long.
        self.most = 70_000 if is_small else self.random.choice([70_000, 70_000, 70_000, 1_500_000, MOST_BYTES])
        self.counts = [1, 2, 20, 50] if is_small else [1, 2, 20, 300, 2000]
        for _ in range(self.random.randint(4, 10 if is_small else 30)):
            self.add()

    def any(self) -> tuple[str, Text]:
        """A name and its text, mostly of one of the last ones."""
        last = len(self.texts) - 1
        at = max(0, last - int(self.random.expovariate(0.5))) if self.random.random() < 0.7 else self.random.randint(0, last)
        return f"t{at}", self.texts[at]

    def small(self) -> tuple[str, Text]:
        what = self.random.random()
        if what < 0.2:
            number = self.random.choice(sorted(self.drv))
            return f"(drv {number})", (self.drv[number], frozenset([number]))
        content = "".join(self.random.choice("abc d") for _ in range(self.random.choice([0, 1, 2, 7, 8, 9, 15, 16, 17, 30])))
        return f'"{content}"', (content.encode(), frozenset())

    def operand(self) -> tuple[str, Text]:
        return self.any() if self.texts and self.random.random() < 0.5 else self.small()

    def made(self) -> tuple[str, Text]:
        size = self.random.choice([size for size in SIZES if size <= self.most]) + self.random.choice([0, 0, 1, 5])
        unit = self.random.choice(["abcdefg", "x", "0123456789abcdef"])
        count = size // len(unit) + 1
        content = (unit * count)[:size].encode()
        return f'(substring 0 {size} (concatStringsSep "" (genList (i: "{unit}") {count})))', (content, frozenset())

    def add(self) -> None:
        what = self.random.random()
        if not self.texts or what < 0.1:
            expression, text = self.made()
        elif what < 0.4:
            expression, text = self.sum([self.any(), *[self.operand() for _ in range(self.random.choice([1, 1, 1, 2, 3, 9]))]])
        elif what < 0.5:
            expression, text = self.sum([self.operand() for _ in range(self.random.choice([2, 2, 3, 10]))])
        elif what < 0.7:
            expression, text = self.fold()
        elif what < 0.8:
            expression, text = self.cut()
        elif what < 0.85:
            name, text = self.any()
            expression, text = f"(head (attrNames {{ ${{builtins.unsafeDiscardStringContext {name}}} = 1; }}))", (text[0], frozenset())
        elif what < 0.9:
            name, (content, _) = self.any()
            expression, text = f"(builtins.unsafeDiscardStringContext {name})", (content, frozenset())
        elif what < 0.95:
            name, text = self.any()
            expression = f"(seq (garbage {self.random.choice(self.counts) * 15}) {name})"
        else:
            name, (content, context) = self.any()
            expression, text = f'(builtins.replaceStrings [ "a" ] [ "bb" ] {name})', (content.replace(b"a", b"bb"), context)
        if len(text[0]) > self.most:
            return
        self.bindings.append(f"  t{len(self.texts)} = {expression};\n")
        self.texts.append(text)

    def sum(self, parts: list[tuple[str, Text]]) -> tuple[str, Text]:
        content = b"".join(part for _, (part, _) in parts)
        context = frozenset().union(*(context for _, (_, context) in parts))
        names = [name for name, _ in parts]
        if self.random.random() < 0.3:
            return '"' + "".join(f"${{{name}}}" for name in names) + '"', (content, context)
        if self.random.random() < 0.2:
            return "(" + " + (".join(names) + ")" * len(names), (content, context)
        return "(" + " + ".join(names) + ")", (content, context)

    def fold(self) -> tuple[str, Text]:
        name, (content, context) = self.any()
        added, (piece, more) = self.small()
        count = self.random.choice(self.counts)
        if self.random.random() < 0.2 and len(content) < self.most // 16:
            times = self.random.choice([1, 2, 4])
            return f"(foldl' (a: i: a + a) {name} (genList (i: i) {times}))", (content * 2**times, context)
        if self.random.random() < 0.5:
            pieces = b"".join(piece + b"%d" % i for i in range(count))
            return f"(foldl' (a: i: a + {added} + toString i) {name} (genList (i: i) {count}))", (content + pieces, context | more)
        return f"(foldl' (a: i: a + {added}) {name} (genList (i: i) {count}))", (content + piece * count, context | more)

    def cut(self) -> tuple[str, Text]:
        name, (content, context) = self.any()
        start = self.random.choice([0, 0, 1, 8, len(content) // 2])
        size = self.random.choice([0, 1, 16384, 20000, len(content), max(0, len(content) - start), len(content) // 2])
        return f"(substring {start} {size} {name})", (content[start : start + size], context)

    def program(self) -> str:
        # Each text is forced, some of them late, and all are looked at only then.
        order = list(range(len(self.texts)))
        self.random.shuffle(order)
        forced = " ".join(f"t{at}" for at in order[: self.random.randint(0, len(order))])
        seen = " ".join(f'"${{hashString "md5" (builtins.unsafeDiscardStringContext t{at})}} ${{toString (length (attrNames (getContext t{at})))}}"'
                        for at in range(len(self.texts)))  # fmt: skip
        compared = [(self.random.choice(order), self.random.choice(order)) for _ in range(4)]
        comparisons = " ".join(f'"${{toString (t{a} == t{b})}} ${{toString (t{a} < t{b})}}"' for a, b in compared)
        self.expected = [f"{hashlib.md5(content).hexdigest()} {len(context)}" for content, context in self.texts]
        self.expected += [f"{'1' if self.texts[a][0] == self.texts[b][0] else ''} {'1' if self.texts[a][0] < self.texts[b][0] else ''}" for a, b in compared]
        return PROLOGUE + "".join(self.bindings) + f"in deepSeq [ {forced} ] [ {seen} {comparisons} ]"


def derivations() -> dict[int, bytes]:
    from snowsnake.interpreter import Interpreter

    names = list(range(20))
    found = Interpreter().evaluate((PROLOGUE + f"in map drv [ {' '.join(map(str, names))} ]").encode(), "/").to_python()
    return {name: path.encode() for name, path in zip(names, found, strict=True)}


def faults(seed: int, drv: dict[int, bytes], *, stress: bool) -> list[str]:
    """What is wrong with the program of a seed, at both levels."""
    from snowsnake.interpreter import Interpreter

    # A collection at each safepoint takes as long as everything that is there is large.
    sums = Sums(seed, drv, is_small=stress)
    program = sums.program()
    found = []
    for level in (0, 1):
        answer = Interpreter(level=level, stress=stress).evaluate(program.encode(), "/").to_python()
        found += [f"level {level}: text {at}: {got} instead of {said}: {program}" for at, (got, said) in enumerate(zip(answer, sums.expected, strict=True)) if got != said]
    return found


def main() -> int:
    words = [word for word in sys.argv[1:] if word != "--stress"]
    count, first = int(words[0]), int(words[1])
    drv = derivations()
    for seed in range(first, first + count):
        print(f"\r{seed}", end="", file=sys.stderr, flush=True)
        if found := faults(seed, drv, stress="--stress" in sys.argv):
            print(f"\nseed {seed}:", *found, sep="\n")
            return 1
    print(f"\n{count} programs: nothing is wrong", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
