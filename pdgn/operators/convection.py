"""Convection as weights of edges: fluxes through the dual faces of a mesh."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.operators.gradient import gradient


class ConvectionWeights(NamedTuple):
    r"""What turns a velocity into convection weights, made once for a mesh; E directed edges, each in one or two faces.

    With C_ij = ∫ φ_i v·∇φ_j for piecewise linear φ and v (or v constant on faces), integrated exactly, the conservative
    form is

    .. math::
        \int \phi_i\, \nabla\cdot(u v) = -\sum_{j} \big[ b_{ij} (u_i + u_j) + s_{ij} (u_j - u_i) \big], \qquad
        b_{ij} = \tfrac12 (C_{ji} - C_{ij}) = -b_{ji}, \quad s_{ij} = \tfrac12 (C_{ji} + C_{ij}) = s_{ji}

    on a closed surface, up to the faces' own divergence of v at node i; b is the flux of v through the dual face of the
    edge into i, s vanishes where v has no divergence.

    Attributes:
        edge: [M] number of the edge j → i, once for each of its faces.
        corner: [M, 3] its target i, its source j and the third corner.
        face: [M] the face.
        own, other: [M, 3] A_F/12 ∇φ_i and A_F/12 ∇φ_j.
        num_edges: E. num_vertices: V. num_faces: F.
    """

    edge: NDArray[np.int64]
    corner: NDArray[np.int64]
    face: NDArray[np.int64]
    own: NDArray[np.float64]
    other: NDArray[np.float64]
    num_edges: int
    num_vertices: int
    num_faces: int

    @classmethod
    def of(cls, mesh: TriMesh) -> ConvectionWeights:
        """The geometry of a mesh, for any velocity on it.

        Raises:
            ValueError: where a face has no area.
        """
        slope = _corner_gradients(mesh) * (mesh.face_area / 12)[:, None, None]
        orders = np.array([(a, b, 3 - a - b) for a in range(3) for b in range(3) if a != b])
        corner = mesh.face[:, orders].reshape(-1, 3)
        own, other = (slope[:, orders[:, end]].reshape(-1, 3) for end in (0, 1))
        source, target = mesh.edge_index
        keys = target * mesh.num_vertices + source
        order = np.argsort(keys)
        edge = order[np.searchsorted(keys[order], corner[:, 0] * mesh.num_vertices + corner[:, 1])]
        face = np.repeat(np.arange(mesh.num_faces), len(orders))
        return cls(edge, corner, face, own, other, len(source), mesh.num_vertices, mesh.num_faces)

    def weights(self, velocity: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The weights b and s of a velocity.

        Args:
            velocity: v at the vertices, [V, 3] (also where F = V), or on the faces, [F, 3]; what is normal to a face
                has no effect.

        Returns:
            (b [E], s [E]), units of velocity times length, in the order of mesh.edge_index.

        Raises:
            ValueError: another shape.
        """
        velocity = np.asarray(velocity, dtype=np.float64)
        if velocity.shape == (self.num_vertices, 3):
            at = velocity[self.corner]  # [M, 3 corners, 3]
        elif velocity.shape == (self.num_faces, 3):
            at = np.repeat(velocity[self.face, None], 3, axis=1)
        else:
            wanted = f"[{self.num_vertices}, 3] or [{self.num_faces}, 3]"
            raise ValueError(f"velocity: wanted {wanted}, given {list(velocity.shape)}")
        total = at.sum(axis=1)
        into = np.einsum("mc,mc->m", self.own, total + at[:, 1])  # C_ji
        out = np.einsum("mc,mc->m", self.other, total + at[:, 0])  # C_ij
        into, out = (np.bincount(self.edge, part, minlength=self.num_edges) for part in (into, out))
        return (into - out) / 2, (into + out) / 2


def _corner_gradients(mesh: TriMesh) -> NDArray[np.float64]:
    """∇φ of each corner's hat function on each face, [F, 3 corners, 3]."""
    slope = gradient(mesh).data.reshape(mesh.num_faces, 3, 3).transpose(0, 2, 1)  # face, corner by number, component
    rank = np.argsort(np.argsort(mesh.face, axis=1), axis=1)
    return np.take_along_axis(slope, rank[:, :, None], axis=1)
