"""Defaults that depend on the machine and on the environment: those that are `...` in the table.

In: environment variables.  Out: text in the form of nix.conf.  The environment replaces a default before any file is read, but
`config show --json` does not call it a default.
"""

import os

from snowsnake.settings.places import configuration_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Environment = Mapping[str, str]

# host/options.py has the same names.
_ARCHITECTURES = {"arm64": "aarch64", "i386": "i686"}
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt")
# The flags that a processor must have for each level of x86-64, besides those of the levels below.
_LEVELS = (
    ("x86_64-v1", "fpu cx8 cmov mmx fxsr sse sse2"),
    ("x86_64-v2", "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"),
    ("x86_64-v3", "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"),
    ("x86_64-v4", "avx512f avx512bw avx512cd avx512dq avx512vl"),
)


def system() -> str:
    """The system of this machine as Nix names it."""
    # The module `platform` would import regular expressions.
    names = os.uname()
    return f"{_ARCHITECTURES.get(names.machine, names.machine)}-{names.sysname.lower()}"


def _extra_platforms(environment: "Environment") -> str:
    if system() != "x86_64-linux":
        return ""
    flags: set[str] = set()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("flags"):
                    flags.update(line.partition(":")[2].split())
                    break
    except OSError:
        pass
    platforms = ["i686-linux"]
    for level, wanted in _LEVELS:
        if not flags.issuperset(wanted.split()):
            break
        platforms.append(level + "-linux")
    return " ".join(platforms)


def _system_features(environment: "Environment") -> str:
    found = ["benchmark", "big-parallel", "nixos-test"]
    if os.uname().sysname == "Linux":
        found.append("uid-range")
        if os.access("/dev/kvm", os.R_OK | os.W_OK):
            found.append("kvm")
    return " ".join(found)


def _certificates(environment: "Environment") -> str:
    return next((path for path in _CERTIFICATES if os.access(path, os.R_OK)), "")


DEFAULTS: "dict[str, Callable[[Environment], str]]" = {
    "build-users-group": lambda environment: "",
    "builders": lambda environment: f"@{configuration_folder(environment)}/machines",
    "extra-platforms": _extra_platforms,
    "netrc-file": lambda environment: f"{configuration_folder(environment)}/netrc",
    "ssl-cert-file": _certificates,
    "store": lambda environment: environment.get("NIX_REMOTE", "auto"),
    "system": lambda environment: system(),
    "system-features": _system_features,
}


def initial(name: str, environment: "Environment") -> str:
    """The value of one of these settings until somebody sets it: the environment may replace its default."""
    if name == "build-users-group" and os.getuid() == 0:
        return "nixbld"
    if name == "builders" and "NIX_REMOTE_SYSTEMS" in environment:
        return "\n".join("@" + file for file in environment["NIX_REMOTE_SYSTEMS"].split(":") if file)
    if name == "ssl-cert-file":
        named = environment.get("NIX_SSL_CERT_FILE", environment.get("SSL_CERT_FILE"))
        if named:
            return named
    return DEFAULTS[name](environment)


# Variables that switch a setting on: the setting, and the values of the variable that do so.
SWITCHES = {
    "NIX_ABORT_ON_WARN": ("abort-on-warn", ("1", "yes", "true")),
    "NIX_IGNORE_SYMLINK_STORE": ("allow-symlinked-store", ("1",)),
}
