"""What nix-update does: one evaluation finds all facts about a package, as an object, and an edit writes another version in its place.

python examples/update_package.py
"""

import dataclasses
import tempfile
from pathlib import Path

import snowsnake
from snowsnake.editing import Edits

PACKAGE = """\
{ mkDerivation, fetchurl }:

mkDerivation rec {
  pname = "hello";
  version = "2.12"; # the newest

  src = fetchurl {
    url = "mirror://gnu/hello-${version}.tar.gz";
    hash = "sha256-old";
  };
}
"""


@dataclasses.dataclass
class Source:
    url: str
    hash: str


@dataclasses.dataclass
class Package:
    pname: str
    version: str
    src: Source


with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "default.nix")
    file.write_text(PACKAGE)
    nix = snowsnake.Evaluator()
    value = nix.evaluate_file(file)(mkDerivation=lambda attributes: attributes, fetchurl=lambda attributes: attributes)
    package = value.decode(Package)
    print(f"{package.pname} {package.version} from {package.src.url}")
    place = value.position("version")
    assert place is not None
    print("its version is in line", place.line)

    edits = Edits(file.read_text(), name="default.nix")
    edits.at(place.line, place.column, "2.13").set("src.hash", "sha256-new")
    file.write_text(edits.text)
    assert nix.changed([file])
    again = nix.evaluate_file(file)(mkDerivation=lambda attributes: attributes, fetchurl=lambda attributes: attributes)
    print("now", again.decode(Package))
    print(file.read_text(), end="")
