"""How far a model sees: the depth of the halo that one step of it needs."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from pdgn.models import PADGN, ForecastModel, Persistence
from pdgn.models.recurrent_core import RecurrentCore
from pdgn.nn import WeightNetwork


class Reach(NamedTuple):
    """Hops around a node and its incoming edges from which values come to them, counted in either direction.

    An edge is within d hops where both its ends are.

    Attributes:
        start: in :meth:`~pdgn.models.ForecastModel.start`.
        step: in one :meth:`~pdgn.models.ForecastModel.step`, from its frame, its state and the sample.
    """

    start: int
    step: int


def reach_of(model: ForecastModel) -> Reach:
    r"""The reach of a model: what it declares as `model.reach`, (start, step), or what follows from its layers.

    For PADGN, with k hops of the weights and L recurrent layers: weights and coefficients of an edge i ← j see k hops
    around j, so k + 1 around i; differences see one hop; a recurrent layer sums over edges to and from a node, one hop.

    ========================  =========  ============================
    weights                   start      step
    ========================  =========  ============================
    do not see the signal     k + 1      1 ("sum"), L + 1
    see it                    1          k + 1 ("sum"), L + k + 1
    ========================  =========  ============================

    Raises:
        ValueError: the model is of another kind and declares none, or it normalises over all nodes of a batch.
    """
    if any(isinstance(module, _BatchNorm) for module in model.modules()):
        raise ValueError(
            f"training.parts: wanted a model whose steps see a bounded neighbourhood, given "
            f"{type(model).__name__} with batch normalisation over all nodes; set training.parts to 1"
        )
    declared = getattr(model, "reach", None)
    if declared is not None:
        return Reach(*declared)
    if isinstance(model, PADGN) and _keeps(model, PADGN):
        hops = 1 + max((part.num_hops for part in model.modules() if isinstance(part, WeightNetwork)), default=0)
        layers = model.core.network.num_layers if isinstance(model.core, RecurrentCore) else 0
        return Reach(1, layers + hops) if model.signal_in_weights else Reach(hops, layers + 1)
    if isinstance(model, Persistence) and _keeps(model, Persistence):
        return Reach(0, 0)
    raise ValueError(
        f"training.parts: wanted a model with an attribute reach = (hops of start, hops of a step), "
        f"given {type(model).__name__} without; declare it, or set training.parts to 1"
    )


def _keeps(model: nn.Module, base: type) -> bool:
    """Whether a subclass steps as its base does."""
    return all(getattr(type(model), name) is getattr(base, name) for name in ("start", "step", "difference_weights")
               if hasattr(base, name))  # fmt: skip
