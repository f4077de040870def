"""The physics-aware difference graph network."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from pdgn.models.channels import Channels
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.options import require_at_least, require_choice
from pdgn.models.recurrent_core import RecurrentCore, last_increment
from pdgn.models.sample import edge_inputs, forcing_inputs, increment_scale, mass_mean, node_inputs, reference_weights
from pdgn.models.sum_core import SumCore, SumOperator
from pdgn.nn import DifferenceWeights, FixedDifferenceLayer, RecurrentState, SpatialDifferenceLayer, spatial_difference


class PADGNState(NamedTuple):
    """What PADGN carries from one frame to the next.

    Attributes:
        weights: the difference weights of the step before; of the whole roll-out where they do not see the signal
            (then set from the start). None for the variant "sum".
        core: hidden states of the recurrent core; for the variant "sum", all weights in one operator, like `weights`.
        scale: usual increment of each node and channel, [N, C].
        previous: the frame before, [N, C].
        known: [N] bool, whether the node has had a reading up to the frame before.
        transport: weights of the operator step, [E, C]; None where there is none, it is free, or with the weights.
    """

    weights: DifferenceWeights | None
    core: RecurrentState | SumOperator | None
    scale: Tensor
    previous: Tensor
    known: Tensor
    transport: Tensor | None


class PADGN(ForecastModel):
    r"""Physics-aware difference graph network: a spatial difference layer and a core that turns differences into steps.

    .. math::
        f(t + 1) = f(t) + s \odot \delta\big(f(t), \nabla_w f(t), \Delta_w f(t), h_t\big)

    s is data.increment_scale, [B, C], the standard deviation of an increment in normalised units (1 where it is
    missing), so that δ is of order 1. δ is that of :class:`~pdgn.models.recurrent_core.RecurrentCore` or of
    :class:`~pdgn.models.sum_core.SumCore`. With weights "anchored" or "fixed" a fresh model is persistence.
    The published equations: weights="free", signal_in_weights=True, num_hops=1, operator_step=False,
    context_in_core=False, increment_in_core=False; for "sum" also num_kernels=1. For the published networks and their
    sizes see :class:`~pdgn.models.PublishedPADGN`.

    Symmetries: equivariant under relabelling of nodes and edges. Positions enter through context and reference alone,
    so that a rigid motion (or a reflection) changes nothing if the context is made of lengths, areas, geodesic
    distances and coefficients; it does change forecasts if the context holds coordinates, normals or edge vectors.
    Variant "sum" with weights that do not see the signal is linear in the frames; anchored or fixed it also carries a
    constant along.

    Args:
        channels: widths of signal, node context, edge context and forcing.
        variant: "recurrent" or "sum". num_layers and the options after signal_in_weights belong to the recurrent core.
        weights: "anchored" (fixed operators plus a learned part that starts at zero), "free" (as published), or "fixed"
            (nothing learned, one kernel; the three options of the weight network have no effect).
        hidden_channels: H of the weight network and of the core.
        num_layers: layers of the recurrent core.
        num_hops: hops that weights see.
        num_kernels: K.
        signal_in_weights: whether weights see the signal; if not they are computed once per roll-out.
        operator_step: whether the Laplacians move the frame directly (anchored or fixed: bounded, as
            :class:`~pdgn.models.recurrent_core.RecurrentCore` says; free: as they come).
        context_in_core: whether node and edge context are features of the core too.
        use_mask: whether the core is told which values are readings.
        increment_in_core: whether the core is given the last increment, in units of s.
        limited: in evaluation mode, cut the operator step off where it would leave the range of a node and its
            neighbours, which keeps it stable on any mesh (anchored or fixed; what `conservative` takes off is not part
            of that bound).
        conservative: take the mass-weighted mean of each graph off its increment, s δ − Σ m s δ / Σ m, so that Σ m f
            stays what it is in the last observed frame, to round-off.

    Raises:
        ValueError: an option outside its range; forcing or use_mask for the variant "sum", which has no input for them.

    Reference:
        Seo, Meng, Liu, "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020.
    """

    trainable = True
    symmetries = frozenset({"relabelling", "translation", "rotation", "reflection"})

    def __init__(
        self,
        channels: Channels,
        variant: Literal["recurrent", "sum"] = "recurrent",
        weights: Literal["anchored", "free", "fixed"] = "anchored",
        hidden_channels: int = 64,
        num_layers: int = 2,
        num_hops: int = 2,
        num_kernels: int = 16,
        signal_in_weights: bool = False,
        operator_step: bool = True,
        context_in_core: bool = True,
        use_mask: bool = False,
        increment_in_core: bool = True,
        conservative: bool = False,
        limited: bool = True,
    ) -> None:
        super().__init__()
        require_choice("variant", variant, ("recurrent", "sum"))
        require_choice("weights", weights, ("anchored", "free", "fixed"))
        for name, value, least in (
            ("hidden_channels", hidden_channels, 1),
            ("num_layers", num_layers, 1),
            ("num_hops", num_hops, 0),
            ("num_kernels", num_kernels, 1),
        ):
            require_at_least(name, value, least)
        self.channels = Channels(*channels)
        self.variant = variant
        self.weights = weights
        self.signal_in_weights = signal_in_weights and weights != "fixed"
        self.context_in_core = context_in_core
        self.use_mask = use_mask
        self.increment_in_core = increment_in_core
        self.conservative = conservative
        self.differences = self._difference_layer(hidden_channels, num_hops, num_kernels)
        self.core: SumCore | RecurrentCore
        if variant == "sum":
            self.core = self._sum_core(hidden_channels, num_hops)
        else:
            self.core = self._recurrent_core(hidden_channels, num_layers, operator_step, limited)
        self.symmetries = self._symmetries()
        self.reset_parameters()

    def _difference_layer(
        self, hidden_channels: int, num_hops: int, num_kernels: int
    ) -> SpatialDifferenceLayer | FixedDifferenceLayer:
        if self.weights == "fixed":
            return FixedDifferenceLayer(self.channels.signal)
        return SpatialDifferenceLayer(
            self.channels.signal,
            self.channels.node_context,
            hidden_channels,
            num_hops,
            num_kernels,
            self.channels.edge_context,
            self.signal_in_weights,
            anchored=self.weights == "anchored",
        )

    def _sum_core(self, hidden_channels: int, num_hops: int) -> SumCore:
        if self.channels.forcing > 0:
            raise ValueError(f"forcing: the variant 'sum' has no input for it, wanted 0, given {self.channels.forcing}")
        if self.use_mask:
            raise ValueError("use_mask: the variant 'sum' has no input for the mask, wanted False, given True")
        signal, node, edge, _ = self.channels
        node += signal if self.signal_in_weights else 0
        return SumCore(signal, self.differences.num_kernels, node, edge, hidden_channels, num_hops)

    def _recurrent_core(
        self, hidden_channels: int, num_layers: int, operator_step: bool, limited: bool
    ) -> RecurrentCore:
        signal, node, edge, forcing = self.channels
        context = 2 * forcing + int(self.use_mask) + (signal if self.increment_in_core else 0)
        node, edge = (node, edge) if self.context_in_core else (0, 0)
        kernels = self.differences.num_kernels
        widths = signal, kernels, context + node, edge, hidden_channels
        return RecurrentCore(*widths, num_layers, operator_step, limited)

    def _symmetries(self) -> frozenset[str]:
        """Those of the class, and what linearity in the signal adds to them."""
        if self.variant != "sum" or self.signal_in_weights:
            return type(self).symmetries
        constants = set() if self.weights == "free" else {"addition of a constant"}
        return type(self).symmetries | {"scaling of the signal"} | constants

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        reset(self.differences)
        reset(self.core)

    def difference_weights(self, data: Data, frame: Tensor | None = None) -> DifferenceWeights:
        """The weights of a step, computed by the very code that :meth:`step` runs.

        Args:
            data: a sample or batch, normalised.
            frame: [N, C], where the weights see the signal; the last of data.x if None.

        Returns:
            Each [E, K, C]; for the variant "sum" with its coefficients multiplied in.

        Raises:
            ValueError: data lacks what the model was built for.
        """
        frame = data.x[:, -1] if frame is None else frame
        node, edge = node_inputs(data, self.channels), edge_inputs(data, self.channels)
        reference = None if self.weights == "free" else reference_weights(data)
        weights = self.differences.weights(frame, data.edge_index, node, reference, edge)
        if isinstance(self.core, SumCore):
            inputs = torch.cat([frame, node], dim=-1) if self.signal_in_weights else node
            weights = self.core.fold(weights, data.edge_index, inputs, edge)
        return weights

    def start(self, data: Data) -> PADGNState:
        """The state before the first frame; holds the weights where they do not see the signal.

        Raises:
            ValueError: data lacks what the model was built for.
        """
        frame = torch.zeros_like(data.x[:, 0])
        known = torch.zeros(frame.size(0), dtype=torch.bool, device=frame.device)
        scale = increment_scale(data, frame)
        weights = None if self.signal_in_weights else self.difference_weights(data, frame)
        if isinstance(self.core, SumCore):
            operator = None if weights is None else self._sum_operator(self.core, weights, data, scale)
            return PADGNState(None, operator, scale, frame, known, None)
        transport = None if weights is None else self._transport(self.core, weights, data, scale)
        return PADGNState(weights, self.core.initial_state(frame, data.edge_index), scale, frame, known, transport)

    def _sum_operator(self, core: SumCore, weights: DifferenceWeights, data: Data, scale: Tensor) -> SumOperator:
        return core.operator(weights, data.edge_index, scale, keeps_constants=self.weights != "free")

    def _transport(self, core: RecurrentCore, weights: DifferenceWeights, data: Data, scale: Tensor) -> Tensor | None:
        """As published, free weights have no bound."""
        return None if self.weights == "free" else core.transport(weights, data.edge_index, scale)

    def step(
        self, frame: Tensor, state: PADGNState, data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, PADGNState]:
        """The next frame [N, C] and the next state; see :class:`ForecastModel`."""
        weights, transport, core = state.weights, state.transport, state.core
        if isinstance(self.core, SumCore):
            if not isinstance(core, SumOperator) or self.signal_in_weights:
                core = self._sum_operator(self.core, self.difference_weights(data, frame), data, state.scale)
            increment = core(frame, data.edge_index)
        else:
            if weights is None or self.signal_in_weights:
                weights = self.difference_weights(data, frame)
                transport = self._transport(self.core, weights, data, state.scale)
            differences = spatial_difference(frame, data.edge_index, weights)
            context = self._core_context(frame, state, data, index, observed)
            edge = edge_inputs(data, self.channels) if self.context_in_core else None
            increment, core = self.core(
                frame, differences, data.edge_index, context, edge, core, transport, state.scale
            )
            increment = state.scale * increment
        if self.conservative:
            increment = increment - mass_mean(data, increment)
        return frame + increment, PADGNState(weights, core, state.scale, frame, state.known | observed, transport)

    def _core_context(
        self, frame: Tensor, state: PADGNState, data: Data, index: int, observed: Tensor
    ) -> Tensor | None:
        """What the nodes of the core are given beside the signal and its differences."""
        parts = [node_inputs(data, self.channels)] if self.context_in_core else []
        if self.channels.forcing > 0:
            parts.append(forcing_inputs(data, self.channels, index))
        if self.use_mask:
            parts.append(observed.unsqueeze(1).to(frame.dtype))
        if self.increment_in_core:
            parts.append(last_increment(frame, state.previous, state.known, state.scale))
        return torch.cat(parts, dim=-1) if parts else None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, {self.variant!r}, {self.weights!r}, {self.differences})"
