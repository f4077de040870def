"""What each experiment's table shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from experiments.dataset import PLANE
from experiments.rows import ABLATED, ABLATIONS, CAPS, EQUATIONS, LONGER
from experiments.scores import NAN, Spread, at_step, diverged, mean_of_meshes, total

Result = Mapping[str, Any]
SEEN = ("sphere", "bumpy_0", "bumpy_1", "bumpy_2")
END = "end_relative_l2"


class Column(NamedTuple):
    """A column of numbers, the smaller the better.

    Args:
        title: its head.
        value: of the metrics of a row.
        percent: shown as a share.
        ranked: the best one in bold.
    """

    title: str
    value: Callable[[Result], float]
    percent: bool = False
    ranked: bool = True


class Section(NamedTuple):
    """An experiment in the report.

    Args:
        experiment: its name in the matrix.
        title: its heading.
        text: what it is and in which units.
        columns: of its table.
        also: (experiment, model) whose rows its table begins with.
    """

    experiment: str
    title: str
    text: str
    columns: tuple[Column, ...]
    also: tuple[str, str] | None = None


def _mae(step: int) -> Callable[[Result], float]:
    return lambda result: at_step(result, "test", "all", "mae", step)


def _whole_mae(result: Result) -> float:
    return total(result, "test", "all", "mae")


def _in_deviations(result: Result) -> float:
    """The MAE in standard deviations of the training signal, as `science.md` and others quote it."""
    return _whole_mae(result) / result["training"]["signal_std"][0] if "training" in result else NAN


def _mesh(test: str, *meshes: str) -> Callable[[Result], float]:
    return lambda result: mean_of_meshes(result, test, meshes, END)


def _directional(name: str) -> Callable[[Result], float]:
    return lambda result: 100 * float(result.get("scores", {}).get(name, NAN))


PLANE_COLUMNS = (
    Column("MAE after 1 step", _mae(1)),
    Column("after 5", _mae(5)),
    Column("after 15", _mae(15)),
    Column("mean of 15 steps", _whole_mae),
    Column("the same in σ", _in_deviations),
)
STATION_COLUMNS = (
    Column("MAE after 1 h", _mae(1)),
    Column("after 6 h", _mae(6)),
    Column("after 12 h", _mae(12)),
    Column("mean of 12 h", _whole_mae),
)
SURFACE_COLUMNS = (
    Column("unseen states", _mesh("test", *SEEN)),
    Column("unseen surface", _mesh("test", "unseen_bumpy")),
    Column("coarser", _mesh("test", "sphere_coarser")),
    Column("finer", _mesh("test", "sphere_finer")),
    Column("re-triangulated", _mesh("test", "sphere_retriangulated")),
    Column("spot", _mesh("real", "spot")),
    Column("homer", _mesh("real", "homer")),
    Column("diverged", lambda result: diverged(result)[0], percent=True, ranked=False),
    Column("first at", lambda result: diverged(result)[1], ranked=False),
)
DIRECTIONAL_COLUMNS = tuple(
    Column(f"{name}, MSE × 10²", _directional(name)) for name in ("0.1x²+0.5y²", "sin x+cos y", "sphere, degree 3")
)
PLANE_TEXT = (
    "Convection–diffusion on the periodic square (`datasets/plane.yaml`), {what}; five frames observed, fifteen "
    "predicted, 150 test sequences. The seed draws sensors and weights. MAE in units of f; in the last column in "
    "standard deviations σ of the training signal."
)
SURFACE_TEXT = (
    "{what}, trained on a sphere and three bumpy spheres (642 vertices each), three frames observed, five predicted in "
    "validation (and in training, but for models that are trained on single steps), fifty in the test. Relative L2 "
    "error at the end of the roll-out, capped at 10 where a roll-out has diverged (past 10, or not finite); `first at` "
    "is the earliest time at which one did. Truth is simulated on {truth}."
)
OWN, REFINED = (
    "the mesh that the model sees",
    "that mesh with every face cut in sixteen, whose discretisation nobody shares",
)
EQUATION_TITLES = {
    "heat": "Heat with a varying conductivity",
    "convection_diffusion": "Convection–diffusion with random flows and conductivities",
    "fitzhugh_nagumo": "FitzHugh–Nagumo",
    "wave": "Damped waves",
    "fisher_kpp": "Fisher–KPP",
    "gray_scott": "Gray–Scott",
    "cahn_hilliard": "Cahn–Hilliard",
    "heat_refined": "Heat as above, truth from finer meshes",
}
PLANE_WHAT = {
    "plane_250": "250 sensors, four nearest neighbours",
    "plane_100": "100 sensors, four nearest neighbours",
    "plane_150": "150 sensors, four nearest neighbours",
    "plane_delaunay": "250 sensors, Delaunay graph (of the plane: no edge crosses the period)",
}


def sections() -> list[Section]:
    """All experiments, in the order of the report."""
    found = [
        Section(
            "directional", "1. Directional derivatives",
            "Test MSE × 10² on edges of 4-nearest-neighbour graphs of 200 scattered points; the function on the sphere "
            "is a harmonic of degree 3. `mlp` to `sdl` are the published rows with their authors' hyper-parameters "
            "(ReLU, weight decay 5e-4, a look at the validation edges every fiftieth epoch, no distance for `mlp`, "
            "w f_j − f_i for `one-weight`). With `-silu` they have SiLU, no decay, a look every epoch, the distance "
            "and w (f_j − f_i): what ours is trained with.",
            DIRECTIONAL_COLUMNS,
        )
    ]  # fmt: skip
    found += [
        Section(name, f"2. Plane, {PLANE_WHAT[name].partition(' (')[0]}", PLANE_TEXT.format(what=what), PLANE_COLUMNS)
        for name, what in PLANE_WHAT.items()
        if name in PLANE
    ]
    stations = (
        "Hourly {what} of Météo-France stations in Brittany, 12 hours observed and 12 predicted, four days held out."
    )
    found += [
        Section(
            "stations", "3. Stations, air temperature [K]", stations.format(what="air temperature"), STATION_COLUMNS
        ),
        Section("wind", "3. Stations, wind speed [m/s]", stations.format(what="wind speed"), STATION_COLUMNS),
    ]
    found += [
        Section(name, f"4. Surfaces, {EQUATION_TITLES[name].lower()}", _about(name), SURFACE_COLUMNS)
        for name in EQUATIONS
    ]  # fmt: skip
    found += [
        Section(
            name, f"4. Surfaces, {EQUATION_TITLES[problem].lower()}: longer training",
            f"Cap of {CAPS[name]:g} minutes of processor time in place of ten; ours, which patience ended there, is "
            f"that of the table of ten. {_about(problem)}",
            SURFACE_COLUMNS, also=(problem, "ours"),
        )
        for name, problem in LONGER.items()
    ]  # fmt: skip
    text = "`{model}` as it is, and with one thing changed at a time (`experiments/models.yaml` says what). "
    for name, problem in ABLATIONS.items():
        titles, about, columns = (
            (EQUATION_TITLES, _about(problem), SURFACE_COLUMNS) if problem in EQUATIONS
            else (PLANE_WHAT, PLANE_TEXT.format(what=PLANE_WHAT[problem]), PLANE_COLUMNS)
        )  # fmt: skip
        model = ABLATED[name]
        title = f"5. Ablations of {model}, {titles[problem].lower()}"
        told = text.format(model=model)
        if name in CAPS:
            told += f"Cap of {CAPS[name]:g} minutes of processor time a row. "
        found.append(Section(name, title, told + about, columns, also=None if name in CAPS else (problem, model)))
    return found


def _about(equation: str) -> str:
    truth = REFINED if equation.endswith("_refined") else OWN
    return SURFACE_TEXT.format(what=EQUATION_TITLES[equation], truth=truth)


def best(values: Mapping[str, Spread]) -> set[str]:
    """The names of the smallest mean and of those at most its deviation above it; none where there are not two."""
    known = {name: value for name, value in values.items() if math.isfinite(value.mean)}
    if len(known) < 2:
        return set()
    least = min(known.values(), key=lambda value: value.mean)
    within = 0.0 if math.isnan(least.deviation) else least.deviation
    return {name for name, value in known.items() if value.mean <= least.mean + within}
