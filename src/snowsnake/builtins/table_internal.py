"""Entries of the machine's own operations, in the order of machine/coercion.pxd's enum: their numbers come first."""

from snowsnake.builtins.entry import Entry

ENTRIES = (
    Entry("__coerce", "value", "v", framed=True),
    Entry("__coerceStore", "value", "v", framed=True),
    Entry("__toStringCoerce", "value", "v", framed=True),
    Entry("__coercePath", "value", "v", framed=True),
    Entry("__equal", "a b", "vv", framed=True),
    Entry("__less", "a b", "vv", framed=True),
    Entry("__deepForce", "value", "v", framed=True),
    Entry("__derivationString", "value", "v", framed=True),
    Entry("__addCoerce", "a b", "v.", framed=True),
    Entry("__concatenate", "count", ".", framed=True),
    Entry("__concatenatePath", "count", ".", framed=True),
    Entry("__notLess", "a b", "vv", framed=True),
    Entry("__assertEqual", "a b", "vv", framed=True),
)
