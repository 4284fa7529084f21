"""Derivations: the text and the paths of real `.drv` files, byte for byte; hostile texts are refused.

`store_derivations/` holds the files that Nix 2.34 wrote for `shapes.nix`, and the output of `nix derivation show` for them.
"""

import copy
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowsnake.store import Derivation, DerivationMemory, DerivationOutput, Hash
from snowsnake.store.derivation import closure, show

FOLDER = Path(__file__).parent / "store_derivations"
TEXTS = {f"/nix/store/{file.name}": file.read_bytes() for file in sorted(FOLDER.glob("*.drv"))}
DRVS = {path: Derivation.from_aterm(text, path) for path, text in TEXTS.items()}
SOURCES = {f"/nix/store/{file.name}": file.read_bytes() for file in sorted(FOLDER.glob("*.txt"))}


def path_of(name):
    (found,) = (path for path in DRVS if path[44:] == name + ".drv")
    return found


def in_order():
    """The derivations, inputs before those that use them."""
    done = []
    waiting = list(DRVS)
    while waiting:
        path = waiting.pop()
        missing = [i for i in DRVS[path].input_drvs if i not in done]
        if missing:
            waiting += [path, *missing]
        elif path not in done:
            done.append(path)
    return done


def test_every_shape_of_derivation_is_recorded():
    assert len(TEXTS) == 37 and len(SOURCES) == 2
    assert {o.kind for d in DRVS.values() for o in d.outputs.values()} == {"input", "fixed", "floating", "impure", "deferred"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p[44:70])
def test_text_and_path_of_each_shape_are_those_of_nix(path):
    assert DRVS[path].to_aterm() == TEXTS[path]
    assert DRVS[path].drv_path == path


def finish(drv, memory, *, shuffled=False):
    """The paths and the text of a derivation, made only from facts that an evaluation knows."""
    outputs = list(drv.outputs)
    first = drv.outputs[outputs[0]]
    env = [(k, v) for k, v in drv.env.items() if k not in drv.outputs]
    inputs = [(path, name) for path, names in drv.input_drvs.items() for name in names]
    sources = drv.input_srcs
    if shuffled:
        outputs, env, inputs, sources = outputs[::-1], env[::-1], inputs[::-1] * 2, sources[::-1] * 2
    return memory.finish(
        drv.name,
        system=drv.system,
        builder=drv.builder,
        args=drv.args,
        env=dict(env),
        outputs=outputs,
        kind="input" if first.kind == "deferred" else first.kind,
        method=first.method or "flat",
        algorithm=first.algorithm or "sha256",
        digest=first.hash.digest if first.hash else None,
        input_drvs=inputs,
        input_srcs=sources,
    )


@pytest.mark.parametrize("shuffled", [False, True])
def test_finished_as_nix_does(shuffled):
    memory = DerivationMemory()
    for path in in_order():
        drv_path, outputs, text = finish(DRVS[path], memory, shuffled=shuffled)
        assert (drv_path, text) == (path, TEXTS[path])
        for name, output in DRVS[path].outputs.items():
            assert not output.path or outputs[name] == output.path


def test_inputs_are_read_when_they_are_not_known():
    for path in TEXTS:
        memory = DerivationMemory(reader=TEXTS.__getitem__)
        assert finish(DRVS[path], memory)[0] == path


def test_reading_and_finishing_remember_the_same():
    made, read = DerivationMemory(), DerivationMemory(reader=TEXTS.__getitem__)
    for path in in_order():
        finish(DRVS[path], made)
        assert made.modulo(path) == read.modulo(path)
        assert made.modulo(path)[1] == (DRVS[path].name in {
            "floating", "floating-flat", "deferred", "deferred-twice", "impure", "impure-twice"})


def test_placeholders_of_floating_outputs():
    memory = DerivationMemory(reader=TEXTS.__getitem__)
    outputs = finish(DRVS[path_of("floating")], memory)[1]
    assert outputs["bin"] == DRVS[path_of("deferred")].env["x"]
    assert outputs["out"] == DRVS[path_of("floating-flat")].env["x"]


