"""The operator network: learned operators inside the time step."""

from __future__ import annotations

import math
import warnings
from typing import Literal, NamedTuple

import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset
from torch_geometric.utils import scatter

from pdgn.models.channels import Channels
from pdgn.models.chebyshev import chebyshev_step, chebyshev_table, runge_kutta_step, stages_for
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.gradient_flow import GradientFlow
from pdgn.models.implicit_step import ImplicitStep, difference_matrix
from pdgn.models.node_functions import perceptron, positive, slope
from pdgn.models.options import require_at_least, require_choice
from pdgn.models.row_bounds import node_weights, smoothed_rows, weighted_rows
from pdgn.models.sample import (
    edge_inputs,
    forcing_inputs,
    graph_index,
    increment_scale,
    mass_mean,
    node_inputs,
    physical_zero,
    reference_weights,
)
from pdgn.nn.incidence import incidence_of
from pdgn.nn.reverse_edges import reverse_edges
from pdgn.nn.segments import gather_source, gather_target, sum_at_target
from pdgn.nn.transport import transport

REAL = 2.5  # stable decay rate times step of a Runge–Kutta step
SAFETY, FEW_SUBSTEPS = 1.1, 4  # for a reaction that grows steeper on the way; substeps that "either" accepts


class OperatorState(NamedTuple):
    """What a roll-out keeps: everything that depends on the mesh and its context alone.

    Attributes:
        operator: weights of the differences f_j − f_i, [E, C, C], row of the channel that changes.
        inflow: what convection brings to a node of its own value, [N, C].
        scale: usual increment, [N, C]. bound: largest |f| of a forecast, [N, C].
        mobility: weights [E, C] of the differences of the potential, or None without one.
        roughness: weights [E, C] of the differences of a value to the mean of its neighbours, or None.
        stages: of a Runge–Kutta–Chebyshev step; where negative, minus the substeps of the classical method; of an
            implicit step the substeps to begin with; [] int64, on the CPU.
        implicit: the step that takes the place of an explicit one, or None.
    """

    operator: Tensor
    inflow: Tensor
    scale: Tensor
    bound: Tensor
    mobility: Tensor | None
    roughness: Tensor | None
    stages: Tensor
    implicit: ImplicitStep | None = None


