"""Repositories, archives and files that the recorded fetches read: always the same bytes, dates and authors.

In: an empty folder.  Out: the world in it; hashes of commits and trees are those that were recorded.
"""

import io
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

DATE = 1700000000
_GIT = {
    "GIT_AUTHOR_NAME": "A U Thor", "GIT_AUTHOR_EMAIL": "author@example.org", "GIT_COMMITTER_NAME": "C O Mitter",
    "GIT_COMMITTER_EMAIL": "committer@example.org", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
}  # fmt: skip


class Git:
    """A repository being made: each commit is a minute later than the one before."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.date = DATE
        folder.mkdir(parents=True, exist_ok=True)
        self("init", "--quiet", "--initial-branch=main", *options)
        self("config", "protocol.file.allow", "always")

    def __call__(self, *words: str) -> str:
        environment = os.environ | _GIT | {name: f"{self.date} +0000" for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")}
        done = subprocess.run(["git", *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            write(self.folder / name, text)

    def commit(self, message: str, files: dict[str, str] | None = None) -> str:
        for name, text in (files or {}).items():
            write(self.folder / name, text)
        self.date += 60
        self("add", "--all")
        self("commit", "--quiet", "--allow-empty", "--message", message)
        return self("rev-parse", "HEAD")


def write(path: Path, text: str) -> None:
    """A file; one whose text starts like a script is executable, `-> x` makes a link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if text.startswith("-> "):
        path.symlink_to(text[3:])
        return
    path.write_text(text, encoding="utf-8")
    if text.startswith("#!"):
        path.chmod(0o755)


def make_world(root: Path) -> None:
    _make_git(root)
    if shutil.which("hg") is not None:
        _make_mercurial(root)
    _make_archives(root / "archives")
    for name, text in {"plain/a": "a\n", "plain/run": "#!/bin/sh\n", "plain/deep/er/file": "x", "plain/link": "-> a", "plain/broken": "-> /none"}.items():
        write(root / name, text)
    (root / "plain/empty").mkdir()
    for folder, _, names in os.walk(root / "plain"):
        for name in [*names, "."]:
            os.utime(os.path.join(folder, name), (DATE, DATE), follow_symlinks=False)


def _make_mercurial(root: Path) -> None:
    """`hg`: two branches, `hg-dirty`: a changed copy."""

    def hg(folder: Path, *words: str) -> None:
        variables = {"HGRCPATH": "", "HGPLAIN": "1", "HOME": str(root)}
        subprocess.run(["hg", *words], cwd=folder, check=True, capture_output=True, env=os.environ | variables)

    folder = root / "hg"
    folder.mkdir()
    hg(folder, "init")
    for number, (branch, name) in enumerate((("default", "a"), ("default", "dir/b"), ("branch", "c"))):
        write(folder / name, f"{name}\n")
        if branch != "default":
            hg(folder, "branch", branch)
        hg(folder, "add", name)
        hg(folder, "commit", "-m", str(number), "-u", "A <a@example.org>", "-d", f"{DATE + number} 0")
    hg(folder, "update", "default")
    shutil.copytree(folder, root / "hg-dirty")
    write(root / "hg-dirty/a", "changed\n")
    write(root / "hg-dirty/untracked", "u\n")


def _make_git(root: Path) -> None:
    git = Git(root / "repo")
    git.commit("one", {"a": "1\n", "run": "#!/bin/sh\n", "dir/b": "2\n", "dir/link": "-> b", ".hidden": "h\n"})
    git("tag", "light")
    git("branch", "other")
    git.commit("two", {"a": "2\n", "c": "3\n"})
    git("tag", "--annotate", "--message", "annotated", "v1")
    git("checkout", "--quiet", "other")
    git.commit("side", {"side": "s\n"})
    git("branch", "feat/x.y")
    git("checkout", "--quiet", "main")
    git("clone", "--quiet", "--bare", str(git.folder), str(root / "bare.git"))
    git("clone", "--quiet", "--depth", "1", f"file://{git.folder}", str(root / "shallow"))
    git("worktree", "add", "--quiet", str(root / "worktree"), "light")
    _make_working_trees(root)
    _make_odd_repositories(root)


