"""Equations on surfaces, time steppers, initial states and exact solutions."""

from pdgn.simulate.bumps import gaussian_bumps, geodesic_bumps
from pdgn.simulate.coefficients import plane_coefficients, random_conductivity
from pdgn.simulate.eigenfunctions import eigenfunctions
from pdgn.simulate.equation import Equation, Parameter
from pdgn.simulate.equations import EQUATIONS, find_equations
from pdgn.simulate.equations.allen_cahn import AllenCahn
from pdgn.simulate.equations.burgers import Burgers
from pdgn.simulate.equations.cahn_hilliard import CahnHilliard
from pdgn.simulate.equations.convection import Convection
from pdgn.simulate.equations.convection_diffusion import ConvectionDiffusion
from pdgn.simulate.equations.curve_shortening import CurveShortening
from pdgn.simulate.equations.fisher_kpp import FisherKPP
from pdgn.simulate.equations.fitzhugh_nagumo import FitzHughNagumo
from pdgn.simulate.equations.gray_scott import GrayScott
from pdgn.simulate.equations.heat import Heat
from pdgn.simulate.equations.mean_curvature_flow import MeanCurvatureFlow
from pdgn.simulate.equations.sixth_order_flow import SixthOrderFlow
from pdgn.simulate.equations.surface_diffusion import SurfaceDiffusion
from pdgn.simulate.equations.wave import Wave
from pdgn.simulate.imex import ImexRungeKutta
from pdgn.simulate.initial_state import random_eigenfunctions, random_fourier
from pdgn.simulate.level_set_states import level_set_distance, level_set_states
from pdgn.simulate.poisson import solve_poisson
from pdgn.simulate.problem import Problem
from pdgn.simulate.random_velocity import random_face_velocity, random_velocity
from pdgn.simulate.reaction_diffusion import ReactionDiffusion
from pdgn.simulate.runge_kutta import RungeKutta
from pdgn.simulate.runge_kutta_chebyshev import RungeKuttaChebyshev
from pdgn.simulate.semi_implicit import SemiImplicit
from pdgn.simulate.semilinear_system import SemilinearSystem, Splitting
from pdgn.simulate.simulator import simulate, stable_step
from pdgn.simulate.spectrum import Spectrum
from pdgn.simulate.stepper import Stepper
from pdgn.simulate.steppers import STEPPERS
from pdgn.simulate.surface_flow import SurfaceFlow
from pdgn.simulate.system import LinearSystem, System
from pdgn.simulate.tangential import tangential
from pdgn.simulate.theta import Theta
from pdgn.simulate.trajectory import Trajectory
from pdgn.simulate.velocity import potential_velocity, rotation_velocity, stream_velocity, vertex_velocity

__all__ = [
    "EQUATIONS",
    "STEPPERS",
    "AllenCahn",
    "Burgers",
    "CahnHilliard",
    "Convection",
    "ConvectionDiffusion",
    "CurveShortening",
    "Equation",
    "FisherKPP",
    "FitzHughNagumo",
    "GrayScott",
    "Heat",
    "ImexRungeKutta",
    "LinearSystem",
    "MeanCurvatureFlow",
    "Parameter",
    "Problem",
    "ReactionDiffusion",
    "RungeKutta",
    "RungeKuttaChebyshev",
    "SemiImplicit",
    "SemilinearSystem",
    "SixthOrderFlow",
    "Spectrum",
    "Splitting",
    "Stepper",
    "SurfaceDiffusion",
    "SurfaceFlow",
    "System",
    "Theta",
    "Trajectory",
    "Wave",
    "eigenfunctions",
    "find_equations",
    "gaussian_bumps",
    "geodesic_bumps",
    "level_set_distance",
    "level_set_states",
    "plane_coefficients",
    "potential_velocity",
    "random_conductivity",
    "random_eigenfunctions",
    "random_face_velocity",
    "random_fourier",
    "random_velocity",
    "rotation_velocity",
    "simulate",
    "solve_poisson",
    "stable_step",
    "stream_velocity",
    "tangential",
    "vertex_velocity",
]
