"""Operators of a mesh: what they are before and after they learn (their formula: test_operator_network.py)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pdgn.mesh import bumpy_sphere
from pdgn.models import Channels
from pdgn.models.mesh_operators import MeshOperators
from tests.models.test_operator_network import mesh_sample
from tests.nn.graphs import randomise

CHANNELS = Channels(2, 2, 1)


def data_of():
    return mesh_sample(bumpy_sphere(np.random.default_rng(0), 1, amplitude=0.3), CHANNELS)


def test_fresh_operators_are_small_multiples_of_the_reference():
    data = data_of()
    weights = MeshOperators(CHANNELS, 5, 2).double()(data)
    ratio = weights.operator.detach() / data.reference_laplacian[:, None, None]
    assert weights.share is None and weights.mobility is None
    assert 0.03 < ratio.diagonal(dim1=1, dim2=2).mean() < 0.07  # softplus(−3) = 0.0486
    assert ratio[:, 0, 1].abs().max() == 0 < ratio[:, 1, 0].abs().max()


def test_fluxes_through_an_edge_cancel():
    """m_i w_ij = m_j w_ji of diffusion and coupling, and minus that of convection, on both its sides."""
    data = data_of()
    module = randomise(MeshOperators(CHANNELS, 5, 2, coupling="all", correction=True, mobility=True), scale=0.3)
    weights = module(data)
    source, target = data.edge_index
    back = {(int(j), int(i)): e for e, (j, i) in enumerate(zip(source, target))}
    other = torch.tensor([back[int(i), int(j)] for j, i in zip(source, target)])
    flux = data.mass[target, None, None] * weights.operator
    even, mobility = 0.5 * (flux + flux[other]), data.mass[target, None] * weights.mobility
    torch.testing.assert_close(mobility, mobility[other])
    odd = (flux - even).diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(flux - even, torch.diag_embed(odd))  # no channel is carried by another
    inflow = torch.zeros_like(data.x[:, 0]).index_add(0, target, 2 * odd)
    torch.testing.assert_close(data.mass[:, None] * weights.inflow, inflow)
    assert odd.abs().max() > 1e-3 and (weights.operator.diagonal(dim1=1, dim2=2).abs().max() > 1e-3)


def test_shares_of_a_node_add_up_to_less_than_a_half():
    data = data_of()
    data.reference_laplacian = data.reference_laplacian.abs()  # of both signs they add up to less
    module = MeshOperators(CHANNELS, 5, 2, correction=True).double()
    assert module(data).share.abs().max() == 0
    module.correction.data.copy_(torch.tensor([9.0, -0.3]))
    total = torch.zeros_like(data.x[:, 0]).index_add(0, data.edge_index[1], module(data).share)
    expected = 0.5 * torch.tanh(module.correction.detach())
    torch.testing.assert_close(total, expected.expand_as(total))


def test_an_unknown_coupling_is_named():
    with pytest.raises(ValueError, match="coupling: unknown 'sideways'"):
        MeshOperators(CHANNELS, 5, 2, coupling="sideways")


def test_repr():
    assert repr(MeshOperators(CHANNELS, 5, 2)).startswith(
        "MeshOperators(Channels(signal=2, node_context=2, edge_context=1"
    )
