"""A stored mesh, sensor network or curve as points and cells that a viewer can draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pdgn.data import MeshRecord
from pdgn.evaluation.vtp import Cells


@dataclass(frozen=True, eq=False)
class DrawnMesh:
    """Points, each of which shows a node of the stored mesh.

    On a periodic domain a face that crosses the seam would be drawn through the whole domain. It is drawn once, beside
    its first corner, by further points that show the same nodes shifted by whole periods.

    Args:
        node: [P] int64, the node that each point shows; 0 … V − 1 first.
        shift: [P, 3] float64, what is added to the node's position.
        cells: over the points.
    """

    node: np.ndarray
    shift: np.ndarray
    cells: Cells

    def points(self, pos: np.ndarray) -> np.ndarray:
        """Positions [P, 3] of the points for positions [V, 3] of the nodes, of the same dtype."""
        return pos[self.node] + self.shift.astype(pos.dtype) if self.shift.any() else pos[self.node]


def drawn_mesh(record: MeshRecord) -> DrawnMesh:
    """How to draw a mesh: its faces; or, of a sensor network, its sensors as vertices and its edges as lines.

    Args:
        record: what the file holds. An edge of a network that crosses a periodic seam is left out.

    Returns:
        Points and cells.
    """
    nodes = np.arange(record.num_nodes)
    if record.face is None:
        return DrawnMesh(nodes, np.zeros((len(nodes), 3)), Cells(verts=nodes, lines=_network(record)))
    if record.period is None:
        return DrawnMesh(nodes, np.zeros((len(nodes), 3)), Cells(polys=record.face))
    lengths = np.asarray(record.period)
    corners = record.pos[record.face]
    offset = corners - corners[:, :1]
    turns = -np.round(np.divide(offset, lengths, out=np.zeros_like(offset), where=lengths > 0)).astype(np.int64)
    keys = np.concatenate([record.face[..., None], turns], axis=2).reshape(-1, 4)
    # Unshifted nodes come first and in order, so that a mesh whose faces do not cross the seam stays as it is.
    plain = np.concatenate([nodes[:, None], np.zeros((len(nodes), 3), dtype=np.int64)], axis=1)
    images = np.unique(keys[(keys[:, 1:] != 0).any(axis=1)], axis=0)
    points = np.concatenate([plain, images])
    found = {tuple(key): index for index, key in enumerate(points.tolist())}
    face = np.array([found[tuple(key)] for key in keys.tolist()], dtype=np.int64).reshape(-1, 3)
    return DrawnMesh(points[:, 0], points[:, 1:] * lengths, Cells(polys=face))


def _network(record: MeshRecord) -> np.ndarray:
    """Every edge once, [n, 2]."""
    source, target = record.edge_index
    straight = record.pos[source] - record.pos[target]
    drawn = np.isclose(straight, record.edge["vector"], atol=1e-9 * np.abs(record.pos).max()).all(axis=1)
    pairs = np.sort(record.edge_index[:, drawn].T, axis=1)
    return np.unique(pairs, axis=0)