def _make_working_trees(root: Path) -> None:
    """Repositories whose working trees differ from their commits, or that have no commit."""
    dirty = Git(root / "dirty")
    dirty.commit("one", {"a": "1\n", "gone": "g\n", "dir/b": "2\n", "run": "#!/bin/sh\n", "link": "-> a"})
    dirty.write(a="changed\n", new="added\n", untracked="u\n", **{"dir/c": "also new\n"})
    (dirty.folder / "gone").unlink()
    dirty("add", "new", "dir/c")

    staged = Git(root / "staged")
    staged.commit("one", {"a": "1\n"})
    staged.write(b="b\n")
    staged("add", "b")

    untracked = Git(root / "untracked")
    untracked.commit("one", {"a": "1\n", ".gitignore": "ignored\n"})
    untracked.write(u="u\n", ignored="i\n")

    Git(root / "unborn").write(a="1\n")
    born = Git(root / "unborn-staged")
    born.write(a="1\n")
    born("add", "a")


def _make_odd_repositories(root: Path) -> None:
    """Repositories with submodules, attributes, a detached HEAD, other line ends, files that Git is told not to look at."""
    lib = Git(root / "lib")
    lib.commit("lib", {"lib.nix": "1\n"})
    whole = Git(root / "with-modules")
    whole("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib", "parts/lib")
    whole.commit("whole", {"main.nix": "2\n"})
    clone = root / "with-modules-clone"
    whole("clone", "--quiet", str(whole.folder), str(clone))

    attributes = Git(root / "attributes")
    attributes.commit(
        "one",
        {".gitattributes": "secret export-ignore\ndocs/ export-ignore\nsub.txt export-subst\n", "secret": "s\n", "public": "p\n",
         "docs/x": "x\n", "sub.txt": "$Format:%H$\n", "dir/secret": "also\n"},
    )  # fmt: skip

    detached = Git(root / "detached")
    detached.commit("one", {"a": "1\n"})
    detached("checkout", "--quiet", "--detach")

    ends = Git(root / "line-ends")
    ends.commit("one", {".gitattributes": "*.txt text eol=crlf\n", "a.txt": "1\n2\n", "b": "1\n"})
    (ends.folder / "a.txt").unlink()
    ends("checkout", "a.txt")

    skipping = Git(root / "skipping")
    skipping.commit("one", {"a": "1\n", "b": "2\n"})
    skipping("update-index", "--assume-unchanged", "a")
    skipping.write(a="not looked at\n")


def _gzip(data: bytes) -> bytes:
    """The file says that a Unix system made it, as older versions of Python do; newer ones leave that open."""
    import gzip

    made = gzip.compress(data, mtime=0)
    return made[:9] + b"\x03" + made[10:]


