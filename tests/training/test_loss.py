from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch, Data

from pdgn.training.loss import error_sums, increment_loss


def graph(values: torch.Tensor, mask: torch.Tensor, scale: list[float]) -> Data:
    return Data(x=values[:, :1], y=values, y_mask=mask, increment_scale=torch.tensor([scale]), num_nodes=len(values))


def test_an_error_of_one_typical_increment_costs_one_in_slow_and_in_fast_fields() -> None:
    values = torch.randn(5, 3, 2)
    data = graph(values, torch.ones(5, 3, dtype=torch.bool), [0.01, 2.0])
    prediction = values + torch.tensor([0.01, 2.0])
    # rounding of float32: values of order 1 carry 1e-7 absolute, 1e-5 of the scale 0.01
    assert float(increment_loss(prediction, data)) == pytest.approx(1.0, rel=1e-4)
    assert float(increment_loss(values + torch.tensor([0.03, 0.0]), data)) == pytest.approx(4.5, rel=1e-4)


def test_what_is_masked_neither_counts_nor_has_a_gradient() -> None:
    mask = torch.tensor([[True, False], [False, True], [True, True]])
    truth = torch.randn(3, 2, 1).double()
    prediction = (truth + torch.where(mask, 0.5, float("nan")).unsqueeze(-1)).requires_grad_()
    loss = increment_loss(prediction, graph(truth, mask, [0.5]))
    loss.backward()
    assert loss.item() == pytest.approx(1.0, rel=1e-12)
    assert torch.equal(prediction.grad.squeeze(-1) != 0, mask)
    nothing = graph(truth, torch.zeros_like(mask), [0.5])
    assert increment_loss(prediction, nothing).item() == 0.0


def test_each_graph_of_a_batch_has_its_own_scale() -> None:
    full = torch.ones(2, 1, dtype=torch.bool)
    graphs = [graph(torch.zeros(2, 1, 1), full, [scale]) for scale in (1.0, 0.1)]
    batch = Batch.from_data_list(graphs)
    # ((1/1)² + (1/0.1)²)/2
    assert float(increment_loss(torch.ones(4, 1, 1), batch)) == pytest.approx(50.5, rel=1e-6)


def test_error_sums_are_closed_forms_and_a_nan_that_counts_stays() -> None:
    truth, mask = torch.zeros(4, 2, 2), torch.tensor([[True, True]] * 3 + [[False, True]])
    prediction = torch.tensor([3.0, -4.0]).expand(4, 2, 2).clone()
    prediction[3, 0] = float("nan")
    sums = error_sums(prediction, truth, mask)
    assert sums.absolute.tolist() == [21.0, 28.0] and sums.squared.tolist() == [63.0, 112.0] and int(sums.readings) == 7
    prediction[0, 0, 1] = float("nan")
    sums = error_sums(prediction, truth, mask)
    assert sums.absolute[0] == 21.0 and sums.absolute[1].isnan()
