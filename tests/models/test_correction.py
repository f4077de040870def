"""The learned correction of what differences leave out, and substeps of the operator network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pdgn.mesh import bumpy_sphere, icosphere
from pdgn.models import Channels, OperatorNetwork
from pdgn.models.chebyshev import chebyshev_step
from pdgn.operators import stiffness
from pdgn.rollout import rollout
from tests.models.test_operator_network import bound_of, heat, mesh_sample, radius_of
from tests.nn.graphs import normal, randomise


def corrected_heat(share: float) -> OperatorNetwork:
    """u_t = Δ(u − share · (mean of the neighbours − u)) in units of s."""
    model = heat(OperatorNetwork(Channels(1), reaction=False, correction=True), 1.0)
    model.operators.correction.data.fill_(float(np.arctanh(2 * share)))
    return model


def operator_of(model, data) -> torch.Tensor:
    state = model.start(data)
    return torch.stack([model.rate(e.unsqueeze(1), state, data, 0)[:, 0] for e in torch.eye(len(data.x)).double()], 1)


def test_the_correction_is_what_the_formula_says():
    channels = Channels(2, 1, 1)
    data = mesh_sample(bumpy_sphere(np.random.default_rng(0), 0, amplitude=0.2), channels)
    model = randomise(OperatorNetwork(channels, 5, correction=True), scale=0.3)
    frame, state = normal(12, 2, seed=8), model.start(data)
    weights = (data.reference_laplacian.unsqueeze(1) * 1.0, data.edge_index)
    around, rough = torch.zeros(12, 2).double(), torch.zeros(12, 2).double()
    plain = OperatorNetwork(channels, 5).double()
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name != "operators.correction"})
    source, target = data.edge_index
    inputs = torch.cat([data.node_context[target], data.node_context[source], data.edge_context], dim=1)
    operators = model.operators
    out = operators.linear(inputs) + operators.last(torch.nn.functional.silu(operators.first(inputs)))
    index = {(int(j), int(i)): e for e, (j, i) in enumerate(data.edge_index.t())}
    for (j, i), e in index.items():
        even = out[e, :2] + out[index[i, j], :2]
        alpha = weights[0][e] * torch.nn.functional.softplus(even + np.log(np.e - 1))
        around[i] += alpha.abs()
        rough[i] += alpha * (frame[j] - frame[i])
    smooth = frame - 0.5 * torch.tanh(model.operators.correction) * rough / around
    linear = plain.rate(smooth, plain.start(data), data, 0) - data.increment_scale * plain.reaction(smooth, data, 0)
    expected = linear + data.increment_scale * plain.reaction(frame, data, 0)
    torch.testing.assert_close(model.rate(frame, state, data, 0), expected)
    model.operators.correction.data.zero_()
    torch.testing.assert_close(
        model.rate(frame, model.start(data), data, 0), plain.rate(frame, plain.start(data), data, 0)
    )


def test_a_quarter_makes_regular_triangles_of_order_four():
    """On them lumped linear elements give λ (1 − h² λ / 16 + …), and the mean of the neighbours is h² Δ / 4."""
    errors = {}
    for share in (0.0, 0.25):
        for level in (2, 3):
            mesh = icosphere(level)
            data = mesh_sample(mesh, Channels(1))
            values = torch.linalg.eigvals(operator_of(corrected_heat(share), data)).real.sort(descending=True).values
            # Fine meshes of the same polyhedron have the eigenvalues that it has; those of degree 4 on the sphere.
            errors[share, level] = abs(float(values[16:25].mean()) / (-0.05 * 20) - 1)
    assert errors[0.25, 2] < 0.35 * errors[0.0, 2] and errors[0.25, 3] < 0.35 * errors[0.0, 3], errors


@pytest.mark.parametrize("share", [-0.49, -0.2, 0.3, 0.49])
def test_the_corrected_diffusion_has_real_eigenvalues_that_decay_and_are_bounded(share):
    data = mesh_sample(bumpy_sphere(np.random.default_rng(1), 2, amplitude=0.2), Channels(1))
    data.reference_laplacian = data.reference_laplacian.clamp(min=0)
    model = corrected_heat(share)
    values = torch.linalg.eigvals(operator_of(model, data))
    assert values.imag.abs().max() < 1e-9 and values.real.max() < 1e-9
    found = bound_of(model, data)
    # With a negative share the sums of absolute values cannot see that the stiffest modes become softer.
    assert values.abs().max() <= found <= (2 if share > 0 else 3) * values.abs().max()


def test_with_everything_the_bound_holds_and_the_integral_stays():
    channels = Channels(2, 1, 1)
    for seed in range(3):
        data = mesh_sample(bumpy_sphere(np.random.default_rng(seed), 1, amplitude=0.3), channels)
        model = randomise(OperatorNetwork(channels, 5, correction=True), seed=seed, scale=0.2)
        model.operators.correction.data.copy_(normal(2, seed=seed))
        assert radius_of(model, data) <= 1.001 * bound_of(model, data)
        model = randomise(OperatorNetwork(channels, 5, reaction=False, correction=True, bound=1e9), scale=0.05)
        frames = torch.cat([data.x, rollout(model, data, 3)], dim=1)
        total = (data.mass[:, None, None] * frames).sum(0)
        assert ((total - total[0]) / (data.mass[:, None] * data.x[:, 0].abs()).sum(0)).abs().max() < 1e-13
        assert (frames[:, -1] - frames[:, 0]).abs().max() > 1e-4


def test_an_implicit_step_corrects_too():
    data = mesh_sample(icosphere(2), Channels(1))
    model = corrected_heat(0.25).eval()
    state = model.start(data)
    found = torch.from_numpy(model.linearise(data.x[:, -1], state, data).implicit_part().toarray())
    torch.testing.assert_close(found, operator_of(model, data))


def test_the_correction_learns():
    data = mesh_sample(icosphere(1), Channels(2))
    model = randomise(OperatorNetwork(Channels(2), 5, correction=True), scale=0.1)
    rollout(model, data, 1).square().sum().backward()
    assert (model.operators.correction.grad.abs() > 0).all()
    model.reset_parameters()
    assert model.operators.correction.abs().max() == 0


@pytest.mark.parametrize("stepper", ["chebyshev", "runge_kutta", "either"])
def test_substeps_are_steps_of_a_part_of_the_frame(stepper):
    data = mesh_sample(icosphere(2), Channels(1))
    model = heat(OperatorNetwork(Channels(1), reaction=False, stepper=stepper, substeps=3), 1.0)
    whole = heat(OperatorNetwork(Channels(1), reaction=False, stepper=stepper), 1.0)
    third = data.clone()
    third.increment_scale = data.increment_scale / 3
    assert int(model.start(data).stages) == int(whole.start(third).stages)
    torch.testing.assert_close(rollout(model, data, 2), rollout(whole, third, 6)[:, 2::3])


def test_substeps_resolve_what_decays_within_a_frame():
    """A third is left of stiff modes after one Chebyshev step, next to nothing after four."""
    mesh = icosphere(2)
    data = mesh_sample(mesh, Channels(1))
    laplacian = -0.05 * torch.tensor(stiffness(mesh).toarray()) / data.mass.unsqueeze(1)
    exact, errors = torch.linalg.matrix_exp(laplacian) @ data.x[:, 0], []
    for substeps in (1, 4):
        model = heat(OperatorNetwork(Channels(1), reaction=False, substeps=substeps), 1.0)
        errors.append(float((rollout(model, data, 1)[:, 0] - exact).square().mean().sqrt()))
    assert errors[1] < 0.2 * errors[0], errors
    torch.testing.assert_close(chebyshev_step(lambda u: 0 * u, data.x, 2), data.x)


def test_at_least_one_substep():
    with pytest.raises(ValueError, match="substeps"):
        OperatorNetwork(Channels(1), substeps=0)


def test_the_gradient_flow_is_not_corrected():
    data = mesh_sample(icosphere(1), Channels(1))
    model = randomise(OperatorNetwork(Channels(1), 5, reaction=False, potential=True, correction=True), scale=0.3)
    model.operators.size.data.fill_(-1000)
    model.operators.convection.data.zero_()
    rates = []
    for share in (0.0, 0.7):
        model.operators.correction.data.fill_(share)
        rates.append(model.rate(data.x[:, 0], model.start(data), data, 0))
    torch.testing.assert_close(*rates)
    assert rates[0].abs().max() > 1e-3
