{ inNixShell ? false, greeting ? "hello" }:
(import ../dev/pkgs { inherit inNixShell greeting; }) // { extra = (import ../dev/pkgs { }).files; }
