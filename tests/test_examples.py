"""The examples run, and show what they claim."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import torch

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_a_spatial_difference_layer_helps_a_pyg_model(capsys):
    path = EXAMPLES / "sdl_in_a_pyg_model.py"
    with torch.random.fork_rng():
        names = runpy.run_path(str(path), run_name="__main__")
    printed = re.search(r": (.*) alone, (.*) with spatial differences", capsys.readouterr().out)
    alone, within = map(float, printed.groups())
    assert within < 0.4 * alone  # about 0.1 on the seed of the example
    pos, edge_index = names["pos"], names["edge_index"]
    x = torch.cat([torch.ones(len(pos) + 1, 1), torch.cat([pos, pos[:1]])], dim=1)  # the last node has no edge
    assert names["WithDifferences"]()(x, edge_index).shape == (len(pos) + 1, 1)
    assert len(path.read_text().splitlines()) < 50
