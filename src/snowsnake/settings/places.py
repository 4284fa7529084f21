"""The places of this machine and this user: configuration files, folders, channels.

In: environment variables.  Out: paths, and the text of a configuration file.  Every command loads this at its start: it imports little.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Environment = Mapping[str, str]


MACHINE_STORE, MACHINE_STATE = "/nix/store", "/nix/var/nix"


def absolute(path: str) -> str:
    """An absolute path without `.`, `..` and needless slashes; links are not followed."""
    if not path.startswith("/"):
        from snowsnake.settings.errors import SettingError

        raise SettingError(f'not an absolute path: "{path}"', is_usage=False)
    joined = os.path.normpath(path)
    return joined[1:] if joined.startswith("//") else joined


def configuration_folder(environment: "Environment") -> str:
    """The folder of the machine's nix.conf."""
    return absolute(environment.get("NIX_CONF_DIR") or "/etc/nix")


def state_folder(environment: "Environment") -> str:
    """The folder with the state of the machine's store."""
    return absolute(environment.get("NIX_STATE_DIR") or MACHINE_STATE)


def log_folder(environment: "Environment") -> str:
    """The folder with the logs of builds for the machine's store."""
    return absolute(environment.get("NIX_LOG_DIR") or "/nix/var/log/nix")


def daemon_socket(environment: "Environment") -> str:
    """The socket of the machine's daemon, if it has one."""
    return absolute(environment.get("NIX_DAEMON_SOCKET_PATH") or state_folder(environment) + "/daemon-socket/socket")


def store_folder(environment: "Environment") -> str:
    """The prefix of a store's paths, unless its URL says otherwise."""
    return absolute(environment.get("NIX_STORE_DIR") or environment.get("NIX_STORE") or MACHINE_STORE)


def data_folder(environment: "Environment") -> str:
    """The user's folder for what Nix's commands remember."""
    return xdg_folder(environment, "DATA")


def home(environment: "Environment") -> str:
    """The user's home folder: HOME, unless it belongs to somebody else."""
    folder = environment.get("HOME")
    if folder is not None:
        try:
            if os.stat(folder).st_uid == os.geteuid():
                return folder
        except OSError:
            return folder
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        if folder is not None:
            return folder
        from snowsnake.settings.errors import SettingError

        raise SettingError("cannot determine user's home directory", is_usage=False) from None


def xdg_folder(environment: "Environment", which: str) -> str:
    """The user's folder for Nix's `CONFIG`, `CACHE`, `DATA` or `STATE`."""
    if f"NIX_{which}_HOME" in environment:
        return environment[f"NIX_{which}_HOME"]
    if f"XDG_{which}_HOME" in environment:
        return os.path.join(environment[f"XDG_{which}_HOME"], "nix")
    below = {"CONFIG": ".config", "CACHE": ".cache", "DATA": ".local/share", "STATE": ".local/state"}[which]
    return os.path.join(home(environment), below, "nix")


def user_profile(environment: "Environment", *, uses_xdg: bool) -> str:
    """The link to the user's profile.  *uses_xdg*: the value of the setting `use-xdg-base-directories`."""
    return os.path.join(xdg_folder(environment, "STATE"), "profile") if uses_xdg else os.path.join(home(environment), ".nix-profile")


def default_expression(environment: "Environment", *, uses_xdg: bool) -> str:
    """The folder whose expressions `nix-env` takes without `--file`: the user's channels are in it.  *uses_xdg*: as for `user_profile`."""
    return os.path.join(xdg_folder(environment, "STATE"), "defexpr") if uses_xdg else os.path.join(home(environment), ".nix-defexpr")


def user_files(environment: "Environment") -> list[str]:
    """The user's configuration files, the most important first."""
    files = environment.get("NIX_USER_CONF_FILES")
    if files is not None:
        return [file or "." for file in files.split(":")] if files else []
    folders = [xdg_folder(environment, "CONFIG")]
    folders += [os.path.join(folder, "nix") for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if folder]
    return [os.path.join(folder, "nix.conf") for folder in folders]


def machine_file(environment: "Environment") -> str:
    """The machine's configuration file."""
    return os.path.join(configuration_folder(environment), "nix.conf")


def read(path: str) -> str | None:
    """The text of a configuration file; None if it cannot be read, which is not an error."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except (OSError, ValueError):
        # A path with a NUL is a ValueError.
        return None


def channel_entries(environment: "Environment", *, uses_xdg: bool = False) -> list[str]:
    """The entries of the search path for the channels of the user and of the machine that exist."""
    channels = os.path.join(default_expression(environment, uses_xdg=uses_xdg), "channels")
    profiles = os.path.join(state_folder(environment), "profiles/per-user/root/channels")
    candidates = [("", channels), ("nixpkgs=", profiles + "/nixpkgs"), ("", profiles)]
    return [prefix + path for prefix, path in candidates if os.path.exists(path)]
