"""A process that writes to an embedded store without end, for `test_store_local.py`: it is killed while it does.

usage: python store_writer.py ROOT SEED
"""

import random
import sys
from pathlib import Path

from snowsnake.store import DerivationMemory, LocalStore


def write(root: str, seed: int) -> None:
    chance = random.Random(seed)
    source = Path(root).parent / f"source-{seed}"
    (source / "sub").mkdir(parents=True, exist_ok=True)
    while True:
        with LocalStore(root, durable=chance.random() < 0.2) as store:
            memory = DerivationMemory()
            last = []
            for _ in range(chance.randrange(1, 40)):
                number = chance.randrange(300)  # the other processes write the same objects
                text = store.add_text(f"text-{number}", str(number).encode() * (number * 50))
                path, _, drv = memory.finish(
                    f"drv-{number}", system="x", builder="b", env={"n": str(number)}, input_srcs=[text], input_drvs=last
                )
                store.add_derivation(drv, path, path)
                last = [(path, "out")]
                if chance.random() < 0.1:
                    (source / "sub" / "file").write_text(str(number) * 3000)
                    (source / "link").unlink(missing_ok=True)
                    (source / "link").symlink_to(str(number))
                    store.add_source(f"tree-{number}", source)
                if chance.random() < 0.1:
                    store.flush()


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
