"""Local linear regression."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.channels import Channels
from pdgn.models.closed_form_model import ClosedFormModel
from pdgn.models.fixed_graph import FixedGraph
from pdgn.models.options import require_at_least
from pdgn.models.sample import reference_weights
from pdgn.nn.incidence import incidence_of
from pdgn.nn.segments import gather_source, gather_target, sum_at_target


class LocalLinear(ClosedFormModel):
    r"""Ridge regression of the change of a node on the last h frames of its neighbourhood of k hops.

    .. math::
        \hat f_i(t + \tau) = f_i(t) + s \odot \Big(b_{i\tau} + \sum_{j \in N_k(i)} \sum_{l < h} W_{ij\tau l} \,
        z_j(t - l) \; [\; + V_{i\tau}\, q \;]\Big)

    with z the newest frame and the steps before it in units of s, and q the forcing of frames t … t + τ. Per node,
    every node has weights of its own: the optimum for a linear law on fixed sensors, and of no use on other ones. Else
    all nodes share one set: neighbours have no order, so that the sum over them becomes
    :math:`\sum_{m \le k} w_{\tau m l} L^m z(t - l)` with the reference Laplacian L, a polynomial that goes to any mesh.

    Symmetries: shared, equivariant under relabelling. Per node, other graphs are refused, relabelled ones too (it is
    equivariant only in the sense that a fit on relabelled data gives relabelled forecasts); positions do not enter,
    while a scaling of lengths changes the reference weights by which the graph is known.

    Args:
        channels: widths of signal and forcing; contexts are not read.
        num_hops: k.
        frames: h; no more than are observed are of use.
        direct: fit all frames of the horizon at once and not one step that is rolled out; beyond the horizon the model
            continues from its own predictions.
        per_node: whether every node has its own weights.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Ridge regression: Hoerl, Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems",
        Technometrics 12, 1970.
    """

    neighbours: Tensor

    def __init__(
        self, channels: Channels, num_hops: int = 3, frames: int = 5, direct: bool = False, per_node: bool = True
    ) -> None:
        super().__init__(channels, frames, direct)
        require_at_least("num_hops", num_hops, 0)
        self.num_hops, self.per_node, self.fixed_graph = num_hops, per_node, per_node
        self.graph = FixedGraph() if per_node else None
        self.add_late("neighbours", 2, torch.long)  # [N, S], N where a node has fewer than S
        moves = frozenset({"translation", "rotation", "reflection"})
        self.symmetries = moves if per_node else moves | {"relabelling"}

    @property
    def reach(self) -> tuple[int, int] | None:
        """Hops that a step sees; None where nodes cannot be taken out of their graph."""
        return None if self.per_node else (0, self.num_hops)

    def begin(self, data: Data) -> None:
        """Remembers the graph and finds the neighbourhoods, where weights belong to nodes."""
        if self.graph is not None:
            self.graph.remember(data)
            self.set_late("neighbours", _neighbourhoods(data, self.graph.num_nodes, self.num_hops))

    def require(self, data: Data) -> None:
        """Raises ValueError where data are of another graph than that of the weights."""
        if self.graph is not None:
            self.graph.copies(data, "local_linear, per_node")

    def regressors(self, values: Tensor, data: Data) -> Tensor:
        """Per node, the values of all neighbours, [B, N, S·D]; else their powers of L, [N, 1, (k + 1)·D]."""
        if not self.per_node:
            return _powers(values, data, self.num_hops).unsqueeze(1)
        nodes, slots = self.neighbours.shape
        values = torch.nn.functional.pad(values.view(-1, nodes, values.size(1)), (0, 0, 0, 1))
        return values.index_select(1, self.neighbours.flatten()).view(-1, nodes, slots * values.size(2))

    def forcing_regressors(self, values: Tensor) -> Tensor:
        """That of the node itself, [B, N, Q] or [N, 1, Q]."""
        return values.view(-1, self.neighbours.size(0), values.size(1)) if self.per_node else values.unsqueeze(1)

    def feature_count(self) -> int:
        """S·h·C or (k + 1)·h·C."""
        return (self.neighbours.size(1) if self.per_node else self.num_hops + 1) * self.frames * self.channels.signal

    def __repr__(self) -> str:
        how = f"direct={self.direct}, per_node={self.per_node}"
        return f"{type(self).__name__}({self.channels}, num_hops={self.num_hops}, frames={self.frames}, {how})"


def _neighbourhoods(data: Data, nodes: int, hops: int) -> Tensor:
    """For each node of the first graph those that are at most k hops upstream, itself included, [N, S]; N: no more."""
    source, target = data.edge_index[:, data.edge_index[1] < nodes]
    near = torch.eye(nodes, dtype=torch.float32, device=source.device)
    for _ in range(hops):
        near = near.index_add(0, target, near.index_select(0, source)).clamp(max=1)
    count = int(near.sum(dim=1).max())
    # A stable sort of "not near" leaves the near ones first, in ascending order.
    order = (1 - near).sort(dim=1, stable=True).indices[:, :count]
    return torch.where(near.gather(1, order) > 0, order, nodes)


def _powers(values: Tensor, data: Data, hops: int) -> Tensor:
    """[z, L z, …, Lᵏ z], [N, (k + 1)·D], with the sign of the stiffness matrix."""
    graph = incidence_of(data.edge_index, values.size(0))
    weight = reference_weights(data)[1].to(values.dtype).unsqueeze(1)
    powers = [values]
    for _ in range(hops):
        difference = gather_target(powers[-1], graph) - gather_source(powers[-1], graph)
        powers.append(sum_at_target(weight * difference, graph))
    return torch.cat(powers, dim=1)
