"""Distances along surfaces; infinite, on purpose, where no path leads."""

from pdgn.geodesics.distance import geodesic_distance
from pdgn.geodesics.signed import signed_geodesic_distance

__all__ = ["geodesic_distance", "signed_geodesic_distance"]
