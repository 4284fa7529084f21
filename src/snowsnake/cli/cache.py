"""`snowsnake cache`: shows the cache of compiled files, checks it, and empties it.

In: the folder (`--cache-dir`, otherwise the one that evaluations use).  Out: facts and faults.
"""

import os

from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter, write_line, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cache.inspection import Inspection
    from snowsnake.fetch.cache import FetchCache

OPTIONS = (
    CommandOption("--cache-dir", "DIR", "the folder of the cache (default: the one that evaluations use)"),
    CommandOption("--json", "", "stats: print JSON"),
    CommandOption("--fetched", "", "what was fetched, instead of compiled files"),
    CommandOption("--limit", "MIB", "clear --fetched: only until no more than this is left"),
    HELP_OPTION,
)
USAGE = "snowsnake cache (stats | verify | clear) [OPTION …]"
SUMMARY = "stats counts the compiled files, or fetched sources, that are kept; verify looks at every byte of them; clear removes them, and what is known of flakes."
NOTES = (
    "The folder is $SNOWSNAKE_CACHE_DIR, otherwise snowsnake in $XDG_CACHE_HOME or ~/.cache.  $SNOWSNAKE_CACHE_LIMIT is its size in\n"
    "MiB (default 256): beyond it the files that were not used for longest go.  SNOWSNAKE_NO_CACHE=1 switches it off."
)


def run(given: Arguments, reporter: Reporter) -> int:
    if len(given.words) != 1 or given.words[0] not in _ACTIONS:
        raise UsageError("say what to do: stats, verify or clear")
    if given.flag("fetched"):
        return _fetched(given, reporter)
    from snowsnake.cache.location import default_folder, limit_bytes

    folder = os.path.abspath(given.text("cache_dir")) if given.flag("cache_dir") else default_folder(os.environ)
    if folder is None:
        reporter.failure("there is no cache: SNOWSNAKE_NO_CACHE is set, or there is no home folder")
        return 1
    from snowsnake.cache.inspection import Inspection

    inspection = Inspection(os.fsencode(folder), limit_bytes(os.environ))
    return _ACTIONS[given.words[0]](inspection, folder, given, reporter)


def _fetched(given: Arguments, reporter: Reporter) -> int:
    from snowsnake.fetch.cache import FetchCache
    from snowsnake.fetch.errors import FetchFailure

    cache = FetchCache(os.path.join(os.path.abspath(given.text("cache_dir")), "fetch") if given.flag("cache_dir") else None)
    try:
        return _FETCHED[given.words[0]](cache, given, reporter)
    except FetchFailure as error:
        reporter.failure(str(error))
        return 1
    finally:
        cache.close()


def _fetched_stats(cache: "FetchCache", given: Arguments, reporter: Reporter) -> int:
    trees = cache.trees()
    facts = {
        "folder": cache.folder, "remembered_in": cache.changing, "trees": len(trees), "tree_bytes": sum(size for _, size, _ in trees),
        "repositories": len(cache.repositories()),
    }  # fmt: skip
    _write_facts(facts, given.flag("json"))
    return 0


def _fetched_verify(cache: "FetchCache", given: Arguments, reporter: Reporter) -> int:
    """Removes a tree whose bytes do not match its name: it is fetched again when it is needed."""
    damaged = cache.damaged()
    for name in damaged:
        cache.remove(name)
    if damaged:
        reporter.failure(f"{len(damaged)} fetched trees were damaged, and are removed: {', '.join(damaged)}")
        return 1
    write_line(f"{len(cache.trees())} fetched trees, no faults".encode())
    return 0


def _fetched_clear(cache: "FetchCache", given: Arguments, reporter: Reporter) -> int:
    if not given.flag("limit"):
        cache.clear()
        return 0
    freed = cache.shrink(given.integer("limit", 0) << 20)
    write_line(f"{freed} bytes freed".encode())
    return 0


_FETCHED = {"stats": _fetched_stats, "verify": _fetched_verify, "clear": _fetched_clear}


def _stats(inspection: "Inspection", folder: str, given: Arguments, reporter: Reporter) -> int:
    from snowsnake.cache.location import limit_bytes

    whole = [(size_bytes, is_own, idle_days) for _, size_bytes, is_own, idle_days, is_whole in inspection.entries() if is_whole]
    facts = {
        "folder": folder,
        "files": len(whole),
        "files_of_this_compiler": sum(is_own for _, is_own, _ in whole),
        "files_used_today": sum(idle_days == 0 for _, _, idle_days in whole),
        "compiled_bytes": sum(size_bytes for size_bytes, _, _ in whole),
        "pack_bytes": inspection.size_bytes(),
        "limit_bytes": limit_bytes(os.environ),
    }
    _write_facts(facts, given.flag("json"))
    return 0


def _write_facts(facts: "dict[str, object]", is_json: bool) -> None:
    if is_json:
        import json

        write_text(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        write_text(f"{name.replace('_', ' '):24}{value}")


def _verify(inspection: "Inspection", folder: str, given: Arguments, reporter: Reporter) -> int:
    if not inspection.is_usable() and os.path.exists(os.path.join(folder, "compiled-1.pack")):
        reporter.failure("the cache file was not written by Snowsnake, or its beginning is damaged; the next evaluation replaces it")
        return 1
    count = damaged = 0
    for *_, is_whole in inspection.entries():
        count += 1
        damaged += not is_whole
    if damaged:
        reporter.failure(f"{damaged} of {count} compiled files are damaged; evaluations do not use them")
        return 1
    write_line(f"{count} compiled files, no faults".encode())
    return 0


def _clear(inspection: "Inspection", folder: str, given: Arguments, reporter: Reporter) -> int:
    from snowsnake.cache.answer_files import FOLDER
    from snowsnake.store.removal import remove

    # The folder has the answers about flakes.
    remove(os.path.join(folder, FOLDER))
    if not os.path.exists(os.path.join(folder, "compiled-1.pack")):
        return 0
    if not inspection.clear():
        reporter.failure(f"cannot remove the compiled files in '{folder}': not ours, or somebody is writing to them")
        return 1
    return 0


_ACTIONS = {"stats": _stats, "verify": _verify, "clear": _clear}
