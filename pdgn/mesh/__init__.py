"""Triangle meshes and sensor graphs."""

from pdgn.mesh.graphs import delaunay_graph, knn_graph
from pdgn.mesh.period import minimal_image
from pdgn.mesh.sampling import farthest_point_sample, random_sample
from pdgn.mesh.shapes import bumpy_sphere, grid, icosphere, torus
from pdgn.mesh.topology import Topology
from pdgn.mesh.tri_mesh import TriMesh

__all__ = [
    "Topology",
    "TriMesh",
    "bumpy_sphere",
    "delaunay_graph",
    "farthest_point_sample",
    "grid",
    "icosphere",
    "knn_graph",
    "minimal_image",
    "random_sample",
    "torus",
]
