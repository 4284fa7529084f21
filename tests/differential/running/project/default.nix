(import ../dev/pkgs { }).fixed
