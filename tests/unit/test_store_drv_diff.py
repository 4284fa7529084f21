"""The reasons why two derivations differ: the first cause comes first."""

from snowsnake.store import Derivation, DerivationMemory, DerivationOutput, Hash, diff


class World:
    """Derivations made on the spot."""

    def __init__(self):
        self.drvs = {}
        self.memory = DerivationMemory()

    def make(self, name, inputs=(), outputs=("out",), fixed=None, **env):
        output = DerivationOutput()
        if fixed is not None:
            output = DerivationOutput("", "fixed", "flat", "sha256", Hash.of_bytes(fixed))
        builder = env.pop("builder", "/bin/sh")
        drv = Derivation(name, "x86_64-linux", builder, ["-e"], env, {o: output for o in outputs}, {i: ["out"] for i in inputs})
        for path in inputs:
            drv.env[self.drvs[path].name.split("-")[0]] = self.drvs[path].outputs["out"].path
        path = drv.finish(self.memory)
        self.drvs[path] = drv
        return path

    def diff(self, old, new):
        return diff(old, new, self.drvs.__getitem__)


def test_equal_derivations_do_not_differ():
    world = World()
    assert world.diff(world.make("a"), world.make("a")) == []


def test_the_cause_comes_first():
    world = World()

    def build(flags):
        libc = world.make("libc-2.1", flags=flags)
        ssl = world.make("ssl-1.0", [libc])
        return world.make("app-3", [libc, ssl])

    found = world.diff(build("-O1"), build("-O2"))
    assert [d.trail[-1] for d in found] == ["libc-2.1", "ssl-1.0", "app-3"]
    assert [d.is_cause for d in found] == [True, False, False]
    assert [str(c) for c in found[0].changes if c.what == "env" and c.key == "flags"] == ["env flags: -O1 -> -O2"]
    assert "libc-2.1" in str(found[0])


def test_a_new_version_is_the_same_input():
    world = World()
    old = world.make("app", [world.make("zlib-1.2.11", version="1.2.11")])
    new = world.make("app", [world.make("zlib-1.2.12", version="1.2.12")])
    found = world.diff(old, new)
    assert found[0].trail == ("app", "zlib-1.2.11 -> zlib-1.2.12")
    assert ("name", "zlib-1.2.11", "zlib-1.2.12") in [(c.what, c.old, c.new) for c in found[0].changes]
    assert [d.is_cause for d in found] == [True, False]


def test_added_and_removed_parts_are_named():
    world = World()
    old = world.make("app", [world.make("curl-1")], a="1")
    new = world.make("app", [world.make("wget-1")], b="1", outputs=("out", "dev"))
    (found,) = world.diff(old, new)
    changes = {str(c).partition(":")[0] for c in found.changes}
    assert {"input curl-1 removed", "input wget-1 added", "env a removed", "env b added", "output dev added"} <= changes


def test_changed_fixed_outputs_and_sources_are_named():
    world = World()
    old, new = world.make("src.tar.gz", fixed=b"1"), world.make("src.tar.gz", fixed=b"2")
    (found,) = world.diff(old, new)
    assert [c.what for c in found.changes if c.what == "output"] == ["output"] and found.is_cause


def test_a_shared_input_is_compared_once_and_depth_is_no_matter():
    world = World()

    def tower(seed):
        path = world.make("base", seed=seed)
        for level in range(1500):
            path = world.make(f"level{level}", [path])
        return path

    found = world.diff(tower("1"), tower("2"))
    assert len(found) == 1501 and found[0].trail[-1] == "base" and not found[-1].is_cause
