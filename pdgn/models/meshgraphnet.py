"""MeshGraphNet: encode, process in many steps of message passing, decode."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from pdgn.models.channels import Channels
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.meshgraphnet_block import MeshGraphNetBlock, Perceptron
from pdgn.models.options import require_at_least
from pdgn.models.recurrent_core import last_increment
from pdgn.models.sample import edge_inputs, forcing_inputs, increment_scale, node_inputs, reference_weights


class MeshGraphNetState(NamedTuple):
    """What MeshGraphNet carries from one frame to the next.

    Attributes:
        edge: encoded edge features, the same in every step, [E, H].
        previous: the frame before, [N, C].
        known: [N] bool, whether the node has had a reading up to the frame before.
    """

    edge: Tensor
    previous: Tensor
    known: Tensor


class MeshGraphNet(ForecastModel):
    r"""Encode–process–decode with L steps of message passing of unshared weights.

    .. math::
        v_i = \epsilon_v([f_i(t), c_i]), \quad e_{ij} = \epsilon_e(c_{ij}), \qquad
        \text{L times: } m_{ij} = f_e([v_i, v_j, e_{ij}]), \; e_{ij} \mathrel{+}= m_{ij}, \;
        v_i \mathrel{+}= f_v\big([v_i, \textstyle\sum_{j \to i} m_{ij}]\big), \qquad
        f_i(t + 1) = f_i(t) + s \odot \delta(v_i)

    c is the context (of nodes also the forcing of this and the next frame) and s the usual increment of
    data.increment_scale. Every network has two hidden layers with ReLU and, but for the decoder δ, a layer norm.
    Where there is no edge context the edges are told of the mesh by (ln w, a/w²), with w = data.reference_gradient (the
    inverse length) and a = data.reference_laplacian: a length and a cotangent weight without one. As published, edge
    context is [vector, length]: vectors take "rotation" and "reflection" away.

    As published, training is of single steps with noise on the input and a target that takes the noise off again:
    data.history = 1, data.horizon = 1 and training.noise_std (about a tenth to one of the usual increment, in units of
    the normalised signal). Noise is added to the observed frame and the error is that against the true next frame, so
    that the increment to be learned is f(t + 1) − (f(t) + noise). Validation is then of single steps too. With a longer
    horizon the model is trained through its own predictions, which the publication does not do. The publication's
    online normalisation is the normaliser's, fitted before training.

    Symmetries: equivariant under relabelling; positions enter through context and reference weights alone.

    Args:
        channels: widths of signal, node context, edge context and forcing.
        hidden_channels: H; 128 as published. message_passing_steps: L; 15 as published.
        increment: whether nodes are also told the last increment in units of s, as published for systems of second
            order; needs data.history ≥ 2 to know it.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Pfaff, Fortunato, Sanchez-Gonzalez, Battaglia, "Learning Mesh-Based Simulation with Graph Networks", ICLR 2021,
        section 3 and appendix A.
    """

    trainable = True
    symmetries = frozenset({"relabelling", "translation", "rotation", "reflection"})

    def __init__(
        self,
        channels: Channels,
        hidden_channels: int = 128,
        message_passing_steps: int = 15,
        increment: bool = False,
    ) -> None:
        super().__init__()
        require_at_least("hidden_channels", hidden_channels, 1)
        require_at_least("message_passing_steps", message_passing_steps, 1)
        self.channels = Channels(*channels)
        self.increment = increment
        self.memoryless = not increment
        signal, node, edge, forcing = self.channels
        width = hidden_channels
        inputs = signal * (1 + increment) + node + 2 * forcing
        self.node_encoder = Perceptron(nn.Linear(inputs, width), width, width)
        self.edge_encoder = Perceptron(nn.Linear(edge if edge > 0 else 2, width), width, width)
        self.blocks = nn.ModuleList(MeshGraphNetBlock(width) for _ in range(message_passing_steps))
        self.decoder = Perceptron(nn.Linear(width, width), width, signal, norm=False)

    @property
    def reach(self) -> tuple[int, int]:
        """Hops from which values come to a node in :meth:`start` and in :meth:`step`."""
        return 0, len(self.blocks)

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        for part in (self.node_encoder, self.edge_encoder, self.blocks, self.decoder):
            reset(part)

    def start(self, data: Data) -> MeshGraphNetState:
        """The encoded edges, and no frame before the first.

        Raises:
            ValueError: data lacks what the model was built for.
        """
        frame = torch.zeros_like(data.x[:, 0])
        known = torch.zeros(frame.size(0), dtype=torch.bool, device=frame.device)
        return MeshGraphNetState(self.edge_encoder(self._edges(data)), frame, known)

    def _edges(self, data: Data) -> Tensor:
        """Edge context, or where there is none, what the reference weights tell."""
        if self.channels.edge_context > 0:
            return edge_inputs(data, self.channels)
        gradient, laplacian = (weight.to(data.x.dtype) for weight in reference_weights(data))
        return torch.stack([gradient.log(), laplacian / gradient.square()], dim=1)

    def step(
        self, frame: Tensor, state: MeshGraphNetState, data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, MeshGraphNetState]:
        """The next frame [N, C] and the next state; see :class:`ForecastModel`."""
        scale = increment_scale(data, frame)
        inputs = [frame, node_inputs(data, self.channels)]
        if self.channels.forcing > 0:
            inputs.append(forcing_inputs(data, self.channels, index))
        if self.increment:
            inputs.append(last_increment(frame, state.previous, state.known, scale))
        node, edge = self.node_encoder(torch.cat(inputs, dim=1)), state.edge
        for block in self.blocks:
            node, edge = block(node, edge, data.edge_index)
        increment = scale * self.decoder(node)
        return frame + increment, MeshGraphNetState(state.edge, frame, state.known | observed)

    def __repr__(self) -> str:
        width = self.decoder.hidden.in_features
        return f"{type(self).__name__}({self.channels}, {width}, message_passing_steps={len(self.blocks)})"
