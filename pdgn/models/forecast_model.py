"""What every model of dynamics offers to the loop over time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn
from torch_geometric.data import Data


class ForecastModel(nn.Module, ABC):
    r"""A one-step predictor, in normalised units; its state goes in and comes out.

    .. math::
        s_0 = \mathrm{start}(data), \qquad \hat f(t + 1), s_{t+1} = \mathrm{step}(f(t), s_t, data, t, observed)

    Attributes:
        trainable: whether there is anything to learn.
        memoryless: whether a step sees its frame alone, so that fully observed frames before the last tell it nothing.
        symmetries: what leaves a forecast unchanged (or moves it along), given that it leaves node context, edge
            context and reference weights as they are: "relabelling" (of nodes and of edges), "translation",
            "rotation" and "reflection" of the positions, "scaling of lengths", "addition of a constant" to the
            signal, "scaling of the signal". Coordinates given as context take "translation" and "rotation" away,
            normals and edge vectors "rotation" and "reflection".
    """

    trainable: ClassVar[bool]
    memoryless: bool = False
    symmetries: frozenset[str]

    @abstractmethod
    def start(self, data: Data) -> Any:
        """The state before the first frame of a batch of samples."""

    @abstractmethod
    def step(self, frame: Tensor, state: Any, data: Data, index: int, observed: Tensor) -> tuple[Tensor, Any]:
        """The next frame and the next state.

        Args:
            frame: [N, C], normalised.
            state: from :meth:`start` or the step before; not changed.
            data: the sample or batch that the frame belongs to; not changed.
            index: position of the frame in data.forcing.
            observed: [N] bool, true where the frame's value is a reading and not a prediction.
        """