class OperatorNetwork(ForecastModel):
    r"""A semi-discrete equation whose operators are learned, anchored at consistent ones, and integrated in time.

    .. math::
        \frac{df_i}{dt} = s \odot \Big[ \sum_{j \to i} w^0_{ij} \alpha_{ij} \odot (f_j - f_i)
            + \sum_k A_k \sum_{j \to i} w^0_{ij} \gamma^k_{ij} (f_j - f_i)
            + \sum_k c_k \odot \sum_{j \to i} \beta^k_{ij} (f_i + f_j + 2\ell)
            + R f_i + \rho(f_i, \text{context}_i) \Big]

    over unit time per frame, with w⁰ the reference Laplacian and s the usual increment. α > 0 and γ are symmetric in
    the two ends of an edge and β is skew; all are functions of the context of the edge and of its ends,

    .. math::
        \alpha_{ij} = \sigma\,\mathrm{softplus}(q_{ij} + q_{ji} + \log(e - 1)), \quad
        \gamma_{ij} = 1 + q_{ij} + q_{ji}, \quad
        \beta_{ij} = w^0_{ij} (q_{ij} - q_{ji}) + (q'_{ij} - q'_{ji}) / m_i,

    each q linear plus a small network. So the first sum is a diffusion with a learned conductivity, the third a
    convection in flux form (an edge context that is itself a flux, such as the convection weights of a velocity, passes
    through it unchanged), the second couples channels (A_k is strictly triangular: two channels that drive each other
    through their Laplacians may grow the faster the finer the mesh) and ρ is a reaction. On a mesh the fluxes through
    an edge cancel, m_i w_ij = m_j w_ji, so that Σ m f is conserved to round-off by all but the reaction.
    A fresh model has operators at the reference weights with small coefficients; its reaction is zero.

    With `potential` a gradient flow is added, of fourth order as that of Cahn and Hilliard, and as conservative:

    .. math::
        \sum_{j \to i} w^0_{ij} \delta_{ij} \odot (\mu_j - \mu_i), \qquad
        \mu_i = P f_i + \nu(f_i, \text{context}_i) - \epsilon \odot \sum_{j \to i} w^0_{ij} (f_j - f_i)

    with a mobility δ > 0 made like α, a learned ε > 0, and P and ν that are zero at first. With several channels P need
    not be symmetric nor ν a gradient; Chebyshev steps want eigenvalues that are nearly real.

    With `correction` the operators of first and second order act on

    .. math::
        f_i - c \odot \frac{\sum_{j \to i} w^0_{ij} \alpha_{ij} \odot (f_j - f_i)}
            {\sum_{j \to i} |w^0_{ij} \alpha_{ij}|}

    instead of f, with a learned |c| < 1/2 of each channel that is zero at first: what differences on cells of that size
    leave out, in proportion to h² and so for every resolution (c = 1/4 makes lumped linear elements on regular
    triangles of order four). Eigenvalues of a diffusion stay real and negative, and fluxes fluxes.

    The time step is explicit and knows how stiff it is: a bound of the spectral radius of the right-hand side at the
    last observed frame, on the mesh at hand, sets the number of stages of a Runge–Kutta–Chebyshev step ("chebyshev":
    diffusion, cells of any size) or of substeps of the classical method ("runge_kutta": waves). "either" takes the
    classical method, which is of order four, as long as a few substeps do, and Chebyshev's from there on: convection
    with some diffusion. For linear equations the bound is rigorous, so that a diffusion with α > 0 and w⁰ ≥ 0 is stable
    on every mesh. Where that asks for more than `most_stages` in evaluation mode, with gradients off, the step is
    implicit in all operators and in the decay by reaction and local potential at the last observed frame
    (:class:`ImplicitStep`; not for "runge_kutta", as it would damp waves). In evaluation mode frames are cut off at
    `bound` times the largest observed value, so that no forecast grows without limit. In a batch the stiffest graph
    sets the number of stages, which changes the others' frames within the order of the method. The bound of the
    gradient flow is the product of those of its two operators.

    Nothing of it belongs to a place: one model serves any mesh and any resolution (see :class:`LocalLinear` for weights
    that belong to sensors). It sees one frame and has no memory.

    Symmetries: equivariant under relabelling; positions enter through context and reference weights alone.

    Args:
        channels: widths of signal, node context, edge context and forcing.
        hidden_channels: width of the networks.
        num_kernels: K, of the coupling (where there are several channels) and of the convection.
        reaction: whether there are R and ρ. potential: whether there is a gradient flow.
        conservative: take the mass-weighted mean of the reaction off it, so that Σ m f stays as it is observed.
        stepper: "chebyshev", "runge_kutta" or "either".
        most_stages: largest number of stages or substeps of an explicit step; a mesh that asks for more in evaluation
            mode gets an implicit one, or a warning.
        bound: of forecasts in evaluation mode, in units of the largest observed |f| (at least 1).
        substeps: explicit steps from frame to frame, each with stages of its own: for accuracy where modes that matter
            decay within a frame, which Chebyshev's stages keep stable but damp to a third and no further.
        correction: whether there is a c.
        coupling: "forward": Laplacians of a channel drive channels after it (a wave: displacement, then velocity);
            "backward": those before it; "all": both, which may be ill-posed on cells finer than those of training. The
            signs are learned: a wave equation of the wrong sign grows whatever this says.
        proportional: the reaction is times the distance from the physical zero (data.zero), so that what is not there
            does not begin to react: populations, concentrations.

    Raises:
        ValueError: an option outside its range.

    Reference:
        The anchored spatial difference layer after Seo, Meng, Liu, "Physics-aware Difference Graph Networks for
        Sparsely-Observed Dynamics", ICLR 2020; Sommeijer, Shampine, Verwer, "RKC: an explicit solver for parabolic
        PDEs", 1998.
    """

    trainable = True
    memoryless = True
    symmetries = frozenset({"relabelling", "translation", "rotation", "reflection"})

    def __init__(
        self,
        channels: Channels,
        hidden_channels: int = 32,
        num_kernels: int = 2,
        reaction: bool = True,
        conservative: bool = False,
        stepper: Literal["chebyshev", "runge_kutta", "either"] = "chebyshev",
        most_stages: int = 256,
        bound: float = 5.0,
        potential: bool = False,
        substeps: int = 1,
        correction: bool = False,
        coupling: Literal["forward", "backward", "all"] = "forward",
        proportional: bool = False,
    ) -> None:
        super().__init__()
        require_choice("coupling", coupling, ("forward", "backward", "all"))
        require_choice("stepper", stepper, ("chebyshev", "runge_kutta", "either"))
        for name, value, least in (
            ("hidden_channels", hidden_channels, 1), ("num_kernels", num_kernels, 1), ("most_stages", most_stages, 2),
            ("substeps", substeps, 1),
        ):  # fmt: skip
            require_at_least(name, value, least)
        if not bound > 1:
            raise ValueError(f"bound: wanted a number > 1, given {bound}")
        self.channels = Channels(*channels)
        self.num_kernels, self.conservative, self.stepper = num_kernels, conservative, stepper
        self.most_stages, self.bound, self.substeps = most_stages, bound, substeps
        self.proportional = proportional
        self.coupled = {"forward": (True, False), "backward": (False, True), "all": (True, True)}[coupling]
        signal, node, edge, forcing = self.channels
        self.widths = signal, num_kernels if signal > 1 else 0, num_kernels, num_kernels, signal if potential else 0
        self.linear = nn.Linear(2 * node + edge, sum(self.widths))
        self.first = nn.Linear(2 * node + edge, hidden_channels)
        self.last = nn.Linear(hidden_channels, sum(self.widths))
        self.coupling = nn.Parameter(torch.empty(self.widths[1], signal, signal))
        self.convection = nn.Parameter(torch.empty(num_kernels, signal))
        self.level = nn.Parameter(torch.empty(signal))
        self.size = nn.Parameter(torch.empty(signal))
        self.linear_reaction = nn.Parameter(torch.empty(signal, signal)) if reaction else None
        self.reaction = perceptron(signal + node + 2 * forcing, hidden_channels, signal) if reaction else None
        self.potential = GradientFlow(signal, node, hidden_channels) if potential else None
        self.correction = nn.Parameter(torch.empty(signal)) if correction else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter anew: small coefficients of the reference operators, no reaction."""
        reset(self.linear)
        reset(self.first)
        with torch.no_grad():
            self.linear.weight.mul_(0.1)
            self.linear.bias.zero_()
            self.last.weight.normal_(std=0.01)
            self.last.bias.zero_()
            self.coupling.normal_(std=0.01)
            self.convection.normal_(std=0.3)
            self.level.zero_()
            self.size.fill_(-3.0)
            if self.correction is not None:
                self.correction.zero_()
            if self.reaction is not None and self.linear_reaction is not None:
                self.linear_reaction.zero_()
                reset(self.reaction)
                for parameter in self.reaction[-1].parameters():
                    parameter.zero_()
        if self.potential is not None:
            self.potential.reset_parameters()

    def operators(self, data: Data) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """The operators of a mesh, all kernels in one: operator [E, C, C], inflow [N, C] and, where there are any,
        mobility of the potential and weights of the roughness, both [E, C].

        Args:
            data: a sample or batch, normalised; its edges without repetitions.

        Raises:
            ValueError: data lacks what the model was built for.
        """
        graph = incidence_of(data.edge_index, data.x.size(0))
        node, edge = node_inputs(data, self.channels), edge_inputs(data, self.channels)
        inputs = torch.cat([gather_target(node, graph), gather_source(node, graph), edge], dim=1)
        out = self.linear(inputs) + self.last(silu(self.first(inputs)))
        back, found = reverse_edges(data.edge_index, data.x.size(0))
        other = torch.where(found.unsqueeze(1), out.index_select(0, back), out.new_zeros(()))
        even, odd = (out + other).split(self.widths, dim=1), (out - other).split(self.widths, dim=1)
        reference = reference_weights(data)[1].unsqueeze(1)
        inverse = getattr(data, "inverse_mass", None)
        inverse = data.x.new_ones(data.x.size(0)) if inverse is None else inverse.to(data.x.dtype)
        skew = reference * odd[2] + gather_target(inverse.unsqueeze(1), graph) * odd[3]
        convection = skew @ self.convection
        diffusion = reference * softplus(self.size) * positive(even[0])
        operator = torch.diag_embed(diffusion + convection)
        if self.channels.signal > 1:
            below, above = self.coupled
            coupled = below * self.coupling.tril(-1) + above * self.coupling.triu(1)
            coupling = (reference * (1 + even[1])) @ coupled.flatten(1)
            operator = operator + coupling.view_as(operator)
        mobility = None if self.potential is None else self.potential.mobility(reference, even[4])
        roughness = None
        if self.correction is not None:
            around = sum_at_target(diffusion.abs(), graph)
            roughness = diffusion / gather_target(torch.where(around > 0, around, 1), graph)
        return operator, 2 * sum_at_target(convection, graph), mobility, roughness

    def start(self, data: Data) -> OperatorState:
        """The operators of the mesh and the number of stages that they ask for at the last observed frame.

        Raises:
            ValueError: data lacks what the model was built for.
        """
        frame = data.x[:, -1]
        scale = increment_scale(data, frame)
        batch, num_graphs = graph_index(data)
        largest = scatter(data.x.abs().amax(dim=1), batch, dim=0, dim_size=num_graphs, reduce="max")
        bound = self.bound * largest.clamp(min=1).index_select(0, batch)
        operator, inflow, mobility, roughness = self.operators(data)
        state = OperatorState(operator, inflow, scale, bound, mobility, roughness, torch.tensor(1))
        implicit_allowed = not torch.is_grad_enabled() and self.stepper != "runge_kutta"
        with torch.no_grad(), torch.autocast(frame.device.type, enabled=False):
            stiffness = self._stiffness(frame, state, data)
            stages, enough = self._stages(stiffness / self.substeps)
            if enough or self.training:
                return state._replace(stages=torch.tensor(stages))
            if implicit_allowed and math.isfinite(stiffness):
                step = ImplicitStep(self._stiff_matrix(frame, state, data), batch, num_graphs)
                return state._replace(stages=torch.tensor(1), implicit=step)
        what = f"the mesh asks for more than {self.most_stages} stages a step, and most_stages allows no more"
        advice = "forecasts may be unstable; give a larger one"
        if self.stepper != "runge_kutta":
            advice += " (without gradients the step would be implicit)"
        warnings.warn(f"operator_network: {what}: {advice}", stacklevel=2)
        return state._replace(stages=torch.tensor(stages))

    def _stages(self, stiffness: float) -> tuple[int, bool]:
        """How many stages (or minus how many substeps) a spectral radius times step asks for, and whether they do."""
        stiffness = SAFETY * stiffness if math.isfinite(stiffness) else math.inf
        substeps = max(1, math.ceil(min(stiffness / REAL, self.most_stages)))
        if self.stepper == "chebyshev" or (self.stepper == "either" and substeps > FEW_SUBSTEPS):
            stages = stages_for(stiffness, self.most_stages)
            enough = chebyshev_table(stages).bound >= stiffness
        else:
            stages, enough = -substeps, substeps * REAL >= stiffness
        return stages, enough

    def _stiff_matrix(self, frame: Tensor, state: OperatorState, data: Data) -> sp.spmatrix:
        """What the operators of the mesh bring, as one matrix, and of what is local the decay at a frame (of each
        channel by itself; a reaction whose mean is taken off would not keep the integral)."""
        graph = incidence_of(data.edge_index, frame.size(0))
        matrix = difference_matrix(state.operator, graph) + _diagonal(state.inflow)
        if self.correction is not None and state.roughness is not None:
            rough = difference_matrix(self._correction() * state.roughness, graph)
            matrix = matrix - matrix @ rough
        if self.reaction is not None and not self.conservative:
            index = data.x.size(1) - 1
            steepness = slope(lambda moved: self._free_reaction(moved, data, index), frame)
            matrix = matrix + _diagonal(steepness.diagonal(dim1=1, dim2=2).clamp(max=0))
        if self.potential is not None and state.mobility is not None:
            node, reference = node_inputs(data, self.channels), reference_weights(data)[1]
            inner = _diagonal(self.potential.slope(frame, node).diagonal(dim1=1, dim2=2).clamp(min=0))
            inner = inner - difference_matrix(self.potential.gradient_weights(reference), graph)
            matrix = matrix + difference_matrix(state.mobility, graph) @ inner
        return _diagonal(state.scale) @ matrix

    def _stiffness(self, frame: Tensor, state: OperatorState, data: Data) -> float:
        """A bound of the spectral radius of ∂rate/∂f at a frame: that of the C × C matrix of the largest row sums of
        its blocks, which for a wave is √λ and not λ, of each graph; sums are weighted, see :func:`node_weights`."""
        graph, (batch, num_graphs) = incidence_of(data.edge_index, frame.size(0)), graph_index(data)
        operator, scale = state.operator, state.scale.unsqueeze(2)
        stiffest = operator.flatten(1) if state.mobility is None else state.mobility
        share = None
        if self.correction is not None and state.roughness is not None:
            share = self._correction() * state.roughness
        most = None if share is None else share.gather(1, share.abs().argmax(dim=1, keepdim=True)).squeeze(1)
        weights = node_weights(stiffest.abs().sum(dim=1), graph, most)
        if self.conservative:  # the mean that is taken off reaches every node
            weights = torch.ones_like(weights)
        before = weights.expand(-1, frame.size(1)) if share is None else smoothed_rows(share, weights, graph)
        reach = operator.abs() * gather_source(before, graph).unsqueeze(1)
        sizes = sum_at_target(reach.flatten(1), graph).view(-1, *operator.shape[1:]) / weights.unsqueeze(2)
        own = torch.diag_embed(state.inflow) - sum_at_target(operator.flatten(1), graph).view_as(sizes)

        def largest(values: Tensor) -> Tensor:
            return scatter(values, batch, dim=0, dim_size=num_graphs, reduce="max")

        steepness = torch.zeros_like(own)
        if self.reaction is not None:
            index = data.x.size(1) - 1
            steepness = slope(lambda moved: self._free_reaction(moved, data, index), frame)
        if share is None:
            blocks = largest(scale * (sizes + (own + steepness).abs()))
        else:
            own = own.abs() * (before / weights).unsqueeze(1)
            blocks = largest(scale * (sizes + own + steepness.abs()))
        if self.conservative:
            blocks = blocks + largest(scale * steepness.abs())
        if self.potential is not None and state.mobility is not None:
            outer = weighted_rows(state.mobility.abs(), weights, graph) + sum_at_target(state.mobility, graph).abs()
            node, reference = node_inputs(data, self.channels), reference_weights(data)[1]
            inner = self.potential.steepness(frame, node, reference, weights, graph)
            blocks = blocks + largest(state.scale * outer).unsqueeze(2) * largest(inner)
        return float(torch.linalg.eigvals(blocks).abs().max()) if bool(blocks.isfinite().all()) else math.inf

    def rate(self, frame: Tensor, state: OperatorState, data: Data, index: int) -> Tensor:
        """df/dt per frame.

        Args:
            frame: f, [N, C], normalised. state: from :meth:`start`. data: the sample or batch.
            index: position of the frame in data.forcing.

        Returns:
            [N, C].
        """
        graph = incidence_of(data.edge_index, frame.size(0))
        value = frame
        if self.correction is not None and state.roughness is not None:
            value = frame - self._correction() * transport(frame, graph, state.roughness)
        rate = transport(value, graph, state.operator) + state.inflow * (value + self.level)
        if self.reaction is not None:
            rate = rate + self._reaction(frame, state, data, index)
        if self.potential is not None and state.mobility is not None:
            node, reference = node_inputs(data, self.channels), reference_weights(data)[1]
            rate = rate + transport(self.potential(frame, node, reference, graph), graph, state.mobility)
        return state.scale * rate

    def _correction(self) -> Tensor:
        """c, [C]."""
        assert self.correction is not None
        return 0.5 * torch.tanh(self.correction)

    def _reaction(self, frame: Tensor, state: OperatorState, data: Data, index: int) -> Tensor:
        value = self._free_reaction(frame, data, index)
        if self.conservative:
            value = value - mass_mean(data, state.scale * value) / state.scale
        return value

    def _free_reaction(self, frame: Tensor, data: Data, index: int) -> Tensor:
        """The reaction of each node by itself."""
        parts = [frame, node_inputs(data, self.channels)]
        if self.channels.forcing > 0:
            parts.append(forcing_inputs(data, self.channels, index))
        assert self.reaction is not None and self.linear_reaction is not None
        value = frame @ self.linear_reaction.t() + self.reaction(torch.cat(parts, dim=1))
        return value * (frame - physical_zero(data, frame)) if self.proportional else value

    def step(
        self, frame: Tensor, state: OperatorState, data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, OperatorState]:
        """The next frame [N, C] and the state, of which an implicit step changes the substeps.

        See :class:`ForecastModel`.
        """
        stages = int(state.stages)

        def rate(value: Tensor) -> Tensor:
            return self.rate(value, state, data, index)

        following_state = state
        if state.implicit is not None:
            following, stages = state.implicit.advance(rate, frame, stages)
            following_state = state._replace(stages=torch.tensor(stages))
        else:
            following, advance = frame, chebyshev_step if stages > 0 else runge_kutta_step
            for _ in range(self.substeps):
                following = advance(lambda value: rate(value) / self.substeps, following, abs(stages))
        if not self.training:
            following = torch.maximum(torch.minimum(following, state.bound), -state.bound)
        return following, following_state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, {self.stepper!r}, reaction={self.reaction is not None})"


def _diagonal(values: Tensor) -> sp.spmatrix:
    """[N, C] as a matrix [N·C, N·C], channel fastest."""
    return sp.diags(values.detach().cpu().double().numpy().ravel())
