"""Options for building derivations, from nix.conf and the command line, as far as a builder needs them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from snowsnake.build.failure import BuildFailure
from snowsnake.build.progress import BuildProgress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field

    from snowsnake.store.signing import SecretKey
else:
    from snowsnake.store.light_dataclass import dataclass, field


@dataclass
class BuildOptions:
    """Options of a builder, with the names of nix.conf; sizes are in bytes, times in seconds, and 0 means no limit.

    What is built: *checks*: the requested outputs are valid already, and are built again to be compared.  *repairs*: maps a derivation to its outputs
    that are built again because they are damaged.  *unavailable*: paths that a substituter offered but failed to deliver; derivations that would build
    them fail.  *substitute*: tries to fetch outputs whose paths became known during the build.  *fetch(url, folder)*: downloads a file into a folder and
    returns its path.  *check*: called often; raises an exception to stop the builds.

    What is recorded: *knows_realisations*: the paths of built outputs are recorded (the feature `ca-derivations`); derivations with fixed outputs are
    resolved, too.  *secret_key_files*: files of the keys that sign built outputs.  *log_folder*: the folder of logs; None if logs are not kept.

    Programs of the user: *hook_config*: the settings for Nix commands that `post_build_hook` calls, in the form of nix.conf.  *diff_hook*: the program
    that gets both outputs if a result differs.  *build_hook*: the command line of the program that builds on other machines, empty if there is none;
    *hook_settings*: the settings that it gets; *poll_s*: the interval at which it is asked again while all machines are busy.  *external_builders*: entries
    of the setting, each a program that builds for some systems in our place; *knows_external_builders*: whether the feature of that name is on.

    What is reported: *on_message(text, is_log)* gets text for the user; *is_log* is true for a line of a builder's log.  *on_failure* gets failures that
    are not raised; *on_warning*, *on_note* and *on_fault* get other messages, of which `--quiet` leaves out notes; *on_remark(level, text)* gets messages of
    and about builders, with C++ Nix's levels.  *on_event(facts, text, is_log)*, if there is one, gets what concerns a builder in place of *on_message*,
    with C++ Nix's event.  *follows_events*: events also say how much there is to do (*progress*).  *is_quiet*: the start of a build is not shown.
    *names_logs*: lines of logs begin with the name of their derivation.  *log_command*: the command that shows the whole log of a derivation.
    *is_old_command*: the command is `nix-build` or the like, for which builds that never began count as failed, too.
    """

    max_jobs: int = 1
    cores: int = 0
    systems: tuple[str, ...] = ("x86_64-linux",)
    features: frozenset[str] = frozenset({"benchmark", "big-parallel", "ca-derivations", "nixos-test"})
    sandbox: str = "true"
    sandbox_fallback: bool = True
    sandbox_paths: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    sandbox_build_dir: str = "/build"
    sandbox_shm_size: str = "50%"
    build_dir: str | None = None
    keep_failed: bool = False
    keep_going: bool = False
    checks: bool = False
    repairs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    knows_realisations: bool = False
    unavailable: set[str] = field(default_factory=set)
    substitute: Callable[[list[str]], None] = lambda items: None
    post_build_hook: str = ""
    secret_key_files: tuple[str, ...] = ()
    hook_config: str = ""
    timeout_s: int = 0
    max_silent_s: int = 0
    max_log_size: int = 0
    log_lines: int = 25
    shows_log_tail: bool = True
    is_quiet: bool = False
    names_logs: bool = False
    log_command: str = "nix log"
    is_old_command: bool = True
    log_folder: str | None = None
    compresses_logs: bool = True
    external_builders: tuple[Mapping[str, Any], ...] = ()
    knows_external_builders: bool = False
    diff_hook: str = ""
    build_hook: tuple[str, ...] = ()
    hook_settings: Mapping[str, str] = field(default_factory=dict)
    poll_s: int = 5
    verbosity: int = 3
    impure_env: Mapping[str, str] = field(default_factory=dict)
    fetch: Callable[[str, str], str] | None = None
    on_message: Callable[[str, bool], None] = lambda text, is_log: None
    on_warning: Callable[[str], None] = lambda text: None
    on_note: Callable[[str], None] = lambda text: None
    on_fault: Callable[[str], None] = lambda text: None
    on_event: Callable[[dict[str, Any], str, bool], None] | None = None
    follows_events: bool = False
    progress: BuildProgress = field(default_factory=BuildProgress)
    on_remark: Callable[[int, str], None] = lambda level, text: None
    on_failure: Callable[[BuildFailure], None] = lambda failure: None
    check: Callable[[], None] = lambda: None

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any] | Any, **others: Any) -> BuildOptions:
        """The options from the settings of nix.conf; *others*: further fields, which nix.conf does not have."""
        systems = (settings["system"], *settings["extra-platforms"])
        return cls(
            max_jobs=settings["max-jobs"],
            cores=settings["cores"],
            systems=systems,
            features=frozenset(settings["system-features"]) | ({"ca-derivations"} & set(settings["experimental-features"])),
            sandbox=settings["sandbox"],
            sandbox_fallback=settings["sandbox-fallback"],
            sandbox_paths=dict(settings["sandbox-paths"]),
            sandbox_build_dir=settings["sandbox-build-dir"],
            sandbox_shm_size=settings["sandbox-dev-shm-size"],
            build_dir=settings["build-dir"],
            keep_failed=settings["keep-failed"],
            post_build_hook=settings["post-build-hook"],
            secret_key_files=tuple(settings["secret-key-files"]),
            knows_realisations="ca-derivations" in settings["experimental-features"],
            keep_going=settings["keep-going"],
            timeout_s=settings["timeout"],
            max_silent_s=settings["max-silent-time"],
            max_log_size=settings["max-build-log-size"],
            log_lines=settings["log-lines"],
            log_command="nix log" if "nix-command" in settings["experimental-features"] else "nix-store -l",
            compresses_logs=settings["compress-build-log"],
            external_builders=tuple(settings["external-builders"]),
            knows_external_builders="external-builders" in settings["experimental-features"],
            diff_hook=settings["diff-hook"] or "" if settings["run-diff-hook"] else "",
            poll_s=settings["build-poll-interval"],
            impure_env=settings["impure-env"],
            **others,
        )

    def external_builder(self, system: str) -> Mapping[str, Any] | None:
        """The entry of the first program that builds for a system in our place; None if there is none."""
        return next((builder for builder in self.external_builders if system in builder["systems"]), None)

    @cached_property
    def secret_keys(self) -> list[SecretKey]:
        from snowsnake.store.signing import SecretKey

        return [SecretKey.read(path) for path in self.secret_key_files]

    @property
    def core_count(self) -> int:
        return self.cores or os.cpu_count() or 1
