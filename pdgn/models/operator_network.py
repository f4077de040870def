"""The operator network: learned operators inside the time step."""

from __future__ import annotations

import math
import warnings
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.utils import scatter

from pdgn.models.channels import Channels
from pdgn.models.chemical_potential import ChemicalPotential
from pdgn.models.explicit_step import ExplicitStep
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.implicit_step import ImplicitStep
from pdgn.models.linearisation import Linearisation
from pdgn.models.local_reaction import LocalReaction
from pdgn.models.mesh_operators import MeshOperators, OperatorWeights
from pdgn.models.options import require_at_least
from pdgn.models.sample import graph_index, increment_scale, mass_mean, node_inputs, reference_weights, trained_range
from pdgn.nn.incidence import incidence_of
from pdgn.nn.transport import transport

MARGIN = 0.1  # of the range of training, by which a proportional reaction is believed beyond it


class OperatorState(NamedTuple):
    """What a roll-out keeps: everything that depends on the mesh and its context alone.

    Attributes:
        weights: of the operators.
        scale: usual increment, [N, C]. bound: largest |f| of a forecast, [N, C].
        low, high: the least and the most that the reaction sees in evaluation mode, [N, C].
        stages: of an explicit step, see :class:`ExplicitStep`; of an implicit one the substeps to begin with; [] int64,
            on the CPU.
        implicit: the step that takes the place of an explicit one, or None.
    """

    weights: OperatorWeights
    scale: Tensor
    bound: Tensor
    low: Tensor
    high: Tensor
    stages: Tensor
    implicit: ImplicitStep | None = None


