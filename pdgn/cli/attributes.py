"""What a recipe's file says about its fields and parameters: units, the equation, the boundary."""

from __future__ import annotations

from pdgn.cli.draws import FACES, specimen
from pdgn.cli.geodesics import distance_attributes, distance_units
from pdgn.cli.recipe import Recipe
from pdgn.cli.units import unit_in
from pdgn.data.schema import OBSERVED


def field_attributes(recipe: Recipe) -> dict[str, dict[str, str]]:
    """What the file says about every field of a recipe.

    Args:
        recipe: the recipe.

    Returns:
        field → unit, equation (one line of text) and boundary.
    """
    if recipe.geodesics is not None:
        return distance_attributes(recipe.geodesics, recipe.unit)
    wanted = recipe.equation
    equation = specimen(wanted)
    boundary = "none" if wanted.fields == ("pos",) else wanted.boundary
    found = {
        name: {"unit": _unit(recipe, name), "equation": equation.formula, "boundary": boundary}
        for name in wanted.fields
    }
    if recipe.sensors is not None and recipe.sensors.degraded:
        reports = {name: f"{name} as sensors report it, noise and gaps included" for name in wanted.fields}
        found |= {
            name + OBSERVED: {"unit": _unit(recipe, name), "equation": text, "boundary": ""}
            for name, text in reports.items()
        }
    return found


def parameter_units(recipe: Recipe) -> dict[str, str]:
    """The unit of every parameter of a recipe's file.

    Args:
        recipe: the recipe.

    Returns:
        parameter → unit.
    """
    if recipe.geodesics is not None:
        return distance_units()
    first = recipe.equation.fields[0]
    units = {"length": recipe.unit, "time": recipe.trajectories.time_unit, "field": _unit(recipe, first)}
    found = {name: unit_in(unit, units) for name, (_, unit) in specimen(recipe.equation).parameters().items()}
    if recipe.equation.flow in found:
        found[f"{recipe.equation.flow}{FACES}"] = found[recipe.equation.flow]
    if recipe.sensors is not None and recipe.sensors.degraded:
        found |= {f"{name}_noise": _unit(recipe, name) for name in recipe.equation.fields}
    return found


def _unit(recipe: Recipe, field: str) -> str:
    if field == "pos":
        return recipe.unit
    unit = recipe.equation.unit
    return unit if isinstance(unit, str) else unit.get(field, "1")
