"""What expressions are compiled to: chunks as data, taken apart, shown, checked.

    compile                  source → `Chunk`; nothing is evaluated
    operations, Operation    code → operations with their operands; `DecodeFault` where it is none
    disassemble              chunk → text
    verify, verify_all       what is wrong with a chunk, as texts; any bytes may be asked about
    INSTRUCTIONS, Op         the table of all operations (docs/bytecode.md)

The names are imported when they are first used (snowsnake/faces.py).  Chunks are copies: changing one changes nothing that runs.

>>> from snowsnake import bytecode
>>> print(bytecode.disassemble(bytecode.compile("1")), end="")
=== compiled toplevel #0 (2 ops, 3 bytes) ===
0x0     1  OpConstant(0)  ; 1
0x2     |  OpReturn
"""
