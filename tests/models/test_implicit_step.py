"""Implicit steps against matrix exponentials, fine explicit steps and their own promises."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch_geometric.data import Batch

from pdgn.mesh import TriMesh, bumpy_sphere, icosphere
from pdgn.models import Channels, OperatorNetwork
from pdgn.models.implicit_step import TOLERANCE, ImplicitStep, difference_matrix
from pdgn.models.node_functions import SOFTPLUS_ONE
from pdgn.nn.incidence import incidence_of
from pdgn.nn.transport import transport
from pdgn.operators import stiffness
from pdgn.rollout import rollout
from tests.models.test_gradient_flow import Cubic, cahn_hilliard, gradient_flow
from tests.models.test_operator_network import heat, mesh_sample
from tests.nn.graphs import normal, randomise


@pytest.mark.parametrize("shape", [(3,), (3, 3)])
def test_the_matrix_is_the_transport(shape):
    data = mesh_sample(icosphere(1), Channels(3))
    graph, x = incidence_of(data.edge_index, 42), normal(42, 3)
    weight = normal(data.edge_index.size(1), *shape, seed=2)
    weight[0] = 0
    out = torch.from_numpy(difference_matrix(weight, graph) @ x.numpy().ravel()).view(42, 3)
    torch.testing.assert_close(out, transport(x, graph, weight))


def linear_problem(stiff: float):
    """u' = (L + G) u of twelve unknowns in two channels: L stiff and decaying, G of order one, not commuting."""
    decay = -(stiff ** torch.linspace(0, 1, 12, dtype=torch.float64))
    basis, _ = torch.linalg.qr(normal(12, 12))
    matrix, other = basis @ torch.diag(decay) @ basis.t(), 0.3 * normal(12, 12, seed=4)
    step = ImplicitStep(sp.csr_matrix(matrix.numpy()), torch.zeros(6, dtype=torch.long), 1)
    state = basis[:, :4].sum(1).view(6, 2)
    both = matrix + other
    return step, lambda u: (both @ u.reshape(-1)).view(6, 2), state, torch.linalg.matrix_exp(both)


def test_the_order_is_two():
    step, rate, state, exact = linear_problem(stiff=5.0)
    errors = [(step._steps(rate, state, n).reshape(-1) - exact @ state.reshape(-1)).norm() for n in (8, 16, 32)]
    assert 3.5 < errors[0] / errors[1] < 4.5 and 3.7 < errors[1] / errors[2] < 4.3


@pytest.mark.parametrize("stiff", [10.0, 1e4, 1e8])
def test_substeps_are_found_that_keep_the_tolerance(stiff):
    step, rate, state, exact = linear_problem(stiff)
    following, substeps = step.advance(rate, state, 1)
    error = (following.reshape(-1) - exact @ state.reshape(-1)).square().mean().sqrt()
    assert error < TOLERANCE and 1 < substeps <= 32


def test_substeps_fall_again():
    step, _, state, _ = linear_problem(10.0)
    assert step.advance(torch.zeros_like, state, 16)[1] == 8
    torch.testing.assert_close(step.advance(torch.zeros_like, state, 16)[0], state, rtol=0, atol=0)


def test_a_rate_that_explodes_is_warned_of_and_ends():
    step, _, state, _ = linear_problem(10.0)
    with pytest.warns(UserWarning, match="128 implicit substeps do not resolve a frame: what was learned may be unst"):
        step.advance(lambda u: 1e4 * u, state, 1)


def two_graphs():
    """Decay, two thirds of it explicit, at thirty nodes of one graph and one of another."""
    graph = torch.zeros(31, dtype=torch.long)
    graph[30] = 1
    return ImplicitStep(-sp.identity(31, format="csr"), graph, 2), lambda u: -3 * u


def test_errors_are_those_of_each_graph():
    """One node that is not resolved counts as much as thirty that are at rest."""
    step, rate = two_graphs()
    both = ImplicitStep(step._matrix, torch.zeros(31, dtype=torch.long), 1)
    state = torch.zeros(31, 1, dtype=torch.float64)
    state[30] = 0.005
    assert step.advance(rate, state, 1)[1] > both.advance(rate, state, 1)[1]


def test_errors_are_relative_to_what_varies():
    step, rate, state, exact = linear_problem(100.0)
    found = [step.advance(rate, size * state, 1) for size in (0.1, 1.0, 10.0)]
    assert len({substeps for _, substeps in found}) == 1
    torch.testing.assert_close(found[0][0] * 100, found[2][0])


def test_a_graph_that_is_not_finite_holds_up_no_other():
    graph = torch.zeros(31, dtype=torch.long)
    graph[30] = 1
    step = ImplicitStep(-sp.identity(62, format="csr"), graph, 2)

    def rate(u):
        return -3 * u + u.flip(1)

    state = normal(31, 2)
    state[30] = 0
    _, substeps = step.advance(rate, state, 1)
    state[30, 0] = torch.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        following, again = step.advance(rate, state, 1)
    assert again == substeps and bool(following[:30].isfinite().all()) and not bool(following[30].isfinite().any())


