"""Implicit–explicit Runge–Kutta methods by their tables."""

from __future__ import annotations

import numpy as np

from pdgn.simulate.imex import ImexRungeKutta

_ARS222_GAMMA = 1 - 1 / np.sqrt(2)
_ARS222_DELTA = 1 - 1 / (2 * _ARS222_GAMMA)

IMEX_EULER = ImexRungeKutta(((1.0,),), ((1.0,),), order=1)
ARS222 = ImexRungeKutta(
    ((_ARS222_GAMMA,), (1 - _ARS222_GAMMA, _ARS222_GAMMA)),
    ((_ARS222_GAMMA,), (_ARS222_DELTA, 1 - _ARS222_DELTA)),
    order=2,
)
ARS443 = ImexRungeKutta(
    ((1 / 2,), (1 / 6, 1 / 2), (-1 / 2, 1 / 2, 1 / 2), (3 / 2, -3 / 2, 1 / 2, 1 / 2)),
    ((1 / 2,), (11 / 18, 1 / 18), (5 / 6, -5 / 6, 1 / 2), (1 / 4, 7 / 4, 3 / 4, -7 / 4)),
    order=3,
)
# Among the tables of three stages, γ on the diagonal and second order: a small error at third order, subject to both
# numbers of `dissipation` being positive (those of ARS(2,2,2) and ARS(4,4,3) are not). L-stable.
DISSIPATIVE = ImexRungeKutta(
    ((17 / 40,), (3 / 8, 17 / 40), (77 / 75, -271 / 600, 17 / 40)),
    ((17 / 40,), (7 / 10, 1 / 10), (3 / 8, 0.0, 5 / 8)),
    order=2,
)
