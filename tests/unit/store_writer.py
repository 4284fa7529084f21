"""A process that writes to an embedded store without end, until `test_store_local.py` kills it.

Every second one evaluates Nix, the others use the store's library.

usage: python store_writer.py ROOT SEED
"""

import random
import sys
from pathlib import Path

from snowsnake import Evaluator
from snowsnake.store import DerivationMemory, LocalStore

EXPRESSION = """
  { number, source }:
  let
    text = builtins.toFile "text-${toString number}" (toString number);
    drv = n: derivation ({
      name = "drv-${toString n}"; system = "x"; builder = text; outputs = [ "out" "dev" ];
    } // (if n > number + 5 then { } else { input = (drv (n + 1)).dev; }));
    copy = builtins.path { path = source; name = "tree-${toString number}"; filter = p: t: number / 2 * 2 == number || t != "symlink"; };
  in [ (drv number).drvPath (builtins.readFile text) (builtins.attrNames (builtins.readDir copy)) ]
"""


def evaluate(root: str, seed: int) -> None:
    chance = random.Random(seed)
    source = source_folder(root, seed)
    while True:
        evaluator = Evaluator(store=root)
        function = evaluator.evaluate(EXPRESSION)
        for _ in range(chance.randrange(1, 20)):
            number = chance.randrange(300)
            change(source, number)
            function(number=number, source=str(source)).to_python()
        evaluator.flush()


def source_folder(root: str, seed: int) -> Path:
    source = Path(root).parent / f"source-{seed}"
    (source / "sub").mkdir(parents=True, exist_ok=True)
    return source


def change(source: Path, number: int) -> None:
    (source / "sub" / "file").write_text(str(number) * 3000)
    (source / "link").unlink(missing_ok=True)
    (source / "link").symlink_to(str(number))


def write(root: str, seed: int) -> None:
    chance = random.Random(seed)
    source = source_folder(root, seed)
    while True:
        with LocalStore(root, durable=chance.random() < 0.2) as store:
            memory = DerivationMemory()
            last = []
            for _ in range(chance.randrange(1, 40)):
                # The other processes write the same objects.
                number = chance.randrange(300)
                text = store.add_text(f"text-{number}", str(number).encode() * (number * 50))
                path, _, drv = memory.finish(
                    f"drv-{number}", system="x", builder="b", env={"n": str(number)}, input_srcs=[text], input_drvs=last
                )
                store.add_derivation(drv, path, path)
                last = [(path, "out")]
                if chance.random() < 0.1:
                    change(source, number)
                    store.add_source(f"tree-{number}", source)
                if chance.random() < 0.1:
                    store.flush()


if __name__ == "__main__":
    (evaluate if int(sys.argv[2]) % 2 else write)(sys.argv[1], int(sys.argv[2]))
