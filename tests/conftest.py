"""What several tests share: where the real meshes and stations lie, and a seeded generator."""

from __future__ import annotations

import os
from pathlib import Path

# The workers of pytest share the cores: one thread each, also in the programs that tests start, and where a test asks
# for two, the one that waits does not spin. OpenMP and BLAS read this when they are loaded.
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ}

import numpy as np
import pytest
import torch

torch.set_num_threads(1)


def shared_data_folder() -> Path | None:
    """The folder of real meshes and stations: $PDGN_SHARED_DATA, or ../shared/data beside the repository."""
    folder = Path(os.environ.get("PDGN_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    return folder if folder.is_dir() else None


@pytest.fixture
def shared_data() -> Path:
    """The folder of real inputs; the test is skipped where it is absent."""
    folder = shared_data_folder()
    if folder is None:
        pytest.skip("no real data: put it in ../shared/data or name its folder in PDGN_SHARED_DATA")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded NumPy generator."""
    return np.random.default_rng(0)
