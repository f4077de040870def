"""Every recipe has a card whose numbers are those of the recipe, and a figure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from matplotlib import image

from pdgn.cli.generate import build_parser, recipe_of
from pdgn.cli.recipe import Recipe
from pdgn.cli.surfaces import places, surface

FOLDER = Path(__file__).resolve().parents[2] / "datasets"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
TABLES = {"stations", "noaa"}  # of readings: nothing is simulated
UNDRAWN = {"noaa"}  # nobody here has the files
ROWS = (
    "Equation", "Boundary", "Initial states", "Parameters", "Surfaces", "Trajectories", "How it is made", "Seed",
    "Time and size", "Fields and units",
)  # fmt: skip


def recipe(name: str) -> Recipe:
    return recipe_of(build_parser().parse_args(["--config", str(FOLDER / f"{name}.yaml"), "--output", "x.h5"]))


def card(name: str) -> dict[str, str]:
    """The rows of a card by their names."""
    lines = (FOLDER / f"{name}.md").read_text().splitlines()
    return dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", line)[0] for line in lines if re.match(r"\| \w", line))


def numbers(text: str) -> set[float]:
    """All numbers in a text, thousands with commas."""
    return {float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def test_every_card_belongs_to_a_recipe() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == NAMES
    assert {path.stem for path in (FOLDER / "figures").glob("*.png")} == set(NAMES) - UNDRAWN


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_everything(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n") and f"pdgn generate --config {name} --output data/{name}.h5" in text
    assert set(ROWS) <= set(card(name)), set(ROWS) - set(card(name))
    assert re.search(r"(processor time|minute|second).*; [\d.]+ MB", card(name)["Time and size"])
    if name in UNDRAWN:
        return
    figure = FOLDER / re.findall(r"^!\[.+\]\((figures/\w+\.png)\)$", text, re.MULTILINE)[0]
    assert figure.stem == name and figure.stat().st_size <= 150_000
    assert min(image.imread(figure).shape[:2]) > 150


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TABLES])
def test_the_numbers_of_a_card_are_those_of_its_recipe(name: str) -> None:
    wanted, rows = recipe(name), card(name)
    assert rows["Seed"] == str(wanted.seed)
    counts = wanted.trajectories if wanted.geodesics is None else wanted.geodesics
    said = rows["Trajectories"]
    assert f"({counts.train} train, {counts.valid} valid, {counts.test} test)" in said
    assert counts.train + counts.valid + counts.test in numbers(said) and counts.test in numbers(said)
    if wanted.geodesics is None:
        assert f"{wanted.trajectories.frames} frames, dt {wanted.trajectories.dt}" in said
    equation, parameters = wanted.equation, rows["Equation"] + rows["Parameters"]
    values = [value for value in equation.options.values() if isinstance(value, (int, float))]
    values += [bound for pair in equation.ranges.values() for bound in pair]
    values += [value for value in (equation.diffusivity, equation.speed) if value]
    values += [equation.contrast] if equation.contrast != 1 else []
    assert set(values) <= numbers(parameters), (values, parameters)
    if wanted.geodesics is None:
        assert wanted.initial.modes in numbers(rows["Initial states"].replace("(½, ¼)", ""))
    for unit in [equation.unit] if isinstance(equation.unit, str) else equation.unit.values():
        assert unit == "1" or unit.replace("^2", "²") in rows["Fields and units"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TABLES])
def test_the_sizes_of_a_card_are_those_of_its_surfaces(name: str) -> None:
    wanted, said = recipe(name), card(name)["Surfaces"]
    if any(entry.file is not None and not Path(entry.file).is_file() for entry in wanted.meshes):
        pytest.skip("no real meshes")
    for index, place in enumerate(places(wanted)):
        size = surface(wanted, index).num_vertices
        if place.network:
            assert wanted.sensors is not None and "200 × 200" in said and size == 40_000
            size = wanted.sensors.count
        known = said if place.variant is not None else said.replace("…", "")
        assert size in numbers(known), (place.name, size)
        stem = re.sub(r"_\d$", "", place.name) if place.variant is None else place.variant.removesuffix("d")
        assert stem.replace("retriangulate", "re-triangulated") in said or place.network
    areas = {entry.area for entry in wanted.meshes} - {None}
    assert areas <= numbers(said)
