"""Points in the plane and on the sphere, and the tangent coordinates of one point at another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh import icosphere
from pdgn.mesh.sampling import random_sample

Array = NDArray[np.float64]
GRID_SIZE = 50
HALF_WIDTH = 5.0
SUBDIVISIONS = 4
NUM_POINTS = 200


class Points(NamedTuple):
    """Points and an orthonormal frame of the tangent plane at each.

    Attributes:
        pos: [N, D], D = 2 in the plane, 3 on the unit sphere.
        frame: [N, 2, D], positively oriented (on the sphere seen from outside).
    """

    pos: Array
    frame: Array

    def offset(self, edge_index: NDArray[np.int64]) -> Array:
        """Normal coordinates of the sources at the targets, [E, 2]: x_j − x_i, on the sphere the logarithmic map.

        log_x(y) = θ (y − cos θ x) / |y − cos θ x|, θ the angle between x and y: the initial direction of the great
        circle from x to y, as long as the arc.
        """
        source, target = edge_index
        step = self.pos[source] - self.pos[target]
        if self.pos.shape[1] == 3:
            normal = self.pos[target]
            height = np.einsum("ed,ed->e", step, normal)
            tangent = step - height[:, None] * normal
            length = np.linalg.norm(tangent, axis=1)
            step = tangent * (np.arctan2(length, 1 + height) / length)[:, None]
        return np.einsum("ecd,ed->ec", self.frame[target], step)


def plane_points(generator: np.random.Generator) -> Points:
    """Two hundred points of a 50 × 50 grid on [−5, 5]², drawn uniformly without replacement."""
    line = np.linspace(-HALF_WIDTH, HALF_WIDTH, GRID_SIZE)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    pos = grid[random_sample(len(grid), NUM_POINTS, generator)]
    return Points(pos, np.broadcast_to(np.eye(2), (len(pos), 2, 2)))


def sphere_points(generator: np.random.Generator) -> Points:
    """Two hundred of the 2,562 vertices of an icosphere of radius 1, drawn uniformly without replacement."""
    vertex = icosphere(SUBDIVISIONS).pos
    pos = vertex[random_sample(len(vertex), NUM_POINTS, generator)]
    return Points(pos, _frames(pos))


def _frames(normal: Array) -> Array:
    """[N, 2, 3]: the first vector is the projection of the axis that the normal is farthest from."""
    axis = np.eye(3)[np.abs(normal).argmin(axis=1)]
    first = axis - np.einsum("nd,nd->n", axis, normal)[:, None] * normal
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(normal, first)], axis=1)
