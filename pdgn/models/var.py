"""Vector autoregression."""

from __future__ import annotations

from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.channels import Channels
from pdgn.models.closed_form_model import ClosedFormModel
from pdgn.models.fixed_graph import FixedGraph


class VAR(ClosedFormModel):
    r"""Vector autoregression of order p over all nodes of one graph, by ridge regression.

    .. math::
        \hat f(t + 1) = f(t) + s \odot \Big(b + \sum_{l < p} A_l \, z(t - l) \; [\; + V q \;]\Big), \qquad
        A_l \in \mathbb{R}^{N C \times N C}

    with z the newest frame and the steps before it in units of s: the same span as p frames. The forcing q of frames t
    and t + 1 is its mean over the nodes. There are N²C²p weights, so that the penalty, which is chosen on validation
    data, matters where rows are few.

    Symmetries: other graphs are refused, relabelled ones too; positions do not enter, while a scaling of lengths
    changes the reference weights by which the graph is known.

    Args:
        channels: widths of signal and forcing; contexts are not read.
        frames: p; no more than are observed are of use.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Lütkepohl, "New Introduction to Multiple Time Series Analysis", Springer 2005; baseline of Seo, Meng, Liu,
        "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020.
    """

    def __init__(self, channels: Channels, frames: int = 5) -> None:
        super().__init__(channels, frames, direct=False)
        self.graph = FixedGraph()
        self.symmetries = frozenset({"translation", "rotation", "reflection"})

    @property
    def outputs(self) -> int:
        """N·C."""
        return self.bias.size(1) or self.graph.num_nodes * self.channels.signal

    def begin(self, data: Data) -> None:
        """Remembers the graph."""
        self.graph.remember(data)

    def require(self, data: Data) -> None:
        """Raises ValueError where data are of another graph than that of the weights."""
        self.graph.copies(data, "var")

    def regressors(self, values: Tensor, data: Data) -> Tensor:
        """The values of all nodes, [B, 1, N·D]."""
        return values.view(-1, 1, self.graph.num_nodes * values.size(1))

    def forcing_regressors(self, values: Tensor) -> Tensor:
        """The mean over the nodes, [B, 1, Q]."""
        return values.view(-1, self.graph.num_nodes, values.size(1)).mean(dim=1, keepdim=True)

    def feature_count(self) -> int:
        """N·p·C."""
        return self.outputs * self.frames

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, frames={self.frames})"
