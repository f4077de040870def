"""Discrete differential operators on triangle meshes; the sign of each is stated."""

from pdgn.operators.convection import ConvectionWeights
from pdgn.operators.difference import edge_difference, reference_weights, sensor_reference_weights
from pdgn.operators.gradient import divergence, face_mass, gradient
from pdgn.operators.mass import mass
from pdgn.operators.moving_least_squares import k_hop_graph, moving_least_squares, taylor_monomials
from pdgn.operators.stiffness import cotangent, stiffness

__all__ = [
    "ConvectionWeights",
    "cotangent",
    "divergence",
    "edge_difference",
    "face_mass",
    "gradient",
    "k_hop_graph",
    "mass",
    "moving_least_squares",
    "reference_weights",
    "sensor_reference_weights",
    "stiffness",
    "taylor_monomials",
]
