(import ../../dev/pkgs { }).plain
