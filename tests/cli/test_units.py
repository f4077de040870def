"""Units of parameters in the units of a recipe."""

from __future__ import annotations

import pytest

from pdgn.cli.units import unit_in


@pytest.mark.parametrize(
    "text, units, wanted",
    [
        ("length^2/time", {"length": "m", "time": "s"}, "m^2/s"),
        ("length^2/time", {"length": "1", "time": "s"}, "1/s"),
        ("length^2/time", {"length": "1", "time": "1"}, "1"),
        ("field/time", {"field": "kg/m^2", "time": "s"}, "kg/m^2/s"),
        ("length/(time field)", {"length": "m", "time": "s", "field": "kg/m^2"}, "m/(s (kg/m^2))"),
        ("length/(time field)", {"length": "m", "time": "s", "field": "1"}, "m/s"),
        ("1/time", {"time": "s"}, "1/s"),
        ("1", {}, "1"),
    ],
)
def test_every_quantity_gets_its_unit(text: str, units: dict[str, str], wanted: str) -> None:
    assert unit_in(text, units) == wanted
