"""What a training step does, counted: what made it slow once must not come back, however noisy the machine is."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pdgn.models import PADGN, Channels, PublishedPADGN
from pdgn.nn.kernels import compiled
from pdgn.rollout import rollout
from tests.models.samples import sample

CHANNELS = Channels(1, 2, 1)
OWN = {"hidden_channels": 16, "num_kernels": 4}
MODELS = {
    "anchored": lambda: PADGN(CHANNELS, **OWN),
    "anchored sum": lambda: PADGN(CHANNELS, variant="sum", **OWN),
    "published": lambda: PublishedPADGN(CHANNELS, hidden_channels=16, num_kernels=4),
    "published sum": lambda: PublishedPADGN(CHANNELS, "sum", hidden_channels=16, num_kernels=1),
}
KERNELS = compiled.library() is not None  # else PyTorch does it all
# Reads of node values at the edges by PyTorch, forward and backward, in each further step of a training step.
GATHERS = (
    {"anchored": 5, "anchored sum": 1, "published": 12, "published sum": 8}
    if KERNELS
    else {"anchored": 17, "anchored sum": 4, "published": 32, "published sum": 24}
)
# Numbers per edge that each further step keeps for the backward pass, in units of H.
KEPT = {"anchored": 6.5, "published": 16.7} if KERNELS else {"anchored": 8.5, "published": 20.7}
KEPT |= {"anchored sum": 0.1, "published sum": 2.8 if KERNELS else 4.8}


class Counted(TorchDispatchMode):
    """Counts what reaches the device, by its name without overload."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, int] = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.names[name] = self.names.get(name, 0) + 1
        return function(*args, **(kwargs or {}))


def small_sample(num_nodes=60):
    data = sample(channels=CHANNELS, num_nodes=num_nodes)
    data.x_mask = torch.ones_like(data.x_mask)
    return data.apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)


def training_step(model, data, steps):
    prediction = rollout(model, data, steps, truth=data.y[:, :steps], truth_probability=1.0)
    prediction.square().sum().backward()


def operations(name, steps):
    model, data = MODELS[name](), small_sample()
    training_step(model, data, 1)  # what is computed once for each edge_index
    with Counted() as counted:
        training_step(model, data, steps)
    return counted.names


@pytest.mark.parametrize("name", MODELS)
def test_nothing_is_put_by_index(name):
    names = operations(name, 3)
    assert not names.keys() & {"index_put", "index_put_", "_index_put_impl_", "index", "_unsafe_index_put"}
    assert not names.keys() & {"sort", "argsort", "searchsorted", "unique_dim", "nonzero"}  # once, not every step


@pytest.mark.parametrize("name", MODELS)
def test_no_more_gathers_per_step_than_stated(name):
    counts = [operations(name, steps).get("index_select", 0) for steps in (2, 3)]
    assert counts[1] - counts[0] <= GATHERS[name]


def kept(name, steps, data):
    """Bytes of all storages that autograd keeps for the backward pass."""
    storages: dict[int, int] = {}
    model = MODELS[name]()

    def pack(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = rollout(model, data, steps, truth=data.y[:, :steps], truth_probability=1.0)
    assert out.requires_grad
    return sum(storages.values())


@pytest.mark.parametrize("name", MODELS)
def test_a_step_keeps_few_numbers_per_edge(name):
    """Two graphs of equal nodes and different edges part the numbers per edge from those per node."""
    data, more = small_sample(), small_sample()
    width = 16
    extra = torch.randint(0, 59, (2, 400), generator=torch.Generator().manual_seed(0))
    more.edge_index = torch.cat([more.edge_index, extra], dim=1)
    count = extra.size(1)
    more.edge_context = torch.cat([more.edge_context, torch.ones(count, more.edge_context.size(1))])
    more.reference_gradient = torch.cat([more.reference_gradient, torch.ones(count)])
    more.reference_laplacian = torch.cat([more.reference_laplacian, torch.ones(count)])
    growth = [kept(name, 3, graph) - kept(name, 2, graph) for graph in (data, more)]
    assert 0 <= growth[1] - growth[0] <= KEPT[name] * width * 4 * count
