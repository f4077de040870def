"""What a time stepper is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pdgn.simulate.system import System

Step = Callable[[float, NDArray[np.float64]], NDArray[np.float64]]


class Stepper(ABC):
    """A one-step method: u(t + dt) from u(t).

    Attributes:
        order: observed order of convergence in dt.
    """

    order: int

    @abstractmethod
    def prepare(self, system: System, dt: float) -> Step:
        """The function (time, state [D, n]) → state [D, n] that advances the system by dt, factored once.

        Raises:
            TypeError: the method does not fit this kind of system.
        """

    @abstractmethod
    def stable_step(self, system: System, state: NDArray[np.float64]) -> float:
        """The largest stable step [time] from this state on: infinite where every step is stable, 0 where none is."""
