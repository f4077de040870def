"""Equations on surfaces, time steppers, initial states and exact solutions."""

from pdgn.simulate.coefficients import (
    plane_coefficients,
    random_conductivity,
    random_face_velocity,
    random_velocity,
    rotation_velocity,
    stream_velocity,
    vertex_velocity,
)
from pdgn.simulate.convection_diffusion import ConvectionDiffusion, tangential
from pdgn.simulate.eigenfunctions import eigenfunctions
from pdgn.simulate.equation import Equation, Parameter
from pdgn.simulate.heat import Heat
from pdgn.simulate.initial_state import gaussian_bumps, random_eigenfunctions, random_fourier
from pdgn.simulate.simulator import simulate, stable_step
from pdgn.simulate.spectrum import Spectrum
from pdgn.simulate.stepper import STEPPERS, RungeKutta, Stepper, Theta
from pdgn.simulate.system import LinearSystem, System
from pdgn.simulate.trajectory import Trajectory

__all__ = [
    "STEPPERS",
    "ConvectionDiffusion",
    "Equation",
    "Heat",
    "LinearSystem",
    "Parameter",
    "RungeKutta",
    "Spectrum",
    "Stepper",
    "System",
    "Theta",
    "Trajectory",
    "eigenfunctions",
    "gaussian_bumps",
    "plane_coefficients",
    "random_conductivity",
    "random_eigenfunctions",
    "random_face_velocity",
    "random_fourier",
    "random_velocity",
    "rotation_velocity",
    "simulate",
    "stable_step",
    "stream_velocity",
    "tangential",
    "vertex_velocity",
]
