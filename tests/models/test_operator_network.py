"""The operator network against loops, exact solutions and its own promises."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from pdgn.mesh import TriMesh, bumpy_sphere, icosphere
from pdgn.models import Channels, OperatorNetwork
from pdgn.models.node_functions import SOFTPLUS_ONE
from pdgn.nn.reverse_edges import reverse_edges
from pdgn.operators import reference_weights, stiffness
from pdgn.rollout import rollout
from tests.models.samples import sample
from tests.nn.graphs import normal, randomise


def mesh_sample(mesh, channels: Channels, frames: int = 1) -> Data:
    """A sample on a mesh, float64, with random context."""
    edges, nodes = torch.tensor(mesh.edge_index), mesh.num_vertices
    gradient, laplacian = (torch.tensor(weights) for weights in reference_weights(mesh))
    mass = torch.tensor(np.asarray(mesh.face_area).sum() / nodes * np.ones(nodes))
    mass = torch.zeros(nodes, dtype=torch.float64).index_add(
        0, torch.tensor(mesh.face.ravel()), torch.tensor(np.repeat(mesh.face_area / 3, 3))
    )
    return Data(
        x=normal(nodes, frames, channels.signal), x_mask=torch.ones(nodes, frames, dtype=torch.bool), edge_index=edges,
        reference_gradient=gradient, reference_laplacian=laplacian, mass=mass, inverse_mass=1 / mass,
        node_context=normal(nodes, channels.node_context, seed=3),
        edge_context=normal(edges.size(1), channels.edge_context, seed=4),
        increment_scale=torch.full((1, channels.signal), 0.05, dtype=torch.float64),
    )  # fmt: skip


def heat(model: OperatorNetwork, size: float) -> OperatorNetwork:
    """The model with weights that make it u_t = size · Δu in units of s."""
    model = model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.operators.size.fill_(float(np.log(np.expm1(size))))
    return model


@pytest.mark.parametrize("coupled", ["forward", "backward", "all"])
def test_the_rate_is_what_the_formula_says(coupled):
    channels = Channels(signal=2, node_context=3, edge_context=1, forcing=2)
    data = sample(channels=channels)
    model = randomise(OperatorNetwork(channels, hidden_channels=5, num_kernels=3, coupling=coupled))
    data.inverse_mass, operators = normal(7, seed=9).abs(), model.operators
    state, frame = model.start(data), normal(7, 2, seed=8)
    source, target = data.edge_index
    edge_of = {(int(j), int(i)): e for e, (j, i) in enumerate(zip(source, target))}
    out = []
    for e, (j, i) in enumerate(zip(source, target)):
        inputs = torch.cat([data.node_context[i], data.node_context[j], data.edge_context[e]])
        out.append(operators.linear(inputs) + operators.last(torch.nn.functional.silu(operators.first(inputs))))
    expected = torch.zeros(7, 2, dtype=torch.float64)
    for (j, i), e in edge_of.items():
        q, back, w0 = out[e], out[edge_of[i, j]], data.reference_laplacian[e]
        alpha = torch.nn.functional.softplus(q[:2] + back[:2] + SOFTPLUS_ONE)
        gamma = 1 + q[2:5] + back[2:5]
        beta = w0 * (q[5:8] - back[5:8]) + data.inverse_mass[i] * (q[8:] - back[8:])
        difference = frame[j] - frame[i]
        expected[i] += w0 * torch.nn.functional.softplus(operators.size) * alpha * difference
        for k in range(3):
            full = operators.coupling[k]
            sides = {"forward": full.tril(-1), "backward": full.triu(1), "all": full - torch.diag(full.diag())}
            coupling = sides[coupled]
            expected[i] += w0 * gamma[k] * (coupling @ difference)
            expected[i] += operators.convection[k] * beta[k] * (frame[i] + frame[j] + 2 * model.level)
    index = 2
    inputs = torch.cat([frame, data.node_context, data.forcing[:, index : index + 2].flatten(1)], dim=1)
    expected = expected + frame @ model.reaction.linear.t() + model.reaction.network(inputs)
    torch.testing.assert_close(model.rate(frame, state, data, index), data.increment_scale * expected)


def test_heat_is_the_matrix_exponential():
    mesh, channels = icosphere(2), Channels(1)
    data, model = mesh_sample(mesh, channels), heat(OperatorNetwork(channels, reaction=False, most_stages=64), 1.0)
    data.increment_scale = torch.full((1, 1), 0.01, dtype=torch.float64)
    operator = -0.01 * torch.tensor(stiffness(mesh).toarray()) / data.mass.unsqueeze(1)
    smooth = torch.tensor(mesh.pos[:, :1] * mesh.pos[:, 1:2])
    smooth = torch.linalg.matrix_exp(20 * operator) @ smooth  # what the stiff modes are damped by is not of order two
    data.x = smooth.unsqueeze(1)
    exact = torch.linalg.matrix_exp(3 * operator) @ smooth
    error = (rollout(model, data, 3)[:, -1] - exact).abs().max() / exact.abs().max()
    assert error < 3 * 0.06**3 / 6  # of second order, λ = 6, three steps
    wrong = (smooth - exact).abs().max() / exact.abs().max()
    assert wrong > 0.1


def radius_of(model, data):
    """Largest |eigenvalue| of the derivative of the rate, by automatic differentiation."""
    state, frame = model.start(data), data.x[:, -1]
    slope = torch.autograd.functional.jacobian(lambda value: model.rate(value, state, data, 0), frame)
    return float(torch.linalg.eigvals(slope.reshape(frame.numel(), -1)).abs().max())


def bound_of(model, data):
    """What the model takes for the spectral radius."""
    return model.linearise(data.x[:, -1], model.start(data), data).spectral_bound()


def test_the_spectral_radius_is_bounded_and_not_by_far():
    channels = Channels(1, 2, 1)
    for seed in range(3):
        data = mesh_sample(bumpy_sphere(np.random.default_rng(seed), 1, amplitude=0.3), channels)
        for options in ({"reaction": False}, {}):
            model = randomise(OperatorNetwork(channels, 5, **options), seed=seed, scale=0.2)
            found, radius = bound_of(model, data), radius_of(model, data)
            assert radius <= 1.001 * found <= 3 * radius


def test_decay_adds_to_the_stiffness_of_a_diffusion():
    channels = Channels(1)
    data, model = mesh_sample(icosphere(1), channels), heat(OperatorNetwork(channels), 1.0)
    diffusion = bound_of(model, data)
    with torch.no_grad():
        model.reaction.linear.fill_(-40.0)
    found = bound_of(model, data)
    assert found == pytest.approx(diffusion + 0.05 * 40) and radius_of(model, data) <= found


def test_what_is_left_of_a_reaction_counts_too():
    """Where its mean is taken off, a decay that is the same everywhere has no slope, but all that varies decays."""
    channels = Channels(2)
    data = mesh_sample(icosphere(1), channels)
    model = OperatorNetwork(channels, conservative=True).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.reaction.linear.copy_(torch.tensor([[-400.0, 0.0], [30.0, -20.0]]))
    assert radius_of(model, data) <= bound_of(model, data) <= 2.5 * 20
    assert rollout(model.train(), data, 10).abs().max() < 10
    for seed in range(3):
        model = randomise(OperatorNetwork(channels, 5, conservative=True), seed=seed, scale=0.3)
        assert radius_of(model, data) <= 1.001 * bound_of(model, data)


def test_a_wave_is_not_taken_for_its_laplacian():
    """u_t = v, v_t = Δu has the radius √λ, while its matrix has rows of size λ."""
    mesh, channels = icosphere(2), Channels(2)
    data, model = mesh_sample(mesh, channels), OperatorNetwork(channels, num_kernels=1).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.operators.size.fill_(-40)
        model.operators.coupling[0, 1, 0] = 1
        model.reaction.linear[0, 1] = 1
    block = stiffness(mesh).toarray() / data.mass.unsqueeze(1).numpy()
    radius = 0.05 * np.sqrt(np.abs(np.linalg.eigvals(block)).max())
    assert radius <= bound_of(model, data) < 1.5 * radius


def test_neither_a_state_nor_a_batch_hides_the_stiffest_cells():
    """Stiffness is that of the mesh: a bump far from its finest cells, a constant, a faint neighbour change nothing."""
    channels, sphere = Channels(1), icosphere(3)
    graded = TriMesh(sphere.pos * (0.2 + 0.8 * (sphere.pos[:, 2:] + 1) / 2), sphere.face)
    model = heat(OperatorNetwork(channels, reaction=False), 1.0).train()
    data = mesh_sample(graded, channels)
    wanted = int(model.start(data).stages)
    assert wanted > 5
    bump = torch.exp(-20 * (torch.tensor(graded.pos[:, 2:]) - 1) ** 2)
    for frame in (bump, torch.ones_like(bump), 1e-6 * data.x[:, 0]):
        data.x = frame.unsqueeze(1)
        assert int(model.start(data).stages) == wanted
    data.x = bump.unsqueeze(1)
    assert rollout(model, data, 60).abs().max() <= 1 + 1e-9
    coarse = mesh_sample(icosphere(1), channels)
    assert int(model.start(Batch.from_data_list([coarse, data])).stages) == wanted


def test_the_integral_is_conserved_by_fluxes_and_by_what_is_left_of_the_reaction():
    mesh, channels = bumpy_sphere(np.random.default_rng(0), 2, amplitude=0.3), Channels(2, 2, 3)
    data = mesh_sample(mesh, channels)
    for options in ({"reaction": False}, {"conservative": True}):
        model = randomise(OperatorNetwork(channels, hidden_channels=6, bound=1e9, **options), scale=0.05)
        total = (data.mass[:, None, None] * rollout(model, data, 3)).sum(0)
        start = (data.mass[:, None] * data.x[:, 0]).sum(0)
        size = (data.mass[:, None] * data.x[:, 0].abs()).sum(0)
        assert ((total - start) / size).abs().max() < 1e-13
    free = randomise(OperatorNetwork(channels, hidden_channels=6, bound=1e9), scale=0.05)
    total = (data.mass[:, None, None] * rollout(free, data, 3)).sum(0)
    assert ((total - start) / size).abs().max() > 1e-4


def test_diffusion_is_stable_on_cells_of_any_size():
    channels = Channels(1, 2)
    for level, least in ((1, 2), (4, 8)):
        data = mesh_sample(icosphere(level), channels)
        data.increment_scale = torch.full((1, 1), 0.5, dtype=torch.float64)
        model = randomise(OperatorNetwork(channels, reaction=False, most_stages=200), scale=0.2)
        with torch.no_grad():
            model.operators.convection.zero_()
            model.operators.size.fill_(0.5)
        assert int(model.start(data).stages) >= least
        frames = rollout(model.train(), data, 30)  # in training mode nothing is cut off
        assert frames.abs().max() <= data.x.abs().max()
        assert frames[:, -1].std() < 0.1 * data.x.std()


def test_either_method_is_taken_for_what_it_is_good_at():
    channels = Channels(1)
    model = heat(OperatorNetwork(channels, reaction=False, stepper="either"), 1.0)
    stages = []
    for level in (1, 2, 3, 4):
        data = mesh_sample(icosphere(level), channels)
        data.increment_scale = torch.full((1, 1), 0.02, dtype=torch.float64)
        stages.append(int(model.start(data).stages))
        assert rollout(model, data, 5).abs().max() <= data.x.abs().max()
    assert stages[0] == -1 and stages[1] < 0 < 2 < stages[-1]


def test_a_reaction_that_feeds_itself_ends_at_the_bound_and_not_in_nan():
    channels = Channels(1, 0)
    data = mesh_sample(icosphere(1), channels)
    data.x, data.increment_scale = data.x.abs(), torch.ones(1, 1, dtype=torch.float64)
    model = heat(OperatorNetwork(channels, proportional=True), size=1e-3)
    with torch.no_grad():
        model.reaction.linear.fill_(1e3)  # f' = 1000 f²: without the cut-off beyond all numbers within a frame
    assert not torch.isfinite(rollout(model.train(), data, 3)).all()
    forecast = rollout(model.eval(), data, 3)
    assert torch.isfinite(forecast).all() and forecast.max() == 5 * data.x.max().clamp(min=1)


def level(value: float, low: float = -0.2, high: float = 0.8, zero: float = 0.0) -> Data:
    """A constant frame on a sphere, and the range of a training signal."""
    data = mesh_sample(icosphere(1), Channels(1, 0))
    data.x = torch.full_like(data.x, value)
    for name, number in (("increment_scale", 1.0), ("zero", zero), ("low", low), ("high", high)):
        data[name] = torch.full((1, 1), number, dtype=torch.float64)
    return data


def growing(rate: float, **options: Any) -> OperatorNetwork:
    """f' = rate · f (f - zero) where it is proportional, else rate · f."""
    model = heat(OperatorNetwork(Channels(1, 0), **options), size=1e-3)
    with torch.no_grad():
        model.reaction.linear.fill_(rate)
    return model.eval()


