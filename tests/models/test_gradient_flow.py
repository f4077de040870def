"""The gradient flow of the operator network against loops, exact solutions and its promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import silu, softplus
from torch_geometric.data import Batch, Data

from pdgn.mesh import bumpy_sphere, icosphere
from pdgn.models import Channels, OperatorNetwork
from pdgn.models.node_functions import SOFTPLUS_ONE
from pdgn.operators import stiffness
from pdgn.rollout import rollout
from tests.models.samples import sample
from tests.models.test_operator_network import bound_of, heat, mesh_sample, radius_of
from tests.nn.graphs import normal, randomise


def gradient_flow(channels: Channels, **options) -> OperatorNetwork:
    return OperatorNetwork(channels, 5, reaction=False, potential=True, **options)


def cahn_hilliard(width: float, slope: float) -> OperatorNetwork:
    """The model with weights that make it u_t = Δ(slope · u − width² Δu) in units of s."""
    model = heat(gradient_flow(Channels(1)), 1e-30)
    with torch.no_grad():
        model.operators.mobility.fill_(SOFTPLUS_ONE)
        model.potential.stiffness.fill_(float(np.log(np.expm1(width**2))))
        model.potential.linear.fill_(slope)
    return model


def test_the_rate_is_what_the_formula_says():
    channels = Channels(signal=2, node_context=3, edge_context=1)
    data, model = sample(channels=channels), randomise(gradient_flow(channels, num_kernels=3))
    with torch.no_grad():
        for parameter in (model.operators.coupling, model.operators.convection):
            parameter.zero_()
        model.operators.size.fill_(-1000)
    frame, flow = normal(7, 2, seed=8), model.potential
    source, target = data.edge_index
    inner = torch.zeros(7, 2, dtype=torch.float64)
    for e, (j, i) in enumerate(zip(source, target)):
        inner[i] += data.reference_laplacian[e] * (frame[j] - frame[i])
    potential = frame @ flow.linear.t() + flow.local(torch.cat([frame, data.node_context], dim=1))
    potential = potential - softplus(flow.stiffness) * inner
    expected, out = torch.zeros(7, 2, dtype=torch.float64), {}
    for e, (j, i) in enumerate(zip(source, target)):
        inputs = torch.cat([data.node_context[i], data.node_context[j], data.edge_context[e]])
        out[int(j), int(i)] = (
            model.operators.linear(inputs) + model.operators.last(silu(model.operators.first(inputs)))
        )[-2:]
    for e, (j, i) in enumerate(zip(source.tolist(), target.tolist())):
        mobility = softplus(model.operators.mobility) * softplus(out[j, i] + out[i, j] + SOFTPLUS_ONE)
        expected[i] += data.reference_laplacian[e] * mobility * (potential[j] - potential[i])
    rate = model.rate(frame, model.start(data), data, 0)
    torch.testing.assert_close(rate, data.increment_scale * expected)


def test_small_waves_grow_as_the_linear_equation_says():
    mesh, width = icosphere(2), 0.25
    data, model = mesh_sample(mesh, Channels(1)), cahn_hilliard(width, -1.0)
    data.increment_scale = torch.full((1, 1), 0.02, dtype=torch.float64)
    laplacian = -torch.tensor(stiffness(mesh).toarray()) / data.mass.unsqueeze(1)
    operator = 0.02 * laplacian @ (-torch.eye(162, dtype=torch.float64) - width**2 * laplacian)
    first = torch.tensor(mesh.pos[:, :1] * mesh.pos[:, 1:2])  # λ = 6 and 6 (1 − 6/16) > 0: it grows
    first = torch.linalg.matrix_exp(0.4 * laplacian) @ first  # what the stiff modes are damped by is not of order two
    data.x = first.unsqueeze(1)
    exact = torch.linalg.matrix_exp(5 * operator) @ first
    assert exact.abs().max() > 1.4 * first.abs().max()
    error = (rollout(model, data, 5)[:, -1] - exact).abs().max() / exact.abs().max()
    assert error < 5 * 0.075**3 / 6 and int(model.start(data).stages) > 4


@pytest.mark.parametrize("signal, times", [(1, 2.5), (2, 10)])  # blocks of random signs add up less than their sizes do
def test_the_spectral_radius_is_bounded_and_not_by_far(signal, times):
    channels = Channels(signal, 2, 1)
    for seed in range(3):
        data = mesh_sample(bumpy_sphere(np.random.default_rng(seed), 1, amplitude=0.3), channels)
        model = randomise(gradient_flow(channels), seed=seed, scale=0.2)
        with torch.no_grad():
            model.potential.linear.copy_(normal(signal, signal, seed=seed))
            model.potential.stiffness.copy_(normal(signal, seed=seed + 5))
        found, radius = bound_of(model, data), radius_of(model, data)
        assert radius <= 1.001 * found <= times * radius


def ring(nodes: int, node_context: int = 0) -> Data:
    """An even ring with unit weights, on which the bound is the spectral radius."""
    along = torch.arange(nodes)
    edges = torch.cat([torch.stack([along, (along + 1) % nodes]), torch.stack([(along + 1) % nodes, along])], dim=1)
    ones = torch.ones(2 * nodes, dtype=torch.float64)
    return Data(
        x=normal(nodes, 1, 2), edge_index=edges, reference_gradient=ones, reference_laplacian=ones,
        node_context=normal(nodes, node_context), mass=ones[:nodes], inverse_mass=ones[:nodes],
        increment_scale=torch.tensor([[0.05, 0.2]], dtype=torch.float64),
    )  # fmt: skip


def ring_flow(node_context: int = 0) -> OperatorNetwork:
    """Positive P and ε, all else zero but a small diffusion."""
    model = heat(gradient_flow(Channels(2, node_context)), 0.01)
    with torch.no_grad():
        model.operators.mobility.copy_(torch.tensor([0.5, -1.0]))
        model.potential.stiffness.copy_(torch.tensor([0.3, 1.0]))
        model.potential.linear.copy_(torch.tensor([[2.0, 0.5], [3.0, 1.0]]))
    return model


def test_on_an_even_ring_the_bound_is_the_radius():
    data, model = ring(8), ring_flow()
    assert bound_of(model, data) == pytest.approx(radius_of(model, data), rel=1e-9)
    with torch.no_grad():
        model.potential.linear.zero_()
        model.potential.stiffness.fill_(-40.0)
    bare = bound_of(model, data)
    assert bare == pytest.approx(0.2 * 0.01 * 4, rel=1e-6)  # the diffusion alone


def test_the_bound_of_a_batch_is_the_largest_of_its_graphs():
    """Not the product of one graph's scale and another's cells."""
    channels, model = Channels(1), cahn_hilliard(0.35, -1.0)
    fine, coarse = (mesh_sample(icosphere(level), channels) for level in (3, 1))
    fine.increment_scale = torch.full((1, 1), 1e-3, dtype=torch.float64)
    coarse.increment_scale = torch.full((1, 1), 0.5, dtype=torch.float64)
    both = Batch.from_data_list([fine, coarse])
    found = [bound_of(model, data) for data in (fine, coarse, both)]
    assert found[2] == pytest.approx(max(found[:2]), rel=1e-6)


def test_a_mesh_that_asks_for_too_much_is_warned_of():
    data, model = mesh_sample(icosphere(3), Channels(1)), cahn_hilliard(0.35, -1.0)
    model.explicit.most_stages = 8
    with pytest.warns(UserWarning, match="asks for more than 8 stages a step, and most_stages allows no more"):
        model.eval().start(data)


def test_the_mobility_learns():
    data, model = ring(8, node_context=1), ring_flow(node_context=1)
    (model.start(data).weights.mobility * normal(16, 2)).sum().backward()
    assert model.operators.linear.weight.grad[-2:].abs().min() > 0 and model.operators.mobility.grad.abs().min() > 0


def test_the_integral_is_conserved():
    mesh, channels = bumpy_sphere(np.random.default_rng(0), 2, amplitude=0.3), Channels(2, 2, 3)
    data = mesh_sample(mesh, channels)
    model = randomise(gradient_flow(channels, bound=1e9), scale=0.05)
    frames = rollout(model, data, 3)
    change = ((data.mass[:, None, None] * frames).sum(0) - (data.mass[:, None] * data.x[:, 0]).sum(0)).abs()
    assert (change / (data.mass[:, None] * data.x[:, 0].abs()).sum(0)).max() < 1e-13
    assert (frames[:, -1] - data.x[:, 0]).abs().max() > 1e-3


@pytest.mark.parametrize("level", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_phases_part_and_stay_bounded_on_cells_of_any_size(level):
    """u³ − u in place of a learned potential: from noise to plateaus, with an energy that falls."""
    mesh = icosphere(level)
    data, model = mesh_sample(mesh, Channels(1)), cahn_hilliard(0.35, -1.0)
    model.potential.local = Cubic()
    data.increment_scale = torch.full((1, 1), 0.1, dtype=torch.float64)
    data.x = 0.5 * torch.tensor(mesh.pos[:, :1] * mesh.pos[:, 1:2] * 2 + 0.2 * mesh.pos[:, 2:]).unsqueeze(1)
    frames = torch.cat([data.x, rollout(model.train(), data, 60)], dim=1)[..., 0]
    matrix = torch.tensor(stiffness(mesh).toarray())
    energy = (data.mass @ ((frames**2 - 1) ** 2 / 4) + 0.35**2 / 2 * (frames * (matrix @ frames)).sum(0)).detach()
    assert bool((energy.diff() < 1e-9).all()) and energy[-1] < 0.8 * energy[0]
    assert 0.8 < frames[:, -1].abs().max() < 1.1


class Cubic(torch.nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs[:, :1] ** 3


def test_gradients_reach_every_parameter_and_a_batch_is_its_singles():
    channels = Channels(2, 1, 1)
    one, two = (mesh_sample(mesh, channels) for mesh in (icosphere(1), bumpy_sphere(np.random.default_rng(2), 1)))
    model = randomise(gradient_flow(channels, stepper="runge_kutta"), scale=0.1).train()
    one.increment_scale = two.increment_scale = torch.full((1, 2), 0.001, dtype=torch.float64)
    assert int(model.start(one).stages) == int(model.start(two).stages) == -1
    together = rollout(model, Batch.from_data_list([one, two]), 2)
    torch.testing.assert_close(together, torch.cat([rollout(model, one, 2), rollout(model, two, 2)]))
    recomputed = rollout(model, one, 2, recompute=True)
    recomputed.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_a_fresh_flow_hardly_moves_and_is_drawn_anew():
    data = mesh_sample(icosphere(2), Channels(1))
    data.increment_scale = torch.full((1, 1), 1e-4, dtype=torch.float64)
    model = randomise(gradient_flow(Channels(1)))
    model.reset_parameters()
    change = (rollout(model.double(), data, 1)[:, 0] - data.x[:, 0]).abs().max()
    assert 0 < change < 0.05
