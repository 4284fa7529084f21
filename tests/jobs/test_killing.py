"""Kills in modes that the other tests of kills do not have (`python tests/jobs/killing.py` makes 24 in each mode).

The workers of the command's own cluster are killed one by one and all at once, also while they start.  Two workers of a run, and whole runs, are killed
while they write compiled files, a store and results.
"""

import pytest
from killing import MODES, check

from snowsnake.cli import jobs


def test_killed_workers_of_the_commands_cluster_change_no_line(tmp_path):
    pytest.importorskip("distributed")
    assert check("dask", 5, tmp_path)[1] == ""


@pytest.mark.parametrize("mode", ["compiled", "store", "incremental-flake"])
def test_killed_workers_and_runs_change_no_line(mode, tmp_path):
    assert check(mode, 8, tmp_path)[1] == ""


def test_each_way_of_evaluating_has_a_mode():
    """A new option that says how a run is done belongs to the modes; those that only say what is shown are listed here."""
    shown = {"--isolate", "--max-memory-size", "--html", "--meta", "--show-input-drvs", "--check-cache-status", "--force-recurse", "--select", "--apply"}
    compared = {"--changed-since", "--diff", "--diff-format"}
    own = {name for option in jobs._OWN_OPTIONS for name in option.names}
    killed = {word for mode in MODES.values() for word in (*mode.what, *mode.how)} | {"--json"}
    assert own - killed == shown | compared