@torch.no_grad()
def last_values(model: OperatorNetwork, *samples: Data, frames: int = 60) -> list[float]:
    """The last frame of each sample of a batch, which is constant."""
    ends = rollout(model, Batch.from_data_list(list(samples)), frames)[:, -1].chunk(len(samples))
    assert all((end - end[0]).abs().max() < 1e-9 for end in ends)
    return [float(end[0]) for end in ends]


def test_a_proportional_reaction_keeps_to_the_range_of_training_and_of_the_observed_frames():
    """Beyond it growth is g a frame and 1/e of the excess x is left: x = (x + g)/e, so x = g/(e - 1)."""
    rate, left = 0.3, 1 / (math.e - 1)
    model = growing(rate, proportional=True)
    inside, above = level(0.5), level(1.2)
    expected = [0.9 + left * rate * 0.9**2, 1.2 + left * rate * 1.2**2]  # a tenth of the range of 1 beyond it
    assert last_values(model, inside, above) == pytest.approx(expected, rel=1e-6)  # each graph has its own
    below = level(-0.1, zero=5.0)  # f' = -rate f (f - 5) falls without limit from below zero
    falling = growing(-rate, proportional=True)
    assert last_values(falling, below) == [pytest.approx(-0.3 - left * rate * 0.3 * 5.3, rel=1e-6)]
    free = last_values(growing(rate), inside, frames=5)  # an exponential is believed, up to the bound
    assert free == [pytest.approx(0.5 * (1 + rate + rate**2 / 2) ** 5, rel=1e-6)]  # steps of order two
    assert last_values(growing(rate), inside) == [pytest.approx(5.0)]
    with torch.no_grad():
        assert not rollout(model.train(), inside, 60).abs().max() < 5  # as in training


