"""Conservative increments: the integral of each graph stays what it was."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from pdgn.models import PADGN
from pdgn.rollout import rollout
from tests.models.samples import PLAIN, sample
from tests.nn.graphs import normal, randomise


@pytest.mark.parametrize("variant", ["recurrent", "sum"])
def test_a_conservative_model_keeps_the_integral_of_each_graph(variant):
    graphs = [sample(seed, PLAIN) for seed in (0, 1)]
    batch = Batch.from_data_list(graphs)
    batch.mass = normal(batch.num_nodes, seed=5).square() + 0.1
    batch.x_mask = torch.ones_like(batch.x_mask)  # every sensor reports, so that the last frame is data.x's
    for conservative in (True, False):
        model = randomise(PADGN(PLAIN, variant=variant, hidden_channels=8, num_kernels=2, conservative=conservative))
        frames = torch.cat([batch.x[:, -1:], rollout(model, batch, 4)], dim=1)
        drifts = []
        for index in range(2):
            inside = batch.batch == index
            integral = (batch.mass[inside, None, None] * frames[inside]).sum(dim=0)
            drifts.append((integral - integral[0]).abs().max().item())
        # Float64 sums of a few dozen terms of order 1; without the option the integral moves by as much.
        assert (max(drifts) < 1e-11 * frames.abs().max()) if conservative else (min(drifts) > 1e-3)


def test_a_conservative_model_needs_masses():
    data = sample(0, PLAIN)
    model = PADGN(PLAIN, hidden_channels=8, num_kernels=2, conservative=True).double()
    for mass, given in ((None, "None"), (torch.ones(7, 1), r"\[7, 1\]"), (torch.ones(5), r"\[5\]")):
        data.mass = mass
        with pytest.raises(ValueError, match=rf"^data.mass: wanted a tensor \[7\], given {given}$"):
            rollout(model, data, 1)
