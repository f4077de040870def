"""Triangle meshes and sensor graphs."""

from pdgn.mesh.files import MESH_EXTENSIONS, read_mesh, write_mesh
from pdgn.mesh.graphs import delaunay_graph, knn_graph
from pdgn.mesh.half_edges import HalfEdges
from pdgn.mesh.period import minimal_image
from pdgn.mesh.repair import RepairReport, repair
from pdgn.mesh.sampling import farthest_point_sample, random_sample
from pdgn.mesh.shapes import bumpy_sphere, grid, icosphere, torus
from pdgn.mesh.topology import Topology
from pdgn.mesh.tri_mesh import TriMesh

__all__ = [
    "MESH_EXTENSIONS",
    "HalfEdges",
    "RepairReport",
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
    "read_mesh",
    "repair",
    "torus",
    "write_mesh",
]