def test_the_range_of_a_reaction_changes_neither_stiffness_nor_what_stays_inside():
    """A plateau at the observed maximum, above the range of training: f' = 60 f (1 - f) falls to 1 from there."""
    model = growing(-60.0, proportional=True)
    limited, free = level(1.2, low=0.0, high=1.0, zero=1.0), level(1.2, low=-1e3, high=1e3, zero=1.0)
    with torch.no_grad():
        assert int(model.start(limited).stages) == int(model.start(free).stages) > 2
    for frames in (1, 3, 60):
        assert last_values(model, limited, frames=frames) == pytest.approx(last_values(model, free, frames=frames))
    assert last_values(model, limited) == [pytest.approx(1.0, abs=1e-3)]
    constant = level(0.5)  # a channel that never moved
    constant.increment_scale = torch.zeros(1, 1, dtype=torch.float64)
    assert last_values(model, constant) == [0.5]


def test_a_conservative_reaction_keeps_the_integral_outside_its_range_too():
    model, data = growing(0.3, proportional=True, conservative=True), level(0.5)
    data.x = data.x + 0.3 * normal(data.num_nodes, 1, 1, seed=5)
    data.low, data.high = torch.full_like(data.low, -10.0), torch.full_like(data.high, -9.0)
    data.x[::2] += 2
    with torch.no_grad():
        state, forecast = model.start(data), rollout(model, data, 8)
    assert (forecast[:, -1] > state.high).any()  # observed frames are the range here
    integral = torch.einsum("n,nhc->hc", data.mass, forecast)
    assert integral.flatten().tolist() == pytest.approx([float(data.mass @ data.x[:, 0, 0])] * 8, rel=1e-12)


