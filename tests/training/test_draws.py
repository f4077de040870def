"""What processes draw for their parts is what `rollout` would draw for the whole."""

from __future__ import annotations

import torch
from torch_geometric.data import Batch, Data

from pdgn.models import ForecastModel
from pdgn.rollout import rollout
from pdgn.training.batch_plan import BatchPlan
from pdgn.training.draws import Draws
from pdgn.training.randomness import STEP, keyed_generator
from pdgn.training.share import Share

NODES, FRAMES, STEPS = [3, 5, 2, 4, 6], 2, 4


class Drift(ForecastModel):
    """f ← f + 1: what it is fed shows in what it predicts."""

    trainable, symmetries = False, frozenset()

    def start(self, data: Data) -> None:
        return None

    def step(
        self, frame: torch.Tensor, state: None, data: Data, index: int, observed: torch.Tensor
    ) -> tuple[torch.Tensor, None]:
        return frame + 1, None


def graph(nodes: int, generator: torch.Generator) -> Data:
    def random(frames: int) -> torch.Tensor:
        return torch.randn(nodes, frames, 1, generator=generator)

    def mask(frames: int) -> torch.Tensor:
        return torch.rand(nodes, frames, generator=generator) < 0.7

    return Data(x=random(FRAMES), x_mask=mask(FRAMES), y=random(STEPS), y_mask=mask(STEPS), num_nodes=nodes)


def test_the_parts_meet_what_the_whole_batch_would() -> None:
    generator = torch.Generator().manual_seed(0)
    graphs = [graph(nodes, generator) for nodes in NODES]
    options = {"truth_probability": 0.5, "noise_std": 0.3}
    for step in range(2):
        order = BatchPlan(len(NODES), 4, Share(), seed=1).order(2)[4 * step : 4 * step + 4]
        whole = Batch.from_data_list([graphs[window] for window in order])
        key = keyed_generator(STEP, 1, 2, step)
        expected = rollout(
            Drift(), whole, STEPS, truth=whole.y, truth_mask=whole.y_mask, generator=key, **options
        )  # fmt: skip
        parts = []
        for rank in range(2):
            plan = BatchPlan(len(NODES), 4, Share(rank, 2), seed=1)
            data = Batch.from_data_list([graphs[order[position]] for position in plan.part(step)])
            draws = Draws.of(data, plan.spans(2, step, NODES), 0.3, 0.5, keyed_generator(STEP, 1, 2, step))
            mask, data = draws.truth_mask(data), draws.noisy(data, 0.3)
            prediction = rollout(Drift(), data, STEPS, truth=data.y, truth_mask=mask, truth_probability=1.0)
            parts += [prediction] if plan.counts(step) else []
        assert torch.equal(torch.cat(parts), expected)


def test_nothing_is_drawn_where_nothing_is_left_to_chance() -> None:
    data = Batch.from_data_list([graph(3, torch.Generator().manual_seed(0))])
    for probability in (0.0, 1.0):
        generator = torch.Generator().manual_seed(7)
        draws = Draws.of(data, BatchPlan(1, 1, Share()).spans(0, 0, [3]), 0.0, probability, generator)
        assert draws.noisy(data, 0.0) is data and draws.truth_mask(data) is data.y_mask
        assert torch.equal(generator.get_state(), torch.Generator().manual_seed(7).get_state())
