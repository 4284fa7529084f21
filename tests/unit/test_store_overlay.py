"""Stores over others (`local-overlay://`), on a real OverlayFS in namespaces of our own: our commands print and leave behind the same as 2.34.8's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from snowsnake.store.overlay import check_mount

WORLD = """
set -u
here="$1"; cd "$here"
mount -t tmpfs tmpfs "$here/w" || exit 77
cd w; w="$here/w"
mkdir -p below/nix/store above merged/nix/store work
mount -t overlay overlay -o "lowerdir=$w/below/nix/store,upperdir=$w/above,workdir=$w/work" merged/nix/store || exit 77
A="$w/below"
B="local-overlay://?root=$w/merged&lower-store=$w/below&upper-layer=$w/above"
printf one > one; printf two > two; mkdir tree; printf x > tree/x
remount() { mount -o remount merged/nix/store; }
printf '#!/bin/sh\\necho "remounting $1"; echo hook >> "%s/hooks"; mount -o remount "$1"\\n' "$w" > hook; printf '#!/bin/sh\\nexit 3\\n' > bad; chmod +x hook bad
above() { (cd above; find . -mindepth 1 -maxdepth 1 ! -name '.*' -printf '%f %y\\n' | sort); }
rows() { python3 -c 'import sqlite3, sys; print(*[row[0] for row in sqlite3.connect("file:merged/nix/var/nix/db/db.sqlite?mode=ro", uri=True).execute("select path from ValidPaths order by path")])'; }
"""
LINKED = """'derivation { name = "d"; system = "x"; builder = "b"; text = "${builtins.toFile "f" "text"}"; }'"""
SCRIPTS = {
    "what is below is there, and is not copied": """
        nix-store --store "$A" --add one
        p=$(nix-store --store "$B" --add one); echo $p; above; rows
        nix-store --store "$B" -q --hash $p; nix-store --store "$B" --verify-path $p; echo $?
    """,
    "what is added lies above": """
        p=$(nix-store --store "$B" --add tree); above; cat merged$p/x; echo
        nix-store --store "$A" -q --hash $p; ls below/nix/store
    """,
    "facts about what is below come with all that they refer to": f"""
        d=$(nix-instantiate --store "$A" -E {LINKED}); echo $d; rows
        nix-store --store "$B" -q --references $d; rows; nix-store --store "$B" -q -R $d; rows
        f=$(nix-store --store "$B" -q --references $d); nix-store --store "$B" -q --referrers $f; nix-store --store "$B" -q --outputs $d
        nix-instantiate --store "$B" -E {LINKED}; above
    """,
    "a hash part, a deriver and a dump": f"""
        d=$(nix-instantiate --store "$A" -E {LINKED}); h=${{d#/nix/store/}}
        nix store path-from-hash-part --store "$B" ${{h%%-*}}
        nix-store --store "$B" -q --valid-derivers $(nix-store --store "$B" -q --outputs $d)
        nix store dump-path --store "$B" $d | cksum; nix path-info --json --store "$B" $d | sed 's/"registrationTime":[0-9]*/T/'
    """,
    "two layers with one object: it goes from above, and what is below is seen": """
        p=$(nix-store --store "$B" --add one); nix-store --store "$A" --add one
        nix-store --store "$B&remount-hook=$w/hook" --delete $p; echo $?; cat hooks; above; cat merged$p; echo; rows
    """,
    "without a hook there is a warning": """
        p=$(nix-store --store "$B" --add one); nix-store --store "$A" --add one
        nix-store --store "$B" --delete $p; echo $?; above
    """,
    "a hook that fails": """
        p=$(nix-store --store "$B" --add one); nix-store --store "$A" --add one
        nix-store --store "$B&remount-hook=$w/bad" --delete $p; echo $?; above
    """,
    "what is only above goes without a hook": """
        p=$(nix-store --store "$B" --add one)
        nix-store --store "$B&remount-hook=$w/bad" --delete $p; echo $?; above; ls merged/nix/store
    """,
    "what is only below stays": """
        p=$(nix-store --store "$A" --add one); nix-store --store "$B" -q --hash $p
        nix-store --store "$B" --delete $p; echo $?; above; cat merged$p; echo; rows
    """,
    "referrers below do not hold what is above": f"""
        d=$(nix-instantiate --store "$B" -E {LINKED}); f=$(nix-store --store "$B" -q --references $d)
        nix-instantiate --store "$A" -E {LINKED}; remount
        nix-store --store "$B" --delete $f; echo $?
        nix-store --store "$B&remount-hook=$w/hook" --delete $d; echo $?
        nix-store --store "$B&remount-hook=$w/hook" --delete $f; echo $?; above
    """,
    "equal objects are removed above": """
        p=$(nix-store --store "$B" --add one); nix-store --store "$B" --add two; nix-store --store "$A" --add one; remount
        nix-store --store "$B&remount-hook=$w/hook" --optimise; echo $?; cat hooks; above; rows
    """,
    "garbage": """
        p=$(nix-store --store "$B" --add one); q=$(nix-store --store "$B" --add two); ln -s $q merged/nix/var/nix/gcroots/kept
        nix-store --store "$B" --gc 2>/dev/null; above; rows
    """,
    "damage above and below": """
        p=$(nix-store --store "$A" --add one); q=$(nix-store --store "$A" --add two); nix-store --store "$B" -q --hash $p
        chmod u+w below$p below$q; truncate -s 0 below$p; truncate -s 0 below$q; remount
        nix-store --store "$B" --verify --check-contents; echo $?
    """,
    "wrong mounts": """
        for u in "root=$w/other&lower-store=$A&upper-layer=$w/above" "root=$w/merged&lower-store=$w/other&upper-layer=$w/above" \\
            "root=$w/merged&lower-store=$A&upper-layer=$w/other" "root=$w/merged&lower-store=$A" "root=$w/merged" "root=$w/merged&lower-store=$A&upper-layer=rel" \\
            "root=$w/other&lower-store=$A&upper-layer=$w/above&check-mount=false"; do
            nix-store --store "local-overlay://?$u" --add one; echo $?
        done
    """,
    "an OverlayFS under another mount": """
        mkdir -p above2 work2; mount -t overlay overlay -o "lowerdir=$w/below/nix/store,upperdir=$w/above2,workdir=$w/work2" merged/nix/store
        nix-store --store "$B" --add one; echo $?; umount merged/nix/store; nix-store --store "$B" --add one; echo $?
    """,
    "settings of the store": """
        nix store info --store "$B"; nix store info --store "$B&nosuch=1"; nix store info --store "local-overlay://$w/merged?lower-store=$A&upper-layer=$w/above"
        nix copy --from "$A" --to "$B" --no-check-sigs $(nix-store --store "$A" --add one); above
    """,
    "signatures of what lies below": """
        p=$(nix-store --store "$A" --add one); nix key generate-secret --key-name k-1 > key; nix store sign --store "$B" -k key $p; echo $?
        nix path-info --sigs --store "$B" $p | cut -d: -f1; nix path-info --sigs --store "$A" $p | cut -d: -f1; rows
    """,
    "a copy out of it and into it": """
        p=$(nix-store --store "$A" --add one); q=$(nix-store --store "$B" --add two)
        nix copy --from "$B" --to "file://$w/cache" $p $q; ls cache | sort
        nix copy --to "$B" --from "file://$w/cache" --no-check-sigs $p $q; above; rows
    """,
}  # fmt: skip
DIFFERENT = {
    "a hook that fails": "2.34.8 says what the program was that failed, and how, in other words",
}


def in_namespaces(script: str, folder: Path, tools: str) -> tuple[int, str, str]:
    """The exit code and output of a script in namespaces of its own; *tools*: the folder of the commands."""
    folder.mkdir()
    (folder / "w").mkdir()
    environment = {
        "PATH": f"{tools}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}", "HOME": f"{folder}/home", "TMPDIR": str(folder), "TERM": "dumb",
        "NIX_CONF_DIR": f"{folder}/conf", "LIBMOUNT_FORCE_MOUNT2": "always",
        "NIX_CONFIG": "experimental-features = nix-command local-overlay-store\nbuild-users-group =\nsubstituters =\n",
    }  # fmt: skip
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", WORLD + script, "bash", str(folder)],
        env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode == 77 or (done.returncode and "unshare" in done.stderr):
        pytest.skip(f"no OverlayFS in a namespace of users: {done.stderr}")
    said = re.sub(r"\d+(?:\.\d+)? \w+ freed", "N freed", done.stdout.replace(str(folder), "DIR"))
    # C++ Nix copies several paths at once, and names them in any order.
    copied = re.sub(r"(?:copying path .*\n)+", lambda lines: "".join(sorted(lines[0].splitlines(keepends=True))), done.stderr)
    return done.returncode, said, copied.replace(str(folder), "DIR")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_over_a_lower_store_do_what_they_do_in_nix(name, tmp_path, commands) -> None:
    tools = os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools")
    ours = in_namespaces(SCRIPTS[name], tmp_path / "o", commands)
    theirs = in_namespaces(SCRIPTS[name], tmp_path / "t", tools)
    if name not in DIFFERENT:
        assert ours == theirs
    else:
        assert ours[0] == theirs[0] and ours != theirs


def test_builds_in_an_overlay_use_the_lower_store(tmp_path, commands) -> None:
    """Outputs lie in the upper layer, and their inputs in the lower one; C++ Nix finds no fault."""
    expression = """'with { d = name: text: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" text ]; }; };
        rec { dep = d "dep" "echo 42 > $out"; x = d "x" "read a < ${dep}; echo $a ${dep} > $out"; }'"""
    theirs = os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools")
    code, said, _ = in_namespaces(
        f"""
        dep=$(nix-build --store "$A" --no-out-link -E {expression} -A dep 2>/dev/null); remount
        x=$(nix-build --store "$B" --no-out-link -E {expression} -A x 2>/dev/null); echo $dep $x; above; cat merged$x
        {theirs}/nix-store --store "$B" --verify --check-contents 2>/dev/null; echo $?
        {theirs}/nix-store --store "$B" -q --references $x; test -e below$x || echo no
        nix-instantiate --store "$B" --eval --read-write-mode -E 'import (builtins.head [ ({expression.strip("'")}).dep ])'
        """,
        tmp_path / "o", commands,
    )  # fmt: skip
    lines = said.splitlines()
    dep, x = lines[0].split()
    assert code == 0
    names = [line.split()[0] for line in lines[1:3]]
    assert os.path.basename(x) in names and [name for name in names if name.endswith(".drv")]
    assert lines[3:] == [f"42 {dep}", "0", dep, "no", "42"]


@pytest.mark.parametrize("lower", ["dummy://", "file:///srv/cache", "https://cache.example.org", "ssh://host", "ssh-ng://host"])
def test_a_lower_store_whose_objects_are_not_here(lower, tmp_path, run_command) -> None:
    done = run_command(
        "nix.main", "store", "info", "--extra-experimental-features", "nix-command", "--store", f"local-overlay://?root={tmp_path}&lower-store={lower}"
    )
    assert done.returncode == 1
    assert done.stderr.decode() == f"error: store '{lower}' cannot be the lower store of another one: its objects are not on this machine\n"


def test_the_table_of_mounts_is_read(tmp_path) -> None:
    table = tmp_path / "mounts"
    table.write_text(
        "overlay /m/nix/store overlay rw,lowerdir=/wrong,upperdir=/up 0 0\n"
        r"overlay /m/nix/store overlay rw,relatime,lowerdir=/a\040b,upperdir=/up,workdir=/work 0 0" + "\n"
        "tmpfs /m/other tmpfs rw 0 0\n"
    )
    check_mount("/m/nix/store", "/a b", "/up", str(table))
    for objects, lower, upper in (("/m/other", "/a b", "/up"), ("/m/nix/store", "/a", "/up"), ("/m/nix/store", "/wrong", "/up"), ("/m/nix/store", "/a b", "/u")):
        with pytest.raises(ValueError, match=f'overlay filesystem "{objects}" mounted incorrectly'):
            check_mount(objects, lower, upper, str(table))