def test_few_factors_are_kept():
    step, rate, state, _ = linear_problem(1e4)
    step.advance(rate, state, 1)
    for substeps in (1, 2, 4, 8, 16):
        step._solver(substeps)
    assert list(step._solvers) == [4, 8, 16]


def test_frames_of_graphs_that_record_gradients_are_refused():
    data = mesh_sample(icosphere(3), Channels(1))
    model = heat(OperatorNetwork(Channels(1), reaction=False, most_stages=3), 10.0).eval()
    with torch.no_grad():
        state = model.start(data)
    with pytest.raises(RuntimeError, match="an implicit step has no gradients"):
        model.step(data.x[:, -1], state, data, 0, data.x_mask[:, -1])
    with torch.no_grad():  # substeps of the frame before are where the next one begins
        assert int(model.step(data.x[:, -1], state, data, 0, data.x_mask[:, -1])[1].stages) > int(state.stages) == 1
        assert model.train().start(data).implicit is None  # training is explicit, and silent


@pytest.mark.parametrize("decay, width, scale", [(3e4, 0.0, 1.0), (0.0, 1e-6, 4.0)])
def test_a_stable_equation_stays_stable_whatever_is_stiff(decay, width, scale):
    """Decay by the reaction, or diffusion through the potential, on a mesh with a needle."""
    mesh = icosphere(2)
    pos = mesh.pos.copy()
    ends = mesh.edge_index[:, 0]
    pos[ends[0]] = pos[ends[1]] + 1e-4 * (pos[ends[0]] - pos[ends[1]])
    data = mesh_sample(TriMesh(pos, mesh.face), Channels(1))
    data.increment_scale *= scale
    if decay:
        model = heat(OperatorNetwork(Channels(1), most_stages=64), 1.0)
        model.reaction.linear.data.fill_(-decay)
    else:
        model = cahn_hilliard(width, 1.0)
    with torch.no_grad():
        state = model.eval().start(data)
        assert state.implicit is not None
        frames = rollout(model, data, 3)
        exact = torch.linalg.matrix_exp(torch.tensor(jacobian(model, state, data)).double()) @ data.x[:, 0]
    assert frames.abs().max() <= data.x.abs().max()
    assert (frames[:, 0] - exact).square().mean().sqrt() < 0.01


@pytest.mark.parametrize("conservative", [False, True])
def test_of_what_is_local_the_decay_alone_is_implicit(conservative):
    """Not the growth, and nothing where the mean of a reaction is taken off: that would not keep the integral."""
    channels = Channels(2)
    data = mesh_sample(icosphere(1), channels)
    model = heat(OperatorNetwork(channels, potential=True, conservative=conservative, bound=1e9), 1e-30)
    with torch.no_grad():
        model.reaction.linear.copy_(torch.tensor([[-5.0, 1.0], [2.0, 7.0]]))
        model.operators.mobility.fill_(SOFTPLUS_ONE)
        model.potential.stiffness.fill_(-1000.0)
        model.potential.linear.copy_(torch.tensor([[-3.0, 1.0], [2.0, 4.0]]))
        found = model.linearise(data.x[:, -1], model.start(data), data).implicit_part()
    laplacian = -stiffness(icosphere(1)).toarray() / data.mass.numpy()[:, None]
    expected = np.kron(laplacian, np.diag([0.0, 4.0])) - np.kron(
        np.eye(42), np.diag([0.0 if conservative else 5.0, 0.0])
    )
    np.testing.assert_allclose(found.toarray(), 0.05 * expected, atol=1e-7 * np.abs(expected).max())


def test_a_conservative_reaction_keeps_the_integral_of_implicit_steps():
    data = mesh_sample(bumpy_sphere(np.random.default_rng(2), 2), Channels(2))
    model = randomise(OperatorNetwork(Channels(2), 5, conservative=True, most_stages=2, bound=1e9), scale=0.1).eval()
    model.operators.size.data.fill_(3.0)
    with torch.no_grad():
        assert model.start(data).implicit is not None
        frames = torch.cat([data.x, rollout(model, data, 3)], dim=1)
    total = (data.mass[:, None, None] * frames).sum(0)
    assert ((total - total[0]) / (data.mass[:, None] * data.x[:, 0].abs()).sum(0)).abs().max() < 1e-12
    assert (frames[:, -1] - frames[:, 0]).abs().max() > 0.1


