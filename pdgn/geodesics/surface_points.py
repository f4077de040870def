"""Points of a curve as potpourri3d wants them."""

from __future__ import annotations

import numpy as np
import potpourri3d

from pdgn.geodesics.component import Component
from pdgn.geodesics.curve import Curve
from pdgn.mesh import TriMesh

# (vertex, []), (edge, [share from its first vertex]) or (face, [three coordinates]).
SurfacePoint = tuple[int, list[float]]


class SurfacePoints:
    """Translates curves on a mesh to points of one of its components.

    Args:
        mesh: the mesh. part: the component on which the curves lie.
    """

    def __init__(self, mesh: TriMesh, part: Component) -> None:
        self._mesh, self._part = mesh, part
        first, second = potpourri3d.edges(part.pos, part.face).T
        self._num, key = len(part.vertices), np.minimum(first, second) * len(part.vertices) + np.maximum(first, second)
        self._order = np.argsort(key)
        self._key, self._first = key[self._order], first[self._order]

    def closed(self, curve: Curve) -> list[SurfacePoint]:
        """The points of a curve, the first repeated at the end; a point that repeats the one before is left out.

        Raises:
            ValueError: where the curve runs along a part of an edge, for which the library has no sign.
        """
        support = curve.support(self._mesh.face)
        weight = np.where(support >= 0, curve.barycentric, 0.0)
        points = [self._point(k, support[k], weight[k], curve) for k in range(len(curve))]
        kept = [k for k in range(len(points)) if points[k] != points[k - 1]]
        for a, b in zip(kept, [*kept[1:], *kept[:1]]):
            corners = set(support[a].tolist()) | set(support[b].tolist())
            if len(corners - {-1}) == 2 and (points[a][1] or points[b][1]):
                raise ValueError(
                    f"a curve may run along whole edges or across faces, but points {a} and {b} lie on one edge"
                )
        return [points[k] for k in [*kept, *kept[:1]]]

    def _point(self, k: int, support: np.ndarray, weight: np.ndarray, curve: Curve) -> SurfacePoint:
        on = support >= 0
        vertex, share = self._part.local(support[on]), weight[on] / weight.sum()
        if len(vertex) == 1:
            return int(vertex[0]), []
        if len(vertex) == 2:
            low, high = np.sort(vertex)
            place = int(np.searchsorted(self._key, low * self._num + high))
            return int(self._order[place]), [float(share[vertex != self._first[place]][0])]
        return int(np.searchsorted(self._part.faces, curve.face[k])), share.tolist()
