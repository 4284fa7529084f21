"""Programs broken on purpose: bytes of working ones changed, dropped, doubled, or joined with those of others."""

import random

TOKENS = [
    b"{", b"}", b"(", b")", b"[", b"]", b";", b"=", b"==", b"//", b"++", b"->", b"&&", b"||", b"!", b"?", b"@", b":", b".", b"...", b",", b'"', b"''",
    b"${", b"let ", b" in ", b"rec ", b"with ", b"assert ", b"if ", b" then ", b" else ", b"inherit ", b" or ", b"''${", b"''\\", b"\\", b"<a>", b"./a", b"~/a", b"/",
    b"0x1", b"1.", b".5", b"1e5", b"99999999999999999999", b"#", b"/*", b"*/", b"\n", b"\r", b"\t", b"\0", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"a:b", b"__curPos", b"|>", b"<|",
]  # fmt: skip


def mutated(source: bytes, others: list[bytes], random_: random.Random) -> bytes:
    data = bytearray(source)
    for _ in range(random_.choice([1, 1, 1, 2, 3, 8])):
        place = random_.randint(0, len(data))
        length = min(random_.choice([1, 1, 2, 5, 20]), len(data) - place)
        how = random_.randrange(7)
        if how == 0:
            data[place:place] = random_.choice(TOKENS)
        elif how == 1:
            data[place : place + length] = random_.choice(TOKENS)
        elif how == 2:
            del data[place : place + length]
        elif how == 3 and length:
            data[place] ^= 1 << random_.randrange(8)
        elif how == 4:
            data[place:place] = data[place : place + length] * random_.choice([1, 1, 3, 50])
        elif how == 5:
            other = random_.choice(others)
            start = random_.randint(0, len(other))
            data[place:place] = other[start : start + random_.choice([1, 5, 30])]
        elif length:
            other_place = random_.randint(0, len(data) - length)
            data[place : place + length], data[other_place : other_place + length] = (
                data[other_place : other_place + length],
                data[place : place + length],
            )
    return bytes(data[:20000])
