"""Problems of small perturbations of a uniform state on the unit sphere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from pdgn.mesh import TriMesh, icosphere
from pdgn.operators import mass
from pdgn.simulate.equation import Equation, Fields
from pdgn.simulate.exact import real_spherical_harmonic
from pdgn.simulate.problem import Problem

# Terms of second order in it are lost beside the error in space, and round-off, 1e-16/1e-6, beside both.
AMPLITUDE = 1e-6


def small_mode(
    name: str,
    equation: Equation,
    uniform: Mapping[str, float],
    linear: Callable[[float], NDArray[np.float64]],
    *,
    dt: float,
    steps: int,
    tolerance: float,
    reason: str,
    degree: int = 2,
) -> Problem:
    """A spherical harmonic of amplitude 1e-6 in the first field, on a uniform steady state of the unit sphere.

    Its amplitudes q in all fields follow q' = A q with A = linear(λ), λ = l(l + 1): q(t) = exp(A t) (1, 0, ...).

    Args:
        name: what it is, for people.
        equation: with the parameters of the problem.
        uniform: field → the value of the steady state.
        linear: λ [1/length²] → A [fields, fields] [1/time], the derivative of the right-hand side for a mode with
            −Δφ = λφ.
        dt: time of one step.
        steps: number of steps.
        tolerance: bound of the error of the amplitude of the first field on the finest sphere (2,562 vertices).
        reason: where the tolerance comes from.
        degree: l.

    Returns:
        The problem; its number is the amplitude of the first field, 1 at the start.
    """
    first = equation.fields[0]

    def harmonic(mesh: TriMesh) -> NDArray[np.float64]:
        return real_spherical_harmonic(mesh.pos, degree, 1)

    def initial(mesh: TriMesh) -> dict[str, NDArray[np.float64]]:
        states = {field: np.full(mesh.num_vertices, uniform[field]) for field in equation.fields}
        states[first] = states[first] + AMPLITUDE * harmonic(mesh)
        return states

    def amplitude(mesh: TriMesh, fields: Fields, time: float) -> float:
        weight = mass(mesh).diagonal() * harmonic(mesh)
        return float(weight @ (fields[first][:, 0] - uniform[first]) / (weight @ harmonic(mesh)) / AMPLITUDE)

    generator = np.atleast_2d(linear(float(degree * (degree + 1))))
    return Problem(
        name,
        mesh=lambda level: icosphere(level + 2),
        equation=lambda mesh: equation,
        initial=initial,
        measure=amplitude,
        exact=lambda time: float(expm(generator * time)[0, 0]),
        dt=dt,
        steps=steps,
        tolerance=tolerance,
        reason=reason,
    )
