"""Layers of physics-aware difference graph networks; they depend on torch and torch-geometric alone."""

from pdgn.nn.difference_graph import DifferenceGraph, DifferenceGraphFeatures
from pdgn.nn.difference_weights import DifferenceWeights
from pdgn.nn.edge_block import EdgeBlock
from pdgn.nn.edge_linear import EdgeLinear
from pdgn.nn.fixed_difference import FixedDifferenceLayer
from pdgn.nn.gated_update import GatedUpdate
from pdgn.nn.node_block import NodeBlock
from pdgn.nn.polynomial_difference import PolynomialDifferenceLayer
from pdgn.nn.polynomial_reference import PolynomialReference
from pdgn.nn.recurrent import RecurrentGraphNetwork, RecurrentState
from pdgn.nn.spatial_difference import SpatialDifferenceLayer, spatial_difference
from pdgn.nn.weight_network import WeightNetwork

__all__ = [
    "DifferenceGraph",
    "DifferenceGraphFeatures",
    "DifferenceWeights",
    "EdgeBlock",
    "EdgeLinear",
    "FixedDifferenceLayer",
    "GatedUpdate",
    "NodeBlock",
    "PolynomialDifferenceLayer",
    "PolynomialReference",
    "RecurrentGraphNetwork",
    "RecurrentState",
    "SpatialDifferenceLayer",
    "WeightNetwork",
    "spatial_difference",
]
