"""When the learning rate falls."""

from __future__ import annotations

import math

from pdgn.training.plateau import Plateau


def test_it_halves_after_every_wait_and_not_while_the_loss_falls() -> None:
    plateau = Plateau(wait=2)
    factors = []
    for score in (3.0, 2.0, 2.5, 1.9, 2.0, math.nan, 2.0, 1.9, 1.0, 1.1, 1.2):
        plateau.look(score)
        factors.append(plateau.factor)
    # Better at 3, 2, 1.9 and 1.0; equal (1.9) and NaN are not better.
    assert factors == [1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_its_state_goes_on() -> None:
    one, two = Plateau(3), Plateau(3)
    for score in (1.0, 2.0, 2.0):
        one.look(score)
    two.load_state_dict(one.state_dict())
    two.look(2.0)
    assert two.factor == 0.5
