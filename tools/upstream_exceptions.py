"""The tests of upstream that do not pass, with the reasons, and those about other subjects: tools/upstream_tests.py compares with this table.

In: nothing.  Out: `REASONS` by test, `ELSEWHERE`: names of tests by subject.
"""

REASONS = {
    "ca/duplicate-realisation-in-closure": "skips itself: broken upstream",
    "cli-characterisation": "`nix-env --install`, which we leave to Nix; a stack overflow has no place in our reports; its other cases pass",
    "dyn-drv/old-daemon-error-hack": "skips itself: it is about daemons before 2.18",
    "extra-sandbox-profile": "skips itself: it is for macOS",
    "help": "skips itself where `man` is missing",
    "lang": "some reports differ in lines of traces (differences.md); values agree",
    "lang-gc": "skips itself",
    "impure-env": "C++ Nix fails it as root, too",
    "linux-sandbox": "skips itself where the shell is in no Nix store",
    "misc": "asks for the message that `man` is missing; our help needs none (differences.md)",
    "nars": "`use-case-hack`, a setting for macOS",
    "ca/repl": "as `repl`",
    "repl": "in one of its 14 recorded sessions, `:doc` of functors that call themselves without end has fewer lines in its trace; all else passes",
    "read-only-store": "as root nothing is read-only; its other steps pass",
    "nested-sandboxing": "builds with a Nix that lies in `/nix/store`; elsewhere C++ Nix fails it, too",
    "local-overlay-store/stale-file-handle": "skips itself where the kernel shows no stale handles",
    "structured-attrs": "`nix print-dev-env` asks the flake registry for nixpkgs; C++ Nix fails there, too",
    "remote-store": "`nix-env --install`, which we leave to Nix; what comes before passes",
    "supplementary-groups": "skips itself where there is no static busybox; otherwise asks that a build fails where other groups cannot be left, and ours has none",
}
# These skip themselves where the PATH has no static busybox with one applet, such as nixpkgs' `busybox-sandbox-shell`.
WITHOUT_BUSYBOX = (
    "build-remote-content-addressed-fixed build-remote-content-addressed-floating build-remote-input-addressed build-remote-trustless-should-fail-0 "
    "build-remote-trustless-should-pass-0 build-remote-trustless-should-pass-1 build-remote-trustless-should-pass-2 build-remote-trustless-should-pass-3 "
    "build-remote-with-mounted-ssh-ng "
    "local-overlay-store/add-lower local-overlay-store/bad-uris local-overlay-store/build local-overlay-store/check-post-init local-overlay-store/delete-duplicate "
    "local-overlay-store/delete-refs local-overlay-store/gc local-overlay-store/optimise local-overlay-store/redundant-add local-overlay-store/verify"
).split()
# These pass without a daemon.
THROUGH_DAEMON: dict[str, str] = {}
ELSEWHERE = {
    "garbage collection, profiles, channels": (
        "bash-profile gc-auto gc-concurrent gc-non-blocking gc-runtime nix-channel nix-collect-garbage-d nix-profile "
        "user-envs user-envs-migration"
    ).split(),
    "builds that call Nix": "ca/recursive dyn-drv/dep-built-drv-2 dyn-drv/recursive-mod-json recursive".split(),
    "caches of others": "binary-cache-build-remote db-migration".split(),
    "debugger": ["debugger"],
    "the C++ library and its plug-ins": "plugins test-libstoreconsumer".split(),
    "the test suite itself": "characterisation-test-infra test-infra".split(),
}
