"""From an equation, a mesh and an initial state to a trajectory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.simulate.argument import finite_array, one_of, positive_integer, positive_number
from pdgn.simulate.equation import Equation
from pdgn.simulate.steppers import STEPPERS
from pdgn.simulate.substeps import Substeps
from pdgn.simulate.system import System
from pdgn.simulate.trajectory import Trajectory


def simulate(
    equation: Equation,
    mesh: TriMesh,
    initial: ArrayLike | Mapping[str, ArrayLike],
    dt: float,
    steps: int,
    *,
    method: str | None = None,
    substeps: str | int = "auto",
    record_every: int = 1,
) -> Trajectory:
    """Solve an equation on a mesh from an initial state, at `steps` equal steps of time.

    Explicit methods are kept inside the stability bound computed from the operator: with substeps "auto" each step is
    cut into as few equal substeps as the bound asks for (one for implicit methods), and into more from where the state
    of a nonlinear equation has outgrown it; see `Substeps`.

    Args:
        equation: what to solve; its default_method is used where no method is named.
        mesh: V vertices.
        initial: the state at time 0, [V] or [V, C], or name of field → such an array. For linear scalar equations the
            C columns are independent trajectories; where the mesh moves, it is the positions, [V, 3].
        dt: time of one step, above 0 [time].
        steps: number of steps, at least 1.
        method: a name in `STEPPERS`.
        substeps: "auto" or the number of substeps per step.
        record_every: keep every so many frames; must divide steps.

    Returns:
        The trajectory, T = steps / record_every + 1 frames, the initial state (with boundary values imposed) the first.

    Raises:
        TypeError: an argument of another type.
        ValueError: an argument out of range or of another shape, NaN, a mesh that cannot carry the equation, substeps
            that would be unstable (the message names the largest stable step), a state that does not stay finite.
    """
    dt, steps = positive_number("dt", dt), positive_integer("steps", steps)
    record_every = positive_integer("record_every", record_every)
    if steps % record_every:
        raise ValueError(f"record_every: wanted a divisor of steps = {steps}, got {record_every}")
    method = _checked_method(equation, method)
    system = equation.discretize(mesh)
    state = system.pack(_initial_fields(equation, mesh, initial))
    cut = Substeps(system, state, method, dt, substeps)
    frames = {name: np.empty((steps // record_every + 1, *array.shape)) for name, array in system.unpack(state).items()}
    _record(frames, 0, system, state)
    with np.errstate(over="ignore", invalid="ignore"):  # a state that is not finite is reported below, once
        for index in range(1, steps + 1):
            state = cut.advance((index - 1) * dt, state)
            if not np.isfinite(state).all():
                raise ValueError(f"{equation!r}: wanted finite states, got NaN or infinity at time {index * dt:g}")
            if index % record_every == 0:
                _record(frames, index // record_every, system, state)
    time = np.arange(0, steps + 1, record_every) * np.float64(dt)
    return Trajectory(time, frames, dt * record_every, method, cut.count)


def stable_step(
    equation: Equation,
    mesh: TriMesh,
    method: str | None = None,
    initial: ArrayLike | Mapping[str, ArrayLike] | None = None,
) -> float:
    """The largest step for which a method is stable for this equation on this mesh.

    Args:
        equation: the equation.
        mesh: the mesh.
        method: a name in `STEPPERS`; None for the equation's default.
        initial: the initial state, on which the bound of a nonlinear equation depends; linear ones need none.

    Returns:
        The step [time]: infinite for implicit methods, 0 where no step is stable.
    """
    name = _checked_method(equation, method)
    system = equation.discretize(mesh)
    if initial is None:
        initial = {field: mesh.pos if field == "pos" else np.zeros(mesh.num_vertices) for field in equation.fields}
    return STEPPERS[name].stable_step(system, system.pack(_initial_fields(equation, mesh, initial)))


def _checked_method(equation: Equation, method: str | None) -> str:
    if not isinstance(equation, Equation):
        raise TypeError(f"equation: wanted an Equation, got {type(equation).__name__}")
    return one_of("method", equation.default_method if method is None else method, list(STEPPERS))


def _initial_fields(
    equation: Equation, mesh: TriMesh, initial: ArrayLike | Mapping[str, ArrayLike]
) -> dict[str, NDArray[np.float64]]:
    if not isinstance(initial, Mapping):
        if len(equation.fields) > 1:
            raise ValueError(f"initial: wanted a mapping with fields {', '.join(equation.fields)}, got one array")
        initial = {equation.fields[0]: initial}
    if set(initial) != set(equation.fields):
        raise ValueError(f"initial: wanted fields {', '.join(equation.fields)}, got {', '.join(initial) or 'none'}")
    vertices = mesh.num_vertices
    fields = {}
    for name in equation.fields:
        array = finite_array(f"initial {name}", initial[name], [(vertices,), (vertices, None)])
        if not array.size:
            raise ValueError(f"initial {name}: wanted at least one column, got shape {list(array.shape)}")
        fields[name] = array.reshape(vertices, -1)
    return fields


def _record(frames: dict[str, NDArray[np.float64]], index: int, system: System, state: NDArray[np.float64]) -> None:
    for name, array in system.unpack(state).items():
        frames[name][index] = array