def test_a_whole_closure_may_be_an_input():
    memory = DerivationMemory(reader=TEXTS.__getitem__)
    deep = DRVS[path_of("deep")]
    referring, text = sorted(SOURCES, key=lambda p: p[44:])
    memory.add_references(referring, [text])
    everything = path_of("everything-1.0")
    env = {k: v for k, v in deep.env.items() if k != "out"}
    made = memory.finish(deep.name, system=deep.system, builder=deep.builder, env=env, closures=[everything])
    assert made[0] == path_of("deep")
    assert memory.closure(everything) == sorted(deep.input_srcs)


def test_other_store_directories_make_other_paths():
    memory = DerivationMemory("/gnu/store")
    path, outputs, text = memory.finish("a", system="s", builder="b")
    assert path.startswith("/gnu/store/") and outputs["out"].encode() in text
    assert Derivation.from_aterm(text, path, "/gnu/store").drv_path == path
    with pytest.raises(ValueError, match="is not in the Nix store"):
        Derivation.from_aterm(text, path)


PLAIN = {"system": "x", "builder": "y"}
BROKEN = [
    ({"name": "a b"}, "name 'a b' contains illegal character ' '"),
    ({"name": ""}, "name must not be empty|is not a valid store path"),
    ({"name": "x" * 210}, "must be no longer than 211 characters"),
    ({"outputs": []}, "must have at least one output"),
    ({"outputs": ["out", "out"]}, "duplicate derivation output 'out'"),
    ({"outputs": ["a/b"]}, "illegal character '/'"),
    ({"outputs": ["out", "dev"], "kind": "fixed", "digest": bytes(32)}, "multiple outputs are not supported in fixed-output"),
    ({"outputs": ["dev"], "kind": "fixed", "digest": bytes(32)}, "multiple outputs are not supported in fixed-output"),
    ({"input_drvs": [("/nix/store/5d9fy1jj2m1qilq3kwnpqjpi3nrz0bqz-a.drv", "out")]}, "is not valid"),
    ({"input_drvs": [("/tmp/a.drv", "out")]}, "path '/tmp/a.drv' is not in the Nix store"),
    ({"input_drvs": [("/nix/store/5d9fy1jj2m1qilq3kwnpqjpi3nrz0bqz-a", "out")]}, "is not a valid derivation path"),
    ({"closures": ["/nix/store/5d9fy1jj2m1qilq3kwnpqjpi3nrz0bqz-a.drv"]}, "is not valid"),
]


@pytest.mark.parametrize("wrong, message", BROKEN)
def test_broken_derivations_are_refused(wrong, message):
    memory = DerivationMemory()
    given_ = {**PLAIN, **wrong}
    with pytest.raises(ValueError, match=message):
        memory.finish(given_.pop("name", "a"), **given_)
    # The memory still works.
    assert memory.finish("a", **PLAIN)[0].endswith("-a.drv")


def test_an_output_that_the_input_does_not_have():
    memory = DerivationMemory(reader=TEXTS.__getitem__)
    with pytest.raises(ValueError, match="no hash for output 'nope' of derivation 'a'"):
        memory.finish("a", **PLAIN, input_drvs=[(path_of("plain"), "nope")])


def test_derivations_that_need_a_feature_are_refused_without_it():
    memory = DerivationMemory(reader=TEXTS.__getitem__, allows_floating=False, allows_impure=False)
    for name, feature in (("floating", "ca-derivations"), ("impure", "impure-derivations")):
        with pytest.raises(ValueError, match=f"experimental Nix feature '{feature}' is disabled"):
            memory.modulo(path_of(name))


def test_a_reader_that_fails():
    def fail(path):
        raise OSError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        DerivationMemory(reader=fail).modulo(path_of("plain"))
    with pytest.raises(ValueError, match="error parsing derivation .*: expected string 'Derive"):
        DerivationMemory(reader=lambda path: b"Deriv(").modulo(path_of("plain"))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError, SystemExit])
