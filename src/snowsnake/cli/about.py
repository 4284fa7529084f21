"""The answer of a drop-in to `--version`, and the longer one with `-v`.

In: a program's name, settings.  Out: lines on stdout.
"""

from snowsnake.settings import Settings


def print_version(program: str, settings: Settings, verbosity: int = 0) -> None:
    """Prints Nix's line, of which scripts read the last word or what follows "(Nix) "; if `-v` came before `--version`, also the files and folders in use."""
    from snowsnake.version import NIX_VERSION, VERSION

    print(f"{program} (Nix) {NIX_VERSION}")
    if verbosity <= 0:
        return
    from snowsnake.settings.places import machine_file, state_folder, store_folder, user_files

    environment = settings.environment
    print(f"Evaluator: Snowsnake {VERSION}")
    print(f"System type: {settings['system']}")
    print(f"Additional system types: {', '.join(settings['extra-platforms'])}")
    print(f'System configuration file: "{machine_file(environment)}"')
    print(f"User configuration files: {':'.join(user_files(environment))}")
    print(f"Store directory: {store_folder(environment)}")
    print(f'State directory: "{state_folder(environment)}"')