def test_forecasts_are_cut_off_in_evaluation_mode_alone():
    channels = Channels(1)
    data, model = mesh_sample(icosphere(1), channels), OperatorNetwork(channels, bound=3.0).double()
    with torch.no_grad():
        model.reaction.linear.fill_(40.0)  # grows by e² a frame
    assert rollout(model.train(), data, 4).abs().max() > 100
    largest = 3 * data.x.abs().max()
    assert rollout(model.eval(), data, 4).abs().max() == largest
    large = data.clone()
    large.x = 10 * data.x
    both = rollout(model, Batch.from_data_list([data, large]), 4)  # each graph has its own bound
    found = [float(half.abs().max().detach()) for half in both.chunk(2)]
    assert found == pytest.approx([float(largest), 10 * float(largest)], rel=1e-12)


def test_earlier_frames_change_nothing():
    channels = Channels(1, 1, 1)
    data, model = mesh_sample(icosphere(1), channels, frames=3), randomise(OperatorNetwork(channels), scale=0.1)
    late = data.clone()
    late.x, late.x_mask = data.x[:, 2:], data.x_mask[:, 2:]
    model.eval()
    late.x = data.x[:, 2:]
    torch.testing.assert_close(model.start(late).weights.operator, model.start(data).weights.operator)
    big = data.x.abs().amax()
    data.x[:, :2] = data.x[:, :2].clamp(-big, big)
    torch.testing.assert_close(rollout(model.train(), data, 3), rollout(model, late, 3))


def test_a_fresh_model_hardly_moves():
    channels = Channels(2, 1, 1)
    data = mesh_sample(icosphere(2), channels)
    data.increment_scale = torch.full((1, 2), 1e-4, dtype=torch.float64)
    frames = rollout(OperatorNetwork(channels).double(), data, 1)[:, 0]
    assert 0 < (frames - data.x[:, 0]).abs().max() < 1e-2


