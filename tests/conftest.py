"""What several tests share: where the real meshes and stations lie, and a seeded generator."""

from __future__ import annotations

import os
from pathlib import Path

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
