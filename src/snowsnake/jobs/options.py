"""Options for each job, and for the run as a whole: plain data, which is sent to other processes."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from snowsnake.store.light_dataclass import dataclass

DEFAULT_MEMORY_BYTES = 4096 << 20


@dataclass(frozen=True)
class JobOptions:
    """What is evaluated, and which fields a reply has; the names are those of nix-eval-jobs' options.

    `meta`, `input_drvs`, `constituents`, `cache_status`: whether a reply has the fields of this name.  `recurses_always`: every set is entered,
    not only one with `recurseForDerivations`.  `is_instantiating`: derivations are made, and replies have the fields that only they know.
    `gc_roots`: a folder for links to the derivations.  `select` and `apply`: expressions whose values are functions; the first is called with the
    root, the second with each derivation.
    """

    meta: bool = False
    input_drvs: bool = False
    constituents: bool = False
    cache_status: bool = False
    recurses_always: bool = False
    is_instantiating: bool = True
    select: str = ""
    apply: str = ""
    gc_roots: str = ""
    show_trace: bool = False


@dataclass(frozen=True)
class RunOptions:
    """`memory_bytes`: a worker that has more resident memory than this after a job is replaced, and so is one whose values take more during a job.

    That job has a worker of its own, which may take two fifths of the free memory, or `memory_bytes` if that is more; there is one such worker at a time.
    With 0, each job has a worker of its own, which may take as much.
    """

    workers: int = 1
    memory_bytes: int = DEFAULT_MEMORY_BYTES
