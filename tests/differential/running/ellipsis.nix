{ system ? "x86_64-linux", ... }@given: assert !(given ? inNixShell); (import ./dev/pkgs { }).plain