def jacobian(model, state, data):
    """Of the rate, which is linear."""
    columns = torch.eye(len(data.x), dtype=torch.float64)
    rest = model.rate(torch.zeros(len(data.x), 1, dtype=torch.float64), state, data, 0)
    return torch.cat([model.rate(column.unsqueeze(1), state, data, 0) - rest for column in columns], dim=1).numpy()


def test_heat_that_is_too_stiff_for_stages_is_implicit():
    mesh, size = icosphere(3), 1.0
    data, model = (
        mesh_sample(mesh, Channels(1)),
        heat(OperatorNetwork(Channels(1), reaction=False, most_stages=4), size),
    )
    data.x = torch.tensor(mesh.pos[:, :1] * mesh.pos[:, 1:2] + 0.3).unsqueeze(1)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.eval().start(data).implicit is not None
        frames = rollout(model, data, 4)[..., 0]
    laplacian = -torch.tensor(stiffness(mesh).toarray()) / data.mass.unsqueeze(1)
    exact = torch.linalg.matrix_exp(4 * 0.05 * laplacian) @ data.x[:, 0, 0]
    assert (frames[:, -1] - exact).square().mean().sqrt() < 4 * TOLERANCE
    assert ((data.mass @ frames) / (data.mass @ data.x[:, 0]) - 1).abs().max() < 1e-12
    model.explicit.most_stages = 256
    with torch.no_grad():
        assert model.start(data).implicit is None


@pytest.mark.parametrize("stepper, gradients", [("runge_kutta", False), ("chebyshev", True)])
def test_where_it_cannot_be_implicit_that_is_warned_of(stepper, gradients):
    data = mesh_sample(icosphere(3), Channels(1))
    model = heat(OperatorNetwork(Channels(1), reaction=False, most_stages=3, stepper=stepper), 10.0)
    found = pytest.warns(UserWarning, match="more than 3 stages a step, and most_stages allows no more")
    with found as seen, torch.set_grad_enabled(gradients):
        assert model.eval().start(data).implicit is None
    assert ("without gradients" in str(seen[0].message)) == gradients


def test_an_operator_that_is_not_finite_is_warned_of():
    data = mesh_sample(icosphere(1), Channels(1))
    model = heat(OperatorNetwork(Channels(1), reaction=False), 1.0).eval()
    model.operators.size.data.fill_(torch.nan)
    with torch.no_grad(), pytest.warns(UserWarning, match="allows no more"):
        assert model.start(data).implicit is None


def test_phases_part_as_with_explicit_steps():
    mesh = icosphere(3)
    data, model = mesh_sample(mesh, Channels(1)), cahn_hilliard(0.35, -1.0)
    model.potential.local = Cubic()
    data.increment_scale = torch.full((1, 1), 0.05, dtype=torch.float64)
    data.x = 0.5 * torch.tensor(mesh.pos[:, :1] * mesh.pos[:, 1:2] * 2 + 0.2 * mesh.pos[:, 2:]).unsqueeze(1)
    model.eval()
    with torch.no_grad():
        halves = data.clone()
        halves.increment_scale = data.increment_scale / 8  # eight explicit steps in place of one
        explicit = torch.cat([data.x, rollout(model, halves, 320)[:, 7::8]], dim=1)[..., 0]
        model.explicit.most_stages = 8
        implicit = torch.cat([data.x, rollout(model, data, 40)], dim=1)[..., 0]
    assert (implicit - explicit).square().mean(0).sqrt().max() < 0.01
    matrix = torch.tensor(stiffness(mesh).toarray())
    energy = data.mass @ ((implicit**2 - 1) ** 2 / 4) + 0.35**2 / 2 * (implicit * (matrix @ implicit)).sum(0)
    assert bool((energy.diff() < 1e-6).all()) and energy[-1] < 0.9 * energy[0]
    assert (data.mass @ implicit - data.mass @ data.x[:, 0]).abs().max() < 1e-12


def test_a_batch_with_every_operator_is_its_singles():
    channels = Channels(2, 1, 1)
    model = randomise(gradient_flow(channels, most_stages=4), scale=0.05).eval()
    graphs = [mesh_sample(mesh, channels) for mesh in (icosphere(2), bumpy_sphere(np.random.default_rng(2), 2))]
    with torch.no_grad():
        both = Batch.from_data_list(graphs)
        together = rollout(model, both, 2)
        apart = torch.cat([rollout(model, data, 2) for data in graphs])
        for parameter in (model.potential.linear, *model.potential.local.parameters()):
            parameter.zero_()  # what is left is linear in f, but for the level of convection
        model.level.zero_()
        state, frame = model.start(both), normal(together.size(0), 2, seed=7)
        assert state.implicit is not None
        flat = torch.from_numpy(state.implicit._matrix @ frame.numpy().ravel()).view_as(frame)
        torch.testing.assert_close(model.rate(frame, state, both, 0), flat)
    assert (together - apart).square().mean().sqrt() < 4 * TOLERANCE