def test_what_is_no_fault_of_a_derivation_passes_through(kind):
    texts = iter([kind("stop"), OSError("no luck")])

    def read(path):
        raise next(texts)

    memory = DerivationMemory(reader=read)
    with pytest.raises(kind, match="stop"):
        memory.closure(path_of("plain"))
    with pytest.raises(ValueError, match="no luck"):
        memory.modulo(path_of("plain"))


def chained(path, below):
    inputs = f'("{below}",["out"])' if below else ""
    return f'Derive([("out","","","")],[{inputs}],[],"x","y",[],[])'.encode()


def fake(number):
    digits = "0123456789abcdfghijklmnpqrsvwxyz"
    return "/nix/store/" + "".join(digits[number >> (5 * i) & 31] for i in range(32)) + "-x.drv"


def test_cycles_and_depth_of_derivations_that_are_read():
    count = 20_000
    index = {fake(i): i for i in range(count)}
    deep = DerivationMemory(reader=lambda p: chained(p, fake(index[p] + 1) if index[p] + 1 < count else None))
    assert len(deep.modulo(fake(0))[0]) == 32
    cyclic = DerivationMemory(reader=lambda p: chained(p, fake((index[p] + 1) % 3)))
    with pytest.raises(ValueError, match="depends on itself"):
        cyclic.modulo(fake(0))


def test_show_is_what_nix_prints():
    expected = (FOLDER / "show.json").read_text().strip()
    assert json.dumps(show(DRVS.items()), separators=(",", ":"), ensure_ascii=False) == expected
    for base, given_ in json.loads(expected)["derivations"].items():
        assert Derivation.from_json(given_).to_aterm() == TEXTS["/nix/store/" + base]


@pytest.mark.parametrize("change, message", [
    ({"version": 3}, "Unsupported derivation JSON format version 3"),
    ({"name": None}, "'name' should be of type str"),
    ({"name": "a/b"}, "illegal character"),
    ({"args": "x"}, "'args' should be of type list"),
    ({"args": [1]}, "'args' should be of type str"),
    ({"env": {"a": 1}}, "'env.a' should be of type str"),
    ({"outputs": {"out": {"hashAlgo": "sha257"}}}, "unknown hash algorithm 'sha257'"),
    ({"outputs": {"out": {"path": "x"}}}, "too short"),
    ({"outputs": {"out": []}}, "should be an object"),
    ({"inputs": {"drvs": {"x": []}}}, "too short"),
])
def test_broken_json_is_refused(change, message):
    good = DRVS[path_of("plain")].to_json()
    with pytest.raises(ValueError, match=message):
        Derivation.from_json({**good, **change})
    with pytest.raises(ValueError):
        Derivation.from_json([])


@pytest.mark.parametrize("odd", [None, True, 5, -1, 1.5, "", [], {}, "x", ["x"], {"x": 1}, "\0", "\udcff", [[]]], ids=repr)
def test_json_with_an_odd_value_anywhere_is_a_derivation_or_a_value_error(odd):
    """Each value of a derivation with all kinds of outputs and inputs is replaced in turn."""
    base = "00000000000000000000000000000000"
    whole = {
        "args": ["a"], "builder": "b", "env": {"a": "b"}, "name": "n", "system": "s", "version": 4, "structuredAttrs": {},
        "inputs": {"srcs": [f"{base}-s"], "drvs": {f"{base}-x.drv": {"outputs": ["out"], "dynamicOutputs": {"out": {"outputs": ["a"], "dynamicOutputs": {}}}}}},
        "outputs": {
            "out": {"hash": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "method": "flat", "hashAlgo": "sha256"},
            "b": {"path": f"{base}-s"}, "c": {"hashAlgo": "sha256", "method": "nar"},
        },
    }  # fmt: skip

    def places(value, way=()):
        yield way
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            yield from places(value[key], (*way, key))

    for way in places(whole):
        changed = {"whole": copy.deepcopy(whole)}
        at = changed
        for key in ("whole", *way)[:-1]:
            at = at[key]
        at[("whole", *way)[-1]] = odd
        try:
            found = Derivation.from_json(changed["whole"])
            found.to_json()
            found.to_aterm()
        except ValueError:
            pass


