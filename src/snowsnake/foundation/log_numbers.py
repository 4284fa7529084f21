"""C++ Nix's numbers in messages and in the lines of `--log-format internal-json`.

cli/output.py, which every start imports, and host/messages.pxd have their own names for some levels.
"""

import itertools
import os

# Levels of messages: a command shows those up to its verbosity, which begins as INFORMATION.
ERROR, WARNING, NOTICE, INFORMATION, TALKATIVE, CHATTY, DEBUG = range(7)
# Kinds of activities.
UNKNOWN, COPY, TRANSFER, REALISE, COPIES, BUILDS, BUILD, SUBSTITUTE, FETCH_TREE = 0, 100, 101, 102, 103, 104, 105, 108, 112
# Kinds of results.
LOG_LINE, PHASE, PROGRESS, EXPECTED, HOOK_LOG_LINE = 101, 104, 105, 106, 107
_count = itertools.count(1)


def new_activity() -> int:
    """Returns the number of a new activity.  It begins with the number of the process, so that a program may read the events of several as one stream."""
    return (os.getpid() << 32) + next(_count)