def _make_archives(folder: Path) -> None:
    folder.mkdir(parents=True)
    base = [
        ("top/", tarfile.DIRTYPE, b"", "", 0o755), ("top/a", tarfile.REGTYPE, b"hello", "", 0o644),
        ("top/run", tarfile.REGTYPE, b"#!/bin/sh\n", "", 0o755), ("top/link", tarfile.SYMTYPE, b"", "a", 0o777),
        ("top/empty/", tarfile.DIRTYPE, b"", "", 0o755), ("top/hard", tarfile.LNKTYPE, b"", "top/a", 0o644),
        ("top/default.nix", tarfile.REGTYPE, b"{ x = 7; }\n", "", 0o644),
    ]  # fmt: skip
    one = [("a", tarfile.REGTYPE, b"1", "", 0o644)]
    several = {
        "base.tar": base,
        "flat.tar": [*one, ("b/c", tarfile.REGTYPE, b"2", "", 0o644)],
        "single-file.tar": one,
        "empty.tar": [],
        "dotdot.tar": [("t/../../../evil", tarfile.REGTYPE, b"1", "", 0o644), ("t/b", tarfile.REGTYPE, b"2", "", 0o644)],
        "absolute.tar": [("/abs/file", tarfile.REGTYPE, b"1", "", 0o644), ("abs/b", tarfile.REGTYPE, b"2", "", 0o644)],
        "twice.tar": [("t/a", tarfile.REGTYPE, b"1", "", 0o644), ("t/a", tarfile.REGTYPE, b"2", "", 0o755)],
        "fifo.tar": [("t/0", tarfile.FIFOTYPE, b"", "", 0o644)],
        "dot-git.tar": [("t/.git/config", tarfile.REGTYPE, b"1", "", 0o644)],
        "hard-missing.tar": [("t/h", tarfile.LNKTYPE, b"", "t/none", 0o644)],
        "hard-folder.tar": [("t/d/", tarfile.DIRTYPE, b"", "", 0o755), ("t/h", tarfile.LNKTYPE, b"", "t/d", 0o644)],
        "kinds.tar": [
            ("t/unknown", b"Z", b"1", "", 0o755), ("label", b"V", b"", "", 0o644), ("t/dumped/", b"D", b"Ya\0\0", "", 0o755), ("t/slash/", tarfile.REGTYPE, b"", "", 0o644),
            ("t/contiguous", tarfile.CONTTYPE, b"2", "", 0o644),
        ],
        "link-empty.tar": [("t/l", tarfile.SYMTYPE, b"", "", 0o644)],
        "link-out.tar": [("t/l", tarfile.SYMTYPE, b"", "/etc/passwd", 0o644), ("t/m", tarfile.SYMTYPE, b"", "../../..", 0o644)],
        "long-names.tar": [("t/" + "n" * 150 + "/" + "m" * 150, tarfile.REGTYPE, b"1", "", 0o644), ("t/\u00fc", tarfile.REGTYPE, b"2", "", 0o644)],
        "file-then-folder.tar": [("t/0", tarfile.REGTYPE, b"1", "", 0o644), ("t/a", tarfile.REGTYPE, b"1", "", 0o644), ("t/a", tarfile.DIRTYPE, b"", "", 0o755)],
        "folder-then-file.tar": [("t/0", tarfile.REGTYPE, b"1", "", 0o644), ("t/a/b", tarfile.REGTYPE, b"1", "", 0o644), ("t/a", tarfile.REGTYPE, b"2", "", 0o644)],
    }  # fmt: skip
    for name, members in several.items():
        (folder / name).write_bytes(tar_bytes(members))
    whole = (folder / "base.tar").read_bytes()
    import bz2
    import lzma

    try:
        from compression import zstd
    except ModuleNotFoundError:
        from backports import zstd

    (folder / "base.tar.gz").write_bytes(_gzip(whole))
    (folder / "base.tgz").write_bytes(_gzip(whole[:2048]) + _gzip(whole[2048:]))
    (folder / "base.tar.bz2").write_bytes(bz2.compress(whole))
    (folder / "base.tar.xz").write_bytes(lzma.compress(whole))
    (folder / "base.tar.lzma").write_bytes(lzma.compress(whole, lzma.FORMAT_ALONE))
    (folder / "base.tar.zst").write_bytes(zstd.compress(whole))
    (folder / "twice.tar.gz.xz").write_bytes(lzma.compress(_gzip(whole)))
    (folder / "truncated.tar").write_bytes(whole[:1200])
    (folder / "truncated.tar.gz").write_bytes((folder / "base.tar.gz").read_bytes()[:-20])
    (folder / "text.tar").write_text("hello world\n" * 100, encoding="utf-8")
    (folder / "nothing.tar").write_bytes(b"")
    damaged = bytearray(whole)
    damaged[612] ^= 1
    (folder / "damaged.tar").write_bytes(bytes(damaged))
    for ending, packed in (("xz", lzma.compress(whole)), ("zst", zstd.compress(whole)), ("bz2", bz2.compress(whole)), ("gz", _gzip(whole))):
        _make_tails(folder, ending, packed)
    _make_odd_archives(folder)
    _make_zips(folder)


