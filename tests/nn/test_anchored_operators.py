"""A fresh anchored layer is the operator that pdgn.operators assembles, on surfaces and on sensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pdgn.mesh import grid, icosphere, torus
from pdgn.nn import SpatialDifferenceLayer
from pdgn.operators import mass, reference_weights, sensor_reference_weights, stiffness

MESHES = {
    "icosphere": lambda: icosphere(2),
    "torus": lambda: torus(1.0, 0.4, 16, 8),
    "grid with boundary": lambda: grid(7, 9),
}
# Round-off relative to the sum of the sizes of the terms at a node: float32 has 6e-8, and a node has six terms or so.
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-14}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("num_hops", [0, 1, 2, 3])
@pytest.mark.parametrize("name", MESHES)
def test_cotangent_laplacian_and_directional_derivative(name, num_hops, dtype):
    mesh = MESHES[name]()
    first, second = reference_weights(mesh)
    u = np.random.default_rng(0).standard_normal(mesh.num_vertices)
    source, target = mesh.edge_index
    x, pos, *reference = (torch.tensor(values, dtype=dtype) for values in (u[:, None], mesh.pos, first, second))
    layer = SpatialDifferenceLayer(1, 3, hidden_channels=4, num_hops=num_hops, num_kernels=2).to(dtype)
    gradient, laplacian = layer(x, torch.tensor(mesh.edge_index), pos, tuple(reference))
    exact = stiffness(mesh) @ u / mass(mesh).diagonal()
    sizes = np.bincount(target, np.abs(second * (u[target] - u[source])), mesh.num_vertices)
    slope = first * (u[source] - u[target])
    for kernel in range(2):
        error = np.abs(laplacian[:, kernel, 0].detach().double().numpy() - exact)
        assert (error <= TOLERANCE[dtype] * sizes).all()
        error = np.abs(gradient[:, kernel, 0].detach().double().numpy() - slope)
        assert (error <= TOLERANCE[dtype] * first * (np.abs(u[source]) + np.abs(u[target]))).all()


def test_five_point_stencil_on_sensors():
    """On a square lattice the layer is exact for a quadratic: −Δ(x² + 3y²) = −8 inside, at any spacing."""
    side, spacing = 6, 0.1
    index = np.arange(side * side).reshape(side, side)
    rows, columns = (np.stack([part[:-1].ravel(), part[1:].ravel()]) for part in (index, index.T))
    pairs = np.concatenate([rows, columns], axis=1)
    edges = np.concatenate([pairs, pairs[::-1]], axis=1)
    pos = spacing * np.stack(np.unravel_index(np.arange(side * side), (side, side)), 1)
    reference = sensor_reference_weights(pos[edges[0]] - pos[edges[1]], edges, side * side)
    x = torch.tensor(pos[:, :1] ** 2 + 3 * pos[:, 1:] ** 2)
    layer = SpatialDifferenceLayer(1, 0, num_kernels=1).double()
    gradient, laplacian = layer(x, torch.tensor(edges), None, tuple(map(torch.tensor, reference)))
    inside = torch.tensor(index[1:-1, 1:-1].ravel())
    assert torch.allclose(laplacian[inside, 0, 0], torch.tensor(-8.0).double(), atol=1e-11)  # 1e-16 / 0.1², times 100
    slope = (x[edges[0]] - x[edges[1]]).squeeze(1) / spacing
    assert torch.allclose(gradient[:, 0, 0], slope, atol=1e-12)
