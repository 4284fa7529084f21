"""URLs of stores: every scheme in every form, right and wrong, for `nix store info --store URL`.

In: a folder.  Out: a world in it without network, daemon and ssh, and the answers of a command there.
"""

import os
from pathlib import Path

SCHEMES = ("auto", "local", "daemon", "unix", "dummy", "file", "http", "https", "s3", "ssh", "ssh-ng", "mounted-ssh-ng", "local-overlay", "nosuch", "http+unix", "")
_FORMS = (
    "", ":", ":/", "://", ":///", "://?", "://?x", "://?x&&y=1", "://?x=1", "://?priority=7", "://?priority=x", "://?priority=", "://?store=rel", "://?root=rel",
    "://?trusted=maybe", "://[", "://[::1", "://a b", "://%zz", "://host:99999", "://host:x", "://@", "://user@", "://:80", "://user@:80", "://?%",
    "://?a=%zz", "?x=1", "?x", "#f", "://#f", "://?x#f", "://?store=/a/b&store=/c", "://?state=rel", "://?system-features=b a",
    "://?path-info-cache-size=-1", "://?read-only=true", "://?max-connections=x", "://?upper-layer=rel", "://?check-mount=maybe", "://\x7f", "://ü",
)  # fmt: skip
_FORMS_WITH_A_HOST = (":host", "://-o", "://host", "://host/a", "://user:word@host", "://[::1]", "://host?compression=nosuch", "://host?ssh-key=rel", "://host?compress=x")
# Stores that ask for the description of their cache at once, which would need a network.
_ASKED_AT_ONCE = ("http", "https", "s3")
FEATURES = "nix-command read-only-local-store mounted-ssh-store"
WORDS = ("nix", "store", "info", "--extra-experimental-features", FEATURES, "--store")


def urls() -> list[str]:
    forms = {scheme: (*_FORMS, *(_FORMS_WITH_A_HOST if scheme not in _ASKED_AT_ONCE else ())) for scheme in SCHEMES}
    return [scheme + form for scheme in SCHEMES for form in forms[scheme] if not _is_of_the_machine(scheme, form)]


def _is_of_the_machine(scheme: str, form: str) -> bool:
    """Whether the answer depends on what is in the root folder of this machine, or makes something there."""
    if scheme == "file":
        return form.partition("?")[0].partition("#")[0] in (":", ":/", "://", ":///")
    return scheme == "local" and "store=/a/b" in form


def make_world(folder: Path) -> None:
    """An ssh that reaches nobody, and a folder to be in."""
    (folder / "bin").mkdir()
    (folder / "work").mkdir()
    (folder / "bin/ssh").write_text("#!/bin/sh\nexit 255\n")
    (folder / "bin/ssh").chmod(0o755)


def environment(folder: str) -> dict[str, str]:
    return {
        "PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": f"{folder}/home", "TMPDIR": folder, "TERM": "dumb", "NIX_STORE_DIR": f"{folder}/store",
        "NIX_STATE_DIR": f"{folder}/state", "NIX_LOG_DIR": f"{folder}/log", "NIX_CONF_DIR": f"{folder}/conf", "NIX_DAEMON_SOCKET_PATH": f"{folder}/socket",
    }  # fmt: skip


def outcome(code: int, messages: bytes, folder: str) -> dict:
    return {"code": code, "said": messages.decode("utf-8", "backslashreplace").replace(folder, "DIR").splitlines()}
