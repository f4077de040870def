"""Substeps follow states that grow: what flows in, what compresses, what runs away."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid
from pdgn.simulate import AllenCahn, Burgers, FitzHughNagumo, Heat, simulate, stable_step

PLATE = grid(9, 9)
REST = np.zeros(PLATE.num_vertices)


def compressed(viscosity: float) -> tuple[Burgers, TriMesh, np.ndarray]:
    """A direction towards (0, 0), about which u grows, and its mesh and start."""
    mesh = grid(12, 12, (2 * np.pi, 2 * np.pi), periodic=True)
    x, y, _ = mesh.pos.T
    return Burgers(np.stack([-np.sin(x), -np.sin(y), 0 * x], axis=1), viscosity), mesh, 1 + 0.1 * np.cos(x)


@pytest.mark.parametrize("case", ["inflow", "compression"])
def test_a_state_that_outgrows_its_bound_takes_more_substeps_and_is_right(case):
    if case == "inflow":  # up to 3.2, where the bound of the start was computed for 1.2
        equation, mesh, start = AllenCahn(0.1, boundary_value=1.0), PLATE, REST
    else:
        equation, mesh, start = compressed(0.5)
    dt = min(0.9 * stable_step(equation, mesh, None, start), 0.5)
    trajectory = simulate(equation, mesh, start, dt, 12)
    last = trajectory.fields["u"][-1]
    assert 4 < trajectory.substeps < 256
    assert dt / trajectory.substeps <= stable_step(equation, mesh, None, last)
    exact = simulate(equation, mesh, start, dt, 12, substeps=16 * trajectory.substeps).fields["u"]
    # The error in time of steps near the bound: measured 7e-3 and 8e-5. With the substeps of the start throughout:
    # NaN, and 2e-3 (on a finer plate, a finite answer wrong by its own size).
    assert (
        np.abs(trajectory.fields["u"] - exact).max() < {"inflow": 2e-2, "compression": 5e-4}[case] * np.abs(exact).max()
    )


def test_substeps_asked_for_are_refused_once_the_state_has_outgrown_them():
    with pytest.raises(
        ValueError, match=r"got dt/substeps = 0.5; the largest stable step is .* at time 0.5 \("
    ) as caught:
        simulate(AllenCahn(0.1, boundary_value=1.0), PLATE, REST, 0.5, 8, substeps=1)
    assert "\n" not in str(caught.value)


def test_a_state_that_runs_away_ends_in_one_line():
    equation, mesh, start = compressed(0.02)  # u_t = u² at (0, 0): infinite after a time of 1
    with pytest.raises(ValueError, match="at time [12]") as caught:
        simulate(equation, mesh, start, 0.25, 16)
    assert "\n" not in str(caught.value)


def test_states_that_stay_where_they_should_keep_their_substeps():
    equation = FitzHughNagumo()
    start = equation.start(PLATE, 3 * np.cos(5 * PLATE.pos[:, :1]))
    count = np.ceil(0.5 / stable_step(equation, PLATE, None, start))
    assert simulate(equation, PLATE, start, 0.5, 20).substeps == count


def test_a_step_of_more_substeps_than_anyone_waits_for_is_refused():
    with pytest.raises(
        ValueError, match="dt: wanted a step of at most 1e\\+08 substeps, got dt = 1e\\+300, of which rk4"
    ):
        simulate(Heat(), PLATE, REST, 1e300, 1, method="rk4")