class OperatorNetwork(ForecastModel):
    r"""A semi-discrete equation whose operators are learned, anchored at consistent ones, and integrated in time.

    .. math::
        \frac{df_i}{dt} = s \odot \Big[ \sum_{j \to i} w^0_{ij} \alpha_{ij} \odot (f_j - f_i)
            + \sum_k A_k \sum_{j \to i} w^0_{ij} \gamma^k_{ij} (f_j - f_i)
            + \sum_k c_k \odot \sum_{j \to i} \beta^k_{ij} (f_i + f_j + 2\ell)
            + R f_i + \rho(f_i, \text{context}_i) \Big]

    over unit time per frame, with w⁰ the reference Laplacian, s the usual increment and α, γ and β learned functions of
    edges (:class:`MeshOperators`). So the first sum is a diffusion with a learned conductivity, the third a
    convection in flux form (an edge context that is itself a flux, such as the convection weights of a velocity, passes
    through it unchanged), the second couples channels (A_k is strictly triangular: two channels that drive each other
    through their Laplacians may grow the faster the finer the mesh), and R and ρ react (:class:`LocalReaction`). On a
    mesh the fluxes through an edge cancel, m_i w_ij = m_j w_ji, so that Σ m f is conserved to round-off by all but the
    reaction. A fresh model has operators at the reference weights with small coefficients; its reaction is zero.

    With `potential` a gradient flow is added, of fourth order as that of Cahn and Hilliard, and as conservative:

    .. math::
        \sum_{j \to i} w^0_{ij} \delta_{ij} \odot (\mu_j - \mu_i), \qquad
        \mu_i = P f_i + \nu(f_i, \text{context}_i) - \epsilon \odot \sum_{j \to i} w^0_{ij} (f_j - f_i)

    with a mobility δ > 0 made like α and a learned potential (:class:`ChemicalPotential`). With several channels P need
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
    with some diffusion. For linear equations the bound is rigorous, so that a diffusion with α > 0 and w⁰ ≥ 0 is
    stable on every mesh. Where that asks for more than `most_stages` in evaluation mode, with gradients off, the step
    is implicit in all operators and in the decay by reaction and local potential at the last observed frame
    (:class:`ImplicitStep`; not for "runge_kutta", as it would damp waves). In evaluation mode frames are cut off at
    `bound` times the largest observed value, within a step for reactions too, so that no forecast grows without limit.
    In a batch the stiffest graph sets the number of stages, which changes the others' frames within the order of the
    method. The bound of the gradient flow is the product of those of its two operators.

    A proportional reaction is at least quadratic and feeds itself where it was never trained. In evaluation mode it
    sees no value beyond the range of the training signal (data.low, data.high, widened by a tenth) and of the observed
    frames: beyond that it is the one at the end of the range, and after each frame f keeps 1/e of its distance from
    there, so that what drives it out of the range keeps it outside by no more than a frame's worth.

    Nothing of it belongs to a place: one model serves any mesh and any resolution (see :class:`LocalLinear` for weights
    that belong to sensors). It sees one frame and has no memory.

    Symmetries: equivariant under relabelling; positions enter through context and reference weights alone.

    Args:
        channels: widths of signal, node context, edge context and forcing.
        hidden_channels: width of the networks.
        num_kernels: K, of the coupling (where there are several channels) and of the convection.
        reaction: whether there is a reaction, R and ρ.
        conservative: take the mass-weighted mean of the reaction off it, so that Σ m f stays as it is observed.
        stepper: "chebyshev", "runge_kutta" or "either".
        most_stages: largest number of stages or substeps of an explicit step; a mesh that asks for more in evaluation
            mode gets an implicit one, or a warning.
        bound: of forecasts in evaluation mode, in units of the largest observed |f| (at least 1).
        potential: whether there is a gradient flow, as of Cahn and Hilliard.
        substeps: explicit steps from frame to frame, each with stages of its own: for accuracy where modes that matter
            decay within a frame, which Chebyshev's stages keep stable but damp to a third and no further.
        correction: whether operators learn what differences on cells of that size leave out (c).
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
        for name, value in (("hidden_channels", hidden_channels), ("num_kernels", num_kernels)):
            require_at_least(name, value, 1)
        if not bound > 1:
            raise ValueError(f"bound: wanted a number > 1, given {bound}")
        self.channels, self.conservative, self.bound = Channels(*channels), conservative, bound
        signal, node, _, _ = self.channels
        self.explicit = ExplicitStep(stepper, most_stages, substeps)
        self.operators = MeshOperators(self.channels, hidden_channels, num_kernels, coupling, correction, potential)
        self.level = nn.Parameter(torch.empty(signal))
        self.reaction = LocalReaction(self.channels, hidden_channels, proportional) if reaction else None
        self.potential = ChemicalPotential(signal, node, hidden_channels) if potential else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter anew: small coefficients of the reference operators, no reaction."""
        for module in (self.operators, self.reaction, self.potential):
            if module is not None:
                module.reset_parameters()
        with torch.no_grad():
            self.level.zero_()

    def start(self, data: Data) -> OperatorState:
        """The operators of the mesh and the number of stages that they ask for at the last observed frame.

        Raises:
            ValueError: data lacks what the model was built for.
        """
        frame = data.x[:, -1]
        batch, num_graphs = graph_index(data)
        largest = scatter(data.x.abs().amax(dim=1), batch, dim=0, dim_size=num_graphs, reduce="max")
        bound = self.bound * largest.clamp(min=1).index_select(0, batch)
        low, high = self._reaction_range(data, bound)
        scale = increment_scale(data, frame)
        state = OperatorState(self.operators(data), scale, bound, low, high, torch.tensor(1))
        implicit_allowed = not torch.is_grad_enabled() and self.explicit.method != "runge_kutta"
        with torch.no_grad(), torch.autocast(frame.device.type, enabled=False):
            linear = self.linearise(frame, state, data)
            radius = linear.spectral_bound()
            stages, enough = self.explicit.stages(radius)
            if not (enough or self.training) and implicit_allowed and math.isfinite(radius):
                return state._replace(implicit=ImplicitStep(linear.implicit_part(), batch, num_graphs))
        if not (enough or self.training):
            self._warn()
        return state._replace(stages=torch.tensor(stages))

    def _warn(self) -> None:
        most = self.explicit.most_stages
        what = f"the mesh asks for more than {most} stages a step, and most_stages allows no more"
        advice = "forecasts may be unstable; give a larger one"
        if self.explicit.method != "runge_kutta":
            advice += " (without gradients the step would be implicit)"
        warnings.warn(f"operator_network: {what}: {advice}", stacklevel=3)

    def linearise(self, frame: Tensor, state: OperatorState, data: Data) -> Linearisation:
        """The derivative of the rate at a frame; the forcing is that of the last observed frame.

        Args:
            frame: f, [N, C], normalised. state: from :meth:`start`. data: the sample or batch.
        """
        reaction = potential = gradient = None
        if self.reaction is not None:
            reaction = self.reaction.slope(frame, data, data.x.size(1) - 1)
        if self.potential is not None:
            potential = self.potential.slope(frame, node_inputs(data, self.channels))
            gradient = self.potential.gradient_weights(reference_weights(data)[1])
        return Linearisation(
            incidence_of(data.edge_index, frame.size(0)), *graph_index(data), state.weights, state.scale, reaction,
            self.conservative, potential, gradient,
        )  # fmt: skip

    def rate(self, frame: Tensor, state: OperatorState, data: Data, index: int) -> Tensor:
        """df/dt per frame.

        Args:
            frame: f, [N, C], normalised. state: from :meth:`start`. data: the sample or batch.
            index: position of the frame in data.forcing.

        Returns:
            [N, C].
        """
        graph = incidence_of(data.edge_index, frame.size(0))
        operator, inflow, share, mobility = state.weights
        value = frame if share is None else frame - transport(frame, graph, share)
        rate = transport(value, graph, operator) + inflow * (value + self.level)
        if self.reaction is not None:
            # Else a reaction that feeds itself overflows within one step.
            seen = frame if self.training else frame.clamp(state.low, state.high)
            reaction = self.reaction(seen, data, index)
            if self.conservative:
                reaction = reaction - mass_mean(data, state.scale * reaction) / state.scale
            rate = rate + reaction
        if self.potential is not None and mobility is not None:
            node, reference = node_inputs(data, self.channels), reference_weights(data)[1]
            rate = rate + transport(self.potential(frame, node, reference, graph), graph, mobility)
        return state.scale * rate

    def _reaction_range(self, data: Data, bound: Tensor) -> tuple[Tensor, Tensor]:
        """(lowest, highest) value that the reaction sees in evaluation mode, [N, C] each."""
        if self.reaction is None or not self.reaction.proportional:
            return -bound, bound
        (low, high), (batch, num_graphs) = trained_range(data, bound), graph_index(data)
        margin = MARGIN * (high - low)
        least, most = (
            scatter(extreme, batch, dim=0, dim_size=num_graphs, reduce=reduce).index_select(0, batch)
            for extreme, reduce in ((data.x.amin(dim=1), "min"), (data.x.amax(dim=1), "max"))
        )
        low, high = torch.minimum(low - margin, least), torch.maximum(high + margin, most)
        return torch.maximum(low, -bound), torch.minimum(high, bound)

    def _pulled_back(self, frame: Tensor, state: OperatorState, data: Data) -> Tensor:
        """A frame whose distance from the range of the reaction decays for the length of a frame."""
        excess = (1 - math.exp(-1)) * (frame - frame.clamp(state.low, state.high))
        return frame - (excess - mass_mean(data, excess) if self.conservative else excess)

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
            following = self.explicit.advance(rate, frame, stages)
        if not self.training:
            if self.reaction is not None and self.reaction.proportional:
                following = self._pulled_back(following, state, data)
            following = following.clamp(-state.bound, state.bound)
        return following, following_state

    def __repr__(self) -> str:
        name, method = type(self).__name__, self.explicit.method
        return f"{name}({self.channels}, {method!r}, reaction={self.reaction is not None})"
