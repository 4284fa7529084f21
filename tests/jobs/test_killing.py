"""The command's own cluster: its workers are killed one by one and all at once, while they start as well."""

import pytest
from killing import check


def test_killed_cluster_of_the_command(tmp_path):
    pytest.importorskip("distributed")
    assert check("dask", 5, tmp_path)[1] == ""