def test_a_closure_is_found_and_finished():
    found = closure([path_of("many")], DRVS.__getitem__)
    assert path_of("fixed-md5") in found and len(found) > 10
    drv = Derivation.from_aterm(TEXTS[path_of("several")], "several")
    drv.env["extra"] = "1"
    path = drv.finish(DerivationMemory(reader=TEXTS.__getitem__))
    assert path == drv.drv_path != path_of("several")
    assert drv.outputs["lib"].path == drv.env["lib"] != DRVS[path_of("several")].env["lib"]


def dynamic_text(children: str) -> bytes:
    """A derivation that needs outputs of outputs of another one."""
    return f'DrvWithVersion("xp-dyn-drv",[("out","","","")],[("/nix/store/{"1" * 32}-x.drv",(["lib"],{children}))],[],"s","b",[],[("out","")])'.encode()


TEXT_ERRORS = [
    (b"", "unexpected end of file"),
    (b"Derive(", "expected string 'Derive"),
    (b'Derive([("', "unexpected end of file"),
    (b'Derive([("\\', "unexpected end of file"),
    (b'Derive([],[],[],"","",[],[])', "must have at least one output"),
    (b'Derive([("out","/tmp","","")],[],[],"","",[],[])', "path '/tmp' is not in the Nix store"),
    (b'Derive([("out","","sha256","x")],[],[],"","",[],[])', "bad path '' in derivation"),
    (b'Derive([("out","","","x")],[],[],"","",[],[])', "a hash without an algorithm"),
    (b'Derive([("out","","sha25","")],[],[],"","",[],[])', "unknown hash algorithm 'sha25'"),
    (b'Derive([("a","","",""),("a","","","")],[],[],"","",[],[])', "'a' is repeated"),
    (b'Derive([("a","","","")],[],[],"","",[],[("a",""),("a","")])', "'a' is repeated"),
    (b'Derive([("a","","",""),("b","","sha1","")],[],[],"","",[],[])', "can't mix derivation output types"),
    (b'Derive([("a","","","")],[("x",[])],[],"","",[],[])', "bad path 'x' in derivation"),
    (b'Derive([("a","","","")],[],[],"","",[],[])x', "trailing bytes"),
    (b'Derive([("a","","","")],[],[],"","",["a""b"],[])', "expected string ','"),
    (b'DrvWithVersion("xp-dyn-drv",[("a","","","")])', "expected string ',"),
    (b'DrvWithVersion("xp-other",[("a","","","")])', "Unknown derivation ATerm format version 'xp-other'"),
    *((dynamic_text(children), message) for children, message in (
        ('[("out",["a"])', "expected string ','"), ('[("out",["a"]),]', "expected string '\\('"), ('[("out",([],[("b",["c"])])]', "expected string '\\)"),
        ('[("out",[a])]', "expected string '\"'"), ('["out"]', "expected string '\\('"), ("", "expected string '\\['"),
        ('[("a",([],' * 101 + '[("a",["b"])]' + "))]" * 101, "nested too deep"), ('[("a",([],' * 100_000, "nested too deep"),
    )),
    (dynamic_text('[("out",["a"])]').replace(b'DrvWithVersion("xp-dyn-drv",', b"Derive("), "expected string '\\['"),
]


@pytest.mark.parametrize("text, message", TEXT_ERRORS)
def test_broken_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Derivation.from_aterm(text, "x")


STRINGS = st.binary(max_size=30).map(lambda b: b.decode(errors="surrogateescape"))


PLAIN_STRINGS = STRINGS.filter(lambda s: '"' not in s and "\\" not in s)


