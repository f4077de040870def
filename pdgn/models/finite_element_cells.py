"""Triangles as finite elements: their geometry, what they are told, and sums at their vertices."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.sample import graph_index
from pdgn.nn.incidence import incidence_of
from pdgn.nn.segments import gather_target, sum_at_target

Frame = Literal["cell", "axes"]


class Cells(NamedTuple):
    r"""Linear elements on triangles, in units of data.length_scale.

    Attributes:
        corner: node of every corner, [2, 3F] int64 (both rows the same): corner k of triangle c at 3c + k.
        features: what a network is told of each triangle, [F, D].
        share: :math:`A_c / 3 \big/ \sum_{c' \ni i} A_{c'} / 3` of triangle c at its vertex i, [F, 3]; sums to 1 at i.
        slope: gradients of the three hat functions, [F, 3, 2].
        first, last: the nodes first … last − 1 of the sample are those of these triangles.
    """

    corner: Tensor
    features: Tensor
    share: Tensor
    slope: Tensor
    first: int
    last: int

    def at_corners(self, values: Tensor) -> Tensor:
        """Values of nodes [N, C] at the corners of the triangles, [F, 3, C]."""
        return gather_target(values, incidence_of(self.corner, self.last - self.first)).unflatten(0, (-1, 3))

    def assemble(self, values: Tensor) -> Tensor:
        """Σ share · value over the corners [F, 3, C] at every node, [N, C]; 0 at a node of no triangle."""
        shared = (self.share.unsqueeze(2) * values).flatten(0, 1)
        return sum_at_target(shared, incidence_of(self.corner, self.last - self.first))

    def gradient(self, corners: Tensor) -> Tensor:
        """∇u in each triangle from its values at the corners [F, 3, C], [F, C, 2]."""
        return torch.einsum("fkc,fkd->fcd", corners, self.slope)


def cells_of(data: Data, frame: Frame, split: bool) -> tuple[Cells, ...]:
    """The triangles of a sample or batch.

    Args:
        data: with face [3, F], cell_vector [F, 2, 3] and, of a batch, length_scale [B] (1 where it is missing).
        frame: axes in which positions are given: of each triangle (the first along its first side, the second towards
            its third vertex), or x and y of a plane. split: one value for each graph, or one for all.

    Returns:
        The triangles; their features are the positions of the vertices relative to the centre, D = 6.

    Raises:
        ValueError: data has no triangles, or, for x and y, they do not lie in a plane z = constant.
    """
    face, vector = _geometry(data, frame)
    batch, num_graphs = graph_index(data)
    of_cell = batch.index_select(0, face[0])
    scale = getattr(data, "length_scale", None)
    if scale is not None:
        vector = vector / scale.to(vector.dtype).index_select(0, of_cell)[:, None, None]
    local, slope, area = _elements(vector, frame)
    third = area / 3
    mass = third.new_zeros(data.x.size(0)).index_add(0, face.t().flatten(), third.repeat_interleave(3))
    share = third.unsqueeze(1) / mass.index_select(0, face.t().flatten()).unflatten(0, (-1, 3))
    counts = torch.bincount(of_cell, minlength=num_graphs).tolist() if split else [face.size(1)]
    nodes = torch.bincount(batch, minlength=num_graphs).tolist() if split else [data.x.size(0)]
    parts, first = [], 0
    pieces = (tensor.split(counts) for tensor in (face.t(), local.flatten(1), share, slope))
    for number, (corner, features, own, hats) in zip(nodes, zip(*pieces)):
        both = (corner - first).flatten().expand(2, -1)
        parts.append(Cells(both, features, own, hats, first, first + number))
        first += number
    return tuple(parts)


def _geometry(data: Data, frame: Frame) -> tuple[Tensor, Tensor]:
    face, vector = getattr(data, "face", None), getattr(data, "cell_vector", None)
    if face is None or vector is None or face.size(1) == 0:
        given = "none" if face is None or vector is None else "F = 0"
        raise ValueError(
            f"data.face: wanted triangles [3, F] with data.cell_vector [F, 2, 3], of a mesh or of sensors in a plane "
            f"that is not periodic, given {given}"
        )
    vector = vector.to(data.x.dtype)
    if frame == "axes" and vector.device.type != "meta":
        height = float(vector[..., 2].abs().max())
        if height > 1e-5 * float(vector.abs().max()):
            raise ValueError(f"frame: wanted 'cell' for triangles that leave a plane z = constant by {height:.3g}, "
                             f"given 'axes'")  # fmt: skip
    return face, vector


def _elements(vector: Tensor, frame: Frame) -> tuple[Tensor, Tensor, Tensor]:
    """Vertices relative to their centre [F, 3, 2], gradients of the hat functions [F, 3, 2], areas [F]."""
    first, second = vector.unbind(1)
    normal = torch.linalg.cross(first, second)
    double = normal.norm(dim=1)
    if frame == "axes":
        u, v = first[:, :2], second[:, :2]
    else:
        length = first.norm(dim=1)
        u = torch.stack([length, torch.zeros_like(length)], dim=1)
        v = torch.stack([(first * second).sum(dim=1), double], dim=1) / length.unsqueeze(1)
    vertices = torch.stack([torch.zeros_like(u), u, v], dim=1)
    determinant = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).unsqueeze(1)
    of_first = torch.stack([v[:, 1], -v[:, 0]], dim=1) / determinant
    of_second = torch.stack([-u[:, 1], u[:, 0]], dim=1) / determinant
    slope = torch.stack([-of_first - of_second, of_first, of_second], dim=1)
    return vertices - vertices.mean(dim=1, keepdim=True), slope, double / 2


def edge_features(data: Data, edge: Tensor, face: Tensor) -> Tensor:
    """Context of the three sides of every triangle, each from its first vertex (source) to the next (target).

    Args:
        data: with edge_index [2, E]. edge: [E, R]. face: [3, F].

    Returns:
        [F, 3R]; 0 where a side is no edge of the graph.
    """
    count = data.x.size(0)
    keys = data.edge_index[1] * count + data.edge_index[0]
    ordered, order = torch.sort(keys)
    wanted = (face.roll(-1, dims=0) * count + face).t().flatten()
    place = torch.searchsorted(ordered, wanted).clamp(max=keys.size(0) - 1)
    found = ordered.index_select(0, place) == wanted
    values = edge.index_select(0, order.index_select(0, place))
    return torch.where(found.unsqueeze(1), values, torch.zeros_like(values)).view(face.size(1), -1)