def test_a_batch_is_its_singles():
    channels = Channels(2, 1, 1)
    one, two = (mesh_sample(mesh, channels) for mesh in (icosphere(1), bumpy_sphere(np.random.default_rng(2), 1)))
    model = randomise(OperatorNetwork(channels, stepper="runge_kutta"), scale=0.1).train()
    together = rollout(model, Batch.from_data_list([one, two]), 2)
    torch.testing.assert_close(together, torch.cat([rollout(model, one, 2), rollout(model, two, 2)]))


def test_gradients_reach_every_parameter_and_are_right():
    channels = Channels(2, 1, 1)
    data, model = mesh_sample(icosphere(0), channels), randomise(OperatorNetwork(channels, 4), scale=0.1)
    loss = rollout(model, data, 2).square().sum()
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name
        with torch.no_grad():
            direction, size = torch.randn_like(parameter), 1e-6
            values = []
            for sign in (1, -1):
                parameter.add_(sign * size * direction)
                values.append(rollout(model, data, 2).square().sum())
                parameter.sub_(sign * size * direction)
        slope = (values[0] - values[1]) / (2 * size)
        assert float(slope) == pytest.approx(float((parameter.grad * direction).sum()), rel=1e-4, abs=1e-6), name


def test_options_out_of_range_are_named():
    for options, message in (
        ({"stepper": "euler"}, "stepper: unknown 'euler'"),
        ({"bound": 1.0}, "bound: wanted a number > 1, given 1.0"),
        ({"num_kernels": 0}, "num_kernels: wanted an integer ≥ 1, given 0"),
    ):
        with pytest.raises(ValueError, match=message):
            OperatorNetwork(Channels(1), **options)


def test_edges_without_a_reverse_have_coefficients_of_their_own_end():
    edges = torch.tensor([[0, 1, 2], [1, 0, 1]])
    assert reverse_edges(edges, 3)[1].tolist() == [True, True, False]
    ones = torch.ones(3, dtype=torch.float64)
    data = Data(x=normal(3, 1, 1), edge_index=edges, reference_gradient=ones, reference_laplacian=ones)
    data.inverse_mass, data.increment_scale = ones, ones[:1, None]
    assert rollout(randomise(OperatorNetwork(Channels(1)), scale=0.1), data, 2).isfinite().all()


def test_channels_that_drive_one_another_one_way_grow_no_faster_on_finer_meshes():
    """u_t = v + a Δv and v_t = Δu: growth of modes with λ > 1/a, which coarse meshes do not have."""
    fastest = {}
    for coupled in ("forward", "all"):
        for level in (1, 3):
            data = mesh_sample(icosphere(level), Channels(2))
            model = heat(OperatorNetwork(Channels(2), coupling=coupled), 1e-4)
            with torch.no_grad():
                model.reaction.linear[0, 1] = 1
                model.operators.coupling[0] = torch.tensor([[0.0, 1e-2], [1.0, 0.0]])
            state, nodes = model.start(data), len(data.x)
            basis = torch.eye(2 * nodes, dtype=torch.float64).view(-1, nodes, 2)
            slope = torch.stack([model.rate(one, state, data, 0).flatten() for one in basis], dim=1).detach()
            fastest[coupled, level] = float(torch.linalg.eigvals(slope).real.max())
    assert max(fastest["forward", 1], fastest["forward", 3]) < 1e-6
    assert fastest["all", 1] < 1e-6 and fastest["all", 3] > 0.1


def test_what_is_not_there_does_not_react():
    channels = Channels(2, 1)
    data = mesh_sample(icosphere(1), channels)
    plain = randomise(OperatorNetwork(channels, 5), scale=0.3)
    model = OperatorNetwork(channels, 5, proportional=True).double()
    model.load_state_dict(plain.state_dict())
    data.zero = torch.tensor([[-0.7, 0.2]], dtype=torch.float64)
    frame = data.zero.expand(42, 2).clone()
    assert model.reaction(frame, data, 0).abs().max() == 0 < plain.reaction(frame, data, 0).abs().max()
    torch.testing.assert_close(
        model.reaction(data.x[:, 0], data, 0),
        (data.x[:, 0] - data.zero) * plain.reaction(data.x[:, 0], data, 0),
    )
    data.zero = data.zero.expand(3, 2)
    with pytest.raises(ValueError, match=r"data.zero: wanted \[1, 2\], given \[3, 2\]"):
        model.rate(frame, model.start(data), data, 0)
