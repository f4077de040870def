"""The finite element network: learned dynamics of the cells of a triangulation, solved in continuous time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from pdgn.models.channels import Channels
from pdgn.models.finite_element_cells import Cells, cells_of, edge_features
from pdgn.models.finite_element_solver import ADAPTIVE, FIXED, Method, integrate, require_torchdiffeq
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.options import require_at_least, require_choice
from pdgn.models.sample import edge_inputs, forcing_inputs, increment_scale, node_inputs


class FENState(NamedTuple):
    """What the finite element network knows of its graphs, the same in every step."""

    cells: tuple[Cells, ...]


class FiniteElementNetwork(ForecastModel):
    r"""Finite element network (FEN) and its variant with transport (T-FEN), by the method of lines.

    .. math::
        \partial_t u_i = s \odot \frac{1}{M_i} \sum_{c \ni i} \frac{A_c}{3}
        \big( f_\theta(z_c)_i \;[\, - g_\theta(z_c) \cdot \nabla u|_c \,] \big), \qquad
        M_i = \sum_{c \ni i} \frac{A_c}{3}

    is the Galerkin equation of linear elements with lumped mass M, with a coefficient f for each vertex of a triangle
    c of area A_c and, for T-FEN, a velocity g for each channel and triangle. t counts frames, s is the usual increment
    of data.increment_scale, lengths are in units of data.length_scale. z_c: for the three vertices their positions
    relative to the centre of the triangle, their values, node context and forcing (linear between two frames); for the
    three sides the edge context (0 where a side is no edge of the graph). f and g are perceptrons with tanh, zero at
    first: a fresh model is persistence. A node of no triangle keeps its value. Nothing is conserved.

    data.face and data.cell_vector are the triangles: those of a mesh, or Delaunay triangles of sensors in a plane. As
    published, positions are x and y of a plane: frame="axes". On surfaces there are no such axes: frame="cell" gives
    them in the tangent plane of each triangle, the first axis along its longest side, so that they are functions of the
    lengths of its sides and rigid motions leave the result as it is; a direction that holds for the whole domain is
    then told by the context alone. The publication solves all frames in one go; here the solver starts anew with every
    frame. Graphs of a batch are solved one by one by the methods with error control, as there, and all at once by the
    others. torchdiffeq waits for the device in every step. There is no `reach`: the size of a step depends on the whole
    graph, so that meshes cannot be cut into parts.

    Symmetries: equivariant under relabelling; with frame="cell" also translation, rotation and reflection of the
    positions, with frame="axes" translation. Lengths count.

    Args:
        channels: widths of signal, node context, edge context and forcing.
        transport: T-FEN.
        hidden_channels: H; 96 as published. num_layers: hidden layers; 4 as published.
        frame: "cell" or "axes".
        method: of torchdiffeq: "dopri5" as published or "bosh3", with error control; "rk4", "midpoint" or "euler".
        rtol, atol: tolerances of the methods with error control, in normalised units; 1e-6 in the published program.
        max_steps: steps in a frame of the methods without error control; the most of those with it, where a step of
            1/max_steps is taken whatever its error.

    Raises:
        ValueError: an option outside its range, or torchdiffeq is not installed.

    Reference:
        Lienen, Günnemann, "Learning the Dynamics of Physical Systems from Sparse Observations with Finite Element
        Networks", ICLR 2022, equations 13 to 21.
    """

    trainable = True
    memoryless = True

    def __init__(
        self,
        channels: Channels,
        transport: bool = False,
        hidden_channels: int = 96,
        num_layers: int = 4,
        frame: Literal["cell", "axes"] = "cell",
        method: Method = "dopri5",
        rtol: float = 1e-6,
        atol: float = 1e-6,
        max_steps: int = 100,
    ) -> None:
        super().__init__()
        require_torchdiffeq()
        require_choice("frame", frame, ("cell", "axes"))
        require_choice("method", method, ADAPTIVE + FIXED)
        for name, least in (("hidden_channels", hidden_channels), ("num_layers", num_layers), ("max_steps", max_steps)):
            require_at_least(name, least, 1)
        for name, value in (("rtol", rtol), ("atol", atol)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name}: wanted a positive number, given {value}")
        self.channels = Channels(*channels)
        self.frame, self.method, self.tolerance, self.max_steps = frame, method, (rtol, atol), max_steps
        signal, node, edge, forcing = self.channels
        widths = [3 * (2 + signal + node + edge + forcing)] + [hidden_channels] * num_layers
        self.free_form = _perceptron(widths, 3 * signal)
        self.transport = _perceptron(widths, 2 * signal) if transport else None
        moved = {"relabelling", "translation"}
        self.symmetries = frozenset(moved if frame == "axes" else moved | {"rotation", "reflection"})
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter anew; the last layers are zero."""
        for network in (self.free_form, self.transport):
            if network is not None:
                reset(network)
                for parameter in network[-1].parameters():
                    nn.init.zeros_(parameter)

    def start(self, data: Data) -> FENState:
        """The triangles of each graph and what they are told.

        Raises:
            ValueError: data lacks what the model was built for, or has no triangles.
        """
        parts = cells_of(data, self.frame, split=self.method in ADAPTIVE)
        node, edge, first, cells = node_inputs(data, self.channels), edge_inputs(data, self.channels), 0, []
        sides = edge_features(data, edge, data.face)
        for part in parts:
            last = first + part.features.size(0)
            corners = part.at_corners(node[part.first : part.last]).flatten(1)
            cells.append(part._replace(features=torch.cat([part.features, corners, sides[first:last]], dim=1)))
            first = last
        return FENState(tuple(cells))

    def step(self, frame: Tensor, state: FENState, data: Data, index: int, observed: Tensor) -> tuple[Tensor, FENState]:
        """The next frame [N, C] and the same state; see :class:`ForecastModel`."""
        scale = increment_scale(data, frame)
        forcing = forcing_inputs(data, self.channels, index) if self.channels.forcing > 0 else None
        sizes = [part.last - part.first for part in state.cells]
        results = []
        for place, (part, own, unit) in enumerate(zip(state.cells, frame.split(sizes), scale.split(sizes))):
            clock = None if forcing is None else part.at_corners(forcing.split(sizes)[place])
            rate = self.rate(part, unit, clock)
            results.append(integrate(rate, own, self.method, self.tolerance, self.max_steps))
        return torch.cat(results), state

    def rate(self, cells: Cells, scale: Tensor, forcing: Tensor | None = None) -> Callable[[Tensor, Tensor], Tensor]:
        """∂u/∂t as a function of t, in [0, 1] from this frame to the next, and u.

        Args:
            cells: F triangles of N nodes. scale: s, [N, C]. forcing: of this and the next frame at the corners,
                [F, 3, 2Q].

        Returns:
            (t [], u [N, C]) → [N, C].
        """

        def rate(time: Tensor, values: Tensor) -> Tensor:
            corners = cells.at_corners(values)
            inputs = [cells.features, corners.flatten(1)]
            if forcing is not None:
                now, then = forcing.chunk(2, dim=2)
                inputs.append(torch.lerp(now, then, time.to(now.dtype)).flatten(1))
            known = torch.cat(inputs, dim=1)
            moves = self.free_form(known).to(values.dtype).unflatten(1, (3, -1))
            if self.transport is not None:
                velocity = self.transport(known).to(values.dtype).unflatten(1, (-1, 2))
                moves = moves - (velocity * cells.gradient(corners)).sum(dim=2).unsqueeze(1)
            return scale * cells.assemble(moves)

        return rate

    def __repr__(self) -> str:
        kind = "transport" if self.transport is not None else "free form"
        return f"{type(self).__name__}({self.channels}, {kind}, {self.frame!r}, {self.method!r})"


def _perceptron(widths: list[int], out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = [layer for pair in zip(widths, widths[1:]) for layer in (nn.Linear(*pair), nn.Tanh())]
    return nn.Sequential(*layers, nn.Linear(widths[-1], out_channels))