@given(STRINGS, st.lists(STRINGS, max_size=5), st.dictionaries(STRINGS, STRINGS, max_size=6), PLAIN_STRINGS)
def test_any_strings_survive_writing_and_reading(builder, args, env, system):
    drv = Derivation("x", system, builder, args, env, {"out": DerivationOutput(kind="deferred")})
    assert Derivation.from_aterm(drv.to_aterm(), "x") == drv


NAMES = st.text("abc-\"\\\n\t]),é", min_size=1, max_size=3)
NODES = st.recursive(
    st.builds(lambda names: {"outputs": sorted(names), "dynamicOutputs": {}}, st.sets(NAMES, min_size=1, max_size=3)),
    lambda node: st.builds(
        lambda names, children: {"outputs": sorted(names), "dynamicOutputs": children}, st.sets(NAMES, max_size=3), st.dictionaries(NAMES, node, min_size=1, max_size=3)
    ),
)


@given(st.dictionaries(NAMES, NODES, min_size=1, max_size=3), st.booleans())
def test_inputs_that_are_outputs_of_outputs_survive(children, has_plain):
    path = f"/nix/store/{'1' * 32}-x.drv"
    drv = Derivation("x", "s", "b", [], {}, {"out": DerivationOutput(kind="deferred")}, {path: ["lib"] if has_plain else []}, dynamic_inputs={path: children})
    text = drv.to_aterm()
    assert text.startswith(b'DrvWithVersion("xp-dyn-drv",[(') and Derivation.from_aterm(text, "x") == drv
    assert Derivation.from_json(drv.to_json()) == drv and drv.references == [path]
    assert len(drv.dynamic_chains()) == len(set(drv.dynamic_chains())) > 0
    with pytest.raises(ValueError, match="'dynamic-derivations' is disabled \\(derivation 'x', ATerm format version 'xp-dyn-drv'\\)"):
        drv.require_features(frozenset())


def test_text_hashed_outputs_need_a_feature():
    drv = Derivation("x", "s", "b", outputs={"out": DerivationOutput(kind="floating", method="text", algorithm="sha256")})
    with pytest.raises(ValueError, match="is disabled \\(text-hashed derivation output\\)"):
        drv.require_features(frozenset({"ca-derivations"}))
    drv.require_features(frozenset({"ca-derivations", "dynamic-derivations"}))


@settings(max_examples=400)
@given(st.sampled_from(sorted(TEXTS)), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255), st.integers(0, 3)), max_size=6))
def test_mutated_texts_give_a_derivation_or_an_error(path, edits):
    text = bytearray(TEXTS[path])
    for place, byte, action in edits:
        place %= len(text) + 1
        if action == 0:
            text[place : place + 1] = bytes([byte])
        elif action == 1:
            text[place:place] = bytes([byte]) * (byte % 5)
        elif action == 2:
            del text[place : place + byte]
        else:
            text[place:place] = text[: byte % 64]
    try:
        drv = Derivation.from_aterm(bytes(text), path)
    except ValueError:
        return
    plain = [drv.system, *drv.outputs, *(name for names in drv.input_drvs.values() for name in names)]
    # C++ Nix reads escapes in these texts, but writes none.
    if not any(c in text for text in plain for c in '"\\'):
        assert Derivation.from_aterm(drv.to_aterm(), path) == drv


def test_a_system_is_written_without_escapes():
    system = 'a"b\\c\nd'
    env = {"name": "g", "system": system, "builder": "y"}
    path = DerivationMemory().finish("g", system=system, builder="y", env=env)[0]
    # The path is that of nix-instantiate 2.34.
    assert path == "/nix/store/8rlxg9gpbgx7r2bfq11pqlnx7m4238vh-g.drv"


def test_fixed_output_paths_follow_from_the_hash():
    value = Hash.of_bytes(b"")
    drv = Derivation.from_json({
        "name": "fixed.tar.gz", "system": "x", "builder": "y",
        "outputs": {"out": {"hash": value.sri, "method": "flat"}},
    })
    assert drv.outputs["out"].path == DRVS[path_of("fixed.tar.gz")].outputs["out"].path
    assert os.path.basename(drv.drv_path).endswith("-fixed.tar.gz.drv")
