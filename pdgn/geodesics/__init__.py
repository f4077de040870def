"""Distances along surfaces; infinite, on purpose, where no path leads."""

from pdgn.geodesics.curve import Curve
from pdgn.geodesics.distance import distance_to_set, distance_to_sets, geodesic_distance
from pdgn.geodesics.graphs import GeodesicGraph, geodesic_edge_length, geodesic_knn_graph
from pdgn.geodesics.level_sets import area_above, level_set_curves
from pdgn.geodesics.random_curves import random_curves
from pdgn.geodesics.signed import signed_geodesic_distance, signed_geodesic_distances

__all__ = [
    "Curve",
    "GeodesicGraph",
    "area_above",
    "distance_to_set",
    "distance_to_sets",
    "geodesic_distance",
    "geodesic_edge_length",
    "geodesic_knn_graph",
    "level_set_curves",
    "random_curves",
    "signed_geodesic_distance",
    "signed_geodesic_distances",
]
