"""How many steps a stepper takes from frame to frame, kept inside the stability bound as the state changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdgn.simulate.argument import one_of, positive_integer
from pdgn.simulate.spectrum import Spectrum
from pdgn.simulate.steppers import STEPPERS
from pdgn.simulate.system import System

Array = NDArray[np.float64]

# A step that was not stable ends in a wild state, which says little about what it wanted: it is taken again with up to
# four times as many substeps, and with at most 256 times those of the start. Beyond, the solution itself runs away.
REFINEMENT, MOST_REFINED = 4, 256
# More in one step take half an hour even on the smallest mesh: a step or a unit that was not meant.
MOST_SUBSTEPS = 10**8


class Substeps:
    """Steps of dt, each cut into as many equal substeps as the stability bound asks for.

    The bound of a nonlinear equation depends on the state and is computed for all states that should follow from the
    first. Some leave these: what flows in through a boundary, or a direction that compresses, lets them grow. So the
    bound is computed again where a step has ended in a state of a larger spectrum, and the step is taken again, with
    more substeps, where it was not stable.

    Args:
        system: what is integrated.
        state: [D, n] at the start.
        method: a name in `STEPPERS`.
        dt: time of one step.
        asked: "auto", or the number of substeps to take and no other.

    Attributes:
        count: substeps of each step; it never falls.

    Raises:
        ValueError: no step is stable, the substeps asked for are not, or more than 10⁸ would be wanted.
        TypeError: the method does not fit the system.
    """

    def __init__(self, system: System, state: Array, method: str, dt: float, asked: str | int) -> None:
        if isinstance(asked, str):
            one_of("substeps", asked, ["auto"])
        self._asked = None if isinstance(asked, str) else positive_integer("substeps", asked)
        self._system, self._method, self._stepper, self._dt = system, method, STEPPERS[method], dt
        least = self._least(state, 0.0)
        if least > MOST_SUBSTEPS:
            raise ValueError(
                f"dt: wanted a step of at most {MOST_SUBSTEPS:g} substeps, got dt = {dt:g}, of which {method} would "
                f"take {least:g}; take a shorter dt or another method"
            )
        self._take(self._asked or int(least))
        self._most = MOST_REFINED * self.count
        self._region = system.spectrum(state) if system.bound_follows_state else None

    def advance(self, time: float, state: Array) -> Array:
        """The state [D, n] one step of dt later; not finite where more substeps do not help.

        Raises:
            ValueError: a state in which the substeps asked for, or 256 times those of the start, are not stable.
        """
        while True:
            end = self._end(time, state)
            if self._region is None:
                return end
            finite = bool(np.isfinite(end).all())
            least = self._least_after(end, time + self._dt) if finite else np.inf
            if least <= self.count or (not finite and (self._asked or self.count == self._most)):
                return end
            if self.count == self._most:
                raise ValueError(
                    f"{self._method}: wanted a state that stays of the size of the first, got one at time "
                    f"{time + self._dt:g} that wants more than {MOST_REFINED} times its substeps; stop before, or take "
                    "a shorter dt"
                )
            self._take(int(min(least, REFINEMENT * self.count, self._most)))

    def _end(self, time: float, state: Array) -> Array:
        for substep in range(self.count):
            state = self._step(time + substep / self.count * self._dt, state)
        return state

    def _least_after(self, state: Array, time: float) -> float:
        """`_least`, or the count where the spectrum is no larger than at the start, or where it was larger and held."""
        spectrum = self._system.spectrum(state)
        if self._region is None or not _is_larger(spectrum, self._region):
            return self.count
        least = self._least(state, time)
        if least <= self.count:
            self._region = spectrum
        return least

    def _least(self, state: Array, time: float) -> float:
        """The least number of substeps that is stable from this state on; refused where fewer were asked for."""
        bound = self._stepper.stable_step(self._system, state)
        if bound == 0:
            raise ValueError(
                f"method {self._method!r}: wanted a stable step, but none is where nothing holds oscillations or "
                f"convection; use {'imex_ars443' if self._method.startswith('imex') else 'rk4'}"
            )
        least = max(1.0, float(np.ceil(self._dt / bound)))
        if self._asked and least > self._asked:
            raise ValueError(
                f"substeps: wanted steps within the stability bound of {self._method}, got dt/substeps = "
                f"{self._dt / self._asked:.6g}; the largest stable step is {bound:.6g} at time {time:g} (substeps of "
                f"at least {least:.15g})"
            )
        return least

    def _take(self, count: int) -> None:
        self.count = count
        self._step = self._stepper.prepare(self._system, self._dt / count)


def _is_larger(spectrum: Spectrum, other: Spectrum) -> bool:
    return spectrum.decay > other.decay or spectrum.oscillation > other.oscillation
