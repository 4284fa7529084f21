"""Statistics of an evaluation as JSON, with the names of C++ Nix's NIX_SHOW_STATS where they mean the same.

In: an evaluator.  Out: nested dictionaries.  Nothing here is counted while the program runs: the counts come from the objects that the
collector finds in the nursery before it empties it, and from its own counters.
"""

import resource
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WORD_BYTES = 8


def statistics(evaluator: "Any") -> "dict[str, Any]":
    """The counters of an evaluator made with `count_objects=True`.

    As C++ Nix has them: `cpuTime` and `time` in seconds, `gc` (`totalBytes` were made, `heapSize` are in use now), `list`, `sets` (their
    bytes without those of the names, which sets of one shape share), `symbols`, `nrThunks`, `nrOpUpdates`.  Ours alone: the rest.
    """
    facts = evaluator.statistics()
    made = facts["made"]
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = time.process_time()
    gc_s = facts["collection_ns"] / 1e9
    lists, sets, keys = made["list"], made["attrs"], made["keys"]
    return {
        "cpuTime": cpu_s,
        "time": {"cpu": cpu_s, "gc": gc_s, "gcFraction": gc_s / cpu_s if cpu_s else 0.0},
        "gc": {
            "heapSize": facts["heap_bytes"],
            "totalBytes": facts["made_bytes"],
            "cycles": facts["nursery_collections"],
            "fullCycles": facts["collections"],
            "promotedBytes": facts["promoted_bytes"],
        },
        "list": {"elements": lists[1] // WORD_BYTES - lists[0], "bytes": lists[1], "number": lists[0]},
        "sets": {"number": sets[0], "bytes": sets[1], "elements": sets[1] // WORD_BYTES - 2 * sets[0]},
        "layered": {"number": made["layered"][0], "bytes": made["layered"][1]},
        "listViews": {"number": made["list view"][0], "bytes": made["list view"][1]},
        "keys": {"number": keys[0], "bytes": keys[1]},
        "strings": {"number": made["string"][0], "bytes": made["string"][1]},
        "functions": {"number": made["closure"][0], "bytes": made["closure"][1]},
        "thunks": {"number": made["thunk"][0], "bytes": made["thunk"][1]},
        "symbols": {"number": facts["symbols"], "bytes": facts["symbol_bytes"]},
        "sizes": {"Attr": WORD_BYTES, "Bindings": 2 * WORD_BYTES, "Value": WORD_BYTES},
        "nrThunks": made["thunk"][0],
        "nrOpUpdates": facts["updates"],
        "caches": {
            "updateKeys": {"hits": facts["updates_known"]},
            "compiledFiles": {"hits": facts["files_from_cache"], "written": facts["files_to_cache"]},
        },
        "code": {
            "files": facts["files"],
            "sourceBytes": facts["source_bytes"],
            "loadTime": facts["load_ns"] / 1e9,
            "chunks": facts["codes"],
            "linked": facts["codes_linked"],
        },
        "contexts": facts["contexts"],
        "failures": facts["failures"],
        "peakBytes": usage.ru_maxrss * 1024,
    }
