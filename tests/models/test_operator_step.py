"""The operator step of the recurrent core and its bound."""

from __future__ import annotations

import pytest
import torch

from pdgn.models import PADGN, FixedOperators
from pdgn.rollout import rollout
from tests.models.samples import PLAIN, sample
from tests.nn.graphs import normal, randomise


def test_the_operator_step_obeys_the_maximum_principle_however_stiff():
    """With positive weights and the decoder at zero a step is an average of the node and its neighbours."""
    data = sample(0, PLAIN)
    data.reference_laplacian = 1e4 * data.reference_laplacian.abs()
    model = FixedOperators(PLAIN, hidden_channels=8).double()
    frame, observed = data.x[:, 0], data.x_mask[:, 0]
    for strength, stays in ((-1e-9, True), (-1.0, True), (-1e6, True), (1e6, False)):
        model.core.operator.weight.data.fill_(strength)  # negative: f + c Δ_w f with the sign of −Δ is diffusion
        following, _ = model.step(frame, model.start(data), data, 0, observed)
        inside = (following <= frame.max(0).values + 1e-9) & (following >= frame.min(0).values - 1e-9)
        assert bool(inside.all()) == stays


@pytest.mark.parametrize("strength", [-1e6, -1.0, 1e-3, 1e6])
def test_a_limited_operator_step_obeys_it_with_weights_of_any_sign(strength):
    data = sample(0, PLAIN)
    data.reference_laplacian = 1e2 * data.reference_laplacian
    assert (data.reference_laplacian < 0).any() and (data.reference_laplacian > 0).any()
    model = PADGN(PLAIN, hidden_channels=8, num_kernels=3, limited=True).double().eval()
    model.core.operator.weight.data.copy_(strength * normal(3, PLAIN.signal, seed=4))
    frame = data.x[:, 0]
    following, _ = model.step(frame, model.start(data), data, 0, data.x_mask[:, 0])
    # Round-off of an average of values of order 1.
    assert (following <= frame.max(0).values + 1e-12).all() and (following >= frame.min(0).values - 1e-12).all()
    assert strength == 1e-3 or not torch.equal(following, frame)


def bound_of_the_decoder(model):
    """|W₂| (|W₁| 1 + |b₁|) + |b₂|: gated states lie in [−1, 1] and |SiLU(x)| ≤ |x|."""
    hidden = model.core.hidden.weight.abs().sum(1) + model.core.hidden.bias.abs()
    return model.core.decoder.weight.abs() @ hidden + model.core.decoder.bias.abs()


def test_a_limited_roll_out_grows_at_most_linearly():
    data, steps = sample(0, PLAIN), 60
    data.x_mask = torch.ones_like(data.x_mask)
    for limited in (True, False):
        model = randomise(PADGN(PLAIN, hidden_channels=8, num_kernels=3, limited=limited), scale=1.0).eval()
        with torch.no_grad():
            forecast = rollout(model, data, steps)
            allowed = data.x[:, -1].abs().max(0).values + steps * data.increment_scale[0] * bound_of_the_decoder(model)
        assert bool((forecast.abs() <= allowed).all()) == limited


def test_the_limiter_cuts_at_the_range_of_the_neighbours_and_nowhere_else():
    data = sample(0, PLAIN)
    frame, source, target = data.x[:, 0], *data.edge_index
    lowest, highest = frame.clone(), frame.clone()
    for j, i in zip(source.tolist(), target.tolist()):
        lowest[i], highest[i] = torch.minimum(lowest[i], frame[j]), torch.maximum(highest[i], frame[j])
    followings = []
    for limited in (False, True):
        model = PADGN(PLAIN, hidden_channels=8, num_kernels=3, limited=limited).double().eval()
        model.core.operator.weight.data.copy_(normal(3, PLAIN.signal, seed=4))  # the decoder is zero
        followings.append(model.step(frame, model.start(data), data, 0, data.x_mask[:, 0])[0])
    free, kept = followings
    cut = (free < lowest) | (free > highest)
    assert cut.any() and (~cut & (free != frame)).any()
    assert torch.allclose(kept, free.clamp(lowest, highest), atol=1e-13)  # round-off of values of order 1
    model.train()
    assert torch.equal(model.step(frame, model.start(data), data, 0, data.x_mask[:, 0])[0], free)
