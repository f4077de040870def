"""The abstract equation leaves room for nonlinear equations and for several fields."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from pdgn.mesh import grid, icosphere
from pdgn.operators import mass
from pdgn.simulate import ConvectionDiffusion, Equation, Heat, Spectrum, System, simulate
from pdgn.simulate.exact import real_spherical_harmonic


class LogisticSystem(System):
    def __init__(self, heat):
        self.heat = heat

    def pack(self, fields):
        return self.heat.pack(fields)

    def unpack(self, state):
        return self.heat.unpack(state)

    def rate(self, time, state):
        return self.heat.rate(time, state) + state * (1 - state)

    def spectrum(self, state=None):
        return Spectrum(self.heat.spectrum().decay + 1)


class Logistic(Equation):
    fields: ClassVar[tuple[str, ...]] = ("u",)
    default_method: ClassVar[str] = "rk4"
    boundary = "neumann"
    formula = "u_t = laplacian u + u (1 - u)"
    conserved = ()

    def parameters(self):
        return {}

    def discretize(self, mesh):
        return LogisticSystem(Heat(1.0).discretize(mesh))


class WaveSystem(System):
    def __init__(self, heat):
        self.heat, self.size = heat, len(heat.mass)

    def pack(self, fields):
        return np.concatenate([fields["u"], fields["velocity"]])

    def unpack(self, state):
        return {"u": state[: self.size], "velocity": state[self.size :]}

    def rate(self, time, state):
        return np.concatenate([state[self.size :], self.heat.rate(time, state[: self.size])])

    def spectrum(self, state=None):
        return Spectrum(0.0, np.sqrt(self.heat.spectrum().decay))


class SecondOrder(Logistic):
    fields: ClassVar[tuple[str, ...]] = ("u", "velocity")

    def discretize(self, mesh):
        return WaveSystem(Heat(1.0).discretize(mesh))


def test_a_nonlinear_equation_runs_through_the_same_simulator():
    mesh = icosphere(2)
    trajectory = simulate(Logistic(), mesh, np.full(mesh.num_vertices, 0.1), 0.1, 20)
    exact = 1 / (1 + 9 * np.exp(-trajectory.time))
    assert np.abs(trajectory.fields["u"][:, :, 0] - exact[:, None]).max() < 1e-6  # fourth order, substeps of 0.02
    with pytest.raises(TypeError, match="wanted a LinearSystem, got LogisticSystem; use rk4"):
        simulate(Logistic(), mesh, np.full(mesh.num_vertices, 0.1), 0.1, 1, method="crank_nicolson")


class ForcedSystem(LogisticSystem):
    def rate(self, time, state):
        return np.full_like(state, np.cos(time))

    def spectrum(self, state=None):
        return Spectrum(20.0)


class Forced(Logistic):
    def discretize(self, mesh):
        return ForcedSystem(Heat(1.0).discretize(mesh))


def test_the_right_hand_side_may_depend_on_time():
    mesh = icosphere(0)
    trajectory = simulate(Forced(), mesh, np.zeros(12), 0.25, 8)
    assert trajectory.substeps == 2
    # Simpson's rule with intervals of 0.125: (0.125)⁴/2880 · 2 = 2e-7.
    np.testing.assert_allclose(trajectory.fields["u"][:, 0, 0], np.sin(trajectory.time), atol=3e-7)


def test_an_equation_of_two_fields_runs_through_the_same_simulator():
    mesh = icosphere(3)
    harmonic = real_spherical_harmonic(mesh.pos, 2, 0)
    start = {"u": harmonic, "velocity": 0 * harmonic}
    trajectory = simulate(SecondOrder(), mesh, start, 0.05, 40)
    weight = mass(mesh).diagonal() * harmonic
    amplitude = trajectory.fields["u"][:, :, 0] @ weight / (harmonic @ weight)
    assert np.abs(amplitude - np.cos(np.sqrt(6) * trajectory.time)).max() < 0.03  # eigenvalue off by 0.6 %: phase 0.014
    assert trajectory.fields["velocity"].shape == trajectory.fields["u"].shape == (41, mesh.num_vertices, 1)
    with pytest.raises(ValueError, match="initial: wanted a mapping with fields u, velocity, got one array"):
        simulate(SecondOrder(), mesh, harmonic, 0.05, 1)
    with pytest.raises(ValueError, match="initial: wanted fields u, velocity, got u"):
        simulate(SecondOrder(), mesh, {"u": harmonic}, 0.05, 1)


def test_equations_say_what_they_are():
    mesh = grid(4, 4)
    still = np.zeros((mesh.num_vertices, 3))
    assert Heat(1.0).conserved == ("u",)
    assert Heat(1.0, "dirichlet").conserved == Heat(1.0, boundary_value=2.0).conserved == ()
    assert ConvectionDiffusion(still).conserved == ("u",)
    assert ConvectionDiffusion(still, form="advective").conserved == ()
    assert Heat(0.2).parameters()["diffusivity"] == (0.2, "length^2/time")
    assert ConvectionDiffusion(still).parameters()["velocity"].unit == "length/time"
    assert repr(Heat(0.2)) == "Heat(diffusivity=0.2, boundary='neumann')"
    assert repr(ConvectionDiffusion(still)) == (
        "ConvectionDiffusion(speed up to 0, form='conservative', boundary='neumann')"
    )
    assert repr(Heat(0.2, "dirichlet").discretize(mesh)) == "LinearSystem(u, 16 vertices, 12 fixed)"
