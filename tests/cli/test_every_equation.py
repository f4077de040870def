"""A recipe takes any registered equation: the tests find new ones by themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.cli.equation_recipe import EquationRecipe
from pdgn.cli.generate import generate
from pdgn.cli.jobs import plan
from pdgn.cli.recipe import InitialRecipe, MeshRecipe, Recipe, TrajectoryRecipe
from pdgn.data import check_file
from pdgn.mesh import TriMesh
from pdgn.simulate import EQUATIONS, simulate

BUMPY = MeshRecipe("bumpy", "bumpy_sphere", options={"subdivisions": 2, "amplitude": 0.1})
SPHERE = MeshRecipe("sphere", "icosphere", options={"subdivisions": 1}, role="test")


def tiny(equation: EquationRecipe, **more: object) -> Recipe:
    counts = TrajectoryRecipe(train=2, valid=0, test=1, frames=4, dt=0.01)
    recipe = Recipe(
        "tiny", meshes=[BUMPY, SPHERE], equation=equation, initial=InitialRecipe(modes=9), trajectories=counts
    )
    return replace(recipe, **more)


@pytest.mark.parametrize("name", sorted(EQUATIONS))
def test_every_equation_makes_a_file_that_the_check_accepts(name: str, tmp_path: Path) -> None:
    recipe = tiny(EquationRecipe(name), unit="m")
    assert check_file(generate(recipe, tmp_path / "x.h5")) == []
    with h5py.File(tmp_path / "x.h5") as file:
        group = file["trajectories/bumpy"]
        assert sorted(group["fields"]) == sorted(EQUATIONS[name].fields)
        for field in group["fields"].values():
            assert field.shape[:3] == (3, 4, 162) and field.attrs["equation"]
            moved = np.abs(field[:, -1] - field[:, 0]).max()
            assert name == "wave" or moved > 1e-7 or np.all(field[:, 0] == 0), "nothing moves"
        parameters = {key: (array.shape, array.attrs["unit"]) for key, array in group["parameters"].items()}
    for shape, unit in parameters.values():
        assert shape[0] == 3 and unit
        # Every kind of quantity has got its unit.
        assert not {"length", "time", "field"} & set(unit.replace("^", " ").replace("/", " ").split())


def test_numbers_are_drawn_from_their_ranges_and_stored_with_their_units(tmp_path: Path) -> None:
    equation = EquationRecipe("fisher_kpp", options={"capacity": 2.0}, ranges={"rate": [1.0, 3.0]}, unit="mol/m^3")
    counts = TrajectoryRecipe(train=6, valid=0, test=0, frames=3, dt=0.1, block=2, time_unit="s")
    path = generate(tiny(equation, meshes=[BUMPY], trajectories=counts, unit="m"), tmp_path / "x.h5")
    with h5py.File(path) as file:
        group, mesh = file["trajectories/bumpy"], file["meshes/bumpy"]
        found = {name: array[()] for name, array in group["parameters"].items()}
        units = {name: array.attrs["unit"] for name, array in group["parameters"].items()}
        states, surface = group["fields/u"][()], TriMesh(mesh["pos"][()], mesh["face"][()])
    assert units == {"diffusivity": "m^2/s", "rate": "1/s", "capacity": "mol/m^3"}
    rate = found["rate"]
    assert np.all((rate >= 1) & (rate <= 3)) and len(set(rate)) == 3  # one for each block of two
    np.testing.assert_array_equal(found["capacity"], 2.0)
    for row in (0, 5):
        kind = EQUATIONS["fisher_kpp"](found["diffusivity"][row], rate=rate[row], capacity=2.0)
        again = simulate(kind, surface, states[row, 0, :, 0], dt=0.1, steps=2)
        # Float32 states, rounded once more at the end; values up to 2.
        np.testing.assert_allclose(again.fields["u"][:, :, 0], states[row, :, :, 0], atol=2e-6)


@pytest.mark.parametrize(
    "more, message",
    [
        ({"name": "fisher_kpp", "options": {"rat": 1.0}}, r"equation\.options\.rat: unknown, .*did you mean 'rate'"),
        (
            {"name": "fisher_kpp", "ranges": {"rate": [3.0, 1.0]}},
            r"ranges\.rate: wanted \[low, high\], given \[3\.0, 1\.0\]",
        ),
        ({"name": "fisher_kpp", "ranges": {"rate": [1.0]}}, r"ranges\.rate: wanted \[low, high\], finite, given"),
        (
            {"name": "fisher_kpp", "ranges": {"rate": [-1.0, 1.0]}},
            r"equation 'fisher_kpp': rate: wanted a number above 0",
        ),
        ({"name": "fisher_kpp", "options": {"rate": [1]}}, r"options\.rate: wanted a number, text, true or false"),
        (
            {"name": "heat", "diffusivity": 1.0, "options": {"diffusivity": 1.0}},
            r"argument of the equation once, be it in options, in ranges or by itself, given",
        ),
        ({"name": "cahn_hilliard", "diffusivity": 1.0}, r"diffusivity: wanted none, as 'cahn_hilliard' takes none"),
        ({"name": "cahn_hilliard", "contrast": 2.0}, r"contrast: wanted 1, as 'cahn_hilliard' takes no diffusivity"),
        (
            {"name": "gray_scott", "field": "w"},
            r"equation\.field: wanted null, as 'gray_scott' has fields u, v, given 'w'",
        ),
        ({"name": "gray_scott", "unit": {"w": "m"}}, r"equation\.unit\.w: wanted a field of u, v, given 'w'"),
        ({"name": "heet"}, r"equation\.name: wanted one of .*plane, given 'heet' \(did you mean 'heat'\?\)"),
    ],
)
def test_mistakes_are_one_line(more: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        plan(tiny(EquationRecipe(**more)))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
