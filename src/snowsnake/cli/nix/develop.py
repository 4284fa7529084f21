"""`nix develop` and `nix print-dev-env`: the environment of a derivation's builder, in a shell, or as a script.

In: a `Call`.  Out: this process becomes bash; `nix print-dev-env` prints a script, or JSON.
"""

import os
import tempfile

from snowsnake.build.structured import quoted
from snowsnake.cli.building import report_missing
from snowsnake.cli.executing import changed_environment, execute
from snowsnake.cli.hand_on import NotOurs
from snowsnake.cli.nix.build import make_valid
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.nix.installables import Installables, Target, output_paths
from snowsnake.cli.nix.results import outputs_of
from snowsnake.cli.nix.store import asked
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import write_text
from snowsnake.cli.profiles import switch_profile
from snowsnake.cli.shells.environment import BuildEnvironment
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.log_numbers import DEBUG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.lock.references import Reference
    from snowsnake.store.interface import Store

# Options for single phases of a build, with the names of the phases.
_PHASES = {"unpack": "unpack", "configure": "configure", "build": "build", "check": "check", "install": "install", "installcheck": "installCheck"}


def develop(call: Call) -> None:
    """`nix develop`."""
    given = call.given
    with asked(call, is_writable=True) as installables:
        found, path = _environment(call, installables)
        folder = tempfile.mkdtemp(prefix="nix-develop-") if found.attribute_files else ""
        script = _script(call, installables, found, folder)
        number, place = tempfile.mkstemp(prefix="nix-shell.")
        # Bash then prints each command that it runs.
        if call.reporter.verbosity >= DEBUG:
            script += "set -x\n"
        script += f"command rm -f '{place}'\n"
        phase = _phase(call)
        command = given.texts("command")
        if phase and command:
            raise UsageError("you cannot use both '--command' and '--phase'")
        if phase:
            # buildPhase sets the variable `foundMakefile`, which installPhase asks for.
            script += f"foundMakefile=1\nrunHook {phase}Phase\n"
        elif command:
            script += f"exec {' '.join(map(quoted, command))}\n"
        else:
            script = _interactive(call, script)
        environment = changed_environment(call)
        shell = _interactive_bash(call, installables)
        environment |= {"NIX_GCROOT": path, "SHELL": shell or "bash"}
        script += f'SHELL="{shell or "bash"}"\n'
        if shell:
            script += f'PATH="{os.path.dirname(shell)}${{PATH:+:$PATH}}"\n'
        with open(number, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(script)
        if phase and installables.output is not None and installables.output.source_path:
            os.chdir(installables.output.source_path)
        words = [place] if phase or command else ["--rcfile", place]
        execute(installables.store, shell or "bash", words, environment, looks_up=True, name="bash")


def print_dev_env(call: Call) -> None:
    """`nix print-dev-env`."""
    with asked(call, is_writable=True) as installables:
        found, _ = _environment(call, installables)
        if call.given.flag("json"):
            print_json(found.to_json(), call)
            return
        with tempfile.TemporaryDirectory(prefix="nix-dev-env-") as folder:
            write_text(_script(call, installables, found, folder))


def _environment(call: Call, installables: Installables) -> tuple[BuildEnvironment, str]:
    """The environment that the word of a call means, and the store object that it was read from."""
    from snowsnake.cli.shells.derivations import add_environment_derivation, environment_of
    from snowsnake.flake.session import package_places

    if call.given.flag("debugger"):
        raise NotOurs("'--debugger'")
    system = call.settings["system"]
    defaults, prefixes = package_places(system)
    installables.defaults = (f"devShells.{system}.default", f"devShell.{system}", *defaults)
    installables.prefixes = (f"devShells.{system}.", *prefixes)
    word = call.words[0] if call.words else "."
    targets = installables.targets([word])
    store = installables.store
    if len(targets) == 1 and targets[0].outputs is None and targets[0].path.endswith("-env"):
        # A profile keeps the environment itself.
        path = targets[0].path
    else:
        derivations = sorted({_derivation(target, installables.called(word)) for target in targets})
        if len(derivations) != 1:
            raise EvaluationError(
                "value", f"'{installables.called(word)}' needs to evaluate to a single derivation, but it evaluated to {len(derivations)} derivations"
            )
        made = add_environment_derivation(store, derivations[0])
        _build(store, made)
        path = environment_of(store, made)
    if call.given.flag("profile"):
        switch_profile(store, call.given.text("profile"), path)
    return BuildEnvironment(store.read(path)), path


def _build(store: "Store", drv_path: str) -> None:
    """Builds an environment derivation, and shows no plan for it."""
    from snowsnake.cli.building import BuildErrors

    with BuildErrors(tells_kind=True):
        store.realise([f"{drv_path}!*"])


def _phase(call: Call) -> str:
    """The phase of a build that the options name; empty if they name none."""
    key = call.given.last_of("phase", *_PHASES)
    return call.given.text("phase") if key == "phase" else _PHASES.get(key, "")


def _derivation(target: Target, called: str) -> str:
    if target.outputs is None and not target.path.endswith(".drv"):
        raise EvaluationError("value", f"argument '{called}' did not evaluate to a derivation")
    return target.path


def _script(call: Call, installables: Installables, found: BuildEnvironment, folder: str) -> str:
    """The script that sets up an environment; files that it needs are written to *folder*."""
    outputs = os.path.join(os.getcwd(), "outputs")
    plain = found.script(outputs, {})
    redirected: dict[str, str] = {}
    for word, place in call.given.texts("redirect"):
        target_place = os.path.abspath(place)
        called, paths = _redirected(installables, word)
        for path in paths:
            if path not in plain:
                call.reporter.warning(f"'{called}' (path '{path}') is not used by this build environment")
                continue
            call.reporter.info(f"redirecting '{path}' to '\"{target_place}\"'")
            redirected[path] = target_place
    if found.attribute_files:
        redirected |= found.write_attribute_files(folder)
    return found.script(outputs, redirected)


def _redirected(installables: Installables, word: str) -> tuple[str, list[str]]:
    """What messages call a word of `--redirect`, and the outputs that it means, which are not built."""
    kept = installables.output, installables.defaults, installables.prefixes
    installables.defaults, installables.prefixes = (), None
    try:
        targets = installables.targets([word])
        report_missing(installables.store.missing([target.wanted for target in targets]), installables.call.reporter)
        return installables.called(word), [path for target in targets for path in output_paths(installables.store, target).values()]
    finally:
        installables.output, installables.defaults, installables.prefixes = kept


def _interactive(call: Call, script: str) -> str:
    """The script for an interactive shell: the user's `~/.bashrc` comes first, the prompt of nix.conf last."""
    settings = call.settings
    lines = ['[ -n "$PS1" ] && [ -e ~/.bashrc ] && source ~/.bashrc;', "shopt -u expand_aliases", script, "shopt -s expand_aliases"]
    prompt, prefix, suffix = settings["bash-prompt"], settings["bash-prompt-prefix"], settings["bash-prompt-suffix"]
    for text, form in ((prompt, "PS1={};"), (prefix, 'PS1={}"$PS1";'), (suffix, "PS1+={};")):
        if text:
            lines.append(f'[ -n "$PS1" ] && {form.format(quoted(text))}')
    return "\n".join(lines) + "\n"


def _interactive_bash(call: Call, installables: Installables) -> str:
    """The bash of nixpkgs, which can be used interactively; empty, after a message, if there is none."""
    try:
        path = _built_bash(call, installables)
        program = f"{path}/bin/bash"
        place = installables.store.real_path(path)
        if place is None or not os.path.exists(place + "/bin/bash"):
            raise EvaluationError("value", "package 'nixpkgs#bashInteractive' does not provide a 'bin/bash'")
    except (EvaluationError, ValueError) as error:
        if isinstance(error, EvaluationError) and error.code == "interrupt":
            raise
        call.reporter.note(f"error (ignored): {error.message if isinstance(error, EvaluationError) else error}")
        return ""
    return program


def _built_bash(call: Call, installables: Installables) -> str:
    """The store path of bash, from the input `nixpkgs` of the flake that is developed; without one, from the `nixpkgs` of the registries."""
    from snowsnake.cli.flake_options import lock_options, open_flakes
    from snowsnake.cli.nix.evaluate import open_session
    from snowsnake.cli.nix.flake_output import FlakeOutput

    reference: Reference | None = installables.output.nixpkgs if installables.output is not None else None
    installables.open_evaluation_store()
    session = open_session(call)
    flakes = open_flakes(call.given, call.reporter, session)
    if reference is None:
        reference, _ = flakes.reference("flake:nixpkgs", os.getcwd())
    locked = flakes.lock(reference, lock_options(call.given, flakes, call.reporter, overrides={}, updates=[]))
    paths = flakes.attribute_paths("bashInteractive", (), (f"legacyPackages.{call.settings['system']}.",))
    output = FlakeOutput(session, flakes, locked, reference, paths, is_refreshed=call.given.flag("refresh"))
    target = installables.of_output(session, output, "bashInteractive", None)[0]
    make_valid(call, installables.store, [target])
    return outputs_of(installables.store, target)[0][1]
