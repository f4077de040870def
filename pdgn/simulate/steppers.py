"""The time steppers by name."""

from __future__ import annotations

from pdgn.simulate.exponential import Exponential
from pdgn.simulate.imex_tables import ARS222, ARS443, DISSIPATIVE, IMEX_EULER
from pdgn.simulate.runge_kutta import RungeKutta
from pdgn.simulate.runge_kutta_chebyshev import RungeKuttaChebyshev
from pdgn.simulate.semi_implicit import SemiImplicit
from pdgn.simulate.stepper import Stepper
from pdgn.simulate.theta import Theta

STEPPERS: dict[str, Stepper] = {
    "explicit_euler": RungeKutta(nodes=(0.0,), weights=(1.0,), order=1),
    "rk4": RungeKutta(nodes=(0.0, 0.5, 0.5, 1.0), weights=(1 / 6, 1 / 3, 1 / 3, 1 / 6), order=4),
    "rkc2": RungeKuttaChebyshev(),
    "backward_euler": Theta(1.0),
    "crank_nicolson": Theta(0.5),
    "exponential": Exponential(),
    "imex_euler": IMEX_EULER,
    "imex_ars222": ARS222,
    "imex_ars443": ARS443,
    "imex_dissipative": DISSIPATIVE,
    "semi_implicit": SemiImplicit(),
}