def _make_tails(folder: Path, ending: str, packed: bytes) -> None:
    """Archives that are cut, or have something behind their data, which is ignored behind gzip and bzip2."""
    for name, tail in (("garbage", b"garbage garbage"), ("short-garbage", b"x"), ("zeros", b"\0" * 8), ("odd-zeros", b"\0" * 3), ("late-garbage", b"\0" * 8 + b"garbage")):
        (folder / f"{name}.tar.{ending}").write_bytes(packed + tail)
    if ending != "gz":
        (folder / f"cut.tar.{ending}").write_bytes(packed[:-3])


def _make_odd_archives(folder: Path) -> None:
    """Names that mean `.git` on some file system, and others; a global header, whose time and name count for nothing."""
    names = {
        "git-short": ["GIT~1"], "git-stream": [".git::$INDEX"], "git-dots": [".git. ."],
        "git-others": ["git~2", ".git x", "git~10", "..git", ".gitx", ".git~1"],
    }  # fmt: skip
    for archive, inner in names.items():
        (folder / f"{archive}.tar").write_bytes(tar_bytes([(f"t/{name}", tarfile.REGTYPE, b"1", "", 0o644) for name in inner]))
    header = io.BytesIO()
    with tarfile.open(fileobj=header, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"mtime": "1600000000", "path": "t/other"}):
        pass
    (folder / "global-header.tar").write_bytes(header.getvalue()[:1024] + tar_bytes([("a", tarfile.REGTYPE, b"1", "", 0o644)]))


def _make_zips(folder: Path) -> None:
    with zipfile.ZipFile(folder / "base.zip", "w") as archive:
        for name, mode, data in (
            ("top/", 0o40755, b""), ("top/a", 0o100644, b"hello"), ("top/run", 0o100755, b"#!/bin/sh\n"), ("top/link", 0o120777, b"a"),
        ):  # fmt: skip
            member = zipfile.ZipInfo(name, (2023, 11, 14, 22, 13, 20))
            member.create_system, member.external_attr = 3, mode << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    # Without an ending, C++ Nix reads a zip file from its first byte to its last, and sees no modes.
    (folder / "zipball").write_bytes((folder / "base.zip").read_bytes())
    for name, before, after in (("prefix", b"#!/bin/sh\n", b""), ("suffix", b"", b"garbage"), ("part", b"PK00", b"")):
        for ending in (".zip", ""):
            (folder / f"{name}{ending}").write_bytes(before + (folder / "base.zip").read_bytes() + after)
    for kind in (stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR):
        with zipfile.ZipFile(folder / f"kind-{kind:o}.zip", "w") as archive:
            member = zipfile.ZipInfo("t/f", (2023, 11, 14, 22, 13, 20))
            member.create_system, member.external_attr = 3, (kind | 0o644) << 16
            archive.writestr(member, b"data")
    for system in (0, 3):
        with zipfile.ZipFile(folder / f"backslashes-{system}.zip", "w") as archive:
            for name in ("a\\b", "t/c\\d", "e\\f\\g"):
                member = zipfile.ZipInfo("x", (2023, 11, 14, 22, 13, 20))
                member.filename, member.create_system = name, system
                archive.writestr(member, b"1")
        (folder / f"backslashes-{system}").write_bytes((folder / f"backslashes-{system}.zip").read_bytes())


def tar_bytes(members: list[tuple[str, bytes, bytes, str, int]]) -> bytes:
    """A tar of (name, type, contents, link, mode)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, kind, data, link, mode in members:
            member = tarfile.TarInfo(name)
            member.type, member.mtime, member.mode, member.linkname = kind, DATE, mode, link
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()
