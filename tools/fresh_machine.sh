#!/bin/bash
# Runs the README's two commands (make try, make test) on a bare Debian: nothing but python3-venv, gcc and make, no git, in a checkout
# below /root, which only root may enter, and once more as an ordinary user.  What must be committed to be tested, is: HEAD is cloned.
#
# usage: tools/fresh_machine.sh [--root FOLDER] [--as root|user]… [--bind FOLDER]… [--suite NAME] [TARGET…]
#   --root FOLDER   the machine's root; it is made there if it is not there yet, and kept (default: a temporary one, removed at the end)
#   --as WHO        only as root, or only as a user (default: both)
#   --bind FOLDER   a folder of this machine that is to be seen there, too (an index of Python packages, say)
#   --suite NAME    Debian's suite, and with it the Python: bookworm 3.11 (default), trixie 3.13, forky 3.14
#   TARGET          instead of try and test
# Needs root, debootstrap, git, a network (or an index that --bind brings) and the right to mount.  Exit code 75: it cannot run here.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
root='' keep=1 who=() binds=() targets=() suite=bookworm
while [ $# -gt 0 ]; do
  case $1 in
    --root) root=$2; shift 2 ;;
    --as) who+=("$2"); shift 2 ;;
    --bind) binds+=("$2"); shift 2 ;;
    --suite) suite=$2; shift 2 ;;
    -*) sed -n '2,/^set/s/^# \?//p' "$0"; exit 2 ;;
    *) targets+=("$1"); shift ;;
  esac
done
[ ${#who[@]} -gt 0 ] || who=(root user)
[ ${#targets[@]} -gt 0 ] || targets=(try test)

cannot() { echo "fresh machine: cannot run here: $1" >&2; exit 75; }
[ "$(id -u)" -eq 0 ] || cannot "only root can make one"
command -v debootstrap >/dev/null || cannot "debootstrap is missing"
command -v git >/dev/null || cannot "git is missing"
unshare -m true 2>/dev/null || cannot "mounting is not allowed"

if [ -z "$root" ]; then
  root=$(mktemp -d) keep=''
  trap 'rm -rf --one-file-system "$root"' EXIT
fi
if [ ! -e "$root/.complete" ]; then
  # A suite that is newer than this debootstrap is set up as sid is.
  newer=()
  [ -e "/usr/share/debootstrap/scripts/$suite" ] || newer=(http://deb.debian.org/debian /usr/share/debootstrap/scripts/sid)
  debootstrap --variant=minbase --include=python3-venv,gcc,libc6-dev,make "$suite" "$root" "${newer[@]}" >"$root.log" 2>&1 || { tail -3 "$root.log" >&2; cannot "debootstrap failed"; }
  touch "$root/.complete"
fi
rm -f "$root.log"
grep -q '^somebody:' "$root/etc/passwd" || chroot "$root" useradd --create-home somebody
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
# Python packages come from where this machine takes them: its pip's configuration, with the folders that it names.  The files of an index
# called …/simple lie beside it.
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
for file in /etc/pip.conf ~/.config/pip/pip.conf; do
  [ -e "$file" ] || continue
  install -D -m 644 "$file" "$root$(case $file in /etc/*) echo $file ;; *) echo /etc/xdg/pip/pip.conf ;; esac)"
  while read -r folder; do [ ! -d "$folder" ] || binds+=("$folder"); done < <(grep -oE '(^|[ =]|file://)/[^ ]+' "$file" | sed -E 's|^.*file://||; s|^[ =]||; s|/simple/?$||')
done
chmod 700 "$root/root"

# run_mounted WHO FOLDER COMMAND: a command in the root; what was mounted for it is gone when it ends.
run_mounted() {
  unshare -m bash -eu -c '
    root=$1 who=$2 command="cd $3 && export HOME=~ && $4"
    shift 4
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    for path; do mkdir -p "$root$path"; mount --rbind "$path" "$root$path"; done
    if [ "$who" = root ]; then
      exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root bash -c "$command"
    fi
    exec chroot "$root" env -i PATH=/usr/bin:/bin su somebody -s /bin/bash -c "$command"
  ' - "$root" "$1" "$2" "$3" "${binds[@]}"
}

# run WHO FOLDER: the targets, in a clone of this checkout.
run() {
  rm -rf "${root:?}$2"
  git clone -q --no-local "$here" "$root$2"
  rm -rf "$root$2/.git"                  # a machine without git has no history
  [ "$1" = root ] || chroot "$root" chown -R somebody: "$2"
  local target
  for target in "${targets[@]}"; do
    echo "== make $target, as $1"
    run_mounted "$1" "$2" "make $target" || return 1
  done
}

inside() { run_mounted root / "$1"; }
python3 -c 'import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))
extras = project["project"]["optional-dependencies"]
wanted = project["build-system"]["requires"] + [name for extra in ("fetch", "test", "lint", "dev") for name in extras[extra]]
print("\n".join(name for name in wanted if not name.startswith("snowsnake[")))' "$here/pyproject.toml" >"$root/tmp/wanted"
inside 'python3 -m venv /tmp/probe && /tmp/probe/bin/pip --quiet --disable-pip-version-check download --no-deps -d /tmp/probe -r /tmp/wanted' >/dev/null 2>&1 \
  || cannot "the Python packages of the tests cannot be fetched"
rm -rf "$root/tmp/probe" "$root/tmp/wanted"

failed=''
for name in "${who[@]}"; do
  case $name in
    root) run root /root/checkout || failed="$failed root" ;;
    user) run user /home/somebody/checkout || failed="$failed user" ;;
    *) echo "--as takes root or user, not '$name'" >&2; exit 2 ;;
  esac
done
[ -z "$failed" ] || { echo "fresh machine: failed as$failed" >&2; exit 1; }
echo "fresh machine: ${targets[*]} passed as ${who[*]}"
