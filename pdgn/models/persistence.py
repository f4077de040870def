"""The forecast that nothing changes."""

from __future__ import annotations

from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.channels import Channels
from pdgn.models.forecast_model import ForecastModel


class Persistence(ForecastModel):
    r"""Each frame is predicted to be the one before, :math:`\hat f(t + 1) = f(t)`.

    Args:
        channels: what the samples carry; only recorded.
    """

    trainable = False
    symmetries = frozenset(
        {
            "relabelling",
            "translation",
            "rotation",
            "reflection",
            "scaling of lengths",
            "addition of a constant",
            "scaling of the signal",
        }
    )

    def __init__(self, channels: Channels) -> None:
        super().__init__()
        self.channels = Channels(*channels)

    def start(self, data: Data) -> tuple[()]:
        """No state."""
        return ()

    def step(
        self, frame: Tensor, state: tuple[()], data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, tuple[()]]:
        """The frame itself."""
        return frame, state

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
