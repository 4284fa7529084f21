"""What nixpkgs' update.py does with a process for each package: which packages have an update script, and how to call it.

python examples/updaters.py
"""

from dataclasses import dataclass

import snowsnake

PACKAGES = """{
  hello = { name = "hello-2.12"; pname = "hello"; version = "2.12"; updateScript = [ "update" "--minor" ]; meta.maintainers = [ { github = "ada"; } ]; };
  tool = { name = "tool-1"; pname = "tool"; version = "1"; updateScript = { command = [ "./update.sh" ]; supportedFeatures = [ "commit" ]; }; };
  plain = { name = "plain-3"; pname = "plain"; version = "3"; };
  broken = { name = "broken-0"; updateScript = throw "its script cannot be evaluated"; };
}"""


@dataclass
class Script:
    command: list[str]
    supportedFeatures: list[str]


@dataclass
class Updatable:
    name: str
    pname: str
    version: str
    updateScript: Script | list[str] | str | None = None

    def command(self) -> list[str] | None:
        script = self.updateScript.command if isinstance(self.updateScript, Script) else self.updateScript
        return [script] if isinstance(script, str) else script


def main() -> None:
    found = snowsnake.evaluate(PACKAGES).query("*", Updatable)
    for path, package in found.values.items():
        command = package.command()
        print(f"{path} {package.version}:", " ".join(command) if command else "no update script")
    for path, fault in found.faults.items():
        print(f"{path}: {fault}")


main()
