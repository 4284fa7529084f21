"""Programs that build for other systems in our place (`external-builders`): an emulator, or a way to another machine.

In: an entry of the setting, what a builder would get.  Out: a running process.  The program reads the facts of the build from a JSON file, whose name is
its last argument; it puts the outputs into the store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from snowsnake.build.attributes import Attributes
from snowsnake.build.failure import Refused
from snowsnake.build.process import Running, start
from snowsnake.build.request import BuildRequest
from snowsnake.build.watcher import Watcher
from snowsnake.foundation.program_ends import failed_text
from snowsnake.store.derivation import Derivation, require_feature
from snowsnake.store.local import LocalStore

# The builder is to see its folder at this path; the program has to arrange that.
INSIDE = "/build"


def check_external(is_known: bool, attributes: Attributes) -> None:
    """Raises Refused if such a program may not, or cannot, make the build.  *is_known*: the experimental feature is on."""
    try:
        require_feature("external-builders", frozenset({"external-builders"} if is_known else ()))
    except ValueError as error:
        raise Refused(str(error)) from None
    if "recursive-nix" in (attributes.words("requiredSystemFeatures") or ()):
        raise Refused("'recursive-nix' is not supported yet by external derivation builders")


def external_not_started(external: Mapping[str, Any], error: OSError) -> Refused:
    """The failure of a build whose program could not be started."""
    why = (error.strerror or str(error)).removesuffix(f": '{external['program']}'")
    return Refused(f'executing "{external["program"]}": {why}', trace=("while setting up the build environment",))


class Greeting:
    """The lines that such a program prints before the builder runs; a line with the byte 2 ends them, and the builder's log follows.

    >>> greeting = Greeting("x.drv")
    >>> greeting.rest(b"starting\\n"), greeting.rest(b"\\2\\nlog"), greeting.is_over
    (b'', b'log', True)
    """

    def __init__(self, drv_path: str) -> None:
        self._drv_path = drv_path
        # This holds the beginning of a line that has not ended.
        self._rest = bytearray()
        self._lines: list[bytes] = []
        self.is_over = False

    def rest(self, data: bytes) -> bytes:
        """Takes *data* and returns its part that belongs to the log.  Refused if a line begins with the byte 1: the program cannot go on."""
        while not self.is_over:
            line, newline, data = data.partition(b"\n")
            self._rest += line
            if not newline:
                return b""
            line = bytes(self._rest)
            self._rest.clear()
            if line.startswith(b"\1"):
                raise Refused(line[1:].decode("utf-8", "surrogateescape") or "the builder could not be started", self._drv_path)
            if line.startswith(b"\2"):
                self.is_over = True
            else:
                self._lines.append(line)
        return data

    def fault(self, status: int) -> Refused:
        """The failure of a program that has ended before a builder ran.  *status*: its exit code, or minus its signal."""
        how = "succeeded" if status == 0 else failed_text(status)
        said = b"|".join(self._lines).decode("utf-8", "surrogateescape")
        trace = f"while waiting for the build environment for '{self._drv_path}' to initialize ({how}, previous messages: {said})"
        return Refused("unexpected EOF reading a line", self._drv_path, (trace,))


def start_external(
    external: Mapping[str, Any], store: LocalStore, drv: Derivation, request: BuildRequest, outputs: Mapping[str, str], folder: str, watcher: Watcher
) -> Running:
    """Starts the program; OSError if that cannot be done.  *folder*: the build's, in which the folder `build` is the builder's own."""
    file = os.path.join(folder, "build.json")
    facts = {
        "version": 1, "builder": drv.builder, "args": request.arguments, "env": request.environment, "topTmpDir": folder, "tmpDir": f"{folder}/build",
        "tmpDirInSandbox": INSIDE, "storeDir": store.store_dir, "realStoreDir": store.objects, "system": drv.system,
        "inputPaths": sorted(request.inputs), "outputs": dict(outputs),
    }  # fmt: skip
    with open(file, "x", encoding="utf-8", errors="surrogateescape") as stream:
        json.dump(facts, stream, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return start(external["program"], [*external["args"], file], os.environ, f"{folder}/build", watcher, is_trusted=True)
