"""A mixture of linear forecasts for sensors that stay where they are."""

from __future__ import annotations

import re
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pdgn.models.channels import Channels
from pdgn.models.closed_form_model import ClosedFormModel, LinearState
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.late_tensors import LateTensors
from pdgn.models.local_linear import LocalLinear
from pdgn.models.var import VAR

MEMBERS = "rolled-2-1 rolled-3-3 var-1 var-5 var-8"
FORMS = re.compile(r"(?P<kind>(shared-)?(rolled|direct))-(?P<hops>\d+)-(?P<frames>[1-9]\d*)|var-(?P<order>[1-9]\d*)")


class EnsembleState(NamedTuple):
    """What each member keeps, and its own last prediction [N, C]; None for members without weight."""

    members: tuple[LinearState | None, ...]
    predictions: tuple[Tensor | None, ...]


class SensorEnsemble(LateTensors, ForecastModel):
    r"""A convex combination of linear forecasts of different reach and memory, each with a roll-out of its own.

    .. math::
        \hat f(t + \tau) = \sum_m w_{\tau m} \hat f_m(t + \tau), \qquad
        w_{\tau m} \ge 0, \quad \sum_m w_{\tau m} = 1

    Every member is a ridge regression (:class:`LocalLinear`, :class:`VAR`) and is fitted as if it were alone. Where a
    frame is a reading it goes on from that, else from its own last prediction and not from the mixture, so that each
    follows its own linear law. Ridge regressions on few rows err in different directions, and their mean errs less than
    any of them; where one of them is exact its weight is 1. The weights come from the errors of the members on the
    validation data, and so does whether they are mixed at all (pdgn.training.mixture); leads beyond those have the
    weights of the last.

    Symmetries: those that all members have. With members whose weights belong to nodes, another graph is refused.

    Args:
        channels: widths of signal and forcing; contexts are not read.
        members: names, with a space between them: "rolled-K-H", "direct-K-H" for local linear regression on K hops and
            H frames, "shared-rolled-K-H", "shared-direct-K-H" for one set of weights for all nodes, "var-P" for vector
            autoregression of order P. More frames than are observed are of no use.

    Attributes:
        members: name → member.
        weight: w, [H, M], a parameter without gradient; empty before the fit.

    Raises:
        ValueError: no member, an unknown one or the same one twice.

    Reference:
        Bates, Granger, "The Combination of Forecasts", Operational Research Quarterly 20, 1969.
    """

    trainable = True
    weight: Tensor

    def __init__(self, channels: Channels, members: str = MEMBERS) -> None:
        super().__init__()
        names = members.split()
        if not names or len(set(names)) < len(names):
            raise ValueError(f"members: wanted one or more different names, given {members!r}")
        self.channels = Channels(*channels)
        self.members = nn.ModuleDict({name: _member(name, self.channels) for name in names})
        self.add_late("weight", 2, weights=True)
        self.symmetries = frozenset.intersection(*(member.symmetries for member in self.parts().values()))

    def parts(self) -> dict[str, ClosedFormModel]:
        """The members by name, in the order of the weights."""
        return dict(self.members.items())  # type: ignore[arg-type]

    @property
    def reach(self) -> None:
        """None: the weights of members belong to nodes, which cannot be taken out of their graph."""
        return None

    def mix(self, weight: Tensor) -> None:
        """Sets the weights of the members.

        Args:
            weight: [H, M], of each lead, non-negative with the sum 1.

        Raises:
            ValueError: other weights.
        """
        count = len(self.members)
        if weight.dim() != 2 or weight.size(0) == 0 or weight.size(1) != count:
            raise ValueError(f"weight: wanted [H, {count}], given {list(weight.shape)}")
        if not bool((weight >= 0).all()) or not torch.allclose(weight.sum(dim=1), weight.new_ones(()), atol=1e-6):
            raise ValueError(f"weight: wanted numbers ≥ 0 with the sum 1 at each lead, given {weight.tolist()}")
        self.set_late("weight", weight)

    def start(self, data: Data) -> EnsembleState:
        """No frames.

        Raises:
            ValueError: the model was not fitted, or data are of another graph than that of its members' weights.
        """
        if self.weight.numel() == 0:
            raise ValueError(f"{type(self).__name__}: wanted a fitted model, given one without weights; train it first")
        used = (self.weight > 0).any(dim=0).tolist()
        members = [member.start(data) if use else None for member, use in zip(self.parts().values(), used)]
        nothing = torch.zeros_like(data.x[:, 0])
        return EnsembleState(tuple(members), tuple(nothing if use else None for use in used))

    def step(
        self, frame: Tensor, state: EnsembleState, data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, EnsembleState]:
        """The next frame [N, C] and the next state; see :class:`ForecastModel`."""
        read, members, predictions = observed.unsqueeze(1), list(state.members), list(state.predictions)
        lead = min(max(index - data.x.size(1) + 1, 0), self.weight.size(0) - 1)
        mixed = torch.zeros_like(frame)
        for place, member in enumerate(self.parts().values()):
            own, last = members[place], predictions[place]
            if own is None or last is None:
                continue
            following, members[place] = member.step(torch.where(read, frame, last), own, data, index, observed)
            mixed = mixed + self.weight[lead, place].to(frame.dtype) * following
            predictions[place] = following
        return mixed, EnsembleState(tuple(members), tuple(predictions))

    def fault(self) -> str | None:
        """Weights of another number of members."""
        if self.weight.numel() == 0 or self.weight.size(1) == len(self.members):
            return None
        return f"weight: wanted [H, {len(self.members)}], given {list(self.weight.shape)}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, members={' '.join(self.members)!r})"


def _member(name: str, channels: Channels) -> ClosedFormModel:
    """The member of a name."""
    found = FORMS.fullmatch(name)
    if found is None:
        raise ValueError(
            f"members: wanted rolled-HOPS-FRAMES, direct-HOPS-FRAMES, either with shared- in front, or var-ORDER, "
            f"given {name!r}"
        )
    if found["order"]:
        return VAR(channels, int(found["order"]))
    kind = found["kind"]
    return LocalLinear(
        channels, int(found["hops"]), int(found["frames"]), kind.endswith("direct"), not kind.startswith("shared")
    )
