"""Our `dataclass` does the same as the standard library's for the classes that use it, and their import does not load the standard library's."""

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys

import pytest

from snowsnake.store.collecting import Waiting
from snowsnake.store.derivation import Derivation, DerivationOutput
from snowsnake.store.hash import Hash
from snowsnake.store.interface import Missing, Offer
from snowsnake.store.nar_reader import Member
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.path_info import CompressedArchive, PathInfo

CLASSES = [Derivation, DerivationOutput, CompressedArchive, Member, Missing, NarInfo, Offer, PathInfo, Waiting]
HASH = Hash.of_bytes(b"")
FROZEN = {DerivationOutput}


def values_of(cls):
    """A value for each field without a default."""
    known = {"nar_hash": HASH if cls is NarInfo else "sha256:00", "hash": HASH, "info": PathInfo("/x", "h", 1), "references": ["/y"], "nar_size": 1}
    wanted = [field.name for field in dataclasses.fields(cls) if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING]
    return [known.get(name, f"{name}-1") for name in wanted]


def twin_of(cls):
    """The same class, made by the standard library's `dataclass`."""
    fields = [
        (field.name, field.type, dataclasses.field(default_factory=field.default_factory))
        if field.default_factory is not dataclasses.MISSING
        else (field.name, field.type) if field.default is dataclasses.MISSING else (field.name, field.type, dataclasses.field(default=field.default))
        for field in dataclasses.fields(cls)
    ]  # fmt: skip
    return dataclasses.make_dataclass(cls.__name__, fields, frozen=cls in FROZEN)


@pytest.mark.parametrize("cls", CLASSES)
def test_light_classes_behave_as_the_standard_librarys(cls):
    twin, values = twin_of(cls), values_of(cls)
    ours, theirs = cls(*values), twin(*values)
    assert repr(ours) == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert cls.__match_args__ == twin.__match_args__
    assert list(inspect.signature(cls).parameters) == list(inspect.signature(twin).parameters)
    assert ours == cls(*values) and ours != theirs and ours != 1
    assert copy.deepcopy(ours) == ours == pickle.loads(pickle.dumps(ours)) == dataclasses.replace(ours)
    with pytest.raises(TypeError):
        cls(*values, nothing=1)
    name = dataclasses.fields(cls)[-1].name
    other = dataclasses.replace(ours, **{name: "another"})
    assert getattr(other, name) == "another" and other != ours
    if cls in FROZEN:
        assert hash(ours) == hash(cls(*values))
        with pytest.raises(AttributeError):
            setattr(ours, name, 1)
        with pytest.raises(AttributeError):
            delattr(ours, name)
    else:
        setattr(ours, name, 1)
        assert getattr(ours, name) == 1
        with pytest.raises(TypeError):
            hash(ours)


def test_defaults_are_made_again_for_each_object():
    one, other = PathInfo("/x", "h", 1), PathInfo("/x", "h", 1)
    one.references.append("/y")
    assert other.references == [] and PathInfo("/x", "h", 1, ["/z"]).references == ["/z"]


def test_opening_a_store_imports_little():
    code = "import sys, snowsnake.store.local; print(*sorted({'dataclasses', 'inspect', 'typing', 'shutil', 'tempfile', 'ctypes', 'threading'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-S", "-c", "import sys; sys.path[:] = " + repr(sys.path) + "; " + code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")
