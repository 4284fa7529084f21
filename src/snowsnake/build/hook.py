"""The user's programs: `post-build-hook` runs after each build, `diff-hook` when a result differs from the valid one.

In: a program, built outputs.  Out: the program's lines, for the user; a `BuildFailure` if a `post-build-hook` fails.
"""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Callable, Iterable

from snowsnake.build.failure import BuildFailure
from snowsnake.build.options import BuildOptions
from snowsnake.foundation.program_ends import failed_text

_POLL_S = 0.1
_PIECE_BYTES = 1 << 16


def run_hook(drv_path: str, outputs: Iterable[str], options: BuildOptions) -> None:
    """Runs the `post-build-hook`, and waits for it; BuildFailure if it fails.

    It finds the derivation in DRV_PATH and the outputs in OUT_PATHS; NIX_CONFIG has our settings for Nix commands that it calls.
    """
    program = options.post_build_hook
    environment = os.environ | {"DRV_PATH": drv_path, "OUT_PATHS": " ".join(sorted(outputs)), "NIX_CONFIG": options.hook_config}
    try:
        process = subprocess.Popen(
            [program], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
    except OSError as error:
        raise BuildFailure(f"executing '{program}': {error.strerror}", drv_path, 1) from None
    assert process.stdout is not None
    rest = bytearray()
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                options.check()
                if not selector.select(_POLL_S):
                    continue
                data = os.read(process.stdout.fileno(), _PIECE_BYTES)
                if not data:
                    break
                *lines, last = data.split(b"\n")
                for line in lines:
                    rest += line
                    _tell(rest, options)
                    rest.clear()
                rest += last
        if rest:
            _tell(rest, options)
        status = process.wait()
    except BaseException:
        os.killpg(process.pid, 9)
        process.wait()
        raise
    finally:
        process.stdout.close()
    if status:
        raise BuildFailure(f"program '{program}' {failed_text(status)}", drv_path, 1)


def _tell(line: bytes | bytearray, options: BuildOptions) -> None:
    options.on_message("post-build-hook: " + line.decode("utf-8", "surrogateescape"), True)


def run_diff_hook(words: list[str], user: int | None, on_fault: Callable[[str], None]) -> None:
    """Runs the `diff-hook`; *on_fault* gets what it prints, or why it failed.

    *words*: the program, the valid output, the other one, the derivation, the builder's folder.  *user*: the user that the program runs as; None for ours.
    """
    try:
        done = subprocess.run(
            words, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, user=user, group=user,
            extra_groups=None if user is None else [],
        )  # fmt: skip
    except OSError as error:
        on_fault(f'error: executing "{words[0]}": {error.strerror}')
        on_fault(f'error: diff hook execution failed: diff-hook program "{words[0]}" {failed_text(1)}')
        return
    if done.returncode:
        on_fault(f'error: diff hook execution failed: diff-hook program "{words[0]}" {failed_text(done.returncode)}')
    elif done.stdout:
        on_fault(done.stdout.decode("utf-8", "surrogateescape").rstrip())
