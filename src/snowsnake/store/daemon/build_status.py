"""What became of a build, in the numbers of the worker protocol and the serve protocol.

RESOLVED: the derivation was resolved to another one, whose outputs are valid.
"""

BUILT, SUBSTITUTED, ALREADY_VALID, FAILED, OUTPUT_REJECTED, TIMED_OUT, MISC, DEPENDENCY, DIFFERS, RESOLVED = 0, 1, 2, 3, 5, 8, 9, 10, 12, 13
SUCCESSES = frozenset({BUILT, SUBSTITUTED, ALREADY_VALID, RESOLVED})
