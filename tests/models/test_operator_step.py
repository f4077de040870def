"""The operator step of the recurrent core and its bound."""

from __future__ import annotations

from pdgn.models import FixedOperators
from tests.models.samples import PLAIN, sample


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
