"""What is drawn at random for a block: coefficients of the equation, initial states."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.cli.equation_recipe import PLANE, EquationRecipe
from pdgn.cli.recipe import Recipe
from pdgn.mesh import TriMesh
from pdgn.operators import mass
from pdgn.simulate import (
    ConvectionDiffusion,
    Equation,
    gaussian_bumps,
    geodesic_bumps,
    level_set_states,
    plane_coefficients,
    random_conductivity,
    random_eigenfunctions,
    random_face_velocity,
    random_fourier,
    vertex_velocity,
)

Array = NDArray[np.float64]
FACES = "_faces"  # what the name of a parameter on faces ends with


class Coefficients(NamedTuple):
    """What varies from block to block.

    Args:
        numbers: arguments drawn from `ranges`.
        diffusivity: [V], where it varies over the surface.
        flow: [F, 3] the velocity on faces, where the equation takes one.
    """

    numbers: dict[str, float]
    diffusivity: Array | None
    flow: Array | None


def draw_coefficients(wanted: EquationRecipe, mesh: TriMesh, generator: np.random.Generator) -> Coefficients:
    """The random coefficients of a block.

    Args:
        wanted: the equation's part of the recipe.
        mesh: the surface.
        generator: the block's own.

    Returns:
        The coefficients.

    Raises:
        ValueError: a coefficient is out of range, or the mesh cannot carry it.
    """
    numbers = {name: float(generator.uniform(low, high)) for name, (low, high) in wanted.ranges.items()}
    diffusivity = flow = None
    if wanted.contrast != 1:
        mean = float(given_options(wanted).get("diffusivity", 1.0))
        diffusivity = random_conductivity(mesh, generator, contrast=wanted.contrast, mean=mean)
    if wanted.flow is not None:
        # On faces, where it is free of divergence to round-off unless told otherwise; models see it at the vertices.
        flow = random_face_velocity(
            mesh, generator, num_modes=wanted.velocity_modes, speed=1.0 if wanted.speed is None else wanted.speed,
            gradient_share=wanted.gradient_share,
        )  # fmt: skip
    return Coefficients(numbers, diffusivity, flow)


def given_options(wanted: EquationRecipe) -> dict[str, Any]:
    """The arguments of the equation that the recipe fixes."""
    fixed = {} if wanted.diffusivity is None else {"diffusivity": wanted.diffusivity}
    return {**fixed, **wanted.options}


def make_equation(wanted: EquationRecipe, mesh: TriMesh, coefficients: Coefficients) -> Equation:
    """The equation of a block.

    Args:
        wanted: the equation's part of the recipe.
        mesh: V vertices, F faces.
        coefficients: on this mesh.

    Returns:
        The equation.

    Raises:
        ValueError: "plane" on another mesh than the periodic square of side 2π, or an argument out of range.
    """
    if wanted.name == PLANE:
        if not np.allclose(mesh.period or 0.0, (2 * np.pi, 2 * np.pi, 0.0)):
            raise ValueError("equation.name: 'plane' wants a periodic grid of size [6.283185307179586, "
                             f"6.283185307179586] (2π), given a mesh of period {mesh.period}")  # fmt: skip
        return ConvectionDiffusion(*plane_coefficients(mesh.pos), form="advective")
    arguments: dict[str, Any] = {**given_options(wanted), **coefficients.numbers}
    if coefficients.diffusivity is not None:
        arguments["diffusivity"] = coefficients.diffusivity
    if wanted.flow is not None:
        arguments[wanted.flow] = coefficients.flow
    return construct(wanted, arguments)


def construct(wanted: EquationRecipe, arguments: dict[str, Any]) -> Equation:
    """The equation with these arguments and, where it knows of boundaries, the recipe's.

    Raises:
        ValueError: an argument that the equation refuses.
    """
    if "boundary" in inspect.signature(wanted.kind).parameters:
        arguments = {**arguments, "boundary": wanted.boundary}
    try:
        return wanted.kind(**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"equation '{wanted.name}': {error}") from error


def specimen(wanted: EquationRecipe) -> Equation:
    """An equation of the recipe's kind without a mesh, to ask for its formula and the units of its parameters.

    Args:
        wanted: the equation's part of the recipe.

    Returns:
        The equation, its flow zero, its ranges at their lower ends.

    Raises:
        ValueError: an argument that the equation refuses.
    """
    if wanted.name == PLANE:
        return ConvectionDiffusion(np.zeros((1, 3)), form="advective")
    lowest = {name: bounds[0] for name, bounds in wanted.ranges.items()}
    highest = {name: bounds[1] for name, bounds in wanted.ranges.items()}
    flow = {} if wanted.flow is None else {wanted.flow: np.zeros((1, 3))}
    construct(wanted, {**given_options(wanted), **highest, **flow})
    return construct(wanted, {**given_options(wanted), **lowest, **flow})


def stored_parameters(equation: Equation, mesh: TriMesh, count: int) -> dict[str, np.ndarray]:
    """The coefficients of a block as the file holds them.

    Args:
        equation: the equation of the block.
        mesh: V vertices, F faces.
        count: n, trajectories in the block.

    Returns:
        Name → [n] float64 for a number, [n, V, 1] or [n, V, 3] float32 for a field, at the vertices; a velocity on
        faces is kept as it is too, [n, F, 3] float32 by the name <name>_faces.
    """
    found: dict[str, np.ndarray] = {}
    for name, (value, _) in equation.parameters().items():
        array = np.asarray(value, dtype=np.float64)
        if array.ndim == 0:
            found[name] = np.repeat(array, count)
            continue
        if array.ndim == 1:
            array = array[:, None]
        if len(array) != mesh.num_vertices:
            if array.shape[1] == 3:  # a mean at vertices does not say what flows through an edge; the faces do
                found[name + FACES] = np.repeat(array[None].astype(np.float32), count, axis=0)
            array = vertex_velocity(mesh, array) if array.shape[1] == 3 else _at_vertices(mesh, array)
        found[name] = np.repeat(array[None].astype(np.float32), count, axis=0)
    return found


def _at_vertices(mesh: TriMesh, values: Array) -> Array:
    """Values on faces [F, C] averaged to vertices by area."""
    weighted = np.repeat(values * mesh.face_area[:, None] / 3, 3, axis=0)
    total = [np.bincount(mesh.face.ravel(), column, mesh.num_vertices) for column in weighted.T]
    return np.stack(total, axis=1) / mass(mesh).diagonal()[:, None]


def draw_patterns(recipe: Recipe, mesh: TriMesh, count: int, generator: np.random.Generator) -> Array:
    """The random patterns from which the initial states of a block are made.

    Args:
        recipe: the recipe.
        mesh: the surface.
        count: how many.
        generator: the block's own.

    Returns:
        [V, count].

    Raises:
        ValueError: "fourier" on a mesh that is not periodic, or an option out of range.
    """
    wanted = recipe.initial
    if wanted.name == "fourier":
        if mesh.period is None or not (mesh.period[0] and mesh.period[1]):
            raise ValueError(f"initial.name: 'fourier' wants a periodic grid, given a mesh of period {mesh.period}")
        return random_fourier(mesh.pos, count, generator, max_wavenumber=wanted.modes, size=mesh.period[:2])
    if wanted.name == "bumps":
        return gaussian_bumps(mesh, count, generator, num_bumps=wanted.modes, width=wanted.width)
    if wanted.name == "geodesic_bumps":
        return geodesic_bumps(mesh, count, generator, num_bumps=wanted.modes, width=wanted.width)
    modes: dict[str, Any] = {"num_modes": wanted.modes, "decay": wanted.decay}
    if wanted.name == "level_set":
        return level_set_states(mesh, count, generator, width=wanted.width, profile=wanted.profile, **modes)
    return random_eigenfunctions(mesh, count, generator, boundary=recipe.equation.boundary, **modes)
