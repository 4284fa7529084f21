"""Signatures of commits: `git verify-commit`, with only the keys that an input names."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import tempfile

from snowsnake.fetch.errors import FetchFailure

# These are OpenSSH's names for the kinds of keys, in the order in which the error of C++ Nix lists them.
_KINDS = {
    "ssh-ed25519-sk": "sk-ssh-ed25519@openssh.com",
    "ssh-rsa": "ssh-rsa",
    "ssh-dsa": "ssh-dsa",
    "ssh-ecdsa": "ssh-ecdsa",
    "ssh-ecdsa-sk": "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-ed25519": "ssh-ed25519",
}


def verify(folder: str, rev: str, keys: list[tuple[str, str]]) -> None:
    """Raises FetchFailure unless one of the *keys*, (kind, base64), signed the commit."""
    lines, prints = [], []
    for kind, key in keys:
        if kind not in _KINDS:
            known = "".join(f"  {name}\n" for name in _KINDS)
            raise FetchFailure(f"Invalid SSH key type '{kind}' in publicKeys.\nPlease use one of:\n{known}")
        # As in C++ Nix, the key ends at the first `=`, and bits that make no byte do not count.
        text = key.partition("=")[0].replace("\n", "")
        wrong = re.search(r"[^A-Za-z0-9+/]", text)
        if wrong is not None:
            raise FetchFailure(
                f"invalid character in Base64 string: '{wrong[0]}'", [f"while decoding public key '{key}' used for git signature"]
            )
        text = text[:-1] if len(text) % 4 == 1 else text
        raw = base64.b64decode(text + "=" * (-len(text) % 4))
        lines.append(f"* {_KINDS[kind]} {key}\n")
        prints.append(base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("="))
    with tempfile.NamedTemporaryFile("w", prefix="snowsnake-signers-") as signers:
        signers.write("".join(lines))
        signers.flush()
        try:
            done = subprocess.run(
                ["git", "-c", f"gpg.ssh.allowedSignersFile={signers.name}", "-C", folder, "verify-commit", rev],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            )      # fmt: skip
        except OSError as error:
            raise FetchFailure(f"executing 'git': {error.strerror}") from None
    output = os.fsdecode(done.stdout)
    # Git also accepts commits that a key of the user's own agent signed, so we compare the fingerprint of the key.
    found = re.search(r'Good "git" signature for \* with .* key SHA256:([A-Za-z0-9+/]*)', output)
    if done.returncode != 0 or found is None or found[1] not in prints:
        raise FetchFailure(f"Commit signature verification on commit {rev} failed: {output}")
