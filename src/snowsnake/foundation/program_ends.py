"""How programs end, in C++ Nix's words.

In: the status of a program.  Out: text for messages.
"""


def failed_text(status: int) -> str:
    """How a program failed.  *status*: its exit code, or minus the signal that ended it, as `subprocess` has it.

    >>> failed_text(2), failed_text(-9)
    ('failed with exit code 2', 'failed due to signal 9')
    """
    return f"failed with exit code {status}" if status > 0 else f"failed due to signal {-status}"
